"""Episodes that are read in the long recordings of MIT-BIH against their annotations.

Fibrillation is compared second by second, flutter left out; pauses one by one, those of the
annotated beats under the same rule, and so are ventricular runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from heart_reader.data.annotations import BEAT_SYMBOLS, read_annotations, read_rhythms
from heart_reader.data.formats import read_record
from heart_reader.data.one_record import one_record
from heart_reader.evaluation.markdown import markdown_table
from heart_reader.folders import write_text
from heart_reader.long.episodes import Episode, pauses, runs
from heart_reader.long.read import read_long
from heart_reader.studies.mitbih import FIBRILLATION, FLUTTER, pair_beats

__all__ = ["EpisodeCounts", "compare_episodes", "to_markdown", "write_report"]

Flags = NDArray[np.bool_]

HEAD = """# Episodes of long recordings against annotations

MIT-BIH Arrhythmia Database, {records} recordings of half an hour, two leads. *Fibrillation*: seconds
annotated, found, and both; seconds of annotated flutter are left out. *Pauses* and *runs* (three
ventricular beats or more): episodes of the annotated beats under the rules of
`heart_reader.long.episodes`, found episodes, and annotated ones that a found one overlaps. *Beats*
are paired within 150 ms, those of ventricular flutter left out. The limits of fibrillation and of
disturbed leads were chosen on these records, of which few fibrillate: the figures are no estimate
for other people.

"""


@dataclass(frozen=True)
class EpisodeCounts:
    """What was annotated and found.

    Parameters
    ----------
    fibrillation_s, found_s, both_s
        Seconds of atrial fibrillation.
    pauses, pauses_found, pauses_both
        Pauses.
    runs, runs_found, runs_both
        Ventricular runs, slow ones among them.
    beats, beats_missed, beats_invented
        Annotated beats, those that were not found, and found ones that are none; without flutter
        of the ventricles.
    """

    fibrillation_s: int = 0
    found_s: int = 0
    both_s: int = 0
    pauses: int = 0
    pauses_found: int = 0
    pauses_both: int = 0
    runs: int = 0
    runs_found: int = 0
    runs_both: int = 0
    beats: int = 0
    beats_missed: int = 0
    beats_invented: int = 0

    def __add__(self, other: EpisodeCounts) -> EpisodeCounts:
        return EpisodeCounts(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(self)))


def compare_episodes(header: Path) -> EpisodeCounts:
    """Compare the reading of a record with its annotations.

    Parameters
    ----------
    header
        Beside its ``.atr`` file.
    """
    record = read_record(header)
    reading = read_long(record)
    times, symbols = read_annotations(header.with_suffix(".atr"))
    beat = np.array([symbol in BEAT_SYMBOLS for symbol in symbols], bool)
    beat_s, ventricular = times[beat] / record.fs, np.array([symbol in "VE" for symbol in symbols])[beat]
    seconds = np.arange(int(record.duration_s)) + 0.5
    rhythm = _rhythm_at(seconds, [(time / record.fs, name) for time, name in read_rhythms(header.with_suffix(".atr"))])
    counted, truth = rhythm != FLUTTER, rhythm == FIBRILLATION
    of_kind = {kind: [one for one in reading.episodes if one.kind == kind] for kind in ("atrial_fibrillation", "pause")}
    found_runs = [one for one in reading.episodes if one.kind in ("ventricular_run", "idioventricular_rhythm")]
    found = _inside(seconds, of_kind["atrial_fibrillation"])
    at = np.minimum(beat_s[:-1].astype(int), len(seconds) - 1)
    true_pauses = pauses(beat_s, truth[at], np.ones(len(beat_s) - 1, bool))
    true_runs = runs("ventricular_run", beat_s, ventricular)
    chaos = _chaos(times / record.fs, symbols)
    there, seen = beat_s[~_within(beat_s, chaos)], reading.beats.times_s[~_within(reading.beats.times_s, chaos)]
    pairs = len(pair_beats(there, seen))
    return EpisodeCounts(
        int((truth & counted).sum()),
        int((found & counted).sum()),
        int((truth & found & counted).sum()),
        *_overlapping(true_pauses, of_kind["pause"]),
        *_overlapping(true_runs, found_runs),
        len(there),
        len(there) - pairs,
        len(seen) - pairs,
    )


def _chaos(times_s: NDArray[np.floating], symbols: Sequence[str]) -> list[tuple[float, float]]:
    """Return where the ventricles flutter, between ``[`` and ``]``: there are no beats."""
    begins, ends = ([float(time) for time, symbol in zip(times_s, symbols, strict=True) if symbol == edge] for edge in "[]")
    return list(zip(begins, ends, strict=False))


def _within(times_s: NDArray[np.floating], spans_s: Sequence[tuple[float, float]]) -> Flags:
    inside = np.zeros(len(times_s), bool)
    for first, last in spans_s:
        inside |= (times_s >= first) & (times_s <= last)
    return inside


def _rhythm_at(seconds: NDArray[np.floating], changes: Sequence[tuple[float, str]]) -> NDArray[np.object_]:
    names = np.array([None, *(name for _, name in changes)], dtype=object)
    answer: NDArray[np.object_] = names[np.searchsorted([time for time, _ in changes], seconds, side="right")]
    return answer


def _inside(seconds: NDArray[np.floating], episodes: Sequence[Episode]) -> Flags:
    inside = np.zeros(len(seconds), bool)
    for one in episodes:
        inside |= (seconds >= one.start_s) & (seconds < one.end_s)
    return inside


def _overlapping(true: Sequence[Episode], found: Sequence[Episode]) -> tuple[int, int, int]:
    """Return how many there are, were found, and are overlapped by a found one."""
    met = sum(any(one.start_s < other.end_s and other.start_s < one.end_s for other in found) for one in true)
    return len(true), len(found), met


def to_markdown(counts: dict[str, EpisodeCounts]) -> str:
    """Return the report; records without any episode are only part of the sum.

    Parameters
    ----------
    counts
        By name of the record.
    """
    shown = [field.name for field in fields(EpisodeCounts)]
    total = sum(counts.values(), EpisodeCounts())
    lines = {name: [getattr(of, field) for field in shown] for name, of in {**counts, "all": total}.items()}
    table = markdown_table(
        ("record", *(field.replace("_", " ") for field in shown)), [(name, *line) for name, line in lines.items() if any(line)]
    )
    sensitivity, predictivity = _percent(total.both_s, total.fibrillation_s), _percent(total.both_s, total.found_s)
    share = f"Time in fibrillation: sensitivity {sensitivity}, positive predictive value {predictivity}."
    found = total.beats - total.beats_missed
    beats = f"Beats: sensitivity {_percent(found, total.beats, 2)}, predictive value {_percent(found, found + total.beats_invented, 2)}."
    return f"{HEAD.format(records=len(counts))}{table}\n\n{share} {beats}\n"


def _percent(part: int, whole: int, digits: int = 1) -> str:
    return f"{100 * part / whole:.{digits}f} %" if whole else "–"


def write_report(out: Path, data: Path) -> None:
    """Compare all records of a folder and write the report.

    Parameters
    ----------
    out
        File to write.
    data
        Folder that holds ``mitbih``.
    """
    counts = {}
    for header in tqdm(sorted((data / "mitbih").glob("*.hea")), unit="record"):
        with one_record(header):
            counts[header.stem] = compare_episodes(header)
    text = to_markdown(counts)
    write_text(out, text)
