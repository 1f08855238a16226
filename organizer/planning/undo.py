"""Turns around what was done. Pure: the result is a plan like any other, and can be turned around again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from organizer.planning.operations import (
    Copy,
    Extract,
    KeepFolderTime,
    Link,
    MakeFolder,
    Move,
    Operation,
    RemoveCopy,
    RemoveEntries,
    RemoveExtracted,
    RemoveFolder,
    RemoveLink,
    RemoveSidecar,
    RestoreBytes,
    Skip,
    WriteAttribute,
    WriteEntries,
    WriteSidecar,
    WriteTags,
)
from organizer.sample import Stamp

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What the journal says of one operation that was executed."""

    operation: Operation
    stamp_after: Stamp | None = None  # of the file that the operation left behind
    hash_after: str | None = None  # of its bytes
    hash_before: str | None = None  # where it differs from what the plan foresaw
    patch: bytes | None = None  # gives the bytes before from those after


def invert(done: Sequence[Done]) -> tuple[Operation, ...]:
    """Give the operations that take back those that were done, the last one first.

    A stamp or hash here is that of the time after the operation. Where a later operation of the same
    batch changed the file (tags), the executor goes by what it leaves behind when it takes that back.
    """
    return tuple(inverse for one in reversed(_with_bytes_before(done)) for inverse in _inverse(one))


def _with_bytes_before(done: Sequence[Done]) -> list[Done]:
    """Fill in what a file held before its tags were written, where they were written more than once."""
    held: dict[Path, str] = {}
    filled = []
    for one in done:
        if isinstance(one.operation, WriteTags) and one.hash_after:
            before = one.hash_before or held.get(one.operation.path)
            held[one.operation.path] = one.hash_after
            one = replace(one, hash_before=before)
        filled.append(one)
    return filled


def _inverse(done: Done) -> Iterator[Operation]:
    operation = done.operation
    match operation:
        case KeepFolderTime():
            yield operation
        case MakeFolder(path=path, mode=mode):
            yield RemoveFolder(path=path, mode=mode)
        case RemoveFolder(path=path, mode=mode):
            yield MakeFolder(path=path, mode=mode)
        case Move():
            yield Move(
                source=operation.target,
                target=operation.source,
                stamp=done.stamp_after or operation.stamp,
                content_hash=done.hash_after or operation.content_hash,
                rule=operation.rule,
            )
        case Copy():
            yield RemoveCopy(
                path=operation.target,
                original=operation.source,
                content_hash=done.hash_after or operation.content_hash,
                rule=operation.rule,
            )
        case RemoveCopy():
            yield Copy(
                source=operation.original,
                target=operation.path,
                content_hash=operation.content_hash,
                rule=operation.rule,
            )
        case Extract():
            yield RemoveExtracted(
                path=operation.target,
                archive=operation.archive,
                member=operation.member,
                staged=operation.staged,
                content_hash=operation.content_hash,
                rule=operation.rule,
            )
        case RemoveExtracted():
            yield Extract(
                archive=operation.archive,
                member=operation.member,
                staged=operation.staged,
                target=operation.path,
                content_hash=operation.content_hash,
                rule=operation.rule,
            )
        case Link():
            yield RemoveLink(
                path=operation.target,
                original=operation.source,
                content_hash=operation.content_hash,
                pointer=operation.pointer,
                rule=operation.rule,
            )
        case RemoveLink():
            yield Link(
                source=operation.original,
                target=operation.path,
                content_hash=operation.content_hash,
                pointer=operation.pointer,
                rule=operation.rule,
            )
        case WriteAttribute(before=before, after=after):
            yield replace(operation, before=after, after=before)
        case WriteEntries(path=path, form=form, entries=entries, rule=rule):
            yield RemoveEntries(
                path=path,
                form=form,
                entries=entries,
                content_hash=done.hash_after or "",
                restored_hash=done.hash_before or "",
                patch=done.patch,
                rule=rule,
            )
        case RemoveEntries(path=path, form=form, entries=entries, rule=rule):
            yield WriteEntries(path=path, form=form, entries=entries, rule=rule)
        case WriteTags():
            yield _restoring(done, operation, operation.content_hash, done.hash_after)
        case RestoreBytes():
            yield _restoring(done, operation, operation.content_hash, operation.restored_hash)
        case WriteSidecar(path=path, content=content, rule=rule):
            yield RemoveSidecar(path=path, content=content, rule=rule)
        case RemoveSidecar(path=path, content=content, rule=rule):
            yield WriteSidecar(path=path, content=content, rule=rule)
        case Skip():
            pass


def _restoring(
    done: Done, operation: WriteTags | RestoreBytes, planned_before: str, after: str | None
) -> Operation:
    if done.patch is None or after is None:
        reason = "the journal does not hold what its bytes were before"
        return Skip(path=operation.path, reason=reason, rule=operation.rule)
    return RestoreBytes(
        path=operation.path,
        content_hash=after,
        restored_hash=done.hash_before or planned_before,
        patch=done.patch,
        rule=operation.rule,
    )
