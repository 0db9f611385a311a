"""ISHNE Holter files whose sizes, leads, scales and dates invite a misreading."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from heart_reader.data.leads import STANDARD_LEADS
from tests.hostile.case import Case
from tests.hostile.write_ishne import CODES, Digital, Ishne, write

__all__ = ["CASES"]


def case(name: str, spec: Ishne, **expected: Any) -> Case:
    return Case(name, lambda folder: write(folder, spec), **expected)


def replaced(lead: str, code: int) -> list[int]:
    return [code if name == lead else CODES[name] for name in STANDARD_LEADS]


def filled(lead: str, start: int, end: int, value: int) -> Callable[[Digital], Digital]:
    def change(digital: Digital) -> Digital:
        digital = digital.copy()
        digital[STANDARD_LEADS.index(lead), start:end] = value
        return digital

    return change


def sizes() -> Iterator[Case]:
    for n_samples in (1000, 12_000, 0, -1, -9):
        yield case(f"{n_samples} samples declared", Ishne(fields={"n_samples": n_samples}))
        yield case(f"{n_samples} samples declared, a block of text", Ishne(fields={"n_samples": n_samples}, block=b"a text" * 99))
    for n_samples in (1001, 2000, 11_999, 12_001, 2**31 - 1):
        yield case(f"{n_samples} samples declared", Ishne(fields={"n_samples": n_samples}), refused="samples_truncated")
    for n_samples in (500, 999):
        yield case(f"{n_samples} samples declared", Ishne(fields={"n_samples": n_samples}), warned=("samples_not_read",), exact=False)
    for tail in (-1, -2, -23, -24, -500):
        yield case(f"{-tail} bytes lost", Ishne(tail=tail), refused="samples_truncated")
    for tail in (1, 24, 240):
        warned = ("samples_not_read",) if tail > 1 else ()
        yield case(f"{tail} bytes more", Ishne(tail=tail), warned=warned)
    yield case("three bytes more and no length", Ishne(tail=3, fields={"n_samples": 0}), refused="samples_truncated")
    for bytes_there in (9, 100, 521):
        yield case(f"cut after {bytes_there} bytes", Ishne(tail=bytes_there - 522 - 24_000), refused="damaged_file")
    yield case("cut behind the header", Ishne(tail=-24_000), refused="samples_truncated")
    yield case("cut behind the header, no length", Ishne(tail=-24_000, fields={"n_samples": 0}), refused="without_samples")
    for length in (1, 2, 99, 4096, 60_001):
        yield case(f"a block of {length} bytes", Ishne(block=b"x" * length))
    for name, value in (
        ("var_bytes", -1), ("var_bytes", 7), ("var_bytes", 2**31 - 1), ("start", 0), ("start", 521), ("start", -5), ("var_start", 0),
    ):  # fmt: skip
        spec = Ishne(fields={name: value}, block=b"block" if name == "var_start" else b"")
        yield case(f"{name} is {value}", spec, refused="damaged_file")
    for start in (523, 600):
        yield case(f"samples from {start} on", Ishne(fields={"start": start}), refused="samples_truncated")
    yield case("samples beyond the file", Ishne(fields={"start": 10**6}), refused="samples_truncated")
    for n_leads in (0, -1, 13, 300, -9):
        yield case(f"{n_leads} leads", Ishne(fields={"n_leads": n_leads}), refused="damaged_file")
    yield case("no checksum", Ishne(fields={"checksum": 0}))
    for checksum in (1, 0xFFFF, 0x1234):
        yield case(f"checksum {checksum}", Ishne(fields={"checksum": checksum}), warned=("checksum_wrong",))
        yield case(f"checksum {checksum} and a block", Ishne(fields={"checksum": checksum}, block=b"abc"), warned=("checksum_wrong",))


def leads() -> Iterator[Case]:
    for lead in STANDARD_LEADS:
        others = tuple(name for name in STANDARD_LEADS if name != lead)
        for code in (0, 1, 2, 17, -9, 99):
            yield case(f"lead {lead} of code {code}", Ishne(codes=replaced(lead, code)), leads=others)
        double = "II" if lead != "II" else "V1"
        yield case(f"lead {lead} called {double}", Ishne(codes=replaced(lead, CODES[double])), refused="lead_twice")
        yield case(f"nothing but lead {lead}", Ishne(leads=(lead,)), leads=(lead,))
        spec = Ishne(stored=filled(lead, 300, 400, -32768))
        yield case(f"lead {lead} off for a while", spec, warned=("missing_values_bridged",), exact=False)
        yield case(f"lead {lead} off all the time", Ishne(stored=filled(lead, 0, 1000, -32768)), warned=("lead_left_out",), exact=False)
        for quality in (3, 4, 5):
            spec = Ishne(quality=[quality if name == lead else 1 for name in STANDARD_LEADS])
            yield case(f"lead {lead} of quality {quality}", spec, warned=("channel_status",))
    for quality in (0, 1, 2, -9, 77):
        yield case(f"leads of quality {quality}", Ishne(quality=[quality] * 12))
    yield case("leads in reverse order", Ishne(leads=STANDARD_LEADS[::-1]))
    yield case("no code of any lead", Ishne(codes=[0] * 12), arguments={"leads": STANDARD_LEADS})
    yield case("eleven names for twelve leads", Ishne(), arguments={"leads": STANDARD_LEADS[:11]}, refused="names_for_signals")
    yield case("names in another order", Ishne(), arguments={"leads": STANDARD_LEADS[::-1]}, refused="names_contradict")


def scales() -> Iterator[Case]:
    for step in (100, 250, 500, 1000, 2441, 2500, 4883, 5000, 9766):
        yield case(f"steps of {step} nV", Ishne(step_nv=step))
    for step in (0, -1, -9, -32768):
        yield case(f"steps of {step} nV in the header", Ishne(steps=[step] * 12), refused="unit_missing")
        one = [step if name == "V1" else 1000 for name in STANDARD_LEADS]
        yield case(f"steps of {step} nV of lead V1", Ishne(steps=one), refused="unit_missing")
        yield case(f"steps of {step} nV, uV asked for", Ishne(steps=[step] * 12), arguments={"unit": "uV"})
    yield case("uV asked for", Ishne(), arguments={"unit": "uV"})
    yield case("mV asked for", Ishne(), arguments={"unit": "mV"}, refused="implausible_amplitude")
    for fs in (0, -250, 1, 9):
        yield case(f"{fs} Hz", Ishne(fields={"fs": fs}), refused="rate_impossible")
    for fs in (250.0, 500.0):
        code = None if fs == 250.0 else "rate_contradicts"
        yield case(f"{fs} Hz asked for", Ishne(), arguments={"fs": fs}, refused=code)
    mixed = [1000 if number % 2 else 500 for number in range(12)]
    yield case("steps that differ", Ishne(steps=mixed, stored=lambda digital: digital * np.array([[1000 // step] for step in mixed])))


def people() -> Iterator[Case]:
    for born in ((1, 2, 1958), (28, 2, 1958), (1, 3, 1958), (2, 3, 1957)):
        yield case(f"born on {born}", Ishne(fields={"born": born}))
    for born in ((0, 0, 0), (-9, -9, -9), (31, 2, 1958), (1, 13, 1958), (1, 2, 1800), (2, 2, 2021), (99, 99, 99)):
        yield case(f"born on {born}", Ishne(fields={"born": born}))
    for recorded in ((0, 0, 0), (-9, -9, -9), (32, 1, 2020)):
        yield case(f"recorded on {recorded}", Ishne(fields={"recorded": recorded}))
    for clock in ((-9, -9, -9), (24, 0, 0), (0, 60, 0), (0, 0, 0)):
        yield case(f"begun at {clock}", Ishne(fields={"clock": clock}))
    for sex in (0, 3, -9, 70):
        yield case(f"sex {sex}", Ishne(fields={"sex": sex}))
    for text in ("", "\xe9\xff" * 20, "x" * 40, "a\0b"):
        yield case(f"recorder {text!r}", Ishne(texts={"recorder": text, "first": text, "last": text}))


CASES = (*sizes(), *leads(), *scales(), *people())
