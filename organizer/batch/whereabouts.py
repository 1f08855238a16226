"""Where files are that no longer lie where the journal says: a user has renamed or moved them.

A file is known again by its inode. One that only holds the same bytes, or the same sound, may be another copy
that its user needs where it is: it is named, and never taken. Reads names and stamps of whole folders, bytes
only of what may be meant.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from organizer.errors import FileProblem
from organizer.execution.archives import is_unpacked
from organizer.execution.syscalls import is_temp
from organizer.sample import Stamp

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from organizer.planning.standing import Lying

# Sounds that are heard, at most, to find one whose bytes have changed.
MOST_HEARD = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Whereabouts:
    """What a search has found."""

    found: Mapping[Path, Path]  # where it was -> where it is
    alike: Mapping[Path, str]  # where it was -> what else there is of it, in words


@dataclass(slots=True, kw_only=True)
class Search:
    """One search through folders."""

    roots: Sequence[Path]
    is_spoken_for: Callable[[Path], bool]  # whether the journal has something to say of a path itself
    content_hash: Callable[[Path], str]
    sound_id: Callable[[Path], str]
    sound_before: Callable[[Path], str | None]  # what lay at a path, as it was heard

    def find(self, missing: Mapping[Path, Lying], goals: Mapping[Path, Path]) -> Whereabouts:
        """Look for files that are not at their paths: first where they are to go, if somebody has been
        quicker."""
        found = {
            path: goals[path]
            for path, lying in missing.items()
            if path in goals and self._is_at(goals[path], lying)
        }
        lost = {path: one for path, one in missing.items() if path not in found and one.stamp is not None}
        if not lost:
            return Whereabouts(found=found, alike={})
        near = self._near(lost)
        by_inode: defaultdict[int, list[tuple[Path, Stamp]]] = defaultdict(list)
        for place, stamp in near:
            by_inode[stamp.inode].append((place, stamp))
        for path, lying in lost.items():
            inode = lying.stamp.inode if lying.stamp is not None else -1
            same = [place for place, stamp in by_inode[inode] if self._is_it(place, stamp, lying)]
            if len(same) == 1 and same[0] not in found.values():
                found[path] = same[0]
        alike = {
            path: said
            for path, lying in lost.items()
            if path not in found and (said := self._said_of(path, lying, near))
        }
        return Whereabouts(found=found, alike=alike)

    def _near(self, lost: Mapping[Path, Lying]) -> list[tuple[Path, Stamp]]:
        """List what may be one of them: the same inode, the same size, or the same name."""
        stamps = [one.stamp for one in lost.values() if one.stamp is not None]
        inodes, sizes = {one.inode for one in stamps}, {one.size for one in stamps}
        names = {path.name for path in lost}
        return [
            (path, stamp)
            for path, stamp in listed(self.roots)
            if path not in lost and (stamp.inode in inodes or stamp.size in sizes or path.name in names)
        ]

    def _is_it(self, place: Path, now: Stamp, lying: Lying) -> bool:
        """Say whether this is the very file. Devices are numbered anew at each start of the machine: where
        they differ, the bytes decide."""
        before = lying.stamp
        if before is None or not before.is_same_inode(now) or self.is_spoken_for(place):
            return False
        return before.device == now.device or self._holds(place, lying)

    def _said_of(self, path: Path, lying: Lying, near: Sequence[tuple[Path, Stamp]]) -> str:
        """Name a file that is not it, and may be what its user looks for."""
        free = [(place, stamp) for place, stamp in near if not self.is_spoken_for(place)]
        for place, stamp in free:
            if lying.stamp is not None and stamp.size == lying.stamp.size and self._holds(place, lying):
                return f"the same bytes lie at {place}"
        wanted = self.sound_before(path)
        named = [place for place, _ in free if place.suffix.lower() == path.suffix.lower()]
        named.sort(key=lambda place: place.name != path.name)
        for place in named[:MOST_HEARD] if wanted is not None else ():
            with suppress(FileProblem, OSError):
                if self.sound_id(place) == wanted:
                    return f"the same sound, changed, lies at {place}"
        return ""

    def _is_at(self, place: Path, lying: Lying) -> bool:
        try:
            now = Stamp.of(place.lstat())
        except OSError:
            return False
        if lying.stamp is None or now.size != lying.stamp.size:
            return False
        return lying.stamp.is_same_inode(now) or self._holds(place, lying)

    def _holds(self, place: Path, lying: Lying) -> bool:
        with suppress(FileProblem, OSError):
            return bool(lying.content_hash) and self.content_hash(place) == lying.content_hash
        return False


def heard(path: Path) -> str:
    """Name the sound in a file; what that takes is loaded only when it is asked for."""
    from organizer.recognition.identity import sound_id

    return sound_id(path)


def listed(roots: Iterable[Path]) -> Iterator[tuple[Path, Stamp]]:
    """List regular files below folders; links are not followed, and what is ours for a moment is left out."""
    folders = list(roots)
    while folders:
        with suppress(OSError), os.scandir(folders.pop()) as entries:
            for entry in entries:
                path = Path(entry.path)
                if entry.is_dir(follow_symlinks=False):
                    if not is_unpacked(path):
                        folders.append(path)
                elif entry.is_file(follow_symlinks=False) and not is_temp(entry.name):
                    yield path, Stamp.of(entry.stat(follow_symlinks=False))
