"""Browser tags of Ableton Live 12, which keeps one XMP file a folder. Owns how entries are joined with those
there.

Every node that is not ours stays as it is; a keyword that is there is not written twice. The form is known
from files that Live wrote (recognition/ableton.py reads it). An entry is a JSON list of keywords such as
`Drums|Kick`.
"""

from __future__ import annotations

import json
import os
import re
import unicodedata
from contextlib import contextmanager
from typing import TYPE_CHECKING
from xml.dom.minidom import Element, Node
from xml.parsers.expat import ExpatError

from defusedxml.common import DefusedXmlException
from defusedxml.minidom import parseString

from organizer.errors import CannotWrite, FileProblem
from organizer.recognition.opening import open_regular

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path
    from xml.dom.minidom import Document

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_LIVE = "https://ns.ableton.com/xmp/fs-resources/1.0/"
_LARGEST = 16 << 20  # bytes
# What XML 1.0 has no way to hold: control characters, and halves of pairs that stand for undecodable bytes.
# It could hold a carriage return, but as it is written here, one is read as a line feed.
_ILLEGAL = re.compile("[\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]")
_MAKER = "<xmp:CreatorTool>Organizer</xmp:CreatorTool>"
_EMPTY = f"""<?xml version="1.0" encoding="utf-8"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="Organizer">
 <rdf:RDF xmlns:rdf="{_RDF}">
  <rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:ablFR="{_LIVE}" xmlns:xmp="http://ns.adobe.com/xap/1.0/">
   <dc:format>application/vnd.ableton.folder</dc:format>
   <ablFR:resource>folder</ablFR:resource>
   <ablFR:items>
    <rdf:Bag/>
   </ablFR:items>
   {_MAKER}
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
"""


def merged(present: bytes | None, entries: Mapping[str, str]) -> bytes:
    """Add keywords to the entries of files; raises `CannotWrite` where the file is not of the form.

    A name or keyword that XML cannot hold is left out.
    """
    with _guarded():
        document = _read(present)
        bag = _bag(document)
        items = _items(bag)
        for name, text in entries.items():
            if _ILLEGAL.search(name):
                continue
            item = items.get(_plain(name)) or _new_item(document, bag, name)
            keywords = _keywords_bag(document, item)
            held = {_text(one) for one in _children(keywords, _RDF, "li")}
            for keyword in json.loads(text):
                if keyword not in held and not _ILLEGAL.search(keyword):
                    _add(document, keywords, "li", _RDF, keyword)
        return _written(document, present)


def without(present: bytes, entries: Mapping[str, str]) -> bytes | None:
    """Take keywords out of the entries of files, and entries that say nothing more; None where none is
    left."""
    with _guarded():
        document = _read(present)
        bag = _bag(document)
        items = _items(bag)
        for name, text in entries.items():
            if item := items.get(_plain(name)):
                _take_out(document, bag, item, set(json.loads(text)))
        left = any(True for _ in _children(bag, _RDF, "li"))
        return _written(document, present) if left or not _is_ours(document) else None


def not_ours(paths: Iterable[Path]) -> frozenset[Path]:
    """Choose the files that are there and do not say that we have made them."""
    return frozenset(path for path in paths if os.path.lexists(path) and not _is_made_by_us(path))


def _is_made_by_us(path: Path) -> bool:
    try:
        with open_regular(path) as file:
            return _MAKER.encode() in (file.read(_LARGEST) or b"")
    except (FileProblem, OSError):
        return False


def _take_out(document: Document, bag: Element, item: Element, ours: set[str]) -> None:
    keywords = _keywords_bag(document, item)
    for one in list(_children(keywords, _RDF, "li")):
        if _text(one) in ours:
            keywords.removeChild(one)
    elements = (child for child in item.childNodes if child.nodeType == Node.ELEMENT_NODE)
    says_more = any(child.localName not in ("filePath", "keywords") for child in elements)
    if not says_more and not any(True for _ in _children(keywords, _RDF, "li")):
        bag.removeChild(item)


@contextmanager
def _guarded() -> Iterator[None]:
    try:
        yield
    except RecursionError as error:
        raise _not_of_the_form("it is nested too deeply") from error


def _read(present: bytes | None) -> Document:
    raw = _EMPTY.encode() if present is None else present
    if len(raw) > _LARGEST:
        raise _not_of_the_form("it is too large")
    try:
        document: Document = parseString(raw, forbid_dtd=True)
    except (ExpatError, DefusedXmlException, ValueError, LookupError, RecursionError) as error:
        raise _not_of_the_form(str(error) or type(error).__name__) from error
    return document


def _bag(document: Document) -> Element:
    for items in document.getElementsByTagNameNS(_LIVE, "items"):
        for bag in _children(items, _RDF, "Bag"):
            return bag
        return _add(document, items, "Bag", _RDF)
    raise _not_of_the_form("it lists no items")


def _items(bag: Element) -> dict[str, Element]:
    """Give the items by the names of their files."""
    found: dict[str, Element] = {}
    for item in _children(bag, _RDF, "li"):
        said = item.getAttributeNS(_LIVE, "filePath")
        paths = item.getElementsByTagNameNS(_LIVE, "filePath")
        # A name may begin or end with a space; were that dropped, nobody would find its item again.
        found.setdefault(_plain(said or (_raw(paths[0]) if paths else "")), item)
    return found


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _new_item(document: Document, bag: Element, name: str) -> Element:
    item = _add(document, bag, "li", _RDF)
    item.setAttributeNS(_RDF, f"{_prefix(bag, _RDF)}:parseType", "Resource")
    _add(document, item, "filePath", _LIVE, name)
    return item


def _keywords_bag(document: Document, item: Element) -> Element:
    for keywords in item.getElementsByTagNameNS(_LIVE, "keywords"):
        for bag in _children(keywords, _RDF, "Bag"):
            return bag
        return _add(document, keywords, "Bag", _RDF)
    holder = next(_children(item, _RDF, "Description"), item)
    return _add(document, _add(document, holder, "keywords", _LIVE), "Bag", _RDF)


def _children(parent: Element, namespace: str, name: str) -> Iterator[Element]:
    for child in parent.childNodes:
        if isinstance(child, Element) and (child.namespaceURI, child.localName) == (namespace, name):
            yield child


def _add(document: Document, parent: Element, name: str, namespace: str, text: str = "") -> Element:
    made = document.createElementNS(namespace, f"{_prefix(parent, namespace)}:{name}")
    if text:
        made.appendChild(document.createTextNode(text))
    parent.appendChild(made)
    return made


def _prefix(place: Element, namespace: str) -> str:
    """Find the prefix that a namespace has here; it is declared where its nodes were found."""
    node: Node | None = place
    while isinstance(node, Element):
        for name, value in node.attributes.items():
            if name.startswith("xmlns:") and value == namespace:
                return name.removeprefix("xmlns:")
        node = node.parentNode
    raise _not_of_the_form(f"it does not declare {namespace}")


def _text(node: Element) -> str:
    return _raw(node).strip()


def _raw(node: Element) -> str:
    return "".join(child.data for child in node.childNodes if child.nodeType == Node.TEXT_NODE)


def _is_ours(document: Document) -> bool:
    tools = document.getElementsByTagNameNS("http://ns.adobe.com/xap/1.0/", "CreatorTool")
    return any(_text(tool) == "Organizer" for tool in tools)


def _written(document: Document, present: bytes | None) -> bytes:
    """Write a document in UTF-8, with a declaration where there was one."""
    text = "".join(child.toxml() for child in document.childNodes)
    declared = present is None or present.lstrip().startswith((b"<?xml", b"\xef\xbb\xbf<?xml"))
    head = '<?xml version="1.0" encoding="utf-8"?>\n' if declared else ""
    return (head + text + "\n").encode("utf-8", "replace")


def _not_of_the_form(why: str) -> CannotWrite:
    return CannotWrite(
        f"The tags of Ableton Live in this folder cannot be added to: {why}",
        hint="Open the folder in Live, or move its `Ableton Folder Info` away",
    )
