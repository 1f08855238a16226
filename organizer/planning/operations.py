"""What may be done to the user's files, as plain data.

An operation says everything that the executor needs, so that a plan can be printed, stored in the
journal, executed later, and turned around. Each kind has an inverse, which is an operation again:
undo is a plan like any other. Paths are absolute.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from organizer.sample import Stamp

TagMode = Literal["fill", "append", "replace"]
# Files that tell of all files in a folder: our own sidecar, and that of Ableton Live.
Form = Literal["json", "xmp"]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepFolderTime:
    """Set a folder's mtime to what it was when the plan was made.

    It stands before the operations that will disturb the folder, where it changes nothing; turned
    around it comes after them and puts the time back.
    """

    path: Path
    mtime_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeFolder:
    """Make one folder whose parent exists. `mode` None: as the user's umask says."""

    path: Path
    mode: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveFolder:
    """Remove a folder that is empty by now; one that is not is left, with the reason."""

    path: Path
    mode: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    source: Path
    target: Path
    stamp: Stamp  # of the source; only what matches it is moved
    content_hash: str
    rule: str = ""
    remark: str = ""  # what is worth saying of it
    needs: Path | None = None  # what must lie there for this to be right, such as the same sound
    like: Stamp | None = None  # of a file that comes back: what it was, for its time and mode


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    source: Path
    target: Path
    content_hash: str  # what the source must hold when its turn comes
    rule: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveCopy:
    """Remove a copy that still holds `content_hash`, while `original` holds the same."""

    path: Path
    original: Path
    content_hash: str
    rule: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extract:
    """Put a file of an archive at its place. It was unpacked to `staged` to be heard, if that is still
    there."""

    archive: Path
    member: str
    staged: Path
    target: Path
    content_hash: str
    rule: str = ""
    remark: str = ""
    needs: Path | None = None

    @property
    def source(self) -> Path:
        """Name the member as if the archive were a folder."""
        return self.archive / self.member


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveExtracted:
    """Remove what came out of an archive, while it still holds `content_hash` and the archive is there."""

    path: Path
    archive: Path
    member: str
    staged: Path
    content_hash: str
    rule: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Give a file a second name: a hard link, or a symbolic one that says `pointer`."""

    source: Path
    target: Path
    content_hash: str  # what the source must hold when its turn comes
    pointer: str = ""  # empty: a hard link
    rule: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveLink:
    """Remove a second name that still leads to `original`."""

    path: Path
    original: Path
    content_hash: str
    pointer: str = ""
    rule: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteAttribute:
    """Set an extended attribute that is still as it was before. None: there is none."""

    path: Path
    name: str
    before: bytes | None
    after: bytes | None
    rule: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteEntries:
    """Write what is known of the files of one folder into the one file that tells of all of them.

    The file is read when its turn comes, and whatever else is in it stays.
    """

    path: Path
    form: Form
    entries: Mapping[str, str]  # file name -> what is said of it, as the writer of the form knows it
    rule: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveEntries:
    """Take entries out again: byte for byte where nothing else has changed since, else only them."""

    path: Path
    form: Form
    entries: Mapping[str, str]
    content_hash: str  # of the file as the writing of the entries left it
    restored_hash: str  # of the file as it was before; empty: there was none
    patch: bytes | None
    rule: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteTags:
    """Write tags into a temporary copy, check that the sound is unchanged, put it in the file's place."""

    path: Path
    content_hash: str  # what the file must hold when its turn comes
    sound_id: str
    tags: Mapping[str, str]  # field -> value, by the names of `execution.writers.tags`
    mode: TagMode = "fill"
    rule: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreBytes:
    """Turn the bytes of a file back from `content_hash` to `restored_hash`, with a stored patch."""

    path: Path
    content_hash: str
    restored_hash: str
    patch: bytes
    rule: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteSidecar:
    """Write a file of our own beside a sample, never over another."""

    path: Path
    content: str
    rule: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveSidecar:
    """Remove a sidecar that still holds exactly `content`."""

    path: Path
    content: str
    rule: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Discard:
    """Delete a file from the trash for good, while `twin` holds the same sound. None: the user will have it
    gone though it is the last."""

    path: Path
    content_hash: str
    sound_id: str
    twin: Path | None
    rule: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Teach:
    """Keep what the user says that a sound is; no file changes. None: nothing is said of it."""

    path: Path  # where it lay
    sound_id: str
    label: str | None  # a fine label, a category, or one of the user's own
    was: str | None  # what was said of it until then
    heard: str  # what it had been taken for, without the user
    embedding: bytes  # as in `Recognition`; of the model that `model_id` names
    model_id: str
    rule: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Skip:
    """Nothing is done to this file, and why."""

    path: Path
    reason: str
    hint: str = ""
    rule: str = ""
    lasting: bool = True  # False: it was to be filed, and time or the user can make that possible


Operation = (
    KeepFolderTime
    | MakeFolder
    | RemoveFolder
    | Move
    | Copy
    | RemoveCopy
    | Extract
    | RemoveExtracted
    | Link
    | RemoveLink
    | WriteAttribute
    | WriteEntries
    | RemoveEntries
    | WriteTags
    | RestoreBytes
    | WriteSidecar
    | RemoveSidecar
    | Discard
    | Teach
    | Skip
)

# What the user thinks of as an action; the others only serve these.
ACTIONS = (
    Move, Copy, RemoveCopy, Extract, RemoveExtracted, Link, RemoveLink, WriteAttribute, WriteEntries,
    RemoveEntries, WriteTags, RestoreBytes, WriteSidecar, RemoveSidecar, Discard,
    Teach,
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What one batch would do, in order."""

    origin: Literal["pack", "sort", "undo", "reclassify", "trash", "correct"]
    title: str  # the pack's name, or what was asked for
    inbox: str | None = None
    operations: tuple[Operation, ...] = ()
    undoes: tuple[int, ...] = ()  # the batches that this one turns around
    part: bool = False  # only some of what they did, so that they stay in force
    turns: tuple[int | None, ...] = ()  # for each operation, that of the journal which it takes back
    hold: Path | None = None  # what lands below this folder is held, not filed again

    @property
    def actions(self) -> tuple[Operation, ...]:
        return tuple(one for one in self.operations if isinstance(one, ACTIONS))


def followed(operations: Iterable[Operation]) -> Iterator[tuple[Path, Path]]:
    """Say where files went that operations, all done, have moved; what is in an archive, as if that were a
    folder."""
    for operation in operations:
        match operation:
            case Move() | Extract():
                yield operation.source, operation.target
            case RemoveExtracted():
                yield operation.path, operation.archive / operation.member
