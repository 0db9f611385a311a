"""Plain arrays whose axes, facts and numbers invite a misreading."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from scipy.io import savemat

from heart_reader.data.leads import STANDARD_LEADS
from tests.hostile.case import Case, reference

__all__ = ["CASES"]

FACTS: dict[str, Any] = {"fs": 250.0, "unit": "mV", "leads": ",".join(STANDARD_LEADS)}
Writer = Callable[[Path, dict[str, Any]], Path]


def write_npz(folder: Path, arrays: dict[str, Any]) -> Path:
    np.savez(folder / "a.npz", **arrays)
    return folder / "a.npz"


def write_h5(folder: Path, arrays: dict[str, Any]) -> Path:
    with h5py.File(folder / "a.h5", "w") as file:
        for name, value in arrays.items():
            file[name] = value
    return folder / "a.h5"


def write_mat(folder: Path, arrays: dict[str, Any]) -> Path:
    savemat(folder / "a.mat", arrays)
    return folder / "a.mat"


WRITERS: dict[str, Writer] = {"npz": write_npz, "h5": write_h5, "mat": write_mat}


def truth() -> np.ndarray:
    return reference().signal.astype(np.float64)


def of(kind: str, name: str, make: Callable[[], dict[str, Any]], **expected: Any) -> Case:
    return Case(f"{kind}: {name}", lambda folder: WRITERS[kind](folder, make()), **expected)


def with_facts(**facts: Any) -> Callable[[], dict[str, Any]]:
    return lambda: {"signal": truth(), **{name: value for name, value in {**FACTS, **facts}.items() if value is not None}}


def shaped(change: Callable[[np.ndarray], np.ndarray], **facts: Any) -> Callable[[], dict[str, Any]]:
    return lambda: {**with_facts(**facts)(), "signal": change(truth())}


def cases_of(kind: str) -> Iterator[Case]:
    yield of(kind, "leads in rows", with_facts())
    yield of(kind, "leads in columns", shaped(lambda signal: signal.T.copy()))
    for dtype in ("<f4", ">f8", "<i2", ">i2", "<i4", "<i8"):
        scale, unit = (1000, "uV") if "i" in dtype else (1, "mV")
        yield of(
            kind,
            f"numbers {dtype}",
            shaped(
                lambda signal, d=dtype, s=scale: np.rint(signal * s * 1000) / 1000 if s == 1 else np.rint(signal * s).astype(d), unit=unit
            ),
        )
    for unit, scale in (("uV", 1e3), ("UV", 1e3), ("V", 1e-3), ("nV", 1e6), ("mv", 1.0)):
        yield of(kind, f"unit {unit}", shaped(lambda signal, s=scale: signal * s, unit=unit))
    for unit in ("counts", "mmHg", "10 uV", "u V", "1"):
        yield of(kind, f"unit {unit!r}", with_facts(unit=unit), refused="unit_unknown")
    for key in ("sampling_rate", "sampling_frequency", "sample_rate", "FS", "Sampling_Rate"):
        yield of(kind, f"rate as {key}", with_facts(fs=None, **{key: 250}))
    for fs, code in (
        (0.0, "rate_impossible"),
        (-250.0, "rate_impossible"),
        (1e9, "rate_impossible"),
        ("250", "array_facts"),
        (None, "array_facts"),
    ):
        yield of(kind, f"rate {fs!r}", with_facts(fs=fs), refused=code)
    yield of(kind, "two rates", with_facts(sampling_rate=500.0), refused="array_facts")
    yield of(kind, "another rate asked for", with_facts(), arguments={"fs": 500.0}, refused="rate_contradicts")
    yield of(kind, "no unit", with_facts(unit=None), refused="array_facts")
    yield of(kind, "no leads", with_facts(leads=None), refused="array_facts")
    yield of(
        kind, "nothing stated, all asked for", lambda: {"signal": truth()}, arguments={"fs": 250.0, "unit": "mV", "leads": STANDARD_LEADS}
    )
    yield of(kind, "leads turned round by the caller", with_facts(), arguments={"leads": STANDARD_LEADS[::-1]}, refused="names_contradict")
    yield of(kind, "eleven leads stated", with_facts(leads=",".join(STANDARD_LEADS[:11])), refused="array_shape")
    yield of(kind, "thirteen leads stated", with_facts(leads=",".join((*STANDARD_LEADS, "X"))), refused="array_shape")
    yield of(kind, "a lead twice", with_facts(leads=",".join((*STANDARD_LEADS[:11], "I"))), refused="lead_twice")
    yield of(
        kind,
        "an inverted lead",
        shaped(lambda signal: signal * np.where(np.arange(12) == 3, -1, 1)[:, None], leads=FACTS["leads"].replace("aVR", "-aVR")),
        warned=("leads_turned",),
    )
    yield of(kind, "leads in reverse order", shaped(lambda signal: signal[::-1].copy(), leads=",".join(STANDARD_LEADS[::-1])))
    yield of(kind, "as many times as leads", shaped(lambda signal: signal[:, :12].copy()), refused="array_ambiguous")
    yield of(kind, "three dimensions", shaped(lambda signal: signal.reshape(12, 10, 100)), refused="array_none")
    yield of(kind, "complex numbers", shaped(lambda signal: signal * 1j), refused="array_none")
    yield of(kind, "a second array", lambda: {**with_facts()(), "other": truth() * 2})
    yield of(kind, "two arrays, neither called signal", lambda: {**FACTS, "one": truth(), "two": truth()}, refused="array_several")
    yield of(kind, "an array of another name", lambda: {**FACTS, "data": truth()})
    for name in ("gain", "adc_gain", "scale", "baseline", "offset", "resolution"):
        yield of(kind, f"a {name} beside it", with_facts(**{name: 200.0}), refused="scale_unclear")
        yield of(kind, f"a {name} beside it, the unit asked for", with_facts(**{name: 200.0}), arguments={"unit": "mV"})
    yield of(kind, "microvolts called mV", shaped(lambda signal: signal * 1000 + 40 * np.sign(signal)), refused="implausible_amplitude")
    for value, code in ((np.nan, "missing_values_bridged"), (np.inf, "missing_values_bridged"), (-1e30, "missing_values_bridged")):
        yield of(
            kind,
            f"{value} for a while",
            shaped(lambda signal, v=value: np.where((np.arange(1000) > 300) & (np.arange(1000) < 304), v, signal)),
            warned=(code,),
            exact=False,
        )
    yield of(kind, "nothing but NaN", shaped(lambda signal: signal * np.nan), refused="all_leads_missing")
    for age in (62.0, -1.0, 200.0, np.nan):
        yield of(kind, f"age {age}", with_facts(age=age))
    for sex in ("F", "female", "?", ""):
        yield of(kind, f"sex {sex!r}", with_facts(sex=sex))


CASES = tuple(case for kind in WRITERS for case in cases_of(kind))
