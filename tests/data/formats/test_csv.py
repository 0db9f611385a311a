"""CSV in every dialect that is read, and every complaint about one that is not."""

from __future__ import annotations

import codecs

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from heart_reader.data.formats import read_record
from heart_reader.data.formats.csv_table import parse_table
from heart_reader.data.leads import STANDARD_LEADS
from heart_reader.errors import LeadError, NonFiniteSignal, UnitError, UnreadableRecord

HEAD = "# fs=500\n# unit=mV\n"


@pytest.fixture
def read(tmp_path):
    """Read a text, or bytes, as a file."""

    def read_text(content, *, name="a.csv", **given):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return read_record(path, **given)

    return read_text


def table(values: np.ndarray, names=STANDARD_LEADS, sep=",") -> str:
    return "\n".join([sep.join(names), *(sep.join(map(repr, row)) for row in values.T.tolist())]) + "\n"


@pytest.fixture
def ecg() -> np.ndarray:
    return np.random.default_rng(0).uniform(-2, 2, (12, 700))


@pytest.mark.parametrize("sep", [",", ";", "\t"])
def test_separators(read, ecg, sep):
    record = read(HEAD + table(ecg, sep=sep))
    np.testing.assert_array_equal(record.signal, ecg.astype(np.float32))
    assert (record.lead_names, record.fs, record.source_format, record.warnings) == (STANDARD_LEADS, 500.0, "csv", ())


@pytest.mark.parametrize("sep", [";", "\t"])
def test_decimal_commas(read, ecg, sep):
    record = read(HEAD + table(ecg, sep=sep).replace(".", ","))
    np.testing.assert_array_equal(record.signal, ecg.astype(np.float32))


@pytest.mark.parametrize("dress", [lambda text: codecs.BOM_UTF8 + text.encode(), lambda text: text.encode("utf-16")])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_byte_order_marks_and_line_ends(read, ecg, dress, end):
    np.testing.assert_array_equal(read(dress((HEAD + table(ecg)).replace("\n", end))).signal, ecg.astype(np.float32))


def test_latin_1(read):
    record = read("# Ableitung für Müller\n# fs=500\n# unit=µV\nI\n0\n500\n".encode("latin-1"))
    assert record.signal.tolist() == [[0.0, 0.5]]


def test_quotes(read):
    record = read(HEAD + '"I","II (mV)"\n"0,5","1"\n"0,25",""\n"0,5","2"\n')
    assert record.lead_names == ("I", "II")
    assert record.signal.tolist() == [[0.5, 0.25, 0.5], [1.0, 1.5, 2.0]]


def test_names_in_any_spelling_and_order(read, ecg):
    names = ["v6", "MDC_ECG_LEAD_I", "Lead II", "AVR", "aVf", "avl", "III", "V1", "V2", "V3", "V4", "V5"]
    assert read(HEAD + table(ecg, names)).lead_names == ("V6", "I", "II", "aVR", "aVF", "aVL", "III", "V1", "V2", "V3", "V4", "V5")


def test_content_decides_not_the_extension(read, ecg):
    for name in ("a.txt", "a.hea", "a.dat", "a"):
        np.testing.assert_array_equal(read(HEAD + table(ecg), name=name).signal, ecg.astype(np.float32))


@pytest.mark.parametrize(
    ("name", "unit_s"),
    [("time", 1), ("t", 1), ("Time (s)", 1), ("time_s", 1), ("seconds", 1), ("ms", 1e-3), ("time_ms", 1e-3), ("Time [ms]", 1e-3)],
)
@pytest.mark.parametrize("fs", [100, 257, 360, 500, 1000])
def test_time_column_gives_the_rate(read, ecg, name, unit_s, fs):
    times = np.arange(700) / fs
    record = read("# unit=mV\n" + table(np.vstack([times / unit_s, ecg]), [name, *STANDARD_LEADS]))
    assert record.fs == fs
    np.testing.assert_array_equal(record.signal, ecg.astype(np.float32))


@pytest.mark.parametrize("fs", [100, 250, 257, 360, 500])
def test_times_rounded_to_milliseconds(read, ecg, fs):
    times = np.round(np.arange(700) / fs, 3)
    assert read("# unit=mV\n" + table(np.vstack([times, ecg]), ["time", *STANDARD_LEADS])).fs == fs


def test_time_column_with_a_gap_is_refused(read, ecg):
    times = np.arange(700) / 500
    times[350:] += 1 / 500
    with pytest.raises(UnreadableRecord, match="does not increase evenly"):
        read(table(np.vstack([times, ecg]), ["time", *STANDARD_LEADS]))


@pytest.mark.parametrize(
    "times", [["0", "0", "0"], ["0.3", "0.2", "0.1"], ["0", "", "0.2"], ["0", "1e-320", "2e-320"], ["1e30", "-1e30", "0"]]
)
def test_hopeless_times_are_refused(read, times):
    with pytest.raises(UnreadableRecord, match=r"time|sampling rate"):
        read("time,I\n" + "".join(f"{time},0\n" for time in times))


def test_milliseconds_called_time_are_not_taken_for_seconds(read):
    with pytest.raises(UnreadableRecord, match=r"a sampling rate of 0\.5 Hz"):
        read("time,I\n0,0\n2,1\n4,2\n")


def test_row_numbers_are_passed_over(read):
    for name in ("", "sample", "index", "Sample #", "Unnamed: 0"):
        record = read(f"{HEAD}{name},I\n0,0.5\n1,0.25\n")
        assert (record.lead_names, record.warnings) == (("I",), ())


@pytest.mark.parametrize(
    ("comment", "fs"), [("# fs=500", 500), ("#fs: 257 Hz", 257), ("# sampling_rate = 360", 360), ("# site=A, fs=250Hz", 250)]
)
def test_rate_in_a_comment(read, comment, fs):
    assert read(f"{comment}\n# unit=mV\nI\n0\n1\n").fs == fs


def test_rates_that_contradict_each_other(read):
    with pytest.raises(UnreadableRecord, match="500 Hz by the comment line but 250 Hz by --fs"):
        read(HEAD + "I\n0\n1\n", fs=250)
    with pytest.raises(UnreadableRecord, match="100 Hz by the time column but 500 Hz by the comment line"):
        read(HEAD + "time,I\n0,0\n0.01,1\n")
    with pytest.raises(UnreadableRecord, match="sampling rate 'fast'"):
        read("# fs=fast\nI\n0\n1\n")
    assert read(HEAD + "I\n0\n1\n", fs=500).fs == 500


@pytest.mark.parametrize(("n_rows", "fs"), [(1000, 100), (5000, 500)])
def test_ten_seconds_without_a_rate(read, n_rows, fs):
    record = read("# unit=mV\nI\n" + "0.5\n" * (n_rows - 1) + "1\n")
    assert record.fs == fs
    assert record.warnings == (f"no sampling rate given: {n_rows} rows were read as 10 s at {fs} Hz",)


def test_no_rate_at_all(read):
    with pytest.raises(UnreadableRecord, match=r"a\.csv: 3 rows and no sampling rate: add the line `# fs=500`"):
        read("I\n0\n1\n2\n")
    assert read("I\n0\n1\n2\n", fs=500).fs == 500


def test_units(read):
    assert read("# fs=500\nI\n0\n1\n").warnings == ("no unit given: read as mV",)
    for text in ("# unit=uV\nI\n", "# unit: µV\nI\n", "I (uV)\n", "# units=uV\nI [µV]\n"):
        record = read(f"# fs=500\n{text}0\n500\n")
        assert (record.signal.tolist(), record.warnings) == ([[0.0, 0.5]], ())
    record = read("# fs=500\n# unit=mV\nI\n0\n500\n", unit="uV")
    assert record.warnings == ("read as uV as requested; the file says mV",)
    with pytest.raises(UnitError, match="units mV, uV in one file"):
        read(HEAD + "I (uV)\n0\n500\n")
    with pytest.raises(UnitError, match="'furlong'"):
        read("# fs=500\n# unit=furlong\nI\n0\n1\n")


def test_microvolts_read_as_millivolts_are_refused(read, ecg):
    with pytest.raises(UnitError, match="pass --unit uV"):
        read("# fs=500\n" + table(ecg * 1000))
    np.testing.assert_allclose(read("# fs=500\n" + table(ecg * 1000), unit="uV").signal, ecg, rtol=1e-6)


def with_features(ecg, numbers, cells):
    """An ECG whose first row also holds features."""
    names = [*STANDARD_LEADS, *(f"feat_{number}" for number in numbers)]
    first, *others = [",".join(map(repr, row)) for row in ecg.T.tolist()]
    return HEAD + "\n".join([",".join(names), ",".join([first, *cells]), *(row + "," * len(cells) for row in others)])


def test_published_features_are_read_by_their_numbers(read, ecg):
    numbers = np.random.default_rng(0).permutation(1313).tolist()
    cells = ["" if number == 7 else str(number / 2) for number in numbers]
    record = read(with_features(ecg, numbers, cells))
    np.testing.assert_array_equal(record.signal, ecg.astype(np.float32))
    expected = np.arange(1313, dtype=np.float32) / 2
    expected[7] = np.nan
    np.testing.assert_array_equal(record.published_features, expected)
    assert record.warnings == ()
    assert read(HEAD + table(ecg)).published_features is None


def test_features_that_are_not_all_there_are_refused(read, ecg):
    with pytest.raises(UnreadableRecord, match="1312 feature columns from feat_0 to feat_1311, but all 1313"):
        read(with_features(ecg, range(1312), ["1"] * 1312))
    with pytest.raises(UnreadableRecord, match="'tall' is not a number"):
        read(with_features(ecg, range(1313), ["1"] * 1312 + ["tall"]))


def test_other_columns_are_named(read):
    record = read(HEAD + "I,note,II,MLII\n0,good_beat,1,0\n1,,2,0\n")
    assert record.lead_names == ("I", "II")
    assert record.warnings == ("columns ignored because they are not leads: note, MLII",)


def test_table_without_names(read, ecg):
    bare = HEAD + table(ecg).partition("\n")[2]
    with pytest.raises(LeadError, match="12 columns but no row of lead names"):
        read(bare)
    with pytest.raises(LeadError, match="2 lead names given for 12 columns"):
        read(bare, leads=("I", "II"))
    record = read(bare, leads=STANDARD_LEADS)
    assert record.lead_names == STANDARD_LEADS
    np.testing.assert_array_equal(record.signal, ecg.astype(np.float32))
    timed = read("0;0\n10;1\n20;2\n", leads=("time_ms", "II"), unit="mV")
    assert (timed.fs, timed.lead_names) == (100.0, ("II",))


def test_given_leads_rename_the_columns(read):
    text = HEAD + "sample,MLII,V5\n0,0,1\n1,1,1.5\n"
    assert read(text, leads=("II", "V5")).lead_names == ("II", "V5")
    with pytest.raises(LeadError, match=r"1 lead names given for 2 columns \(MLII, V5\)"):
        read(text, leads=("II",))


def test_no_lead_among_the_columns(read):
    with pytest.raises(LeadError, match=r"no column is a lead \(found ecg_id, age, sex, site, path and 1 more\)"):
        read("ecg_id,age,sex,site,path,x\n1,2,3,4,5,6\n")


def test_a_lead_in_two_columns(read):
    with pytest.raises(LeadError, match="lead aVR appears in several columns"):
        read(HEAD + "I,aVR,AVR\n0,0,0\n1,1,1\n")


def test_eleven_leads(read, ecg):
    assert read(HEAD + table(ecg[:11], STANDARD_LEADS[:11])).lead_names == STANDARD_LEADS[:11]


def test_missing_values(read):
    record = read(HEAD + "I,II,V1\n0,0,\n,1,NaN\n1,inf,\n0.5,3,0\n")
    assert record.signal.tolist() == [[0.0, 0.5, 1.0, 0.5], [0.0, 1.0, 2.0, 3.0], [0.0] * 4]
    assert record.masked_leads == ("V1",)
    assert len(record.warnings) == 3
    with pytest.raises(NonFiniteSignal):
        read(HEAD + "I,II\n,\nnan,nan\n,nan\n0,0\n")


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("I,II\n0,0\n0,oops\n", r"line 5, column 2: 'oops' is not a number"),
        ("I,II\n0,0\n\n# note\n0,1_0\n", r"line 7, column 2: '1_0' is not a number"),
        ('I,II\n0,0\n"0","oops"\n', r"line 5, column 2: 'oops'"),
        ("I,II\nmV,mV\n0,0\n", r"line 4, column 1: 'mV'"),
        ("I,II\n0,0\n0\n", r"line 5: 1 cells, but 2 are needed as in the first row"),
        ("I,II\n0,0\n0,0,0\n", r"line 5: 3 cells, but 2 are needed as"),
        ('I,II\n0,0\n"0","0","1"\n', r"line 5: 3 cells, but 2 are needed as"),
        ("I;II\n0,5;0.5\n0;0\n", "line 4: commas and points"),
        ("I,II\n0,0\n0,1e99\n", r"line 5: a value beyond 1e\+30"),
        ("I,II\n", "without any rows of data below"),
        ("", "no rows of data"),
        (",,,\n", "no rows of data|no row of column names"),
    ],
)
def test_complaints_name_the_line(read, body, complaint):
    with pytest.raises(UnreadableRecord, match=complaint) as caught:
        read(HEAD + body)
    assert "a.csv: " in caught.value.message


def test_complaints_beyond_the_first_block_of_rows(read):
    rows = ["0.5,0.25"] * 9000
    rows[8500] = "0.5,oops"
    with pytest.raises(UnreadableRecord, match="line 8504, column 2"):
        read(HEAD + "I,II\n" + "\n".join(rows))


def test_trailing_rows_of_separators_are_dropped(read):
    assert read(HEAD + "I,II\n0,0\n1,2\n,\n,\n").n_times == 2


def test_age_and_sex(read):
    record = read(HEAD + "# age=63\n# sex=male\nI\n0\n1\n")
    assert (record.age, record.sex) == (63.0, "male")


@given(hnp.arrays(np.float64, st.tuples(st.integers(1, 40), st.integers(1, 4)), elements=st.floats(-10, 10)), st.sampled_from(",;\t"))
def test_numbers_survive_writing_and_reading(values, sep):
    names = STANDARD_LEADS[: values.shape[1]]
    np.testing.assert_array_equal(parse_table(table(values.T, names, sep), "a").numbers(range(len(names)))[0], values.T)
