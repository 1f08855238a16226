"""Whether the header of a WAV or AIFF file agrees with the file's size.

A file that is still being written, or was cut off, promises more than there is. This reads a few
headers, never the sound, and judges nothing else: what a file holds is not its business.
"""

from __future__ import annotations

import os
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_UNKNOWN = 0xFFFFFFFF  # what a streaming writer puts where it does not know the length yet
_MOST_CHUNKS = 64


def whole(path: Path) -> bool:
    """Say whether a file holds all that its header promises.

    An empty file does not. Formats without such a header, and files that cannot be read, count as
    whole: waiting would tell nothing more about them.
    """
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            start = file.read(12)
            if size == 0:
                return False
            form, kind = start[:4], start[8:12]
            if form in (b"RIFF", b"RF64", b"BW64"):
                return kind == b"WAVE" and _wave_is_whole(file, size=size, start=start)
            if form == b"FORM" and kind in (b"AIFF", b"AIFC"):
                length = int.from_bytes(start[4:8], "big")
                return 0 < length < _UNKNOWN and 8 + length <= size + 1
    except OSError:
        return True
    return True


def _wave_is_whole(file: IO[bytes], *, size: int, start: bytes) -> bool:
    riff_length = int.from_bytes(start[4:8], "little")
    long_data: int | None = None  # the true length of the data, where 32 bits cannot hold it
    position = 12
    for _ in range(_MOST_CHUNKS):
        file.seek(position)
        head = file.read(8)
        if len(head) < 8:
            return False  # ends before the sound begins
        name, length = head[:4], int.from_bytes(head[4:], "little")
        if name == b"ds64":
            sizes = file.read(16)
            if len(sizes) == 16:
                long_data = int.from_bytes(sizes[8:], "little")
        elif name == b"data":
            if length == _UNKNOWN and long_data is not None:
                length = long_data
            elif length == _UNKNOWN or riff_length == 0:
                return False
            follows = size - position - 8
            # A recorder writes the length when it is done: until then the sound has "no length".
            unfinished = length == 0 and follows > 0 and riff_length + 8 < size - 1
            return length <= follows and not unfinished
        position += 8 + length + (length & 1)
    return True
