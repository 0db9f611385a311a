"""What a Philips XML file says of its ECG beside the signal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heart_reader.data.device_report import DeviceReport, MedianBeats, Patient
from heart_reader.data.formats.files import plausible_age
from heart_reader.data.formats.xml_file import number_of, text_of
from heart_reader.data.formats.xml_leads import age_between, is_bazett, iso_time, one_line, positive

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

__all__ = ["flag", "philips_age", "philips_report", "philips_sex", "stated_signal"]

_SEXES = {"male": "male", "female": "female"}
_YEARS = {"years": 1.0, "months": 1 / 12, "weeks": 7 / 365.25, "days": 1 / 365.25, "hours": 1 / 8766, "minutes": 1 / 525960}
_NOT_CONFIRMED = ("Not yet determined", "New", "Await review", "Await confirm", "Unconfirmed")
_FLAGS = {"true": True, "false": False}
# Element of a measurement in versions 1.04 and 1.03, by our name.
_MEASURED = {
    "heart_rate_bpm": ("heartrate", "meanventrate"),
    "p_ms": ("pdur",),
    "pr_ms": ("print", "meanprint"),
    "qrs_ms": ("qrsdur", "meanqrsdur"),
    "qt_ms": ("qtint", "meanqtint"),
    "qtc_bazett_ms": ("qtcb",),
    "qtc_fridericia_ms": ("qtcf",),
    "p_axis_deg": ("pfrontaxis",),
    "qrs_axis_deg": ("qrsfrontaxis",),
    "t_axis_deg": ("tfrontaxis",),
    "st_axis_deg": ("stfrontaxis",),
    "rr_mean_ms": ("rrint",),
    "qt_dispersion_ms": ("qtintdispersion",),
    "n_beats": ("numberofcomplexes",),
}


def flag(text: str | None) -> bool | None:
    """Return what True and False mean, None for anything else."""
    return _FLAGS.get((text or "").strip().lower())


def stated_signal(root: Element, waveform: Element, *names: str) -> str | None:
    """Return what a waveform states of itself, or else what the acquisition states of it."""
    characteristics = root.find("dataacquisition/signalcharacteristics")
    found = (waveform.get(name) for name in names)
    return next((text for text in found if text), None) or next((text for name in names if (text := text_of(characteristics, name))), None)


def philips_age(root: Element) -> float | None:
    """Return the age in years; a default age is the recorder's, not the patient's."""
    age = root.find("patient/generalpatientdata/age")
    for unit, years in _YEARS.items():
        if (value := number_of(text_of(age, unit))) is not None:
            return plausible_age(value * years)
    acquisition = root.find("dataacquisition")
    return plausible_age(age_between(text_of(age, "dateofbirth"), None if acquisition is None else acquisition.get("date")))


def philips_sex(root: Element) -> str | None:
    """Return male, female or None."""
    return _SEXES.get((text_of(root, "patient/generalpatientdata/sex") or "").lower())


def philips_report(root: Element, waveform: Element, medians: MedianBeats | None, *, identity: bool) -> DeviceReport:
    """Gather what the file states; of several interpretations the last."""
    acquisition = root.find("dataacquisition")
    date, time = (None, None) if acquisition is None else (acquisition.get("date"), acquisition.get("time"))
    interpretations = root.findall("interpretations/interpretation")
    latest = max(interpretations, key=lambda item: (item.get("date") or "", item.get("time") or ""), default=None)
    low, high, notch = _filters(root, waveform)
    status = root.get("status")
    return DeviceReport(
        device=_device(root),
        acquired=iso_time(date, time),
        low_hz=low,
        high_hz=high,
        notch_hz=notch,
        measurements=_measurements(root, latest),
        statements=_statements(latest),
        confirmed=True if status == "Confirmed" else False if status in _NOT_CONFIRMED else None,
        medians=medians,
        patient=_patient(root) if identity else None,
    )


def _device(root: Element) -> str | None:
    """Name of the recorder, and maker, model and program where they are given."""
    machine = root.find("dataacquisition/machine")
    details = "" if machine is None else machine.get("detaildescription") or ""
    return one_line(text_of(machine), *(part.strip() for part in details.split(":")))


def _filters(root: Element, waveform: Element) -> tuple[float | None, float | None, float | None]:
    low, high = (number_of(stated_signal(root, waveform, name)) for name in ("hipass", "lowpass"))
    if low is None and high is None:
        edges = (text_of(root, "dataacquisition/signalcharacteristics/signalbandwidth") or "").split("-")
        low, high = (number_of(edges[0]), number_of(edges[1])) if len(edges) == 2 else (None, None)
    notch = None
    if flag(stated_signal(root, waveform, "notchfiltered")):
        notch = number_of((stated_signal(root, waveform, "notchfilterfreqs") or "").partition(" ")[0])
    return tuple(hertz if hertz and hertz > 0 else None for hertz in (low, high, notch))  # type: ignore[return-value]


def _measurements(root: Element, interpretation: Element | None) -> dict[str, float]:
    """Measurements of the interpretation, which a person may have edited, before the program's."""
    places = (
        [None, None] if interpretation is None else [interpretation.find(f"{name}measurements") for name in ("global", "interpretation")]
    )
    places += [root.find("internalmeasurements/crossleadmeasurements"), root.find("measurements/globalmeasurements")]

    def first(names: tuple[str, ...]) -> float | None:
        found = (number_of(text_of(place, name)) for place in places if place is not None for name in names)
        return next((value for value in found if value is not None), None)

    values = {name: first(elements) for name, elements in _MEASURED.items()}
    unnamed = first(("meanqtc",))
    if values["qtc_bazett_ms"] is None and is_bazett(unnamed, values["qt_ms"], values["heart_rate_bpm"]):
        values["qtc_bazett_ms"] = unnamed
    return positive(**values)


def _statements(interpretation: Element | None) -> tuple[str, ...]:
    """Statements with their reasons in brackets, and the verdict."""
    if interpretation is None:
        return ()
    said = []
    for item in interpretation.findall("statement"):
        left, right = text_of(item, "leftstatement"), text_of(item, "rightstatement")
        said.append(f"{left} ({right})" if left and right else left or right or "")
    said.append((text_of(interpretation, "severity") or "").strip("- "))
    return tuple(statement for statement in said if statement)


def _patient(root: Element) -> Patient:
    data = root.find("patient/generalpatientdata")
    return Patient(
        name=one_line(text_of(data, "name/lastname"), text_of(data, "name/firstname")),
        patient_id=text_of(data, "patientid"),
        birth_date=iso_time(text_of(data, "age/dateofbirth"), None),
    )
