"""Philips files, compressed and not, with blocks, labels and scales that invite a misreading."""

from __future__ import annotations

import base64
import re
import struct
from collections.abc import Callable, Iterator
from functools import cache, partial

import numpy as np

from heart_reader.data.leads import STANDARD_LEADS
from tests.hostile.case import Case, reference
from tests.hostile.write_xml import as_differences, counts_of, philips_text, xli_bytes
from tests.hostile.xml_edits import Edit, case, put, swap, xml_cases

__all__ = ["CASES"]


@cache
def text(*leads: str, step_uv: float = 1.0, compressed: bool = True, calibration: bool = False, old: bool = False) -> str:
    return philips_text(reference(), leads or STANDARD_LEADS, step_uv, compressed=compressed, calibration=calibration, old=old)


plain = partial(text, compressed=False)
old = partial(text, old=True)


def attribute(name: str, value: str | None) -> Edit:
    """Change an attribute of the recording; None leaves it out."""
    new = "" if value is None else f' {name}="{value}"'
    return lambda whole: re.sub(f'(<parsedwaveforms[^>]*?) {name}="[^"]*"', lambda match: match[1] + new, whole)


def element(name: str, value: str) -> Edit:
    return put(f"<{name}>[^<]*</{name}>", f"<{name}>{value}</{name}>")


def samples(change: Callable[[bytes], bytes]) -> Edit:
    """Change the bytes of the recording before they are base64."""

    def edit(whole: str) -> str:
        match = re.search("(?<=>)[^<]*(?=</parsedwaveforms>)", whole)
        assert match is not None
        content = change(base64.b64decode(match[0]))
        return whole[: match.start()] + base64.b64encode(content).decode("ascii") + whole[match.end() :]

    return edit


def blocks(change: Callable[[list[bytes]], list[bytes]]) -> Edit:
    """Change the compressed leads."""

    def parts(content: bytes) -> bytes:
        found, place = [], 0
        while place < len(content):
            end = place + 8 + struct.unpack_from("<i", content, place)[0]
            found.append(content[place:end])
            place = end
        return b"".join(change(found))

    return samples(parts)


def block(number: int, change: Callable[[bytes], bytes]) -> Edit:
    return blocks(lambda found: [*found[:number], change(found[number]), *found[number + 1 :]])


def compression() -> Iterator[Case]:
    for step in (2.0, 2.5, 4.88, 5.0):
        yield case(f"compressed in steps of {step} uV", partial(text, step_uv=step))
        yield case(f"in steps of {step} uV", partial(plain, step_uv=step))
        yield case(f"of 1.03 in steps of {step} uV", partial(old, step_uv=step))
    for method in ("Huffman", "XLI2", "zip", "LZW"):
        yield case(f"the compression {method}", text, attribute("compression", method), refused="variant_unread")
        yield case(f"of 1.03, the compression {method}", old, attribute("compressmethod", method), refused="variant_unread")
    yield case("XLI in small letters", text, attribute("compression", "xli"))
    yield case("compressed, and said not to be", text, attribute("compression", None), refused="damaged_file")
    yield case("of 1.03, compressed, and said not to be", old, attribute("compressflag", "False"), refused="damaged_file")
    yield case("not compressed, and said to be", plain, attribute("dataencoding", 'Base64" compression="XLI'), refused="damaged_file")
    for number in (0, 2, 3, 6, 11):
        for what, change in {
            "a byte less": lambda one: one[:-1], "half of it": lambda one: one[: len(one) // 2], "its head cut": lambda one: one[:5],
            "its head alone": lambda one: struct.pack("<ihh", 0, 1, 0), "a negative length": lambda one: struct.pack("<i", -5) + one[4:],
            "an endless length": lambda one: struct.pack("<i", 2**31 - 1) + one[4:],
            "of another kind": lambda one: one[:4] + b"\2\0" + one[6:],
            "codes before their time": lambda one: one[:8] + b"\xfe\xfd\xfc" + one[11:],
            "its end first": lambda one: one[:8] + b"\xff\xc0" + one[10:], "zeros for codes": lambda one: one[:8] + bytes(len(one) - 8),
        }.items():  # fmt: skip
            yield case(f"channel {number + 1}: {what}", text, block(number, change), refused="damaged_file")
        yield case(f"channel {number + 1} missing", text, blocks(lambda found, number=number: [*found[:number], *found[number + 1 :]]),
                   refused="damaged_file")  # fmt: skip
    yield case("bytes behind the last channel", text, samples(lambda content: content + b"abc"), refused="damaged_file")
    yield case("no channel", text, samples(lambda content: b""), refused="damaged_file")
    yield case("four channels more, not connected", text, blocks(lambda found: found + [flat()] * 4))
    yield case("a channel more, with a signal", text, blocks(lambda found: [*found, found[6]]), refused="damaged_file")
    yield case("in no base64", text, put("(?<=>)[^<]{8}(?=[^<]*</parsedwaveforms>)", "*=*=*=*=", 1), refused="damaged_file")
    for leads in (("II", "I", *STANDARD_LEADS[2:]), STANDARD_LEADS[6:] + STANDARD_LEADS[:6]):
        wrong = swap(" ".join(STANDARD_LEADS), " ".join(leads))
        yield case(f"compressed, {leads[0]} first", text, wrong, refused="variant_unread")


def flat() -> bytes:
    return xli_bytes(np.zeros((1, reference().n_times), np.int64))


def uncompressed() -> Iterator[Case]:
    counts = counts_of(reference(), STANDARD_LEADS, 1.0)
    yield case("not compressed", plain)
    yield case("not compressed, the last lead first", partial(plain, *STANDARD_LEADS[::-1]))
    yield case("differences that are not compressed", plain, samples(lambda _: as_differences(counts).astype("<i2").tobytes()))
    for offset in (5, -100):
        shifted = (counts + offset).astype("<i2").tobytes()
        yield case(f"an offset of {offset}", plain, samples(lambda _, shifted=shifted: shifted), attribute("signaloffset", str(offset)))
        yield case(f"compressed with an offset of {offset}", text, attribute("signaloffset", str(offset)), refused="variant_unread")
    unsigned = (counts + 32768).astype("<u2").tobytes()
    yield case("without signs", plain, samples(lambda _: unsigned), attribute("signaloffset", "32768"), attribute("signalsigned", "False"))
    yield case("compressed without signs", text, attribute("signalsigned", "False"), refused="variant_unread")
    numbers = " ".join(str(value) for value in counts.ravel().tolist())
    as_text = put("(?<=>)[^<]*(?=</parsedwaveforms>)", numbers, 1)
    yield case("as numbers", plain, as_text, attribute("dataencoding", "Plain"))
    yield case("as numbers, one a word", plain, as_text, attribute("dataencoding", "Plain"), put("(?<=>)-?[0-9]+ ", "many ", 1),
               refused="damaged_file")  # fmt: skip
    yield case("as numbers, one lost", plain, as_text, attribute("dataencoding", "Plain"), put("(?<= )-?[0-9]+(?=</parsedwave)", "", 1),
               refused="damaged_file")  # fmt: skip
    for encoding in ("Hex", "hex", "", "base91"):
        yield case(f"in {encoding or 'no encoding'}", plain, attribute("dataencoding", encoding), refused="variant_unread")
    for what, change in {"a byte less": lambda content: content[:-1], "a sample less": lambda content: content[:-2],
                         "a sample more": lambda content: content + b"\0\0", "a lead more": lambda content: content + bytes(2000),
                         "half of it": lambda content: content[:12_000]}.items():  # fmt: skip
        yield case(f"not compressed, {what}", plain, samples(change), refused="damaged_file")
    for bits in ("8", "12", "32", "x"):
        yield case(f"samples of {bits} bits", text, attribute("bitspersample", bits), refused="variant_unread")
        yield case(f"of 1.03, samples of {bits} bits", old, attribute("nbitspersample", bits), refused="variant_unread")


def stated() -> Iterator[Case]:
    for make, name in ((text, "1.04"), (old, "1.03")):
        for version in ("1.02", "1.05", "2.0", "", "x"):
            yield case(f"of {name}, version {version!r}", make, element("documentversion", version), refused="variant_unread")
    for version in ("1.04.01", "1.04.02"):
        yield case(f"version {version}", text, element("documentversion", version))
    for make, name in ((text, "compressed"), (plain, "plain"), (old, "1.03")):
        for duration in ("3996", "4004", "2000", "8000", "40000", "0", "", "Unknown", "-4000", "1e99", "1e308", "nan"):
            yield case(f"{name}, a duration of {duration!r}", make, attribute("durationperchannel", duration), refused="damaged_file")
        yield case(f"{name}, another rate given", make, arguments={"fs": 500.0}, refused="rate_contradicts")
        yield case(f"{name}, longer than allowed", make, arguments={"max_values": 4000}, refused="record_too_long")
    yield case("a duration that would fill the memory", text, attribute("durationperchannel", "8000000000"), refused="record_too_long")
    for rate in ("0", "", "x", "-250", "nan"):
        rates = (attribute("samplespersecond", rate), element("samplingrate", rate))
        yield case(f"a rate of {rate!r}", text, *rates, refused="damaged_file")
    yield case("another rate at the acquisition", text, element("samplingrate", "1000"))
    yield case("the rate of the acquisition alone", text, attribute("samplespersecond", None))
    yield case("another resolution at the acquisition", text, element("resolution", "5"))
    yield case("the resolution of the acquisition alone", text, attribute("resolution", None))
    for step in ("0", "nan", "inf", "x"):
        scales = (attribute("resolution", step), element("resolution", step))
        yield case(f"a resolution of {step!r}", text, *scales, refused="scale_missing")
    yield case("a resolution of 1000", text, attribute("resolution", "1000"), refused="implausible_amplitude")
    yield case("a resolution of 25", text, attribute("resolution", "25"), warned=("coarse_step",), exact=False)
    yield case("a resolution of -1", text, attribute("resolution", "-1"), warned=("scale_inverted",), exact=False)
    yield case("of 1.03 without a resolution", old, element("signalresolution", ""), refused="scale_missing")
    for count in ("11", "13", "0", "x"):
        yield case(f"{count} leads", text, attribute("numberofleads", count), refused="damaged_file")
    for lead in ("V7", "V3R", "V4R", "X", "CM5"):
        rest = tuple(name for name in STANDARD_LEADS if name != "V3")
        yield case(f"{lead} in place of V3", text, lambda whole, lead=lead: whole.replace("V2 V3 V4", f"V2 {lead} V4"), leads=rest)
    yield case("V2 twice", text, swap("V2 V3 V4", "V2 V2 V4"), refused="lead_twice")
    yield case("eight labels", plain, swap(" ".join(STANDARD_LEADS), " ".join(STANDARD_LEADS[:8])), refused="damaged_file")
    yield case("of 1.03 and 8 channels", old, element("numberchannelsvalid", "8"), refused="damaged_file")
    yield case("of 1.03 and other electrodes", old, element("acquisitiontype", "EASI"), refused="damaged_file")
    yield case("of 1.03 and other electrodes, named", old, element("acquisitiontype", "EASI"), arguments={"leads": STANDARD_LEADS})
    yield case("of 1.03 and ten electrodes", old, element("acquisitiontype", "10-WIRE"))
    elsewhere = put("(?s)<parsedwaveforms.*</parsedwaveforms>", '<unparsedwaveforms href="file:///a"/>')
    yield case("samples in another file", text, elsewhere, refused="variant_unread")
    yield case("no waveforms", text, put("(?s)<waveforms>.*</waveforms>", ""), refused="variant_unread")


def calibration() -> Iterator[Case]:
    cut = ("calibration_cut",)
    for step in (1.0, 2.5, 5.0):
        yield case(f"a calibration pulse of steps of {step} uV", partial(text, step_uv=step, calibration=True), warned=cut)
        yield case(f"a calibration pulse of 1.03, {step} uV", partial(old, step_uv=step, calibration=True), warned=cut)
    yield case("a calibration pulse, not compressed", partial(plain, calibration=True), warned=cut)
    empty = blocks(lambda found: found + [pulse()] * 4)
    yield case("a calibration pulse and channels that hold nothing else", partial(text, calibration=True), empty, warned=cut)


def pulse() -> bytes:
    row = np.zeros((1, reference().n_times + 100), np.int64)
    row[0, -80:-30] = 1000
    return xli_bytes(row)


def people() -> Iterator[Case]:
    for unit, age in (("months", "744"), ("hours", "many"), ("days", "-1"), ("years", "620"), ("years", "x"), ("decades", "6")):
        yield case(f"an age of {age} {unit}", text, put("<years>62</years>", f"<{unit}>{age}</{unit}>"))
    yield case("a default age", text, put("<age><years>62</years>", '<age defaultage="50">'))
    for sex in ("male?", "", "Unknown", "FEMALE"):
        yield case(f"of sex {sex!r}", text, element("sex", sex))
    yield case("of nobody", text, put("(?s)<patient>.*</patient>", ""))
    left_out = ("medians_left_out",)
    yield case("beats in Huffman's code", text, swap("<repbeats ", '<repbeats compression="Huffman" '), warned=left_out)
    yield case("beats without a resolution", text, put('(<repbeats[^>]*?) resolution="[^"]*"', "<repbeats", 1), warned=left_out)
    endless = put('<waveform duration="[^"]*"', '<waveform duration="1e308"')
    yield case("beats without an end", text, endless, warned=left_out)
    yield case("beats of another length", text, put('<waveform duration="[^"]*"', '<waveform duration="999"'), warned=left_out)
    yield case("beats of one lead twice", text, put('<repbeat leadname="V2"', '<repbeat leadname="V1"'), warned=left_out)
    yield case("no beats", text, put("(?s)<repbeats.*</repbeats>", ""))
    yield case("a high-pass of 1 Hz", text, attribute("hipass", "1"), warned=("filtered_below",))
    yield case("a low-pass of 20 Hz", text, attribute("lowpass", "20"), warned=("filtered_above",))


CASES = [
    *xml_cases(text, "restingecgdata"), *compression(), *uncompressed(), *stated(), *calibration(), *people(),
]  # fmt: skip
