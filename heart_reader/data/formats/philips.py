"""Philips XML of the schemas 1.03 to 1.04.02: PageWriter, TraceMaster and IntelliSpace ECG.

Compressed files hold III, aVR, aVL and aVF as differences from what I and II make of them, and end
with a calibration pulse, which is no part of the recording and is left out.

References
----------
Philips Medical Systems, SierraECG schema 1.03 (2003) and PhilipsECG schema 1.04.01 (2008), which
give amplitudes in microvolts and durations in milliseconds. For XLI see
:mod:`heart_reader.data.formats.xli`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.device_report import MedianBeats
from heart_reader.data.formats.files import Given, check_fs, check_length, damaged
from heart_reader.data.formats.philips_report import flag, philips_age, philips_report, philips_sex, stated_signal
from heart_reader.data.formats.registry import register_format
from heart_reader.data.formats.xli import XliError, xli_blocks, xli_samples
from heart_reader.data.formats.xml_file import number_of, parse_xml, root_name, text_of
from heart_reader.data.formats.xml_leads import (
    MOST_TIMES,
    Waveform,
    beats_or_warning,
    from_base64,
    median_beats,
    record_of,
    unread,
)
from heart_reader.data.leads import LIMB_LEADS, STANDARD_LEADS, canonical_lead, derive_limb_leads
from heart_reader.data.record import EcgRecord
from heart_reader.errors import UnreadableRecord
from heart_reader.messages import message

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

__all__ = ["read_philips"]

_VERSIONS = ("1.03", "1.04", "1.04.01", "1.04.02")
# What 1.03 and 1.04 call ten electrodes and the twelve leads.
_TWELVE = ("STD-12", "10-WIRE")
_MAX_LEADS = 256
# The count of a representative beat where none was computed.
_NO_BEAT = 32767
# A calibration pulse lasts 0.2 s; other recorders' would be hardly shorter or longer.
_PULSE_S = (0.05, 0.6)


@register_format(
    "philips",
    title="Philips XML",
    suffixes=(".xml",),
    sniff=lambda head, _: root_name(head) == "restingecgdata",
    lists=lambda head, _: root_name(head) == "restingecgdata",
    states="rate, unit, leads, filters, age and sex; measurements, statements and average beats of the device",
)
def read_philips(path: str, head: bytes, given: Given) -> EcgRecord:
    """Read the recording of a Philips XML file; see :class:`Format` for parameters and errors."""
    root = parse_xml(path)
    version = text_of(root, "documentinfo/documentversion")
    if version not in _VERSIONS:
        raise unread(path, f"version {version} of Philips XML")
    element = root.find("waveforms/parsedwaveforms")
    if element is None:
        raise unread(path, "a recording that is not in the element parsedwaveforms")
    warnings: list[str] = []
    waveform = _waveform(path, root, element, given)
    counts = _counts(path, element, waveform, root)
    kept = _before_calibration(counts, waveform)
    n_leads = len(waveform.lead_names)
    if len(counts) > n_leads and np.ptp(counts[n_leads:, :kept], axis=1).any():
        raise damaged(path, f"it names {n_leads} leads, and {len(counts)} channels have a signal")
    if kept < waveform.n_times:
        warnings.append(message("calibration_cut", seconds=(waveform.n_times - kept) / waveform.fs))
    beats = root.find("waveforms/repbeats")
    medians = None if beats is None else beats_or_warning(lambda: _beats(path, beats), warnings)
    report = philips_report(root, element, medians, identity=given.identity)
    age, sex = philips_age(root), philips_sex(root)
    return record_of(
        path, given, waveform, counts[:n_leads, :kept], source_format="philips", age=age, sex=sex, report=report, warnings=warnings
    )


def _waveform(path: str, root: Element, element: Element, given: Given) -> Waveform:
    """Describe the recording; what the element states goes before what the acquisition states."""
    fs = number_of(stated_signal(root, element, "samplespersecond", "samplingrate"))
    resolution = number_of(stated_signal(root, element, "resolution", "signalresolution"))
    duration = number_of(element.get("durationperchannel"))
    if fs is None or fs <= 0:
        raise damaged(path, "it states no sampling rate")
    fs = check_fs(path, fs)
    n_times = _length(duration, fs)
    if n_times < 1:
        raise damaged(path, f"it states a duration of {element.get('durationperchannel')} ms per channel")
    names = _names(path, root, element, given)
    check_length(path, len(names), n_times, fs, given)
    return Waveform(
        name="parsedwaveforms",
        fs=fs,
        lead_names=names,
        n_times=n_times,
        steps=(0.0 if resolution is None else resolution,) * len(names),
        units=("uV",) * len(names),
    )


def _length(duration_ms: float | None, fs: float) -> int:
    """Time points of a duration; 0 for none, and for one that no recording has."""
    n_times = (duration_ms or 0.0) * fs / 1000.0
    return round(n_times) if 0 < n_times < MOST_TIMES else 0


def _names(path: str, root: Element, element: Element, given: Given) -> tuple[str, ...]:
    """Names of the leads; the twelve where a file says so with one word."""
    labels = tuple((element.get("leadlabels") or "").split())
    count = number_of(element.get("numberofleads") or str(len(labels)))
    if labels:
        if count != len(labels):
            raise damaged(path, f"it declares {element.get('numberofleads')} leads and names {len(labels)}")
        return labels
    characteristics = root.find("dataacquisition/signalcharacteristics")
    channels = number_of(text_of(characteristics, "numberchannelsvalid"))
    if channels == len(STANDARD_LEADS) and text_of(characteristics, "acquisitiontype") in _TWELVE:
        return STANDARD_LEADS
    if given.leads is None or len(given.leads) > _MAX_LEADS:
        raise damaged(path, f"the leads of its {text_of(characteristics, 'numberchannelsvalid')} channels have no names")
    return given.leads


def _counts(path: str, element: Element, waveform: Waveform, root: Element) -> NDArray[np.int64]:
    """Decode samples, (n_channels, n_times); channels beyond the leads were not connected."""
    bits = number_of(element.get("bitspersample") or element.get("nbitspersample") or "16")
    signed = flag(stated_signal(root, element, "signalsigned")) is not False
    offset = number_of(stated_signal(root, element, "signaloffset") or "0")
    encoding = element.get("dataencoding")
    compression = element.get("compression") or element.get("compressmethod") or ""
    if flag(element.get("compressflag")) is False or compression.lower() in ("none", "uncompressed"):
        compression = ""
    if bits != 16 or offset is None:
        raise unread(path, f"samples of {bits} bits with an offset of {offset}")
    if compression:
        if compression.upper() != "XLI" or encoding != "Base64" or not signed or offset:
            raise unread(path, f"the compression {compression} of samples in {encoding}, offset {offset:g}, signed: {signed}")
        return _from_xli(path, element, waveform)
    n_leads, n_times = len(waveform.lead_names), waveform.n_times
    values = _plain(path, element.text, encoding, "<i2" if signed else "<u2")
    if len(values) != n_leads * n_times:
        raise damaged(path, f"it declares {n_times} samples of {n_leads} leads and has {len(values)}")
    counts = values.reshape(n_leads, n_times).astype(np.int64) - int(offset)
    return _whole_leads(counts) if _are_differences(counts, waveform.lead_names) else counts


def _plain(path: str, text: str | None, encoding: str | None, dtype: str) -> NDArray[np.integer]:
    """Samples that are not compressed, one after the other."""
    if encoding == "Base64":
        content = from_base64(path, text, "parsedwaveforms")
        if len(content) % 2:
            raise damaged(path, f"{len(content)} bytes are no samples of 16 bits")
        return np.frombuffer(content, dtype)
    if encoding != "Plain":
        raise unread(path, f"samples in the encoding {encoding}")
    try:
        return np.array([int(word) for word in (text or "").split()], np.int64).clip(-32768, 65535)
    except (ValueError, OverflowError):
        raise damaged(path, "samples that are not whole numbers") from None


def _from_xli(path: str, element: Element, waveform: Waveform) -> NDArray[np.int64]:
    """Decompress all channels and make whole leads of III, aVR, aVL and aVF."""
    names = waveform.lead_names
    if tuple(canonical_lead(name) for name in names[:6]) != LIMB_LEADS:
        raise unread(path, f"compressed leads in the order {' '.join(names[:12])}, of which it is not known how they are stored")
    try:
        blocks = xli_blocks(from_base64(path, element.text, "parsedwaveforms"))
        if not len(names) <= len(blocks) <= _MAX_LEADS:
            raise damaged(path, f"it names {len(names)} leads and has {len(blocks)}")
        channels = [xli_samples(start, codes, waveform.n_times) for start, codes in blocks]
    except XliError as error:
        raise damaged(path, f"its XLI compression is damaged ({error})") from None
    if short := [number for number, channel in enumerate(channels, start=1) if len(channel) != waveform.n_times]:
        there = len(channels[short[0] - 1])
        raise damaged(path, f"channel {short[0]} has {there} samples, {waveform.n_times} are declared")
    return _whole_leads(np.stack(channels))


def _half(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Half, cut towards 0 as the recorder does; rounded down, leads would be a count off."""
    halves: NDArray[np.int64] = np.sign(values) * (np.abs(values) // 2)
    return halves


def _whole_leads(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Add to differences of III, aVR, aVL and aVF what the other limb leads make of them."""
    lead_i, lead_ii = counts[0], counts[1]
    counts = counts.copy()
    counts[2] = lead_iii = lead_ii - lead_i - counts[2]
    counts[3] = -_half(lead_i + lead_ii) - counts[3]
    counts[4] = _half(lead_i - lead_iii) - counts[4]
    counts[5] = _half(lead_ii + lead_iii) - counts[5]
    return counts


def _are_differences(counts: NDArray[np.int64], names: tuple[str, ...]) -> bool:
    """Whether leads that are not compressed hold differences all the same.

    Differences are a few counts high, and leads miss the limb leads' identities by a few counts.
    """
    if tuple(canonical_lead(name) for name in names[:6]) != LIMB_LEADS:
        return False
    stored = counts[2:6].astype(np.float64)
    missed = stored - np.stack([*derive_limb_leads(counts[0].astype(np.float64), counts[1].astype(np.float64)).values()])
    return bool(np.square(stored).sum() < 0.01 * np.square(missed).sum())


def _before_calibration(counts: NDArray[np.int64], waveform: Waveform) -> int:
    """Return the time points before a calibration pulse: 0, 1 mV and 0 in all channels alike."""
    step_mv, fs = waveform.steps[0] / 1000.0, waveform.fs
    top = round(1.0 / step_mv) if step_mv > 0 else 0
    first = counts[0]
    alike = (counts == first).all(axis=0) & ((first == 0) | (first == top))
    start = int(np.flatnonzero(~alike).max(initial=-1)) + 1
    edges = np.flatnonzero(np.diff(first[start:] == top, prepend=False, append=False))
    if top < 2 or len(counts) < 3 or len(edges) != 2 or edges[0] == 0 or edges[1] == len(first) - start:
        return len(first)
    return start if _PULSE_S[0] <= (edges[1] - edges[0]) / fs <= _PULSE_S[1] and start > 0 else len(first)


def _beats(path: str, element: Element) -> MedianBeats | None:
    """Read the representative beats, one per lead."""
    items = element.findall("repbeat")
    if not items:
        return None
    fs = number_of(element.get("samplespersec") or element.get("samplespersecond"))
    resolution = number_of(element.get("resolution"))
    if element.get("compression") or element.get("dataencoding") not in ("Base64", "Plain") or not fs or fs <= 0 or not resolution:
        raise UnreadableRecord(message("in_record", where=path, problem="neither encoding nor rate and resolution of its beats are known"))
    rows = []
    for item in items:
        holder = item if (inner := item.find("waveform")) is None else inner
        values = _plain(path, holder.text, element.get("dataencoding"), "<i2")
        duration = number_of(holder.get("duration"))
        if duration is not None and _length(duration, check_fs(path, fs)) != len(values):
            raise damaged(path, f"a beat of {duration:g} ms has {len(values)} samples")
        rows.append(values)
    if len({len(row) for row in rows}) > 1:
        raise damaged(path, "its beats differ in length")
    counts = np.stack(rows).astype(np.float64)
    known = np.flatnonzero((counts != _NO_BEAT).any(axis=0))
    counts = counts[:, : known.max(initial=-1) + 1]
    counts[counts == _NO_BEAT] = np.nan
    names = tuple(item.get("leadname") or "" for item in items)
    if not counts.size or not all(names):
        raise damaged(path, "its beats have no names or no samples")
    steps, units = (resolution,) * len(names), ("uV",) * len(names)
    return median_beats(path, Waveform("repbeats", fs, names, counts.shape[1], steps, units, averaged=True), counts)
