"""Generated requests: every answer is one that the interface announces, and none a fault."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


@pytest.mark.slow
def test_schemathesis_finds_no_fault(tiny_checkpoint: Path, samples_dir: Path, tmp_path: Path) -> None:
    program = shutil.which("schemathesis", path=str(Path(sys.executable).parent))
    assert program, "schemathesis is not installed: make install"
    command = [sys.executable, str(ROOT / "run_server.py"), "--checkpoint", str(tiny_checkpoint), "--port", "0"]
    environment = {"HEART_READER_SAMPLES_DIR": str(samples_dir)}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        try:
            address = server.stdout.readline().split(" on ")[1].split()[0]
            fuzz = [program, "run", f"{address}/openapi.json", "--checks", CHECKS, "--max-examples", "100", "--seed", "1"]
            done = subprocess.run(fuzz, cwd=tmp_path, capture_output=True, text=True, timeout=600, check=False)
        finally:
            server.terminate()
    assert done.returncode == 0, done.stdout[-5000:]
