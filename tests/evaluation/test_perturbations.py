"""Perturbed records: physically sound, as strong as stated, and the same for everyone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heart_reader.data.leads import LIMB_LEADS, STANDARD_LEADS, derive_limb_leads
from heart_reader.data.preprocessor import Preprocessor
from heart_reader.data.record import EcgRecord
from heart_reader.data.synthetic import EcgParameters, simulate
from heart_reader.errors import LeadError
from heart_reader.evaluation.stress import perturbations
from heart_reader.evaluation.stress.perturbations import NOISE_KINDS, NoiseKind

READER = Preprocessor(fs=100.0, leads=STANDARD_LEADS, window_s=2.5, stride_s=1.25, low_hz=None, high_hz=None, pad="zero")
LIMB_ERROR_UV = 2  # of rounding


@pytest.fixture(scope="module")
def record() -> EcgRecord:
    """A simulated ECG of 10 s at 500 Hz."""
    return simulate(EcgParameters(), rng=np.random.default_rng(3), fs=500.0, duration_s=10.0)


def limb_error_uv(signal: np.ndarray) -> float:
    """Largest deviation from Einthoven's law and Goldberger's definitions."""
    derived = derive_limb_leads(signal[0].astype(np.float64), signal[1].astype(np.float64))
    return max(float(np.abs(signal[STANDARD_LEADS.index(name)] - values).max()) for name, values in derived.items())


def test_leads_left_out_go_the_way_of_an_incomplete_record(record: EcgRecord) -> None:
    whole = READER.prepare(record).microvolts.astype(np.int32)
    derived = READER.prepare(perturbations.keep_leads(record, ("I", "II")))
    assert derived.lead_mask.tolist() == [True] * 6 + [False] * 6
    assert np.abs(derived.microvolts[:6] - whole[:6]).max() <= LIMB_ERROR_UV
    assert not derived.microvolts[6:].any()
    single = READER.prepare(perturbations.keep_leads(record, ("V1",)))
    assert np.flatnonzero(single.lead_mask).tolist() == [6]
    without = READER.prepare(perturbations.drop_leads(record, ("aVF",)))
    assert without.lead_mask.all()
    np.testing.assert_array_equal(np.flatnonzero((without.microvolts != whole).any(axis=1)) < 6, True)
    assert READER.prepare(perturbations.drop_leads(record, ("V4",))).lead_mask.sum() == 11


@pytest.mark.parametrize("kind", NOISE_KINDS)
def test_noise_has_the_stated_strength_and_keeps_einthovens_law(record: EcgRecord, kind: NoiseKind) -> None:
    levels = {}
    for snr_db in (18.0, 6.0):
        noisy = perturbations.add_noise(record, np.random.default_rng(5), kind, snr_db)
        noise = (noisy.signal - record.signal).astype(np.float64)
        rms = np.sqrt(noise.reshape(12, 10, 500).var(axis=2).mean())
        assert rms == pytest.approx(np.sqrt(perturbations.signal_power(record) / 10 ** (snr_db / 10)), rel=1e-3)
        assert limb_error_uv(noisy.signal) < 1e-5
        levels[snr_db] = noise
    np.testing.assert_allclose(levels[6.0], levels[18.0] * 10**0.6, atol=1e-4)
    other = perturbations.add_noise(record, np.random.default_rng(6), kind, 6.0)
    assert not np.array_equal(other.signal, noisy.signal)


@settings(deadline=None, max_examples=25)
@given(
    kind=st.sampled_from(NOISE_KINDS),
    fs=st.sampled_from([50.0, 100.0, 257.0, 500.0, 1000.0]),
    n_seconds=st.floats(1.0, 4.0),
    seed=st.integers(0, 2**32 - 1),
)
def test_noise_at_any_rate_and_length(kind: NoiseKind, fs: float, n_seconds: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    record = EcgRecord("a", rng.normal(0, 0.3, (3, round(n_seconds * fs))).astype(np.float32), fs, ("II", "V1", "aVR"))
    noisy = perturbations.add_noise(record, rng, kind, 12.0)
    assert noisy.signal.shape == record.signal.shape
    assert np.isfinite(noisy.signal).all()
    assert kind == "mains" or not np.array_equal(noisy.signal, record.signal)


def test_the_arms_exchanged(record: EcgRecord) -> None:
    swapped = perturbations.swap_arms(record)
    for name, (source, sign) in {"I": ("I", -1), "II": ("III", 1), "III": ("II", 1), "aVR": ("aVL", 1), "aVL": ("aVR", 1)}.items():
        np.testing.assert_array_equal(swapped.lead(name), sign * record.lead(source))
    for name in STANDARD_LEADS[5:]:
        np.testing.assert_array_equal(swapped.lead(name), record.lead(name))
    assert limb_error_uv(swapped.signal) < 2e-3
    np.testing.assert_array_equal(perturbations.swap_arms(swapped).signal, record.signal)
    with pytest.raises(LeadError, match="no lead III"):
        perturbations.swap_arms(perturbations.keep_leads(record, ("I", "II")))


def test_small_changes_are_what_they_say(record: EcgRecord) -> None:
    np.testing.assert_array_equal(perturbations.scale_gain(record, 2.0).signal, record.signal * 2)
    swapped = perturbations.swap_leads(record, "V1", "V2")
    np.testing.assert_array_equal(READER.prepare(swapped).microvolts[[6, 7]], READER.prepare(record).microvolts[[7, 6]])
    coarse = perturbations.round_amplitude(record, 0.1).signal
    assert np.abs(coarse - record.signal).max() <= 0.0501
    np.testing.assert_allclose(coarse * 10, np.rint(coarse * 10), atol=1e-5)
    for fs in (50.0, 250.0, 1000.0):
        other = perturbations.change_rate(record, fs)
        assert (other.fs, other.n_times) == (fs, round(10 * fs))
        assert READER.prepare(other).microvolts.shape == (12, 1000)


def test_flat_leads_include_each_other(record: EcgRecord) -> None:
    one, three = (perturbations.flatten_leads(record, np.random.default_rng(1), n_flat).signal for n_flat in (1, 3))
    flat_one, flat_three = (np.flatnonzero(~signal.any(axis=1)) for signal in (one, three))
    assert len(flat_one) == 1
    assert len(flat_three) == 3
    assert set(flat_one) <= set(flat_three)


def test_what_does_not_apply_is_refused(record: EcgRecord) -> None:
    limb = perturbations.keep_leads(record, LIMB_LEADS)
    for change in (
        lambda: perturbations.keep_leads(limb, ("V1",)),
        lambda: perturbations.drop_leads(limb, ("V1",)),
        lambda: perturbations.swap_leads(limb, "V1", "V2"),
        lambda: perturbations.flatten_leads(limb, np.random.default_rng(0), 6),
        lambda: perturbations.swap_arms(perturbations.keep_leads(record, ("V1",))),
        lambda: perturbations.add_noise(EcgRecord("a", record.signal[:1], 500.0, ("MLII",)), np.random.default_rng(0), "muscle", 6.0),
    ):
        with pytest.raises(LeadError):
            change()
