"""A plausible reading of a long recording, simulated: what the page is shown."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from numpy.typing import NDArray

FS = 100
LEADS = ("II", "V5")
STEP_S = 10.0
BASE_RR_S = 0.8
PAUSE_S = 2.6
# Shares of the recording between which the atria fibrillate, the longest last.
FIBRILLATION = ((0.20, 0.25), (0.60, 0.75))
RUNS = ((0.10, 4), (0.45, 9))
PAUSES = (0.35, 0.85)
# One premature beat after so many others.
VENTRICULAR_EVERY, SUPRAVENTRICULAR_EVERY = 41, 97


def long_example(duration_s: float, seed: int = 0) -> dict[str, Any]:
    """Return what a reading says of a long recording of this length."""
    times, classes, episodes = _beats(duration_s, np.random.default_rng(seed))
    trend = _trend(times, duration_s)
    for episode in (one for one in episodes if one["kind"] == "atrial_fibrillation"):
        span = slice(int(episode["start_s"] / STEP_S), int(np.ceil(episode["end_s"] / STEP_S)))
        trend["rhythm"][span] = ["atrial_fibrillation"] * len(trend["rhythm"][span])
    rates = [(bpm, STEP_S * index) for index, bpm in enumerate(trend["mean_bpm"]) if bpm is not None]
    counts = {name: classes.count(name) for name in "NSVFQ"}
    return {
        "duration_s": duration_s,
        "n_beats": len(classes),
        "heart_rate": {
            "mean": round(float(np.mean([bpm for bpm, _ in rates])), 1),
            "lowest": dict(zip(("bpm", "start_s"), min(rates), strict=True)),
            "highest": dict(zip(("bpm", "start_s"), max(rates), strict=True)),
        },
        "beats": {"times_s": times.round(3).tolist(), "classes": classes, "counts": counts},
        "trend": trend,
        "envelope": _envelope(duration_s),
        "episodes": episodes,
        "longest": {
            "atrial_fibrillation": _first(episodes, "atrial_fibrillation", lambda one: one["end_s"] - one["start_s"]),
            "pause": _first(episodes, "pause", lambda one: one["end_s"] - one["start_s"]),
            "fastest_run": _first(episodes, "ventricular_run", lambda one: one["bpm"]),
        },
        "hours": [_hour(start, times, classes, episodes) for start in range(0, int(np.ceil(duration_s)), 3600)],
        "summary": [f"{len(classes)} beats in {duration_s:.0f} s.", f"{len(episodes)} episodes."],
    }


def waveform_example(long: dict[str, Any], start_s: float = 0.0, duration_s: float | None = None) -> dict[str, Any]:
    """Return the signal of all or a part of the recording: a spike of 1 mV at each beat."""
    n_times = round(long["duration_s"] * FS)
    first = round(start_s * FS)
    held = n_times - first if duration_s is None else min(n_times - first, round(duration_s * FS))
    signal = np.zeros((len(LEADS), held), "<i2")
    beats = np.round(np.array(long["beats"]["times_s"]) * FS).astype(int) - first
    for shift, microvolts in ((-2, 400), (-1, 800), (0, 1000), (1, 600), (2, 200)):
        at = beats + shift
        signal[:, at[(at >= 0) & (at < held)]] = microvolts
    part = {} if held == n_times else {"start": first}
    return {
        "fs": FS,
        "lead_names": list(LEADS),
        "n_times": n_times,
        "encoding": "base64 int16 microvolts, leads first",
        "data": base64.b64encode(signal.tobytes()).decode("ascii"),
        **part,
    }


def _beats(duration_s: float, random: np.random.Generator) -> tuple[NDArray[np.float64], str, list[dict[str, Any]]]:
    """Times, classes and episodes, in the order of time."""
    times: list[float] = []
    classes: list[str] = []
    episodes: list[dict[str, Any]] = []
    runs, pauses = ([(share * duration_s, *rest) for share, *rest in table] for table in (RUNS, [(share,) for share in PAUSES]))
    now = 0.5
    while now < duration_s - 10:
        times.append(now)
        classes.append("N")
        fibrillates = any(start * duration_s <= now < stop * duration_s for start, stop in FIBRILLATION)
        if pauses and now > pauses[0][0]:
            pauses.pop(0)
            now += PAUSE_S + 0.2 * len(pauses)
            episodes.append(_episode("pause", times[-1], now, 2, None))
        elif runs and now > runs[0][0]:
            n_beats = int(runs.pop(0)[1])
            start = now + 0.4
            for now in start + 0.35 * np.arange(n_beats):
                times.append(float(now))
                classes.append("V")
            episodes.append(_episode("ventricular_run", start, float(now), n_beats, 171))
            now = float(now) + 1.0
        elif not fibrillates and len(times) % VENTRICULAR_EVERY == 0:
            times.append(now + 0.5)
            classes.append("V")
            now += 0.5 + 1.1
        elif not fibrillates and len(times) % SUPRAVENTRICULAR_EVERY == 0:
            times.append(now + 0.55)
            classes.append("S")
            now += 0.55 + 0.85
        else:
            now += 0.7 * random.lognormal(0, 0.2) if fibrillates else BASE_RR_S + 0.02 * random.standard_normal()
    for start, stop in FIBRILLATION:
        inside = sum(start * duration_s <= time < stop * duration_s for time in times)
        span_s = (stop - start) * duration_s
        episodes.append(_episode("atrial_fibrillation", start * duration_s, stop * duration_s, inside, round(60 * inside / span_s)))
    return np.array(times), "".join(classes), sorted(episodes, key=lambda one: one["start_s"])


def _episode(kind: str, start_s: float, end_s: float, n_beats: int, bpm: float | None) -> dict[str, Any]:
    title = kind.replace("_", " ").capitalize()
    return {"kind": kind, "start_s": round(start_s, 2), "end_s": round(end_s, 2), "n_beats": n_beats, "bpm": bpm, "title": title}


def _trend(times: NDArray[np.float64], duration_s: float) -> dict[str, Any]:
    rates = 60 / np.diff(times)
    steps = [rates[(times[1:] >= start) & (times[1:] < start + STEP_S)] for start in np.arange(0, duration_s, STEP_S)]

    def each(measure: Any) -> list[float | None]:
        return [round(float(measure(step)), 1) if len(step) else None for step in steps]

    return {
        "step_s": STEP_S,
        "mean_bpm": each(np.mean),
        "lowest_bpm": each(np.min),
        "highest_bpm": each(np.max),
        "rmssd_ms": each(lambda step: 1000 * np.std(60 / step)),
        "rhythm": ["sinus_rhythm" if len(step) else None for step in steps],
    }


def _envelope(duration_s: float) -> dict[str, Any]:
    count = min(1000, int(duration_s))
    return {"step_s": duration_s / count, "leads": [LEADS[0]], "lowest_mv": [[-0.1] * count], "highest_mv": [[1.0] * count]}


def _first(episodes: list[dict[str, Any]], kind: str, measure: Any) -> int | None:
    found = [index for index, one in enumerate(episodes) if one["kind"] == kind]
    return max(found, key=lambda index: measure(episodes[index]), default=None)


def _hour(start: int, times: NDArray[np.float64], classes: str, episodes: list[dict[str, Any]]) -> dict[str, Any]:
    inside = np.flatnonzero((times >= start) & (times < start + 3600))
    rates = 60 / np.diff(times[inside])
    overlap = [min(one["end_s"], start + 3600) - max(one["start_s"], start) for one in episodes if one["kind"] == "atrial_fibrillation"]
    return {
        "start_s": start,
        "n_beats": len(inside),
        "mean_bpm": round(float(rates.mean()), 1),
        "lowest_bpm": round(float(rates.min()), 1),
        "highest_bpm": round(float(rates.max()), 1),
        **{name: sum(classes[index] == name for index in inside) for name in "NSVFQ"},
        "pauses": sum(one["kind"] == "pause" and start <= one["start_s"] < start + 3600 for one in episodes),
        "atrial_fibrillation_s": round(sum(max(0.0, span) for span in overlap), 1),
        "noise_s": 0.0,
    }
