"""DICOM waveforms with codes, scales, skews, bits and sizes that invite a misreading."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.leads import STANDARD_LEADS
from tests.hostile.case import Case
from tests.hostile.write_dicom import CODES, KINDS, Dicom, Digital, Group, write

__all__ = ["CASES"]

SIGNED = {"SS": 16, "SL": 32}
UNSIGNED_ZERO = {"US": 32768, "UL": 1 << 20, "UB": 128}


def case(name: str, group: Group | None = None, *, file: Dicom | None = None, **expected: Any) -> Case:
    spec = file or Dicom((group or Group(),))
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


def put(start: int, end: int, value: int) -> Callable[[Digital], Digital]:
    def changed(row: Digital) -> Digital:
        row[start:end] = value
        return row

    return changed


def masked(bits: int, lead: str | None = None) -> Callable[[NDArray[np.integer]], NDArray[np.integer]]:
    """Keep the lower bits only, so that negative numbers lose their sign."""

    def changed(samples: NDArray[np.integer]) -> NDArray[np.integer]:
        samples = samples.copy()
        rows = range(12) if lead is None else [STANDARD_LEADS.index(lead)]
        for row in rows:
            samples[row] &= (1 << bits) - 1
        return samples

    return changed


def tagged(bits: int, lead: str) -> Callable[[NDArray[np.integer]], NDArray[np.integer]]:
    """Write marks of the recorder into a bit above those that are stored."""

    def changed(samples: NDArray[np.integer]) -> NDArray[np.integer]:
        samples = samples.copy()
        samples[STANDARD_LEADS.index(lead), ::50] ^= np.array(1 << bits).astype(samples.dtype)
        return samples

    return changed


def kinds_and_bits() -> Iterator[Case]:
    for kind in KINDS:
        for big in (False, True):
            group = Group(kind, zero=UNSIGNED_ZERO.get(kind, 0))
            yield case(f"samples of kind {kind}, big endian {big}", file=Dicom((group,), big_endian=big))
        for other in ("MB", "AB", "", "XX", "SV"):
            group = Group(kind, zero=UNSIGNED_ZERO.get(kind, 0), head={"interpretation": other})
            yield case(f"samples of kind {kind} called {other!r}", group, refused="damaged_file")
        for bits in (8, 16, 32):
            if bits != 8 * np.dtype(KINDS[kind]).itemsize:
                group = Group(kind, zero=UNSIGNED_ZERO.get(kind, 0), head={"bits_allocated": bits})
                yield case(f"{bits} bits allocated for kind {kind}", group, refused="samples_truncated")
    for kind, allocated in SIGNED.items():
        for bits in (12, 13, 14, 15):
            yield case(f"{bits} bits of {kind} stored, with their sign", Group(kind, bits))
            yield case(f"{bits} bits of {kind} stored, without their sign", Group(kind, bits, written=masked(bits)), refused="bits_stored")
            for lead in ("I", "aVR", "V6"):
                spec = Group(kind, bits, written=tagged(bits, lead))
                yield case(f"{bits} bits of {kind} stored, marks above them in lead {lead}", spec, refused="bits_stored")
                spec = Group(kind, bits, written=masked(bits, lead))
                yield case(f"{bits} bits of {kind} stored, lead {lead} without its sign", spec, refused="bits_stored")
        for bits in (1, allocated + 1, 255):
            yield case(f"{bits} bits of {kind} stored", Group(kind, bits), refused="damaged_file")
        yield case(f"10 bits of {kind} stored, more are used", Group(kind, 10), refused="bits_stored")
    yield case("12 bits of US stored, marks above them", Group("US", 12, zero=2048, written=tagged(14, "V2")), refused="bits_stored")
    yield case("12 bits of US stored", Group("US", 12, zero=2048))
    yield case("signed samples called US", Group("SS", head={"interpretation": "US"}), refused="bits_stored")
    yield case(
        "signed samples of 12 bits called US", Group("SS", 12, written=masked(12), head={"interpretation": "US"}), refused="bits_stored"
    )
    yield case("signed samples called UL", Group("SL", head={"interpretation": "UL"}), refused="bits_stored")
    yield case("signed samples of 8 bits called UB", Group("SB", head={"interpretation": "UB"}), refused="bits_stored")
    yield case("unsigned samples called SS", Group("US", zero=32768, head={"interpretation": "SS"}), refused="bits_stored")
    yield case("unsigned samples of 8 bits called SB", Group("UB", zero=128, head={"interpretation": "SB"}), refused="bits_stored")


def sizes() -> Iterator[Case]:
    for tail in (2, 24, 240, 2400, 24000):
        yield case(f"{tail} more bytes of samples", Group(tail=tail), refused="samples_surplus")
        yield case(f"{tail} bytes of samples lost", Group(tail=-tail), refused="samples_truncated" if tail < 24000 else "damaged_dicom")
    for n_samples in (999, 500, 1):
        yield case(f"{n_samples} of 1000 samples declared", Group(head={"n_samples": n_samples}), refused="samples_surplus")
    for n_samples in (1001, 2000, 2**31):
        yield case(f"{n_samples} instead of 1000 samples declared", Group(head={"n_samples": n_samples}), refused="samples_truncated")
    for n_channels in (0, 1, 11, 13, 65535):
        yield case(f"{n_channels} channels declared, 12 described", Group(head={"n_channels": n_channels}), refused="damaged_file")
    yield case("0 samples declared", Group(head={"n_samples": 0}), refused="damaged_file")
    for fs in ("0", "-250"):
        yield case(f"a rate of {fs} Hz", Group(head={"fs": fs}), refused="damaged_file")
    for fs in ("9", "1e6"):
        yield case(f"a rate of {fs} Hz", Group(head={"fs": fs}), refused="rate_impossible")
    for fs in ("250.0", "2.5e2", "+250", "0250", "250.00001"):
        yield case(f"a rate of {fs} Hz", Group(head={"fs": fs}))
    for name in ("n_channels", "n_samples", "fs", "bits_allocated", "interpretation"):
        yield case(f"{name} left out", Group(head={name: None}), refused="damaged_dicom")
    yield case("no multiplex group", file=Dicom(()), refused="dicom_without_waveform")
    yield case("deflated", file=Dicom(syntax="1.2.840.10008.1.2.1.99"), refused="dicom_compressed")


def leads() -> Iterator[Case]:
    for lead in STANDARD_LEADS:
        yield case(f"lead {lead} by its MDC code", Group(of_lead={lead: {"code": f"2:{CODES[lead]}", "meaning": "x"}}))
        yield case(f"lead {lead} by its words", Group(of_lead={lead: {"code": "x"}}))
        yield case(f"lead {lead} by its label", Group(of_lead={lead: {"code": None, "meaning": None, "label": f"ECG {lead}"}}))
        other = STANDARD_LEADS[STANDARD_LEADS.index(lead) - 1]
        yield case(
            f"lead {lead} by its code, {other} by its words",
            Group(of_lead={lead: {"meaning": f"Lead {other}"}}),
            refused="lead_code_and_name",
        )
        yield case(f"lead {lead} by its code, {other} by its label", Group(of_lead={lead: {"label": other}}), refused="lead_code_and_name")
        yield case(
            f"lead {lead} coded {other}, too", Group(of_lead={lead: {"code": f"2:{CODES[other]}", "meaning": "x"}}), refused="lead_twice"
        )
        spec = Group(of_lead={lead: {"code": None, "meaning": f"Lead -{lead}"}}, stored=of(lead, np.negative))
        yield case(f"lead {lead} upside down by its words", spec, warned=("leads_turned",))
        yield case(
            f"lead {lead} by its code, upside down by its words",
            Group(of_lead={lead: {"meaning": f"-{lead}"}}),
            refused="lead_code_and_name",
        )
    for code in ("5.6.3-9-65", "2:65"):
        for words in ("Lead -aVR", "-aVR", "inverted aVR", "augmented, upside down"):
            spec = Group(of_lead={"aVR": {"code": code, "meaning": words}}, stored=of("aVR", np.negative))
            yield case(f"the code {code}, called {words}", spec, warned=("leads_turned",))
        spec = Group(of_lead={"aVR": {"code": code}}, stored=of("aVR", np.negative))
        yield case(f"the code {code}, called Lead aVR", spec, refused="lead_code_and_name")
        yield case(f"the code {code} beside aVR", Group(of_lead={"V1": {"code": code, "meaning": "x"}}), refused="lead_twice")
    for code, words in (
        ("5.6.3-9-66", "Lead V8"),
        ("5.6.3-9-9", "Lead V7"),
        ("5.6.3-9-11", "V3R"),
        ("2:0", "unspecified"),
        ("x", "I-II"),
        ("x", "LA-RA"),
    ):
        yield case(f"lead V5 coded {code}, called {words}", Group(of_lead={"V5": {"code": code, "meaning": words}}), leads=without("V5"))
    yield case("names asked for", Group(channel={"code": "x", "meaning": None}), arguments={"leads": STANDARD_LEADS})
    yield case("eleven names asked for", arguments={"leads": STANDARD_LEADS[:11]}, refused="names_for_signals")


def scales() -> Iterator[Case]:
    for sensitivity, correction, unit in (
        ("1", "1", "uV"), ("2", "0.5", "uV"), ("0.001", "1", "mV"), ("0.0005", "2", "mV"), ("1e-6", "1", "V"), ("1000", "1", "nV"),
        ("1", None, "uV"),
        ("1", "", "uV"), ("1E-3", "1", "MV"), ("1", "1", "\xb5V"),
    ):  # fmt: skip
        fields = {"sensitivity": sensitivity, "correction": correction, "unit": unit, "unit_meaning": None}
        yield case(f"sensitivity {sensitivity}, correction {correction}, unit {unit}", Group(channel=fields))
        for lead in ("I", "V6"):
            yield case(f"sensitivity {sensitivity}, correction {correction}, unit {unit} of lead {lead}", Group(of_lead={lead: fields}))
    for name in ("sensitivity", "correction"):
        for lead in ("I", "V4"):
            yield case(f"{name} 0 of lead {lead}", Group(of_lead={lead: {name: "0"}}), refused="scale_missing")
            spec = Group(of_lead={lead: {name: "-1"}}, stored=of(lead, np.negative))
            yield case(f"a negative {name} of lead {lead}", spec, warned=("scale_inverted",))
        yield case(f"an endless {name}", Group(channel={name: "1e300"}), refused="scale_missing")
    yield case("sensitivity and correction negative", Group(channel={"sensitivity": "-1", "correction": "-1"}))
    yield case("no sensitivity", Group(of_lead={"II": {"sensitivity": None}}), refused="unit_missing")
    yield case("no unit", Group(channel={"unit": None}), refused="unit_missing")
    yield case("no unit, uV asked for", Group(channel={"unit": None}), arguments={"unit": "uV"}, warned=("unit_overridden",))
    yield case("uV, nV asked for", arguments={"unit": "nV"}, warned=("unit_overridden",), exact=False)
    yield case("uV, mV asked for", arguments={"unit": "mV"}, refused="implausible_amplitude")
    for unit, words in (("mV", "microvolt"), ("uV", "millivolt"), ("uV", "millivolts"), ("V", "microvolt"), ("uV", "mV")):
        yield case(f"unit {unit} called {words}", Group(channel={"unit": unit, "unit_meaning": words}), refused="unit_code_and_name")
        yield case(
            f"unit {unit} called {words} in lead V2",
            Group(of_lead={"V2": {"unit": unit, "unit_meaning": words}}),
            refused="unit_code_and_name",
        )
    for unit in ("mmHg", "1", "{counts}", "10uV", "Cel"):
        fields = {"unit": unit, "unit_meaning": "x"}
        yield case(f"unit {unit}", Group(channel=fields), refused="unit_unknown")
        yield case(f"unit {unit} of lead V3", Group(of_lead={"V3": fields}), warned=("no_voltage_left_out",), leads=without("V3"))
    for baseline in (-300_000, 150_000, 1_000_000):
        yield case(f"a baseline of {baseline} uV and samples around it", Group("SL", zero=-baseline))
    for baseline in ("6e6", "1e12", "-1e25", "1e300"):
        yield case(f"a baseline of {baseline} uV", Group(channel={"baseline": baseline}), refused="offset_impossible")
        yield case(f"a baseline of {baseline} uV of lead II", Group(of_lead={"II": {"baseline": baseline}}), refused="offset_impossible")
    yield case(
        "steps of 40 uV",
        Group(channel={"sensitivity": "0.04", "unit": "mV", "unit_meaning": None}, stored=lambda digital: digital // 100),
        warned=("coarse_step",),
        exact=False,
    )
    yield case("steps of 1 mV", Group(channel={"unit": "mV", "unit_meaning": None}), refused="implausible_amplitude")


def skews_and_states() -> Iterator[Case]:
    for lead in ("II", "V1", "V6"):
        for skew in ("2", "10", "-5", "250"):
            yield case(f"lead {lead} begins {skew} samples later", Group(of_lead={lead: {"sample_skew": skew}}), refused="channel_skew")
        for skew in ("0.005", "0.1", "-0.02", "1"):
            spec = Group(of_lead={lead: {"time_skew": skew, "sample_skew": None}})
            yield case(f"lead {lead} begins {skew} s later", spec, refused="channel_skew")
        for skew in ("0.5", "1", "-0.25"):
            yield case(
                f"lead {lead} begins {skew} of a sample later", Group(of_lead={lead: {"sample_skew": skew}}), warned=("leads_skewed",)
            )
        for status in ("INVALID", "DISCONNECTED", "QUESTIONABLE", "UNCALIBRATED"):
            yield case(f"lead {lead} is {status}", Group(of_lead={lead: {"status": status}}), warned=("channel_status",))
        yield case(f"lead {lead} is OK", Group(of_lead={lead: {"status": "OK"}}))
        yield case(f"lead {lead} without what is below 2 Hz", Group(of_lead={lead: {"filter_low": "2"}}), warned=("filtered_below",))
        yield case(f"lead {lead} without what is above 25 Hz", Group(of_lead={lead: {"filter_high": "25"}}), warned=("filtered_above",))
    for skew in ("7", "-1000"):
        yield case(f"all leads begin {skew} samples later", Group(channel={"sample_skew": skew}))
    yield case("usual filters", Group(channel={"filter_low": "0.05", "filter_high": "150"}))
    yield case("a filter of 0 Hz", Group(channel={"filter_low": "0", "filter_high": "0"}))


def padding() -> Iterator[Case]:
    for kind in KINDS:
        info = np.iinfo(KINDS[kind])
        for value in {int(info.min), int(info.max)} - {0}:
            for start, end in ((0, 3), (500, 560)):
                spec = Group(kind, zero=UNSIGNED_ZERO.get(kind, 0), stored=of("V3", put(start, end, value)), padding=value)
                name = f"samples {start} to {end} of V3 are the padding {value} of {kind}"
                yield case(name, spec, exact=False, warned=("missing_values_bridged",))
    spec = Group(stored=of("aVL", put(0, 1000, -32768)), padding=-32768)
    yield case("all of aVL is padding", spec, exact=False, warned=("lead_left_out",))
    yield case(
        "12 bits stored and a padding beyond them",
        Group(bits_stored=12, stored=of("I", put(7, 9, -32768)), padding=-32768),
        warned=("missing_values_bridged",),
        exact=False,
    )
    yield case("a padding of 0", Group(padding=0), warned=("padding_zero",))


def groups_and_people() -> Iterator[Case]:
    rhythm = Group()
    for label in ("MEDIAN BEAT", "Average", "representative beat", "TEMPLATE"):
        beat = Group(head={"label": label}, stored=lambda digital: digital // 2)
        for what, order in (("first", (beat, rhythm)), ("last", (rhythm, beat))):
            yield case(f"{label} {what}", file=Dicom(order), warned=("waveform_chosen",))
        yield case(f"nothing but {label}", file=Dicom((Group(head={"label": label}),)), warned=("waveform_derived",))
    derived = Group(head={"label": None, "originality": "DERIVED"}, stored=lambda digital: digital // 2)
    for what, order in (("first", (derived, rhythm)), ("last", (rhythm, derived))):
        yield case(f"a derived group {what}", file=Dicom(order), warned=("waveform_chosen",))
    for age in ("062Y", None, "", "62Y", "62", "062X", "999Y", "-62Y", "744M", "0x2Y"):
        yield case(f"age {age}", file=Dicom(age=age))
    for sex in ("F", "f", "O", None, "", "X", "FEMALE"):
        yield case(f"sex {sex}", file=Dicom(sex=sex))
    yield case("a rate asked for that the file contradicts", arguments={"fs": 500.0}, refused="rate_contradicts")


CASES: tuple[Case, ...] = (*kinds_and_bits(), *sizes(), *leads(), *scales(), *skews_and_states(), *padding(), *groups_and_people())
