"""A disk in memory, strict about everything: what a plan does to it, and what the journal would say."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from organizer.planning.operations import (
    Copy,
    KeepFolderTime,
    Link,
    MakeFolder,
    Move,
    Operation,
    RemoveCopy,
    RemoveEntries,
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
from organizer.planning.planner import FolderFacts, Tree
from organizer.planning.undo import Done
from organizer.rules.legal import fold
from organizer.sample import Stamp

if TYPE_CHECKING:
    from collections.abc import Iterable

LIBRARY = Path("/music/Library")
INBOX = Path("/music/Inbox")


@dataclass
class Disk:
    files: dict[Path, str] = field(default_factory=dict)  # path -> content
    folders: dict[Path, int] = field(default_factory=dict)  # path -> mode
    times: dict[Path, int] = field(default_factory=dict)  # folder -> mtime_ns
    now: int = 1_000
    rewritten: dict[tuple[Path, str], str] = field(default_factory=dict)
    attributes: dict[Path, bytes | None] = field(default_factory=dict)

    @classmethod
    def of(cls, files: Iterable[Path], folders: Iterable[Path] = ()) -> Disk:
        disk = cls()
        for folder in (LIBRARY, INBOX, *folders):
            disk._ensure(folder)
        for path in files:
            disk._ensure(path.parent)
            disk.files[path] = f"content of {path}"
        return disk

    def names_in(self, folder: Path) -> list[str] | None:
        if folder not in self.folders:
            return None
        return [
            path.name for path in (*self.files, *self.folders) if path.parent == folder and path != folder
        ]

    def tree(self) -> Tree:
        """Describe the inbox side as the planner wants it."""
        return Tree(
            inbox=INBOX,
            folders={
                folder: FolderFacts(
                    mtime_ns=self.times[folder], mode=mode, entries=len(self.names_in(folder) or ())
                )
                for folder, mode in self.folders.items()
                if folder.is_relative_to(INBOX) and folder != INBOX
            },
        )

    def state(self, root: Path) -> dict[Path, object]:
        """Give all below a folder: the content of files, mode and time of folders."""
        files = {path: content for path, content in self.files.items() if path.is_relative_to(root)}
        folders = {
            path: (mode, self.times[path])
            for path, mode in self.folders.items()
            if path.is_relative_to(root) and path != root
        }
        return {**files, **folders}

    def shape(self) -> dict[Path, object]:
        return {**self.files, **dict.fromkeys(self.folders, "folder")}

    def run(self, operations: Iterable[Operation]) -> list[Done]:
        self.rewritten = {}
        return [self._done(operation) for operation in operations if not isinstance(operation, Skip)]

    def _done(self, operation: Operation) -> Done:
        match operation:
            case KeepFolderTime(path=path, mtime_ns=mtime_ns):
                assert path in self.folders
                self.times[path] = mtime_ns
            case MakeFolder(path=path, mode=mode):
                self._enter(path)
                self.folders[path] = 0o755 if mode is None else mode
                self.times[path] = self.now
            case RemoveFolder(path=path):
                assert self.names_in(path) == [], f"{path} is not empty"
                del self.folders[path], self.times[path]
                self._touch(path.parent)
            case Move(source=source, target=target):
                content = self._verified(source, operation.content_hash)
                del self.files[source]
                self.attributes[target] = self.attributes.pop(source, None)
                self._touch(source.parent)
                self._enter(target)
                self.files[target] = content
                return Done(operation=operation, stamp_after=stamp(target), hash_after=hash_of(content))
            case Copy(source=source, target=target):
                content = self._verified(source, operation.content_hash)
                self._enter(target)
                self.files[target] = content
                return Done(operation=operation, hash_after=hash_of(content))
            case RemoveCopy(path=path, original=original):
                assert self._verified(path, operation.content_hash) == self.files[original]
                self._leave(path)
            case WriteTags(path=path, tags=tags):
                before = self._verified(path, operation.content_hash)
                after = f"{before} {sorted(tags.items())}"
                self._rewrite(path, after, operation.content_hash)
                return Done(
                    operation=operation,
                    hash_after=hash_of(after),
                    patch=before.encode(),
                )
            case RestoreBytes(path=path, patch=patch):
                before = self._verified(path, operation.content_hash)
                assert hash_of(patch.decode()) == operation.restored_hash
                self._rewrite(path, patch.decode(), operation.content_hash)
                return Done(operation=operation, hash_after=operation.restored_hash, patch=before.encode())
            case Link(source=source, target=target):
                content = self._verified(source, operation.content_hash)
                self._enter(target)
                self.files[target] = content
            case RemoveLink(path=path, original=original):
                assert self.files[path] == self.files[original]
                self._leave(path)
            case WriteAttribute(path=path):
                assert self.attributes.get(path) == operation.before
                self.attributes[path] = operation.after
            case WriteEntries(path=path, entries=entries):
                held = self.files.get(path)
                if held is None:
                    self._enter(path)
                self.files[path] = json.dumps({**json.loads(held or "{}"), **entries})
                return Done(
                    operation=operation,
                    hash_after=hash_of(self.files[path]),
                    hash_before=None if held is None else hash_of(held),
                    patch=None if held is None else held.encode(),
                )
            case RemoveEntries(path=path, restored_hash=restored, patch=patch):
                assert hash_of(self.files[path]) == operation.content_hash
                if restored:
                    assert patch is not None
                    self.files[path] = patch.decode()
                else:
                    self._leave(path)
            case WriteSidecar(path=path, content=content):
                self._enter(path)
                self.files[path] = content
            case RemoveSidecar(path=path, content=content):
                assert self.files[path] == content
                self._leave(path)
        return Done(operation=operation)

    def _verified(self, path: Path, planned: str) -> str:
        content = self.files[path]
        assert hash_of(content) == self.rewritten.get((path, planned), planned), path
        return content

    def _rewrite(self, path: Path, content: str, planned: str) -> None:
        self.files[path] = content
        self.rewritten[path, planned] = hash_of(content)
        self._touch(path.parent)

    def _enter(self, path: Path) -> None:
        assert path.parent in self.folders, f"{path.parent} is missing"
        names = {fold(name) for name in self.names_in(path.parent) or ()}
        assert fold(path.name) not in names, f"{path} would be overwritten"
        self._touch(path.parent)

    def _leave(self, path: Path) -> None:
        del self.files[path]
        self._touch(path.parent)

    def _touch(self, folder: Path) -> None:
        self.now += 1
        self.times[folder] = self.now

    def _ensure(self, folder: Path) -> None:
        for place in (*reversed(folder.parents), folder):
            if place not in self.folders:
                self.folders[place] = 0o750 if place.is_relative_to(INBOX) else 0o755
                self.now += 1
                self.times[place] = self.now


def hash_of(content: str) -> str:
    return f"h:{content}"


def stamp(path: Path) -> Stamp:
    return Stamp(size=1, mtime_ns=1, inode=hash(path) & 0xFFFF, device=1)
