"""Find contradictions in a finished reading from its decisions, numbers and headline alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from heart_reader.conclusion.reconcile import NORMAL, broken_conditions
from heart_reader.conclusion.table import read_table
from heart_reader.data.labels import ALL, SUPERDIAGNOSTIC
from heart_reader.data.scp_statements import SCP_STATEMENTS
from heart_reader.data.tasks.ptbxl import FREQUENT, FREQUENT_STATEMENTS

if TYPE_CHECKING:
    from heart_reader.features.rhythm import Rhythm

__all__ = ["LEAST_PRESENT", "NOT_NORMAL", "SUPERCLASS_OF", "find_contradictions"]

# Nothing of a smaller probability is present: of 43 statements below it on records of validation
# none applied.
LEAST_PRESENT = 0.05
# No reading with one of these rhythms is a normal one.
NOT_NORMAL = ("AFIB", "AFLT", "SVTAC", "PSVT", "PACE", "2AVB", "3AVB")
_MEASURED_NOT_NORMAL = (
    "atrial_fibrillation",
    "atrial_flutter",
    "supraventricular_tachycardia",
    "ventricular_tachycardia",
    "junctional",
    "paced",
)
# Level to statement to the group of statements that it belongs to there.
_GROUPS_OF = {
    "subdiagnostic": {statement.code: statement.subclass for statement in SCP_STATEMENTS if statement.subclass},
    FREQUENT: {code: name for name, codes in FREQUENT_STATEMENTS.items() for code in codes},
}
# Diagnostic statement to its superclass.
SUPERCLASS_OF = {statement.code: statement.superclass for statement in SCP_STATEMENTS if statement.superclass}


def find_contradictions(
    levels: Mapping[str, Mapping[str, str]],
    probabilities: Mapping[str, Mapping[str, float]],
    measurements: Mapping[str, float | None],
    rhythm: Rhythm | None,
    conclusion_kind: str | None,
) -> tuple[str, ...]:
    """Return one code for each contradiction, such as ``"exclusion:CLBBB+CRBBB"``.

    Parameters
    ----------
    levels, probabilities
        Level to class to decision, and to probability.
    measurements
        Name to value, None where not measured.
    rhythm
        As measured; None where nothing was.
    conclusion_kind
        ``"normal"``, ``"abnormal"``, ``"undecided"`` or None.
    """
    present = {level: {name for name, decision in of.items() if decision == "present"} for level, of in levels.items()}
    stated, superclasses = present.get(ALL, set()), present.get(SUPERDIAGNOSTIC, set())
    named = stated | (superclasses - {NORMAL})
    found = [f"exclusion:{rule.first}+{rule.second}" for rule in read_table().exclusions if rule.first in named and rule.second in named]
    if NORMAL in superclasses:
        found += [f"exclusion:{NORMAL}+{name}" for name in sorted(superclasses - {NORMAL})]
        excluded = {
            rule.second if rule.first == NORMAL else rule.first for rule in read_table().exclusions if NORMAL in (rule.first, rule.second)
        }
        found += [f"exclusion:{NORMAL}+{name}" for name in sorted(excluded & stated)]
    values = {name: value for name, value in measurements.items() if value is not None}
    values |= {} if rhythm is None else {name: of.value for name, of in rhythm.values.items() if of.value is not None}
    found += [f"measured:{code}" for code in sorted(broken_conditions(stated, values))]
    found += [
        f"levels:{code}"
        for code in sorted(stated)
        if code in SUPERCLASS_OF and levels.get(SUPERDIAGNOSTIC) and SUPERCLASS_OF[code] not in superclasses
    ]
    found += [
        f"levels:{code}"
        for level, groups in _GROUPS_OF.items()
        for code in sorted(stated)
        if levels.get(level, {}).get(groups.get(code, ""), "present") != "present"
    ]
    found += [f"improbable:{code}" for code in sorted(stated) if probabilities.get(ALL, {}).get(code, 1.0) < LEAST_PRESENT]
    if conclusion_kind == "normal":
        found += [f"normal_over:{code}" for code in NOT_NORMAL if code in stated]
        found += [f"normal_over:{name}" for name in sorted(superclasses - {NORMAL})]
        if rhythm is not None and rhythm.name in _MEASURED_NOT_NORMAL:
            found.append(f"normal_over:{rhythm.name}")
    return tuple(dict.fromkeys(found))
