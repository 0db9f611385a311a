"""Diagnoses of the PhysioNet Challenges as SNOMED CT codes, and the nine classes of CPSC2018.

``snomed.json`` beside this file is the one list of them.

References
----------
Liu F. et al. An open access database for evaluating the algorithms of electrocardiogram rhythm and
morphology abnormality detection. J. Med. Imaging Health Inform. 8 (2018) 1368-1373. Reyna M. A. et
al. Will two do? Varying dimensions in electrocardiography: the PhysioNet/Computing in Cardiology
Challenge 2021. CinC 48 (2021).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.labels import Level

__all__ = ["CHALLENGE", "CODES", "CPSC2018", "LEVELS", "NINE", "NineClass", "SnomedCode", "codes_of", "labels_of"]

CPSC2018, CHALLENGE = "cpsc2018", "challenge"


class SnomedCode(NamedTuple):
    """One diagnosis.

    Parameters
    ----------
    code, abbreviation, name
        As the Challenge publishes them.
    nine
        The class of CPSC2018 that it is, or None.
    scored
        The class that the Challenge of 2021 scored it as, or None.
    """

    code: str
    abbreviation: str
    name: str
    nine: str | None
    scored: str | None


class NineClass(NamedTuple):
    """One class of CPSC2018.

    Parameters
    ----------
    name, title
        Such as ``AF``, and in words.
    statements
        The statements of PTB-XL that say the same.
    rhythm
        The measured rhythm, or findings of it, that say the same.
    """

    name: str
    title: str
    statements: tuple[str, ...]
    rhythm: tuple[str, ...]


_FILE = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
# In the order of the numbers 1 to 9 of CPSC2018's REFERENCE.csv.
NINE: tuple[NineClass, ...] = tuple(
    NineClass(one["name"], one["title"], tuple(one["statements"]), tuple(one["rhythm"])) for one in _FILE["classes"]
)
CODES: dict[str, SnomedCode] = {row[0]: SnomedCode(*row) for row in _FILE["codes"]}
# What CPSC2018's own headers write; some classes have several codes.
_WRITTEN = {one.nine: one.code for one in CODES.values() if one.nine is not None} | {
    "LBBB": "164909002", "RBBB": "59118001", "PAC": "284470004", "PVC": "164884008",
}  # fmt: skip
LEVELS: dict[str, Level] = {
    CPSC2018: Level(CPSC2018, tuple(one.name for one in NINE)),
    CHALLENGE: Level(CHALLENGE, tuple(dict.fromkeys(one.scored for one in CODES.values() if one.scored is not None))),
}


def labels_of(codes: Sequence[str]) -> Mapping[str, NDArray[np.float32]]:
    """Return (n_classes,) labels of each level for the codes of one record.

    Two codes of one class count once; a code that is not known is no class.

    Examples
    --------
    >>> labels_of(["284470004", "63593006", "1"])["cpsc2018"].tolist()
    [0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0]
    """
    return _labels_of(tuple(codes))


# Thousands of records share a few combinations.
@lru_cache(maxsize=4096)
def _labels_of(codes: tuple[str, ...]) -> Mapping[str, NDArray[np.float32]]:
    known = [CODES[code] for code in codes if code in CODES]
    carried = {CPSC2018: {one.nine for one in known}, CHALLENGE: {one.scored for one in known}}
    return {
        name: np.array([class_name in carried[name] for class_name in level.class_names], dtype=np.float32)
        for name, level in LEVELS.items()
    }


def codes_of(numbers: Iterable[int]) -> tuple[str, ...]:
    """Return the codes that CPSC2018's own headers write for classes 1 to 9 of REFERENCE.csv.

    Examples
    --------
    >>> codes_of([2, 7])
    ('164889003', '164884008')
    """
    return tuple(_WRITTEN[NINE[number - 1].name] for number in numbers)
