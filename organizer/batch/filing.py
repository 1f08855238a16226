"""One batch, the whole way: from complete paths to the journal and the index.

The service and `sort` both file through here, and nothing else does. Hearing is slow and holds no lock;
planning and executing happen under the execution lock, on the disk as it is then.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from organizer.batch.agreed import Approval, NotApproved
from organizer.batch.arrivals import Arrival
from organizer.batch.gate import Gate
from organizer.batch.pipeline import is_at
from organizer.batch.proposing import PART, Opinion, Parcel, Progress, Proposal, Proposing, unseen
from organizer.batch.remaining import Verdicts
from organizer.batch.unpacking import sweep
from organizer.errors import FileProblem
from organizer.execution.executor import Executor
from organizer.execution.filesystem import Filesystem
from organizer.execution.journal import Journal
from organizer.execution.locks import execution_lock
from organizer.execution.recovery import recover
from organizer.library.index import Entry, Index
from organizer.library.remainders import TROUBLES, Nature, Remainder, Remainders, next_retry
from organizer.planning.operations import Extract, Move, WriteTags, followed
from organizer.rules.book import RuleBook
from organizer.stopping import Stop, Stopped, never, until

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractContextManager
    from pathlib import PurePosixPath

    from organizer.execution.outcome import Outcome, Result

logger = logging.getLogger(__name__)

_MOST_TOLD = 3  # files of an archive that are named

# How often batches are looked at again that wait for a disk.
SECONDS_WAITING = 30.0

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
    staying: tuple[Remainder, ...] = field(default=(), compare=False)  # what is left in an archive, and why

    def plus(self, part: Report) -> Report:
        return replace(
            self,
            batch=part.batch or self.batch,
            filed=self.filed + part.filed,
            left=self.left + part.left,
            problems=self.problems + part.problems,
            interrupted=part.interrupted,
            staying=(*self.staying, *part.staying),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """One call to file something, and how."""

    arrival: Arrival
    stop: Stop
    progress: Progress
    forced: bool
    approval: Approval | None


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
    libraries: Sequence[Path]
    clock: Callable[[], float] = time.time
    _waiting: set[int] = field(default_factory=set)  # batches whose disks were not there
    _asked: float = 0.0
    _is_behind: bool = False  # the index has yet to follow what recovery found done

    @property
    def model_id(self) -> str:
        return self.proposing.model_id

    @property
    def rules_digest(self) -> str:
        return self.book.digest

    def rest(self) -> None:
        """Let go of memory, when nothing is to be filed for a while."""
        self.proposing.rest()

    def reload(self) -> str | None:
        return self.book.reload()

    def recover(self, *, stop: Stop = never) -> tuple[str, ...]:
        """Bring an interrupted batch to its end, as far as it is not time to stop; let the index follow."""
        try:
            self.remainders.forget_gone(os.path.lexists, stop=stop)
            with self._turn("recovery", stop):
                said = self._recovered(stop)
                sweep(self.libraries)  # after what was unpacked may have served
        except Stopped:
            left = len(self.journal.unfinished())
            return (f"Stopped; interrupted batches left to the next start: {left}",) if left else ()
        return said

    def end_what_broke_off(self, stop: Stop) -> None:
        """Bring a batch to its end that a disk, or a stop, has broken off; `Stopped` when asked to stop."""
        if not self._has_broken_off():
            return
        with self._turn("recovery", stop):
            for sentence in self._recovered(stop):
                logger.info("%s", sentence)

    def _has_broken_off(self) -> bool:
        """Say whether a batch is to be brought to its end; one that waits for a disk only now and then."""
        open_ = {one.id for one in self.journal.unfinished()}
        if self._is_behind or open_ - self._waiting:
            return True
        return bool(open_ and self.clock() >= self._asked + SECONDS_WAITING)

    def _recovered(self, stop: Stop) -> tuple[str, ...]:
        said = recover(self.journal, self.filesystem, self.executor, stop=stop)
        self._is_behind = True
        self._waiting, self._asked = {one.id for one in self.journal.unfinished()}, self.clock()
        for batch in until(stop, reversed(self.journal.batches(limit=50))):
            done = [one for one in self.journal.operations(batch.id, stop=stop) if one.state == "done"]
            self._catch_up(followed(one.operation for one in done))
        self._is_behind = False
        return said

    def _catch_up(self, moves: Iterable[tuple[Path, Path]]) -> None:
        """Let entries follow files that a crash has kept them from following; others may lie there by now."""
        for source, target in moves:
            entry = self.index.get(source)
            if entry is None or is_at(entry, source):
                continue
            if not os.path.lexists(target) or is_at(entry, target):
                self.index.moved([(source, target)])

    def due(self) -> list[Path]:
        """Give the files whose failure is to be tried again now."""
        return self.remainders.due(now=self.clock())

    def retry(self, root: Path) -> None:
        """Let what failed in an inbox be tried again, whatever its time: its disk may have been away."""
        self.remainders.retry(root)

    def wanted(
        self, root: Path, found: Iterable[tuple[Path, os.stat_result]], *, stop: Stop = never
    ) -> Iterable[Path]:
        return self.gate.wanted(root, found, stop=stop)

    def file(
        self,
        arrival: Arrival,
        *,
        stop: Stop = never,
        progress: Progress = unseen,
        forced: bool = False,
        approval: Approval | None = None,
    ) -> Report:
        """File an arrival, a part at a time, all of it one batch.

        `forced` files also what is held or known to stay. Where it is time to stop, what is in hand is given
        up, and the report says that it was interrupted. Raises `NotApproved` before a part is filed in
        which an `approval` does not allow all.
        """
        began = self.clock()
        try:
            self.end_what_broke_off(stop)
            reopened = frozenset() if approval is None else approval.reopened
            whole = self.proposing.parcel(arrival, forced=forced, reopened=reopened, stop=stop)
        except Stopped:
            return Report(batch=None, title=arrival.title, interrupted=True)
        if forced:
            self.journal.release([whole.listing.path(relative) for relative in whole.chosen])
        parcel, archives = self.proposing.sorted_out(whole)
        work = _Work(arrival=arrival, stop=stop, progress=progress, forced=forced, approval=approval)
        alone = archives[0].name if len(archives) == 1 and not parcel.chosen else ""
        sum_ = self._file_parcel(parcel, Report(batch=None, title=alone or arrival.title), work)
        for relative in archives:
            if sum_.interrupted:
                break
            sum_ = self._file_archive(whole, relative, sum_, work)
        return replace(sum_, seconds=self.clock() - began, staying=())

    def _file_parcel(self, parcel: Parcel, sum_: Report, work: _Work) -> Report:
        """File a parcel, a part at a time, as more of what `sum_` tells of."""
        for start in range(0, len(parcel.chosen), PART):
            try:
                opinion = self.proposing.hear(
                    parcel,
                    parcel.chosen[start : start + PART],
                    stop=work.stop,
                    progress=work.progress,
                    before=start,
                    total=len(parcel.chosen),
                )
                sum_ = sum_.plus(self._act(parcel, opinion, sum_, work))
            except Stopped:
                return replace(sum_, interrupted=True)
            if sum_.interrupted:
                break
        return sum_

    def _file_archive(self, whole: Parcel, relative: PurePosixPath, sum_: Report, work: _Work) -> Report:
        """File what is in an archive, then the archive itself, unless something in it could not be filed."""
        # One that was dropped by itself is a pack, and a batch of its own: the one that a crash has cut off.
        own = self.journal.extracting(whole.listing.path(relative))
        begun = replace(sum_, batch=sum_.batch if whole.listing.pack else own, staying=())
        try:
            with self.proposing.inside(whole, relative, stop=work.stop, progress=work.progress) as parcel:
                inside = self._file_parcel(parcel, begun, work)
        except Stopped:
            return replace(sum_, interrupted=True)
        except FileProblem as problem:
            self.stays(whole, relative, Nature.ARCHIVE if problem.lasting else Nature.FAILED, problem)
            return replace(sum_, left=sum_.left + 1, problems=sum_.problems + (not problem.lasting))
        if inside.interrupted:
            return inside
        if inside.staying or parcel.refused:
            natures = [one.nature for one in inside.staying] + [Nature.UNREADABLE] * bool(parcel.refused)
            said = [*(f"{one.path.name}: {one.reason}" for one in inside.staying), *parcel.refused]
            more = f"; and {len(said) - _MOST_TOLD} more" if len(said) > _MOST_TOLD else ""
            rest = FileProblem(
                f"not all of it is filed: {'; '.join(said[:_MOST_TOLD])}{more}",
                hint="What was not filed is still in the archive.",
            )
            self.stays(whole, relative, min(natures, key=list(Nature).index), rest)
            return replace(inside, left=inside.left + 1, problems=inside.problems + bool(parcel.refused))
        return self._file_parcel(replace(whole, chosen=[relative]), inside, work)

    def stays(self, whole: Parcel, relative: PurePosixPath, nature: Nature, problem: FileProblem) -> None:
        """Write down why an archive stays where it is."""
        path, now = whole.listing.path(relative), self.clock()
        before = self.remainders.get(path)
        again = before is not None and before.nature is Nature.FAILED
        attempts = before.attempts + 1 if before is not None and again else 1
        remainder = Remainder(
            path=path,
            stamp=whole.listing.stamps[relative],
            nature=nature,
            reason=problem.message,
            hint=problem.hint,
            context=self.proposing.context,
            attempts=attempts,
            retry_at=next_retry(attempts, now=now) if nature is Nature.FAILED else None,
            seen_at=now,
        )
        self.remainders.update(put=[remainder], gone=[])

    def _turn(self, what: str, stop: Stop) -> AbstractContextManager[None]:
        """Hold the execution lock; `Stopped` where it was asked to stop before it had it."""
        return execution_lock(self.state, wait=PATIENCE, what=what, stop=stop)

    def _act(
        self,
        parcel: Parcel,
        opinion: Opinion,
        sum_: Report,
        work: _Work,
    ) -> Report:
        """Plan and execute under the lock, and write down what came of it."""
        with self._turn(f"filing {parcel.title}", work.stop):
            if not parcel.members and self._has_broken_off():
                self._recovered(work.stop)  # a command was killed while the sounds were heard
            reserved = () if work.approval is None else work.approval.reserved
            proposal = self.proposing.plan(
                parcel, opinion, forced=work.forced, reserved=reserved, stop=work.stop
            )
            if work.approval is not None and not work.approval.allows(proposal.plan):
                raise NotApproved(sum_)
            batch = sum_.batch
            if batch is None and not work.forced and work.arrival.pack is not None:
                # Late files join their pack; loose files of another quiet period are another batch.
                batch = self._batch_to_join(work, proposal)
            batch, results = self._execute(parcel, proposal, batch, work)
            return self._remember(parcel, proposal, batch, results)

    def _batch_to_join(self, work: _Work, proposal: Proposal) -> int | None:
        """Find the open batch of a pack. One dropped a second time is a batch of its own: to undo both as
        one, two files would have to come back to one place.
        """
        batch = self.journal.open_batch(work.arrival.inbox.title, work.arrival.title, now=self.clock())
        if batch is None:
            return None
        wanted = {one.source for one in proposal.plan.operations if isinstance(one, Move)}
        taken = {
            record.operation.source
            for record in self.journal.operations(batch, stop=work.stop)
            if isinstance(record.operation, Move) and record.state == "done"
        }
        return None if wanted & taken else batch

    def _execute(
        self, parcel: Parcel, proposal: Proposal, batch: int | None, work: _Work
    ) -> tuple[int | None, tuple[Result, ...]]:
        if not proposal.plan.actions:
            return batch, ()
        # Known at its old place first: should we be interrupted, recovery lets the entry follow its file.
        self.index.put(self._entries(parcel, proposal))
        outcome: Outcome = self.executor.run(
            proposal.plan,
            batch=batch,
            model_id=self.model_id,
            rules_digest=self.book.digest,
            progress=lambda done, total: work.progress("filing", done, total),
            stop=work.stop,
        )
        self.index.moved(followed(one.operation for one in outcome.results if one.state == "done"))
        self.index.rewritten(
            (result.operation.path, result.stamp_after, result.hash_after)
            for result in outcome.results
            if isinstance(result.operation, WriteTags) and result.stamp_after is not None
        )
        return outcome.batch, outcome.results

    def _entries(self, parcel: Parcel, proposal: Proposal) -> list[Entry]:
        moved = {one.source for one in proposal.plan.operations if isinstance(one, Move | Extract)}
        tagged = {one.path for one in proposal.plan.operations if isinstance(one, WriteTags)}
        return [
            Entry(
                path=parcel.named(decision.item.path),
                origin=decision.item.origin,
                stamp=decision.item.stamp,
                sample=decision.item.sample,
                rule=decision.rule.name if decision.rule else "",
                heard_at=self.clock(),
            )
            for decision in proposal.decisions
            if decision.item.sample is not None and parcel.named(decision.item.path) in moved | tagged
        ]

    def _remember(
        self,
        parcel: Parcel,
        proposal: Proposal,
        batch: int | None,
        results: tuple[Result, ...],
    ) -> Report:
        """Write down what stays and why, and sum up."""
        verdicts = Verdicts(proposal.plan, results, proposal.problems, parcel.named)
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
        if not parcel.members:
            self.remainders.update(put=put, gone=gone)
        return Report(
            batch=batch,
            title=proposal.plan.title,
            filed=len(gone),
            left=len(put),
            problems=sum(one.nature in TROUBLES for one in put),
            interrupted=any(result.state == "pending" for result in results),
            staying=tuple(put) if parcel.members else (),
        )
