"""EDF files with gaps, limits, units, labels and dates that invite a misreading."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from heart_reader.data.leads import STANDARD_LEADS
from tests.hostile.case import Case, reference
from tests.hostile.write_edf import Digital, Edf, write

__all__ = ["CASES"]

RECORDS_S = (0.04, 0.1, 0.2, 0.5, 1.0, 2.0, 4.0)
INVERTED = {"physical_min": "32.768", "physical_max": "-32.767"}


def case(name: str, spec: Edf, **expected: Any) -> Case:
    return Case(name, lambda folder: write(folder, spec), **expected)


def without(*leads: str) -> tuple[str, ...]:
    return tuple(lead for lead in STANDARD_LEADS if lead not in leads)


def of(lead: str, change: Callable[[Digital], Digital]) -> Callable[[Digital], Digital]:
    """Change the samples of one lead."""

    def changed(digital: Digital) -> Digital:
        digital = digital.copy()
        digital[STANDARD_LEADS.index(lead)] = change(digital[STANDARD_LEADS.index(lead)])
        return digital

    return changed


def lowest(start: int, end: int, value: int = -32768) -> Callable[[Digital], Digital]:
    def changed(row: Digital) -> Digital:
        row[start:end] = value
        return row

    return changed


def times(record_s: float, jump_at: int | None = None, jump_s: float = 0.0, first_s: float = 0.0, rest: str = "") -> list[str]:
    """Onsets of the data records; from one of them on later by a jump."""
    onsets = [
        first_s + number * record_s + (jump_s if jump_at is not None and number >= jump_at else 0) for number in range(round(4 / record_s))
    ]
    return [f"{onset:+.6g}\x14\x14\0{rest}" for onset in onsets]


def records() -> Iterator[Case]:
    for record_s in RECORDS_S:
        yield case(f"data records of {record_s} s", Edf(record_s=record_s))
        yield case(f"data records of {record_s} s, EDF+C", Edf(record_s=record_s, onsets=times(record_s)))
        yield case(f"data records of {record_s} s, their number left open", Edf(record_s=record_s, head={"n_records": "-1"}))
        yield case(
            f"data records of {record_s} s, one more promised",
            Edf(record_s=record_s, head={"n_records": str(round(4 / record_s) + 1)}),
            refused="records_missing",
        )
        if record_s < 4:
            spec = Edf(record_s=record_s, head={"n_records": str(round(4 / record_s) - 1)})
            yield case(f"data records of {record_s} s, one less declared", spec, warned=("records_not_read",), exact=False)
        yield case(f"data records of {record_s} s, the last byte lost", Edf(record_s=record_s, tail=-1), refused="records_missing")
        yield case(f"data records of {record_s} s and three more bytes", Edf(record_s=record_s, tail=3))
    for text in ("0", "-1", "nan", "1e-7", "", "1:00", "9999999", "0x1"):
        code = "rate_impossible" if text in {"1e-7", "9999999"} else "damaged_file"
        yield case(f"data records of {text!r} s in the header", Edf(head={"record_s": text}), refused=code)
    # A rate of 625 Hz instead of 250 Hz, which the file alone does not show.
    yield case("a length of 0.4 s for records of 1 s", Edf(head={"record_s": "0.4"}), arguments={"fs": 250.0}, refused="rate_contradicts")
    for text in ("0", "-5", "2.5", "x", ""):
        yield case(f"{text!r} data records", Edf(head={"n_records": text}), refused="damaged_file")
    for text in ("0", "11", "13", "999", "-1"):
        yield case(f"{text} signals", Edf(head={"n_signals": text}), refused="not_an_ecg_file" if text == "-1" else "damaged_file")
    for text in ("256", "3584", "0"):
        yield case(f"a header of {text} bytes", Edf(head={"n_bytes": text}), refused="damaged_file")
    for text in ("0", "-250", "250.5", "many"):
        yield case(f"{text} samples of lead II in a data record", Edf(of_lead={"II": {"n_samples": text}}), refused="damaged_file")
    for text in ("251", "25000"):
        yield case(f"{text} samples of lead II in a data record", Edf(of_lead={"II": {"n_samples": text}}), refused="records_missing")


def onsets() -> Iterator[Case]:
    for record_s in (0.1, 0.5, 1.0, 2.0):
        for jump_s in (0.02, 0.25, 1.0, 60.0, -0.05, -2.0):
            for at in (1, round(4 / record_s) - 1):
                spec = Edf(record_s=record_s, onsets=times(record_s, at, jump_s))
                if at != 1 or record_s != 2.0:
                    yield case(f"EDF+C of {record_s} s, data record {at + 1} {jump_s} s later", spec, refused="edf_jump")
        spec = Edf(record_s=record_s, onsets=times(record_s, 1, 30.0), head={"reserved": ""})
        yield case(f"EDF of {record_s} s with onsets that jump", spec, refused="edf_jump")
        spec = Edf(record_s=record_s, onsets=times(record_s), head={"reserved": "EDF+D"})
        yield case(f"EDF+D of {record_s} s without gaps", spec)
        yield case(f"EDF+D of {record_s} s without onsets", Edf(record_s=record_s, head={"reserved": "EDF+D"}), refused="edf_gaps")
        for gap_s, code in ((0.2, None), (1.0, None), (11.0, "gap_too_long"), (-0.05, "edf_jump")):
            spec = Edf(record_s=record_s, onsets=times(record_s, 1, gap_s), head={"reserved": "EDF+D"})
            expected = {"refused": code} if code else {"exact": False, "warned": ("missing_values_bridged",)}
            yield case(f"EDF+D of {record_s} s with a gap of {gap_s} s", spec, **expected)
        if record_s >= 0.5:
            drifting = [f"{1.05 * record_s * number:+g}\x14\x14\0" for number in range(round(4 / record_s))]
            spec = Edf(record_s=record_s, onsets=drifting)
            yield case(f"EDF+C of {record_s} s, onsets 5% apart from the length", spec, refused="edf_jump")
        for what, texts in {
            "that begin at 0.25 s": times(record_s, first_s=0.25), "that begin at 1 h": times(record_s, first_s=3600.0),
            "with events behind": times(record_s, rest="+1.5\x1520\x14Ventricular run\x14\0"),
            "rounded": [f"+{number * record_s + 0.003 * (number % 2):.3f}\x14\x14\0" for number in range(round(4 / record_s))],
            "of 0 everywhere": ["+0\x14\x14\0"] * round(4 / record_s), "left out": ["\0"] * round(4 / record_s),
            "of nothing but events": [f"+{7 * number}.5\x14VES\x14\0" for number in range(round(4 / record_s))],
        }.items():  # fmt: skip
            yield case(f"EDF+C of {record_s} s, onsets {what}", Edf(record_s=record_s, onsets=texts))
    for at in range(13):
        yield case(f"annotations as signal {at + 1}", Edf(onsets=times(1.0), annotations_at=at))


def gaps() -> Iterator[Case]:
    for lead in ("I", "V2"):
        for start, end in ((0, 2), (0, 50), (300, 302), (300, 305), (300, 325), (300, 500), (990, 1000), (250, 500)):
            spec = Edf(stored=of(lead, lowest(start, end)))
            name = f"smallest numbers in lead {lead} from sample {start} to {end}"
            yield case(name, spec, exact=False, warned=("missing_values_bridged",))
        yield case(f"smallest numbers all over lead {lead}", Edf(stored=of(lead, lowest(0, 1000))), exact=False, warned=("lead_left_out",))
        spec = Edf(
            stored=of(lead, lowest(400, 440, -2048)),
            fields={"digital_min": "-2048", "digital_max": "2047", "physical_min": "-2.048", "physical_max": "2.047"},
        )
        yield case(f"smallest numbers of 12 bits in lead {lead}", spec, exact=False, warned=("missing_values_bridged",))
    for lead in STANDARD_LEADS:
        # As programs write it that fit each signal's range to its values: the smallest number is
        # the deepest point of the ECG.
        row = np.rint(reference().lead(lead).astype(np.float64) * 1000)
        low, high = f"{row.min():.0f}", f"{row.max():.0f}"
        limits = {"digital_min": low, "digital_max": high, "physical_min": low, "physical_max": high, "unit": "uV"}
        yield case(f"the range of lead {lead} is the one of its values", Edf(of_lead={lead: limits}))


def scales() -> Iterator[Case]:
    yield case(
        "physical limits of all leads in falling order",
        Edf(fields=INVERTED, stored=lambda digital: -digital - 1),
        warned=("scale_inverted",),
    )
    for lead in STANDARD_LEADS:
        spec = Edf(of_lead={lead: INVERTED}, stored=of(lead, lambda row: -row - 1))
        yield case(f"physical limits of lead {lead} in falling order", spec, warned=("scale_inverted",))
        yield case(
            f"digital limits of lead {lead} in falling order",
            Edf(of_lead={lead: {"digital_min": "32767", "digital_max": "-32768"}}),
            refused="damaged_file",
        )
    for name in ("physical_min", "physical_max", "digital_min", "digital_max"):
        for text in ("", "x", "nan", "inf", "1e999", "1,2,3", "--5"):
            yield case(f"{name} of V1 is {text!r}", Edf(of_lead={"V1": {name: text}}), refused="damaged_file")
    yield case(
        "a physical range beyond all numbers", Edf(fields={"physical_min": "-1e308", "physical_max": "1e308"}), refused="damaged_file"
    )
    yield case("equal digital limits", Edf(fields={"digital_min": "5", "digital_max": "5"}), refused="damaged_file")
    yield case("equal physical limits", Edf(fields={"physical_min": "0", "physical_max": "0"}), refused="damaged_file")
    for low, high, zero in (
        ("-2048", "2047", 0),
        ("0", "4095", 2000),
        ("-32768", "32767", 7000),
        ("-100", "3995", 1500),
        ("-8192", "8191", -3000),
    ):
        bottom, top = int(low) - zero, int(high) - zero
        limits = {"digital_min": low, "digital_max": high, "physical_min": f"{bottom / 1000:g}", "physical_max": f"{top / 1000:g}"}
        yield case(f"digital limits {low} to {high}, zero at {zero}", Edf(zero=zero, fields=limits))
        limits = {"digital_min": low, "digital_max": high, "physical_min": str(bottom), "physical_max": str(top), "unit": "uV"}
        yield case(f"digital limits {low} to {high}, zero at {zero}, microvolts", Edf(zero=zero, fields=limits))
    limits = {"digital_min": "-512", "digital_max": "511", "physical_min": "-0.512", "physical_max": "0.511"}
    yield case("samples beyond the digital limits", Edf(fields=limits), warned=("range_left",))
    limits = {"digital_min": "-512", "digital_max": "511", "physical_min": "-5.12", "physical_max": "5.11"}
    yield case("samples beyond limits that make them ten times too high", Edf(fields=limits), warned=("range_left",), exact=False)
    for bottom, top in (
        ("-1e9", "1e9"),
        ("1e6", "1000065"),
        ("-9e6", "9e6"),
        ("0", "1e30"),
        ("-1e300", "1e300"),
        ("6e3", "6065.535"),
    ):
        yield case(
            f"physical limits {bottom} to {top}", Edf(fields={"physical_min": bottom, "physical_max": top}), refused="offset_impossible"
        )
        yield case(
            f"physical limits {bottom} to {top} of lead V3",
            Edf(of_lead={"V3": {"physical_min": bottom, "physical_max": top}}),
            refused="offset_impossible",
        )
    for limit in ("800", "1500", "3000"):
        limits = {"physical_min": f"-{limit}", "physical_max": limit}
        yield case(
            f"physical limits of {limit} mV, which nobody filled in",
            Edf(units_per_mv=100, fields=limits),
            exact=False,
            warned=("coarse_step",),
        )
    yield case("decimal commas", Edf(fields={"physical_min": "-32,768", "physical_max": "32,767"}))


def units() -> Iterator[Case]:
    limits = {"uV": ("-32768", "32767"), "V": ("-.032768", ".032767"), "nV": ("-3.277e7", "3.277e7"), "mV": ("-32.768", "32.767")}
    for unit in ("uV", "UV", "uv", "\xb5V", "mV", "MV", "mv", "V", "nV", " uV", "uV\0\0"):
        spelled = unit.strip(" \0").replace("\xb5", "u").upper()
        bottom, top = next(limits[known] for known in limits if known.upper() == spelled)
        yield case(f"unit {unit!r}", Edf(fields={"unit": unit, "physical_min": bottom, "physical_max": top}))
    for unit in (
        "0.1mV",
        "uV/bit",
        "",
        "mmHg",
        "mVolt",
        "uVolt",
        "10uV",
        "x uV",
        "microV",
        "u V",
        "mV*10",
        "1/mV",
        "LSB",
        "%",
        "\xc2\xb5V",
        "pV",
    ):
        yield case(f"unit {unit!r}", Edf(fields={"unit": unit}), refused="no_voltage")
        yield case(f"unit {unit!r} of lead aVF", Edf(of_lead={"aVF": {"unit": unit}}), warned=("signals_not_leads",), leads=without("aVF"))
    bottom, top = limits["uV"]
    for lead in ("I", "V6"):
        yield case(f"lead {lead} in uV, the others in mV", Edf(of_lead={lead: {"unit": "uV", "physical_min": bottom, "physical_max": top}}))
    yield case(
        "no unit, uV asked for",
        Edf(fields={"unit": "", "physical_min": bottom, "physical_max": top}),
        arguments={"unit": "uV"},
        warned=("unit_overridden_in_header",),
    )
    yield case("mV, uV asked for", Edf(), arguments={"unit": "uV"}, warned=("unit_overridden_in_header",), exact=False)
    yield case("mV, V asked for", Edf(), arguments={"unit": "V"}, refused="implausible_amplitude")


def labels_and_rates() -> Iterator[Case]:
    for lead in STANDARD_LEADS:
        for label in (f"ECG {lead}", f"Lead {lead}", lead.lower()):
            yield case(f"lead {lead} labelled {label!r}", Edf(of_lead={lead: {"label": label}}))
        spec = Edf(of_lead={lead: {"label": f"ECG -{lead}"}}, stored=of(lead, np.negative))
        yield case(f"lead {lead} labelled 'ECG -{lead}'", spec, warned=("leads_turned",))
        if lead in {"I", "V1", "V6"}:
            spec = Edf(slower=(lead,))
            yield case(f"lead {lead} at half the rate", spec, warned=("resampled",), exact=False)
            yield case(
                f"lead {lead} at half the rate, no names", Edf(slower=(lead,), fields={"label": "ch"}), refused="rates_without_names"
            )
            spec = Edf(slower=(lead,), stored=of(lead, lowest(400, 440)))
            yield case(f"lead {lead} at half the rate and with a gap", spec, warned=("resampled", "missing_values_bridged"), exact=False)
    yield case("lead III labelled 'ECG V4R'", Edf(of_lead={"III": {"label": "ECG V4R"}}), leads=without("III"))
    for label in ("LA-RA", "ECG", "EKG1", "MLII", "V4R", "Resp", "V1-V2", "EEG C3"):
        yield case(
            f"lead III labelled {label!r}", Edf(of_lead={"III": {"label": label}}), warned=("signals_not_leads",), leads=without("III")
        )
    for label in ("I", "ECG I", "Lead I"):
        yield case(f"lead II labelled {label!r}, too", Edf(of_lead={"II": {"label": label}}), refused="lead_twice")
    yield case("twelve signals of one name", Edf(fields={"label": "ECG"}), refused="lead_twice")
    yield case("names asked for", Edf(fields={"label": "ECG"}), arguments={"leads": STANDARD_LEADS})
    yield case("eleven names asked for", Edf(), arguments={"leads": STANDARD_LEADS[:11]}, refused="names_for_signals")
    yield case("a rate asked for that the header contradicts", Edf(), arguments={"fs": 500.0}, refused="rate_contradicts")
    filters: dict[str, Sequence[str]] = {
        "HP:0.05Hz LP:150Hz N:50Hz": (), "HP:1.5Hz": ("filtered_below",), "hp: 0,5 hz lp: 25 Hz": ("filtered_above",),
        "LP:35HZ": ("filtered_above",),
        "HP:DC LP:none": (), "HP:2Hz LP:30Hz": ("filtered_below", "filtered_above"), "0.05-150": (),
    }  # fmt: skip
    for text, warned in filters.items():
        yield case(f"prefiltered by {text!r}", Edf(fields={"prefilter": text}), warned=tuple(warned))


def people() -> Iterator[Case]:
    for text in (
        "F 01-FEB-1958 01-FEB-2020", "F 02-FEB-1958 01-FEB-2021", "F 29-FEB-1956 28-FEB-2019", "F 28-FEB-1957 28-FEB-2019",
        "f 31-dec-1957 01-Jan-2020", "X X X", "F X 01-FEB-2020", "F 01-FEB-1958 X", "X 01-FEB-2030 01-FEB-2020",
        "F 31-FEB-1958 01-FEB-2020", "F 01-FEB-1558 01-FEB-2020", "F 01-MAI-1958 01-FEB-2020", "F 01.02.1958 01-FEB-2020",
    ):  # fmt: skip
        sex, born, started = text.split()
        head = {"patient": f"X {sex} {born} X", "recording": f"Startdate {started} X X X"}
        yield case(f"sex {sex}, born {born}, recorded {started}", Edf(head=head))
    for patient in ("Jane Doe", "Jane M Doe", "M M M M", "F 62", "12345 M20 x", "age 17 sex male"):
        yield case(f"a patient of plain EDF called {patient!r}", Edf(head={"patient": patient}))
    for date in ("99.99.99", "", "00.00.00", "1/2/2020"):
        yield case(f"start date {date!r}", Edf(head={"start_date": date}))


CASES: tuple[Case, ...] = (*records(), *onsets(), *gaps(), *scales(), *units(), *labels_and_rates(), *people())
