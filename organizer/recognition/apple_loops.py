"""Reads what Logic and GarageBand write into Apple Loops: a chunk in AIFF, text pairs in CAF.

Both forms are known from files and from programs that read them (libsndfile for the AIFF chunk); Apple never
published them. Programs disagree about the flag for loops in AIFF: 0 is a loop and 2 a one-shot to all that
know the value, 1 is either and says nothing.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from organizer import musical

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from io import FileIO

_BASC = struct.Struct(">IIHHHHH")  # version, beats, root note, scale, meter above, meter below, loop flag
_MINOR = 1
_LOOP, _ONESHOT = 0, 2
_CAF_HEADER, _CAF_CHUNK = struct.Struct(">4sHH"), struct.Struct(">4sq")
_TAGS = bytes.fromhex("29819273b5bf4aefb78d62d1ef90bb2c")
_MOST_CHUNKS, _MOST_BYTES, _MOST_PAIRS = 512, 1 << 20, 256
_MOST_BEATS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class AppleLoop:
    """What an Apple Loop says of itself; None and empty: it does not say."""

    beats: int | None = None
    key: str | None = None
    loop: bool | None = None
    words: str = ""  # its category and what describes it


def from_basc(payload: bytes) -> AppleLoop:
    """Read the `basc` chunk of an AIFF file. Raises `struct.error` when it is cut short."""
    _, beats, root, scale, _, _, flag = _BASC.unpack_from(payload)
    return AppleLoop(
        beats=beats if 0 < beats < _MOST_BEATS else None,
        key=musical.note(root) + ("m" if scale == _MINOR else "") if 0 < root < 128 else None,
        loop={_LOOP: True, _ONESHOT: False}.get(flag),
    )


def from_caf(file: FileIO) -> AppleLoop | None:
    """Read the tags of a CAF file; None where it has none. Raises `ValueError` when they are broken."""
    for payload in _uuid_chunks(file):
        if payload.startswith(_TAGS):
            return _from_pairs(_pairs(payload[len(_TAGS) :]))
    return None


def is_caf(head: bytes) -> bool:
    return head.startswith(b"caff")


def _from_pairs(pairs: Mapping[str, str]) -> AppleLoop:
    beats = pairs.get("beat count", "")
    minor = pairs.get("key type", "").lower() == "minor"
    count = int(beats) if beats.isascii() and beats.isdigit() and len(beats) < 6 else 0
    return AppleLoop(
        beats=count if 0 < count < _MOST_BEATS else None,
        key=musical.key(pairs.get("key signature", "") + ("m" if minor else "")),
        loop=True if count else None,
        words=", ".join(
            pairs[name] for name in ("subcategory", "category", "descriptors") if pairs.get(name)
        ),
    )


def _pairs(payload: bytes) -> dict[str, str]:
    """Read a count and so many keys and values, each ended by a zero byte."""
    if len(payload) < 4:
        raise ValueError("it is cut short")
    count = int.from_bytes(payload[:4], "big")
    texts = [one.decode("utf-8", errors="replace") for one in payload[4:].split(b"\0")[: 2 * _MOST_PAIRS]]
    return dict(zip(texts[: 2 * count : 2], texts[1 : 2 * count : 2], strict=False))


def _uuid_chunks(file: FileIO) -> Iterator[bytes]:
    end = os.fstat(file.fileno()).st_size
    offset = _CAF_HEADER.size
    for _ in range(_MOST_CHUNKS):
        file.seek(offset)
        head = file.read(_CAF_CHUNK.size) or b""
        if len(head) < _CAF_CHUNK.size:
            return
        name, size = _CAF_CHUNK.unpack(head)
        offset += _CAF_CHUNK.size
        if size < 0 or size > end - offset:  # -1: to the end of the file
            return
        if name == b"uuid":
            yield file.read(min(size, _MOST_BYTES)) or b""
        offset += size
