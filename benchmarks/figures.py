"""Keep the figures of a benchmark as JSON, and compare two such files.

Run: ``python benchmarks/figures.py BEFORE.json AFTER.json [--tolerance 0.1]``. Every benchmark
takes ``--json FILE``. Two files are worth comparing only where they come from one machine and were
measured one right after the other; what differs in the machine or the options is said first. The
exit status is 1 if a figure became worse by more than the tolerance.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

FORMAT = 1
# What a larger value of a unit means.
HIGHER_IS_BETTER = {"1/s": True, "x": True, "ms": False, "s": False, "us": False, "MB": False, "%": False}


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add ``--json FILE`` to a benchmark."""
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the figures, for benchmarks/figures.py to compare")


def keep(arguments: argparse.Namespace, figures: Mapping[str, tuple[float, str]]) -> None:
    """Write the figures of a benchmark if ``--json`` was given.

    Parameters
    ----------
    arguments
        The parsed command line; its values are kept beside the figures.
    figures
        Name to value and unit, one of ``HIGHER_IS_BETTER``.
    """
    if arguments.json is not None:
        write(arguments.json, content(arguments, figures))


def content(arguments: argparse.Namespace, figures: Mapping[str, tuple[float, str]]) -> dict[str, Any]:
    """Return what ``keep`` writes."""
    options = {name: value if isinstance(value, int | float) else str(value) for name, value in vars(arguments).items() if name != "json"}
    return {
        "format": FORMAT,
        "benchmark": Path(sys.argv[0]).stem,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "options": options,
        "machine": machine(),
        "figures": {name: {"value": float(value), "unit": unit} for name, (value, unit) in figures.items()},
    }


def write(path: Path, kept: Mapping[str, Any]) -> None:
    """Write what was kept as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")


def machine() -> dict[str, Any]:
    """Return what of the machine bears on a time."""
    cpu = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        cpu = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), cpu)
    return {"cpu": cpu, "cores": os.cpu_count(), "python": platform.python_version(), "system": platform.system()}


def load(path: Path) -> dict[str, Any]:
    """Read a file of figures.

    Raises
    ------
    SystemExit
        If the file holds no figures.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SystemExit(f"error: {path}: {error}: name a file that a benchmark wrote with --json") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise SystemExit(f"error: {path}: not a file of figures of format {FORMAT}: name one that a benchmark wrote with --json")
    return content


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Name what makes a comparison doubtful: other machines or other options."""
    said = []
    for part in ("benchmark", "machine", "options"):
        one, other = before[part], after[part]
        if not isinstance(one, dict):
            one, other = {part: one}, {part: other}
        said += [f"{key}: {one.get(key)} / {other.get(key)}" for key in sorted({*one, *other}) if one.get(key) != other.get(key)]
    return said


def compare(before: Mapping[str, Any], after: Mapping[str, Any], tolerance: float) -> tuple[list[str], bool]:
    """Return one line per figure, and whether one became worse by more than the tolerance.

    Examples
    --------
    >>> def file(ms: float) -> dict[str, Any]:
    ...     return {"figures": {"reading": {"value": ms, "unit": "ms"}}}
    >>> compare(file(20.0), file(25.0), 0.1)
    (['reading  20 -> 25 ms  1.25x  WORSE'], True)
    >>> compare(file(20.0), file(19.0), 0.1)
    (['reading  20 -> 19 ms  0.95x'], False)
    """
    lines, any_worse = [], False
    width = max(map(len, {**before["figures"], **after["figures"]}), default=0)
    for name in {**before["figures"], **after["figures"]}:
        pair = [kept["figures"].get(name) for kept in (before, after)]
        if None in pair:
            lines.append(f"{name:<{width}}  only {'after' if pair[0] is None else 'before'}")
            continue
        (old, new), unit = (figure["value"] for figure in pair), pair[0]["unit"]
        ratio = new / old if old else float("nan")
        worse = ratio < 1 / (1 + tolerance) if HIGHER_IS_BETTER.get(unit, False) else ratio > 1 + tolerance
        any_worse |= worse
        lines.append(f"{name:<{width}}  {old:.4g} -> {new:.4g} {unit}  {ratio:.2f}x{'  WORSE' if worse else ''}")
    return lines, any_worse


def main() -> int:
    """Print a comparison."""
    parser = argparse.ArgumentParser(description="Compare the figures of two runs of a benchmark.")
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("--tolerance", type=float, default=0.1, help="share by which a figure may become worse (default: 0.1)")
    arguments = parser.parse_args()
    before, after = load(arguments.before), load(arguments.after)
    for line in differences(before, after):
        print(f"differs: {line}")
    lines, worse = compare(before, after, arguments.tolerance)
    print(*lines, sep="\n")
    return 1 if worse else 0


if __name__ == "__main__":
    raise SystemExit(main())
