"""LIST/INFO in WAV: the few texts that Windows Explorer, ffmpeg and Audacity read there.

Other chunks stay as they are and in their order; what the user wrote into the list stays in it. It only
changes the temporary copy that it is given.

    title INAM   artist IART   album IPRD   genre IGNR   comment ICMT   bpm IBPM   grouping IKEY (keywords)
"""

from __future__ import annotations

import struct
from typing import IO, TYPE_CHECKING

from organizer.errors import CannotWrite

if TYPE_CHECKING:
    from collections.abc import Mapping
    from io import BufferedRandom
    from pathlib import Path

    from organizer.planning.operations import TagMode

NAMES = {
    "title": b"INAM",
    "artist": b"IART",
    "album": b"IPRD",
    "genre": b"IGNR",
    "comment": b"ICMT",
    "bpm": b"IBPM",
    "grouping": b"IKEY",
}
_MOST_CHUNKS = 512
_MOST_LIST = 1 << 20  # bytes of a list that is rewritten
_MOST_SIZE = (1 << 32) - 1
_BLOCK = 1 << 20
_HINT = "Use a sidecar for it instead"


def write(path: Path, values: Mapping[str, str], mode: TagMode) -> bool:
    """Write fields into the list, making it where there is none; say whether anything changed.

    Raises `CannotWrite` where the file's chunks are not what its header says.
    """
    with path.open("r+b") as file:
        end = _end(file, path)
        start, size = _find(file, end, path)
        entries = _entries(file, start, size, path)
        before = list(entries)
        for name, value in values.items():
            _set(entries, NAMES[name], value, mode)
        if entries == before:
            return False
        payload = b"INFO" + b"".join(_entry(name, text) for name, text in entries)
        _replace(file, start, size, b"LIST" + struct.pack("<I", len(payload)) + payload, end, path)
    return True


def fields_of(path: Path) -> set[str]:
    """Name the fields that the list holds already. Raises as `write`."""
    with path.open("rb") as file:
        start, size = _find(file, _end(file, path), path)
        held = {name for name, text in _entries(file, start, size, path) if text.strip(b"\0 ")}
    return {field for field, name in NAMES.items() if name in held}


def _end(file: IO[bytes], path: Path) -> int:
    """Give where the RIFF ends; refuse what is cut short, or streamed with no size."""
    head = file.read(12)
    if len(head) < 12 or head[:4] != b"RIFF" or head[8:] != b"WAVE":
        raise _refusal(path)
    end = 8 + int.from_bytes(head[4:8], "little")
    if end < 12 or end > file.seek(0, 2):
        raise _refusal(path)
    return end


def _find(file: IO[bytes], end: int, path: Path) -> tuple[int, int]:
    """Give the place and whole size of the list, or the end and 0."""
    offset = 12
    for _ in range(_MOST_CHUNKS):
        if offset + 8 > end:
            return end, 0
        file.seek(offset)
        head = file.read(12)
        size = 8 + int.from_bytes(head[4:8], "little")
        if head[:4] == b"LIST" and head[8:12] == b"INFO":
            return offset, min(size + size % 2, end - offset)
        offset += size + size % 2
    raise _refusal(path)


def _entries(file: IO[bytes], start: int, size: int, path: Path) -> list[tuple[bytes, bytes]]:
    """Read names and texts, each as it stands, with the zeros behind it."""
    if size > _MOST_LIST:
        raise _refusal(path)
    file.seek(start + 12)
    payload = file.read(size - 12) if size else b""
    found: list[tuple[bytes, bytes]] = []
    offset = 0
    while offset + 8 <= len(payload):
        name, length = struct.unpack_from("<4sI", payload, offset)
        if offset + 8 + length > len(payload):
            raise _refusal(path)
        found.append((name, payload[offset + 8 : offset + 8 + length]))
        offset += 8 + length + length % 2
    return found


def _set(entries: list[tuple[bytes, bytes]], name: bytes, value: str, mode: TagMode) -> None:
    text = value.encode() + b"\0"
    places = [place for place, (known, held) in enumerate(entries) if known == name and held.strip(b"\0 ")]
    if not places:
        entries[:] = [one for one in entries if one[0] != name]
        entries.append((name, text))
        return
    here = places[0]
    held = entries[here][1].rstrip(b"\0")
    if mode == "replace" and held != value.encode():
        entries[here] = (name, text)
    elif mode == "append" and value.encode() not in held.split(b"; "):
        entries[here] = (name, held + b"; " + text)


def _entry(name: bytes, text: bytes) -> bytes:
    return name + struct.pack("<I", len(text)) + text + b"\0" * (len(text) % 2)


def _replace(file: BufferedRandom, start: int, size: int, chunk: bytes, end: int, path: Path) -> None:
    """Put a chunk in the place of `size` bytes, moving what follows, and mend the size of the whole."""
    odd = start % 2 if not size else 0  # the last chunk's pad byte may be missing
    chunk = b"\0" * odd + chunk
    grown = len(chunk) - size
    if end + grown - 8 > _MOST_SIZE:
        raise _refusal(path)
    _shift(file, start + size, grown)
    file.seek(start)
    file.write(chunk)
    file.seek(4)
    file.write(struct.pack("<I", end + grown - 8))


def _shift(file: BufferedRandom, start: int, by: int) -> None:
    """Move all bytes from `start` on, which may overlap with where they go."""
    end = file.seek(0, 2)
    places = range(start, end, _BLOCK)
    for place in reversed(places) if by > 0 else places:
        file.seek(place)
        block = file.read(min(_BLOCK, end - place))
        file.seek(place + by)
        file.write(block)
    if by < 0:
        file.truncate(end + by)


def _refusal(path: Path) -> CannotWrite:
    return CannotWrite(
        "Tags cannot be written into this file: its chunks are not as its header says",
        path=path,
        hint=_HINT,
    )
