"""One batch, the whole way: from complete paths to the journal and the index.

The service and `sort` both file through here, and nothing else does. Hearing is slow and holds no lock;
planning and executing happen under the execution lock, on the disk as it is then.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from organizer.batch.gate import Gate
from organizer.batch.pipeline import look_at
from organizer.batch.proposing import PART, Opinion, Progress, Proposal, Proposing, never, unseen
from organizer.batch.remaining import Verdicts
from organizer.errors import LockedError
from organizer.execution.executor import Executor
from organizer.execution.filesystem import Filesystem
from organizer.execution.journal import Journal
from organizer.execution.locks import execution_lock
from organizer.execution.recovery import recover
from organizer.library.index import Entry, Index
from organizer.library.remainders import TROUBLES, Remainder, Remainders
from organizer.planning.operations import Move, WriteTags
from organizer.rules.book import RuleBook

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from organizer.batch.arrivals import Arrival
    from organizer.execution.executor import Outcome, Result

# How long filing waits for another command to finish its batch.
PATIENCE = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What became of one arrival."""

    batch: int | None
    title: str
    filed: int = 0
    left: int = 0
    problems: int = 0
    seconds: float = field(default=0.0, compare=False)
    interrupted: bool = False

    def plus(self, part: Report) -> Report:
        return replace(
            self,
            batch=part.batch or self.batch,
            filed=self.filed + part.filed,
            left=self.left + part.left,
            problems=self.problems + part.problems,
            interrupted=part.interrupted,
        )


@dataclass(kw_only=True)
class Filing:
    """Files arrivals. One at a time; the execution lock keeps other commands apart."""

    state: Path
    proposing: Proposing
    gate: Gate
    book: RuleBook
    journal: Journal
    executor: Executor
    filesystem: Filesystem
    index: Index
    remainders: Remainders
    clock: Callable[[], float] = time.time

    @property
    def model_id(self) -> str:
        return self.proposing.model_id

    def reload(self) -> str | None:
        return self.book.reload()

    def recover(self) -> tuple[str, ...]:
        """Bring an interrupted batch to its end, and let the index follow."""
        self.remainders.forget_gone(os.path.lexists)
        with self._turn("recovery", never):
            said = recover(self.journal, self.filesystem, self.executor)
            for batch in reversed(self.journal.batches(limit=50)):
                self.index.moved(
                    (record.operation.source, record.operation.target)
                    for record in self.journal.operations(batch.id)
                    if record.state == "done" and isinstance(record.operation, Move)
                )
        return said

    def due(self) -> list[Path]:
        """Give the files whose failure is to be tried again now."""
        return self.remainders.due(now=self.clock())

    def wanted(self, root: Path, found: Iterable[tuple[Path, os.stat_result]]) -> list[Path]:
        return self.gate.wanted(root, found)

    def file(
        self,
        arrival: Arrival,
        *,
        stop: Callable[[], bool] = never,
        progress: Progress = unseen,
        forced: bool = False,
    ) -> Report:
        """File an arrival, a part at a time, all of it one batch.

        `forced` files also what is held or known to stay.
        """
        began = self.clock()
        listing = look_at(arrival.inbox.root, inbox=arrival.inbox.title, pack=arrival.pack)
        chosen = self.proposing.chosen(listing, arrival, forced=forced)
        if forced:
            self.journal.release([listing.path(relative) for relative in chosen])
        sum_ = Report(batch=None, title=arrival.title)
        for start in range(0, len(chosen), PART):
            opinion = self.proposing.hear(
                listing,
                chosen[start : start + PART],
                stop=stop,
                progress=progress,
                before=start,
                total=len(chosen),
            )
            if opinion is not None:
                sum_ = sum_.plus(self._act(arrival, opinion, sum_.batch, stop, progress, forced=forced))
            if opinion is None or sum_.interrupted:
                sum_ = replace(sum_, interrupted=True)
                break
        return replace(sum_, seconds=self.clock() - began)

    @contextmanager
    def _turn(self, what: str, stop: Callable[[], bool]) -> Iterator[bool]:
        """Hold the execution lock; False where it was asked to stop before it had it."""
        deadline = time.monotonic() + PATIENCE
        with ExitStack() as lock:
            while True:
                try:
                    lock.enter_context(execution_lock(self.state, wait=1.0, what=what))
                    break
                except LockedError:
                    # stop() also tells whoever watches over us that we are alive.
                    if stop():
                        yield False
                        return
                    if time.monotonic() > deadline:
                        raise
            yield True

    def _act(
        self,
        arrival: Arrival,
        opinion: Opinion,
        batch: int | None,
        stop: Callable[[], bool],
        progress: Progress,
        *,
        forced: bool,
    ) -> Report:
        """Plan and execute under the lock, and write down what came of it."""
        with self._turn(f"filing {arrival.title}", stop) as is_ours:
            if not is_ours:
                return Report(batch=batch, title=arrival.title, interrupted=True)
            proposal = self.proposing.plan(arrival, opinion, forced=forced)
            if batch is None and not forced and arrival.pack is not None:
                # Late files join their pack; loose files of another quiet period are another batch.
                batch = self._batch_to_join(arrival, proposal)
            batch, results = self._execute(proposal, batch, stop, progress)
            return self._remember(proposal, batch, results)

    def _batch_to_join(self, arrival: Arrival, proposal: Proposal) -> int | None:
        """Find the open batch of a pack. One dropped a second time is a batch of its own: to undo both as
        one, two files would have to come back to one place.
        """
        batch = self.journal.open_batch(arrival.inbox.title, arrival.title, now=self.clock())
        if batch is None:
            return None
        wanted = {one.source for one in proposal.plan.operations if isinstance(one, Move)}
        taken = {
            record.operation.source
            for record in self.journal.operations(batch)
            if isinstance(record.operation, Move) and record.state == "done"
        }
        return None if wanted & taken else batch

    def _execute(
        self, proposal: Proposal, batch: int | None, stop: Callable[[], bool], progress: Progress
    ) -> tuple[int | None, tuple[Result, ...]]:
        if not proposal.plan.actions:
            return None, ()
        # Known at its old place first: should we be interrupted, recovery lets the entry follow its file.
        self.index.put(self._entries(proposal))
        outcome: Outcome = self.executor.run(
            proposal.plan,
            batch=batch,
            model_id=self.model_id,
            rules_digest=self.book.digest,
            progress=lambda done, total: progress("filing", done, total),
            stop=stop,
        )
        self.index.moved(
            (result.operation.source, result.operation.target)
            for result in outcome.results
            if isinstance(result.operation, Move) and result.state == "done"
        )
        self.index.rewritten(
            (result.operation.path, result.stamp_after, result.hash_after)
            for result in outcome.results
            if isinstance(result.operation, WriteTags) and result.stamp_after is not None
        )
        return outcome.batch, outcome.results

    def _entries(self, proposal: Proposal) -> list[Entry]:
        moved = {one.source for one in proposal.plan.operations if isinstance(one, Move)}
        tagged = {one.path for one in proposal.plan.operations if isinstance(one, WriteTags)}
        return [
            Entry(
                path=decision.item.path,
                origin=decision.item.origin,
                stamp=decision.item.stamp,
                sample=decision.item.sample,
                rule=decision.rule.name if decision.rule else "",
                heard_at=self.clock(),
            )
            for decision in proposal.decisions
            if decision.item.sample is not None and decision.item.path in moved | tagged
        ]

    def _remember(
        self,
        proposal: Proposal,
        batch: int | None,
        results: tuple[Result, ...],
    ) -> Report:
        """Write down what stays and why, and sum up."""
        verdicts = Verdicts(proposal.plan, results, proposal.problems)
        context, now = self.proposing.context, self.clock()
        put: list[Remainder] = []
        gone: list[Path] = []
        for decision in proposal.decisions:
            path = decision.item.path
            if verdicts.moved(path):
                gone.append(path)
            elif not verdicts.pending(path):
                before = self.remainders.get(path)
                put.append(verdicts.remainder(decision, before, context=context, now=now))
        self.remainders.update(put=put, gone=gone)
        return Report(
            batch=batch,
            title=proposal.plan.title,
            filed=len(gone),
            left=len(put),
            problems=sum(one.nature in TROUBLES for one in put),
            interrupted=any(result.state == "pending" for result in results),
        )
