"""What measurements and the measured rhythm add to the statements, line by line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from heart_reader.conclusion.reconcile import ClassReading
from heart_reader.conclusion.table import class_name
from heart_reader.conclusion.whole import Line, RhythmLines, WholeRhythm
from heart_reader.messages import Message, message

if TYPE_CHECKING:
    from heart_reader.features.measurement import Measurements
    from heart_reader.features.rhythm import Rhythm

__all__ = ["Facts", "Line", "RhythmLines", "measured_codes", "measured_lines", "not_normal", "rhythm_lines", "trusted_numbers"]


# Statements that say what rhythm it is, the most specific first.
_BASIC = ("PACE", "AFIB", "AFLT", "SVTAC", "PSVT", "SVARR", "STACH", "SBRAD", "SARRH", "SR")
_SINUS = ("SR", "SARRH", "STACH", "SBRAD")
# A measured rhythm as the statement of it.
_CODE_OF = {
    "atrial_fibrillation": "AFIB",
    "atrial_flutter": "AFLT",
    "supraventricular_tachycardia": "SVTAC",
    "paced": "PACE",
}
_CODE_OF_FINDING = {
    "premature_ventricular": "PVC",
    "premature_supraventricular": "PAC",
    "bigeminy": "BIGU",
    "trigeminy": "TRIGU",
    "av_block_1": "1AVB",
    "av_block_2": "2AVB",
    "av_block_3": "3AVB",
}
_FAST_BPM, _SLOW_BPM = 100.5, 49.5
# Adults; sex not known: the higher limit.
_LONG_QTC_MS = {"male": 450.0, "female": 460.0, None: 460.0}
_LONG_PR_MS, _WIDE_QRS_MS = 210.0, 120.0
_LEFT_DEG, _RIGHT_DEG = -30.0, 90.0
_CONDUCTION = {"CLBBB", "CRBBB", "ILBBB", "IRBBB", "IVCD", "WPW", "PACE"}


@dataclass(frozen=True)
class Facts:
    """What is known of a recording beside the statements.

    Parameters
    ----------
    numbers
        Name to value of what was measured, without what deserves little trust; empty where nothing
        was measured.
    rhythm
        As measured; None where nothing was.
    sex
        ``"male"``, ``"female"`` or None.
    poor
        Why nothing can be decided; None where it can.
    good
        Whether the signal is good in all leads.
    whole
        The rhythm of a recording that was read as a whole, which stands in place of ``rhythm``;
        None for any other.
    """

    numbers: Mapping[str, float] = field(default_factory=dict)
    rhythm: Rhythm | None = None
    sex: str | None = None
    poor: Message | None = None
    good: bool = True
    whole: WholeRhythm | None = None


def trusted_numbers(measurements: Measurements | None) -> dict[str, float]:
    """Return what was measured without reservation, and the rate, by name."""
    if measurements is None:
        return {}
    given = {name: of.value for name, of in measurements.values.items() if of.reason is None or name == "heart_rate_bpm"}
    given |= {name: of.value for name, of in measurements.rhythm.values.items()}
    return {name: value for name, value in given.items() if value is not None}


def rhythm_lines(stated: Sequence[str], statements: Mapping[str, ClassReading], facts: Facts) -> RhythmLines:
    """Write the one basic rhythm with its rate, then extra beats, blocks and pauses.

    A statement names the rhythm; where none is stated, the measured rhythm does; where neither
    says, the reason stands there.
    """
    if facts.whole is not None:
        return facts.whole.lines_with({code: statements[code] for code in stated})
    basic = next((code for code in _BASIC if code in stated), None)
    rate = facts.numbers.get("heart_rate_bpm")
    extras = tuple(_extras(stated, statements, facts))
    codes: tuple[str, ...] = () if basic is None else (basic,)
    probability = None if basic is None else statements[basic].probability
    if basic is not None:
        name = class_name(basic)
    else:
        measured = _measured_rhythm(facts)
        if measured is None:
            reason = message("not_measured") if facts.rhythm is None else facts.rhythm.reason
            undecided = Line("rhythm", message("rhythm_not_decided", reason=reason), abnormal=False)
            return RhythmLines((undecided, *extras), False)
        basic, name = measured
    text = name if rate is None else message("rhythm_rate" if basic in _SINUS else "rhythm_ventricular_rate", rhythm=name, rate=rate)
    normal = basic in ("SR", "SARRH") and (rate is None or _SLOW_BPM <= rate <= _FAST_BPM)
    line = Line("rhythm", text, codes, probability, abnormal=not normal)
    return RhythmLines((line, *extras), normal and not extras and not_normal(facts) is None)


def _measured_rhythm(facts: Facts) -> tuple[str, Message] | None:
    """Return the measured rhythm as statement and in words; None without one."""
    measured = None if facts.rhythm is None else facts.rhythm.name
    if measured is None:
        return None
    if measured == "sinus":
        rate = facts.numbers.get("heart_rate_bpm")
        code = "STACH" if rate is not None and rate > _FAST_BPM else "SBRAD" if rate is not None and rate < _SLOW_BPM else "SR"
        return code, class_name(code)
    if measured in _CODE_OF:
        return _CODE_OF[measured], class_name(_CODE_OF[measured])
    return measured, message("ventricular_tachycardia") if measured == "ventricular_tachycardia" else message("junctional_rhythm")


def measured_codes(facts: Facts) -> set[str]:
    """Return the statements that what was measured is the definition of."""
    if facts.whole is not None:
        return set(facts.whole.codes)
    if facts.rhythm is None:
        return set()
    measured = _measured_rhythm(facts)
    found = {code for finding, code in _CODE_OF_FINDING.items() if finding in facts.rhythm.findings}
    return found if measured is None else found | {measured[0]}


def not_normal(facts: Facts) -> Message | None:
    """Return the measured finding that no normal ECG has; None without one."""
    if facts.rhythm is None:
        return None
    for finding, code in (("av_block_3", "3AVB"), ("av_block_2", "2AVB")):
        if finding in facts.rhythm.findings:
            return class_name(code)
    if facts.whole is not None:
        return facts.whole.not_normal
    if "ventricular_run" in facts.rhythm.findings:
        return message("ventricular_run")
    measured = _measured_rhythm(facts)
    return None if measured is None or measured[0] in _SINUS else measured[1]


def _extras(stated: Sequence[str], statements: Mapping[str, ClassReading], facts: Facts) -> Iterator[Line]:
    findings = () if facts.rhythm is None else facts.rhythm.findings
    beats = Counter(() if facts.rhythm is None else facts.rhythm.beats)
    for code, finding, kind in (("PVC", "premature_ventricular", "ventricular"), ("PAC", "premature_supraventricular", "supraventricular")):
        said = code in stated or (finding in findings and _not_absent(code, statements))
        if said:
            count = beats[kind] if finding in findings else 0
            text = message("with_count", finding=class_name(code), count=count) if count else class_name(code)
            yield _line(code, text, stated, statements)
    for code, finding in (("BIGU", "bigeminy"), ("TRIGU", "trigeminy")):
        if code in stated or (finding in findings and _not_absent(code, statements)):
            yield _line(code, class_name(code), stated, statements)
    if "PRC(S)" in stated:
        yield Line("rhythm", class_name("PRC(S)"), ("PRC(S)",), statements["PRC(S)"].probability)
    if "ventricular_run" in findings:
        yield Line("rhythm", message("ventricular_run"))
    elif "couplet" in findings:
        yield Line("rhythm", message("ventricular_couplet"))
    if "pause" in findings and "rr_max_ms" in facts.numbers:
        yield Line("rhythm", message("pause", seconds=facts.numbers["rr_max_ms"] / 1000.0))


def _line(code: str, text: Message, stated: Sequence[str], statements: Mapping[str, ClassReading]) -> Line:
    """Return a line for a statement if it is stated, else for what was measured."""
    return Line("rhythm", text, (code,), statements[code].probability) if code in stated else Line("rhythm", text)


def _not_absent(code: str, statements: Mapping[str, ClassReading]) -> bool:
    """State what was measured unless the model is sure that it is absent."""
    return code not in statements or statements[code].decision != "absent" or statements[code].threshold is None


def measured_lines(stated: Sequence[str], facts: Facts) -> Iterator[Line]:
    """Write intervals and axes beyond their limits that no statement speaks of."""
    numbers, paced = facts.numbers, "PACE" in stated or (facts.rhythm is not None and facts.rhythm.name == "paced")
    findings = () if facts.rhythm is None else facts.rhythm.findings
    pr, qrs, axis = (numbers.get(name) for name in ("pr_ms", "qrs_ms", "qrs_axis_deg"))
    for code, finding in (("2AVB", "av_block_2"), ("3AVB", "av_block_3")):
        if finding in findings and code not in stated:
            yield Line("conduction", class_name(code))
    if pr is not None and pr > _LONG_PR_MS and not paced and not {"1AVB", "LPR", "AFIB", "AFLT", "2AVB", "3AVB"} & set(stated):
        yield Line("conduction", _with(message("long_pr"), "PR", pr))
    if qrs is not None and qrs >= _WIDE_QRS_MS and not paced and not _CONDUCTION & set(stated):
        yield Line("conduction", _with(message("wide_qrs"), "QRS", qrs))
    qtc = numbers.get("qtc_fridericia_ms")
    limit = _LONG_QTC_MS.get(facts.sex, 460.0)
    if qtc is not None and qtc > limit and not paced and "LNGQT" not in stated:
        wide = qrs is not None and qrs >= _WIDE_QRS_MS
        # A wide QRS complex lengthens QT by itself.
        if not wide or qtc > limit + 40.0:
            yield Line("conduction", message("long_qtc", qtc=qtc, limit=limit))
    if axis is not None and not paced and not {"LAFB", "LPFB"} & set(stated):
        if -90.0 <= axis < _LEFT_DEG:
            yield Line("axis", message("left_axis", degrees=axis))
        elif _RIGHT_DEG < axis <= 180.0:
            yield Line("axis", message("right_axis", degrees=axis))
        elif axis < -90.0:
            yield Line("axis", message("extreme_axis", degrees=axis))


def _with(finding: Message, name: str, value: float) -> Message:
    return message("with_measure", finding=finding, measured=message("duration_value", name=name, duration=value))
