"""What each kind of operation does to the disk: checks first, then calls of the filesystem.

An operation that is one rename is done at once. One that writes bytes gives a `Staged`: a temp beside
its place, so that many are brought to the disk together before any of them takes its place. Owns what
the plan may take for granted of files that this batch itself has changed; writes nothing to the journal.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from organizer.errors import CannotWrite, FileProblem
from organizer.execution.filesystem import Temp
from organizer.execution.problems import CrossesDevices, LeftAlone, appeared, changed
from organizer.execution.writers import patch, sidecar, tags
from organizer.pack import companion_of
from organizer.planning.operations import (
    Copy,
    KeepFolderTime,
    MakeFolder,
    Move,
    Operation,
    RemoveCopy,
    RemoveFolder,
    RemoveSidecar,
    RestoreBytes,
    Skip,
    WriteSidecar,
    WriteTags,
)
from organizer.recognition import identity
from organizer.sample import Stamp

if TYPE_CHECKING:
    from organizer.execution.filesystem import Filesystem, Reserved


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What an operation has changed."""

    stamp: Stamp | None = None
    content_hash: str = ""
    hash_before: str = ""  # where bytes were changed
    touched: tuple[Path, ...] = ()  # folders whose names changed


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """A temp that is written and has yet to take its place."""

    temp: Temp
    target: Path
    content_hash: str
    hash_before: str = ""
    replaces: Stamp | None = None  # of the file that it was made from and whose place it takes
    removes: tuple[Path, Stamp] | None = None  # the source of a move from another disk
    patch: bytes | None = None  # turns the new bytes back into the old ones


@dataclass(slots=True)
class Known:
    """What one batch has done so far, where later operations of it must know."""

    stamps: dict[Path, Stamp] = field(default_factory=dict)
    rewritten: dict[tuple[Path, str], str] = field(default_factory=dict)  # path, hash before -> hash after
    broken: dict[Path, str] = field(default_factory=dict)  # what is not there as planned, and why
    unmoved: dict[Path, str] = field(default_factory=dict)  # sources that stayed, and why
    folders: dict[Path, FileProblem] = field(default_factory=dict)  # folders that could not be made

    def done(self, operation: Operation, stamp: Stamp | None, content_hash: str) -> None:
        if isinstance(operation, Move | Copy):
            self.broken.pop(operation.target, None)
            if stamp is not None:
                self.stamps[operation.target] = stamp
            if isinstance(operation, Move):
                self.stamps.pop(operation.source, None)
                self.unmoved.pop(operation.source, None)
        elif isinstance(operation, WriteTags | RestoreBytes):
            if stamp is not None:
                self.stamps[operation.path] = stamp
            self.rewritten[operation.path, operation.content_hash] = content_hash

    def failed(self, operation: Operation, problem: FileProblem) -> None:
        reason = problem.message
        if isinstance(operation, Move):
            self.broken[operation.target] = reason
            self.unmoved[operation.source] = reason
        elif isinstance(operation, Copy):
            self.broken[operation.target] = reason
        elif isinstance(operation, RestoreBytes):
            self.broken[operation.path] = reason
        elif isinstance(operation, MakeFolder) and not isinstance(problem, LeftAlone):
            self.folders[operation.path] = problem

    def check(self, operation: Operation) -> None:
        """Refuse what rests on an operation that was not done."""
        if isinstance(operation, Move | Copy):
            needed, folder = operation.source, operation.target.parent
        else:
            needed, folder = operation.path, operation.path.parent
        if folder in self.folders and isinstance(operation, Move | Copy | MakeFolder):
            raise self.folders[folder]
        reason = self.broken.get(needed)
        sample = companion_of(PurePosixPath(needed.name))
        if reason is None and sample is not None:
            # A companion goes where its sample goes, or stays with it; so does a sidecar.
            among = self.unmoved if isinstance(operation, Move) else self.broken
            reason = among.get(needed.with_name(sample.name))
        if reason is not None and isinstance(
            operation, Move | Copy | WriteTags | RestoreBytes | WriteSidecar
        ):
            raise LeftAlone(f"Not done, because of what went before: {reason}", path=needed)

    def expected_hash(self, path: Path, planned: str) -> str:
        return self.rewritten.get((path, planned), planned)


class Acts:
    """The acts of one batch."""

    def __init__(self, filesystem: Filesystem, known: Known) -> None:
        self._files = filesystem
        self._known = known

    def act(self, operation: Operation, reserved: Reserved) -> Effect | Staged:
        """Do an operation, or as much of it as changes nothing yet."""
        self._known.check(operation)
        match operation:
            case Move():
                return self._move(operation, reserved)
            case Copy():
                return self._copy(operation)
            case RemoveCopy():
                return self._remove_copy(operation)
            case WriteTags():
                return self._write_tags(operation)
            case RestoreBytes():
                return self._restore_bytes(operation)
            case WriteSidecar():
                return self._write_sidecar(operation)
            case RemoveSidecar():
                return self._remove_sidecar(operation)
            case Skip():
                raise LeftAlone(operation.reason, path=operation.path, hint=operation.hint)
            case _:
                return self._folder(operation)

    def _verified(self, path: Path, planned: Stamp, content_hash: str) -> Stamp:
        """Make sure that a file is the one that was planned for, or that this batch has made of it.

        Devices are numbered anew at each start of the machine, and some file systems number inodes so too:
        where only those differ, the bytes decide.
        """
        current = self._files.stamp(path)
        expected = self._known.stamps.get(path, planned)
        if (current.size, current.mtime_ns) != (expected.size, expected.mtime_ns):
            raise changed(path)
        same = current.inode == expected.inode
        if not same and not (content_hash and identity.content_hash(path) == content_hash):
            raise changed(path)
        return current

    def _move(self, move: Move, reserved: Reserved) -> Effect | Staged:
        planned = self._known.expected_hash(move.source, move.content_hash)
        current = self._verified(move.source, move.stamp, planned)
        try:
            after = self._files.move(move.source, move.target, current, reserved)
        except CrossesDevices:
            wanted = planned or identity.content_hash(move.source)
            temp = self._copied(move.source, move.target, wanted)
            return Staged(temp=temp, target=move.target, content_hash=wanted, removes=(move.source, current))
        return Effect(stamp=after, content_hash=planned, touched=(move.source.parent, move.target.parent))

    def _copy(self, copy: Copy) -> Staged:
        self._files.stamp(copy.source)
        wanted = self._known.expected_hash(copy.source, copy.content_hash) or identity.content_hash(
            copy.source
        )
        return Staged(
            temp=self._copied(copy.source, copy.target, wanted), target=copy.target, content_hash=wanted
        )

    def _copied(self, source: Path, target: Path, wanted: str) -> Temp:
        if self._files.exists(target):
            raise appeared(target)
        temp = self._files.copy_to_temp(source, target)
        try:
            right = identity.content_hash(temp.path) == wanted
        except FileProblem:
            self._files.discard(temp.path)
            raise
        if not right:
            self._files.discard(temp.path)
            raise changed(source)
        return temp

    def _remove_copy(self, removal: RemoveCopy) -> Effect:
        current = self._files.stamp(removal.path)
        if identity.content_hash(removal.path) != removal.content_hash:
            raise changed(removal.path)
        try:
            kept = identity.content_hash(removal.original) == removal.content_hash
        except FileProblem:
            kept = False
        if not kept:
            raise LeftAlone(
                f"{removal.path.name} stays: what it was copied from is no longer the same",
                path=removal.path,
                hint="It may be the only one of its kind; remove it yourself if you do not need it",
            )
        self._files.remove_file_if(removal.path, current)
        return Effect(stamp=self._files.stamp(removal.original), touched=(removal.path.parent,))

    def _write_tags(self, writing: WriteTags) -> Staged:
        current, before = self._unchanged(writing.path, writing.content_hash)
        patch.check_size(writing.path, current.size)
        temp = self._files.copy_to_temp(writing.path, writing.path)
        try:
            temp = self._files.rewrite_temp(
                temp, writing.path, lambda path: tags.write(path, writing.tags, writing.mode)
            )
            after = identity.content_hash(temp.path)
            if after == before:
                raise LeftAlone(f"{writing.path.name} has these tags already", path=writing.path)
            if identity.sound_id(temp.path) != writing.sound_id:
                raise CannotWrite(
                    f"Tags were not written to {writing.path.name}: its sound would have changed",
                    path=writing.path,
                    hint="Use a sidecar for this file instead",
                )
            back = patch.between(old=writing.path, new=temp.path)
        except (FileProblem, OSError):
            self._files.discard(temp.path)
            raise
        return Staged(
            temp=temp,
            target=writing.path,
            content_hash=after,
            hash_before=before,
            replaces=current,
            patch=back,
        )

    def _restore_bytes(self, restoring: RestoreBytes) -> Staged:
        path = restoring.path
        current, before = self._unchanged(path, restoring.content_hash)
        temp = self._files.copy_to_temp(path, path)
        try:
            temp = self._files.rewrite_temp(
                temp, path, lambda copy: patch.write_restored(copy, new=path, patch=restoring.patch)
            )
            if identity.content_hash(temp.path) != restoring.restored_hash:
                raise CannotWrite(f"The earlier bytes of {path.name} could not be made again", path=path)
            back = patch.between(old=path, new=temp.path)
        except (FileProblem, OSError):
            self._files.discard(temp.path)
            raise
        return Staged(
            temp=temp,
            target=path,
            content_hash=restoring.restored_hash,
            hash_before=before,
            replaces=current,
            patch=back,
        )

    def _unchanged(self, path: Path, planned: str) -> tuple[Stamp, str]:
        """Make sure of a file's bytes; give its stamp and their hash."""
        current, expected = self._files.stamp(path), self._known.expected_hash(path, planned)
        if identity.content_hash(path) != expected:
            raise changed(path)
        return current, expected

    def _write_sidecar(self, writing: WriteSidecar) -> Staged:
        if self._files.exists(writing.path):
            raise appeared(writing.path)
        temp = self._files.write_temp(writing.path, sidecar.encode(writing.content))
        return Staged(temp=temp, target=writing.path, content_hash=identity.content_hash(temp.path))

    def _remove_sidecar(self, removal: RemoveSidecar) -> Effect:
        current = self._files.stamp(removal.path)
        if not sidecar.holds(removal.path, removal.content):
            raise changed(removal.path)
        self._files.remove_file_if(removal.path, current)
        return Effect(touched=(removal.path.parent,))

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
