"""WFDB records of several segments against the wfdb package, and lists of segments that lie."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from heart_reader.data import record as record_module
from heart_reader.data import signal as signal_module
from heart_reader.data.formats import find_records, listed_format, read_record
from heart_reader.data.stored_signal import StoredSignal
from heart_reader.errors import RecordError, UnreadableRecord

with warnings.catch_warnings():
    # The library itself makes a deprecated pandas call while it is imported.
    warnings.simplefilter("ignore", DeprecationWarning)
    import wfdb

# It makes such calls while it writes, too.
pytestmark = pytest.mark.filterwarnings("ignore:The inplace keyword:DeprecationWarning")

FS = 250


def wave(lead: int, n_times: int, start: int = 0) -> np.ndarray:
    return np.rint(800 * np.sin((start + np.arange(n_times)) / (9.0 + lead)) * (1 + lead / 4)).astype(int)


def segment(folder: Path, name: str, leads: dict[str, np.ndarray], gain: float = 1000.0, unit: str = "mV", fmt: int = 16) -> None:
    n_times = len(next(iter(leads.values())))
    lines = [f"{name} {len(leads)} {FS} {n_times}"]
    lines += [f"{name}.dat {fmt} {gain:g}(0)/{unit} 12 0 {row[0]} {row.sum() % 65536} 0 {lead}" for lead, row in leads.items()]
    (folder / f"{name}.hea").write_text("\n".join(lines) + "\n")
    frames = np.stack(list(leads.values())).T.ravel()
    (folder / f"{name}.dat").write_bytes(frames.astype("<i2").tobytes())


def master(folder: Path, n_signals: int, segments: list[tuple[str, int]], n_times: int | None = None) -> Path:
    total = sum(length for _, length in segments) if n_times is None else n_times
    lines = [f"m/{len(segments)} {n_signals} {FS} {total} 10:11:12 03/02/2020", *(f"{name} {length}" for name, length in segments)]
    (folder / "m.hea").write_text("\n".join([*lines, "#Age: 56", "#Sex: F"]) + "\n")
    return folder / "m.hea"


def fixed(folder: Path) -> Path:
    """Three segments of the same signals, a gap of two seconds among them."""
    for number, n_times in enumerate((700, 801, 1500)):
        segment(folder, f"m_{number + 1}", {"I": wave(0, n_times), "II": wave(1, n_times)})
    return master(folder, 2, [("m_1", 700), ("~", 500), ("m_2", 801), ("m_3", 1500)])


def layout(folder: Path, unit: str = "mV") -> Path:
    """Signals that come and go."""
    lines = [f"m_layout 3 {FS} 0", *(f"~ 0 1000(0)/mV 16 0 0 0 0 {lead}" for lead in ("I", "V1", "II"))]
    (folder / "m_layout.hea").write_text("\n".join(lines) + "\n")
    gain = 1000.0 if unit == "mV" else 1.0
    segment(folder, "m_1", {"I": wave(0, 600), "II": wave(1, 600)}, gain, unit)
    segment(folder, "m_2", {"II": wave(1, 900), "V1": wave(2, 900), "I": wave(0, 900)})
    segment(folder, "m_3", {"V1": wave(2, 300), "I": wave(0, 300)}, gain=500.0)
    return master(folder, 3, [("m_layout", 0), ("m_1", 600), ("~", 100), ("m_2", 900), ("m_3", 300)])


def theirs(path: Path) -> tuple[np.ndarray, list[str]]:
    joined = wfdb.rdrecord(str(path.with_suffix("")), m2s=True)
    return joined.p_signal.T, joined.sig_name


def test_a_fixed_layout_and_a_gap_in_it(tmp_path):
    record = read_record(fixed(tmp_path))
    assert (record.lead_names, record.n_times, record.fs, record.age, record.sex) == (("I", "II"), 3501, 250.0, 56.0, "female")
    for start, n_times in ((0, 700), (1200, 801), (2001, 1500)):
        expected = np.stack([wave(0, n_times), wave(1, n_times)]) / 1000
        np.testing.assert_allclose(record.signal[:, start : start + n_times], expected, atol=1e-6)
    assert [text for text in record.warnings if text.startswith("500 missing values")] == list(record.warnings)
    assert record.device_report is not None
    assert record.device_report.acquired == "2020-02-03T10:11:12"


def test_a_fixed_layout_equals_wfdb(tmp_path):
    fixed(tmp_path)
    record = read_record(master(tmp_path, 2, [("m_3", 1500), ("m_1", 700), ("m_2", 801)]))
    expected, names = theirs(tmp_path / "m")
    assert list(record.lead_names) == names
    np.testing.assert_allclose(record.signal, expected, atol=1e-6)


@pytest.mark.parametrize("unit", ["mV", "uV"])
def test_a_variable_layout_equals_wfdb(tmp_path, unit):
    record = read_record(layout(tmp_path, unit))
    layout(tmp_path)
    expected, names = theirs(tmp_path / "m")
    assert list(record.lead_names) == names == ["I", "V1", "II"]
    known = np.isfinite(expected)
    np.testing.assert_allclose(record.signal[known], expected[known], atol=1e-6)
    assert np.isfinite(record.signal).all()


def test_parts_are_the_whole_and_a_long_one_stays_on_disk(tmp_path, monkeypatch):
    whole = read_record(layout(tmp_path))
    monkeypatch.setattr(signal_module, "PART_VALUES", 303)
    np.testing.assert_allclose(read_record(tmp_path / "m.hea").signal, whole.signal, atol=1e-6)
    monkeypatch.setattr(record_module, "STORED_VALUES", 100)
    segment(tmp_path, "m_1", {"I": wave(0, 700), "II": wave(1, 700)})
    segment(tmp_path, "m_2", {"I": wave(0, 700), "II": wave(1, 700)})
    record = read_record(master(tmp_path, 2, [("m_1", 700), ("m_2", 700)]))
    assert isinstance(record.signal, StoredSignal)
    np.testing.assert_allclose(record.signal[:, 650:900], theirs(tmp_path / "m")[0][:, 650:900], atol=1e-6)


def test_a_lead_that_was_mostly_absent_is_left_out(tmp_path):
    layout(tmp_path)
    segment(tmp_path, "m_2", {"II": wave(1, 900), "I": wave(0, 900)})
    assert read_record(tmp_path / "m.hea").masked_leads == ("V1",)


def test_a_folder_lists_the_record_and_not_its_segments(tmp_path):
    path = layout(tmp_path)
    segment(tmp_path, "other", {"I": wave(0, 600)})
    assert find_records(tmp_path) == [path, tmp_path / "other.hea"]
    assert listed_format(tmp_path / "m_1.hea") is None
    assert read_record(tmp_path / "m_1.hea").lead_names == ("I", "II")
    with pytest.raises(UnreadableRecord, match="name the header that lists the segments"):
        read_record(tmp_path / "m_layout.hea")


def rewritten(old: str, new: str, name: str = "m.hea") -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / name
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))

    return change


def unlinked(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


WRONG: dict[str, tuple[Callable[[Path], Path], Callable[[Path], object], str]] = {
    "a length that is not the sum": (fixed, rewritten("250 3501", "250 3500"), "damaged_file"),
    "a segment of another length": (fixed, rewritten("m_2 801", "m_2 800"), "damaged_file"),
    "lengths exchanged": (fixed, lambda folder: master(folder, 2, [("m_1", 801), ("m_2", 700)]), "samples_missing"),
    "no header of a segment": (fixed, unlinked("m_2.hea"), "signal_file_missing"),
    "no samples of a segment": (fixed, unlinked("m_2.dat"), "signal_file_missing"),
    "a gap of 11 s": (fixed, lambda folder: master(folder, 2, [("m_1", 700), ("~", 2750), ("m_2", 801)]), "gap_too_long"),
    "gaps of 6 s in a row": (fixed, lambda folder: master(folder, 2, [("m_1", 700), ("~", 1500), ("~", 1500)]), "gap_too_long"),
    "nothing but a gap": (fixed, lambda folder: master(folder, 2, [("~", 500)]), "segment_differs"),
    "a segment of another rate": (fixed, rewritten("2 250 801", "2 500 801", "m_2.hea"), "damaged_file"),
    "a segment of other leads": (fixed, rewritten("0 II", "0 V6", "m_2.hea"), "segment_differs"),
    "leads in another order": (
        fixed, lambda folder: segment(folder, "m_2", {"II": wave(1, 801), "I": wave(0, 801)}), "segment_differs",
    ),
    "more signals declared": (fixed, rewritten("m/4 2", "m/4 3"), "segment_differs"),
    "fewer segments declared": (fixed, rewritten("m/4 2", "m/3 2"), "header_signals"),
    "itself as a segment": (fixed, rewritten("m_2 801", "m 801"), "header_segments"),
    "a segment elsewhere": (fixed, rewritten("m_2 801", "../m_2 801"), "header_lies_outside"),
    "no length": (fixed, rewritten("m_2 801", "m_2"), "header_line"),
    "a negative length": (fixed, rewritten("m_2 801", "m_2 -801"), "header_line"),
    "a giant": (fixed, lambda folder: master(folder, 2, [("m_1", 10**15), ("m_2", 10**15)]), "record_too_long"),
    "a million segments": (fixed, rewritten("m/4", "m/1000000"), "header_line"),
    "no segment": (fixed, rewritten("m/4", "m/0"), "header_line"),
    "a lead that the layout lacks": (layout, rewritten("0 V1", "0 V2", "m_layout.hea"), "segment_signal_unknown"),
    "a lead twice in the layout": (layout, rewritten("0 V1", "0 I", "m_layout.hea"), "lead_twice"),
    "no layout": (layout, unlinked("m_layout.hea"), "signal_file_missing"),
    "a unit that is no voltage": (layout, rewritten("/mV", "/mmHg", "m_1.hea"), "damaged_file"),
    "samples of another": (
        fixed, lambda folder: (folder / "m_2.dat").write_bytes((folder / "m_3.dat").read_bytes()[4:3208]), "samples_of_another",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_wrong_lists_are_refused_with_the_reason(tmp_path, case):
    write, change, code = WRONG[case]
    path = write(tmp_path)
    change(tmp_path)
    with pytest.raises(RecordError) as caught:
        read_record(path)
    problem = caught.value.args[0]
    assert code in (problem.code, getattr(problem.values.get("problem"), "code", "")), problem
