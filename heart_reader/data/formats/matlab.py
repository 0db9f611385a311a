"""MATLAB 5 files: CPSC2018's, with a structure ``ECG`` of ``sex, age, data``, or a plain array.

The reader is our own: what a file declares of its sizes is compared with the file, and with the
longest record that is allowed, before memory is taken for it.

References
----------
MathWorks. MAT-File Format (2018), level 5. Liu F. et al. An open access database for evaluating the
algorithms of electrocardiogram rhythm and morphology abnormality detection. J. Med. Imaging Health
Inform. 8 (2018) 1368-1373: twelve leads at 500 Hz.
"""

from __future__ import annotations

import math
import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.formats.agreement import agreed_names
from heart_reader.data.formats.arrays import MOST_FACTS, ArrayFile, StoredArray, array_record, is_fact
from heart_reader.data.formats.files import Given, check_fs, check_length, file_size, plausible_age
from heart_reader.data.formats.matlab_elements import (
    CHARACTERS,
    MAGIC,
    MATRIX,
    MOST_SMALL_BYTES,
    NUMBERS,
    NUMERIC,
    STRUCT,
    Damaged,
    Source,
    array_head,
    numbers,
    small,
    tag,
    text_of_characters,
    variables,
)  # fmt: skip
from heart_reader.data.formats.registry import register_format
from heart_reader.data.leads import STANDARD_LEADS
from heart_reader.data.record import EcgRecord, build_record
from heart_reader.errors import UnreadableRecord
from heart_reader.messages import Message, message

__all__ = ["read_matlab"]

CPSC2018_FS_HZ = 500.0
# What a structure with three fields needs, many times over.
_MOST_FIELDS = 64


@register_format(
    "matlab",
    title="MATLAB",
    suffixes=(".mat",),
    sniff=lambda head, _: head.startswith(MAGIC),
    lists=lambda head, _: head.startswith(MAGIC),
    states="CPSC2018: age and sex; a plain array: rate, unit, leads, age and sex as variables fs, unit, leads, age, sex",
)
def read_matlab(path: str, head: bytes, given: Given) -> EcgRecord:
    """Read an original file of CPSC2018, or an array; see :class:`Format` for the rest.

    ``given.leads`` names the leads, in order.
    """
    size = file_size(path)
    try:
        found = next(filter(None, (_ecg(path, source, given) for source in variables(path, head, size))), None)
        if found is None:
            return _plain(path, head, size, given)
    except Damaged as error:
        raise UnreadableRecord(message("matlab_damaged", where=path, problem=str(error))) from None
    data, age, sex = found
    warnings: list[Message] = []
    fs = CPSC2018_FS_HZ if given.fs is None else check_fs(path, given.fs)
    if given.fs is None or given.leads is None:
        warnings.append(message("matlab_assumed", fs=fs))
    names = agreed_names(path, [f"signal {row + 1}" for row in range(len(data))] if given.leads else STANDARD_LEADS, given.leads)
    return build_record(
        os.path.splitext(os.path.basename(path))[0],
        data,
        fs,
        names,
        unit=given.unit or "mV",
        age=plausible_age(age),
        sex=sex,
        source_format="matlab",
        warnings=tuple(warnings),
    )


def _ecg(path: str, source: Source, given: Given) -> tuple[NDArray[np.floating], float | None, str | None] | None:
    """Return signal, age and sex of the variable ``ECG``; None for any other variable."""
    array = array_head(source, "a variable")
    if array.kind != STRUCT or array.name != "ECG":
        return None
    if math.prod(array.shape) != 1:
        raise Damaged(f"ECG is {' x '.join(map(str, array.shape))} structures; one recording is read at a time")
    length = int.from_bytes(small(source, "ECG")[1], "little" if source.order == "<" else "big")
    names = small(source, "the names of ECG's fields")[1]
    if not 1 <= length <= 64 or len(names) % length or len(names) // length > _MOST_FIELDS:
        raise Damaged("the names of ECG's fields cannot be read")
    fields = [names[at : at + length].split(b"\0")[0].decode("latin-1") for at in range(0, len(names), length)]
    data: NDArray[np.floating] | None = None
    age, sex = None, None
    for field in fields:
        what = f"ECG.{field}"
        element = tag(source, what)
        if element.kind != MATRIX or element.content is not None:
            raise Damaged(f"{what} is no array")
        if element.n_bytes == 0:
            continue
        if field == "data":
            data = _signal(path, source, given)
        elif field == "age" and element.n_bytes <= MOST_SMALL_BYTES:
            age = _age(source)
        elif field == "sex" and element.n_bytes <= MOST_SMALL_BYTES:
            sex = _sex(source)
        else:
            source.skip(element.n_bytes, what)
    if data is None:
        raise Damaged(f"ECG has the fields {', '.join(fields)}, and no data")
    return data, age, sex


def _signal(path: str, source: Source, given: Given) -> NDArray[np.floating]:
    """Return ``ECG.data`` leads first."""
    array = array_head(source, "ECG.data")
    size = " x ".join(map(str, array.shape))
    n_leads = len(STANDARD_LEADS) if given.leads is None else len(given.leads)
    if array.kind not in NUMERIC or array.is_complex:
        raise Damaged("ECG.data holds no real numbers")
    if len(array.shape) != 2 or n_leads not in array.shape:
        raise UnreadableRecord(message("matlab_leads", where=path, size=size, leads=n_leads))
    n_times = math.prod(array.shape) // n_leads
    check_length(path, n_leads, n_times, CPSC2018_FS_HZ if given.fs is None else given.fs, given)
    values = numbers(source, array, "ECG.data")
    leads_first = values if array.shape[0] == n_leads else values.T
    return leads_first.astype(np.float64)


def _age(source: Source) -> float | None:
    array = array_head(source, "ECG.age")
    kind, content = small(source, "ECG.age")
    if array.kind not in NUMERIC or kind not in NUMBERS or math.prod(array.shape) != 1:
        return None
    stored = np.dtype(source.order + NUMBERS[kind])
    value = float(np.frombuffer(content, stored)[0]) if len(content) == stored.itemsize else math.nan
    return value if math.isfinite(value) else None


def _sex(source: Source) -> str | None:
    array = array_head(source, "ECG.sex")
    if array.kind != CHARACTERS:
        small(source, "ECG.sex")
        return None
    rows = text_of_characters(source, array, "ECG.sex")
    word = rows[0].lower() if len(rows) == 1 else None
    return word if word in ("male", "female") else None


def _plain(path: str, head: bytes, size: int, given: Given) -> EcgRecord:
    """Read a plain array of numbers, with what other variables say of it."""
    arrays: list[StoredArray] = []
    facts: dict[str, Any] = {}
    for number, source in enumerate(variables(path, head, size)):
        array = array_head(source, "a variable")
        n_values = math.prod(array.shape)
        if is_fact(array.name) and n_values <= MOST_FACTS:
            if array.kind in NUMERIC:
                facts[array.name] = numbers(source, array, array.name)
            elif array.kind == CHARACTERS:
                facts[array.name] = text_of_characters(source, array, array.name)
        elif array.kind in NUMERIC and n_values > 1:
            kind = np.dtype(np.complex128 if array.is_complex else np.float64)
            arrays.append(StoredArray(array.name, array.shape, kind, _cut_of(path, head, size, number)))
    if not arrays:
        raise UnreadableRecord(message("matlab_file", where=path))
    return array_record(path, ArrayFile(arrays, facts), given, "matlab")


def _cut_of(path: str, head: bytes, size: int, wanted: int) -> Any:
    """What cuts from a variable, which is read once and as a whole."""
    whole: list[NDArray[Any]] = []

    def cut(start: int, stop: int, first_axis: bool) -> NDArray[Any]:
        if not whole:
            source = next(source for number, source in enumerate(variables(path, head, size)) if number == wanted)
            array = array_head(source, "a variable")
            whole.append(numbers(source, array, array.name))
        return whole[0][start:stop] if first_axis else whole[0][..., start:stop]

    return cut
