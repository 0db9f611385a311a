"""Where a reader lies on this machine."""

from __future__ import annotations

from pathlib import Path

from heart_reader.errors import ConfigError

__all__ = ["find_reader"]

RESULTS = Path(__file__).resolve().parents[2] / "results"
DEFAULT_READER = "ptbxl-int8"
NAMES = {
    "ptbxl-ensemble": "ptbxl-ensemble/checkpoint",
    "ptbxl-int8": "edge/int8",
    "ptbxl-nano-int8": "edge/nano-int8",
    "ptbxl-pruned-int8": "edge/pruned-int8",
}


def find_reader(name_or_path: str | Path | None = None) -> Path:
    """Return the directory of a checkpoint.

    Parameters
    ----------
    name_or_path
        None for the default reader, the name of a shipped one, or a checkpoint directory.

    Raises
    ------
    ConfigError
        If there is neither a reader of that name nor such a folder.
    """
    path = Path(DEFAULT_READER if name_or_path is None else name_or_path)
    if len(path.parts) != 1 or path.exists():
        return path
    if path.name not in NAMES:
        raise ConfigError(f"no reader is called '{path}'; there are {', '.join(NAMES)}, or name a folder")
    return RESULTS / NAMES[path.name]
