"""A reading's decisions follow the zones, its words its numbers; old checkpoints still work."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from heart_reader.checkpoint import load_checkpoint, save_checkpoint
from heart_reader.classifier import EcgClassifier
from heart_reader.conclusion.conclude import conclude
from heart_reader.conclusion.findings import Facts
from heart_reader.data.formats import read_record
from heart_reader.data.labels import LabelSpace, Level
from heart_reader.data.record import build_record
from heart_reader.decisions.decision import Uncertainty
from heart_reader.diagnosis import BANDS, ClassReading, Diagnosis, Quality, decide
from heart_reader.features.measured import measure
from heart_reader.messages import message

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "test_files" / "norm.csv"
MEASURED = measure(read_record(EXAMPLE))
GOOD, POOR = Quality((), (), 12, 12), Quality(("V1",), (), 1, 12)


def _reading(classes: dict[str, tuple[float, float | None, tuple[float, float] | None]], quality: Quality = GOOD) -> Diagnosis:
    """A diagnosis of one level from name to probability, threshold and zone."""
    readings = {
        name: ClassReading(p, threshold, decide(p, threshold, quality, zone), zone) for name, (p, threshold, zone) in classes.items()
    }
    levels = {"superdiagnostic": readings}
    facts = Facts(poor=message("few_usable_leads", usable=1, leads=12) if quality.verdict == "poor" else None)
    _, conclusion = conclude(levels, LabelSpace({"superdiagnostic": Level("superdiagnostic", tuple(classes))}, ("superdiagnostic",)), facts)
    return Diagnosis("r", "csv", 100.0, 10.0, levels, conclusion, quality, (), (), {}, None, None, MEASURED, {}, 0.1)


def _with_uncertainty(checkpoint: Path, out: Path, uncertainty: object) -> Path:
    """A copy of a checkpoint with another ``uncertainty``."""
    origin = load_checkpoint(checkpoint)
    manifest = {key: value for key, value in origin.manifest.items() if key not in ("format", "weights", "sha256")}
    save_checkpoint(out, manifest | {"uncertainty": uncertainty}, lambda path: shutil.copy(origin.weights_path, path))
    return out


@pytest.mark.parametrize(
    ("probability", "threshold", "zone", "decision", "band"),
    [
        (0.9, 0.5, (0.4, 0.6), "present", "high"),
        (0.5, 0.5, (0.4, 0.6), "uncertain", "medium"),
        (0.1, 0.5, (0.4, 0.6), "absent", "low"),
        (0.3, 0.2, (0.1, 0.2), "present", "medium"),  # a rare class: read as present, and yet no high probability
        (0.6, 0.8, (0.7, 0.8), "absent", "medium"),
        (0.3, 0.2, (0.0, 0.4), "uncertain", "unrated"),  # too few positives in validation to call anything medium or low
        (0.9, 0.2, (0.0, 0.4), "present", "high"),
        (0.9, 0.2, (0.1, 1.0), "uncertain", "unrated"),
        (0.9, None, None, "uncertain", "unrated"),
        (0.9, 0.5, None, "present", "high"),
        (0.1, 0.5, None, "absent", "low"),
    ],
)
def test_decision_and_band(probability, threshold, zone, decision, band):
    reading = _reading({"MI": (probability, threshold, zone)})
    assert reading.levels["superdiagnostic"]["MI"].decision == decision
    assert {name for name, entry in reading.bands.items() if entry["classes"] == {"MI": probability}} == {band}


def test_the_summary_names_every_class_with_its_number():
    zone = (0.3, 0.6)
    reading = _reading(
        {
            "NORM": (0.002, 0.5, zone),
            "MI": (0.91, 0.5, zone),
            "STTC": (0.4, 0.5, zone),
            "CD": (0.3, 0.2, (0.1, 0.2)),
            "HYP": (0.999, 0.5, zone),
        }
    )
    assert reading.summary == (
        "Rhythm undetermined: nothing was measured. Conduction disturbance, type not specified. Myocardial infarction, type not specified. "
        "Hypertrophy, type not specified. "
        "High probability that the label applies: HYP (>99%), MI (91%). Medium: STTC (40%), CD (30%, read as present). Low: NORM (<1%)."
    )
    assert {name: entry["definition"] for name, entry in reading.bands.items()} == BANDS
    assert "at most 10% of those without the label lie above its zone" in reading.decision_rule
    assert "at most 2.5% of those with it below" in replace(reading, alpha=0.025).decision_rule


def test_a_normal_reading_is_no_proof_of_a_normal_heart():
    zone = (0.3, 0.6)
    for normal in (0.95, 0.1):
        summary = _reading({"NORM": (normal, 0.5, zone), "MI": (0.01, 0.5, zone)}).summary
        assert summary.endswith("Low probabilities are no proof of a normal heart.")
    assert "no proof" not in _reading({"NORM": (0.1, 0.5, zone), "MI": (0.7, 0.5, zone)}).summary


def test_a_poor_signal_is_not_rated():
    reading = _reading({"MI": (0.5, 0.5, (0.4, 0.6)), "CD": (0.99, 0.5, (0.4, 0.6))}, POOR)
    assert reading.summary == f"No diagnosis: {message('few_usable_leads', usable=1, leads=12)}. Not rated: CD (99%), MI (50%)."
    assert reading.conclusion.kind == "undecided"
    assert reading.bands["medium"]["classes"] == {}


def test_a_summary_of_many_classes_stays_short():
    reading = _reading({f"S{i}": (0.2 - i / 1000, 0.5, (0.3, 0.6)) for i in range(71)})
    assert "S7 (19%) and 63 more of at most 19%." in reading.summary
    assert len(reading.summary) < 350


def test_the_classifier_decides_by_the_zones_of_its_checkpoint(tiny_checkpoint: Path, tmp_path: Path) -> None:
    plain = EcgClassifier.load(tiny_checkpoint)
    chosen = plain.decisions["superdiagnostic"].uncertainty
    assert (chosen.split, chosen.alpha, len(chosen.zones)) == ("val", 0.1, 5)
    record = read_record(EXAMPLE)
    before = plain.predict(record).levels["superdiagnostic"]
    p = {name: reading.probability for name, reading in before.items()}
    zones = {"NORM": (0.0, p["NORM"] / 2), "MI": (p["MI"] / 2, (1 + p["MI"]) / 2), "STTC": ((1 + p["STTC"]) / 2, 1.0)}
    low, high = ((*(zone[end] for zone in zones.values()), None, 0.0) for end in (0, 1))
    high = (*high[:4], 1.0)
    moved = Uncertainty(chosen.rule, "val", 0.1, low, high, (9,) * 5, (9,) * 5)
    classifier = EcgClassifier.load(_with_uncertainty(tiny_checkpoint, tmp_path / "moved", {"superdiagnostic": moved.to_json()}))
    reading = classifier.predict(record)
    after = reading.levels["superdiagnostic"]
    assert [after[name].decision for name in ("NORM", "MI", "STTC", "HYP")] == ["present", "uncertain", "absent", "uncertain"]
    assert after["CD"].zone is None
    absent, present = moved.decisions(np.array([[reading.probability for reading in after.values()]]))
    assert [after[name].decision == "present" for name in zones] == present[0, :3].tolist()
    assert [after[name].decision == "absent" for name in zones] == absent[0, :3].tolist()
    values = json.loads(json.dumps(reading.to_json(), allow_nan=False))
    assert values["levels"]["superdiagnostic"]["MI"]["zone"] == list(zones["MI"])
    assert values["levels"]["superdiagnostic"]["MI"]["threshold"] == before["MI"].threshold
    assert set(values["bands"]) == {"high", "medium", "low", "unrated"}
    assert classifier.card()["uncertainty"] == moved.to_json()


@pytest.mark.parametrize("absent", [None, {}])
def test_a_checkpoint_from_before_there_were_zones_reads_as_it_did(tiny_checkpoint: Path, tmp_path: Path, absent: object) -> None:
    classifier = EcgClassifier.load(_with_uncertainty(tiny_checkpoint, tmp_path / "old", absent))
    reading = classifier.predict(read_record(EXAMPLE))
    for entry in reading.levels["superdiagnostic"].values():
        assert entry.zone is None
        alone = "uncertain" if entry.threshold is None else "present" if entry.probability >= entry.threshold else "absent"
        # What is present beside another that it cannot stand with is uncertain.
        assert entry.decision == alone or (entry.decision == "uncertain" and alone == "present")
    assert reading.decision_rule.startswith("Present from a label's threshold on")
    assert classifier.card()["uncertainty"] is None


def test_too_few_leads_decide_nothing(tiny_checkpoint: Path) -> None:
    wave = np.sin(np.linspace(0, 60, 1000))
    reading = EcgClassifier.load(tiny_checkpoint).predict(build_record("one", [wave], 100.0, ["V1"]))
    assert {entry.decision for entry in reading.levels["superdiagnostic"].values()} == {"uncertain"}
    assert len(reading.bands["unrated"]["classes"]) == 5


def test_a_class_too_rare_to_be_decided_has_a_rank_and_is_never_present() -> None:
    reading = _reading({"MI": (0.7, 0.5, None), "CD": (0.9, None, None), "HYP": (0.2, 0.5, None)})
    assert [(entry["name"], entry["decision"]) for entry in reading.ranked] == [("CD", "uncertain"), ("MI", "present"), ("HYP", "absent")]
