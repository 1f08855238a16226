"""A file as libarchive reads it: no exception of ours can pass through the library.

It may be busy with one member for long, even where that is only skipped, but never without reading.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from organizer.stopping import Stopped

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import FileIO

    from organizer.stopping import Stop

_NO_SUCH_PLACE = -30  # libarchive's word for what cannot be mended


class Stream:
    """A file that seems to end where it is time to stop, or where the disk fails."""

    def __init__(self, file: FileIO, stop: Stop) -> None:
        self._file = file
        self._stop = stop
        self._at = 0
        self.ended: Exception | None = None  # why, where it was before its end

    def readinto(self, buffer: bytearray) -> int:
        if self.ended is None and self._stop():
            self.ended = Stopped()
        try:
            return 0 if self.ended is not None else self._file.readinto(buffer) or 0
        except OSError as error:
            self.ended = error
            return 0

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> None:
        try:
            self._at = self._file.seek(offset, whence)
        except (OSError, OverflowError):
            self._at = _NO_SUCH_PLACE

    def tell(self) -> int:
        return self._at


@contextmanager
def asking(file: FileIO, stop: Stop) -> Iterator[Stream]:
    """Give a file to read from, and raise `Stopped`, or what the disk said, where that was its end."""
    stream = Stream(file, stop)
    try:
        yield stream
    except Exception:
        if stream.ended is None:
            raise
    if stream.ended is not None:
        raise stream.ended
