"""Gives formats that libsndfile lacks (M4A, WMA, APE, ...) to ffmpeg, where it is installed.

The program gets no terminal, no network, a limit of time and a limit of output. It is never needed for
what libsndfile decodes.
"""

from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass
from io import BytesIO
from shutil import which
from typing import TYPE_CHECKING

import mutagen
import numpy as np
import soundfile
from mutagen.aac import AAC
from mutagen.ac3 import AC3
from mutagen.asf import ASF
from mutagen.monkeysaudio import MonkeysAudio
from mutagen.mp4 import MP4
from mutagen.musepack import Musepack
from mutagen.wavpack import WavPack
from numpy.typing import NDArray

from organizer.errors import Unreadable, Unsupported
from organizer.stopping import Stopped, never

if TYPE_CHECKING:
    from pathlib import Path

    from organizer.stopping import Stop


_TIMEOUT = 60.0  # seconds; half a minute of audio takes ffmpeg well under one
_ASKING = 0.2  # seconds between two questions whether to stop
_MOST_BYTES = 1 << 27  # of its output: 30 s of eight channels of float32 at 96 kHz are 92 MB


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What ffmpeg decoded. `wave` is float32 (frames, channels); `duration` in seconds, if known."""

    wave: NDArray[np.float32]
    samplerate: int
    duration: float | None


def decode_foreign(path: Path, *, seconds: float, ffmpeg: str, stop: Stop = never) -> Told:
    """Decode the first `seconds` of a file with ffmpeg.

    Raises `Unsupported` where there is no ffmpeg, `Unreadable` where it fails, `Stopped` when asked to stop.
    """
    program = which(ffmpeg)
    if program is None:
        raise Unsupported(
            f"the file is {path.suffix.lower().removeprefix('.') or 'MPEG-4'} audio, which needs ffmpeg",
            path=path,
            hint="Install ffmpeg, or convert the file to WAV or FLAC.",
        )
    raw = _run(program, path, seconds, stop)
    try:
        wave, samplerate = soundfile.read(BytesIO(raw), dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise Unreadable("the file could not be decoded by ffmpeg", path=path) from error
    return Told(wave=wave, samplerate=samplerate, duration=_duration(path))


def _run(program: str, path: Path, seconds: float, stop: Stop) -> bytes:
    limit = [
        f"{seconds:.3f}",
        "-map",
        "0:a:0",
        "-map_metadata",
        "-1",
        "-c:a",
        "pcm_f32le",
        "-fs",
        str(_MOST_BYTES),
    ]
    command = [program, "-nostdin", "-v", "error", "-protocol_whitelist", "file,pipe"]
    command += ["-i", f"file:{path.absolute()}", "-t", *limit, "-f", "wav", "pipe:1"]
    try:
        code, output, errors = _ended(command, stop)
    except subprocess.TimeoutExpired as error:
        raise Unreadable(
            "the file kept ffmpeg busy for too long", path=path, hint="It is likely damaged."
        ) from error
    except OSError as error:
        raise Unsupported(
            f"the file needs ffmpeg, which does not start: {error.strerror}",
            path=path,
            hint="Install ffmpeg anew.",
        ) from error
    if code or not output:
        said = errors.decode(errors="replace").strip().splitlines()
        raise Unreadable(
            f"the file could not be decoded by ffmpeg ({said[-1] if said else 'it gave no sound'})",
            path=path,
            hint="Play it elsewhere; if that fails too, download or export it again.",
        )
    return output


def _ended(command: list[str], stop: Stop) -> tuple[int, bytes, bytes]:
    """Run a program to its end; give its exit code, its output, and what it complained of.

    Raises OSError where it does not start, `TimeoutExpired`, and `Stopped`; it is then at its end as well.
    """
    ends = time.monotonic() + _TIMEOUT
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as program:
        try:
            while True:
                try:
                    output, errors = program.communicate(timeout=_ASKING)
                    return program.returncode, output, errors
                except subprocess.TimeoutExpired:
                    if stop():
                        raise Stopped from None
                    if time.monotonic() > ends:
                        raise
        finally:
            program.kill()  # does nothing where it is at its end


def _duration(path: Path) -> float | None:
    try:
        # None of those that load ID3: mutagen inflates what is packed in it, without a limit.
        file = mutagen.File(path, options=[MP4, ASF, AAC, AC3, MonkeysAudio, Musepack, WavPack])
    except Exception:  # mutagen raises whatever its parsers stumble over
        return None
    length = getattr(getattr(file, "info", None), "length", None)
    return float(length) if length else None
