"""Tables that invite a misreading: names, signs, numbers, units, rates and the order of rows, as programs and people write them."""

from __future__ import annotations

import codecs
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.leads import STANDARD_LEADS
from tests.hostile.case import Case, reference

__all__ = ["CASES"]

RATE = "# fs=250"
HEAD = (RATE, "# unit=mV")


def signal_mv(changed: Mapping[str, float] | None = None) -> NDArray[np.float64]:
    """(n_times, 12): the reference, leads multiplied by what is asked for."""
    factors = [(changed or {}).get(name, 1.0) for name in STANDARD_LEADS]
    return np.round(reference().signal.T.astype(np.float64) * factors, 3)


def decimals(value: float) -> str:
    return f"{value:.3f}"


def microvolts(value: float) -> str:
    return str(round(1000 * value))


def table(
    names: Sequence[str] | None = STANDARD_LEADS,
    head: Iterable[str] = HEAD,
    *,
    sep: str = ",",
    cell: Callable[[float], str] = decimals,
    leads: Sequence[str] = STANDARD_LEADS,
    changed: Mapping[str, float] | None = None,
    scale: float = 1.0,
    first: tuple[str, Sequence[str]] | None = None,
) -> list[str]:
    """Lines of a table: comments, a row of names if there are any, and rows; ``first`` is one more column before the others."""
    values = scale * signal_mv(changed)[:, [STANDARD_LEADS.index(lead) for lead in leads]]
    rows = [[cell(value) for value in row] for row in values.tolist()]
    if first is not None:
        rows = [[extra, *row] for extra, row in zip(first[1], rows, strict=True)]
    top = [] if names is None else [[*([first[0]] if first else []), *names]]
    return [*head, *(sep.join(row) for row in [*top, *rows])]


def case(name: str, lines: Callable[[], Sequence[str] | bytes], *, end: str = "\n", **expected: Any) -> Case:
    def write(folder: Path) -> Path:
        content = lines()
        path = folder / "ecg.csv"
        path.write_bytes(content if isinstance(content, bytes) else (end.join(content) + end).encode())
        return path

    return Case(f"csv: {name}", write, **expected)


def without(*leads: str) -> tuple[str, ...]:
    return tuple(lead for lead in STANDARD_LEADS if lead not in leads)


def renamed(**new: str) -> list[str]:
    return [new.get(lead, lead) for lead in STANDARD_LEADS]


def name_cases() -> Iterable[Case]:
    upright = {
        "V1": ("v1", "V 1", "V-1", "V_1", "Lead V1", "Lead-V1", "Lead - V1", "ECG V1", "EKG V1", "MDC_ECG_LEAD_V1", "V1 (mV)", "V1 [Wilson]", "+V1", "ch V1",
               "Channel V1", "'V1'", "Wilson V1", "V1 (filtered)", "V1 (ch 7)", "\uff36\uff11"),
        "aVR": ("AVR", "avr", "a VR", "aV R", "aV-R", "Goldberger aVR", "aVR (right arm)", "Lead aVR", "aVR (augmented)"),
        "I": ("i", "Lead I", "LEAD_I", "LeadI", "Einthoven I", "I (limb)", "Lead-I", "ECG I", "I (raw)"),
        "II": ("ii", "Lead II", "II [mV]", "MDC_ECG_LEAD_II", "\u2161"),
    }  # fmt: skip
    for lead, spellings in upright.items():
        for spelling in spellings:
            yield case(f"{lead} spelled {spelling!r}", lambda lead=lead, spelling=spelling: table(renamed(**{lead: spelling})))
    inverted = {
        "aVR": ("-aVR", "aVR-", "aVR -", "aVR (inverted)", "aVR inverted", "aVR_inv", "aVRneg", "MDC_ECG_LEAD_AVRneg", "Lead -aVR", "minus aVR", "neg aVR",
                "inv_aVR", "aVR [inv.]", "aVR*-1", "-1*aVR", "aVR (x -1)", "\u2212aVR", "\u2013aVR", "aVR (-)", "aVR negative", "aVR reversed", "- aVR"),
        "I": ("-I", "I inv", "Lead -I", "I (inverted)", "I-"),
        "V1": ("-V1", "V1 inverted", "V1 (flipped)", "V1-"),
    }  # fmt: skip
    for lead, spellings in inverted.items():
        for spelling in spellings:
            yield case(
                f"{lead} upside down, spelled {spelling!r}",
                lambda lead=lead, spelling=spelling: table(renamed(**{lead: spelling}), changed={lead: -1.0}),
                warned=("leads_turned",),
            )
    yield case(
        "every lead upside down",
        lambda: table([f"-{lead}" for lead in STANDARD_LEADS], changed=dict.fromkeys(STANDARD_LEADS, -1.0)),
        warned=("leads_turned",),
    )
    yield case("a lead and the same upside down", lambda: table(renamed(V1="-aVR")), refused="lead_in_columns")
    other = ("V4R", "V4 (right)", "V4 [posterior]", "V4 (R)", "rV4", "V4 high", "V4 (2nd ICS)", "V4 (V7)", "V7", "V4-V5", "V4 V5", "V4, V5", "V45", "V4.1",
             "V4 (modified)", "V4 (not inverted)", "-V4 inverted", "CM5", "MV4", "V4/V5", "V40", "V4 (aVR)", "4", "V4*2")  # fmt: skip
    for spelling in other:
        yield case(
            f"another lead, spelled {spelling!r}",
            lambda spelling=spelling: table([f'"{name}"' if "," in name else name for name in renamed(V4=spelling)]),
            leads=without("V4"),
            warned=("columns_not_read",),
        )
    for spelling in ("I-II", "I II", "I I", "I+II", "I/II", "II-I", "1", "I (II)", "LI II", "I (V1)", "ll", "l", "DI", "Channel I", "CH I", "Ch. I"):
        yield case(
            f"no lead I, spelled {spelling!r}",
            lambda spelling=spelling: table(renamed(I=spelling)),
            leads=without("I"),
            warned=("columns_not_read",),
        )
    for word in ("Channel", "CH", "ch", "Chan", "CHANNEL_"):
        yield case(f"twelve leads called {word}", lambda word=word: table([f"{word} {lead}" for lead in STANDARD_LEADS]))
        yield case(
            f"a Holter's {word} I, II, III",
            lambda word=word: table([f"{word} {lead}" for lead in ("I", "II", "III")], leads=("V1", "V5", "aVF")),
            refused="no_lead_column",
        )
    for n, spelling in enumerate(("MLII", "ML II", "ml-II", "mod. II")):
        yield case(
            f"{spelling} beside V5",
            lambda spelling=spelling: table([spelling, "V5"], leads=("II", "V5")),
            leads=("V5",),
            warned=("modified_lead", "columns_not_read"),
        )
        yield case(f"{spelling} alone", lambda spelling=spelling: table([spelling], leads=("II",)), refused="modified_lead")
        if not n:
            arguments = {"leads": ("II", "V5")}
            yield case("MLII named II", lambda: table(["MLII", "V5"], leads=("II", "V5")), leads=("II", "V5"), arguments=arguments)


def argument_cases() -> Iterable[Case]:
    swapped = [{"aVR": "aVL", "aVL": "aVR"}.get(lead, lead) for lead in STANDARD_LEADS]
    yield case("names given that contradict the file", table, refused="names_contradict", arguments={"leads": tuple(swapped)})
    yield case(
        "a lead given upright that the file has upside down",
        lambda: table(renamed(aVR="-aVR"), changed={"aVR": -1.0}),
        refused="names_contradict",
        arguments={"leads": STANDARD_LEADS},
    )
    yield case("names given that are those of the file", table, arguments={"leads": STANDARD_LEADS})
    yield case("names given for unknown ones", lambda: table([f"ch{n}" for n in range(12)]), arguments={"leads": STANDARD_LEADS})
    yield case("a name too few", lambda: table([f"ch{n}" for n in range(12)]), refused="names_for_named_columns", arguments={"leads": without("I")})
    yield case(
        "names given upside down",
        lambda: table([f"ch{n}" for n in range(12)], changed={"aVR": -1.0}),
        arguments={"leads": tuple(renamed(aVR="-aVR"))},
        warned=("leads_turned",),
    )
    yield case("a rate given that contradicts the file", table, refused="rates_differ", arguments={"fs": 500.0})
    yield case("a rate given that is the file's", table, arguments={"fs": 250.0})
    yield case("a unit given for a factor in the file", lambda: table(head=(RATE, "# unit=0.001 mV")), arguments={"unit": "mV"}, warned=("unit_overridden",))


def grouped(mark: str) -> Callable[[float], str]:
    return lambda value: f"{round(1000 * value):,}".replace(",", mark)


def number_cases() -> Iterable[Case]:
    uv = (RATE, "# unit=uV")

    def loud() -> dict[str, float]:
        return dict.fromkeys(STANDARD_LEADS, 3.0)

    for sep, name in ((",", "comma"), (";", "semicolon"), ("\t", "tab")):
        yield case(f"{name}: decimal points", lambda sep=sep: table(sep=sep))
        yield case(f"{name}: whole microvolts", lambda sep=sep: table(head=uv, sep=sep, cell=microvolts))
        yield case(f"{name}: exponents", lambda sep=sep: table(sep=sep, cell=lambda value: f"{value:.4e}"))
        yield case(f"{name}: blanks around numbers", lambda sep=sep: table(sep=sep, cell=lambda value: f"  {value:.3f} "))
        yield case(f"{name}: plus signs", lambda sep=sep: table(sep=sep, cell=lambda value: f"{value:+.3f}"))
        yield case(f"{name}: zeros trimmed", lambda sep=sep: table(sep=sep, cell=lambda value: f"{value:g}"))
        yield case(f"{name}: points of thousands", lambda sep=sep: table(head=uv, sep=sep, cell=grouped("."), changed=loud()), refused="thousands")
        for mark, words in ((" ", "blanks"), ("'", "apostrophes"), ("\u202f", "narrow blanks"), ("\u00a0", "fixed blanks"), ("\u2019", "quotes")):
            yield case(
                f"{name}: {words} of thousands",
                lambda sep=sep, mark=mark: table(head=uv, sep=sep, cell=grouped(mark), changed=loud()),
                refused="thousands",
            )
        yield case(
            f"{name}: quoted decimal commas", lambda sep=sep: table(sep=sep, cell=lambda value: f'"{decimals(value)}"'.replace(".", ","))
        )
        yield case(
            f"{name}: quoted commas of thousands",
            lambda sep=sep: table(head=uv, sep=sep, cell=lambda value: f'"{grouped(",")(value)}"', changed=loud()),
            refused="thousands",
        )
        yield case(
            f"{name}: quoted numbers with both marks",
            lambda sep=sep: table(head=uv, sep=sep, cell=lambda value: f'"{1000 * value:,.1f}"', changed=loud()),
            refused="decimal_marks",
        )
    for sep, name in ((";", "semicolon"), ("\t", "tab")):
        yield case(f"{name}: decimal commas", lambda sep=sep: table(sep=sep, cell=lambda value: decimals(value).replace(".", ",")))
        yield case(f"{name}: commas of thousands", lambda sep=sep: table(head=uv, sep=sep, cell=grouped(","), changed=loud()), refused="thousands")
        yield case(f"{name}: the mark changes midway", lambda sep=sep: _mark_changes(sep), refused="decimal_marks")
        yield case(f"{name}: a column of dates beside decimal commas", lambda sep=sep: _with_dates(sep), warned=("columns_not_read",))
    odd = {
        "a date of a spreadsheet": ("1-Feb", "not_a_number"), "a name error": ("#NAME?", "not_a_number"), "a division error": ("#DIV/0!", "not_a_number"),
        "a hexadecimal number": ("0x1F", "not_a_number"), "a number in words": ("one", "not_a_number"), "a dash": ("-", "not_a_number"),
        "n/a": ("n/a", "not_a_number"), "a unit in the cell": ("0.1 mV", "not_a_number"), "a true minus": ("\u22120.1", "not_a_number"),
        "brackets for a minus": ("(0.1)", "not_a_number"), "a minus behind": ("0.1-", "not_a_number"), "an underscore": ("1_0", "not_a_number"),
        "a truth": ("TRUE", "not_a_number"), "a percentage": ("12%", "not_a_number"), "Fortran's exponent": ("1d-3", "not_a_number"),
        "two points": ("1.2.3", "not_a_number"), "a value beyond all": ("1e35", "value_too_large"), "a NUL": ("0.1\0", "not_an_ecg_file"),
    }  # fmt: skip
    for words, (text, code) in odd.items():
        for column in (0, 6):
            yield case(f"{words} in column {column}", lambda text=text, column=column: _with_cell(text, column), refused=code)
    for text in ("", "nan", "NaN", "NAN", "inf", "-inf"):
        yield case(f"{text or 'nothing'} in a cell", lambda text=text: _with_cell(text, 2), exact=False, warned=("missing_values_bridged",))
    for code in ("-32768", "32767", "9999", "-9999", "99999", "65535"):
        yield case(
            f"{code} for what is missing",
            lambda code=code: _with_cell(code, 3, table(head=uv, cell=microvolts), rows=range(300, 320)),
            exact=False,
            warned=("gap_codes", "missing_values_bridged"),
        )


def _mark_changes(sep: str) -> list[str]:
    lines = table(sep=sep)
    return [line.replace(".", ",") if n > 600 else line for n, line in enumerate(lines)]


def _with_dates(sep: str) -> list[str]:
    lines = table(sep=sep)
    rows = [line.replace(".", ",") + f"{sep}01.02.2020" for line in lines[3:]]
    return [*lines[:2], lines[2] + f"{sep}date", *rows]


def _with_cell(text: str, column: int, lines: list[str] | None = None, rows: Iterable[int] = (500,)) -> list[str]:
    lines = table() if lines is None else lines
    for row in rows:
        cells = lines[row].split(",")
        cells[column] = text
        lines[row] = ",".join(cells)
    return lines


def rate_cases() -> Iterable[Case]:
    right = (
        "fs=250", "fs: 250 Hz", "fs (Hz): 250", "fs_hz=250", "Fs = 250.0", "FS:250Hz", "sf=250", "sfreq: 250", "sr = 250", "sample_rate=250", "samplerate: 250",
        "Sampling rate: 250 Hz", "SampleFrequency=250", "samplingFrequency: 250", "Sample Rate (Hz): 250", "Sample rate [Hz] = 250", "sampling frequency: 250 hz",
        "ECG sampling rate: 250", "fs=0.25 kHz", "fs: 0,25 kHz", "fs (kHz): 0.25", "sample_rate_khz=0.25", "fs=2.5e2", "fs = 250 sps", "fs = 250 samples/s",
        "fs = 250 samples per second", "Samples per second: 250", "sampling_interval: 4 ms", "dt=0.004", "dt = 4 ms", "dt_ms=4", "sample interval (ms): 4",
        "Sampling period: 4000 us", "Sampling interval: 0,004 s", "fs: 1/4 ms", "fs = 1/0.004 s", "dt: 1/250", "Abtastrate: 250 Hz", 'fs="250"',
        "site=A, fs=250Hz", "fs=250 unit=mV", "unit=mV fs=250", "unit = mV; fs = 250", "Mains frequency: 50 Hz, fs=250", "Lowpass frequency: 150 Hz; fs: 250",
        "fs: 250 Hz per channel", "fs=250,,,,,,", "sampling rate\u00a0: 250 Hz", "Hz: 250", "frequency: 250 Hz", "fs=250 Age=62 Sex=F", "fs: 250 Hz.",
    )  # fmt: skip
    for text in right:
        yield case(f"rate said as {text!r}", lambda text=text: table(head=(f"# {text}", "# unit=mV")))
    wrong = ("fs=fast", "fs=250,500", "fs: 1,000 Hz", "sampling rate: 250 or 500 Hz", "fs = 250 MHz", "fs: 4 ms", "dt = 250 Hz", "fs=~250", "fs: 250 Hz nominal",
             "fs (Hz): 0.25 kHz", "fs=-250", "sample_rate: unknown", "fs=250 500", "dt: fast", "fs = 0x250", "fs: 250 Hz (500 Hz)")  # fmt: skip
    for text in wrong:
        yield case(f"a rate that is none: {text!r}", lambda text=text: table(head=(f"# {text}", "# unit=mV")), refused="rate_not_a_number")
    for text in ("fs=10 MHz", "fs=2", "dt=4", "dt=0.4 s", "fs = 1.000 Hz", "sampling_interval: 4", "fs=250 kHz"):
        code = "rate_not_a_number" if "MHz" in text else "rate_impossible"
        yield case(f"a rate no ECG has: {text!r}", lambda text=text: table(head=(f"# {text}", "# unit=mV")), refused=code)
    # A thousand rows without a rate are read as ten seconds at 100 Hz: what may state a rate must not come to that.
    unclear = ("sampled at 250 Hz", "250 Hz", "original sampling rate: 250 Hz", "250 samples per second", "12 leads, 250 Hz", "sampling time: 4 ms",
               "Gain: 200 adu/mV fs: 250", "resampled rate=250", "Sample rate of the recorder = 250", "250 sps", "fs 250", "The fs: was 250")  # fmt: skip
    for text in unclear:
        yield case(f"a rate in other words: {text!r}", lambda text=text: table(head=(f"# {text}", "# unit=mV")), refused="rate_unclear")
        yield case(
            f"a rate in other words, and given: {text!r}",
            lambda text=text: table(head=(f"# {text}", "# unit=mV")),
            arguments={"fs": 250.0, "unit": "mV"},
        )
    for text in ("Mains frequency: 50 Hz", "Lowpass frequency: 150", "High-pass filter: 0.05 Hz", "Notch: 60 Hz", "Heart rate: 72", "Number of samples: 1000"):
        yield case(f"no sampling rate: {text!r}", lambda text=text: table(head=(f"# {text}", "# unit=mV"))[:-1], refused="rate_unknown")
        yield case(f"no sampling rate, and one: {text!r}", lambda text=text: table(head=(f"# {text}", *HEAD)))
    for first, second in (("fs=250", "fs=500"), ("fs=250", "Sampling rate: 500 Hz"), ("dt=4 ms", "fs=500"), ("fs=500 fs=250", "")):
        yield case(f"two rates: {first!r}, {second!r}", lambda first=first, second=second: table(head=(f"# {first}", f"# {second}")), refused="rates_differ")
    yield case("two rates that agree", lambda: table(head=("# fs=250", "# Sampling interval: 4 ms", "# unit=mV")))


def unit_cases() -> Iterable[Case]:
    factors = {
        "mV": 1.0, "millivolts": 1.0, "MV": 1.0, "uV": 1e-3, "\u00b5V": 1e-3, "\u03bcV": 1e-3, "microvolt": 1e-3, "V": 1e3, "nV": 1e-6, "1 mV": 1.0,
        "0.001 mV": 1e-3, "0,001 mV": 1e-3, "0.1 mV": 0.1, "1e-3 mV": 1e-3, "4.88 uV": 4.88e-3, "uV/LSB 4.88": 4.88e-3, "4.88 uV/LSB": 4.88e-3, "4,88 uV per bit": 4.88e-3,
        "200 adu/mV": 5e-3, "1000 units/mV": 1e-3, "mV/count 0.005": 5e-3,
    }  # fmt: skip
    for text, factor in factors.items():
        for key in ("unit", "Units", "Amplitude unit"):
            yield case(
                f"{key} of {text!r}",
                lambda text=text, factor=factor, key=key: table(
                    head=(RATE, f"# {key}: {text}"), scale=1 / factor, cell=lambda value: f"{value:.6f}"
                ),
            )
    for text in ("mV", "uV", "0.1 mV", "4.88 uV/LSB", "V", "0.001mV"):
        factor = factors.get(text, 1e-3)
        yield case(
            f"names with a unit of {text!r}",
            lambda text=text, factor=factor: table(
                [f"{lead} ({text})" for lead in STANDARD_LEADS], (RATE,), scale=1 / factor, cell=lambda value: f"{value:.6f}"
            ),
        )
    for text in ("mV x 10", "mV*10", "mV/10", "furlong", "uV/LSB", "mV per cm", "10 mm/mV", "mV 10", "1,000 uV", "x10 mV", "mV or uV", "LSB", "adu"):
        yield case(f"a unit that is none: {text!r}", lambda text=text: table(head=(RATE, f"# unit: {text}")), refused="unit_unknown")
    for text in ("mV x 10", "mV*10", "10 counts/uV 3"):
        yield case(
            f"names with a unit that is none: {text!r}",
            lambda text=text: table([f"{lead} [{text}]" for lead in STANDARD_LEADS], (RATE,)),
            refused="unit_unknown",
        )
    yield case("two units in comments", lambda: table(head=(RATE, "# unit=mV", "# units: uV")), refused="units_differ")
    yield case("another unit in one name", lambda: table(renamed(V3="V3 (uV)")), refused="units_differ")
    yield case("one unit spelled twice", lambda: table([f"{lead} (mV)" for lead in STANDARD_LEADS], (RATE, "# unit: millivolt")))
    yield case("no unit at all", lambda: table(head=(RATE,)), warned=("unit_assumed",))
    yield case("no unit, in microvolts", lambda: table(head=(RATE,), cell=microvolts, changed=dict.fromkeys(STANDARD_LEADS, 50.0)), refused="implausible_amplitude")
    scales = ("gain: 200", "LSB: 4.88 uV", "resolution = 4.88 uV/LSB", "scale factor=0.001", "amplification 1000", "ADC gain (adu/mV): 200", "4.88 uV per LSB",
              "multiplier: 0.005")  # fmt: skip
    for text in scales:
        yield case(f"a factor without a unit: {text!r}", lambda text=text: table(head=(RATE, f"# {text}")), refused="scale_unclear")
        yield case(f"a factor beside a unit: {text!r}", lambda text=text: table(head=(*HEAD, f"# {text}")), warned=("scale_not_applied",))
    for text in ("gain: 1", "resolution: 16 bits", "Gain: 10 mm/mV", "scale: 25 mm/s"):
        yield case(f"no factor: {text!r}", lambda text=text: table(head=(*HEAD, f"# {text}")))


def person_cases() -> Iterable[Case]:
    ages = ("Age: 62", "age=62", "Age: 062", "age=062Y", "Patient age: 62 years", "PatientAge: 62y", "age (years): 62", "Age: 62 yrs old", "age_years=62", "<age>: 62",
            "Age: 62 Sex: F", "62 F 1085 1629 x1", "age in years: 62", "Age: 744 months")  # fmt: skip
    sexes = ("Sex: F", "sex=female", "Gender: Female", "gender=F", "Patient sex: f", "<sex>: F", "patient_gender=woman", "Sex: Unknown", "sex=1")
    for text in (*ages, *sexes):
        yield case(f"a person said as {text!r}", lambda text=text: table(head=(*HEAD, f"# {text}")))
    # None of these is an age of so many years.
    unknown = ("Age: 18M", "born 1950", "birth year: 1950", "Age group: 3", "Age: >89", "Age: unknown", "stage: 3", "Age: -1", "Age: 300", "age=62; age=63",
               "sex=F; gender=M", "Age: 6-2", "age: 1,234", "Lineage: 5", "Age: 18 M", "Image: 7", "page=4")  # fmt: skip
    for text in unknown:
        yield case(f"no age: {text!r}", lambda text=text: table(head=(*HEAD, f"# {text}")))


def order_cases() -> Iterable[Case]:
    n = reference().n_times

    def numbered(name: str, order: Sequence[int], numbers: Sequence[str]) -> list[str]:
        lines = table()
        rows = lines[3:]
        return [*lines[:2], f"{name},{lines[2]}", *(f"{number},{rows[row]}" for row, number in zip(order, numbers, strict=True))]

    straight = list(range(n))
    orders = {
        "reversed": straight[::-1], "shuffled": np.random.default_rng(3).permutation(n).tolist(), "with a gap": straight[:400] + straight[450:],
        "with a row twice": [*straight[:500], 499, *straight[500:]], "with two rows exchanged": [*straight[:500], 501, 500, *straight[502:]],
        "in two halves exchanged": straight[500:] + straight[:500], "thinned by two": straight[::2],
    }  # fmt: skip
    for column, (words, order) in itertools.product(("sample", "index", "", "Sample #", "n"), orders.items()):
        yield case(
            f"rows {words}, numbered by {column!r}",
            lambda column=column, order=order: numbered(column, order, [str(row) for row in order]),
            refused="row_numbers",
        )
    for words, order in orders.items():
        refused = "rates_differ" if words == "thinned by two" else "times_uneven"
        yield case(
            f"rows {words}, with times", lambda order=order: numbered("time", order, [f"{row / 250:.3f}" for row in order]), refused=refused
        )
    for column in ("sample", "index", "", "Unnamed: 0", "Sample Number"):
        yield case(f"rows in order, numbered by {column!r} from 0", lambda column=column: numbered(column, straight, [str(row) for row in straight]))
        yield case(f"rows in order, numbered by {column!r} from 1", lambda column=column: numbered(column, straight, [f"{row + 1}.0" for row in straight]))
    yield case("an unnamed column of seconds", lambda: numbered("", straight, [f"{row / 250:.3f}" for row in straight]))
    yield case("an unnamed column of milliseconds", lambda: numbered("", straight, [str(4 * row) for row in straight]))
    yield case("an unnamed column of another rate", lambda: numbered("", straight, [str(2 * row) for row in straight]), refused="row_numbers")
    yield case("an unnamed column of dates", lambda: numbered("", straight, [f"2020-01-01 00:00:00.{row:04d}" for row in straight]))
    yield case("an empty column at the end", lambda: [line + ("" if line[0] == "#" else ",") for line in table()])
    yield case("an empty number of a row", lambda: numbered("sample", straight, ["" if row == 77 else str(row) for row in straight]), refused="row_numbers")
    for name, unit_s in (("time", 1), ("Time (s)", 1), ("time_ms", 1e-3), ("t (us)", 1e-6), ("Time (min)", 60), ("seconds", 1), ("ms", 1e-3)):
        yield case(
            f"times in a column {name!r}",
            lambda name=name, unit_s=unit_s: table(head=("# unit=mV",), first=(name, [f"{row / 250 / unit_s:.9g}" for row in straight])),
        )
    yield case("milliseconds called time", lambda: table(head=("# unit=mV",), first=("time", [str(4 * row) for row in straight])), refused="rate_impossible")
    yield case("row numbers called time", lambda: table(head=("# unit=mV",), first=("time", list(map(str, straight)))), refused="rate_impossible")
    for words, clock in (("hours", "00:00:{:06.3f}"), ("minutes", "00:{:06.3f}"), ("brackets", "[00:00:{:06.3f}]"), ("dates", "2020-01-01 10:00:{:06.3f}")):
        yield case(
            f"clock times with {words}",
            lambda clock=clock: table(first=("time", [clock.format(row / 250) for row in straight])),
            refused="clock_times",
        )


def structure_cases() -> Iterable[Case]:
    def bare(head: Sequence[str]) -> list[str]:
        return [*HEAD, *head, *table(names=None, head=())]

    for start, columns in itertools.product((0, 1), (",", ";")):
        numbers = columns.join(str(start + column) for column in range(12))
        yield case(
            f"columns numbered from {start} ({columns})",
            lambda numbers=numbers, columns=columns: [*HEAD, numbers, *table(names=None, head=(), sep=columns)],
            refused="no_lead_column",
        )
        yield case(
            f"columns numbered from {start} ({columns}), names given",
            lambda numbers=numbers, columns=columns: [*HEAD, numbers, *table(names=None, head=(), sep=columns)],
            arguments={"leads": STANDARD_LEADS},
        )
    yield case("columns numbered behind row numbers", lambda: _pandas_header(), arguments={"leads": STANDARD_LEADS})
    yield case("two columns numbered", lambda: [*HEAD, "0,1", *table(None, (), leads=("I", "II"))], arguments={"leads": ("I", "II")}, leads=("I", "II"))
    yield case("no names", lambda: bare([]), refused="no_lead_names")
    yield case("no names, given ones", lambda: bare([]), arguments={"leads": STANDARD_LEADS})
    yield case("names in a comment", lambda: bare([f"# {','.join(STANDARD_LEADS)}"]), refused="no_lead_names")
    yield case("a second row of units", lambda: [*table()[:3], ",".join(["mV"] * 12), *table()[3:]], refused="not_a_number")
    yield case("names repeated midway", lambda: [*table()[:500], ",".join(STANDARD_LEADS), *table()[500:]], refused="not_a_number")
    for words, row in (("mean", "mean" + ",0.1" * 11), ("sum behind", "0.1," * 11 + "sum"), ("a sentence", "end of recording")):
        yield case(f"a last row of {words}", lambda row=row: [*table(), row], refused="ragged_line" if "," not in row else "not_a_number")
    yield case("a row of means under row numbers", lambda: [*table(first=("", [str(row) for row in range(1000)])), "mean" + ",0.1" * 12], refused="not_a_number")
    yield case("leads in rows", lambda: _transposed(header=False), refused="leads_in_rows")
    yield case("leads in rows under times", lambda: _transposed(header=True), refused="leads_in_rows")
    yield case("a row per lead and sample", lambda: [*HEAD, "lead,sample,mV", *(f"I,{n},0.{n:03d}" for n in range(1000))], refused="leads_in_rows")
    for line in (300, 900):
        yield case(f"row {line} in a comment", lambda line=line: [f"#{text}" if n == line else text for n, text in enumerate(table())], refused="row_in_comment")
        yield case(f"a sentence in a comment after row {line}", lambda line=line: [*table()[:line], "# moved, then still", *table()[line:]])
        yield case(f"row {line} cut", lambda line=line: [text[:20] if n == line else text for n, text in enumerate(table())], refused="ragged_line")
        yield case(f"row {line} with a cell more", lambda line=line: [f"{text},0" if n == line else text for n, text in enumerate(table())], refused="ragged_line")
        yield case(f"a blank row after row {line}", lambda line=line: [*table()[:line], "", *table()[line:]])
    for words, encode in (("UTF-8 with a mark", lambda text: codecs.BOM_UTF8 + text), ("UTF-16", lambda text: text.decode().encode("utf-16"))):
        for end in ("\n", "\r\n", "\r"):
            yield case(f"{words}, lines ended by {end!r}", lambda encode=encode, end=end: encode((end.join(table()) + end).encode()))
    yield case("Latin-1 with a micro sign", lambda: "\n".join(table(head=(RATE, "# unit=\u00b5V"), cell=microvolts)).encode("latin-1"))
    for head, body in itertools.permutations((",", ";", "\t"), 2):
        yield case(
            f"names separated by {head!r}, numbers by {body!r}",
            lambda head=head, body=body: [*HEAD, head.join(STANDARD_LEADS), *table(None, (), sep=body)],
            refused="ragged_line",
        )
    yield case("the separator changes midway", lambda: [line.replace(",", ";") if n > 600 else line for n, line in enumerate(table())], refused="ragged_line")
    for sep in (" ", "|", ":"):
        yield case(f"separated by {sep!r}", lambda sep=sep: table(sep=sep), refused="no_lead_column")
    yield case("quotes around everything", lambda: table([f'"{lead}"' for lead in STANDARD_LEADS], cell=lambda value: f'"{value:.3f}"'))
    yield case("rows of separators at the end", lambda: [*table(), "," * 11, "," * 11])
    yield case("a lead twice", lambda: table(renamed(V2="V1")), refused="lead_in_columns")
    yield case("a lead twice, as pandas names it", lambda: table(renamed(V2="V1.1")), leads=without("V2"), warned=("columns_not_read",))
    yield case("names without rows", lambda: table()[:3], refused="no_names_below")
    yield case("a comment and nothing else", lambda: [RATE], refused="no_row")


def _pandas_header() -> list[str]:
    lines = table(None, first=("", [str(row) for row in range(1000)]))
    return [*lines[:2], "," + ",".join(str(column) for column in range(12)), *lines[2:]]


def _transposed(*, header: bool) -> list[str]:
    rows = [",".join([lead, *map(decimals, values)]) for lead, values in zip(STANDARD_LEADS, signal_mv().T.tolist(), strict=True)]
    return [*HEAD, *(["lead," + ",".join(f"{n / 250:.3f}" for n in range(reference().n_times))] if header else []), *rows]


CASES: tuple[Case, ...] = (
    *name_cases(), *argument_cases(), *number_cases(), *rate_cases(), *unit_cases(), *person_cases(), *order_cases(), *structure_cases()
)  # fmt: skip
