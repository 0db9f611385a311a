"""Mutated records of every format: one number, one record, always the same."""

from __future__ import annotations

import io
import re
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable

import numpy as np
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException
from pydicom.sequence import Sequence as DicomSequence

from tests.hostile.mutations import BLIND, TEXT, Change, Rng, cut_of, edge_number, edge_text
from tests.hostile.seeds import FORMATS, SEEDS_PER_FORMAT, Files, dicom_bytes, dicom_dataset, seed_files
from tests.hostile.write_scp import sealed

__all__ = ["mutated_record"]

# Positions of the fields of EDF's fixed header, and widths of those that it has for every signal.
_EDF_FIXED = ((0, 8), (8, 88), (88, 168), (168, 176), (176, 184), (184, 192), (192, 236), (236, 244), (244, 252), (252, 256))
_EDF_COLUMNS = (16, 80, 8, 8, 8, 8, 8, 80, 8, 32)
_SAMPLE_VALUES = (0, 1, 32767, -32768, -1, 2047, -2048, 5000)
# Lines that are doubled again and again would fill the disk.
_LONGEST = 4_000_000
_MAT_FIELDS = ((0, 4), (4, 8), (8, 12), (12, 16), (16, 20))


def mutated_record(fmt: str, number: int, seed: int = 0) -> Files:
    """Return a record with one to four mutations; the first of its files is the one to read."""
    rng = np.random.default_rng([seed, FORMATS.index(fmt), number])
    place = int(rng.integers(SEEDS_PER_FORMAT))
    n_changes = int(rng.choice([1, 1, 1, 1, 2, 4]))
    if fmt == "dicom" and rng.random() < 0.5:
        return {"seed.dcm": _changed_dicom(place, n_changes, rng)}
    files = dict(seed_files(fmt, place))
    for _ in range(n_changes):
        name = list(files)[rng.integers(len(files)) if rng.random() < 0.5 else 0]
        changes = BLIND if rng.random() < 0.35 else _AWARE[name.rpartition(".")[2]]
        files[name] = changes[rng.integers(len(changes))](files[name], rng)[:_LONGEST]
    return files


def _samples(content: bytes, rng: Rng) -> bytes:
    """Put a value over a part of samples or all of them: silence, a rail, a missing value."""
    start, end = (24, len(content)) if rng.random() < 0.3 else cut_of(content, rng)
    value = _SAMPLE_VALUES[rng.integers(len(_SAMPLE_VALUES))].to_bytes(2, "little", signed=True)
    return content[:start] + (value * (end // 2 + 1))[: max(0, end - start)] + content[end:]


def _edf_field(content: bytes, rng: Rng) -> bytes:
    """Put an edge or another field's text into a field of the header."""
    count = content[252:256].strip()
    n_signals = min(300, int(count)) if count.isdigit() else 1
    places, start = list(_EDF_FIXED), 256
    for width in _EDF_COLUMNS:
        places += [(start + row * width, start + (row + 1) * width) for row in range(n_signals)]
        start += n_signals * width
    begin, end = places[rng.integers(len(places) if rng.random() < 0.6 else len(_EDF_FIXED))]
    if rng.random() < 0.25:
        other, stop = places[rng.integers(len(places))]
        fill = content[other:stop]
    else:
        fill = edge_number(rng) if rng.random() < 0.7 else edge_text(rng)
    return content[:begin] + fill.ljust(end - begin)[: end - begin] + content[end:]


def _mat_field(content: bytes, rng: Rng) -> bytes:
    """Put an edge into the five whole numbers that a MATLAB 4 matrix begins with."""
    start, end = _MAT_FIELDS[rng.integers(len(_MAT_FIELDS))]
    value = (0, 1, -1, 24, 2**31 - 1, -(2**31))[rng.integers(6)]
    return content[:start] + value.to_bytes(4, "little", signed=True) + content[end:]


_ELEMENT = re.compile(rb"<(\w+)[^<>]*>([^<>]*)</\1>")
_ATTRIBUTE = re.compile(rb' \w+="([^"]*)"')
_LONGEST_XML = 200_000


def _xml_value(content: bytes, rng: Rng) -> bytes:
    """Put an edge, or the text of another, into an element or an attribute."""
    text, encoding = _utf8(content)
    found = [one.span(2) for one in _ELEMENT.finditer(text, 0, _LONGEST_XML)] + [one.span(1) for one in _ATTRIBUTE.finditer(text)]
    if not found:
        return content
    start, end = found[rng.integers(len(found))]
    other = found[rng.integers(len(found))]
    fill = (edge_number(rng), edge_text(rng), text[slice(*other)])[rng.integers(3)]
    # What XML forbids is mostly kept out: the reader would see nothing else.
    fill = fill.translate(None, b'\0\x1f<&"') if rng.random() < 0.9 else fill
    return _encoded(text[:start] + fill + text[end:], encoding)


def _xml_element(content: bytes, rng: Rng) -> bytes:
    """Drop an element or an attribute, double it or put it elsewhere."""
    text, encoding = _utf8(content)
    pattern = _ELEMENT if rng.random() < 0.6 else _ATTRIBUTE
    found = [one.span() for one in pattern.finditer(text, 0, _LONGEST_XML)]
    if not found:
        return content
    (start, end), (place, _) = found[rng.integers(len(found))], found[rng.integers(len(found))]
    part = text[start:end]
    dropped, doubled = text[:start] + text[end:], text[:end] + part * int(2 ** rng.uniform(0, 5)) + text[end:]
    moved = text[:place] + part + text[place:start] + text[end:] if place < start else dropped
    return _encoded((dropped, doubled, moved)[rng.integers(3)], encoding)


def _utf8(content: bytes) -> tuple[bytes, str]:
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else ""
    return (content.decode(encoding, "replace").encode("utf-8", "replace"), encoding) if encoding else (content, "")


def _encoded(text: bytes, encoding: str) -> bytes:
    return text.decode("utf-8", "replace").encode(encoding, "replace") if encoding else text


def _header_word(content: bytes, rng: Rng) -> bytes:
    """Put an edge into a 16-bit number near the beginning."""
    start = 2 * int(rng.integers(150))
    value = (0, 1, 2, 12, 13, 255, 32767, -1, -9, -32768)[rng.integers(10)]
    return content[:start] + value.to_bytes(2, "little", signed=True) + content[start + 2 :]


def _in_archive(content: bytes, rng: Rng) -> bytes:
    """Change one of the files in an archive, whose checksum is then that of the changed file."""
    stream = io.BytesIO()
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(stream, "w") as new:
            names = old.namelist()
            chosen = names[0] if rng.random() < 0.6 else names[rng.integers(len(names))]
            for name in names:
                inner = old.read(name)
                if name == chosen:
                    changes = (*(_samples,) * 12, _header_word, *BLIND)
                    inner = changes[rng.integers(len(changes))](inner, rng)
                with warnings.catch_warnings():
                    # A name may be there twice by now.
                    warnings.simplefilter("ignore")
                    new.writestr(name, inner)
    except (zipfile.BadZipFile, zlib.error, ValueError, OSError, NotImplementedError, RuntimeError, EOFError):
        return BLIND[rng.integers(len(BLIND))](content, rng)
    return stream.getvalue()


def _scp_number(content: bytes, rng: Rng) -> bytes:
    """Put an edge into a number anywhere, under checksums that are right for it."""
    start = int(rng.integers(0 if rng.random() < 0.3 else 140, max(len(content) - 4, 141)))
    value = (0, 1, 2, 3, 12, 255, 32767, -1, -9, -32768, int(rng.integers(-(1 << 15), 1 << 15)))[rng.integers(11)]
    changed = content[:start] + value.to_bytes(2, "little", signed=True) + content[start + 2 :]
    try:
        return sealed(changed)
    except (struct.error, ValueError, IndexError):  # its sections cannot be found any more
        return changed


_AWARE: dict[str, tuple[Change, ...]] = {
    "hea": TEXT,
    "csv": TEXT,
    "dat": (_samples,),
    "mat": (_samples, _mat_field),
    "edf": (_edf_field, _edf_field, _edf_field, _samples),
    "bdf": (_edf_field, _edf_field, _edf_field, _samples),
    "scp": (_scp_number,) * 12,
    "ecg": (_samples, _header_word, _header_word),
    "npz": (_in_archive, _in_archive),
    "h5": (_samples, _header_word),
    "dcm": (*TEXT[:7], _samples),
    "xml": (*(_xml_value, _xml_value, _xml_element) * 10, *TEXT),
}


def _elements(dataset: Dataset) -> list[tuple[Dataset, DataElement]]:
    """Every element of a data set and of the items in it, with what it lies in."""
    found: list[tuple[Dataset, DataElement]] = []
    for element in dataset:
        found.append((dataset, element))
        if element.VR == "SQ":
            for item in element.value:
                found += _elements(item)
    return found


def _changed_dicom(place: int, n_changes: int, rng: Rng) -> bytes:
    """Write a data set with elements missing, doubled, or holding what their kind forbids."""
    dataset = dicom_dataset(place)
    elements = _elements(dataset)
    implicit, little = dataset.file_meta.TransferSyntaxUID.is_implicit_VR, dataset.file_meta.TransferSyntaxUID.is_little_endian
    for choice in rng.choice(len(elements), n_changes, replace=False).tolist():
        home, element = elements[choice]
        if element.VR == "SQ":
            items = list(element.value)
            element.value = DicomSequence(([], items[:-1], items * 2, items[::-1], items * 30)[rng.integers(5)])
        elif rng.random() < 0.2:
            del home[element.tag]
        else:
            value = _raw_value(element, rng, "little" if little else "big")
            home[element.tag] = RawDataElement(element.tag, element.VR, len(value), value, 0, implicit, little)
    with warnings.catch_warnings():
        # pydicom says of such values, rightly, that they are not allowed.
        warnings.simplefilter("ignore")
        try:
            return dicom_bytes(dataset)
        except (BytesLengthException, AttributeError, ValueError, TypeError):
            # Some it does not write: bytes are changed instead.
            return BLIND[rng.integers(len(BLIND))](seed_files("dicom", place)["seed.dcm"], rng)


_SIZES = {"US": 2, "SS": 2, "UL": 4, "SL": 4}


def _raw_value(element: DataElement, rng: Rng, order: str) -> bytes:
    """Bytes for an element, whether or not its kind allows them."""
    if element.VR in ("OW", "OB") and rng.random() < 0.9:
        changes: tuple[Callable[[bytes, Rng], bytes], ...] = (*BLIND, _samples, _samples)
        value = changes[rng.integers(len(changes))](bytes(element.value), rng)
    elif element.VR in _SIZES and rng.random() < 0.8:
        size = _SIZES[element.VR]
        value = int((0, 1, 2, 12, 13, 256, 2 ** (8 * size - 1), 2 ** (8 * size) - 1)[rng.integers(8)]).to_bytes(size, order)  # type: ignore[arg-type]
    else:
        value = (edge_number(rng) if rng.random() < 0.6 else edge_text(rng))[:9000]
    return value + b" " * (len(value) % 2)
