"""GE MUSE files with counts, scales, checksums and groups that invite a misreading."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from functools import cache, partial

from heart_reader.data.leads import STANDARD_LEADS
from tests.hostile.case import Case, reference
from tests.hostile.write_xml import EIGHT, muse_text
from tests.hostile.xml_edits import Edit, case, put, swap, xml_cases

__all__ = ["CASES"]

CHEST = EIGHT[2:]


@cache
def text(*leads: str, step_uv: float = 1.0, crc: bool = True) -> str:
    return muse_text(reference(), leads or EIGHT, step_uv, crc=crc)


def of_rhythm(change: Edit) -> Edit:
    """Change the second group of leads, which is the recording."""

    def edit(whole: str) -> str:
        before, rhythm = whole.split("<WaveformType>Rhythm")
        return f"{before}<WaveformType>Rhythm{change(rhythm)}"

    return edit


def of_lead(lead: str, change: Edit) -> Edit:
    """Change a lead of the recording."""

    def edit(rhythm: str) -> str:
        parts = re.split("(?=<LeadData>)", rhythm)
        place = next(number for number, part in enumerate(parts) if f"<LeadID>{lead}</LeadID>" in part)
        parts[place] = change(parts[place])
        return "".join(parts)

    return of_rhythm(edit)


def drop_lead(lead: str) -> Edit:
    def edit(whole: str) -> str:
        changed = of_lead(lead, lambda part: re.sub("(?s)<LeadData>.*?</LeadData>", "", part))(whole)
        return of_rhythm(put(r"<NumberofLeads>8<", "<NumberofLeads>7<"))(changed)

    return edit


def field(name: str, value: str) -> Edit:
    return put(f"<{name}>[^<]*</{name}>", f"<{name}>{value}</{name}>")


def bytes_of(change: object) -> Edit:
    """Change the decoded bytes of a lead."""

    def edit(part: str) -> str:
        match = re.search("<WaveFormData>(.*?)</WaveFormData>", part, re.DOTALL)
        assert match is not None
        content = change(base64.b64decode(match[1]))  # type: ignore[operator]
        return part.replace(match[1], base64.b64encode(content).decode("ascii"))

    return edit


def leads() -> Iterator[Case]:
    derived = ("leads_derived",)
    yield case("eight leads", text, warned=derived)
    yield case("twelve leads", partial(text, *STANDARD_LEADS))
    yield case("twelve leads, the last first", partial(text, *STANDARD_LEADS[::-1]))
    for lead in CHEST:
        rest = tuple(name for name in STANDARD_LEADS if name != lead)
        yield case(f"without lead {lead}", text, drop_lead(lead), leads=rest, warned=derived)
        other = {"V1": "V3R", "V2": "V7", "V3": "V8", "V4": "V4R", "V5": "V9", "V6": "X"}[lead]
        yield case(f"{other} in place of {lead}", text, of_lead(lead, field("LeadID", other)), leads=rest)
    for lead in ("I", "II"):
        yield case(f"without lead {lead}", text, drop_lead(lead), leads=tuple(name for name in EIGHT if name != lead))
    for lead in EIGHT[1:]:
        yield case(f"lead {lead} called I", text, of_lead(lead, field("LeadID", "I")), refused="lead_twice")
        yield case(f"lead {lead} without a name", text, of_lead(lead, field("LeadID", "")), refused="damaged_file")
    for spelled in ("i", " I ", "Lead I"):
        yield case(f"lead I called {spelled!r}", text, of_lead("I", field("LeadID", spelled)), warned=derived)
    for count in ("7", "9", "12", "0", "-8", "8.5"):
        yield case(f"{count} leads declared", text, of_rhythm(put("<NumberofLeads>8<", f"<NumberofLeads>{count}<")), refused="damaged_file")
    yield case("no number of leads", text, of_rhythm(put("<NumberofLeads>8</NumberofLeads>", "")), warned=derived)
    yield case("lead V6 off", text, of_lead("V6", field("LeadOff", "TRUE")), warned=("channel_status",))
    for given in (("I", "II", "V1", "V2", "V3", "V4", "V5"), ("II", "I", *CHEST)):
        code = "names_for_signals" if len(given) == 7 else "names_contradict"
        yield case(f"{len(given)} names given, {given[0]} first", text, arguments={"leads": given}, refused=code)


def samples() -> Iterator[Case]:
    for lead in ("I", "V3", "V6"):
        for count in ("999", "1001", "500", "2000"):
            yield case(f"{count} samples of {lead}", text, of_lead(lead, field("LeadSampleCountTotal", count)), refused="damaged_file")
        for count in ("0", "-1", "many", "", "1e999", "1000.5", "nan"):
            yield case(f"{count!r} samples of {lead}", text, of_lead(lead, field("LeadSampleCountTotal", count)), refused="damaged_file")
        for what, change in {
            "one byte less": lambda content: content[:-1], "one sample less": lambda content: content[:-2],
            "one sample more": lambda content: content + b"\0\0", "half of it": lambda content: content[:1000],
            "nothing": lambda _: b"",
        }.items():  # fmt: skip
            yield case(f"{lead}: {what}", text, of_lead(lead, bytes_of(change)), refused="damaged_file")
        for what, change in {
            "a bit turned": lambda content: bytes([content[0] ^ 1]) + content[1:],
            "a sample moved": lambda content: content[2:] + content[:2],
            "bytes swapped": lambda content: b"".join(content[n : n + 2][::-1] for n in range(0, len(content), 2)),
        }.items():  # fmt: skip
            yield case(f"{lead}: {what}", text, of_lead(lead, bytes_of(change)), refused="samples_checksum")
        yield case(f"{lead}: no base64", text, of_lead(lead, put("(?<=<WaveFormData>).{8}", "=*=*=*=*", 1)), refused="damaged_file")
        yield case(f"{lead}: six bytes less", text, of_lead(lead, put("(?<=<WaveFormData>).{8}", "", 0)), refused="damaged_file")
        for size in ("1", "4", "3", "0", "x"):
            yield case(f"{lead}: samples of {size} bytes", text, of_lead(lead, field("LeadSampleSize", size)), refused="damaged_file")
    yield case("a checksum of another file", text, of_lead("I", field("LeadDataCRC32", "12345")), refused="samples_checksum")
    yield case("a checksum that is a word", text, of_lead("I", field("LeadDataCRC32", "none")), refused="damaged_file")
    yield case("no checksums", partial(text, crc=False))
    yield case("checksums left empty", text, put("<LeadDataCRC32>[^<]*<", "<LeadDataCRC32><"))
    yield case("checksums left out", text, put("<LeadDataCRC32>[^<]*</LeadDataCRC32>", ""))
    yield case("checksums with a sign", text, lambda whole: re.sub("(?<=CRC32>)[0-9]+", lambda one: str(int(one[0]) - (1 << 32)), whole))
    yield case("base64 on one line", text, lambda whole: re.sub(r"(?<=[A-Za-z0-9+/])\n(?=[A-Za-z0-9+/])", "", whole))
    yield case("the element spelled WaveformData", text, swap("WaveFormData", "WaveformData"))
    yield case("samples in differences", text, of_rhythm(field("SampleType", "DIFFERENCES")), refused="variant_unread")
    for tag in ("FirstSampleBaseline", "LeadOffsetFirstSample"):
        yield case(f"a {tag} of 5", text, of_lead("V2", field(tag, "5")), refused="variant_unread")
    yield case("a lead that begins later", text, of_lead("V2", field("LeadTimeOffset", "20")), refused="damaged_file")
    yield case("all leads begin later", text, field("LeadTimeOffset", "20"))
    yield case("limits that samples leave", text, of_lead("V2", field("LeadHighLimit", "100")), warned=("range_left",))


def scales() -> Iterator[Case]:
    for step in (2.0, 2.5, 4.88, 5.0, 0.5):
        yield case(f"steps of {step} uV", partial(text, step_uv=step))
    for unit, step in {"MILLIVOLTS": "0.001", "millivolts": "1e-3", "NANOVOLTS": "1000", "VOLTS": "0.000001", "uV": "1"}.items():
        yield case(f"{step} {unit} a step", text, field("LeadAmplitudeUnits", unit), field("LeadAmplitudeUnitsPerBit", step))
    yield case("lead V4 in millivolts", text, of_lead("V4", field("LeadAmplitudeUnits", "MILLIVOLTS")),
               of_lead("V4", field("LeadAmplitudeUnitsPerBit", "0.001")))  # fmt: skip
    for unit in ("", "COUNTS", "MMHG", "PICOVOLTS"):
        yield case(f"in {unit or 'no unit'}", text, field("LeadAmplitudeUnits", unit), refused="unit_unknown")
        yield case(f"in {unit or 'no unit'}, read as uV", text, field("LeadAmplitudeUnits", unit), arguments={"unit": "uV"},
                   warned=("unit_overridden",))  # fmt: skip
    for step in ("0", "", "nan", "inf", "x", "0.0"):
        yield case(f"steps of {step!r}", text, field("LeadAmplitudeUnitsPerBit", step), refused="scale_missing")
    yield case("steps of 1000 uV", text, field("LeadAmplitudeUnitsPerBit", "1000"), refused="implausible_amplitude")
    yield case("steps of -1 uV", text, field("LeadAmplitudeUnitsPerBit", "-1"), warned=("scale_inverted",), exact=False)
    yield case("steps of 25 uV", text, field("LeadAmplitudeUnitsPerBit", "25"), warned=("coarse_step",), exact=False)


def rates() -> Iterator[Case]:
    for base, exponent in (("25", "1"), ("2500", "-1"), ("250", ""), ("250.0", "0"), ("2.5", "2")):
        yield case(f"a rate of {base} and {exponent!r}", text, field("SampleBase", base), field("SampleExponent", exponent))
    for base, exponent in (("0", "0"), ("", "0"), ("-250", "0"), ("x", "0"), ("250", "99"), ("250", "nan"), ("nan", "0")):
        yield case(
            f"a rate of {base!r} and {exponent}", text, field("SampleBase", base), field("SampleExponent", exponent), refused="damaged_file"
        )
    for base in ("1", "9999999", "1e-320"):
        yield case(f"a rate of {base}", text, field("SampleBase", base), refused="rate_impossible")
    yield case("another rate given", text, arguments={"fs": 500.0}, refused="rate_contradicts")
    yield case("its own rate given", text, arguments={"fs": 250.0})
    yield case("a longer record than is allowed", text, arguments={"max_values": 4000}, refused="record_too_long")
    yield case("a length that would fill the memory", text, field("LeadSampleCountTotal", "4000000000"), refused="record_too_long")


def groups() -> Iterator[Case]:
    def double(change: Edit) -> Edit:
        def edit(whole: str) -> str:
            start = whole.index("<Waveform><WaveformType>Rhythm")
            end = whole.index("</RestingECG>")
            return whole[:end] + change(whole[start:end]) + whole[end:]

        return edit

    fewer = double(lambda part: re.sub("(?s)<LeadData>.*?</LeadData>", "", part, count=3).replace("Leads>8<", "Leads>5<"))
    yield case("a second rhythm of five leads", text, fewer, warned=("waveform_chosen",))
    yield case("a second rhythm like the first", text, double(lambda part: part), warned=("waveform_chosen",))
    yield case(
        "a second rhythm of no leads", text, double(lambda part: re.sub("(?s)<LeadData>.*</LeadData>", "", part)), refused="damaged_file"
    )
    yield case("without median beats", text, lambda whole: re.sub("(?s)<Waveform><WaveformType>Median.*?</Waveform>", "", whole))
    yield case(
        "the rhythm first",
        text,
        lambda whole: re.sub("(?s)(<Waveform><WaveformType>Median.*?</Waveform>)(.*)(?=</RestingECG>)", r"\2\1", whole),
    )
    yield case("nothing but median beats", text, lambda whole: re.sub("(?s)<Waveform><WaveformType>Rhythm.*</Waveform>", "", whole),
               warned=("waveform_derived",), exact=False)  # fmt: skip
    yield case("without any waveform", text, lambda whole: re.sub("(?s)<Waveform>.*</Waveform>", "", whole), refused="damaged_file")
    yield case("a rhythm without a type", text, of_rhythm(lambda part: part), swap("<WaveformType>Rhythm</WaveformType>", ""))
    damaged = put("<LeadDataCRC32>[0-9]+<", "<LeadDataCRC32>1<", 1)
    yield case("a median beat with a wrong checksum", text, damaged, warned=("medians_left_out",))


def people() -> Iterator[Case]:
    for age, unit in (
        ("62", "years"),
        ("744", "MONTHS"),
        ("", "YEARS"),
        ("62", ""),
        ("620", "YEARS"),
        ("-1", "YEARS"),
        ("x", "YEARS"),
        ("62", "MOONS"),
    ):
        yield case(f"{age!r} {unit}", text, field("PatientAge", age), field("AgeUnits", unit))
    for date in ("13-45-1958", "1958", "00-00-0000", "", "31.12.1958"):
        yield case(f"born on {date!r}", text, field("PatientAge", ""), field("DateofBirth", date))
    for sex in ("F", "female", "UNKNOWN", "", "X"):
        yield case(f"of sex {sex!r}", text, field("Gender", sex))
    yield case("of nobody", text, put("(?s)<PatientDemographics>.*</TestDemographics>", ""))
    for corner, warned in (("67", ()), ("0.05", ()), ("5", ()), ("", ()), ("x", ()), ("100", ("filtered_below",)), ("-5", ())):
        yield case(f"a high-pass of {corner!r}", text, field("HighPassFilter", corner), warned=warned)
    yield case("a low-pass of 20", text, field("LowPassFilter", "20"), warned=("filtered_above",))
    yield case("no filter against the mains", text, field("ACFilter", "NONE"))


CASES = [
    *xml_cases(text, "RestingECG"), *leads(), *samples(), *scales(), *rates(), *groups(), *people(),
]  # fmt: skip
