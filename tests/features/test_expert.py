"""Statistics and wavelets of each lead: definitions, invariance, and what is not defined."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import kurtosis, skew

from heart_reader.config import ExperimentConfig
from heart_reader.data.build import build_preprocessor
from heart_reader.data.leads import STANDARD_LEADS
from heart_reader.data.preprocessor import PreparedEcg, from_microvolts
from heart_reader.data.record import EcgRecord
from heart_reader.data.synthetic import EcgParameters, simulate
from heart_reader.errors import NotServable
from heart_reader.features.expert import _HIGH, _LOW, EXPERT_NAMES, EXPERT_STEMS, LEVELS, decompose, expert_features, lead_features
from heart_reader.features.feature_space import FeatureSpace

FS = 100.0
PREPROCESSOR = build_preprocessor(ExperimentConfig())


@pytest.fixture(scope="module")
def record() -> EcgRecord:
    return simulate(EcgParameters(), rng=np.random.default_rng(3), fs=FS, duration_s=10.0)


def of(signal: np.ndarray, fs: float = FS) -> dict[str, float]:
    return dict(zip(EXPERT_STEMS, lead_features(signal[None], fs)[0].tolist(), strict=True))


def test_statistics_are_those_of_their_definitions() -> None:
    signal = np.random.default_rng(0).gamma(2.0, size=1000)
    values = of(signal)
    assert values["Stat_Mean"] == pytest.approx(signal.mean())
    assert values["Stat_Std"] == pytest.approx(signal.std())
    assert values["Stat_Skewness"] == pytest.approx(skew(signal))
    assert values["Stat_Kurtosis"] == pytest.approx(kurtosis(signal, fisher=False))
    assert values["Stat_P95"] == pytest.approx(np.percentile(signal, 95) - signal.mean())
    first, second = np.diff(signal), np.diff(signal, 2)
    rms = [np.sqrt(np.mean(part**2)) for part in (signal - signal.mean(), first, second)]
    assert values["Hjorth_Mobility"] == pytest.approx(rms[1] / rms[0] * FS)
    assert values["Hjorth_Complexity"] == pytest.approx((rms[2] / rms[1]) / (rms[1] / rms[0]))
    assert values["Stat_LineLength"] == pytest.approx(np.abs(first).mean() * FS)


def test_a_sine_crosses_twice_a_period_and_has_one_octave() -> None:
    values = of(np.sin(2 * np.pi * 9.0 * np.arange(1000) / FS + 0.1))
    assert values["Stat_Crossings"] == pytest.approx(18.0, abs=0.2)
    assert values["Wavelet_Energy_D3"] > 0.8  # 6.25 to 12.5 Hz
    assert values["Wavelet_Entropy"] < 0.3
    # It is there all the time, one stroke is not.
    stroke = np.zeros(1000)
    stroke[500] = 1.0
    assert values["Wavelet_Spread_D3"] > 0.9 > 0.3 > of(stroke)["Wavelet_Spread_D3"]


def test_the_filters_are_daubechies_with_four_vanishing_moments() -> None:
    for shift in range(0, 8, 2):
        expected = float(shift == 0)
        for one in (_LOW, _HIGH):
            assert one[shift:] @ one[: 8 - shift] == pytest.approx(expected, abs=1e-12)
        assert _LOW[shift:] @ _HIGH[: 8 - shift] == pytest.approx(0.0, abs=1e-12)
    assert _LOW.sum() == pytest.approx(np.sqrt(2))
    for power in range(4):
        assert np.arange(8.0) ** power @ _HIGH == pytest.approx(0.0, abs=1e-9)
    assert abs(np.arange(8.0) ** 4 @ _HIGH) > 1


def test_a_cubic_has_no_details_but_at_its_ends() -> None:
    time = np.linspace(-1, 1, 1000)
    details = decompose((time**3 - time)[None], 1)[0][0]
    assert np.abs(details[4:-4]).max() < 1e-12 < np.abs(details).max()


def test_energy_is_kept_where_the_ends_are_still() -> None:
    signal = np.zeros((1, 1024))
    signal[0, 400:600] = np.random.default_rng(1).normal(size=200)
    bands = decompose(signal, 3)
    assert sum(float((band**2).sum()) for band in bands) == pytest.approx(float((signal**2).sum()))


def test_only_the_mean_knows_an_offset_and_shapes_know_no_gain(record: EcgRecord) -> None:
    lead = record.signal[1].astype(np.float64)
    plain, lifted, loud = of(lead), of(lead + 2.0), of(3.0 * lead)
    for stem in EXPERT_STEMS[1:]:
        assert lifted[stem] == pytest.approx(plain[stem], rel=1e-6, abs=1e-9)
    in_mv = {"Stat_Mean", "Stat_Std", "Stat_LineLength", *(stem for stem in EXPERT_STEMS if stem.startswith("Stat_P"))}
    for stem in EXPERT_STEMS:
        assert loud[stem] == pytest.approx(plain[stem] * (3.0 if stem in in_mv else 1.0), rel=1e-6, abs=1e-9)


def test_shares_sum_to_one(record: EcgRecord) -> None:
    values = lead_features(record.signal.astype(np.float64), FS)
    shares = values[:, [EXPERT_STEMS.index(stem) for stem in EXPERT_STEMS if stem.startswith("Wavelet_Energy")]]
    assert shares.shape == (12, LEVELS + 1)
    np.testing.assert_allclose(shares.sum(axis=1), 1.0)
    entropies = values[:, [place for place, stem in enumerate(EXPERT_STEMS) if stem.startswith(("Wavelet_Entropy", "Wavelet_Spread"))]]
    assert ((entropies >= 0) & (entropies <= 1)).all()


def test_missing_and_flat_leads(record: EcgRecord) -> None:
    microvolts = np.rint(record.signal * 1000).astype(np.int16)
    microvolts[2] = 150
    mask = np.array([lead != "V6" for lead in STANDARD_LEADS])
    values = expert_features(PreparedEcg(microvolts, mask), PREPROCESSOR)
    named = dict(zip(EXPERT_NAMES, values.tolist(), strict=True))
    assert all(np.isnan(named[f"{stem}_V6"]) for stem in EXPERT_STEMS)
    assert all(np.isnan(named[f"{stem}_1st"]) for stem in EXPERT_STEMS)
    assert all(np.isfinite(named[f"{stem}_V5"]) for stem in EXPERT_STEMS)
    assert (named["Stat_Mean_III"], named["Stat_Std_III"], named["Stat_Crossings_III"]) == (pytest.approx(0.15), 0.0, 0.0)
    assert np.isnan([named["Stat_Kurtosis_III"], named["Hjorth_Mobility_III"], named["Wavelet_Entropy_III"]]).all()


def test_leads_by_their_place(record: EcgRecord) -> None:
    two = replace(PREPROCESSOR, leads=("1st", "2nd"))
    prepared = two.prepare(EcgRecord("holter", record.signal[[6, 1]], FS, ("V1", "MLII")))
    named = dict(zip(EXPERT_NAMES, expert_features(prepared, two).tolist(), strict=True))
    first = lead_features(from_microvolts(prepared.microvolts[:1]).astype(np.float64), FS)[0].astype(np.float32)
    assert [named[f"{stem}_1st"] for stem in EXPERT_STEMS] == first.tolist()
    assert np.isfinite(named["Wavelet_Entropy_2nd"])
    assert np.isnan([named["Stat_Mean_II"], named["Stat_Mean_3rd"]]).all()


@pytest.mark.parametrize("n_times", [1, 7, 8, 30, 100])
def test_short_signals_are_no_error(n_times: int) -> None:
    values = lead_features(np.random.default_rng(0).normal(size=(2, n_times)), FS)
    assert values.shape == (2, len(EXPERT_STEMS))
    assert np.isfinite(values).all() == (n_times >= 100)  # a slow octave of so few holds nothing
    assert np.isfinite(values[:, : EXPERT_STEMS.index("Wavelet_Entropy") + 1]).all() == (n_times >= 8)


def test_leads_do_not_know_each_other(record: EcgRecord) -> None:
    signal = record.signal.astype(np.float64)
    np.testing.assert_array_equal(lead_features(signal, FS)[4:5], lead_features(signal[4:5], FS))


def test_a_long_recording_lead_by_lead_has_the_same_features(record: EcgRecord, monkeypatch: pytest.MonkeyPatch) -> None:
    prepared = PREPROCESSOR.prepare(record)
    at_once = expert_features(prepared, PREPROCESSOR)
    monkeypatch.setattr("heart_reader.features.expert.PART_VALUES", 1)
    np.testing.assert_array_equal(at_once, expert_features(prepared, PREPROCESSOR))


def test_another_version_is_refused() -> None:
    space = FeatureSpace(("measured", "expert"), {"widths": [[8], [8]], "hidden": 4, "dropout": 0.1})
    values = space.to_json()
    assert FeatureSpace.from_json(values, "here") == space
    assert "version" not in values["sets"][0]
    values["sets"][1]["version"] += 1
    with pytest.raises(NotServable, match="'expert', which this version does not compute so"):
        FeatureSpace.from_json(values, "here")
