"""A signal that is a plain array of numbers, with what is stated beside it; nothing is guessed.

Rate, unit and leads come from the caller or stand in the file under the names of :data:`KEYS`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.formats.agreement import agreed_fs, agreed_names
from heart_reader.data.formats.files import Given, check_fs, check_length, plausible_age, sex_of
from heart_reader.data.record import UNIT_TO_MV, EcgRecord, build_record
from heart_reader.data.signal import SignalParts
from heart_reader.errors import UnitError, UnreadableRecord
from heart_reader.messages import message

__all__ = ["KEYS", "MOST_FACTS", "ArrayFile", "StoredArray", "array_record", "is_fact"]

# What is stated, and the names under which it may stand in the file, in lower case.
KEYS = {
    "fs": ("fs", "sampling_rate", "sampling_frequency", "sample_rate"),
    "unit": ("unit", "units"),
    "leads": ("leads", "lead_names", "sig_name"),
    "age": ("age",),
    "sex": ("sex", "gender"),
}
# Names that would change what the numbers mean, which is not read.
_SCALES = {"gain", "gains", "adc_gain", "scale", "scaling", "scale_factor", "offset", "baseline", "adc_zero", "resolution", "lsb"}
_ALL_KEYS = {key for keys in KEYS.values() for key in keys}
# An array of this name is the signal, whatever others there are.
_PREFERRED = "signal"
# What is stated takes no more values than this.
MOST_FACTS = 256


@dataclass(frozen=True)
class StoredArray:
    """An array whose numbers were not read yet.

    Parameters
    ----------
    name
        In the file; empty if it has none.
    shape, dtype
        As the file declares them.
    cut
        Gives the part between two places of the last axis or, with True, of the first.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    cut: Callable[[int, int, bool], NDArray[Any]]
    on_disk: bool = False


@dataclass(frozen=True)
class ArrayFile:
    """The arrays of a file that may be a signal, and single values and texts by their names."""

    arrays: Sequence[StoredArray]
    facts: Mapping[str, Any] = field(default_factory=dict)


def is_fact(name: str) -> bool:
    """Return whether something of this name states a fact about a signal."""
    return name.lower() in _ALL_KEYS | _SCALES


def array_record(path: str, file: ArrayFile, given: Given, source_format: str) -> EcgRecord:
    """Make a record of the one array of a file that is a signal.

    Raises
    ------
    LeadError, UnitError, UnreadableRecord
        If a fact is missing or contradicts the caller, there is no such array or more than one, or
        which axis holds the leads cannot be told.
    """
    facts = {name.lower(): value for name, value in file.facts.items()}
    array = _signal(path, file.arrays)
    fs, unit, leads = (_first(facts, name) for name in ("fs", "unit", "leads"))
    stated_fs, stated_unit, stated_leads = _number(fs), _text(unit), _texts(leads)
    missing = [
        name
        for name, stated, told in (
            ("fs", stated_fs, given.fs),
            ("unit", stated_unit, given.unit),
            ("leads", stated_leads, given.leads),
        )
        if stated is None and told is None
    ]
    if missing:
        raise UnreadableRecord(message("array_facts", where=path, missing=missing, options=[f"--{name}" for name in missing]))
    if given.unit is None and (scales := sorted(_SCALES & facts.keys())):
        raise UnitError(message("scale_unclear", where=path, text=", ".join(scales)))
    assert given.fs is not None or stated_fs is not None
    rate = check_fs(path, given.fs or 0.0) if stated_fs is None else agreed_fs(path, stated_fs, given.fs)
    names = given.leads if stated_leads is None else agreed_names(path, stated_leads, given.leads)
    assert names is not None
    signal = _leads_first(path, array, len(names), rate, given)
    warnings = []
    if given.unit is not None and stated_unit is not None and _mv(given.unit) != _mv(stated_unit):
        warnings.append(message("unit_overridden", unit=given.unit, stated=[stated_unit]))
    return build_record(
        os.path.splitext(os.path.basename(path))[0],
        signal,
        rate,
        names,
        unit=given.unit or stated_unit or "",
        age=plausible_age(_number(_first(facts, "age"))),
        sex=sex_of(_text(_first(facts, "sex"))),
        source_format=source_format,
        warnings=tuple(warnings),
    )


def _signal(path: str, arrays: Sequence[StoredArray]) -> StoredArray:
    preferred = [array for array in arrays if array.name.rpartition("/")[2].lower() == _PREFERRED]
    numeric = [array for array in preferred or arrays if array.dtype.kind in "iuf" and 1 <= len(array.shape) <= 2]
    if len(numeric) != 1:
        found = [f"{array.name or 'array'} ({_size(array)} {array.dtype})" for array in (numeric or arrays)[:5]]
        if numeric:
            raise UnreadableRecord(message("array_several", where=path, found=found))
        raise UnreadableRecord(message("array_none", where=path, found=found or ["-"]))
    return numeric[0]


def _leads_first(path: str, array: StoredArray, n_leads: int, fs: float, given: Given) -> SignalParts:
    """The signal with its leads first; they are the axis that has as many places as there are."""
    shape = array.shape
    if len(shape) == 1 and n_leads == 1:
        check_length(path, 1, shape[0], fs, given)
        return SignalParts(1, shape[0], lambda start, stop: _numbers(array.cut(start, stop, False))[None], array.on_disk)
    if len(shape) != 2 or n_leads not in shape or 0 in shape:
        raise UnreadableRecord(message("array_shape", where=path, size=_size(array), leads=n_leads))
    if shape[0] == shape[1] and n_leads > 1:
        raise UnreadableRecord(message("array_ambiguous", where=path, size=_size(array)))
    turned = shape[0] != n_leads
    n_times = shape[0] if turned else shape[1]
    check_length(path, n_leads, n_times, fs, given)

    def cut(start: int, stop: int) -> NDArray[np.float64]:
        values = _numbers(array.cut(start, stop, turned))
        return np.ascontiguousarray(values.T) if turned else values

    return SignalParts(n_leads, n_times, cut, array.on_disk)


def _numbers(values: NDArray[Any]) -> NDArray[np.float64]:
    return np.asarray(values, np.float64)


def _size(array: StoredArray) -> str:
    return " x ".join(map(str, array.shape)) or "1"


def _mv(unit: str) -> float | None:
    return UNIT_TO_MV.get(unit.strip().lower())


def _first(facts: Mapping[str, Any], name: str) -> Any:
    """What is stated under any of the names of a fact; None where two differ."""
    found = [facts[key] for key in KEYS[name] if key in facts]
    return found[0] if len({str(value) for value in found}) == 1 else None


def _number(value: Any) -> float | None:
    """A finite number, alone or as the only one of an array."""
    try:
        array = np.asarray(value)
        number = float(array.reshape(-1)[0]) if array.size == 1 and array.dtype.kind in "iuf" else None
    except (TypeError, ValueError, OverflowError):
        return None
    return number if number is not None and np.isfinite(number) else None


def _text(value: Any) -> str | None:
    texts = _texts(value)
    return texts[0] if texts is not None and len(texts) == 1 else None


def _texts(value: Any) -> tuple[str, ...] | None:
    """Texts of a list or an array of them; one text with commas is a list, too."""
    if value is None:
        return None
    items = value.reshape(-1).tolist() if isinstance(value, np.ndarray) else list(value) if isinstance(value, list | tuple) else [value]
    texts = [item.decode("utf-8", "replace") if isinstance(item, bytes) else item for item in items]
    if not texts or not all(isinstance(item, str) for item in texts) or len(texts) > MOST_FACTS:
        return None
    parts = texts[0].split(",") if len(texts) == 1 else texts
    plain = tuple(part.strip("\0 \t\r\n") for part in parts)
    return plain if all(plain) else None
