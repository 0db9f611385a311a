"""The 71 SCP-ECG statements that PTB-XL uses: what each one is and which superclass it belongs to.

References
----------
Wagner P. et al. PTB-XL, a large publicly available electrocardiography dataset. Scientific Data 7
(2020) 154. ISO 11073-91064. Standard communication protocol, computer-assisted electrocardiography
(SCP-ECG).
"""

from __future__ import annotations

import csv
import io
from typing import NamedTuple

__all__ = ["SCP_STATEMENTS", "ScpStatement", "scp_statements_csv"]

# The columns of PTB-XL's own table, in its order; the first, the code, has no name there.
_COLUMNS = (
    "",
    "description",
    "diagnostic",
    "form",
    "rhythm",
    "diagnostic_class",
    "diagnostic_subclass",
    "Statement Category",
    "SCP-ECG Statement Description",
    "AHA code",
    "aECG REFID",
    "CDISC Code",
    "DICOM Code",
)


class ScpStatement(NamedTuple):
    """One statement.

    Parameters
    ----------
    code
        Such as ``"IMI"``.
    kinds
        Letters: ``d`` diagnostic, ``f`` form, ``r`` rhythm.
    superclass, subclass
        Of a diagnostic statement; empty for the others.
    description
        In a few words.
    """

    code: str
    kinds: str
    superclass: str
    subclass: str
    description: str


# 44 diagnostic, 19 form and 12 rhythm statements; four are both diagnostic and form.
_TABLE = (
    ("NDT", "df", "STTC", "STTC", "non-diagnostic T abnormalities"),
    ("NST_", "df", "STTC", "NST_", "non-specific ST changes"),
    ("DIG", "df", "STTC", "STTC", "digitalis-effect"),
    ("LNGQT", "df", "STTC", "STTC", "long QT-interval"),
    ("NORM", "d", "NORM", "NORM", "normal ECG"),
    ("IMI", "d", "MI", "IMI", "inferior myocardial infarction"),
    ("ASMI", "d", "MI", "AMI", "anteroseptal myocardial infarction"),
    ("LVH", "d", "HYP", "LVH", "left ventricular hypertrophy"),
    ("LAFB", "d", "CD", "LAFB/LPFB", "left anterior fascicular block"),
    ("ISC_", "d", "STTC", "ISC_", "non-specific ischemia"),
    ("IRBBB", "d", "CD", "IRBBB", "incomplete right bundle branch block"),
    ("1AVB", "d", "CD", "_AVB", "first degree AV block"),
    ("IVCD", "d", "CD", "IVCD", "non-specific intraventricular conduction block"),
    ("ISCAL", "d", "STTC", "ISCA", "ischemia in anterolateral leads"),
    ("CRBBB", "d", "CD", "CRBBB", "complete right bundle branch block"),
    ("CLBBB", "d", "CD", "CLBBB", "complete left bundle branch block"),
    ("ILMI", "d", "MI", "IMI", "inferolateral myocardial infarction"),
    ("LAO/LAE", "d", "HYP", "LAO/LAE", "left atrial overload/enlargement"),
    ("AMI", "d", "MI", "AMI", "anterior myocardial infarction"),
    ("ALMI", "d", "MI", "AMI", "anterolateral myocardial infarction"),
    ("ISCIN", "d", "STTC", "ISCI", "ischemia in inferior leads"),
    ("INJAS", "d", "MI", "AMI", "subendocardial injury in anteroseptal leads"),
    ("LMI", "d", "MI", "LMI", "lateral myocardial infarction"),
    ("ISCIL", "d", "STTC", "ISCI", "ischemia in inferolateral leads"),
    ("LPFB", "d", "CD", "LAFB/LPFB", "left posterior fascicular block"),
    ("ISCAS", "d", "STTC", "ISCA", "ischemia in anteroseptal leads"),
    ("INJAL", "d", "MI", "AMI", "subendocardial injury in anterolateral leads"),
    ("ISCLA", "d", "STTC", "ISCA", "ischemia in lateral leads"),
    ("RVH", "d", "HYP", "RVH", "right ventricular hypertrophy"),
    ("ANEUR", "d", "STTC", "STTC", "ST-T changes compatible with ventricular aneurysm"),
    ("RAO/RAE", "d", "HYP", "RAO/RAE", "right atrial overload/enlargement"),
    ("EL", "d", "STTC", "STTC", "electrolyte disturbance or drug effect"),
    ("WPW", "d", "CD", "WPW", "Wolf-Parkinson-White syndrome"),
    ("ILBBB", "d", "CD", "ILBBB", "incomplete left bundle branch block"),
    ("IPLMI", "d", "MI", "IMI", "inferoposterolateral myocardial infarction"),
    ("ISCAN", "d", "STTC", "ISCA", "ischemia in anterior leads"),
    ("IPMI", "d", "MI", "IMI", "inferoposterior myocardial infarction"),
    ("SEHYP", "d", "HYP", "SEHYP", "septal hypertrophy"),
    ("INJIN", "d", "MI", "IMI", "subendocardial injury in inferior leads"),
    ("INJLA", "d", "MI", "AMI", "subendocardial injury in lateral leads"),
    ("PMI", "d", "MI", "PMI", "posterior myocardial infarction"),
    ("3AVB", "d", "CD", "_AVB", "third degree AV block"),
    ("INJIL", "d", "MI", "IMI", "subendocardial injury in inferolateral leads"),
    ("2AVB", "d", "CD", "_AVB", "second degree AV block"),
    ("ABQRS", "f", "", "", "abnormal QRS"),
    ("PVC", "f", "", "", "ventricular premature complex"),
    ("STD_", "f", "", "", "non-specific ST depression"),
    ("VCLVH", "f", "", "", "voltage criteria for left ventricular hypertrophy"),
    ("QWAVE", "f", "", "", "Q waves present"),
    ("LOWT", "f", "", "", "low amplitude T-waves"),
    ("NT_", "f", "", "", "non-specific T-wave changes"),
    ("PAC", "f", "", "", "atrial premature complex"),
    ("LPR", "f", "", "", "prolonged PR interval"),
    ("INVT", "f", "", "", "inverted T-waves"),
    ("LVOLT", "f", "", "", "low QRS voltages"),
    ("HVOLT", "f", "", "", "high QRS voltage"),
    ("TAB_", "f", "", "", "T-wave abnormality"),
    ("STE_", "f", "", "", "non-specific ST elevation"),
    ("PRC(S)", "f", "", "", "premature complex(es)"),
    ("SR", "r", "", "", "sinus rhythm"),
    ("AFIB", "r", "", "", "atrial fibrillation"),
    ("STACH", "r", "", "", "sinus tachycardia"),
    ("SARRH", "r", "", "", "sinus arrhythmia"),
    ("SBRAD", "r", "", "", "sinus bradycardia"),
    ("PACE", "r", "", "", "functioning artificial pacemaker"),
    ("SVARR", "r", "", "", "supraventricular arrhythmia"),
    ("BIGU", "r", "", "", "bigeminal pattern"),
    ("AFLT", "r", "", "", "atrial flutter"),
    ("SVTAC", "r", "", "", "supraventricular tachycardia"),
    ("PSVT", "r", "", "", "paroxysmal supraventricular tachycardia"),
    ("TRIGU", "r", "", "", "trigeminal pattern"),
)

SCP_STATEMENTS = tuple(ScpStatement(*row) for row in _TABLE)


def scp_statements_csv() -> str:
    r"""Return the statements as a table of the same shape as PTB-XL's ``scp_statements.csv``.

    Columns that only link to other standards are there and empty.

    Examples
    --------
    >>> scp_statements_csv().splitlines()[5]
    'NORM,normal ECG,1.0,,,NORM,NORM,,,,,,'
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for code, kinds, superclass, subclass, description in SCP_STATEMENTS:
        flags = ["1.0" if kind in kinds else "" for kind in "dfr"]
        row = [code, description, *flags, superclass, subclass]
        writer.writerow(row + [""] * (len(_COLUMNS) - len(row)))
    return text.getvalue()
