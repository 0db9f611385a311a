"""Which features a network takes, and what a record gives it.

Features of the signal are measured from the prepared signal, the one the network sees, so that a
cached training record, a file and an upload of one ECG give the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.preprocessor import PreparedEcg, Preprocessor, from_microvolts
from heart_reader.data.record import EcgRecord
from heart_reader.errors import NotServable
from heart_reader.features.expert import EXPERT_NAMES, EXPERT_VERSION, expert_features
from heart_reader.features.feature_names import FEATURE_NAMES, MEASURING_VERSION
from heart_reader.features.measured import measure
from heart_reader.features.measurement import Measurements
from heart_reader.features.ptbxl_plus import NAMES as PTBXL_PLUS
from heart_reader.features.ptbxl_plus import published_features
from heart_reader.messages import message

__all__ = [
    "DEMOGRAPHICS",
    "EXPERT",
    "FEATURE_TITLES",
    "FROM_SIGNAL",
    "MEASURED",
    "FeatureSpace",
    "demographics",
    "measure_prepared",
    "measured_features",
    "withhold",
]

MEASURED, EXPERT = "measured", "expert"
DEMOGRAPHICS = ("age_years", "sex_female")
NAMES: Mapping[str, tuple[str, ...]] = {
    "demographics": DEMOGRAPHICS,
    MEASURED: FEATURE_NAMES,
    EXPERT: EXPERT_NAMES,
    "ptbxl_plus": PTBXL_PLUS,
}
# Versions that stand beside the names of a set; that of the measurements stands by itself.
_VERSIONS: Mapping[str, int] = {EXPERT: EXPERT_VERSION}

# How a sentence for a person names each set.
FEATURE_TITLES: Mapping[str, str] = {
    "demographics": message("with_demographics"),
    "measured": message("with_measured"),
    "expert": message("with_expert"),
    "ptbxl_plus": message("with_ptbxl_plus"),
}


_FEMALE = {"female": 1.0, "male": 0.0}


@dataclass(frozen=True)
class FeatureSpace:
    """The sets of features of a network, one after the other.

    Parameters
    ----------
    sets
        Names of the sets.
    layers
        What the network needs to know beside them: ``widths`` of each set, ``hidden``, ``dropout``.
    """

    sets: tuple[str, ...]
    layers: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Return plain values for a manifest; :meth:`from_json` is the inverse."""
        layers = {key: value for key, value in self.layers.items() if key != "widths"}
        sets = [
            {"name": name, "names": list(NAMES[name]), "widths": widths, **({"version": _VERSIONS[name]} if name in _VERSIONS else {})}
            for name, widths in zip(self.sets, self.layers["widths"], strict=True)
        ]
        return {"sets": sets, "measuring_version": MEASURING_VERSION, **layers}

    @classmethod
    def from_json(cls, values: Mapping[str, Any] | None, where: str) -> FeatureSpace | None:
        """Make a space from a manifest's ``features``; None for a model that reads signals only.

        Parameters
        ----------
        where
            The checkpoint, for the error message.

        Raises
        ------
        NotServable
            If this version computes other features than those the weights were trained with.
        """
        if values is None:
            return None
        for item in values["sets"]:
            if NAMES.get(item["name"]) != tuple(item["names"]) or item.get("version") != _VERSIONS.get(item["name"]):
                raise NotServable(
                    f"{where}: trained with {len(item['names'])} features {item['name']!r}, which this version does not compute so: "
                    "use the version that trained it, or train again"
                )
        version = str(values.get("measuring_version", 1))[:40]
        if version != str(MEASURING_VERSION) and any(item["name"] == MEASURED for item in values["sets"]):
            raise NotServable(
                f"{where}: trained with version {version} of the measurements, this is version {MEASURING_VERSION}, whose numbers differ: "
                "use the version that trained it, or train again"
            )
        layers = {key: value for key, value in values.items() if key not in ("sets", "measuring_version")}
        return cls(tuple(item["name"] for item in values["sets"]), {"widths": [item["widths"] for item in values["sets"]], **layers})

    @cached_property
    def slices(self) -> dict[str, slice]:
        """Place of each set in a vector of features."""
        stops = np.cumsum([len(NAMES[name]) for name in self.sets]).tolist()
        return {name: slice(stop - len(NAMES[name]), stop) for name, stop in zip(self.sets, stops, strict=True)}

    def of_record(
        self, record: EcgRecord, prepared: PreparedEcg, preprocessor: Preprocessor, measured: Measurements | None = None
    ) -> NDArray[np.float32]:
        """Return (n_features,), NaN where not known.

        Parameters
        ----------
        record
            As it was read: what is known of the person, and published features that came with the
            file.
        prepared
            The same record as the network sees it.
        preprocessor
            What prepared it.
        measured
            What :func:`measure_prepared` gave of it, if it was measured already.
        """

        def measure_now() -> NDArray[np.float32]:
            return measured_features(prepared, preprocessor) if measured is None else measured.vector()

        parts: dict[str, Callable[[], NDArray[np.float32]]] = {
            "demographics": lambda: demographics(record.age, record.sex),
            MEASURED: measure_now,
            EXPERT: lambda: expert_features(prepared, preprocessor),
            "ptbxl_plus": lambda: published_features(record),
        }
        return np.concatenate([parts[name]() for name in self.sets])

    def known(self, features: NDArray[np.float32]) -> dict[str, bool]:
        """Return for each set whether anything of it is known, from (n_features,)."""
        return {name: bool(np.isfinite(features[where]).any()) for name, where in self.slices.items()}


def demographics(age: float | None, sex: str | None) -> NDArray[np.float32]:
    """Return (2,) years and 1 for a woman, 0 for a man; NaN where not known.

    Examples
    --------
    >>> demographics(61.0, "female").tolist(), demographics(None, "").tolist()
    ([61.0, 1.0], [nan, nan])
    """
    return np.array([np.nan if age is None else age, _FEMALE.get(sex or "", np.nan)], dtype=np.float32)


def measure_prepared(prepared: PreparedEcg, preprocessor: Preprocessor) -> Measurements:
    """Measure a record as the network sees it."""
    # Leads that are missing have no measurements either way; in a recording of hours they would
    # cost as much as those that are there.
    names = tuple(name for name, there in zip(preprocessor.leads, prepared.lead_mask, strict=True) if there)
    signal = from_microvolts(prepared.microvolts if prepared.lead_mask.all() else prepared.microvolts[prepared.lead_mask])
    return measure(EcgRecord("prepared", signal, preprocessor.fs, names))


def measured_features(prepared: PreparedEcg, preprocessor: Preprocessor) -> NDArray[np.float32]:
    """Return (len(FEATURE_NAMES),) measurements of a prepared record, NaN where not measurable."""
    return measure_prepared(prepared, preprocessor).vector()


# Sets that follow from the prepared signal alone: version and code of each.
FROM_SIGNAL: Mapping[str, tuple[int, Callable[[PreparedEcg, Preprocessor], NDArray[np.float32]]]] = {
    MEASURED: (MEASURING_VERSION, measured_features),
    EXPERT: (EXPERT_VERSION, expert_features),
}


def withhold(features: NDArray[np.float32], space: FeatureSpace, rng: np.random.Generator, share: float) -> NDArray[np.float32]:
    """Return (n, n_features) with each set withheld (NaN) from a random share of the records."""
    answer = features.copy()
    for where in space.slices.values():
        answer[rng.random(len(answer)) < share, where] = np.nan
    return answer
