"""SCP-ECG, the European standard of electrocardiographs, with and without its compression.

References
----------
EN 1064 (ISO 11073-91064), Standard communication protocol - Computer-assisted electrocardiography.
Rubel P. et al. The history and challenges of SCP-ECG. Hearts 2 (2021) 384-409.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.device_report import DeviceReport, MedianBeats
from heart_reader.data.formats.agreement import agreed_names, filter_warnings, scale_warnings
from heart_reader.data.formats.files import Given
from heart_reader.data.formats.registry import register_format
from heart_reader.data.formats.scp_header import Header, parse_header
from heart_reader.data.formats.scp_leads import parse_leads
from heart_reader.data.formats.scp_report import parse_measurements, parse_statements
from heart_reader.data.formats.scp_sections import LEADS, Section, looks_like_scp, read_sections
from heart_reader.data.formats.scp_signal import Waveforms, read_waveforms
from heart_reader.data.leads import LIMB_LEADS, canonical_lead, canonical_leads
from heart_reader.data.limb_leads import with_limb_leads
from heart_reader.data.record import UNIT_TO_MV, EcgRecord, build_record
from heart_reader.errors import UnitError, UnreadableRecord
from heart_reader.messages import Message, message

__all__ = ["read_scp"]

_UNIT = "uV"
_HEADER = 1


@register_format(
    "scp",
    title="SCP-ECG",
    suffixes=(".scp",),
    sniff=lambda head, _: looks_like_scp(head),
    states="rate, unit, leads, filters, age and sex",
)
def read_scp(path: str, head: bytes, given: Given) -> EcgRecord:
    """Read the rhythm of an SCP-ECG record; see :class:`Format` for parameters and errors.

    ``given.leads`` names all leads.
    """
    warnings: list[Message] = []
    sections = read_sections(path, warnings)
    if LEADS not in sections:
        raise UnreadableRecord(message("scp_without_rhythm", where=path))
    leads = parse_leads(path, sections[LEADS].data, sections[LEADS].protocol)
    names = agreed_names(path, leads.names, given.leads)
    waveforms = read_waveforms(path, sections, leads, given, warnings)
    header, report = _report(sections, waveforms, names, warnings, identity=given.identity)
    warnings += filter_warnings(names, [(header.low_hz, header.high_hz)] * len(names))
    warnings += scale_warnings(names, [_UNIT] * len(names), [waveforms.step_uv] * len(names))
    rhythm: NDArray[np.floating] = waveforms.rhythm
    derived: list[str] = []
    # A lead whose number is not known may be one of these.
    if not {name.removeprefix("-") for name in canonical_leads(names)} & set(LIMB_LEADS[2:]):
        rhythm, names, derived = with_limb_leads(rhythm, canonical_leads(names))
    if derived:
        warnings.append(message("leads_derived", leads=derived))
    return build_record(
        os.path.splitext(os.path.basename(path))[0],
        rhythm,
        waveforms.fs,
        names,
        unit=_unit(path, given, warnings),
        age=header.age,
        sex=header.sex,
        source_format="scp",
        warnings=tuple(warnings),
        device_report=report,
    )


def _unit(path: str, given: Given, warnings: list[Message]) -> str:
    """Unit of the numbers, which the caller may override."""
    if given.unit is None:
        return _UNIT
    factor = UNIT_TO_MV.get(given.unit.strip().lower())
    if factor is None:
        raise UnitError(message("unit_unknown", where=path, unit=given.unit))
    if factor != UNIT_TO_MV[_UNIT.lower()]:
        warnings.append(message("unit_overridden", unit=given.unit, stated=[_UNIT]))
    return given.unit


def _report(
    sections: Mapping[int, Section], waveforms: Waveforms, names: tuple[str, ...], warnings: list[Message], *, identity: bool
) -> tuple[Header, DeviceReport]:
    """What the record says beside its rhythm; a warning names sections that end too early."""
    header = parse_header(sections[_HEADER].data, identity=identity) if _HEADER in sections else Header()
    measurements, cut_off = parse_measurements(sections)
    statements, confirmed, cut_off_too = parse_statements(sections, header.encoding)
    if damaged := [_HEADER] * header.cut_off + cut_off + cut_off_too:
        warnings.append(message("scp_sections_left_out", sections=[str(number) for number in damaged]))
    medians = None
    if waveforms.beat is not None:
        spelled = [canonical_lead(name) or name for name in names]
        signs = np.array([-1.0 if name[:1] == "-" else 1.0 for name in spelled])
        beat = waveforms.beat * signs[:, None] * UNIT_TO_MV[_UNIT.lower()]
        medians = MedianBeats(beat.astype(np.float32), waveforms.beat_fs, tuple(name.removeprefix("-") for name in spelled))
    return header, DeviceReport(
        device=header.device,
        acquired=header.acquired,
        low_hz=header.low_hz,
        high_hz=header.high_hz,
        notch_hz=header.notch_hz,
        measurements=measurements,
        statements=statements,
        confirmed=confirmed,
        medians=medians,
        patient=header.patient,
    )
