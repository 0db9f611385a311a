"""What several leads say together follows from the single leads."""

from __future__ import annotations

import numpy as np
import pytest

from heart_reader.data.leads import STANDARD_LEADS
from heart_reader.features.feature_names import LEAD_UNITS, TERRITORY_FEATURES
from heart_reader.features.territories import territory_values

STEMS = list(LEAD_UNITS)


def _values(of_leads: np.ndarray) -> dict[str, float]:
    return dict(zip(TERRITORY_FEATURES, territory_values(of_leads).tolist(), strict=True))


def _row(of_leads: np.ndarray, stem: str, *leads: str) -> np.ndarray:
    return of_leads[STEMS.index(stem), [STANDARD_LEADS.index(lead) for lead in leads]]


@pytest.fixture
def of_leads() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(len(STEMS), 12))


def test_each_is_taken_over_its_leads(of_leads: np.ndarray) -> None:
    values = _values(of_leads)
    assert values["T_Amp_Mean_Inferior"] == pytest.approx(_row(of_leads, "T_Amp", "II", "III", "aVF").mean())
    assert values["ST_Amp80ms_Min_Lateral"] == pytest.approx(_row(of_leads, "ST_Amp80ms", "I", "aVL", "V5", "V6").min())
    assert values["Q_Dur_Max_Septal"] == pytest.approx(_row(of_leads, "Q_Dur", "V1", "V2").max())
    assert values["S_Amp_Min_Chest"] == pytest.approx(_row(of_leads, "S_Amp", "V1", "V2", "V3", "V4", "V5", "V6").min())
    assert values["R_Rise_V2V3"] == pytest.approx(np.diff(_row(of_leads, "R_Amp", "V2", "V3"))[0])
    assert values["T_Inverted_Leads"] == sum(of_leads[STEMS.index("T_Amp"), n] < -0.05 for n in range(12) if STANDARD_LEADS[n] != "aVR")


def test_a_missing_lead_leaves_the_others_of_its_wall(of_leads: np.ndarray) -> None:
    of_leads[:, STANDARD_LEADS.index("aVF")] = np.nan
    values = _values(of_leads)
    assert values["T_Amp_Mean_Inferior"] == pytest.approx(_row(of_leads, "T_Amp", "II", "III").mean())
    assert np.isnan(values["T_Inverted_Leads"])
    assert np.isfinite(values["R_Transition_Chest"])


def test_nothing_comes_of_nothing() -> None:
    assert np.isnan(territory_values(np.full((len(STEMS), 12), np.nan))).all()
