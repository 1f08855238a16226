"""Tags inside audio files: ID3v2.3 in WAV, AIFF and MP3, Vorbis comments in FLAC and Ogg (Vorbis, Opus).

Wraps mutagen. Owns the names of the fields and how they are spelt in each format. It only ever changes
the temporary copy that it is given; whether that copy may take the file's place is decided elsewhere.

    field                ID3            Vorbis comment
    title                TIT2           TITLE
    artist               TPE1           ARTIST
    album                TALB           ALBUM
    genre                TCON           GENRE
    comment              COMM           COMMENT
    bpm                  TBPM           BPM
    key                  TKEY           INITIALKEY
    grouping             TIT1           GROUPING
    label, category, confidence, kind, model: what Organizer heard, always under its own prefix,
                         TXXX:ORGANIZER_LABEL ...          ORGANIZER_LABEL ...
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mutagen import MutagenError, id3
from mutagen.aiff import AIFF
from mutagen.flac import FLAC
from mutagen.mp3 import MP3
from mutagen.oggopus import OggOpus
from mutagen.oggvorbis import OggVorbis
from mutagen.wave import WAVE

from organizer.errors import CannotWrite

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from organizer.planning.operations import TagMode

OWN_PREFIX = "ORGANIZER_"
OWN_FIELDS = ("label", "category", "confidence", "kind", "model")

_ID3_FRAMES: dict[str, Any] = {
    "title": id3.TIT2,
    "artist": id3.TPE1,
    "album": id3.TALB,
    "genre": id3.TCON,
    "bpm": id3.TBPM,
    "key": id3.TKEY,
    "grouping": id3.TIT1,
}
_VORBIS_NAMES = {
    "title": "TITLE",
    "artist": "ARTIST",
    "album": "ALBUM",
    "genre": "GENRE",
    "comment": "COMMENT",
    "bpm": "BPM",
    "key": "INITIALKEY",
    "grouping": "GROUPING",
}
FIELDS = (*_VORBIS_NAMES, *OWN_FIELDS)

# mutagen is half annotated; what it gives is taken as it comes.
_WAVE: Any = WAVE
_AIFF: Any = AIFF
_MP3: Any = MP3
_FLAC: Any = FLAC
_OGG_OPUS: Any = OggOpus
_OGG_VORBIS: Any = OggVorbis
_TXXX: Any = id3.TXXX
_COMM: Any = id3.COMM

_UTF16 = 1  # the one encoding of ID3v2.3 that holds every character


def write(path: Path, values: Mapping[str, str], mode: TagMode) -> None:
    """Write tags into the file at `path`, keeping what the user wrote as `mode` says.

    `fill` writes only fields that are empty, `append` adds to what is there, `replace` puts the new
    value in its place. Fields under our own prefix are always put in place of their older values.
    Raises `CannotWrite` where the format has no place for tags, or is not what it seems.
    """
    unknown = [name for name in values if name not in FIELDS]
    if unknown:
        raise CannotWrite(
            f"There is no tag called {unknown[0]!r}", path=path, hint=f"The tags are: {', '.join(FIELDS)}"
        )
    clean = {name: _clean(value) for name, value in values.items()}
    clean = {name: value for name, value in clean.items() if value}
    try:
        audio = _open(path)
        if audio.tags is None:
            audio.add_tags()
        is_id3 = isinstance(audio, (_WAVE, _AIFF, _MP3))
        set_one = _set_id3 if is_id3 else _set_vorbis
        changes = [set_one(audio.tags, name, value, mode) for name, value in clean.items()]
        if not any(changes):
            return
        if is_id3:
            audio.tags.update_to_v23()
            audio.save(v2_version=3)
        else:
            audio.save()
    except (CannotWrite, OSError):
        raise
    except Exception as error:
        # Damaged files make mutagen fail in many ways; whichever it is, only the temporary copy has suffered.
        disk = _disk_error(error)
        if disk is not None:
            raise disk from error
        raise CannotWrite(
            f"Tags cannot be written into this file: {error or type(error).__name__}",
            path=path,
            hint="Use a sidecar for it instead",
        ) from error


def _open(path: Path) -> Any:
    with path.open("rb") as file:
        head = file.read(64)
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return _WAVE(path)
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return _AIFF(path)
    if head[:4] == b"fLaC":
        return _FLAC(path)
    if head[:4] == b"OggS" and b"OpusHead" in head:
        return _OGG_OPUS(path)
    if head[:4] == b"OggS" and b"\x01vorbis" in head:
        return _OGG_VORBIS(path)
    if head[:3] == b"ID3" or (head[:1] == b"\xff" and head[1:2] >= b"\xe0"):
        return _MP3(path)
    raise CannotWrite(
        "Tags cannot be written into files of this format", path=path, hint="Use a sidecar for it instead"
    )


def _set_id3(tags: Any, name: str, value: str, mode: TagMode) -> bool:
    """Set one field; say whether anything changed."""
    if name in OWN_FIELDS:
        frame = _TXXX(encoding=_UTF16, desc=OWN_PREFIX + name.upper(), text=[value])
        if tags.get(frame.HashKey) == frame:
            return False
        tags.add(frame)
        return True
    if name == "comment":
        frames = [frame for frame in tags.getall("COMM") if not frame.desc]
    else:
        frames = tags.getall(_ID3_FRAMES[name].__name__)
    text = _merged([text for frame in frames for text in frame.text if text], value, mode)
    if text is None:
        return False
    if name == "comment":
        for frame in frames:
            tags.delall(frame.HashKey)
        # One comment, as most players show only the first.
        tags.add(_COMM(encoding=_UTF16, lang="eng", desc="", text=["; ".join(text)]))
    else:
        tags.setall(_ID3_FRAMES[name].__name__, [_ID3_FRAMES[name](encoding=_UTF16, text=text)])
    return True


def _set_vorbis(tags: Any, name: str, value: str, mode: TagMode) -> bool:
    """Set one field; say whether anything changed."""
    key = OWN_PREFIX + name.upper() if name in OWN_FIELDS else _VORBIS_NAMES[name]
    present = [one for one in tags.get(key, []) if one]
    text = _merged(present, value, "replace" if name in OWN_FIELDS else mode)
    if text is None:
        return False
    tags[key] = text
    return True


def _merged(present: list[str], value: str, mode: TagMode) -> list[str] | None:
    """Give the values to write, None where the file is to stay as it is."""
    if not present:
        return [value]
    if mode == "fill" or present == [value]:
        return None
    if mode == "append":
        # A comment of ours that was added before is part of one joined text.
        return None if any(value in one.split("; ") for one in present) else [*present, value]
    return [value]


def _clean(value: str) -> str:
    """Take out what no tag can hold: NUL, and the bytes of names that are not UTF-8."""
    return value.replace("\0", "").encode("utf-8", "replace").decode("utf-8").strip()


def _disk_error(error: BaseException | None) -> OSError | None:
    """Find what the disk answered, under the exceptions that mutagen wraps around it."""
    while error is not None:
        if isinstance(error, OSError) and error.errno is not None:
            return error
        nested = error.args[0] if isinstance(error, MutagenError) and error.args else None
        if isinstance(nested, OSError) and nested.errno is not None:
            return nested
        error = error.__cause__ or error.__context__
    return None
