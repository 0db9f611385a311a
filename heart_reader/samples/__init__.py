"""Simulated ECGs that come with the package; its README says what each shows."""

from __future__ import annotations

from pathlib import Path

from heart_reader.errors import ConfigError

__all__ = ["FOLDER", "sample"]

FOLDER = Path(__file__).resolve().parent


def sample(name: str) -> Path:
    """Return the path of a simulated ECG that comes with the package.

    Parameters
    ----------
    name
        Such as ``"norm"``, ``"mi_inferior"`` or ``"rhythm_afib"``.

    Raises
    ------
    ConfigError
        If there is no such sample; the message lists them.

    Examples
    --------
    >>> sample("norm").name
    'norm.hea'
    """
    paths = {path.stem: path for path in sorted(FOLDER.iterdir()) if path.suffix in (".csv", ".hea") and path.stem != "labels"}
    if name not in paths:
        raise ConfigError(f"no sample {name!r}; there are {', '.join(paths)}")
    return paths[name]
