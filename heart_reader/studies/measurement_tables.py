"""The tables of ``results/measurements.md``, misses included."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from heart_reader.evaluation.markdown import markdown_table
from heart_reader.features.wave_edges import BOUNDARIES
from heart_reader.studies.delineation_errors import BoundaryErrors
from heart_reader.studies.measurement_references import Comparison
from heart_reader.studies.mitbih import NOTHING, BeatCounts, RhythmCounts

__all__ = ["delineation_table", "detection_table", "device_table", "differences", "iec_table", "rhythm_table", "simulated_table"]

Array = NDArray[np.floating]

DETECTION_TARGET = 99.7
# Per wave: least sensitivity in percent, largest mean error and standard deviation in ms.
DELINEATION_TARGETS = {"p": (98.0, 5.0, 15.0), "qrs": (99.7, 5.0, 12.0), "t": (98.5, 10.0, 22.0)}
SIMULATED_TARGETS = {"pr_ms": (5.0, 10.0), "qrs_ms": (5.0, 10.0), "qt_ms": (10.0, 15.0)}
# Mean and standard deviation of the difference that IEC 60601-2-25 accepts on clinical records, ms.
IEC_LIMITS = {"p_ms": (10.0, 15.0), "pr_ms": (10.0, 10.0), "qrs_ms": (10.0, 10.0), "qt_ms": (25.0, 30.0)}
TITLES = {
    "heart_rate_bpm": "heart rate (bpm)",
    "p_ms": "P (ms)",
    "pr_ms": "PR (ms)",
    "qrs_ms": "QRS (ms)",
    "qt_ms": "QT (ms)",
    "p_axis_deg": "P axis (deg)",
    "qrs_axis_deg": "QRS axis (deg)",
    "t_axis_deg": "T axis (deg)",
}
# Martinez 2004, table for the QT database (one lead of two, reference of one cardiologist): mean
# and standard deviation, ms.
_WAVELET = {
    "p_on": "2.0 ± 14.8", "p_off": "1.9 ± 12.8", "qrs_on": "4.6 ± 7.7", "qrs_off": "0.8 ± 8.7", "t_on": "", "t_off": "-1.6 ± 18.1",
}  # fmt: skip
# The standard deviations that Chuma 2026 states for its best network, an attention U-Net trained on
# LUDB; other recordings.
_UNET = {"p_on": "± 16.6", "p_off": "± 16.3", "qrs_on": "± 14.0", "qrs_off": "± 16.3", "t_on": "± 26.3", "t_off": "± 18.8"}


def detection_table(counts: Mapping[str, BeatCounts]) -> str:
    """Table of QRS detection, one row per record and the sum."""
    total = sum(counts.values(), BeatCounts(0, 0, 0))
    rows = [
        (name, of.found + of.missed, of.missed, of.invented, f"{of.sensitivity:.2f}", f"{of.predictivity:.2f}")
        for name, of in (*counts.items(), ("**all**", total))
    ]
    met = min(total.sensitivity, total.predictivity) >= DETECTION_TARGET
    table = markdown_table(("record", "beats", "missed", "invented", "sensitivity %", "positive predictivity %"), rows)
    return f"{table}\n\nTarget: both at least {DETECTION_TARGET} %: {_verdict(met)}.\n"


def rhythm_table(counts: Mapping[str, RhythmCounts]) -> str:
    """Tables of fibrillation by windows and of premature beats, by record and in all."""
    total = sum(counts.values(), NOTHING)
    windows, beats = [], []
    for name, of in (*counts.items(), ("**all**", total)):
        if of.n_fibrillation or of.n_flutter or of.n_invented:
            found = (of.n_fibrillation, of.n_found, of.n_invented, of.n_unnamed, f"{of.n_flutter_named} of {of.n_flutter}")
            shares = (_percent(of.n_found, of.n_fibrillation), _percent(of.n_found, of.n_found + of.n_invented))
            windows.append((name, of.n_windows, *found, *shares))
        if any(kind.found + kind.missed + kind.invented for kind in (of.ventricular, of.supraventricular)):
            beats.append((name, *_premature(of.ventricular), *_premature(of.supraventricular)))
    head = ("windows", "fibrillation", "found", "invented", "not named", "flutter named so", "sensitivity %", "positive predictivity %")
    kind = ("annotated", "detected", "sensitivity %", "positive predictivity %")
    return "\n\n".join(
        (
            markdown_table(("record", *head), windows),
            "Premature beats, ventricular (V, E, r) and then supraventricular (A, a, J, S):",
            markdown_table(("record", *(f"PVC {name}" for name in kind), *(f"PAC {name}" for name in kind)), beats) + "\n",
        )
    )


def delineation_table(errors: Mapping[str, BoundaryErrors]) -> str:
    """Table of boundary errors, and whether the targets are met."""
    head = ("boundary", "n", "sensitivity %", "predictivity %", "every beat and lead, ms", "target", "median beat of each lead, ms")
    rows = []
    for name in BOUNDARIES:
        of = errors[name]
        least, mean, spread = DELINEATION_TARGETS[name.split("_")[0]]
        every = _verdict(of.sensitivity >= least and _within(of.beat_ms, mean, spread))
        median = _verdict(_within(of.median_ms, mean, spread))
        found = (len(of.beat_ms), f"{of.sensitivity:.2f}", f"{of.predictivity:.2f}")
        rows.append((name, *found, _mean_sd(of.beat_ms), every, _mean_sd(of.median_ms), median, _WAVELET[name], _UNET[name]))
    return markdown_table((*head, "target", "wavelet, ms", "U-Net, ms"), rows) + "\n"


def simulated_table(comparisons: Sequence[Comparison]) -> str:
    """Table of differences from simulated truth, by noise, by rate and by superclass."""
    names = ("heart_rate_bpm", "p_ms", "pr_ms", "qrs_ms", "qt_ms", "qrs_axis_deg")
    groups: dict[str, list[Comparison]] = {"**all noise levels and rates**": [of for of in comparisons if "noise" in of.group]}
    for comparison in comparisons:
        for part in comparison.group.split(", "):
            groups.setdefault(part, []).append(comparison)
    rows = [(group, len(members), *(_cell(members, name) for name in names)) for group, members in groups.items()]
    everything = next(iter(groups.values()))
    met = [f"{TITLES[name]} {_verdict(_within(differences(everything, name), *limit))}" for name, limit in SIMULATED_TARGETS.items()]
    targets = "mean at most 5 (PR, QRS) and 10 ms (QT), standard deviation at most 10, 10 and 15 ms, over noise levels and rates"
    return f"{markdown_table(('simulated', 'n', *(TITLES[name] for name in names)), rows)}\n\nTarget: {targets}: {', '.join(met)}.\n"


def device_table(comparisons: Sequence[Comparison]) -> str:
    """Table of our value and the reference value, record by record."""
    rows = [(of.name, of.group, *(f"{_number(of.ours[name])} / {_number(of.theirs[name])}" for name in TITLES)) for of in comparisons]
    return markdown_table(("record", "measured by", *TITLES.values()), rows) + "\n"


def iec_table(comparisons: Sequence[Comparison]) -> str:
    """Table of differences beside the limits of IEC 60601-2-25."""
    rows = []
    for name, (mean, spread) in IEC_LIMITS.items():
        error = differences(comparisons, name)
        verdict = _verdict(_within(error, mean, spread)) if len(error) > 1 else "too few"
        rows.append((TITLES[name], len(error), _mean_sd(error), f"{mean:g}", f"{spread:g}", verdict))
    head = ("interval", "n", "difference, ours - theirs", "accepted mean", "accepted standard deviation", "")
    return markdown_table(head, rows) + "\n"


def differences(comparisons: Sequence[Comparison], name: str) -> Array:
    """Return ours minus theirs where both are known; angles the short way round."""
    pairs = [(of.ours[name], of.theirs[name]) for of in comparisons]
    error = np.array([ours - theirs for ours, theirs in pairs if ours is not None and theirs is not None])
    return (error + 180.0) % 360.0 - 180.0 if name.endswith("_deg") else error


def _cell(members: Sequence[Comparison], name: str) -> str:
    error = differences(members, name)
    missing = sum(of.theirs[name] is not None for of in members) - len(error)
    return _mean_sd(error) + (f" ({missing} not measured)" if missing else "")


def _premature(of: BeatCounts) -> tuple[object, ...]:
    there, detected = of.found + of.missed, of.found + of.invented
    return there, detected, _percent(of.found, there), _percent(of.found, detected)


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f}" if whole else ""


def _within(error: Array, mean: float, spread: float) -> bool:
    return bool(len(error)) and abs(float(error.mean())) <= mean and float(error.std()) <= spread


def _mean_sd(error: Array) -> str:
    return f"{error.mean():.1f} ± {error.std():.1f}" if len(error) else ""


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"


def _verdict(met: bool) -> str:
    return "met" if met else "**missed**"
