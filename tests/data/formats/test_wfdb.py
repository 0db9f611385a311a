"""WFDB records against the independent wfdb library, and records that are broken."""

from __future__ import annotations

import contextlib
import warnings
from pathlib import Path

import numpy as np
import pytest

from heart_reader.data.formats import read_record
from heart_reader.data.leads import STANDARD_LEADS
from heart_reader.errors import LeadError, RecordError, UnitError, UnreadableRecord

with warnings.catch_warnings():
    # The library itself makes a deprecated pandas call while it is imported.
    warnings.simplefilter("ignore", DeprecationWarning)
    import wfdb

# It makes such calls while it writes, too.
pytestmark = pytest.mark.filterwarnings("ignore:The inplace keyword:DeprecationWarning")

BITS = {"16": 16, "24": 24, "32": 32, "80": 8, "212": 12}


def write(
    folder: Path, name: str = "a", *, fmt: str = "16", n_leads: int = 12, n_times: int = 1000, fs: float = 100.0, seed: int = 0, **more
):
    """Write a random record with the wfdb library; its values stay within an ECG's."""
    rng = np.random.default_rng(seed)
    top = 2 ** (BITS[fmt] - 1) - 1
    digital = rng.integers(-top, top, (n_times, n_leads), endpoint=True)
    gain = top / 5.0
    settings = {"adc_gain": [gain + lead for lead in range(n_leads)], "baseline": list(range(n_leads)), "units": ["mV"] * n_leads, **more}
    names = list(STANDARD_LEADS[:n_leads])
    wfdb.wrsamp(name, fs, sig_name=names, d_signal=digital, fmt=[fmt] * n_leads, write_dir=str(folder), **settings)
    return folder / f"{name}.hea"


def golden(header: Path) -> np.ndarray:
    return wfdb.rdsamp(str(header.with_suffix("")))[0].T.astype(np.float32)


def edit(header: Path, old: str, new: str) -> Path:
    text = header.read_text()
    assert old in text
    header.write_text(text.replace(old, new))
    return header


@pytest.mark.parametrize("fmt", sorted(BITS))
@pytest.mark.parametrize(("n_leads", "n_times"), [(12, 1000), (2, 361), (1, 101), (3, 333)])
def test_every_format_equals_the_wfdb_library_bit_for_bit(tmp_path, fmt, n_leads, n_times):
    header = write(tmp_path, fmt=fmt, n_leads=n_leads, n_times=n_times)
    record = read_record(header)
    np.testing.assert_array_equal(record.signal, golden(header))
    assert record.lead_names == STANDARD_LEADS[:n_leads]
    assert (record.fs, record.record_id, record.source_format, record.warnings) == (100.0, "a", "wfdb", ())


@pytest.mark.parametrize("name", ["a", "a.hea", "a.dat"])
def test_any_of_its_names_opens_a_record(tmp_path, name):
    header = write(tmp_path)
    np.testing.assert_array_equal(read_record(tmp_path / name).signal, golden(header))
    np.testing.assert_array_equal(read_record(str(tmp_path / name)).signal, golden(header))


def test_byte_offset_of_challenge_files(tmp_path):
    header = write(tmp_path)
    expected = golden(header)
    data = tmp_path / "a.dat"
    (tmp_path / "a.mat").write_bytes(b"\x1e" + bytes(23) + data.read_bytes())
    data.unlink()
    edit(header, "a.dat 16 ", "a.mat 16+24 ")
    np.testing.assert_array_equal(read_record(header).signal, expected)
    np.testing.assert_array_equal(read_record(tmp_path / "a.mat").signal, expected)


def test_record_name_with_an_extension_is_accepted(tmp_path):
    header = write(tmp_path)
    expected = golden(header)
    edit(header, "a 12 100", "a.mat 12 100")
    np.testing.assert_array_equal(read_record(header).signal, expected)


def test_several_signal_files(tmp_path):
    one, two = write(tmp_path, "one", n_leads=2, seed=1), write(tmp_path, "two", fmt="212", n_leads=2, seed=2)
    lines = one.read_text().splitlines()[1:] + two.read_text().replace("I", "V").splitlines()[1:]
    header = tmp_path / "both.hea"
    header.write_text("\n".join(["both 4 100 1000", *lines]))
    np.testing.assert_array_equal(read_record(header).signal, np.concatenate([golden(one), golden(two)]))


@pytest.mark.parametrize("fmt", sorted(BITS))
def test_invalid_samples_are_missing_values(tmp_path, fmt):
    invalid = -(2 ** (BITS[fmt] - 1))
    digital = np.tile(np.arange(100)[:, None], (1, 2))
    digital[10:13, 1] = invalid
    wfdb.wrsamp(
        "a", 100, ["mV"] * 2, ["I", "II"], d_signal=digital, fmt=[fmt] * 2, adc_gain=[100.0] * 2, baseline=[0] * 2, write_dir=str(tmp_path)
    )
    assert np.isnan(wfdb.rdsamp(str(tmp_path / "a"))[0][10:13, 1]).all()
    record = read_record(tmp_path / "a")
    # The values rise evenly, so a straight line across the gap restores them.
    np.testing.assert_allclose(record.signal[1], np.arange(100) / 100, atol=1e-6)
    assert record.warnings == ("3 missing values in lead II were bridged by straight lines",)


def test_a_lead_of_invalid_samples_is_masked_and_a_flat_one_is_named(tmp_path):
    rng = np.random.default_rng(0)
    digital = rng.integers(-500, 500, (100, 3))
    digital[:, 1], digital[:, 2] = -32768, 7
    wfdb.wrsamp(
        "a",
        100,
        ["mV"] * 3,
        ["I", "II", "V1"],
        d_signal=digital,
        fmt=["16"] * 3,
        adc_gain=[1000.0] * 3,
        baseline=[0] * 3,
        write_dir=str(tmp_path),
    )
    record = read_record(tmp_path / "a")
    assert record.masked_leads == ("II",)
    assert record.warnings == ("lead II is 100% missing values and was left out", "flat lead: V1")


def test_units_and_other_signals(tmp_path):
    units = ["uV", "mV", "mmHg"]
    header = write(tmp_path, n_leads=3, units=units)
    values = wfdb.rdsamp(str(tmp_path / "a"))[0].T
    record = read_record(header)
    assert record.lead_names == ("I", "II")
    np.testing.assert_array_equal(record.signal, (values[:2] * [[1e-3], [1.0]]).astype(np.float32))
    assert record.warnings[0] == "left out because they are not voltages: III (mmHg)"


def test_given_unit_overrides_with_a_warning(tmp_path):
    header = write(tmp_path)
    record = read_record(header, unit="uV")
    np.testing.assert_allclose(record.signal, golden(header) / 1000, rtol=1e-6)
    assert record.warnings[0] == "read as uV as requested; the header says mV"
    assert read_record(header, unit="mV").warnings == ()


def test_microvolts_declared_as_millivolts_are_refused(tmp_path):
    header = write(tmp_path, adc_gain=[10.0] * 12)
    with pytest.raises(UnitError, match="pass --unit uV"):
        read_record(header)
    assert read_record(header, unit="uV").signal.max() < 3.3


def test_given_leads_rename_in_order(tmp_path):
    header = write(tmp_path, n_leads=2)
    with pytest.raises(LeadError, match="signal 1 is I in the file, but II was requested"):
        read_record(header, leads=("II", "V5"))
    edit(header, " I\n", " MLII\n")
    edit(header, " II\n", " ECG2\n")
    assert read_record(header, leads=("II", "V5")).lead_names == ("II", "V5")
    with pytest.raises(LeadError, match=r"3 lead names given for 2 signals \(MLII, ECG2\)"):
        read_record(header, leads=("II", "V5", "V6"))


def test_eleven_leads_in_another_order_are_read_as_they_are(tmp_path):
    header = write(tmp_path, n_leads=11)
    edit(header, " V1\n", " AVX\n")
    edit(header, " I\n", " V1\n")
    names = read_record(edit(header, " AVX\n", " i\n")).lead_names
    assert names == ("V1", "II", "III", "aVR", "aVL", "aVF", "I", "V2", "V3", "V4", "V5")


def test_modified_leads_keep_their_names_and_repeated_ones_are_refused(tmp_path):
    header = edit(write(tmp_path, n_leads=2), " I\n", " MLII\n")
    assert read_record(header).lead_names == ("MLII", "II")
    with pytest.raises(LeadError, match="a: lead II appears twice"):
        read_record(edit(header, "MLII", "ii"))


@pytest.mark.parametrize("fs", [250, 257, 360, 500, 1000, 256.41])
@pytest.mark.parametrize("duration_s", [3, 60])
def test_any_rate_and_length(tmp_path, fs, duration_s):
    header = write(tmp_path, fs=fs, n_times=int(fs * duration_s), n_leads=2)
    record = read_record(header)
    assert record.fs == fs
    assert record.duration_s == pytest.approx(duration_s, abs=0.01)


def test_half_an_hour(tmp_path):
    header = write(tmp_path, fs=360, n_times=1800 * 360, n_leads=2, fmt="212")
    np.testing.assert_array_equal(read_record(header).signal, golden(header))


def test_given_rate_must_agree_with_the_header(tmp_path):
    header = write(tmp_path)
    assert read_record(header, fs=100).fs == 100
    for wrong in (500, float("nan")):
        with pytest.raises(UnreadableRecord, match="the header says 100 Hz"):
            read_record(header, fs=wrong)


def test_header_without_a_rate(tmp_path):
    header = edit(write(tmp_path), "a 12 100 1000", "a 12")
    assert read_record(header, fs=100).fs == 100
    record = read_record(header)
    assert record.fs == 250
    assert record.warnings == ("the header gives no sampling rate: read at 250 Hz, WFDB's default",)


@pytest.mark.parametrize("fs", ["0.001", "1e9"])
def test_rates_that_no_ecg_has(tmp_path, fs):
    with pytest.raises(UnreadableRecord, match="10 to 100000 Hz"):
        read_record(edit(write(tmp_path), "a 12 100 ", f"a 12 {fs} "))


@pytest.mark.parametrize("fmt", sorted(BITS))
@pytest.mark.parametrize("n_times", [100, 101])
def test_length_comes_from_the_file_where_the_header_is_silent(tmp_path, fmt, n_times):
    header = write(tmp_path, fmt=fmt, n_leads=3, n_times=n_times)
    expected = golden(header)
    np.testing.assert_array_equal(read_record(edit(header, f"a 3 100 {n_times}", "a 3 100")).signal, expected)


def test_truncated_signal_file(tmp_path):
    header = write(tmp_path)
    data = tmp_path / "a.dat"
    data.write_bytes(data.read_bytes()[: 12 * 2 * 800 + 5])
    with pytest.raises(UnreadableRecord, match=r"a\.dat: 800 samples per signal are present, but a\.hea declares 1000"):
        read_record(header)


def test_header_that_promises_terabytes(tmp_path):
    header = edit(write(tmp_path), "a 12 100 1000", "a 12 100 999999999999")
    with pytest.raises(UnreadableRecord, match="1000 samples per signal are present"):
        read_record(header)


def test_header_that_declares_too_little(tmp_path):
    header = write(tmp_path)
    expected = golden(header)[:, :400]
    record = read_record(edit(header, "a 12 100 1000", "a 12 100 400"))
    np.testing.assert_array_equal(record.signal, expected)
    assert record.warnings == ("a.dat holds 1000 samples per signal, but the header declares 400: the rest was not read",)


def test_offset_beyond_the_file(tmp_path):
    with pytest.raises(UnreadableRecord, match="0 samples per signal are present"):
        read_record(edit(write(tmp_path), "a.dat 16 ", "a.dat 16+99999999 "))


def test_missing_and_empty_signal_files(tmp_path):
    header = write(tmp_path)
    (tmp_path / "a.dat").write_bytes(b"")
    with pytest.raises(UnreadableRecord, match=r"a\.dat: the file is empty"):
        read_record(header)
    (tmp_path / "a.dat").unlink()
    with pytest.raises(UnreadableRecord, match=r"a\.dat: the header a\.hea names this file, which is missing"):
        read_record(header)


def test_signal_file_outside_the_folder(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    write(tmp_path, "secret")
    header = folder / "a.hea"
    for name in ("../secret.dat", str(tmp_path / "secret.dat")):
        header.write_text((tmp_path / "secret.hea").read_text().replace("secret.dat", name))
        with pytest.raises(UnreadableRecord, match="outside the header's folder"):
            read_record(header)


@pytest.mark.parametrize("fmt", ["0", "1", "81", "312", "525"])
def test_other_formats_are_named(tmp_path, fmt):
    with pytest.raises(UnreadableRecord, match=rf"signal format {fmt} cannot be read \(supported: 8, 16, 24, 32, 61, 80, 160, 212"):
        read_record(edit(write(tmp_path), "a.dat 16 ", f"a.dat {fmt} "))


def test_mixed_formats_in_one_file(tmp_path):
    header = write(tmp_path, n_leads=2)
    first, one, two = header.read_text().splitlines()
    header.write_text("\n".join([first, one, two.replace(" 16 ", " 212 ", 1)]))
    with pytest.raises(UnreadableRecord, match="several formats or offsets"):
        read_record(header)


def test_files_of_different_lengths(tmp_path):
    one, two = write(tmp_path, "one", n_leads=1), write(tmp_path, "two", n_leads=1, n_times=900)
    header = tmp_path / "both.hea"
    header.write_text("\n".join(["both 2 100", one.read_text().splitlines()[1], two.read_text().splitlines()[1] + "I"]))
    with pytest.raises(UnreadableRecord, match=r"different lengths \(\[900, 1000\]"):
        read_record(header)


def test_gain_of_zero_is_the_default_of_the_format(tmp_path):
    header = tmp_path / "a.hea"
    header.write_text("a 2 100 100\na.dat 16 0/mV 16 0 0 0 0 I\na.dat 16 0 16 5 0 0 0 II\n")
    (tmp_path / "a.dat").write_bytes(np.arange(200, dtype="<i2").tobytes())
    record = read_record(header)
    np.testing.assert_array_equal(record.signal, golden(header))
    assert record.warnings == ("no calibration given for I, II: read as 200 units per mV, which may be wrong",)


def test_age_and_sex_from_comments(tmp_path):
    header = write(tmp_path)
    header.write_text(header.read_text() + "#Age: 56\n#Sex: Female\n#Dx: 426783006\n")
    record = read_record(header)
    assert (record.age, record.sex) == (56.0, "female")


def test_every_byte_of_a_header_may_be_wrong(tmp_path):
    """Each byte in turn is replaced; the record is read or refused, and nothing else happens."""
    header = write(tmp_path, n_leads=2, n_times=50)
    good = header.read_bytes()
    rng = np.random.default_rng(0)
    n_read = 0
    for position in range(len(good)):
        for byte in rng.integers(0, 256, 3).tolist():
            header.write_bytes(good[:position] + bytes([byte]) + good[position + 1 :])
            with contextlib.suppress(RecordError):
                read_record(header)
                n_read += 1
    assert 0 < n_read < 3 * len(good)


@pytest.mark.parametrize("fmt", sorted(BITS))
def test_samples_of_another_recording_are_noticed_by_the_checksums_of_wfdb(tmp_path, fmt):
    header = write(tmp_path, fmt=fmt, n_leads=3)
    write(tmp_path, "b", fmt=fmt, n_leads=3, seed=1)
    (tmp_path / "a.dat").write_bytes((tmp_path / "b.dat").read_bytes())
    with pytest.raises(UnreadableRecord, match=r"the samples of I, II, III are not those that a\.hea was written for.*set the checksums"):
        read_record(header)


def test_one_changed_number_is_noticed_and_its_lead_is_named(tmp_path):
    header = write(tmp_path)
    data = bytearray((tmp_path / "a.dat").read_bytes())
    data[2 * (12 * 500 + 4)] ^= 1
    (tmp_path / "a.dat").write_bytes(data)
    with pytest.raises(UnreadableRecord, match="the samples of aVL are not those"):
        read_record(header)


def test_a_header_without_checksums_is_held_against_its_first_samples(tmp_path):
    header = write(tmp_path, n_leads=2)
    expected = golden(header)
    lines = [line.split() for line in header.read_text().splitlines()[1:]]

    def headed(initial: str, checksum: str) -> Path:
        text = "a 2 100 1000\n" + "\n".join(" ".join([*line[:5], initial or line[5], checksum, *line[7:]]) for line in lines)
        header.write_text(text)
        return header

    for initial, checksum in (("", "0"), ("0", "0")):
        np.testing.assert_array_equal(read_record(headed(initial, checksum)).signal, expected)
    with pytest.raises(UnreadableRecord, match="the samples of I, II are not those"):
        read_record(headed("1", "0"))
    header.write_text("a 2 100 1000\n" + "\n".join(" ".join(line[:5]) for line in lines))
    np.testing.assert_array_equal(read_record(header, leads=("I", "II")).signal, expected)


def test_a_line_lost_from_a_header_is_noticed_by_the_size_of_the_file(tmp_path):
    header = write(tmp_path)
    lines = [" ".join(line.split()[:5]) for line in header.read_text().splitlines()[1:]]
    for record_line in ("a 11 100 1000", "a 11 100"):
        header.write_text("\n".join([record_line, *lines[1:]]))
        with pytest.raises(UnreadableRecord, match="12000 samples are not a whole number of samples for the 11 signals"):
            read_record(header)


def test_the_matrix_of_a_mat_file_must_be_the_one_of_the_header(tmp_path):
    header = write(tmp_path)
    expected = golden(header)
    edit(header, "a.dat 16 ", "a.mat 16+24 ")
    for kind, rows, columns in ((30, 12, 1000), (30, 1000, 12), (1030, 12, 1000), (0, 12, 1000)):
        head = np.array([kind, rows, columns, 0, 4], "<i4").tobytes() + b"val\0"
        (tmp_path / "a.mat").write_bytes(head + (tmp_path / "a.dat").read_bytes())
        if (kind, rows) == (30, 12):
            np.testing.assert_array_equal(read_record(header).signal, expected)
            continue
        with pytest.raises(UnreadableRecord, match=f"a matrix of {rows} x {columns} values of kind {kind}"):
            read_record(header)


def test_scales_that_are_inverted_or_impossible_are_named(tmp_path):
    header = write(tmp_path, n_leads=2)
    expected = golden(header)
    text = header.read_text()
    header.write_text(text.replace(" 6553.4(0)/mV", " -6553.4(0)/mV", 1))
    record = read_record(header)
    np.testing.assert_array_equal(record.signal, expected * [[-1], [1]])
    assert record.warnings == ("stored upside down according to the header (negative scale) and turned upright: I",)
    header.write_text(text.replace("(0)/mV", "(200000000)/mV", 1))
    with pytest.raises(UnitError, match=r"lead I reaches 30523\.5 mV, but an electrode stays below 5000 mV"):
        read_record(header)
    header.write_text(text.replace("(0)/mV", "(99999999999)/mV", 1))
    with pytest.raises(UnreadableRecord, match="baseline 99999999999, which no record can have"):
        read_record(header)
