"""Check the measurements against references and write ``results/measurements.md``.

Checked are QRS detection and rhythm (MIT-BIH), delineation (LUDB), intervals against simulated
truth and against other programs, and speed. A part whose recordings are not there is named as
such.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from heart_reader.data.one_record import one_record
from heart_reader.data.synthetic import EcgParameters, simulate
from heart_reader.evaluation.markdown import markdown_table
from heart_reader.features.measured import measure
from heart_reader.features.wave_edges import BOUNDARIES
from heart_reader.studies.delineation_errors import BoundaryErrors, delineation_errors
from heart_reader.studies.measurement_references import DEVICE, Comparison, device_comparisons, plus_comparisons, simulated_comparisons
from heart_reader.studies.mitbih import NOTHING, BeatCounts, RhythmCounts, compare_detector, compare_rhythm

__all__ = ["FIGURE", "device_table", "differences", "iec_table", "rhythm_table", "write_report"]

Array = NDArray[np.floating]

T = TypeVar("T")

FIGURE = "measurements.png"
# Short rounds, many of them: on a busy machine the best of them was disturbed least.
_SPEED_RECORDS, _SPEED_ROUNDS = 10, 40
_TARGET_PER_S = 150.0
NOT_THERE = "These recordings are not there: nothing was measured.\n"

DETECTION = (
    "First lead alone, from the first to the last second, window 150 ms, beat by beat as ANSI/AAMI EC57 describes it; episodes of"
    " ventricular flutter have no beats. Thresholds were chosen on these records. Martinez 2004 states more than 99.8 % for both on all 48"
    " records."
)
RHYTHM = (
    "The measured rhythm of windows of ten seconds, each read for itself, against the annotated one; windows in which the rhythm changes"
    " are left out, and flutter is counted apart. *Not named*: no rhythm was named. Premature beats are those of the whole record of half"
    " an hour, paired within 150 ms. Two leads; most rules were made for twelve."
)
DELINEATION = (
    "Boundaries marked by cardiologists in every lead (LUDB, Kalyakulina 2020), errors are ours minus theirs, matched within 150 ms. *Every"
    " beat and lead* contains the scatter of the marks from beat to beat; *median beat* compares the median beat with the median of the"
    " marks. *Wavelet*: Martinez 2004 on the QT database. *U-Net*: Chuma 2026, an attention U-Net trained on LUDB and measured on other"
    " recordings; Moskalenko 2019 states F1 of at least 97.8 % (P), 99.9 % (QRS) and 99.5 % (T) for a U-Net on LUDB. Their recordings"
    " and leads differ from ours."
)
HEAD = """# Measurements against references

Made by `heart-reader study measurements`. Values are mean ± standard deviation.
"""
REFIT = """### Weights fitted on other records

Every tenth of these records is measured with weights fitted on the other nine tenths."""
SHIPPED = """### Shipped weights

Fitted on LUDB records 1 to 100: on these this is no test, on others it is."""
SIMULATED = (
    "Ten seconds, 12 leads, 500 Hz. Noise x1 is 30 uV of wandering baseline, 7 uV of muscle and 1 uV of mains at each electrode. The"
    " superclasses draw heart, rate and noise at random."
)
OTHERS = (
    "Ours / theirs. 12SL values are the columns of PTB-XL+; device values are those that the recorder wrote into a clinical file. A"
    " handful of records: an example, no validation."
)
DEVICES = (
    "Clinical files against what the device stated in them, over the formats that are read; *largest* is the largest difference, without"
    " its sign. Heart rates of devices are rounded, and may be of another part of the recording."
)
REFERENCES = """Kalyakulina A. I. et al. IEEE Access 8 (2020) 186181. Martinez J. P. et al. IEEE Trans. Biomed. Eng. 51 (2004) 570.
Moskalenko V. et al. Deep learning for ECG segmentation, Neuroinformatics 2019, arXiv 2001.04689. Chuma A. T. et al. Performance
assessment of ECG delineators on single-lead wearable ambulatory data, preprint 2026, doi 10.64898/2026.03.24.26349185.
"""

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


def write_report(out: Path, data: Path) -> None:
    """Measure everything and write the report with its figure beside it.

    Parameters
    ----------
    out
        Markdown file.
    data
        Folder that holds ``mitbih``, ``ludb``, ``ptbxl-plus`` and ``formats``, as far as they are
        there.
    """
    counts = _each(_headers(data / "mitbih"), compare_detector, "record")
    rhythms = _each(_headers(data / "mitbih"), compare_rhythm, "record, rhythm")
    has_ludb = bool(_headers(data / "ludb"))
    errors = (
        {name: delineation_errors(data / "ludb", refit=refit) for name, refit in (("refit", True), ("shipped", False))} if has_ludb else {}
    )
    simulated = list(simulated_comparisons())
    others = [*plus_comparisons(data / "ptbxl-plus"), *device_comparisons(data / "formats")]
    out.parent.mkdir(parents=True, exist_ok=True)
    _draw(out.with_name(FIGURE), errors.get("refit"), simulated)
    out.write_text(_report(counts, rhythms, errors, simulated, others), encoding="utf-8")


def _report(
    counts: dict[str, BeatCounts],
    rhythms: dict[str, RhythmCounts],
    errors: dict[str, dict[str, BoundaryErrors]],
    simulated: list[Comparison],
    others: list[Comparison],
) -> str:
    parts = [
        f"{HEAD}\n![Errors of the boundaries and of the intervals]({FIGURE})\n",
        f"## QRS detection: MIT-BIH, {len(counts)} records\n\n{DETECTION}\n",
        _detection_table(counts) if counts else NOT_THERE,
        f"## Rhythm: MIT-BIH\n\n{RHYTHM}\n",
        rhythm_table(rhythms) if rhythms else NOT_THERE,
        f"## Delineation: LUDB\n\n{DELINEATION}\n",
        *([f"{REFIT}\n", _delineation_table(errors["refit"])] if errors else [NOT_THERE]),
        *([f"{SHIPPED}\n", _delineation_table(errors["shipped"])] if errors else []),
        f"## Intervals: simulated ECGs with known truth\n\n{SIMULATED}\n",
        _simulated_table(simulated),
        f"## Intervals: other programs on the same recordings\n\n{OTHERS}\n",
        _device_table(others) if others else NOT_THERE,
        *([f"{DEVICES}\n", device_table(others)] if others else []),
        *(["Limits of IEC 60601-2-25 for clinical records:\n", iec_table(others)] if others else []),
        f"## Speed\n\n{_speed()}\n",
        f"## References\n\n{REFERENCES}",
    ]
    return "\n".join(parts)


def _speed() -> str:
    per_s = _records_per_s()
    verdict = "met" if per_s >= _TARGET_PER_S else "**missed**"
    return (
        f"{per_s:.0f} ten-second 12-lead records at 500 Hz per second of processor time on one core, best of {_SPEED_ROUNDS} rounds. "
        f"Target: {_TARGET_PER_S:g}: {verdict}."
    )


def _each(headers: list[Path], compare: Callable[[Path], T], unit: str) -> dict[str, T]:
    """Compare every record, by its name."""
    found = {}
    for path in tqdm(headers, unit=unit, disable=not sys.stderr.isatty()):
        with one_record(path):
            found[path.stem] = compare(path)
    return found


def _headers(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.hea"))


def _records_per_s() -> float:
    records = [simulate(EcgParameters(), rng=np.random.default_rng(number), fs=500.0, duration_s=10.0) for number in range(_SPEED_RECORDS)]
    best = 0.0
    for _ in range(_SPEED_ROUNDS):
        # Processor time: what else the machine does meanwhile is not ours.
        start = time.process_time()
        for record in records:
            measure(record)
        best = max(best, _SPEED_RECORDS / (time.process_time() - start))
    return best


def _draw(path: Path, errors: dict[str, BoundaryErrors] | None, simulated: list[Comparison]) -> None:
    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
    if errors is not None:
        left.boxplot([errors[name].median_ms for name in BOUNDARIES], tick_labels=BOUNDARIES, showfliers=False, whis=(5, 95))
    left.axhline(0.0, color="grey", linewidth=0.8)
    left.set(title="LUDB, median beat of each lead", ylabel="ours - cardiologists (ms), whiskers 5 to 95 %")
    names = ("p_ms", "pr_ms", "qrs_ms", "qt_ms")
    right.boxplot(
        [differences(simulated, name) for name in names],
        tick_labels=[name[:-3].upper() for name in names],
        showfliers=False,
        whis=(5, 95),
    )
    right.axhline(0.0, color="grey", linewidth=0.8)
    right.set(title="simulated ECGs", ylabel="ours - truth (ms), whiskers 5 to 95 %")
    figure.savefig(path, dpi=120)
    plt.close(figure)


def _detection_table(counts: Mapping[str, BeatCounts]) -> str:
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


def _delineation_table(errors: Mapping[str, BoundaryErrors]) -> str:
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


def _simulated_table(comparisons: Sequence[Comparison]) -> str:
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


def _device_table(comparisons: Sequence[Comparison]) -> str:
    """Table of our value and the reference value, record by record."""
    rows = [(of.name, of.group, *(f"{_number(of.ours[name])} / {_number(of.theirs[name])}" for name in TITLES)) for of in comparisons]
    return markdown_table(("record", "measured by", *TITLES.values()), rows) + "\n"


def device_table(comparisons: Sequence[Comparison]) -> str:
    """Table of differences from what devices stated: number, mean and spread of each value."""
    devices = [of for of in comparisons if of.group.startswith(DEVICE)]
    rows = []
    for name, title in TITLES.items():
        error = differences(devices, name)
        stated = sum(of.theirs[name] is not None for of in devices)
        rows.append((title, stated, len(error), _mean_sd(error), f"{np.abs(error).max():.0f}" if len(error) else ""))
    return markdown_table(("value", "stated in", "measured too", "difference, ours - theirs", "largest"), rows) + "\n"


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
