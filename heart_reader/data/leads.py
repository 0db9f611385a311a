"""Lead names: the standard order, spellings found in files, and identities of limb leads.

References
----------
Kligfield P. et al. Recommendations for the standardization and interpretation of the
electrocardiogram, part I. Circulation 115 (2007) 1306-1324.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from heart_reader.errors import LeadError
from heart_reader.messages import Message, message

__all__ = [
    "LIMB_LEADS",
    "POSITIONS",
    "STANDARD_LEADS",
    "canonical_lead",
    "canonical_leads",
    "derive_limb_leads",
    "is_about_modified_lead",
    "modified_lead",
    "placed_leads",
    "without_channel",
]

STANDARD_LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
LIMB_LEADS = STANDARD_LEADS[:6]
# Leads by their place in a recording of few, whatever they are: a Holter's two, say.
POSITIONS = ("1st", "2nd", "3rd")

# Rows: the six limb leads from I and II (Einthoven's law and Goldberger's definitions).
FROM_I_AND_II = np.array([[1, 0], [0, 1], [-1, 1], [-0.5, -0.5], [1, -0.5], [-0.5, 1]])

# A longer name is a sentence, not a lead.
_MAX_NAME = 64
_NOTE = re.compile(r"\(.*?\)|\[.*?\]")
_UNSEEN = re.compile(r"[\u200b-\u200f\u2060\ufeff]")
_DASHES = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"))
# The dash of `Lead-I` and `Lead - I` joins; the one of `Lead -I` is a sign.
_PREFIX = re.compile(r"(?:MDC_ECG_LEAD|MDC ECG LEAD|ECG|EKG|LEAD|EINTHOVEN|GOLDBERGER|WILSON)(?:-\s*|[\s_:]*(?:-\s+)?)", re.IGNORECASE)
_CHANNEL = re.compile(r"(?:CHANNEL|CHAN|CH)(?![A-Z0-9])\.?(?:-\s*|[\s_:]*(?:-\s+)?)", re.IGNORECASE)
_MINUS = re.compile(r"-\s*(?:1\s*[x*]\s*)?|(?:minus|neg(?:ative)?|inv(?:erted)?)[\s_\-]+", re.IGNORECASE)
_MINUS_AFTER = re.compile(r"\s*[x*]\s*-\s*1$|[\s_]*-$|[\s_\-.,:/]*(?:inver\w*|inv|neg\w*|revers\w*|flipped|minus)\.?$", re.IGNORECASE)
# Two numerals, as in `I II` and `I-II`, are two leads; what belongs together in one name may be
# parted.
_CORE = re.compile(r"\+?(?:(I{1,3})|A[\s_\-]{0,2}V[\s_\-]{0,2}([RLF])|V[\s_\-]{0,2}([1-6]))\+?", re.IGNORECASE)
_INVERTED_NOTE = re.compile(
    r"[x*]?\s*-\s*(?:1(?:[.,]0*)?)?|"
    r"(?:inver\w*|inv\.?|neg\w*\.?|reversed|flipped|upside[ \-]down|minus)(?:\s+(?:polarity|sign|signal|lead))?",
    re.IGNORECASE,
)
# What may stand in brackets and leave a lead what it is; a word that is not known, such as a place
# on the back, may not.
_HARMLESS = re.compile(
    r"\d+|\d*[munµμ]?v|(?:milli|micro|nano)?volts?|lsb|bits?|counts?|adu|digits?|per|x\d*|\d+x|\d*k?hz|sps|ch\d*|channel|einthoven|goldberger|"
    r"wilson|limb|chest|precordial|extremity|augmented|voltage|bipolar|unipolar|standard|surface|lead|ecg|ekg|raw|filtered|unfiltered|original|signal"
)
_LIMB_WORDS = {"right", "left", "foot", "arm", "leg", "vector"}
_MODIFIED_II = {"mlii", "modii", "modifiedii", "modleadii", "modifiedleadii", "modifiedlimbleadii"}


class _Name(NamedTuple):
    """What a name says: a lead, whether upside down, whether it calls itself a channel."""

    lead: str
    inverted: bool
    channel: bool

    @property
    def spelled(self) -> str:
        return f"-{self.lead}" if self.inverted else self.lead


def canonical_lead(name: str) -> str | None:
    """Return the standard spelling of one lead name, or None if it is not one of the twelve.

    Case, ``MDC_ECG_LEAD_`` and ``Lead`` prefixes, blanks and harmless notes in brackets do not
    matter. A lead that is upside down, such as ``aVR (inverted)``, keeps its sign. ``MLII``,
    ``V4R``, ``I-II`` and ``V4 (posterior)`` are other leads and give None. So does ``Channel I``,
    as a Holter numbers what it records; see :func:`without_channel`.

    Examples
    --------
    >>> [canonical_lead(name) for name in ("AVR", "MDC_ECG_LEAD_V1", "Lead I (limb)", "aVR inv")]
    ['aVR', 'V1', 'I', '-aVR']
    >>> [canonical_lead(name) for name in ("MLII", "V4R", "I-II", "Channel I")]
    [None, None, None, None]
    """
    read = _read(name)
    return None if read is None or _is_number(read) else read.spelled


def canonical_leads(names: tuple[str, ...] | list[str]) -> tuple[str, ...]:
    """Spell every known lead in the standard way, with a minus if it is upside down.

    Raises
    ------
    LeadError
        If two names mean the same lead.
    """
    spelled = tuple(canonical_lead(name) or name.strip() for name in without_channel(tuple(names)))
    upright = [name.removeprefix("-") for name in spelled]
    repeated = sorted({name for name in upright if upright.count(name) > 1})
    if repeated:
        raise LeadError(message("lead_twice", leads=repeated, names=names))
    return spelled


# The records of one data set share their lead names.
@lru_cache(maxsize=64)
def without_channel(names: tuple[str, ...]) -> tuple[str, ...]:
    """Take ``Channel`` off names if all leads have it; channels I, II, III stay numbers.

    Examples
    --------
    >>> without_channel(("Channel I", "Channel aVR")), without_channel(("Channel I", "Channel II"))
    (('I', 'Channel aVR'), ('Channel I', 'Channel II'))
    """
    read = [_read(name) for name in names]
    if not any(item is not None and item.channel and not _is_number(item) for item in read):
        return names
    return tuple(item.spelled if item is not None and _is_number(item) else name for name, item in zip(names, read, strict=True))


@lru_cache(maxsize=64)
def modified_lead(names: tuple[str, ...]) -> Message | None:
    """Return what to do about a modified lead II, such as ``MLII``, without a lead II."""
    if any(canonical_lead(name) in ("II", "-II") for name in names):
        return None
    found = [name for name in names if _is_modified_ii(name)]
    return message("modified_lead", lead=found[0]) if found else None


def is_about_modified_lead(warning: str) -> bool:
    """Return whether a warning is that of :func:`modified_lead`."""
    return getattr(warning, "code", None) == "modified_lead"


def _is_modified_ii(name: str) -> bool:
    return re.sub(r"[\s_.\-]+", "", name).lower() in _MODIFIED_II


def placed_leads(names: Sequence[str]) -> dict[str, str]:
    """Return which lead stands in each of :data:`POSITIONS`: II or a modified II before all others.

    Examples
    --------
    >>> placed_leads(("V5", "MLII"))
    {'1st': 'MLII', '2nd': 'V5'}
    """
    like_ii = [name for name in names if name == "II" or _is_modified_ii(name)]
    return dict(zip(POSITIONS, [*like_ii, *(name for name in names if name not in like_ii)], strict=False))


# Twelve names a record, nearly always the same twelve: the cache takes a tenth off the reading of a
# data set.
@lru_cache(maxsize=1024)
def _read(name: str) -> _Name | None:
    if len(name) > _MAX_NAME:
        return None
    text = _UNSEEN.sub("", unicodedata.normalize("NFKC", name)).translate(_DASHES).strip(" \t'\"")
    notes, text = [note[1:-1].strip() for note in _NOTE.findall(text)], _NOTE.sub(" ", text).strip()
    channel, signs, previous = False, 0, None
    while previous != text:
        previous = text
        text = _PREFIX.sub("", text, count=1) if _PREFIX.match(text) else text
        if match := _CHANNEL.match(text):
            channel, text = True, text[match.end() :]
        if match := _MINUS.match(text):
            signs, text = signs + 1, text[match.end() :]
    if match := _MINUS_AFTER.search(text):
        signs, text = signs + 1, text[: match.start()]
    core = _CORE.fullmatch(text)
    if core is None:
        return None
    lead = core[1].upper() if core[1] else f"aV{core[2].upper()}" if core[2] else f"V{core[3]}"
    for note in notes:
        if _INVERTED_NOTE.fullmatch(note):
            signs += 1
        elif not _is_harmless(note, lead):
            return None
    # A double minus may be the program's or the person's.
    return None if signs > 1 else _Name(lead, signs == 1, channel)


def _is_number(read: _Name) -> bool:
    """A channel I, II or III: its numeral may count what a recorder records."""
    return read.channel and read.lead in LIMB_LEADS[:3]


def _is_harmless(note: str, lead: str) -> bool:
    if _CORE.fullmatch(note):
        return re.sub(r"[\s_\-]+", "", note).upper() == lead.upper()
    words = re.findall(r"[^\W_]+", note.lower())
    limb = _LIMB_WORDS if lead in LIMB_LEADS else set()
    return not re.search(r"-\s*\d", note) and all(_HARMLESS.fullmatch(word) or word in limb or word == lead.lower() for word in words)


def derive_limb_leads(lead_i: NDArray[np.floating], lead_ii: NDArray[np.floating]) -> dict[str, NDArray[np.floating]]:
    """Compute III, aVR, aVL and aVF from simultaneous I and II.

    Parameters
    ----------
    lead_i, lead_ii
        (n_times,) in any one unit.

    Examples
    --------
    >>> limb = derive_limb_leads(np.array([1.0]), np.array([3.0]))
    >>> {name: float(values[0]) for name, values in limb.items()}
    {'III': 2.0, 'aVR': -2.0, 'aVL': -0.5, 'aVF': 2.5}
    """
    return {name: row[0] * lead_i + row[1] * lead_ii for name, row in zip(LIMB_LEADS[2:], FROM_I_AND_II[2:], strict=True)}
