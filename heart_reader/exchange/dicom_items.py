"""Content items of a DICOM Structured Report, one function per kind of value.

References
----------
DICOM PS3.3, C.17.3 SR Document Content Module.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from pydicom import Dataset

from heart_reader.exchange.codes import Code, concept

__all__ = ["code_item", "code_sequence", "container", "datetime_item", "number", "text", "uid", "waveform", "with_children"]

# Digits that a decimal string has room for.
_DECIMAL = 16


def code_sequence(code: Code) -> list[Dataset]:
    """Return a code as a sequence of one item."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code.value, code.scheme, code.meaning
    return [item]


def _item(relation: str | None, kind: str, name: Code | None, **values: Any) -> Dataset:
    item = Dataset()
    if relation is not None:
        item.RelationshipType = relation
    item.ValueType = kind
    if name is not None:
        item.ConceptNameCodeSequence = code_sequence(name)
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return item


def with_children(item: Dataset, children: Iterable[Dataset | None]) -> Dataset:
    """Put content items below another; None is none."""
    found = [child for child in children if child is not None]
    if found:
        item.ContentSequence = found
    return item


def container(name: Code, children: Iterable[Dataset | None], *, template: str | None = None, relation: str | None = "CONTAINS") -> Dataset:
    """Return a heading with what stands below it, and which template it follows."""
    item = _item(relation, "CONTAINER", name, ContinuityOfContent="SEPARATE")
    if template is not None:
        said = Dataset()
        said.MappingResource, said.TemplateIdentifier = "DCMR", template
        item.ContentTemplateSequence = [said]
    return with_children(item, children)


def text(name: Code, value: str, relation: str = "CONTAINS") -> Dataset:
    """Return a text."""
    return _item(relation, "TEXT", name, TextValue=value)


def code_item(name: Code, value: Code, relation: str = "CONTAINS") -> Dataset:
    """Return a coded value."""
    return _item(relation, "CODE", name, ConceptCodeSequence=code_sequence(value))


def uid(name: Code, value: str, relation: str) -> Dataset:
    """Return a unique identifier."""
    return _item(relation, "UIDREF", name, UID=value)


def datetime_item(name: Code, value: str) -> Dataset:
    """Return a date and time, in DICOM's spelling."""
    return _item("CONTAINS", "DATETIME", name, DateTime=value)


def number(name: Code, value: float | None, unit: Code, relation: str = "CONTAINS") -> Dataset:
    """Return a number with its unit; one that could not be measured says so."""
    item = _item(relation, "NUM", name, MeasuredValueSequence=[])
    if value is None or not math.isfinite(value):
        item.NumericValueQualifierCodeSequence = code_sequence(concept("failed"))
        return item
    measured = Dataset()
    measured.NumericValue = f"{value:.1f}".removesuffix(".0")[:_DECIMAL]
    measured.MeasurementUnitsCodeSequence = code_sequence(unit)
    item.MeasuredValueSequence = [measured]
    return item


def waveform(name: Code, source: Dataset) -> Dataset:
    """Return a reference to a waveform object as a whole."""
    reference = Dataset()
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = source.SOPClassUID, source.SOPInstanceUID
    return _item("CONTAINS", "WAVEFORM", name, ReferencedSOPSequence=[reference])
