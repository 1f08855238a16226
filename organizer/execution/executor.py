"""Does what a plan says, safely: intent into the journal, act, then what came of it.

Owns the order in which journal and disk are written. A batch is worked off in chunks, each of which
costs a few syncs however many files it moves. The caller holds the execution lock.
"""

from __future__ import annotations

import errno
import logging
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from organizer.errors import CannotWrite, FileProblem, JournalError
from organizer.execution.acts import Acts
from organizer.execution.filesystem import SYNCED_AT_ONCE
from organizer.execution.grounds import Grounds
from organizer.execution.known import Effect, Known, Staged, known_of
from organizer.execution.outcome import Outcome, Result, holds_of, result_of, skipped
from organizer.execution.problems import (
    CrossesDevices,
    LeftAlone,
    LeftOpen,
    changed,
    translate,
    unforeseen,
)
from organizer.execution.records import Closing, Note
from organizer.planning.operations import (
    Extract,
    KeepFolderTime,
    MakeFolder,
    Operation,
    RemoveExtracted,
    RemoveFolder,
    Skip,
    WriteEntries,
)
from organizer.stopping import Stopped, never, until

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from organizer.execution.filesystem import Filesystem
    from organizer.execution.journal import Journal
    from organizer.execution.records import BatchRecord, OperationRecord
    from organizer.planning.operations import Plan
    from organizer.stopping import Stop

    Progress = Callable[[int, int], None]

logger = logging.getLogger(__name__)

# Enough that syncs are few per file, few enough that a crash leaves little to look at again.
CHUNK = 200


class Executor:
    """The only one who changes the user's files."""

    def __init__(
        self, journal: Journal, filesystem: Filesystem, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._journal = journal
        self._files = filesystem
        self._clock = clock

    def run(
        self,
        plan: Plan,
        *,
        batch: int | None = None,
        model_id: str = "",
        rules_digest: str = "",
        progress: Progress | None = None,
        stop: Stop = never,
    ) -> Outcome:
        """Execute a plan as a new batch, or as more of the open batch `batch`.

        A problem with one file is in its result. Where it is time to stop, an operation that is still reading
        or copying is given up; it is pending, like those after it. What is raised (`JournalError`, `Stopped`
        before anything was done, a `FileProblem` of a disk that cannot be synced) leaves the batch open, for
        recovery to bring to its end.
        """
        if not plan.actions and not (
            plan.undoes and any(not isinstance(one, Skip) for one in plan.operations)
        ):
            return Outcome(batch=batch, results=tuple(skipped(one) for one in plan.operations))
        if batch is None or self._journal.is_undone(batch):
            # What joined a batch that was undone could never be undone itself.
            batch = self._journal.begin(plan, model_id=model_id, rules_digest=rules_digest, now=self._clock())
        else:
            self._journal.join(batch, plan, now=self._clock())
        return self._carry_on(batch, len(plan.operations), progress, stop)

    def resume(self, batch: int, *, progress: Progress | None = None, stop: Stop = never) -> Outcome:
        """Go on with what is still planned of a batch that was stopped or interrupted."""
        return self._carry_on(batch, None, progress, stop)

    def _carry_on(self, batch: int, newest: int | None, progress: Progress | None, stop: Stop) -> Outcome:
        record = self._journal.batch(batch)
        if record is None:
            raise JournalError(f"There is no batch {batch} in the journal", path=self._journal.path)
        records = self._journal.operations(batch, stop=stop)
        known = known_of(records, stop)
        grounds = Grounds(self._journal.folders, self._journal.is_away)
        planned = [one for one in records if one.state == "planned"]
        told = planned if newest is None else records[len(records) - newest :]
        results = {one.id: skipped(one.operation) for one in told if isinstance(one.operation, Skip)}
        total, done = len(planned), 0
        stopped = False
        try:
            for start in range(0, total, CHUNK):
                stopped = stop()
                if stopped:
                    break
                chunk = _Chunk(self._journal, self._files, known, grounds, self._clock)
                with self._files.asking(stop):
                    closings = chunk.run(
                        record,
                        planned[start : start + CHUNK],
                        stop,
                        _shifted(progress, done, total),
                    )
                done += len(closings)
                results |= {one.id: closing for one, closing in closings}
                stopped = any(one.state == "pending" for one in results.values())
                if stopped:
                    break
        finally:
            known.close()
        if not stopped:
            self._journal.finish(batch, now=self._clock())
        return Outcome(
            batch=batch,
            results=tuple(
                results.get(one.id, Result(operation=one.operation, state="pending")) for one in told
            ),
        )


class _Chunk:
    """A few hundred operations between two commits."""

    def __init__(
        self,
        journal: Journal,
        files: Filesystem,
        known: Known,
        grounds: Grounds,
        clock: Callable[[], float],
    ) -> None:
        self._journal = journal
        self._files = files
        self._known = known
        self._grounds = grounds
        self._clock = clock
        self._acts = Acts(files, known)
        self._staged: list[tuple[OperationRecord, Staged]] = []
        self._closings: dict[int, Closing] = {}
        self._touched: set[Path] = set()

    def run(
        self,
        batch: BatchRecord,
        records: Sequence[OperationRecord],
        stop: Stop,
        progress: Callable[[int], None],
    ) -> list[tuple[OperationRecord, Result]]:
        self._journal.start([one.id for one in records], holds_of(batch, records), now=self._clock())
        try:
            # It was asked just before the chunk.
            for position, record in enumerate(until(stop, records)):
                self._do(record)
                progress(position + 1)
        except Stopped:
            self._give_up_staged()
        self._place_staged()
        try:
            self._files.sync_folders(self._touched)
        except OSError as error:
            # What was done stays open in the journal: recovery looks at the disk again.
            raise translate(error, min(self._touched)) from error
        closings = [self._closings.get(one.id, Closing(id=one.id, state="planned")) for one in records]
        self._journal.settle(closings, now=self._clock())
        return [
            (record, result_of(record.operation, closing))
            for record, closing in zip(records, closings, strict=True)
        ]

    def _do(self, record: OperationRecord) -> None:
        operation = record.operation
        # Entries are written of files that have come to their place.
        waits = isinstance(operation, MakeFolder | RemoveFolder | KeepFolderTime | WriteEntries)
        if self._staged and (waits or self._meets_staged(operation)):
            self._place_staged()
        try:
            self._grounds.check(operation)
            effect = self._acts.act(operation, lambda _, inode: self._journal.reserve(record.id, inode))
        except FileProblem as problem:
            self._fail(record, problem)
        except OSError as error:
            self._fail(record, translate(error, _written(operation)))
        except (JournalError, Stopped):
            raise
        except Exception as error:  # what nobody has thought of concerns this file alone, and is told
            logger.exception("%s", operation)
            self._fail(record, unforeseen(error, _written(operation)))
        else:
            if isinstance(effect, Staged):
                self._staged.append((record, effect))
                if sum(staged.temp.stamp.size for _, staged in self._staged) >= SYNCED_AT_ONCE:
                    self._place_staged()
            else:
                self._succeed(record, effect)

    def _meets_staged(self, operation: Operation) -> bool:
        """Say whether an operation speaks of a file that is not yet in its place."""
        named = {
            getattr(operation, name)
            for name in ("path", "source", "target", "original", "needs")
            if getattr(operation, name, None) is not None
        }
        if isinstance(operation, RemoveExtracted):
            named.add(operation.archive)
        waiting = {staged.target for _, staged in self._staged}
        waiting |= {staged.removes[0] for _, staged in self._staged if staged.removes}
        waiting |= {one.operation.archive for one, _ in self._staged if isinstance(one.operation, Extract)}
        # A companion and a sidecar lean on their sample's place as well.
        beside = any(
            path.name.startswith(one.name) and path.parent == one.parent for path in named for one in waiting
        )
        return beside or not named.isdisjoint(waiting)

    def _give_up_staged(self) -> None:
        """Remove the temps that have no names yet: bringing them to the disk first would take its time.

        What they were written for is as it was, and planned again.
        """
        for _, one in self._staged:
            self._files.discard_temp(one.temp)
        self._staged.clear()

    def _place_staged(self) -> None:
        """Bring all temps to the disk together, write down what they are, then give them their names."""
        staged, self._staged = self._staged, []
        if not staged:
            return
        try:
            # What a source holds is to be on its disk before it may be the copy of what was there before.
            self._files.sync_folders(
                self._touched & {one.removes[0].parent for _, one in staged if one.removes is not None}
            )
            self._files.sync_temps([one.temp.path for _, one in staged])
        except OSError as error:
            for record, one in staged:
                self._files.discard_temp(one.temp)
                self._fail(record, translate(error, one.target))
            return
        self._journal.note(
            [
                Note(
                    id=record.id,
                    temp=one.temp.path,
                    inode=one.temp.stamp.inode,
                    hash_after=one.content_hash,
                    hash_before=one.hash_before,
                    patch=one.patch,
                )
                for record, one in staged
            ]
        )
        placed = [(record, one) for record, one in staged if self._place(record, one)]
        leaving = [(record, one) for record, one in placed if one.removes is not None]
        try:
            # The copy's name is on the disk before the source's goes.
            self._files.sync_folders({one.target.parent for _, one in leaving})
        except OSError as error:
            for record, one in leaving:
                self._take_back(record, one, translate(error, one.target))
            return
        for record, one in leaving:
            self._remove_source(record, one)

    def _place(self, record: OperationRecord, staged: Staged) -> bool:
        try:
            self._grounds.check(record.operation)
            self._files.check_way(staged.target)
            if staged.replaces is not None:
                after = self._files.replace_with(staged.target, staged.temp, staged.replaces)
            else:
                after = self._files.place_temp(
                    staged.temp, staged.target, lambda _, inode: self._journal.reserve(record.id, inode)
                )
        except FileProblem as problem:
            self._files.discard_temp(staged.temp)
            self._fail(record, problem)
            return False
        except LeftOpen as error:
            raise CannotWrite(
                f"{staged.target} could be neither rewritten nor left as it was",
                path=staged.target,
                hint="The next run looks at it again",
            ) from error
        except CrossesDevices:
            # Two folders of one device number, and yet two mounts.
            self._files.discard_temp(staged.temp)
            elsewhere = CannotWrite(
                f"{staged.target} lies on another disk than it seemed",
                path=staged.target,
                hint="Sort it again",
            )
            self._fail(record, elsewhere)
            return False
        except OSError as error:
            self._files.discard_temp(staged.temp)
            found = translate(error, staged.target)
            if not staged.target.parent.is_dir():
                raise found from error  # the disk is gone, and what kept the name may be on it: left open
            self._fail(record, found)
            return False
        effect = Effect(stamp=after, content_hash=staged.content_hash, touched=(staged.target.parent,))
        self._succeed(record, effect)
        return True

    def _remove_source(self, record: OperationRecord, staged: Staged) -> None:
        """End a move from another disk; where the source cannot go, the copy goes instead.

        A source that is gone by now, or is another one, is none of this move's: the copy alone holds what was
        to be moved. One whose disk is gone will come back with it: left open, for recovery to remove it.
        """
        if staged.removes is None:
            return
        source, expected = staged.removes
        copy = self._closings[record.id].stamp_after
        try:
            if copy is not None:
                self._files.check(staged.target, copy)
        except FileProblem:
            if not staged.target.parent.is_dir():
                # The disk is gone, and with it the copy: left open, for recovery to compare the two.
                raise translate(FileNotFoundError(errno.ENOENT, ""), staged.target) from None
            # Somebody took the copy away: the source is all there is.
            self._fail(record, changed(staged.target))
            return
        except OSError as error:
            self._take_back(record, staged, translate(error, staged.target))
            return
        try:
            self._files.remove_file_if(source, expected)
        except FileProblem as problem:
            if not self._grounds.hold(source):
                raise
            logger.info("%s (moved to %s as it was before)", problem.message, staged.target)
        except OSError as error:
            self._take_back(record, staged, translate(error, source))
        else:
            self._touched.add(source.parent)

    def _take_back(self, record: OperationRecord, staged: Staged, problem: FileProblem) -> None:
        """Remove a copy whose source is still there and unchanged."""
        copy = self._closings[record.id].stamp_after
        if not staged.target.parent.is_dir():
            raise problem  # the disk is gone, and with it the copy: left open, for recovery
        self._fail(record, problem)
        with suppress(FileProblem, OSError):
            if copy is not None:
                self._files.remove_file_if(staged.target, copy)

    def _succeed(self, record: OperationRecord, effect: Effect) -> None:
        self._closings[record.id] = Closing(
            id=record.id, state="done", stamp_after=effect.stamp, hash_after=effect.content_hash
        )
        self._known.done(record.operation, effect.stamp, effect.content_hash)
        self._touched.update(effect.touched)

    def _fail(self, record: OperationRecord, problem: FileProblem) -> None:
        self._closings[record.id] = Closing(
            id=record.id,
            state="skipped" if isinstance(problem, LeftAlone) else "failed",
            error=problem.message,
            hint=problem.hint,
            lasting=problem.lasting,
        )
        self._known.failed(record.operation, problem)


def _shifted(progress: Progress | None, before: int, total: int) -> Callable[[int], None]:
    def within(done: int) -> None:
        if progress is not None:
            progress(before + done, total)

    return within


def _written(operation: Operation) -> Path:
    return operation.target if hasattr(operation, "target") else operation.path
