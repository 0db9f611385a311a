"""An explanation: what every lead at every moment, and each measurement, adds to a finding."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heart_reader.diagnosis import NOTICE
from heart_reader.features.feature_names import GLOBAL_FEATURES, LEAD_UNITS, RHYTHM_FEATURES, TERRITORIES
from heart_reader.features.feature_space import DEMOGRAPHICS, NAMES, FeatureSpace
from heart_reader.messages import coded, message

__all__ = ["ENCODING", "GROUPS", "OTHERS", "Explanation", "MeasurementShare", "by_group", "feature_keys", "largest", "shares_of_features"]

ENCODING = "base64-uint8"
# An error of the path integral below this share of the change of the log-odds is no concern.
ACCEPTED_GAP = 0.05


@dataclass(frozen=True, eq=False)
class Explanation:
    """What moved the probability of one finding.

    Parameters
    ----------
    record_id
        Name of the recording.
    level, finding
        The class that is explained.
    method
        How relevance was computed.
    baseline
        What the recording was compared with.
    fs
        Rate of ``relevance`` in Hz: the model's, since nothing finer reaches it.
    start_s
        Where the explained stretch begins in the recording, in seconds.
    lead_names
        The model's n_leads leads.
    relevance
        (n_leads, n_times) float32, in log-odds: positive where the signal raised the probability.
        With the contributions of ``measurements`` it sums to ``log_odds`` minus
        ``baseline_log_odds``.
    windows
        ``start_s``, ``end_s`` and ``share`` of the absolute relevance of each window; the shares
        sum to 1.
    probability
        Calibrated probability of the finding in this stretch.
    log_odds, baseline_log_odds
        Calibrated log-odds of the finding in this stretch and in the baseline.
    missed
        Error of the path integral in log-odds, before it was divided among the shares: how coarse
        a sketch relevance is.
    measurements
        All that add something, the largest in size first; empty for a model of the signal alone.
    notes
        What to know before trusting it.
    standard_error
        Of ``missed``, where points were drawn at random; else 0.
    """

    record_id: str
    level: str
    finding: str
    method: str
    baseline: str
    fs: float
    start_s: float
    lead_names: tuple[str, ...]
    relevance: NDArray[np.float32]
    windows: tuple[dict[str, float], ...]
    probability: float
    log_odds: float
    baseline_log_odds: float
    missed: float
    measurements: tuple[MeasurementShare, ...] = ()
    notes: tuple[str, ...] = ()
    standard_error: float = 0.0

    @property
    def duration_s(self) -> float:
        """Length of the explained stretch in seconds."""
        answer: float = self.relevance.shape[1] / self.fs
        return answer

    @property
    def lead_shares(self) -> dict[str, float]:
        """Share of each lead in the absolute relevance; all 0 where nothing was relevant."""
        per_lead = np.abs(self.relevance, dtype=np.float64).sum(axis=1)
        total = per_lead.sum() or 1.0
        return {name: float(size / total) for name, size in zip(self.lead_names, per_lead, strict=True)}

    @property
    def raising_share(self) -> float:
        """Share of the absolute relevance that speaks for the finding."""
        total = float(np.abs(self.relevance, dtype=np.float64).sum())
        return float(self.relevance.clip(min=0).sum(dtype=np.float64)) / total if total else 0.0

    @property
    def signal_contribution(self) -> float:
        """What the signal adds, in log-odds."""
        return float(self.relevance.sum(dtype=np.float64))

    @property
    def measurement_contribution(self) -> float:
        """What all measurements add, in log-odds."""
        return float(sum(share.contribution for share in self.measurements))

    @property
    def completeness_gap(self) -> float:
        """What signal and measurements together miss of the change of the log-odds: rounding."""
        return abs(self.signal_contribution + self.measurement_contribution - (self.log_odds - self.baseline_log_odds))

    def encoded(self, *, signed: bool = False) -> str:
        """Return base64 of (n_leads, n_times) bytes, scaled to the highest.

        Parameters
        ----------
        signed
            False gives absolute relevance as uint8, up to 255; True gives int8, up to 127 in size.
        """
        values = self.relevance if signed else np.abs(self.relevance)
        highest = float(np.abs(values).max(initial=0.0))
        top, kind = (127.0, np.int8) if signed else (255.0, np.uint8)
        scaled = np.rint(values * (top / highest)) if highest else np.zeros_like(values)
        return base64.b64encode(scaled.astype(kind).tobytes()).decode("ascii")

    def to_text(self) -> str:
        """Return a few lines for a person."""
        leads = sorted(self.lead_shares.items(), key=lambda item: -item[1])
        window = max(self.windows, key=lambda item: item["share"])
        return "\n".join(
            [
                f"{self.record_id}: {self.finding} ({self.level}), probability {self.probability:.3f}",
                *self._sum_in_words(),
                f"  by lead: {', '.join(f'{name} {share:.0%}' for name, share in leads)}",
                f"  most of all from {window['start_s']:g} to {window['end_s']:g} s ({window['share']:.0%} of the windows' relevance)",
                f"  {self.raising_share:.0%} of it speaks for {self.finding}; against {self.baseline}",
                f"  {' '.join(self.notes)}",
            ]
        )

    def _sum_in_words(self) -> list[str]:
        """Return how the log-odds add up, and the largest contributions of measurements."""
        total = f"  log-odds {self.log_odds:+.2f} = baseline {self.baseline_log_odds:+.2f}"
        total += f" + signal {self.signal_contribution:+.2f}"
        if not self.measurements:
            return [total]
        named = ", ".join(str(share) for share in largest(self.measurements))
        groups = ", ".join(f"{name} {adds:+.2f}" for name, adds in by_group(self.measurements).items())
        return [f"{total} + measurements {self.measurement_contribution:+.2f} ({groups})", f"  by measurement: {named}"]

    def to_json(self) -> dict[str, Any]:
        """Return plain values, with ``relevance`` as :meth:`encoded`; ``messages`` maps its
        sentences to code and values.
        """
        note = message("sentences", sentences=self.notes)
        return {
            "record_id": self.record_id,
            "level": self.level,
            "finding": self.finding,
            "method": self.method,
            "baseline": self.baseline,
            "fs": self.fs,
            "start_s": self.start_s,
            "duration_s": self.duration_s,
            "lead_names": list(self.lead_names),
            "n_times": self.relevance.shape[1],
            "encoding": ENCODING,
            "relevance": self.encoded(),
            "signed_relevance": self.encoded(signed=True),
            "lead_shares": self.lead_shares,
            "raising_share": self.raising_share,
            "windows": [dict(window) for window in self.windows],
            "probability": self.probability,
            "log_odds": self.log_odds,
            "baseline_log_odds": self.baseline_log_odds,
            "signal_contribution": self.signal_contribution,
            "measurement_contribution": self.measurement_contribution,
            "measurement_groups": by_group(self.measurements),
            "measurements": [share.to_json() for share in largest(self.measurements)],
            "completeness_gap": self.completeness_gap,
            "missed": self.missed,
            "note": note,
            "messages": coded([self.method, note]),
            "notice": NOTICE,
        }


OTHERS = "others"
# As many as are shown by name.
SHOWN = 8
_GLOBAL = {feature: (name, unit) for name, (feature, unit) in (GLOBAL_FEATURES | RHYTHM_FEATURES).items()}
_DEMOGRAPHIC_UNITS = dict(zip(DEMOGRAPHICS, ("years", "1"), strict=True))
_TABLES = json.loads(files("heart_reader.explain").joinpath("measurement_words.json").read_text(encoding="utf-8"))
# What was measured, by the first part of a name; others, such as age, are "further".
GROUPS: dict[str, list[str]] = _TABLES["groups"]
_GROUP_OF = {part: group for group, parts in GROUPS.items() for part in parts}
# How parts of a name and units are written for people, where that differs.
_WORDS: dict[str, str] = _TABLES["words"]
_SIGNS: dict[str, str] = _TABLES["signs"]


@dataclass(frozen=True)
class MeasurementShare:
    """One measurement and what it adds.

    Parameters
    ----------
    name
        As in readings: ``qrs_ms``, or ``R_Amp`` beside a lead; ``others`` for the sum of the rest.
    lead
        A lead or a territory such as ``Inferior``; None for what is measured over all leads or
        known of the person.
    value
        In ``unit``; None where it is not known, which may speak for or against a finding too.
    unit
        As in readings.
    contribution
        In log-odds, positive where it raised the probability.
    """

    name: str
    lead: str | None
    value: float | None
    unit: str
    contribution: float

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        value = None if self.value is None else round(self.value, 4)
        return {"name": self.name, "lead": self.lead, "value": value, "unit": self.unit, "contribution": self.contribution}

    def __str__(self) -> str:
        """Return an English phrase.

        Examples
        --------
        >>> str(MeasurementShare("R_Notch", "V6", 1.0, "1", 0.8))
        'R notch in V6 1 +0.80'
        """
        if self.name == OTHERS:
            return f"all others {self.contribution:+.2f}"
        return f"{self.title} {self._amount()} {self.contribution:+.2f}"

    @property
    def title(self) -> str:
        """What was measured, and where, in English."""
        where = "" if self.lead is None else f" in {self.lead}"
        return f"{self._words()}{where}"

    def _words(self) -> str:
        units = {unit.replace("*", "").lower() for _, unit in _GLOBAL.values()} | {"years"}
        parts = [part for part in self.name.split("_") if part not in units]
        if self.name in DEMOGRAPHICS:
            parts = parts[:1]
        return " ".join(_WORDS.get(part, part) for part in parts)

    def _amount(self) -> str:
        if self.value is None:
            return "not known"
        if self.name == DEMOGRAPHICS[1]:
            return "female" if self.value else "male"
        sign = _SIGNS.get(self.unit, self.unit)
        number = f"{self.value:.2f}" if self.unit == "mV" else f"{self.value:.0f}" if sign and self.unit != "1" else f"{self.value:.3g}"
        return f"{number}{'' if sign in ('', '°') else ' '}{sign}"


def shares_of_features(
    space: FeatureSpace | None, features: NDArray[np.float32] | None, contributions: NDArray[np.float64]
) -> tuple[MeasurementShare, ...]:
    """Name the contributions of features, the largest first; those of 0 are left out.

    Parameters
    ----------
    space
        Which features the network takes; None for none.
    features, contributions
        (n_features,) each.
    """
    if space is None or features is None:
        return ()
    names = _feature_names(space)
    order = np.argsort(-np.abs(contributions), kind="stable")
    return tuple(
        MeasurementShare(*_named(names[place]), _known(features[place]), _unit(names[place]), float(contributions[place]))
        for place in order.tolist()
        if contributions[place] != 0
    )


def feature_keys(space: FeatureSpace) -> list[tuple[str, str | None]]:
    """Return name and lead of each feature, as in :class:`MeasurementShare`, in their order."""
    return [_named(name) for name in _feature_names(space)]


def _feature_names(space: FeatureSpace) -> list[str]:
    return [name for part in space.sets for name in NAMES[part]]


def largest(shares: Sequence[MeasurementShare], count: int = SHOWN) -> tuple[MeasurementShare, ...]:
    """Return the first shares and, where there are more, the sum of the others."""
    rest = shares[count:]
    others = (MeasurementShare(OTHERS, None, None, "1", float(sum(share.contribution for share in rest))),) if rest else ()
    return (*shares[:count], *others)


def by_group(shares: Sequence[MeasurementShare]) -> dict[str, float]:
    """Sum contributions by what was measured, in the order of ``GROUPS``, without empty groups.

    Examples
    --------
    >>> by_group([MeasurementShare("T_Amp", "V5", 0.1, "mV", 0.5)])
    {'t': 0.5}
    """
    sums: dict[str, float] = {}
    for share in shares:
        group = _GROUP_OF.get(share.name.partition("_")[0], "further")
        sums[group] = sums.get(group, 0.0) + share.contribution
    return {group: sums[group] for group in GROUPS if group in sums}


def _named(feature: str) -> tuple[str, str | None]:
    """Return the name in readings, and the lead.

    Examples
    --------
    >>> _named("QRS_Dur_Global"), _named("R_Amp_V5"), _named("T_Amp_Min_Inferior")
    (('qrs_ms', None), ('R_Amp', 'V5'), ('T_Amp_Min', 'Inferior'))
    """
    if feature in _GLOBAL:
        return _GLOBAL[feature][0], None
    stem, _, lead = feature.rpartition("_")
    return (stem, lead) if stem in LEAD_UNITS or lead in TERRITORIES else (feature, None)


def _unit(feature: str) -> str:
    name, lead = _named(feature)
    if lead is not None:
        # Of several leads together the name ends in Mean, Min or Max.
        return LEAD_UNITS.get(name) or LEAD_UNITS.get(name.rpartition("_")[0], "1")
    return _GLOBAL[feature][1] if feature in _GLOBAL else _DEMOGRAPHIC_UNITS.get(feature, "1")


def _known(value: np.float32) -> float | None:
    return float(value) if np.isfinite(value) else None
