from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np
import pytest

from organizer.recognition.metadata import hear_metadata, read_metadata
from organizer.recognition.vocabulary import Vocabulary

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from organizer.sample import Evidence

    Write = Callable[..., Path]

TAGS = bytes.fromhex("29819273b5bf4aefb78d62d1ef90bb2c")


def basc(*, beats: int = 8, root: int = 57, scale: int = 1, flag: int = 0) -> bytes:
    return struct.pack(">IIHHHHH", 1, beats, root, scale, 4, 4, flag).ljust(84, b"\0")


def with_chunk(path: Path, name: bytes, payload: bytes) -> Path:
    data = path.read_bytes() + name + struct.pack(">I", len(payload)) + payload
    path.write_bytes(data[:4] + struct.pack(">I", len(data) - 8) + data[8:])
    return path


def pairs(**said: str) -> bytes:
    texts = [text for name, value in said.items() for text in (name.replace("_", " "), value)]
    return struct.pack(">I", len(said)) + b"".join(text.encode() + b"\0" for text in texts)


def caf(path: Path, *chunks: tuple[bytes, bytes]) -> Path:
    """Put chunks before the sound of a CAF file, whose last chunk may have no size."""
    data = path.read_bytes()
    added = b"".join(struct.pack(">4sq", name, len(payload)) + payload for name, payload in chunks)
    path.write_bytes(data[:8] + data[8:52] + added + data[52:])  # header and `desc`, then what is added
    return path


def hear(path: Path, duration: float) -> Evidence:
    return hear_metadata(read_metadata(path), Vocabulary.load(), duration=duration)


def test_a_loop_in_aiff_tells_kind_key_and_tempo(tmp_path: Path, write_sound: Write) -> None:
    path = with_chunk(write_sound(tmp_path / "a.aiff"), b"basc", basc())
    heard = hear(path, 4.0)
    assert heard.kinds["loop"] > 0.9
    assert (heard.bpm, heard.key) == (120.0, "Am")
    assert heard.reasons == ("it is flagged as an Apple Loop",)


def test_a_one_shot_in_aiff_has_no_tempo(tmp_path: Path, write_sound: Write) -> None:
    heard = hear(with_chunk(write_sound(tmp_path / "a.aiff"), b"basc", basc(scale=3, flag=2)), 4.0)
    assert heard.kinds["oneshot"] > 0.9
    assert (heard.bpm, heard.key) == (None, "A")


def test_a_flag_that_programs_disagree_about_says_nothing(tmp_path: Path, write_sound: Write) -> None:
    heard = hear(with_chunk(write_sound(tmp_path / "a.aiff"), b"basc", basc(flag=1)), 4.0)
    assert heard.kinds == {}
    assert heard.bpm is None


@pytest.mark.parametrize(
    "payload", [b"", b"short", basc(beats=2**31, root=60_000)], ids=["empty", "cut", "absurd"]
)
def test_absurd_values_and_cut_chunks_say_nothing(tmp_path: Path, write_sound: Write, payload: bytes) -> None:
    metadata = read_metadata(with_chunk(write_sound(tmp_path / "a.aiff"), b"basc", payload))
    assert (metadata.beats, metadata.key) == (None, None)
    assert len(metadata.notes) == (1 if len(payload) < 84 else 0)


def test_tags_in_caf_are_read(tmp_path: Path, write_sound: Write) -> None:
    wave = np.zeros(44_100, np.float32)
    said = pairs(
        category="Drums", subcategory="Shaker", beat_count="2", key_signature="F#", key_type="minor",
        descriptors="Grooving,Clean",
    )  # fmt: skip
    path = caf(write_sound(tmp_path / "a.caf", wave), (b"uuid", TAGS + said))
    heard = hear(path, 1.0)
    assert heard.labels["shaker"] > 0.8
    assert heard.kinds["loop"] > 0.9
    assert (heard.bpm, heard.key) == (120.0, "F#m")
    assert heard.reasons[-1] == "its subject is “Shaker, Drums, Grooving,Clean”"


@pytest.mark.parametrize(
    "chunks",
    [
        [(b"uuid", TAGS)],
        [(b"uuid", TAGS + b"\xff\xff\xff\xffno pairs")],
        [(b"uuid", b"another" + pairs(category="Kick"))],
        [(b"free", b"\0" * 100)],
        [],
    ],
    ids=["cut", "many", "other", "free", "none"],
)
def test_broken_and_other_chunks_of_caf_say_nothing(
    tmp_path: Path, write_sound: Write, chunks: list[tuple[bytes, bytes]]
) -> None:
    metadata = read_metadata(caf(write_sound(tmp_path / "a.caf"), *chunks))
    assert (metadata.beats, metadata.key, metadata.texts) == (None, None, {})


def test_sizes_beyond_the_file_are_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "a.caf"
    for size in (-1, 2**62, -(2**62)):
        path.write_bytes(b"caff\0\1\0\0" + struct.pack(">4sq", b"uuid", size) + TAGS)
        assert read_metadata(path).texts == {}
