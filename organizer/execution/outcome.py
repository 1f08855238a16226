"""What came of a plan, as plain data, and what of it is to be held."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from organizer.execution.records import Closing, Hold
from organizer.planning.operations import (
    ACTIONS,
    Move,
    Operation,
    RemoveCopy,
    RemoveExtracted,
    RemoveLink,
    RestoreBytes,
    Skip,
    WriteAttribute,
)
from organizer.sample import Stamp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from organizer.execution.records import BatchRecord, OperationRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How one operation went; `pending` was not begun, because it was time to stop."""

    operation: Operation
    state: Literal["done", "failed", "skipped", "pending"]
    error: str = ""
    hint: str = ""
    lasting: bool = True  # False: time can mend it, so that trying again makes sense
    stamp_after: Stamp | None = None  # of the file that a done operation left behind
    hash_after: str = ""  # of its bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a plan; no batch where there was nothing to do."""

    batch: int | None
    results: tuple[Result, ...]

    def count(self, state: str) -> int:
        """Count the actions that went so."""
        return sum(one.state == state and isinstance(one.operation, ACTIONS) for one in self.results)

    @property
    def stopped(self) -> bool:
        return any(one.state == "pending" for one in self.results)


def skipped(operation: Operation) -> Result:
    reason, hint = (operation.reason, operation.hint) if isinstance(operation, Skip) else ("", "")
    return Result(operation=operation, state="skipped", error=reason, hint=hint)


def result_of(operation: Operation, closing: Closing) -> Result:
    return Result(
        operation=operation,
        state="pending" if closing.state == "planned" or closing.state == "open" else closing.state,
        error=closing.error,
        hint=closing.hint,
        lasting=closing.lasting,
        stamp_after=closing.stamp_after,
        hash_after=closing.hash_after,
    )


def holds_of(batch: BatchRecord, records: Sequence[OperationRecord]) -> list[Hold]:
    if batch.hold is None:
        return []
    holds = []
    for record in records:
        match record.operation:
            case Move(target=path, stamp=stamp, content_hash=content_hash):
                pass
            case RestoreBytes(path=path, restored_hash=content_hash):
                stamp = Stamp(0, 0, 0, 0)  # known when the bytes are back
            case (
                RemoveCopy(original=path, content_hash=content_hash)
                | RemoveLink(original=path, content_hash=content_hash)
            ):
                stamp = Stamp(0, 0, 0, 0)  # known when the copy is gone; without a hold it would come again
            case RemoveExtracted(archive=path) | WriteAttribute(path=path):
                stamp, content_hash = Stamp(0, 0, 0, 0), ""
            case _:
                continue
        if path.is_relative_to(batch.hold):
            holds.append(Hold(path=path, operation=record.id, stamp=stamp, content_hash=content_hash))
    return holds
