"""Show which leads, moments and measurements moved a finding.

One record and one class give a few lines and, with --out NAME.png, a figure. Several records, a
folder or a split of a data set are explained into a folder: a figure and numbers for each record,
and what they say together. What was interrupted goes on when it is started again.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from heart_reader.commands.errors import show_cause
from heart_reader.commands.options import add_checkpoint, add_facts, add_overrides, lead_names

if TYPE_CHECKING:
    from heart_reader.checkpoint import Checkpoint
    from heart_reader.data.record_table import RecordTable
    from heart_reader.explain.background import Background
    from heart_reader.explain.cohort import Case
    from heart_reader.explain.explainer import Explainer, Method

__all__ = ["add_arguments", "run"]

METHODS = ("integrated_gradients", "gradient_shap", "occlusion")
# Records of the background, and of a split unless a number is given.
BACKGROUND, RECORDS = 50, 50


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("paths", nargs="*", type=Path, metavar="FILE_OR_DIR", help="records, or folders of records")
    parser.add_argument(
        "--finding", "--class", dest="findings", action="extend", type=lead_names, default=[], metavar="NAME",
        help="class, such as MI; repeatable, or separated by commas (default: of files what is found present, of a split every class)",
    )  # fmt: skip
    parser.add_argument("--level", help="its level (default: the first level of a reading that has it)")
    add_checkpoint(parser)
    parser.add_argument(
        "--method", action="extend", type=lead_names, metavar="NAME",
        help=f"{', '.join(METHODS)}; several, separated by commas, are compared (default: {METHODS[0]})",
    )  # fmt: skip
    parser.add_argument(
        "--steps", type=int, help="points on the path of integrated gradients, draws of gradient_shap (default: 6 or more, 24)"
    )
    parser.add_argument(
        "--background", default=None, metavar="train|still|DIR",
        help="what gradient_shap compares with: training records, each lead held still, or records of a folder "
        "(default: train for a split, still for files)",
    )  # fmt: skip
    parser.add_argument("--split", choices=("train", "val", "test"), help="explain records of a split of the checkpoint's data")
    parser.add_argument("--records", type=int, metavar="N", help=f"how many records of the split (default: {RECORDS}; 0 for all)")
    parser.add_argument("--faithfulness", action="store_true", help="deletion and insertion curves: whether the explanations are true")
    parser.add_argument("--seed", type=int, default=0, help="of everything drawn at random (default: %(default)s)")
    parser.add_argument("--start", type=float, default=0.0, metavar="S", help="where to begin, in seconds (default: %(default)s)")
    parser.add_argument("--duration", type=float, default=10.0, metavar="S", help="at most 30 (default: %(default)s)")
    add_facts(parser)
    parser.add_argument("--out", type=Path, metavar="FILE_OR_DIR", help="a figure, such as reason.png, or a folder for all else")
    parser.add_argument("--format", choices=("png", "svg", "both", "none"), default="png", help="of the figures in a folder (default: png)")
    parser.add_argument("--json", action="store_true", help="print JSON, with the relevance in it")
    add_overrides(parser)


def run(arguments: argparse.Namespace) -> int:
    """Explain one finding in one ECG, or many."""
    from heart_reader.errors import ConfigError

    methods = tuple(arguments.method or METHODS[:1])
    unknown = [name for name in methods if name not in METHODS]
    if unknown:
        raise ConfigError(f"--method {unknown[0]}: there are {', '.join(METHODS)}")
    if bool(arguments.paths) == (arguments.split is not None):
        raise ConfigError("name records to explain, or a split of the checkpoint's data: ecg.csv, or --split test")
    if (arguments.records or 0) < 0:
        raise ConfigError(f"--records {arguments.records}; a number of records is needed, or 0 for all")
    one = len(arguments.paths) == len(arguments.findings) == len(methods) == 1 and not arguments.paths[0].is_dir()
    if one and not arguments.faithfulness and (arguments.out is None or arguments.out.suffix):
        _explain_one(arguments, methods[0])
        return 0
    if arguments.out is None or arguments.out.suffix in (".png", ".svg", ".pdf"):
        raise ConfigError("--out DIR: several explanations need a folder")
    return _explain_many(arguments, methods)


def _explain_one(arguments: argparse.Namespace, name: str) -> None:
    import json

    from heart_reader.checkpoint import load_checkpoint
    from heart_reader.data.formats import read_record
    from heart_reader.data.one_record import one_record
    from heart_reader.weights import find_reader

    served = load_checkpoint(find_reader(arguments.checkpoint))
    with one_record(arguments.paths[0]):
        record = read_record(arguments.paths[0], **_facts(arguments))
    explainer, origin = _open(served, (name,))
    method = _methods(arguments, (name,), explainer, origin)[0]
    with one_record(arguments.paths[0]):
        explanation = explainer.explain(
            record, arguments.findings[0], arguments.level, start_s=arguments.start, duration_s=arguments.duration, method=method
        )
    print(json.dumps(explanation.to_json(), ensure_ascii=False, allow_nan=False) if arguments.json else explanation.to_text())
    if arguments.out is not None:
        from heart_reader.explain.plot import plot_explanation

        plot_explanation(explanation, record, arguments.out)


def _explain_many(arguments: argparse.Namespace, methods: tuple[str, ...]) -> int:
    from heart_reader.checkpoint import load_checkpoint
    from heart_reader.explain.compare import compare_methods, describe
    from heart_reader.weights import find_reader

    served = load_checkpoint(find_reader(arguments.checkpoint))
    explainer, origin = _open(served, methods)
    level = (
        explainer.find_level(arguments.findings[0], arguments.level)
        if arguments.findings
        else arguments.level or explainer.classifier.level
    )
    for finding in arguments.findings:
        explainer.find_level(finding, level)
    cases = _cases(arguments, origin, explainer, level)
    from heart_reader.explain.cohort import Plan, explain_cases
    from heart_reader.explain.summary import summarise
    from heart_reader.explain.summary_files import write_summary

    formats = {"both": ("png", "svg"), "none": ()}.get(arguments.format, (arguments.format,))
    n_failed = 0
    for method in _methods(arguments, methods, explainer, origin):
        out = arguments.out / method.name if len(methods) > 1 else arguments.out
        plan = Plan(level, method, arguments.faithfulness, formats, _facts(arguments), arguments.start, arguments.duration)
        failed = explain_cases(explainer, cases, plan, out)
        for name, error in failed.items():
            print(f"{name}: not explained: {error.message}")
            show_cause(error, debug=arguments.debug)
        n_failed += len(failed)
        summary = summarise(out, arguments.seed)
        settings = {
            **plan.to_json(explainer.classifier.checkpoint.sha256),
            "failed": {name: error.message for name, error in failed.items()},
        }
        write_summary(out, summary, formats, settings)
        print(f"{out}: {method.name}\n{describe(summary)}")
    if len(methods) > 1 and arguments.faithfulness:
        print(compare_methods(arguments.out, methods, formats, arguments.seed))
    return 1 if n_failed else 0


def _facts(arguments: argparse.Namespace) -> dict[str, Any]:
    return {"fs": arguments.fs, "unit": arguments.unit, "leads": arguments.leads}


def _open(served: Checkpoint, methods: tuple[str, ...]) -> tuple[Explainer, Checkpoint]:
    """Return the explainer and the checkpoint that it explains with.

    Occlusion asks the served reader itself; gradients need the torch weights behind it.
    """
    from heart_reader.explain.origin import find_origin

    gradients = methods != ("occlusion",)
    origin = find_origin(served) if gradients else served
    from heart_reader.classifier import EcgClassifier  # only now, for torch takes seconds
    from heart_reader.explain.explainer import Explainer

    return Explainer(EcgClassifier.load(origin.directory), gradients=gradients), origin


def _methods(arguments: argparse.Namespace, names: tuple[str, ...], explainer: Explainer, origin: Checkpoint) -> list[Method]:
    from heart_reader.explain.explainer import Method

    asked = arguments.background or ("train" if arguments.split else "still")
    wanted = "gradient_shap" in names or (arguments.faithfulness and explainer.classifier.features is not None)
    background = _background(arguments, asked, explainer, origin) if wanted and asked != "still" else None
    return [Method(name, arguments.steps, background, arguments.seed) for name in names]


def _background(arguments: argparse.Namespace, asked: str, explainer: Explainer, origin: Checkpoint) -> Background:
    """Read records to compare with, drawn from the training records or a folder."""
    from heart_reader.explain.background import Background
    from heart_reader.explain.cohort import background_cases, cases_of_files, open_case

    if asked == "train":
        cases = background_cases(_table(arguments, origin, "train", explainer.classifier.level), BACKGROUND, arguments.seed)
    else:
        cases = cases_of_files([Path(asked)], ())[:BACKGROUND]
    return Background.of(explainer.classifier, (open_case(case, _facts(arguments)) for case in cases))


def _cases(arguments: argparse.Namespace, origin: Checkpoint, explainer: Explainer, level: str) -> list[Case]:
    from heart_reader.errors import DataError
    from heart_reader.explain.cohort import cases_of_files, cases_of_table

    if arguments.split is None:
        return cases_of_files(arguments.paths, tuple(arguments.findings))
    table = _table(arguments, origin, arguments.split, level)
    findings = arguments.findings or explainer.space.levels[level].class_names
    count = RECORDS if arguments.records is None else arguments.records or None
    cases = cases_of_table(table, level, findings, count, arguments.seed)
    if not cases:
        raise DataError(f"no record of split {arguments.split} carries {', '.join(findings)}: choose other classes or another split")
    return cases


def _table(arguments: argparse.Namespace, origin: Checkpoint, split: str, level: str) -> RecordTable:
    from heart_reader.evaluation.request import checkpoint_config, read_split

    return read_split(origin, checkpoint_config(origin, arguments.overrides), split=split, level=level)
