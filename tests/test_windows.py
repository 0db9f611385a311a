"""What Windows has not is not needed at import, and its paths are understood."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path, PureWindowsPath

import pytest

from heart_reader.weights.index import parse_index

ROOT = Path(__file__).resolve().parent.parent
# Modules that Python for Windows does not have are blocked, a stand-in takes the place of the one
# that it has beside them, and only heart_reader's own files see the other system's name.
IMPORT_ALL = """
import importlib, pkgutil, sys, types
import numpy, scipy.signal, torch, pandas, sklearn.ensemble, matplotlib.figure, onnxruntime, uvicorn, fastapi, tqdm, asyncio
import multiprocessing.reduction, concurrent.futures, tempfile, subprocess, pydantic_settings, pyarrow.csv, pyarrow.parquet, fsspec, ray

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"fcntl", "resource", "pwd", "grp", "termios"}:
            raise ModuleNotFoundError(name, name=name)

for name in ("fcntl", "resource", "pwd", "grp", "termios"):
    sys.modules.pop(name, None)
sys.meta_path.insert(0, Blocked())
sys.modules["msvcrt"] = types.SimpleNamespace(LK_NBLCK=2, locking=lambda *_: None)
sys.platform = "win32"
import heart_reader
names = [module.name for module in pkgutil.walk_packages(heart_reader.__path__, "heart_reader.")]
for name in names:
    if not name.endswith("__main__"):
        importlib.import_module(name)
print(len(names))
"""
LOCK = """
import sys, types
calls = []
sys.modules["msvcrt"] = types.SimpleNamespace(LK_NBLCK=2, locking=lambda descriptor, mode, n: calls.append((mode, n)))
sys.modules["fcntl"] = None
sys.platform = "win32"
from pathlib import Path
from heart_reader.folders import claimed, write_whole
path = Path(sys.argv[1]) / "a.txt"
write_whole(path, lambda new: new.write_text("whole"))
print(path.read_text(), len(calls), sorted(one.name for one in path.parent.iterdir()))
"""


def run(code: str, *words: object) -> str:
    command = [sys.executable, "-c", code, *map(str, words)]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


@pytest.mark.slow
def test_every_module_is_imported_without_what_windows_lacks() -> None:
    assert int(run(IMPORT_ALL)) > 100


def test_files_are_written_whole_under_the_lock_of_windows(tmp_path: Path) -> None:
    assert run(LOCK, tmp_path).split(maxsplit=2) == ["whole", "1", "['a.txt']\n"]


@pytest.mark.parametrize("name", ["..\\x", "C:x", "\\\\server\\x"])
def test_a_path_of_windows_is_no_file_name(name: str) -> None:
    assert len(PureWindowsPath(name).parts) > 1 or PureWindowsPath(name).drive
    entry = {"title": "", "sha256": "", "parent": None, "runtime": "onnx", "model": "", "parameters": 0, "figures": {}, "licence": ""}

    with pytest.raises(Exception, match="no plain file name"):
        parse_index(json.dumps({"format": 1, "readers": {"a": {**entry, "files": {name: {"bytes": 1, "sha256": ""}}}}}), "index.json")
