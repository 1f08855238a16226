from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Any

import mutagen.aiff
import mutagen.flac
import mutagen.id3
import mutagen.mp3
import mutagen.oggvorbis
import mutagen.wave
import pytest

from organizer.recognition import id3
from organizer.recognition.metadata import Metadata, hear_metadata, read_metadata
from organizer.recognition.vocabulary import Vocabulary
from organizer.sample import Evidence

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Write = Callable[..., Path]

VOCABULARY = Vocabulary.load()


def chunk(name: bytes, payload: bytes) -> bytes:
    return name + struct.pack("<I", len(payload)) + payload + b"\0" * (len(payload) % 2)


def acid(*, flags: int, root: int = 0, beats: int = 0, tempo: float = 120.0) -> bytes:
    return chunk(b"acid", struct.pack("<IHHfIHHf", flags, root, 0x8000, 0.0, beats, 4, 4, tempo))


def smpl(root: int) -> bytes:
    return chunk(b"smpl", struct.pack("<9I", 0, 0, 22_675, root, 0, 0, 0, 0, 0))


def info(**fields: str) -> bytes:
    return chunk(
        b"LIST", b"INFO" + b"".join(chunk(k.encode(), v.encode() + b"\0") for k, v in fields.items())
    )


def with_chunks(path: Path, *chunks: bytes) -> Path:
    data = path.read_bytes() + b"".join(chunks)
    path.write_bytes(data[:4] + struct.pack("<I", len(data) - 8) + data[8:])
    return path


def hear(metadata: Metadata, duration: float = 0.5) -> Evidence:
    return hear_metadata(metadata, VOCABULARY, duration=duration)


def test_a_plain_file_says_nothing(tmp_path: Path, write_sound: Write) -> None:
    for name in ("a.wav", "a.aiff", "a.flac", "a.mp3"):
        metadata = read_metadata(write_sound(tmp_path / name))
        assert metadata == Metadata()
        assert hear(metadata) == Evidence(source="metadata")


def test_an_acid_one_shot_is_one(tmp_path: Path, write_sound: Write) -> None:
    path = with_chunks(write_sound(tmp_path / "a.wav"), acid(flags=3, root=57, beats=4))
    metadata = read_metadata(path)
    assert (metadata.oneshot, metadata.key) == (True, "A")
    heard = hear(metadata)
    assert heard.kinds["oneshot"] > 0.9
    assert heard.bpm is None
    assert heard.reasons == ("it is flagged as a one-shot (ACID or Apple Loops)",)


def test_acid_beats_that_fit_the_duration_make_a_loop(tmp_path: Path, write_sound: Write) -> None:
    metadata = read_metadata(
        with_chunks(write_sound(tmp_path / "a.wav"), acid(flags=0, beats=8, tempo=120.0))
    )
    fitting, not_fitting = hear(metadata, 4.0), hear(metadata, 1.3)
    assert fitting.kinds["loop"] > 0.9
    assert fitting.bpm == 120.0
    assert fitting.reasons == ("its ACID chunk counts 8 beats at 120 BPM",)
    assert 0.5 < not_fitting.kinds["loop"] < 0.7


@pytest.mark.parametrize("tempo", [0.0, -3.0, float("nan"), float("inf"), 1e30])
def test_an_acid_tempo_that_no_music_has_is_none(tmp_path: Path, write_sound: Write, tempo: float) -> None:
    metadata = read_metadata(
        with_chunks(write_sound(tmp_path / "a.wav"), acid(flags=0, beats=8, tempo=tempo))
    )
    assert metadata.bpm is None
    assert hear(metadata).kinds == {}


def test_sampler_root_info_and_description_are_read(tmp_path: Path, write_sound: Write) -> None:
    path = with_chunks(
        write_sound(tmp_path / "a.wav"),
        smpl(48),
        info(INAM="Big Kick", IGNR="Techno", ICMT="from my 909"),
        chunk(b"bext", b"A drum".ljust(602, b"\0")),
    )
    metadata = read_metadata(path)
    assert metadata.root == 48
    assert metadata.texts == {
        "title": "Big Kick", "genre": "Techno", "comment": "from my 909", "description": "A drum"
    }  # fmt: skip
    heard = hear(metadata)
    assert heard.labels["kick"] > 0.8
    assert heard.reasons == ("its title is “Big Kick”",)


@pytest.mark.parametrize("name", ["a.wav", "a.aiff", "a.mp3"])
@pytest.mark.parametrize("version", [3, 4])
def test_id3_is_read_in_every_container(tmp_path: Path, write_sound: Write, name: str, version: int) -> None:
    path = write_sound(tmp_path / name)
    kinds: Any = {"a.wav": mutagen.wave.WAVE, "a.aiff": mutagen.aiff.AIFF, "a.mp3": mutagen.mp3.MP3}
    frames: Any = mutagen.id3
    file = kinds[name](path)
    file.add_tags()
    for frame in (
        frames.TIT2(encoding=1, text="Snäre 7"),
        frames.TCON(encoding=3, text="Snare"),
        frames.COMM(encoding=1, lang="eng", desc="note", text="one shot"),
        frames.TBPM(encoding=0, text="98"),
        frames.TKEY(encoding=0, text="F#m"),
        frames.APIC(encoding=0, mime="image/png", data=b"x" * 50_000),
    ):
        file.tags.add(frame)
    file.save(v2_version=version)
    metadata = read_metadata(path)
    assert metadata.texts == {"title": "Snäre 7", "genre": "Snare", "comment": "one shot"}
    assert (metadata.bpm, metadata.key) == (98.0, "F#m")
    heard = hear(metadata)
    assert heard.labels["snare"] > 0.8
    assert heard.kinds["oneshot"] > 0.7


@pytest.mark.parametrize(
    ("name", "kind"), [("a.flac", mutagen.flac.FLAC), ("a.ogg", mutagen.oggvorbis.OggVorbis)]
)
def test_vorbis_comments_are_read(tmp_path: Path, write_sound: Write, name: str, kind: Any) -> None:
    path = write_sound(tmp_path / name)
    file = kind(path)
    file["TITLE"], file["Genre"], file["BPM"], file["INITIALKEY"] = "Open Hat", "House", "124", "8A"
    file.save()
    metadata = read_metadata(path)
    assert metadata.texts == {"title": "Open Hat", "genre": "House"}
    assert (metadata.bpm, metadata.key) == (124.0, "Am")
    assert hear(metadata).labels["hat_open"] > 0.8


def test_a_genre_is_no_instrument() -> None:
    assert hear(Metadata(texts={"genre": "Drum & Bass"})).labels == {}


def test_broken_chunks_are_noted_and_the_others_read(tmp_path: Path, write_sound: Write) -> None:
    path = with_chunks(write_sound(tmp_path / "a.wav"), chunk(b"acid", b"short"), smpl(40))
    metadata = read_metadata(path)
    assert metadata.root == 40
    assert len(metadata.notes) == 1
    assert metadata.notes[0].startswith("its acid chunk is broken")


def test_hostile_sizes_stay_within_the_file(tmp_path: Path, write_sound: Write) -> None:
    hostile = (
        info(INAM="Clap")
        + b"LIST"
        + struct.pack("<I", 0xFFFFFFF0)
        + b"INFOICMT"
        + struct.pack("<I", 0xFFFFFFFF)
    )
    metadata = read_metadata(with_chunks(write_sound(tmp_path / "a.wav"), hostile))
    assert metadata.texts == {"title": "Clap"}


def test_compressed_frames_are_not_inflated() -> None:
    bomb = zlib.compress(b"\3" + b"k" * 1_000_000)
    frame = b"TIT2" + struct.pack(">IH", len(bomb), 0x0080) + bomb
    plain = b"TCON" + struct.pack(">IH", 6, 0) + b"\3Snare"
    body = frame + plain
    size = bytes(len(body) >> shift & 0x7F for shift in (21, 14, 7, 0))
    assert list(id3.texts(b"ID3\3\0\0" + size + body)) == [("genre", "Snare")]


def test_what_is_not_there_is_noted(tmp_path: Path) -> None:
    assert read_metadata(tmp_path / "gone.wav").notes
