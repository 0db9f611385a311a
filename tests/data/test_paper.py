"""An ECG on paper by one call."""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure

from heart_reader.data.leads import STANDARD_LEADS
from heart_reader.data.record import EcgRecord, build_record
from heart_reader.errors import ConfigError

FS = 250.0


def pulses(leads: tuple[str, ...] = STANDARD_LEADS, duration_s: float = 10.0) -> EcgRecord:
    """A pulse of 1 mV in the middle of every second."""
    times = np.arange(round(duration_s * FS)) / FS
    return build_record("pulses", np.tile(((times % 1 >= 0.4) & (times % 1 < 0.5)).astype(float), (len(leads), 1)), FS, leads, unit="mV")


def words(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def longest_trace(figure: Figure) -> np.ndarray:
    lines = [np.asarray(line.get_xydata()) for line in figure.axes[0].lines]
    return max(lines, key=len)


def test_a_standard_ecg_has_four_columns_and_a_rhythm_strip() -> None:
    figure = pulses().plot()
    assert [words(figure).count(name) for name in STANDARD_LEADS] == [1, 2, *[1] * 10]
    assert "25 mm/s   10 mm/mV" in " ".join(words(figure))


@pytest.mark.parametrize(("speed", "gain"), [(25.0, 10.0), (50.0, 20.0)])
def test_millimetres_are_true(speed: float, gain: float) -> None:
    figure = pulses().plot(speed_mm_s=speed, gain_mm_mv=gain)
    x, y = longest_trace(figure).T
    rises = x[1:][np.diff(y) < -gain / 2]
    assert np.diff(rises) == pytest.approx(speed, abs=speed / FS)
    assert y.max() - y.min() == pytest.approx(gain)
    width_mm = figure.get_size_inches()[0] * 25.4
    assert figure.axes[0].get_xlim() == pytest.approx((0, width_mm)), "one unit of the axes is a millimetre"


def test_other_leads_have_a_row_each_and_a_stretch_can_be_chosen() -> None:
    figure = pulses(("MLII", "V5"), 60.0).plot(start_s=30.0, duration_s=4.0)
    assert {"MLII", "V5"} <= set(words(figure))
    x = longest_trace(figure)[:, 0]
    assert np.ptp(x) == pytest.approx(4.0 * 25.0, abs=0.2)


def test_a_missing_lead_is_named() -> None:
    assert "V3 not recorded" in words(pulses(tuple(name for name in STANDARD_LEADS if name != "V3")).plot())


@pytest.mark.parametrize("wrong", [{"start_s": 10.0}, {"start_s": -1.0}, {"duration_s": 0.0}, {"gain_mm_mv": -1.0}])
def test_a_stretch_that_is_not_there_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="the record has 10 s"):
        pulses().plot(**wrong)


@pytest.mark.parametrize("suffix", ["svg", "png", "pdf"])
def test_it_can_be_written(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"ecg.{suffix}"
    pulses().plot().savefig(path)
    assert path.stat().st_size > 10_000
    assert not plt.get_fignums(), "no global state of pyplot is touched"


def test_matplotlib_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "heart_reader.data.paper", raising=False)
    monkeypatch.setitem(sys.modules, "matplotlib.axes", None)
    with pytest.raises(ImportError, match="matplotlib"):
        pulses().plot()
