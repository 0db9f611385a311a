"""Real clinical files out to every format and back: the same signal, leads, rate, age and sex."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from heart_reader import find_records, read_record, write_record
from heart_reader.errors import HeartReaderError

pytestmark = pytest.mark.realdata


@pytest.mark.parametrize("kind", ["csv", "dicom", "edf", "wfdb"])
def test_every_file_at_hand_survives(real_data: Path, tmp_path: Path, kind: str) -> None:
    paths = [path for name in ("formats", "challenge") for path in find_records(real_data / name)]
    assert len(paths) >= 30
    for path in paths:
        try:
            record = read_record(path)
        except HeartReaderError:
            continue
        files, lost = write_record(record, tmp_path, kind)
        again = read_record(files[0])
        assert "lost_resolution" not in {said.code for said in lost}
        assert (again.lead_names, again.fs, again.masked_leads) == (record.lead_names, record.fs, record.masked_leads), path
        assert (again.age, again.sex) == (record.age, record.sex), path
        assert np.abs(again.signal - record.signal).max() <= 0.51e-3, path
