"""Codes of the list in :mod:`heart_reader.data.codes` as DICOM and FHIR write them.

A name without a code of a vocabulary has none there that could be verified, and none is guessed.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from heart_reader.data.codes import codes_of
from heart_reader.data.snomed import CODES
from heart_reader.features.feature_names import GLOBAL_UNITS

__all__ = [
    "DEMANDED",
    "MEASURED",
    "SYSTEMS",
    "Code",
    "concept",
    "mdc_number",
    "measurement_codes",
    "statement_code",
    "unit_code",
    "unit_of",
]

# Vocabulary of the list to the designator of its scheme in DICOM.
_SCHEMES = {"dcm": "DCM", "dicom": "MDC", "snomed": "SCT", "loinc": "LN", "loinc_lead": "LN", "ucum": "UCUM"}
# The addresses by which FHIR knows them.
SYSTEMS = {
    "DCM": "http://dicom.nema.org/resources/ontology/DCM",
    "MDC": "urn:iso:std:iso:11073:10101",
    "SCT": "http://snomed.info/sct",
    "LN": "http://loinc.org",
    "UCUM": "http://unitsofmeasure.org",
}
# In the order in which TID 3713 states them.
MEASURED = (
    "heart_rate_bpm", "qt_ms", "qtc_fridericia_ms", "qtc_bazett_ms", "pr_ms", "qrs_ms", "rr_mean_ms",
    "p_ms", "p_axis_deg", "qrs_axis_deg", "t_axis_deg",
)  # fmt: skip
# What it demands: said to be missing where it could not be measured.
DEMANDED = ("heart_rate_bpm", "qt_ms", "pr_ms", "qrs_ms", "rr_mean_ms")
_PARTITION = 1 << 16


class Code(NamedTuple):
    """One code.

    Parameters
    ----------
    scheme
        Its designator in DICOM, such as ``LN`` for LOINC.
    value, meaning
        As the scheme publishes them.
    """

    scheme: str
    value: str
    meaning: str


def _code(kind: str, name: str, vocabulary: str) -> Code | None:
    value = codes_of(kind, vocabulary).get(name)
    return None if value is None else Code(_SCHEMES[vocabulary], value, codes_of(kind, f"{vocabulary}_meaning")[name])


@cache
def concept(name: str) -> Code:
    """Return the code of a heading, or of a value such as ``normal``.

    Raises
    ------
    KeyError
        If the list has no such concept.
    """
    for vocabulary in ("dcm", "dicom", "snomed", "loinc"):
        code = _code("concepts", name, vocabulary)
        if code is not None:
            return code
    raise KeyError(name)


@cache
def unit_code(unit: str) -> Code:
    """Return a unit of a reading in UCUM.

    Examples
    --------
    >>> unit_code("bpm").value, unit_code("ms").value
    ('{H.B.}/min', 'ms')
    """
    code = _code("units", unit, "ucum")
    assert code is not None
    return code


def unit_of(name: str) -> Code:
    """Return the unit of a measurement in UCUM."""
    return unit_code(GLOBAL_UNITS[name])


def measurement_codes(name: str) -> tuple[Code, ...]:
    """Return the codes of a measurement, the one of ISO/IEEE 11073 first.

    Examples
    --------
    >>> [code.value for code in measurement_codes("qrs_axis_deg")]
    ['2:16132', '8632-2']
    """
    codes = (_code("measurements", name, vocabulary) for vocabulary in ("dicom", "loinc", "loinc_lead"))
    return tuple(code for code in codes if code is not None)


def statement_code(statement: str) -> Code | None:
    """Return the SNOMED CT code of a statement of PTB-XL, or of the kind that it belongs to.

    Examples
    --------
    >>> statement_code("AFIB").value, statement_code("IMI").meaning, statement_code("EL")
    ('164889003', 'myocardial infarction', None)
    """
    if statement == "NORM":
        return concept("normal")
    value = codes_of("statements", "snomed").get(statement) or codes_of("statements", "snomed_kind").get(statement)
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
