"""People at random, with chosen findings: what each simulated disease changes in a healthy heart.

References
----------
Surawicz B. et al. AHA/ACCF/HRS recommendations for the standardization and interpretation of the
ECG, part III: intraventricular conduction disturbances. Circulation 119 (2009) e235-e240. Wagner G.
S. et al. The same recommendations, part VI: acute ischemia and infarction. Circulation 119 (2009)
e262-e270. Sokolow M., Lyon T. P. The ventricular complex in left ventricular hypertrophy. Am. Heart
J. 37 (1949) 161-186.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from heart_reader.data.labels import SUPERCLASSES
from heart_reader.data.synthetic.beats import peak_leads_mv
from heart_reader.data.synthetic.heart import (
    CHEST_LEADS,
    HEART_DATA,
    HEARTS,
    MAX_BEAT_SHARE,
    EcgParameters,
    Morphology,
    NoiseLevels,
    Vector,
    Wave,
    as_tuples,
    axis_of,
    read_waves,
    scaled,
    turn_to_axis,
)
from heart_reader.errors import ConfigError

__all__ = ["FINDINGS", "SHARES", "Finding", "draw_findings", "draw_parameters", "random_parameters", "sokolow_lyon_mv"]

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
        New vectors, mV, of the first three QRS waves; of another conduction, ``septal`` alone.
    st, t
        New vectors of the ST segment and the T wave, mV.
    qrs_ms, pr_ms, qtc_ms, axis_deg
        Ranges in milliseconds and degrees.
    sokolow_mv
        Range of the least Sokolow-Lyon voltage, mV; a heart that has more of its own keeps it.
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


def _read_finding(note: str = "", qrs: Sequence[Any] | None = None, **values: Any) -> Finding:
    return Finding(qrs=None if qrs is None else read_waves(qrs), **as_tuples(values))


FINDINGS: dict[str, Finding] = {name: _read_finding(**values) for name, values in HEART_DATA["findings"].items()}
# How often each finding stands for its superclass.
SHARES: dict[str, dict[str, float]] = HEART_DATA["shares"]
# Conduction comes first, because it decides which waves there are; repolarisation has the last
# word.
_ORDER = ("NORM", "CD", "MI", "HYP", "STTC")
# Findings that hide others, or that read as something else when they meet another.
_ALONE = {"left bundle branch block", "incomplete right bundle branch block", "long QT", "flat T"}
_CLASH = {frozenset({"inferior infarction", "left anterior fascicular block"})}


def random_parameters(superclass: str | Sequence[str], rng: np.random.Generator) -> EcgParameters:
    """Draw one person whose ECG carries a superclass, or several of those that are not NORM.

    Raises
    ------
    ConfigError
        If a superclass is unknown, or NORM is joined with another.

    Examples
    --------
    >>> parameters = random_parameters("CD", np.random.default_rng(3))
    >>> sorted(parameters.scp_codes), parameters.sex
    (['LAFB', 'SR'], 'female')
    """
    return draw_parameters(draw_findings(superclass, rng), rng)


def draw_findings(superclass: str | Sequence[str], rng: np.random.Generator) -> tuple[str, ...]:
    """Draw one finding per superclass, such that they can be seen beside each other.

    Raises
    ------
    ConfigError
        If a superclass is unknown, or NORM is joined with another.
    """
    wanted = (superclass,) if isinstance(superclass, str) else tuple(superclass)
    unknown = [name for name in wanted if name not in SHARES]
    if unknown or not wanted or len(set(wanted)) < len(wanted) or ("NORM" in wanted and len(wanted) > 1):
        raise ConfigError(f"simulated superclasses {wanted}: choose one of {', '.join(SUPERCLASSES)}, or several without NORM")
    while True:
        found = tuple(str(rng.choice(list(SHARES[name]), p=list(SHARES[name].values()))) for name in sorted(wanted, key=_ORDER.index))
        clash = any(pair <= set(found) for pair in _CLASH) or (len(found) > 1 and not _ALONE.isdisjoint(found))
        if not clash:
            return found


def draw_parameters(findings: Sequence[str], rng: np.random.Generator) -> EcgParameters:
    """Draw one person with chosen findings (keys of ``FINDINGS``).

    Raises
    ------
    ConfigError
        If a finding is unknown.
    """
    unknown = [name for name in findings if name not in FINDINGS]
    if unknown or not findings:
        raise ConfigError(f"simulated findings {list(findings)}: choose among {', '.join(FINDINGS)}")
    present = sorted((FINDINGS[name] for name in findings), key=lambda finding: _ORDER.index(finding.superclass))
    healthy = present[0].superclass == "NORM"
    age = float(round(_normal(rng, 52.0, 17.0, 18.0, 89.0) if healthy else _normal(rng, 65.0, 13.0, 25.0, 89.0)))
    sex = "male" if rng.random() < 0.52 else "female"
    heart = _vary(_affected_heart(present, rng), rng, gain=1.08 if sex == "male" else 0.93)
    parameters = EcgParameters(
        morphology=heart,
        axis_deg=_draw_axis(present, heart, age, rng),
        rr_variability=min(0.09, float(rng.lognormal(math.log(0.035 if age < 50 else 0.02), 0.5))),
        chest_leads=_draw_chest_leads(rng),
        noise=_draw_noise(rng),
        age=age,
        sex=sex,
        scp_codes={code: likelihood for finding in present for code, likelihood in finding.scp_codes.items()},
        **_draw_intervals(present, sex, rng),
    )
    # PTB-XL names the sinus rhythm by its rate, with likelihood 0.
    rhythm = "SBRAD" if parameters.heart_rate_bpm < 60.0 else "STACH" if parameters.heart_rate_bpm > 100.0 else "SR"
    return _with_voltage(replace(parameters, scp_codes={**parameters.scp_codes, rhythm: 0.0}), present, rng)


def sokolow_lyon_mv(parameters: EcgParameters) -> float:
    """Return the Sokolow-Lyon voltage, S in V1 plus the larger R of V5 and V6, in mV."""
    highest, lowest = peak_leads_mv(parameters)
    return float(max(highest[6], highest[7]) - lowest[2])


def _normal(rng: np.random.Generator, mean: float, sd: float, low: float, high: float) -> float:
    return min(max(float(rng.normal(mean, sd)), low), high)


def _affected_heart(present: Sequence[Finding], rng: np.random.Generator) -> Morphology:
    """Apply the findings to a healthy heart, each to a degree of its own."""
    heart = HEARTS["normal"]
    normal_conduction = True
    for finding in present:
        degree = rng.uniform(0.8, 1.15)
        if finding.qrs is not None:
            heart, normal_conduction = replace(heart, qrs=finding.qrs), False
        vectors = (finding.septal, finding.main, finding.late) if normal_conduction else (finding.septal,)
        qrs = list(heart.qrs)
        for position, vector in enumerate(vectors):
            if vector is not None:
                qrs[position] = qrs[position]._replace(vector=_towards(qrs[position].vector, vector, degree))
        st = heart.st if finding.st is None else _towards(heart.st, finding.st, degree)
        t = heart.t if finding.t is None else (heart.t[0]._replace(vector=_towards(heart.t[0].vector, finding.t, degree)),)
        heart = replace(heart, qrs=tuple(qrs), st=st, t=t)
    return heart


def _towards(healthy: Vector, affected: Vector, degree: float) -> Vector:
    x, y, z = (a + degree * (b - a) for a, b in zip(healthy, affected, strict=True))
    return x, y, z


def _vary(heart: Morphology, rng: np.random.Generator, gain: float) -> Morphology:
    """Vary the voltage, the turn of the heart about the body's length, and each wave a little."""
    turn = math.radians(rng.normal(0.0, 12.0))
    qrs_gain = gain * rng.lognormal(0.0, 0.24)

    def vary(vector: Vector, amount: float, floor: float, share: float, angle: float) -> Vector:
        x, y, z = np.asarray(vector) * amount + rng.normal(0.0, floor + share * math.dist(vector, (0, 0, 0)), 3)
        return (float(x * math.cos(angle) - z * math.sin(angle)), float(y), float(x * math.sin(angle) + z * math.cos(angle)))

    def vary_all(waves: tuple[Wave, ...], amount: float, floor: float, share: float, angle: float) -> tuple[Wave, ...]:
        return tuple(wave._replace(vector=vary(wave.vector, amount, floor, share, angle)) for wave in waves)

    summit = rng.normal(0.0, 0.025)
    t = tuple(wave._replace(peak=wave.peak + summit) for wave in heart.t)
    return Morphology(
        p=vary_all(heart.p, rng.lognormal(-0.05, 0.25), 0.004, 0.12, 0.0),
        qrs=vary_all(heart.qrs, qrs_gain, 0.03, 0.09, turn),
        st=vary(heart.st, qrs_gain, 0.006, 0.1, turn),
        t=vary_all(t, math.sqrt(qrs_gain) * rng.lognormal(-0.03, 0.22), 0.015, 0.12, turn),
    )


def _draw_axis(present: Sequence[Finding], heart: Morphology, age: float, rng: np.random.Generator) -> float:
    """The finding's own range, else the axis its waves have, which in health falls with age."""
    natural = axis_of(heart)
    ranges = [finding.axis_deg for finding in present if finding.axis_deg is not None]
    if ranges:
        wanted = float(rng.uniform(*ranges[0]))
    elif present[0].superclass == "NORM":
        wanted = _normal(rng, 72.0 - 0.65 * age, 20.0, -28.0, 88.0)
    else:
        wanted = natural + float(rng.normal(0.0, 9.0))
    try:
        turn_to_axis(heart, wanted)
    except ConfigError:
        # A QRS that points almost straight back cannot take every frontal axis; its own one is as
        # good a draw.
        return natural
    return wanted


def _draw_intervals(present: Sequence[Finding], sex: str, rng: np.random.Generator) -> dict[str, float]:
    """Rate and intervals that fit into one beat."""

    def within(name: str, otherwise: float) -> float:
        ranges: list[Range] = [getattr(finding, name) for finding in present if getattr(finding, name) is not None]
        return float(rng.uniform(*ranges[0])) if ranges else otherwise

    healthy = present[0].superclass == "NORM"
    rate = _normal(rng, 69.0, 11.0, 48.0, 98.0) if healthy else _normal(rng, 75.0, 14.0, 48.0, 115.0)
    pr_ms = within("pr_ms", _normal(rng, 158.0, 17.0, 122.0, 196.0))
    qtc_ms = within("qtc_ms", _normal(rng, 402.0 if sex == "male" else 412.0, 15.0, 365.0, 445.0))
    qrs_ms = within("qrs_ms", _normal(rng, 94.0 if sex == "male" else 89.0, 6.0, 76.0, 108.0))
    p_ms = min(_normal(rng, 106.0, 9.0, 84.0, 128.0), pr_ms - 12.0)
    # A long PR and a long QT leave no room for a fast rate.
    while pr_ms + qtc_ms * math.cbrt(60.0 / rate) > (MAX_BEAT_SHARE - 0.02) * 60_000.0 / rate:
        rate -= 1.0
    return {"heart_rate_bpm": rate, "p_ms": p_ms, "pr_ms": pr_ms, "qrs_ms": qrs_ms, "qt_ms": qtc_ms * math.cbrt(60.0 / rate)}


def _draw_chest_leads(rng: np.random.Generator) -> tuple[Vector, ...]:
    """Electrodes a little off and chests of all shapes: direction and nearness vary."""
    leads = np.asarray(CHEST_LEADS) * rng.lognormal(0.0, 0.12, (6, 1)) + rng.normal(0.0, 0.08, (6, 3))
    return tuple((float(x), float(y), float(z)) for x, y, z in leads)


def _draw_noise(rng: np.random.Generator) -> NoiseLevels:
    return NoiseLevels(
        baseline_uv=float(rng.lognormal(math.log(38.0), 0.7)),
        muscle_uv=float(rng.lognormal(math.log(5.5), 0.6)),
        mains_uv=float(rng.lognormal(math.log(1.0), 0.7)),
    )


def _with_voltage(parameters: EcgParameters, present: Sequence[Finding], rng: np.random.Generator) -> EcgParameters:
    """Bring QRS to the voltage that hypertrophy needs, or keep it below where there is none."""
    needed = max((float(rng.uniform(*finding.sokolow_mv)) for finding in present if finding.sokolow_mv is not None), default=0.0)
    voltage = sokolow_lyon_mv(parameters)
    heart = parameters.morphology
    if needed > voltage:
        scale = needed / voltage
    elif not needed and voltage > 3.4 and "CLBBB" not in parameters.scp_codes:
        scale = 3.4 / voltage
    else:
        return parameters
    qrs = tuple(wave._replace(vector=scaled(wave.vector, scale)) for wave in heart.qrs)
    return replace(parameters, morphology=replace(heart, qrs=qrs))
