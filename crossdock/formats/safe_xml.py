"""XML read without its dangers: no DTD, no entities, no network, no external file, bounded in size and depth.

The only place where bytes of others become an XML tree. What it refuses it refuses before anything is expanded.
"""

import re
from typing import Any, NoReturn

from lxml import etree

from crossdock.errors import Place, Unreadable
from crossdock.limits import limit

MOST_BYTES = limit("xml_bytes")
MOST_DEPTH = limit("xml_depth")
MOST_NODES = limit("xml_nodes")

_ENCODING = re.compile(rb"""\s*<\?xml[^>]*?\sencoding\s*=\s*["']([^"'>]*)["']""")
_ENCODINGS = frozenset({b"utf-8", b"us-ascii", b"ascii", b"iso-8859-1", b"iso-8859-15", b"windows-1252"})
_DOCTYPE = re.compile(rb"<!\s*DOCTYPE", re.IGNORECASE)


class _TooMuch(Exception):
    """A limit is passed."""


def parse(
    body: bytes,
    *,
    most_bytes: int = MOST_BYTES,
    most_depth: int = MOST_DEPTH,
    most_nodes: int = MOST_NODES,
) -> etree._Element:
    """The root element of these bytes. Comments and processing instructions are left out.

    Raises ``Unreadable``: code ``XML.MALFORMED`` with the line, ``XML.FORBIDDEN`` for a DTD or an entity,
    ``XML.LIMIT`` when it is too large, too deep or holds too many elements.
    """
    if len(body) > most_bytes:
        _refuse(f"is larger than {most_bytes} bytes", code="XML.LIMIT", byte=most_bytes)
    if b"\x00" in body[:64]:
        # UTF-16 and UTF-32 would hide a DOCTYPE from the search below.
        _refuse("is not in UTF-8 or another encoding of single bytes", byte=0)
    declared = _ENCODING.match(body.removeprefix(b"\xef\xbb\xbf"))
    if declared and declared[1].lower() not in _ENCODINGS:
        # So would UTF-7 and EBCDIC.
        _refuse(f"declares the encoding {declared[1][:20]!r}, which is not accepted", byte=declared.start(1))
    if found := _DOCTYPE.search(body):
        _refuse(
            "holds a document type (DTD), which is not accepted", code="XML.FORBIDDEN", byte=found.start()
        )
    try:
        root = _walk(body, most_depth, most_nodes)
    except _TooMuch as error:
        _refuse(str(error), code="XML.LIMIT")
    except etree.XMLSyntaxError as error:
        # The exception holds pieces of the text: only its message and line go on.
        deep = "depth" in (error.msg or "").lower()
        _refuse(
            f"does not parse: {error.msg}", code="XML.LIMIT" if deep else "XML.MALFORMED", line=error.lineno
        )
    docinfo: Any = root.getroottree().docinfo
    if docinfo.doctype or docinfo.internalDTD is not None:
        _refuse("holds a document type (DTD), which is not accepted", code="XML.FORBIDDEN")
    return root


def _walk(body: bytes, most_depth: int, most_nodes: int) -> etree._Element:
    """Feeds the parser piece by piece and looks at what began and ended, so that a limit stops it early."""
    parser = etree.XMLPullParser(
        events=("start", "end"),
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        huge_tree=False,
        remove_pis=True,
        remove_comments=True,
        recover=False,
    )
    depth = nodes = 0
    element: Any
    for start in range(0, len(body), 65536):
        parser.feed(body[start : start + 65536])
        for event, element in parser.read_events():
            if event == "start":
                depth += 1
                nodes += 1 + len(element.attrib)
                if depth > most_depth:
                    raise _TooMuch(f"is more than {most_depth} levels deep")
                if nodes > most_nodes:
                    raise _TooMuch(f"holds more than {most_nodes} elements and attributes")
            else:
                depth -= 1
    root: etree._Element = parser.close()
    return root


def canonical(element: etree._Element) -> bytes:
    """The element as exclusive canonical XML: the same content gives the same bytes wherever it stood."""
    try:
        data: bytes = etree.tostring(element, method="c14n", exclusive=True, with_comments=False)
    except etree.C14NError:
        # Canonical XML 1.0 knows no relative namespace names ("u" instead of "urn:u").
        _refuse("has no canonical form: one of its namespaces is a relative name")
    return data


def _refuse(
    sentence: str, *, code: str = "XML.MALFORMED", byte: int | None = None, line: int | None = None
) -> NoReturn:
    where = f" (byte {byte})" if byte is not None else f" (line {line})" if line else ""
    raise Unreadable(
        f"the XML {sentence}{where}",
        place=Place(byte=byte, line=line),
        code=code,
        remedy="Ask the sender for a correct document; this one stays here.",
    )
