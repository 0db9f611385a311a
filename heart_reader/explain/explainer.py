"""Explain findings in recordings, with the classifier's own preprocessing and log-odds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from heart_reader.classifier import EcgClassifier
from heart_reader.data.labels import sigmoid
from heart_reader.data.preprocessor import PreparedEcg, from_microvolts
from heart_reader.data.record import EcgRecord
from heart_reader.errors import ConfigError, NotServable, SignalTooShort
from heart_reader.explain.background import Background
from heart_reader.explain.beats import average_over_beats, beats_by_kind
from heart_reader.explain.deletion import Altered, occlude
from heart_reader.explain.explanation import ACCEPTED_GAP, Explanation, shares_of_features
from heart_reader.messages import Message, message
from heart_reader.runtimes import build_torch_network

if TYPE_CHECKING:
    from torch import Tensor

    from heart_reader.explain.attribution import Attribution, Attributor

__all__ = ["MAX_STRETCH_S", "METHODS", "Explainer", "Method", "View"]

# Points on the path of each window, more for few windows: the errors of many cancel.
STEPS = 6
MOST_STEPS = 32
WINDOW_POINTS = 42
# Records of the background that one record is compared with.
DRAWS = 24
# Gradients need every layer's output of all windows of the stretch in memory.
MAX_STRETCH_S = 30.0
BASELINE = "each lead held still at its own median"
BASELINE_MEASURED = f"{BASELINE}, every measurement as in the training records on average"
INTEGRATED_GRADIENTS, GRADIENT_SHAP, OCCLUSION = METHODS = ("integrated_gradients", "gradient_shap", "occlusion")


@dataclass(frozen=True)
class Method:
    """How relevance is computed.

    Parameters
    ----------
    name
        One of :data:`METHODS`.
    steps
        Points on the path of every window; of expected gradients, the records that are drawn from
        the background. None takes 24 of these; else six, and more where there are few windows.
    background
        For expected gradients: what a record is compared with. None means that each lead is held
        still at its own median, with random points on the path. Its usual measurements replace
        those that are taken away to see whether an explanation is true.
    seed
        Of the draws, which depend on the record's name too, and not on the order of records.

    Raises
    ------
    ConfigError
        If there is no such method, or fewer than one step.
    """

    name: str = INTEGRATED_GRADIENTS
    steps: int | None = None
    background: Background | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.name not in METHODS:
            raise ConfigError(f"method {self.name!r}: there are {', '.join(METHODS)}")
        if self.steps is not None and self.steps < 1:
            raise ConfigError(f"{self.steps} steps; at least 1 is needed")

    @property
    def baseline(self) -> str:
        """What a record's signal is compared with."""
        if self.name == GRADIENT_SHAP and self.background is not None:
            return f"records drawn from {len(self.background)} of the background"
        return BASELINE

    def describe(self, steps: int, *, measured: bool) -> Message:
        """Say it in a sentence."""
        if self.name == OCCLUSION:
            return message("occlusion_method")
        if self.name == GRADIENT_SHAP:
            return message("expected_gradients_method_measured" if measured else "expected_gradients_method", draws=steps)
        return message("attribution_method_measured" if measured else "attribution_method", steps=steps)


USUAL = Method()


@dataclass(frozen=True, eq=False)
class View:
    """A stretch of a recording as the network reads it.

    Parameters
    ----------
    prepared
        The whole recording.
    starts
        (n_windows,) where the windows of the stretch begin.
    stretch
        Its first time point and the one behind its last.
    windows, features
        (n_windows, n_leads, n_times) in mV; (n_features,) of the recording or None.
    """

    record: EcgRecord
    prepared: PreparedEcg
    starts: NDArray[np.int64]
    stretch: tuple[int, int]
    windows: NDArray[np.float32]
    features: NDArray[np.float32] | None


class Explainer:
    """Explains the readings of a classifier.

    Parameters
    ----------
    classifier
        Loaded from torch weights, such as those that :func:`find_origin` finds behind an exported
        checkpoint.
    gradients
        False for weights without gradients, an ONNX graph: they can only be explained by occlusion.

    Raises
    ------
    CheckpointError
        If the weights have no gradients and they are wanted, or torch is not installed.
    """

    def __init__(self, classifier: EcgClassifier, *, gradients: bool = True) -> None:
        self.classifier = classifier
        self.preprocessor = classifier.preprocessor
        self.space = classifier.space
        self._attributor: Attributor | None = None
        if gradients:
            network = build_torch_network(classifier.checkpoint)
            from heart_reader.explain.attribution import Attributor

            self._attributor = Attributor(network)

    @property
    def attributor(self) -> Attributor:
        """What follows the gradients.

        Raises
        ------
        NotServable
            If it was made without.
        """
        if self._attributor is None:
            raise NotServable(
                f"{self.classifier.checkpoint.directory}: an ONNX graph has no gradients: explain it by occlusion, or name the torch "
                "checkpoint it was exported from"
            )
        return self._attributor

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

        A binary level that is not the one of interest must be given.

        Raises
        ------
        NotServable
            If no such level, or none of them, has that class.
        """
        order, interest = self.space.reading_levels(self.classifier.level), self.classifier.level
        if level is not None and level not in (*order, *self.space.screens(interest)):
            raise NotServable(f"level {level!r}: this model's readings state {', '.join(order)}")
        for name in order if level is None else (level,):
            if finding in self.space.levels[name].class_names:
                return name
        nearest = level or interest
        known = ", ".join(self.space.levels[nearest].class_names)
        raise NotServable(f"finding {finding!r}: {nearest} has {known}; name another level for other classes")

    def explain(
        self,
        record: EcgRecord,
        finding: str,
        level: str | None = None,
        *,
        start_s: float = 0.0,
        duration_s: float = 10.0,
        method: Method = USUAL,
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
        method
            How relevance is computed.

        Raises
        ------
        NotServable
            If the model has no such class, or no gradients for this method.
        RecordError
            If the recording cannot be read, or ends before ``start_s``.
        """
        return self.explain_view(self.view(record, start_s=start_s, duration_s=duration_s), finding, level, method)

    def view(self, record: EcgRecord, *, start_s: float = 0.0, duration_s: float = 10.0) -> View:
        """Prepare a stretch of a recording, see :meth:`explain`."""
        prepared = self.preprocessor.prepare(record)
        window, n_times = self.preprocessor.n_times, prepared.microvolts.shape[1]
        all_starts = self.preprocessor.starts(n_times)
        starts = self._inside(all_starts, record, start_s, min(duration_s, MAX_STRETCH_S))
        windows, features = self.classifier.inputs(record, prepared)
        stretch = (max(int(starts[0]), 0), min(int(starts[-1]) + window, n_times))
        return View(record, prepared, starts, stretch, windows[np.isin(all_starts, starts)], features)

    def explain_view(self, view: View, finding: str, level: str | None = None, method: Method = USUAL) -> Explanation:
        """Explain one finding in a stretch that :meth:`view` prepared, see :meth:`explain`."""
        level = self.find_level(finding, level)
        steps = method.steps or (DRAWS if method.name == GRADIENT_SHAP else min(MOST_STEPS, max(STEPS, WINDOW_POINTS // len(view.starts))))
        raw, attribution = (
            self._occluded(view, finding, level) if method.name == OCCLUSION else self._gradients(view, finding, level, method, steps)
        )
        (first, last), fs, features = view.stretch, self.preprocessor.fs, view.features
        beats = [at - first for at in beats_by_kind(view.prepared, self.preprocessor)]
        measured = features is not None and method.name != OCCLUSION
        return Explanation(
            record_id=view.record.record_id,
            level=level,
            finding=finding,
            method=method.describe(steps, measured=measured),
            baseline=BASELINE_MEASURED if measured and method.baseline == BASELINE else method.baseline,
            fs=fs,
            start_s=first / fs,
            lead_names=self.preprocessor.leads,
            relevance=average_over_beats(raw, beats).astype(np.float32),
            measurements=shares_of_features(self.classifier.features, features, attribution.features),
            windows=_window_shares(attribution.signal, view.starts, self.preprocessor.n_times, last, fs),
            probability=float(sigmoid(np.array(attribution.score))),
            log_odds=attribution.score,
            baseline_log_odds=attribution.baseline_score,
            missed=attribution.missed,
            standard_error=attribution.standard_error,
            notes=self._notes(view, method, attribution),
        )

    def altered(self, view: View, finding: str, level: str | None = None) -> Altered:
        """Return what reads a stretch again with parts of it taken away."""
        level = self.find_level(finding, level)
        explained = (level, self._position(level, finding))
        return Altered(self.classifier, view.prepared, view.features, stretch=view.stretch, explained=explained)

    def _gradients(self, view: View, finding: str, level: str, method: Method, steps: int) -> tuple[NDArray[np.float64], Attribution]:
        """Return (n_leads, n_times) relevance on the recording, and its parts."""
        attributor = self.attributor
        from heart_reader.explain.attribution import Baseline

        window, still = self.preprocessor.n_times, np.rint(np.median(view.prepared.microvolts, axis=1, keepdims=True)).astype(np.int16)
        at_rest = from_microvolts(np.broadcast_to(still, (len(still), window)))[None]
        baselines, rng = [Baseline(at_rest)], None
        if method.name == GRADIENT_SHAP:
            rng = np.random.default_rng([method.seed, crc32(view.record.record_id.encode())])
            mask = view.prepared.lead_mask
            drawn = method.background.draw(steps, len(view.starts), mask, rng) if method.background else []
            baselines, steps = [Baseline(*inputs) for inputs in drawn] or baselines * steps, 1
        attribution = attributor.attribute(self._score(level, finding), view.windows, view.features, baselines, steps=steps, rng=rng)
        return _on_the_record(attribution.signal, view.starts, view.stretch[1]), attribution

    def _occluded(self, view: View, finding: str, level: str) -> tuple[NDArray[np.float64], Attribution]:
        """Return (n_leads, n_times) relevance on the recording, and the same in its windows."""
        altered = self.altered(view, finding, level)
        from heart_reader.explain.attribution import Attribution

        raw = occlude(altered)
        kept = np.array([[True], [False]]).repeat(len(altered.segments), axis=1)
        score, baseline = altered.log_odds(kept).tolist()
        window = self.preprocessor.n_times
        before = max(-int(view.starts[0]), 0)
        first = view.stretch[0] - before
        padded = np.pad(raw, ((0, 0), (before, window)))
        in_windows = np.stack([padded[:, start - first : start - first + window] for start in view.starts])
        n_features = 0 if view.features is None else len(view.features)
        return raw, Attribution(in_windows, np.zeros(n_features), score, baseline, abs(score - baseline - float(raw.sum())))

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

    def _position(self, level: str, finding: str) -> int:
        return self.space.levels[level].class_names.index(finding)

    def _score(self, level: str, finding: str) -> Callable[[Tensor], Tensor]:
        """Return what is explained: calibrated log-odds of a class over all windows together."""
        from heart_reader.explain.attribution import class_log_odds

        calibration = self.classifier.decisions[level].calibration
        return partial(class_log_odds, self.space, level, self._position(level, finding), calibration=calibration)

    def _notes(self, view: View, method: Method, attribution: Attribution) -> tuple[str, ...]:
        notes: list[str] = [message("attribution_meaning")]
        (first, last), fs = view.stretch, self.preprocessor.fs
        if (first, last) != (0, view.prepared.microvolts.shape[1]):
            notes.append(message("stretch_explained", start=first / fs, end=last / fs))
        absent = [name for name, there in zip(self.preprocessor.leads, view.prepared.lead_mask, strict=True) if not there]
        if absent:
            notes.append(message("leads_without_relevance", leads=absent))
        if method.name != OCCLUSION and any(not forest.cover.any() for forest in self.attributor.forests):
            notes.append(message("cover_unknown"))
        notes += [
            message("sentence", sentence=warning)
            for warning in view.prepared.warnings
            if isinstance(warning, Message) and warning.code == "leads_derived"
        ]
        change = abs(attribution.score - attribution.baseline_score)
        if method.name == OCCLUSION:
            notes.append(message("occlusion_sum", gap=attribution.missed, change=change))
        elif attribution.missed > ACCEPTED_GAP * max(change, 1.0):
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
