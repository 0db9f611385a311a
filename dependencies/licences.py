"""Write docs/licences.md, and refuse installed packages whose licence does not go with MIT.

Run: ``make licences``, which reads the metadata of the packages in ``.venv``.
"""

from __future__ import annotations

import re
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution

from license_expression import get_spdx_licensing

from dependencies.lock import ROOT, Pin, read_lock

__all__ = ["PAGE", "READ_IN_FILES", "SHIPPED_LOCKS", "licence", "page", "refused"]

PAGE = ROOT / "docs" / "licences.md"
SHIPPED_LOCKS = ("serve", "signing", "torch", "all")
# Packages whose metadata hold no licence expression, by what their licence files say.
READ_IN_FILES = {
    "colorama": "BSD-3-Clause",
    "colorlog": "MIT",
    "contourpy": "BSD-3-Clause",
    "cycler": "BSD-3-Clause",
    "defusedxml": "PSF-2.0",
    "dicomweb-client": "MIT",
    "flatbuffers": "Apache-2.0",
    "jinja2": "BSD-3-Clause",
    "kiwisolver": "BSD-3-Clause",
    "matplotlib": "LicenseRef-Matplotlib",
    "mpmath": "BSD-3-Clause",
    "onnxruntime": "MIT",
    "onnxscript": "MIT",
    "optuna": "MIT",
    "protobuf": "BSD-3-Clause",
    "pydicom": "MIT",
    "pynetdicom": "MIT",
    "ray": "Apache-2.0",
    "safetensors": "Apache-2.0",
    "scipy": "BSD-3-Clause",
    "sympy": "BSD-3-Clause",
    "uvloop": "Apache-2.0 OR MIT",
}
COPYLEFT = re.compile(r"\(?[AL]?GPL")
# Libraries that come inside wheels for Linux and have other licences than their package.
INSIDE = {
    "libgfortran": "GPL-3.0-or-later WITH GCC-exception-3.1: the exception lets programs under any licence use it",
    "libgomp": "GPL-3.0-or-later WITH GCC-exception-3.1: the exception lets programs under any licence use it",
    "libquadmath": "LGPL-2.1-or-later: a library of its own, loaded when the program starts, which its user may replace",
}
HEAD = """# Licences
Made by `make licences` from the packages' metadata; where these state no licence expression, from their licence files. heart_reader itself
is under the MIT licence. No package under GPL, AGPL or LGPL is installed with it, which the command checks.

| package | version | licence | where |
|---|---|---|---|
"""
FOOT = """
`LicenseRef-Matplotlib` is matplotlib's own licence, modelled on that of Python; it is permissive. MPL-2.0, of tqdm, asks to publish changes
to its own files and nothing else.

The wheels for Linux hold libraries under other licences than their packages:

| library | in | licence |
|---|---|---|
"""
LAST = """
Where pip takes a CUDA build of torch, `dependencies/cuda.lock` brings NVIDIA's libraries, under NVIDIA's own terms; they are not in this
table. What tests and checks need (`dependencies/dev.lock`) is not in it either.
`make run` installs `dependencies/serve.lock` alone.
"""


def licence(name: str) -> str:
    """Return the SPDX expression of a package's licence.

    Parameters
    ----------
    name
        Canonical name of a package that is installed, or known here.

    Raises
    ------
    ValueError
        If neither its metadata nor this file states one.
    """
    try:
        metadata = distribution(name).metadata
        stated = metadata.get("License-Expression") or metadata.get("License") or ""
    except PackageNotFoundError:
        stated = ""
    if name in READ_IN_FILES:
        return READ_IN_FILES[name]
    # The whole text of a licence, which some state, is nothing for the parser of expressions.
    if not stated or "\n" in stated or _spdx().validate(stated).errors:
        raise ValueError(f"{name}: its metadata say {stated[:60]!r}, no SPDX expression: read its licence file and name it in {__file__}")
    return stated


# Making the parser takes sixty milliseconds, and nearly every package needs it.
_spdx = cache(get_spdx_licensing)


def refused(expression: str) -> bool:
    """Return whether every choice of a licence is GPL, AGPL or LGPL without an exception.

    Examples
    --------
    >>> refused("GPL-3.0-only"), refused("AGPL-3.0-or-later AND MIT"), refused("LGPL-2.1-or-later")
    (True, True, True)
    >>> refused("MIT OR GPL-2.0-only"), refused("GPL-3.0-or-later WITH GCC-exception-3.1")
    (False, False)
    """
    return all(
        any(COPYLEFT.match(part.strip()) and " WITH " not in part for part in choice.split(" AND ")) for choice in expression.split(" OR ")
    )


def page() -> str:
    """Return the text of the page.

    Raises
    ------
    ValueError
        If a licence is not known or ruled out.
    """
    pins = {name: (lock, pin) for lock in SHIPPED_LOCKS for name, pin in read_lock(lock).items()}
    expressions = {name: licence(name) for name in pins}
    bad = [f"{name} ({expression})" for name, expression in expressions.items() if refused(expression)]
    if bad:
        raise ValueError(f"{', '.join(bad)}: under GPL, AGPL or LGPL: find another package")
    rows = [f"| {name} | {pin.version} | {expressions[name]} | {_where(lock, pin)} |\n" for name, (lock, pin) in sorted(pins.items())]
    inside = [f"| {library} | {', '.join(found)} | {INSIDE[library]} |\n" for library, found in sorted(_inside(pins).items())]
    return HEAD + "".join(rows) + FOOT + "".join(inside) + LAST


def _where(lock: str, pin: Pin) -> str:
    platform = re.search(r"sys_platform == '(\w+)'\s*$", pin.marker)
    return f"{lock}.lock{', Windows' if platform and platform[1] == 'win32' else ''}"


def _inside(names: dict[str, tuple[str, Pin]]) -> dict[str, list[str]]:
    """Return which packages bring which of the libraries that are named above."""
    found: dict[str, list[str]] = {}
    for name in sorted(names):
        for library in sorted({re.split("[.-]", file)[0] for file in _files(name)} & INSIDE.keys()):
            found.setdefault(library, []).append(name)
    return found


def _files(name: str) -> list[str]:
    """Return the names of an installed package's files, none for one that is not installed here."""
    try:
        return [path.name for path in distribution(name).files or ()]
    except PackageNotFoundError:
        return []


if __name__ == "__main__":
    try:
        PAGE.write_text(page(), encoding="utf-8")
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
    print(f"wrote {PAGE}")
