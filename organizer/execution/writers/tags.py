"""Tags inside audio files: one family of tags a class, with how its fields are spelt there.

Wraps mutagen. It only ever changes the temporary copy that it is given; whether that copy may take the file's
place is decided elsewhere. WAV gets a LIST/INFO beside its ID3.

    field      ID3v2.3 (WAV, AIFF, MP3)   Vorbis comment (FLAC, Ogg, Opus)   MP4 (M4A)
    title      TIT2                       TITLE                              ©nam
    artist     TPE1                       ARTIST                             ©ART
    album      TALB                       ALBUM                              ©alb
    genre      TCON                       GENRE                              ©gen
    comment    COMM                       COMMENT                            ©cmt
    bpm        TBPM (whole number)        BPM                                tmpo (whole number)
    key        TKEY                       INITIALKEY                         ----:com.apple.iTunes:initialkey
    grouping   TIT1                       GROUPING                           ©grp
    label, category, confidence, kind, model: what Organizer heard, always under its own prefix,
               TXXX:ORGANIZER_LABEL       ORGANIZER_LABEL
               ----:com.apple.iTunes:ORGANIZER_LABEL
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from mutagen import MutagenError, id3
from mutagen.aiff import AIFF
from mutagen.flac import FLAC
from mutagen.mp3 import MP3
from mutagen.mp4 import MP4
from mutagen.oggopus import OggOpus
from mutagen.oggvorbis import OggVorbis
from mutagen.wave import WAVE

from organizer.errors import CannotWrite
from organizer.execution.writers import riff_info
from organizer.recognition import chunks
from organizer.recognition import id3 as read_id3

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from organizer.planning.operations import TagMode

OWN_PREFIX = "ORGANIZER_"
OWN_FIELDS = ("label", "category", "confidence", "kind", "model")
COMMON_FIELDS = ("title", "artist", "album", "genre", "comment", "bpm", "key", "grouping")
FIELDS = (*COMMON_FIELDS, *OWN_FIELDS)
WROTE = "wrote"  # which of the common fields are from us
_PREFIXED = (*OWN_FIELDS, WROTE)

# mutagen is half annotated; what it gives is taken as it comes.
_Opener = Any
_MOST_ID3 = 256 << 20
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
        _check_packed(path)
        tags = _open(path)
        if isinstance(tags, _Wave) and mode == "fill":
            # Two places for one thing: what the user wrote in either holds for both.
            told = riff_info.fields_of(path) | {name for name in riff_info.NAMES if tags.get(name)}
            clean = {name: value for name, value in clean.items() if name not in told}
        changed = [name for name, value in clean.items() if tags.set(name, value, mode)]
        if changed:
            # What we say of a sound must not be taken for what its maker says, when it is heard again.
            ours = {*"; ".join(tags.get(WROTE)).split("; "), *changed} & {*COMMON_FIELDS}
            if ours:
                tags.set(WROTE, "; ".join(sorted(ours)), "replace")
            tags.save()
        if isinstance(tags, _Wave) and clean:
            riff_info.write(path, {name: clean[name] for name in riff_info.NAMES if name in clean}, mode)
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


class _Tags(ABC):
    """The tags of one open file."""

    WHOLE_BPM = True  # whether a tempo must be a whole number

    def __init__(self, path: Path, opener: _Opener) -> None:
        self._audio = opener(path)
        if self._audio.tags is None:
            self._audio.add_tags()
        self._tags = self._audio.tags

    def set(self, name: str, value: str, mode: TagMode) -> bool:
        """Set one field; say whether anything changed."""
        text = _merged(self.get(name), self._fitting(name, value), "replace" if name in _PREFIXED else mode)
        if text is None:
            return False
        self._put(name, text)
        return True

    def save(self) -> None:
        self._audio.save()

    def _fitting(self, name: str, value: str) -> str:
        """Give a value as this family can hold it: most take tempi as whole numbers only."""
        return str(round(float(value))) if name == "bpm" and self.WHOLE_BPM and _is_number(value) else value

    @abstractmethod
    def get(self, name: str) -> list[str]: ...

    @abstractmethod
    def _put(self, name: str, values: list[str]) -> None: ...


class _Id3(_Tags):
    FRAMES: Mapping[str, Any] = {
        "title": id3.TIT2,
        "artist": id3.TPE1,
        "album": id3.TALB,
        "genre": id3.TCON,
        "bpm": id3.TBPM,
        "key": id3.TKEY,
        "grouping": id3.TIT1,
    }

    def save(self) -> None:
        self._tags.update_to_v23()
        self._audio.save(v2_version=3)

    def get(self, name: str) -> list[str]:
        return [str(text) for frame in self._frames(name) for text in frame.text if str(text)]

    def _frames(self, name: str) -> list[Any]:
        if name in _PREFIXED:
            return list(self._tags.getall(f"TXXX:{OWN_PREFIX}{name.upper()}"))
        if name == "comment":
            return [frame for frame in self._tags.getall("COMM") if not frame.desc]
        return list(self._tags.getall(self.FRAMES[name].__name__))

    def _put(self, name: str, values: list[str]) -> None:
        for frame in self._frames(name):
            self._tags.delall(frame.HashKey)
        if name in _PREFIXED:
            txxx: Any = id3.TXXX
            self._tags.add(txxx(encoding=_UTF16, desc=OWN_PREFIX + name.upper(), text=values))
        elif name == "comment":
            # One comment, as most players show only the first.
            comm: Any = id3.COMM
            self._tags.add(comm(encoding=_UTF16, lang="eng", desc="", text=["; ".join(values)]))
        else:
            self._tags.add(self.FRAMES[name](encoding=_UTF16, text=values))


class _Wave(_Id3):
    """ID3 in a chunk of its own."""


class _Vorbis(_Tags):
    WHOLE_BPM = False
    NAMES: Mapping[str, str] = {
        **{name: name.upper() for name in COMMON_FIELDS},
        "key": "INITIALKEY",
        **{name: OWN_PREFIX + name.upper() for name in _PREFIXED},
    }

    def get(self, name: str) -> list[str]:
        return [one for one in self._tags.get(self.NAMES[name], []) if one]

    def _put(self, name: str, values: list[str]) -> None:
        self._tags[self.NAMES[name]] = values


class _Mp4(_Tags):
    _FREE = "----:com.apple.iTunes:"
    NAMES: Mapping[str, str] = {
        "title": "\xa9nam",
        "artist": "\xa9ART",
        "album": "\xa9alb",
        "genre": "\xa9gen",
        "comment": "\xa9cmt",
        "bpm": "tmpo",
        "key": f"{_FREE}initialkey",
        "grouping": "\xa9grp",
    }

    def _name(self, name: str) -> str:
        return self.NAMES.get(name) or f"{self._FREE}{OWN_PREFIX}{name.upper()}"

    def get(self, name: str) -> list[str]:
        held = self._tags.get(self._name(name), [])
        return [one.decode("utf-8", "replace") if isinstance(one, bytes) else str(one) for one in held if one]

    def _put(self, name: str, values: list[str]) -> None:
        key = self._name(name)
        if name == "bpm":
            self._tags[key] = [int(values[-1])]
        elif key.startswith(self._FREE):
            self._tags[key] = [value.encode() for value in values]
        else:
            self._tags[key] = ["; ".join(values)]  # one, as most players show only the first


def _check_packed(path: Path) -> None:
    """Refuse ID3 that is packed: mutagen would inflate it to whatever it comes to."""
    with path.open("rb", buffering=0) as file:
        found = chunks.walk(file)
        if found is None:
            tags = [file.read(_MOST_ID3) if file.seek(0) == 0 else b""]
        else:
            tags = [one.read(file, most=_MOST_ID3) for one in found.found if one.name in (b"ID3 ", b"id3 ")]
    if any(read_id3.is_packed(tag) for tag in tags):
        raise CannotWrite(
            "Tags cannot be written into this file: those in it are packed",
            path=path,
            hint="Use a sidecar for it instead",
        )


def _open(path: Path) -> _Tags:
    with path.open("rb") as file:
        head = file.read(64)
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return _Wave(path, WAVE)
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return _Id3(path, AIFF)
    if head[:4] == b"fLaC":
        return _Vorbis(path, FLAC)
    if head[:4] == b"OggS" and b"OpusHead" in head:
        return _Vorbis(path, OggOpus)
    if head[:4] == b"OggS" and b"\x01vorbis" in head:
        return _Vorbis(path, OggVorbis)
    if head[4:8] == b"ftyp":
        return _Mp4(path, MP4)
    if head[:3] == b"ID3" or (head[:1] == b"\xff" and head[1:2] >= b"\xe0"):
        return _Id3(path, MP3)
    raise CannotWrite(
        "Tags cannot be written into files of this format", path=path, hint="Use a sidecar for it instead"
    )


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


def _is_number(value: str) -> bool:
    try:
        return 0 <= float(value) < 1e6
    except ValueError:
        return False


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
