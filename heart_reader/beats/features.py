"""What a beat is classified by: its interval, its shape, and how common both are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from heart_reader.beats.intervals import PREMATURITY, interval_features
from heart_reader.beats.shapes import SHAPE_FS, cut_beats, lead_features, likeness, likeness_features, usual_beat
from heart_reader.data.preprocessor import PreparedEcg, Preprocessor, from_microvolts

__all__ = ["PREPROCESSOR", "LikeBeats", "beat_features"]

# Two leads by place, II or what is like it first; the band in which a QRS and a P wave stand out.
PREPROCESSOR = Preprocessor(SHAPE_FS, ("1st", "2nd"), window_s=10.0, stride_s=10.0, low_hz=0.5, high_hz=40.0, pad="zero")

# Correlations of each beat's QRS with those of some others, and which these are.
LikeBeats = tuple[NDArray[np.floating], NDArray[np.intp]]


def beat_features(prepared: PreparedEcg, peaks: NDArray[np.integer]) -> tuple[dict[str, NDArray[np.floating]], LikeBeats]:
    """Return features of every beat by name, each (n_beats,), and which beats look alike.

    A recording of one lead counts as two that are equal.

    Parameters
    ----------
    prepared
        Two leads, as :data:`PREPROCESSOR` prepares them; the first one is there.
    peaks
        (n_beats,) rising, in points of the prepared signal; three or more.
    """
    intervals = interval_features(peaks / SHAPE_FS)
    early = intervals[PREMATURITY]
    beats = cut_beats(from_microvolts(prepared.microvolts[prepared.lead_mask]), peaks)
    shapes = [lead_features(lead, usual_beat(lead, early)) for lead in beats]
    first, second = shapes[0], shapes[-1]
    alike = likeness(beats)
    kinds = {name: first[name] for name in ("width", "qrs_difference", "height")}
    kinds |= {"prematurity": early, "compensation": intervals["compensation"]}
    features = intervals | {f"{name}_1st": of for name, of in first.items()} | {f"{name}_2nd": of for name, of in second.items()}
    return features | likeness_features(*alike, kinds), alike
