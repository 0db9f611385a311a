"""One ECG in memory: leads first, millivolts, its own sampling rate and what was noticed."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from heart_reader.data.device_report import DeviceReport
from heart_reader.data.gaps import MOST_MV, bridge_gaps
from heart_reader.data.leads import STANDARD_LEADS, canonical_leads, modified_lead
from heart_reader.data.limb_leads import limb_lead_warning
from heart_reader.data.signal import SignalParts
from heart_reader.data.stored_signal import StoredSignal
from heart_reader.errors import ConfigError, LeadError, UnitError, UnreadableRecord
from heart_reader.messages import Message, message

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["N_PUBLISHED_FEATURES", "UNIT_TO_MV", "EcgRecord", "build_record"]

UNIT_TO_MV = {"mv": 1.0, "uv": 1e-3, "µv": 1e-3, "μv": 1e-3, "nv": 1e-6, "v": 1e3}

# No surface ECG reaches this in most of its leads; one in microvolts that claims to be in
# millivolts does.
IMPLAUSIBLE_MV = 30.0
# A lead that never leaves this band carries no heartbeat: the smallest visible QRS is about ten
# times larger.
FLAT_MV = 0.005
# 782 features of 12SL and 531 of ECGDeli that PTB-XL+ publishes.
N_PUBLISHED_FEATURES = 1313
# A file with more values than this, 67 MB in single precision, is left on disk where its format
# can be read in parts and nothing in it needs repair.
STORED_VALUES = 1 << 24

# The records of one data set share their lead names.
_canonical_leads = lru_cache(maxsize=64)(canonical_leads)


@dataclass(frozen=True, eq=False)
class EcgRecord:
    """A recording of one or more leads.

    Use :func:`build_record` to make one from what a file holds; it checks and repairs.

    Parameters
    ----------
    record_id
        Name of the recording, without folders.
    signal
        (n_leads, n_times), float32, millivolts, finite everywhere; of a very long file what reads
        parts of it, see :class:`~heart_reader.data.stored_signal.StoredSignal`.
    fs
        Sampling rate in Hz.
    lead_names
        n_leads names, standard spelling where the lead is one of the twelve.
    age
        Years, or None if unknown.
    sex
        ``"male"``, ``"female"`` or None if unknown.
    source_format
        Name of the file format, such as ``"wfdb"``.
    masked_leads
        Leads whose values carry no information (missing values over most of the recording).
    warnings
        What a person should know before trusting a reading.
    published_features
        (1313,) features of PTB-XL+ that came with the file, NaN where not known; None where none
        came.
    device_report
        What the file says of the ECG beside its signal; None where the format has no place for it.
    """

    record_id: str
    signal: NDArray[np.float32]
    fs: float
    lead_names: tuple[str, ...]
    age: float | None = None
    sex: str | None = None
    source_format: str = "array"
    masked_leads: tuple[str, ...] = ()
    warnings: tuple[str, ...] = field(default=())
    published_features: NDArray[np.float32] | None = None
    device_report: DeviceReport | None = None

    def __post_init__(self) -> None:
        if self.signal.ndim != 2 or self.signal.dtype != np.float32:
            raise UnreadableRecord(
                f"{self.record_id}: the signal is {self.signal.dtype} of shape {self.signal.shape}; float32 (n_leads, n_times) is needed"
            )
        if len(self.lead_names) != self.signal.shape[0]:
            raise LeadError(f"{self.record_id}: {len(self.lead_names)} lead names for {self.signal.shape[0]} leads")
        if not (np.isfinite(self.fs) and self.fs > 0):
            raise UnreadableRecord(f"{self.record_id}: a sampling rate of {self.fs} Hz; a positive number is needed")

    @property
    def n_times(self) -> int:
        """Number of time points."""
        return int(self.signal.shape[1])

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.n_times / self.fs

    def plot(self, *, start_s: float = 0.0, duration_s: float = 10.0, speed_mm_s: float = 25.0, gain_mm_mv: float = 10.0) -> Figure:
        """Draw the tracing on ECG paper in true millimetres; needs matplotlib.

        Most of the twelve leads are drawn as four columns and a rhythm strip, fewer in a row each.

        Parameters
        ----------
        start_s, duration_s
            The part that is drawn.
        speed_mm_s, gain_mm_mv
            Scale in time and in amplitude.

        Returns
        -------
        matplotlib.figure.Figure
            ``figure.savefig("ecg.svg")`` writes it; a notebook shows it.

        Raises
        ------
        ConfigError
            If the record has no such part, or a scale is not above 0.
        """
        from heart_reader.data.paper import Sheet, plot_record

        if not (0 <= start_s < self.duration_s and min(duration_s, speed_mm_s, gain_mm_mv) > 0):
            raise ConfigError(
                f"{start_s:g} s and {duration_s:g} s from there at {speed_mm_s:g} mm/s and {gain_mm_mv:g} mm/mV: the record has "
                f"{self.duration_s:g} s, and a length and scales are above 0"
            )
        return plot_record(self, Sheet(speed_mm_s, gain_mm_mv, start_s, duration_s))

    def part(self, start_s: float, stop_s: float) -> EcgRecord:
        """Return what lies between two times; NaN stands for either end of the recording.

        Parameters
        ----------
        start_s, stop_s
            Seconds from its start.

        Examples
        --------
        >>> record = build_record("a", np.zeros((1, 500)), 100.0, ("II",))
        >>> record.part(1.0, 3.0).duration_s, record.part(1.0, np.nan).duration_s
        (2.0, 4.0)
        """
        start = 0 if np.isnan(start_s) else round(start_s * self.fs)
        return self.cut(start, self.n_times if np.isnan(stop_s) else round(stop_s * self.fs))

    def cut(self, start: int, stop: int) -> EcgRecord:
        """Return the samples from one to before another as a record of its own."""
        return replace(self, signal=np.ascontiguousarray(self.signal[:, start:stop]))

    def only(self, names: Sequence[str]) -> EcgRecord:
        """Return some of the leads, in the order given, as a record of its own.

        Examples
        --------
        >>> record = build_record("a", np.zeros((3, 500)), 100.0, ("I", "II", "V1"))
        >>> record.only(("V1", "I")).lead_names
        ('V1', 'I')
        """
        rows = [self.lead_names.index(name) for name in names]
        masked = tuple(name for name in self.masked_leads if name in names)
        return replace(self, signal=np.ascontiguousarray(self.signal[rows]), lead_names=tuple(names), masked_leads=masked)

    def lead(self, name: str) -> NDArray[np.float32]:
        """Return one lead as (n_times,) in mV.

        Raises
        ------
        LeadError
            If the record has no such lead.
        """
        if name not in self.lead_names:
            raise LeadError(f"{self.record_id} has no lead {name}; it has {', '.join(self.lead_names)}")
        values: NDArray[np.float32] = self.signal[self.lead_names.index(name)]
        return values

    def waveform(self, start: int = 0, stop: int | None = None) -> dict[str, Any]:
        """Return the signal for a browser: base64 of int16 microvolts, leads first.

        Parameters
        ----------
        start, stop
            Which of its samples; None means to the end.
        """
        signal = self.signal[:, start:stop]
        microvolts: NDArray[np.int16] = np.empty(signal.shape, "<i2")
        for begin, part in SignalParts.of(signal):
            microvolts[:, begin : begin + part.shape[1]] = np.clip(np.rint(part * 1000.0), -32768, 32767)
        return {
            "fs": self.fs,
            "lead_names": list(self.lead_names),
            "n_times": self.n_times,
            "start": start,
            "encoding": "base64 int16 microvolts, leads first",
            "data": base64.b64encode(microvolts.data).decode("ascii"),
        }


def build_record(
    record_id: str,
    signal: ArrayLike | SignalParts,
    fs: float,
    lead_names: tuple[str, ...] | list[str],
    *,
    unit: str | tuple[str, ...] = "mV",
    age: float | None = None,
    sex: str | None = None,
    source_format: str = "array",
    warnings: tuple[str, ...] = (),
    published_features: NDArray[np.float32] | None = None,
    device_report: DeviceReport | None = None,
) -> EcgRecord:
    """Make a record from raw values: mV, standard leads upright, no gaps, plausible amplitudes.

    Parameters
    ----------
    signal
        (n_leads, n_times) in ``unit``, or what makes it; NaN, infinity and more than 1e12 mV mean
        missing.
    fs
        Hz.
    unit
        One of mV, uV, nV, V for all leads, or one per lead.

    Raises
    ------
    LeadError
        If a lead is named twice, or names and rows differ in number.
    NonFiniteSignal
        If no lead holds enough finite values.
    UnitError
        If the unit is unknown or the amplitudes cannot be in that unit.
    UnreadableRecord
        If there is no signal or no positive sampling rate.

    Examples
    --------
    >>> record = build_record("a", [[0, 1000.0], [0, 500.0]], 500.0, ["i", "AVR"], unit="uV")
    >>> record.lead_names, float(record.signal[0, 1])
    (('I', 'aVR'), 1.0)
    """
    if isinstance(signal, SignalParts):
        parts = signal
    else:
        array = np.asarray(signal)
        if array.ndim != 2 or array.size == 0:
            raise UnreadableRecord(message("no_signal", where=record_id, shape=str(array.shape)))
        parts = SignalParts.of(array)
    units = (unit,) * parts.n_leads if isinstance(unit, str) else unit
    stored = _left_on_disk(record_id, parts, units)
    values = _in_mv(record_id, parts, units) if stored is None else np.stack(stored.limits(), axis=1)
    try:
        names = _canonical_leads(tuple(lead_names))
    except LeadError as error:
        raise LeadError(message("in_record", where=record_id, problem=error.args[0])) from None
    if stored is not None and not _is_sound(values, names):
        stored, values = None, _in_mv(record_id, parts, units)
    values, names, turned = _upright(values, names)
    # A usual record needs no more than this one look at every value.
    lowest, highest = values.min(axis=1), values.max(axis=1)
    masked: tuple[str, ...] = ()
    noticed: tuple[str, ...] = ()
    if not (highest.max() <= MOST_MV and lowest.min() >= -MOST_MV):
        values, masked, noticed = bridge_gaps(record_id, values, names)
        lowest, highest = values.min(axis=1), values.max(axis=1)
    flat = _check_amplitude(record_id, values, names, masked, units, span=highest - lowest)
    exchanged = limb_lead_warning(values, names, masked) if stored is None else ()
    return EcgRecord(
        record_id=record_id,
        signal=np.ascontiguousarray(values, dtype=np.float32) if stored is None else cast("NDArray[np.float32]", stored),
        fs=float(fs),
        lead_names=names,
        age=age,
        sex=sex,
        source_format=source_format,
        masked_leads=masked,
        warnings=(*warnings, *turned, *noticed, *flat, *exchanged),
        published_features=published_features,
        device_report=device_report,
    )


def _left_on_disk(record_id: str, parts: SignalParts, units: tuple[str, ...]) -> StoredSignal | None:
    """Return what reads a very long file in parts; None for what is better held in memory."""
    if not parts.on_disk or parts.n_leads * parts.n_times <= STORED_VALUES:
        return None
    return StoredSignal(parts, lambda values: _to_mv(record_id, values, units))


def _is_sound(limits: NDArray[np.floating], names: tuple[str, ...]) -> bool:
    """Return whether nothing between (n_leads, 2) limits has to be bridged, turned or refused."""
    plausible = limits.max() <= MOST_MV and limits.min() >= -MOST_MV and np.ptp(limits, axis=1).max() <= IMPLAUSIBLE_MV
    return bool(plausible) and not any(name[:1] == "-" for name in names)


def _upright(values: NDArray[np.floating], names: tuple[str, ...]) -> tuple[NDArray[np.floating], tuple[str, ...], tuple[Message, ...]]:
    """Turn leads such as ``-aVR``, which are upside down; warn of that and of a modified lead."""
    hint = modified_lead(names)
    warnings = (hint,) if hint else ()
    rows = [row for row, name in enumerate(names) if name[:1] == "-" and name[1:] in STANDARD_LEADS]
    if not rows:
        return values, names, warnings
    values = values.copy()
    values[rows] *= -1
    turned = tuple(name[1:] if row in rows else name for row, name in enumerate(names))
    return values, turned, (message("leads_turned", count=len(rows), leads=[turned[row] for row in rows]), *warnings)


def _in_mv(record_id: str, parts: SignalParts, units: tuple[str, ...]) -> NDArray[np.floating]:
    """Decode and convert in double precision, (n_leads, n_times) in mV; keep single if long."""
    if parts.is_one:
        return _to_mv(record_id, parts.whole(), units)
    values = np.empty((parts.n_leads, parts.n_times), np.float32)
    # What single precision cannot hold is no measurement, see MOST_MV.
    with np.errstate(over="ignore"):
        for start, part in parts:
            values[:, start : start + part.shape[1]] = _to_mv(record_id, part, units)
    return values


def _to_mv(record_id: str, values: NDArray[Any], units: tuple[str, ...]) -> NDArray[np.float64]:
    if units == ("mV",) * len(units):
        return values.astype(np.float64, copy=False)
    unknown = sorted({unit for unit in units if unit.strip().lower() not in UNIT_TO_MV})
    if unknown:
        raise UnitError(message("unit_unknown", where=record_id, unit=", ".join(unknown)))
    scale = [UNIT_TO_MV[unit.strip().lower()] for unit in units]
    if all(factor == 1.0 for factor in scale):
        return values.astype(np.float64, copy=False)
    converted: NDArray[np.float64] = values * np.asarray(scale)[:, None]
    return converted


def _check_amplitude(
    record_id: str,
    values: NDArray[np.floating],
    names: tuple[str, ...],
    masked: tuple[str, ...],
    units: tuple[str, ...],
    *,
    span: NDArray[np.floating],
) -> tuple[str, ...]:
    """Refuse amplitudes that no heart makes; name flat leads, by the (n_leads,) spans in mV."""
    if span.max() > IMPLAUSIBLE_MV:
        peak = np.array([np.percentile(np.abs(lead - np.median(lead)), 99.5) for lead in values])
        alive = peak[span > FLAT_MV]
        if np.median(alive) > IMPLAUSIBLE_MV:
            raise UnitError(message("implausible_amplitude", where=record_id, peak=np.median(alive), unit=units[0], most=IMPLAUSIBLE_MV))
    flat = [name for name, width in zip(names, span, strict=True) if width < FLAT_MV and name not in masked]
    return (message("flat_leads", count=len(flat), leads=flat),) if flat else ()
