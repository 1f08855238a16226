"""What each kind of operation does to the disk: checks first, then calls of the filesystem.

An operation that is one rename is done at once. One that writes bytes gives a `Staged`: a temp beside
its place, so that many are brought to the disk together before any of them takes its place. Owns what
becomes of names: moves, copies, links, folders; `writing` owns what becomes of bytes. Writes nothing to the
journal.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from organizer.errors import FileProblem
from organizer.execution.filesystem import Temp
from organizer.execution.known import Effect, Known, Staged
from organizer.execution.problems import (
    NOT_IN_ARCHIVE,
    OTHER_ORIGINAL,
    CrossesDevices,
    LeftAlone,
    appeared,
    changed,
    gone,
    no_link,
    spoiled,
    stands_alone,
)
from organizer.execution.writing import Writing
from organizer.planning.operations import (
    Copy,
    Discard,
    Extract,
    KeepFolderTime,
    Link,
    MakeFolder,
    Move,
    Operation,
    RemoveCopy,
    RemoveEntries,
    RemoveExtracted,
    RemoveFolder,
    RemoveLink,
    RemoveSidecar,
    RestoreBytes,
    Skip,
    Teach,
    WriteAttribute,
    WriteEntries,
    WriteSidecar,
    WriteTags,
)

if TYPE_CHECKING:
    from pathlib import Path

    from organizer.execution.filesystem import Filesystem, Reserved
    from organizer.sample import Stamp


class Acts:
    """The acts of one batch."""

    def __init__(self, filesystem: Filesystem, known: Known) -> None:
        self._files = filesystem
        self._known = known
        self._writing = Writing(filesystem, known)

    def act(self, operation: Operation, reserved: Reserved) -> Effect | Staged:
        """Do an operation, or as much of it as changes nothing yet."""
        self._known.check(operation)
        for name in ("path", "source", "target"):
            if hasattr(operation, name):
                self._files.check_way(getattr(operation, name))
        if isinstance(operation, RemoveCopy | RemoveLink | RemoveExtracted) and not self._files.exists(
            operation.path
        ):
            raise gone(operation.path)
        match operation:
            case Move():
                return self._move(operation, reserved)
            case Copy():
                return self._copy(operation)
            case RemoveCopy():
                return self._remove_copy(operation)
            case Extract():
                return self._extract(operation)
            case RemoveExtracted():
                return self._remove_extracted(operation)
            case Link():
                return self._link(operation)
            case RemoveLink():
                return self._remove_link(operation)
            case Discard():
                return self._discard(operation)
            case WriteTags():
                return self._writing.write_tags(operation)
            case RestoreBytes():
                return self._writing.restore_bytes(operation)
            case WriteSidecar():
                return self._writing.write_sidecar(operation)
            case RemoveSidecar():
                return self._writing.remove_sidecar(operation)
            case WriteEntries():
                return self._writing.write_entries(operation)
            case RemoveEntries():
                return self._writing.remove_entries(operation)
            case WriteAttribute():
                return self._writing.write_attribute(operation)
            case Teach():
                return Effect()  # that the journal says so is all there is to it
            case Skip():
                raise LeftAlone(operation.reason, path=operation.path, hint=operation.hint)
            case MakeFolder() | RemoveFolder() | KeepFolderTime():
                return self._folder(operation)

    def _verified(self, path: Path, planned: Stamp, content_hash: str) -> Stamp:
        """Make sure that a file is the one that was planned for, or that this batch has made of it.

        Devices are numbered anew at each start of the machine, and some file systems number inodes so too:
        where only those differ, the bytes decide.
        """
        current = self._files.stamp(path)
        expected = self._known.stamps.get(path, planned)
        if not current.is_like(expected):
            raise changed(path)
        same = current.inode == expected.inode
        if not same and not (content_hash and self._files.content_hash(path) == content_hash):
            raise changed(path)
        return current

    def _move(self, move: Move, reserved: Reserved) -> Effect | Staged:
        self._known.check_needs(move.needs, self._files.exists)
        planned = self._known.expected_hash(move.source, move.content_hash)
        current = self._verified(move.source, move.stamp, planned)
        try:
            after = self._files.move(move.source, move.target, current, reserved)
        except CrossesDevices:
            wanted = planned or self._files.content_hash(move.source)
            temp = self._copied(move.source, move.target, wanted)
            if move.like is not None:
                temp = self._files.restore_temp(temp, move.like)
            return Staged(temp=temp, target=move.target, content_hash=wanted, removes=(move.source, current))
        return Effect(stamp=after, content_hash=planned, touched=(move.source.parent, move.target.parent))

    def _copy(self, copy: Copy) -> Staged:
        self._files.stamp(copy.source)
        wanted = self._known.expected_hash(copy.source, copy.content_hash) or self._files.content_hash(
            copy.source
        )
        return Staged(
            temp=self._copied(copy.source, copy.target, wanted), target=copy.target, content_hash=wanted
        )

    def _copied(self, source: Path, target: Path, wanted: str) -> Temp:
        if self._files.exists(target):
            raise appeared(target)
        temp = self._files.copy_to_temp(source, target)
        with self._files.discarding(temp.path):
            if self._files.content_hash(temp.path) != wanted:
                if self._files.content_hash(source) != wanted:
                    raise changed(source)
                raise spoiled(target)
        return temp

    def _remove_copy(self, removal: RemoveCopy) -> Effect:
        current = self._files.stamp(removal.path)
        if self._files.content_hash(removal.path) != removal.content_hash:
            raise changed(removal.path)
        if not self._files.is_another_of(removal.original, removal.path, removal.content_hash):
            raise stands_alone(removal.path, OTHER_ORIGINAL)
        kept = self._stamp_of(removal.original)
        self._files.remove_file_if(removal.path, current)
        return Effect(stamp=kept, touched=(removal.path.parent,))

    def _discard(self, discarding: Discard) -> Effect:
        path, twin = discarding.path, discarding.twin
        current = self._files.stamp(path)
        if self._files.content_hash(path) != discarding.content_hash:
            raise changed(path)
        if twin is not None and not self._files.is_same_sound(twin, path, discarding.sound_id):
            raise stands_alone(path, f"the same sound is no longer at {twin}")
        self._files.remove_file_if(path, current)
        return Effect(touched=(path.parent,))

    def _stamp_of(self, path: Path) -> Stamp | None:
        """Look at what a copy or link was made of, and that is held from now on; None where it is gone."""
        with suppress(FileProblem, OSError):
            return self._files.stamp(path)
        return None

    def _extract(self, extraction: Extract) -> Staged:
        target, staged, wanted = extraction.target, extraction.staged, extraction.content_hash
        self._known.check_needs(extraction.needs, self._files.exists)
        if self._files.exists(target):
            raise appeared(target)
        if not self._files.exists(staged) or self._files.content_hash(staged) != wanted:
            staged = self._known.unpacked_again(extraction)
            if self._files.content_hash(staged) != wanted:
                raise changed(extraction.archive)
        found = self._files.stamp(staged)
        same_disk = found.device == target.parent.stat().st_dev
        temp = Temp(staged, found) if same_disk else self._files.copy_to_temp(staged, target)
        return Staged(temp=temp, target=target, content_hash=wanted)

    def _remove_extracted(self, removal: RemoveExtracted) -> Effect:
        current = self._files.stamp(removal.path)
        if self._files.content_hash(removal.path) != removal.content_hash:
            raise changed(removal.path)
        if self._known.hashes(removal.archive).get(removal.member) != removal.content_hash:
            raise stands_alone(removal.path, NOT_IN_ARCHIVE)
        kept = self._stamp_of(removal.archive)
        self._files.remove_file_if(removal.path, current)
        return Effect(stamp=kept, touched=(removal.path.parent,))

    def _link(self, link: Link) -> Effect:
        self._files.stamp(link.source)
        expected = self._known.expected_hash(link.source, link.content_hash)
        if expected and self._files.content_hash(link.source) != expected:
            raise changed(link.source)
        if link.pointer:
            self._files.link_symbolically(link.target, link.source, link.pointer)
        else:
            self._files.link(link.source, link.target)
        return Effect(content_hash=expected, touched=(link.target.parent,))

    def _remove_link(self, removal: RemoveLink) -> Effect:
        if not self._files.is_link(removal.path, removal.original, removal.pointer):
            raise no_link(removal.path, removal.original)
        kept = self._stamp_of(removal.original)
        self._files.remove_link(removal.path)
        return Effect(stamp=kept, touched=(removal.path.parent,))

    def _folder(self, operation: MakeFolder | RemoveFolder | KeepFolderTime) -> Effect:
        path = operation.path
        match operation:
            case MakeFolder():
                if not self._files.make_folder(path, operation.mode):
                    raise LeftAlone(f"The folder {path} is there already", path=path)
            case RemoveFolder():
                if not path.is_dir() or path.is_symlink():
                    raise LeftAlone(f"The folder {path} is no longer there", path=path)
                if not self._files.remove_folder(path):
                    raise LeftAlone(f"The folder {path} is not empty", path=path)
            case KeepFolderTime():
                if not path.is_dir():
                    raise LeftAlone(f"The folder {path} is no longer there", path=path)
                self._files.set_folder_time(path, operation.mtime_ns)
                return Effect()
        return Effect(touched=(path.parent,))
