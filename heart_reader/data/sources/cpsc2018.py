"""CPSC2018, 12-lead ECGs of nine classes, as the PhysioNet Challenge 2020 published them.

References
----------
Liu F. et al. An open access database for evaluating the algorithms of electrocardiogram rhythm and
morphology abnormality detection. J. Med. Imaging Health Inform. 8 (2018) 1368-1373.
"""

from __future__ import annotations

from typing import Literal

from heart_reader.data.sources import DATASETS, Dataset, register_source
from heart_reader.data.sources.challenge import SnomedFolder

__all__ = ["Cpsc2018Source"]


@register_source
class Cpsc2018Source(SnomedFolder):
    """CPSC2018 as the Challenge has it, as its authors published it, or both beside each other."""

    kind: Literal["cpsc2018"] = "cpsc2018"
    name = "CPSC2018"
    dataset = DATASETS.add(
        "cpsc2018",
        Dataset(
            "https://physionet.org/files/challenge-2020/1.0.2/",
            "training/cpsc_2018/",
            title="CPSC2018 of the PhysioNet Challenge 2020",
            licence="CC BY 4.0",
            counts={"*.hea": 6_877},
        ),
    )
