"""The benchmark of slow clients in small: other readings go on, and none is refused."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_slow_clients_hold_up_nobody(tiny_checkpoint: Path, samples_dir: Path) -> None:
    command = [sys.executable, "benchmarks/slow_clients.py", "--checkpoint", str(tiny_checkpoint), "--file", str(samples_dir / "pair.hea")]
    # Few places and little room, so that a few clients would fill them; how long it takes is left
    # to the benchmark on a machine of its own.
    limits = {"HEART_READER_QUEUE_LIMIT": "2", "HEART_READER_MAX_UPLOADS": "10", "HEART_READER_PATIENCE_S": "2"}
    arguments = ["--slow", "50", "--addresses", "50", "--seconds", "4", "--rounds", "1", "--most", "20"]
    done = subprocess.run(
        [*command, *arguments], cwd=ROOT, env={**os.environ, **limits}, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"refused in all: 0\b", done.stdout)
    assert int(re.search(r"half_head (\d+)", done.stdout).group(1)) > 0
