"""The benchmark's six levels, the 22 frequent diagnoses, and two questions of yes or no.

References
----------
Strodthoff N. et al. Deep learning for ECG analysis: benchmarks and insights from PTB-XL. IEEE JBHI
25 (2021) 1519-1528.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from heart_reader.data.labels import ALL, SUPERCLASSES, SUPERDIAGNOSTIC
from heart_reader.data.scp_statements import ScpStatement
from heart_reader.data.tasks import Grouping, Groups, register_contrast, register_task

__all__ = ["FREQUENT", "FREQUENT_STATEMENTS"]

FREQUENT = "frequent"

# Diagnoses, rhythms and extrasystoles that at least 296 of PTB-XL's records carry, with the
# statements each is made of. Statements of one finding that differ in the part of the wall or in
# their certainty stand together; the next in frequency, lateral infarction (LMI, 201), is left out.
# So are sinus rhythm (SR), which says nothing beside the others, and descriptions of form (ABQRS,
# VCLVH, STD_ ...), which the diagnoses interpret. Figures: records of PTB-XL 1.0.1; of a group, the
# sum over its statements.
FREQUENT_STATEMENTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "NORM": ("NORM",),  # normal ECG, 9528
        "IMI": ("IMI", "ILMI", "IPLMI", "IPMI"),  # inferior infarction, 3248
        "AMI": ("ASMI", "AMI", "ALMI"),  # anterior infarction, 3007
        "INJ": ("INJAS", "INJAL", "INJIN", "INJLA", "INJIL"),  # subendocardial injury, 413
        "ISC": ("ISC_", "ISCAL", "ISCIN", "ISCIL", "ISCAS", "ISCLA", "ISCAN"),  # ischemia, 2689
        "NDT": ("NDT",),  # non-diagnostic T abnormalities, 1829
        "NST": ("NST_",),  # non-specific ST changes, 770
        "LBBB": ("CLBBB",),  # complete left bundle branch block, 536
        "RBBB": ("CRBBB",),  # complete right bundle branch block, 542
        "IRBBB": ("IRBBB",),  # incomplete right bundle branch block, 1118
        "LAFB": ("LAFB",),  # left anterior fascicular block, 1626
        "IVCD": ("IVCD",),  # non-specific intraventricular conduction block, 789
        "1AVB": ("1AVB",),  # first degree AV block, 797
        "LVH": ("LVH",),  # left ventricular hypertrophy, 2137
        "LAE": ("LAO/LAE",),  # left atrial overload or enlargement, 427
        "AFIB": ("AFIB",),  # atrial fibrillation, 1514
        "STACH": ("STACH",),  # sinus tachycardia, 826
        "SBRAD": ("SBRAD",),  # sinus bradycardia, 637
        "SARRH": ("SARRH",),  # sinus arrhythmia, 772
        "PACE": ("PACE",),  # artificial pacemaker, 296
        "PVC": ("PVC",),  # ventricular premature complex, 1146
        "PAC": ("PAC",),  # atrial premature complex, 398
    }
)


def _of_kind(letter: str) -> Grouping:
    """Make each statement of a kind (or, for an empty letter, each statement) a class."""
    return lambda statements: {statement.code: [statement.code] for statement in statements if letter in statement.kinds}


def _below(kind: str, names: Sequence[str] = ()) -> Grouping:
    """Group diagnostic statements by a class of theirs, in the order of names or of statements."""

    def group(statements: Sequence[ScpStatement]) -> Groups:
        diagnostic = [statement for statement in statements if "d" in statement.kinds]
        order = names or dict.fromkeys(getattr(statement, kind) for statement in diagnostic)
        return {name: [statement.code for statement in diagnostic if getattr(statement, kind) == name] for name in order}

    return group


register_task(ALL, "all statements")(_of_kind(""))
register_task("diagnostic", "diagnostic statements")(_of_kind("d"))
register_task("subdiagnostic", "diagnostic subclasses")(_below("subclass"))
register_task(SUPERDIAGNOSTIC, "diagnostic superclasses")(_below("superclass", SUPERCLASSES))
register_task("form", "statements of form")(_of_kind("f"))
register_task("rhythm", "statements of rhythm")(_of_kind("r"))
register_task(FREQUENT, "22 frequent diagnoses")(lambda _: FREQUENT_STATEMENTS)
register_contrast("mi_vs_norm", "infarction against normal", "MI", present=("MI",), absent=("NORM",))
register_contrast("normal_vs_abnormal", "normal against abnormal", "ABNORMAL", present=("MI", "STTC", "CD", "HYP"), absent=("NORM",))
