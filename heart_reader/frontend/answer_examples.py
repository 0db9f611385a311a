"""Shortened examples of answers for the OpenAPI description; a test checks them."""

from __future__ import annotations

from typing import Any

__all__ = ["ERROR", "EXPLANATION", "READING", "SAMPLE"]

_NOTICE = "Research use only. Not a medical device. Do not use for diagnosis or treatment."
_NOT_AN_ECG = "report.pdf: a PDF, which holds a picture of an ECG: export the recording as one of CSV, WFDB"
_PRESUPPOSES = "Presupposes that one side applies and the other does not: Myocardial infarction, against Normal ECG."
_MI = {"probability": 0.97, "threshold": 0.31, "decision": "present", "zone": [0.12, 0.45]}

ERROR: dict[str, Any] = {
    "code": "unreadable_record",
    "message": _NOT_AN_ECG,
    "detail": {"messages": {_NOT_AN_ECG: {"code": "pdf_file", "values": {"where": "report.pdf", "formats": ["CSV", "WFDB"]}}}},
    "request_id": "0b7a2a5a9f0c4e0f8f4b7c1d2e3f4a5b",
}
SAMPLE: dict[str, Any] = {
    "id": "mi_inferior",
    "title": "mi inferior",
    "description": "MI: old inferior infarction",
    "source_format": "wfdb",
    "labels": ["MI"],
}
READING: dict[str, Any] = {
    "record_id": "mi_inferior",
    "source_format": "wfdb",
    "fs": 250.0,
    "duration_s": 10.0,
    "age": 63.0,
    "sex": "male",
    "levels": {"superdiagnostic": {"MI": _MI}},
    "screens": {"mi_vs_norm": {"classes": {"MI": _MI}, "presupposes": _PRESUPPOSES}},
    "ranked": [{"level": "all", "name": "IMI", **_MI}],
    "summary": "Sinus rhythm, rate 71/min. Inferior myocardial infarction. High probability that the label applies: MI (97%).",
    "conclusion": {
        "kind": "abnormal",
        "headline": "Sinus rhythm, rate 71/min. Inferior myocardial infarction.",
        "lines": [{"group": "infarction", "text": "Inferior myocardial infarction", "codes": ["IMI"], "probability": 0.97}],
        "yielded": [],
    },
    "bands": {"high": {"definition": "Read as present, and at least 50%.", "classes": {"MI": 0.97}}},
    "decision_rule": "Present above a label's uncertain zone, absent below it.",
    "measurements": {"heart_rate_bpm": {"value": 71.0, "unit": "bpm", "reason": None}},
    "quality": {"verdict": "good", "missing_leads": [], "flat_leads": [], "n_usable_leads": 12, "n_leads": 12},
    "timeline": [{"start_s": 0.0, "end_s": 2.5, "probabilities": {"MI": 0.96}}],
    "warnings": ["derived from I and II: III, aVR"],
    "messages": {"derived from I and II: III, aVR": {"code": "leads_derived", "values": {"leads": ["III", "aVR"]}}},
    "model": {"name": "ensemble", "checkpoint_sha256": "653398e2...", "label_rule": "any_likelihood"},
    "device_report": {
        "device": "Cardiograph 12, 3.1",
        "acquired": "2024-05-06T07:08:09+02:00",
        "filters": {"low_hz": 0.05, "high_hz": 150.0, "notch_hz": 50.0},
        "measurements": {"heart_rate_bpm": 70.0, "qrs_ms": 96.0},
        "statements": ["Sinus rhythm", "Inferior infarct, age undetermined"],
        "confirmed": False,
        "medians": None,
    },
    "notice": _NOTICE,
}
EXPLANATION: dict[str, Any] = {
    "record_id": "mi_inferior",
    "level": "superdiagnostic",
    "finding": "MI",
    "method": "integrated gradients of the log-odds, 21 steps; Shapley values of the measurements",
    "baseline": "each lead held still at its own median, every measurement as in the training records on average",
    "fs": 100.0,
    "start_s": 0.0,
    "duration_s": 0.02,
    "lead_names": ["III", "aVF"],
    "n_times": 2,
    "encoding": "base64-uint8",
    "relevance": "AP8QIA==",
    "signed_relevance": "AH/4EA==",
    "lead_shares": {"III": 0.84, "aVF": 0.16},
    "raising_share": 0.95,
    "windows": [{"start_s": 0.0, "end_s": 0.02, "share": 1.0}],
    "measurements": [
        {"name": "Q_Dur", "lead": "III", "value": 46.0, "unit": "ms", "contribution": 1.2},
        {"name": "others", "lead": None, "value": None, "unit": "1", "contribution": 0.9},
    ],
    "measurement_groups": {"qrs": 1.8, "st": 0.3},
    "signal_contribution": 2.6,
    "measurement_contribution": 2.1,
    "baseline_log_odds": -1.2,
    "log_odds": 3.5,
    "probability": 0.97,
    "note": "It shows what moved this model's probability; it is no proof of what is wrong with the heart.",
    "notice": _NOTICE,
}
