"""Explanations of real infarctions and hypertrophies name the leads a cardiologist looks at."""

from __future__ import annotations

from pathlib import Path

import pytest

from heart_reader.data.formats import read_record
from heart_reader.explain import Explainer
from heart_reader.weights import find_reader

pytestmark = pytest.mark.realdata

INFERIOR = {"II", "III", "aVF", "Inferior"}


@pytest.fixture(scope="module")
def explainer() -> Explainer:
    return Explainer.load(find_reader("ptbxl-ensemble"))


# Of the validation fold, labelled inferior and not anteroseptal.
@pytest.mark.parametrize("record_id", ["00544", "01982", "09480", "14155"])
def test_q_waves_in_inferior_leads_speak_for_an_inferior_infarction(record_id: str, real_data: Path, explainer: Explainer) -> None:
    record = read_record(real_data / "ptbxl" / "records100" / f"{record_id[:2]}000" / f"{record_id}_lr.hea")
    explanation = explainer.explain(record, "IMI", "all")
    assert explanation.completeness_gap < 1e-4
    for share in explanation.measurements[:4]:
        assert share.name.startswith(("Q_", "R_"))
        assert share.lead in INFERIOR
        assert share.contribution > 0
