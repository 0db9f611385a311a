"""Write and read the lock files of this folder: every package, its version and its hashes.

Run: ``make lock`` after a change of a dependency or an extra in ``pyproject.toml``. Locked versions
stay unless a requirement rules them out; ``make lock UPGRADE=--upgrade`` takes the newest ones.
``uv`` resolves for all platforms at once, in an environment that is thrown away.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import subprocess
import sys
import tempfile
import tomllib
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["FOLDER", "LOCKS", "ROOT", "Pin", "canonical_name", "left_to", "read_lock", "requirements"]

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parent
RESOLVER = "uv==0.13.9"
PYTHON_VERSION = "3.11"
# torch as PyPI has it for Linux is a CUDA build, which needs these; its CPU build, of the same
# version, does not. It has a lock of its own, since pip prefers a file whose hash the index states
# to a CPU build in a folder: `make install` fetches what pip would take, and installs that with
# --no-index.
CUDA = re.compile(r"(nvidia|cuda)-|triton$")
LOCKS = {
    "core": "what reading ECGs needs, alone",
    "serve": "what the server needs, alone, with all formats and without torch",
    "signing": "what signing checkpoints and verifying them need, alone",
    "torch": "torch, as a CPU or a CUDA build",
    "all": "what all extras need beside serve.lock, signing.lock and torch.lock",
    "cuda": "what a CUDA build of torch needs beside all.lock",
    "dev": "what tests and checks need beside all of these",
}
# Extras of pyproject.toml that a lock is resolved for; core.lock takes none, all.lock and dev.lock
# what the others leave.
EXTRAS = {"serve": ("serve", "scale", "formats"), "all": ("all",), "dev": ("dev",)}
NAME = "heart-reader"
# What the resolver adds to each package where it was given environments that are not supported:
# see tool.uv in pyproject.toml.
SUPPORTED = re.compile(
    r" ; python_full_version < '[\d.]+' and \(\(platform_machine == 'arm64' and sys_platform == 'darwin'\) "
    r"or sys_platform == 'linux' or sys_platform == 'win32'\)(?= \\)"
)
HEADER = "# Made by `make lock`: {what}. pip install --require-hashes --no-deps -r dependencies/{name}.lock\n"


@dataclass(frozen=True)
class Pin:
    """One locked package.

    Parameters
    ----------
    version
        The only one allowed.
    marker
        Where it is installed, as in PEP 508; empty means everywhere.
    hashes
        SHA-256 of the files that may be installed: one per platform, and that of the source.
    """

    version: str
    marker: str
    hashes: frozenset[str]


def canonical_name(name: str) -> str:
    """Return a distribution's name as PyPI compares it.

    Examples
    --------
    >>> canonical_name("PyEDFlib")
    'pyedflib'
    """
    return re.sub(r"[-_.]+", "-", name).lower()


def read_lock(name: str) -> dict[str, Pin]:
    """Return the packages of ``dependencies/NAME.lock`` by canonical name."""
    return {key: _pin(block) for key, block in _blocks((FOLDER / f"{name}.lock").read_text(encoding="utf-8")).items()}


def _blocks(text: str) -> dict[str, str]:
    """Split a requirements file into the text of each package, its hashes and comments."""
    found: dict[str, str] = {}
    for block in re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)[1:]:
        found[canonical_name(block.split("==")[0])] = block.rstrip() + "\n"
    return found


def _pin(block: str) -> Pin:
    requirement = block.split(" \\\n", maxsplit=1)[0]
    version, _, marker = requirement.split("==", 1)[1].partition(";")
    return Pin(version.strip(), marker.strip(), frozenset(re.findall(r"--hash=sha256:([0-9a-f]{64})\b", block)))


def main(arguments: argparse.Namespace) -> None:
    """Resolve and write all locks."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        binaries = Path(folder) / ("Scripts" if sys.platform == "win32" else "bin")
        _run(binaries / "python", "-m", "pip", "install", "--quiet", RESOLVER)
        wanted = {"core": requirements(), **{name: requirements(*extras) for name, extras in EXTRAS.items()}}
        wanted["serve"] += _project()["build-system"]["requires"]  # for our own package, without a build environment from the network
        wanted["signing"] = [line for line in requirements("signing") if line not in wanted["core"]]
        # All locks hold the same versions: those of everything together.
        everything = _resolve(binaries / "uv", wanted["dev"], _locked_now(arguments.upgrade))
        blocks = {name: _resolve(binaries / "uv", lines, "".join(everything.values())) for name, lines in wanted.items()}
        blocks["torch"] = {"torch": _with_local_build(blocks["all"]["torch"], binaries / "python")}
    blocks["cuda"] = {name: block for name, block in blocks["all"].items() if CUDA.match(name)}
    beside = blocks["serve"] | blocks["signing"] | blocks["torch"] | blocks["cuda"]
    blocks["all"] = left_to(blocks["all"], beside)
    blocks["dev"] = left_to(blocks["dev"], beside | blocks["all"])
    for name, what in LOCKS.items():
        text = HEADER.format(name=name, what=what) + "".join(blocks[name].values())
        (FOLDER / f"{name}.lock").write_text(text, encoding="utf-8")
        print(f"{name}.lock: {len(blocks[name])} packages")


def left_to(blocks: dict[str, str], others: dict[str, str]) -> dict[str, str]:
    """Return the packages that other locks do not install already, on the same platforms."""
    return {name: block for name, block in blocks.items() if name not in others or _pin(others[name]).marker != _pin(block).marker}


def requirements(*extras: str) -> list[str]:
    """Return what the package and some of its extras declare, extras of extras resolved.

    Examples
    --------
    >>> requirements("signing")[-1].split(">")[0]
    'cryptography'
    """
    project = _project()["project"]
    wanted, lines = list(extras), dict.fromkeys(project["dependencies"])
    for extra in wanted:  # grows while it is gone through
        for line in project["optional-dependencies"][extra]:
            own = re.fullmatch(rf"{NAME}\[([\w,-]+)\]", line)
            if own is None:
                lines[line] = None
            else:
                wanted += [name for name in own[1].split(",") if name not in wanted]
    return list(lines)


def _project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def _locked_now(upgrade: bool) -> str:
    """Return what is locked already, or nothing if newer versions are asked for."""
    existing = [FOLDER / f"{name}.lock" for name in LOCKS]
    return "" if upgrade else "".join("".join(_blocks(path.read_text("utf-8")).values()) for path in existing if path.exists())


def _resolve(uv: Path, wanted: list[str], preferred: str) -> dict[str, str]:
    """Return the text of each package that the wanted ones need, by canonical name.

    Parameters
    ----------
    preferred
        Lines of a lock whose versions are kept where they can be.
    """
    with tempfile.TemporaryDirectory() as folder:
        source, output = Path(folder) / "wanted.txt", Path(folder) / "locked.txt"
        source.write_text("\n".join(wanted), encoding="utf-8")
        output.write_text(preferred, encoding="utf-8")
        options = ("--universal", "--python-version", PYTHON_VERSION, "--fork-strategy", "fewest", "--generate-hashes", "--no-header")
        _run(uv, "pip", "compile", "--quiet", *options, "--no-annotate", source, "--output-file", output)
        return _blocks(SUPPORTED.sub("", output.read_text(encoding="utf-8")))


def _with_local_build(block: str, python: Path) -> str:
    """Allow the installed and the locked build of torch; CPU builds are not on PyPI."""
    pin = _pin(block)
    with tempfile.TemporaryDirectory() as folder:
        _run(python, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, f"torch=={pin.version}")
        taken = {hashlib.sha256(path.read_bytes()).hexdigest() for path in Path(folder).iterdir()}
    before = read_lock("torch")["torch"] if (FOLDER / "torch.lock").exists() else pin
    hashes = pin.hashes | taken | (before.hashes if before.version == pin.version else frozenset())
    return " \\\n    ".join([f"torch=={pin.version}", *(f"--hash=sha256:{value}" for value in sorted(hashes))]) + "\n"


def _run(*command: object) -> None:
    subprocess.run([str(word) for word in command], check=True, cwd=ROOT)  # noqa: S603


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Write the lock files of dependencies/.")
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions that the requirements allow")
    main(parser.parse_args())
