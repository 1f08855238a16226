"""After a crash: compares what the journal says was under way with the disk, and goes on.

Owns the decision what an interrupted operation has done. Nothing is deleted on a guess: only temps and
reservations that are ours, and a source whose verified copy is in place. Doing it twice changes nothing.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

from organizer.errors import FileProblem
from organizer.execution import syscalls
from organizer.execution.codec import paths_of
from organizer.execution.problems import translate
from organizer.execution.records import Closing, OperationRecord
from organizer.planning.operations import (
    Copy,
    Discard,
    Extract,
    KeepFolderTime,
    Link,
    MakeFolder,
    Move,
    RemoveCopy,
    RemoveEntries,
    RemoveExtracted,
    RemoveFolder,
    RemoveLink,
    RemoveSidecar,
    RestoreBytes,
    Teach,
    WriteAttribute,
    WriteEntries,
    WriteSidecar,
    WriteTags,
)
from organizer.sample import Stamp
from organizer.stopping import Stopped, never, until

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from organizer.execution.executor import Executor
    from organizer.execution.filesystem import Filesystem
    from organizer.execution.journal import Journal
    from organizer.execution.mounts import Mounts
    from organizer.stopping import Stop


def recover(
    journal: Journal,
    filesystem: Filesystem,
    executor: Executor,
    *,
    stop: Stop = never,
    clock: Callable[[], float] = time.time,
) -> tuple[str, ...]:
    """Bring journal and disk together again, then do what is left of unfinished batches.

    The caller holds the execution lock. Returns what was found and done, in sentences. A batch that has to do
    with a disk that is not there now waits for it. Raises `Stopped` when asked to stop: what is not at its
    end then is left to the next recovery.
    """
    told: list[str] = []
    for batch in journal.unfinished():
        records = journal.operations(batch.id, stop=stop)
        left = [one for one in records if one.state in ("open", "planned")]
        opened = [one for one in left if one.state == "open"]
        if (folder := _folder_away(journal, left)) is not None:
            told.append(
                f'Batch {batch.id} ("{batch.title}") was interrupted, and waits: {folder} is not there. '
                "Plug its disk in; if it is lost, make the folder, then say "
                f"organizer journal moved {folder} {folder}"
            )
            continue
        inspection = _Inspection(filesystem, opened, journal.mounts())
        with filesystem.asking(stop):
            # The last one first: what a later operation has changed tells that the earlier one was done.
            closings = [inspection.look(record) for record in until(stop, reversed(opened))]
        filesystem.sync_folders(inspection.touched)
        # Holds go from one operation to the next in the order in which they were done.
        journal.settle(sorted(closings, key=lambda one: one.id), now=clock())
        told += inspection.told
        outcome = executor.resume(batch.id, stop=stop)
        if outcome.stopped:
            raise Stopped
        if opened or outcome.results:
            parts = [f"{outcome.count(state)} {state}" for state in ("done", "failed", "skipped")]
            told.append(
                f'Batch {batch.id} ("{batch.title}") was interrupted, {len(opened)} operations under way; '
                f"of the rest {', '.join(parts)}"
            )
    return tuple(told)


def _folder_away(journal: Journal, left: Sequence[OperationRecord]) -> Path | None:
    """Find an inbox or library that is not there, and that something under way, or still to do, speaks of."""
    for place in journal.places:
        concerns = (
            path.is_relative_to(place.root)
            for one in left
            if not isinstance(one.operation, Teach)  # which touches no file
            for path in paths_of(one.operation)
            if path is not None
        )
        if any(concerns) and journal.is_away(place.root):
            return place.root
    return None


def _place_of(record: OperationRecord) -> Path:
    source, target = paths_of(record.operation)
    return target or source


class _Inspection:
    """A look at the disk for every operation that was under way."""

    def __init__(self, files: Filesystem, opened: Sequence[OperationRecord], mounts: Mounts) -> None:
        self.files = files
        self._mounts = mounts
        self.told: list[str] = []
        self.touched: set[Path] = set()
        self._swept: set[Path] = set()
        self._coming = {one.operation.target for one in opened if isinstance(one.operation, Move)}
        self._used: set[Path] = set()  # what a later operation rewrote, moved on or removed
        # Temps that are still there: not yet in their places, or what they have changed places with.
        self._waiting = {one.temp: one for one in opened if one.temp is not None and files.exists(one.temp)}

    def look(self, record: OperationRecord) -> Closing:
        source, made = paths_of(record.operation)[0], _place_of(record)
        self._sweep(made.parent, since=record.changed)
        try:
            closing = self._look(record)
            if closing.state == "done" and isinstance(
                record.operation,
                Move
                | WriteTags
                | RestoreBytes
                | WriteEntries
                | RemoveEntries
                | RemoveExtracted
                | RemoveFolder,
            ):
                self._used.add(source)
            return closing
        except FileProblem as problem:
            found = problem
        except OSError as error:
            found = translate(error, made)
        self.told.append(f"{found.message}. {found.hint}".strip())
        return Closing(
            id=record.id, state="failed", error=found.message, hint=found.hint, lasting=found.lasting
        )

    def _look(self, record: OperationRecord) -> Closing:
        operation = record.operation
        match operation:
            case Move():
                return self._move(record, operation)
            case Copy() | Extract():
                return self._placed(record, operation.target)
            case WriteSidecar():
                return self._placed(record, operation.path)
            case WriteTags() | RestoreBytes() | WriteEntries() | RemoveEntries():
                return self._rewritten(record, operation.path)
            case WriteAttribute(path=path, name=name, after=after):
                if path in self._used or (self._stamp(path) and self.files.attribute(path, name) == after):
                    return _done(record, self._stamp(path))
                return _planned(record)
            case Link(source=source, target=target, pointer=pointer):
                if self.files.is_link(target, source, pointer):
                    # What it led to when it was made: tags may have been written since the plan.
                    return _done(record, None, self._hash_of(source if pointer else target))
                return _planned(record)
            case (
                RemoveCopy(path=path)
                | RemoveLink(path=path)
                | RemoveExtracted(path=path)
                | RemoveSidecar(path=path)
            ) if path in self._coming and not self.files.exists(path):
                return _planned(record)  # what is to be removed has yet to come back to its place
            case RemoveLink(path=path, original=kept) | RemoveExtracted(path=path, archive=kept) if (
                not self.files.exists(path)
            ):
                return _done(record, self._stamp(kept))  # which is held from now on
            case RemoveCopy() if not self.files.exists(operation.path):
                return _done(record, self._stamp(operation.original))
            case RemoveCopy() | RemoveSidecar() | RemoveFolder() | Discard():
                return _planned(record) if self.files.exists(operation.path) else _done(record)
            case MakeFolder():
                return self._made(record, operation)
            case KeepFolderTime() if operation.path in self._used:
                return _done(record)  # the folder is gone; undo, which makes it again, sets its time
            case _:
                return _planned(record)

    def _move(self, record: OperationRecord, move: Move) -> Closing:
        if move.target in self._used:
            return _done(record, move.stamp, move.content_hash)
        source, target = self._stamp(move.source), self._stamp(move.target)
        if source is not None and target is not None and self.files.is_alias(move.source, move.target):
            return _planned(record)
        if source is not None and target is not None and self.files.is_alias(move.target, move.source):
            return _done(record, target, move.content_hash)
        if target is not None and source is not None and self._is_reservation(record, target):
            self.files.remove_reservation(move.target, target.inode)
            self.touched.add(move.target.parent)
            target = None
        if target is None:
            # Where neither is there, the executor says so when it comes to it.
            return _planned(record)
        if source is None:
            return self._arrived(record, move, target)
        if (source.inode, source.device) == (target.inode, target.device):
            # Linked and not yet unlinked: one file under two names.
            self.files.remove_file_if(move.source, source)
        elif self._was_placed(record, target) and self._holds(move.target, record.hash_after):
            # A verified copy from another disk, whose source had yet to go.
            self.files.sync_folders({move.target.parent})
            if self._holds(move.source, record.hash_after):
                self.files.remove_file_if(move.source, source)
            else:
                self.told.append(
                    f"{move.source} has changed while it was moved: as it was before, it is {move.target}"
                )
        else:
            return _planned(record)  # something that is not ours: the executor refuses to overwrite it
        self.touched.update((move.source.parent, move.target.parent))
        return _done(record, target, record.hash_after or move.content_hash)

    def _arrived(self, record: OperationRecord, move: Move, target: Stamp) -> Closing:
        wanted = record.hash_after or move.content_hash
        ours = target.inode in (move.stamp.inode, record.temp_inode) and target.size == move.stamp.size
        if ours or (wanted and self._holds(move.target, wanted)):
            return _done(record, target, wanted)
        return _failed(record, f"{move.source} is gone, and what lies at {move.target} is another file")

    def _made(self, record: OperationRecord, making: MakeFolder) -> Closing:
        if not making.path.is_dir() or not self._is_in_reach(making.path):
            return _planned(record)
        if making.mode is not None:
            self.files.set_mode(making.path, making.mode)
        self.touched.add(making.path.parent)
        return _done(record)

    def _placed(self, record: OperationRecord, path: Path) -> Closing:
        found = self._stamp(path)
        if path in self._used:
            return _done(record, found, record.hash_after)
        if found is not None and self._is_reservation(record, found):
            self.files.remove_reservation(path, found.inode)
            self.touched.add(path.parent)
        elif found is not None and self._was_placed(record, found) and self._holds(path, record.hash_after):
            return _done(record, found, record.hash_after)
        return _planned(record)

    def _rewritten(self, record: OperationRecord, path: Path) -> Closing:
        found = self._stamp(path)
        if path in self._used:
            return _done(record, found, record.hash_after)
        if found is None and isinstance(record.operation, RemoveEntries):
            return _done(record)
        if found is not None and self._is_reservation(record, found):
            self.files.remove_reservation(path, found.inode)
            self.touched.add(path.parent)
        elif found is not None and record.hash_after and self._holds(path, record.hash_after):
            return _done(record, found, record.hash_after)
        return _planned(record)  # untouched, or changed by someone: the executor tells which

    def _stamp(self, path: Path) -> Stamp | None:
        """Look at whatever lies at a path, links not followed."""
        try:
            return Stamp.of(path.lstat()) if self._is_in_reach(path) else None
        except (FileNotFoundError, NotADirectoryError):
            return None

    def _is_in_reach(self, path: Path) -> bool:
        """Say whether a path is where it was meant to be, and no link has been laid on the way."""
        try:
            self.files.check_way(path)
        except FileProblem:
            return False
        return True

    def _was_placed(self, record: OperationRecord, found: Stamp) -> bool:
        """Say whether a file may be the temp of an operation, given its name.

        Some disks number inodes anew each time they are mounted; then it is, if the temp is no longer there.
        """
        if found.inode == record.temp_inode:
            return True
        return record.temp is not None and record.temp not in self._waiting

    def _is_reservation(self, record: OperationRecord, found: Stamp) -> bool:
        """Say whether a file is an empty one that was made to keep a name for this operation.

        The crash may have come before its inode was written down. Then it is ours if it is empty and
        appeared under this very name after the operation began.
        """
        if found.size:
            return False
        if record.reserved_inode is not None and found.inode == record.reserved_inode:
            return True
        return record.temp_inode != found.inode and found.mtime_ns / 1e9 >= record.changed - 2.0

    def _hash_of(self, path: Path) -> str:
        with suppress(FileProblem, OSError):
            return self.files.content_hash(path)
        return ""

    def _holds(self, path: Path, content_hash: str) -> bool:
        with suppress(FileProblem, OSError):
            return self.files.content_hash(path) == content_hash
        return False

    def _sweep(self, folder: Path, *, since: float) -> None:
        """Remove temps of ours that a crash left in a folder; what was there before we began is not ours."""
        if folder in self._swept:
            return
        self._swept.add(folder)
        mount = self._mounts.holding(folder)
        # FAT keeps no time of the last change but that of the content, which a copy takes over.
        ageless = mount is not None and mount.renumbers
        with suppress(OSError):
            for found in [one for one in folder.iterdir() if syscalls.is_temp(one.name)]:
                if found in self._waiting:
                    self._end_exchange(found, self._waiting[found])
                elif ageless or found.lstat().st_ctime >= since - 2.0:
                    self.files.discard(found)
                self.touched.add(folder)

    def _end_exchange(self, temp: Path, record: OperationRecord) -> None:
        """Remove a noted temp; what its user had saved when the two changed places is given back."""
        path = _place_of(record)
        ours = not record.hash_before or any(
            self._holds(temp, one) for one in (record.hash_after, record.hash_before)
        )
        if ours:
            self.files.discard(temp)
        elif self._holds(path, record.hash_after):
            self.files.give_back(temp, path)
            self.told.append(f"{path} was changed just when it was rewritten: it is as it was changed")
        else:
            shown = path.with_name(f"{path.stem} (changed meanwhile){path.suffix}")
            self.files.place(temp, shown)
            self.told.append(f"{path} was changed just when it was rewritten: that is {shown} now")


def _planned(record: OperationRecord) -> Closing:
    return Closing(id=record.id, state="planned")


def _failed(record: OperationRecord, error: str) -> Closing:
    return Closing(id=record.id, state="failed", error=error, hint="Nothing was touched; look at both files")


def _done(record: OperationRecord, stamp: Stamp | None = None, content_hash: str = "") -> Closing:
    return Closing(id=record.id, state="done", stamp_after=stamp, hash_after=content_hash)
