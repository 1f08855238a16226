"""Turns around what was done. Pure: the result is a plan like any other, and can be turned around again."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import TYPE_CHECKING

from organizer.pack import companion_of
from organizer.planning.operations import (
    Copy,
    Discard,
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
    Teach,
    WriteAttribute,
    WriteEntries,
    WriteSidecar,
    WriteTags,
)
from organizer.sample import Stamp

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What the journal says of one operation that was executed."""

    operation: Operation
    id: int | None = None  # in the journal; None: only a part of it is meant
    stamp_after: Stamp | None = None  # of the file that the operation left behind
    hash_after: str | None = None  # of its bytes
    hash_before: str | None = None  # where it differs from what the plan foresaw
    patch: bytes | None = None  # gives the bytes before from those after


def invert(done: Sequence[Done]) -> tuple[Operation, ...]:
    """Give the operations that take back those that were done, the last one first.

    A stamp or hash here is that of the time after the operation. Where a later operation of the same
    batch changed the file (tags), the executor goes by what it leaves behind when it takes that back.
    """
    return tuple(one.operation for one in turned(done))


@dataclass(frozen=True, slots=True)
class Turned:
    """One operation of an undo, and the number of what it takes back."""

    operation: Operation
    of: int | None = None


def turned(done: Sequence[Done]) -> list[Turned]:
    """Give the same as `invert`, each with what it takes back."""
    return [
        Turned(inverse, one.id) for one in reversed(_with_bytes_before(done)) for inverse in _inverse(one)
    ]


def concerning(done: Sequence[Done], paths: Collection[Path]) -> tuple[Done, ...]:
    """Choose what was done to the files that lie at these paths now, and to what goes with them: companions,
    copies, what is said of them, the folders that they left or came to."""
    about = [part for one in done if (part := _about(one, paths)) is not None]
    places = [
        getattr(one.operation, name)
        for one in about
        for name in ("source", "target", "path")
        if hasattr(one.operation, name)
    ]
    folders = {folder for place in places for folder in place.parents}
    chosen = (one if _is_of_folder(one.operation, folders) else _about(one, paths) for one in done)
    return tuple(one for one in chosen if one is not None)


def _is_of_folder(operation: Operation, folders: Collection[Path]) -> bool:
    return isinstance(operation, MakeFolder | RemoveFolder | KeepFolderTime) and operation.path in folders


def _about(done: Done, paths: Collection[Path]) -> Done | None:
    """Give an operation, or the part of it, that is about some files."""
    operation = done.operation
    match operation:
        case Copy(source=source, target=place) | Link(source=source, target=place):
            return done if source in paths or place in paths else None
        case WriteEntries(path=place, entries=entries):
            folders = (place.parent, place.parent.parent)
            said = {
                one.name: entries[one.name] for one in paths if one.parent in folders and one.name in entries
            }
            if said == entries:
                return done
            return Done(operation=replace(operation, entries=said)) if said else None
        case (
            Move(target=place)
            | Extract(target=place)
            | WriteTags(path=place)
            | RestoreBytes(path=place)
            | WriteAttribute(path=place)
            | WriteSidecar(path=place)
            | Teach(path=place)
        ):
            sample = companion_of(PurePosixPath(place.name))
            beside = sample is not None and place.with_name(sample.name) in paths
            return done if place in paths or beside else None
    return None


def followed_to(
    operations: Iterable[Turned], found: Mapping[Path, Path], alike: Mapping[Path, str]
) -> list[Turned]:
    """Name files where they were found; what was found where it is to go needs no move any more.

    Of a file that was not found, `alike` says what else there is of it.
    """
    moved = []
    for one_turned in operations:
        operation = one_turned.operation
        values = {one.name: getattr(operation, one.name) for one in fields(operation)}
        for name in ("path", "source", "original", "archive"):
            if values.get(name) in found:
                values[name] = found[values[name]]
        if isinstance(operation, Move) and operation.source in alike:
            values["remark"] = alike[operation.source]
        now = type(operation)(**values)
        if not (isinstance(now, Move) and now.source == now.target):
            moved.append(replace(one_turned, operation=now))
    return moved


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


# What takes back what, and where a field of the one has another name in the other.
_TURNED: Mapping[type[Operation], tuple[type[Operation], Mapping[str, str]]] = MappingProxyType(
    {
        MakeFolder: (RemoveFolder, {}),
        RemoveFolder: (MakeFolder, {}),
        Copy: (RemoveCopy, {"path": "target", "original": "source"}),
        RemoveCopy: (Copy, {"target": "path", "source": "original"}),
        Extract: (RemoveExtracted, {"path": "target"}),
        RemoveExtracted: (Extract, {"target": "path"}),
        Link: (RemoveLink, {"path": "target", "original": "source"}),
        RemoveLink: (Link, {"target": "path", "source": "original"}),
        WriteSidecar: (RemoveSidecar, {}),
        RemoveSidecar: (WriteSidecar, {}),
        RemoveEntries: (WriteEntries, {}),
    }
)


def _turned(operation: Operation, **changes: object) -> Operation:
    """Make the operation that takes another back, of the same values."""
    class_, names = _TURNED[type(operation)]
    values = {
        one.name: getattr(operation, names.get(one.name, one.name))
        for one in fields(class_)
        if hasattr(operation, names.get(one.name, one.name))
    }
    return class_(**{**values, **changes})


def _inverse(done: Done) -> Iterator[Operation]:
    operation = done.operation
    match operation:
        case Skip():
            return
        case KeepFolderTime():
            yield operation
        case Discard(path=path, rule=rule):
            yield Skip(path=path, reason="it was deleted from the trash for good", rule=rule)
        case Move():
            yield Move(
                source=operation.target,
                target=operation.source,
                stamp=done.stamp_after or operation.stamp,
                content_hash=done.hash_after or operation.content_hash,
                rule=operation.rule,
                like=operation.stamp,
            )
        case Copy():
            yield _turned(operation, content_hash=done.hash_after or operation.content_hash)
        case WriteAttribute(before=before, after=after):
            yield replace(operation, before=after, after=before)
        case Teach(label=label, was=was):
            yield replace(operation, label=was, was=label)
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
        case WriteTags():
            yield _restoring(done, operation, operation.content_hash, done.hash_after)
        case RestoreBytes():
            yield _restoring(done, operation, operation.content_hash, operation.restored_hash)
        case _:
            yield _turned(operation)


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
