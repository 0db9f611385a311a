"""Read many damaged files and count the outcomes: nothing may crash, hang or use much memory.

Run: ``python benchmarks/robustness.py [--files 10000] [--seed 0] [--formats wfdb mat csv edf ...]
[--out build/robustness]``. Each file is a simulated record of ``tests/hostile/seeds.py`` with the
mutations of ``tests/hostile/mutated_records.py``; one number gives one file, always the same. It is
read, from file to JSON, text and waveform, in a process that lives until a file kills it: every
tenth by the default reader, the others by the quickest 8-bit one.

Stopped and started again with the same ``--out`` a run goes on where it was: remove that folder
when the code has changed. Files that did anything but be read or refused are kept in
``OUT/failures`` with the traceback. At the end the counts go into ``results/robustness.md``, beside
those of the hostile but legal files of ``tests/hostile``.
"""

from __future__ import annotations

import argparse
import importlib
import json
import multiprocessing
import os
import re
import resource
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, TextIO

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tqdm import tqdm  # noqa: E402

from heart_reader.classifier import EcgClassifier  # noqa: E402
from heart_reader.data.formats import read_record  # noqa: E402
from heart_reader.errors import RecordError  # noqa: E402
from heart_reader.evaluation.markdown import markdown_table, replace_section  # noqa: E402
from heart_reader.reading import Reading  # noqa: E402
from heart_reader.weights import find_reader  # noqa: E402
from tests.hostile.case import outcome  # noqa: E402
from tests.hostile.mutated_records import mutated_record  # noqa: E402
from tests.hostile.seeds import FORMATS, Files, seed_files  # noqa: E402

QUICK = ROOT / "results" / "ptbxl-nano-int8" / "checkpoint"
DEFAULT_EVERY = 10
LONGEST_S, MOST_MB = 5.0, 300.0
# A process that answers no more is killed. On a machine that others keep busy a file of a
# millisecond was seen to wait a minute.
KILL_AFTER_S = 300.0
# Memory beyond what the process has: a file that asks for more fails there and not the machine.
ADDRESS_SPACE_BYTES = 4 << 30
MOST_KEPT = 5
FAMILIES = ("csv", "wfdb", "edf", "dicom", "muse", "philips", "schiller", "mortara", "aecg", "scp", "ishne", "contec", "arrays")

TITLE, MUTATED, LEGAL = "Robustness", "Mutated files", "Hostile but legal files"
MUTATED_WORDS = (
    "Made by `python benchmarks/robustness.py`: simulated records with one to four mutations, blind ones (bits, bytes, parts cut,"
    " doubled, moved, spliced with other files) and ones that know the format (edges in place of numbers, names and units, fields and lines"
    " dropped, doubled, swapped, separators and encodings changed, elements removed, samples silenced). Each was read from file to JSON,"
    f" text and waveform, every {DEFAULT_EVERY}th by the default reader, the others by nano-int8. *Other exceptions* are those that are no"
    " refusal of a record, processes that died or hung among them. *Longest* is processor time; *most memory* is the peak of resident"
    " memory above what the process held after its first readings. Seed {seed}."
)
LEGAL_WORDS = (
    "Files that every standard allows, each with the same ECG in it, written in a way that invites a misreading (`tests/hostile`). *Right*:"
    " read as what it is. *Noted*: read with a warning about what cannot be known. *Refused*: with a message that says what to do."
    " *Misread*: something else was read and nothing said."
)


def _status_mb(name: str) -> float:
    """A line of this process's status, such as VmRSS or VmHWM, in MB."""
    text = Path("/proc/self/status").read_text(encoding="ascii")
    return int(re.search(rf"^{name}:\s+(\d+) kB", text, re.MULTILINE)[1]) / 1000  # type: ignore[index]


def _whole_way(classifier: EcgClassifier, path: Path) -> None:
    """Read a file and make everything that can be reported about it."""
    record = read_record(path)
    reading = Reading(path, classifier.predict(record), None, record)
    reading.to_json_line()
    reading.to_text()
    json.dumps(record.waveform())


def _signature(error: BaseException) -> str:
    """Kind of an exception and the place in this project that it came from."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "heart_reader" in frame.filename]
    place = f" in {Path(frames[-1].filename).name}, {frames[-1].name}" if frames else ""
    return f"{type(error).__name__}{place}"


def _read_one(classifier: EcgClassifier, fmt: str, number: int, seed: int, idle_mb: float) -> dict[str, Any]:
    """Make a file, read it and measure that."""
    files = mutated_record(fmt, number, seed)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        for name, content in files.items():
            Path(folder, name).write_bytes(content)
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        started, answer = time.process_time(), {"number": number, "outcome": "read"}
        try:
            _whole_way(classifier, Path(folder, next(iter(files))))
        except RecordError:
            answer["outcome"] = "refused"
        except Exception as error:
            answer |= {"outcome": "failed", "why": _signature(error), "traceback": traceback.format_exc()}
        answer |= {"s": time.process_time() - started, "mb": max(0.0, _status_mb("VmHWM") - idle_mb)}
    if answer["outcome"] != "failed" and answer["s"] > LONGEST_S:
        answer["why"] = f"longer than {LONGEST_S:g} s"
    elif answer["outcome"] != "failed" and answer["mb"] > MOST_MB:
        answer["why"] = f"more than {MOST_MB:g} MB"
    # A warning of Python's own is a line that no user understands; it does not count as a failure.
    answer["warned"] = sorted({f"{item.category.__name__}: {Path(item.filename).name}:{item.lineno}" for item in warned})
    return answer


def work(tasks: Connection, seed: int) -> None:
    """Read the files whose formats and numbers come in, until ``None`` does."""
    os.nice(10)
    classifiers = [EcgClassifier.load(path) for path in (QUICK, find_reader())]
    for classifier in classifiers:
        for fmt in FORMATS:
            with tempfile.TemporaryDirectory() as folder:
                for name, content in (files := seed_files(fmt, 0)).items():
                    Path(folder, name).write_bytes(content)
                _whole_way(classifier, Path(folder, next(iter(files))))
    limit = int(1e6 * _status_mb("VmSize")) + ADDRESS_SPACE_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    idle_mb = _status_mb("VmRSS")
    tasks.send(None)
    while (task := tasks.recv()) is not None:
        fmt, number = task
        tasks.send(_read_one(classifiers[number % DEFAULT_EVERY == 0], fmt, number, seed, idle_mb))


class _Worker:
    """A process that reads, and what it is at."""

    def __init__(self, seed: int) -> None:
        context = multiprocessing.get_context("spawn")
        self.tasks, theirs = context.Pipe()
        self.process = context.Process(target=work, args=(theirs, seed), daemon=True)
        self.process.start()
        theirs.close()
        self.task: tuple[str, int] | None = None
        self.since = time.monotonic()

    def give(self, task: tuple[str, int] | None) -> None:
        self.task, self.since = task, time.monotonic()
        self.tasks.send(task)

    def lost(self, why: str) -> dict[str, Any]:
        """What came of the file that this process did not survive."""
        self.process.kill()
        self.process.join()
        assert self.task is not None, f"a process ended before it read a file: {why}"
        return {"number": self.task[1], "outcome": "failed", "why": why, "s": time.monotonic() - self.since, "mb": 0.0, "warned": []}


def _read_all(todo: Sequence[tuple[str, int]], n_workers: int, seed: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the format of each file and what came of it, in the order that they are done in."""
    left = iter(tqdm(todo, "mutated files", unit="file", mininterval=2.0))
    workers = [_Worker(seed) for _ in range(min(n_workers, len(todo)))]
    try:
        while workers:
            ready = wait([worker.tasks for worker in workers], timeout=1.0)
            for place, worker in reversed(list(enumerate(workers))):
                answer, late = None, worker.task is not None and time.monotonic() - worker.since > KILL_AFTER_S
                if worker.tasks in ready:
                    try:
                        answer = worker.tasks.recv()
                    except EOFError:
                        late = False
                        worker.process.join()
                        answer = worker.lost(f"the process died ({worker.process.exitcode})")
                elif late:
                    answer = worker.lost(f"no answer in {KILL_AFTER_S:g} s")
                else:
                    continue
                if worker.task is not None:
                    yield worker.task[0], answer
                if not worker.process.is_alive():
                    workers[place] = _Worker(seed)
                elif (task := next(left, None)) is not None:
                    worker.give(task)
                else:
                    worker.give(None)
                    workers.pop(place)
    finally:
        for worker in workers:
            worker.process.kill()


def _keep(folder: Path, fmt: str, answer: dict[str, Any], files: Files) -> None:
    """Keep a file that failed, with the reason."""
    home = folder / f"{fmt}-{answer['number']}"
    home.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (home / name).write_bytes(content)
    (home / "why.txt").write_text(f"{answer['why']}\n\n{answer.get('traceback', '')}", encoding="utf-8")


def run(out: Path, formats: Sequence[str], n_files: int, seed: int, n_workers: int) -> dict[str, list[dict[str, Any]]]:
    """Read the files that were not read yet; return per format what came of all of them."""
    out.mkdir(parents=True, exist_ok=True)
    answers: dict[str, list[dict[str, Any]]] = {fmt: [] for fmt in formats}
    logs: dict[str, TextIO] = {}
    for fmt in formats:
        path = out / f"{fmt}-{seed}.jsonl"
        if path.exists():
            # The last line of a run that was killed may be cut.
            whole = [line for line in path.read_text(encoding="utf-8").splitlines(keepends=True) if line.endswith("\n")]
            path.write_text("".join(whole), encoding="utf-8")
            answers[fmt] = [one for one in map(json.loads, whole) if one["number"] < n_files]
        logs[fmt] = path.open("a", encoding="utf-8")
    done = {(fmt, one["number"]) for fmt, of in answers.items() for one in of}
    kept = Counter(one["why"] for of in answers.values() for one in of if "why" in one)
    todo = [(fmt, number) for number in range(n_files) for fmt in formats if (fmt, number) not in done]
    for fmt, answer in _read_all(todo, n_workers, seed):
        if "why" in answer:
            kept[answer["why"]] += 1
            if kept[answer["why"]] <= MOST_KEPT:
                _keep(out / "failures", fmt, answer, mutated_record(fmt, answer["number"], seed))
        answer.pop("traceback", None)
        answers[fmt].append(answer)
        logs[fmt].write(json.dumps(answer) + "\n")
        logs[fmt].flush()
    for log in logs.values():
        log.close()
    every = [one for of in answers.values() for one in of]
    for what, found in (
        ("failed", Counter(one["why"] for one in every if "why" in one)),
        ("warned", Counter(text for one in every for text in one["warned"])),
    ):
        print(*(f"{what} {count:6} {text}" for text, count in found.most_common()), sep="\n")
    return answers


def mutated_table(answers: dict[str, list[dict[str, Any]]]) -> str:
    """Count what came of the files of each format."""
    rows = []
    for fmt, of in answers.items():
        counts = Counter(one["outcome"] for one in of)
        longest, most = max(one["s"] for one in of), max(one["mb"] for one in of)
        rows.append((fmt, len(of), counts["refused"], counts["read"], counts["failed"], f"{longest:.2f}", f"{most:.0f}"))
    return markdown_table(("format", "files", "refused", "read", "other exceptions", "longest (s)", "most memory (MB)"), rows)


def legal_table() -> str:
    """Count what comes of the hostile but legal files, as far as families of them are there."""
    rows = []
    for family in FAMILIES:
        if not (ROOT / "tests" / "hostile" / f"{family}_cases.py").is_file():
            continue
        counts: Counter[str] = Counter()
        for case in importlib.import_module(f"tests.hostile.{family}_cases").CASES:
            with tempfile.TemporaryDirectory() as folder:
                try:
                    counts[outcome(case, Path(folder)).kind] += 1
                except Exception as error:
                    print(f"{family}: {case.name}: {_signature(error)}", file=sys.stderr)
                    counts["crashed"] += 1
        rows.append((family, counts.total(), *(counts[kind] for kind in ("right", "noted", "refused", "misread", "crashed"))))
    return markdown_table(("family", "files", "right", "noted", "refused", "misread", "other exceptions"), rows) if rows else ""


def main() -> int:
    """Read what is asked for and write the report.

    Returns
    -------
    int
        0 if every file was read or refused in time and memory, else 1.
    """
    parser = argparse.ArgumentParser(description="Read many damaged files and count what comes of them.")
    parser.add_argument("--files", type=int, default=10_000, help="of each format (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of all mutations (default: %(default)s)")
    parser.add_argument("--formats", nargs="*", choices=FORMATS, default=FORMATS, help="default: all")
    parser.add_argument("--workers", type=int, default=2, help="processes (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("build/robustness"), help="folder of what was found (default: %(default)s)")
    parser.add_argument("--report", type=Path, default=ROOT / "results" / "robustness.md", help="page to write into (default: %(default)s)")
    chosen = parser.parse_args()
    # Before the processes start: NumPy's own threads would only be in their way.
    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"
    answers = run(chosen.out, chosen.formats, chosen.files, chosen.seed, chosen.workers)
    replace_section(chosen.report, TITLE, MUTATED, f"{MUTATED_WORDS.format(seed=chosen.seed)}\n\n{mutated_table(answers)}")
    if legal := legal_table():
        replace_section(chosen.report, TITLE, LEGAL, f"{LEGAL_WORDS}\n\n{legal}")
    print(f"wrote {chosen.report}")
    return int(any("why" in one for of in answers.values() for one in of))


if __name__ == "__main__":
    try:
        raise SystemExit(main())
    except KeyboardInterrupt:
        raise SystemExit("stopped; the same command goes on from here") from None
