"""Explain findings in recordings, with the classifier's own preprocessing and log-odds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from heart_reader.checkpoint import Checkpoint, load_checkpoint, load_manifest
from heart_reader.classifier import EcgClassifier
from heart_reader.data.labels import sigmoid
from heart_reader.data.preprocessor import PreparedEcg, Preprocessor, from_microvolts
from heart_reader.data.record import EcgRecord
from heart_reader.errors import CheckpointError, DataError, NotServable, SignalTooShort
from heart_reader.explain.explanation import ACCEPTED_GAP, Explanation, shares_of_features
from heart_reader.features.beat_analysis import analyse
from heart_reader.features.conditioning import MEASURING_HZ
from heart_reader.messages import Message, message
from heart_reader.runtimes import build_torch_network
from heart_reader.weights.fetch import SOURCE
from heart_reader.weights.find import find_reader, local_reader
from heart_reader.weights.index import shipped_readers

if TYPE_CHECKING:
    from torch import Tensor

    from heart_reader.explain.attribution import Attribution

__all__ = ["MAX_STRETCH_S", "Explainer", "average_over_beats", "beats_by_kind", "find_origin"]

# Points on the path of each window, more for few windows: the errors of many cancel.
STEPS = 6
MOST_STEPS = 32
WINDOW_POINTS = 42
# Gradients need every layer's output of all windows of the stretch in memory.
MAX_STRETCH_S = 30.0
BASELINE = "each lead held still at its own median"
BASELINE_MEASURED = f"{BASELINE}, every measurement as in the training records on average"


class Explainer:
    """Explains the readings of a classifier.

    Parameters
    ----------
    classifier
        Loaded from torch weights, such as those that :func:`find_origin` finds behind an exported
        checkpoint.
    steps
        Points on the path of integration of every window; None takes six, and more where there are
        few windows.

    Raises
    ------
    CheckpointError
        If the weights cannot be used, or torch is not installed.
    """

    def __init__(self, classifier: EcgClassifier, *, steps: int | None = None) -> None:
        network = build_torch_network(classifier.checkpoint)
        from heart_reader.explain.attribution import Attributor

        self.classifier = classifier
        self.steps = steps
        self.attributor = Attributor(network)
        self.preprocessor = classifier.preprocessor
        self.space = classifier.space

    @classmethod
    def load(cls, directory: Path | str) -> Explainer:
        """Load a torch checkpoint directory.

        Raises
        ------
        CheckpointError
            If it is missing, altered, or holds no torch weights.
        """
        return cls(EcgClassifier.load(directory))

    def find_level(self, finding: str, level: str | None = None) -> str:
        """Return the level a finding is explained at: the given one, or the first that has it.

        Raises
        ------
        NotServable
            If no such level, or none of them, has that class.
        """
        order = self.space.reading_levels(self.classifier.level)
        if level is not None and level not in order:
            raise NotServable(f"level {level!r}: this model's readings state {', '.join(order)}")
        for name in order if level is None else (level,):
            if finding in self.space.levels[name].class_names:
                return name
        nearest = level or self.classifier.level
        known = ", ".join(self.space.levels[nearest].class_names)
        raise NotServable(f"finding {finding!r}: {nearest} has {known}; name another level for other classes")

    def explain(
        self, record: EcgRecord, finding: str, level: str | None = None, *, start_s: float = 0.0, duration_s: float = 10.0
    ) -> Explanation:
        """Explain the probability of one finding in a stretch of a recording.

        Parameters
        ----------
        record
            A record of any length.
        finding
            Name of a class.
        level
            Level of the class; None takes the first level of a reading that has it.
        start_s, duration_s
            Stretch of the recording in seconds, at most 30 s; windows that lie in it are explained
            as one reading.

        Raises
        ------
        NotServable
            If the model has no such class.
        RecordError
            If the recording cannot be read, or ends before ``start_s``.
        """
        level = self.find_level(finding, level)
        prepared = self.preprocessor.prepare(record)
        fs, window = self.preprocessor.fs, self.preprocessor.n_times
        n_leads, n_times = prepared.microvolts.shape
        all_starts = self.preprocessor.starts(n_times)
        starts = self._inside(all_starts, record, start_s, min(duration_s, MAX_STRETCH_S))
        windows, features = self.classifier.inputs(record, prepared)
        still = np.rint(np.median(prepared.microvolts, axis=1, keepdims=True)).astype(np.int16)
        at_rest = self.preprocessor.windows(PreparedEcg(np.broadcast_to(still, (n_leads, window)), prepared.lead_mask))[0]
        steps = self.steps or min(MOST_STEPS, max(STEPS, WINDOW_POINTS // len(starts)))
        chosen = windows[np.isin(all_starts, starts)]
        attribution = self.attributor.attribute(self._score(level, finding), chosen, at_rest, features, steps)
        first, last = max(int(starts[0]), 0), min(int(starts[-1]) + window, n_times)
        beats = [at - first for at in beats_by_kind(prepared, self.preprocessor)]
        relevance = average_over_beats(_on_the_record(attribution.signal, starts, last), beats)
        shares = shares_of_features(self.classifier.features, features, attribution.features)
        whole = first == 0 and last == n_times
        return Explanation(
            record_id=record.record_id,
            level=level,
            finding=finding,
            method=message("attribution_method" if features is None else "attribution_method_measured", steps=steps),
            baseline=BASELINE if features is None else BASELINE_MEASURED,
            fs=fs,
            start_s=first / fs,
            lead_names=self.preprocessor.leads,
            relevance=relevance.astype(np.float32),
            measurements=shares,
            windows=_window_shares(attribution.signal, starts, window, last, fs),
            probability=float(sigmoid(np.array(attribution.score))),
            log_odds=attribution.score,
            baseline_log_odds=attribution.baseline_score,
            missed=attribution.missed,
            notes=self._notes(prepared, whole, (first / fs, last / fs), attribution),
        )

    def _inside(self, starts: NDArray[np.int64], record: EcgRecord, start_s: float, duration_s: float) -> NDArray[np.int64]:
        """Return the windows that lie in the stretch, or the one that begins nearest to it."""
        if start_s >= record.duration_s:
            raise SignalTooShort(
                f"{record.record_id}: {record.duration_s:.1f} s long; start_s {start_s:g} lies behind its end: start earlier"
            )
        window, fs = self.preprocessor.n_times, self.preprocessor.fs
        inside = starts[(starts >= round(start_s * fs)) & (starts + window <= round((start_s + duration_s) * fs))]
        nearest = int(np.abs(starts - start_s * fs).argmin())
        return inside if len(inside) else starts[nearest : nearest + 1]

    def _score(self, level: str, finding: str) -> Callable[[Tensor], Tensor]:
        """Return what is explained: calibrated log-odds of a class over all windows together."""
        from heart_reader.explain.attribution import class_log_odds

        position = self.space.levels[level].class_names.index(finding)
        return partial(class_log_odds, self.space, level, position, calibration=self.classifier.decisions[level].calibration)

    def _notes(self, prepared: PreparedEcg, whole: bool, stretch_s: tuple[float, float], attribution: Attribution) -> tuple[str, ...]:
        notes: list[str] = [message("attribution_meaning")]
        if not whole:
            notes.append(message("stretch_explained", start=stretch_s[0], end=stretch_s[1]))
        absent = [name for name, there in zip(self.preprocessor.leads, prepared.lead_mask, strict=True) if not there]
        if absent:
            notes.append(message("leads_without_relevance", leads=absent))
        if any(not forest.cover.any() for forest in self.attributor.forests):
            notes.append(message("cover_unknown"))
        notes += [
            message("sentence", sentence=warning)
            for warning in prepared.warnings
            if isinstance(warning, Message) and warning.code == "leads_derived"
        ]
        change = abs(attribution.score - attribution.baseline_score)
        if attribution.missed > ACCEPTED_GAP * max(change, 1.0):
            notes.append(message("attribution_gap", gap=attribution.missed, change=change))
        return tuple(notes)


def _on_the_record(attribution: NDArray[np.float64], starts: NDArray[np.int64], last: int) -> NDArray[np.float64]:
    """Add up overlapping windows: (n_leads, n_times) from the first start, or 0, to ``last``."""
    n_leads, window = attribution.shape[1:]
    first = int(starts[0])
    total = np.zeros((n_leads, int(starts[-1]) + window - first))
    for start, values in zip(starts, attribution, strict=True):
        total[:, start - first : start - first + window] += values
    # Where a window is longer than the recording, what fills it is not of the recording: its
    # relevance belongs to the sample beside it.
    before = max(-first, 0)
    total[:, before] += total[:, :before].sum(axis=1)
    total[:, last - first - 1] += total[:, last - first :].sum(axis=1)
    return total[:, before : last - first]


def _window_shares(
    attribution: NDArray[np.float64], starts: NDArray[np.int64], window: int, last: int, fs: float
) -> tuple[dict[str, float], ...]:
    sizes = np.abs(attribution).sum(axis=(1, 2))
    total = float(sizes.sum())
    return tuple(
        {
            "start_s": float(max(start, 0) / fs),
            "end_s": float(min(start + window, last) / fs),
            "share": float(size / total) if total else 0.0,
        }
        for start, size in zip(starts, sizes, strict=True)
    )


# Share of an RR interval that belongs to the beat at its end: from before the P wave. The rest
# belongs to the beat at its beginning.
_BEFORE = 0.4


def beats_by_kind(prepared: PreparedEcg, preprocessor: Preprocessor) -> list[NDArray[np.int64]]:
    """Return aligned time points of the R waves of each kind of beat in a prepared record."""
    signal = from_microvolts(prepared.microvolts[prepared.lead_mask])
    leads = tuple(name for name, there in zip(preprocessor.leads, prepared.lead_mask, strict=True) if there)
    analysis = analyse(EcgRecord("prepared", signal, preprocessor.fs, leads))
    kinds = [] if analysis.main is None else [analysis.main.beats, *analysis.others]
    first = round(analysis.stretch_s[0] * preprocessor.fs)
    return [first + np.rint(kind.at * preprocessor.fs / MEASURING_HZ).astype(np.int64) for kind in kinds]


def average_over_beats(relevance: NDArray[np.float64], kinds: Sequence[NDArray[np.int64]]) -> NDArray[np.float64]:
    """Replace the relevance of each beat by the mean over beats of its kind.

    Where a beat lies in the windows changes its relevance: windows overlap except at the ends of a
    recording, and a border may cut a beat. That has nothing to do with the heart and averages out.
    Each lead keeps its sum. Every moment of a beat is averaged over the beats that reach it: one in
    a short RR interval ends before others do.

    Parameters
    ----------
    relevance
        (n_leads, n_times).
    kinds
        Time points of the R waves of each kind; those outside are left out.

    Examples
    --------
    >>> relevance = np.array([[0.0, 2.0, 0.0, 0.0, 0.0, 4.0, 0.0, 0.0, 1.0]])
    >>> average_over_beats(relevance, [np.array([1, 5])]).tolist()
    [[0.0, 3.0, 0.0, 0.0, 0.0, 3.0, 0.0, 0.0, 1.0]]
    """
    n_times = relevance.shape[1]
    inside = [at[(at >= 0) & (at < n_times)] for at in kinds]
    at = np.sort(np.concatenate([*inside, np.zeros(0, dtype=np.int64)]))
    if len(at) < 2:
        return relevance
    rr = np.diff(at)
    usual = int(np.median(rr))
    starts = np.concatenate([[max(0, at[0] - round(_BEFORE * usual))], at[1:] - np.rint(_BEFORE * rr).astype(np.int64)])
    ends = np.concatenate([starts[1:], [min(n_times, at[-1] + usual - round(_BEFORE * usual))]])
    answer = relevance.copy()
    for kind in inside:
        if len(kind) < 2:
            continue
        beats = np.searchsorted(at, kind)
        before, after = (kind - starts[beats]).max(), (ends[beats] - kind).max()
        moments = kind[:, None] + np.arange(-before, after)
        belongs = (moments >= starts[beats][:, None]) & (moments < ends[beats][:, None])
        values = np.where(belongs, relevance[:, moments.clip(0, n_times - 1)], 0.0)
        means = values.sum(axis=1) / np.maximum(belongs.sum(axis=0), 1)
        beat, moment = np.nonzero(belongs)
        answer[:, moments[beat, moment]] = means[:, moment]
    return answer


def find_origin(served: Checkpoint, named: Path | None = None, *, fetch: bool = True) -> Checkpoint:
    """Return the torch checkpoint whose gradients explain the readings of a served one.

    It is the served one itself, or the one it was exported from, which its manifest names by hash.

    Parameters
    ----------
    served
        The checkpoint that makes the readings.
    named
        Where to look; None looks among the shipped checkpoints and those beside the served one.
    fetch
        Whether a shipped checkpoint may be fetched if it is not on this machine.

    Raises
    ------
    CheckpointError
        If a named or found checkpoint is damaged.
    NotServable
        If there is no such checkpoint, or the named one belongs to another model.
    """
    if served.runtime == "torch" and named is None:
        return served
    wanted = {served.sha256, served.manifest["parent"]}
    for directory in [named] if named is not None else _candidates(served, fetch=fetch):
        origin = _load_if(directory, wanted, required=named is not None)
        if origin is not None:
            return origin
    raise NotServable(
        f"{served.directory}: an ONNX graph has no gradients, and the torch checkpoint it was exported from was not found: "
        f"name it (HEART_READER_EXPLAIN_CHECKPOINT=DIR), or say where a shipped one can be fetched ({SOURCE}=FOLDER_OR_ADDRESS)"
    )


def _candidates(served: Checkpoint, *, fetch: bool) -> Iterator[Path]:
    """Yield the shipped checkpoint that the served one was exported from, then all beside it."""
    for reader in shipped_readers().values():
        if reader.runtime == "torch" and reader.sha256 in (served.sha256, served.manifest["parent"]):
            try:
                found = find_reader(reader.name) if fetch else local_reader(reader)
            except DataError:  # it can be fetched from nowhere
                found = None
            if found is not None:
                yield found
    yield from sorted(served.directory.resolve().parent.parent.glob("*/checkpoint"))


def _load_if(directory: Path, wanted: set[str | None], *, required: bool) -> Checkpoint | None:
    """Load a checkpoint if its hash is wanted and it holds torch weights."""
    try:
        manifest = load_manifest(directory)
    except CheckpointError:
        if required:
            raise
        return None
    if manifest["sha256"] in wanted:
        checkpoint = load_checkpoint(directory)
        if checkpoint.runtime == "torch":
            return checkpoint
    if required:
        raise NotServable(f"{directory}: neither the served checkpoint nor the torch checkpoint it was exported from: name that one")
    return None
