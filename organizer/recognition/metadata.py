"""Reads what others wrote into a file or beside it, as evidence.

ACID and sampler chunks, INFO, bext, ID3, comments, Apple Loops, and the tags of Ableton Live.

It reads only, never raises for broken metadata (it notes it), and reads no more than a few megabytes of
it. ID3 is read here and not by mutagen, which would inflate compressed frames without a limit.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING

import mutagen

from organizer import musical
from organizer.errors import FileProblem
from organizer.recognition import ableton, apple_loops, chunks, id3
from organizer.recognition.names import kind_in, labels_in
from organizer.recognition.opening import open_regular
from organizer.sample import METADATA_FIELDS, Evidence, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import FileIO
    from pathlib import Path

    from organizer.recognition.vocabulary import Vocabulary

_MOST_BYTES = 4 << 20  # of the head of a file, or of a tag
_MOST_TEXT = 1_000  # characters of one field
_ACID = struct.Struct("<IHHfIHHf")  # flags, root, ?, ?, beats, meter below, meter above, tempo
_ACID_ONESHOT, _ACID_ROOT_SET = 1, 2
_INFO = {
    b"INAM": "title",
    b"IART": "artist",
    b"IPRD": "album",
    b"IGNR": "genre",
    b"IKEY": "keywords",
    b"ICMT": "comment",
    b"ISBJ": "subject",
    b"IBPM": "bpm",
}
_COMMENTS = {
    "title": "title",
    "©nam": "title",
    "artist": "artist",
    "©art": "artist",
    "album": "album",
    "©alb": "album",
    "genre": "genre",
    "©gen": "genre",
    "grouping": "keywords",
    "©grp": "keywords",
    "keywords": "keywords",
    "comment": "comment",
    "©cmt": "comment",
    "description": "description",
    "desc": "description",
    "bpm": "bpm",
    "tempo": "bpm",
    "tmpo": "bpm",
    "initialkey": "key",
    "key": "key",
    "----:com.apple.itunes:initialkey": "key",
    "organizer_wrote": "wrote",
    "----:com.apple.itunes:organizer_wrote": "wrote",
}  # fmt: skip

# How the writer of tags calls what is read here under another name.
_FIELDS_WROTE = {"grouping": "keywords"}
# The order in which texts are asked for words: the tersest first.
_TEXTS = ("title", "keywords", "genre", "subject", "description", "comment")
# Probabilities of what a chunk claims. One-shot flags are set on purpose; beats are often left over.
_FLAGGED, _BEATS_FIT, _BEATS_ONLY = 0.92, 0.95, 0.6
_FIT = 0.05  # how far beats at that tempo may be from the duration, relative


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """What a file says about itself. None and empty: it does not say."""

    oneshot: bool = False  # flagged as one in an ACID chunk or an Apple Loop
    loop: bool = False  # flagged as one in an Apple Loop
    beats: int | None = None
    bpm: float | None = None
    key: str | None = None
    root: int | None = None  # MIDI note of a sampler chunk, which many programs fill in blindly
    texts: Mapping[str, str] = field(default_factory=dict)  # title, genre, keywords, comment, ...
    tags: tuple[str, ...] = ()  # of Ableton Live: `Drums|Kick`
    notes: tuple[str, ...] = ()  # what could not be read

    @property
    def fields(self) -> Mapping[str, str]:
        """Give what is said in words, for rules to ask about."""
        said = {name: text for name, text in self.texts.items() if name in METADATA_FIELDS}
        if self.bpm is not None:
            said["bpm"] = f"{self.bpm:g}"
        if self.key is not None:
            said["key"] = self.key
        if self.tags:
            said["live"] = "\n".join(self.tags)
        return said


def read_metadata(path: Path) -> Metadata:
    """Read all that is understood of a file's metadata; what is broken is noted and left out."""
    found = _Found()
    try:
        with open_regular(path) as file:
            _read(file, found)
    except FileProblem as error:
        found.notes.append(error.message)
    except Exception as error:  # a broken tag may make mutagen raise anything; metadata is only evidence
        found.notes.append(f"metadata cannot be read ({error or type(error).__name__})")
    try:
        found.live(ableton.live_tags(path))
    except FileProblem as error:
        found.notes.append(f"the tags of Ableton Live beside it: {error.message}")
    except Exception as error:  # hostile XML may raise whatever its parser knows
        found.notes.append(
            f"the tags of Ableton Live beside it cannot be read ({error or type(error).__name__})"
        )
    return found.metadata()


def hear_metadata(metadata: Metadata, vocabulary: Vocabulary, *, duration: float) -> Evidence:
    """Weigh what a file says about itself; `duration` in seconds."""
    reasons: list[str] = []
    kinds = _kinds(metadata, duration, reasons)
    labels: Mapping[str, float] = {}
    for text, reason in _said(metadata):
        if not labels and (labels := labels_in(text, vocabulary)):
            reasons.append(reason)
        if not kinds and (said := kind_in(text, vocabulary)):
            kinds = _of_kind(Kind(said[0]), said[1])
            reasons.append(reason)
    return Evidence(
        source="metadata",
        labels=labels,
        kinds=kinds,
        bpm=None if metadata.oneshot else metadata.bpm or _tempo_of(metadata, duration),
        key=metadata.key,
        reasons=tuple(dict.fromkeys(reasons)),
    )


def _said(metadata: Metadata) -> Iterator[tuple[str, str]]:
    """Give what may hold words, the most telling first, and how to name it."""
    for tag in metadata.tags:
        for part in reversed(tag.split("|")):  # from the narrowest to the widest
            yield part, f"its tag in Ableton Live is “{tag}”"
    for name in _TEXTS:
        text = metadata.texts.get(name, "")
        yield text, f"its {name} is “{text[:60]}”"


def _tempo_of(metadata: Metadata, duration: float) -> float | None:
    """Say how fast a loop must be that counts its beats and names no tempo, as Apple Loops do."""
    if not (metadata.loop and metadata.beats and duration > 0.0):
        return None
    return musical.tempo(metadata.beats * 60 / duration)


def _kinds(metadata: Metadata, duration: float, reasons: list[str]) -> dict[str, float]:
    if metadata.oneshot:
        reasons.append("it is flagged as a one-shot (ACID or Apple Loops)")
        return _of_kind(Kind.ONESHOT, _FLAGGED)
    if metadata.loop:
        reasons.append("it is flagged as an Apple Loop")
        return _of_kind(Kind.LOOP, _FLAGGED)
    if metadata.beats and metadata.beats >= 2 and metadata.bpm:
        reasons.append(f"its ACID chunk counts {metadata.beats} beats at {metadata.bpm:g} BPM")
        fits = abs(metadata.beats * 60 / metadata.bpm - duration) <= _FIT * duration
        return _of_kind(Kind.LOOP, _BEATS_FIT if fits else _BEATS_ONLY)
    return {}


def _of_kind(kind: Kind, share: float) -> dict[str, float]:
    other = Kind.LOOP if kind is Kind.ONESHOT else Kind.ONESHOT
    return {kind.value: share, other.value: 1 - share}


class _Found:
    """Gathers fields as they come; the first to name a thing is believed."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.notes: list[str] = []
        self.tags: tuple[str, ...] = ()
        self.oneshot = False
        self.loop = False
        self.beats: int | None = None
        self.bpm: float | None = None
        self.key: str | None = None
        self.root: int | None = None

    def text(self, name: str, value: str) -> None:
        value = " ".join(value.replace("\0", " ").split())[:_MOST_TEXT]
        if value:
            self.texts.setdefault(name, value)

    def apple_loop(self, said: apple_loops.AppleLoop) -> None:
        self.beats = said.beats or self.beats
        self.key = said.key or self.key
        if said.loop is not None:
            self.loop, self.oneshot = said.loop, not said.loop
        self.text("subject", said.words)

    def live(self, tags: tuple[str, ...]) -> None:
        self.tags = tags
        says = dict(tag.split("|", 1) for tag in tags if tag.count("|") == 1 and not tag.startswith("Key|M"))
        if "Key" in says:
            self.text("key", says["Key"] + ("m" if "Key|Minor" in tags else ""))

    def metadata(self) -> Metadata:
        # What Organizer wrote itself is no evidence: it would confirm its own guesses.
        ours = {_FIELDS_WROTE.get(name, name) for name in self.texts.get("wrote", "").split("; ")}
        texts = {name: text for name, text in self.texts.items() if name not in ours | {"wrote"}}
        bpm, key = texts.pop("bpm", ""), texts.pop("key", "")
        return Metadata(
            oneshot=self.oneshot,
            loop=self.loop,
            beats=self.beats,
            bpm=self.bpm or musical.tempo(bpm),
            key=musical.key(key) or self.key,
            root=self.root,
            texts=texts,
            tags=self.tags,
            notes=tuple(self.notes),
        )


def _read(file: FileIO, found: _Found) -> None:
    riff = chunks.walk(file)
    if riff is not None:
        for chunk in riff.found:
            try:
                _read_chunk(chunk, file, found)
            except (struct.error, ValueError) as error:
                found.notes.append(f"its {chunk.name.decode('latin-1').strip()} chunk is broken ({error})")
        return
    file.seek(0)
    head = file.read(_MOST_BYTES) or b""
    if apple_loops.is_caf(head):
        if said := apple_loops.from_caf(file):
            found.apple_loop(said)
        return
    if head.startswith(b"ID3"):
        _read_id3(head, found)
        return
    tags = getattr(mutagen.File(BytesIO(head)), "tags", None)
    for name, value in _pairs(tags):
        known = _COMMENTS.get(name.lower())
        if known:
            found.text(known, value)


def _pairs(tags: object) -> Iterator[tuple[str, str]]:
    """List the fields of Vorbis comments, MP4 atoms or an APE tag, whichever `tags` are."""
    if isinstance(tags, list):  # Vorbis comments: to ask one for a name is to look through all of them
        yield from ((str(name), str(value)) for name, value in tags)
        return
    if not hasattr(tags, "keys"):
        return
    for name in list(tags.keys()):
        value = tags[name]  # type: ignore[index]  # mutagen is untyped; all its tags are mappings
        first = value[0] if isinstance(value, list) and value else value
        yield str(name), first.decode("utf-8", "replace") if isinstance(first, bytes) else str(first)


def _read_chunk(chunk: chunks.Chunk, file: FileIO, found: _Found) -> None:
    match chunk.name:
        case b"acid":
            flags, root, _, _, beats, _, _, tempo = _ACID.unpack(chunk.read(file, most=_ACID.size))
            found.oneshot = bool(flags & _ACID_ONESHOT)
            found.beats = beats if 0 < beats < 10_000 else None
            found.bpm = musical.tempo(tempo)
            if flags & _ACID_ROOT_SET and 0 < root < 128:
                found.key = musical.note(root)
        case b"smpl":
            (root,) = struct.unpack_from("<I", chunk.read(file, most=36), 12)
            found.root = root if 0 < root < 128 else None
        case b"LIST":
            _read_info(chunk.read(file, most=_MOST_BYTES), found)
        case b"bext":
            found.text("description", _decode(chunk.read(file, most=256).split(b"\0", 1)[0]))
        case b"basc":
            found.apple_loop(apple_loops.from_basc(chunk.read(file, most=84)))
        case b"NAME":
            found.text("title", _decode(chunk.read(file, most=_MOST_TEXT)))
        case b"ANNO":
            found.text("comment", _decode(chunk.read(file, most=_MOST_TEXT)))
        case b"id3 " | b"ID3 ":
            _read_id3(chunk.read(file, most=_MOST_BYTES), found)


def _read_info(payload: bytes, found: _Found) -> None:
    if not payload.startswith(b"INFO"):
        return
    offset = 4
    while offset + 8 <= len(payload):
        name, size = struct.unpack_from("<4sI", payload, offset)
        if name in _INFO:
            value = payload[offset + 8 : offset + 8 + min(size, 4 * _MOST_TEXT)]
            found.text(_INFO[name], _decode(value.split(b"\0", 1)[0]))
        offset += 8 + size + size % 2


def _read_id3(tag: bytes, found: _Found) -> None:
    for name, value in id3.texts(tag):
        found.text(name, value)


def _decode(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace")
