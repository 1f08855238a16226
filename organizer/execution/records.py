"""What the journal tells, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from organizer.execution import codec
from organizer.planning.operations import ACTIONS, Operation, Skip
from organizer.sample import Stamp

State = Literal["planned", "open", "done", "failed", "skipped"]
Origin = Literal["pack", "sort", "undo", "reclassify", "trash", "correct"]

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
    part: bool  # it turned around only some of what it undoes, which stays in force
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
