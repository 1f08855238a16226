"""The values that travel along the way of one file. Frozen; nothing here opens a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import os


class Kind(StrEnum):
    """What a sample is as a piece of sound; separate from what it is a sound of."""

    ONESHOT = "oneshot"
    LOOP = "loop"
    LONG = "long"  # neither: songs, stems, recordings


# What a file may say of itself in words; `live` is what Ableton Live tagged it with.
METADATA_FIELDS = (
    "title", "artist", "album", "genre", "keywords", "subject", "description", "comment", "bpm", "key",
    "live",
)  # fmt: skip

# Where Ableton Live 12 keeps what it knows of the files of a folder, seen from there.
LIVE_PLACE = PurePosixPath("Ableton Folder Info/dc66a3fa-0fe1-5352-91cf-3ec237e9ee90.xmp")

# From here on a sample is `long`.
LONG_SECONDS = 30.0


class FileType(StrEnum):
    """What a file is, by its name alone."""

    AUDIO = "audio"
    MIDI = "midi"
    PRESET = "preset"
    DOCUMENT = "document"
    IMAGE = "image"
    ARCHIVE = "archive"
    PROJECT = "project"
    OTHER = "other"


_LATEST = (1 << 63) - 1  # nanoseconds since 1970: in the year 2262


@dataclass(frozen=True, slots=True)
class Stamp:
    """What tells that a file is still the one that was looked at, without reading it."""

    size: int
    mtime_ns: int
    inode: int
    device: int
    mode: int = field(default=0, compare=False)  # to be given back; 0: nobody looked

    @classmethod
    def of(cls, stat: os.stat_result) -> Stamp:
        # Some disks tell of times that no database holds.
        mtime_ns = max(-_LATEST, min(_LATEST, stat.st_mtime_ns))
        return cls(stat.st_size, mtime_ns, stat.st_ino, stat.st_dev, stat.st_mode)

    def is_like(self, other: Stamp) -> bool:
        """Say whether nothing shows that the bytes are others; some disks number inodes anew when mounted."""
        return (self.size, self.mtime_ns) == (other.size, other.mtime_ns)

    def is_same_inode(self, other: Stamp) -> bool:
        """Say whether it seems to be the same file, whatever number its device has by now."""
        return self.is_like(other) and self.inode == other.inode


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a file came from, in the user's words: inbox, pack, and folder inside the pack."""

    inbox: str
    pack: str | None = None  # None: a loose file, dropped with no folder around it
    subpath: PurePosixPath = field(default_factory=PurePosixPath)
    name: str  # the file name it arrived under

    @property
    def relative(self) -> PurePosixPath:
        """The path below the inbox that it arrived under."""
        return PurePosixPath(self.pack or "") / self.subpath / self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What decoding tells for certain.

    `duration` in seconds; `peak` in dB relative to full scale, None for digital silence; `bits` None
    where the format has no fixed sample size (MP3, Ogg).
    """

    format: str  # "wav", "aiff", "flac", "ogg", "mp3", ...
    samplerate: int
    channels: int
    bits: int | None
    duration: float
    peak: float | None
    loudness: float | None = None  # LUFS, of the beginning; None for silence
    content_hash: str  # of the bytes of the file
    sound_id: str  # of the sound: the same under any tags, and for lossless formats in any container
    warnings: tuple[str, ...] = ()  # e.g. "ends 1.2 s before its header says"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One source's opinion. An empty mapping means: no opinion."""

    source: str  # "audio" | "name" | "metadata"
    labels: Mapping[str, float] = field(default_factory=dict)  # probabilities, sum 1
    kinds: Mapping[str, float] = field(default_factory=dict)  # probabilities over oneshot, loop
    contents: Mapping[str, float] = field(default_factory=dict)  # what it is made of if it is a loop, sum 1
    bpm: float | None = None
    key: str | None = None
    reasons: tuple[str, ...] = ()  # what it rests on: "file name says 'bassdrum'"
    trust: float | None = None  # probability that it speaks of this sound; None: not judged


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognition:
    """What the evidence adds up to.

    `label`, `category` and `margin` are None for loops and long samples. `confidence` is the
    probability of what the sample would be filed as: of the category for a one-shot, of the kind for
    the others. `content` is what a loop is made of, None for all others. `probabilities` is the final
    distribution over fine labels.
    """

    kind: Kind
    kind_confidence: float
    label: str | None
    label_confidence: float | None
    category: str | None
    confidence: float
    margin: float | None
    content: str | None = None
    content_confidence: float | None = None
    probabilities: Mapping[str, float]
    evidence: tuple[Evidence, ...]
    doubts: tuple[str, ...] = ()  # what makes it less sure, in sentences: sources that contradict each other
    model_id: str
    embedding: bytes = b""  # little-endian float16, unit length; empty when not asked for

    def evidence_of(self, source: str) -> Evidence | None:
        return next((one for one in self.evidence if one.source == source), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Music:
    """Tempo, key and note, each with its own confidence; None: not known.

    Only a loop, or a long sample that states one, has a tempo; only a one-shot has a note. Keys are as `F#m`,
    notes as `F#2` (A4 is 440 Hz), or `F#` where no octave is known.
    """

    bpm: float | None = None
    bpm_confidence: float | None = None
    key: str | None = None
    key_confidence: float | None = None
    note: str | None = None
    note_confidence: float | None = None
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One audio file, decoded and recognised."""

    facts: Facts
    recognition: Recognition
    music: Music = Music()
    metadata: Mapping[str, str] = field(default_factory=dict)  # what it says of itself: title, genre ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One file that rules decide on: a sample, audio that cannot be read, or anything else of a pack."""

    path: Path
    origin: Origin
    stamp: Stamp
    type: FileType
    sample: Sample | None = None
    problem: str | None = None  # why audio could not be heard
    hint: str = ""
    lasting: bool = True  # whether the problem stays until the file, the rules or the model change
    bundle: Path | None = None  # the folder that must stay whole, if the file lies in one
    companions: tuple[Path, ...] = ()  # files that go wherever this one goes
    day: date | None = None  # when it was, or is, first filed

    @property
    def readable(self) -> bool:
        return self.problem is None
