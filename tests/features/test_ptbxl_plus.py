"""The published tables: joined by record, checked, and trained with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from heart_reader.classifier import EcgClassifier
from heart_reader.config import ExperimentConfig, override_config
from heart_reader.data.build import build_table
from heart_reader.data.formats import read_record
from heart_reader.errors import DataError, MissingFiles
from heart_reader.features.build import choose_space
from heart_reader.features.ptbxl_plus import has_tables, published_features, read_tables
from heart_reader.training.run import train


def write_tables(folder: Path, ids: list[str], n_12sl: int = 782, n_ecgdeli: int = 531) -> None:
    rng = np.random.default_rng(0)
    for name, stem, n in (("12sl_features.csv", "a", n_12sl), ("ecgdeli_features.csv", "b", n_ecgdeli)):
        table = pd.DataFrame(rng.normal(size=(len(ids), n)).round(3), columns=[f"{stem}{place}" for place in range(n)])
        # As published: the id is not the first column.
        table.insert(3, "ecg_id", ids)
        table.to_csv(folder / name, index=False)


def test_rows_are_found_by_record_and_columns_keep_their_order(tmp_path: Path) -> None:
    write_tables(tmp_path, ["1", "2", "7"])
    answer = read_tables(tmp_path, np.array(["7", "5", "1"]))
    first, second = (pd.read_csv(tmp_path / name).set_index("ecg_id") for name in ("12sl_features.csv", "ecgdeli_features.csv"))
    assert answer.shape == (3, 1313)
    np.testing.assert_allclose(answer[0], np.concatenate([first.loc[7], second.loc[7]]), rtol=1e-6)
    np.testing.assert_allclose(answer[2], np.concatenate([first.loc[1], second.loc[1]]), rtol=1e-6)
    assert np.isnan(answer[1]).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace("a5,", "", 1), "numbers and a column ecg_id|782 are needed"),
        (lambda text: text.replace("ecg_id", "record", 1), "ecg_id"),
        (lambda text: "\n".join([*text.splitlines()[:-1], "tall," + text.splitlines()[-1].partition(",")[2]]), "tall"),
    ],
)
def test_a_wrong_table_is_refused(change: object, message: str, tmp_path: Path) -> None:
    write_tables(tmp_path, ["1", "2"])
    path = tmp_path / "12sl_features.csv"
    path.write_text(change(path.read_text()))  # type: ignore[operator]
    with pytest.raises(DataError, match=message):
        read_tables(tmp_path, np.array(["1"]))


def test_tables_of_other_size_records_or_place_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingFiles, match="download ptbxl-plus"):
        read_tables(tmp_path, np.array(["1"]))
    write_tables(tmp_path, ["1"], n_12sl=781)
    with pytest.raises(DataError, match="781 columns beside ecg_id, 782 are needed"):
        read_tables(tmp_path, np.array(["1"]))
    write_tables(tmp_path, ["1", "1"])
    with pytest.raises(DataError, match="1 stands twice"):
        read_tables(tmp_path, np.array(["1"]))
    with pytest.raises(DataError, match="none of the 1 records"):
        read_tables(tmp_path, np.array(["9"]))


def test_a_network_trained_with_them_reads_with_and_without(tiny_config: ExperimentConfig, tmp_path: Path) -> None:
    home = tmp_path / "ptbxl-plus"
    home.mkdir()
    asked = ["features.sets=[{name: ptbxl_plus, required: false, widths: [8]}]", f"features.ptbxl_plus={home}"]
    config = override_config(tiny_config, asked)
    assert choose_space(config.features) is None
    write_tables(home, build_table(config).record_ids.tolist())
    assert has_tables(home)
    checkpoint = train(config, tmp_path / "run").checkpoint
    classifier = EcgClassifier.load(checkpoint.directory)
    record = read_record(build_table(config).paths[0])
    without = classifier.predict(record)
    assert without.features == {"ptbxl_plus": False}
    assert "read without the published features of PTB-XL+, which this model can use" in without.warnings
    path = tmp_path / "with.csv"
    names = [*record.lead_names, *(f"feat_{place}" for place in range(1313))]
    rows = [",".join(f"{value:.3f}" for value in row) for row in record.signal.T]
    rows = [rows[0] + ",5.0" * 1313, *(row + "," * 1313 for row in rows[1:])]
    path.write_text("\n".join([f"# fs={record.fs:g}", "# unit=mV", ",".join(names), *rows]))
    with_features = read_record(path)
    assert (published_features(with_features) == 5.0).all()
    reading = classifier.predict(with_features)
    assert reading.features == {"ptbxl_plus": True}
    assert not any("published features" in warning for warning in reading.warnings)
    probabilities = [[answer.probability for answer in read.levels[read.level].values()] for read in (without, reading)]
    assert probabilities[0] != probabilities[1]
