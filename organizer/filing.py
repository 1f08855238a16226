"""One batch, the whole way: from complete paths to the journal and the index.

The service and `sort` both file through here, and nothing else does. Hearing is slow and holds no lock;
planning and executing happen under the execution lock, on the disk as it is then.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from organizer.config import Config, Inbox
from organizer.errors import FileProblem, LockedError
from organizer.execution.executor import Executor
from organizer.execution.filesystem import Filesystem
from organizer.execution.journal import Journal
from organizer.execution.locks import execution_lock
from organizer.execution.recovery import recover
from organizer.library.index import Entry, Index
from organizer.library.remainders import TROUBLES, Remainder, Remainders
from organizer.pack import is_junk
from organizer.pipeline import Listing, Pipeline, look_at
from organizer.planning.operations import Move, Plan, WriteTags
from organizer.recognition.identity import content_hash
from organizer.recognition.recognize import Recognizer
from organizer.remaining import Verdicts
from organizer.rules.book import RuleBook
from organizer.rules.ruleset import Decision
from organizer.sample import Stamp

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator

    from organizer.execution.executor import Outcome, Result
    from organizer.sample import Item

# Progress is told, and a wish to stop heard, at least once per so many files.
BEAT = 32
# A huge pack is heard and filed so many files at a time: little is heard again after a crash, and memory
# stays bounded.
PART = 1000
# How long filing waits for another command to finish its batch.
PATIENCE = 600.0

Progress = Callable[[str, int, int], None]


def _shifted(progress: Progress, start: int, total: int, stage: str, done: int, of: int) -> None:
    """Tell the progress of one part as that of the whole."""
    progress(stage, start + done if stage == "listening" else done, total if stage == "listening" else of)


def _unseen(stage: str, done: int, total: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """Complete files of one pack, or loose ones (`pack` None), below one inbox."""

    inbox: Inbox
    pack: str | None
    paths: tuple[Path, ...]

    @property
    def title(self) -> str:
        return self.pack or "loose files"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What would be done with one arrival, and what it rests on."""

    listing: Listing
    decisions: tuple[Decision, ...]
    problems: dict[Path, FileProblem]
    plan: Plan


@dataclass(kw_only=True)
class Filing:
    """Files arrivals. One at a time; the execution lock keeps other commands apart."""

    config: Config
    state: Path
    recognizer: Recognizer
    book: RuleBook
    journal: Journal
    executor: Executor
    filesystem: Filesystem
    index: Index
    remainders: Remainders
    clock: Callable[[], float] = time.time

    @property
    def model_id(self) -> str:
        return self.recognizer.model_id

    @property
    def context(self) -> str:
        """What a verdict on a file rests on; when it changes, what stays is looked at again."""
        return f"{self.book.rules.digest} {self.model_id}"

    def reload(self) -> str | None:
        return self.book.reload()

    def recover(self) -> tuple[str, ...]:
        """Bring an interrupted batch to its end, and let the index follow."""
        with self._turn("recovery", lambda: False):
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

    def counts(self) -> dict[str, int]:
        roots = [inbox.root for inbox in self.config.inbox]
        return {**self.remainders.counts(), "held": self.journal.held_count(roots)}

    def wanted(self, root: Path, found: Iterable[tuple[Path, os.stat_result]]) -> list[Path]:
        """Leave out junk, what undo put back, and what is known to stay as long as nothing changed."""
        return [
            path
            for path, stat in found
            if not is_junk(PurePosixPath(path.relative_to(root))) and self._is_open(path, Stamp.of(stat))
        ]

    def file(
        self,
        arrival: Arrival,
        *,
        stop: Callable[[], bool] = lambda: False,
        progress: Progress = _unseen,
        forced: bool = False,
    ) -> Report:
        """File an arrival, a part at a time, all of it one batch.

        `forced` files also what is held or known to stay.
        """
        began = self.clock()
        listing = look_at(arrival.inbox.root, inbox=arrival.inbox.title, pack=arrival.pack)
        chosen = self._chosen(listing, arrival, forced=forced)
        if forced:
            self.journal.release([listing.path(relative) for relative in chosen])
        sum_ = Report(batch=None, title=arrival.title)
        for start in range(0, len(chosen), PART):
            part = chosen[start : start + PART]
            told = partial(_shifted, progress, start, len(chosen))
            sum_ = sum_.plus(self._file_part(arrival, listing, part, sum_.batch, stop, told, forced=forced))
            if sum_.interrupted:
                break
        return replace(sum_, seconds=self.clock() - began)

    def propose(self, arrival: Arrival, *, progress: Progress = _unseen, forced: bool = False) -> Proposal:
        """Say what `file` would do now; nothing is changed."""
        listing = look_at(arrival.inbox.root, inbox=arrival.inbox.title, pack=arrival.pack)
        chosen = self._chosen(listing, arrival, forced=forced)
        items = self._hear(listing, chosen, lambda: False, progress) or []
        pipeline = self.pipeline()
        decisions = pipeline.decide(items)
        hashes, problems = pipeline.hashes(decisions)
        return self._propose(pipeline, arrival, decisions, hashes, problems, forced=forced)

    def pipeline(self) -> Pipeline:
        return Pipeline(
            recognizer=self.recognizer,
            rules=self.book.rules,
            library=self.config.library_root,
            folders=self.config.folder_names,
        )

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

    def _is_open(self, path: Path, stamp: Stamp) -> bool:
        stays = self.remainders.get(path)
        if stays is not None and stays.still_holds(stamp, context=self.context, now=self.clock()):
            return False
        try:
            return not self.journal.is_held(path, stamp, content_hash)
        except FileProblem:
            return True  # it cannot be read to compare it; hearing it will say why

    def _chosen(self, listing: Listing, arrival: Arrival, *, forced: bool) -> list[PurePosixPath]:
        ready = set(arrival.paths)
        return [
            relative
            for relative in listing.survey.work
            if listing.path(relative) in ready
            and (forced or self._is_open(listing.path(relative), listing.stamps[relative]))
        ]

    def _hear(
        self,
        listing: Listing,
        chosen: list[PurePosixPath],
        stop: Callable[[], bool],
        progress: Progress,
    ) -> list[Item] | None:
        items: list[Item] = []
        for item in self.pipeline().hear(listing, chosen):
            items.append(item)
            if len(items) % BEAT == 0:
                progress("listening", len(items), len(chosen))
            if stop():
                return None
        return items

    def _propose(
        self,
        pipeline: Pipeline,
        arrival: Arrival,
        decisions: list[Decision],
        hashes: dict[Path, str],
        problems: dict[Path, FileProblem],
        *,
        forced: bool,
    ) -> Proposal:
        # An undo may have come while the sounds were heard, so the pack is looked at again.
        listing = look_at(arrival.inbox.root, inbox=arrival.inbox.title, pack=arrival.pack)
        present = {listing.path(relative): stamp for relative, stamp in listing.stamps.items()}
        still = [
            decision
            for decision in decisions
            if present.get(decision.item.path) == decision.item.stamp
            and (forced or self._is_open(decision.item.path, decision.item.stamp))
        ]
        plan = pipeline.plan(
            still,
            hashes=hashes,
            stamps=present,
            origin="sort" if forced else "pack",
            title=arrival.title,
            inbox=arrival.inbox.title,
            tree=listing.tree,
        )
        return Proposal(listing=listing, decisions=tuple(still), problems=problems, plan=plan)

    def _file_part(
        self,
        arrival: Arrival,
        listing: Listing,
        chosen: list[PurePosixPath],
        batch: int | None,
        stop: Callable[[], bool],
        progress: Progress,
        *,
        forced: bool,
    ) -> Report:
        items = self._hear(listing, chosen, stop, progress)
        if items is None:
            return Report(batch=batch, title=arrival.title, interrupted=True)
        pipeline = self.pipeline()
        decisions = pipeline.decide(items)
        hashes, problems = pipeline.hashes(decisions, heartbeat=lambda: progress("hashing", 0, len(chosen)))
        with self._turn(f"filing {arrival.title}", stop) as is_ours:
            if not is_ours:
                return Report(batch=batch, title=arrival.title, interrupted=True)
            proposal = self._propose(pipeline, arrival, decisions, hashes, problems, forced=forced)
            if batch is None and not forced and arrival.pack is not None:
                # Late files join their pack; loose files of another quiet period are another batch.
                batch = self.journal.open_batch(arrival.inbox.title, arrival.title, now=self.clock())
            batch, results = self._execute(proposal, batch, stop, progress)
            return self._remember(proposal, batch, results)

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
            rules_digest=self.book.rules.digest,
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
        put: list[Remainder] = []
        gone: list[Path] = []
        for decision in proposal.decisions:
            path = decision.item.path
            if verdicts.moved(path):
                gone.append(path)
            elif not verdicts.pending(path):
                before = self.remainders.get(path)
                put.append(verdicts.remainder(decision, before, context=self.context, now=self.clock()))
        self.remainders.update(put=put, gone=gone)
        return Report(
            batch=batch,
            title=proposal.plan.title,
            filed=len(gone),
            left=len(put),
            problems=sum(one.nature in TROUBLES for one in put),
            interrupted=any(result.state == "pending" for result in results),
        )
