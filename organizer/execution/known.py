"""What one batch has done so far, and what an operation gives back. Plain data; it touches no disk."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from organizer.errors import FileProblem
from organizer.execution import archives
from organizer.execution.filesystem import Temp
from organizer.execution.problems import LeftAlone, Transient, changed
from organizer.pack import companion_of
from organizer.planning.operations import (
    Copy,
    Extract,
    Link,
    MakeFolder,
    Move,
    Operation,
    RemoveCopy,
    RemoveExtracted,
    RemoveLink,
    RestoreBytes,
    Skip,
    WriteAttribute,
    WriteEntries,
    WriteSidecar,
    WriteTags,
)
from organizer.sample import Stamp
from organizer.stopping import Stop, never

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from organizer.execution.records import OperationRecord


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

    stop: Stop = never  # asked while archives are read
    stamps: dict[Path, Stamp] = field(default_factory=dict)
    rewritten: dict[tuple[Path, str], str] = field(default_factory=dict)  # path, hash before -> hash after
    broken: dict[Path, str] = field(default_factory=dict)  # what is not there as planned, and why
    unmoved: dict[Path, str] = field(default_factory=dict)  # sources that stayed, and why
    folders: dict[Path, FileProblem] = field(default_factory=dict)  # folders that could not be made
    _opened: dict[Path, dict[str, Path]] = field(default_factory=dict)  # archives that were unpacked again
    _folders: list[Path] = field(default_factory=list)
    _hashes: dict[Path, dict[str, str]] = field(default_factory=dict)

    def unpacked_again(self, extraction: Extract) -> Path:
        """Unpack an archive once for all that comes out of it, and say where the member lies.

        Raises `FileProblem` and OSError; `close` takes it away again.
        """
        archive = extraction.archive
        if archive not in self._opened:
            members = archives.members_of(archive, stop=self.stop)[0]
            before = next((one for one in extraction.staged.parents if archives.is_unpacked(one)), None)
            folder = archives.new_folder(extraction.target.parent if before is None else before.parent)
            self._opened[archive] = {}
            self._folders.append(folder)
            archives.unpack(archive, members, folder, stop=self.stop)
            self._opened[archive] = {one.name: folder / one.path for one in members}
        found = self._opened[archive].get(extraction.member)
        if found is None:
            raise changed(archive)
        return found

    def close(self) -> None:
        for folder in self._folders:
            shutil.rmtree(folder, ignore_errors=True)
        self._folders.clear()
        self._opened.clear()

    def hashes(self, archive: Path) -> dict[str, str]:
        """Give the hashes of what an archive holds; nothing where it is damaged or not there.

        Raises `FileProblem` and OSError where it cannot be read for now.
        """
        if archive not in self._hashes:
            try:
                there = archive.exists()
                self._hashes[archive] = archives.hashes_of(archive, stop=self.stop) if there else {}
            except FileProblem as problem:
                if not problem.lasting:
                    raise
                self._hashes[archive] = {}
        return self._hashes[archive]

    def check_needs(self, needs: Path | None, exists: Callable[[Path], bool]) -> None:
        """Refuse what is only right while something else lies where it should."""
        if needs is not None and (needs in self.broken or not exists(needs)):
            raise LeftAlone(f"Not done, because {needs} is not there", path=needs)

    def done(self, operation: Operation, stamp: Stamp | None, content_hash: str) -> None:
        if isinstance(operation, Move | Copy | Extract | Link):
            self.broken.pop(operation.target, None)
            if stamp is not None and not isinstance(operation, Link):
                self.stamps[operation.target] = stamp
            if isinstance(operation, Move):
                self.stamps.pop(operation.source, None)
                self.unmoved.pop(operation.source, None)
        elif isinstance(operation, MakeFolder):
            self.folders.pop(operation.path, None)
        elif isinstance(operation, WriteTags | RestoreBytes):
            if stamp is not None:
                self.stamps[operation.path] = stamp
            self.rewritten[operation.path, operation.content_hash] = content_hash

    def failed(self, operation: Operation, problem: FileProblem) -> None:
        reason = problem.message
        if isinstance(operation, Move):
            self.broken[operation.target] = reason
            self.unmoved[operation.source] = reason
        elif isinstance(operation, Copy | Extract | Link):
            self.broken[operation.target] = reason
        elif isinstance(operation, RestoreBytes):
            self.broken[operation.path] = reason
        elif isinstance(operation, RemoveCopy | RemoveLink | RemoveExtracted) and not isinstance(
            problem, LeftAlone
        ):
            # What vouches for it stays in its place, so that it can be removed when this is tried again.
            vouches = operation.archive if isinstance(operation, RemoveExtracted) else operation.original
            self.broken[vouches] = reason
        elif isinstance(operation, MakeFolder) and not isinstance(problem, LeftAlone):
            self.folders[operation.path] = problem

    def check(self, operation: Operation) -> None:
        """Refuse what rests on an operation that was not done."""
        if isinstance(operation, Move | Copy | Extract | Link):
            needed, folder = operation.source, operation.target.parent
        else:
            needed, folder = operation.path, operation.path.parent
        if folder in self.folders and isinstance(
            operation, Move | Copy | Extract | Link | MakeFolder | WriteEntries
        ):
            raise self.folders[folder]
        reason = self.broken.get(needed)
        sample = companion_of(PurePosixPath(needed.name))
        if reason is None and sample is not None:
            # A companion goes where its sample goes, or stays with it; so does a sidecar.
            among = self.unmoved if isinstance(operation, Move) else self.broken
            reason = among.get(needed.with_name(sample.name))
        if reason is not None and isinstance(
            operation, Move | Copy | Link | WriteAttribute | WriteTags | RestoreBytes | WriteSidecar
        ):
            raise LeftAlone(f"Not done, because of what went before: {reason}", path=needed)

    def expected_hash(self, path: Path, planned: str) -> str:
        """Follow what this batch has made of bytes, as often as it has written to them."""
        seen = {planned}
        while (after := self.rewritten.get((path, planned))) is not None and after not in seen:
            planned = after
            seen.add(after)
        return planned


def known_of(records: Sequence[OperationRecord], stop: Stop) -> Known:
    """Gather what earlier chunks of a batch have done."""
    known = Known(stop=stop)
    for record in records:
        if record.state == "done":
            known.done(record.operation, record.stamp_after, record.hash_after)
        elif record.state in ("failed", "skipped") and not isinstance(record.operation, Skip):
            kind = LeftAlone if record.state == "skipped" else FileProblem if record.lasting else Transient
            problem = kind(record.error, hint=record.hint)
            known.failed(record.operation, problem)
    return known
