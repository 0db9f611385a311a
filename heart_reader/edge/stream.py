"""Reading a continuous feed window by window, in memory that does not grow.

Every window gets the probabilities it would get if the whole feed were one record: exactly at the
model's own sampling rate, and at others except for what the resampling filter sees beyond the
context that is kept around a window.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from heart_reader.classifier import EcgClassifier
from heart_reader.data.batch import Batch
from heart_reader.data.preprocessor import PreparedEcg
from heart_reader.data.record import EcgRecord, build_record
from heart_reader.diagnosis import Diagnosis, Quality
from heart_reader.errors import LeadError, NotServable, SignalTooShort
from heart_reader.pooling import level_means

__all__ = ["StreamReader", "WindowReading"]

# Signal on either side of a window for the resampling filter, which is 0.1 s long at 100 Hz.
CONTEXT_S = 0.5
# A diagnosis rests on this much of the feed.
RECENT_S = 10.0


@dataclass(frozen=True)
class WindowReading:
    """The reading of one window.

    Parameters
    ----------
    start_s, end_s
        Where it lies in the feed.
    probabilities
        Calibrated probability by level name and class name.
    quality
        Which leads carry a signal in it.
    """

    start_s: float
    end_s: float
    probabilities: Mapping[str, Mapping[str, float]]
    quality: Quality


class StreamReader:
    """Takes samples as they come and gives a reading for every window that is complete.

    Parameters
    ----------
    reader
        A classifier; its preprocessor must have no band-pass, whose filter would need the whole
        feed.
    fs
        Sampling rate of the feed in Hz.
    lead_names
        Leads of the feed, in order.
    unit
        mV, uV, nV or V.

    Raises
    ------
    NotServable
        If the checkpoint filters with a band-pass, or takes features of the whole record.

    Examples
    --------
    >>> stream = StreamReader(reader, 500.0, ("I", "II", "V1"))  # doctest: +SKIP
    >>> for window in stream.push(samples):  # doctest: +SKIP
    ...     print(window.start_s, window.probabilities["superdiagnostic"])
    """

    def __init__(self, reader: EcgClassifier, fs: float, lead_names: Sequence[str], *, unit: str = "mV") -> None:
        preprocessor = reader.preprocessor
        where = reader.checkpoint.directory
        if preprocessor.low_hz is not None or preprocessor.high_hz is not None:
            raise NotServable(f"{where}: filters whole records with a band-pass, which a feed has not: train without low_hz and high_hz")
        if reader.features is not None:
            raise NotServable(f"{where}: takes features of the whole record, which a feed has not: use a network of the signal alone")
        self.reader = reader
        self.fs = fs
        self.lead_names = tuple(lead_names)
        self.unit = unit
        # Cuts fall on whole periods of both rates, so that resampling keeps time in step.
        self._period = _period(fs, preprocessor.fs)
        self._buffer = np.zeros((len(self.lead_names), 0), dtype=np.float64)
        self._recent = self._buffer
        self._dropped = 0  # samples of the feed that lie before the buffer
        self._next = 0  # start of the next window, in samples of the model's rate
        self._last_read = -1
        self._sums: dict[str, NDArray[np.float64]] = {}
        self.n_windows = 0

    def push(self, samples: NDArray[np.floating]) -> list[WindowReading]:
        """Take samples and read every window they complete.

        Parameters
        ----------
        samples
            (n_leads, n_times) in the unit of the feed, of any length.

        Raises
        ------
        LeadError
            If the number of leads differs.
        RecordError
            If a window is no ECG, for example in another unit.
        """
        samples = np.asarray(samples)
        if samples.ndim != 2 or len(samples) != len(self.lead_names):
            raise LeadError(f"a feed of shape {samples.shape}; ({len(self.lead_names)}, n_times) is needed, a row per lead")
        # In pieces, so that memory stays the same however much comes at once.
        step = max(1, round(self.reader.preprocessor.window_s * self.fs))
        readings = []
        for start in range(0, samples.shape[1], step):
            piece = samples[:, start : start + step]
            self._buffer = np.concatenate([self._buffer, piece], axis=1)
            self._recent = np.concatenate([self._recent, piece], axis=1)[:, -round(RECENT_S * self.fs) :]
            readings += self._read_complete(ended=False)
        return readings

    def finish(self) -> list[WindowReading]:
        """Read what the end of the feed leaves: the last window ends with the feed, as in a record.

        Raises
        ------
        SignalTooShort
            If the feed was shorter than one window.
        """
        total = self._n_model_times()
        window = self.reader.preprocessor.n_times
        if total < window:
            raise SignalTooShort(
                f"a feed of {total / self.reader.preprocessor.fs:.1f} s; a window of {self.reader.preprocessor.window_s:g} s is needed: "
                "wait for more, or read it as a record"
            )
        readings = self._read_complete(ended=True)
        last = total - window
        return readings + ([self._read(last)] if last > self._last_read else [])

    def mean(self) -> dict[str, dict[str, float]]:
        """Return calibrated probabilities of all windows so far by level, as a reading states them.

        Raises
        ------
        SignalTooShort
            If no window is complete yet.
        """
        if not self.n_windows:
            raise SignalTooShort(f"no window of {self.reader.preprocessor.window_s:g} s is complete yet: push more samples")
        return {name: self._named(name, total / self.n_windows) for name, total in self._sums.items()}

    def diagnose(self) -> Diagnosis:
        """Read the last ten seconds of the feed as a record, with measurements and diagnosis.

        Raises
        ------
        RecordError
            If there is too little of it yet, or it is no ECG.
        """
        return self.reader.predict(build_record("feed", self._recent, self.fs, self.lead_names, unit=self.unit))

    def _n_model_times(self) -> int:
        """Return the length of the feed so far at the model's rate."""
        given = self._dropped + self._buffer.shape[1]
        per_given, per_model = self._period
        return -(-given * per_model // per_given)

    def _read_complete(self, *, ended: bool) -> list[WindowReading]:
        preprocessor = self.reader.preprocessor
        context = 0 if ended or self.fs == preprocessor.fs else round(CONTEXT_S * preprocessor.fs)
        readings = []
        while self._next + preprocessor.n_times + context <= self._n_model_times():
            readings.append(self._read(self._next))
            self._next += preprocessor.stride
        self._forget()
        return readings

    def _read(self, start: int) -> WindowReading:
        preprocessor = self.reader.preprocessor
        prepared = self._prepare(start)
        answers = level_means(self.reader.space, self.reader.logits(Batch.of([(preprocessor.windows(prepared), None)])))
        levels = self.reader.space.reading_levels(self.reader.level)
        for name in levels:
            self._sums[name] = self._sums.get(name, np.zeros(answers[name].shape[1])) + answers[name][0]
        self.n_windows += 1
        self._last_read = start
        return WindowReading(
            start_s=start / preprocessor.fs,
            end_s=(start + preprocessor.n_times) / preprocessor.fs,
            probabilities={name: self._named(name, answers[name][0]) for name in levels},
            quality=Quality.of(prepared, preprocessor.leads),
        )

    def _prepare(self, start: int) -> PreparedEcg:
        """Cut a window with its context from the buffer and prepare it like a record of its own."""
        preprocessor = self.reader.preprocessor
        per_given, per_model = self._period
        context = 0 if self.fs == preprocessor.fs else round(CONTEXT_S * preprocessor.fs)
        first = max(self._dropped // per_given, (start - context) // per_model)  # in periods
        stop = -(-(start + preprocessor.n_times + context) * per_given // per_model)
        cut = self._buffer[:, first * per_given - self._dropped : stop - self._dropped]
        record: EcgRecord = build_record("feed", cut, self.fs, self.lead_names, unit=self.unit)
        prepared = preprocessor.prepare(record)
        offset = start - first * per_model
        return PreparedEcg(prepared.microvolts[:, offset : offset + preprocessor.n_times], prepared.lead_mask, prepared.warnings)

    def _forget(self) -> None:
        """Drop what no further window needs, not even one that ends with the feed."""
        preprocessor = self.reader.preprocessor
        per_given, per_model = self._period
        needed = min(self._next, self._n_model_times() - preprocessor.n_times) - round(CONTEXT_S * preprocessor.fs)
        keep_from = max(0, needed // per_model) * per_given
        if keep_from > self._dropped:
            self._buffer = self._buffer[:, keep_from - self._dropped :].copy()
            self._dropped = keep_from

    def _named(self, level: str, y_prob: NDArray[np.float64]) -> dict[str, float]:
        values = self.reader.decisions[level].calibrate(y_prob)
        return dict(zip(self.reader.space.levels[level].class_names, map(float, values), strict=True))


def _period(fs_given: float, fs_model: float) -> tuple[int, int]:
    """Return the smallest whole numbers of samples of both rates that last equally long.

    Examples
    --------
    >>> _period(500.0, 100.0), _period(250.0, 100.0)
    ((5, 1), (5, 2))
    """
    ratio = Fraction(fs_given).limit_denominator(10_000) / Fraction(fs_model).limit_denominator(10_000)
    return ratio.numerator, ratio.denominator
