"""Decodes the beginning of an audio file and gathers the facts that are certain about all of it.

Memory stays bounded whatever a header claims, and a file of an hour costs no more memory than one of
half a minute. Nothing here says what a sound is.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from organizer.errors import Unreadable
from organizer.pack import FOREIGN_AUDIO_SUFFIXES
from organizer.recognition import chunks, coded
from organizer.recognition.foreign import decode_foreign
from organizer.recognition.identity import hash_bytes, hash_coded, hash_samples
from organizer.recognition.loudness import loudness_of
from organizer.recognition.opening import BLOCK_SAMPLES, blocks, open_regular, open_sound
from organizer.recognition.waveform import LOUDEST
from organizer.sample import Facts
from organizer.stopping import never

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import FileIO
    from pathlib import Path

    import soundfile

    from organizer.recognition.opening import Block
    from organizer.stopping import Stop

# Samples (frames times channels) of a beginning that are kept at most: 64 MB of float32.
_MOST_SAMPLES = 1 << 24
_RATES = range(1_000, 1_000_001)
_FORMATS = {"wavex": "wav", "rf64": "wav", "oga": "ogg"}
_BITS = {"PCM_S8": 8, "PCM_U8": 8, "ULAW": 8, "ALAW": 8, "FLOAT": 32, "DOUBLE": 64}
_LASTING_HINT = "Play it elsewhere; if that fails too, download or export it again."


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """The beginning of a sound, and what is known about all of it.

    `wave` is float32 of shape (frames, channels), finite, full scale 1.0.
    """

    wave: NDArray[np.float32]
    facts: Facts

    @property
    def samplerate(self) -> int:
        return self.facts.samplerate


def read(path: Path, *, seconds: float, ffmpeg: str = "ffmpeg", stop: Stop = never) -> Decoded:
    """Decode at most the first `seconds` of a file.

    The peak in the facts is of the whole sound in lossless formats, whose samples are all read for the
    sound's identity anyway, and of the beginning in lossy ones. `ffmpeg` names the program that formats
    foreign to libsndfile are given to. Raises `Unreachable`, `Unreadable` or `Unsupported`, `Stopped` when
    asked to stop.
    """
    with open_regular(path) as file:
        if not os.fstat(file.fileno()).st_size:
            raise Unreadable("the file is empty", path=path, hint="Download or export it again.")
        content = hash_bytes(file, stop)
        form = coded.form_of(file)
        if form in (coded.Form.MP4, coded.Form.ASF) or path.suffix.lower() in FOREIGN_AUDIO_SUFFIXES:
            return _read_foreign(file, path, form, content, seconds=seconds, ffmpeg=ffmpeg, stop=stop)
        with open_sound(file, path) as sound:
            _check_header(sound, path)
            beginning = _Beginning(sound.samplerate, sound.channels, seconds)
            if form is None:
                sound_id = hash_samples(sound, beginning.take, stop=stop)
                whole = True
            else:
                beginning.take_until_full(blocks(sound, "float32"))
                whole = not beginning.full
                sound_id = hash_coded(file, form, path, stop)
            return _decoded(sound, beginning, file, path, content, sound_id, whole=whole)


def _check_header(sound: soundfile.SoundFile, path: Path) -> None:
    if sound.samplerate not in _RATES:
        raise Unreadable(
            f"the file claims a sample rate of {sound.samplerate} Hz",
            path=path,
            hint="Its header is damaged.",
        )
    if sound.channels < 1:
        raise Unreadable("the file claims to have no channels", path=path, hint="Its header is damaged.")


def _decoded(
    sound: soundfile.SoundFile,
    beginning: _Beginning,
    file: FileIO,
    path: Path,
    content: str,
    sound_id: str,
    *,
    whole: bool,
) -> Decoded:
    wave = beginning.wave()
    if not len(wave):
        raise Unreadable("the file has no sound in it", path=path, hint=_LASTING_HINT)
    frames = beginning.frames if whole else max(sound.frames, beginning.frames)
    claimed = max(sound.frames, frames) + _cut_frames(file, sound)
    form = sound.format.lower()
    facts = Facts(
        format="opus" if sound.subtype == "OPUS" else _FORMATS.get(form, form),
        samplerate=sound.samplerate,
        channels=sound.channels,
        bits=_bits(sound.subtype),
        duration=frames / sound.samplerate,
        peak=beginning.peak_db,
        loudness=loudness_of(wave, sound.samplerate),
        content_hash=content,
        sound_id=sound_id,
        warnings=beginning.warnings(missing=claimed - frames),
    )
    return Decoded(wave=wave, facts=facts)


def _bits(subtype: str) -> int | None:
    """Give the size of a sample: 24 for `PCM_24` and `ALAC_24`, None for what has no fixed size."""
    last = subtype.rpartition("_")[2]
    return _BITS.get(subtype, int(last) if subtype.startswith(("PCM_", "ALAC_")) and last.isdigit() else None)


def _cut_frames(file: FileIO, sound: soundfile.SoundFile) -> int:
    """Count the frames that a WAV or AIFF header promises beyond the end of the file."""
    found = chunks.walk(file)
    data = found and (found.first(b"data") or found.first(b"SSND"))
    if not data or not data.cut or not data.size or not sound.frames:
        return 0
    frames: int = sound.frames
    return round(frames * (data.claimed - data.size) / data.size)


class _Beginning:
    """Listens to the blocks of a sound: keeps the first seconds, measures the rest."""

    def __init__(self, samplerate: int, channels: int, seconds: float) -> None:
        self.samplerate = samplerate
        self.frames = 0
        self._wanted = max(1, min(int(seconds * samplerate), _MOST_SAMPLES // channels))
        self._channels = channels
        self._kept: list[NDArray[np.float32]] = []
        self._have = 0
        self._peak = 0.0
        self._not_numbers = 0

    @property
    def full(self) -> bool:
        return self._have >= self._wanted

    def take(self, block: Block) -> None:
        """Take in the next block, whose shape is (frames, channels), of int32 or a float type."""
        self.frames += len(block)
        if block.dtype == np.int32:
            self._peak = max(self._peak, -float(block.min()) / 2**31, float(block.max()) / 2**31)
        elif np.isfinite(block).all():
            self._peak = max(self._peak, float(-block.min()), float(block.max()))
        else:
            bad = ~np.isfinite(block)
            self._not_numbers += int(bad.sum())
            block = np.where(bad, 0, block)
            self._peak = max(self._peak, float(np.abs(block).max()))
        if not self.full:
            part = block[: self._wanted - self._have]
            scale = np.float32(2.0**-31 if block.dtype == np.int32 else 1.0)
            with np.errstate(over="ignore"):  # a double beyond float32 is no sound; `wave` cleans it
                self._kept.append(part.astype(np.float32) * scale)
            self._have += len(part)

    def take_until_full(self, sound_blocks: Iterator[Block]) -> None:
        for block in sound_blocks:
            self.take(block)
            if self.full:
                return

    def wave(self) -> NDArray[np.float32]:
        if not self._kept:
            return np.zeros((0, self._channels), np.float32)
        wave = self._kept[0] if len(self._kept) == 1 else np.concatenate(self._kept)
        clean = np.nan_to_num(wave, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
        return np.clip(clean, -LOUDEST, LOUDEST, out=clean)

    @property
    def peak_db(self) -> float | None:
        return 20 * float(np.log10(self._peak)) if self._peak > 0 else None

    def warnings(self, *, missing: int) -> tuple[str, ...]:
        found = []
        if missing > 0:
            found.append(f"ends {_span(missing / self.samplerate)} before its header says")
        if self._not_numbers:
            found.append(f"{self._not_numbers} of its samples are not numbers, and are taken as silence")
        return tuple(found)


def _span(seconds: float) -> str:
    if seconds >= 3600:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds:.1f} s" if seconds >= 0.1 else f"{1000 * seconds:.0f} ms"


def _read_foreign(
    file: FileIO,
    path: Path,
    form: coded.Form | None,
    content: str,
    *,
    seconds: float,
    ffmpeg: str,
    stop: Stop,
) -> Decoded:
    told = decode_foreign(path, seconds=seconds, ffmpeg=ffmpeg, stop=stop)
    beginning = _Beginning(told.samplerate, told.wave.shape[1], seconds)
    for start in range(0, len(told.wave), BLOCK_SAMPLES):
        beginning.take(told.wave[start : start + BLOCK_SAMPLES])
    wave = beginning.wave()
    if not len(wave):
        raise Unreadable("the file has no sound in it", path=path, hint=_LASTING_HINT)
    facts = Facts(
        format=path.suffix.lower().removeprefix(".") or "mp4",
        samplerate=told.samplerate,
        channels=wave.shape[1],
        bits=None,
        duration=max(told.duration or 0.0, len(wave) / told.samplerate),
        peak=beginning.peak_db,
        loudness=loudness_of(wave, told.samplerate),
        content_hash=content,
        sound_id=hash_coded(file, form or coded.Form.STREAM, path, stop),
        warnings=beginning.warnings(missing=0),
    )
    return Decoded(wave=wave, facts=facts)
