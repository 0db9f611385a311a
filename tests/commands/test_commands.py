"""One command with all others in it: help, errors, names and how soon it answers."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

import heart_reader
from heart_reader.commands import ALIASES, GROUPS, archive, build_parser, data, main, study
from heart_reader.commands.read import FORMS
from heart_reader.reading_report import REPORTS

ROOT = Path(__file__).resolve().parents[2]
LEAVES = [
    *((name,) for names in GROUPS.values() for name in names if name not in ("archive", "data", "study")),
    *(("archive", name) for name in archive.COMMANDS),
    *(("data", name) for name in data.COMMANDS),
    *(("study", name) for name in study.COMMANDS),
    *((alias,) for alias in ALIASES),
]
# What is promised on an idle machine, times what a busy one may take longer.
HELP_S, IMPORT_S, READ_S, BUSY = 0.3, 0.15, 1.5, 4
HEAVY = {"numpy", "scipy", "torch", "pandas", "pydantic", "yaml", "matplotlib", "sklearn", "onnxruntime", "tqdm", "fastapi"}


def run(*words: object, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "heart_reader", *map(str, words)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


def seconds(*arguments: str) -> float:
    """Processor time of the quickest of three processes."""
    script = "import resource, subprocess, sys; subprocess.run(sys.argv[1:], capture_output=True, check=True);" + (
        "used = resource.getrusage(resource.RUSAGE_CHILDREN); print(used.ru_utime + used.ru_stime)"
    )
    command = [sys.executable, "-c", script, sys.executable, *arguments]
    return min(float(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout) for _ in range(3))


def test_the_help_lists_every_command_under_its_group() -> None:
    text = run("--help").stdout
    assert [text.index(f"{title}:") for title in GROUPS] == sorted(text.index(f"{title}:") for title in GROUPS)
    for names in GROUPS.values():
        assert all(f"\n  {name} " in text for name in names)


@pytest.mark.parametrize("words", LEAVES, ids=" ".join)
def test_every_command_has_help_and_loads_nothing_heavy_for_it(words: tuple[str, ...]) -> None:
    script = (
        "import sys; from heart_reader.commands import main\n"
        "try: main(sys.argv[1:])\n"
        f"finally: print(sorted({HEAVY!r} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script, *words, "--help"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "[]\n")
    assert done.stdout.startswith(f"usage: heart-reader {' '.join(ALIASES.get(word, word) for word in words)} ")


@pytest.mark.parametrize("words", LEAVES, ids=" ".join)
def test_a_wrong_option_is_status_2(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([*words, "--no-such-option"])
    assert stopped.value.code == 2
    assert "error: " in capsys.readouterr().err


def test_help_comes_at_once() -> None:
    assert seconds("-m", "heart_reader", "--help") < HELP_S * BUSY
    assert seconds("-m", "heart_reader", "train", "--help") < HELP_S * BUSY


def test_importing_the_package_is_quick() -> None:
    assert seconds("-c", "import heart_reader") < IMPORT_S * BUSY


@pytest.mark.slow
def test_a_file_is_read_soon() -> None:
    assert seconds("-m", "heart_reader", "read", "test_files/norm.csv") < READ_S * BUSY


def test_errors_come_before_slow_imports() -> None:
    started = time.process_time()
    assert main(["read", "nowhere.csv"]) == 2
    assert main(["train", "--config", "nowhere.yaml"]) == 2
    assert time.process_time() - started < 1 * BUSY


def test_an_unknown_command_lists_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fly"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "no command 'fly'; there are read, beats, explain, serve" in error


def test_an_unknown_reader_lists_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["read", str(ROOT / "test_files" / "norm.csv"), "--checkpoint", "ptbxl-giant"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "ptbxl-giant" in error
    assert "ptbxl-int8" in error


def test_an_unknown_data_set_lists_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "download", "moon"]) == 2
    assert "ptbxl" in capsys.readouterr().err
    assert main(["data", "list"]) == 0
    assert "ptbxl" in capsys.readouterr().out


def test_predict_is_read(capsys: pytest.CaptureFixture[str]) -> None:
    said = []
    for name in ("read", "predict"):
        assert main([name, str(ROOT / "test_files" / "norm.csv"), "--json"]) == 0
        said.append(capsys.readouterr().out)
    assert said[0] == said[1]


def test_a_reading_is_written_in_the_forms_that_were_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = str(ROOT / "test_files" / "norm.csv")
    assert main(["read", record, "--as", "fhir", "--as", "json", "--as", "fhir", "--out", str(tmp_path / "new")]) == 0
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["norm.fhir.json", "norm.json"]
    assert "FHIR bundle" in capsys.readouterr().err
    for options in (["--as", "fhir"], ["--out", str(tmp_path)], ["--as", "fhir", "--out", str(tmp_path), "--quick"]):
        assert main(["read", record, *options]) == 2
        assert capsys.readouterr().err.count("\n") == 1
    assert set(FORMS) == set(REPORTS)


def test_a_quick_reading_has_probabilities_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["read", str(ROOT / "test_files" / "norm.csv"), "--quick", "--time"]) == 0
    captured = capsys.readouterr()
    assert "ms from file to reading" in captured.err
    assert "rate 55" not in captured.out


@pytest.mark.parametrize("door", ["train", "evaluate", "export", "predict", "run_server"])
def test_doors_are_the_commands(door: str) -> None:
    name = {"run_server": "serve", "predict": "read"}.get(door, door)
    done = subprocess.run([sys.executable, f"{door}.py", "--help"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stdout.startswith(f"usage: heart-reader {name} ")


def test_a_missing_package_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "shtab", None)
    assert main(["completion", "bash"]) == 1
    assert capsys.readouterr().err == "error: shtab is not installed: pip install 'heart-reader[completion]'\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_shells_complete_every_command(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("shtab")
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert all(name in script for names in GROUPS.values() for name in names)


def test_debug_raises_what_went_wrong() -> None:
    with pytest.raises(heart_reader.HeartReaderError):
        main(["read", "nowhere.csv", "--debug"])


def test_one_parser_has_no_more_than_it_needs() -> None:
    assert "cross-validate" not in build_parser(["read"]).format_help()


def test_the_package_reads_by_its_two_functions() -> None:
    path = ROOT / "test_files" / "norm.csv"
    alone = heart_reader.read_ecg(path)
    assert alone.to_json() == heart_reader.load().predict(heart_reader.read_record(path)).to_json()
    assert set(heart_reader.__all__) <= set(dir(heart_reader))
    with pytest.raises(AttributeError, match="has no attribute 'fly'"):
        _ = heart_reader.fly
