"""Suggests what would be done with arrivals, instead of doing it; files what its user approves.

What is approved is planned again, on the disk as it is then, and done only if it is what was suggested.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from organizer.batch.agreed import Approval, NotApproved, plans_of, spelt, written
from organizer.batch.arrivals import Arrival
from organizer.batch.filing import Filing, Report
from organizer.batch.proposing import Parcel, Progress, Proposal, unseen
from organizer.batch.remaining import Verdicts
from organizer.config import Inbox
from organizer.errors import UsageProblem
from organizer.library.remainders import TROUBLES, Nature, Remainder
from organizer.library.suggestions import Suggestion, Suggestions
from organizer.pack import companion_of
from organizer.planning.operations import (
    Copy,
    Extract,
    Link,
    Move,
    Plan,
    WriteAttribute,
    WriteEntries,
    WriteSidecar,
    WriteTags,
)
from organizer.sample import Stamp
from organizer.stopping import Stopped, never

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

    from organizer.errors import FileProblem
    from organizer.planning.operations import Operation
    from organizer.stopping import Stop

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Approved:
    """What came of an approval; `instead` is what is suggested now where things have changed."""

    report: Report
    changed: bool = False
    instead: int | None = None


@dataclass(kw_only=True)
class Suggesting:
    """Takes the place of filing where the service only suggests."""

    filing: Filing
    suggestions: Suggestions
    inboxes: Sequence[Inbox]

    @property
    def model_id(self) -> str:
        return self.filing.model_id

    @property
    def rules_digest(self) -> str:
        return self.filing.rules_digest

    def rest(self) -> None:
        self.filing.rest()

    def reload(self) -> str | None:
        return self.filing.reload()

    def recover(self, *, stop: Stop = never) -> tuple[str, ...]:
        said = self.filing.recover(stop=stop)
        self._forget_gone()
        return said

    def due(self) -> list[Path]:
        return self.filing.due()

    def retry(self, root: Path) -> None:
        self.filing.retry(root)

    def wanted(
        self, root: Path, found: Iterable[tuple[Path, os.stat_result]], *, stop: Stop = never
    ) -> Iterable[Path]:
        return self.filing.wanted(root, found, stop=stop)

    def pending(self) -> list[Suggestion]:
        """Give what waits for its user, the oldest first, with the files that are still there."""
        return self.suggestions.waiting(self.filing.remainders.all())

    def file(self, arrival: Arrival, *, stop: Stop = never, progress: Progress = unseen) -> Report:
        """Suggest what filing an arrival would do, and remember why the rest of it stays."""
        number, report = self.suggest(arrival, stop=stop, progress=progress)
        if number is not None:
            logger.info("%s: suggested; `organizer approve %d` files it", report.title, number)
        return report

    def suggest(
        self, arrival: Arrival, *, stop: Stop = never, progress: Progress = unseen
    ) -> tuple[int | None, Report]:
        """Give the number of the suggestion, or None where nothing would be done, and what else is told."""
        began = self.filing.clock()
        wanted: dict[Path, Stamp] = {}
        stays: dict[Path, Remainder] = {}
        plans: list[Plan] = []
        refused: list[bool] = []  # of each archive that stays closed: whether that is a trouble

        def refuse(whole: Parcel, relative: PurePosixPath, problem: FileProblem) -> None:
            self.filing.stays(whole, relative, Nature.ARCHIVE if problem.lasting else Nature.FAILED, problem)
            refused.append(not problem.lasting)

        try:
            self.filing.end_what_broke_off(stop)
            found = self.filing.proposing.proposals(
                arrival,
                stop=stop,
                progress=progress,
                reserved=self.suggestions.reserved(besides=arrival.paths),
                refused=refuse,
            )
            for parcel, proposal in found:
                plans.append(proposal.plan)
                self._judge(parcel, proposal, wanted, stays)
        except Stopped:
            return None, Report(batch=None, title=arrival.title, interrupted=True)
        number = self._keep(arrival, wanted, stays, plans) if wanted else None
        waiting = [self._waits(path, stamp, number) for path, stamp in wanted.items()]
        self.filing.remainders.update(put=[*stays.values(), *waiting])
        return number, Report(
            batch=None,
            title=arrival.title,
            left=len(stays) + len(waiting) + len(refused),
            problems=sum(one.nature in TROUBLES for one in stays.values()) + sum(refused),
            seconds=self.filing.clock() - began,
        )

    def approve(self, one: Suggestion, *, stop: Stop = never, progress: Progress = unseen) -> Approved:
        """File what was suggested. Raises `UsageProblem` where its inbox is none any more."""
        inbox = next((inbox for inbox in self.inboxes if inbox.title == one.inbox), None)
        if inbox is None:
            raise UsageProblem(
                f"there is no inbox {one.inbox} any more", hint="`organizer discard` forgets it."
            )
        agreed = {spelt(operation) for plan in plans_of(one) for operation in plan.actions}
        arrival = Arrival(inbox=inbox, pack=one.pack, paths=one.heard)
        approval = Approval(
            allows=lambda plan: all(spelt(operation) in agreed for operation in plan.actions),
            reserved=self.suggestions.reserved(before=one.id),
            reopened=frozenset(one.heard),
        )
        try:
            report = self.filing.file(arrival, stop=stop, progress=progress, approval=approval)
        except NotApproved as refusal:
            self.suggestions.remove([one.id])  # its files are work again
            instead, _ = self.suggest(arrival, stop=stop, progress=progress)
            return Approved(report=refusal.report, changed=True, instead=instead)
        if not report.interrupted:
            self.suggestions.remove([one.id])
        return Approved(report=report)

    def _judge(
        self, parcel: Parcel, proposal: Proposal, wanted: dict[Path, Stamp], stays: dict[Path, Remainder]
    ) -> None:
        """Part what something would be done with from what stays; an archive stands for what is in it."""
        touched = {path for one in proposal.plan.actions for path in _files_of(one)}
        verdicts = Verdicts(proposal.plan, (), proposal.problems, parcel.named)
        context, now = self.filing.proposing.context, self.filing.clock()
        for decision in proposal.decisions:
            path = decision.item.path
            if path in parcel.members:
                archive = parcel.members[path][0]
                if path in touched:
                    wanted[archive] = _stamp_of(archive, decision.item.stamp)
                else:
                    stays.setdefault(archive, self._left(archive, decision.item.stamp))
            elif path in touched:
                wanted[path] = decision.item.stamp
            else:
                before = self.filing.remainders.get(path)
                stays[path] = verdicts.remainder(decision, before, context=context, now=now)

    def _keep(
        self, arrival: Arrival, wanted: Iterable[Path], stays: Iterable[Path], plans: Sequence[Plan]
    ) -> int:
        return self.suggestions.put(
            Suggestion(
                inbox=arrival.inbox.title,
                pack=arrival.pack,
                title=arrival.title,
                made_at=self.filing.clock(),
                files=tuple(sorted(wanted)),
                heard=tuple(sorted({*wanted, *stays})),
                targets=tuple(sorted(_targets_of(plans))),
                plans=written(plans),
            )
        )

    def _waits(self, path: Path, stamp: Stamp, number: int | None) -> Remainder:
        return Remainder(
            path=path,
            stamp=stamp,
            nature=Nature.SUGGESTED,
            reason="it waits for your approval",
            hint=f"organizer approve {number}, or organizer discard {number}",
            context=self.filing.proposing.context,
            seen_at=self.filing.clock(),
        )

    def _left(self, archive: Path, otherwise: Stamp) -> Remainder:
        return Remainder(
            path=archive,
            stamp=_stamp_of(archive, otherwise),
            nature=Nature.LEFT,
            reason="nothing in it would be filed",
            context=self.filing.proposing.context,
            seen_at=self.filing.clock(),
        )

    def _forget_gone(self) -> None:
        """Forget suggestions of which no file waits any more; one whose disk is away only waits longer."""
        waiting = (one.path for one in self.filing.remainders.all() if one.nature is Nature.SUGGESTED)
        self.suggestions.keep_those_with(set(waiting))


def _targets_of(plans: Iterable[Plan]) -> set[Path]:
    return {
        operation.target
        for plan in plans
        for operation in plan.operations
        if isinstance(operation, Move | Copy | Extract | Link)
    }


def _files_of(operation: Operation) -> Iterable[Path]:
    """Name the file of an inbox that an operation is about."""
    match operation:
        case Move() | Copy() | Link():
            return [operation.source]
        case Extract():
            return [operation.staged]
        case WriteEntries():
            return [operation.path.parent / name for name in operation.entries]
        case WriteSidecar():
            inside = companion_of(PurePosixPath(operation.path))
            return [] if inside is None else [Path(inside)]
        case WriteTags() | WriteAttribute():
            return [operation.path]
    return []


def _stamp_of(path: Path, otherwise: Stamp) -> Stamp:
    try:
        return Stamp.of(path.lstat())
    except OSError:
        return otherwise
