"""The experiment configuration, typed, frozen and strict: every default of heart_reader.

A YAML file states only what differs from these defaults; ``--set section.key=value`` overrides
both.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, ValidationError, model_validator

from heart_reader.errors import ConfigError
from heart_reader.section import Count, NotNegative, Positive, Section, Share, Source, explain_errors, parse_source

__all__ = ["ExperimentConfig", "load_config", "override_config", "read_mapping", "resolve_cache_dir", "resolve_data_path"]

DATA_ENVIRONMENT, CACHE_ENVIRONMENT = "HEART_READER_DATA", "HEART_READER_CACHE"
DEFAULT_CACHE = Path("data/cache")


class DataConfig(Section):
    """Which records, and by which label rule."""

    root: Path = Path("data/ptbxl")
    sources: tuple[Source, ...] = Field(default_factory=lambda: (parse_source({"kind": "ptbxl"}),))
    files: Literal["records100", "records500"] = "records100"
    label_rule: Literal["any_likelihood", "likelihood_50"] = "any_likelihood"
    # Records without a class at task.level: False leaves them out, as the benchmark does; True
    # keeps them as all-zero; "statements" keeps them for what else is known of them, such as a
    # paced rhythm, with their classes at that level as not known.
    keep_unlabelled: bool | Literal["statements"] = False
    allow_missing: bool = False  # True: listed files that are absent are counted, not refused
    cache_dir: Path = DEFAULT_CACHE


class TaskConfig(Section):
    """What is predicted."""

    level: str = "superdiagnostic"  # thresholds, model selection and reports are about this level
    heads: tuple[str, ...] = ("all", "superdiagnostic")


class PreprocessingConfig(Section):
    """Fields of :class:`heart_reader.data.preprocessor.Preprocessor`."""

    fs: Positive = 100.0
    leads: tuple[str, ...] = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
    window_s: Positive = 2.5
    stride_s: Positive = 1.25
    low_hz: Positive | None = None
    high_hz: Positive | None = None
    pad: Literal["zero", "edge"] = "zero"
    keep: Literal["all", "last"] = "all"  # last: one window a record, which ends where the record ends; a shorter one is filled up in front


class AugmentationConfig(Section):
    """Random changes of training windows; 0 switches one off."""

    noise_mv: NotNegative = 0.0  # standard deviation of Gaussian noise
    scale: NotNegative = 0.0  # amplitude factor drawn from 1 +- scale, one per record
    lead_dropout: Share = 0.0  # probability that a lead is zeroed
    wander_mv: NotNegative = 0.0  # amplitude of a slow sine
    warp: Share = 0.0  # speed factor drawn from 1 +- warp
    shift_s: NotNegative = 0.0  # circular shift of up to this many seconds


class ModelConfig(Section):
    """A registered model and its parameters (those not named keep the model's published values)."""

    name: str = "inception1d"
    params: dict[str, Any] = Field(default_factory=dict)


class FeatureSetConfig(Section):
    """One set of features of the record and the layers that read it."""

    name: Literal["demographics", "measured", "expert", "ptbxl_plus"]
    required: bool = True  # False: published tables are used where they exist, and their absence is reported
    widths: Annotated[tuple[Count, ...], Field(min_length=1)] = (256, 128, 64)


class FeaturesConfig(Section):
    """What the network gets beside the signal; without sets it gets the signal alone."""

    sets: tuple[FeatureSetConfig, ...] = ()
    withheld: Share = 0.3  # share of training records that a set is withheld from, so that the network reads without it too
    dropout: Share = 0.3
    hidden: Count = 128
    ptbxl_plus: Path = Path("data/ptbxl-plus")  # folder of the published tables

    @model_validator(mode="after")
    def _named_once(self) -> FeaturesConfig:
        names = [item.name for item in self.sets]
        if len(set(names)) < len(names):
            raise ValueError(f"features.sets names {', '.join(names)}: each set once")
        return self


class LossConfig(Section):
    """Loss of one output; every level in use adds its mean."""

    name: Literal["bce", "focal", "asymmetric"] = "bce"
    gamma: NotNegative = 2.0  # focal
    alpha: Share = 0.25  # focal: weight of positives
    gamma_positive: NotNegative = 0.0  # asymmetric
    gamma_negative: NotNegative = 4.0
    clip: Share = 0.05
    label_smoothing: Share = 0.0
    noisy_or_weight: NotNegative = 1.0  # weight of the levels aggregated from statements


class OptimizerConfig(Section):
    """AdamW and its learning-rate schedule."""

    learning_rate: Positive = 3e-3
    weight_decay: NotNegative = 0.02
    schedule: Literal["onecycle", "cosine"] = "onecycle"
    warmup_share: Share = 0.3  # share of steps until the peak
    clip_norm: Positive | None = 1.0


class TrainingConfig(Section):
    """The training loop."""

    epochs: Count = 30
    batch_size: Count = 64
    # Rare rows are repeated, not interpolated as by SMOTE, which is for tables of features: the
    # mean of two signals has the beats of both and is an ECG of neither.
    balance: Share = 0.0  # a class of task.level with n rows is drawn as often as n^(1 - balance); 1: all equally often
    loss: LossConfig = LossConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    mixup_alpha: NotNegative = 0.0
    start_from: Path | None = None  # checkpoint of the same model whose weights training starts from
    teacher: Path | None = None  # checkpoint whose probabilities are learned beside the labels (distillation)
    teacher_weight: Share = 0.7  # share of the teacher in the loss
    ema_decay: Annotated[float, Field(ge=0, lt=1)] = 0.995  # 0: off
    swa_start: Count | None = None  # first epoch whose weights are averaged
    patience: Count | None = None  # epochs without a better validation score before stopping
    precision: Literal["float32", "bfloat16", "float16"] = "bfloat16"  # bfloat16 is float32 on processors that have none
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: Annotated[int, Field(ge=0)] = 0  # per process; 0: what torch chooses, of several processes each its share of the cores
    sync_batchnorm: bool = True  # batch normalisation over the rows of all processes; false: of each its own, which is another training

    @model_validator(mode="after")
    def _swa_within_epochs(self) -> TrainingConfig:
        if self.swa_start is not None and self.swa_start > self.epochs:
            raise ValueError(f"swa_start {self.swa_start} lies after the last epoch {self.epochs}")
        return self


class MemberConfig(Section):
    """One kind of member of an ensemble."""

    model: ModelConfig
    heads: tuple[str, ...] | None = None  # what it answers; None: task.heads, as the first kind does
    features: bool = False  # whether it takes features.sets; otherwise it reads the signal alone
    seeds: Count = 1  # number of members of the kind; their seeds count up from the experiment's


class EnsembleConfig(Section):
    """A model of several members; without any it is the one network of ``model``.

    The training records are dealt into folds, patients whole; what each kind of member reads of the
    fold it was not trained with says how much it counts in every output, and, with validation,
    where the model decides.
    """

    members: tuple[MemberConfig, ...] = ()
    folds: Annotated[int, Field(ge=2)] = 5


class EvaluationConfig(Section):
    """Thresholds, calibration and intervals."""

    min_positives: Count = 1  # a class with fewer positives, or negatives, gets no threshold: it has a probability and is never decided
    thresholds: Literal["youden", "f1", "fbeta", "target_sensitivity"] = "f1"
    target_sensitivity: Share = 0.9
    calibration: Literal["platt", "none"] = "platt"
    alpha: Annotated[float, Field(gt=0, lt=0.5)] = 0.1  # uncertain zones: allowed share of positives read absent, negatives read present
    draws: Count = 1000
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95


class PruningConfig(Section):
    """Taking channels out of a trained network, and training what is left."""

    ratio: Annotated[float, Field(gt=0, lt=1)] = 0.5  # share of the channels of every layer that goes
    criterion: Literal["l1", "taylor"] = "l1"
    epochs: Count = 12  # of training afterwards, with the unpruned network as teacher
    learning_rate: Positive = 2e-3


class QuantizationConfig(Section):
    """8-bit integers in place of floats."""

    records: Count = 128  # training records that the ranges of the activations are taken from
    ranges: Literal["minmax", "percentile"] = "minmax"
    activations: Literal["uint8", "int8"] = "uint8"  # int8: for devices without VNNI, ARM among them
    reduce_range: bool = False  # 7-bit weights: no overflow on x86 without VNNI
    max_shift: Positive = 0.01  # mean change of a probability beyond which the most harmful layers stay in float


class ExportConfig(Section):
    """Variants for devices, and the gate that each has to pass."""

    variants: tuple[Literal["fp32", "fp16", "int8", "pruned-int8", "nano-int8"], ...] = ("fp32", "int8", "pruned-int8", "nano-int8")
    student: Path | None = None  # what is pruned where the checkpoint is an ensemble; its trees stay
    nano: Path | None = None  # what nano-int8 is made from
    stride_s: Positive | None = None  # between window starts of the 8-bit variants; None: as in training. Fewer windows, less work
    parity_limit: Positive = 1e-5  # largest difference of a probability in float32; its kernels differ by about 1e-7
    macro_limit: NotNegative = 0.005  # largest loss of validation macro-AUROC against the float network
    class_limit: NotNegative = 0.01  # and of any class's AUROC
    pruning: PruningConfig = PruningConfig()
    quantization: QuantizationConfig = QuantizationConfig()


class ExperimentConfig(Section):
    """Everything ``train.py`` needs to know.

    Examples
    --------
    >>> ExperimentConfig().preprocessing.window_s
    2.5
    """

    name: Annotated[str, Field(min_length=1)] = "default"  # of a YAML file that states none: the file's own
    seed: Annotated[int, Field(ge=0)] = 42
    data: DataConfig = Field(default_factory=DataConfig)
    task: TaskConfig = TaskConfig()
    preprocessing: PreprocessingConfig = PreprocessingConfig()
    augmentation: AugmentationConfig = AugmentationConfig()
    model: ModelConfig = ModelConfig()
    features: FeaturesConfig = FeaturesConfig()
    training: TrainingConfig = TrainingConfig()
    ensemble: EnsembleConfig = EnsembleConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    export: ExportConfig = ExportConfig()

    def to_json(self) -> dict[str, Any]:
        """Return plain values that :meth:`from_json` reads."""
        return self.model_dump(mode="json")

    @classmethod
    def from_json(cls, values: dict[str, Any], where: str = "configuration") -> ExperimentConfig:
        """Make a configuration from plain values.

        Raises
        ------
        ConfigError
            Naming the key, what was found and what is allowed.
        """
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise ConfigError(explain_errors(where, error)) from None


def load_config(path: Path | None = None, overrides: Sequence[str] = ()) -> ExperimentConfig:
    """Read a YAML file over the defaults, then apply ``section.key=value`` overrides.

    Parameters
    ----------
    path
        A YAML file; None means the defaults alone.
    overrides
        Such as ``["training.epochs=3", "data.sources=[{kind: synthetic}]"]``; values are YAML.

    Raises
    ------
    ConfigError
        If the file cannot be read, or a key or value is not allowed.

    Examples
    --------
    >>> load_config(None, ["training.epochs=3"]).training.epochs
    3
    """
    values = {} if path is None else {"name": Path(path).stem, **read_mapping(path)}
    return ExperimentConfig.from_json(_override(values, overrides), str(path) if path else "configuration")


def read_mapping(path: Path) -> dict[str, Any]:
    """Read a YAML file that holds a mapping, or nothing.

    Raises
    ------
    ConfigError
        If the file cannot be read or holds something else.
    """
    try:
        values = yaml.safe_load(Path(path).read_text(encoding="utf-8")) or {}
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}: pass a YAML file such as configs/default.yaml") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: a {type(values).__name__}; a mapping of sections is needed")
    return values


def override_config(config: ExperimentConfig, overrides: Sequence[str]) -> ExperimentConfig:
    """Apply ``section.key=value`` overrides to a configuration, such as the one in a checkpoint.

    Raises
    ------
    ConfigError
        If a key or value is not allowed.
    """
    return ExperimentConfig.from_json(_override(config.to_json(), overrides))


def _override(values: dict[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    for text in overrides:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise ConfigError(f"--set {text}: section.key=value is needed, such as --set training.epochs=3")
        *sections, last = key.strip().split(".")
        target = values
        for section in sections:
            target = target.setdefault(section, {})
            if not isinstance(target, dict):
                raise ConfigError(f"--set {text}: {section} is no section")
        try:
            target[last] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise ConfigError(f"--set {text}: {value!r} is not a YAML value") from None
    return values


def resolve_data_path(path: Path) -> Path:
    """Put ``data/x`` below the folder that ``HEART_READER_DATA`` names, if it is set."""
    folder = os.environ.get(DATA_ENVIRONMENT)
    below_data = not path.is_absolute() and path.parts[:1] == ("data",)
    return Path(folder, *path.parts[1:]) if folder and below_data else path


def resolve_cache_dir(path: Path) -> Path:
    """Put the default, ``data/cache``, where ``HEART_READER_CACHE`` says, if it is set."""
    folder = os.environ.get(CACHE_ENVIRONMENT)
    return Path(folder) if folder and path == DEFAULT_CACHE else path
