"""The one door to audio on a disk: opens files and asks libsndfile, and translates what goes wrong.

It never blocks on what is no regular file, and never allocates by what a header claims. It decides
nothing about a sound.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager
from io import FileIO
from typing import TYPE_CHECKING, Any

import soundfile
from numpy.typing import NDArray

from organizer.errors import FileProblem, Unreachable, Unreadable, Unsupported

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Samples of shape (frames, channels): int32, float32 or float64, as was asked for.
Block = NDArray[Any]

# Samples (frames times channels) decoded at once.
BLOCK_SAMPLES = 1 << 16
# What a file may claim: 27 hours of stereo at 44.1 kHz. A few bytes of FLAC can stand for more, and would
# keep a thread busy for hours.
_MOST_SAMPLES = 1 << 33
# Frames decoded at once where a file is damaged: what is left in a block that fails is lost.
_LAST_FRAMES = 256

_NEVER_AUDIO = (errno.ELOOP, errno.ENXIO, errno.EISDIR)
# SF_ERR_UNSUPPORTED_ENCODING and SFE_UNIMPLEMENTED of libsndfile.
_UNSUPPORTED_ENCODING = (4, 18)


@contextmanager
def open_regular(path: Path) -> Iterator[FileIO]:
    """Open a regular file for reading, or say why not.

    The file is opened without blocking and looked at afterwards, so that a FIFO or a device under an
    audio suffix can never make us wait, whatever happens between a look and an open.
    """
    flags = os.O_RDONLY
    for name in ("O_NONBLOCK", "O_CLOEXEC", "O_BINARY", "O_NOCTTY"):  # each exists on some systems only
        flags |= getattr(os, name, 0)
    try:
        with FileIO(os.open(path, flags), "rb", closefd=True) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise _not_a_file(path)
            yield file
    except FileProblem:
        raise
    except OSError as error:
        if error.errno in _NEVER_AUDIO:
            raise _not_a_file(path) from error
        reason = error.strerror or str(error)
        raise Unreachable(
            f"the file cannot be read just now: {reason}", path=path, hint=_HINTS.get(error.errno or 0, "")
        ) from error


_HINTS = {
    errno.EACCES: "Give yourself the right to read it.",
    errno.EPERM: "Give yourself the right to read it.",
    errno.ENOENT: "It was moved or removed, or is a link to something that is gone.",
    errno.EIO: "Check the disk that it lies on.",
}


def _not_a_file(path: Path) -> Unreadable:
    return Unreadable(
        "this is a folder, link or device, not a file", path=path, hint="Rename it, or remove it."
    )


@contextmanager
def open_sound(file: FileIO, path: Path) -> Iterator[soundfile.SoundFile]:
    """Let libsndfile look at an open file.

    It is given the descriptor, not the name, so that it believes the content alone: by its name it
    would take any bytes called `.au` or `.snd` for headerless audio.
    """
    file.seek(0)
    try:
        sound = soundfile.SoundFile(file.fileno(), closefd=False)
    except soundfile.LibsndfileError as error:
        said = error.error_string.rstrip(".")
        if error.code in _UNSUPPORTED_ENCODING:
            raise Unsupported(
                f"the file holds audio in an encoding that cannot be decoded here ({said})",
                path=path,
                hint="Convert it to WAV or FLAC.",
            ) from error
        raise Unreadable(
            f"the file is not audio that can be decoded ({said})",
            path=path,
            hint="Play it elsewhere; if that fails too, download or export it again.",
        ) from error
    with sound:
        if sound.frames * sound.channels > _MOST_SAMPLES:
            hours = sound.frames / max(1, sound.samplerate) / 3600
            raise Unreadable(
                f"the file claims to last {hours:,.0f} hours",
                path=path,
                hint="Its header is damaged; if it is not, cut the recording into parts.",
            )
        yield sound


def blocks(sound: soundfile.SoundFile, dtype: str) -> Iterator[Block]:
    """Decode from where `sound` stands to where it ends, or to where the decoder gives up.

    Yields arrays of shape (frames, channels), at most `BLOCK_SAMPLES` samples each: what a header
    claims is never allocated.
    """
    frames = max(1, BLOCK_SAMPLES // sound.channels)
    place = sound.tell()
    while True:
        try:
            block = sound.read(frames, dtype=dtype, always_2d=True)
        except soundfile.LibsndfileError:
            if frames <= _LAST_FRAMES or not _back_to(sound, place):
                return  # damaged from here on; the caller sees that it got less than was claimed
            frames = _LAST_FRAMES
            continue
        if not len(block):
            return
        place += len(block)
        yield block


def _back_to(sound: soundfile.SoundFile, place: int) -> bool:
    try:
        return bool(sound.seek(place) == place)
    except soundfile.LibsndfileError:
        return False
