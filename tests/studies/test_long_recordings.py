"""Episodes of annotated recordings, and the report of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from heart_reader.studies.long_recordings import EpisodeCounts, compare_episodes, to_markdown


def test_the_report_sums_and_leaves_out_records_without_episodes() -> None:
    counts = {"a": EpisodeCounts(60, 50, 40, 2, 2, 1), "b": EpisodeCounts(), "c": EpisodeCounts(40, 30, 30)}
    text = to_markdown(counts)
    assert "| all | 100 | 80 | 70 | 2 | 2 | 1 |" in text
    assert "| b |" not in text
    assert "sensitivity 70.0 %, positive predictive value 87.5 %" in text


@pytest.mark.realdata
def test_a_recording_with_annotated_fibrillation(real_data: Path) -> None:
    counts = compare_episodes(real_data / "mitbih" / "201.hea")
    assert counts.both_s > 0.95 * counts.fibrillation_s > 500
    assert counts.both_s > 0.85 * counts.found_s
    assert counts.pauses_both >= 6
