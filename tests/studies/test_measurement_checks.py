"""Studies of measurements: annotation files, pairing of beats, delineation fit, report."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from heart_reader.data.annotations import read_annotations, read_rhythms
from heart_reader.data.device_report import DeviceReport
from heart_reader.data.record import build_record
from heart_reader.data.synthetic import EcgParameters, simulate_with_truth
from heart_reader.data.writers import WRITERS
from heart_reader.errors import MissingFiles, UnreadableRecord
from heart_reader.studies import mitbih
from heart_reader.studies.delineation_fit import BoundaryData, MarkedRecord, MarkedWave, fit_boundary, marked_records, median_marks
from heart_reader.studies.measurement_references import COMPARED, Comparison, device_comparisons
from heart_reader.studies.measurements import device_table, differences, iec_table, rhythm_table
from heart_reader.studies.mitbih import BeatCounts, compare_beats, window_rhythms


def words(*values: int) -> bytes:
    return np.array(values, dtype="<u2").tobytes()


def test_annotations_are_decoded(tmp_path):
    path = tmp_path / "a.atr"
    # N at 10, a long skip, V 5 later, an auxiliary text of three bytes, then the end.
    path.write_bytes(words((1 << 10) | 10, 59 << 10, 1, 0, (5 << 10) | 5, (63 << 10) | 3, 0x4241, 0x43, 0))
    times, symbols = read_annotations(path)
    assert times.tolist() == [10, 10 + 65536 + 5]
    assert symbols == ["N", "V"]


def test_a_cut_annotation_file_is_refused(tmp_path):
    path = tmp_path / "a.atr"
    path.write_bytes(words((1 << 10) | 10, 59 << 10, 1))
    with pytest.raises(UnreadableRecord, match=r"a\.atr.*without an end mark"):
        read_annotations(path)


@pytest.mark.parametrize(
    ("reference", "detected", "expected"),
    [
        ([], [1.0], BeatCounts(0, 0, 1)),
        ([1.0], [], BeatCounts(0, 1, 0)),
        ([1.0], [1.14], BeatCounts(1, 0, 0)),
        ([1.0], [1.16], BeatCounts(0, 1, 1)),
        ([1.0, 1.2], [1.19], BeatCounts(1, 1, 0)),
        ([1.0], [0.9, 1.01], BeatCounts(1, 0, 1)),
    ],
)
def test_beats_are_paired_once(reference, detected, expected):
    assert compare_beats(np.array(reference), np.array(detected)) == expected


def test_the_fit_finds_weights_and_bears_outliers():
    rng = np.random.default_rng(0)
    data = []
    for _ in range(60):
        inputs = np.hstack([np.ones((12, 1)), rng.normal(0, 10, (12, 3)), np.eye(12)])
        target = 4.0 + inputs[:, 1:4] @ np.array([0.5, -0.2, 0.0]) + rng.normal(0, 1, 12)
        target[0] += 150.0 * (rng.random() < 0.1)
        data.append(BoundaryData(inputs, target))
    weights = fit_boundary(data)
    np.testing.assert_allclose(weights[1:4], [0.5, -0.2, 0.0], atol=0.1)
    assert weights[0] + weights[4:].mean() == pytest.approx(4.0, abs=1.0)


def test_marks_belong_to_their_beats():
    record = build_record("r", np.random.default_rng(0).standard_normal((1, 1000)), 500.0, ["II"])
    waves = tuple(
        wave
        for r in (0.5, 1.3)
        for wave in (
            MarkedWave("p", r - 0.2, r - 0.15, r - 0.1),
            MarkedWave("qrs", r - 0.04, r, r + 0.05),
            MarkedWave("t", r + 0.2, r + 0.3, r + 0.4),
        )
    )
    every, median = median_marks(MarkedRecord(record, (waves,)), np.array([0.5, 1.3]), 0.8)
    np.testing.assert_allclose(every[1, 0], [-200.0, -100.0, -40.0, 50.0, 200.0, 400.0])
    np.testing.assert_allclose(median, every[0])


def test_missing_records_are_named(tmp_path):
    with pytest.raises(MissingFiles, match="no LUDB record"):
        next(marked_records(tmp_path))


def test_differences_go_the_short_way_round_and_skip_what_is_missing():
    pairs = [(170.0, -170.0), (None, 3.0), (10.0, None)]
    comparisons = [Comparison("a", "g", {"t_axis_deg": ours}, {"t_axis_deg": theirs}) for ours, theirs in pairs]
    np.testing.assert_allclose(differences(comparisons, "t_axis_deg"), [-20.0])


def test_iec_table_says_what_is_missed():
    def row(qt):
        return Comparison(
            "a",
            "g",
            {"p_ms": None, "pr_ms": 150.0, "qrs_ms": 90.0, "qt_ms": qt},
            dict.fromkeys(("p_ms", "pr_ms", "qrs_ms"), 100.0) | {"qt_ms": 400.0},
        )

    table = iec_table([row(450.0), row(452.0)])
    assert "| QT (ms) | 2 | 51.0 ± 1.0 | 25 | 30 | **missed** |" in table
    assert "too few" in table


def test_truth_of_the_simulator_is_consistent():
    truth = simulate_with_truth(EcgParameters(), rng=np.random.default_rng(0), fs=500.0, duration_s=10.0).truth
    assert truth.p_ms == pytest.approx(104.0)


def test_changes_of_rhythm_are_read_with_their_names(tmp_path):
    path = tmp_path / "a.atr"

    def note(text: str) -> tuple[int, ...]:
        padded = text.encode().ljust((len(text) + 1) // 2 * 2, b"\0")
        return ((63 << 10) | len(text), *np.frombuffer(padded, dtype="<u2").tolist())

    # A change of rhythm at 10, a beat at 20 with a comment, and another change at 25, whose text
    # has an odd length.
    plus, beat = 28 << 10, 1 << 10
    path.write_bytes(words(plus | 10, *note("(N"), beat | 10, *note("(fake"), plus | 5, *note("(AFIB"), 0))
    assert read_rhythms(path) == [(10, "N"), (25, "AFIB")]
    assert read_annotations(path)[1] == ["+", "N", "+"]


def test_a_window_has_a_rhythm_only_if_it_does_not_change():
    changes = [(0, "N"), (1500, "AFIB"), (3200, "AFIB"), (3999, "N")]
    assert window_rhythms(changes, 5050, 100.0) == ["N", None, "AFIB", None, "N"]
    assert window_rhythms([(50, "N")], 2000, 100.0) == [None, "N"]


def test_windows_and_premature_beats_are_counted(tmp_path, monkeypatch):
    """Six windows of known names and beats of known kinds against annotations."""
    fs = 100.0
    record = build_record("a", np.zeros((1, 6000)), fs, ("II",))
    # Annotated: sinus for 20 s, fibrillation for 20 s, flutter for 20 s.
    rhythms = [(0, "N"), (2000, "AFIB"), (4000, "AFL")]
    named = iter(["sinus", "atrial_fibrillation", "atrial_fibrillation", None, "atrial_fibrillation", "sinus"])
    beats_s, kinds = (1.0, 2.0, 3.0, 4.0), ("normal", "ventricular", "ventricular", "supraventricular")

    def pretend(part):
        whole = part.n_times == record.n_times
        rhythm = SimpleNamespace(name=None if whole else next(named), beats=kinds if whole else ())
        return SimpleNamespace(rhythm=rhythm, fiducials=SimpleNamespace(r_peaks_s=beats_s if whole else ()))

    monkeypatch.setattr(mitbih, "read_record", lambda _: record)
    monkeypatch.setattr(mitbih, "read_rhythms", lambda _: rhythms)
    monkeypatch.setattr(mitbih, "read_annotations", lambda _: (np.array([100, 200, 310, 500]), ["N", "V", "A", "E"]))
    monkeypatch.setattr(mitbih, "measure", pretend)
    counts = mitbih.compare_rhythm(tmp_path / "a.hea")
    assert counts == mitbih.RhythmCounts(4, 2, 1, 1, 1, 2, 1, BeatCounts(1, 1, 1), BeatCounts(0, 1, 1))
    table = rhythm_table({"a": counts})
    assert "| a | 4 | 2 | 1 | 1 | 1 | 1 of 2 | 50.0 | 50.0 |" in table
    assert "| a | 2 | 2 | 50.0 | 50.0 | 1 | 1 | 0.0 | 0.0 |" in table


def test_what_devices_stated_is_compared_in_every_format_that_states_it(tmp_path):
    ecg = simulate_with_truth(EcgParameters(), rng=np.random.default_rng(4), fs=500.0, duration_s=10.0)
    stated = {"heart_rate_bpm": ecg.truth.heart_rate_bpm, "qrs_ms": ecg.truth.qrs_ms, "qtc_bazett_ms": 400.0}
    WRITERS["aecg"].write(replace(ecg.record, device_report=DeviceReport(measurements=stated)), tmp_path / "some", "stated")
    WRITERS["aecg"].write(ecg.record, tmp_path / "some", "unstated")
    (tmp_path / "some" / "broken.xml").write_text("<AnnotatedECG>")
    found = list(device_comparisons(tmp_path))
    assert [(of.name, of.group) for of in found] == [("stated.xml", "device, HL7 aECG")]
    assert found[0].theirs["heart_rate_bpm"] == pytest.approx(ecg.truth.heart_rate_bpm)
    assert found[0].theirs["qt_ms"] is None
    table = device_table([*found, Comparison("a", "12SL", dict.fromkeys(COMPARED, 1.0), dict.fromkeys(COMPARED, 90.0))])
    rows = {cells[1].strip(): [cell.strip() for cell in cells[2:-1]] for line in table.splitlines() if len(cells := line.split("|")) == 7}
    assert rows["heart rate (bpm)"][:2] == rows["QRS (ms)"][:2] == ["1", "1"]
    assert abs(float(rows["QRS (ms)"][3])) < 20
    assert rows["QT (ms)"] == ["0", "0", "", ""]
