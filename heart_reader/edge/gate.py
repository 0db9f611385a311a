"""What a variant has to keep of the network it comes from before it gets its final name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from heart_reader.classifier import EcgClassifier
from heart_reader.config import ExportConfig
from heart_reader.data.batch import Batch, Inputs
from heart_reader.errors import DataError
from heart_reader.metrics import class_values, metric_value
from heart_reader.predictions import Predictions

__all__ = ["Gate", "Parity", "judge", "measure_parity"]


@dataclass(frozen=True)
class Gate:
    """A judgement on validation.

    Parameters
    ----------
    level, n_records
        What was compared, on how many records of the validation split.
    macro_auroc
        Of the origin and of the variant.
    auroc
        Class name to the same; a class without positives has none.
    parity
        Differences of single probabilities.
    limits
        What is allowed.
    problems
        What is beyond it, for a person; empty means passed.
    """

    level: str
    n_records: int
    macro_auroc: tuple[float, float]
    auroc: dict[str, tuple[float, float]]
    parity: Parity
    limits: dict[str, float]
    problems: tuple[str, ...]

    def to_json(self, *, forced: bool) -> dict[str, Any]:
        """Return the facts for the manifest; ``forced`` if a failed variant may be written."""
        return {
            "passed": not self.problems,
            "forced": forced and bool(self.problems),
            "problems": list(self.problems),
            "split": "val",
            "level": self.level,
            "n_records": self.n_records,
            "limits": self.limits,
            "macro_auroc": dict(zip(("origin", "variant"), self.macro_auroc, strict=True)),
            "auroc": {name: dict(zip(("origin", "variant"), pair, strict=True)) for name, pair in self.auroc.items()},
            "parity": asdict(self.parity),
        }


def judge(origin: Predictions, variant: Predictions, parity: Parity, config: ExportConfig, *, exact: bool) -> Gate:
    """Compare a variant with its origin on validation.

    Parameters
    ----------
    origin, variant
        Predictions of both, before calibration, on the same records.
    parity
        Differences of single probabilities.
    config
        The limits.
    exact
        Whether single probabilities have to agree too, as in float32.

    Raises
    ------
    DataError
        If the predictions are not of the validation split, or not of the same records.
    """
    if origin.split != "val" or variant.split != "val":
        raise DataError(f"the gate got splits {origin.split} and {variant.split}; only validation may decide what is written: pass val")
    if origin.record_ids.tolist() != variant.record_ids.tolist():
        raise DataError(f"the gate got {len(origin)} and {len(variant)} other records; both networks have to read the same ones")
    macro = (metric_value("macro_auroc", origin.y_true, origin.y_prob), metric_value("macro_auroc", variant.y_true, variant.y_prob))
    pairs = zip(*(class_values("macro_auroc", side.y_true, side.y_prob) for side in (origin, variant)), strict=True)
    named = zip(origin.class_names, pairs, strict=True)
    auroc = {name: (float(first), float(second)) for name, (first, second) in named if np.isfinite(first)}
    problems = [
        f"AUROC of {name} falls from {first:.4f} to {second:.4f}, {config.class_limit:g} is allowed (export.class_limit)"
        for name, (first, second) in auroc.items()
        if not first - second <= config.class_limit
    ]
    if not macro[0] - macro[1] <= config.macro_limit:
        problems.insert(
            0, f"macro-AUROC falls from {macro[0]:.4f} to {macro[1]:.4f}, {config.macro_limit:g} is allowed (export.macro_limit)"
        )
    if exact and not parity.largest <= config.parity_limit:
        problems.append(f"a probability differs by {parity.largest:.1e}, {config.parity_limit:.0e} is allowed (export.parity_limit)")
    if not parity.alone <= config.parity_limit:
        problems.append(f"a window read alone differs by {parity.alone:.1e} from the same among others (export.parity_limit)")
    limits = {"macro": config.macro_limit, "class": config.class_limit, "parity": config.parity_limit}
    return Gate(origin.level, len(origin), macro, auroc, parity, limits, tuple(problems))


@dataclass(frozen=True)
class Parity:
    """Differences of probabilities over all windows and levels.

    Parameters
    ----------
    n_records
        How many records were compared.
    largest, mean
        Differences from the origin.
    alone
        Largest difference between a window read alone and the same window read among others.
    """

    n_records: int
    largest: float
    mean: float
    alone: float


def measure_parity(origin: EcgClassifier, exported: EcgClassifier, records: Iterable[Inputs]) -> Parity:
    """Read the same records with both networks and compare window by window.

    Parameters
    ----------
    records
        The inputs of each record, from :meth:`heart_reader.classifier.EcgClassifier.inputs`.
    """
    n_records, largest, alone, means = 0, 0.0, 0.0, []
    for record in records:
        batch = Batch.of([record])
        expected = origin.space.probabilities(origin.logits(batch))
        together = exported.space.probabilities(exported.logits(batch))
        single = exported.space.probabilities(exported.logits(next(batch.parts(1))))
        n_records += 1
        for level, values in expected.items():
            difference = np.abs(together[level] - values)
            largest = max(largest, float(difference.max()))
            means.append(float(difference.mean()))
            alone = max(alone, float(np.abs(single[level] - together[level][:1]).max()))
    return Parity(n_records, largest, float(np.mean(means)), alone)
