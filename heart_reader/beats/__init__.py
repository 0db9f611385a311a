"""Which kind of beat each one is, measured against the patient's own rhythm and usual beat."""

from heart_reader.beats.classify import Beats, classify_beats

__all__ = ["Beats", "classify_beats"]
