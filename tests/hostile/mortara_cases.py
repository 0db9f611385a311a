"""Mortara files with scales, lengths and kinds of samples that invite a misreading."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from functools import cache, partial

from heart_reader.data.leads import STANDARD_LEADS
from tests.hostile.case import Case, reference
from tests.hostile.write_xml import EIGHT, mortara_text
from tests.hostile.xml_edits import Edit, case, put, xml_cases

__all__ = ["CASES"]


@cache
def text(*leads: str, units_per_mv: float = 1000.0) -> str:
    return mortara_text(reference(), leads or STANDARD_LEADS, units_per_mv)


def of_channel(lead: str | None, name: str, value: str | None) -> Edit:
    """Change an attribute of a channel, or of all; None leaves it out."""

    def edit(whole: str) -> str:
        parts = re.split("(?=<CHANNEL )", whole)
        for place, part in enumerate(parts):
            if part.startswith("<CHANNEL ") and (lead is None or f' NAME="{lead}"' in part):
                new = "" if value is None else f' {name}="{value}"'
                parts[place], found = re.subn(f' {name}="[^"]*"', lambda _, new=new: new, part, count=1)
                assert found
        return "".join(parts)

    return edit


def without(lead: str) -> Edit:
    return put(f'<CHANNEL [^>]*NAME="{lead}"[^>]*>\n', "", 1)


def samples_of(lead: str, change: object) -> Edit:
    def edit(whole: str) -> str:
        match = re.search(f'<CHANNEL [^>]*NAME="{lead}"[^>]*DATA="([^"]*)"', whole)
        assert match is not None
        content = change(base64.b64decode(match[1]))  # type: ignore[operator]
        return whole[: match.start(1)] + base64.b64encode(content).decode("ascii") + whole[match.end(1) :]

    return edit


def leads() -> Iterator[Case]:
    yield case("twelve leads", text)
    yield case("twelve leads, the last first", partial(text, *STANDARD_LEADS[::-1]))
    yield case("eight leads", partial(text, *EIGHT), warned=("leads_derived",))
    for lead in STANDARD_LEADS:
        derived = lead in ("III", "aVR", "aVL", "aVF")
        rest = STANDARD_LEADS if derived else tuple(name for name in STANDARD_LEADS if name != lead)
        yield case(f"without lead {lead}", text, without(lead), leads=rest, warned=("leads_derived",) if derived else ())
        yield case(f"lead {lead} without a name", text, of_channel(lead, "NAME", ""), refused="damaged_file")
        if lead != "I":
            yield case(f"lead {lead} called I", text, of_channel(lead, "NAME", "I"), refused="lead_twice")
    yield case("names in capitals", text, lambda whole: re.sub('NAME="aV', 'NAME="AV', whole))
    yield case("no channel", text, put("<CHANNEL [^>]*>\n", ""), refused="damaged_file")


def samples() -> Iterator[Case]:
    for lead in ("I", "aVL", "V6"):
        for what, change in {"a byte less": lambda content: content[:-1], "a sample less": lambda content: content[:-2],
                             "a sample more": lambda content: content + b"\0\0", "half of it": lambda content: content[:1000],
                             "nothing": lambda _: b""}.items():  # fmt: skip
            yield case(f"{lead}: {what}", text, samples_of(lead, change), refused="damaged_file")
        for name, values in {"BITS": ("8", "12", "32", "", None), "FORMAT": ("UNSIGNED", "", None), "ENCODING": ("HEX", "ASCII", "", None),
                             "OFFSET": ("5", "-1", "x")}.items():  # fmt: skip
            for value in values:
                yield case(f"{lead}: {name} {value}", text, of_channel(lead, name, value), refused="variant_unread")
        for name, values in {"DURATION": ("999", "1001", "0", "", "4000", "x", None), "SAMPLE_FREQ": ("0", "", "x", "500", None)}.items():
            for value in values:
                yield case(f"{lead}: {name} {value}", text, of_channel(lead, name, value), refused="damaged_file")
        yield case(f"{lead}: no base64", text, of_channel(lead, "DATA", "*=*="), refused="damaged_file")
        yield case(f"{lead}: no data", text, of_channel(lead, "DATA", None), refused="damaged_file")
    yield case("without an offset", text, of_channel(None, "OFFSET", None))
    yield case("offsets of 0.0", text, of_channel(None, "OFFSET", "0.0"))


def scales() -> Iterator[Case]:
    for units in (200.0, 204.8, 400.0, 500.0):
        yield case(f"{units} units a mV", partial(text, units_per_mv=units))
    for units in ("0", "", "x", "nan", None):
        yield case(f"{units} units a mV in V1", text, of_channel("V1", "UNITS_PER_MV", units), refused="scale_missing")
    yield case("1 unit a mV", text, of_channel(None, "UNITS_PER_MV", "1"), refused="implausible_amplitude")
    yield case("-1000 units a mV", text, of_channel(None, "UNITS_PER_MV", "-1000"), warned=("scale_inverted",), exact=False)
    yield case("40 units a mV", text, of_channel(None, "UNITS_PER_MV", "40"), warned=("coarse_step",), exact=False)
    for rate in ("1", "1e7"):
        yield case(f"a rate of {rate}", text, of_channel(None, "SAMPLE_FREQ", rate), refused="rate_impossible")
    yield case("another rate given", text, arguments={"fs": 500.0}, refused="rate_contradicts")
    yield case("read as uV", text, arguments={"unit": "uV"}, warned=("unit_overridden",), exact=False)
    yield case("longer than allowed", text, arguments={"max_values": 4000}, refused="record_too_long")
    yield case("a length that would fill the memory", text, of_channel(None, "DURATION", "4e12"), refused="record_too_long")


def beside() -> Iterator[Case]:
    for age, unit in (("62", "YEARS"), ("744", "M"), ("62", ""), ("x", "Y"), ("-3", "Y"), ("", "Y"), ("62", "DOG YEARS")):
        yield case(f"an age of {age!r} {unit!r}", text, put('AGE="62" AGE_UNITS="Y"', f'AGE="{age}" AGE_UNITS="{unit}"'))
    for sex in ("F", "female", "", "Unknown"):
        yield case(f"of sex {sex!r}", text, put('GENDER="Female"', f'GENDER="{sex}"'))
    yield case("of nobody", text, put("<SUBJECT [^>]*>", ""))
    yield case("without a typical cycle", text, put("(?s)<TYPICAL_CYCLE .*</TYPICAL_CYCLE>", ""))
    left_out = ("medians_left_out",)
    yield case("a cycle without a scale", text, put('(<TYPICAL_CYCLE [^>]*?) UNITS_PER_MV="[^"]*"', "<TYPICAL_CYCLE", 1), warned=left_out)
    yield case("a cycle of another length", text, put('DURATION="100"', 'DURATION="99"'), warned=left_out)
    yield case("a low-pass of 20", text, put('LOW_PASS_FILTER="150"', 'LOW_PASS_FILTER="20"'), warned=("filtered_above",))


CASES = [
    *xml_cases(text, "ECG"), *leads(), *samples(), *scales(), *beside(),
]  # fmt: skip
