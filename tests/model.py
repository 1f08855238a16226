"""A perfect memory of what lies in an inbox and a library, held against the disk and the journal.

It knows every file by what it holds and by the sound in it, and follows the journal operation by operation
and its user edit by edit. An operation that says it was done must be one that could be: of the right bytes,
onto a free name, and nothing removed but what is kept elsewhere.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from organizer.errors import FileProblem
from organizer.execution import archives
from organizer.execution.outcome import holds_of
from organizer.execution.syscalls import is_temp
from organizer.planning.operations import (
    Copy,
    Discard,
    Extract,
    KeepFolderTime,
    Link,
    MakeFolder,
    Move,
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
from organizer.recognition.identity import content_hash, hash_blocks, sound_id

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from organizer.execution.records import BatchRecord, OperationRecord

Removal = RemoveCopy | RemoveExtracted | RemoveLink | RemoveSidecar | Discard

# Of all that was ever looked at: content hash -> sound, and what is in an archive, by member.
_sounds: dict[str, str] = {}
_members: dict[str, dict[str, str]] = {}


@dataclass(slots=True)
class Node:
    """One file, under one name or more. What was written by the product may have any time and mode."""

    content: str
    sound: str  # what tags do not change; of what is no sound, the hash of its bytes; of nothing, nothing
    mtime_ns: int | None = None
    mode: int | None = None
    attributes: dict[str, bytes] = field(default_factory=dict)
    held: bool = field(default=False, compare=False)
    inode: int = field(default=0, compare=False)  # as it was found last
    unseen: bool = field(default=False, compare=False)  # edited while the product was at work on it


@dataclass(slots=True)
class Disk:
    """What lies below some folders now: files, links by what they say, folders with mode and mtime."""

    files: dict[Path, Node | str]
    folders: dict[Path, tuple[int, int]]

    def sounds(self) -> set[str]:
        """Name every sound that lies under a name of its own, also in an archive."""
        nodes = [one for path, one in self.files.items() if isinstance(one, Node) and not is_temp(path.name)]
        inside = {content for one in nodes for content in _members.get(one.content, {}).values()}
        return {one.sound for one in nodes} | {_sounds.get(content, content) for content in inside}


def look(roots: Iterable[Path]) -> Disk:
    """Look at everything below folders; names of one file share one node."""
    disk = Disk({}, {})
    nodes: dict[tuple[int, int], Node] = {}
    for root in roots:
        for place, folders, names in os.walk(root):
            for name in [*folders, *names]:
                path = Path(place, name)
                found = path.lstat()
                if stat.S_ISLNK(found.st_mode):
                    disk.files[path] = str(path.readlink())
                elif stat.S_ISDIR(found.st_mode):
                    disk.folders[path] = stat.S_IMODE(found.st_mode), found.st_mtime_ns
                else:
                    key = found.st_dev, found.st_ino
                    disk.files[path] = nodes[key] = nodes.get(key) or _node(path, found)
    return disk


def _node(path: Path, found: os.stat_result) -> Node:
    content = content_hash(path)
    if content not in _sounds:
        try:
            _sounds[content] = sound_id(path)
        except FileProblem:
            _sounds[content] = content if found.st_size else ""
        if path.suffix == ".zip":
            _members[content] = archives.hashes_of(path)
    return Node(
        content=content,
        sound=_sounds[content],
        mtime_ns=found.st_mtime_ns,
        mode=stat.S_IMODE(found.st_mode),
        attributes={name: os.getxattr(path, name) for name in os.listxattr(path)},
        inode=found.st_ino,
    )


@dataclass(slots=True)
class Model:
    """What must lie where."""

    roots: Sequence[Path]  # which may lie on disks of their own
    files: dict[Path, Node | str] = field(default_factory=dict)
    folders: set[Path] = field(default_factory=set)
    perhaps: set[Path] = field(default_factory=set)  # folders whose making is said to have failed
    _followed: set[int] = field(default_factory=set)

    def sounds(self) -> set[str]:
        """Name what must never be lost: all but the notes that the product keeps for itself."""
        return {
            one.sound
            for path, one in self.files.items()
            if isinstance(one, Node) and one.sound and not path.name.endswith((".organizer.json", ".xmp"))
        }

    def held(self, path: Path) -> bool:
        node = self.files.get(path)
        return isinstance(node, Node) and node.held

    # What the user does

    def learn(self, edited: Collection[int]) -> None:
        """Take the disk for right, after files of these inodes were edited when nobody saw it."""
        disk = look(self.roots)
        self.files, self.folders = disk.files, set(disk.folders)
        for node in self.files.values():
            if isinstance(node, Node) and node.inode in edited:
                node.unseen = True

    def forget(self, records: Iterable[OperationRecord]) -> None:
        """Take operations for followed: the disk that was learnt holds them already."""
        self._followed |= {record.id for record in records if record.state == "done"}

    def adopt(self, path: Path) -> None:
        """Take note of what the user has put at a path, or made of what lay there."""
        now, before = look(self.roots), self.files.get(path)
        found = now.files[path]
        if isinstance(found, Node) and isinstance(before, Node) and found.inode == before.inode:
            held = before.held and found.content == before.content
            before.content, before.sound = found.content, found.sound
            before.mtime_ns, before.mode, before.attributes = found.mtime_ns, found.mode, found.attributes
            before.held = held
        else:
            self.files[path] = found
        self.folders |= {one for one in path.parents if one in now.folders}

    def edited(self, path: Path, new: Path) -> None:
        """Follow one edit: what lay at a path lies at another now, or is gone, or was changed or copied."""
        if os.path.lexists(path):
            self.adopt(new if os.path.lexists(new) else path)
            return
        for old in [one for one in self.files if one == path or path in one.parents]:
            node = self.files.pop(old)
            if os.path.lexists(new):
                self.files[new / old.relative_to(path)] = node
        for old in [one for one in self.folders if one == path or path in one.parents]:
            self.folders.remove(old)
            self.folders.add(new / old.relative_to(path))
        if self._root(path) != self._root(new) and new.is_file():
            self.adopt(new)

    # What the journal says

    def follow(self, batch: BatchRecord, records: Iterable[OperationRecord]) -> None:
        """Do what the journal says was done since."""
        for record in records:
            if record.id in self._followed:
                continue
            if record.state == "done":
                self._followed.add(record.id)
                self._do(record)
                self._hold(batch, record)
            elif record.state == "failed" and isinstance(record.operation, MakeFolder):
                self.perhaps.add(record.operation.path)

    def _hold(self, batch: BatchRecord, record: OperationRecord) -> None:
        source = getattr(record.operation, "path", getattr(record.operation, "source", None))
        if batch.hold is None and isinstance(source, Path):
            self.let_go(source)
            self.let_go(getattr(record.operation, "target", source))
        for hold in holds_of(batch, [record]):
            node = self.files.get(hold.path)
            if isinstance(node, Node):
                node.held = True

    def let_go(self, path: Path) -> None:
        node = self.files.get(path)
        if isinstance(node, Node):
            node.held = False

    def _do(self, record: OperationRecord) -> None:
        operation = record.operation
        match operation:
            case MakeFolder(path=path):
                assert path not in self.files, f"a folder in the place of {path}"
                self.folders.add(path)
            case RemoveFolder(path=path):
                inside = [one for one in [*self.files, *self.folders] if one.parent == path]
                assert not inside, f"removed with what is in it: {path}"
                self.folders.discard(path)
            case KeepFolderTime() | Skip():
                pass
            case Move() | Copy() | Extract() | Link():
                self._arrive(record, operation)
            case RemoveCopy() | RemoveExtracted() | RemoveLink() | RemoveSidecar() | Discard():
                self._leave(operation)
            case WriteTags() | RestoreBytes():
                self._rewrite(record, operation)
            case WriteSidecar(path=path, content=content):
                self._put(path, _note(hash_blocks([content.encode("utf-8", "surrogateescape")])))
            case WriteEntries(path=path) | RemoveEntries(path=path):
                self._note(record, path)
            case WriteAttribute(path=path, name=name, before=before, after=after):
                node = self._at(path)
                assert node.attributes.pop(name, None) == before, f"another attribute of {path}"
                if after is not None:
                    node.attributes[name] = after

    def _arrive(self, record: OperationRecord, operation: Move | Copy | Extract | Link) -> None:
        target = operation.target
        if isinstance(operation, Extract):
            self._at(operation.archive)
            found = Node(operation.content_hash, _sounds.get(operation.content_hash, ""))
            self._put(target, found)
            return
        node = self._at(operation.source)
        wanted = record.hash_after or operation.content_hash
        assert wanted in ("", node.content) or node.unseen, f"{operation} of other bytes than there were"
        if isinstance(operation, Link):
            self._put(target, operation.pointer or node)
            return
        if isinstance(operation, Move):
            del self.files[operation.source]
            if self._root(operation.source) == self._root(target):
                self._put(target, node)
                return
        copy = replace(node, attributes=dict(node.attributes))
        if isinstance(operation, Move) and operation.like is not None:
            # The disk that it comes from may have kept neither.
            copy.mtime_ns, copy.mode = operation.like.mtime_ns, stat.S_IMODE(operation.like.mode)
        self._put(target, copy)

    def _root(self, path: Path) -> int:
        """Tell disks apart."""
        return next(root for root in self.roots if path.is_relative_to(root)).stat().st_dev

    def _leave(self, operation: Removal) -> None:
        """Let a file go that is kept elsewhere, or that the product has made from nothing."""
        path = operation.path
        node = self.files.pop(path, None)
        if node is None:
            return  # recovery cannot tell who took it
        match operation:
            case RemoveSidecar(content=content):
                assert isinstance(node, Node)
                assert node.content == hash_blocks([content.encode("utf-8", "surrogateescape")]), path
            case RemoveCopy(original=original, content_hash=wanted):
                assert isinstance(node, Node)
                assert node.content == wanted == self._at(original).content, f"the last one: {path}"
            case RemoveLink(original=original, pointer=pointer):
                same = node == pointer if pointer else node is self._at(original)
                assert same, f"no link: {path}"
            case Discard(twin=twin, sound_id=sound):
                assert isinstance(node, Node)
                assert twin is not None
                assert node.sound == sound == self._at(twin).sound, f"the last one: {path}"
            case RemoveExtracted(archive=archive, member=member, content_hash=wanted):
                assert isinstance(node, Node)
                inside = _members[self._at(archive).content]
                assert node.content == wanted == inside[member], f"the last one: {path}"

    def _rewrite(self, record: OperationRecord, operation: WriteTags | RestoreBytes) -> None:
        node = self._at(operation.path)
        before = {operation.content_hash, record.hash_before}
        assert node.content in before, f"{operation.path} was written over"
        after = record.hash_after
        if isinstance(operation, RestoreBytes):
            assert operation.restored_hash == after, operation
        self.files[operation.path] = replace(node, content=after, attributes=dict(node.attributes))

    def _note(self, record: OperationRecord, path: Path) -> None:
        """Follow what becomes of a file that tells of a whole folder."""
        node = self.files.get(path)
        if not record.hash_after:
            assert isinstance(record.operation, RemoveEntries), record
            self.files.pop(path, None)
        elif isinstance(node, Node):
            self.files[path] = replace(node, content=record.hash_after, sound=record.hash_after)
        else:
            self._put(path, _note(record.hash_after))

    def _at(self, path: Path) -> Node:
        node = self.files.get(path)
        assert isinstance(node, Node), f"the journal speaks of {path}, where there is none"
        return node

    def _put(self, path: Path, node: Node | str) -> None:
        assert path not in self.files, f"written over: {path}"
        self.files[path] = node

    # Against the disk

    def differences(self) -> list[str]:
        """Say what lies elsewhere or otherwise than it must."""
        disk = look(self.roots)
        said = [
            f"{path}: {_difference(self.files.get(path), disk.files.get(path))}"
            for path in sorted(self.files.keys() | disk.files.keys())
            if _difference(self.files.get(path), disk.files.get(path))
        ]
        folders = disk.folders.keys() - self.perhaps
        said += [f"the folder {path} is not there" for path in sorted(self.folders - disk.folders.keys())]
        said += [f"the folder {path} appeared" for path in sorted(folders - self.folders)]
        self.folders |= disk.folders.keys()
        return said


def _note(content: str) -> Node:
    return Node(content=content, sound=content)


def _difference(wanted: Node | str | None, found: Node | str | None) -> str:
    """Compare one name; what the product wrote takes on the time and mode that it has."""
    if wanted is None:
        return "appeared"
    if found is None:
        return "is gone"
    if isinstance(wanted, str) or isinstance(found, str):
        return "" if wanted == found else f"{found}, not {wanted}"
    wanted.mtime_ns = found.mtime_ns if wanted.mtime_ns is None else wanted.mtime_ns
    wanted.mode = found.mode if wanted.mode is None else wanted.mode
    wanted.inode = found.inode
    if not wanted.sound:
        wanted.sound = found.sound
    for name in ("content", "sound", "mtime_ns", "mode", "attributes"):
        if getattr(wanted, name) != getattr(found, name):
            return f"{name} {getattr(found, name)!r}, not {getattr(wanted, name)!r}"
    return ""
