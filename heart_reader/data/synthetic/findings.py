"""Findings: what each simulated disease changes in a healthy heart.

Vectors were chosen so that the average wave in each lead comes near to what is described for, and
seen in, clinical recordings that carry the same statement.

References
----------
Surawicz B. et al. AHA/ACCF/HRS recommendations for the standardization and interpretation of the
ECG, part III: intraventricular conduction disturbances. Circulation 119 (2009) e235-e240. Wagner G.
S. et al. The same recommendations, part VI: acute ischemia and infarction. Circulation 119 (2009)
e262-e270. Sokolow M., Lyon T. P. The ventricular complex in left ventricular hypertrophy. Am. Heart
J. 37 (1949) 161-186.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from heart_reader.data.synthetic.heart import Vector, Wave

__all__ = ["FINDINGS", "SHARES", "Finding"]

Range = tuple[float, float]


@dataclass(frozen=True)
class Finding:
    """One disease; None leaves a thing as it is in health.

    Parameters
    ----------
    superclass
        The diagnostic superclass of its first statement.
    scp_codes
        Statements and their likelihood in percent.
    qrs
        New QRS waves, where conduction takes another way.
    septal, main, late
        New vectors of the first three QRS waves, where conduction is normal, mV. Where it is not,
        only ``septal`` counts.
    st, t
        New vectors of the ST segment and the T wave, mV.
    qrs_ms, pr_ms, qtc_ms
        Ranges in milliseconds.
    axis_deg
        Range of the QRS axis in degrees.
    sokolow_mv
        Range of the least sum of S in V1 and the larger R of V5 and V6, mV; a heart that has more
        of its own keeps it.
    """

    superclass: str
    scp_codes: Mapping[str, float]
    qrs: tuple[Wave, ...] | None = None
    septal: Vector | None = None
    main: Vector | None = None
    late: Vector | None = None
    st: Vector | None = None
    t: Vector | None = None
    qrs_ms: Range | None = None
    pr_ms: Range | None = None
    qtc_ms: Range | None = None
    axis_deg: Range | None = None
    sokolow_mv: Range | None = None


# Right bundle branch block: a normal start, then slow spread to the right and front.
_RBBB = (
    Wave(0.0, 0.12, 0.24, (-0.04, -0.02, -0.22)),
    Wave(0.07, 0.24, 0.41, (0.84, 0.06, 0.04)),
    Wave(0.22, 0.37, 0.54, (-0.10, -0.05, 0.05)),
    Wave(0.40, 0.54, 0.72, (-0.24, -0.08, -0.54)),
    Wave(0.53, 0.74, 1.0, (-0.42, -0.05, -0.52)),
)
# The incomplete form: the same with a short and small last part.
_IRBBB = (
    Wave(0.0, 0.16, 0.32, (-0.05, -0.02, -0.22)),
    Wave(0.10, 0.33, 0.56, (0.95, 0.50, 0.30)),
    Wave(0.30, 0.49, 0.70, (-0.12, 0.0, 0.38)),
    Wave(0.58, 0.78, 1.0, (-0.26, -0.06, -0.30)),
)
# Left bundle branch block: slowly to the left and back, no first force to the right, a notch
# between two summits.
_LBBB = (
    Wave(0.0, 0.14, 0.30, (0.22, 0.12, 0.30)),
    Wave(0.12, 0.34, 0.56, (0.66, 0.26, 1.85)),
    Wave(0.38, 0.62, 0.84, (0.84, 0.0, 1.20)),
    Wave(0.64, 0.82, 1.0, (0.18, -0.10, 0.12)),
)
# Left anterior fascicular block: first down and right, then up and left.
_LAFB = (
    Wave(0.0, 0.18, 0.36, (-0.12, 0.24, -0.24)),
    Wave(0.11, 0.36, 0.61, (0.90, -0.14, 0.42)),
    Wave(0.32, 0.56, 0.82, (-0.18, -0.46, 0.50)),
    Wave(0.56, 0.78, 1.0, (-0.20, -0.24, 0.10)),
)

FINDINGS: dict[str, Finding] = {
    "normal": Finding("NORM", {"NORM": 100.0}),
    # First forces point up (Q in III and aVF, often II), T turns up too.
    "inferior infarction": Finding(
        "MI",
        {"IMI": 100.0, "QWAVE": 0.0},
        septal=(0.08, -0.40, -0.28),
        main=(0.90, 0.10, 0.28),
        late=(-0.14, 0.20, 0.58),
        st=(-0.03, 0.02, -0.05),
        t=(0.20, -0.14, -0.18),
    ),
    # No first forces to the front (QS or a tiny r in V1 to V3), T turned away from the front.
    "anteroseptal infarction": Finding(
        "MI",
        {"ASMI": 100.0, "QWAVE": 0.0},
        septal=(0.10, 0.06, 0.26),
        main=(0.62, 0.34, 0.84),
        late=(-0.06, 0.0, 0.42),
        st=(-0.01, -0.01, -0.13),
        t=(-0.08, 0.06, 0.22),
    ),
    # QS as far as V4, ST still raised, T upright.
    "anterior infarction": Finding(
        "MI",
        {"AMI": 100.0, "STE_": 0.0},
        septal=(-0.10, 0.04, 0.30),
        main=(0.25, 0.36, 0.90),
        late=(-0.20, 0.0, 0.42),
        st=(0.06, -0.01, -0.20),
        t=(0.10, 0.08, -0.24),
    ),
    # Q in I, aVL, V5 and V6, little R left there, T inverted.
    "lateral infarction": Finding(
        "MI",
        {"LMI": 100.0, "QWAVE": 0.0},
        septal=(-0.46, 0.14, -0.10),
        main=(0.44, 0.50, 0.42),
        late=(-0.10, 0.06, 0.40),
        st=(0.02, 0.0, -0.06),
        t=(-0.13, 0.14, -0.16),
    ),
    "flat T": Finding("STTC", {"NDT": 100.0, "LOWT": 0.0}, st=(-0.03, -0.02, -0.04), t=(0.06, 0.03, -0.08)),
    "ischemia": Finding("STTC", {"ISC_": 100.0, "STD_": 0.0}, st=(-0.13, -0.07, -0.07), t=(-0.10, -0.03, -0.12)),
    "anterolateral ischemia": Finding("STTC", {"ISCAL": 100.0, "INVT": 0.0}, st=(-0.10, -0.01, 0.0), t=(-0.22, 0.04, 0.08)),
    "inferolateral ischemia": Finding("STTC", {"ISCIL": 100.0, "STD_": 0.0}, st=(-0.09, -0.11, -0.02), t=(-0.08, -0.14, -0.10)),
    "long QT": Finding("STTC", {"LNGQT": 100.0}, qtc_ms=(490.0, 540.0)),
    "right bundle branch block": Finding(
        "CD", {"CRBBB": 100.0}, qrs=_RBBB, st=(0.01, 0.01, 0.04), t=(0.26, 0.12, 0.10), qrs_ms=(126.0, 158.0), qtc_ms=(420.0, 455.0)
    ),
    "left bundle branch block": Finding(
        "CD",
        {"CLBBB": 100.0},
        qrs=_LBBB,
        st=(-0.12, -0.05, -0.32),
        t=(-0.17, 0.02, -0.52),
        qrs_ms=(134.0, 168.0),
        qtc_ms=(430.0, 470.0),
        axis_deg=(-40.0, 35.0),
    ),
    "incomplete right bundle branch block": Finding("CD", {"IRBBB": 100.0}, qrs=_IRBBB, qrs_ms=(102.0, 116.0)),
    "left anterior fascicular block": Finding(
        "CD", {"LAFB": 100.0}, qrs=_LAFB, t=(0.28, 0.15, -0.14), qrs_ms=(96.0, 114.0), axis_deg=(-72.0, -47.0)
    ),
    "first degree AV block": Finding("CD", {"1AVB": 100.0, "LPR": 0.0}, pr_ms=(212.0, 285.0)),
    "left ventricular hypertrophy": Finding(
        "HYP",
        {"LVH": 100.0, "VCLVH": 0.0},
        main=(1.45, 0.45, 0.70),
        late=(-0.02, 0.0, 0.85),
        st=(-0.02, -0.02, -0.08),
        t=(0.18, 0.08, -0.18),
        qrs_ms=(92.0, 108.0),
        sokolow_mv=(3.6, 5.4),
        axis_deg=(-25.0, 50.0),
    ),
}

# How often each finding stands for its superclass.
SHARES: dict[str, dict[str, float]] = {
    "NORM": {"normal": 1.0},
    "MI": {"inferior infarction": 0.42, "anteroseptal infarction": 0.38, "anterior infarction": 0.09, "lateral infarction": 0.11},
    "STTC": {"flat T": 0.34, "ischemia": 0.32, "anterolateral ischemia": 0.15, "inferolateral ischemia": 0.12, "long QT": 0.07},
    "CD": {
        "left anterior fascicular block": 0.27,
        "right bundle branch block": 0.2,
        "left bundle branch block": 0.2,
        "first degree AV block": 0.18,
        "incomplete right bundle branch block": 0.15,
    },
    "HYP": {"left ventricular hypertrophy": 1.0},
}
