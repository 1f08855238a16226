"""What a user was shown and may agree to: plans as text and back, and which operations are the same."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from organizer.execution.codec import decode, encode, kind_of
from organizer.planning.operations import Extract, Plan

if TYPE_CHECKING:
    from collections.abc import Iterable

    from organizer.library.suggestions import Suggestion
    from organizer.planning.operations import Operation


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
