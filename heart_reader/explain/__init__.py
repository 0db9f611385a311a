"""Why a reading came out as it did: which leads and which moments raised or lowered the probability
of a finding.

torch is imported where gradients are needed and nowhere else, so that naming this package costs
nothing.
"""

from __future__ import annotations

from heart_reader.explain.explainer import Explainer
from heart_reader.explain.explanation import Explanation
from heart_reader.explain.origin import find_origin

__all__ = ["Explainer", "Explanation", "find_origin"]
