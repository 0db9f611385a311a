"""Name the rhythm of a record by rules on its numbers, or say why it cannot be named.

The limits were chosen on PTB-XL folds 1 to 9, those for single beats on the MIT-BIH training
records. Where two rhythms look the same without a longer recording, or where the signal is too
short or too noisy, no rhythm is named.

References
----------
Surawicz B., Childers R., Deal B. J., Gettes L. S. AHA/ACCF/HRS recommendations for the
standardization and interpretation of the electrocardiogram, part III: intraventricular conduction
disturbances. Circulation 119 (2009) e235-e240. Hindricks G. et al. 2020 ESC guidelines for the
diagnosis and management of atrial fibrillation. Eur. Heart J. 42 (2021) 373-498.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.record import EcgRecord
from heart_reader.features.beat_analysis import BeatAnalysis
from heart_reader.features.beat_shapes import LATE
from heart_reader.features.feature_names import RHYTHM_FEATURES
from heart_reader.features.measurement import Measurement
from heart_reader.features.ranks import median, middle
from heart_reader.features.rhythm import Rhythm
from heart_reader.features.rhythm_numbers import RhythmEvidence, gather
from heart_reader.messages import Message, message

__all__ = ["beat_kinds", "find", "read_rhythm"]

NO_BEAT, NOT_HERE = message("no_beat"), message("rhythm_number_missing")

# Fewer beats have no rhythm.
_FEWEST = 3
# Of the beats whose shape is known, so many look like the usual beat or another common one;
# otherwise the record is noise or chaos.
_LEAST_COMMON, _COMMON, _MANY_KINDS, _LEAST_LIKENESS = 0.5, 2, 3, 0.75
# Spikes per beat from which the rhythm is paced; probability by smeared spikes, their least height,
# and what no pacemaker exceeds.
_SPIKES_PER_BEAT, _PACING_SCORE, _SMEARED_MV, _PACED_BPM = 0.5, 0.55, 0.045, 130.0
_LEAST_LEADS = 3
# A spike precedes its beat by at most the first of these, or follows R by the second, and within so
# much of the usual distance.
_SPIKE_WITHIN_S, _SPIKE_STEADY_S = (0.30, 0.05), 0.04
# Flutter: repeats itself, keeps step with the beats or is very regular, and is large.
_FLUTTER, _FLUTTER_LOCKED, _FLUTTER_MV, _FLUTTER_FREE, _FLUTTER_STRICT, _P_WAVES_REPEAT = 0.2, 0.5, 0.035, 0.45, 0.8, 0.5
_FLUTTER_FREE_MV = 0.03
# Fibrillation: RR intervals change from beat to beat and no P wave comes at a constant distance.
_STEP, _CV, _P_ALIKE, _P_UNLIKE = 0.04, 0.06, 0.65, 0.5
_REGULAR = 0.04
# No rhythm changes by so much from beat to beat: beats were missed.
_BEATS_MISSED, _PATTERN = 1.0, 0.5
_SVT_BPM, _VT_BPM, _TACHYCARDIA_BPM, _JUNCTIONAL_BPM = 140.0, 120.0, 100.0, (35.0, 65.0)
_WIDE_MS, _VT_WIDE_MS = 120.0, 140.0
_SURELY_NO_P, _NO_P_WAVE_REPEATS = 0.2, 0.25


def read_rhythm(record: EcgRecord, analysis: BeatAnalysis) -> Rhythm:
    """Name the rhythm of a record.

    Parameters
    ----------
    record
        Of any length, rate and number of leads.
    analysis
        Its beats.

    Returns
    -------
    Rhythm
        Numbers with a value for every name of ``RHYTHM_FEATURES``.
    """
    evidence = gather(record, analysis)
    values = {
        name: Measurement(None, unit, NOT_HERE) if math.isnan(value) else Measurement(value, unit)
        for (name, (_, unit)), value in zip(RHYTHM_FEATURES.items(), evidence.numbers.values(), strict=True)
    }
    failure = _failure(analysis, evidence)
    if failure is not None:
        return Rhythm(None, failure, (), values, ("unknown",) * len(analysis.r_peaks_s))
    name, reason = _name(analysis, evidence)
    beats = beat_kinds(evidence, name)
    return Rhythm(name, reason, find(analysis, evidence, name, beats), values, beats)


def _failure(analysis: BeatAnalysis, evidence: RhythmEvidence) -> Message | None:
    """Return why no rhythm can be named, or None."""
    n_beats = len(analysis.r_peaks_s)
    if analysis.main is None:
        return NO_BEAT
    if n_beats < _FEWEST:
        return message("rhythm_few_beats", count=n_beats)
    kind = evidence.shapes.kind[analysis.in_stretch]
    counts = np.bincount(kind[kind >= 0], minlength=1)
    common = np.sort(counts)[-_COMMON:].sum() / max(counts.sum(), 1)
    chaotic = len(analysis.main.beats.members) < 2 or (1 + len(analysis.others) > _MANY_KINDS and common < _LEAST_COMMON)
    if chaotic or analysis.main.beats.likeness < _LEAST_LIKENESS:
        return message("rhythm_beats_differ", percent=100.0 * float(counts.max()) / max(int(counts.sum()), 1))
    return None


def _name(analysis: BeatAnalysis, evidence: RhythmEvidence) -> tuple[str | None, Message]:
    """Name the rhythm of beats that can be distinguished."""
    numbers = evidence.numbers
    if _spikes_lead(analysis):
        return "paced", message("rhythm_paced_spikes", spikes=analysis.n_spikes, beats=len(analysis.in_stretch))
    if _spikes_smeared(analysis, numbers):
        return "paced", message("rhythm_paced_smeared", width=evidence.shapes.usual_ms)
    judged = analysis.in_stretch if len(analysis.in_stretch) >= _FEWEST else np.arange(len(analysis.r_peaks_s))
    peaks = analysis.r_peaks_s[judged].tolist()
    rate = 60.0 * (len(peaks) - 1) / (peaks[-1] - peaks[0])
    if _flutters(numbers):
        return "atrial_flutter", message("rhythm_flutter", atrial=numbers["flutter_rate_bpm"], rate=rate)
    if _irregular(peaks, evidence.shapes.other[judged].tolist()):
        return _irregular_name(analysis, numbers, rate)
    if analysis.p_waves.present:
        return "sinus", message("rhythm_sinus", rate=rate)
    return _without_p(evidence, rate)


def _irregular_name(analysis: BeatAnalysis, numbers: dict[str, float], rate: float) -> tuple[str | None, Message]:
    """Name a rhythm whose usual beats come irregularly: it all depends on P waves."""
    present, likeness = analysis.p_waves.present, numbers["p_likeness"]
    beats_missed = numbers["rr_step"] > _BEATS_MISSED and numbers["bigeminy"] < _PATTERN
    if not beats_missed and (present is not True or likeness < _P_UNLIKE):
        return "atrial_fibrillation", message("rhythm_fibrillation", step=100.0 * numbers["rr_step"], rate=rate)
    if beats_missed or likeness < _P_ALIKE:
        return None, message("rhythm_irregular_unclear", rate=rate)
    return "sinus", message("rhythm_sinus", rate=rate)


def _without_p(evidence: RhythmEvidence, rate: float) -> tuple[str | None, Message]:
    """Name a rather regular rhythm before whose beats no P wave is seen."""
    numbers, width = evidence.numbers, evidence.shapes.usual_ms
    regular = numbers["rr_step"] < _REGULAR
    if width >= _WIDE_MS and rate > _TACHYCARDIA_BPM:
        if regular and width >= _VT_WIDE_MS and rate >= _VT_BPM:
            return "ventricular_tachycardia", message("rhythm_ventricular", width=width, rate=rate)
        return None, message("rhythm_wide_fast", width=width, rate=rate)
    if regular and rate >= _SVT_BPM:
        return "supraventricular_tachycardia", message("rhythm_supraventricular", rate=rate)
    no_p = numbers["p_probability"] < _SURELY_NO_P and numbers["atrial_periodicity"] < _NO_P_WAVE_REPEATS
    if regular and no_p and width < _WIDE_MS and _JUNCTIONAL_BPM[0] <= rate <= _JUNCTIONAL_BPM[1]:
        return "junctional", message("rhythm_junctional", rate=rate)
    return None, message("rhythm_no_p", rate=rate)


def _spikes_lead(analysis: BeatAnalysis) -> bool:
    """Return whether half of the beats follow a spike at a constant distance, unlike noise."""
    peaks = analysis.r_peaks_s[analysis.in_stretch]
    if not analysis.n_spikes or not len(peaks):
        return False
    nearest = peaks - analysis.spikes_s[np.maximum(np.searchsorted(analysis.spikes_s, peaks + _SPIKE_WITHIN_S[1]) - 1, 0)]
    distance = nearest[(nearest > -_SPIKE_WITHIN_S[1]) & (nearest < _SPIKE_WITHIN_S[0])]
    steady = np.abs(distance - median(distance)) < _SPIKE_STEADY_S if len(distance) else np.zeros(0, bool)
    return int(np.count_nonzero(steady)) >= max(2.0, _SPIKES_PER_BEAT * len(peaks))


def _spikes_smeared(analysis: BeatAnalysis, numbers: dict[str, float]) -> bool:
    """Return whether beats begin with a smeared spike; the score was fitted to twelve leads."""
    likely = numbers["pacing_score"] > _PACING_SCORE and numbers["spike_mv"] > _SMEARED_MV
    return likely and len(analysis.lead_names) >= _LEAST_LEADS and not numbers["rate_max4_bpm"] > _PACED_BPM


def _flutters(numbers: dict[str, float]) -> bool:
    score = numbers["flutter_score"]
    large, locked = numbers["fibrillation_mv"] > _FLUTTER_MV, numbers["flutter_locked"]
    in_step = large and score > _FLUTTER and locked > _FLUTTER_LOCKED
    # Waves in strict step with the beats vanish together with the median beat, and only their
    # harmonic reveals them.
    in_strict_step = large and locked > _FLUTTER_STRICT and numbers["atrial_periodicity"] > _P_WAVES_REPEAT
    free = score > _FLUTTER_FREE and (numbers["fibrillation_mv"] > _FLUTTER_FREE_MV or not numbers["p_likeness"] > _P_ALIKE)
    return in_step or in_strict_step or free


def _irregular(peaks: list[float], other: list[bool]) -> bool:
    """Return whether usual beats come irregularly, ignoring intervals beside other kinds.

    Where other beats leave none, as in bigeminy, the times from one usual beat to the next are
    taken.
    """
    intervals = zip(pairwise(peaks), pairwise(other), strict=True)
    rr = [after - before for (before, after), either in intervals if not any(either)]
    if len(rr) < _FEWEST:
        rr = [after - before for before, after in pairwise(peak for peak, is_other in zip(peaks, other, strict=True) if not is_other)]
    if len(rr) < 2:
        return False
    step, mean = middle(abs(after - before) for before, after in pairwise(rr)), sum(rr) / len(rr)
    spread = math.sqrt(sum((interval - mean) ** 2 for interval in rr) / len(rr))
    return step > _STEP * middle(rr) and spread > _CV * mean


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
# A run of wide beats: at least three, faster than this.
_RUN, _RUN_BPM = 3, 100.0
# First degree: PR in ms, 200 and what it is measured wrong by, and how alike P waves are; second: P
# waves in a gap, which is as long; third: rate below, and how far atria and ventricles differ.
_LONG_PR_MS, _P_STEADY, _P_IN_GAP, _LONG_GAP = 210.0, 0.7, 0.75, 1.6
_SLOW_BPM, _STEADY_CV, _DISSOCIATED, _P_LOOSE, _P_REPEATS = 60.0, 0.08, 0.15, 0.5, 0.25


def beat_kinds(evidence: RhythmEvidence, name: str | None) -> tuple[str, ...]:
    """Return what each beat of the record is, as ``Rhythm.beats`` has it.

    Parameters
    ----------
    evidence
        Analysis of a record whose beats can be distinguished.
    name
        Evidence of its rhythm.
    """
    shapes, timing = evidence.shapes, evidence.timing
    usual = "paced" if name == "paced" else "normal"
    kinds = [usual if kind == 0 else "unknown" for kind in shapes.kind.tolist()]
    if name == "paced" or not evidence.ectopic.any():
        return tuple(kinds)
    in_sequence = name not in ("atrial_fibrillation", "atrial_flutter")
    if in_sequence:
        # Early at once, whereas breathing shortens the intervals step by step.
        before = np.concatenate([[np.nan], timing.ratio[:-1]])
        at_once = ~(timing.ratio > before - _AT_ONCE)
        for beat in np.flatnonzero((timing.ratio < _PREMATURE) & at_once & (shapes.kind >= 0)).tolist():
            kinds[beat] = "supraventricular"
    for beat in np.flatnonzero(_ventricular(evidence, in_sequence)).tolist():
        kinds[beat] = "ventricular"
    return tuple(kinds)


def _ventricular(evidence: RhythmEvidence, in_sequence: bool) -> Flags:
    """Return which ectopic beats are ventricular; being early means little to irregular atria."""
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
        Kinds from :func:`beat_kinds`.
    """
    numbers = evidence.numbers
    supraventricular, ventricular = "supraventricular" in beats, "ventricular" in beats
    premature = supraventricular or ventricular
    runs = _ventricular_runs(beats) if ventricular else []
    pattern = numbers["bigeminy"], numbers["trigeminy"]
    sinus = name == "sinus"
    found = {
        "irregular": numbers["rr_cv"] > _IRREGULAR,
        "premature_supraventricular": supraventricular,
        "premature_ventricular": ventricular and name != "ventricular_tachycardia",
        "couplet": any(end - first == 2 for first, end in runs),
        "ventricular_run": any(_is_fast(analysis, first, end) for first, end in runs),
        "bigeminy": premature and pattern[0] >= _PATTERN and pattern[0] >= pattern[1],
        "trigeminy": premature and pattern[1] >= _PATTERN and pattern[1] > pattern[0],
        "pause": numbers["pause_count"] > 0,
        "pacing_spikes": name == "paced" or numbers["spikes_per_beat"] >= _SOME_SPIKES,
        "av_block_1": sinus and _long_pr(analysis),
        "av_block_2": _drops_beats(evidence, name, premature),
        "av_block_3": _is_dissociated(analysis, evidence, name),
    }
    return tuple(finding for finding, there in found.items() if there)


def _ventricular_runs(beats: tuple[str, ...]) -> list[tuple[int, int]]:
    """Return where runs of ventricular beats begin, and the beat after each."""
    changes = [n for n, (before, beat) in enumerate(pairwise(("", *beats, ""))) if (before == "ventricular") != (beat == "ventricular")]
    return list(zip(changes[::2], changes[1::2], strict=True))


def _is_fast(analysis: BeatAnalysis, first: int, end: int) -> bool:
    """Return whether a run is long enough and its beats follow each other quickly."""
    return end - first >= _RUN and 60.0 * (end - first - 1) > _RUN_BPM * float(analysis.r_peaks_s[end - 1] - analysis.r_peaks_s[first])


def _long_pr(analysis: BeatAnalysis) -> bool:
    assert analysis.main is not None
    return analysis.main.delineation.interval("p_on", "qrs_on") > _LONG_PR_MS and analysis.p_waves.likeness > _P_STEADY


def _drops_beats(evidence: RhythmEvidence, name: str | None, premature: bool) -> bool:
    """Return whether a P wave lacks its QRS complex in a gap that no premature beat explains."""
    numbers = evidence.numbers
    likeness = numbers["gap_p_likeness"]
    return name == "sinus" and not math.isnan(likeness) and likeness > _P_IN_GAP and numbers["rr_max_ratio"] > _LONG_GAP and not premature


def _is_dissociated(analysis: BeatAnalysis, evidence: RhythmEvidence, name: str | None) -> bool:
    """Return whether slow, steady beats go on beside P waves of another rate."""
    numbers = evidence.numbers
    steady = numbers["rr_cv"] < _STEADY_CV and numbers["rate_max4_bpm"] < _SLOW_BPM
    loose = not numbers["p_likeness"] > _P_LOOSE and numbers["atrial_rate_bpm"] > 1.2 * 60.0 / (analysis.rr / 500.0)
    apart = numbers["dissociation"] > _DISSOCIATED and numbers["atrial_periodicity"] > _P_REPEATS
    return steady and loose and apart and name in (None, "junctional", "sinus")
