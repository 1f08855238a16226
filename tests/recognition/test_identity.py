from __future__ import annotations

import os
import struct
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import mutagen.aiff
import mutagen.apev2
import mutagen.flac
import mutagen.id3
import mutagen.mp3
import mutagen.oggopus
import mutagen.oggvorbis
import mutagen.wave
import numpy as np
import pytest
import soundfile

from organizer.demo import sounds
from organizer.errors import Unreachable, Unreadable
from organizer.recognition.identity import content_hash, sound_id

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    Write = Callable[..., Path]


def with_id3(kind: Callable[[Path], mutagen.FileType]) -> Callable[[Path, str], None]:
    def tag(path: Path, text: str) -> None:
        file: Any = kind(path)
        if file.tags is None:
            file.add_tags()
        title: Any = mutagen.id3.TIT2
        file.tags.setall("TIT2", [title(encoding=3, text=text)])
        file.save()

    return tag


def with_comment(kind: Callable[[Path], mutagen.FileType]) -> Callable[[Path, str], None]:
    def tag(path: Path, text: str) -> None:
        file = kind(path)
        file["title"] = text
        file.save()

    return tag


def with_ape(path: Path, text: str) -> None:
    kind: Any = mutagen.apev2.APEv2
    try:
        tags = kind(path)
    except mutagen.apev2.APENoHeaderError:
        tags = kind()
    tags["Title"] = text
    tags.save(path)


@pytest.mark.parametrize(
    ("name", "options", "tag"),
    [
        ("a.wav", {"subtype": "PCM_16"}, with_id3(mutagen.wave.WAVE)),
        ("a.wav", {"subtype": "PCM_24"}, with_id3(mutagen.wave.WAVE)),
        ("a.wav", {"subtype": "FLOAT"}, with_id3(mutagen.wave.WAVE)),
        ("a.aiff", {}, with_id3(mutagen.aiff.AIFF)),
        ("a.flac", {}, with_comment(mutagen.flac.FLAC)),
        ("a.ogg", {}, with_comment(mutagen.oggvorbis.OggVorbis)),
        ("a.opus", {"format": "OGG", "subtype": "OPUS"}, with_comment(mutagen.oggopus.OggOpus)),
        ("a.mp3", {}, with_id3(mutagen.mp3.MP3)),
        ("a.mp3", {}, with_ape),
    ],
)
@pytest.mark.parametrize("length", [3, 70_000])
def test_tags_change_the_bytes_and_not_the_sound(
    tmp_path: Path,
    write_sound: Write,
    name: str,
    options: dict[str, str],
    tag: Callable[[Path, str], None],
    length: int,
) -> None:
    path = write_sound(tmp_path / name, sounds.snare(), rate=48_000, **options)
    before, bytes_before = sound_id(path), content_hash(path)
    tag(path, "x" * length)
    assert content_hash(path) != bytes_before
    assert sound_id(path) == before
    tag(path, "y")
    assert sound_id(path) == before


def test_an_mp3_keeps_its_identity_under_old_tags_at_its_end(tmp_path: Path, write_sound: Write) -> None:
    path = write_sound(tmp_path / "a.mp3")
    before = sound_id(path)
    with path.open("ab") as file:
        file.write(b"LYRICSBEGIN" + b"la" * 10 + b"000031LYRICS200")
        file.write(b"TAG" + b"\0" * 125)
    assert sound_id(path) == before


def test_lossless_formats_agree_on_the_same_samples(tmp_path: Path, write_sound: Write) -> None:
    wave = (np.stack([sounds.kick(), sounds.kick(start=200.0)], axis=1) * 32_767).astype(np.int16)
    names = ("a.wav", "a.aiff", "a.flac", "a.caf", "a.w64")
    ids = {sound_id(write_sound(tmp_path / name, wave, subtype="PCM_16")) for name in names}
    assert len(ids) == 1
    assert ids.pop().startswith("pcm:")


def test_sixteen_bits_widened_to_twenty_four_are_the_same_sound(tmp_path: Path) -> None:
    samples = (sounds.kick() * 32_767).astype(np.int16)
    soundfile.write(tmp_path / "16.wav", samples, 44_100, subtype="PCM_16")
    soundfile.write(tmp_path / "24.wav", samples.astype(np.int32) << 16, 44_100, subtype="PCM_24")
    assert sound_id(tmp_path / "16.wav") == sound_id(tmp_path / "24.wav")


@pytest.mark.parametrize(
    ("wave", "rate"),
    [(sounds.snare(), 44_100), (sounds.kick(), 48_000), (np.stack([sounds.kick()] * 2, axis=1), 44_100)],
)
def test_other_samples_rates_and_channels_are_other_sounds(
    tmp_path: Path, write_sound: Write, wave: NDArray[np.float32], rate: int
) -> None:
    kick, other = write_sound(tmp_path / "kick.wav"), write_sound(tmp_path / "other.wav", wave, rate=rate)
    assert sound_id(kick) != sound_id(other)


def test_floats_are_told_apart_beyond_twenty_four_bits(tmp_path: Path) -> None:
    wave = sounds.kick()
    soundfile.write(tmp_path / "a.wav", wave, 44_100, subtype="FLOAT")
    wave[100] = np.nextafter(wave[100], np.float32(1))
    soundfile.write(tmp_path / "b.wav", wave, 44_100, subtype="FLOAT")
    assert sound_id(tmp_path / "a.wav") != sound_id(tmp_path / "b.wav")


def test_two_takes_of_coded_audio_are_two_sounds(tmp_path: Path, write_sound: Write) -> None:
    for suffix in ("mp3", "ogg"):
        a = write_sound(tmp_path / f"a.{suffix}")
        b = write_sound(tmp_path / f"b.{suffix}", sounds.snare())
        assert sound_id(a) != sound_id(b)


def test_media_data_alone_makes_the_identity_of_mpeg_4(tmp_path: Path) -> None:
    def atom(name: bytes, payload: bytes) -> bytes:
        return struct.pack(">I4s", len(payload) + 8, name) + payload

    start, media = atom(b"ftyp", b"M4A \0\0\0\0"), atom(b"mdat", bytes(range(256)))
    (tmp_path / "a.m4a").write_bytes(start + atom(b"moov", b"short") + media)
    (tmp_path / "b.m4a").write_bytes(start + media + atom(b"moov", b"longer tags"))
    (tmp_path / "c.m4a").write_bytes(start + atom(b"moov", b"short"))
    assert sound_id(tmp_path / "a.m4a") == sound_id(tmp_path / "b.m4a")
    with pytest.raises(Unreadable, match="no media data"):
        sound_id(tmp_path / "c.m4a")


def test_the_content_hash_is_of_all_bytes(tmp_path: Path) -> None:
    data = os.urandom(3_000_000)
    (tmp_path / "a.bin").write_bytes(data)
    assert content_hash(tmp_path / "a.bin") == f"b2:{blake2b(data, digest_size=16).hexdigest()}"


def test_what_is_not_there_is_unreachable_and_no_lasting_problem(tmp_path: Path) -> None:
    with pytest.raises(Unreachable) as caught:
        content_hash(tmp_path / "gone.wav")
    assert not caught.value.lasting
    assert caught.value.path == tmp_path / "gone.wav"


@pytest.mark.parametrize("ask", [content_hash, sound_id])
def test_folders_and_pipes_are_refused_without_waiting(tmp_path: Path, ask: Callable[[Path], str]) -> None:
    (tmp_path / "folder.wav").mkdir()
    os.mkfifo(tmp_path / "pipe.wav")
    for name in ("folder.wav", "pipe.wav"):
        with pytest.raises(Unreadable, match="not a file"):
            ask(tmp_path / name)
