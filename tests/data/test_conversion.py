"""Folders to another format: names, refusals, losses, and what goes on after a stop."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from heart_reader import build_record, find_records, read_record, write_record
from heart_reader.commands import main
from heart_reader.data.conversion import Plan, convert
from heart_reader.data.device_report import DeviceReport, Patient
from heart_reader.errors import ConfigError

PATIENT = Patient("Jane Doe", "4711", "1930-02-03")


def ecg(name: str, **values):
    signal = np.rint(1000 * np.cumsum(np.random.default_rng(0).normal(0, 0.02, (2, 500)), axis=1)) / 1000
    return build_record(name, signal, 250.0, ("I", "II"), **values)


@pytest.fixture
def folder(tmp_path):
    """Two records of one name, one below, one that is none."""
    place = tmp_path / "ecgs"
    report = DeviceReport(device="Maker", acquired="2024-03-02T10:11:12", statements=("seen by Dr Roe",), patient=PATIENT)
    write_record(ecg("doe", age=94.0, sex="female", device_report=report), place, "edf")
    write_record(ecg("doe", age=30.0), place, "wfdb")
    write_record(ecg("deep"), place / "Doe Jane", "csv")
    (place / "broken.edf").write_bytes(b"0       " + bytes(300))
    return place


def run(sources, to, out, **options):
    return convert([*sources], Plan(to, out, **options), jobs=1)


def test_folders_keep_their_structure_and_names_are_one_each(folder, tmp_path):
    report = run([folder], "csv", tmp_path / "out")
    files = {path.relative_to(tmp_path / "out").as_posix() for path in find_records(tmp_path / "out")}
    assert files == {"doe.csv", "doe-2.csv", "Doe Jane/deep.csv"}
    assert len(report.refused) == 1
    assert "broken.edf" in (report.refused[0].refused or "")
    ages = {read_record(tmp_path / "out" / f"{name}.csv").age for name in ("doe", "doe-2")}
    assert ages == {94.0, 30.0}


def test_the_report_says_what_was_lost(folder, tmp_path):
    run([folder], "csv", tmp_path / "out")
    report = json.loads((tmp_path / "out/convert.json").read_text(encoding="utf-8"))
    assert report["summary"][0] == "3 of 4 files converted to CSV"
    edf = next(item for item in report["files"] if item["source"].endswith("doe.edf"))
    assert {"lost_acquired", "lost_device", "lost_identity"} <= set(edf["lost"])
    assert any(line.startswith("not kept (1 file): name, number and date of birth") for line in report["summary"])
    assert any(line.startswith("refused: ") and "broken.edf" in line for line in report["summary"])


def test_who_was_recorded_is_kept_where_there_is_a_place(folder, tmp_path):
    run([folder], "dicom", tmp_path / "out")
    pydicom = pytest.importorskip("pydicom")
    found = [pydicom.dcmread(path) for path in sorted((tmp_path / "out").glob("doe*.dcm"))]
    assert {(str(one.PatientName), one.PatientID, one.PatientBirthDate) for one in found} == {
        ("Jane Doe", "4711", "19300203"),
        ("", "", ""),
    }


@pytest.mark.parametrize("to", ["csv", "dicom", "edf", "wfdb"])
def test_without_identity_nothing_names_the_patient(folder, tmp_path, to):
    run([folder], to, tmp_path / "out", deidentify=True)
    made = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert {path.stem for path in made} == {"000001", "000002", "000003", "000004"} - {_number_of(tmp_path, "broken")}
    # Samples and random numbers may spell anything.
    texts = [re.sub(rb"2\.25\.\d+", b"", path.read_bytes()[:1500]) for path in made if path.suffix != ".dat"]
    for word in (b"doe", b"4711", b"1930", b"03-feb", b"roe", b"maker", b"2024", b"02.03.24"):
        assert not [text for text in texts if word in text.lower()]
    assert max(read_record(path).age or 0.0 for path in find_records(tmp_path / "out")) == 90.0
    assert "doe.edf" in (tmp_path / "out.key.json").read_text(encoding="utf-8")


def _number_of(tmp_path: Path, source: str) -> str:
    report = json.loads((tmp_path / "out.key.json").read_text(encoding="utf-8"))
    return next(item["name"] for item in report["files"] if source in item["source"])


def test_what_was_done_is_not_done_again(folder, tmp_path):
    out = tmp_path / "out"
    run([folder], "wfdb", out)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.dat")}
    (out / "doe-2.hea").unlink()
    write_record(ecg("new"), folder, "csv")
    report = run([folder], "wfdb", out)
    assert report.n_done_before == 2
    assert (out / "doe-2.hea").exists()
    assert (out / "new.hea").exists()
    assert {path for path, when in before.items() if path.stat().st_mtime_ns == when} == {out / "doe.dat", out / "Doe Jane/deep.dat"}


def test_an_interrupted_run_goes_on(folder, tmp_path):
    out = tmp_path / "out"

    def stop(n_done: int, _: int) -> None:
        if n_done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        convert([folder], Plan("csv", out), jobs=1, tell=stop)
    assert not (out / "convert.json").exists()
    assert run([folder], "csv", out).n_done_before in (1, 2)
    assert [path.name for path in out.iterdir() if path.name.startswith(".")] == []


def test_other_settings_are_another_conversion(folder, tmp_path):
    run([folder], "csv", tmp_path / "out")
    assert run([folder], "edf", tmp_path / "out").n_done_before == 0


def test_processes_make_the_same_files(folder, tmp_path):
    for number in range(20):
        write_record(ecg(f"more{number}"), folder, "wfdb")
    run([folder], "csv", tmp_path / "one")
    report = convert([folder], Plan("csv", tmp_path / "two"), jobs=2)
    assert len(report.entries) == 24
    one, two = ({path.relative_to(out): path.read_bytes() for path in out.rglob("*.csv")} for out in (tmp_path / "one", tmp_path / "two"))
    assert one == two


def test_a_source_is_never_written_over(folder, tmp_path):
    content = (folder / "doe.edf").read_bytes()
    with pytest.raises(ConfigError, match="take the place of a source"):
        run([folder / "doe.edf"], "edf", folder)
    assert (folder / "doe.edf").read_bytes() == content


def test_new_files_below_a_source_are_no_sources(folder):
    for _ in range(2):
        assert len(run([folder], "csv", folder / "out").entries) == 4


def test_several_folders_stay_apart(folder, tmp_path):
    write_record(ecg("doe"), tmp_path / "others", "wfdb")
    run([folder, tmp_path / "others"], "csv", tmp_path / "out")
    assert (tmp_path / "out/others/doe.csv").exists()
    assert (tmp_path / "out/ecgs/doe.csv").exists()


def test_the_command(folder, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["convert", str(folder), "--to", "wfdb", "--out", str(out), "--jobs", "1"]) == 1
    said = capsys.readouterr()
    assert said.out.splitlines()[0] == "3 of 4 files converted to WFDB"
    assert "a second; the report:" in said.err
    assert main(["convert", str(folder / "doe.hea"), "--to", "paper", "--out", str(out)]) == 2
    assert "no format to write is called 'paper'; there is" in capsys.readouterr().err
    assert main(["convert", str(folder), "--to", "csv", "--out", str(out), "--jobs", "0"]) == 2
