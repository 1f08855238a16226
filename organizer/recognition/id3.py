"""Reads the few text frames of an ID3v2 tag that say something about a sound, bounded by the bytes given.

Versions 2.2 to 2.4 (id3.org). Compressed and encrypted frames, pictures and the rest are stepped over.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from organizer.recognition.coded import syncsafe

if TYPE_CHECKING:
    from collections.abc import Iterator

_FRAMES = {
    b"TIT2": "title", b"TCON": "genre", b"TIT1": "keywords", b"COMM": "comment", b"TBPM": "bpm",
    b"TT2": "title", b"TCO": "genre", b"TT1": "keywords", b"COM": "comment", b"TBP": "bpm",
    b"TKEY": "key", b"TKE": "key", b"TPE1": "artist", b"TP1": "artist", b"TALB": "album", b"TAL": "album",
}  # fmt: skip
_FRAME_HEAD = re.compile(rb"(?=[A-Z][A-Z0-9]{3}.{4}.(.))", re.DOTALL)
_FREE = (b"TXXX", b"TXX")
_ENCODINGS = {0: "latin-1", 1: "utf-16", 2: "utf-16-be", 3: "utf-8"}
_MOST_FRAMES = 1_000
_MOST_FRAME_BYTES = 8_192
_UNSYNCHRONISED = 0x80
_EXTENDED = 0x40
_PACKED = {3: 0x00C0, 4: 0x000C}  # compressed or encrypted
_GROUPED = {3: 0x0020, 4: 0x0040}
_LENGTH_AHEAD, _FRAME_UNSYNCHRONISED = 0x0001, 0x0002  # in 2.4


def texts(tag: bytes) -> Iterator[tuple[str, str]]:
    """Yield the name and text of each known frame, in the order of the tag."""
    if len(tag) < 10 or not tag.startswith(b"ID3") or tag[3] not in (2, 3, 4):
        return
    version, flags = tag[3], tag[5]
    body = tag[10 : 10 + syncsafe(tag[6:10])]
    if flags & _UNSYNCHRONISED and version < 4:
        body = body.replace(b"\xff\x00", b"\xff")
    offset = _extended(body, version) if flags & _EXTENDED and version > 2 else 0
    head = 6 if version == 2 else 10
    for _ in range(_MOST_FRAMES):
        frame = body[offset : offset + head]
        if len(frame) < head or not frame[0]:
            return
        name, size, frame_flags = _frame(frame, version)
        offset += head
        if size <= _MOST_FRAME_BYTES and not frame_flags & _PACKED.get(version, 0):
            payload = _payload(body[offset : offset + size], frame_flags, version)
            if name in _FRAMES and (text := _text(name, payload)):
                yield _FRAMES[name], text
            elif name in _FREE and (text := _free(payload)):
                yield "wrote", text
        offset += size


def is_packed(tag: bytes) -> bool:
    """Say whether a tag may hold a frame that is compressed: in any place, as readers differ over sizes."""
    if len(tag) < 10 or not tag.startswith(b"ID3") or tag[3] not in (3, 4):
        return False
    compressed = 0x80 if tag[3] == 3 else 0x08
    return any(found[1][0] & compressed for found in _FRAME_HEAD.finditer(tag, 10, 10 + syncsafe(tag[6:10])))


def _extended(body: bytes, version: int) -> int:
    if len(body) < 4:
        return 0
    return syncsafe(body[:4]) if version == 4 else int.from_bytes(body[:4], "big") + 4


def _frame(head: bytes, version: int) -> tuple[bytes, int, int]:
    if version == 2:
        return head[:3], int.from_bytes(head[3:6], "big"), 0
    size = syncsafe(head[4:8]) if version == 4 else int.from_bytes(head[4:8], "big")
    return head[:4], size, int.from_bytes(head[8:10], "big")


def _payload(raw: bytes, flags: int, version: int) -> bytes:
    if flags & _GROUPED.get(version, 0):
        raw = raw[1:]
    if version == 4 and flags & _LENGTH_AHEAD:
        raw = raw[4:]
    if version == 4 and flags & _FRAME_UNSYNCHRONISED:
        raw = raw.replace(b"\xff\x00", b"\xff")
    return raw


def _free(raw: bytes) -> str:
    """Give the value of the one free text that is of interest, empty for others."""
    encoding = _ENCODINGS.get(raw[0]) if raw else None
    if encoding is None:
        return ""
    parts = raw[1:].decode(encoding, errors="replace").replace("\ufeff", "").split("\0")
    return parts[1].strip() if len(parts) > 1 and parts[0] == "ORGANIZER_WROTE" else ""


def _text(name: bytes, raw: bytes) -> str:
    """Decode a text frame: a byte for the encoding, then text; comments have a language and a title first."""
    if not raw:
        return ""
    encoding = _ENCODINGS.get(raw[0])
    if encoding is None:
        return ""
    rest = raw[4:] if name.startswith(b"COM") else raw[1:]
    parts = rest.decode(encoding, errors="replace").replace("\ufeff", "").split("\0")
    return (parts[1] if name.startswith(b"COM") and len(parts) > 1 else parts[0]).strip()
