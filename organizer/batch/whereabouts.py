"""Where files are that no longer lie where the journal says: a user has renamed or moved them.

A file is known again by its inode, else by its bytes; one whose bytes have changed, by its sound. Reads names
and stamps of whole folders, bytes only of what may be meant.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
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
MOST_HEARD = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Whereabouts:
    """What a search has found."""

    found: Mapping[Path, Path]  # where it was -> where it is
    changed: Mapping[Path, Path]  # where it was -> where the same sound is, with other bytes


@dataclass(slots=True, kw_only=True)
class Search:
    """One search through folders."""

    roots: Sequence[Path]
    is_spoken_for: Callable[[Path], bool]  # whether the journal has something to say of a path itself
    content_hash: Callable[[Path], str]
    sound_id: Callable[[Path], str]
    sound_before: Callable[[Path], str | None]  # what lay at a path, as it was heard
    _taken: set[Path] = field(default_factory=set)

    def find(self, missing: Mapping[Path, Lying], goals: Mapping[Path, Path]) -> Whereabouts:
        """Look for files that are not at their paths: first where they are to go, if somebody has been
        quicker."""
        if not missing:
            return Whereabouts(found={}, changed={})
        found = {
            path: goals[path]
            for path, lying in missing.items()
            if path in goals and self._is_at(goals[path], lying)
        }
        self._taken.update(found.values())
        here = [(path, stamp) for path, stamp in listed(self.roots) if path not in missing]
        inodes, sizes = _grouped(here, lambda stamp: stamp.inode), _grouped(here, lambda stamp: stamp.size)
        for path, lying in missing.items():
            if path not in found and lying.stamp is not None:
                same = [place for place, stamp in inodes[lying.stamp.inode] if _is_it(lying.stamp, stamp)]
                self._take(found, path, same)
        for path, lying in missing.items():
            if path not in found and lying.stamp is not None:
                equal = [place for place, _ in sizes[lying.stamp.size] if self._holds(place, lying)]
                self._take(found, path, equal)
        lost = [path for path in missing if path not in found]
        return Whereabouts(found=found, changed=self._heard_again(lost, here))

    def _take(self, found: dict[Path, Path], path: Path, places: Sequence[Path]) -> None:
        """Choose the one file that is meant; of several, the one that kept its name, else nobody knows."""
        free = [one for one in places if one not in self._taken and not self.is_spoken_for(one)]
        if len(free) > 1:
            free = [one for one in free if one.name == path.name]
        if len(free) == 1:
            found[path] = free[0]
            self._taken.add(free[0])

    def _is_at(self, place: Path, lying: Lying) -> bool:
        try:
            now = Stamp.of(place.lstat())
        except OSError:
            return False
        if lying.stamp is None or now.size != lying.stamp.size:
            return False
        return _is_it(lying.stamp, now) or self._holds(place, lying)

    def _holds(self, place: Path, lying: Lying) -> bool:
        with suppress(FileProblem, OSError):
            return bool(lying.content_hash) and self.content_hash(place) == lying.content_hash
        return False

    def _heard_again(self, lost: Sequence[Path], here: Sequence[tuple[Path, Stamp]]) -> dict[Path, Path]:
        wanted = {sound: path for path in lost if (sound := self.sound_before(path)) is not None}
        suffixes = {path.suffix.lower() for path in wanted.values()}
        names = {path.name for path in wanted.values()}
        candidates = sorted(
            (place for place, _ in here if place.suffix.lower() in suffixes and place not in self._taken),
            key=lambda place: place.name not in names,
        )
        changed: dict[Path, Path] = {}
        heard = 0
        for place in candidates:
            if heard >= MOST_HEARD or len(changed) == len(wanted):
                break
            if self.is_spoken_for(place):
                continue
            heard += 1
            with suppress(FileProblem, OSError):
                if (path := wanted.get(self.sound_id(place))) is not None:
                    changed.setdefault(path, place)
        return changed


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


def _is_it(before: Stamp, now: Stamp) -> bool:
    return (now.inode, now.size, now.mtime_ns) == (before.inode, before.size, before.mtime_ns)


def _grouped(
    files: Iterable[tuple[Path, Stamp]], key: Callable[[Stamp], int]
) -> defaultdict[int, list[tuple[Path, Stamp]]]:
    groups: defaultdict[int, list[tuple[Path, Stamp]]] = defaultdict(list)
    for path, stamp in files:
        groups[key(stamp)].append((path, stamp))
    return groups
