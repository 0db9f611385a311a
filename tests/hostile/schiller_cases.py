"""Schiller files with scales, lengths and numbers that invite a misreading."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, partial

from heart_reader.data.leads import STANDARD_LEADS
from tests.hostile.case import Case, reference
from tests.hostile.write_xml import EIGHT, schiller_text
from tests.hostile.xml_edits import Edit, case, put, swap, xml_cases

__all__ = ["CASES"]


@cache
def text(*leads: str, step_uv: float = 1.0) -> str:
    return schiller_text(reference(), leads or STANDARD_LEADS, step_uv)


def field(name: str, value: str) -> Edit:
    return put(f"<{name}>[^<]*</{name}>", f"<{name}>{value}</{name}>")


def of_lead(lead: str, change: Edit) -> Edit:
    """Change a lead of the rhythm, which comes first."""

    def edit(whole: str) -> str:
        parts = re.split("(?=<channel>)", whole)
        place = next(number for number, part in enumerate(parts) if f"<name>{lead}</name>" in part)
        parts[place] = change(parts[place])
        return "".join(parts)

    return edit


def without(lead: str) -> Edit:
    return of_lead(lead, lambda part: re.sub("(?s)<channel>.*?</channel>", "", part))


def of_rhythm(change: Edit) -> Edit:
    def edit(whole: str) -> str:
        rhythm, averages = whole.split("<type>ECG_AVERAGES")
        return f"{change(rhythm)}<type>ECG_AVERAGES{averages}"

    return edit


def leads() -> Iterator[Case]:
    yield case("twelve leads", text)
    yield case("twelve leads, the last first", partial(text, *STANDARD_LEADS[::-1]))
    yield case("eight leads", partial(text, *EIGHT), warned=("leads_derived",))
    for lead in STANDARD_LEADS:
        derived = lead in ("III", "aVR", "aVL", "aVF")
        rest = STANDARD_LEADS if derived else tuple(name for name in STANDARD_LEADS if name != lead)
        yield case(f"without lead {lead}", text, without(lead), leads=rest, warned=("leads_derived",) if derived else ())
        yield case(f"lead {lead} without a name", text, of_lead(lead, field("name", "")), refused="damaged_file")
        if lead != "I":
            yield case(f"lead {lead} called I", text, of_lead(lead, field("name", "I")), refused="lead_twice")


def samples() -> Iterator[Case]:
    for lead in ("I", "aVR", "V6"):
        for what, change in {
            "one less": put(",[^,<]*,?</data>", "</data>", 1), "one more": put(",</data>", ",1,</data>", 1),
            "a gap": put(",[-0-9]+,", ",,", 1), "a word": put(",[-0-9]+,", ",many,", 1), "a fraction": put(",[-0-9]+,", ",1.5,", 1),
            "nothing": put("<data>[^<]*<", "<data><", 1), "semicolons": swap(",", ";"), "blanks": swap(",", " "),
            "a number beyond all": put(",[-0-9]+,", f",{10**30},", 1), "NaN": put(",[-0-9]+,", ",NaN,", 1),
        }.items():  # fmt: skip
            yield case(f"{lead}: {what}", text, of_lead(lead, change), refused="damaged_file")
        for count in ("999", "1001", "0", "-1", "x", "2000"):
            yield case(f"{lead}: {count} samples declared", text, of_lead(lead, field("samplecount", count)), refused="damaged_file")
        for kind in ("BASE64", "", "commaseparated", "BINARY"):
            yield case(f"{lead}: samples in {kind!r}", text, of_lead(lead, field("datastype", kind)), refused="variant_unread")
    yield case("without the last comma", text, swap(",</data>", "</data>"))
    yield case("with blanks behind commas", text, lambda whole: re.sub(r"(?<=\d),(?=[-\d])", ", ", whole))
    yield case("without the number of samples", text, put("<samplecount>[^<]*</samplecount>", ""))
    yield case("two samples too many declared", text, of_rhythm(field("samplecount", "1002")), refused="damaged_file")


def scales() -> Iterator[Case]:
    for step in (2.0, 2.5, 5.0):
        yield case(f"steps of {step} uV", partial(text, step_uv=step))
    for unit, step in (("mV", "0.001"), ("MV", "0.001"), ("UV", "1"), ("µV", "1"), ("nV", "1000")):
        encoding = put('encoding="UTF-8"', 'encoding="ISO-8859-1"')
        yield case(f"{step} {unit} a step", text, field("units", unit), field("unitperbit", step), encoding)
    for unit in ("", "counts", "mmHg"):
        yield case(f"in {unit or 'no unit'}", text, field("units", unit), refused="unit_unknown")
    for step in ("0", "", "x", "nan", "inf"):
        yield case(f"steps of {step!r}", text, field("unitperbit", step), refused="scale_missing")
    yield case("without a resolution", text, put("(?s)<yres>.*?</yres>", ""), refused="unit_unknown")
    yield case("steps of 1000 uV", text, field("unitperbit", "1000"), refused="implausible_amplitude")
    yield case("steps of -1 uV", text, field("unitperbit", "-1"), warned=("scale_inverted",), exact=False)
    yield case("steps of 25 uV", text, field("unitperbit", "25"), warned=("coarse_step",), exact=False)
    for value, exponent in (("0", "1"), ("", "1"), ("x", "1"), ("-250", "1"), ("250", "0"), ("250", "2"), ("25", "10"), ("nan", "1")):
        rate = put("(?s)<samplerate>.*?</samplerate>", f"<samplerate><exponent>{exponent}</exponent><value>{value}</value></samplerate>")
        yield case(f"a rate of {value!r} and exponent {exponent}", text, rate, refused="variant_unread")
    yield case("a rate without an exponent", text, put("<exponent>1</exponent>", ""))
    yield case("a rate beyond all", text, put("<value>250</value>", "<value>1e7</value>"), refused="rate_impossible")
    yield case("another rate given", text, arguments={"fs": 500.0}, refused="rate_contradicts")
    yield case("longer than allowed", text, arguments={"max_values": 4000}, refused="record_too_long")
    yield case("a length that would fill the memory", text, of_rhythm(field("samplecount", "2000000000")), refused="record_too_long")


def groups() -> Iterator[Case]:
    yield case("averages alone", text, put("(?s)<wavedata><type>ECG_RHYTHMS.*?</wavedata>", ""), warned=("waveform_derived",), exact=False)
    yield case("a rhythm alone", text, put("(?s)<wavedata><type>ECG_AVERAGES.*?</wavedata>", ""))
    yield case("nothing", text, put("(?s)<wavedata>.*</wavedata>", ""), refused="damaged_file")
    yield case("a rhythm of no channels", text, put("(?s)<channel>.*</channel>", ""), refused="damaged_file")

    def double(whole: str) -> str:
        rhythm = re.search("(?s)<wavedata><type>ECG_RHYTHMS.*?</wavedata>", whole)
        assert rhythm is not None
        fewer = re.sub("(?s)<channel>.*?</channel>", "", rhythm[0], count=9)
        return whole.replace("</event>", f"{fewer}</event>")

    yield case("a second rhythm of three leads", text, double, warned=("waveform_chosen",))
    yield case("averages of one lead twice", text, lambda whole: re.sub("(?s)(AVERAGES.*?<name>)II<", r"\1I<", whole),
               warned=("medians_left_out",))  # fmt: skip
    for birth in ("", "19581332", "1958", "soon", "19580304", "1958-03-04"):
        yield case(f"born on {birth!r}", text, field("birthdate", birth))
    for sex in ("", "F", "female", "UNKNOWN"):
        yield case(f"of sex {sex!r}", text, field("gender", sex))
    yield case("of nobody", text, put("(?s)<patdata>.*</patdata>", ""))


CASES = [
    *xml_cases(text, "com.xiriuz.sema.xml.schillerEDI.SchillerEDI"), *leads(), *samples(), *scales(), *groups(),
]  # fmt: skip
