"""Put all wheels that a machine without a network needs for reading and serving in one folder.

Run: ``make wheelhouse``, on the kind of machine and with the Python that it is for.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from dependencies.lock import FOLDER, ROOT

__all__ = ["build_wheel", "wheelhouse"]

README = """Copy this folder to the machine, which needs Python {version} on {platform} and no network, and install from it:
    python -m pip install --no-index --find-links . 'heart-reader[serve,scale,formats]'
"""


def wheelhouse(out: Path, *, lock: str = "serve") -> None:
    """Fill a folder.

    Parameters
    ----------
    out
        Made where it does not exist.
    lock
        Whose packages are fetched, each checked against its hash.
    """
    out.mkdir(parents=True, exist_ok=True)
    _pip("download", "--require-hashes", "--no-deps", "--only-binary", ":all:", "--dest", out, "-r", FOLDER / f"{lock}.lock")
    build_wheel(out)
    text = README.format(version=f"{sys.version_info[0]}.{sys.version_info[1]}", platform=sys.platform)
    (out / "README.txt").write_text(text, encoding="utf-8")


def build_wheel(out: Path) -> Path:
    """Build heart_reader's own wheel and return it."""
    for old in out.glob("heart_reader-*.whl"):
        old.unlink()
    with tempfile.TemporaryDirectory() as folder:  # a copy, so that nothing of an older build comes along
        source = Path(folder)
        shutil.copytree(ROOT / "heart_reader", source / "heart_reader", ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(ROOT / name, source)
        _pip("wheel", "--no-deps", "--wheel-dir", out.resolve(), source)
    (wheel,) = out.glob("heart_reader-*.whl")
    return wheel


def _pip(command: str, *words: object) -> None:
    subprocess.run([sys.executable, "-m", "pip", command, "--disable-pip-version-check", "--quiet", *map(str, words)], check=True)  # noqa: S603


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Put all that a machine without a network needs into one folder.")
    parser.add_argument("--out", type=Path, default=Path("build/wheelhouse"), help="folder (default: %(default)s)")
    arguments = parser.parse_args()
    wheelhouse(arguments.out)
    print(f"{arguments.out}: {len(list(arguments.out.glob('*.whl')))} wheels; its README.txt says how to install them")
