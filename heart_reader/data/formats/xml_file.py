"""XML files of recorders, parsed without entities, references to elsewhere and unbounded depth."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from heart_reader.data.formats.files import decode_text, file_size, read_bytes
from heart_reader.errors import UnreadableRecord
from heart_reader.messages import message

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

__all__ = ["number_of", "parse_plain_xml", "parse_xml", "root_name", "text_of", "without_namespaces"]

# A day of an ECG as text in XML is longer than any recorder writes it.
MAX_XML_BYTES = 1 << 28
_ROOT = re.compile(r"<(?:[A-Za-z_][\w.-]*:)?([A-Za-z_][\w.-]*)[\s/>]")
_SKIPPED = re.compile(r"<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^\[>]*(?:\[.*?\]\s*)?>", re.DOTALL)


def root_name(head: bytes) -> str | None:
    """Return the name, without prefix, of the element that an XML file begins with; else None.

    Examples
    --------
    >>> root_name(b'<?xml version="1.0"?><!-- by hand --><a:AnnotatedECG xmlns:a="urn:hl7-org:v3">')
    'AnnotatedECG'
    """
    text = decode_text(head).lstrip()
    if not text.startswith("<"):
        return None
    match = _ROOT.match(_SKIPPED.sub("", text).lstrip())
    return match[1] if match else None


def parse_xml(path: str) -> Element:
    """Parse a file and return its root; names keep their namespaces.

    Raises
    ------
    UnreadableRecord
        If it is too large, not well-formed, or declares entities.
    """
    import defusedxml.ElementTree

    return _parsed(path, defusedxml.ElementTree.fromstring)


def parse_plain_xml(path: str) -> Element:
    """Parse a file and return its root without namespaces, in half the time of :func:`parse_xml`.

    Names of attributes keep theirs.

    Raises
    ------
    UnreadableRecord
        If it is too large, not well-formed, or declares entities.
    """
    return _parsed(path, _plain)


def _plain(content: bytes) -> Element:
    """Build a tree as defusedxml does, which refuses entities, but without its calls of Python."""
    from xml.etree.ElementTree import TreeBuilder

    import defusedxml.ElementTree

    builder = TreeBuilder()
    expat = defusedxml.ElementTree.XMLParser(target=builder).parser
    expat.ordered_attributes = False
    expat.StartElementHandler, expat.EndElementHandler, expat.CharacterDataHandler = builder.start, builder.end, builder.data
    expat.CommentHandler = expat.ProcessingInstructionHandler = None
    expat.Parse(content, True)
    root = builder.close()
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return root


def _parsed(path: str, parse: Callable[[bytes], Element]) -> Element:
    from xml.parsers.expat import ExpatError

    from defusedxml.common import DefusedXmlException

    size = file_size(path)
    if size > MAX_XML_BYTES:
        raise UnreadableRecord(message("xml_too_large", where=path, got=size / 1e6, most=MAX_XML_BYTES / 1e6))
    try:
        return parse(read_bytes(path, size))
    except DefusedXmlException:
        raise UnreadableRecord(message("xml_entities", where=path)) from None
    except (ExpatError, SyntaxError, ValueError, LookupError) as error:  # ParseError is a SyntaxError; an encoding may be unknown
        raise UnreadableRecord(message("xml_damaged", where=path, problem=str(error)[:80])) from None


def without_namespaces(root: Element) -> Element:
    """Drop all namespaces, in place: recorders disagree about theirs, and no names collide."""
    for element in root.iter():
        if isinstance(element.tag, str):
            element.tag = element.tag.rpartition("}")[2]
        for name in [name for name in element.attrib if name.startswith("{")]:
            element.attrib[name.rpartition("}")[2]] = element.attrib.pop(name)
    return root


def text_of(element: Element | None, where: str = ".") -> str | None:
    """Return the stripped text of an element below another, None if there is none."""
    found = None if element is None else element.find(where)
    text = "" if found is None or found.text is None else " ".join(found.text.split())
    return text or None


def number_of(text: str | None) -> float | None:
    """Return a finite number, None for what is none.

    Examples
    --------
    >>> number_of(" 96 "), number_of("--"), number_of("nan")
    (96.0, None, None)
    """
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if abs(value) < float("inf") else None
