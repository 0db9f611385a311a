"""Reading many files one after the other, where one that fails does not stop the others."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from heart_reader.classifier import EcgClassifier
from heart_reader.data.formats import FORMATS, find_records, read_record
from heart_reader.data.one_record import one_record
from heart_reader.diagnosis import NOTICE, ClassReading, Diagnosis
from heart_reader.errors import HeartReaderError, UnreadableRecord
from heart_reader.long.sampling import VERY_LONG_S
from heart_reader.messages import clock
from heart_reader.recorder import TITLES, recorder_lines
from heart_reader.weights import find_reader

if TYPE_CHECKING:
    from heart_reader.data.record import EcgRecord
    from heart_reader.features.measurement import Measurements

__all__ = ["Reading", "explain_words", "load", "read_all", "read_ecg"]

BAR_WIDTH = 20
# What clinicians read first, in their order.
SHOWN = ("heart_rate_bpm", "pr_ms", "qrs_ms", "qt_ms", "qtc_fridericia_ms", "qrs_axis_deg")


@dataclass(frozen=True)
class Reading:
    """The outcome of one record: a diagnosis, or the reason why there is none.

    Parameters
    ----------
    diagnosis
        None if it could not be read.
    record
        The signal that was read, for a drawing of it; None if there is none.
    name
        What it is called; None means by its file.
    """

    path: Path
    diagnosis: Diagnosis | None
    error: HeartReaderError | None
    record: EcgRecord | None = None
    name: str | None = None

    def text(self, *, as_json: bool) -> tuple[str, HeartReaderError | None]:
        """Return what to print and its error; a reading that cannot be printed is an error."""
        try:
            with one_record(self.path):
                return self.to_json_line() if as_json else self.to_text(), self.error
        except HeartReaderError as error:
            failed = Reading(self.path, None, error, name=self.name)
            return failed.to_json_line() if as_json else failed.to_text(), error

    def to_json_line(self) -> str:
        """Return one JSON object on one line."""
        if self.diagnosis is not None:
            return json.dumps(self.diagnosis.to_json(), ensure_ascii=False, allow_nan=False)
        assert self.error is not None
        return json.dumps({"record_id": self.name or self.path.stem, "error": {"code": self.error.code, "message": self.error.message}})

    def to_text(self) -> str:
        """Return a few lines for a person."""
        if self.diagnosis is None:
            assert self.error is not None
            # Most reasons begin with the file, which is said once.
            return f"{self.path}: cannot be read: {self.error.message.removeprefix(f'{self.path}: ')}\n"
        reading = self.diagnosis
        lines = [f"{reading.record_id}  ({reading.source_format}, {reading.fs:g} Hz, {reading.duration_s:.1f} s)"]
        lines += [f"  ! {sentence}" for sentence in dict.fromkeys((*reading.quality.findings, *reading.warnings))]
        if reading.measurements is not None:
            first, last = reading.measurements.fiducials.stretch_s
            where = f"from {clock(first)} to {clock(last)}: " if reading.duration_s > VERY_LONG_S else ""
            lines.append(f"  {where}{_measurements(reading.measurements)}")
        if reading.long is not None:
            from heart_reader.long.summary import to_lines

            lines += to_lines(reading.long)
        lines += [f"  {reading.conclusion.headline}"]
        for line in reading.conclusion.lines:
            share = "" if line.probability is None else f"{line.probability:.0%}"
            lines.append(f"    {share:>5}  {line.text}" + (f" [{', '.join(line.codes)}]" if line.codes else ""))
        lines += [f"           {text} ({probability:.0%})" for _, probability, text in reading.conclusion.yielded]
        for name, answer in reading.levels[reading.level].items():
            bar = "█" * round(answer.probability * BAR_WIDTH)
            lines.append(f"  {name:<6} {answer.probability:6.3f} {bar:<{BAR_WIDTH}} {answer.decision:<9} ({_limits(answer)})")
        lines += [*recorder_lines(reading), f"  {NOTICE}", ""]
        return "\n".join(lines)


def _measurements(measurements: Measurements) -> str:
    """The usual measurements on one line; what could not be measured is named with its reason."""
    parts, absent = [], []
    for name in SHOWN:
        title, unit = TITLES[name]
        measured = measurements.values[name]
        if measured.value is None:
            absent.append(f"{title} ({measured.reason})")
        else:
            parts.append(f"{title} {measured.value:.0f} {unit}" + (f" ({measured.reason})" if measured.reason else ""))
    return ", ".join(parts) + ("; " if parts and absent else "") + (f"not measured: {', '.join(absent)}" if absent else "")


def load(name_or_path: str | Path | None = None) -> EcgClassifier:
    """Load a classifier.

    Parameters
    ----------
    name_or_path
        Name of a shipped reader or a checkpoint directory, None for the default reader.

    Raises
    ------
    ConfigError
        If there is no such reader.
    CheckpointError
        If the checkpoint cannot be used, see :meth:`EcgClassifier.load`.
    """
    return EcgClassifier.load(find_reader(name_or_path))


@cache
def _default_classifier() -> EcgClassifier:
    return load()


def read_ecg(path: str | Path, *, fs: float | None = None, unit: str | None = None, leads: tuple[str, ...] | None = None) -> Diagnosis:
    """Read the ECG of a file with the default reader, which is loaded once.

    Parameters
    ----------
    path
        File of any format that :func:`heart_reader.read_record` reads.
    fs
        Sampling rate in Hz, where the file does not state it.
    unit
        mV, uV, nV or V, where the file does not state it.
    leads
        Names of the columns in their order, where the file does not state them.

    Raises
    ------
    RecordError
        If the file cannot be read.
    """
    return _default_classifier().predict(read_record(path, fs=fs, unit=unit, leads=leads))


def explain_words(diagnosis: Diagnosis) -> str:
    """Explain high, medium, low, present and absent, once for all readings of a checkpoint."""
    lines = ["What the words mean:"]
    lines += [f"  {name:<8}{band['definition']}" for name, band in diagnosis.bands.items()]
    return "\n".join([*lines, f"  {diagnosis.decision_rule}"])


def _limits(answer: ClassReading) -> str:
    """Return threshold and uncertain zone in words."""
    if answer.threshold is None:
        return "no threshold"
    text = f"threshold {answer.threshold:.2f}"
    if answer.zone is None or answer.zone[0] == answer.zone[1]:  # no wider than the threshold
        return text
    return f"{text}, uncertain {answer.zone[0]:.2f} to {answer.zone[1]:.2f}"


def read_all(
    classifier: EcgClassifier,
    paths: Iterable[Path],
    *,
    fs: float | None = None,
    unit: str | None = None,
    leads: tuple[str, ...] | None = None,
    identity: bool = False,
    measure: bool = True,
    progress: Callable[[Path, float], None] | None = None,
) -> Iterator[Reading]:
    """Read files, and all records of folders; equal names get their folders.

    Parameters
    ----------
    fs
        Sampling rate in Hz for files that do not state it.
    unit, leads, identity
        See :func:`heart_reader.data.formats.read_record`.
    measure
        See :meth:`heart_reader.classifier.EcgClassifier.predict`.
    progress
        Called with the file and the share of it that has been read, 0 to 1; several times for a
        recording of more than 42 minutes.
    """
    found: list[tuple[Path, list[Path] | HeartReaderError]] = []
    for given in paths:
        try:
            with one_record(given):
                found.append((given, _records_in(given)))
        except HeartReaderError as error:
            found.append((given, error))
    names = _names_of_alike(path for _, here in found if isinstance(here, list) for path in here)
    for given, here in found:
        if isinstance(here, HeartReaderError):
            yield Reading(given, None, here)
            continue
        for path in here:
            try:
                with one_record(path):
                    record = read_record(path, fs=fs, unit=unit, leads=leads, identity=identity)
                    if path in names:
                        record = replace(record, record_id=names[path])
                    said = None if progress is None else partial(progress, path)
                    reading = Reading(path, classifier.predict(record, measure=measure, progress=said), None, record)
            except HeartReaderError as error:
                reading = Reading(path, None, error, name=names.get(path))
            yield reading


def _names_of_alike(paths: Iterable[Path]) -> dict[Path, str]:
    """Name equally named files of several folders by their paths from where these part."""
    folders: dict[str, dict[Path, Path]] = {}
    for path in paths:
        folders.setdefault(path.stem, {})[path] = Path(os.path.abspath(path)).parent
    names = {}
    for stem, alike in folders.items():
        if len(set(alike.values())) > 1:
            common = os.path.commonpath(alike.values())
            names.update({path: (folder.relative_to(common) / stem).as_posix() for path, folder in alike.items()})
    return names


def _records_in(given: Path) -> list[Path]:
    """The records of a folder; anything else is read as a record, which may fail."""
    if not os.path.isdir(given):
        return [given]
    paths = find_records(given)
    if not paths:
        readable = ", ".join(f"{entry.title} ({' '.join(entry.suffixes)})" for entry in FORMATS.values())
        raise UnreadableRecord(f"{given}: no record in this folder: {readable} are read")
    return paths
