"""Simulated records in every format, for mutations, and ECGs that are odd before any."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from heart_reader.data.leads import STANDARD_LEADS
from heart_reader.data.record import EcgRecord
from heart_reader.data.synthetic import EcgParameters, random_parameters, simulate
from tests.hostile.write_aecg import Aecg, annotation, document, filter_of, series
from tests.hostile.write_contec import Contec, write_file, write_table
from tests.hostile.write_ishne import CODES, Ishne, content_of
from tests.hostile.write_scp import CODES as SCP_CODES
from tests.hostile.write_scp import SWITCHING, Scp, scp_bytes
from tests.hostile.write_wfdb import RARE, pack
from tests.hostile.write_xml import EIGHT, mortara_text, muse_text, philips_text, schiller_text

__all__ = ["FORMATS", "SEEDS_PER_FORMAT", "Files", "seed_files"]

# Name to content; the first name is the one that a user would give.
Files = dict[str, bytes]

SEEDS_PER_FORMAT = 48
RATES_HZ = (10.0, 11.0, 12.0, 25.0, 50.0, 100.0, 100.0, 128.0, 250.0, 250.0, 257.0, 360.0, 500.0, 500.0, 1000.0, 2000.0)
DURATIONS_S = (1.0, 2.0, 2.5, 3.0, 4.0, 6.0, 10.0, 10.0, 12.0, 25.0)
MOST_TIMES = 6000
LEADS = ((STANDARD_LEADS,) * 8) + (("I",), ("V1", "V5"), ("I", "II", "V2"), ("II", "aVF"), STANDARD_LEADS[:8], ("I", "MCL1", "resp"))

Signal = NDArray[np.float32]
Odd = Callable[[Signal, np.random.Generator], Signal]


def _one_lead(values: Callable[[Signal], Signal | float]) -> Odd:
    def change(signal: Signal, rng: np.random.Generator) -> Signal:
        changed, row = signal.copy(), rng.integers(len(signal))
        changed[row] = values(changed[row])
        return changed

    return change


def _spike(signal: Signal, rng: np.random.Generator) -> Signal:
    changed = np.zeros_like(signal)
    changed[:, rng.integers(signal.shape[1])] = 5.0
    return changed


# What a signal can be, from an ECG to nothing of one.
ODD: tuple[Odd, ...] = (
    *(lambda signal, _: signal,) * 12,
    lambda signal, _: np.zeros_like(signal),
    lambda signal, _: np.full_like(signal, 3.0),
    _one_lead(lambda _: 0.0),
    _one_lead(lambda lead: lead * 1e4),
    _spike,
    lambda signal, _: signal * np.float32(20.0),
    lambda signal, _: signal * np.float32(0.01),
    lambda signal, _: np.clip(signal * 10, -0.3, 0.3),
    lambda signal, rng: rng.normal(0, 0.5, signal.shape).astype(np.float32),
    lambda signal, _: np.where(np.arange(signal.shape[1]) % 2, 4.0, -4.0).astype(np.float32) + 0 * signal,
    lambda signal, _: np.where(np.arange(signal.shape[1]) < signal.shape[1] // 2, signal, 0.0).astype(np.float32),
    lambda signal, _: np.repeat(signal[:1], len(signal), axis=0),
    lambda signal, _: np.linspace(-30.0, 30.0, signal.shape[1], dtype=np.float32) + signal,
)


@cache
def seed_record(number: int) -> EcgRecord:
    """One of :data:`SEEDS_PER_FORMAT` records; the first is an ordinary one."""
    rng = np.random.default_rng([20, number])
    fs, duration_s, leads, odd = 250.0, 4.0, STANDARD_LEADS, ODD[0]
    if number:
        fs, duration_s = float(rng.choice(RATES_HZ)), float(rng.choice(DURATIONS_S))
        leads, odd = LEADS[rng.integers(len(LEADS))], ODD[rng.integers(len(ODD))]
    parameters = random_parameters(("NORM", "MI", "STTC", "CD", "HYP")[number % 5 : number % 5 + 1], rng) if number else EcgParameters()
    # Few time points are cut from more, for a simulated heart needs time to beat.
    n_times = max(2, min(MOST_TIMES, round(fs * duration_s)))
    simulated = simulate(parameters, rng=rng, fs=max(fs, 100.0), duration_s=max(4.0, n_times / max(fs, 100.0)))
    signal = odd(simulated.signal[: len(leads), :n_times].astype(np.float32), rng)
    return EcgRecord("seed", np.ascontiguousarray(signal, dtype=np.float32), fs, leads, age=62.0, sex="female")


def _whole(record: EcgRecord, bits: int, gain: float) -> NDArray[np.int64]:
    """Digital values, (n_leads, n_times)."""
    top = 2 ** (bits - 1) - 1
    return np.clip(np.rint(record.signal.astype(np.float64) * gain), -top, top).astype(np.int64)


def _packed(values: NDArray[np.int64], fmt: int) -> bytes:
    """Samples of a WFDB format, in the order that they stand in."""
    if fmt == 212:
        pairs = np.append(values, np.zeros(len(values) % 2, np.int64)).reshape(-1, 2) & 0xFFF
        low, high = pairs[:, 0], pairs[:, 1]
        return np.stack([low & 0xFF, (low >> 8) | (high >> 8) << 4, high & 0xFF], axis=1).astype(np.uint8).tobytes()
    if fmt == 80:
        return (values + 128).astype(np.uint8).tobytes()
    if fmt == 24:
        return values.astype("<i4").view(np.uint8).reshape(-1, 4)[:, :3].tobytes()
    return values.astype("<i2" if fmt == 16 else "<i4").tobytes()


def _wfdb(record: EcgRecord, number: int, *, mat: bool) -> Files:
    fmt = 16 if mat else (16, 16, 212, 80, 24, 32)[number % 6]
    bits = {212: 12, 80: 8}.get(fmt, 16)
    gain = {12: 200.0, 8: 20.0}.get(bits, 1000.0)
    values, end = _whole(record, bits, gain), "mat" if mat else "dat"
    lines = [f"seed {len(values)} {record.fs:g} {record.n_times}"]
    for name, lead in zip(record.lead_names, values, strict=True):
        lines.append(f"seed.{end} {fmt}{'+24' if mat else ''} {gain:g}(0)/mV {bits} 0 {lead[0]} {lead.sum() % 65536} 0 {name}")
    lines += ["#Age: 62", "#Sex: Female", "#Dx: 426783006"]
    start = np.array([30, len(values), record.n_times, 0, 4], "<i4").tobytes() + b"val\0" if mat else b""
    return {"seed.hea": ("\n".join(lines) + "\n").encode(), f"seed.{end}": start + _packed(values.T.ravel(), fmt)}


def _csv(record: EcgRecord, number: int) -> Files:
    separator, decimal = ((",", "."), (";", ","), ("\t", "."), (";", "."))[number % 4]
    unit, scale, digits = (("mV", 1.0, 3), ("uV", 1e3, 0), ("V", 1e-3, 6))[number % 3]
    names, columns = list(record.lead_names), (record.signal.astype(np.float64) * scale).tolist()
    if number % 5 == 1:
        names, columns = ["time", *names], [[place / record.fs for place in range(record.n_times)], *columns]
    rows = [separator.join(f"{value:.{digits}f}".replace(".", decimal) for value in row) for row in zip(*columns, strict=True)]
    head = [f"# fs={record.fs:g}", f"# unit={unit}", "# age=62", "# sex=F", separator.join(names)]
    end = ("\n", "\r\n", "\r")[number % 7 % 3]
    return {"seed.csv": (end.join([*head, *rows]) + end).encode(("utf-8", "utf-8-sig", "utf-16", "latin-1")[number % 9 % 4])}


def _field(values: Sequence[object], width: int) -> bytes:
    return b"".join(str(value)[:width].ljust(width).encode("ascii") for value in values)


def _edf(record: EcgRecord, number: int) -> Files:
    """Return EDF or EDF+C, one record a second or one for all if a second is not whole."""
    per_second = int(record.fs)
    n_records, length, size = 1, record.n_times / record.fs, record.n_times
    if record.n_times >= per_second == record.fs:
        n_records, length, size = record.n_times // per_second, 1.0, per_second
    unit, scale = (("mV", 1.0), ("uV", 1e3))[number % 2]
    gain = 1000.0 if np.abs(record.signal).max() < 32 else 32000 / float(np.abs(record.signal).max())
    values = _whole(record, 16, gain)[:, : n_records * size]
    plus, n_leads = number % 3 == 1, len(values)
    labels = [f"ECG {name}" if number % 4 == 2 else name for name in record.lead_names] + ["EDF Annotations"] * plus
    notes = [f"+{place}\x14\x14".encode().ljust(32, b"\0") for place in range(n_records)]
    limit = 32767 / gain * scale
    n_signals = len(labels)
    head = b"".join(
        (
            _field([0], 8),
            _field(["X F 01-JUN-1950 X" if plus else "somebody"], 80),
            _field(["Startdate 31-MAY-2020 X X X" if plus else "a recording"], 80),
            _field(["31.05.20", "12.00.00", 256 * (1 + n_signals)], 8),
            _field(["EDF+C" if plus else ""], 44),
            _field([n_records, f"{length:.6g}"], 8),
            _field([n_signals], 4),
            _field(labels, 16),
            _field(["electrode"] * n_signals, 80),
            _field([unit] * n_leads + [""] * plus, 8),
            _field([f"{-limit:.6g}"] * n_leads + ["-1"] * plus, 8),
            _field([f"{limit:.6g}"] * n_leads + ["1"] * plus, 8),
            _field([-32767] * n_leads + [-32768] * plus, 8),
            _field([32767] * n_signals, 8),
            _field(["HP:0.05Hz"] * n_signals, 80),
            _field([size] * n_leads + [16] * plus, 8),
            _field([""] * n_signals, 32),
        )
    )
    blocks = values.reshape(n_leads, n_records, size).transpose(1, 0, 2).astype("<i2")
    body = b"".join(block.tobytes() + (note if plus else b"") for block, note in zip(blocks, notes, strict=True))
    return {"seed.edf": head + body}


_CODES = dict(zip(STANDARD_LEADS, (1, 2, 61, 62, 63, 64, 3, 4, 5, 6, 7, 8), strict=True))
_STORAGE = "1.2.840.10008.5.1.4.1.1.9.1.1"


def _channel(name: str, number: int) -> Dataset:
    source, item, unit = Dataset(), Dataset(), Dataset()
    if name in _CODES and number % 3:
        source.CodeValue, source.CodingSchemeDesignator = f"5.6.3-9-{_CODES[name]}", "SCPECG"
    source.CodeMeaning = f"Lead {name}"
    unit.CodeValue = "uV"
    item.ChannelSourceSequence, item.ChannelSensitivityUnitsSequence = [source], [unit]
    item.ChannelSensitivity, item.ChannelSensitivityCorrectionFactor, item.ChannelBaseline = 5.0, 1, 0.0
    item.WaveformBitsStored = 16
    return item


def dicom_dataset(number: int) -> Dataset:
    """A seed as pydicom holds it."""
    record, kind = seed_record(number), ("SS", "SS", "SL")[number % 3]
    syntax = (ExplicitVRLittleEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian)[number % 4]
    group = Dataset()
    group.WaveformOriginality = "ORIGINAL"
    group.NumberOfWaveformChannels, group.NumberOfWaveformSamples = record.signal.shape
    group.SamplingFrequency, group.MultiplexGroupLabel = f"{record.fs:g}", "RHYTHM"
    group.ChannelDefinitionSequence = [_channel(name, number) for name in record.lead_names]
    group.WaveformBitsAllocated, group.WaveformSampleInterpretation = (16 if kind == "SS" else 32), kind
    order = ">" if syntax == ExplicitVRBigEndian else "<"
    group.add_new("WaveformData", "OW", _whole(record, 16, 200.0).T.astype(f"{order}i{2 if kind == 'SS' else 4}").tobytes())
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = _STORAGE, "1.2.3"
    dataset.PatientAge, dataset.PatientSex = "062Y", "F"
    dataset.WaveformSequence = [group]
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.file_meta.MediaStorageSOPClassUID, dataset.file_meta.MediaStorageSOPInstanceUID = _STORAGE, "1.2.3"
    return dataset


def dicom_bytes(dataset: Dataset) -> bytes:
    """Return a data set as a file."""
    stream = io.BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


# Steps of XML files in microvolts, and how their text is kept.
_STEPS_UV, _ENCODINGS = (1.0, 2.5, 4.88, 5.0), ("latin-1", "utf-16", "utf-8-sig")


def _muse(record: EcgRecord, number: int) -> str:
    leads = EIGHT if number % 2 and record.lead_names == STANDARD_LEADS else record.lead_names
    return muse_text(record, leads, _STEPS_UV[number % 4], crc=number % 3 == 0)


def _philips(record: EcgRecord, number: int) -> str:
    old = number % 3 == 1 and record.lead_names == STANDARD_LEADS
    return philips_text(
        record, record.lead_names, _STEPS_UV[number % 4], compressed=number % 5 != 2, calibration=number % 7 == 1, old=old, most=4000
    )


def _xml(text: str, number: int) -> Files:
    """Return a text in one of several encodings, as its declaration says."""
    encoding = _ENCODINGS[number % 11 % 3]
    declared = {"latin-1": "ISO-8859-1", "utf-16": "UTF-16", "utf-8-sig": "UTF-8"}[encoding]
    rest = text.partition("?>")[2]
    return {"seed.xml": f'<?xml version="1.0" encoding="{declared}"?>{rest}'.encode(encoding)}


def _aecg(record: EcgRecord, number: int) -> Files:
    """Return a file with one set or a set for each lead, and beats in every third."""
    unit, per_mv, scale = (("uV", 1000.0, "1"), ("uV", 400.0, "2.5"), ("mV", 1000.0, "0.001"), ("nV", 200.0, "5000"))[number % 4]
    kind, head = (("TIME_ABSOLUTE", 'value="20200531120000"'), ("TIME_RELATIVE", 'value="0" unit="s"'))[number % 2]
    groups = [record.lead_names] if number % 3 else [[name] for name in record.lead_names]
    axes = ((kind, head, f'value="{1.0 / record.fs:.12g}" unit="s"'),)
    notes = annotation("MDC_ECG_TIME_PD_QRS", '<value xsi:type="PQ" value="96" unit="ms"/>')
    notes += annotation("MDC_ECG_INTERPRETATION_STATEMENT", '<value xsi:type="ST">Sinus rhythm</value>')
    after = f"<subjectOf><annotationSet>{notes}</annotationSet></subjectOf>"
    spec = Aecg(per_mv, f'value="{scale}" unit="{unit}"', f'value="0" unit="{unit}"', axes=axes, groups=groups, after=after)
    if not number % 3:
        beats = series(replace(record, signal=record.signal[:, :50]), replace(spec, after=""), "derivedSeries")
        spec = replace(spec, after=f"{after}<derivation>{beats}</derivation>")
    return {"seed.xml": document(record, replace(spec, filters=filter_of("LOW_PASS", 'value="150" unit="Hz"'))).encode()}


def _segments(record: EcgRecord, number: int) -> Files:
    """Return two segments in formats of rare recorders with a gap between, half with a layout."""
    fmt, half = RARE[number % len(RARE)], record.n_times // 2
    limit = {8: 120, 310: 511, 311: 511}.get(fmt, 32767)
    values = np.clip(_whole(record, 16, 200.0), -limit, limit)
    by_layout, n_leads = bool(number % 2), len(values)
    files: Files = {"seed.hea": b""}
    lines = [] if not by_layout else ["layout 0"]
    if by_layout:
        rows = [f"~ 0 200/mV 16 0 0 0 0 {name}" for name in record.lead_names]
        files["layout.hea"] = "\n".join([f"layout {n_leads} {record.fs:g} 0", *rows]).encode()
    for part, of_part in enumerate((values[:, :half], values[:, half:])):
        stored = np.diff(of_part, axis=1, prepend=of_part[:, :1]) if fmt == 8 else of_part
        stored = np.clip(stored, -127, 127) if fmt == 8 else stored
        rows = [f"s{part}.dat {fmt} 200(0)/mV 10 0 {row[0]} 0 0 {name}" for row, name in zip(of_part, record.lead_names, strict=True)]
        files[f"s{part}.hea"] = "\n".join([f"s{part} {n_leads} {record.fs:g} {of_part.shape[1]}", *rows]).encode()
        files[f"s{part}.dat"] = pack(np.ascontiguousarray(stored.T).ravel(), fmt)
        lines += [f"s{part} {of_part.shape[1]}", *([f"~ {int(record.fs) // 4}"] if part == 0 else [])]
    n_times = record.n_times + int(record.fs) // 4
    files["seed.hea"] = "\n".join([f"seed/{len(lines)} {n_leads} {record.fs:g} {n_times}", *lines, "#Age: 62"]).encode()
    return files


def _ishne(record: EcgRecord, number: int) -> Files:
    known = [CODES.get(name, 1) for name in record.lead_names]
    step = 2500 if number % 2 else 5000
    values = _whole(record, 16, 1e6 / step)
    fields = {"n_samples": values.size} if number % 3 == 1 else {}
    spec = Ishne(step_nv=step, codes=known, fields=fields, block=b"a note" * (number % 4), checked=number % 5 > 0)
    return {"seed.ecg": content_of(values, record.fs, spec)}


def _contec(record: EcgRecord, number: int) -> Files:
    """Return a file or, every third time, a table of one, of two seconds at least."""
    steps = np.zeros((8, record.n_times), np.int64)
    for row, name in enumerate(("II", "III", *STANDARD_LEADS[6:])):
        lead = record.lead(name) if name in record.lead_names else record.signal[0] * (row + 1) / 9
        steps[row] = np.clip(np.rint(lead / 0.005), -2000, 2000)
    steps = np.tile(steps, -(-1600 // record.n_times))
    spec = Contec(changed=lambda _: steps, off=(7,) if number % 4 == 1 else ())
    with TemporaryDirectory() as folder:
        path = write_table(Path(folder), spec) if number % 3 == 2 else write_file(Path(folder), spec)
        return {"seed.csv" if number % 3 == 2 else "seed.ecg": path.read_bytes()}


def _bdf(record: EcgRecord, number: int) -> Files:
    """Return the EDF file of a seed as BDF: the same samples with a byte more."""
    content = _edf(record, number)["seed.edf"]
    start = int(content[184:192])
    samples = np.frombuffer(content[start:], "<i2").astype("<i4").view(np.uint8).reshape(-1, 4)[:, :3]
    head = content[:start].replace(b"EDF Annotations", b"BDF Annotations").replace(b"EDF+C", b"BDF+C")
    return {"seed.bdf": b"\xffBIOSEMI" + head[8:] + samples.tobytes()}


def _facts(record: EcgRecord) -> dict[str, object]:
    return {"fs": record.fs, "unit": "mV", "leads": ",".join(record.lead_names), "age": 62.0, "sex": "F"}


def _npz(record: EcgRecord, number: int) -> Files:
    stream = io.BytesIO()
    (np.savez_compressed if number % 2 else np.savez)(stream, signal=record.signal.T if number % 3 else record.signal, **_facts(record))
    return {"seed.npz": stream.getvalue()}


def _hdf5(record: EcgRecord, number: int) -> Files:
    import h5py

    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        item = file.create_dataset("signal", data=record.signal, compression="gzip" if number % 2 else None)
        for name, value in _facts(record).items():
            item.attrs[name] = value
    return {"seed.h5": stream.getvalue()}


def _matlab(record: EcgRecord, number: int) -> Files:
    from scipy.io import savemat

    stream = io.BytesIO()
    savemat(stream, {"signal": record.signal, **_facts(record)}, do_compression=number % 4 == 1)
    return {"seed.mat": stream.getvalue()}


def _scp(record: EcgRecord, number: int) -> Files:
    """Return a record compressed in one of several ways; short, for codes are made one by one."""
    step_nv = (1000, 2500, 4880, 5000)[number % 4]
    digital = np.rint(record.signal[:, :1500].astype(np.float64) * 1e6 / step_nv).astype(np.int64)
    tables, differences = (None, "default", None, "default", SWITCHING)[number % 5], number % 3
    leads = [name if name in SCP_CODES else 200 for name in record.lead_names]
    compressed = number % 4 and digital.shape[1] >= 400
    # Its 16 bits hold intervals of up to 65 ms.
    spec = Scp(
        digital, leads, max(record.fs, 16.0), step_nv, tables=tables, differences=differences, beats=range(100, digital.shape[1] - 100, 200)
    )
    if compressed and record.fs >= 100:
        spec = replace(spec, subtracted=number % 4 != 2, factor=(1, 1, 4, 2)[number % 4])
    return {"seed.scp": scp_bytes(spec)}


_WRITERS: dict[str, Callable[[int], Files]] = {
    "wfdb": lambda number: _wfdb(seed_record(number), number, mat=False),
    "mat": lambda number: _wfdb(seed_record(number), number, mat=True),
    "csv": lambda number: _csv(seed_record(number), number),
    "edf": lambda number: _edf(seed_record(number), number),
    "dicom": lambda number: {"seed.dcm": dicom_bytes(dicom_dataset(number))},
    "muse": lambda number: _xml(_muse(seed_record(number), number), number),
    "philips": lambda number: _xml(_philips(seed_record(number), number), number),
    "schiller": lambda number: _xml(schiller_text(seed_record(number), seed_record(number).lead_names, _STEPS_UV[number % 4]), number),
    "mortara": lambda number: _xml(
        mortara_text(seed_record(number), seed_record(number).lead_names, 1000.0 / _STEPS_UV[number % 4]), number
    ),
    "scp": lambda number: _scp(seed_record(number), number),
    "aecg": lambda number: _aecg(seed_record(number), number),
    "segments": lambda number: _segments(seed_record(number), number),
    "bdf": lambda number: _bdf(seed_record(number), number),
    "ishne": lambda number: _ishne(seed_record(number), number),
    "contec": lambda number: _contec(seed_record(number), number),
    "npz": lambda number: _npz(seed_record(number), number),
    "hdf5": lambda number: _hdf5(seed_record(number), number),
    "matlab": lambda number: _matlab(seed_record(number), number),
}
FORMATS = tuple(_WRITERS)


@cache
def seed_files(fmt: str, number: int) -> Files:
    """Return the files of one seed."""
    return _WRITERS[fmt](number)
