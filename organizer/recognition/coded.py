"""Where the coded audio lies in files whose samples are not whole numbers by definition of the format.

It tells tags from audio in MP3 and its kin, Ogg, MP4 and ASF, so that a sound keeps its identity when
its tags change. It decodes nothing. Formats as in RFC 3533 (Ogg), ISO/IEC 14496-12 (MP4), id3.org
(ID3v1, ID3v2), the Hydrogenaudio wiki (APEv2) and the ASF specification.
"""

from __future__ import annotations

import os
from enum import Enum, auto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import FileIO

_PIECE = 1 << 20
_MOST_STREAMS = 64
_MOST_ATOMS = 4096
_COMMENT_PACKET = 1  # the second packet of every Ogg mapping that libsndfile or mutagen knows
_ASF_HEADER = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_ASF_DATA = bytes.fromhex("3626b2758e66cf11a6d900aa0062ce6c")
_STREAM_MARKS = (b"MAC ", b"wvpk", b"MPCK", b"MP+")


class Form(Enum):
    OGG = auto()
    MP4 = auto()
    ASF = auto()
    STREAM = auto()  # frames one after the other, tags only before and behind: MP3, AAC, APE, WavPack


class Malformed(Exception):
    """The file ends or breaks before any coded audio."""


def form_of(file: FileIO) -> Form | None:
    """Tell by the first bytes how a file carries coded audio; None: it does not, as far as we know."""
    head = _at(file, _behind_id3(file), 16)
    if head.startswith(b"OggS"):
        return Form.OGG
    if head[4:8] == b"ftyp":
        return Form.MP4
    if head == _ASF_HEADER:
        return Form.ASF
    if head.startswith(_STREAM_MARKS) or (len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0):
        return Form.STREAM
    return None


def audio_of(file: FileIO, form: Form) -> Iterator[bytes]:
    """Yield the coded audio in pieces of at most 1 MB."""
    match form:
        case Form.OGG:
            return _ogg_audio(file)
        case Form.MP4:
            return _mp4_audio(file)
        case Form.ASF:
            return _asf_audio(file)
        case Form.STREAM:
            return _between(file, *_without_tags(file))


def _at(file: FileIO, offset: int, size: int) -> bytes:
    file.seek(offset)
    return file.read(size) or b""


def _between(file: FileIO, start: int, end: int) -> Iterator[bytes]:
    while start < end and (piece := _at(file, start, min(_PIECE, end - start))):
        yield piece
        start += len(piece)


def _size(file: FileIO) -> int:
    return os.fstat(file.fileno()).st_size


def _behind_id3(file: FileIO) -> int:
    offset = 0
    while (head := _at(file, offset, 10))[:3] == b"ID3" and len(head) == 10:
        offset += 10 + syncsafe(head[6:10]) + (10 if head[5] & 0x10 else 0)
    return offset


def syncsafe(four: bytes) -> int:
    """Read a number of ID3v2: seven bits in each byte."""
    return sum((byte & 0x7F) << shift for byte, shift in zip(four, (21, 14, 7, 0), strict=True))


def _without_tags(file: FileIO) -> tuple[int, int]:
    start, end = _behind_id3(file), _size(file)
    while (shorter := _before_last_tag(file, end)) != end and shorter >= start:
        end = shorter
    return min(start, end), end


def _before_last_tag(file: FileIO, end: int) -> int:
    """Give where the tag that ends at `end` begins; `end` itself if none does."""
    if end >= 128 and _at(file, end - 128, 3) == b"TAG":
        return end - 128
    if end >= 32 and (foot := _at(file, end - 32, 32)).startswith(b"APETAGEX"):
        size = int.from_bytes(foot[12:16], "little")
        has_header = int.from_bytes(foot[20:24], "little") & 0x80000000
        return end - size - (32 if has_header else 0)
    if end >= 15 and (foot := _at(file, end - 15, 15)).endswith(b"LYRICS200") and foot[:6].isdigit():
        return end - 15 - int(foot[:6])
    if end >= 10 and (foot := _at(file, end - 10, 10)).startswith(b"3DI"):
        return end - 20 - syncsafe(foot[6:10])
    return end


def _ogg_audio(file: FileIO) -> Iterator[bytes]:
    """Yield all packets but the comments, however the pages cut them, and where each page's sound ends.

    Writing comments renumbers pages and may cut the header packets anew; packets and the granule
    positions of audio pages stay.
    """
    offset, end = _behind_id3(file), _size(file)
    packets: dict[bytes, int] = {}  # stream serial -> which packet comes next
    while (head := _at(file, offset, 27)).startswith(b"OggS") and len(head) == 27:
        table = file.read(head[26]) or b""
        body = file.read(sum(table)) or b""
        serial = head[14:18]
        if head[5] & 0x02:  # begin of a stream
            packets[serial] = 0
        if len(packets) > _MOST_STREAMS:
            raise Malformed("it claims too many Ogg streams")
        place = 0
        for length in table:
            packet = packets.setdefault(serial, 0)
            if packet != _COMMENT_PACKET:
                yield body[place : place + length]
            place += length
            if length < 255:
                packets[serial] = packet + 1
                yield b"|"
        granule = head[6:14]
        if granule not in (bytes(8), b"\xff" * 8):
            yield granule
        offset += 27 + len(table) + sum(table)
    if not packets:
        raise Malformed("it has no Ogg page")
    yield from _between(file, offset, end)


def _mp4_audio(file: FileIO) -> Iterator[bytes]:
    offset, end, found = 0, _size(file), False
    for _ in range(_MOST_ATOMS):
        head = _at(file, offset, 16)
        if len(head) < 8:
            break
        size, skip = int.from_bytes(head[:4], "big"), 8
        if size == 1 and len(head) == 16:
            size, skip = int.from_bytes(head[8:], "big"), 16
        elif size == 0:
            size = end - offset
        if size < skip:
            break
        if head[4:8] == b"mdat":
            found = True
            yield from _between(file, offset + skip, min(offset + size, end))
        offset += size
    if not found:
        raise Malformed("it holds no media data")


def _asf_audio(file: FileIO) -> Iterator[bytes]:
    offset, end = 0, _size(file)
    for _ in range(_MOST_ATOMS):
        head = _at(file, offset, 24)
        size = int.from_bytes(head[16:24], "little")
        if len(head) < 24 or size < 24:
            break
        if head[:16] == _ASF_DATA:
            # The 26 bytes after the object's head are an id of the file and a packet count.
            yield from _between(file, offset + 50, min(offset + size, end))
            return
        offset += size
    raise Malformed("it holds no media data")
