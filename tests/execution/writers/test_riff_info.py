"""LIST/INFO: what was there stays, and every other chunk as it is."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import mutagen
import pytest
import soundfile
from mutagen import id3

from organizer.demo import sounds
from organizer.errors import CannotWrite
from organizer.execution.writers import riff_info, tags

if TYPE_CHECKING:
    from pathlib import Path

    from organizer.planning.operations import TagMode

Chunks = list[tuple[bytes, bytes]]
SOUND: Chunks = [(b"fmt ", struct.pack("<HHIIHH", 1, 1, 44_100, 88_200, 2, 16)), (b"data", b"\1\0" * 50)]


def riff(chunks: Chunks, *, behind: bytes = b"") -> bytes:
    body = b"".join(
        name + struct.pack("<I", len(payload)) + payload + b"\0" * (len(payload) % 2)
        for name, payload in chunks
    )
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body + behind


def chunks_of(path: Path) -> Chunks:
    raw = path.read_bytes()
    assert int.from_bytes(raw[4:8], "little") + 8 <= len(raw)
    found, offset, end = [], 12, 8 + int.from_bytes(raw[4:8], "little")
    while offset < end:
        size = int.from_bytes(raw[offset + 4 : offset + 8], "little")
        found.append((raw[offset : offset + 4], raw[offset + 8 : offset + 8 + size]))
        offset += 8 + size + size % 2
    return found


def info(*entries: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
    body = b"".join(
        name + struct.pack("<I", len(text)) + text + b"\0" * (len(text) % 2) for name, text in entries
    )
    return b"LIST", b"INFO" + body


def test_a_list_is_made_behind_everything_else(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    others: Chunks = [*SOUND, (b"acid", b"\2" * 24), (b"smpl", b"\3" * 36), (b"bext", b"\4" * 603)]
    path.write_bytes(riff(others))
    assert riff_info.write(path, {"genre": "Kick", "comment": "Größe"}, "fill")
    assert chunks_of(path) == [*others, info((b"IGNR", b"Kick\0"), (b"ICMT", "Größe\0".encode()))]
    soundfile.info(path)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_list_that_is_there_is_kept_where_it_is_and_filled(tmp_path: Path, place: int) -> None:
    path = tmp_path / "a.wav"
    chunks = list(SOUND)
    chunks.insert(place + 0, info((b"ISFT", b"Lavf\0\0"), (b"IGNR", b"Mine\0")))
    path.write_bytes(riff(chunks, behind=b"junk behind"))
    assert riff_info.write(path, {"genre": "Kick", "title": "One"}, "fill")
    wanted = list(SOUND)
    wanted.insert(place, info((b"ISFT", b"Lavf\0\0"), (b"IGNR", b"Mine\0"), (b"INAM", b"One\0")))
    assert chunks_of(path) == wanted
    assert path.read_bytes().endswith(b"junk behind")


@pytest.mark.parametrize(
    ("mode", "genre"), [("fill", b"Mine\0"), ("append", b"Mine; Kick\0"), ("replace", b"Kick\0")]
)
def test_what_the_user_wrote_is_kept_added_to_or_replaced(
    tmp_path: Path, mode: TagMode, genre: bytes
) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(riff([info((b"IGNR", b"Mine\0"), (b"ICRD", b"1999\0")), *SOUND]))
    changed = riff_info.write(path, {"genre": "Kick"}, mode)
    assert changed == (mode != "fill")
    assert chunks_of(path) == [info((b"IGNR", genre), (b"ICRD", b"1999\0")), *SOUND]
    before = path.read_bytes()
    assert not riff_info.write(path, {"genre": "Kick"}, mode)
    assert path.read_bytes() == before


def test_an_empty_entry_counts_as_none_and_a_shorter_value_makes_the_file_shorter(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(riff([info((b"IGNR", b"\0\0\0\0")), *SOUND]))
    riff_info.write(path, {"genre": "A long genre"}, "fill")
    longer = path.stat().st_size
    riff_info.write(path, {"genre": "B"}, "replace")
    assert path.stat().st_size == longer - 12
    assert chunks_of(path) == [info((b"IGNR", b"B\0")), *SOUND]


def test_a_last_chunk_of_odd_size_without_its_pad_byte_stays_readable(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    raw = riff([*SOUND, (b"note", b"odd")])[:-1]
    path.write_bytes(raw[:4] + struct.pack("<I", len(raw) - 8) + raw[8:])
    riff_info.write(path, {"genre": "Kick"}, "fill")
    assert chunks_of(path) == [*SOUND, (b"note", b"odd"), info((b"IGNR", b"Kick\0"))]


def test_a_large_file_is_shifted_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    data = bytes(range(256)) * 20_000
    path.write_bytes(riff([SOUND[0], info((b"ISFT", b"x\0")), (b"data", data)]))
    riff_info.write(path, {"comment": "c" * 333}, "fill")
    assert chunks_of(path)[2] == (b"data", data)


@pytest.mark.parametrize(
    "raw",
    [
        b"RIFF\0\0\0\0WAVE" + riff(SOUND)[12:],
        riff(SOUND)[:-10],
        b"RF64" + riff(SOUND)[4:],
        riff([*SOUND, (b"LIST", b"INFOIGNR\xff\xff\xff\x7f")]),
        b"",
    ],
    ids=["no size", "cut short", "RF64", "a broken list", "empty"],
)
def test_what_is_not_as_its_header_says_is_refused_and_left_alone(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(raw)
    with pytest.raises(CannotWrite, match="chunks are not as its header says"):
        riff_info.write(path, {"genre": "Kick"}, "fill")
    assert path.read_bytes() == raw


def test_real_files_of_another_library_are_read_back_by_it(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    with soundfile.SoundFile(path, "w", 44_100, 1, "PCM_16") as file:
        file.title, file.comment = "Theirs", "kept"
        file.write(sounds.kick(seconds=0.1))
    riff_info.write(path, {"title": "Ours", "genre": "Kick"}, "fill")
    with soundfile.SoundFile(path) as file:
        assert (file.title, file.comment, file.genre) == ("Theirs", "kept", "Kick")


def test_what_the_user_wrote_in_either_place_holds_for_both(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(riff([*SOUND, info((b"INAM", b"Mine\0"))]))
    tags.write(path, {"title": "Ours", "genre": "Kick"}, "fill")
    written = mutagen.File(path)
    assert written is not None
    assert "TIT2" not in written.tags
    assert str(written.tags["TCON"]) == "Kick"
    album: Any = id3.TALB  # mutagen leaves it untyped
    written.tags.add(album(encoding=3, text=["My album"]))
    written.save()
    tags.write(path, {"album": "Ours"}, "fill")
    assert riff_info.fields_of(path) == {"title", "genre"}
