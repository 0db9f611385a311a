"""Write HL7 aECG files as text: any part of one can differ from the truth."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.leads import STANDARD_LEADS
from heart_reader.data.record import EcgRecord
from tests.hostile.case import reference

__all__ = ["Aecg", "annotation", "document", "filter_of", "series", "sets_of", "write"]

NAMESPACES = 'xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
MDC = 'codeSystem="2.16.840.1.113883.6.24"'


@dataclass(frozen=True)
class Aecg:
    """How to write a record; by default a unit of the digits is a microvolt.

    Parameters
    ----------
    units_per_mv
        Digits of 1 mV.
    scale, origin
        Attributes of these elements; None leaves the element out.
    zero
        Digit of 0 mV.
    axes
        Code, head and increment of each sequence of time, all as text.
    groups
        Leads of each sequence set.
    of_lead
        Per lead, what replaces code, display, scale, origin or digits.
    digits
        Changes the digits of all leads, (n_leads, n_times), before they become text.
    join
        Between the digits.
    series_code
        Code of the series.
    subject, before, after, filters
        Elements for the person, before and after the series, and in it.
    more
        Further series, complete.
    change
        Changes the finished text.
    encoding
        Of the file.
    name
        Of the file.
    """

    units_per_mv: float = 1000.0
    scale: str | None = 'value="1" unit="uV"'
    origin: str | None = 'value="0" unit="uV"'
    zero: int = 0
    axes: Sequence[tuple[str, str, str]] = (("TIME_ABSOLUTE", 'value="20200531120000.000"', 'value="0.004" unit="s"'),)
    groups: Sequence[Sequence[str]] = (STANDARD_LEADS,)
    of_lead: Mapping[str, Mapping[str, str | None]] = field(default_factory=dict)
    digits: Callable[[NDArray[np.int64]], NDArray[np.int64]] | None = None
    join: str = " "
    series_code: str = "RHYTHM"
    subject: str = '<administrativeGenderCode code="F"/><birthTime value="19580301"/>'
    before: str = ""
    filters: str = ""
    after: str = ""
    more: str = ""
    change: Callable[[str], str] | None = None
    encoding: str = "utf-8"
    name: str = "a.xml"


def write(folder: Path, spec: Aecg) -> Path:
    """Write the reference."""
    path = folder / spec.name
    path.write_bytes(document(reference(), spec).encode(spec.encoding))
    return path


def document(record: EcgRecord, spec: Aecg) -> str:
    """Return a file with a record, whose leads may be others than the twelve."""
    person = f"<trialSubject><id extension='7'/><subjectDemographicPerson>{spec.subject}</subjectDemographicPerson></trialSubject>"
    text = (
        f'<?xml version="1.0" encoding="{spec.encoding}"?>\n<AnnotatedECG {NAMESPACES}>\n'
        '<id root="61d1a24f-b47e-41aa-ae95-f8ac302f4eeb"/><code code="93000"/>\n'
        '<effectiveTime><center value="20200531120000"/></effectiveTime>\n'
        f"<componentOf><timepointEvent><componentOf><subjectAssignment><subject>{person}</subject></subjectAssignment></componentOf>"
        f"</timepointEvent></componentOf>\n{spec.before}"
        f"<component>{series(record, spec)}</component>{spec.more}\n</AnnotatedECG>\n"
    )
    return text if spec.change is None else spec.change(text)


def series(record: EcgRecord, spec: Aecg, tag: str = "series") -> str:
    """Return one series."""
    return (
        f'<{tag}>\n<code code="{spec.series_code}"/>\n<effectiveTime><low value="20200531120000"/></effectiveTime>\n'
        f"{spec.filters}{sets_of(record, spec)}{spec.after}</{tag}>"
    )


def sets_of(record: EcgRecord, spec: Aecg) -> str:
    """Return the sequence sets of a record."""
    digits = np.rint(record.signal.astype(np.float64) * spec.units_per_mv).astype(np.int64) + spec.zero
    if spec.digits is not None:
        digits = spec.digits(digits)
    rows = dict(zip(record.lead_names, digits, strict=True))
    text = ""
    for leads in spec.groups:
        sequences = "".join(_time(*axis) for axis in spec.axes) + "".join(_lead(lead, rows[lead], spec) for lead in leads)
        text += f"<component><sequenceSet>\n{sequences}</sequenceSet></component>\n"
    return text


def _time(code: str, head: str, increment: str) -> str:
    kind = "GLIST_TS" if code == "TIME_ABSOLUTE" else "GLIST_PQ"
    return (
        f'<component><sequence>\n<code code="{code}"/>\n<value xsi:type="{kind}">\n<head {head}/>\n<increment {increment}/>\n'
        "</value></sequence></component>\n"
    )


def _lead(lead: str, row: NDArray[np.int64], spec: Aecg) -> str:
    parts = {"scale": spec.scale, "origin": spec.origin, "code": f"MDC_ECG_LEAD_{lead.upper()}", "display": None, "digits": None}
    parts |= spec.of_lead.get(lead, {})
    display = "" if parts["display"] is None else f' displayName="{parts["display"]}"'
    code = "" if parts["code"] is None else f'<code code="{parts["code"]}" {MDC}{display}/>\n'
    origin, scale = ("" if parts[name] is None else f"<{name} {parts[name]}/>\n" for name in ("origin", "scale"))
    text = spec.join.join(map(str, row.tolist())) if parts["digits"] is None else parts["digits"]
    value = f'<value xsi:type="SLIST_PQ">\n{origin}{scale}<digits>{text}</digits>\n</value>'
    return f"<component><sequence>\n{code}{value}</sequence></component>\n"


def annotation(code: str, value: str, inner: str = "") -> str:
    """Return one annotation in a component."""
    return f'<component><annotation><code code="{code}" {MDC}/>{value}{inner}</annotation></component>\n'


def filter_of(kind: str, frequency: str, attribute: str = "CUTOFF_FREQ") -> str:
    """Return one filter of a series, a set or a sequence."""
    part = f'<code code="MDC_ECG_CTL_VBL_ATTR_FILTER_{attribute}"/><value xsi:type="PQ" {frequency}/>'
    return (
        f'<controlVariable><controlVariable><code code="MDC_ECG_CTL_VBL_ATTR_FILTER_{kind}"/><component><controlVariable>{part}'
        "</controlVariable></component></controlVariable></controlVariable>\n"
    )
