"""Turning batches around: from the journal's records to plans, and through the same executor.

It reads the journal and makes plans; the executor alone touches files. Used by `undo` and `redo`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from organizer.execution.locks import execution_lock
from organizer.planning.operations import Move, Plan
from organizer.planning.undo import invert

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from organizer.config import Config
    from organizer.execution.executor import Executor, Outcome
    from organizer.execution.journal import Journal
    from organizer.execution.records import BatchRecord
    from organizer.library.index import Index
    from organizer.planning.undo import Done

# How long a command waits for the service to finish the batch in hand.
PATIENCE = 10.0


class Undoing:
    """Undoes batches, the newest first; an undo is a batch of its own and can be undone."""

    def __init__(
        self, *, config: Config, state: Path, journal: Journal, executor: Executor, index: Index
    ) -> None:
        self._config = config
        self._state = state
        self._journal = journal
        self._executor = executor
        self._index = index

    def plan(self, batch: BatchRecord) -> Plan:
        """Plan the way back of one batch."""
        done = self._journal.done([self._latest_doing(batch).id])
        redo = batch.origin == "undo"
        return Plan(
            origin="undo",
            title=f"{'redo' if redo else 'undo'} of {_plain_title(batch)}",
            inbox=batch.inbox,
            operations=invert(done),
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
                plan = self.plan(batch)
                outcome = self._executor.run(plan, progress=partial(progress, plan.title))
                self._index.moved(
                    (result.operation.source, result.operation.target)
                    for result in outcome.results
                    if result.state == "done" and isinstance(result.operation, Move)
                )
            outcomes.append(outcome)
        return outcomes

    def _latest_doing(self, batch: BatchRecord) -> BatchRecord:
        """Find the redo by which a batch is in force again: it knows the files as they are now."""
        for other in self._journal.batches():
            if other.origin != "undo" or other.undone:
                continue
            for turned in map(self._journal.batch, other.undoes):
                if turned is not None and turned.origin == "undo" and batch.id in turned.undoes:
                    return other
        return batch

    def _inbox_emptied_by(self, done: Sequence[Done]) -> Path | None:
        """Find the inbox that a batch took files from: what comes back to it must not be filed again."""
        for one in done:
            if isinstance(one.operation, Move):
                inbox = self._config.inbox_of(one.operation.source)
                if inbox is not None:
                    return inbox.root
        return None


def _plain_title(batch: BatchRecord) -> str:
    """Name the batch at the bottom of a chain of undos and redos."""
    title = batch.title
    for prefix in ("undo of ", "redo of "):
        title = title.removeprefix(prefix)
    return title
