"""What the user has moved in a library since it was heard: the index follows, and what else differs is told.

A library is looked through in small steps, by names, sizes, times and inodes; bytes are read only of what is
not known, and only where something of that size is missing. Files are never changed.
"""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Protocol

from organizer.errors import FileProblem, LockedError
from organizer.execution.archives import is_unpacked
from organizer.execution.locks import execution_lock
from organizer.execution.syscalls import is_temp
from organizer.pack import is_junk, type_of
from organizer.sample import FileType, Stamp
from organizer.stopping import never

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from organizer.execution.filesystem import Filesystem
    from organizer.library.index import Index, Known
    from organizer.stopping import Stop

# What is missing is remembered up to so many: beyond that the library was rearranged as a whole.
MOST_MISSING = 50_000
# Files between two chances to do something more urgent.
STEP = 100
# Files that the index follows between two chances for others to change files.
AT_ONCE = 1_000


class Learn(Protocol):
    """Whoever learns from what was moved by hand, from where to where."""

    def __call__(self, moves: list[tuple[Path, Path]], *, stop: Stop) -> object: ...


def _nobody_learns(moves: list[tuple[Path, Path]], *, stop: Stop) -> None:
    """Let it be."""


@dataclass(slots=True, kw_only=True)
class Seen:
    """What came of one look through a library."""

    sounds: int = 0
    unknown: int = 0  # sounds that were never heard
    missing: int = 0  # that were heard, and lie nowhere
    changed: int = 0  # that hold other bytes than those that were heard
    moved: list[tuple[Path, Path]] = field(default_factory=list)
    whole: bool = False  # the look is at its end


class Observing:
    """Looks through libraries, and lets the index follow."""

    def __init__(
        self,
        index: Index,
        files: Filesystem,
        *,
        state: Path,
        learn: Learn = _nobody_learns,
    ) -> None:
        """`learn` is told of what was moved by hand, when the index has followed."""
        self._learn = learn
        self._index = index
        self._files = files
        self._state = state

    def look(self, root: Path, *, stop: Stop = never) -> Iterator[Seen]:
        """Look through a library step by step; gives what was seen so far, at the end as `whole`.

        What was moved by hand is in `moved` then, if nobody was changing files just at that moment. Raises
        `Stopped` where it is time to stop while a file is read.
        """

        def content_hash(path: Path) -> str:
            with self._files.asking(stop):
                return self._files.content_hash(path)

        seen = Seen()
        missing: list[Known] = []
        for number, known in enumerate(self._index.known_below(root)):
            took_long = self._compare(known, seen, missing, content_hash)
            if took_long or number % STEP == 0:
                yield seen
        search = _Search(missing, content_hash)
        for number, (path, stamp) in enumerate(sounds_below(root)):
            seen.sounds += 1
            if self._index.stamp_at(path) is None:
                seen.unknown += 1
                search.offer(path, stamp)
            if number % STEP == 0:
                yield seen
        for _ in search.by_bytes():
            yield seen
        for start in range(0, len(search.found), AT_ONCE):
            # What is not followed now, the next look finds.
            seen.moved += self._follow(search.found[start : start + AT_ONCE], content_hash) or []
            yield seen
        seen.missing -= len(seen.moved)
        seen.unknown -= len(seen.moved)
        seen.whole = True
        yield seen

    def glance(self, paths: Iterable[Path]) -> list[tuple[Path, Path]] | None:
        """Look at what was touched; give what was moved by hand, or None where it is to be asked again:
        somebody is changing files just now.
        """
        moves = []
        for path in paths:
            try:
                stamp = Stamp.of(path.lstat())
            except OSError:
                continue
            if _is_sound(path) and self._index.stamp_at(path) is None:
                before = [
                    one for one in self._index.with_inode(stamp.inode) if one.stamp.is_same_inode(stamp)
                ]
                moves += [(one, path, stamp) for one in before if not os.path.lexists(one.path)][:1]
        if not moves:
            return []
        return self._follow(moves, self._files.content_hash)

    def learn(self, moves: list[tuple[Path, Path]], *, stop: Stop) -> None:
        """Take what was moved by hand for what it says of the sounds. Raises `Stopped`."""
        self._learn(moves, stop=stop)

    def _compare(
        self, known: Known, seen: Seen, missing: list[Known], content_hash: Callable[[Path], str]
    ) -> bool:
        """Hold what was heard against what lies at its path now; say whether bytes were read for that."""
        try:
            stamp = Stamp.of(known.path.lstat())
        except OSError:
            seen.missing += 1
            if len(missing) < MOST_MISSING:
                missing.append(known)
            return False
        if stamp == known.stamp:
            return False
        touched = not stamp.is_like(known.stamp)
        if touched:
            try:
                if content_hash(known.path) != known.content_hash:
                    seen.changed += 1
                    return True
            except FileProblem:
                return True  # it is gone again, or closed to us: the next look tells
        self._index.restamp([(known.path, stamp)])
        return touched

    def _follow(
        self, moves: Sequence[tuple[Known, Path, Stamp]], content_hash: Callable[[Path], str]
    ) -> list[tuple[Path, Path]] | None:
        """Let the index follow; None where somebody is changing files: what a command is about to move was
        not moved by hand.
        """
        try:
            with execution_lock(self._state, wait=0.0, what="looking through the library"):
                sure = [one for one in moves if self._is_it(*one, content_hash)]
                self._index.moved([(one.path, path) for one, path, _ in sure])
                self._index.restamp([(path, stamp) for _, path, stamp in sure])
        except LockedError:
            return None
        return [(one.path, path) for one, path, _ in sure]

    def _is_it(self, one: Known, path: Path, stamp: Stamp, content_hash: Callable[[Path], str]) -> bool:
        """Say whether a file is the one that was heard elsewhere, and both are still as they were seen."""
        try:
            now = Stamp.of(path.lstat())
            still = self._index.stamp_at(one.path) == one.stamp and not os.path.lexists(one.path)
            if now != stamp or not still or self._index.stamp_at(path) is not None:
                return False
            # A number that is free goes to the next new file, and files of one pack may have one time: where
            # neither name nor folder speaks for it, the bytes do.
            known = path.name == one.path.name or path.parent == one.path.parent
            return known or content_hash(path) == one.content_hash
        except (OSError, FileProblem):
            return False


class _Search:
    """Finds what is missing among what is not known: by inode, else by its bytes."""

    def __init__(self, missing: Iterable[Known], content_hash: Callable[[Path], str]) -> None:
        self._hash = content_hash
        self._missing = {one.path: one for one in missing}
        self._by_inode: defaultdict[int, list[Known]] = defaultdict(list)
        self._by_size: defaultdict[int, list[Known]] = defaultdict(list)
        for one in self._missing.values():
            self._by_inode[one.stamp.inode].append(one)
            self._by_size[one.stamp.size].append(one)
        self.found: list[tuple[Known, Path, Stamp]] = []  # what was missing, where it is, its stamp there
        self._like: list[tuple[Path, Stamp]] = []

    def offer(self, path: Path, stamp: Stamp) -> None:
        if stamp.size not in self._by_size:
            return
        for one in self._by_inode[stamp.inode]:
            if one.path in self._missing and one.stamp.is_same_inode(stamp):
                self._take(one, path, stamp)
                return
        self._like.append((path, stamp))

    def by_bytes(self) -> Iterator[None]:
        """Find more by their bytes, a file at a time."""
        for path, stamp in self._like:
            lost = [one for one in self._by_size[stamp.size] if one.path in self._missing]
            if not lost:
                continue
            try:
                content = self._hash(path)
            except FileProblem:
                continue
            if (one := next((one for one in lost if one.content_hash == content), None)) is not None:
                self._take(one, path, stamp)
            yield

    def _take(self, one: Known, path: Path, stamp: Stamp) -> None:
        del self._missing[one.path]
        self.found.append((one, path, stamp))


def sounds_below(root: Path) -> Iterator[tuple[Path, Stamp]]:
    """List the sounds below a folder; links are not followed, and what cannot be listed is left out."""
    folders = [root]
    while folders:
        try:
            with os.scandir(folders.pop()) as listing:
                entries = list(listing)
        except OSError:
            continue
        for entry in entries:
            path = Path(entry.path)
            try:
                if entry.is_dir(follow_symlinks=False):
                    if not is_unpacked(path) and not is_junk(PurePosixPath(entry.name)):
                        folders.append(path)
                elif entry.is_file(follow_symlinks=False) and _is_sound(path):
                    yield path, Stamp.of(entry.stat(follow_symlinks=False))
            except OSError:
                continue  # it went away while we were looking


def _is_sound(path: Path) -> bool:
    name = PurePosixPath(path.name)
    return type_of(name) is FileType.AUDIO and not is_junk(name) and not is_temp(path.name)
