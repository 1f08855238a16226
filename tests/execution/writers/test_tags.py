"""Tags in every format: written, kept, added to, replaced, and never at the cost of the sound."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import mutagen
import pytest
import soundfile
from mutagen import id3
from mutagen.aiff import AIFF
from mutagen.mp3 import MP3
from mutagen.wave import WAVE

from organizer.demo import sounds
from organizer.errors import CannotWrite
from organizer.execution.writers import patch, tags
from organizer.recognition.identity import sound_id
from organizer.recognition.metadata import read_metadata

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FORMATS: dict[str, dict[str, str]] = {
    "wav": {"subtype": "PCM_24"},
    "float.wav": {"subtype": "FLOAT"},
    "aiff": {"subtype": "PCM_16"},
    "mp3": {},
    "flac": {"subtype": "PCM_24"},
    "ogg": {"subtype": "VORBIS"},
    "opus": {"format": "OGG", "subtype": "OPUS"},
}
ALL = {name: f"the {name}" for name in tags.FIELDS if name != "bpm"} | {"bpm": "120"}
UMLAUT = "Größe – 大"


@pytest.fixture(params=FORMATS)
def sound(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / f"sound.{request.param}"
    rate = 48_000 if "opus" in request.param else 44_100
    soundfile.write(path, sounds.kick(seconds=0.3), rate, **FORMATS[request.param])
    # Under a name that tells nothing, as the temporary copy has.
    return path.rename(tmp_path / ".organizer-0123456789abcdef.tmp")


def read(path: Path) -> Mapping[str, list[str]]:
    """Read tags by their names in Vorbis comments, whatever the format."""
    with path.open("rb") as file:
        head = file.read(4)
    kinds: dict[bytes, Any] = {b"RIFF": WAVE, b"FORM": AIFF, b"fLaC": mutagen.File, b"OggS": mutagen.File}
    audio: Any = kinds.get(head, MP3)(path)
    is_id3 = isinstance(audio.tags, id3.ID3)
    if not is_id3:
        return {name.upper(): list(values) for name, values in audio.tags.items()}
    names = {
        "TIT2": "TITLE", "TPE1": "ARTIST", "TALB": "ALBUM", "TCON": "GENRE",
        "TBPM": "BPM", "TKEY": "INITIALKEY", "TIT1": "GROUPING", "COMM": "COMMENT",
    }  # fmt: skip
    return {
        names.get(frame.FrameID) or frame.desc: [str(one) for one in frame.text]
        for frame in audio.tags.values()
        if hasattr(frame, "text")
    }


def test_every_field_is_written_and_the_sound_stays(sound: Path) -> None:
    before, name = sound.read_bytes(), sound_id(sound)
    tags.write(sound, ALL, "fill")
    found = read(sound)
    for field in ("title", "artist", "album", "genre", "comment", "grouping"):
        assert found[field.upper()] == [f"the {field}"]
    assert found["BPM"] == ["120"]
    assert found["INITIALKEY"] == ["the key"]
    for field in tags.OWN_FIELDS:
        assert found[f"ORGANIZER_{field.upper()}"] == [f"the {field}"]
    assert sound_id(sound) == name
    made = patch.make(before, sound.read_bytes())
    assert b"".join(patch.pieces(sound.read_bytes(), made)) == before
    assert len(made) < 1_500


def test_id3_is_of_version_2_3(tmp_path: Path) -> None:
    for suffix in ("wav", "aiff", "mp3"):
        path = tmp_path / f"a.{suffix}"
        soundfile.write(path, sounds.kick(seconds=0.1), 44_100)
        tags.write(path, {"title": UMLAUT}, "fill")
        raw = path.read_bytes()
        assert b"ID3\x03" in raw
        assert read(path)["TITLE"] == [UMLAUT]


def test_what_the_user_wrote_is_kept_added_to_or_replaced(sound: Path) -> None:
    tags.write(sound, {"comment": "mine", "label": "snare"}, "fill")
    tags.write(sound, {"comment": "new", "label": "kick", "genre": "Kick"}, "fill")
    found = read(sound)
    assert (found["COMMENT"], found["ORGANIZER_LABEL"], found["GENRE"]) == (["mine"], ["kick"], ["Kick"])

    tags.write(sound, {"comment": "new"}, "append")
    once = read(sound)["COMMENT"]
    assert once in (["mine; new"], ["mine", "new"])
    tags.write(sound, {"comment": "new"}, "append")
    assert read(sound)["COMMENT"] == once

    tags.write(sound, {"comment": "new"}, "replace")
    assert read(sound)["COMMENT"] == ["new"]


def test_writing_the_same_again_changes_no_byte(sound: Path) -> None:
    tags.write(sound, ALL, "fill")
    before = sound.read_bytes()
    tags.write(sound, ALL, "fill")
    assert sound.read_bytes() == before


def test_empty_and_impossible_values_are_left_out(sound: Path) -> None:
    tags.write(sound, {"title": "Gr\udcf6\0n", "album": "  "}, "fill")
    found = read(sound)
    assert found["TITLE"] == ["Gr?n"]
    assert "ALBUM" not in found


def test_a_field_that_does_not_exist_is_refused(sound: Path) -> None:
    before = sound.read_bytes()
    with pytest.raises(CannotWrite, match="no tag called 'genere'") as raised:
        tags.write(sound, {"genere": "Kick"}, "fill")
    assert "genre" in raised.value.hint
    assert sound.read_bytes() == before


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"RIFF\0\0\0\0WAVEfmt ",
        b"RIFF" + struct.pack("<I", 2**31) + b"WAVEfmt \x10\0\0\0",
        b"FORM\0\0\0\x04AIFF",
        b"fLaC" + b"\xff" * 50,
        b"OggS" + b"\0" * 30 + b"\x01vorbis",
        b"ID3\x03\0\0\x7f\x7f\x7f\x7f",
        b"RF64\xff\xff\xff\xffWAVE",
        b"\0\0\0\x18ftypM4A ",
        b"MThd\0\0\0\x06",
    ],
)
def test_what_cannot_be_tagged_is_said_in_a_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken"
    path.write_bytes(content)
    with pytest.raises(CannotWrite, match=r"^Tags cannot be written into") as raised:
        tags.write(path, {"title": "x"}, "fill")
    assert raised.value.hint


def test_what_we_wrote_is_no_evidence_when_it_is_heard_again(sound: Path) -> None:
    tags.write(
        sound, {"genre": "Snare", "comment": "snare", "bpm": "128", "key": "Am", "label": "snare"}, "fill"
    )
    metadata = read_metadata(sound)
    assert dict(metadata.texts) == {}
    assert (metadata.bpm, metadata.key) == (None, None)
