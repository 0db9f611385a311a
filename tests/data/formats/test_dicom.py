"""DICOM waveforms against pydicom's values, and files that are damaged or lie."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from heart_reader.data.formats import find_records, read_record
from heart_reader.data.formats.dicom_channels import channel_lead
from heart_reader.data.leads import STANDARD_LEADS
from heart_reader.errors import LeadError, RecordError, UnitError, UnreadableRecord

# Order of the standard leads in the coding schemes.
CODES = (1, 2, 61, 62, 63, 64, 3, 4, 5, 6, 7, 8)
TWELVE_LEAD_STORAGE = "1.2.840.10008.5.1.4.1.1.9.1.1"


def channel(lead: str, code: str | None, *, unit: str | None = "uV", sensitivity: float | None = 2.5, baseline: float = 0.0) -> Dataset:
    source = Dataset()
    if code is not None:
        source.CodeValue, source.CodingSchemeDesignator = code, "MDC" if code.startswith("2:") else "SCPECG"
    source.CodeMeaning = lead
    item = Dataset()
    item.ChannelSourceSequence = [source]
    if sensitivity is not None:
        item.ChannelSensitivity, item.ChannelSensitivityCorrectionFactor, item.ChannelBaseline = sensitivity, 2, baseline
    if unit is not None:
        item.ChannelSensitivityUnitsSequence = [Dataset()]
        item.ChannelSensitivityUnitsSequence[0].CodeValue = unit
    item.WaveformBitsStored = 16
    return item


def group(samples: np.ndarray, channels: list[Dataset], fs: float = 500.0, label: str | None = "RHYTHM") -> Dataset:
    """A multiplex group of (n_channels, n_times) samples."""
    item = Dataset()
    item.WaveformOriginality = "ORIGINAL"
    item.NumberOfWaveformChannels, item.NumberOfWaveformSamples = samples.shape
    item.SamplingFrequency = fs
    if label is not None:
        item.MultiplexGroupLabel = label
    item.ChannelDefinitionSequence = channels
    item.WaveformBitsAllocated, item.WaveformSampleInterpretation = 16, "SS"
    item.WaveformData = np.ascontiguousarray(samples.T).astype("<i2").tobytes()
    return item


def samples(n_leads: int = 12, n_times: int = 5000) -> np.ndarray:
    times = np.arange(n_times) / 500.0
    return np.rint([200 * (row + 1) / n_leads * np.sin(2 * np.pi * 1.3 * times) for row in range(n_leads)]).astype(np.int16)


def twelve(scheme: str = "5.6.3-9-{}", **more) -> list[Dataset]:
    return [channel(f"Lead {lead}", scheme.format(code), **more) for lead, code in zip(STANDARD_LEADS, CODES, strict=True)]


def save(path: Path, *groups: Dataset, syntax: str = ExplicitVRLittleEndian, **values) -> Path:
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = TWELVE_LEAD_STORAGE, "1.2.3"
    dataset.PatientAge, dataset.PatientSex = "042Y", "F"
    for name, value in values.items():
        setattr(dataset, name, value)
    if groups:
        dataset.WaveformSequence = list(groups)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.file_meta.MediaStorageSOPClassUID, dataset.file_meta.MediaStorageSOPInstanceUID = TWELVE_LEAD_STORAGE, "1.2.3"
    dataset.save_as(path, enforce_file_format=True)
    return path


@pytest.mark.parametrize("scheme", ["5.6.3-9-{}", "2:{}"])
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_twelve_leads_equal_pydicom(tmp_path, scheme, syntax):
    path = save(tmp_path / "a.dcm", group(samples(), twelve(scheme, baseline=40.0)), syntax=syntax)
    record = read_record(path)
    np.testing.assert_allclose(record.signal, pydicom.dcmread(path).waveform_array(0).T / 1000, atol=1e-6)
    assert record.signal[11].max() == pytest.approx(200 * 2.5 * 2 / 1000 + 0.04)
    assert (record.lead_names, record.fs, record.warnings) == (STANDARD_LEADS, 500.0, ())
    assert (record.age, record.sex, record.source_format, record.record_id) == (42.0, "female", "dicom", "a")


def test_big_endian_samples(tmp_path):
    item = group(samples(), twelve())
    item.WaveformData = np.ascontiguousarray(samples().T).astype(">i2").tobytes()
    path = save(tmp_path / "a.dcm", item, syntax=ExplicitVRBigEndian)
    np.testing.assert_allclose(read_record(path).signal, samples() * 0.005, atol=1e-6)


def test_leads_are_known_by_their_words_where_they_have_no_code(tmp_path):
    path = save(tmp_path / "a.dcm", group(samples(3), [channel(name, None) for name in ("Lead I (Einthoven)", "aVF", "pressure")]))
    assert read_record(path).lead_names == ("I", "aVF", "pressure")


def test_code_and_words_that_contradict_each_other_are_refused(tmp_path):
    with pytest.raises(LeadError, match="channel 1 is lead V1 by its code but V2 by its name"):
        read_record(save(tmp_path / "a.dcm", group(samples(1), [channel("Lead V2", "2:3")])))


def test_the_rhythm_is_read_and_the_median_beat_is_not(tmp_path):
    beat = group(samples(12, 600), twelve(), label="MEDIAN BEAT")
    beat.WaveformOriginality = "DERIVED"
    rhythm = group(samples(), twelve())
    for order in ((beat, rhythm), (rhythm, beat)):
        record = read_record(save(tmp_path / "a.dcm", *order))
        assert record.n_times == 5000
        assert record.warnings == ("read waveform RHYTHM (12 channels, 10 s); left out: MEDIAN BEAT (12 channels, 1.2 s)",)


def test_padding_is_missing_and_true_zeros_are_not(tmp_path):
    values = samples()
    values[0, 1000:1010] = -32768
    values[1, 1000:1010] = 0
    item = group(values, twelve())
    item.WaveformPaddingValue = np.array(-32768, dtype="<i2").tobytes()
    record = read_record(save(tmp_path / "a.dcm", item))
    assert record.warnings == ("10 missing values in lead I were bridged by straight lines",)
    assert np.abs(record.lead("I")).max() < 1
    assert (record.lead("II")[1000:1010] == 0).all()
    item.WaveformPaddingValue = bytes(2)
    assert any("zeros were kept" in text for text in read_record(save(tmp_path / "b.dcm", item)).warnings)


def test_amplitudes_without_sensitivity_or_unit_are_refused(tmp_path):
    for more in ({"unit": None}, {"sensitivity": None}):
        path = save(tmp_path / "a.dcm", group(samples(), twelve(**more)))
        with pytest.raises(UnitError, match="lead I has no sensitivity or unit"):
            read_record(path)
    assert read_record(save(tmp_path / "b.dcm", group(samples(), twelve(unit=None))), unit="uV").warnings == (
        "read as uV as requested; the file says no unit",
    )


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"NumberOfWaveformSamples": 2**31}, "the file is truncated"),
        ({"NumberOfWaveformSamples": 5001}, "the file is truncated"),
        ({"NumberOfWaveformSamples": 0}, "the file is damaged"),
        ({"NumberOfWaveformChannels": 11}, "the file is damaged"),
        ({"NumberOfWaveformChannels": 65535}, "the file is damaged"),
        ({"SamplingFrequency": 0}, "the file is damaged"),
        ({"SamplingFrequency": 1e6}, "a sampling rate of"),
        ({"WaveformBitsAllocated": 8}, "the file is truncated"),
        ({"WaveformSampleInterpretation": "MB"}, "samples of kind 'MB'"),
    ],
)
def test_headers_that_lie(tmp_path, change, complaint):
    item = group(samples(), twelve())
    for name, value in change.items():
        setattr(item, name, value)
    with pytest.raises(UnreadableRecord, match=complaint):
        read_record(save(tmp_path / "a.dcm", item))


def test_a_picture_and_a_compressed_file_are_named(tmp_path):
    with pytest.raises(UnreadableRecord, match="without a waveform, perhaps a picture"):
        read_record(save(tmp_path / "a.dcm"))
    with pytest.raises(UnreadableRecord, match="compressed DICOM files cannot be read"):
        read_record(save(tmp_path / "b.dcm", group(samples(), twelve()), syntax=DeflatedExplicitVRLittleEndian))


def test_content_decides_and_folders_list_it(tmp_path):
    path = save(tmp_path / "a.dcm", group(samples(), twelve())).rename(tmp_path / "a.bin")
    assert read_record(path).source_format == "dicom"
    path.rename(tmp_path / "b.dcm")
    assert find_records(tmp_path) == [tmp_path / "b.dcm"]


def test_the_code_of_the_inverted_lead_is_not_avr(tmp_path):
    channels = [channel("Lead I", "5.6.3-9-1"), channel("upside down", "5.6.3-9-65")]
    read = read_dicom_names(save(tmp_path / "a.dcm", group(samples(2), channels)))
    assert read == ("I", "-aVR")
    for words, code in (("Lead aVR", "5.6.3-9-65"), ("Lead II", "2:65")):
        with pytest.raises(LeadError, match="channel 1 is lead -aVR by its code"):
            read_record(save(tmp_path / "b.dcm", group(samples(1), [channel(words, code)])))


def read_dicom_names(path: Path) -> tuple[str, ...]:
    """Names as they are handed on to whoever turns leads upright."""
    return tuple(
        channel_lead(str(path), number, item)
        for number, item in enumerate(pydicom.dcmread(path).WaveformSequence[0].ChannelDefinitionSequence, start=1)
    )


@pytest.mark.parametrize(("name", "small", "large"), [("ChannelTimeSkew", 0.001, 0.02), ("ChannelSampleSkew", 0.5, 10)])
def test_channels_that_begin_apart(tmp_path, name, small, large):
    for skew, complaint in ((small, None), (large, "leads start up to 20.0 ms apart")):
        channels = twelve()
        setattr(channels[3], name, skew)
        path = save(tmp_path / "a.dcm", group(samples(), channels))
        if complaint is None:
            assert read_record(path).warnings == ("leads start up to 1.0 ms apart (channel skew) and were read as simultaneous",)
            continue
        with pytest.raises(UnreadableRecord, match=complaint):
            read_record(path)


def test_bits_above_those_that_are_stored(tmp_path):
    channels = twelve()
    for item in channels:
        item.WaveformBitsStored = 12
    expected = read_record(save(tmp_path / "a.dcm", group(samples(), channels))).signal
    np.testing.assert_allclose(expected, samples() * 0.005, atol=1e-6)
    for change in (lambda values: values & 0xFFF, lambda values: values ^ (values % 2 << 13)):
        with pytest.raises(UnreadableRecord, match=r"do not fit into the 12 bits \(SS\)"):
            read_record(save(tmp_path / "b.dcm", group(change(samples()), channels)))


def test_surplus_samples_are_refused(tmp_path):
    item = group(samples(), twelve())
    item.WaveformData += bytes(24)
    with pytest.raises(UnreadableRecord, match="120024 bytes of samples, but 120000 are declared"):
        read_record(save(tmp_path / "a.dcm", item))
    item = group(samples(1, 999).astype(np.int8), [channel("I", "2:1")])
    item.WaveformBitsAllocated, item.WaveformSampleInterpretation = 8, "SB"
    item.WaveformData = (samples(1, 999) // 2).astype(np.int8).tobytes() + b"\0"
    item.ChannelDefinitionSequence[0].WaveformBitsStored = 8
    assert read_record(save(tmp_path / "b.dcm", item)).n_times == 999


def test_scales_of_channels(tmp_path):
    channels = [channel("I", "2:1"), channel("pressure", None, unit="mmHg")]
    record = read_record(save(tmp_path / "a.dcm", group(samples(2), channels)))
    assert (record.lead_names, record.warnings) == (("I",), ("left out because they are not voltages: pressure (mmHg)",))
    channels = [channel("I", "2:1", sensitivity=-2.5), channel("II", "2:2")]
    record = read_record(save(tmp_path / "b.dcm", group(samples(2), channels)))
    np.testing.assert_allclose(record.signal, samples(2) * [[-0.005], [0.005]], atol=1e-6)
    assert record.warnings == ("stored upside down according to the header (negative scale) and turned upright: I",)
    with pytest.raises(UnitError, match="lead I has a sensitivity or correction of 0"):
        read_record(save(tmp_path / "c.dcm", group(samples(1), [channel("I", "2:1", sensitivity=0)])))
    channels[0].ChannelSensitivityUnitsSequence[0].CodeMeaning = "millivolt"
    with pytest.raises(UnitError, match="the unit of lead I is uV by its code but millivolt by its name"):
        read_record(save(tmp_path / "d.dcm", group(samples(2), channels)))


def test_filters_and_states_of_channels_are_named(tmp_path):
    channels = twelve()
    channels[2].ChannelStatus = "DISCONNECTED"
    channels[5].FilterLowFrequency, channels[6].FilterHighFrequency = 2, 30
    record = read_record(save(tmp_path / "a.dcm", group(samples(), channels)))
    assert record.warnings == (
        "marked as unreliable by the recorder: III (DISCONNECTED)",
        "recorded without frequencies below 2 Hz, which distorts ST segments: aVF",
        "recorded without frequencies above 30 Hz, which lowers QRS complexes and smooths their notches: V1",
    )


@pytest.mark.parametrize(("text", "age"), [("018M", 1.5), ("006W", 42 / 365.25), ("010D", 10 / 365.25), ("000Y", 0.0), ("999Y", None)])
def test_ages(tmp_path, text, age):
    record = read_record(save(tmp_path / "a.dcm", group(samples(), twelve()), PatientAge=text, PatientSex="O"))
    assert (record.age, record.sex) == (age if age is None else pytest.approx(age), None)


@pytest.fixture(scope="module")
def small_file(tmp_path_factory) -> bytes:
    path = tmp_path_factory.mktemp("dicom") / "a.dcm"
    return save(path, group(samples(2, 60), [channel("I", "2:1"), channel("II", "2:2")])).read_bytes()


@settings(max_examples=200, deadline=2000)
@given(st.data())
def test_mutated_files_are_read_or_refused(tmp_path_factory, small_file, data):
    content = bytearray(small_file)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(132, len(content)))
        length = data.draw(st.integers(0, 6))
        content[at : at + length] = data.draw(st.binary(max_size=6))
    path = tmp_path_factory.mktemp("mutated") / "a.dcm"
    path.write_bytes(content[: data.draw(st.integers(132, len(content)))] if data.draw(st.booleans()) else content)
    with contextlib.suppress(RecordError):
        record = read_record(path)
        assert np.isfinite(record.signal).all()
        assert record.signal.shape[0] == len(record.lead_names)


@pytest.mark.parametrize("depth", [50, 20_000])
def test_deep_nesting_ends(tmp_path, small_file, depth):
    end_of_meta = 144 + int.from_bytes(small_file[140:144], "little")
    opening = bytes.fromhex("00540001") + b"SQ" + bytes(2) + b"\xff" * 4 + bytes.fromhex("feff00e0") + b"\xff" * 4
    path = tmp_path / "a.dcm"
    path.write_bytes(small_file[:end_of_meta] + opening * depth)
    with pytest.raises(UnreadableRecord, match=r"a\.dcm: (damaged|a) DICOM file"):
        read_record(path)


def test_an_element_that_claims_four_gigabytes(tmp_path, small_file):
    end_of_meta = 144 + int.from_bytes(small_file[140:144], "little")
    path = tmp_path / "a.dcm"
    path.write_bytes(small_file[:end_of_meta] + bytes.fromhex("00541010") + b"OW" + bytes(2) + b"\xf0\xff\xff\xff" + bytes(10))
    with pytest.raises(UnreadableRecord):
        read_record(path)
