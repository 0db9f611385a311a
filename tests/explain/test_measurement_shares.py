"""Names, values and units of what measurements add."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from heart_reader.explain.explanation import GROUPS, OTHERS, MeasurementShare, _named, by_group, largest, shares_of_features
from heart_reader.features.feature_names import FEATURE_NAMES, GLOBAL_FEATURES, LEAD_UNITS, RHYTHM_FEATURES, TERRITORIES, TERRITORY_FEATURES
from heart_reader.features.feature_space import NAMES, FeatureSpace

LANGUAGES = Path(__file__).resolve().parents[2] / "heart_reader" / "frontend" / "static" / "languages"
SPACE = FeatureSpace(("demographics", "measured"), {"widths": [[4], [8]]})


def test_they_are_named_as_in_readings_and_ranked_by_size() -> None:
    names = [*NAMES["demographics"], *FEATURE_NAMES]
    features, contributions = np.full(len(names), np.nan, dtype=np.float32), np.zeros(len(names))
    given = {"QRS_Dur_Global": (148.0, 2.1), "R_Notch_V6": (1.0, 0.8), "sex_female": (0.0, -0.3), "PR_Int_Global": (np.nan, 0.5)}
    for name, (value, contribution) in given.items():
        features[names.index(name)], contributions[names.index(name)] = value, contribution
    shares = shares_of_features(SPACE, features, contributions)
    assert [share.to_json() for share in shares] == [
        {"name": "qrs_ms", "lead": None, "value": 148.0, "unit": "ms", "contribution": 2.1},
        {"name": "R_Notch", "lead": "V6", "value": 1.0, "unit": "1", "contribution": 0.8},
        {"name": "pr_ms", "lead": None, "value": None, "unit": "ms", "contribution": 0.5},
        {"name": "sex_female", "lead": None, "value": 0.0, "unit": "1", "contribution": -0.3},
    ]
    assert [str(share) for share in shares] == ["QRS 148 ms +2.10", "R notch in V6 1 +0.80", "PR not known +0.50", "sex male -0.30"]
    assert shares_of_features(None, None, contributions) == ()


def test_what_is_not_named_is_summed() -> None:
    shares = [MeasurementShare("qt_ms", None, 400.0, "ms", 1 / size) for size in range(1, 13)]
    shown = largest(shares)
    assert [share.name for share in shown] == ["qt_ms"] * 8 + [OTHERS]
    assert sum(share.contribution for share in shown) == pytest.approx(sum(share.contribution for share in shares))
    assert str(shown[-1]).startswith("all others +")
    assert largest(shares[:8]) == tuple(shares[:8])


def test_every_measurement_has_its_group() -> None:
    names = [*GLOBAL_FEATURES, *LEAD_UNITS, *RHYTHM_FEATURES, *TERRITORY_FEATURES]
    groups = {name: next(iter(by_group([MeasurementShare(name, None, 1.0, "1", 1.0)]))) for name in names}
    assert {name for name, group in groups.items() if group == "further"} == {"Noise"}
    assert (groups["rr_sd_ms"], groups["cornell_mv"], groups["ST_Amp"], groups["pr_ms"]) == ("rhythm", "qrs", "st", "p")
    shares = [MeasurementShare(name, None, 1.0, "1", place / 10) for place, name in enumerate(names)]
    assert sum(by_group(shares).values()) == pytest.approx(sum(share.contribution for share in shares))


@pytest.mark.parametrize("language", ["en", "fr", "ar"])
def test_the_page_has_words_for_every_measurement(language: str) -> None:
    words = json.loads((LANGUAGES / f"{language}.json").read_text(encoding="utf-8"))
    assert GROUPS.keys() == words["reason"]["groups"].keys()
    assert TERRITORIES.keys() == words["reason"]["territories"].keys()
    assert {*LEAD_UNITS, *RHYTHM_FEATURES, *NAMES["demographics"], OTHERS} <= words["reason"]["measured"].keys()
    for name, lead in map(_named, TERRITORY_FEATURES):
        stem, _, kind = name.rpartition("_")
        assert name in words["reason"]["measured"] or (stem in words["reason"]["measured"] and kind in words["reason"]["kinds"]), (
            name,
            lead,
        )
    # Whether a P wave was found is no measurement of the page's table.
    assert GLOBAL_FEATURES.keys() - {"p_found"} <= words["measurements"].keys()
