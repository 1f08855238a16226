"""Which names are free: what lies in the library, and what a plan has already claimed there. Pure.

Two names clash when any file system takes them for one: letter case and Unicode form do not count.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from organizer.rules.legal import LONGEST_NAME, fit, fold, numbered, size

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from pathlib import PurePosixPath

_NUMBERED = re.compile(r" \(([1-9][0-9]{0,8})\)(?:\.[^.]*)?$")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The folders that a plan must know, as they are: each that exists, with the names in it."""

    folders: Mapping[Path, frozenset[str]]

    @classmethod
    def seen(
        cls,
        folders: Iterable[Path],
        *,
        library: Path,
        others: Iterable[Path] = (),
        names_in: Callable[[Path], Iterable[str] | None],
    ) -> Snapshot:
        """Look at folders, and at those between them and the library that they are in.

        `names_in` lists a folder, and gives None for what is no folder. A folder that exists in another
        spelling of the same name is looked at in that spelling.
        """
        known: dict[Path, frozenset[str] | None] = {}

        def look(folder: Path) -> frozenset[str] | None:
            if folder not in known:
                names = names_in(folder)
                known[folder] = None if names is None else frozenset(names)
            return known[folder]

        roots = [library, *others]
        for folder in [*roots, *folders]:
            root = next((one for one in roots if folder.is_relative_to(one)), None)
            if root is None:
                look(folder)
                continue
            place = root
            for part in folder.relative_to(root).parts:
                spelled = _spelled(part, look(place) or ())
                if spelled is None:
                    break
                place /= spelled
            look(place)
        return cls({folder: names for folder, names in known.items() if names is not None})

    def holds(self, path: Path) -> bool:
        """Say whether a name was taken, in whatever spelling."""
        return any(fold(name) == fold(path.name) for name in self.folders.get(path.parent, ()))


class InTheWay(Exception):
    """A file stands where a folder is needed; the message says which."""


class Claims:
    """The names that a plan has spoken for, on top of those that are there, or `reserved` for others."""

    def __init__(self, snapshot: Snapshot, library: Path, *, reserved: Iterable[Path] = ()) -> None:
        self._snapshot = snapshot
        self._library = library
        self._names: dict[Path, dict[str, set[str]]] = {}  # folder -> folded name -> names as spelled
        self._next: dict[tuple[Path, str], int] = {}
        self._made: dict[Path, None] = {}
        for path in reserved:
            self._claim(path.parent, path.name)

    @property
    def made(self) -> tuple[Path, ...]:
        """Give the folders that must be made, parents first."""
        return tuple(self._made)

    def folder(self, relative: PurePosixPath) -> Path:
        """Give the folder of this name below the library, to be made where it is missing."""
        place = self._library
        missing: list[Path] = []
        for part in relative.parts:
            spelled = None if missing else _spelled(part, self._spellings(place, part))
            place /= spelled or part
            if spelled is None:
                missing.append(place)
            elif place not in self._snapshot.folders and place not in self._made:
                raise InTheWay(f'"{place.relative_to(self._library)}" in the library is no folder')
        for folder in missing:
            self._claim(folder.parent, folder.name)
            self._made[folder] = None
        return place

    def name(
        self,
        folder: Path,
        wanted: str,
        *,
        tails: Collection[str] = (),
        own: Collection[Path] = (),
        may_number: bool = True,
    ) -> str | None:
        """Claim a name, and the same name with each of `tails` behind it, all under one number.

        What is in `own` is the file's present name and those of its companions, which never count as
        taken. None: the name is taken, and numbering was not asked for.
        """
        limit = LONGEST_NAME - max([size(tail) for tail in tails], default=0)
        wanted = fit(wanted, limit)
        own_names = {path.name for path in own if path.parent == folder}
        name = self._kept(folder, wanted, tails, own_names, limit) or wanted
        if not self._is_free(folder, name, tails, own_names):
            if not may_number:
                return None
            name = self._number(folder, wanted, tails, own_names, limit)
        for tail in ("", *tails):
            self._claim(folder, name + tail)
        return name

    def was_there(self, path: Path) -> bool:
        """Say whether a name was taken before the plan."""
        return self._snapshot.holds(path)

    def _kept(
        self, folder: Path, wanted: str, tails: Collection[str], own_names: set[str], limit: int
    ) -> str | None:
        """Let a file that already bears a number keep it: nothing is moved only to close a gap."""
        for own in own_names:
            kept = numbered(wanted, _number_of(own) or 1, limit)
            if fold(kept) == fold(own) and self._is_free(folder, kept, tails, own_names):
                return kept
        return None

    def _number(
        self, folder: Path, wanted: str, tails: Collection[str], own_names: set[str], limit: int
    ) -> str:
        key = (folder, fold(wanted))
        number = self._next.get(key, 2)
        while not self._is_free(folder, numbered(wanted, number, limit), tails, own_names):
            number += 1
        self._next[key] = number + 1
        return numbered(wanted, number, limit)

    def _is_free(self, folder: Path, name: str, tails: Collection[str], own_names: set[str]) -> bool:
        taken = self._taken(folder)
        return all(taken.get(fold(name + tail), set()) <= own_names for tail in ("", *tails))

    def _claim(self, folder: Path, name: str) -> None:
        self._taken(folder).setdefault(fold(name), set()).add(name)

    def _taken(self, folder: Path) -> dict[str, set[str]]:
        if folder not in self._names:
            names: dict[str, set[str]] = {}
            for name in self._snapshot.folders.get(folder, ()):
                names.setdefault(fold(name), set()).add(name)
            self._names[folder] = names
        return self._names[folder]

    def _spellings(self, folder: Path, name: str) -> set[str]:
        return self._taken(folder).get(fold(name), set())


def _spelled(name: str, among: Collection[str]) -> str | None:
    """Find a name as it is spelled where it lies."""
    if name in among:
        return name
    folded = fold(name)
    return min((other for other in among if fold(other) == folded), default=None)


def _number_of(name: str) -> int | None:
    found = _NUMBERED.search(name)
    return int(found[1]) if found else None
