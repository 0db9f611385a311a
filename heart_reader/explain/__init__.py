"""Why a reading came out as it did: which leads and which moments raised or lowered the probability
of a finding.

torch is imported where gradients are needed and nowhere else, so that naming this package costs
nothing.
"""

from __future__ import annotations

from heart_reader.explain.explainer import Explainer, find_origin
from heart_reader.explain.explanation import Explanation

__all__ = ["Explainer", "Explanation", "find_origin"]
