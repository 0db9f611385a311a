"""The one preprocessing: from any record to the arrays every model reads.

Training, evaluation, export and serving call the same frozen :class:`Preprocessor`. It learns
nothing from data (per-lead mean and spread are the network's first layer) and needs NumPy and SciPy
only.

Its output is rounded to whole microvolts, the resolution of PTB-XL itself. That makes the int16
cache of the training data lossless: an array read back from the cache is bit-equal to one made from
the file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from heart_reader.data import signal
from heart_reader.data.leads import LIMB_LEADS, POSITIONS, derive_limb_leads, is_about_modified_lead, placed_leads
from heart_reader.data.record import EcgRecord
from heart_reader.data.signal import SignalParts, bandpass, can_be_resampled_in_parts, resample, resample_parts, resampled_length
from heart_reader.errors import ConfigError, LeadError, SignalTooShort
from heart_reader.messages import Message, message
from heart_reader.stages import staged

__all__ = ["PreparedEcg", "Preprocessor", "from_microvolts", "window_starts"]

# Below one second there is not even one beat.
MIN_DURATION_S = 1.0
INT16_MAX_UV = 32767

# Gives one lead from a time point to before another, float64 in mV.
_Lead = Callable[[int, int], NDArray[np.floating]]


@dataclass(frozen=True, eq=False)
class PreparedEcg:
    """A record in the model's leads and rate, before it is cut into windows.

    Parameters
    ----------
    microvolts
        (n_leads, n_times) int16; a missing lead is zero.
    lead_mask
        (n_leads,) bool, False where the lead is missing.
    warnings
        What the preparation changed or could not provide.
    """

    microvolts: NDArray[np.int16]
    lead_mask: NDArray[np.bool_]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Preprocessor:
    """Declared, stateless preparation of a record.

    Parameters
    ----------
    fs
        Target sampling rate in Hz.
    leads
        Lead order of the output: names, or places as in
        :data:`~heart_reader.data.leads.POSITIONS`.
    window_s, stride_s
        Length of a window and distance between window starts, in seconds.
    low_hz, high_hz
        Corners of the optional band-pass in Hz, None for none.
    pad
        What fills a window that is longer than the record: ``"zero"`` or ``"edge"``.
    keep
        ``"all"`` cuts overlapping windows over the whole record, and a shorter record stands at the
        start of its window; ``"last"`` takes one window, which ends where the record ends.
    """

    fs: float
    leads: tuple[str, ...]
    window_s: float
    stride_s: float
    low_hz: float | None
    high_hz: float | None
    pad: Literal["zero", "edge"]
    keep: Literal["all", "last"] = "all"

    def __post_init__(self) -> None:
        if not (self.fs > 0 and self.window_s > 0 and 0 < self.stride_s <= self.window_s):
            raise ConfigError(
                f"preprocessing: fs {self.fs}, window_s {self.window_s}, stride_s {self.stride_s}; all must be positive "
                "and the stride no longer than the window"
            )

    @property
    def n_times(self) -> int:
        """Time points of one window."""
        return round(self.window_s * self.fs)

    @property
    def stride(self) -> int:
        """Time points between window starts."""
        return max(1, round(self.stride_s * self.fs))

    def concerning(self, warnings: Iterable[str]) -> Iterator[str]:
        """Yield the warnings of a record that concern whoever reads these leads.

        Whoever takes leads by place takes a modified lead II for what it is.
        """
        by_place = set(self.leads) <= set(POSITIONS)
        return (one for one in warnings if not (by_place and is_about_modified_lead(one)))

    def to_json(self) -> dict[str, Any]:
        """Return plain values; :meth:`from_json` is the inverse."""
        return {**asdict(self), "leads": list(self.leads)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Preprocessor:
        """Make a preprocessor from :meth:`to_json`.

        Raises
        ------
        ConfigError
            If a field is missing or unknown.
        """
        names = {item.name for item in fields(cls)}
        # What has a default came later: older checkpoints do not state it.
        optional = {item.name for item in fields(cls) if item.default is not MISSING}
        if not names - optional <= set(values) <= names:
            wrong = sorted((set(values) ^ names) - (optional - set(values)))
            raise ConfigError(f"preprocessor: fields {wrong} are missing or unknown; needed: {sorted(names - optional)}")
        return cls(**{**values, "leads": tuple(values["leads"])})

    @staged("prepare")
    def prepare(self, record: EcgRecord) -> PreparedEcg:
        """Bring a record to the model's leads, rate and band.

        Raises
        ------
        LeadError
            If the record shares no lead with the model.
        SignalTooShort
            If it lasts less than one second.
        """
        if record.duration_s < MIN_DURATION_S:
            raise SignalTooShort(message("too_short", where=record.record_id, duration=record.duration_s, least=MIN_DURATION_S))
        leads, mask, warnings = self._select_leads(record)
        microvolts = np.zeros((len(self.leads), resampled_length(record.n_times, record.fs, self.fs)), np.int16)
        rows, clipped = np.flatnonzero(mask), False
        for chosen, start, values in self._pieces(record, leads):
            rounded = values * 1000.0
            np.rint(rounded, out=rounded)
            if rounded.max() > INT16_MAX_UV or rounded.min() < -INT16_MAX_UV:
                rounded, clipped = rounded.clip(-INT16_MAX_UV, INT16_MAX_UV), True
            microvolts[rows[chosen], start : start + rounded.shape[1]] = rounded
        if clipped:
            warnings.append(message("amplitudes_clipped", limit=INT16_MAX_UV / 1000))
        if record.fs < self.fs:
            warnings.append(message("low_rate", fs=record.fs, wanted=self.fs, limit=record.fs / 2))
        return PreparedEcg(microvolts, mask, tuple(warnings))

    def _pieces(self, record: EcgRecord, leads: list[_Lead]) -> Iterator[tuple[slice, int, NDArray[np.floating]]]:
        """Yield leads at the model's rate: which, from which time point, (n_leads, n_times) mV.

        All leads of a usual record come at once, those of a long one after each other, and those of
        a very long one in pieces.
        """
        most, unfiltered = signal.PART_VALUES, self.low_hz is None and self.high_hz is None
        if record.n_times > most and unfiltered and can_be_resampled_in_parts(record.fs, self.fs):
            parts = SignalParts(len(leads), record.n_times, lambda start, stop: _together(leads, start, stop))
            yield from ((slice(None), start, values) for start, values in resample_parts(parts, record.fs, self.fs))
            return
        at_once = max(1, most // record.n_times)
        for first in range(0, len(leads), at_once):
            chosen = slice(first, first + at_once)
            values = _together(leads[chosen], 0, record.n_times)
            yield chosen, 0, bandpass(resample(values, record.fs, self.fs), self.fs, self.low_hz, self.high_hz)

    def starts(self, n_times: int) -> NDArray[np.int64]:
        """Return where the windows of a prepared record of ``n_times`` points begin.

        A start below 0 is before the record: what fills the window stands in front.
        """
        if self.keep == "last":
            return np.array([n_times - self.n_times])
        return window_starts(n_times, self.n_times, self.stride)

    def windows(self, prepared: PreparedEcg, starts: NDArray[np.int64] | None = None) -> NDArray[np.float32]:
        """Cut a prepared record into overlapping windows.

        Parameters
        ----------
        starts
            Some of :meth:`starts`; None means all.

        Returns
        -------
        ndarray
            (n_windows, n_leads, n_times) float32 in mV.
        """
        signal, starts = prepared.microvolts, self.starts(prepared.microvolts.shape[1]) if starts is None else starts
        missing = self.n_times - signal.shape[1]
        if missing > 0:
            before = missing if self.keep == "last" else 0
            signal = np.pad(signal, ((0, 0), (before, missing - before)), mode="constant" if self.pad == "zero" else "edge")
            starts = starts + before
        return from_microvolts(np.stack([signal[:, start : start + self.n_times] for start in starts]))

    def crop(self, prepared: PreparedEcg, rng: np.random.Generator) -> NDArray[np.int16]:
        """Cut one window at a random place, (n_leads, n_times) in microvolts.

        A shorter record is filled up with zeros, on the side on which a reading fills it.
        """
        return self.cut(prepared, self.crop_start(prepared.microvolts.shape[1], rng))

    def crop_start(self, n_times: int, rng: np.random.Generator) -> int:
        """Return where :meth:`crop` cuts a record of ``n_times`` points, 0 in a shorter one."""
        return int(rng.integers(n_times - self.n_times + 1)) if n_times >= self.n_times else 0

    def cut(self, prepared: PreparedEcg, start: int) -> NDArray[np.int16]:
        """Cut the window that begins at a point, as :meth:`crop` does at a random one."""
        signal = prepared.microvolts
        missing = self.n_times - signal.shape[1]
        if missing > 0:
            return np.pad(signal, ((0, 0), (missing, 0) if self.keep == "last" else (0, missing)))
        return signal[:, start : start + self.n_times]

    def __call__(self, record: EcgRecord) -> NDArray[np.float32]:
        """Return :meth:`windows` of :meth:`prepare`."""
        return self.windows(self.prepare(record))

    def _select_leads(self, record: EcgRecord) -> tuple[list[_Lead], NDArray[np.bool_], list[str]]:
        """Find the model's leads in its order; limb leads may be derived from I and II."""
        known, mask, warnings = _selected(self.leads, tuple(record.lead_names), tuple(record.masked_leads))
        if not any(mask):
            raise LeadError(message("no_known_lead", where=record.record_id, leads=record.lead_names, wanted=self.leads))
        there = [name for name, found in zip(self.leads, mask, strict=True) if found]
        leads = [_recorded(record, known[name]) if name in known else _derived(record, known, name) for name in there]
        return leads, np.array(mask), list(warnings)


# The records of one data set share their lead names.
@lru_cache(maxsize=64)
def _selected(
    wanted: tuple[str, ...], names: tuple[str, ...], masked: tuple[str, ...]
) -> tuple[Mapping[str, int], tuple[bool, ...], tuple[Message, ...]]:
    """Return names of leads and places to rows of a record, which leads it gives, and warnings."""
    known = {name: row for row, name in enumerate(names) if name not in masked}
    placed = {place: name for place, name in placed_leads(list(known)).items() if place in wanted}
    known |= {place: known[name] for place, name in placed.items()}
    derivable = set(LIMB_LEADS) if {"I", "II"} <= known.keys() else set()
    mask = tuple(name in known or name in derivable for name in wanted)
    warnings: list[Message] = []
    if derived := [name for name in wanted if name in derivable and name not in known]:
        warnings.append(message("leads_derived", leads=derived))
    if absent := [name for name, there in zip(wanted, mask, strict=True) if not there]:
        warnings.append(message("leads_missing", count=len(absent), leads=absent))
    if ignored := [name for name in names if name not in (*wanted, *placed.values())]:
        warnings.append(message("leads_not_used", leads=ignored))
    return known, mask, tuple(warnings)


def _together(leads: list[_Lead], start: int, stop: int) -> NDArray[np.float64]:
    return np.stack([lead(start, stop) for lead in leads], dtype=np.float64)


def _recorded(record: EcgRecord, row: int) -> _Lead:
    return lambda start, stop: record.signal[row, start:stop]


def _derived(record: EcgRecord, known: Mapping[str, int], name: str) -> _Lead:
    """A limb lead that follows from I and II by Einthoven's law."""
    first, second = _recorded(record, known["I"]), _recorded(record, known["II"])
    return lambda start, stop: derive_limb_leads(first(start, stop).astype(np.float64), second(start, stop).astype(np.float64))[name]


def window_starts(n_times: int, window: int, stride: int) -> NDArray[np.int64]:
    """Return window starts every ``stride`` points; the last window ends where the record ends.

    Examples
    --------
    >>> window_starts(1000, 250, 125).tolist()
    [0, 125, 250, 375, 500, 625, 750]
    >>> window_starts(300, 250, 125).tolist()
    [0, 50]
    >>> window_starts(100, 250, 125).tolist()
    [0]
    """
    last = max(0, n_times - window)
    starts = np.arange(0, last + 1, stride)
    return starts if starts[-1] == last else np.append(starts, last)


def from_microvolts(microvolts: NDArray[np.int16]) -> NDArray[np.float32]:
    """Return float32 millivolts; the one place where int16 becomes what a model sees."""
    values = microvolts.astype(np.float32)
    values /= np.float32(1000.0)
    return values
