"""What the journal tells, as plain data, and how its rows become that."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from organizer.execution import codec
from organizer.planning.operations import ACTIONS, Operation, Skip
from organizer.sample import Stamp

if TYPE_CHECKING:
    import sqlite3

State = Literal["planned", "open", "done", "failed", "skipped"]
Origin = Literal["pack", "sort", "undo", "reclassify"]

# What a batch's counts speak of: what the user thinks of as an action, and what was skipped.
COUNTED = tuple(kind for kind, class_ in codec.KINDS.items() if class_ in (*ACTIONS, Skip))


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRecord:
    """One batch: what is undone together. Times are seconds since 1970."""

    id: int
    origin: Origin
    title: str
    inbox: str | None
    started: float
    finished: float | None
    state: Literal["open", "done"]  # open: under way, stopped or interrupted; recovery goes on with it
    undoes: tuple[int, ...]
    undone_by: int | None
    hold: Path | None
    model_id: str
    rules_digest: str
    counts: Mapping[str, int]  # state -> actions in it

    @property
    def undone(self) -> bool:
        return self.undone_by is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationRecord:
    """One operation, and how it went."""

    id: int
    batch: int
    operation: Operation
    state: State
    error: str
    hint: str
    lasting: bool
    changed: float  # when its state last changed
    stamp_after: Stamp | None
    hash_after: str
    hash_before: str  # where bytes were changed
    patch: bytes | None = field(repr=False)
    temp: Path | None  # a file of ours on its way to the target
    temp_inode: int | None
    reserved_inode: int | None  # an empty file of ours that keeps the target's name


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """How one operation went, to be written down."""

    id: int
    state: State
    error: str = ""
    hint: str = ""
    lasting: bool = True
    stamp_after: Stamp | None = None
    hash_after: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What must be known of an operation before its temp takes its place."""

    id: int
    temp: Path
    inode: int
    hash_after: str = ""
    hash_before: str = ""
    patch: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A file that undo puts back, and that must not be filed again."""

    path: Path
    operation: int
    stamp: Stamp
    content_hash: str


def batch_of(row: sqlite3.Row, counts: Mapping[str, int]) -> BatchRecord:
    return BatchRecord(
        id=row["id"],
        origin=cast("Origin", row["origin"]),
        title=row["title"],
        inbox=row["inbox"],
        started=row["started"],
        finished=row["finished"],
        state=row["state"],
        undoes=tuple(json.loads(row["undoes"])),
        undone_by=row["undone_by"],
        hold=None if row["hold"] is None else Path(row["hold"]),
        model_id=row["model_id"],
        rules_digest=row["rules_digest"],
        counts=counts,
    )


def operation_of(row: sqlite3.Row) -> OperationRecord:
    return OperationRecord(
        id=row["id"],
        batch=row["batch"],
        operation=codec.decode(row["kind"], row["data"]),
        state=cast("State", row["state"]),
        error=row["error"],
        hint=row["hint"],
        lasting=bool(row["lasting"]),
        changed=row["changed"],
        stamp_after=codec.decode_stamp(row["stamp_after"]),
        hash_after=row["hash_after"],
        hash_before=row["hash_before"],
        patch=row["patch"],
        temp=None if row["temp"] is None else Path(row["temp"]),
        temp_inode=None if row["temp_inode"] is None else int(row["temp_inode"]),
        reserved_inode=None if row["reserved_inode"] is None else int(row["reserved_inode"]),
    )
