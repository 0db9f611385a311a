"""Every signal format of WFDB against the wfdb package, which writes or at least reads it."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from heart_reader.data import signal as signal_module
from heart_reader.data.formats import read_record
from heart_reader.data.formats.wfdb_samples import STORED
from heart_reader.errors import UnreadableRecord
from tests.hostile.write_wfdb import pack

with warnings.catch_warnings():
    # The library itself makes a deprecated pandas call while it is imported.
    warnings.simplefilter("ignore", DeprecationWarning)
    import wfdb

# It makes such calls while it writes, too.
pytestmark = pytest.mark.filterwarnings("ignore:The inplace keyword:DeprecationWarning")

LEADS = ("I", "II", "V1", "V5", "V6")
GAINS = {8: 500.0, 16: 8e3, 24: 1e6, 32: 3e8, 61: 8e3, 80: 50.0, 160: 8e3, 212: 500.0, 310: 200.0, 311: 200.0}
LIMITS = {8: 127, 16: 32767, 24: 1 << 22, 32: 1 << 30, 61: 32767, 80: 127, 160: 32767, 212: 2047, 310: 511, 311: 511}


def written(folder: Path, fmt: int, n_leads: int, n_times: int, *, length: bool = True) -> tuple[Path, np.ndarray]:
    rng = np.random.default_rng(fmt)
    limit = LIMITS[fmt]
    values = rng.integers(-limit, limit, (n_leads, n_times), endpoint=True)
    initial = values[:, 0] * 0 + 5
    stored = values
    if fmt == 8:
        values = initial[:, None] + stored.cumsum(axis=1)
    gain = GAINS[fmt]
    (folder / "a.dat").write_bytes(pack(stored.T.ravel(), fmt))
    lines = [f"a {n_leads} 500{f' {n_times}' if length else ''}"]
    for row in range(n_leads):
        first = 5 if fmt == 8 else values[row, 0]
        lines.append(f"a.dat {fmt} {gain:.0f}(0)/mV 10 0 {first} {int(values[row].sum()) % 65536} 0 {LEADS[row]}")
    (folder / "a.hea").write_text("\n".join(lines) + "\n")
    return folder / "a.hea", values / gain


@pytest.mark.parametrize("n_leads", [1, 2, 3, 5])
@pytest.mark.parametrize("fmt", sorted(LIMITS))
def test_every_format_equals_wfdb_and_what_was_written(tmp_path, fmt, n_leads):
    path, expected = written(tmp_path, fmt, n_leads, 601)
    record = read_record(path)
    np.testing.assert_allclose(record.signal, expected, rtol=1e-6, atol=1e-6)
    theirs = wfdb.rdrecord(str(path.with_suffix("")))
    np.testing.assert_allclose(record.signal, theirs.p_signal.T, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("fmt", sorted(LIMITS))
def test_a_length_that_is_not_stated_follows_from_the_file(tmp_path, fmt):
    path, expected = written(tmp_path, fmt, 2, 600, length=False)
    np.testing.assert_allclose(read_record(path).signal, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("fmt", sorted(LIMITS))
def test_parts_are_the_whole(tmp_path, monkeypatch, fmt):
    path, _ = written(tmp_path, fmt, 3, 701)
    whole = read_record(path)
    monkeypatch.setattr(signal_module, "PART_VALUES", 102)
    np.testing.assert_array_equal(read_record(path).signal, whole.signal)


@pytest.mark.parametrize("fmt", sorted(set(LIMITS) - {8}))
def test_the_value_that_means_missing(tmp_path, fmt):
    path, expected = written(tmp_path, fmt, 1, 600)
    values = np.rint(expected[0] * GAINS[fmt]).astype(np.int64)
    values[100:110] = STORED[fmt].invalid
    (tmp_path / "a.dat").write_bytes(pack(values, fmt))
    text = path.read_text().splitlines()
    path.write_text("\n".join([text[0], text[1].rsplit(" ", 3)[0] + " 0 0 I"]))
    assert "10 missing values in lead I were bridged by straight lines" in read_record(path).warnings


@pytest.mark.parametrize("fmt", sorted(LIMITS))
def test_a_file_cut_short_is_refused(tmp_path, fmt):
    path, _ = written(tmp_path, fmt, 3, 600)
    content = (tmp_path / "a.dat").read_bytes()
    (tmp_path / "a.dat").write_bytes(content[:-4])
    with pytest.raises(UnreadableRecord) as caught:
        read_record(path)
    assert caught.value.args[0].code == "samples_missing"


@pytest.mark.parametrize(("fmt", "limit"), [("508", 100), ("516", 30_000), ("524", 8_000_000)])
@pytest.mark.parametrize("n_leads", [1, 3, 5])
def test_flac_equals_wfdb(tmp_path, fmt, limit, n_leads):
    values = np.random.default_rng(1).integers(-limit, limit, (1200, n_leads))
    gain = {"508": 50.0, "516": 8000.0, "524": 1e6}[fmt]
    wfdb.wrsamp(
        "a", 500, ["mV"] * n_leads, list(LEADS[:n_leads]), d_signal=values, fmt=[fmt] * n_leads,
        adc_gain=[gain] * n_leads, baseline=[0] * n_leads, write_dir=str(tmp_path),
    )  # fmt: skip
    record = read_record(tmp_path / "a.hea")
    np.testing.assert_allclose(record.signal, values.T / gain, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(record.signal, wfdb.rdrecord(str(tmp_path / "a")).p_signal.T, rtol=1e-6, atol=1e-7)


def flac(folder: Path) -> Path:
    values = np.random.default_rng(1).integers(-900, 900, (1200, 2))
    names = {"d_signal": values, "fmt": ["516"] * 2, "adc_gain": [1000.0] * 2, "baseline": [0] * 2}
    wfdb.wrsamp("a", 500, ["mV"] * 2, ["I", "II"], write_dir=str(folder), **names)
    return folder / "a.hea"


@pytest.mark.parametrize("change", [lambda content: content[:100], lambda content: b"RIFF" + content[4:], lambda _: b"fLaC" + bytes(40)])
def test_damaged_flac_is_refused(tmp_path, change):
    path = flac(tmp_path)
    (tmp_path / "a.dat").write_bytes(change((tmp_path / "a.dat").read_bytes()))
    with pytest.raises(UnreadableRecord):
        read_record(path)


def test_flac_of_other_channels_or_finer_samples_is_refused(tmp_path):
    path = flac(tmp_path)
    text = path.read_text()
    path.write_text(text.replace(" 516 ", " 508 "))
    with pytest.raises(UnreadableRecord, match="FLAC of 2 channels, 8 bits, is declared"):
        read_record(path)
    path.write_text("\n".join(text.splitlines()[:2]).replace("a 2", "a 1"))
    with pytest.raises(UnreadableRecord, match="FLAC of 1 channels"):
        read_record(path)


def test_flac_without_its_decoder_says_what_to_install(tmp_path, monkeypatch):
    path = flac(tmp_path)
    monkeypatch.setitem(sys.modules, "soundfile", None)
    with pytest.raises(UnreadableRecord, match="pip install soundfile, or convert the record to format 16"):
        read_record(path)
