"""What a user was shown and agrees to: plans as text and back, which operations are the same, approvals."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from organizer.execution.codec import decode, encode, kind_of
from organizer.planning.operations import Extract, Plan

if TYPE_CHECKING:
    from collections.abc import Iterable

    from organizer.batch.filing import Report
    from organizer.library.suggestions import Suggestion
    from organizer.planning.operations import Operation


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """What a user has approved: only plans that it allows; what was suggested before keeps its names."""

    allows: Callable[[Plan], bool]
    reserved: frozenset[Path] = frozenset()
    reopened: frozenset[Path] = frozenset()  # what is spoken of, though it was known to stay


class NotApproved(Exception):
    """What would be done next is not what its user has approved. `report` tells of what was done before."""

    def __init__(self, report: Report) -> None:
        super().__init__()
        self.report = report


def written(plans: Iterable[Plan]) -> str:
    """Write the operations of plans as a suggestion keeps them."""
    return json.dumps(
        [[(kind_of(operation), encode(operation)) for operation in plan.operations] for plan in plans]
    )


def plans_of(one: Suggestion) -> list[Plan]:
    """Read what would be done."""
    return [
        Plan(
            origin="pack",
            title=one.title,
            inbox=one.inbox,
            operations=tuple(decode(kind, text) for kind, text in operations),
        )
        for operations in json.loads(one.plans)
    ]


def spelt(operation: Operation) -> str:
    """Write an operation so that two that do the same are equal: an archive lies open elsewhere each time."""
    if isinstance(operation, Extract):
        operation = replace(operation, staged=operation.archive)
    return f"{kind_of(operation)} {encode(operation)}"
