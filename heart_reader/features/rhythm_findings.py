"""What is found beside the name of a rhythm: premature beats and their patterns, pauses, spikes,
and block between atria and ventricles.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from heart_reader.features.beat_analysis import BeatAnalysis
from heart_reader.features.premature import LATE, run_lengths
from heart_reader.features.rhythm_numbers import RhythmEvidence

__all__ = ["beat_kinds", "find"]

Flags = NDArray[np.bool_]

# A supraventricular beat comes after less than this share of the usual interval, and after less
# than the beat before it by so much of it.
_PREMATURE, _AT_ONCE = 0.80, 0.10
# Of beats that are early: one that looks like the usual beat, but is wider by so much, is
# ventricular; so is one of another shape that is fairly wide and hardly narrower than the usual
# one.
_MUCH_WIDER_MS, _FAIRLY_WIDE_MS, _HARDLY_NARROWER_MS = 25.0, 95.0, 15.0

# Spikes per beat that are more than chance.
_SOME_SPIKES = 0.15
_IRREGULAR = 0.10
# Share of a record that follows a pattern.
_PATTERN = 0.5
_PAUSE_S = 2.0
# A run of wide beats: at least three, faster than this.
_RUN, _RUN_BPM = 3, 100.0
# First degree: PR in ms, 200 and what it is measured wrong by, and how alike P waves are; second: P
# waves in a gap, which is as long; third: rate below, and how far atria and ventricles differ.
_LONG_PR_MS, _P_ALIKE, _P_IN_GAP, _LONG_GAP = 210.0, 0.7, 0.75, 1.6
_SLOW_BPM, _STEADY_CV, _DISSOCIATED, _P_LOOSE, _P_REPEATS = 60.0, 0.08, 0.15, 0.5, 0.25


def beat_kinds(evidence: RhythmEvidence, name: str | None) -> tuple[str, ...]:
    """Return what each beat of the record is, as ``Rhythm.beats`` has it.

    Parameters
    ----------
    evidence
        Of a record whose beats can be told.
    name
        Of its rhythm.
    """
    shapes, timing = evidence.shapes, evidence.timing
    kinds = np.full(len(shapes.kind), "paced" if name == "paced" else "normal", dtype=object)
    kinds[(shapes.kind < 0) | shapes.other] = "unknown"
    if name == "paced":
        return tuple(kinds.tolist())
    in_sequence = name not in ("atrial_fibrillation", "atrial_flutter")
    ventricular = _ventricular(evidence, in_sequence)
    if in_sequence:
        # Early at once, whereas breathing shortens the intervals step by step.
        before = np.concatenate([[np.nan], timing.ratio[:-1]])
        at_once = ~(timing.ratio > before - _AT_ONCE)
        kinds[(timing.ratio < _PREMATURE) & at_once & (shapes.kind >= 0)] = "supraventricular"
    kinds[ventricular] = "ventricular"
    return tuple(kinds.tolist())


def _ventricular(evidence: RhythmEvidence, in_sequence: bool) -> Flags:
    """Tell which beats are ventricular; where the atria give no sequence, being early says little."""
    shapes, timing = evidence.shapes, evidence.timing
    following = np.concatenate([timing.ratio[1:], [np.nan]])
    wider = shapes.width_ms - shapes.usual_ms
    out_of_turn = (timing.ratio < 1.0) | (following > LATE) | (timing.ratio > LATE)
    candidate = shapes.other & evidence.wide
    found: Flags = candidate & out_of_turn
    # The second beat of a couplet is in turn with the first.
    beside = np.zeros_like(found)
    beside[1:] |= found[:-1]
    beside[:-1] |= found[1:]
    found |= candidate & beside
    if in_sequence:
        found |= (shapes.kind == 0) & (wider > _MUCH_WIDER_MS) & timing.early
        found |= shapes.other & timing.early & (shapes.width_ms >= _FAIRLY_WIDE_MS) & (wider > -_HARDLY_NARROWER_MS)
    return found


def find(analysis: BeatAnalysis, evidence: RhythmEvidence, name: str | None, beats: tuple[str, ...]) -> tuple[str, ...]:
    """Return those of ``RHYTHM_FINDINGS`` that are there, in their order.

    Parameters
    ----------
    beats
        Of :func:`beat_kinds`.
    """
    numbers = evidence.numbers
    ventricular = np.array([beat == "ventricular" for beat in beats])
    premature = ventricular | np.array([beat == "supraventricular" for beat in beats])
    rr = np.diff(analysis.r_peaks_s)
    runs = run_lengths(ventricular)
    pattern = numbers["bigeminy"], numbers["trigeminy"]
    sinus = name == "sinus"
    found = {
        "irregular": numbers["rr_cv"] > _IRREGULAR,
        "premature_supraventricular": bool((premature & ~ventricular).any()),
        "premature_ventricular": bool(ventricular.any()) and name != "ventricular_tachycardia",
        "couplet": bool((runs == 2).any()),
        "ventricular_run": _has_run(analysis, ventricular),
        "bigeminy": bool(premature.any()) and pattern[0] >= _PATTERN and pattern[0] >= pattern[1],
        "trigeminy": bool(premature.any()) and pattern[1] >= _PATTERN and pattern[1] > pattern[0],
        "pause": bool((rr > _PAUSE_S).any()),
        "pacing_spikes": name == "paced" or numbers["spikes_per_beat"] >= _SOME_SPIKES,
        "av_block_1": sinus and _long_pr(analysis),
        "av_block_2": _drops_beats(evidence, name, premature),
        "av_block_3": _is_dissociated(analysis, evidence, name),
    }
    return tuple(finding for finding, there in found.items() if there)


def _has_run(analysis: BeatAnalysis, ventricular: Flags) -> bool:
    """Tell whether three ventricular beats or more follow each other quickly."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], ventricular.astype(int), [0]])))
    for first, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        if end - first >= _RUN and 60.0 * (end - first - 1) > _RUN_BPM * (analysis.r_peaks_s[end - 1] - analysis.r_peaks_s[first]):
            return True
    return False


def _long_pr(analysis: BeatAnalysis) -> bool:
    assert analysis.main is not None
    return analysis.main.delineation.interval("p_on", "qrs_on") > _LONG_PR_MS and analysis.p_waves.likeness > _P_ALIKE


def _drops_beats(evidence: RhythmEvidence, name: str | None, premature: Flags) -> bool:
    """Tell whether a P wave lacks its QRS complex in a gap that no premature beat explains."""
    numbers = evidence.numbers
    likeness = numbers["gap_p_likeness"]
    return (
        name == "sinus"
        and not math.isnan(likeness)
        and likeness > _P_IN_GAP
        and numbers["rr_max_ratio"] > _LONG_GAP
        and not premature.any()
    )


def _is_dissociated(analysis: BeatAnalysis, evidence: RhythmEvidence, name: str | None) -> bool:
    """Tell whether slow, steady beats go on beside P waves of another rate."""
    numbers = evidence.numbers
    steady = numbers["rr_cv"] < _STEADY_CV and numbers["rate_max4_bpm"] < _SLOW_BPM
    loose = not numbers["p_likeness"] > _P_LOOSE and numbers["atrial_rate_bpm"] > 1.2 * 60.0 / (analysis.rr / 500.0)
    apart = numbers["dissociation"] > _DISSOCIATED and numbers["atrial_periodicity"] > _P_REPEATS
    return steady and loose and apart and name in (None, "junctional", "sinus")
