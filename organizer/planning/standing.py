"""What should lie where after all that was done: the journal's picture of the disk. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from organizer.planning.operations import (
    Copy,
    Discard,
    Extract,
    Link,
    Move,
    RemoveCopy,
    RemoveEntries,
    RemoveExtracted,
    RemoveLink,
    RemoveSidecar,
    RestoreBytes,
    WriteEntries,
    WriteSidecar,
    WriteTags,
)
from organizer.sample import Stamp

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from organizer.planning.undo import Done

# What takes a file away from the path that it names first.
REMOVING = (Move, RemoveCopy, RemoveLink, RemoveExtracted, RemoveSidecar, RemoveEntries, Discard)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lying:
    """One file, as the last operation that named it left it behind."""

    stamp: Stamp | None
    content_hash: str  # empty where nobody hashed it
    pointer: str = ""  # of a symbolic link
    shared: bool = False  # a file that tells of its whole folder; other programs write to it as well


class Standing:
    """Paths, and what should lie there."""

    def __init__(self, done: Iterable[Done] = ()) -> None:
        self._lying: dict[Path, Lying] = {}
        for one in done:
            self.add(one)

    def __contains__(self, path: Path) -> bool:
        return path in self._lying

    def __iter__(self) -> Iterator[tuple[Path, Lying]]:
        return iter(self._lying.items())

    def get(self, path: Path) -> Lying | None:
        return self._lying.get(path)

    def add(self, done: Done) -> None:
        """Play one more operation, which was done after all that were played before."""
        after = Lying(stamp=done.stamp_after, content_hash=done.hash_after or "")
        match done.operation:
            case Move(source=source, target=target, stamp=stamp, content_hash=content_hash):
                before = self._lying.pop(source, Lying(stamp=stamp, content_hash=content_hash))
                self._lying[target] = replace(
                    before,
                    stamp=after.stamp or before.stamp,
                    content_hash=after.content_hash or before.content_hash,
                )
            case (
                Copy(target=path, content_hash=content_hash) | Extract(target=path, content_hash=content_hash)
            ):
                self._lying[path] = replace(after, content_hash=after.content_hash or content_hash)
            case Link(target=path, content_hash=content_hash, pointer=pointer):
                linked = after.content_hash or content_hash
                self._lying[path] = Lying(stamp=None, content_hash=linked, pointer=pointer)
            case (
                RemoveCopy(path=path)
                | RemoveLink(path=path)
                | RemoveExtracted(path=path)
                | RemoveSidecar(path=path)
                | Discard(path=path)
            ):
                self._lying.pop(path, None)
            case WriteTags(path=path) | RestoreBytes(path=path) | WriteSidecar(path=path):
                self._lying[path] = after
            case WriteEntries(path=path) | RemoveEntries(path=path):
                if after.content_hash:
                    self._lying[path] = replace(after, shared=True)
                else:
                    self._lying.pop(path, None)
            case _:
                pass  # folders, their times and attributes are no files
