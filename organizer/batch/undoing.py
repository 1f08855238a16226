"""Turning batches around: from the journal's records to plans, and through the same executor.

It reads the journal and makes plans; the executor alone touches files. Used by `undo` and `redo`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from organizer.batch.whereabouts import Search, Whereabouts
from organizer.execution.codec import encode
from organizer.execution.foresight import Foresight
from organizer.execution.locks import execution_lock
from organizer.execution.outcome import Outcome, Result
from organizer.execution.recovery import recover
from organizer.planning.operations import (
    ACTIONS,
    Copy,
    Extract,
    Link,
    MakeFolder,
    Move,
    Operation,
    Plan,
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
    followed,
)
from organizer.planning.standing import Standing
from organizer.planning.undo import Turned, concerning, followed_to, turned
from organizer.stopping import Stopped, never

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from organizer.config import Config
    from organizer.execution.executor import Executor
    from organizer.execution.filesystem import Filesystem
    from organizer.execution.journal import Journal
    from organizer.execution.reader import JournalReader
    from organizer.execution.records import BatchRecord
    from organizer.library.index import Index
    from organizer.planning.undo import Done
    from organizer.stopping import Stop

# How long a command waits for the service to finish the batch in hand.
PATIENCE = 10.0


# No batch of which only some files are asked for.
NOTHING: Mapping[int, Collection[Path]] = MappingProxyType({})
# So many files are named in the title of an undo.
NAMED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class _WayBack:
    plan: Plan
    found: Mapping[Path, Path]  # files that users have moved: where they were, and are


class Undoing:
    """Undoes batches, the newest first; an undo is a batch of its own and can be undone."""

    def __init__(
        self,
        *,
        config: Config,
        state: Path,
        journal: Journal,
        executor: Executor,
        filesystem: Filesystem,
        index: Index,
        renew: Callable[[Collection[str]], None],
    ) -> None:
        """`renew` lets the index say of sounds what is known of them once the user's word is taken back."""
        self._config = config
        self._state = state
        self._journal = journal
        self._executor = executor
        self._filesystem = filesystem
        self._index = index
        self._renew = renew

    def preview(
        self, batches: Iterable[BatchRecord], *, only: Mapping[int, Collection[Path]] = NOTHING
    ) -> list[Plan]:
        """Give the plans of an undo as they would be done one after the other; what would be refused is a
        `Skip` with the reason."""
        foresight = Foresight(self._filesystem)
        ordered = sorted(batches, key=lambda one: -one.id)
        taught = {sound: one.label for sound, one in self._journal.taught().items()}
        ways = (self._way_back(one, only.get(one.id, ()), foresight.is_there, taught) for one in ordered)
        return [foresight.of(way.plan) for way in ways]

    def undo(
        self,
        batches: Iterable[BatchRecord],
        *,
        only: Mapping[int, Collection[Path]] = NOTHING,
        stop: Stop = never,
        progress: Callable[[str, int, int], None],
    ) -> list[Outcome]:
        """Undo batches, or of some of them `only` these files, the newest first, each under the execution
        lock.

        Where it is time to stop, there are fewer outcomes than batches, and the last may have come to its end
        only in part: recovery does the rest of that one.
        """
        outcomes: list[Outcome] = []
        for batch in sorted(batches, key=lambda one: -one.id):
            try:
                outcomes.append(self._undo(batch, only.get(batch.id, ()), stop, progress))
            except Stopped:
                break
            if outcomes[-1].stopped:
                break
        return outcomes

    def _undo(
        self,
        batch: BatchRecord,
        only: Collection[Path],
        stop: Stop,
        progress: Callable[[str, int, int], None],
    ) -> Outcome:
        what = f"undo of batch {batch.id}"
        with (
            execution_lock(self._state, wait=PATIENCE, what=what, stop=stop),
            self._filesystem.asking(stop),
        ):
            # What a crash left under way is brought to its end first, or it would be filed after all.
            recover(self._journal, self._filesystem, self._executor, stop=stop)
            now = self._journal.batch(batch.id) or batch
            if now.state == "open":
                return Outcome(batch=None, results=(_waiting(now),))
            if now.undone and now.undone_by != batch.undone_by:
                return Outcome(batch=None, results=())  # another command was quicker
            taught = {sound: one.label for sound, one in self._journal.taught().items()}
            way = self._way_back(now, only, self._filesystem.exists, taught)
            if stop():
                raise Stopped
            self._index.moved(way.found.items())
            outcome = self._executor.run(way.plan, stop=stop, progress=partial(progress, way.plan.title))
            done = [result.operation for result in outcome.results if result.state == "done"]
            self._index.moved(followed(done))
            if sounds := {one.sound_id for one in done if isinstance(one, Teach)}:
                self._renew(sounds)
            return outcome

    def _way_back(
        self,
        batch: BatchRecord,
        only: Collection[Path],
        is_there: Callable[[Path], bool],
        taught: dict[str, str | None],
    ) -> _WayBack:
        """Find the way back from where things are; `taught`, the user's words by sound, follows it."""
        members = self._in_force(batch)
        whole = self._journal.done([one.id for one in members])
        done = concerning(whole, only) if only else whole
        operations = [one for member in members for one in self._inverse(member, members, only)]
        redo = batch.origin == "undo" and not is_redo(batch, self._journal)
        # What lies in an inbox now may be a fresh copy, with an inode that was free again.
        roots = self._roots if redo else self._config.library_roots
        whereabouts = self._look_for(operations, Standing(whole), is_there, roots)
        title = first_of(batch, self._journal).title
        back = self._with_folders(followed_to(operations, whereabouts.found, whereabouts.alike), is_there)
        back += self._left_behind(back, {one.id for one in members})
        back = [replace(one, operation=_unsaid(one.operation, taught)) for one in back]
        plan = Plan(
            origin="undo",
            title=" ".join(("redo of" if redo else "undo of", *named(only), title)),
            inbox=batch.inbox,
            operations=tuple(one.operation for one in back),
            turns=tuple(one.of for one in back),
            undoes=(batch.id,),
            part=bool(only),
            hold=None if redo else self._inbox_emptied_by(done),
        )
        return _WayBack(plan=plan, found=whereabouts.found)

    def _with_folders(self, operations: Iterable[Turned], is_there: Callable[[Path], bool]) -> list[Turned]:
        """Make folders that somebody else has taken away meanwhile, in an inbox or library that is there."""
        roots = [root for root in self._roots if root.is_dir()]
        there: set[Path] = set()  # or made by then
        whole: list[Turned] = []
        for one in operations:
            operation = one.operation
            # A file that tells of a whole folder may lie in one that another batch has made.
            makes = operation.path if isinstance(operation, MakeFolder) else None
            written = operation.path if isinstance(operation, WriteEntries) else None
            place = makes or written or getattr(operation, "target", None)
            if makes in there:
                continue
            for folder in reversed(place.parents if place is not None else ()):
                if folder in there or not any(root in folder.parents for root in roots):
                    continue
                if not is_there(folder):
                    whole.append(Turned(MakeFolder(path=folder)))
                there.add(folder)
            if makes is not None:
                there.add(makes)
            whole.append(one)
        return whole

    def _left_behind(self, operations: Iterable[Turned], undone: Collection[int]) -> list[Turned]:
        """Remove the folders of a library that were made by these batches, or by others that are undone and
        had to leave them, since something was in them still. Those that are not empty stay.
        """
        leaving: set[Path] = set()
        removed: set[Path] = set()
        for one in operations:
            match one.operation:
                case RemoveFolder(path=path):
                    removed.add(path)
                case (
                    Move(source=path)
                    | RemoveCopy(path=path)
                    | RemoveExtracted(path=path)
                    | RemoveLink(path=path)
                    | RemoveSidecar(path=path)
                    | RemoveEntries(path=path)
                ):
                    leaving.update(path.parents)
        libraries = self._config.library_roots
        ours = [
            folder
            for folder in leaving - removed
            if any(root in folder.parents for root in libraries)
            and (maker := self._journal.maker_of(folder)) is not None
            and (maker.undone or maker.id in undone)
        ]
        return [Turned(RemoveFolder(path=folder)) for folder in sorted(ours, reverse=True)]

    @cached_property
    def _roots(self) -> list[Path]:
        return [*self._config.library_roots, *(one.root for one in self._config.inbox)]

    def _look_for(
        self,
        operations: Sequence[Turned],
        standing: Standing,
        is_there: Callable[[Path], bool],
        roots: Sequence[Path],
    ) -> Whereabouts:
        """Look for files that users have renamed or moved since; on a disk that is out nothing is missing."""
        away = [root for root in self._roots if self._journal.is_away(root)]
        spoken_of = {
            getattr(one.operation, name)
            for one in operations
            for name in ("path", "source", "original")
            if hasattr(one.operation, name)
        }
        missing = {
            path: lying
            for path in sorted(spoken_of)
            if (lying := standing.get(path)) is not None
            and not is_there(path)
            and not any(path.is_relative_to(root) for root in away)
        }
        search = Search(
            roots=[root for root in roots if root not in away],
            is_spoken_for=lambda path: self._journal.leaving(path) is not None,
            content_hash=self._filesystem.content_hash,
            sound_id=self._filesystem.sound_id,
            sound_before=self._sound_at,
        )
        goals = {
            one.operation.source: one.operation.target
            for one in operations
            if isinstance(one.operation, Move)
        }
        return search.find(missing, goals)

    def _sound_at(self, path: Path) -> str | None:
        entry = self._index.get(path)
        return None if entry is None else entry.sample.facts.sound_id

    def _in_force(self, batch: BatchRecord) -> list[BatchRecord]:
        """Give a batch, and the redos by which what was undone of it is in force again, the newest first."""
        members = [batch]
        for undo in self._journal.turning(batch.id):
            if undo.undone:
                redos = (one for one in self._journal.turning(undo.id) if not one.undone)
                members += [one for redo in redos for one in self._in_force(redo)]
        return sorted(members, key=lambda one: -one.id)

    def _inverse(
        self, member: BatchRecord, members: Sequence[BatchRecord], only: Collection[Path]
    ) -> list[Turned]:
        """Turn around what one of these has done and no later undo has put back; what an undo could not do is
        tried again."""
        done = self._journal.done([member.id])
        undos = sorted(
            {undo.id for one in members for undo in self._journal.turning(one.id) if undo.id > member.id}
        )
        back = self._journal.turned_by(undos)
        # Undos of before operations had numbers tell by what they were.
        alike = {encode(one.operation) for one in self._journal.done(undos)} if undos and not back else set()
        left = [
            one
            for one in turned(concerning(done, only) if only else done)
            if not isinstance(one.operation, ACTIONS)
            or (one.of not in back and encode(one.operation) not in alike)
        ]
        # Of what is all back, the folders are as well.
        return left if not undos or any(isinstance(one.operation, ACTIONS) for one in left) else []

    def _inbox_emptied_by(self, done: Sequence[Done]) -> Path | None:
        """Find the inbox that a batch worked on: what comes back to it must not be filed again."""
        for one in done:
            match one.operation:
                case (
                    Move(source=path)
                    | Copy(source=path)
                    | Link(source=path)
                    | Extract(archive=path)
                    | WriteTags(path=path)
                    | RestoreBytes(path=path)
                    | WriteAttribute(path=path)
                    | WriteEntries(path=path)
                    | WriteSidecar(path=path)
                ):
                    inbox = self._config.inbox_of(path)
                    if inbox is not None:
                        return inbox.root
        return None


def _unsaid(operation: Operation, taught: dict[str, str | None]) -> Operation:
    """Refuse to take back a word that is in force no more."""
    if not isinstance(operation, Teach):
        return operation
    if taught.get(operation.sound_id) != operation.was:
        return Skip(path=operation.path, reason="you have said something else of it since")
    taught[operation.sound_id] = operation.label
    return operation


def _waiting(batch: BatchRecord) -> Result:
    """Say of a batch that was broken off why it cannot be undone yet."""
    reason = f"batch {batch.id} was interrupted, and waits for a disk that is not there"
    hint = "Plug it in; `organizer status` tells which it is"
    skip = Skip(path=Path(batch.title), reason=reason, hint=hint, lasting=False)
    return Result(operation=skip, state="skipped", error=reason, hint=hint, lasting=False)


def named(only: Collection[Path]) -> list[str]:
    """Name files in the title of an undo: "Kick.wav of"."""
    names = [one.name for one in only]
    more = [f"and {len(names) - NAMED} more"] if len(names) > NAMED else []
    return [", ".join([*names[:NAMED], *more]), "of"] if names else []


def is_redo(batch: BatchRecord, journal: JournalReader) -> bool:
    """Say whether a batch turned an undo around, so that what was undone is in force again."""
    turned = _turned_by(batch, journal)
    return turned is not None and turned.origin == "undo" and not is_redo(turned, journal)


def first_of(batch: BatchRecord, journal: JournalReader) -> BatchRecord:
    """Give the batch at the bottom of a chain of undos and redos."""
    while (turned := _turned_by(batch, journal)) is not None:
        batch = turned
    return batch


def _turned_by(batch: BatchRecord, journal: JournalReader) -> BatchRecord | None:
    return journal.batch(batch.undoes[0]) if batch.undoes else None
