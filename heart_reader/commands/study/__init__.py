"""Run the studies that are published in results/, and fit the package's weights."""

COMMANDS = ("measurements", "wrong-files", "consistency", "external", "folds", "leads", "delineation-fit", "p-wave-fit", "plausibility-fit")
