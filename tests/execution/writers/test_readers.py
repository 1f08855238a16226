"""Tags as other programs read them: ffprobe, exiftool, mediainfo, soxi and kid3, each in every format it
knows."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile

from organizer.demo import sounds
from organizer.execution.writers import patch, tags
from organizer.recognition.identity import sound_id

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

FORMATS: dict[str, dict[str, str]] = {
    "wav": {"subtype": "PCM_24"},
    "aiff": {"subtype": "PCM_16"},
    "mp3": {},
    "flac": {"subtype": "PCM_24"},
    "ogg": {"subtype": "VORBIS"},
    "opus": {"format": "OGG", "subtype": "OPUS"},
    "m4a": {},
}
VALUES = {
    "title": "Trommel eins",
    "artist": "Jemand",
    "album": "Kit 9",
    "genre": "Kick Drum",
    "comment": "heard, not guessed",
    "bpm": "127.6",
    "key": "F#m",
    "grouping": "Drums",
    "label": "kick",
    "category": "kick",
    "confidence": "0.97",
    "kind": "oneshot",
    "model": "drums-x",
}


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=True, timeout=60)
    return done.stdout


def needed(program: str) -> str:
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"needs the program {program}")
    return found


def ffprobe(path: Path) -> str:
    return run(
        needed("ffprobe"), "-v", "error", "-of", "json", "-show_entries", "format_tags:stream_tags", str(path)
    )


def exiftool(path: Path) -> str:
    (told,) = json.loads(run(needed("exiftool"), "-json", "-a", "-G1", str(path)))
    return json.dumps(
        {name: value for name, value in told.items() if not name.startswith(("System", "File"))}
    )


def mediainfo(path: Path) -> str:
    told = json.loads(run(needed("mediainfo"), "--Output=JSON", str(path)))["media"]["track"][0]
    return json.dumps(told)


def soxi(path: Path) -> str:
    return run(needed("soxi"), "-a", str(path))


def kid3(path: Path) -> str:
    return run(needed("kid3-cli"), "-c", "get", str(path))


# What each reader shows of what is written; where it is less than all, that is the reader's own limit.
EVERYTHING = frozenset(VALUES)
COMMON = EVERYTHING - set(tags.OWN_FIELDS)
SHOWN: dict[Callable[[Path], str], dict[str, frozenset[str]]] = {
    # Of WAV it reads LIST/INFO alone, of MP4 no tempo.
    ffprobe: {**dict.fromkeys(FORMATS, EVERYTHING), "wav": COMMON - {"key"}, "m4a": EVERYTHING - {"bpm"}},
    # Of several free texts in ID3 it shows one.
    exiftool: {**dict.fromkeys(FORMATS, EVERYTHING), **dict.fromkeys(("wav", "aiff", "mp3"), COMMON)},
    mediainfo: dict.fromkeys(FORMATS, EVERYTHING),
    soxi: {"flac": EVERYTHING, "ogg": EVERYTHING, "mp3": frozenset({"title", "artist", "album", "genre"})},
    kid3: dict.fromkeys(FORMATS, EVERYTHING),
}
CASES = [(reader, suffix) for reader, formats in SHOWN.items() for suffix in formats]


def made(path: Path) -> Path:
    if path.suffix == ".m4a":
        wave = path.with_suffix(".wav")
        soundfile.write(wave, sounds.kick(seconds=0.4), 48_000)
        run(needed("ffmpeg"), "-v", "error", "-i", str(wave), "-c:a", "aac", str(path))
    else:
        soundfile.write(path, sounds.kick(seconds=0.4), 48_000, **FORMATS[path.suffix[1:]])
    return path


def decoded(path: Path) -> NDArray[np.int32]:
    """Decode by ffmpeg, which shares no code with us."""
    command = [needed("ffmpeg"), "-v", "error", "-i", str(path), "-f", "s32le", "-c:a", "pcm_s32le", "pipe:1"]
    done = subprocess.run(command, capture_output=True, check=True, timeout=60)
    return np.frombuffer(done.stdout, np.int32)


@pytest.mark.parametrize(("reader", "suffix"), CASES, ids=lambda one: getattr(one, "__name__", one))
def test_a_reader_shows_what_was_written(tmp_path: Path, reader: Callable[[Path], str], suffix: str) -> None:
    path = made(tmp_path / f"sound.{suffix}")
    tags.write(path, VALUES, "fill")
    told = reader(path)
    for field in SHOWN[reader][suffix]:
        # Most formats have room for a whole number only.
        wanted = "128" if field == "bpm" and suffix not in ("wav", "flac", "ogg", "opus") else VALUES[field]
        assert wanted in told or (field == "bpm" and "128" in told), f"{field}: {told}"


@pytest.mark.parametrize("suffix", FORMATS)
def test_the_file_still_plays_the_same_and_comes_back_byte_for_byte(tmp_path: Path, suffix: str) -> None:
    path = made(tmp_path / f"sound.{suffix}")
    before, samples, name = path.read_bytes(), decoded(path), sound_id(path)
    tags.write(path, VALUES, "fill")
    after = path.read_bytes()
    assert after != before
    assert np.array_equal(decoded(path), samples)
    assert sound_id(path) == name
    assert b"".join(patch.pieces(after, patch.make(before, after))) == before
