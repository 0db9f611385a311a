"""What any XML file may do and what none may, for files of every maker."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.hostile.case import Case

__all__ = ["case", "edits", "put", "swap", "xml_cases"]

Edit = Callable[[str], str]
Text = Callable[[], str]


def case(name: str, text: Text, *edits: Edit, suffix: str = ".xml", encoding: str = "latin-1", **expected: Any) -> Case:
    """Write a text, with edits, in an encoding."""

    def write(folder: Path) -> Path:
        changed = text()
        for edit in edits:
            changed = edit(changed)
        path = folder / f"a{suffix}"
        path.write_bytes(changed.encode(encoding))
        return path

    return Case(name, write, **expected)


def put(pattern: str, new: str, count: int = 0) -> Edit:
    """Replace what a pattern finds, all of it unless a count is given; it must be there."""

    def edit(text: str) -> str:
        changed, found = re.subn(pattern, lambda _: new, text, count=count)
        assert found, pattern
        return changed

    return edit


def swap(old: str, new: str) -> Edit:
    """Replace all of one text by another; it must be there."""

    def edit(text: str) -> str:
        assert old in text, old
        return text.replace(old, new)

    return edit


def edits(*pairs: tuple[str, str]) -> Edit:
    """Replace several texts."""

    def edit(text: str) -> str:
        for old, new in pairs:
            text = swap(old, new)(text)
        return text

    return edit


def _declared(encoding: str) -> Edit:
    return put(r'^<\?xml version="1\.0" encoding="[^"]*"\?>', f'<?xml version="1.0" encoding="{encoding}"?>', 1)


def _doctype(root: str, inner: str, name: str = "") -> Edit:
    def edit(text: str) -> str:
        text = re.sub(r"<!DOCTYPE[^>]*>\n", "", text)
        return text.replace("?>\n", f"?>\n<!DOCTYPE {root} {name}[{inner}]>\n", 1)

    return edit


def _inside(root: str, inner: str) -> Edit:
    """Put something just inside the root element."""
    return lambda text: re.sub(rf"(?s)(<{re.escape(root)}(?=[\s>])[^>]*>)", lambda match: match[1] + inner, text, count=1)


def xml_cases(text: Text, root: str) -> Iterator[Case]:
    """Yield what holds for a file with the reference, whoever made it."""
    for encoding in ("UTF-8", "ISO-8859-1", "US-ASCII", "windows-1252"):
        yield case(f"declared as {encoding}", text, _declared(encoding))
    yield case("without a declaration", text, put(r"^<\?xml[^>]*\?>\n", "", 1))
    yield case("without an encoding", text, put(r' encoding="[^"]*"', "", 1))
    yield case("UTF-8 with its mark", text, _declared("UTF-8"), lambda changed: "\ufeff" + changed, encoding="utf-8")
    for encoding in ("utf-16-le", "utf-16-be"):
        mark = "\ufeff"
        yield case(f"{encoding} with its mark", text, _declared("UTF-16"), lambda changed, mark=mark: mark + changed, encoding=encoding)
    yield case("in an encoding that nobody knows", text, _declared("KLINGON"), refused="xml_damaged")
    yield case("declared as UTF-16 and in bytes", text, _declared("UTF-16"), refused="xml_damaged")
    for suffix in (".txt", ".dat", ".edf", ".csv", ".XML", "", ".xml.bak", ".dcm", ".scp"):
        yield case(f"named a{suffix}", text, suffix=suffix)
    yield case("with CR LF", text, swap("\n", "\r\n"))
    yield case("on one line", text, swap("\n", ""))
    yield case("indented", text, swap("\n<", "\n\t   <"))
    comment = "<!-- <RestingECG> <restingecgdata> <ECG> <!DOCTYPE x> -->"
    yield case("behind a comment with other roots", text, swap("?>\n", f"?>\n{comment}\n"))
    yield case("behind a processing instruction", text, swap("?>\n", '?>\n<?xml-stylesheet href="a.xsl"?>\n'))
    yield case("before a comment", text, lambda changed: changed + "<!-- printed -->\n")
    yield case("with a declaration of elements", text, _doctype(root, f"<!ELEMENT {root} ANY>"))
    yield case("with a declaration of attributes", text, _doctype(root, f"<!ATTLIST {root} note CDATA 'none'>"))
    yield case("with an outer declaration", text, _doctype(root, "", 'SYSTEM "http://ecg.example/a.dtd" '))
    yield case("with elements that nobody knows", text, _inside(root, "<extra a='1'><deep><deeper/></deep></extra>"))
    yield case("with a long remark", text, _inside(root, f"<extra>{'a remark ' * 20_000}</extra>"))
    yield case("with an element of another name space", text, _inside(root, '<x:extra xmlns:x="urn:x" x:a="1">1</x:extra>'))
    yield case("with elements 5,000 deep", text, _inside(root, "<a>" * 5000 + "</a>" * 5000))
    yield case("with 20,000 empty elements", text, _inside(root, "<a/>" * 20_000))
    yield case("with CDATA", text, _inside(root, "<extra><![CDATA[<Waveform><CHANNEL>]]></extra>"))
    bombs = {
        "a laugh": '<!ENTITY a "ha">',
        "a billion laughs": '<!ENTITY a "ha">' + "".join(f'<!ENTITY a{n} "{"&a;" * 10}">' for n in range(9)),
        "a file": '<!ENTITY a SYSTEM "file:///etc/passwd">',
        "a page": '<!ENTITY a SYSTEM "http://127.0.0.1:9/a">',
        "a public text": '<!ENTITY a PUBLIC "-//X//Y" "http://127.0.0.1:9/a">',
        "a parameter": '<!ENTITY % a SYSTEM "file:///etc/passwd"> %a;',
        "an unparsed file": '<!NOTATION gif SYSTEM "gif"><!ENTITY a SYSTEM "a.gif" NDATA gif>',
        "a long text": f'<!ENTITY a "{"x" * 50_000}">',
    }
    for what, inner in bombs.items():
        yield case(f"an entity of {what}, not used", text, _doctype(root, inner), refused="xml_entities")
        yield case(f"an entity of {what}, used", text, _doctype(root, inner), _inside(root, "<extra>&a;</extra>"), refused="xml_entities")
    for share in (10, 30, 50, 70, 90, 99):
        yield case(f"{share}% of it", text, lambda changed, share=share: changed[: len(changed) * share // 100], refused="xml_damaged")
    yield case("its last character lost", text, lambda changed: changed.rstrip()[:-1], refused="xml_damaged")
    yield case("with text behind it", text, lambda changed: changed + "end of file", refused="xml_damaged")
    yield case("twice in one file", text, lambda changed: changed + changed, refused="xml_damaged")
    yield case("with a blank line before its declaration", text, lambda changed: "\n" + changed, refused="xml_damaged")
    yield case("with a lone ampersand", text, _inside(root, "<extra>a & b</extra>"), refused="xml_damaged")
    yield case("with an entity that is not declared", text, _inside(root, "<extra>&nbsp;</extra>"), refused="xml_damaged")
    yield case("with a zero byte", text, _inside(root, "<extra>\0</extra>"), refused="xml_damaged")
    yield case("with elements that cross", text, _inside(root, "<a><b></a></b>"), refused="xml_damaged")
    yield case("with an attribute twice", text, _inside(root, "<a b='1' b='2'/>"), refused="xml_damaged")
    yield case("with a name space that is not declared", text, _inside(root, "<x:a/>"), refused="xml_damaged")
    yield case("in broken UTF-8", text, _declared("UTF-8"), _inside(root, "<extra>\xe9\xe8</extra>"), refused="xml_damaged")
