"""Run the studies that are published in results/, and fit the package's weights."""

COMMANDS = (
    "measurements",
    "beats",
    "beat-fit",
    "mitbih-windows",
    "long-recordings",
    "wrong-files",
    "consistency",
    "external",
    "folds",
    "leads",
    "delineation-fit",
    "p-wave-fit",
    "plausibility-fit",
)
