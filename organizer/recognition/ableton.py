"""Reads the browser tags that Ableton Live 12 keeps beside samples, one XMP file a folder.

The form is known from files that Live wrote: a bag of items, each a bare file name and a bag of keywords such
as `Drums|Kick`, `Type|One Shot` or `Key|A`. The file comes with packs of strangers, so it is bounded in size,
and one that declares a document type or entities is refused.
"""

from __future__ import annotations

import stat
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING

from defusedxml.ElementTree import fromstring

from organizer.recognition.opening import open_regular
from organizer.sample import LIVE_PLACE, Stamp

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from xml.etree.ElementTree import Element

_MOST_BYTES = 4 << 20
_MOST_TAGS, _LONGEST_TAG = 64, 200  # of one sample; characters
_LIVE = "{https://ns.ableton.com/xmp/fs-resources/1.0/}"
_LI = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}li"


def live_tags(sample: Path) -> tuple[str, ...]:
    """Give the tags of a sample; none where Live wrote none.

    Raises
    ------
    FileProblem, ValueError, xml.etree.ElementTree.ParseError
        If the file that should hold them cannot be read, or is not of the form.
    """
    path = sample.parent / LIVE_PLACE
    try:
        found = path.stat(follow_symlinks=False)
    except OSError:
        return ()
    # What a link leads to is another folder's.
    if not stat.S_ISREG(found.st_mode) or path.parent.is_symlink():
        return ()
    said = _read_once(path, Stamp.of(found))
    if isinstance(said, Exception):
        raise said.with_traceback(None)
    return said.get(_plain(sample.name), ())


@lru_cache(maxsize=64)
def _read_once(path: Path, stamp: Stamp) -> Mapping[str, tuple[str, ...]] | Exception:
    """Read a folder's file once for all its samples, as long as it stays the same, even if it is broken."""
    if stamp.size > _MOST_BYTES:
        return ValueError(f"it is larger than {_MOST_BYTES >> 20} MiB")
    try:
        return _tags_in(path)
    except Exception as error:  # hostile XML may raise whatever its parser knows; the caller notes it
        return error


def _tags_in(path: Path) -> Mapping[str, tuple[str, ...]]:
    with open_regular(path) as file:
        root = fromstring(file.read(_MOST_BYTES) or b"", forbid_dtd=True)
    found: dict[str, tuple[str, ...]] = {}
    for items in root.iter(f"{_LIVE}items"):
        for item in items.iter(_LI):
            if name := _value(item, "filePath"):
                found.setdefault(_plain(name), tuple(_keywords(item))[:_MOST_TAGS])
    return found


def _value(item: Element, field: str) -> str:
    """Read a field of an item, which RDF lets be an attribute or an element of the item or inside it."""
    for one in (item, *item):
        text: str | None = one.get(f"{_LIVE}{field}") or one.findtext(f"{_LIVE}{field}")
        if text:
            return text  # as it is: a file name may begin or end with a space
    return ""


def _keywords(item: Element) -> Iterator[str]:
    for keywords in item.iter(f"{_LIVE}keywords"):
        for one in keywords.iter(_LI):
            if text := " ".join((one.text or "").split()):
                yield text[:_LONGEST_TAG]


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", name)
