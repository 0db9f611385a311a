"""A metric is one file: title beside formula, and every report states it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import heart_reader.metrics
from heart_reader.decisions.thresholds import choose_thresholds
from heart_reader.errors import ConfigError
from heart_reader.evaluation.report.page import per_class_rows, report_page
from heart_reader.evaluation.report.report import EvaluationReport, build_report
from heart_reader.metrics import METRICS, metric_value, register_metric

DUMMY = '''
"""A metric that somebody adds."""

from heart_reader.metrics.registry import register_metric
from heart_reader.metrics.sample import WeightedSample


@register_metric("macro_balanced_accuracy", title="balanced accuracy", needs_thresholds=True)
def balanced_accuracy(sample: WeightedSample):
    """(sensitivity + specificity) / 2."""
    counts = sample.counts
    return (counts.tp / (counts.tp + counts.fn) + counts.tn / (counts.tn + counts.fp)) / 2
'''


@pytest.fixture
def dummy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One more file in the package of metrics, while the registry has not been asked yet."""
    (tmp_path / "balanced.py").write_text(DUMMY)
    monkeypatch.setattr(heart_reader.metrics, "__path__", [*heart_reader.metrics.__path__, str(tmp_path)])
    monkeypatch.setattr(METRICS, "_complete", False)
    yield
    METRICS._entries.pop("macro_balanced_accuracy", None)
    sys.modules.pop("heart_reader.metrics.balanced", None)


@pytest.mark.usefixtures("dummy")
def test_a_new_file_is_in_every_report(simulate) -> None:
    thresholds = choose_thresholds(simulate("val"), "f1")
    named = {"label_rule": "any", "config_name": "tiny", "checkpoint_sha256": "ab" * 32}
    report = build_report(simulate(), thresholds, None, draws=10, confidence=0.9, seed=0, **named)
    value = report.metrics["macro_balanced_accuracy"].point
    half = (report.metrics["macro_sensitivity"].point + report.metrics["macro_specificity"].point) / 2
    assert value == pytest.approx(half)
    assert f"| balanced accuracy | {value:.4f} |" in report_page(report)
    assert "balanced_accuracy_low" in per_class_rows(report)[0]
    assert EvaluationReport.from_json(report.to_json()) == report
    validation = build_report(simulate("val"), thresholds, None, draws=10, confidence=0.9, seed=0, **named)
    assert "| balanced accuracy | not stated: the thresholds were chosen on this split |" in report_page(validation)


def test_names_and_titles_are_unique_and_an_unknown_one_lists_them() -> None:
    assert len({metric.title for metric in METRICS.values()}) == len(METRICS)
    with pytest.raises(ConfigError, match="two metrics are called 'macro_auroc'"):
        register_metric("macro_auroc", title="another")(lambda sample: sample.ranking[0])
    with pytest.raises(ConfigError, match=r"no metric is called 'auc'; there is fmax, .*macro_auroc"):
        metric_value("auc", [[1], [0]], [[0.2], [0.1]])


def test_metrics_need_no_heavy_library() -> None:
    code = "import sys; from heart_reader.metrics import METRICS; list(METRICS); print(*{'torch', 'sklearn', 'pandas'} & set(sys.modules))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == ""
