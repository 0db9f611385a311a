"""The one inference path: a checkpoint directory in, readings out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from heart_reader.checkpoint import Checkpoint, load_checkpoint, understood
from heart_reader.conclusion.conclude import Conclusion, conclude
from heart_reader.conclusion.findings import Facts, trusted_numbers
from heart_reader.conclusion.reconcile import ClassReading
from heart_reader.conclusion.table import class_name
from heart_reader.conclusion.whole import WholeRhythm
from heart_reader.data.batch import Batch, Inputs
from heart_reader.data.labels import LabelSpace
from heart_reader.data.preprocessor import PreparedEcg, Preprocessor
from heart_reader.data.record import EcgRecord
from heart_reader.data.signal import resampled_length
from heart_reader.decisions.decision import Decisions, Thresholds
from heart_reader.decisions.joined import JoinedDecisions
from heart_reader.diagnosis import NOTICE, Diagnosis, Quality, Screen
from heart_reader.errors import NotServable
from heart_reader.long.sampling import LONG_S, VERY_LONG_S, long_warnings, moved, network_starts, network_windows, part_to_measure
from heart_reader.messages import Message, message
from heart_reader.pooling import level_means, pool, timeline
from heart_reader.predictions import Predictions
from heart_reader.runtimes import Logits, open_runtime
from heart_reader.signing import TrustedKeys, check_signature, signature_facts

if TYPE_CHECKING:
    from heart_reader.data.dataset import EcgDataset
    from heart_reader.features.feature_space import FeatureSpace
    from heart_reader.features.measurement import Measurements

__all__ = ["EcgClassifier"]

# Windows per call of the network. More at a time is slower: a core's caches are left.
BATCH_WINDOWS = 32
# Windows that are in memory at a time: those of 42 minutes, 25 MB.
PART_WINDOWS = 2048
# Recordings longer than this report each class's highest window beside its mean.
USUAL_DURATION_S = 10.5
# Of the time that a very long recording takes, about so much goes to the network.
NETWORK_SHARE = 0.3


class EcgClassifier:
    """Reads ECGs with one checkpoint.

    Use :meth:`load`.

    Parameters
    ----------
    logits
        Its runtime, see :func:`heart_reader.runtimes.open_runtime`.
    signer
        Name of the trusted key that signed the checkpoint; None if nobody asked.
    """

    def __init__(self, checkpoint: Checkpoint, logits: Logits, signer: str | None = None) -> None:
        manifest = checkpoint.manifest
        self.checkpoint = checkpoint
        self._logits = logits
        self._signer = signer
        with understood(checkpoint):
            self.preprocessor = Preprocessor.from_json(manifest["preprocessor"])
            self.space = LabelSpace.from_json(manifest["levels"])
            self.features = _feature_space(manifest["features"], checkpoint.origin)
            self.level: str = manifest["config"]["task"]["level"]
            chosen = Decisions.of_manifest(manifest)
            for name, decisions in chosen.items():
                decisions.check(len(self.space.levels[name].class_names))
            if self.level not in self.space.answerable():
                raise ValueError(f"level {self.level}")
            # What a reading states, the level of interest first, and the questions apart.
            self._stated, self._asked = self.space.reading_levels(self.level), self.space.screens(self.level)
            self.decisions = {name: chosen.get(name, Decisions()) for name in self.space.levels}

    @property
    def thresholds(self) -> dict[str, Thresholds]:
        """The thresholds of every level that has any."""
        return {name: of.thresholds for name, of in self.decisions.items() if of.thresholds is not None}

    @classmethod
    def load(cls, directory: Path | str, *, threads: int = 1, trusted: TrustedKeys | None = None) -> EcgClassifier:
        """Load a checkpoint directory of either runtime.

        Parameters
        ----------
        directory
            Holds ``manifest.json`` and one weights file.
        threads
            Threads of one ONNX Runtime call.
        trusted
            Who must have signed the checkpoint; None means that nobody has to.

        Raises
        ------
        CheckpointError
            If the checkpoint is missing, altered, of another format, not signed by anyone trusted,
            or needs a runtime that is not installed.
        """
        checkpoint = load_checkpoint(Path(directory))
        signer = None if trusted is None else check_signature(checkpoint, trusted)
        return cls(checkpoint, open_runtime(checkpoint, threads), signer)

    def logits(self, batch: Batch) -> NDArray[np.float32]:
        """Return (n_windows, n_outputs) logits; features are ignored by a network without them."""
        taken = batch if self.features is not None else batch.alone()
        return np.concatenate([self._logits(part) for part in taken.parts(BATCH_WINDOWS)])

    def inputs(self, record: EcgRecord, prepared: PreparedEcg, measured: Measurements | None = None) -> Inputs:
        """Return (n_windows, n_leads, n_times) in mV and (n_features,) features, or None.

        ``measured`` is what was measured of ``prepared`` already.
        """
        features = None if self.features is None else self.features.of_record(record, prepared, self.preprocessor, measured)
        return self.preprocessor.windows(prepared), features

    def predict(self, record: EcgRecord, *, measure: bool = True, progress: Callable[[float], None] | None = None) -> Diagnosis:
        """Read one ECG.

        A recording of more than a minute is also read as a whole: beats, trend, episodes.

        Parameters
        ----------
        measure
            False leaves intervals, rhythm and the check of the signal out, where a device has no
            time for them. Then there are probabilities, and no diagnosis.
        progress
            Called with the share of the work that is done, 0 to 1.

        Raises
        ------
        RecordError
            If the record shares no lead with the model or is too short.
        """
        say = progress or (lambda share: None)
        from_s, part = part_to_measure(record)
        prepared = self.preprocessor.prepare(part)
        at_network_rate = self._measure_prepared(prepared)
        features = None if self.features is None else self.features.of_record(part, prepared, self.preprocessor, at_network_rate)
        known = {} if features is None or self.features is None else self.features.known(features)
        network_share = NETWORK_SHARE if measure and part is not record else 1.0
        starts, windows = self._windows(record, prepared)
        answers = self._probabilities(windows, len(starts), features, lambda share: say(network_share * share))
        pooled = pool(answers, (*self._stated, *self._asked))
        quality, measurements, whole, rhythm = Quality.of(prepared, self.preprocessor.leads), None, None, None
        if measure:
            # Imported with the first reading that measures: SciPy takes most of a second.
            from heart_reader.features.quality import measure_and_assess

            seen_alike = at_network_rate if self._is_seen_alike(part) else None
            measurements, signal = measure_and_assess(part, seen_alike, None if at_network_rate is None else at_network_rate.rhythm)
            leads = {name: lead.verdict for name, lead in signal.leads.items()}
            quality = replace(quality, signal=signal.verdict, findings=signal.findings, leads=leads)
            measurements = measurements if part is record else moved(measurements, from_s)
            if record.duration_s > LONG_S:
                from heart_reader.long.read import read_long
                from heart_reader.long.statement import state, with_whole_rhythm

                rest = (lambda share: say(network_share + (1.0 - network_share) * share)) if part is not record else None
                whole = read_long(record, progress=rest)
                measurements = with_whole_rhythm(measurements, whole, None if part is record else from_s)
                rhythm = state(whole, measurements.rhythm)
        read = self._joined.read(
            pooled.mean, pooled.highest if record.duration_s > USUAL_DURATION_S else None, poor=quality.verdict == "poor"
        )
        levels, conclusion = self._conclude({name: read[name] for name in self._stated}, quality, measurements, record.sex, rhythm)
        zones = self.decisions[self.level].uncertainty
        return Diagnosis(
            record_id=record.record_id,
            source_format=record.source_format,
            fs=record.fs,
            duration_s=record.duration_s,
            levels=levels,
            conclusion=conclusion,
            quality=quality,
            timeline=timeline(
                self.decisions[self.level].calibrate(pooled.per_window),
                self.space.levels[self.level].class_names,
                self.preprocessor,
                starts,
                resampled_length(record.n_times, record.fs, self.preprocessor.fs),
            ),
            warnings=(
                *self.preprocessor.concerning(record.warnings),
                *prepared.warnings,
                *self._own_warnings(prepared, quality, known),
                *long_warnings(record.duration_s, from_s, (quality.n_usable_leads, quality.n_leads), len(starts)),
            ),
            model={
                "name": str(self.checkpoint.manifest["model"]["name"]),
                "checkpoint_sha256": self.checkpoint.sha256,
                "label_rule": str(self.checkpoint.manifest["label_rule"]),
            },
            age=record.age,
            sex=record.sex,
            measurements=measurements,
            features=known,
            alpha=None if zones is None else zones.alpha,
            long=whole,
            screens=self._screens(read, levels),
            device_report=record.device_report,
        )

    def predict_many(self, dataset: EcgDataset, level: str | None = None, *, calibrated: bool = True) -> Predictions:
        """Read a data set at one level, without the records whose truth is unknown.

        Parameters
        ----------
        level
            A level of the checkpoint; None means its level of interest.
        calibrated
            False gives the probabilities before calibration.

        Raises
        ------
        NotServable
            If the checkpoint does not answer the level, or its classes differ from the data's.
        """
        return self.predict_levels(dataset, (level or self.level,), calibrated=calibrated)[level or self.level]

    def predict_levels(self, dataset: EcgDataset, levels: Iterable[str], *, calibrated: bool = True) -> dict[str, Predictions]:
        """Like :meth:`predict_many` for several levels in one pass over the records."""
        levels = tuple(levels)
        self._check_levels(dataset, levels)
        rows = list(self.mean_probabilities(map(dataset.inputs, range(len(dataset))), calibrated=calibrated))
        return {name: Predictions.of(dataset.table, name, np.stack([row[name] for row in rows])) for name in levels}

    def mean_probabilities(self, records: Iterable[Inputs], *, calibrated: bool = False) -> Iterator[dict[str, NDArray[np.float64]]]:
        """Yield each record's probabilities, with network calls that span several records.

        Parameters
        ----------
        records
            Per record what :meth:`inputs` gives.

        Yields
        ------
        dict
            Level name to (n_classes,) probabilities, in the order of the records.
        """
        decisions = self.decisions if calibrated else {}
        waiting: list[Inputs] = []
        for record in records:
            waiting.append(record)
            if sum(len(windows) for windows, _ in waiting) >= BATCH_WINDOWS:
                yield from self._means(waiting, decisions)
                waiting = []
        if waiting:
            yield from self._means(waiting, decisions)

    def _means(self, waiting: list[Inputs], decisions: Mapping[str, Decisions]) -> Iterator[dict[str, NDArray[np.float64]]]:
        batch = Batch.of(waiting)
        means = level_means(self.space, self.logits(batch), batch.record, decisions)
        for place in range(len(waiting)):
            yield {name: values[place] for name, values in means.items()}

    def _check_levels(self, dataset: EcgDataset, levels: tuple[str, ...]) -> None:
        for name in levels:
            if name not in self.space.answerable():
                raise NotServable(f"{self.checkpoint.directory}: no level {name!r}; it answers {', '.join(self.space.answerable())}")
            theirs = dataset.table.space.levels.get(name)
            ours = self.space.levels[name].class_names
            if theirs is None or theirs.class_names != ours:
                found = "no such labels" if theirs is None else ", ".join(theirs.class_names)
                raise NotServable(f"level {name}: the checkpoint answers {', '.join(ours)}; the data have {found}")

    def _windows(self, record: EcgRecord, prepared: PreparedEcg) -> tuple[NDArray[np.int64], Iterator[NDArray[np.float32]]]:
        """Return where the windows begin, and the windows, some at a time."""
        if record.duration_s > VERY_LONG_S:
            starts = network_starts(self.preprocessor, record)
            return starts, network_windows(self.preprocessor, record, starts)
        starts = self.preprocessor.starts(prepared.microvolts.shape[1])
        parts = range(0, len(starts), PART_WINDOWS)
        return starts, (self.preprocessor.windows(prepared, starts[first : first + PART_WINDOWS]) for first in parts)

    def _probabilities(
        self, parts: Iterable[NDArray[np.float32]], n_windows: int, features: NDArray[np.float32] | None, say: Callable[[float], None]
    ) -> Iterator[dict[str, NDArray[np.float64]]]:
        """Read windows, some at a time; yield level name to (n_windows, n_classes)."""
        done = 0
        for windows in parts:
            yield self.space.probabilities(self.logits(Batch.of([(windows, features)])))
            done += len(windows)
            say(done / n_windows)

    @cached_property
    def _joined(self) -> JoinedDecisions:
        """What reads every level of a reading and every screen."""
        return JoinedDecisions([self.space.levels[name] for name in (*self._stated, *self._asked)], self.decisions)

    @cached_property
    def _presupposed(self) -> dict[str, Message]:
        """What must hold of a record for each binary question to have an answer."""
        said = {}
        for name, level in self.space.levels.items():
            if (contrast := level.contrast) is not None:
                names = self.space.levels[contrast.of].class_names
                present, absent = ([class_name(names[place]) for place in side] for side in (contrast.positive, contrast.negative))
                said[name] = message("screen_presupposes", present=present, absent=absent)
        return said

    def _screens(
        self, read: Mapping[str, Mapping[str, ClassReading]], levels: Mapping[str, Mapping[str, ClassReading]]
    ) -> dict[str, Screen]:
        screens = {}
        for name in self._asked:
            contrast = self.space.levels[name].contrast
            assert contrast is not None
            sides = [one for at, one in enumerate(levels.get(contrast.of, {}).values()) if at in (*contrast.positive, *contrast.negative)]
            screens[name] = Screen.of(read[name], self._presupposed[name], sides)
        return screens

    def _measure_prepared(self, prepared: PreparedEcg) -> Measurements | None:
        """Measure what the network sees, if it takes such features."""
        if self.features is None:
            return None
        from heart_reader.features.feature_space import MEASURED, measure_prepared

        return measure_prepared(prepared, self.preprocessor) if MEASURED in self.features.sets else None

    def _is_seen_alike(self, record: EcgRecord) -> bool:
        """Return whether the network sees the very samples of a record."""
        given = self.preprocessor
        unfiltered = given.low_hz is None and given.high_hz is None
        return unfiltered and not record.masked_leads and (record.fs, record.lead_names) == (given.fs, given.leads)

    def _conclude(
        self,
        levels: Mapping[str, Mapping[str, ClassReading]],
        quality: Quality,
        measurements: Measurements | None,
        sex: str | None,
        whole: WholeRhythm | None,
    ) -> tuple[dict[str, dict[str, ClassReading]], Conclusion]:
        """Reconcile decisions with each other and the measurements, and write the conclusion."""
        rhythm = None if measurements is None else measurements.rhythm
        poor = quality.why_poor or (message("not_measured") if measurements is None else None)
        whole = None if quality.signal == "poor" else whole
        facts = Facts(trusted_numbers(measurements), rhythm, sex, poor, quality.verdict == "good", whole)
        decisions, conclusion = conclude(levels, self.space, facts)
        agreed = {level: _with_decisions(of, decisions[level]) for level, of in levels.items()}
        return agreed, conclusion

    def _own_warnings(self, prepared: PreparedEcg, quality: Quality, known: Mapping[str, bool]) -> list[str]:
        warnings: list[str] = [self._presupposed[self.level]] if self.level in self._presupposed else []
        duration_s = prepared.microvolts.shape[1] / self.preprocessor.fs
        if duration_s < self.preprocessor.window_s:
            warnings.append(message("window_filled", duration=duration_s, window=self.preprocessor.window_s))
        elif self.preprocessor.keep == "last" and prepared.microvolts.shape[1] > self.preprocessor.n_times:
            warnings.append(message("window_last", duration=duration_s, window=self.preprocessor.window_s))
        if 2 * quality.n_usable_leads < quality.n_leads:
            warnings.append(message("few_usable_leads", usable=quality.n_usable_leads, leads=quality.n_leads))
        if not all(known.values()):
            from heart_reader.features.feature_space import FEATURE_TITLES

            warnings.append(message("read_without", features=[FEATURE_TITLES[name] for name, there in known.items() if not there]))
        return warnings

    def card(self) -> dict[str, Any]:
        """Return what a user should know about the model, as plain values."""
        manifest: Mapping[str, Any] = self.checkpoint.manifest
        keys = ("created", "leads", "preprocessor", "label_rule", "metrics", "data", "seed", "parent")
        return {
            "name": manifest["model"]["name"],
            "n_parameters": manifest["model"]["n_parameters"],
            "checkpoint_sha256": self.checkpoint.sha256,
            "signature": signature_facts(self.checkpoint, self._signer),
            "runtime": self.checkpoint.runtime,
            "level": self.level,
            "levels": {name: list(self.space.levels[name].class_names) for name in self.space.answerable()},
            "thresholds": manifest["thresholds"].get(self.level),
            "uncertainty": (manifest["uncertainty"] or {}).get(self.level),
            **{key: manifest[key] for key in keys},
            "notice": NOTICE,
        }


def _with_decisions(readings: Mapping[str, ClassReading], decisions: Mapping[str, str]) -> dict[str, ClassReading]:
    return {name: one if one.decision == decisions[name] else one._replace(decision=decisions[name]) for name, one in readings.items()}


def _feature_space(values: Mapping[str, Any] | None, where: str) -> FeatureSpace | None:
    if values is None:  # then what measures is not imported
        return None
    from heart_reader.features.feature_space import FeatureSpace

    return FeatureSpace.from_json(values, where)
