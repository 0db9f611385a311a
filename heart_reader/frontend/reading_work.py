"""What is done to read or explain a file, in a thread of the server or in a process of its own."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic_core import to_json

from heart_reader.checkpoint import Checkpoint
from heart_reader.classifier import EcgClassifier
from heart_reader.data.formats import FORMATS, read_record
from heart_reader.data.leads import POSITIONS, STANDARD_LEADS
from heart_reader.data.record import build_record
from heart_reader.errors import BadTensors, Integrity, NotServable
from heart_reader.exchange import to_fhir
from heart_reader.exchange.dicom_source import source_of
from heart_reader.frontend.refusals import RequestRefused
from heart_reader.frontend.schemas import FileFacts, ReadOptions, Stretch
from heart_reader.frontend.signal_cuts import PartOptions, excerpts_of, first_part, part_of
from heart_reader.long.excerpts import EXCERPT_S
from heart_reader.open_inference import answer
from heart_reader.signing import TrustedKeys

if TYPE_CHECKING:
    from heart_reader.explain import Explainer

__all__ = ["NOT_EXPLAINABLE", "TensorRequest", "check_same", "load_warm", "prepare_explaining", "prepare_reading", "read_file"]


@dataclass(frozen=True)
class TensorRequest:
    """A request for the logits of a network.

    Parameters
    ----------
    reader
        Name of the reader.
    body, header_length
        What was sent, see :func:`heart_reader.open_inference.answer`.
    """

    reader: str
    body: bytes
    header_length: int | None


# Name of a reader to the directory of its checkpoint and the hash that it must have.
Checkpoints = Mapping[str, tuple[Path, str]]

NOT_EXPLAINABLE = (
    "This server cannot explain its readings: the weights that its exported model came from were not found. "
    "Its operator names them with HEART_READER_EXPLAIN_CHECKPOINT."
)


def load_warm(checkpoint: Path, trusted: TrustedKeys | None = None) -> EcgClassifier:
    """Load a checkpoint and make one reading with it, so that the first client finds it warm.

    Parameters
    ----------
    trusted
        Who must have signed it; None means that nobody has to.

    Raises
    ------
    CheckpointError
        If the checkpoint cannot be served.
    """
    classifier = EcgClassifier.load(checkpoint, trusted=trusted)
    # Ten seconds of a slow wave in every lead: nothing is read from it but that the model answers.
    wave = [math.sin(2 * math.pi * time / 100) for time in range(1000)]
    leads = classifier.preprocessor.leads
    names = STANDARD_LEADS if {*STANDARD_LEADS, *POSITIONS} & set(leads) else leads
    classifier.predict(build_record("warm-up", [wave] * len(names), 100.0, names))
    return classifier


def prepare_reading(readers: Checkpoints, trusted: TrustedKeys | None, max_values: int) -> Callable[..., bytes]:
    """Return a function that reads files, or tensors, with warm classifiers.

    See :func:`read_file` and :func:`answer_tensors`.

    Parameters
    ----------
    readers
        Name to the directory of a checkpoint and the hash that it must have.

    Raises
    ------
    CheckpointError
        If a checkpoint cannot be served, or is another one by now.
    """
    classifiers = {name: load_warm(directory, trusted) for name, (directory, _) in readers.items()}
    for name, (_, sha256) in readers.items():
        check_same(classifiers[name].checkpoint, sha256)
    len(FORMATS)  # which are imported by that, rather than by the first reading of every copy
    return partial(_read_or_infer, classifiers, max_values)


def check_same(checkpoint: Checkpoint, sha256: str) -> None:
    """Refuse a checkpoint that took another's place: no process may read with other weights.

    Raises
    ------
    Integrity
        If its hash is another one.
    """
    if checkpoint.sha256 != sha256:
        raise Integrity(f"{checkpoint.directory}: another checkpoint than the one that is served: start the server again to serve it")


def _read_or_infer(classifiers: Mapping[str, EcgClassifier], max_values: int, what: Path | TensorRequest, options: ReadOptions) -> bytes:
    """Do one piece of work of either kind: both wait in the same queue for the same processes."""
    return answer_tensors(classifiers, what) if isinstance(what, TensorRequest) else read_file(classifiers, max_values, what, options)


def answer_tensors(classifiers: Mapping[str, EcgClassifier], request: TensorRequest) -> bytes:
    """Answer with the logits of one network.

    Returns
    -------
    bytes
        Length of the JSON in eight hexadecimal digits, zero where nothing follows it, and the body
        of the answer.

    Raises
    ------
    RequestRefused
        400 if the request does not fit the network.
    """
    classifier = classifiers[request.reader]
    try:
        said = answer(request.reader, classifier.checkpoint.manifest, classifier.logits, request.body, request.header_length)
    except BadTensors as error:
        raise RequestRefused(400, error.code, error.message) from None
    return b"%08x" % (said.header_length or 0) + said.content


def read_file(classifiers: Mapping[str, EcgClassifier], max_values: int, path: Path, options: ReadOptions) -> bytes:
    """Read one recording from disk with the classifier that the options name.

    Returns
    -------
    bytes
        The reading in JSON, with ``waveform`` if the options ask for it, or as a FHIR bundle, or
        nothing but a part of the signal, see
        :class:`~heart_reader.frontend.signal_cuts.PartOptions`. It is not validated once more on
        its way out, which would cost a tenth of a reading; a test does that.

    Raises
    ------
    RecordError
        If the recording cannot be read, or has more than ``max_values`` values.
    RequestRefused
        422 if it holds parts within parts deeper than Python can follow.
    """
    try:
        record = read_record(path, fs=options.fs, unit=options.unit, leads=options.lead_names, max_values=max_values)
    except RecursionError:
        raise RequestRefused(422, "too_nested", "This recording holds parts within parts, too many to follow: export it again.") from None
    if isinstance(options, PartOptions):
        return to_json(part_of(record, options))
    diagnosis = classifiers[options.reader or ""].predict(record)
    if options.form == "fhir":
        return to_json(to_fhir(diagnosis, source=source_of(diagnosis, path)))
    reading = diagnosis.to_json()
    if options.waveform:
        reading["waveform"] = first_part(record)
        if diagnosis.long is not None:
            reading["waveform"]["excerpts"] = excerpts_of(record, [one.start_s for one in diagnosis.excerpts], EXCERPT_S)
    return to_json(reading, inf_nan_mode="null")


def prepare_explaining(readers: Checkpoints, max_values: int) -> Callable[[Path, FileFacts, Stretch], bytes]:
    """Return a function that explains readings of files, see :func:`explain_file`.

    Raises
    ------
    Integrity
        If a checkpoint was damaged, or is another one than that of its hash.
    RequestRefused
        409 if there is no torch to explain with.
    """
    from heart_reader.explain import Explainer

    try:
        explainers = {name: Explainer.load(directory) for name, (directory, _) in readers.items()}
    except NotServable:
        raise RequestRefused(409, "not_explainable", NOT_EXPLAINABLE) from None
    for name, (_, sha256) in readers.items():
        check_same(explainers[name].classifier.checkpoint, sha256)
    return partial(explain_file, explainers, max_values)


def explain_file(explainers: Mapping[str, Explainer], max_values: int, path: Path, facts: FileFacts, stretch: Stretch) -> bytes:
    """Explain one finding in one recording on disk, as the reader that the stretch names read it.

    Returns
    -------
    bytes
        The explanation in JSON.

    Raises
    ------
    RecordError
        If the recording cannot be read, or has more than ``max_values`` values.
    RequestRefused
        422 if the model has no such finding.
    """
    explainer = explainers[stretch.reader or ""]
    try:
        level = explainer.find_level(stretch.finding, stretch.level)
    except NotServable as error:
        raise RequestRefused(422, "unknown_finding", error.message) from None
    record = read_record(path, fs=facts.fs, unit=facts.unit, leads=facts.lead_names, max_values=max_values)
    explanation = explainer.explain(record, stretch.finding, level, start_s=stretch.start_s, duration_s=stretch.duration_s)
    return to_json(explanation.to_json(), inf_nan_mode="null")
