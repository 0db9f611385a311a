"""The English templates of :mod:`heart_reader.messages`, by code.

``{name}`` takes a value, with a format after a colon; of a list, that is what joins it. Two forms
are for a ``count`` of one and of several. The page has the same sentences in its other languages,
under the same codes.
"""

from __future__ import annotations

from collections.abc import Mapping

from heart_reader.refusal_templates import REFUSALS, Template

__all__ = ["TEMPLATES"]

# Parts that several sentences are made with.
_COMMON: dict[str, Template] = {
    "in_record": "{where}: {problem}",
    "and_more": "{names} and {count} more",
    "no_unit": "no unit",
    "sentences": "{sentences: }",
}

# What was assumed, mended or left out, and what a reading had to do without.
_WARNINGS: dict[str, Template] = {
    "amplitudes_clipped": "amplitudes beyond {limit} mV were clipped",
    "coarse_step": (
        "one unit of {leads} is more than {limit:g} uV by the header, which no ECG recorder is: the amplitudes may be wrong by a constant "
        "factor"
    ),
    "channel_status": "the recorder marked as unreliable: {leads}",
    "filtered_above": "recorded without what is quicker than {fs:g} Hz, which takes notches and height off QRS complexes: {leads}",
    "filtered_below": "recorded without what is slower than {fs:g} Hz, which bends ST segments: {leads}",
    "leads_skewed": "leads begin up to {skew:.1f} ms apart by their channel skews and were read as simultaneous",
    "range_left": "samples of {leads} leave the digital range that the header states: the amplitudes may be wrong by a constant factor",
    "scale_inverted": "stored upside down by the header (a negative scale) and turned upright: {leads}",
    "columns_not_read": "columns not read, for they are no leads: {columns}",
    "few_usable_leads": "only {usable} of {leads} leads carry a signal: no decision is made",
    "flat_leads": ("flat lead: {leads}", "flat leads: {leads}"),
    "gap_codes": (
        "{count} value of {value} in lead {lead} was taken for a missing one",
        "{count} values of {value} in lead {lead} were taken for missing ones",
    ),
    "lead_left_out": "lead {lead} is {percent:.0f}% missing values and was left out",
    "leads_derived": "derived from I and II: {leads}",
    "leads_missing": (
        "missing and left out: lead {leads}; the reading is less certain",
        "missing and left out: leads {leads}; the reading is less certain",
    ),
    "leads_not_used": "not read by the model: {leads}",
    "leads_turned": (
        "lead {leads} is upside down by its name in the file and was turned",
        "leads {leads} are upside down by their names in the file and were turned",
    ),
    "low_rate": "sampled at {fs:g} Hz, the model reads {wanted:g} Hz: nothing above {limit:g} Hz is known",
    "missing_values_bridged": (
        "{count} missing value in lead {lead} was bridged by a straight line",
        "{count} missing values in lead {lead} were bridged by straight lines",
    ),
    "no_calibration": "no calibration stated for {leads}: read as {gain:g} units per mV, which may be wrong",
    "no_voltage_left_out": "no voltage and left out: {signals}",
    "padding_zero": "0 is declared as padding although it is an amplitude as well: zeros were kept",
    "rate_assumed": "sampling rate not stated: {rows} rows were read as 10 s at {fs:g} Hz",
    "rate_default": "the header states no sampling rate: read at {fs:g} Hz, WFDB's default",
    "read_without": "read without {features: and }, which this model can use",
    "records_not_read": "the file holds {there} data records, its header declares {declared}: the rest was not read",
    "resampled": "resampled to {fs:g} Hz like the fastest lead: {leads}",
    "samples_not_read": "{file} holds {there} samples per signal, the header declares {declared}: the rest was not read",
    "scale_not_applied": "read in the unit that is stated; {text!r} in the comments was not applied",
    "signals_not_leads": "not read, for they are no ECG leads: {signals}",
    "unit_assumed": "unit not stated: read as mV",
    "unit_overridden": "read as {unit} as asked; the file says {stated}",
    "unit_overridden_in_header": "read as {unit} as asked; the header says {stated}",
    "values_impossible": (
        "lead {leads} holds values beyond {most:.0f} mV, which no electrode carries: they count as missing",
        "leads {leads} hold values beyond {most:.0f} mV, which no electrode carries: they count as missing",
    ),
    "waveform": "{name} ({channels} channels, {duration:g} s)",
    "waveform_chosen": "read the waveform {chosen}; left out: {others}",
    "waveform_derived": "{name} is derived from a recording and was not recorded itself",
    "window_filled": "{duration:.1f} s long, the model reads {window:g} s: the rest was filled",
    "with_demographics": "age and sex",
    "with_measured": "measured intervals and amplitudes",
    "with_ptbxl_plus": "the published features of PTB-XL+",
}

# What was found in the signal.
_FINDINGS: dict[str, Template] = {
    "all_leads_upside_down": "All leads look upside down: the sign of the signal is probably wrong.",
    "arm_leads_swapped": "Lead I looks upside down beside the chest leads: arm electrodes interchanged.",
    "arm_leads_or_dextrocardia": (
        "Lead I looks upside down beside the chest leads: arm electrodes interchanged or the heart lies on the right side."
    ),
    "chest_leads_reversed": "The chest leads look as if they stood in reverse order, V6 first.",
    "identities_broken": "Limb leads contradict each other ({formulas}): leads are mislabelled, or were not recorded at the same time.",
    "identity_broken": "{lead} is not {formula}",
    "lead_pair": "{first} and {second}",
    "lead_unit_wrong": (
        "Lead {leads} has QRS complexes of {height:.0f} mV, which no heart makes: its unit is probably wrong.",
        "Leads {leads} have QRS complexes of up to {height:.0f} mV, which no heart makes: their unit is probably wrong.",
    ),
    "lead_upside_down": "Lead {lead} looks upside down.",
    "leads_exchanged": "Leads {first} and {second} look exchanged.",
    "leads_scaled": (
        "Limb leads fit each other only with different gains ({leads}): each was scaled by itself, voltages and axes are not the heart's."
    ),
    "lead_states": ("Lead {leads}: {state}.", "Leads {leads}: {state}."),
    "leg_electrode": "Lead {lead} hardly shows the heart while the other limb leads do: a leg electrode may sit on an arm.",
    "no_measurements": "No measurements: {reason}.",
    "rate_implausible": "A heart rate of {rate:.0f} bpm: the stated sampling rate may be wrong.",
    "right_arm_and_leg_swapped": "The limb leads look as they do with the electrodes of the right arm and the left leg interchanged.",
    "same_signal": "The same signal in two leads: {pairs}.",
    "state_flat": "flat",
    "state_interrupted": "standing still for a second or more",
    "state_masked": "mostly missing values",
    "state_noisy": "noisy",
    "state_saturated": "cut off at the limit of the recorder",
    "state_wandering": "with a wandering baseline",
    "too_quick": (
        "Everything is quick ({rate:.0f} bpm, QRS {qrs:.0f} ms, QT {qt:.0f} ms): the stated sampling rate is probably too high, or the "
        "patient is a small child."
    ),
    "too_slow": "Everything is slow ({rate:.0f} bpm, QRS {qrs:.0f} ms, QT {qt:.0f} ms): the stated sampling rate is probably too low.",
    "voltage_high": "QRS complexes of {height:.0f} mV: the unit may be wrong.",
    "voltage_low": "QRS complexes of at most {height:.2f} mV: the unit may be wrong, or the voltage is very low.",
}

# Why something was not measured, or deserves little trust.
_REASONS: dict[str, Template] = {
    "beats_all_differ": "no two heartbeats look alike: too noisy, or a chaotic rhythm",
    "beats_differ": "the heartbeats differ from each other",
    "beats_paced": "paced beats",
    "beats_rare": "less than half of the heartbeats are of this kind",
    "few_beats": ("from {count} heartbeat only", "from {count} heartbeats only"),
    "lead_without_signal": "the lead has no signal",
    "low_confidence": "low confidence: {doubts:; }",
    "needs_axes": "needs the axes of QRS and T",
    "needs_cornell_leads": "needs aVL and V3",
    "needs_limb_leads": "needs I and one of II, III, aVF",
    "needs_p_in_v1": "needs a P wave and V1",
    "needs_sokolow_leads": "needs V1 and V5 or V6",
    "needs_three_beats": "needs three heartbeats",
    "needs_three_t_waves": "needs three leads with a visible T wave",
    "no_beat": "no heartbeat found",
    "no_direction": "too small in the frontal plane to have a direction",
    "no_p": "no P wave",
    "no_p_rhythm": "no P wave at a steady distance before QRS",
    "no_r": "no R wave",
    "no_s": "no S wave",
    "no_t": "no T wave",
    "no_t_after_qrs": "no T wave between QRS and the next beat",
    "one_beat": "one heartbeat only",
    "p_waves_differ": "P waves differ from beat to beat",
    "pacemaker_spikes": "pacemaker spikes before the beats",
    "stretch_too_short": "too short",
    "two_beats": "from two heartbeats only",
}

# What a rhythm rests on, or why none is named.
_RHYTHM: dict[str, Template] = {
    "rhythm_beats_differ": "too noisy or too chaotic: only {percent:.0f}% of the heartbeats look alike",
    "rhythm_few_beats": ("{count} heartbeat has no rhythm", "{count} heartbeats are too few for a rhythm"),
    "rhythm_fibrillation": "irregular by {step:.0f}% from beat to beat, no P wave at a steady distance before QRS, rate {rate:.0f}/min",
    "rhythm_flutter": "atrial waves at {atrial:.0f}/min, ventricular rate {rate:.0f}/min",
    "rhythm_irregular_unclear": "irregular, rate {rate:.0f}/min, and P waves cannot be told from noise",
    "rhythm_junctional": "regular narrow QRS complexes at {rate:.0f}/min without P waves",
    "rhythm_no_p": "no P wave is seen before the heartbeats, rate {rate:.0f}/min",
    "rhythm_number_missing": "cannot be told from this recording",
    "rhythm_paced_smeared": "wide QRS complexes ({width:.0f} ms) that begin with a deflection narrower than any wave",
    "rhythm_paced_spikes": "{spikes} pacemaker spikes at {beats} heartbeats",
    "rhythm_sinus": "P waves at a steady distance before QRS, rate {rate:.0f}/min",
    "rhythm_supraventricular": "regular narrow QRS complexes at {rate:.0f}/min without P waves before them",
    "rhythm_ventricular": "regular wide QRS complexes ({width:.0f} ms) at {rate:.0f}/min without P waves before them",
    "rhythm_wide_fast": (
        "wide QRS complexes ({width:.0f} ms) at {rate:.0f}/min without P waves: ventricular, or supraventricular with block"
    ),
}

# How measurements and explanations came about.
_NOTES: dict[str, Template] = {
    "attribution_gap": "The relevance missed {gap:.2f} of a change of {change:.2f} log-odds, which was shared out: take it as a sketch.",
    "attribution_meaning": (
        "It shows what moved this model's probability; it is no proof of what is wrong with the heart. High waves attract relevance, and "
        "beats that look alike share theirs."
    ),
    "attribution_method": "integrated gradients of the log-odds, {steps} steps",
    "attribution_method_measured": "integrated gradients of the log-odds, {steps} steps; Shapley values of the measurements",
    "beats_left_out": "{others} of {beats} heartbeats look different and are not in the median beat.",
    "cover_unknown": "These weights do not say how many training records came to each leaf of their trees: all are taken as alike.",
    "leads_without_relevance": "Not recorded, so without relevance: {leads}.",
    "quietest_stretch": (
        "Waves were measured from {start:.0f} to {end:.0f} s, the quietest such stretch of {duration:.0f} s; rhythm over all."
    ),
    "sentence": "{sentence}.",
    "stretch_explained": "Explained is the reading of {start:g} to {end:g} s alone.",
    "spikes_cut_out": "{count} pacemaker spikes were found and cut out.",
}

# The diagnosis, as a clinician writes it. Names of statements are messages of their own, which the
# page has words for by their codes.
_CONCLUSION: dict[str, Template] = {
    "axis_value": "QRS axis {degrees:+.0f} degrees",
    "duration_value": "{name} {duration:.0f} ms",
    "extreme_axis": "Extreme axis deviation ({degrees:+.0f} degrees)",
    "junctional_rhythm": "Junctional rhythm",
    "kind_not_stated": "{finding}, kind not stated",
    "left_axis": "Left axis deviation ({degrees:+.0f} degrees)",
    "long_pr": "Prolonged PR interval",
    "long_qtc": "Prolonged QTc (Fridericia {qtc:.0f} ms, limit {limit:.0f} ms)",
    "no_diagnosis": "No diagnosis: {reason}",
    "not_measured": "nothing was measured",
    "normal_not_measured": "Normal is not stated, for nothing was measured",
    "not_stated_against": "{finding} not stated: {other} is more probable",
    "not_stated_alone": "{finding} not stated: {other} is not stated",
    "not_stated_measured": "{finding} not stated: {measured}",
    "nothing_certain": "Nothing abnormal is stated, and normal is not certain",
    "p_waves_not_seen": "no P waves are seen",
    "p_waves_seen": "P waves are seen",
    "otherwise_normal": "Otherwise normal ECG",
    "pause": "Pause of {seconds:.1f} s",
    "possible": "possible",
    "rate_value": "rate {rate:.0f}/min",
    "rhythm_not_decided": "Rhythm not decided: {reason}",
    "rhythm_rate": "{rhythm}, rate {rate:.0f}/min",
    "rhythm_ventricular_rate": "{rhythm}, ventricular rate {rate:.0f}/min",
    "right_axis": "Right axis deviation ({degrees:+.0f} degrees)",
    "rr_regular": "RR intervals are regular",
    "signal_limited": "Normal is not stated, for the signal is limited",
    "ventricular_couplet": "Ventricular couplet",
    "ventricular_run": "Run of ventricular beats",
    "ventricular_tachycardia": "Ventricular tachycardia",
    "wide_qrs": "Wide QRS complex",
    "with_count": "{finding} ({count} in the recording)",
    "with_measure": "{finding} ({measured})",
}

# The classes of a level by band, and what band and decision rest on.
_SUMMARY: dict[str, Template] = {
    "percent": "{share:.0f}%",
    "percent_below": "<{share:.0f}%",
    "percent_above": ">{share:.0f}%",
    "class_code": "{statement}",
    "class_share": "{label} ({share})",
    "class_share_present": "{label} ({share}, read as present)",
    "class_share_absent": "{label} ({share}, read as absent)",
    "classes_more": "{classes} and {count} more of at most {share}",
    "summary_high": "High probability that the label applies: {labels}.",
    "summary_medium": "Medium: {labels}.",
    "summary_low": "Low: {labels}.",
    "summary_unrated": "Not rated: {labels}.",
    "no_proof_of_normal": "Low probabilities are no proof of a normal heart.",
    "band_high": "Read as present, and at least {even:.0f}%.",
    "band_medium": "In between: uncertain, or read as present although below {even:.0f}%, or as absent although not.",
    "band_low": "Read as absent, and below {even:.0f}%.",
    "band_unrated": "No decision: too few such records in validation, or a recording that cannot be trusted.",
    "rule_zones": (
        "Present above a label's uncertain zone, absent below it: of the validation records at most {share:g}% of those without the label "
        "lie above its zone, and at most {share:g}% of those with it below."
    ),
    "rule_threshold": "Present from a label's threshold on, absent below it; thresholds were chosen on validation records.",
}

TEMPLATES: Mapping[str, Template] = {
    **_COMMON, **REFUSALS, **_WARNINGS, **_FINDINGS, **_REASONS, **_RHYTHM, **_NOTES, **_CONCLUSION, **_SUMMARY,
}  # fmt: skip
