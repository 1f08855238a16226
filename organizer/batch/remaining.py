"""Why what was not filed stays where it is: from a plan and its results to remainders. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from organizer.library.remainders import Nature, Remainder, next_retry
from organizer.planning.operations import Extract, Move, Skip, WriteTags
from organizer.sample import FileType

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from organizer.errors import FileProblem
    from organizer.execution.outcome import Result
    from organizer.planning.operations import Plan
    from organizer.rules.ruleset import Decision
    from organizer.sample import Stamp

ARCHIVE_HINT = "Write unpack = true in a rule for the type archive, or unpack it yourself."


class Verdicts:
    """What one execution says of each file that it was about."""

    def __init__(
        self,
        plan: Plan,
        results: Sequence[Result],
        problems: Mapping[Path, FileProblem],
        named: Callable[[Path], Path],
    ) -> None:
        self._problems = problems
        self._named = named  # how a plan calls a file that was unpacked
        self._skips = {one.path: one for one in plan.operations if isinstance(one, Skip)}
        self._moves = {
            one.operation.staged if isinstance(one.operation, Extract) else one.operation.source: one
            for one in results
            if isinstance(one.operation, Move | Extract)
        }
        self._tagged = {
            one.operation.path: one.stamp_after
            for one in results
            if isinstance(one.operation, WriteTags) and one.state == "done"
        }

    def moved(self, path: Path) -> bool:
        return path in self._moves and self._moves[path].state == "done"

    def pending(self, path: Path) -> bool:
        return path in self._moves and self._moves[path].state == "pending"

    def remainder(
        self, decision: Decision, before: Remainder | None, *, context: str, now: float
    ) -> Remainder:
        """Say why a file stays, and when it is looked at again."""
        item = decision.item
        nature, reason, hint = self._why(decision)
        failed_before = before is not None and before.nature is Nature.FAILED
        attempts = before.attempts + 1 if before is not None and failed_before else 1
        stamp: Stamp = self._tagged.get(item.path) or item.stamp
        return Remainder(
            path=item.path,
            stamp=stamp,
            nature=nature,
            reason=reason,
            hint=hint,
            context=context,
            attempts=attempts,
            retry_at=next_retry(attempts, now=now) if nature is Nature.FAILED else None,
            seen_at=now,
        )

    def _why(self, decision: Decision) -> tuple[Nature, str, str]:
        item = decision.item
        if item.path in self._moves:
            return Nature.FAILED, self._moves[item.path].error, self._moves[item.path].hint
        if problem := self._problems.get(item.path):
            return Nature.FAILED, problem.message, problem.hint
        if item.problem is not None:
            return (Nature.UNREADABLE if item.lasting else Nature.FAILED), item.problem, item.hint
        rule = decision.rule.name if decision.rule else ""
        skip = self._skips.get(
            self._named(item.path), Skip(path=item.path, reason=f'the rule "{rule}" keeps it here')
        )
        if not skip.lasting:
            return Nature.FAILED, skip.reason, skip.hint
        if item.bundle is not None:
            return Nature.BUNDLE, skip.reason, skip.hint
        if item.type is FileType.ARCHIVE and decision.rule is None:
            return Nature.ARCHIVE, "no rule unpacks it", ARCHIVE_HINT
        return Nature.LEFT, skip.reason, skip.hint
