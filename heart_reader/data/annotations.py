"""Read WFDB annotation files: when something happened, and which of the standard symbols it was.

References
----------
Moody G. B. WFDB applications guide, annot(5): the MIT annotation format. ANSI/AAMI EC57: Testing
and reporting performance results of cardiac rhythm and ST segment measurement algorithms.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from heart_reader.errors import UnreadableRecord

__all__ = ["AAMI_CLASSES", "AAMI_OF", "BEAT_SYMBOLS", "read_annotations", "read_rhythms"]

# Codes 1 to 41; a blank where the format defines none.
_SYMBOLS = ' NLRaVFJASEj/Q~ | sT*D"=pB^t+u?![]en@xf()r'
_RHYTHM_SYMBOL = "+"
_SKIP, _NUMBER, _SUBTYPE, _CHANNEL, _AUXILIARY = 59, 60, 61, 62, 63
# Annotations that mark a beat, as the standard comparison of detectors counts them.
BEAT_SYMBOLS = frozenset("NLRBAaJSVrFejnE/fQ?")
# Classes of EC57: from the sinus node or a bundle branch block, supraventricular and ventricular
# ectopic, fusion of a normal with a ventricular beat, paced or not to be told.
_AAMI = {"N": "NLRBej", "S": "AaJSn", "V": "VrE", "F": "F", "Q": "/fQ?"}
AAMI_CLASSES = tuple(_AAMI)
# Symbol of a beat to its class.
AAMI_OF = {symbol: name for name, symbols in _AAMI.items() for symbol in symbols}


def read_annotations(path: Path) -> tuple[NDArray[np.int64], list[str]]:
    """Return (n,) times in samples and their symbols.

    Parameters
    ----------
    path
        Annotation file, such as ``100.atr``.

    Raises
    ------
    UnreadableRecord
        If the file ends in the middle of an annotation.
    """
    times, symbols, _ = _parse(path)
    return times, symbols


def read_rhythms(path: Path) -> list[tuple[int, str]]:
    """Return (time in samples, name) of every change of rhythm, such as ``(1234, "AFIB")``.

    Parameters
    ----------
    path
        Annotation file, such as ``201.atr``.

    Raises
    ------
    UnreadableRecord
        If the file ends in the middle of an annotation.
    """
    times, symbols, notes = _parse(path)
    return [
        (int(times[place]), note[1:]) for place, note in sorted(notes.items()) if symbols[place] == _RHYTHM_SYMBOL and note.startswith("(")
    ]


def _parse(path: Path) -> tuple[NDArray[np.int64], list[str], dict[int, str]]:
    """Times, symbols, and the texts of those annotations that have one, by their place."""
    words = np.frombuffer(path.read_bytes()[: path.stat().st_size // 2 * 2], dtype="<u2").tolist()
    times: list[int] = []
    symbols: list[str] = []
    notes: dict[int, str] = {}
    now, at = 0, 0
    try:
        while words[at] != 0:
            code, step = words[at] >> 10, words[at] & 0x3FF
            at += 1
            if code == _SKIP:
                # Thirty-two bits, the higher half first, signed.
                skip = (words[at] << 16) | words[at + 1]
                now += skip - (1 << 32) if skip >= 1 << 31 else skip
                at += 2
            elif code == _AUXILIARY:
                text = np.array(words[at : at + (step + 1) // 2], dtype="<u2").tobytes()[:step]
                notes[len(times) - 1] = text.decode("ascii", "replace").rstrip("\0")
                at += (step + 1) // 2
            elif code not in (_NUMBER, _SUBTYPE, _CHANNEL):
                now += step
                times.append(now)
                symbols.append(_SYMBOLS[code] if code < len(_SYMBOLS) else " ")
    except IndexError:
        raise UnreadableRecord(f"{path.name}: ends after {len(times)} annotations without an end mark: download the file again") from None
    return np.array(times, dtype=np.int64), symbols, notes
