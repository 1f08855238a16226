"""Reverse patches: a file's earlier bytes, told by what they share with its present ones.

A tag writer changes a few places and may shift all that follows, so the old file is nearly all long runs
of the new one. The patch is a list of `copy (offset, length)` and `insert bytes`, compressed with
zstandard. (zstandard with the whole new file as its dictionary was measured first: without its long
matching, which does not reach into dictionaries, a 10 MB file gave 6 MB.) Changes no file but the
temp it is given.
"""

from __future__ import annotations

import mmap
import struct
from contextlib import contextmanager
from typing import TYPE_CHECKING

import zstandard

from organizer.errors import CannotWrite

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    Bytes = bytes | mmap.mmap

# Both files are in the address space at once, and a patch may have to hold all of the smaller one.
LARGEST = 256 << 20

_MAGIC = b"OP1"
_STEP = struct.Struct("<QQI")  # copy: offset and length in the new file; then so many inserted bytes
_NEEDLE = 32  # a run shared by chance is shorter than this
_COMPARED = 1 << 20
_NEAR = 1 << 16
_MISSES = 64  # searches of the whole file before a stretch is taken for new


def check_size(path: Path, size: int) -> None:
    """Refuse a file whose patch could not be kept within bounds."""
    if size > LARGEST:
        raise CannotWrite(
            f"{path.name} is too large to be tagged ({size >> 20} MB, the limit is {LARGEST >> 20} MB)",
            path=path,
            hint="Use a sidecar for it instead",
        )


def between(*, old: Path, new: Path) -> bytes:
    """Make the patch that turns the bytes of `new` back into those of `old`."""
    with _mapped(old) as old_bytes, _mapped(new) as new_bytes:
        return make(old_bytes, new_bytes)


def write_restored(temp: Path, *, new: Path, patch: bytes) -> None:
    """Write into `temp` what `patch` makes of the bytes of `new`."""
    with _mapped(new) as new_bytes, temp.open("wb") as file:
        for piece in pieces(new_bytes, patch, path=new):
            file.write(piece)


def make(old: Bytes, new: Bytes) -> bytes:
    steps: list[bytes] = []
    inserted = bytearray()
    copied = (0, 0)
    at, expected, misses, missed = 0, 0, 0, 0
    while at < len(old):
        found, misses = _find(new, old[at : at + _NEEDLE], expected, misses)
        if found < 0:
            # The longer nothing is found, the wider the steps: a run is then begun a few bytes late.
            step = min(1 + missed // 256, _NEEDLE)
            inserted += old[at : at + step]
            at += step
            missed += 1
            continue
        steps.append(_STEP.pack(*copied, len(inserted)) + bytes(inserted))
        inserted.clear()
        copied = (found, _common(old, at, new, found))
        at += copied[1]
        expected, missed = sum(copied), 0
    steps.append(_STEP.pack(*copied, len(inserted)) + bytes(inserted))
    return _MAGIC + zstandard.ZstdCompressor(level=9, write_checksum=True).compress(b"".join(steps))


def pieces(new: Bytes, patch: bytes, *, path: Path | None = None) -> Iterator[bytes]:
    """Give the old bytes, piece by piece."""
    damaged = CannotWrite("The patch that restores this file is damaged", path=path)
    if not patch.startswith(_MAGIC):
        raise damaged
    try:
        steps = zstandard.ZstdDecompressor().decompress(patch[len(_MAGIC) :])
    except zstandard.ZstdError as error:
        raise damaged from error
    at = 0
    while at < len(steps):
        offset, length, inserted = _STEP.unpack_from(steps, at)
        at += _STEP.size
        for start in range(offset, offset + length, _COMPARED):
            yield new[start : min(start + _COMPARED, offset + length)]
        yield steps[at : at + inserted]
        at += inserted


def _find(new: Bytes, needle: bytes, expected: int, misses: int) -> tuple[int, int]:
    """Look for a run: where it should be, near it, then (a bounded number of times) anywhere."""
    if new[expected : expected + len(needle)] == needle:
        return expected, misses
    if len(needle) < _NEEDLE:
        return -1, misses
    found = new.find(needle, expected, expected + _NEAR)
    if found < 0:
        found = new.find(needle, max(0, expected - _NEAR), expected)
    if found < 0 and misses < _MISSES:
        return new.find(needle), misses + 1
    return found, misses


def _common(old: Bytes, at: int, new: Bytes, found: int) -> int:
    """Count how many bytes two files agree from here on."""
    length, limit = 0, min(len(old) - at, len(new) - found)
    size = _NEEDLE
    while length < limit:
        size = min(size, limit - length)
        start, other = at + length, found + length
        if old[start : start + size] == new[other : other + size]:
            length += size
            size = min(size * 2, _COMPARED)
        elif size == 1:
            break
        else:
            size //= 2
    return length


@contextmanager
def _mapped(path: Path) -> Iterator[Bytes]:
    with path.open("rb") as file:
        if file.seek(0, 2) == 0:
            yield b""
            return
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as found:
            yield found
