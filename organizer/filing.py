"""One batch, the whole way: from complete paths to the journal and the index.

The service and `sort` both file through here, and nothing else does. Hearing is slow and holds no lock;
planning and executing happen under the execution lock, on the disk as it is then.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from organizer.config import Config, Inbox
from organizer.errors import FileProblem, RulesError
from organizer.execution.locks import execution_lock
from organizer.execution.recovery import recover
from organizer.library.index import Entry
from organizer.library.remainders import Nature, Remainder, next_retry
from organizer.pack import is_junk
from organizer.pipeline import Listing, Pipeline, look_at
from organizer.planning.operations import Move, Skip, WriteTags
from organizer.recognition.identity import content_hash
from organizer.rules.loader import load_rules
from organizer.sample import FileType, Stamp

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Sequence

    from organizer.execution.executor import Executor, Outcome, Result
    from organizer.execution.filesystem import Filesystem
    from organizer.execution.journal import Journal
    from organizer.library.index import Index
    from organizer.library.remainders import Remainders
    from organizer.planning.operations import Plan
    from organizer.recognition.recognize import Recognizer
    from organizer.rules.ruleset import Decision, RuleSet
    from organizer.sample import Item

# Progress is told, and a wish to stop heard, at least once per so many files.
BEAT = 32
# How long filing waits for another command to finish its batch.
PATIENCE = 600.0
ARCHIVE_HINT = "Unpack it, and drop the folder into the inbox."

Progress = Callable[[str, int, int], None]


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
    seconds: float = 0.0
    interrupted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What would be done with one arrival, and what it rests on."""

    listing: Listing
    decisions: tuple[Decision, ...]
    problems: dict[Path, FileProblem]
    plan: Plan

    @property
    def skips(self) -> dict[Path, Skip]:
        return {one.path: one for one in self.plan.operations if isinstance(one, Skip)}


class RuleBook:
    """The rules in force: read again when their files change, the last good ones kept while they are broken."""

    def __init__(self, files: Callable[[], Sequence[Path]]) -> None:
        self._files = files
        self._seen = self._state()
        self.rules: RuleSet = load_rules(self._files())
        self.problem: str | None = None

    def reload(self) -> str | None:
        """Read the files again if they changed; give the sentence of what is wrong with them, if anything is."""
        state = self._state()
        if state != self._seen:
            self._seen = state
            try:
                self.rules = load_rules(self._files())
                self.problem = None
            except RulesError as error:
                self.problem = error.message
        return self.problem

    def _state(self) -> tuple[tuple[str, int, int], ...]:
        found = []
        for path in self._files():
            try:
                stat = path.stat()
                found.append((str(path), stat.st_mtime_ns, stat.st_size))
            except OSError:
                found.append((str(path), 0, 0))
        return tuple(found)


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
    _missing: set[Path] = field(default_factory=set)

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
        with execution_lock(self.state, wait=PATIENCE, what="recovery"):
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
        """File an arrival. `forced` files also what is held or known to stay."""
        began = self.clock()
        listing = look_at(arrival.inbox.root, inbox=arrival.inbox.title, pack=arrival.pack)
        items = self._hear(listing, self._chosen(listing, arrival, forced=forced), stop, progress)
        if items is None:
            return Report(batch=None, title=arrival.title, interrupted=True)
        if not items:
            return Report(batch=None, title=arrival.title)
        pipeline = self._pipeline()
        decisions = pipeline.decide(items)
        hashes, problems = pipeline.hashes(
            decisions, heartbeat=lambda: progress("hashing", 0, len(decisions))
        )
        with execution_lock(self.state, wait=PATIENCE, what=f"filing {arrival.title}"):
            if forced:
                self.journal.release([item.path for item in items])
            proposal = self._propose(pipeline, arrival, decisions, hashes, problems, forced=forced)
            batch, results = self._execute(proposal, arrival, stop, progress)
            return self._remember(proposal, batch, results, arrival, began)

    def propose(self, arrival: Arrival, *, progress: Progress = _unseen, forced: bool = False) -> Proposal:
        """Say what `file` would do now; nothing is changed."""
        listing = look_at(arrival.inbox.root, inbox=arrival.inbox.title, pack=arrival.pack)
        chosen = self._chosen(listing, arrival, forced=forced)
        items = self._hear(listing, chosen, lambda: False, progress) or []
        pipeline = self._pipeline()
        decisions = pipeline.decide(items)
        hashes, problems = pipeline.hashes(decisions)
        return self._propose(pipeline, arrival, decisions, hashes, problems, forced=forced)

    def _pipeline(self) -> Pipeline:
        return Pipeline(
            recognizer=self.recognizer,
            rules=self.book.rules,
            library=self.config.library_root,
            folders=self.config.folder_names,
        )

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
        for item in self._pipeline().hear(listing, chosen):
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

    def _execute(
        self, proposal: Proposal, arrival: Arrival, stop: Callable[[], bool], progress: Progress
    ) -> tuple[int | None, tuple[Result, ...]]:
        if not proposal.plan.actions:
            return None, ()
        # Known at its old place first: should we be interrupted, recovery lets the entry follow its file.
        self.index.put(self._entries(proposal))
        outcome: Outcome = self.executor.run(
            proposal.plan,
            batch=self._batch_to_join(arrival) if proposal.plan.origin == "pack" else None,
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
        return outcome.batch, outcome.results

    def _batch_to_join(self, arrival: Arrival) -> int | None:
        if arrival.pack is None:
            return None  # loose files of another quiet period are another batch
        return self.journal.open_batch(arrival.inbox.title, arrival.title, now=self.clock())

    def _entries(self, proposal: Proposal) -> list[Entry]:
        moved = {one.source for one in proposal.plan.operations if isinstance(one, Move)}
        tagged = {one.path for one in proposal.plan.operations if isinstance(one, WriteTags)}
        return [
            Entry(
                path=decision.item.path,
                origin=decision.item.origin,
                stamp=decision.item.stamp,
                sample=decision.item.sample,
                rule=_name(decision),
                batch=None,
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
        arrival: Arrival,
        began: float,
    ) -> Report:
        """Write down what stays and why, and sum up."""
        by_source = {
            result.operation.source: result for result in results if isinstance(result.operation, Move)
        }
        interrupted = any(result.state == "pending" for result in results)
        put: list[Remainder] = []
        gone: list[Path] = []
        filed = 0
        for decision in proposal.decisions:
            result = by_source.get(decision.item.path)
            if result is not None and result.state == "done":
                filed += 1
                gone.append(decision.item.path)
            elif result is None or result.state != "pending":
                put.append(self._remainder(proposal, decision, result))
        self.remainders.update(put=put, gone=gone)
        return Report(
            batch=batch,
            title=arrival.title,
            filed=filed,
            left=len(put),
            problems=sum(one.nature in (Nature.FAILED, Nature.UNREADABLE) for one in put),
            seconds=self.clock() - began,
            interrupted=interrupted,
        )

    def _remainder(self, proposal: Proposal, decision: Decision, result: Result | None) -> Remainder:
        item = decision.item
        nature, reason, hint = self._why_it_stays(proposal, decision, result)
        before = self.remainders.get(item.path)
        attempts = before.attempts + 1 if before is not None and before.nature is Nature.FAILED else 1
        return Remainder(
            path=item.path,
            stamp=item.stamp,
            nature=nature,
            reason=reason,
            hint=hint,
            context=self.context,
            attempts=attempts,
            retry_at=next_retry(attempts, now=self.clock()) if nature is Nature.FAILED else None,
            seen_at=self.clock(),
        )

    def _why_it_stays(
        self, proposal: Proposal, decision: Decision, result: Result | None
    ) -> tuple[Nature, str, str]:
        item = decision.item
        if result is not None:
            return Nature.FAILED, result.error, result.hint
        if problem := proposal.problems.get(item.path):
            return Nature.FAILED, problem.message, problem.hint
        if item.problem is not None:
            return (Nature.UNREADABLE if item.lasting else Nature.FAILED), item.problem, item.hint
        skip = proposal.skips.get(item.path)
        reason, hint = (
            (skip.reason, skip.hint) if skip else (f'the rule "{_name(decision)}" keeps it here', "")
        )
        if item.bundle is not None:
            return Nature.BUNDLE, reason, hint
        if item.type is FileType.ARCHIVE and decision.rule is None:
            return Nature.ARCHIVE, "archives are not opened", ARCHIVE_HINT
        return Nature.LEFT, reason, hint


def _name(decision: Decision) -> str:
    return decision.rule.name if decision.rule else ""
