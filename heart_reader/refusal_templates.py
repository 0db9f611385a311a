"""The English templates of what refuses a file, see :mod:`heart_reader.message_templates`; each
ends with what to do.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["REFUSALS", "Template"]

Template = str | tuple[str, str]

# Why a file cannot be read; each ends with what to do.
_FILES: dict[str, Template] = {
    "all_leads_missing": "{where}: every lead is mostly NaN or infinity; export the recording again",
    "damaged_dicom": "{where}: a damaged DICOM file ({kind}): export the recording again",
    "damaged_file": "{where}: {problem}: export the recording again",
    "dicom_compressed": "{where}: a compressed DICOM file, which is not read: export it uncompressed (Explicit VR Little Endian)",
    "dicom_without_waveform": ("{where}: a DICOM file without a waveform, perhaps a picture of an ECG: export the recording as a waveform"),
    "edf_gaps": "{where}: an EDF+D file, whose recording has gaps; a continuous one is read: export it as EDF or EDF+C",
    "empty_file": "{where}: an empty file (0 bytes): copy or export it again",
    "format_needs_package": (
        "{where}: {format} is read with {package}, which is not installed here: pip install 'heart-reader[formats]' and read it again"
    ),
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
        "{where}: in none of the formats that are read ({formats}); a signal file needs its header {header} beside it, which names it: "
        "put it there, or export the recording in one of these formats"
    ),
    "not_one_record": (
        "{files} are not one record; several files are read together only as a WFDB header with its signal file, such as 100.hea and "
        "100.dat: send one recording at a time"
    ),
    "packed_file": "{where}: a packed file or an Excel workbook, which is not read: unpack it, or save the sheet as CSV",
    "pdf_file": "{where}: a PDF, which holds a picture of an ECG: export the recording as one of {formats}",
    "picture_file": "{where}: a picture of an ECG, which is not read: export the recording as one of {formats}",
    "record_too_long": (
        "{where}: {got} values ({leads} leads of {times} time points; a second counts as {per_second} values at least), at most {allowed} "
        "are read here: cut the recording into parts"
    ),
    "records_missing": ("{where}: {there} data records are there, the header promises {promised}: the file is truncated, copy it again"),
    "scale_unclear": (
        "{where}: the comment {text!r} may mean that the values are to be scaled: write the unit of one step as `# unit=4.88 uV`, or pass "
        "--unit if the values are in it"
    ),
    "samples_missing": (
        "{where}: {there} samples per signal are there, {header} promises {promised}: the file is truncated or the header is wrong, "
        "copy both again"
    ),
    "samples_truncated": (
        "{where}: {there} bytes of samples, {channels} channels of {samples} samples of kind {kind} are declared: the file is truncated, "
        "copy it again"
    ),
    "sent_twice": "{file} was sent twice; the files of one record have different names: send each of them once",
    "signal_file_missing": "{where}: the header {header} names this file, which is not there: hand over both, under their own names",
    "signal_format": "{where}: signal format {format} is not read; readable are {readable}: convert the record to format 16",
    "signal_lengths_differ": "{where}: signal files of different lengths ([{lengths}] samples): copy the record again",
    "too_short": "{where}: {duration:.2f} s of signal; at least {least:.0f} s is needed: record longer",
    "unexpected_error": (
        "{where}: reading it failed for a reason that nobody foresaw ({kind}), which is a fault of heart_reader: run the command again "
        "with --debug and report what it shows, with the file if it may be shown"
    ),
    "unit_missing": ("{where}: lead {lead} has no sensitivity or unit, so its amplitudes are not known: export the recording again"),
    "unit_unknown": "{where}: unit {unit!r}; mV, uV, nV or V is needed: pass --unit or mend the file",
    "units_differ": "{where}: units {units} in one file; one is allowed: mend the file or pass --unit",
    "without_samples": "{where}: 0 samples per signal are there: the file is truncated, copy it again",
    "xml_file": "{where}: an XML or HTML file, which is not read: export the recording as one of {formats}",
}

# The same, about samples that are not what their header says.
_SAMPLES: dict[str, Template] = {
    "bits_stored": (
        "{where}: samples of lead {lead} do not fit into {bits} bits ({kind}), which the file declares: sign or upper bits may be "
        "wrong, so amplitudes are not known: export the recording again"
    ),
    "channel_skew": (
        "{where}: leads begin up to {skew:.1f} ms apart by their channel skews; only leads recorded within {most:.0f} ms of each other "
        "are read: export the recording with aligned leads"
    ),
    "edf_jump": (
        "{where}: data record {number} begins at {onset:.3f} s, the one before it ends at {expected:.3f} s: the recording has gaps; a "
        "continuous one is read: export its parts one by one"
    ),
    "matrix_differs": (
        "{where}: a matrix of {rows} x {columns} values of kind {kind}, {header} describes {signals} signals in rows of 16-bit numbers "
        "(kind 30): the two do not belong together, copy both again"
    ),
    "offset_impossible": (
        "{where}: lead {lead} reaches {reach:g} mV, an electrode stays below {most:g} mV: the baseline or the gain in the header is "
        "wrong; mend the header or export the recording again"
    ),
    "samples_of_another": (
        "{where}: the samples of {leads} are not those that {header} was written for, by their checksums: the two files are of "
        "different recordings or one was changed: copy both again from one place, or, if the samples are certainly right, set the "
        "checksums in the header to 0"
    ),
    "samples_surplus": (
        "{where}: {there} bytes of samples, {declared} are declared: perhaps channels are missing from the description, so that leads "
        "would be taken for one another: export the recording again"
    ),
    "scale_missing": (
        "{where}: lead {lead} has a sensitivity or correction of {factor}; a number other than 0 is needed: export the recording again"
    ),
    "signals_not_described": (
        "{where}: {samples} samples are no whole record of the {signals} signals that {header} describes: lines are missing from the "
        "header or the file is cut, copy both again"
    ),
    "unit_code_and_name": "{where}: the unit of lead {lead} is {coded} by its code and {named} by its name: mend the file or pass --unit",
}

# The same, about leads.
_LEADS: dict[str, Template] = {
    "lead_code_and_name": "{where}: channel {channel} is lead {coded} by its code and {named} by its name: mend the file or pass it as CSV",
    "lead_in_columns": "{where}: lead {lead} stands in several columns; keep one column per lead",
    "leads_in_rows": (
        "{where}: the first column holds lead names ({lead}); a column per lead and a row per time point are needed: transpose the table"
    ),
    "lead_twice": "lead {leads} appears twice among {names}: keep one column per lead",
    "modified_lead": (
        "{lead} is a modified lead II and was not taken for lead II: to have it read so, name it II in the file or with --leads"
    ),
    "names_below": (
        "{where}: line {line}: a row of lead names, but it is not the first row: delete what stands above it, or begin those lines with #"
    ),
    "names_contradict": "{where}: signal {number} is {named} by the file, {given} was asked for: drop --leads or mend the file",
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
    "clock_times": (
        "{where}: the time column holds {text!r}; seconds or milliseconds from the start are needed: convert it, or drop it and pass --fs"
    ),
    "rate_contradicts": "{where}: the header says {fs:g} Hz, {given:g} Hz was asked for: drop --fs or mend the header",
    "rate_impossible": "{where}: a sampling rate of {fs:g} Hz; {least:g} to {most:g} Hz is read: mend the file or pass --fs",
    "rate_not_a_number": "{where}: the sampling rate {text!r} in the comments is not a number: write `# fs=500`",
    "rate_unclear": "{where}: the comment {text!r} may state the sampling rate: write `# fs=500` with the true rate, or pass --fs",
    "rate_unknown": (
        "{where}: {rows} rows and no sampling rate: add the line `# fs=500` with the true rate, add a time column, or pass --fs"
    ),
    "rates_differ": "{where}: {other:g} Hz by {other_source} but {fs:g} Hz by {source}: drop or mend one of them",
    "row_numbers": (
        "{where}: {there:g} follows {before:g} in column {column}, which numbers the rows: rows are missing, doubled or out of order; "
        "export the recording again, or drop that column if it numbers something else"
    ),
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
    "row_in_comment": "{where}: line {line}: a row of numbers in a comment: without it a sample is missing; restore it or export again",
    "table_line": "{where}: line {line}: {problem}: mend the line",
    "thousands": (
        "{where}: line {line}: {text!r} may be a number above a thousand or a decimal one: export without thousands separators, with "
        "decimal points"
    ),
    "value_too_large": "{where}: line {line}: a value beyond {largest:g}, which no ECG has: mend the file",
}

REFUSALS: Mapping[str, Template] = {**_FILES, **_SAMPLES, **_LEADS, **_RATES, **_TEXTS}
