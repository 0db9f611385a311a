"""What the new files of a conversion are called: one name each, whatever their sources."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath

from heart_reader.data.formats import find_records
from heart_reader.data.writers import safe_name

__all__ = ["named_sources"]

_DIGITS = 6


def named_sources(sources: Sequence[Path], out: Path, known: Mapping[str, str], *, numbered: bool) -> dict[str, str]:
    """Return each file to convert, and its name below the folder, without ending.

    Folders keep their structure; of several folders each is one of its own. Names that are taken
    get a number behind them.

    Parameters
    ----------
    out
        The folder of the new files; what lies in it is no source.
    known
        Names that an earlier run gave; they stay.
    numbered
        Whether names are numbers alone, in no folders: names and folders may say who was recorded.
    """
    below = out.resolve()
    folders = [source for source in sources if source.is_dir()]
    wanted: dict[str, PurePath] = {}
    for source in sources:
        top = PurePath(source.resolve().name) if source in folders and len(folders) > 1 else PurePath()
        for file in find_records(source):
            if source not in folders or not file.resolve().is_relative_to(below):
                parent = top / file.relative_to(source).parent if source in folders else PurePath()
                wanted.setdefault(os.path.abspath(file), parent / file.stem)
    names = {file_name: known[file_name] for file_name in wanted if file_name in known}
    # Some file systems take A and a for one.
    taken = {name.lower() for name in known.values()}
    number = 0
    for file_name, path in wanted.items():
        if file_name in names:
            continue
        name = "" if numbered else "/".join([*map(_folder, path.parent.parts), safe_name(path.name)])
        again = 1
        while not name or name.lower() in taken:
            number, again = number + numbered, again + 1
            name = f"{number:0{_DIGITS}}" if numbered else f"{name.removesuffix(f'-{again - 1}')}-{again}"
        names[file_name] = name
        taken.add(name.lower())
    return {file_name: names[file_name] for file_name in wanted}


def _folder(name: str) -> str:
    """Return a folder's name, which stays as it is where every file system takes it."""
    return name if name.isprintable() and name not in ("..", ".") and not set(name) & set('<>:"|?*\\') else safe_name(name)
