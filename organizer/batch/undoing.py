"""Turning batches around: from the journal's records to plans, and through the same executor.

It reads the journal and makes plans; the executor alone touches files. Used by `undo` and `redo`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from organizer.execution.codec import encode
from organizer.execution.locks import execution_lock
from organizer.execution.outcome import Outcome
from organizer.execution.recovery import recover
from organizer.planning.operations import (
    ACTIONS,
    Copy,
    Extract,
    Link,
    Move,
    Plan,
    RestoreBytes,
    WriteAttribute,
    WriteEntries,
    WriteSidecar,
    WriteTags,
    followed,
)
from organizer.planning.undo import invert

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from organizer.config import Config
    from organizer.execution.executor import Executor
    from organizer.execution.filesystem import Filesystem
    from organizer.execution.journal import Journal
    from organizer.execution.reader import JournalReader
    from organizer.execution.records import BatchRecord
    from organizer.library.index import Index
    from organizer.planning.undo import Done

# How long a command waits for the service to finish the batch in hand.
PATIENCE = 10.0


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
    ) -> None:
        self._config = config
        self._state = state
        self._journal = journal
        self._executor = executor
        self._filesystem = filesystem
        self._index = index

    def plan(self, batch: BatchRecord) -> Plan:
        """Plan the way back of one batch."""
        latest = self._latest_doing(batch)
        done = self._journal.done([latest.id])
        redo = batch.origin == "undo" and not is_redo(batch, self._journal)
        back = self._turned_already(latest)
        return Plan(
            origin="undo",
            title=f"{'redo' if redo else 'undo'} of {first_of(batch, self._journal).title}",
            inbox=batch.inbox,
            operations=tuple(
                one for one in invert(done) if not isinstance(one, ACTIONS) or encode(one) not in back
            ),
            undoes=(batch.id,),
            hold=None if redo else self._inbox_emptied_by(done),
        )

    def undo(
        self, batches: Sequence[BatchRecord], *, progress: Callable[[str, int, int], None]
    ) -> list[Outcome]:
        """Undo batches, the newest first, each under the execution lock."""
        outcomes = []
        for batch in sorted(batches, key=lambda one: -one.id):
            with execution_lock(self._state, wait=PATIENCE, what=f"undo of batch {batch.id}"):
                # What a crash left under way is brought to its end first, or it would be filed after all.
                recover(self._journal, self._filesystem, self._executor)
                now = self._journal.batch(batch.id) or batch
                if now.undone and now.undone_by != batch.undone_by:
                    outcomes.append(Outcome(batch=None, results=()))  # another command was quicker
                    continue
                plan = self.plan(now)
                outcome = self._executor.run(plan, progress=partial(progress, plan.title))
                done = [result.operation for result in outcome.results if result.state == "done"]
                self._index.moved(followed(done))
            outcomes.append(outcome)
        return outcomes

    def _turned_already(self, batch: BatchRecord) -> set[str]:
        """Give what an earlier undo, which could not do all of it, has put back of a batch."""
        if not batch.undone:
            return set()
        undos = [one.id for one in self._journal.turning(batch.id) if not one.undone]
        return {encode(one.operation) for one in self._journal.done(undos)}

    def _latest_doing(self, batch: BatchRecord) -> BatchRecord:
        """Find the redo by which a batch is in force again: it knows the files as they are now."""
        redos = [
            redo
            for undo in self._journal.turning(batch.id)
            for redo in self._journal.turning(undo.id)
            if not redo.undone and redo.counts.get("done")
        ]
        return max(redos, key=lambda redo: redo.id, default=batch)

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
