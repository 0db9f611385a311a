"""What is compared, what either side leaves out, and whether both answer the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

Answers = dict[str, np.ndarray]
NANO, PARENT = "ptbxl-nano-int8", "ptbxl-ensemble"
LEADS = ["I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6"]
FORMATS = {"wfdb": "WFDB", "edf": "EDF", "dicom": "DICOM", "aecg": "HL7 aECG", "muse": "GE MUSE XML", "scp": "SCP-ECG"}


@dataclass(frozen=True)
class Side:
    """Who does the work.

    Parameters
    ----------
    title
        What it is called in the table.
    function
        Of ``own.py`` or ``others.py``, such as ``own.reading``.
    options
        Its arguments.
    """

    title: str
    function: str
    options: dict[str, Any]


@dataclass(frozen=True)
class Comparison:
    """One row of the table.

    Parameters
    ----------
    name
        Short and without ``/``.
    group
        What ``--only`` names, and whose processes it shares.
    work
        From where to where.
    unit
        What the times are of.
    unlike
        What one side does and the other does not.
    agree
        Says in a few words how far two sides' answers agree.
    """

    name: str
    group: str
    work: str
    unit: str
    own: Side
    other: Side
    unlike: str
    agree: Callable[[Answers, Answers], str]


def largest(what: str) -> Callable[[Answers, Answers], str]:
    """Say the largest difference between two answers of one shape."""

    def agree(own: Answers, other: Answers) -> str:
        return f"largest difference {what} {np.nanmax(np.abs(own['values'] - other['values'])):.2g}"

    return agree


PROBABILITY = largest("of a probability")


def torch_comparisons() -> list[Comparison]:
    """The default reader against its torch parent, one core each."""
    return [
        Comparison(
            "torch, network", "torch", "windows and measured features to probabilities", "record",
            Side("8-bit ONNX, the default reader", "own.network", {}),
            Side("torch eager, float32", "own.network", {"checkpoint": PARENT}),
            "Nothing: the same two networks and four forests, which the export turned into 8 bits.", PROBABILITY,
        ),
        Comparison(
            "torch, whole reading", "torch", "file to reading with measurements and reasons", "record",
            Side("8-bit ONNX, the default reader", "own.reading", {}),
            Side("torch eager, float32", "own.reading", {"checkpoint": PARENT}),
            "Nothing: everything but the network is the same code.", PROBABILITY,
        ),
    ]  # fmt: skip


def onnx_comparisons() -> list[Comparison]:
    """ONNX Runtime alone: what lies around the network costs something or does not."""
    from heart_reader.weights import find_reader

    weights = str(find_reader(NANO) / "model.onnx")
    overflow = "sums of 8-bit products overflow on x86 without VNNI, in a session as it is opened by default; in the reader's they do not."
    script = "The script knows one format and one order of leads, and gives no thresholds, uncertainty, warnings or timeline. "
    calibrated = "Its answers are calibrated afterwards, to be compared."
    kinds = (("", False, f"Right sums: {overflow}", f"{script}Its {overflow} "), (", no overflow", True, "Nothing.", script))
    rows = []
    for ending, exact, network_unlike, script_unlike in kinds:
        rows += [
            Comparison(
                f"ONNX Runtime{ending}, network", "onnx", "windows and measured features to probabilities", "record",
                Side("the default reader", "own.network", {}),
                Side("a raw session on the same file", "own.session", {"exact": exact}), network_unlike, PROBABILITY,
            ),
            Comparison(
                f"ONNX Runtime{ending}, file", "onnx", "WFDB file to probabilities, nothing measured", "record",
                Side("the smallest reader, measure=False", "own.reading", {"checkpoint": NANO, "measure": False}),
                Side("a script: wfdb, SciPy, a raw session", "others.script", {"weights": weights, "exact": exact}),
                script_unlike + calibrated, _script_agrees,
            ),
        ]  # fmt: skip
    return rows


def _script_agrees(own: Answers, other: Answers) -> str:
    """Bring the logits of the script to the probabilities of a reading."""
    from heart_reader.classifier import EcgClassifier
    from heart_reader.weights import find_reader

    classifier = EcgClassifier.load(find_reader(NANO))
    level = classifier.level
    of_windows = [classifier.space.probabilities(logits)[level] for logits in other["values"]]
    theirs = np.stack([classifier.decisions[level].calibrate(one.mean(axis=0)) for one in of_windows])
    return PROBABILITY(own, {"values": theirs})


def measuring_comparisons(folder: Path, timed: int) -> list[Comparison]:
    """Measurements of others, from the same WFDB files."""
    own = Side("12 leads, all measurements", "own.measuring", {})

    def against_truth(own: Answers, other: Answers) -> str:
        truth = np.load(folder / "truth.npy")
        errors = [np.abs(one["values"] - truth) for one in (own, other)]
        said = []
        for place, name in enumerate(("rate", "PR", "QRS", "QT")):
            mine, theirs = (error[:, place] for error in errors)
            if not np.isnan(theirs).all():
                unit = "bpm" if name == "rate" else "ms"
                said.append(f"{name} {np.nanmean(mine):.1f} against {np.nanmean(theirs):.1f} {unit}")
        return f"mean absolute error against the simulated truth: {', '.join(said)}"

    lacks = "No axes, amplitudes, rhythm, ectopic beats or check of the signal. The simulator is heart_reader's own."
    kinds = (
        ("12 leads", "dwt", LEADS, "Its default method. "), ("12 leads", "prominence", LEADS, ""),
        ("lead II", "prominence", ["II"], "One lead against 12. "),
    )  # fmt: skip
    of_neurokit = [
        Comparison(
            f"neurokit2 {method}, {where}", "measuring", "WFDB file to rate, PR, QRS and QT", "record", own,
            Side(f"wfdb and neurokit2, {where}", "others.neurokit", {"leads": leads, "method": method, "timed": timed}),
            remark + lacks, against_truth,
        )
        for where, method, leads, remark in kinds
    ]  # fmt: skip
    return [
        *of_neurokit,
        Comparison(
            "wfdb, rate alone", "measuring", "WFDB file to heart rate", "record", own,
            Side("wfdb, XQRS in lead II", "others.wfdb_beats", {}),
            "The rate alone, in one lead, against everything in 12.", against_truth,
        ),
    ]  # fmt: skip


def file_comparisons() -> list[Comparison]:
    """Reading files, by format."""

    def same_signal(own: Answers, other: Answers) -> str:
        common = [name for name in own["leads"].tolist() if name in other["leads"].tolist()]
        rows = [[side["leads"].tolist().index(name) for name in common] for side in (own, other)]
        difference_uv = 1000.0 * np.abs(own["values"][:, rows[0]] - other["values"][:, rows[1]]).max()
        rate = "" if own["fs"] == other["fs"] else f"; {own['fs']:g} against {other['fs']:g} Hz"
        return f"{len(common)} leads, largest difference {difference_uv:.2g} uV{rate}"

    unlike = {"muse": "heart_reader derives the four leads that the file leaves out."}
    own = {kind: Side("read_record", "own.reading_file", {"kind": kind}) for kind in FORMATS}
    rows = [
        Comparison(
            f"ecgdatakit, {title}", "files", f"{title} file to signal in mV", "file", own[kind],
            Side("ecgdatakit", "others.ecgdatakit_file", {"kind": kind}),
            unlike.get(kind, "Nothing of the signal."), same_signal,
        )
        for kind, title in FORMATS.items()
    ]  # fmt: skip
    of_wfdb = Comparison(
        "wfdb, WFDB", "files", "WFDB file to signal in mV", "file", own["wfdb"],
        Side("wfdb.rdsamp", "others.wfdb_file", {}), "Nothing of the signal.", same_signal,
    )  # fmt: skip
    return [of_wfdb, *rows]


def bootstrap_comparisons(draws: int, timed: int) -> list[Comparison]:
    """Intervals from draws of patients."""

    def same_draws(own: Answers, other: Answers) -> str:
        n_draws = min(len(next(iter(side.values()))) for side in (own, other))
        difference = max(np.abs(own[name][:n_draws] - other[name][:n_draws]).max() for name in other)
        said = f"largest difference in {n_draws} equal draws {difference:.1g}"
        if len(other) == 1 and n_draws == draws:
            (name,) = other
            low, high = np.quantile(own[name], [0.025, 0.975])
            their_low, their_high = np.quantile(other[name], [0.025, 0.975])
            said += f"; intervals [{low:.4f}, {high:.4f}] and [{their_low:.4f}, {their_high:.4f}]"
        return said

    few = min(10, draws)
    return [
        Comparison(
            "scikit-learn, macro-AUROC", "bootstrap", "1,000 draws of patients, macro-AUROC of each", "1,000 draws",
            Side("evaluation.bootstrap", "own.bootstrap", {"draws": draws, "names": ["macro_auroc"]}),
            Side("a loop over roc_auc_score", "others.sklearn_auroc", {"draws": draws, "timed": timed}),
            f"Nothing. The loop is timed over {timed} draws and scaled.", same_draws,
        ),
        Comparison(
            "scikit-learn, all metrics", "bootstrap", "1,000 draws of patients, all 12 metrics of each", "1,000 draws",
            Side("evaluation.bootstrap", "own.bootstrap", {"draws": draws}),
            Side("a loop, scikit-learn and NumPy", "others.sklearn_metrics", {"draws": few}),
            f"Nothing. The loop is timed over {few} draws and scaled; Fmax and calibration, which scikit-learn lacks, are NumPy.",
            same_draws,
        ),
    ]  # fmt: skip


def against_comparisons(commit: str) -> list[Comparison]:
    """The same work by an earlier commit of heart_reader."""
    nano = {"checkpoint": NANO, "measure": False}
    rows = (
        ("whole reading", "file to reading with measurements and reasons", "the default reader", "own.reading", {}, PROBABILITY),
        ("file to probabilities", "file to reading, nothing measured", "the smallest reader", "own.reading", nano, PROBABILITY),
        ("measurements", "file to all measurements of 12 leads", "measuring", "own.measuring", {}, largest("in bpm or ms")),
    )
    return [
        Comparison(
            f"{commit[:9]}, {what}", "against", work, "record", Side(title, function, options),
            Side(f"commit {commit[:9]}", function, options), "Nothing: one commit against another.", agree,
        )
        for what, work, title, function, options, agree in rows
    ]  # fmt: skip
