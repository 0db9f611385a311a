"""Why a reading came out as it did: the leads, moments and measurements that moved a finding.

torch is imported only where gradients are needed, so that importing this package is cheap.
"""

from __future__ import annotations

from heart_reader.explain.explainer import Explainer, Method
from heart_reader.explain.explanation import Explanation
from heart_reader.explain.origin import find_origin

__all__ = ["Explainer", "Explanation", "Method", "find_origin"]
