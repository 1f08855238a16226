"""What would come of a plan, were it executed now: the checks of the executor, and none of its acts.

An undo meets a disk on which users have been at work since. Its dry run tells what would be refused, in the
sentences of the run itself.
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from organizer.errors import FileProblem
from organizer.execution.known import Known
from organizer.execution.problems import (
    NOT_IN_ARCHIVE,
    OTHER_ORIGINAL,
    LeftAlone,
    appeared,
    changed,
    gone,
    no_link,
    stands_alone,
    translate,
)
from organizer.execution.writers import sidecar
from organizer.planning.operations import (
    ACTIONS,
    Copy,
    Discard,
    Extract,
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
    WriteAttribute,
    WriteEntries,
    WriteSidecar,
    WriteTags,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from organizer.execution.filesystem import Filesystem
    from organizer.planning.operations import Plan


class Foresight:
    """Plans that would be executed one after the other."""

    def __init__(self, filesystem: Filesystem) -> None:
        self._files = filesystem
        self._known = Known()
        self._gone: set[Path] = set()  # what would be gone by then
        self._made: set[Path] = set()  # what would be there by then
        self._rewritten: set[Path] = set()
        self._inside: Counter[Path] = Counter()  # folder -> what would be made in it

    def of(self, plan: Plan) -> Plan:
        """Give a plan as it would be done; what would be refused is a `Skip` with the reason."""
        self._known = Known()
        return replace(plan, operations=tuple(self._look(plan.operations)), turns=())

    def _extract(self, extraction: Extract) -> None:
        archive, member = extraction.archive, extraction.member
        self._known.check_needs(extraction.needs, self.is_there)
        if archive not in self._made and not self._files.exists(extraction.staged):
            self._files.stamp(archive)
            if self._known.hashes(archive).get(member) != extraction.content_hash:
                raise changed(archive)
        self._take(extraction.target)

    def is_there(self, path: Path) -> bool:
        """Say whether something would lie there after the plans seen so far."""
        return path in self._made or (path not in self._gone and self._files.exists(path))

    def _look(self, operations: Iterable[Operation]) -> Iterator[Operation]:
        for operation in operations:
            if isinstance(operation, Skip):
                yield operation
                continue
            about = operation.source if hasattr(operation, "source") else operation.path
            try:
                self._known.check(operation)
                for name in ("path", "source", "target"):
                    if hasattr(operation, name):
                        self._files.check_way(getattr(operation, name))
                self._check(operation)
            except FileProblem as found:
                problem = found
            except OSError as error:
                problem = translate(error, about)
            else:
                self._known.done(operation, None, _leaves(operation))
                yield operation
                continue
            self._known.failed(operation, problem)
            if isinstance(problem, LeftAlone) and not isinstance(operation, ACTIONS):
                continue  # a folder that is there already, or not empty: nobody asked for it by itself
            yield Skip(
                path=about,
                reason=problem.message,
                hint=problem.hint,
                rule=getattr(operation, "rule", ""),
                lasting=problem.lasting,
            )

    def _check(self, operation: Operation) -> None:
        """Raise what the executor would raise, and take note of what would then be where."""
        match operation:
            case Move():
                self._move(operation)
            case Extract():
                self._extract(operation)
            case (
                Copy(source=source, target=target, content_hash=content_hash)
                | Link(source=source, target=target, content_hash=content_hash)
            ):
                self._must_hold(source, self._known.expected_hash(source, content_hash))
                self._take(target)
            case WriteEntries(path=path):
                self._make(path)
                self._rewritten.add(path)
            case RemoveEntries(path=path, content_hash=content_hash, restored_hash=""):
                if not self.is_there(path):
                    raise gone(path)
                if path in self._made or self._files.content_hash(path) == content_hash:
                    self._leave(path)
                self._rewritten.add(path)
            case RemoveEntries(path=path):
                self._rewritten.add(path)
            case RemoveCopy() | RemoveExtracted() | RemoveLink():
                self._remove(operation)
            case Discard(path=path):
                self._leave(path)
            case RemoveSidecar(path=path, content=content):
                self._files.stamp(path)
                if not sidecar.holds(path, content):
                    raise changed(path)
                self._leave(path)
            case WriteSidecar(path=path):
                self._take(path)
            case (
                WriteTags(path=path, content_hash=content_hash)
                | RestoreBytes(path=path, content_hash=content_hash)
            ):
                self._must_hold(path, self._known.expected_hash(path, content_hash))
                self._rewritten.add(path)
            case WriteAttribute(path=path, name=name, before=before):
                if path not in self._made and self._files.attribute(path, name) != before:
                    raise changed(path)
            case MakeFolder(path=path):
                if self.is_there(path):
                    raise LeftAlone(f"The folder {path} is there already", path=path)
                self._make(path)
            case RemoveFolder(path=path):
                self._empty(path)
            case _:
                pass

    def _move(self, move: Move) -> None:
        self._known.check_needs(move.needs, self.is_there)
        if move.source not in self._made:
            stamp = self._files.stamp(move.source)
            same = stamp.is_like(move.stamp)
            if not same and move.source not in self._rewritten:
                raise changed(move.source)
            if stamp.inode != move.stamp.inode and move.source not in self._rewritten:
                self._must_hold(move.source, move.content_hash)
        if not self._files.is_alias(move.source, move.target):
            self._take(move.target)
        self._leave(move.source)

    def _remove(self, removal: RemoveCopy | RemoveExtracted | RemoveLink) -> None:
        path = removal.path
        if not self.is_there(path):
            raise gone(path)
        match removal:
            case RemoveLink(original=original, pointer=pointer):
                if original not in self._made and not self._files.is_link(path, original, pointer):
                    raise no_link(path, original)
            case RemoveCopy(original=original, content_hash=content_hash):
                self._must_hold(path, content_hash)
                known = original not in self._made and original not in self._rewritten
                if known and not self._files.is_another_of(original, path, content_hash):
                    raise stands_alone(path, OTHER_ORIGINAL)
            case RemoveExtracted(archive=archive, member=member, content_hash=content_hash):
                self._must_hold(path, content_hash)
                if archive not in self._made and self._known.hashes(archive).get(member) != content_hash:
                    raise stands_alone(path, NOT_IN_ARCHIVE)
        self._leave(path)

    def _must_hold(self, path: Path, content_hash: str) -> None:
        if path in self._made or path in self._rewritten:
            return
        self._files.stamp(path)
        if content_hash and self._files.content_hash(path) != content_hash:
            raise changed(path)

    def _take(self, path: Path) -> None:
        if self.is_there(path):
            raise appeared(path)
        self._gone.discard(path)
        self._make(path)

    def _make(self, path: Path) -> None:
        if path not in self._made:
            self._made.add(path)
            self._inside[path.parent] += 1

    def _leave(self, path: Path) -> None:
        if path in self._made:
            self._made.discard(path)
            self._inside[path.parent] -= 1
        self._gone.add(path)

    def _empty(self, path: Path) -> None:
        if not self.is_there(path) or path.is_symlink():
            raise LeftAlone(f"The folder {path} is no longer there", path=path)
        left = bool(self._inside[path])
        with suppress(FileNotFoundError):
            left = left or any(one not in self._gone for one in path.iterdir())
        if left:
            raise LeftAlone(f"The folder {path} is not empty", path=path)
        self._leave(path)


def _leaves(operation: Operation) -> str:
    """Say what a rewritten file would hold, where that is known."""
    return operation.restored_hash if isinstance(operation, RestoreBytes) else ""
