"""Walks the chunks of WAV and AIFF files. It reads what a caller asks for, never more than the file holds."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from io import FileIO

_MOST_CHUNKS = 512
_LARGE = 0xFFFFFFFF  # RF64 and streamed WAV: the true size stands elsewhere, or nowhere


@dataclass(frozen=True, slots=True)
class Chunk:
    name: bytes
    offset: int  # of the payload
    claimed: int  # the payload's size as its header says
    size: int  # what of it is there

    @property
    def cut(self) -> bool:
        return self.size < self.claimed and self.claimed != _LARGE

    def read(self, file: FileIO, *, most: int) -> bytes:
        """Read the beginning of the payload, at most `most` bytes."""
        file.seek(self.offset)
        return file.read(min(self.size, most)) or b""


@dataclass(frozen=True, slots=True)
class Chunks:
    order: Literal["little", "big"]
    found: tuple[Chunk, ...]

    def first(self, name: bytes) -> Chunk | None:
        return next((chunk for chunk in self.found if chunk.name == name), None)


def walk(file: FileIO) -> Chunks | None:
    """List the top-level chunks of a RIFF, RIFX, RF64 or FORM file; None for any other file."""
    file.seek(0)
    head = file.read(12) or b""
    if len(head) < 12 or head[:4] not in (b"RIFF", b"RIFX", b"RF64", b"FORM"):
        return None
    order: Literal["little", "big"] = "little" if head[:4] in (b"RIFF", b"RF64") else "big"
    end = os.fstat(file.fileno()).st_size
    found: list[Chunk] = []
    offset = 12
    while len(found) < _MOST_CHUNKS and offset + 8 <= end:
        file.seek(offset)
        head = file.read(8) or b""
        if len(head) < 8:
            break
        claimed = int.from_bytes(head[4:], order)
        size = min(claimed, end - offset - 8)
        found.append(Chunk(head[:4], offset + 8, claimed, size))
        offset += 8 + claimed + claimed % 2
    return Chunks(order, tuple(found))
