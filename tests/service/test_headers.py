from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile

from organizer.service.headers import whole

if TYPE_CHECKING:
    from pathlib import Path


def sound(format_: str) -> bytes:
    written = io.BytesIO()
    soundfile.write(written, np.zeros((500, 1), np.float32), 44100, format=format_)
    return written.getvalue()


def wave(*, riff: int | None = None, data: int | None = None, held: int = 200, tail: bytes = b"") -> bytes:
    """A WAV whose headers claim `riff` and `data` bytes while it holds `held` bytes of sound."""
    fmt = b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, 44100, 88200, 2, 16)
    body = b"WAVE" + fmt + b"data" + struct.pack("<I", held if data is None else data) + bytes(held) + tail
    return b"RIFF" + struct.pack("<I", len(body) if riff is None else riff) + body


def long_wave(*, data: int, held: int) -> bytes:
    ds64 = b"ds64" + struct.pack("<IQQQI", 28, 0, data, 0, 0)
    fmt = b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, 44100, 88200, 2, 16)
    return b"RF64\xff\xff\xff\xffWAVE" + ds64 + fmt + b"data\xff\xff\xff\xff" + bytes(held)


WHOLE = {
    "wav": sound("WAV"),
    "aiff": sound("AIFF"),
    "rf64": sound("RF64"),
    "flac": sound("FLAC"),
    "an odd number of bytes with no pad": wave(held=201),
    "no sound at all": wave(held=0),
    "tags behind the sound": wave(tail=b"LIST" + struct.pack("<I", 4) + b"INFO"),
    "litter behind the end": wave() + b"litter" * 20,
    "a long file by its 64-bit header": long_wave(data=300, held=300),
    "not audio at all": b"Hello, this is only text",
    "too short to be anything": b"RI",
}
RAGGED = {
    "nothing in it yet": b"",
    "wav cut in the sound": sound("WAV")[:-100],
    "wav cut in the header": sound("WAV")[:30],
    "aiff cut": sound("AIFF")[:-100],
    "streamed, length unknown": wave(riff=0xFFFFFFFF, data=0xFFFFFFFF),
    "streamed, length zero": wave(riff=0, data=0),
    "recording, length not written yet": wave(riff=36, data=0),
    "claims 4 GB": wave(riff=0xFFFFFFF0, data=0xFFFFFF00),
    "a long file cut": long_wave(data=9_000_000_000, held=300),
    "aiff with no length": b"FORM\0\0\0\0AIFF" + bytes(100),
}


@pytest.mark.parametrize("content", WHOLE.values(), ids=WHOLE.keys())
def test_a_file_that_holds_what_it_promises_is_whole(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    assert whole(path)


@pytest.mark.parametrize("content", RAGGED.values(), ids=RAGGED.keys())
def test_a_file_that_promises_more_is_not_whole(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    assert not whole(path)


def test_cuts_through_a_wav_are_noticed_wherever_they_are(tmp_path: Path) -> None:
    content, path = sound("WAV"), tmp_path / "cut.wav"
    for length in range(12, len(content) - 1, 7):
        path.write_bytes(content[:length])
        assert not whole(path), length


def test_a_file_that_cannot_be_read_is_not_waited_for(tmp_path: Path) -> None:
    assert whole(tmp_path / "missing.wav")
    assert whole(tmp_path)


def test_a_header_of_endless_chunks_is_given_up(tmp_path: Path) -> None:
    path = tmp_path / "chunks.wav"
    path.write_bytes(b"RIFF" + struct.pack("<I", 80_000) + b"WAVE" + (b"junk" + bytes(4)) * 10_000)
    assert whole(path)
