"""Public codes of measurements, statements and headings; ``codes.json`` is the one list of them.

A name without a code of a scheme has none in that scheme that could be verified.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from heart_reader.data.snomed import CODES

__all__ = ["MEASURED", "Code", "concept", "mdc_number", "measurement_codes", "statement_code", "system_of", "unit_code"]

_PARTITION = 1 << 16


class Code(NamedTuple):
    """One code.

    Parameters
    ----------
    scheme
        Its designator in DICOM: ``DCM``, ``MDC``, ``SCT``, ``LN`` or ``UCUM``.
    value, meaning
        As the scheme publishes them.
    """

    scheme: str
    value: str
    meaning: str


@cache
def _listed() -> dict[str, Any]:
    listed: dict[str, Any] = json.loads(Path(__file__).with_name("codes.json").read_text(encoding="utf-8"))
    return listed


# Names of the measurements that have a code, in the order in which a report states them.
MEASURED = tuple(_listed()["measurements"])


def concept(name: str) -> Code:
    """Return the code of a heading or of a value such as ``normal``."""
    return Code(*_listed()["concepts"][name])


def system_of(code: Code) -> str:
    """Return the address by which FHIR knows a scheme."""
    address: str = _listed()["systems"][code.scheme]
    return address


def unit_code(unit: str) -> Code:
    """Return a unit of a reading in UCUM.

    Examples
    --------
    >>> unit_code("bpm").value, unit_code("ms").value
    ('{H.B.}/min', 'ms')
    """
    return Code("UCUM", *_listed()["units"][unit])


def measurement_codes(name: str) -> tuple[Code, ...]:
    """Return the codes of a measurement, the one of ISO/IEEE 11073 first.

    Examples
    --------
    >>> [code.value for code in measurement_codes("qrs_axis_deg")]
    ['2:16132', '8632-2']
    """
    return tuple(Code(*row) for row in _listed()["measurements"].get(name, ()))


def statement_code(statement: str) -> Code | None:
    """Return the SNOMED CT code of a statement of PTB-XL, or of the kind that it belongs to.

    Examples
    --------
    >>> statement_code("AFIB"), statement_code("IMI").meaning, statement_code("EL")
    (Code(scheme='SCT', value='164889003', meaning='atrial fibrillation'), 'myocardial infarction', None)
    """
    if statement == "NORM":
        return concept("normal")
    value = _listed()["statements"].get(statement) or _listed()["broader"].get(statement)
    return None if value is None else Code("SCT", value, CODES[value].name)


def mdc_number(code: Code) -> str:
    """Return a code of ISO/IEEE 11073 as the one number that FHIR takes.

    Examples
    --------
    >>> mdc_number(measurement_codes("qt_ms")[0])
    '147232'
    """
    partition, term = code.value.split(":")
    return str(int(partition) * _PARTITION + int(term))
