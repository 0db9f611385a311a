"""A study: trainings whose settings Optuna draws, kept in a folder that further calls go on with.

Only this file needs Optuna. A trial is a training as ``heart-reader train`` runs it, given up where
its validation macro-AUROC falls behind the median of earlier trials at the same epoch. The test
split is never read.

References
----------
Bergstra J. et al. Algorithms for hyper-parameter optimization. NeurIPS (2011) 2546-2554 (the
tree-structured Parzen estimator). Akiba T. et al. Optuna: a next-generation hyperparameter
optimization framework. KDD (2019) 2623-2631.
"""

from __future__ import annotations

import csv
import io
import math
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
import yaml
from optuna.trial import FixedTrial, Trial, TrialState
from tqdm import tqdm

from heart_reader.config import ExperimentConfig
from heart_reader.errors import ConfigError, DataError, Diverged
from heart_reader.folders import run_folder, write_text
from heart_reader.training.run import train
from heart_reader.training.search_space import SearchSpace, place_values

__all__ = ["TuningOutcome", "tune"]

DATABASE = "study.db"
TRIAL_PREFIX = ".trial-"
STARTUP_TRIALS = 5  # finished trials before any is given up
# A one-cycle learning rate still rises until about here, and a score says little about the end.
WARMUP_SHARE = 0.3


@dataclass(frozen=True)
class TuningOutcome:
    """Where a study stands.

    Parameters
    ----------
    best
        ``best.yaml``, or None if no trial has finished yet.
    complete
        False if the search was stopped; the same call goes on.
    """

    best: Path | None
    best_score: float | None
    complete: bool


def tune(config: ExperimentConfig, space: SearchSpace, folder: Path, n_trials: int) -> TuningOutcome:
    """Run further trials of a study.

    Parameters
    ----------
    folder
        Folder with ``study.db``, ``trials.csv`` and ``best.yaml``, made if it is not there.
    n_trials
        Trials to add, those that are given up or fail included.

    Raises
    ------
    ConfigError
        If the space does not fit the configuration, or the study was made from others.
    DataError
        If the data or the study cannot be used.
    """
    space.check(config)
    study = _open_study(config, space, folder)
    _sweep_trials(folder)
    complete = True
    for _ in range(n_trials):
        complete = _run_trial(study, config, space, folder)
        _write_results(study, config, space, folder)
        if not complete:
            break
    if not study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
        return TuningOutcome(None, None, complete)
    return TuningOutcome(folder / "best.yaml", study.best_value, complete)


def _open_study(config: ExperimentConfig, space: SearchSpace, folder: Path) -> optuna.Study:
    """Make or reopen the study, which remembers what it was made from."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    folder.mkdir(parents=True, exist_ok=True)
    warmup = math.ceil(WARMUP_SHARE * config.training.epochs)
    try:
        study = optuna.create_study(
            storage=optuna.storages.RDBStorage(f"sqlite:///{folder / DATABASE}"),
            study_name="search",
            direction="maximize",
            pruner=optuna.pruners.MedianPruner(n_startup_trials=STARTUP_TRIALS, n_warmup_steps=warmup),
            load_if_exists=True,
        )
    except Exception as error:  # SQLAlchemy, SQLite and Alembic each have their own
        reason = " ".join(str(error).split())[:120]
        raise DataError(f"{folder / DATABASE}: not a study that can be opened ({reason}): choose another --study") from error
    origin = {"config": config.to_json(), "space": space.to_json()}
    stored = study.user_attrs.get("origin")
    if stored is None:
        study.set_user_attr("origin", origin)
    elif stored != origin:
        before, now = _flat(stored), _flat(origin)
        changed = [f"{key} was {before.get(key)}, is {now.get(key)}" for key in sorted(before | now) if before.get(key) != now.get(key)]
        raise ConfigError(
            f"{folder}: the study was made from another configuration or search space ({'; '.join(changed[:3])}"
            f"{'; ...' if len(changed) > 3 else ''}): pass the same --config, --space and --set, or choose another --study"
        )
    return study


def _sweep_trials(folder: Path) -> None:
    """Remove what killed trials left; those that another process trains are its own."""
    for out in folder.glob(f"{TRIAL_PREFIX}*"):
        with suppress(ConfigError), run_folder(out):
            shutil.rmtree(out, ignore_errors=True)


def _flat(tree: Mapping[str, Any]) -> dict[str, Any]:
    """Return nested mappings as one, by dotted key."""
    nested = {key: _flat(value) if isinstance(value, dict) and value else {"": value} for key, value in tree.items()}
    return {f"{key}.{inner}".removesuffix("."): value for key, values in nested.items() for inner, value in values.items()}


def _run_trial(study: optuna.Study, config: ExperimentConfig, space: SearchSpace, folder: Path) -> bool:
    """Train once and record the score; return False if the user stopped it."""
    trial = study.ask()
    # One seed for the whole study would repeat its first draws whenever the study is gone on with.
    study.sampler = optuna.samplers.TPESampler(seed=config.seed + trial.number)
    try:
        values = space.suggest(trial)
        tqdm.write(f"trial {trial.number}: " + ", ".join(f"{key}={_text(value)}" for key, value in values.items()))
        score = _train(trial, place_values(config, values), folder)
    except optuna.TrialPruned:
        study.tell(trial, state=TrialState.PRUNED)
        tqdm.write(f"trial {trial.number}: given up, behind the median of earlier trials")
    except (Diverged, ConfigError) as error:  # a combination of values that does not work; others may
        _fail(study, trial, error.message)
    except BaseException as error:
        _fail(study, trial, " ".join(f"{type(error).__name__} {error}".split()))
        raise
    else:
        if score is None:
            _fail(study, trial, "stopped")
            return False
        study.tell(trial, score)
        best = f"best {study.best_value:.4f} (trial {study.best_trial.number})"
        tqdm.write(f"trial {trial.number}: validation macro-AUROC {score:.4f}, {best}")
    return True


def _train(trial: Trial, config: ExperimentConfig, folder: Path) -> float | None:
    """Return the validation macro-AUROC of a training, None if it was stopped."""

    def report(row: Mapping[str, float]) -> None:
        score = row["val_macro_auroc"]
        if math.isnan(score):
            raise DataError("validation macro-AUROC is undefined, no class has both values there: search on more records")
        trial.report(score, int(row["epoch"]))
        if row["epoch"] < config.training.epochs and trial.should_prune():
            raise optuna.TrialPruned

    # A trial leaves its numbers, not its weights: training best.yaml makes these again, to the bit.
    out = folder / f"{TRIAL_PREFIX}{trial.number}"
    try:
        outcome = train(config, out, on_epoch=report)
    finally:
        shutil.rmtree(out, ignore_errors=True)
    return float(outcome.checkpoint.manifest["metrics"][config.task.level]["macro_auroc"]) if outcome.complete else None


def _fail(study: optuna.Study, trial: Trial, reason: str) -> None:
    trial.set_user_attr("reason", reason)
    study.tell(trial, state=TrialState.FAIL)
    tqdm.write(f"trial {trial.number}: failed: {reason}")


def _write_results(study: optuna.Study, config: ExperimentConfig, space: SearchSpace, folder: Path) -> None:
    """Write ``trials.csv`` and, where a trial has finished, ``best.yaml``."""
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow(["trial", "state", "val_macro_auroc", "epochs", *space.dimensions, "reason"])
    for trial in study.get_trials(deepcopy=False):
        score = trial.value if trial.state == TrialState.COMPLETE else None
        drawn = [trial.params.get(key) for key in space.dimensions]
        reason = trial.user_attrs.get("reason")
        writer.writerow([trial.number, trial.state.name.lower(), score, len(trial.intermediate_values), *drawn, reason])
    write_text(folder / "trials.csv", stream.getvalue())
    n_finished = len(study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)))
    if n_finished:
        best = study.best_trial
        values = space.suggest(FixedTrial(best.params))  # reads the draw back
        tuned = place_values(config, values).to_json() | {"name": f"{config.name}-tuned"}
        stated = yaml.safe_dump(_difference(tuned, ExperimentConfig().to_json()), sort_keys=False, default_flow_style=None, width=130)
        title = (
            f"# Trial {best.number} of {folder.name}: validation macro-AUROC {best.value:.4f}, the best of {n_finished} finished trials."
        )
        write_text(folder / "best.yaml", f"{title}\n{stated}")


def _difference(values: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """What a YAML file has to state for ``values``."""
    stated: dict[str, Any] = {}
    for key, value in values.items():
        default = defaults.get(key)
        if isinstance(value, dict) and isinstance(default, dict):
            inner = _difference(value, default)
            if inner:
                stated[key] = inner
        elif value != default or key not in defaults:
            stated[key] = value
    return stated


def _text(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
