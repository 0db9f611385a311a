"""Codes of leads and measurements in the vocabularies that files of other programs are written in.

``codes.json`` beside this file is the one list of them; its ``sources`` name the standards.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

__all__ = ["codes_of"]


@cache
def codes_of(kind: str, vocabulary: str) -> Mapping[str, str]:
    """Return our names and their codes, as far as the vocabulary has them.

    Parameters
    ----------
    kind
        ``"leads"``, ``"measurements"`` or ``"units"``.
    vocabulary
        One of the ``sources`` of the list, such as ``"mdc"``.

    Examples
    --------
    >>> codes_of("leads", "mdc")["aVR"], codes_of("measurements", "mdc")["qrs_ms"]
    ('MDC_ECG_LEAD_AVR', 'MDC_ECG_TIME_PD_QRS')
    """
    table = json.loads(Path(__file__).with_name("codes.json").read_text(encoding="utf-8"))
    return {name: codes[vocabulary] for name, codes in table[kind].items() if vocabulary in codes}
