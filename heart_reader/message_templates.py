"""The English templates of :mod:`heart_reader.messages`, by code.

``{name}`` takes a value, with a format after a colon; of a list, that is what joins it. Two forms are for a ``count`` of one and of
several.
The page has the same sentences in its other languages, under the same codes.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["TEMPLATES"]

Template = str | tuple[str, str]

# Parts that several sentences are made with.
_COMMON: dict[str, Template] = {
    "in_record": "{where}: {problem}",
    "and_more": "{names} and {count} more",
    "no_unit": "no unit",
    "sentences": "{sentences: }",
}

# Why a file cannot be read; each ends with what to do.
_FILES: dict[str, Template] = {
    "all_leads_missing": "{where}: every lead is mostly NaN or infinity; export the recording again",
    "damaged_dicom": "{where}: a damaged DICOM file ({kind}): export the recording again",
    "damaged_file": "{where}: {problem}: export the recording again",
    "dicom_compressed": "{where}: a compressed DICOM file, which is not read: export it uncompressed (Explicit VR Little Endian)",
    "dicom_without_waveform": ("{where}: a DICOM file without a waveform, perhaps a picture of an ECG: export the recording as a waveform"),
    "edf_gaps": "{where}: an EDF+D file, whose recording has gaps; a continuous one is read: export it as EDF or EDF+C",
    "empty_file": "{where}: an empty file (0 bytes): copy or export it again",
    "implausible_amplitude": (
        "{where}: amplitudes of {peak:.0f} mV when read as {unit}; an ECG stays below {most:.0f} mV: the values are probably in another "
        "unit, pass --unit uV (or mend the file)"
    ),
    "matlab_file": (
        "{where}: a MATLAB workspace without a WFDB header: convert its signal to CSV with lead names, or put the .hea file beside it"
    ),
    "no_signal": "{where}: no signal in it (shape {shape}); export the recording again",
    "no_such_file": "{where}: no such file: check the name",
    "no_voltage": "{where}: no voltage among {found}; mV, uV, nV or V is needed: mend the file or pass --unit",
    "not_an_ecg_file": (
        "{where}: neither WFDB, EDF, DICOM nor CSV text; a signal file needs its header {header} beside it, which names it"
    ),
    "not_one_record": (
        "{files} are not one record; several files are read together only as a WFDB header with its signal file, such as 100.hea and "
        "100.dat: send one recording at a time"
    ),
    "pdf_file": "{where}: a PDF, which holds a picture of an ECG: export the recording as WFDB, EDF, DICOM or CSV",
    "record_too_long": (
        "{where}: {got} values ({leads} leads of {times} time points; a second counts as {per_second} values at least), at most {allowed} "
        "are read here: cut the recording into parts"
    ),
    "records_missing": ("{where}: {there} data records are there, the header promises {promised}: the file is truncated, copy it again"),
    "samples_missing": (
        "{where}: {there} samples per signal are there, {header} promises {promised}: the file is truncated or the header is wrong, "
        "copy both again"
    ),
    "samples_truncated": (
        "{where}: {there} bytes of samples, {channels} channels of {samples} samples of kind {kind} are declared: the file is truncated, "
        "copy it again"
    ),
    "sent_twice": "{file} was sent twice; the files of one record have different names: send each of them once",
    "signal_format": "{where}: signal format {format} is not read; readable are {readable}: convert the record to format 16",
    "signal_lengths_differ": "{where}: signal files of different lengths ([{lengths}] samples): copy the record again",
    "too_short": "{where}: {duration:.2f} s of signal; at least {least:.0f} s is needed: record longer",
    "unit_missing": ("{where}: lead {lead} has no sensitivity or unit, so its amplitudes are not known: export the recording again"),
    "unit_unknown": "{where}: unit {unit!r}; mV, uV, nV or V is needed: pass --unit or mend the file",
    "units_differ": "{where}: units {units} in one file; one is allowed: mend the file or pass --unit",
    "without_samples": "{where}: 0 samples per signal are there: the file is truncated, copy it again",
    "xml_file": "{where}: an XML or HTML file, which is not read: export the recording as WFDB, EDF, DICOM or CSV",
}

# The same, about leads.
_LEADS: dict[str, Template] = {
    "lead_code_and_name": "{where}: channel {channel} is lead {coded} by its code and {named} by its name: mend the file or pass it as CSV",
    "lead_in_columns": "{where}: lead {lead} stands in several columns; keep one column per lead",
    "lead_twice": "lead {leads} appears twice among {names}: keep one column per lead",
    "names_for_columns": "{where}: {given} lead names given for {columns} columns: name each one once",
    "names_for_named_columns": "{where}: {given} lead names given for {columns} columns ({names}): name each one once",
    "names_for_signals": "{where}: {given} lead names given for {signals} signals ({names}): name each one once",
    "no_known_lead": "{where}: leads {leads}; none of {wanted} is among them: rename the columns or pass --leads",
    "no_lead_column": "{where}: no column is a lead (found {found}): name them I, II ... V6 or pass --leads",
    "no_lead_names": "{where}: {columns} columns and no row of lead names: add one (I, II ... V6) or pass --leads, a name per column",
    "rates_without_names": "{where}: {leads} and others at {fs:g} Hz, without lead names: name them in the file or pass --leads",
}

# The same, about the sampling rate.
_RATES: dict[str, Template] = {
    "by_comment": "the comment line",
    "by_given": "--fs",
    "by_times": "the time column",
    "rate_contradicts": "{where}: the header says {fs:g} Hz, {given:g} Hz was asked for: drop --fs or mend the header",
    "rate_impossible": "{where}: a sampling rate of {fs:g} Hz; {least:g} to {most:g} Hz is read: mend the file or pass --fs",
    "rate_not_a_number": "{where}: the sampling rate {text!r} in the comments is not a number: write `# fs=500`",
    "rate_unknown": (
        "{where}: {rows} rows and no sampling rate: add the line `# fs=500` with the true rate, add a time column, or pass --fs"
    ),
    "rates_differ": "{where}: {other:g} Hz by {other_source} but {fs:g} Hz by {source}: drop or mend one of them",
    "times_incomplete": (
        "{where}: the time column has fewer than two times, or empty cells: samples are missing or the times are rounded; mend the "
        "column, or drop it and pass --fs"
    ),
    "times_uneven": (
        "{where}: the time column does not rise evenly: samples are missing or the times are rounded; mend the column, or drop it and "
        "pass --fs"
    ),
}

# The same, about the text of a table or of a WFDB header.
_TEXTS: dict[str, Template] = {
    "decimal_marks": "{where}: line {line}: commas and points in the same numbers: export with one decimal mark",
    "features_incomplete": (
        "{where}: {count} feature columns from feat_{first} to feat_{last}; all {needed} of PTB-XL+, feat_0 to feat_{end}, are needed, "
        "each once: add what is missing or drop the feature columns"
    ),
    "header_lies_outside": "the signal file {file!r} is outside the header's folder, which is refused",
    "header_line": "{where}: line {line}: {problem}: mend the header or export the record again",
    "header_segments": "a record of several segments ({name}), which are not read; name one of its segments instead",
    "header_signals": "{declared} signals declared but {given} signal lines given; the header is cut or wrong",
    "header_without_line": "{where}: a WFDB header without a record line: copy it again",
    "no_names_below": "{where}: column names but no row of data below them: export the recording again",
    "no_row": "{where}: no row of data in it: export the recording again",
    "no_row_of_names": "{where}: line {line}: no row of column names or numbers: export the recording again",
    "not_a_number": "{where}: line {line}, column {column}: {text!r} is not a number: mend or empty the cell",
    "ragged_line": "{where}: line {line}: {cells} cells, {needed} as in the first row are needed: mend the line or export again",
    "table_line": "{where}: line {line}: {problem}: mend the line",
    "value_too_large": "{where}: line {line}: a value beyond {largest:g}, which no ECG has: mend the file",
}

# What was assumed, mended or left out, and what a reading had to do without.
_WARNINGS: dict[str, Template] = {
    "amplitudes_clipped": "amplitudes beyond {limit} mV were clipped",
    "coarse_step": (
        "one unit of {leads} is more than {limit:g} uV by the header, which no ECG recorder is: the amplitudes may be wrong by a constant "
        "factor"
    ),
    "columns_not_read": "columns not read, for they are no leads: {columns}",
    "few_usable_leads": "only {usable} of {leads} leads carry a signal: no decision is made",
    "flat_leads": ("flat lead: {leads}", "flat leads: {leads}"),
    "lead_left_out": "lead {lead} is {percent:.0f}% missing values and was left out",
    "leads_derived": "derived from I and II: {leads}",
    "leads_missing": (
        "missing and left out: lead {leads}; the reading is less certain",
        "missing and left out: leads {leads}; the reading is less certain",
    ),
    "leads_not_used": "not read by the model: {leads}",
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
    "signals_not_leads": "not read, for they are no ECG leads: {signals}",
    "unit_assumed": "unit not stated: read as mV",
    "unit_overridden": "read as {unit} as asked; the file says {stated}",
    "unit_overridden_in_header": "read as {unit} as asked; the header says {stated}",
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
    "arm_leads_swapped": "The waves of lead I point down, P included: arm electrodes interchanged.",
    "arm_leads_or_dextrocardia": (
        "The waves of lead I point down, P included: arm electrodes interchanged or the heart lies on the right side."
    ),
    "identities_broken": "Limb leads contradict each other ({formulas}): leads are mislabelled, or were not recorded at the same time.",
    "identity_broken": "{lead} is not {formula}",
    "lead_pair": "{first} and {second}",
    "lead_states": ("Lead {leads}: {state}.", "Leads {leads}: {state}."),
    "leg_electrode": "Lead {lead} hardly shows the heart while the other limb leads do: a leg electrode may sit on an arm.",
    "no_measurements": "No measurements: {reason}.",
    "rate_implausible": "A heart rate of {rate:.0f} bpm: the stated sampling rate may be wrong.",
    "same_signal": "The same signal in two leads: {pairs}.",
    "state_flat": "flat",
    "state_interrupted": "standing still for a second or more",
    "state_masked": "mostly missing values",
    "state_noisy": "noisy",
    "state_saturated": "cut off at the limit of the recorder",
    "state_wandering": "with a wandering baseline",
    "too_quick": ("Everything is quick ({rate:.0f} bpm, QRS {qrs:.0f} ms, QT {qt:.0f} ms): the stated sampling rate may be too high."),
    "too_slow": "Everything is slow ({rate:.0f} bpm, QRS {qrs:.0f} ms, QT {qt:.0f} ms): the stated sampling rate may be too low.",
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

# The diagnosis, as a clinician writes it. Names of statements are messages of their own, which the page has words for by their codes.
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

TEMPLATES: Mapping[str, Template] = {
    **_COMMON, **_FILES, **_LEADS, **_RATES, **_TEXTS, **_WARNINGS, **_FINDINGS, **_REASONS, **_RHYTHM, **_NOTES, **_CONCLUSION,
}  # fmt: skip
