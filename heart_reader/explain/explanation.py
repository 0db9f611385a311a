"""What an explanation is: relevance of every lead at every moment, and what each measurement adds,
for one finding.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heart_reader.diagnosis import NOTICE
from heart_reader.explain.measurement_shares import MeasurementShare, by_group, largest
from heart_reader.messages import coded, message

__all__ = ["ENCODING", "Explanation"]

ENCODING = "base64-uint8"
# Below this share of the change of the log-odds the error of the path integral is no matter of
# concern.
ACCEPTED_GAP = 0.05


@dataclass(frozen=True, eq=False)
class Explanation:
    """What moved the probability of one finding: relevance of the signal, and contributions of
    measurements.

    Parameters
    ----------
    record_id
        Of the recording.
    level, finding
        Class that is explained.
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
        Per window of the stretch ``start_s``, ``end_s`` and ``share`` of the absolute relevance;
        the shares sum to 1.
    probability
        Calibrated probability of the finding in this stretch.
    log_odds, baseline_log_odds
        Of the finding in this stretch and in the baseline, calibrated.
    missed
        What the path integral missed of that change, in log-odds, before it was shared out: how far
        relevance is a sketch.
    measurements
        All that add something, the largest in size first; empty where the reader reads the signal
        alone.
    notes
        What to know before trusting it.
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

    @property
    def duration_s(self) -> float:
        """Length of the explained stretch in seconds."""
        return self.relevance.shape[1] / self.fs

    @property
    def lead_shares(self) -> dict[str, float]:
        """Each lead's share of the absolute relevance; they sum to 1, or are all 0 where nothing
        was relevant.
        """
        per_lead = np.abs(self.relevance, dtype=np.float64).sum(axis=1)
        return dict(zip(self.lead_names, _shares(per_lead), strict=True))

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


def _shares(sizes: NDArray[np.float64]) -> list[float]:
    """Scale sizes to sum 1; all zero stays all zero."""
    total = sizes.sum()
    return [float(size / total) if total else 0.0 for size in sizes]
