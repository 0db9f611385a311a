"""Compare heart_reader with what a user would take instead, side by side in one run.

Run: ``python benchmarks/side_by_side.py [--only torch onnx ...] [--other-python OTHER/bin/python]
[--against COMMIT] --out DIR``. Writes ``side_by_side.md``, ``.json`` and ``.png``. Each side runs
in a process of its own and takes its own processor and wall time; the two of a comparison take
turns. What both sides answer is compared too. neurokit2 and ecgdatakit are looked for where
``--other-python`` points, an environment that this line makes::

    python3 -m venv OTHER && OTHER/bin/pip install neurokit2==0.3.0 ecgdatakit==2.0.3 wfdb pydicom

Rows whose packages are missing are left out, and named. ``--against`` measures the package of an
earlier commit too, from a worktree that is removed afterwards.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
from figures import content, write  # noqa: E402
from side import comparisons  # noqa: E402
from side.comparisons import Comparison, Side  # noqa: E402
from side.inputs import write_predictions, write_records  # noqa: E402
from side.page import CLOCKS, draw, figures_of, to_markdown  # noqa: E402

GROUPS = ("torch", "onnx", "measuring", "serving", "files", "bootstrap", "against")
WORKER = Path(__file__).with_name("side") / "worker.py"
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


@dataclass(frozen=True)
class Place:
    """Where a side runs: its Python, and the folder of its package."""

    python: str
    root: Path


class Worker:
    """A started side; see ``side/worker.py``."""

    def __init__(self, place: Place, folder: Path, label: str, sides: dict[str, Side], round_s: float) -> None:
        self.folder, self.label = folder, label
        given = {name: {"side": side.function, "options": side.options} for name, side in sides.items()}
        command = [place.python, str(WORKER), str(folder), label, json.dumps(given), str(round_s)]
        environment = {**os.environ, **ONE_THREAD, "PYTHONPATH": str(place.root)}
        self.said = (folder / f"{label}.txt").open("w+", encoding="utf-8")
        self.process = subprocess.Popen(
            command, cwd=place.root, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.said, text=True
        )

    def wait(self) -> dict[str, Any]:
        """Wait until all is answered once; return what is ready, left out, installed."""
        return self._read()

    def round(self, name: str) -> dict[str, float]:
        """Return the times of one round."""
        assert self.process.stdin is not None
        print(name, file=self.process.stdin, flush=True)
        return self._read()

    def answers(self, name: str) -> dict[str, np.ndarray]:
        """Return what it answered."""
        with np.load(self.folder / "answers" / f"{self.label} {name}.npz") as kept:
            return dict(kept)

    def close(self) -> None:
        """End it."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()
        self.said.close()

    def _read(self) -> Any:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            self.said.seek(0)
            last = (self.said.read().strip().splitlines() or ["no message"])[-1]
            raise SystemExit(f"error: {self.label}: {last}")
        return json.loads(line)


class Run:
    """Runs comparisons and keeps their rows, what was left out, and the versions of each side."""

    def __init__(self, folder: Path, rounds: int, round_s: float) -> None:
        self.folder, self.rounds, self.round_s = folder, rounds, round_s
        self.rows: list[dict[str, Any]] = []
        self.left_out: list[str] = []
        self.versions: dict[str, dict[str, str]] = {}

    def compare(self, chosen: Sequence[Comparison], own: Place, other: Place, others: str) -> None:
        """Run comparisons of one group in one process per side; ``others`` names the other one."""
        (self.folder / "answers").mkdir(exist_ok=True)
        sides = (
            Worker(own, self.folder, "heart_reader", {one.name: one.own for one in chosen}, self.round_s),
            Worker(other, self.folder, others, {one.name: one.other for one in chosen}, self.round_s),
        )
        try:
            ready = [side.wait() for side in sides]
            for side, said in zip(sides, ready, strict=True):
                self.versions.setdefault(side.label, {}).update(said["versions"])
            for one in chosen:
                missing = [said["left_out"][one.name] for said in ready if one.name in said["left_out"]]
                if missing:
                    self.left_out.append(f"{one.name}: {missing[0]}, see `--other-python`")
                else:
                    self.rows.append(self._row(one, sides))
        finally:
            for side in sides:
                side.close()

    def _row(self, one: Comparison, sides: tuple[Worker, Worker]) -> dict[str, Any]:
        print(f"{one.name} ...", file=sys.stderr, flush=True)
        times: tuple[list[dict[str, float]], list[dict[str, float]]] = ([], [])
        for number in range(self.rounds):
            for place in (0, 1) if number % 2 else (1, 0):
                times[place].append(sides[place].round(one.name))
        kept = [
            {"title": of.title} | {clock: [taken[clock] for taken in each] for clock in CLOCKS}
            for of, each in zip((one.own, one.other), times, strict=True)
        ]
        agreement = one.agree(*(side.answers(one.name) for side in sides))
        facts = {"name": one.name, "group": one.group, "work": one.work, "unit": one.unit, "unlike": one.unlike, "agreement": agreement}
        return {**facts, "own": kept[0], "other": kept[1]}


def git(*words: str) -> str:
    """Return what git says of this repository."""
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


@contextmanager
def worktree(commit: str, folder: Path) -> Iterator[Path]:
    """Check a commit out beside this one, with its compiled parts where it has any."""
    place = folder / "against"
    git("worktree", "add", "--quiet", "--detach", str(place), commit)
    try:
        if (place / "heart_reader" / "kernels").is_dir():
            build = [sys.executable, "-c", "from setuptools import setup; setup()", "build_ext", "--inplace"]
            subprocess.run(build, cwd=place, capture_output=True, check=False)
        yield place
    finally:
        git("worktree", "remove", "--force", str(place))


def is_commit(name: str) -> bool:
    """Return whether this repository has such a commit."""
    try:
        return bool(git("rev-parse", "--verify", "--end-of-options", f"{name}^{{commit}}"))
    except (OSError, subprocess.CalledProcessError):
        return False


def state() -> str:
    """Return the commit that is measured, and whether files differ from it."""
    try:
        return git("rev-parse", "HEAD")[:9] + (" with changes" if git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return "no commit"


def command(arguments: argparse.Namespace) -> str:
    """Return the command without the names of this machine's folders."""
    words = ["python benchmarks/side_by_side.py", *(["--only", *arguments.only] if arguments.only else [])]
    words += ["--other-python OTHER/bin/python"] if arguments.other_python else []
    words += [f"--against {git('rev-parse', arguments.against)[:9]}"] if arguments.against else []
    return " ".join([*words, "--out DIR"])


def run(arguments: argparse.Namespace, folder: Path, stack: ExitStack) -> Run:
    """Run what was chosen."""
    own = Place(sys.executable, ROOT)
    # Not resolved: a Python of an environment is a link, and is told by its place.
    theirs = own if arguments.other_python is None else Place(str(arguments.other_python.absolute()), ROOT)
    kept = Run(folder, arguments.rounds, arguments.round_s)
    chosen = [name for name in GROUPS if name in (arguments.only or GROUPS)]
    if {"torch", "onnx", "measuring", "files", "against"} & set(chosen):
        write_records(folder, arguments.records)
    if "torch" in chosen:
        kept.compare(comparisons.torch_comparisons(), own, own, "torch")
    if "onnx" in chosen:
        kept.compare(comparisons.onnx_comparisons(), own, own, "ONNX Runtime")
    if "measuring" in chosen:
        kept.compare(comparisons.measuring_comparisons(folder, min(2, arguments.records)), own, theirs, "others")
    if "serving" in chosen:
        from side.servers import server_rows

        kept.rows += server_rows(arguments.rounds, arguments.requests)
    if "files" in chosen:
        kept.compare(comparisons.file_comparisons(), own, theirs, "others")
    if "bootstrap" in chosen:
        write_predictions(folder, arguments.predictions)
        timed = max(1, arguments.draws // 10)
        kept.compare(comparisons.bootstrap_comparisons(arguments.draws, timed), own, own, "scikit-learn")
    if "against" in chosen and arguments.against:
        commit = git("rev-parse", arguments.against)
        earlier = Place(sys.executable, stack.enter_context(worktree(commit, folder)))
        kept.compare(comparisons.against_comparisons(commit), own, earlier, commit[:9])
    return kept


def main() -> None:
    """Run the comparisons and write table, JSON and figure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--only", nargs="+", choices=GROUPS, metavar="GROUP", help=f"of {', '.join(GROUPS)} (default: all)")
    parser.add_argument("--other-python", type=Path, metavar="PATH", help="a Python with neurokit2, ecgdatakit, wfdb and pydicom")
    parser.add_argument("--against", metavar="COMMIT", help="an earlier commit to compare with")
    parser.add_argument("--rounds", type=int, default=5, help="of each side (default: %(default)s)")
    parser.add_argument("--round-s", type=float, default=0.2, help="processor time of a round at least, in s (default: %(default)s)")
    parser.add_argument("--records", type=int, default=10, help="simulated ECGs (default: %(default)s)")
    parser.add_argument("--requests", type=int, default=80, help="of eight clients in a round; of one a quarter (default: %(default)s)")
    parser.add_argument("--predictions", type=int, default=2000, help="records of the bootstrap (default: %(default)s)")
    parser.add_argument("--draws", type=int, default=1000, help="of the bootstrap (default: %(default)s)")
    arguments = parser.parse_args()
    if arguments.other_python is not None and not arguments.other_python.exists():
        parser.error(f"--other-python {arguments.other_python}: no such file; make one as this script's first lines say")
    if arguments.against is not None and not is_commit(arguments.against):
        parser.error(f"--against {arguments.against}: no commit of this repository; git log lists them")
    before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        kept = run(arguments, Path(folder), stack)
    if not kept.rows:
        raise SystemExit("error: nothing was compared: " + "; ".join(kept.left_out or ["--against names no commit"]))
    facts = {"command": command(arguments), "commit": state()}
    facts |= {"load": [before, os.getloadavg()[0]], "versions": kept.versions, "left_out": kept.left_out, "rows": kept.rows}
    options = argparse.Namespace(**{name: value for name, value in vars(arguments).items() if name not in ("out", "other_python")})
    whole = content(options, figures_of(kept.rows)) | facts
    arguments.out.mkdir(parents=True, exist_ok=True)
    page = to_markdown(whole)
    write(arguments.out / "side_by_side.json", whole)
    (arguments.out / "side_by_side.md").write_text(page, encoding="utf-8")
    draw(whole, arguments.out / "side_by_side.png")
    print(page)


if __name__ == "__main__":
    main()
