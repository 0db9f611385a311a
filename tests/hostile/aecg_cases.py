"""HL7 aECG files with times, scales, leads, series and entities that invite a misreading."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from heart_reader.data.leads import STANDARD_LEADS
from heart_reader.data.record import EcgRecord
from tests.hostile.case import Case, reference
from tests.hostile.write_aecg import Aecg, filter_of, series, write

__all__ = ["CASES"]

START = 'value="20200531120000.000"'
LIMBS, CHEST = STANDARD_LEADS[:6], STANDARD_LEADS[6:]


def case(name: str, spec: Aecg, **expected: Any) -> Case:
    return Case(name, lambda folder: write(folder, spec), **expected)


def absolute(increment: str, head: str = START) -> tuple[str, str, str]:
    return ("TIME_ABSOLUTE", head, increment)


def relative(increment: str, head: str = 'value="0" unit="s"') -> tuple[str, str, str]:
    return ("TIME_RELATIVE", head, increment)


def without(*leads: str) -> tuple[str, ...]:
    return tuple(lead for lead in STANDARD_LEADS if lead not in leads)


def of_all(**parts: str | None) -> dict[str, dict[str, str | None]]:
    return {lead: dict(parts) for lead in STANDARD_LEADS}


def times() -> Iterator[Case]:
    for text, unit in (("0.004", "s"), ("4", "ms"), ("4000", "us"), ("4000", "µs"), ("4.0e-3", "s"), ("4000000", "ns"), (" 4 ", " ms ")):
        for axis in (absolute, relative):
            yield case(f"an increment of {text!r} {unit!r}, {axis.__name__}", Aecg(axes=[axis(f'value="{text}" unit="{unit}"')]))
        yield case(
            f"an increment of {text!r} {unit!r} in both times",
            Aecg(axes=[relative('value="4" unit="ms"'), absolute(f'value="{text}" unit="{unit}"')]),
        )
    for text, unit in (
        ("0", "s"),
        ("-0.004", "s"),
        ("nan", "s"),
        ("inf", "s"),
        ("", "s"),
        ("0,004", "s"),
        ("x", "ms"),
        ("0.004", ""),
        ("0.004", "1"),
        ("4", "m"),
        ("250", "Hz"),
        ("1e-400", "s"),
    ):
        yield case(f"an increment of {text!r} {unit!r}", Aecg(axes=[absolute(f'value="{text}" unit="{unit}"')]), refused="damaged_file")
    for text, unit in (("4", "s"), ("4", "ns"), ("1", "s"), ("4000", "ms")):
        yield case(
            f"an increment of {text} {unit}, which no ECG has",
            Aecg(axes=[absolute(f'value="{text}" unit="{unit}"')]),
            refused="rate_impossible",
        )
    # A unit of time that is wrong shows in nothing but the rate that the caller knows.
    yield case(
        "an increment of 2 ms instead of 4 ms",
        Aecg(axes=[absolute('value="2" unit="ms"')]),
        arguments={"fs": 250.0},
        refused="rate_contradicts",
    )
    for other in ('value="0.002" unit="s"', 'value="0.4" unit="s"', 'value="0.00401" unit="s"', 'value="4" unit="us"'):
        yield case(
            f"two times, one with an increment of {other}",
            Aecg(axes=[absolute('value="0.004" unit="s"'), relative(other)]),
            refused="damaged_file",
        )
    yield case("no time at all", Aecg(axes=[]), refused="damaged_file")
    yield case("no time at all, and the rate given", Aecg(axes=[]), arguments={"fs": 250.0})
    yield case("the rate given as it is", Aecg(), arguments={"fs": 250.0})
    yield case("the rate given as another", Aecg(), arguments={"fs": 500.0}, refused="rate_contradicts")
    for name, text in (("denominator", ' denominator="2"'), ("period", ' period="500"')):
        yield case(
            f"a time with a {name}",
            Aecg(change=lambda content, text=text: content.replace('"GLIST_TS"', f'"GLIST_TS"{text}')),
            refused="damaged_file",
        )
    for text in (' denominator="1"', ' period="0"', ' period="" denominator=" 1 "'):
        yield case(f"a time with{text}", Aecg(change=lambda content, text=text: content.replace('"GLIST_TS"', f'"GLIST_TS"{text}')))
    for head in (
        'value="20200531"',
        'value=""',
        'nullFlavor="UNK"',
        'value="20209931999999"',
        'value="20200531120000.1234567+0200"',
        'value="99999"',
    ):
        yield case(f"a first time of {head}", Aecg(axes=[absolute('value="0.004" unit="s"', head)]))


def scales() -> Iterator[Case]:
    for unit, per_mv in (("uV", 1e3), ("mV", 1.0), ("nV", 1e6), ("V", 1e-3), ("µV", 1e3), ("UV", 1e3), ("MV", 1.0)):
        for step in (1.0, 2.5, 5.0, 0.5, 0.01):
            scale = f'value="{step * per_mv / 1e3:.12g}" unit="{unit}"'
            yield case(f"a scale of {scale}", Aecg(units_per_mv=1000.0 / step, scale=scale, origin=f'value="0" unit="{unit}"'))
    for unit, value in (("uV", "-1234"), ("mV", "-1.234"), ("nV", "-1234000"), ("V", "-0.001234"), ("", "-1234")):
        yield case(f"an origin of {value} {unit}", Aecg(zero=1234, origin=f'value="{value}" unit="{unit}"'))
    yield case("no origin", Aecg(origin=None))
    yield case("an origin without a value", Aecg(origin='unit="uV"'))
    yield case("a scale that turns the signal", Aecg(units_per_mv=-1000.0, scale='value="-1" unit="uV"'), warned=("scale_inverted",))
    for text in ('value="0" unit="uV"', 'value="-0.0" unit="mV"', 'value="0e5" unit="uV"'):
        yield case(f"a scale of {text}", Aecg(scale=text), refused="scale_missing")
    for text in (
        None,
        'value="" unit="uV"',
        'value="1"',
        'unit="uV"',
        'value="1" unit=""',
        'value="nan" unit="uV"',
        'value="inf" unit="uV"',
        'value="1,0" unit="uV"',
        'value="one" unit="uV"',
    ):
        yield case(f"a scale of {text}, one lead of twelve", Aecg(of_lead={"V3": {"scale": text}}), refused="unit_missing")
    for text in ('value="x" unit="uV"', 'value="nan" unit="uV"', 'value="0,5" unit="uV"'):
        yield case(f"an origin of {text}", Aecg(of_lead={"V3": {"origin": text}}), refused="damaged_file")
    yield case("an origin in no voltage", Aecg(of_lead={"V3": {"origin": 'value="7" unit="mmHg"'}}), refused="unit_unknown")
    yield case("an origin far from 0", Aecg(of_lead={"V3": {"origin": 'value="9" unit="V"'}}), refused="offset_impossible")
    yield case("a scale in mmHg", Aecg(scale='value="1" unit="mmHg"', origin=None), refused="unit_unknown")
    yield case(
        "one lead in mmHg",
        Aecg(of_lead={"V3": {"scale": 'value="1" unit="mmHg"', "origin": None}}),
        warned=("no_voltage_left_out",),
        leads=without("V3"),
    )
    yield case("microvolts that claim to be millivolts", Aecg(scale='value="1" unit="mV"'), refused="implausible_amplitude")
    yield case(
        "the true unit given for a wrong one", Aecg(scale='value="1" unit="mV"'), arguments={"unit": "uV"}, warned=("unit_overridden",)
    )
    yield case("the unit given for none", Aecg(scale='value="1"', origin=None), arguments={"unit": "uV"}, warned=("unit_overridden",))
    for lead in STANDARD_LEADS:
        yield case(f"{lead} alone in millivolts", Aecg(of_lead={lead: {"scale": 'value="0.001" unit="mV"'}}))


def leads() -> Iterator[Case]:
    yield case("lower case in all codes", Aecg(of_lead={lead: {"code": f"MDC_ECG_LEAD_{lead}".lower()} for lead in STANDARD_LEADS}))
    yield case("names without MDC", Aecg(of_lead={lead: {"code": lead} for lead in STANDARD_LEADS}))
    yield case("no codes but words", Aecg(of_lead={lead: {"code": "", "display": f"Lead {lead}"} for lead in STANDARD_LEADS}))
    yield case("words beside the codes", Aecg(of_lead={lead: {"display": lead} for lead in STANDARD_LEADS}))
    yield case("leads backwards", Aecg(groups=[STANDARD_LEADS[::-1]]))
    for lead, other in itertools.pairwise(STANDARD_LEADS):
        yield case(f"{lead} by its code, {other} by its words", Aecg(of_lead={lead: {"display": other}}), refused="lead_code_and_name")
        yield case(f"{lead} twice", Aecg(of_lead={other: {"code": f"MDC_ECG_LEAD_{lead.upper()}"}}), refused="lead_twice")
        yield case(f"{lead} missing", Aecg(groups=[without(lead)]), leads=without(lead))
    yield case("V4R in place of V4", Aecg(of_lead={"V4": {"code": "MDC_ECG_LEAD_V4R"}}), leads=without("V4"))
    yield case(
        "V4R by its code, V4 by its words",
        Aecg(of_lead={"V4": {"code": "MDC_ECG_LEAD_V4R", "display": "V4"}}),
        refused="lead_code_and_name",
    )
    yield case(
        "an unknown code that calls itself V4", Aecg(of_lead={"V4": {"code": "MDC_ECG_LEAD_Q99", "display": "V4"}}), leads=without("V4")
    )
    yield case(
        "aVR upside down",
        Aecg(of_lead={"aVR": {"code": "MDC_ECG_LEAD_AVRneg"}}, digits=lambda rows: rows * np.where(np.arange(12) == 3, -1, 1)[:, None]),
        warned=("leads_turned",),
    )
    yield case("no codes but that of II", Aecg(of_lead=of_all(code=None) | {"II": {}}), leads=("II",))
    yield case("no codes, but all names given", Aecg(of_lead=of_all(code=None)), arguments={"leads": STANDARD_LEADS})
    yield case("names given that contradict", Aecg(), arguments={"leads": STANDARD_LEADS[::-1]}, refused="names_contradict")
    yield case("eleven names given", Aecg(), arguments={"leads": STANDARD_LEADS[:11]}, refused="names_for_signals")


def digits() -> Iterator[Case]:
    for name, join in (
        ("line ends", "\n"),
        ("tabs", "\t"),
        ("DOS line ends", "\r\n"),
        ("many blanks", "   \n  "),
        ("comments", " <!-- 1 2 --> "),
    ):
        yield case(f"digits parted by {name}", Aecg(join=join))
    yield case("digits parted by commas", Aecg(join=","), refused="damaged_file")
    yield case("digits parted by semicolons", Aecg(join="; "), refused="damaged_file")
    yield case("digits with a decimal point", Aecg(join=".0 "))
    for word in ("x", "1,5", "1_0", "0x10", "--1", "-", "1-2", "٣"):
        yield case(f"{word!r} among the digits", Aecg(of_lead={"V3": {"digits": f"1 {word} " + "1 " * 998}}), refused="damaged_file")
    for lead in STANDARD_LEADS[::3]:
        yield case(f"{lead} one value short", Aecg(of_lead={lead: {"digits": "1 " * 999}}), refused="damaged_file")
        yield case(f"{lead} one value longer", Aecg(of_lead={lead: {"digits": "1 " * 1001}}), refused="damaged_file")
        yield case(
            f"{lead} without values", Aecg(of_lead={lead: {"digits": " "}}), warned=("lead_left_out",), leads=without(lead), exact=False
        )
    yield case("no values at all", Aecg(of_lead=of_all(digits="")), refused="damaged_file")
    yield case("nothing but NaN", Aecg(of_lead=of_all(digits="NaN " * 1000)), refused="all_leads_missing")
    yield case("a file cut in two", Aecg(change=lambda text: text[: len(text) // 2]), refused="xml_damaged")
    yield case("a file without its last bracket", Aecg(change=lambda text: text.rstrip()[:-1]), refused="xml_damaged")


def half(signal: EcgRecord) -> EcgRecord:
    return replace(signal, signal=np.ascontiguousarray(signal.signal[:, ::2]), fs=signal.fs / 2)


def many(groups: Sequence[Sequence[str]], *heads: str) -> str:
    """Sets with one first time each, as a change of the text."""
    spec = Aecg(groups=groups)
    text = series(reference(), spec)
    for head in heads:
        text = text.replace(START, head, 1)
    return f"<component>{text}</component>"


def groups() -> Iterator[Case]:
    yield case("two sets, limb and chest leads", Aecg(groups=[LIMBS, CHEST]))
    yield case("a set for each lead", Aecg(groups=[[lead] for lead in STANDARD_LEADS]))
    yield case("two sets with the same leads", Aecg(groups=[STANDARD_LEADS, STANDARD_LEADS]), warned=("waveform_chosen",))
    yield case("two sets that share a lead", Aecg(groups=[STANDARD_LEADS, ["II"]]), warned=("waveform_chosen",))
    later = 'value="20200531120004.000"'
    only = {
        "before": many([LIMBS, CHEST], START.replace("20", "19", 1), later),
        "change": lambda text: text[: text.rindex("<component><series>")] + "</AnnotatedECG>",
    }
    yield case("chest leads four seconds after limb leads", Aecg(**only), warned=("waveform_chosen",), leads=LIMBS)
    record = half(reference())
    slow = series(record, Aecg(groups=[CHEST], axes=[absolute('value="8" unit="ms"')]))
    sets = slow[slow.index("<component>") : slow.rindex("</series>")]
    yield case("chest leads at half the rate", Aecg(groups=[LIMBS], after=sets), warned=("resampled",), exact=False)
    other = f"<component>{series(reference(), Aecg(groups=[['II']]))}</component>"
    yield case("a second series of one lead", Aecg(more=other), warned=("waveform_chosen",))
    yield case("a first series of one lead", Aecg(before=other), warned=("waveform_chosen",))
    beat = replace(reference(), signal=np.ascontiguousarray(reference().signal[:, :200]))
    beats = series(beat, Aecg(series_code="REPRESENTATIVE_BEAT"))
    yield case("representative beats before the rhythm", Aecg(before=f"<component>{beats}</component>"))
    yield case("representative beats after the rhythm", Aecg(more=f"<component>{beats}</component>"))
    derived = series(beat, Aecg(series_code="REPRESENTATIVE_BEAT"), "derivedSeries")
    yield case("representative beats derived from the rhythm", Aecg(after=f"<derivation>{derived}</derivation>"))
    broken = derived.replace("<digits>", "<digits>x ", 1)
    yield case("representative beats that are damaged", Aecg(after=f"<derivation>{broken}</derivation>"), warned=("medians_left_out",))
    yield case("nothing but representative beats", Aecg(series_code="REPRESENTATIVE_BEAT"), warned=("waveform_derived",))
    yield case("a series of another code", Aecg(series_code="X"))
    yield case("no series", Aecg(change=lambda text: text[: text.index("<component><series>")] + "</AnnotatedECG>"), refused="damaged_file")
    yield case("a series without sets", Aecg(groups=[]), refused="damaged_file")


def age_of(value: str) -> str:
    observation = f'<code code="21612-7"/><value {value}/>'
    return f"<controlVariable><relatedObservation>{observation}</relatedObservation></controlVariable>"


def people() -> Iterator[Case]:
    for text in (
        '<administrativeGenderCode code="F"/>',
        '<administrativeGenderCode code=" f "/>',
        '<administrativeGenderCode code="UN"/>',
        '<administrativeGenderCode nullFlavor="MSK"/>',
        "",
        '<birthTime value="1958"/>',
        '<birthTime value="19581399"/>',
        '<birthTime value="20300101"/>',
        '<birthTime nullFlavor="MSK"/>',
    ):
        yield case(f"a person with {text or 'nothing'}", Aecg(subject=text))
    for value in ("62", "62.0", "744", "22645.5"):
        unit = {"62": "a", "62.0": "yr", "744": "mo", "22645.5": "d"}[value]
        age = age_of(f'xsi:type="PQ" value="{value}" unit="{unit}"')
        yield case(f"an age of {value} {unit}", Aecg(before=age))
        yield case(
            f"an age of {value} {unit} against a year of birth",
            Aecg(before=age, subject='<birthTime value="19400101"/>'),
            warned=("age_contradicts",),
        )
        yield case(f"an age of {value} in no unit", Aecg(before=age.replace(f'unit="{unit}"', "")))
    yield case("an age of 300 years", Aecg(before=age_of('value="300" unit="a"')))
    for kind, frequency, code in (
        ("HIGH_PASS", 'value="1" unit="Hz"', "filtered_below"),
        ("LOW_PASS", 'value="25" unit="Hz"', "filtered_above"),
        ("LOW_PASS", 'value="25000" unit="mHz"', "filtered_above"),
    ):
        yield case(f"a filter {kind} of {frequency}", Aecg(filters=filter_of(kind, frequency)), warned=(code,))
    for frequency in ('value="0" unit="Hz"', 'value="x" unit="Hz"', 'value="25"', 'value="-5" unit="Hz"'):
        yield case(f"a filter of {frequency}", Aecg(filters=filter_of("LOW_PASS", frequency)))


def files() -> Iterator[Case]:
    def doctype(inner: str, use: str = "") -> Aecg:
        return Aecg(
            change=lambda text: text.replace("<AnnotatedECG", f"<!DOCTYPE AnnotatedECG [{inner}]><AnnotatedECG", 1).replace(
                "<effectiveTime>", f"{use}<effectiveTime>", 1
            )
        )

    bomb = '<!ENTITY a "aaaaaaaaaa">' + "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9))
    yield case("entities that swell to gigabytes", doctype(bomb, "<text>&j;</text>"), refused="xml_entities")
    yield case(
        "an entity that reads another file", doctype('<!ENTITY x SYSTEM "file:///etc/passwd">', "<text>&x;</text>"), refused="xml_entities"
    )
    yield case(
        "an entity from the network", doctype('<!ENTITY x SYSTEM "http://example.org/">', "<text>&x;</text>"), refused="xml_entities"
    )
    yield case("a parameter entity", doctype('<!ENTITY % x SYSTEM "http://example.org/">%x;'), refused="xml_entities")
    yield case("an entity that is never used", doctype('<!ENTITY x "1">'), refused="xml_entities")
    yield case("an entity that nobody declared", Aecg(before="<text>&x;</text>"), refused="xml_damaged")
    yield case("a document type without entities", doctype(""))
    for name in ("a.txt", "a.aecg", "a.csv", "a.dcm", "a.edf", "a.hea", "a.XML", "a"):
        yield case(f"the file name {name}", Aecg(name=name))
    for encoding in ("utf-16", "latin-1", "ascii"):
        yield case(f"written in {encoding}", Aecg(encoding=encoding))
    yield case("in an encoding that nobody knows", Aecg(change=lambda text: text.replace('"utf-8"', '"klingon"', 1)), refused="xml_damaged")
    yield case("elements with a prefix", Aecg(change=prefixed))
    yield case("no namespace", Aecg(change=lambda text: text.replace('xmlns="urn:hl7-org:v3"', "", 1)))
    yield case("another namespace", Aecg(change=lambda text: text.replace("urn:hl7-org:v3", "urn:other", 1)))
    yield case("no types of values", Aecg(change=lambda text: text.replace('xsi:type="SLIST_PQ"', "").replace('xsi:type="GLIST_TS"', "")))
    yield case(
        "a comment before the root", Aecg(change=lambda text: text.replace("<AnnotatedECG", "<!-- <RestingECG> --><AnnotatedECG", 1))
    )
    yield case("a byte order mark", Aecg(encoding="utf-8-sig", change=lambda text: text.replace("utf-8-sig", "utf-8", 1)))
    yield case("a root of another name", Aecg(change=lambda text: text.replace("AnnotatedECG", "AnnotatedEEG")), refused="xml_file")


def prefixed(text: str) -> str:
    """Give every element the prefix hl7."""
    head, body = text.split("?>", 1)
    body = body.replace("</", "\0").replace("<", "<hl7:").replace("\0", "</hl7:").replace('xmlns="', 'xmlns:hl7="')
    return f"{head}?>{body}"


CASES = (*times(), *scales(), *leads(), *digits(), *groups(), *people(), *files())
