"""Write (n_leads, n_times) whole microvolts in each format, quickly enough for hours."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = ["WRITERS", "tiled"]

Microvolts = NDArray[np.int16]


def tiled(n_leads: int, fs: float, duration_s: float) -> Microvolts:
    """A simulated minute again and again."""
    from heart_reader.data.synthetic import EcgParameters, simulate
    from heart_reader.data.synthetic.files import to_microvolts

    minute = to_microvolts(simulate(EcgParameters(heart_rate_bpm=75.0), rng=np.random.default_rng(0), fs=fs, duration_s=60.0))[:n_leads]
    n_times = round(fs * duration_s)
    return np.tile(minute, -(-n_times // minute.shape[1]))[:, :n_times]


def write_csv(path: Path, signal: Microvolts, fs: float, names: tuple[str, ...]) -> Path:
    path = path.with_suffix(".csv")
    with path.open("w", encoding="ascii") as file:
        file.write(f"# fs={fs:g}\n# unit=uV\n{','.join(names)}\n")
        for start in range(0, signal.shape[1], 100_000):
            file.writelines(",".join(map(str, row)) + "\n" for row in signal[:, start : start + 100_000].T.tolist())
    return path


def write_wfdb(path: Path, signal: Microvolts, fs: float, names: tuple[str, ...]) -> Path:
    path = path.with_suffix(".hea")
    lines = [f"{path.stem} {len(names)} {fs:g} {signal.shape[1]}", *(f"{path.stem}.dat 16 1000(0)/mV 16 0 0 0 0 {name}" for name in names)]
    path.write_text("\n".join(lines) + "\n", encoding="ascii")
    np.ascontiguousarray(signal.T).astype("<i2").tofile(path.with_suffix(".dat"))
    return path


def write_edf(path: Path, signal: Microvolts, fs: float, names: tuple[str, ...]) -> Path:
    """One second in each data record; what is left over is not written."""
    path, per_record = path.with_suffix(".edf"), round(fs)
    n_signals, n_records = len(names), signal.shape[1] // per_record
    fixed = [("0", 8), ("", 80), ("", 80), ("01.01.20", 8), ("00.00.00", 8), (str(256 * (1 + n_signals)), 8), ("", 44), (str(n_records), 8)]
    columns = [(list(names), 16), ("", 80), ("uV", 8), ("-32768", 8), ("32767", 8), ("-32768", 8), ("32767", 8), ("", 80)]
    text = "".join(value.ljust(width) for value, width in [*fixed, ("1", 8), (str(n_signals), 4)])
    for values, width in [*columns, (str(per_record), 8), ("", 32)]:
        text += "".join(value.ljust(width) for value in (values if isinstance(values, list) else [values] * n_signals))
    records = signal[:, : n_records * per_record].reshape(n_signals, n_records, per_record).transpose(1, 0, 2)
    path.write_bytes(text.encode("ascii") + np.ascontiguousarray(records).astype("<i2").tobytes())
    return path


def write_dicom(path: Path, signal: Microvolts, fs: float, names: tuple[str, ...]) -> Path:
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    def channel(name: str) -> Dataset:
        source, unit, item = Dataset(), Dataset(), Dataset()
        source.CodeMeaning, unit.CodeValue = name, "uV"
        item.ChannelSourceSequence, item.ChannelSensitivityUnitsSequence, item.ChannelSensitivity = [source], [unit], 1
        return item

    group, dataset = Dataset(), Dataset()
    group.NumberOfWaveformChannels, group.NumberOfWaveformSamples = signal.shape
    group.SamplingFrequency, group.ChannelDefinitionSequence = fs, [channel(name) for name in names]
    group.WaveformBitsAllocated, group.WaveformSampleInterpretation = 16, "SS"
    group.WaveformData = np.ascontiguousarray(signal.T).astype("<i2").tobytes()
    dataset.SOPClassUID, dataset.SOPInstanceUID, dataset.WaveformSequence = "1.2.840.10008.5.1.4.1.1.9.1.1", "1.2.3", [group]
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID, dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPClassUID, "1.2.3"
    path = path.with_suffix(".dcm")
    dataset.save_as(path, enforce_file_format=True)
    return path


WRITERS: dict[str, Callable[[Path, Microvolts, float, tuple[str, ...]], Path]] = {
    "csv": write_csv,
    "wfdb": write_wfdb,
    "edf": write_edf,
    "dicom": write_dicom,
}
