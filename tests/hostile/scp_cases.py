"""SCP-ECG records whose sections, tables, leads, numbers and texts invite a misreading."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from heart_reader.data.leads import STANDARD_LEADS
from tests.hostile.case import Case
from tests.hostile.scp_edits import (
    case,
    count_from_zero,
    cut,
    dropped,
    flipped,
    lengthened,
    moved_onto,
    pointer,
    put,
    shortened,
    unstated,
    without,
)
from tests.hostile.write_scp import CODES, DEFAULT, SWITCHING, Code, Scp, Sections, whole

__all__ = ["CASES"]

EIGHT = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")
# Every number in 16 bits.
PLAIN: tuple[tuple[Code, ...], ...] = (((0, 16, 1, 0, ""),),)
# Switches that lead to switches, and a code with a number behind a value that is not 0.
THREE: tuple[tuple[Code, ...], ...] = (
    ((1, 1, 1, 0, "0"), (2, 2, 0, 3, "10"), (2, 2, 0, 2, "11")),
    ((2, 8, 1, 5, "01"), (1, 1, 0, 3, "1"), (2, 2, 0, 1, "00")),
    ((3, 19, 1, -7, "101"), (3, 3, 0, 1, "000")),
)
# Prefixes longer than are looked up in a list of all.
LONG: tuple[tuple[Code, ...], ...] = ((*DEFAULT[:-1], (20, 36, 1, 0, "1" * 20), (18, 18, 1, 9, "1" * 17 + "0")),)
COMPRESSIONS = {
    "as they are": None,
    "in the default table": "default",
    "in 16 bits each": PLAIN,
    "in two tables": SWITCHING,
    "in three tables": THREE,
}


def compressions() -> Iterator[Case]:
    for how, tables in COMPRESSIONS.items():
        for differences in (0, 1, 2):
            for subtracted in (False, True):
                for factor in (1, 2, 4):
                    spec = Scp(tables=tables, differences=differences, subtracted=subtracted, factor=factor)
                    name = (
                        f"differences of order {differences} {how}, reference beat {'' if subtracted else 'not '}subtracted, 1 of {factor}"
                    )
                    warned = ("scp_decimated",) if factor > 1 else ()
                    yield case(name, spec, warned=warned, exact=factor == 1)
    for differences in (0, 1, 2):
        yield case(f"differences of order {differences} in a table of long codes", Scp(tables=LONG, differences=differences))
        spec = Scp(differences=differences, tables="default", leads=EIGHT)
        yield case(f"eight leads, differences of order {differences}", spec, warned=("leads_derived",))
        spec = Scp(differences=differences, edit=put(6, 4, "<B", differences + 3))
        yield case(f"differences of order {differences + 3}", spec, refused="damaged_file")
    for step_nv, beat_step_nv in ((1000, 500), (1000, 250), (500, 100), (2000, 2000), (2500, 1250), (5000, 1000), (100, 100)):
        spec = Scp(step_nv=step_nv, beat_step_nv=beat_step_nv, subtracted=True, tables="default", differences=2)
        yield case(f"steps of {step_nv} nV, of the reference beat {beat_step_nv} nV", spec)
    for start in (2, 1000, 100_000):
        spec = Scp(start=start, subtracted=True)
        yield case(f"a recording that begins with sample {start}, reference beat subtracted", spec)
    for protocol in (10, 11, 13, 20, 23, 0):
        spec = Scp(protocol=protocol, subtracted=True, tables="default")
        yield case(f"version {protocol / 10}, reference beat subtracted", spec)
    # From version 3 on what marked bimodal compression means nothing.
    yield case("version 3.0 with the mark of bimodal compression", Scp(protocol=30, edit=put(6, 5, "<B", 1)))
    yield case("version 2.0 with that mark alone", Scp(edit=put(6, 5, "<B", 1)), refused="damaged_file")


def tables() -> Iterator[Case]:
    for count in (0, 17, 19998, 20000, 65535):
        spec = Scp(tables=SWITCHING, edit=put(2, 0, "<H", count))
        yield case(f"{count} Huffman tables declared", spec, refused="damaged_file")
    for count in (0, 4, 700, 65535):
        spec = Scp(tables=PLAIN, edit=put(2, 2, "<H", count))
        yield case(f"{count} codes declared for one", spec, refused="damaged_file")
    for what, at, fmt, value in (
        ("33 bits of prefix", 4, "<B", 33), ("255 bits of prefix", 4, "<B", 255), ("no bits at all", 5, "<B", 0),
        ("more bits of prefix than in all", 4, "<B", 9), ("100 bits in all", 5, "<B", 100), ("mode 2", 6, "<B", 2),
    ):  # fmt: skip
        spec = Scp(tables=SWITCHING, differences=2, edit=put(2, at, fmt, value))
        yield case(f"a code with {what}", spec, refused="damaged_file")
    for table in (0, 3, -1, 30000):
        # The third code of the first table switches.
        spec = Scp(tables=SWITCHING, differences=2, edit=put(2, 4 + 2 * 9 + 3, "<h", table))
        yield case(f"a switch to table {table} of two", spec, refused="damaged_file")
    spec = Scp(tables=SWITCHING, edit=put(2, 4 + 9 + 5, "<I", 0))
    yield case("two codes that begin alike", spec, refused="damaged_file")
    yield case("tables that are cut off", Scp(tables=SWITCHING, edit=cut(2, 20)), refused="damaged_file")
    yield case("tables of one byte", Scp(tables=SWITCHING, edit=cut(2, 1)), refused="damaged_file")
    for share in (0.3, 0.6, 0.9):

        def shorter(sections: Sections, share: float = share) -> None:
            data = bytearray(sections[6])
            (size,) = struct.unpack_from("<H", data, 6)
            struct.pack_into("<H", data, 6, int(share * size))
            sections[6] = bytes(data)

        yield case(
            f"{share:.0%} of the codes of lead I",
            Scp(tables="default", edit=shorter),
            refused="damaged_file" if share > 0.5 else "samples_surplus",
        )
    yield case("more samples declared than codes there are", Scp(tables="default", edit=put(3, 6, "<I", 400_000)), refused="damaged_file")
    yield case("4 billion samples declared", Scp(tables="default", edit=put(3, 6, "<I", 2**32 - 1)), refused="record_too_long")


def sections() -> Iterator[Case]:
    for order in ((6, 5, 4, 3, 2, 1), (3, 6, 1, 2, 5, 4), (2, 1, 4, 3, 6, 5)):
        spec = Scp(order=(*order, *range(7, 12)), subtracted=True, tables="default")
        yield case(f"sections in the order {order}", spec)
    yield case("no header", Scp(edit=dropped(1)))
    yield case("no leads", Scp(edit=dropped(3)), refused="scp_without_rhythm")
    yield case("no rhythm", Scp(edit=dropped(6)), refused="scp_without_rhythm")
    for number in (4, 5):
        yield case(
            f"no section {number} for the reference beat subtracted", Scp(subtracted=True, edit=dropped(number)), refused="damaged_file"
        )
        spec = Scp(factor=4, edit=dropped(number))
        yield case(f"no section {number} for samples left out", spec, refused="damaged_file")
    for how in ("default", SWITCHING, THREE):
        for differences in (0, 1, 2):
            spec = Scp(tables=how, differences=differences, edit=dropped(2))
            name = (
                f"no section 2 for {'the default table' if how == 'default' else f'{len(how)} tables'}, differences of order {differences}"
            )
            yield case(name, spec, refused="damaged_file")
    for number in (1, 3, 6):
        for index in (0, 3, 1_000_000, 2**32 - 1):
            code = "scp_truncated" if index > 10**5 else "damaged_file"
            yield case(f"section {number} at byte {index}", Scp(finish=pointer(number, index=index)), refused=code)
        for length in (1, 15, 2**31, 2**32 - 1):
            code = "scp_truncated" if length > 100 else "damaged_file"
            yield case(f"section {number} of {length} bytes by its pointer", Scp(finish=pointer(number, length=length)), refused=code)
        # The length in its header and the checksum over it are right.
        spec = Scp(finish=lambda content, at=24 + 10 * number: lengthened(content, at))
        yield case(f"section {number} four bytes longer by its pointer", spec, exact=True)
    yield case("section 3 where the pointers are", Scp(finish=pointer(3, index=7)), refused="damaged_file")
    yield case("section 6 where section 3 is", Scp(finish=lambda content: moved_onto(content, 6, 3)), refused="damaged_file")
    yield case("two pointers to section 3", Scp(finish=pointer(1, name=3)), refused="damaged_file")
    yield case("two pointers to the first section", Scp(finish=pointer(1, name=0)), refused="scp_not_standard")
    yield case("a pointer to a section of the maker's outside the file", Scp(finish=pointer(11, name=200, length=50, index=10**6)))
    yield case("pointers that count from 0", Scp(finish=count_from_zero), refused="scp_not_standard")
    for length in (0, 10, 15, 2**31):
        spec = Scp(finish=lambda content, length=length: struct.pack_into("<I", content, 10, length))
        yield case(f"pointers of {length} bytes", spec, refused="scp_truncated" if length > 100 else "damaged_file")
    for n_bytes in (25, 100, 142, 150, 400, 10_000, 20_000):
        spec = Scp(finish=lambda content, n_bytes=n_bytes: shortened(content, n_bytes))
        yield case(f"only the first {n_bytes} bytes", spec, refused="scp_truncated")
    yield case("one byte lost", Scp(finish=lambda content: shortened(content, -1)), refused="scp_truncated")
    yield case("some bytes more", Scp(finish=lambda content: content.extend(bytes(1000))))
    for size in (0, 1000, 2**32 - 1):
        spec = Scp(finish=lambda content, size=size: struct.pack_into("<I", content, 2, size))
        yield case(f"a record of {size} bytes by its head", spec, warned=("scp_record_checksum",))


def checksums() -> Iterator[Case]:
    full = {"subtracted": True, "tables": "default"}
    for number in (3, 6):
        yield case(f"a byte of section {number} changed", Scp(finish=flipped(number)), refused="scp_checksum")
    yield case("a byte of section 2 changed", Scp(**full, finish=flipped(2, 17)), refused="scp_checksum")  # type: ignore[arg-type]
    for number in (4, 5):
        spec = Scp(**full, finish=flipped(number))  # type: ignore[arg-type]
        yield case(f"a byte of section {number} changed, reference beat subtracted", spec, refused="damaged_file")
        extra = {4: struct.pack("<HHH", 640, 60, 0), 5: bytes(32)}
        spec = Scp(extra=extra, finish=flipped(number))
        yield case(f"a byte of section {number} changed, which is not needed", spec, warned=("scp_sections_left_out",))
    yield case("a byte of the header changed", Scp(finish=flipped(1)), warned=("scp_sections_left_out",))
    yield case("a byte of the pointers changed", Scp(finish=lambda content: content.__setitem__(20, 1)), refused="scp_checksum")
    yield case(
        "the checksum of the file alone wrong",
        Scp(finish=lambda content: content.__setitem__(0, content[0] ^ 1)),
        warned=("scp_record_checksum",),
    )
    for number in (0, 3, 6):
        yield case(f"0 for the checksum of section {number}", Scp(finish=unstated(number)), warned=("scp_checksums_unused",))
    yield case("0 for the checksum of the header", Scp(finish=unstated(1)))
    yield case("no checksum at all", Scp(checksums=False), warned=("scp_checksums_unused",))
    yield case(
        "no checksum at all, all compression",
        Scp(checksums=False, tables=SWITCHING, differences=2, subtracted=True),
        warned=("scp_checksums_unused",),
    )
    for number in (7, 8, 10, 11):
        spec = Scp(extra={number: b"\1\0\1\0\1\0\1\0\1\0\1\0"}, finish=flipped(number))
        yield case(f"a byte of section {number} changed", spec, warned=("scp_sections_left_out",))


def leads() -> Iterator[Case]:
    for count in (0, 13, 200, 255):
        yield case(f"{count} leads declared", Scp(edit=put(3, 0, "<B", count)), refused="damaged_file")
    yield case("eleven leads declared for twelve", Scp(edit=put(3, 0, "<B", 11)), refused="samples_surplus")
    yield case("leads cut off", Scp(edit=cut(3, 40)), refused="damaged_file")
    yield case("one byte of leads", Scp(edit=cut(3, 1)), refused="damaged_file")
    for lead in STANDARD_LEADS:
        row = STANDARD_LEADS.index(lead)
        twice = "II" if lead != "II" else "V6"
        spec = Scp(edit=put(3, 2 + 9 * row + 8, "<B", CODES[twice]))
        yield case(f"lead {lead} called {twice}", spec, refused="lead_twice")
        for number in (0, 200, 31 + row):
            spec = Scp(edit=put(3, 2 + 9 * row + 8, "<B", number))
            yield case(f"lead {lead} under the number {number}", spec, leads=without(lead))
    yield case("all leads unspecified, named by the user", Scp(leads=(0,) * 12, digital=whole(Scp())), arguments={"leads": STANDARD_LEADS})
    yield case("eleven names for twelve leads", Scp(), arguments={"leads": STANDARD_LEADS[:11]}, refused="names_for_signals")
    yield case("names that contradict", Scp(), arguments={"leads": STANDARD_LEADS[::-1]}, refused="names_contradict")
    inverted = ("I", "II", "III", "-aVR", *STANDARD_LEADS[4:])
    yield case("-aVR in place of aVR", Scp(leads=inverted), warned=("leads_turned",))
    turned = STANDARD_LEADS[::-1]
    yield case("leads in reverse", Scp(leads=turned))
    for flags in (0, 4, 8 << 3, 12 << 3, 31 << 3 | 4, 2 | 4):
        yield case(f"flags {flags:#04x} of the leads", Scp(flags=flags))
    for at_once in (1, 2, 3, 6):
        yield case(f"{at_once} leads at a time", Scp(flags=at_once << 3), refused="leads_in_groups")
        yield case(f"{at_once} leads at a time in version 1.1, which means nothing", Scp(flags=at_once << 3, protocol=11))
        yield case(f"{at_once} leads at a time, and all at a time", Scp(flags=at_once << 3 | 4))
    for start in (251, 501, 2):
        row = STANDARD_LEADS.index("V1")
        late = put(3, 2 + 9 * row, "<II", start, start + 999)
        code = {"refused": "channel_skew"} if start > 2 else {"warned": ("missing_values_bridged",), "exact": False}
        yield case(f"lead V1 begins with sample {start}", Scp(edit=late), **code)
    yield case("lead V1 ends before it begins", Scp(edit=put(3, 2 + 9 * 6, "<II", 5, 4)), refused="damaged_file")
    yield case("samples numbered from 0 to their number", Scp(edit=_numbered(0, 1000)))
    yield case("samples numbered from 0 to the last", Scp(edit=_numbered(0, 999)), warned=("samples_not_read",), exact=False)
    for last in (1001, 1500, 50_000):
        yield case(f"{last} samples declared of 1000", Scp(edit=_numbered(1, last)), warned=("scp_samples_missing",))
    for last in (1, 500, 999):
        yield case(f"{last} samples declared of 1000", Scp(edit=_numbered(1, last)), warned=("samples_not_read",), exact=False)
    shorter = put(3, 2 + 9 * 11 + 4, "<I", 900)
    yield case("lead V6 ends 100 samples before the others", Scp(edit=shorter), warned=("missing_values_bridged",), exact=False)


def _numbered(first: int, last: int) -> Callable[[Sections], None]:
    def edit(sections: Sections) -> None:
        for row in range(12):
            put(3, 2 + 9 * row, "<II", first, last)(sections)

    return edit


def scales() -> Iterator[Case]:
    for step_nv in (100, 183, 250, 500, 1000, 1250, 2000, 2500, 4880, 5000):
        for how in (None, "default"):
            yield case(
                f"steps of {step_nv} nV {'as they are' if how is None else 'in codes'}", Scp(step_nv=step_nv, tables=how, differences=1)
            )
    yield case("steps of 0 nV", Scp(edit=put(6, 0, "<H", 0)), refused="scale_missing")
    yield case("steps of 0 nV of the reference beat", Scp(subtracted=True, edit=put(5, 0, "<H", 0)), refused="scale_missing")
    yield case("steps of 65535 nV", Scp(edit=put(6, 0, "<H", 65535)), refused="implausible_amplitude")
    yield case("steps of 25000 nV", Scp(edit=put(6, 0, "<H", 25_000)), warned=("coarse_step",), exact=False)
    yield case("an interval of 0", Scp(edit=put(6, 2, "<H", 0)), refused="damaged_file")
    yield case("an interval of 1 microsecond", Scp(edit=put(6, 2, "<H", 1)), refused="rate_impossible")
    for fs in (100.0, 200.0, 250.0, 500.0, 1000.0):
        interval = put(6, 2, "<H", round(1e6 / fs))
        refused = None if fs == 250 else "rate_contradicts"
        yield case(f"{fs:g} Hz, and 250 Hz asked for", Scp(edit=interval), arguments={"fs": 250.0}, refused=refused)
    for unit, expected in {
        "uV": {}, "µV": {}, "mV": {"refused": "implausible_amplitude"}, "nV": {"warned": ("unit_overridden",), "exact": False},
        "kV": {"refused": "unit_unknown"},
    }.items():  # fmt: skip
        yield case(f"{unit} asked for", Scp(), arguments={"unit": unit}, **expected)
    for fs_of_beat in (2000, 6000, 4100, 16000):
        spec = Scp(subtracted=True, edit=put(5, 2, "<H", fs_of_beat))
        yield case(f"a reference beat every {fs_of_beat} microseconds", spec, refused="scp_not_standard")
    for shift in (100, 1000, 30_000):
        spec = Scp(subtracted=True, edit=put(4, 2, "<H", shift))
        yield case(f"a fiducial at sample {shift} of the reference beat", spec, refused="damaged_file")
    for at, sample in ((8, 105), (8, 104), (16, 271)):
        spec = Scp(subtracted=True, edit=put(4, at, "<I", sample))
        yield case(f"a subtraction to sample {sample}, beyond the reference beat by few samples", spec)
    for at, sample in ((8, 90), (16, 290), (16, 10_000)):
        spec = Scp(subtracted=True, edit=put(4, at, "<I", sample))
        yield case(f"a subtraction to sample {sample}, beyond the reference beat by many", spec, refused="damaged_file")
    yield case("1000 heartbeats declared", Scp(subtracted=True, edit=put(4, 4, "<H", 1000)), refused="damaged_file")
    yield case("protected zones that overlap", Scp(factor=4, edit=put(4, 6 + 4 * 14 + 8, "<I", 1)), refused="damaged_file")
    yield case("lead sizes beyond the section", Scp(edit=put(6, 6, "<12H", *(60_000,) * 12)), refused="scp_truncated")
    yield case("lead sizes of 0", Scp(edit=put(6, 6, "<12H", *(0,) * 12)), refused="samples_surplus")
    yield case("leads of no bytes", Scp(edit=_emptied), refused="without_samples")
    yield case("a rhythm of three bytes", Scp(edit=cut(6, 3)), refused="damaged_file")


def _emptied(sections: Sections) -> None:
    sections[6] = sections[6][:6] + bytes(24)


def long_leads() -> Iterator[Case]:
    """Leads of more than 65535 bytes, whose sizes writers let overflow or fill up."""
    digital = np.tile(whole(Scp()), 40)[:, :35_000]
    expected: dict[str, Any] = {"exact": False, "warned": ("flat_leads",)}
    assert digital.shape == (12, 35_000)
    yield case("sizes of leads that lost their upper bits", Scp(digital=digital * np.array([[0]] + [[1]] * 11)), **expected)


def people() -> Iterator[Case]:
    for value, name in (
        (struct.pack("<HB", 744, 2), "744 months"), (struct.pack("<HB", 0, 0), "unknown, born on 1 April 1958"),
        (struct.pack("<HB", 62, 0), "without a unit"), (struct.pack("<HB", 3000, 1), "3000 years"), (b"\x3e", "one byte"),
        (b"", "nothing"), (struct.pack("<HB", 62, 9), "in unit 9"), (struct.pack("<HB", 62, 1) + b"more", "and more"),
    ):  # fmt: skip
        yield case(f"age {name}", Scp(tags={4: value}))
    for born in (b"", b"\0\0\0\0", b"\xff\xff\xff\xff", struct.pack("<HBB", 1958, 13, 1), struct.pack("<HBB", 2030, 1, 1), b"\xa6"):
        yield case(f"no age, born {born.hex()}", Scp(tags={4: b"", 5: born}))
    for sex in (b"", b"\0", b"\x09", b"\xff", b"\2\2"):
        yield case(f"sex {sex.hex()}", Scp(tags={8: sex}))
    for text in (b"", b"\0", b"no end", b"\xff\xfe\xfd\0", b"M\xfcller\0", "Müller\0".encode(), b"A" * 5000 + b"\0", b"\n\r\t\x1b[0m\0"):
        yield case(f"a name of {text[:12]!r}", Scp(tags={0: text}), arguments={"identity": True})
    for machine in (b"", bytes(7), bytes(8), bytes(36), bytes([255] * 60), bytes(7) + b"\xff" + b"A" * 200):
        yield case(f"a machine of {machine[:10]!r} and {len(machine)} bytes", Scp(tags={14: machine}))
    for zone in (b"", b"\1", struct.pack("<h", 0x7FFF), struct.pack("<h", -900), struct.pack("<h", -60)):
        yield case(f"a time zone of {zone.hex()}", Scp(tags={34: zone}))
    for date, clock in (
        (b"", b""),
        (bytes(4), bytes(3)),
        (b"\xff" * 4, b"\xff" * 3),
        (struct.pack("<HBB", 2020, 2, 30), bytes([24, 0, 0])),
    ):
        yield case(f"recorded {date.hex()} {clock.hex()}", Scp(tags={25: date, 26: clock}))
    for low, high, warned in (
        (0, 0, ()),
        (100, 150, ("filtered_below",)),
        (5, 25, ("filtered_above",)),
        (200, 30, ("filtered_below", "filtered_above")),
    ):
        tags = {27: struct.pack("<H", low), 28: struct.pack("<H", high)}
        yield case(f"filtered by {low / 100} and {high} Hz", Scp(tags=tags), warned=warned)
    yield case("the last tag cut off", Scp(edit=cut(1, -6)), warned=("scp_sections_left_out",))
    yield case("no closing tag", Scp(edit=cut(1, -3)))
    yield case("a tag of 60000 bytes", Scp(edit=put(1, 1, "<H", 60_000)), warned=("scp_sections_left_out",))


def reports() -> Iterator[Case]:
    for number in (2, 4, 5, 7, 8, 9, 10, 11):
        yield case(f"an empty section {number}", Scp(extra={number: b""}))
        if number in {7, 8, 10, 11}:
            yield case(f"a section {number} of two bytes", Scp(extra={number: b"\1\1"}), warned=("scp_sections_left_out",))
    for number in (3, 6):
        yield case(f"an empty section {number}", Scp(extra={number: b""}), refused="scp_without_rhythm")
    for name, data in {
        "200 reference beats": b"\xc8\0" + bytes(30), "255 spikes": b"\1\xff" + bytes(22), "impossible values": b"\1\0" + b"\xff" * 60,
        "nothing but zeros": bytes(60), "values that were not found": b"\1\0" + struct.pack("<10H", *(29999,) * 10) + bytes(40),
    }.items():  # fmt: skip
        yield case(f"measurements of {name}", Scp(extra={7: data}))
    head = b"\1" + bytes(7)
    for name, data in (
        ("255 statements declared", head + b"\xff" + bytes(20)),
        ("a statement of 60000 bytes", head + b"\1\1\x60\xea" + b"A" * 9),
    ):
        for number in (8, 11):
            yield case(f"section {number}: {name}", Scp(extra={number: data}), warned=("scp_sections_left_out",))
    for count in (1, 12, 65535):
        spec = Scp(extra={10: struct.pack("<HHHH", count, 0, 1, 60_000)})
        yield case(f"lead measurements of {count} leads cut off", spec, warned=("scp_sections_left_out",))


CASES: tuple[Case, ...] = (
    *compressions(), *tables(), *sections(), *checksums(), *leads(), *scales(), *long_leads(), *people(), *reports(),
)  # fmt: skip
