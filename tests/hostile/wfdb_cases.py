"""WFDB records whose header and samples disagree, and lawful ones that seem to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from heart_reader.data.leads import STANDARD_LEADS
from tests.hostile.case import Case
from tests.hostile.write_wfdb import FORMATS, RARE, Digital, Fields, Wfdb, invalid, matrix_head, write

__all__ = ["CASES"]

GAIN, RESOLUTION, ZERO, INITIAL, CHECKSUM, NAME = 2, 3, 4, 5, 6, 8
NARROW = tuple(fmt for fmt in FORMATS if fmt != 80)


def case(name: str, spec: Wfdb, **expected: Any) -> Case:
    return Case(name, lambda folder: write(folder, spec), **expected)


def put(field: int, value: str | Callable[[str], str], leads: Sequence[str] = STANDARD_LEADS) -> Callable[[Fields], Fields]:
    """Change one field in the lines of some leads."""

    def change(fields: Fields) -> Fields:
        rows = [STANDARD_LEADS.index(lead) for lead in leads]
        new = value if callable(value) else lambda _: value
        return [[new(text) if row in rows and at == field else text for at, text in enumerate(line)] for row, line in enumerate(fields)]

    return change


def both(*changes: Callable[[Fields], Fields]) -> Callable[[Fields], Fields]:
    def change(fields: Fields) -> Fields:
        for one in changes:
            fields = one(fields)
        return fields

    return change


def rows(change: Callable[[Digital], Digital], leads: Sequence[str] = STANDARD_LEADS) -> Callable[[Digital], Digital]:
    """Change the samples of some leads."""

    def changed(digital: Digital) -> Digital:
        digital = digital.copy()
        at = [STANDARD_LEADS.index(lead) for lead in leads]
        digital[at] = change(digital[at])
        return digital

    return changed


def swapped(one: int, two: int) -> Callable[[Digital], Digital]:
    def changed(digital: Digital) -> Digital:
        order = list(range(len(digital)))
        order[one], order[two] = two, one
        return digital[order]

    return changed


def gap(start: int, end: int, fmt: int) -> Callable[[Digital], Digital]:
    def changed(values: Digital) -> Digital:
        values[:, start:end] = invalid(fmt)
        return values

    return changed


def bumped(values: Digital) -> Digital:
    values[:, 500] += 1
    return values


# What another recording's samples, a damaged disk or a script may have done to a signal file.
WRONG_SAMPLES: dict[str, Callable[[Digital], Digital]] = {
    "another person's": lambda digital: digital[:, ::-1] // 2 + 3,
    "upside down": lambda digital: -digital - 1,
    "half as high": lambda digital: digital // 2,
    "begun three samples later": lambda digital: np.concatenate([digital[:, 3:], digital[:, -3:]], axis=1),
    "of leads I and V6 in each other's place": swapped(0, 11),
    "of leads V1 and V2 in each other's place": swapped(6, 7),
    "with one number of lead aVL changed by 1": rows(bumped, ("aVL",)),
    "with one number of all leads changed by 1": rows(bumped),
    "set to 0": lambda digital: 0 * digital,
}


def samples_of_another() -> Iterator[Case]:
    refused = {"refused": "samples_of_another"}
    yield from [
        case(f"format {fmt}: samples {what}", Wfdb(fmt, written=change), **refused)
        for fmt in FORMATS
        for what, change in WRONG_SAMPLES.items()
    ]
    no_checksum, zero = put(CHECKSUM, "0"), lambda fields: [[*line[:CHECKSUM], "0", "0", line[NAME]] for line in fields]
    for fmt in FORMATS:
        for what in ("another person's", "half as high", "begun three samples later"):
            header = no_checksum if fmt in NARROW else zero
            yield (
                case(
                    f"format {fmt}, no checksums: samples {what}, by the first ones",
                    Wfdb(fmt, written=WRONG_SAMPLES[what], header=header),
                    **refused,
                )
            )
    for files in ((6, 6), (1, 11), (4, 4, 4)):
        yield case(f"files of {files} leads: lead V6 changed in the last", Wfdb(files=files, written=rows(bumped, ("V6",))), **refused)
    for lead in STANDARD_LEADS:
        yield (
            case(
                f"checksum of lead {lead} of another file",
                Wfdb(header=put(CHECKSUM, lambda text: str(int(text) ^ 257), (lead,))),
                **refused,
            )
        )


def lawful_checksums() -> Iterator[Case]:
    spellings: dict[str, Callable[[Fields], Fields]] = {
        "without a sign": put(CHECKSUM, lambda text: str(int(text) % 65536)),
        "with a plus": put(CHECKSUM, lambda text: f"{int(text):+d}"),
        "of 0 for a placeholder": put(CHECKSUM, "0"),
        "of 0, first samples of 0": both(put(CHECKSUM, "0"), put(INITIAL, "0")),
        "right, first samples wrong": put(INITIAL, "7"),
        "of 32 bits": put(CHECKSUM, lambda text: str(int(text) + 65536 * 5)),
    }
    yield from [case(f"format {fmt}: checksums {what}", Wfdb(fmt, header=header)) for fmt in FORMATS for what, header in spellings.items()]
    one = put(CHECKSUM, lambda text: str(int(text) ^ 257), ("II",))
    zeroed = put(CHECKSUM, "0", tuple(lead for lead in STANDARD_LEADS if lead != "II"))
    yield case("a wrong checksum of lead II among placeholders", Wfdb(header=both(one, zeroed)), refused="samples_of_another")
    for text in ("x", "1.5", "--1", "0x1f"):
        yield case(f"checksum {text}", Wfdb(header=put(CHECKSUM, text, ("I",))), refused="header_line")


def missing_samples() -> Iterator[Case]:
    for fmt in FORMATS:
        for start, end in ((0, 3), (400, 460), (990, 1000)):
            spec = Wfdb(fmt, stored=rows(gap(start, end, fmt), ("V3",)))
            yield case(f"format {fmt}: samples {start} to {end} of V3 missing", spec, exact=False, warned=("missing_values_bridged",))
        spec = Wfdb(fmt, stored=rows(gap(0, 1000, fmt), ("aVF",)))
        yield case(f"format {fmt}: all of aVF missing", spec, exact=False, warned=("lead_left_out",))
    for fmt in (24, 32, 212):
        for what, counted in (("left out", 0), ("as the smallest 16-bit number", 32768)):
            stored = rows(gap(100, 110, fmt), ("I",))
            shift = 10 * (-invalid(fmt) - counted)
            header = put(CHECKSUM, partial(lambda text, shift: str(int(text) + shift), shift=shift), ("I",))
            spec = Wfdb(fmt, stored=stored, header=header)
            yield case(f"format {fmt}: missing samples in the checksum {what}", spec, exact=False, warned=("missing_values_bridged",))


def scales() -> Iterator[Case]:
    for fmt in NARROW:
        spec = Wfdb(fmt, header=put(GAIN, lambda text: f"-{text}"), stored=lambda digital: -digital)
        yield case(f"format {fmt}: a negative gain for what is stored upside down", spec, warned=("scale_inverted",))
    for lead in ("I", "aVR", "V6"):
        spec = Wfdb(header=put(GAIN, lambda text: f"-{text}", (lead,)), stored=rows(np.negative, (lead,)))
        yield case(f"a negative gain of lead {lead}", spec, warned=("scale_inverted",))
    for baseline in (-31000, -1024, 1, 1024, 16384, 30000):
        yield case(f"baseline {baseline}", Wfdb(baseline=baseline))
        header = both(put(GAIN, "1000/mV"), put(ZERO, str(baseline)))
        yield case(f"ADC zero {baseline} and no baseline", Wfdb(baseline=baseline, header=header))
        header = put(ZERO, "777")
        yield case(f"baseline {baseline} beside an ADC zero of 777", Wfdb(baseline=baseline, header=header))
    for text in ("1000", "1000/", "1000/mV", "1e3/mV", "+1000.000/MV", "1/uV", "1.0(0)/uV", "1000000/V", "0.001/nV"):
        yield case(f"gain {text}", Wfdb(header=put(GAIN, text)))
    for text in ("200/mV/10", "1000/0.1mV", "100/mmHg", "1/adu", "1000/millivolt"):
        yield case(f"gain {text}", Wfdb(header=put(GAIN, text)), refused="unit_unknown")
    others = tuple(lead for lead in STANDARD_LEADS if lead != "V4")
    for unit in ("mmHg", "mV/10", "pm"):
        yield case(f"lead V4 in {unit}", Wfdb(header=put(GAIN, f"1000/{unit}", ("V4",))), warned=("no_voltage_left_out",), leads=others)
    for text in ("0", "0/mV", "0(0)/mV", "-0.0/mV"):
        spec = Wfdb(gain=200, header=put(GAIN, text))
        yield case(f"gain {text} of a recorder of 200 units per mV", spec, warned=("no_calibration",))
        spec = Wfdb(header=put(GAIN, text))
        yield case(f"gain {text} of a recorder of 1000 units per mV", spec, warned=("no_calibration",), exact=False)
    for text in ("20/mV", "0.02/uV", "20000/V"):
        yield case(f"a gain of {text}, too coarse to be true", Wfdb(gain=40, header=put(GAIN, text)), warned=("coarse_step",), exact=False)
    for text in ("1(0)/mV", "10/mV", "0.001/uV"):
        yield case(f"a gain of {text}, whose amplitudes no heart has", Wfdb(header=put(GAIN, text)), refused="implausible_amplitude")
    yield case("a gain of 1/V, far beyond an electrode", Wfdb(header=put(GAIN, "1/V")), refused="offset_impossible")
    for text in ("1e-300/mV", "1e300/mV", "nan/mV", "inf", "1000(0", "1.2.3", "1000(0.5)/mV", "(0)1000/mV", "1000(99999999999)/mV"):
        yield case(f"gain {text}", Wfdb(header=put(GAIN, text, ("II",))), refused="header_line")
    for fmt in NARROW:
        header = put(GAIN, "1000(2000000000)/mV", ("V5",))
        yield case(f"format {fmt}: lead V5 a kilovolt off", Wfdb(fmt, header=header), refused="offset_impossible")
    for zero in ("99999999999", "zero", "1e3", "0.5"):
        yield case(f"ADC zero {zero}", Wfdb(header=both(put(GAIN, "1000/mV"), put(ZERO, zero, ("I",)))), refused="header_line")


def layouts() -> Iterator[Case]:
    for fmt in FORMATS:
        yield case(f"format {fmt}x1:0+0", Wfdb(fmt, header=put(1, f"{fmt}x1:0+0")))
        for text in (f"{fmt}x2", f"{fmt}:3", f"{fmt}x4:1+24", f"{fmt}.0", f"-{fmt}"):
            yield case(f"format {text}", Wfdb(fmt, header=put(1, text, ("V1",))), refused="header_line")
        yield case(f"format {fmt} after 24 bytes", Wfdb(fmt, lead_in=bytes(24)))
        yield (
            case(
                f"format {fmt} after 6 bytes, of which the header has none",
                Wfdb(fmt, lead_in=bytes(6), header=put(1, str(fmt))),
                refused="samples_of_another",
            )
        )
        spec = Wfdb(fmt, header=put(1, f"{fmt}+6"))
        yield case(f"format {fmt} after no bytes, of which the header has 6", spec, refused="samples_missing")
        other = {16: 212, 24: 16, 32: 16, 80: 16, 212: 80}[fmt]
        code = "samples_missing" if fmt == 80 else "samples_of_another"
        yield case(f"format {fmt} called {other}", Wfdb(fmt, header=put(1, str(other))), refused=code)
    for fmt in ("0", "1", "61x", "81", "309", "312", "509", "525"):
        code = "header_line" if fmt == "61x" else "signal_format"
        yield case(f"format {fmt}", Wfdb(header=put(1, fmt)), refused=code)
    for fmt in ("508", "516", "524"):
        yield case(f"format {fmt} of a file that is no FLAC", Wfdb(header=put(1, fmt)), refused="damaged_file")
    for fmt in RARE:
        yield case(f"format {fmt}", Wfdb(fmt))
        for files in ((5, 7), (1, 11), (1,) * 12):
            yield case(f"format {fmt} in files of {files} leads", Wfdb(fmt, files=files))
        yield case(f"format {fmt} without a length", Wfdb(fmt, record="a {n} 250"))
        yield case(f"format {fmt} behind 7 bytes", Wfdb(fmt, lead_in=b"1234567", header=put(1, f"{fmt}+7")))
        yield case(f"format {fmt}, one sample more promised", Wfdb(fmt, record="a {n} 250 1001"), refused="samples_missing")
        spec = Wfdb(fmt, written=lambda digital: np.roll(digital, 1, axis=0))
        yield case(f"format {fmt}, leads one further than the header says", spec, refused="samples_of_another")
        other = {8: 80, 61: 16, 160: 16, 310: 311, 311: 310}[fmt]
        # Half a range more in every sample of an even number of them leaves the checksum as it is.
        code = "implausible_amplitude" if fmt == 160 else "samples_of_another"
        yield case(f"format {fmt} called {other}", Wfdb(fmt, header=put(1, str(other))), refused=code)
    for files in ((6, 6), (3, 9), (1,) * 12):
        yield case(f"files of {files} leads", Wfdb(files=files))
    mat = {"suffix": "mat", "header": put(1, "16+24")}
    yield case("a MATLAB matrix", Wfdb(lead_in=matrix_head(), **mat))
    yield case("a MATLAB matrix without a size", Wfdb(lead_in=matrix_head(30, 0, 0), **mat))
    for kind, n_rows, columns in (
        (30, 1000, 12),
        (30, 11, 1000),
        (30, 13, 1000),
        (30, 1, 12000),
        (0, 12, 1000),
        (20, 12, 1000),
        (1030, 12, 1000),
    ):
        spec = Wfdb(lead_in=matrix_head(kind, n_rows, columns), **mat)
        yield case(f"a MATLAB matrix of kind {kind}, {n_rows} x {columns}", spec, refused="matrix_differs")


def lengths_and_lines() -> Iterator[Case]:
    plain = put(CHECKSUM, "0")
    for fmt in FORMATS:
        yield case(f"format {fmt}: no length stated", Wfdb(fmt, record="a {n} 250"))
        yield case(f"format {fmt}: length 0", Wfdb(fmt, record="a {n} 250 0"))
        yield case(f"format {fmt}: a longer length", Wfdb(fmt, record="a {n} 250 1001"), refused="samples_missing")
        short = Wfdb(fmt, record="a {n} 250 990")
        yield case(f"format {fmt}: a shorter length", short, warned=("samples_not_read",), exact=False)
        for lead in ("I", "V6"):
            dropped = partial(lambda fields, lead: [line for line in fields if line[NAME] != lead], lead=lead)
            yield case(f"format {fmt}: the line of {lead} lost", Wfdb(fmt, header=dropped), refused="samples_of_another")
            spec = Wfdb(fmt, header=both(plain, dropped))
            yield case(f"format {fmt}: the line of {lead} lost, no checksums", spec, refused="signals_not_described")
            spec = Wfdb(fmt, header=both(plain, put(INITIAL, "0"), dropped), record="a {n} 250")
            yield case(f"format {fmt}: the line of {lead} and the length lost", spec, refused="signals_not_described")
    for n_signals in (1, 11, 13, 24):
        yield case(f"{n_signals} signals declared, 12 lines", Wfdb(record=f"a {n_signals} 250 1000"), refused="header_line")
    for record in ("a 0 250 1000", "a 300 250 1000", "a -12 250 1000", "a 12.0 250 1000", "a twelve", "a", "a {n} 250(0) 1000",
                   "a {n} fast 1000", "a {n} 250 -1000", "a {n} 250 1000.0",
                   "a {n} nan 1000", "a {n} inf 1000", "a/4 {n} 250 1000"):  # fmt: skip
        yield case(f"record line {record}", Wfdb(record=record), refused="header_line")
    for rate in ("250/250", "250/500(0)", "250.0/1(17)", "2.5e2", "+250", "250.0001"):
        yield case(f"rate {rate}", Wfdb(record=f"a {{n}} {rate} 1000"))
    yield case("a time and a date behind the length", Wfdb(record="a {n} 250 1000 23:59:59 31/12/1999"))
    yield case("a record name with an extension", Wfdb(record="a.mat {n} 250 1000"))
    for rate in ("0.001", "9", "1e6", "-250"):
        yield case(f"rate {rate}", Wfdb(record=f"a {{n}} {rate} 1000"), refused="rate_impossible")
    yield case("no rate", Wfdb(record="a {n}"), warned=("rate_default",))
    yield case("rate 0", Wfdb(record="a {n} 0 1000"), warned=("rate_default",))
    for name in ("/etc/passwd", "../a.dat", "..\\a.dat", "b/a.dat"):
        yield case(f"a signal file {name}", Wfdb(header=put(0, name, ("V6",))), refused="header_lies_outside")


def names_and_people() -> Iterator[Case]:
    for lead in STANDARD_LEADS:
        for name in (f"-{lead}", f"{lead} inverted"):
            spec = Wfdb(header=put(NAME, name, (lead,)), stored=rows(np.negative, (lead,)))
            yield case(f"a lead called {name}", spec, warned=("leads_turned",))
    spellings: dict[str, Callable[[str], str]] = {
        "in small letters": str.lower, "in capitals": str.upper, "behind ECG": "ECG {}".format,
        "behind MDC_ECG_LEAD_": "MDC_ECG_LEAD_{}".format,
        "behind Lead": "Lead {}".format, "with a unit": "{} (mV)".format,
    }  # fmt: skip
    yield from [case(f"names {what}", Wfdb(header=put(NAME, spell))) for what, spell in spellings.items()]
    for name in ("I-II", "LA-RA", "V4R", "V1-V2", "MLII", "V3 (posterior)", "lead", "7"):
        others = tuple(lead for lead in STANDARD_LEADS if lead != "III")
        yield case(f"lead III called {name}", Wfdb(header=put(NAME, name, ("III",))), leads=others)
    for name in ("I", "i", "Lead I"):
        yield case(f"lead II called {name}, too", Wfdb(header=put(NAME, name, ("II",))), refused="lead_twice")
    people: dict[str, Sequence[str]] = {
        "age and sex": ("Age: 62", "Sex: Female"), "in brackets": ("<age>: 62", "<sex>: F"), "of MIT-BIH": ("62 F 1085 1629 x1",),
        "unknown": ("Age: NaN", "Sex: Unknown"), "impossible": ("Age: 999",), "negative": ("Age: -1",),
    }  # fmt: skip
    yield from [case(f"comments: {what}", Wfdb(comments=lines)) for what, lines in people.items()]
    yield case("a rate asked for that the header contradicts", Wfdb(), arguments={"fs": 500.0}, refused="rate_contradicts")
    yield (
        case(
            "a unit asked for that the header contradicts",
            Wfdb(),
            arguments={"unit": "uV"},
            warned=("unit_overridden_in_header",),
            exact=False,
        )
    )
    yield case("a unit asked for that no heart has", Wfdb(), arguments={"unit": "V"}, refused="implausible_amplitude")
    yield case("eleven names asked for", Wfdb(), arguments={"leads": STANDARD_LEADS[:11]}, refused="names_for_signals")
    yield case("twelve names asked for", Wfdb(header=put(NAME, "x")), arguments={"leads": STANDARD_LEADS})


CASES: tuple[Case, ...] = (
    *samples_of_another(),
    *lawful_checksums(),
    *missing_samples(),
    *scales(),
    *layouts(),
    *lengths_and_lines(),
    *names_and_people(),
)
