"""XML files of recorders, parsed without entities, references to elsewhere and unbounded depth."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from heart_reader.data.formats.files import decode_text, file_size, read_bytes
from heart_reader.errors import UnreadableRecord
from heart_reader.messages import message

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

__all__ = ["number_of", "parse_xml", "root_name", "text_of"]

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
    """Parse a file and return its root, names of elements without their namespaces.

    Recorders disagree about their namespaces, and no names collide. Names of attributes keep
    theirs.

    Raises
    ------
    UnreadableRecord
        If it is too large, not well-formed, or declares entities.
    """
    from xml.parsers.expat import ExpatError

    from defusedxml.common import DefusedXmlException

    size = file_size(path)
    if size > MAX_XML_BYTES:
        raise UnreadableRecord(message("xml_too_large", where=path, got=size / 1e6, most=MAX_XML_BYTES / 1e6))
    try:
        root = _parsed(read_bytes(path, size))
    except DefusedXmlException:
        raise UnreadableRecord(message("xml_entities", where=path)) from None
    except (ExpatError, SyntaxError, ValueError, LookupError) as error:  # ParseError is a SyntaxError; an encoding may be unknown
        raise UnreadableRecord(message("xml_damaged", where=path, problem=str(error)[:80])) from None
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return root


def _parsed(content: bytes) -> Element:
    """Build a tree as defusedxml does, which refuses entities, but without its calls of Python.

    That takes half the time.
    """
    from xml.etree.ElementTree import TreeBuilder

    import defusedxml.ElementTree

    builder = TreeBuilder()
    expat = defusedxml.ElementTree.XMLParser(target=builder).parser
    expat.ordered_attributes = False
    expat.StartElementHandler, expat.EndElementHandler, expat.CharacterDataHandler = builder.start, builder.end, builder.data
    expat.CommentHandler = expat.ProcessingInstructionHandler = None
    expat.Parse(content, True)
    return builder.close()


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
