"""The table of files that say something wrong about themselves, and the page that it stands on."""

from __future__ import annotations

import numpy as np

from heart_reader.classifier import EcgClassifier
from heart_reader.data.synthetic import EcgParameters, simulate
from heart_reader.data.synthetic.files import write_csv
from heart_reader.evaluation.markdown import replace_section
from heart_reader.studies.wrong_files import WAYS, record_sets, wrong_files_table


def test_every_way_has_a_row_and_every_set_too(tiny_checkpoint, tmp_path):
    path = tmp_path / "a.csv"
    write_csv(simulate(EcgParameters(), rng=np.random.default_rng(2), fs=500.0, duration_s=10.0), path)
    table = wrong_files_table(EcgClassifier.load(tiny_checkpoint), {"simulated": [path]})
    assert "| simulated | 1 | 0.0 % | 0.0 % |" in table
    for way in WAYS:
        assert f"| {way} | 1 | " in table
    assert "| one lead × 1000 | 1 | 100.0 % | 100.0 % |" in table


def test_sections_are_replaced_and_the_others_stay(tmp_path):
    page = tmp_path / "page.md"
    replace_section(page, "Title", "One", "first")
    replace_section(page, "Title", "Two", "second")
    replace_section(page, "Title", "One", "first again")
    assert page.read_text() == "# Title\n\n## One\n\nfirst again\n\n## Two\n\nsecond\n"
    replace_section(page, "Title", "Two", "\\1 third")
    assert page.read_text().endswith("## Two\n\n\\1 third\n")


def test_sets_are_found_where_they_are(tmp_path):
    folder = tmp_path / "ptbxl"
    folder.mkdir()
    (folder / "a.hea").write_text("a 1 100 1000\n")
    (folder / "ptbxl_database.csv").write_text("ecg_id,strat_fold,filename_lr,filename_hr\n1,9,a,b\n2,8,a,b\n")
    assert dict(record_sets(tmp_path, "val")) == {"PTB-XL, val, 100 Hz": [folder / "a.hea"]}
    assert dict(record_sets(tmp_path, "test")) == {}
