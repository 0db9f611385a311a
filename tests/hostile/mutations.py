"""Mutations of one file: of bytes, and of the lines, fields and numbers of text."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

import numpy as np

from tests.hostile.seeds import FORMATS, SEEDS_PER_FORMAT, seed_files

__all__ = ["BLIND", "EDGE_NUMBERS", "EDGE_TEXTS", "TEXT", "Change", "Rng", "cut_of", "edge_number", "edge_text"]

EDGE_NUMBERS = (
    *("0", "-0", "-1", "1", "2", "0.5", "1e308", "1e400", "-1e400", "NaN", "nan", "inf", "-Infinity", "1e-320", "32767", "32768", "-32768"),
    *("65536", "2147483647", "2147483648", "-2147483648", "4294967295", "9223372036854775808", "1e9", "99999999", "0x10", "1_000", "1,5"),
    *("+5", "1.2.3", "", " ", "9" * 400, "9" * 5000, "1e-9", "9.99", "10", "11", "12", "100000", "100001", "٣٤", "１２", "1e5", "--1", "²"),
)
EDGE_TEXTS = (
    *("", " ", "\t", "I", "II", "V1", "-aVR", "aVR", "uV", "µV", "mV", "mv", "V", "nV", "kV", "Hz", "lead I", "#", "\0", "\x1f", "\ufeff"),
    *("\u202e", "\U0001f4a5", "é" * 30, "A" * 10_000, "{where}", "{0}", "%s", "%n", "../seed.hea", "/etc/passwd", "s3://a/b", "seed.hea"),
    *(
        "<script>",
        "NULL",
        "None",
        "fs=0",
        "# fs=1e400",
        "#Age: -5",
        "#Age: NaN",
        "# unit=",
        "EDF Annotations",
        "EDF+D",
        "\r",
        "\n\n",
        "\x85",
    ),
)
_NUMBER = re.compile(rb"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
_FIELD = re.compile(rb"[^\s,;|/()#=:]+")
_SEPARATORS = (b",", b";", b"\t", b" ", b"|", b"/", b"\n", b"\r", b"\r\n", b"\0", b".", b"=", b'"', b"\x0c", b"")
_LONGEST = 400_000

Rng = np.random.Generator
Change = Callable[[bytes, Rng], bytes]


def cut_of(content: bytes, rng: Rng) -> tuple[int, int]:
    """A random part, mostly short, half of the time near the beginning, where headers are."""
    reach = len(content) if rng.random() < 0.5 else min(len(content), 2000)
    start = int(rng.integers(reach + 1))
    return start, min(len(content), start + int(2 ** rng.uniform(0, 12)))


def _flip(content: bytes, rng: Rng) -> bytes:
    changed = bytearray(content)
    reach = len(content) if rng.random() < 0.5 else min(len(content), 2000)
    for place in rng.integers(max(1, reach), size=int(2 ** rng.uniform(0, 7))).tolist():
        if place < len(changed):
            changed[place] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def _set_bytes(content: bytes, rng: Rng) -> bytes:
    start, end = cut_of(content, rng)
    return content[:start] + bytes([int(rng.choice([0, 9, 10, 32, 44, 48, 127, 128, 255]))]) * (end - start) + content[end:]


def _truncate(content: bytes, rng: Rng) -> bytes:
    return content[: cut_of(content, rng)[0]]


def _delete(content: bytes, rng: Rng) -> bytes:
    start, end = cut_of(content, rng)
    return content[:start] + content[end:]


def _double(content: bytes, rng: Rng) -> bytes:
    start, end = cut_of(content, rng)
    return content[:end] + content[start:end] * int(2 ** rng.uniform(0, 5)) + content[end:]


def _insert(content: bytes, rng: Rng) -> bytes:
    start, _ = cut_of(content, rng)
    return content[:start] + rng.bytes(int(2 ** rng.uniform(0, 10))) + content[start:]


def _swap(content: bytes, rng: Rng) -> bytes:
    (a, b), (c, d) = sorted((cut_of(content, rng), cut_of(content, rng)))
    if b > c:
        return content[:a] + content[b:]
    return content[:a] + content[c:d] + content[b:c] + content[a:b] + content[d:]


def _splice(content: bytes, rng: Rng) -> bytes:
    """Go on with the rest of another record, mostly of another format."""
    files = seed_files(FORMATS[rng.integers(len(FORMATS))], int(rng.integers(SEEDS_PER_FORMAT)))
    other = list(files.values())[rng.integers(len(files))]
    return content[: cut_of(content, rng)[0]] + other[cut_of(other, rng)[0] :]


def _edge_words(content: bytes, rng: Rng) -> bytes:
    """Put edge values of whole numbers over 1 to 8 bytes, as in lengths and counts."""
    size = int(rng.choice([1, 2, 4, 8]))
    value = (0, 1, 2 ** (8 * size - 1) - 1, 2 ** (8 * size - 1), 2 ** (8 * size) - 1)[rng.integers(5)]
    start = cut_of(content, rng)[0]
    return content[:start] + value.to_bytes(size, "little" if rng.random() < 0.7 else "big") + content[start + size :]


BLIND: tuple[Change, ...] = (_flip, _flip, _set_bytes, _truncate, _delete, _double, _insert, _swap, _splice, _edge_words)


def edge_number(rng: Rng) -> bytes:
    return str(EDGE_NUMBERS[rng.integers(len(EDGE_NUMBERS))]).encode("utf-8")


def edge_text(rng: Rng) -> bytes:
    return str(EDGE_TEXTS[rng.integers(len(EDGE_TEXTS))]).encode("utf-8")


def _replace(pattern: re.Pattern[bytes], new: Callable[[Rng], bytes], content: bytes, rng: Rng) -> bytes:
    """Replace one match or a tenth of them, so that header numbers are hit as often."""
    found = list(pattern.finditer(content, 0, 3000 if rng.random() < 0.6 else _LONGEST))
    if not found:
        return content
    chosen = [found[rng.integers(len(found))]] if rng.random() < 0.7 else [one for one in found if rng.random() < 0.1]
    fill, parts, end = new(rng), [], 0
    for one in chosen[:2000]:
        parts += [content[end : one.start()], fill]
        end = one.end()
    return b"".join([*parts, content[end:]])


def _lines(change: Callable[[list[bytes], Rng], None], content: bytes, rng: Rng) -> bytes:
    lines = content.split(b"\n")
    change(lines, rng)
    return b"\n".join(lines)


def _place(lines: list[bytes], rng: Rng) -> int:
    return int(rng.integers(len(lines) if rng.random() < 0.5 else min(len(lines), 16)))


def _drop_line(lines: list[bytes], rng: Rng) -> None:
    del lines[_place(lines, rng)]


def _double_line(lines: list[bytes], rng: Rng) -> None:
    place = _place(lines, rng)
    lines[place:place] = [lines[place]] * int(2 ** rng.uniform(0, 8))


def _swap_lines(lines: list[bytes], rng: Rng) -> None:
    a, b = _place(lines, rng), _place(lines, rng)
    lines[a], lines[b] = lines[b], lines[a]


def _empty_line(lines: list[bytes], rng: Rng) -> None:
    lines[_place(lines, rng)] = edge_text(rng)


def _swap_fields(lines: list[bytes], rng: Rng) -> None:
    place = _place(lines, rng)
    parts = re.split(rb"([\s,;|/()=:]+)", lines[place])
    a, b = (2 * int(rng.integers((len(parts) + 1) // 2)) for _ in range(2))
    parts[a], parts[b] = parts[b], parts[a]
    lines[place] = b"".join(parts)


def _drop_field(lines: list[bytes], rng: Rng) -> None:
    place = _place(lines, rng)
    parts = re.split(rb"(?<=[\s,;|])", lines[place])
    del parts[int(rng.integers(len(parts)))]
    lines[place] = b"".join(parts)


def _separator(content: bytes, rng: Rng) -> bytes:
    old, new = (_SEPARATORS[rng.integers(len(_SEPARATORS) - 1)], _SEPARATORS[rng.integers(len(_SEPARATORS))])
    return content.replace(old, new, -1 if rng.random() < 0.6 else int(2 ** rng.uniform(0, 6)))


def _encoding(content: bytes, rng: Rng) -> bytes:
    text = content.decode("latin-1")
    return text.encode(str(rng.choice(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])))


TEXT: tuple[Change, ...] = (
    *(partial(_replace, _NUMBER, edge_number),) * 5,
    *(partial(_replace, _FIELD, edge_text),) * 2,
    *(partial(_lines, change) for change in (_drop_line, _double_line, _swap_lines, _empty_line, _swap_fields, _drop_field)),
    _separator,
    _separator,
    _encoding,
)
