"""Which kind of beat each one is, measured against the patient's own rhythm and usual beat."""

from heart_reader.beats.classify import BEAT_CLASSES, Beats, classify_beats

__all__ = ["BEAT_CLASSES", "Beats", "classify_beats"]
