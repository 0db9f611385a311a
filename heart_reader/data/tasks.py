"""Questions beside PTB-XL's own six levels: the 22 frequent diagnoses, infarction against normal,
normal against abnormal.

Each is a level like any other, so ``task.level`` may name it, and a network trained on statements
or superclasses answers it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from heart_reader.data.labels import SUPERDIAGNOSTIC, Contrast, Level

__all__ = ["CONTRASTS", "FREQUENT", "FREQUENT_STATEMENTS", "contrast_levels", "frequent_level", "missing_statements"]

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

# Name of the level to its one class, the superclasses that make it present, and those that make it
# absent.
CONTRASTS: Mapping[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = MappingProxyType(
    {
        "mi_vs_norm": ("MI", ("MI",), ("NORM",)),
        "normal_vs_abnormal": ("ABNORMAL", ("MI", "STTC", "CD", "HYP"), ("NORM",)),
    }
)


def missing_statements(codes: Sequence[str]) -> tuple[str, ...]:
    """Return the statements of the frequent diagnoses that are not among ``codes``.

    Examples
    --------
    >>> missing_statements(["NORM"])[:2]
    ('IMI', 'ILMI')
    """
    return tuple(code for group in FREQUENT_STATEMENTS.values() for code in group if code not in codes)


def frequent_level(codes: Sequence[str]) -> dict[str, Level]:
    """Return the level of the 22 frequent diagnoses by its name, or nothing where ``codes`` lack
    one of its statements.

    Parameters
    ----------
    codes
        The classes of the level ``all``, in their order.

    Examples
    --------
    >>> from heart_reader.data.scp_statements import SCP_STATEMENTS
    >>> len(frequent_level([statement.code for statement in SCP_STATEMENTS])["frequent"].class_names)
    22
    """
    if missing_statements(codes):
        return {}
    members = tuple(tuple(codes.index(code) for code in group) for group in FREQUENT_STATEMENTS.values())
    return {FREQUENT: Level(FREQUENT, tuple(FREQUENT_STATEMENTS), members)}


def contrast_levels(superclasses: Sequence[str]) -> dict[str, Level]:
    """Return the binary levels, by name, whose superclasses are all there.

    Parameters
    ----------
    superclasses
        The classes of the level ``superdiagnostic``, in their order.

    Examples
    --------
    >>> list(contrast_levels(["NORM", "MI"]))
    ['mi_vs_norm']
    """
    levels = {}
    for name, (class_name, present, absent) in CONTRASTS.items():
        if set(superclasses) >= {*present, *absent}:
            sides = [tuple(superclasses.index(superclass) for superclass in side) for side in (present, absent)]
            levels[name] = Level(name, (class_name,), contrast=Contrast(SUPERDIAGNOSTIC, *sides))
    return levels
