"""Variants of a trained reader for devices, behind ``heart-reader export`` and a gate."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from itertools import islice
from pathlib import Path
from typing import Any

from torch import nn
from tqdm import tqdm

from heart_reader.checkpoint import Checkpoint, differing, load_checkpoint, save_checkpoint
from heart_reader.classifier import EcgClassifier
from heart_reader.config import ExperimentConfig, override_config
from heart_reader.data.build import build_table
from heart_reader.data.dataset import EcgDataset
from heart_reader.decisions.choose import choose_decisions, decided_out_of_fold
from heart_reader.edge.gate import judge, measure_parity
from heart_reader.edge.graph import count_macs, write_graph
from heart_reader.edge.quantize import choose_calibration_records, write_float16, write_static
from heart_reader.errors import ConfigError, ExportParityError
from heart_reader.evaluation.request import checkpoint_config
from heart_reader.features.build import open_dataset
from heart_reader.models.registry import ENSEMBLE
from heart_reader.predictions import Predictions
from heart_reader.runtimes import build_torch_network

__all__ = ["Origin", "Prune", "build_variants", "check_alike", "export_config", "open_origin", "write_variant"]

# Validation records whose single probabilities are compared.
PARITY_RECORDS = 64
# What variants must share with the checkpoint they stand beside.
SHARED = ("preprocessor", "leads", "levels", "label_rule")

Facts = dict[str, Any]


@dataclass(frozen=True)
class Origin:
    """A trained network in float, with the records it is judged on.

    Parameters
    ----------
    checkpoint
        A torch checkpoint.
    config
        Its configuration, with the overrides of this export.
    """

    checkpoint: Checkpoint
    config: ExperimentConfig

    @cached_property
    def reader(self) -> EcgClassifier:
        """The network as it is read with."""
        return EcgClassifier.load(self.checkpoint.directory)

    @cached_property
    def network(self) -> nn.Module:
        """The network as it is exported."""
        return build_torch_network(self.checkpoint)

    @cached_property
    def dataset(self) -> EcgDataset:
        """Its training and validation records."""
        return open_dataset(self.config, build_table(self.config), self.reader.preprocessor, self.reader.features)

    @cached_property
    def val_set(self) -> EcgDataset:
        """Records of the validation split."""
        return self.dataset.split("val")

    @cached_property
    def validation(self) -> Predictions:
        """What it reads on validation at its level of interest, before calibration."""
        return self.reader.predict_many(self.val_set, calibrated=False)


# From what is exported, the folder of the variants and the overrides to what the pruned variant is
# compared with, and what pruning left.
Prune = Callable[[Origin, Path, Sequence[str]], tuple[Origin, Origin]]


def export_config(checkpoint: Checkpoint, overrides: Sequence[str]) -> ExperimentConfig:
    """Return the configuration of a checkpoint with overrides.

    Raises
    ------
    ConfigError
        If a key or value is not allowed.
    """
    return override_config(ExperimentConfig.from_json(dict(checkpoint.manifest["config"])), overrides)


def open_origin(directory: Path, overrides: Sequence[str]) -> Origin:
    """Load a torch checkpoint; its training and validation records are read when needed.

    Parameters
    ----------
    overrides
        Settings under ``export.*``, ``data.*`` and ``evaluation.*``.

    Raises
    ------
    CheckpointError, ConfigError
        If checkpoint or overrides cannot be used.
    """
    checkpoint = load_checkpoint(directory)
    checkpoint_config(checkpoint, [text for text in overrides if not text.startswith("export.")])
    config = export_config(checkpoint, overrides)
    checkpoint.tensors()  # an ONNX checkpoint is refused before any record is read
    return Origin(checkpoint, config)


def build_variants(
    directory: Path, out: Path, *, overrides: Sequence[str] = (), force: bool = False, prune: Prune | None = None
) -> list[Checkpoint]:
    """Write one ONNX checkpoint per variant of ``export.variants`` into ``out``.

    Parameters
    ----------
    directory
        A torch checkpoint.
    out
        Directory of the variants: ``fp32/``, ``fp16/``, ``int8/``, ``pruned-int8/``,
        ``nano-int8/``; ``pruned/`` is the run in between.
    overrides
        Of ``export.*``, ``data.*`` and ``evaluation.*``.
    force
        Write a variant that fails the gate too, and record the failure in its manifest.
    prune
        Prunes a network and trains what is left, such as
        :func:`heart_reader.training.pruned.prune_origin`; needed for ``pruned-int8`` alone.

    Raises
    ------
    CheckpointError, ConfigError, DataError
        If checkpoint, overrides or records cannot be used.
    ExportParityError
        If a variant fails the gate; those before it are written.
    """
    origin = open_origin(directory, overrides)
    written = []
    for name in origin.config.export.variants:
        if name == "nano-int8":
            if origin.config.export.nano is None:
                tqdm.write("nano-int8: left out, for export.nano is null")
                continue
            small = check_alike(open_origin(origin.config.export.nano, overrides), origin, "export.nano")
            written.append(write_variant(out / name, small, small, _int8, force=force))
        elif name == "pruned-int8":
            student = origin.config.export.student
            # A checkpoint names the network it was once exported with, which need not be here.
            asked = any(text.startswith("export.student=") for text in overrides)
            if origin.checkpoint.manifest["model"]["name"] == ENSEMBLE and (student is None or not (asked or student.exists())):
                tqdm.write(
                    "pruned-int8: left out, for an ensemble is not pruned as such: --set export.student=DIR names a network it taught"
                )
                continue
            if prune is None:
                raise ConfigError("pruned-int8 trains again: pass prune, or leave it out of export.variants")
            wide, pruned = prune(origin, out, overrides)
            written.append(write_variant(out / name, wide, pruned, _int8, force=force))
        else:
            write = {"fp32": _fp32, "fp16": _fp16, "int8": _int8}[name]
            written.append(write_variant(out / name, origin, origin, write, force=force, exact=name == "fp32"))
        tqdm.write(_line(written[-1]))
    return written


def check_alike(other: Origin, origin: Origin, key: str) -> Origin:
    """Return another network if it may stand beside the origin.

    Raises
    ------
    ConfigError
        If it reads other signals, or answers something else.
    """
    different = differing(origin.checkpoint.manifest, other.checkpoint.manifest, SHARED)
    if different:
        raise ConfigError(
            f"{key} = {other.checkpoint.directory}: another {different[0]} than {origin.checkpoint.directory}: name a network trained "
            "for the same task, or shorten export.variants"
        )
    return other


def _fp32(origin: Origin, path: Path) -> Facts:
    write_graph(origin.network, origin.checkpoint.manifest, path)
    return {"precision": "float32"}


def _fp16(origin: Origin, path: Path) -> Facts:
    source = path.with_name("float32.onnx")
    _fp32(origin, source)
    write_float16(source, path)
    return {"precision": "float16"}


def _int8(origin: Origin, path: Path) -> Facts:
    config = origin.config.export.quantization
    source = path.with_name("float32.onnx")
    _fp32(origin, source)
    records = choose_calibration_records(origin.dataset.split("train"), config.records, origin.config.seed)
    sensitivity = write_static(source, path, records, config)
    return {
        "precision": "int8",
        "quantization": {**config.model_dump(mode="json"), "weights": "int8 per channel", "format": "QDQ, static"},
        "calibration": records.to_json(),
        "sensitivity": asdict(sensitivity),
    }


def write_variant(
    out: Path, reference: Origin, origin: Origin, write: Callable[[Origin, Path], Facts], *, force: bool, exact: bool = False
) -> Checkpoint:
    """Write a variant under its final name if it passes the gate, with decisions of its own.

    Parameters
    ----------
    out
        Directory of the checkpoint.
    reference
        The network whose AUROC it has to keep.
    origin
        What it is exported from; differs from ``reference`` where channels were pruned in between.
    write
        Writes the graph to a path and returns further facts for the manifest.
    force
        Write it even if it fails.
    exact
        Whether single probabilities have to agree; such a variant keeps the decisions of its
        origin. So does one whose origin decides by all training records out of fold: 8 bits move
        its probabilities less than a tenth of the records could show.

    Raises
    ------
    ExportParityError
        If it fails; nothing new is left under the final name.
    """
    with tempfile.TemporaryDirectory() as folder:
        graph = Path(folder, "model.onnx")
        facts = write(origin, graph)
        undecided = {**origin.checkpoint.draft(), "parent": origin.checkpoint.sha256, "preprocessor": _preprocessor(origin, exact=exact)}
        provisional = save_checkpoint(Path(folder, "provisional"), undecided, partial(shutil.copyfile, graph), onnx=True)
        reader = EcgClassifier.load(provisional.directory)
        raw = _read_validation(reader, origin)
        inputs = map(origin.val_set.inputs, islice(range(len(origin.val_set)), PARITY_RECORDS))
        gate = judge(
            reference.validation, raw[reader.level], measure_parity(reference.reader, reader, inputs), origin.config.export, exact=exact
        )
        if gate.problems and not force:
            raise ExportParityError(f"{out}: {'; '.join(gate.problems)}: not exported; --force writes it with this in its manifest")
        decisions: Mapping[str, Any] = {} if exact else choose_decisions(raw, origin.config.evaluation)
        if decisions and decided_out_of_fold(undecided):
            decisions = {"metrics": decisions["metrics"]}
        edge = {
            "variant": out.name,
            "reference_sha256": reference.checkpoint.sha256,
            "macs_per_window": count_macs(origin.network, origin.checkpoint.manifest),
            "gate": gate.to_json(forced=force),
            **facts,
        }
        return save_checkpoint(out, {**undecided, **decisions, "edge": edge}, partial(shutil.copyfile, graph), onnx=True)


def _preprocessor(origin: Origin, *, exact: bool) -> Facts:
    """Return the preprocessor of a variant: fewer windows make a reading faster."""
    given: Facts = dict(origin.checkpoint.manifest["preprocessor"])
    stride_s = origin.config.export.stride_s
    return given if exact or stride_s is None else {**given, "stride_s": stride_s}


def _read_validation(reader: EcgClassifier, origin: Origin) -> dict[str, Predictions]:
    """Read validation with the windows of the variant."""
    val_set = open_dataset(origin.config, origin.val_set.table, reader.preprocessor, reader.features)
    levels = [name for name in reader.space.answerable() if name in val_set.table.labels]
    return reader.predict_levels(val_set, levels, calibrated=False)


def _line(variant: Checkpoint) -> str:
    """Summarise a variant for the person who exports it."""
    edge = variant.manifest["edge"]
    macro = edge["gate"]["macro_auroc"]
    verdict = "passed the gate" if edge["gate"]["passed"] else "FAILED the gate, written by force"
    size_kb = variant.manifest["weights"]["bytes"] / 1e3
    return f"{variant.directory}: {size_kb:.0f} KB, validation macro-AUROC {macro['variant']:.4f} (float {macro['origin']:.4f}), {verdict}"
