"""What would be done with arrivals, kept until their user approves it or discards it.

A plan is kept as text whose form the caller knows.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from os.path import lexists
from pathlib import Path
from typing import TYPE_CHECKING, Any

from organizer.library.remainders import Nature
from organizer.library.store import to_blob, to_path

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Iterable, Iterator

    from organizer.library.remainders import Remainder, Remainders

_COLUMNS = "id, inbox, pack, title, made_at, heard, targets, plans"


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """What would be done with complete files of one pack, or loose ones (`pack` None)."""

    id: int = 0  # given when it is kept
    inbox: str  # its title
    pack: str | None
    title: str
    made_at: float  # seconds since the epoch
    files: tuple[Path, ...]  # that something would be done with
    heard: tuple[Path, ...]  # those, and what stays, but was heard with them
    targets: tuple[Path, ...]  # places that they would have
    plans: str


class Suggestions:
    """The suggestions of the index. A file belongs to one at most."""

    def __init__(self, store: sqlite3.Connection) -> None:
        self._store = store

    def __iter__(self) -> Iterator[Suggestion]:
        """Give all, the oldest first."""
        rows = self._store.execute(f"SELECT {_COLUMNS} FROM suggestions ORDER BY id").fetchall()
        return (self._suggestion_of(row) for row in rows)

    def __contains__(self, path: Path) -> bool:
        """Say whether something is suggested for a file."""
        found = self._store.execute("SELECT 1 FROM suggested WHERE path = ?", (to_blob(path),)).fetchone()
        return found is not None

    def put(self, one: Suggestion) -> int:
        """Keep a suggestion in the place of any older one for some of the same files; give its number.

        What else an older one was about is suggested no more: it is work again.
        """
        self.remove(self._about(one.files))
        pack = None if one.pack is None else to_blob(one.pack)
        heard, targets = (json.dumps([str(path) for path in paths]) for paths in (one.heard, one.targets))
        cursor = self._store.execute(
            "INSERT INTO suggestions (inbox, pack, title, made_at, heard, targets, plans)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (one.inbox, pack, to_blob(one.title), one.made_at, heard, targets, one.plans),
        )
        assert cursor.lastrowid is not None  # a row was inserted
        self._store.executemany(
            "INSERT INTO suggested (path, suggestion) VALUES (?, ?)",
            [(to_blob(path), cursor.lastrowid) for path in one.files],
        )
        return cursor.lastrowid

    def remove(self, numbers: Iterable[int]) -> None:
        gone = [(number,) for number in numbers]
        self._store.executemany("DELETE FROM suggested WHERE suggestion = ?", gone)
        self._store.executemany("DELETE FROM suggestions WHERE id = ?", gone)

    def reserved(self, *, before: int | None = None, besides: Iterable[Path] = ()) -> frozenset[Path]:
        """Name the places that suggestions would take: of those `before` one, and not for files `besides`."""
        out = self._about(besides)
        rows = self._store.execute(
            "SELECT id, targets FROM suggestions WHERE ? IS NULL OR id < ?", (before, before)
        )
        return frozenset(
            Path(path) for number, targets in rows if number not in out for path in json.loads(targets)
        )

    def waiting(self, remainders: Iterable[Remainder]) -> list[Suggestion]:
        """Give what waits for its user, the oldest first, with the files of it that still lie there."""
        there = {one.path for one in remainders if one.nature is Nature.SUGGESTED and lexists(one.path)}
        still = [replace(one, files=tuple(path for path in one.files if path in there)) for one in self]
        return [one for one in still if one.files]

    def discard(self, one: Suggestion, remainders: Remainders) -> None:
        """Leave the files where they are, until they, the rules or the model change."""
        stays = [found for path in one.files if (found := remainders.get(path)) is not None]
        reason = "you discarded what was suggested for it"
        remainders.update(
            put=[
                replace(found, nature=Nature.LEFT, reason=reason, hint="")
                for found in stays
                if found.nature is Nature.SUGGESTED
            ]
        )
        self.remove([one.id])

    def keep_those_with(self, files: Collection[Path]) -> None:
        """Forget those that have none of these files."""
        self.remove([one.id for one in self if set(files).isdisjoint(one.files)])

    def _about(self, files: Iterable[Path]) -> set[int]:
        """Find the suggestions for any of these files."""
        found: set[int] = set()
        for path in files:
            row = self._store.execute(
                "SELECT suggestion FROM suggested WHERE path = ?", (to_blob(path),)
            ).fetchone()
            found.update(row or ())
        return found

    def _suggestion_of(self, row: tuple[Any, ...]) -> Suggestion:
        number, inbox, pack, title, made_at, heard, targets, plans = row
        files = self._store.execute(
            "SELECT path FROM suggested WHERE suggestion = ? ORDER BY path", (number,)
        ).fetchall()
        return Suggestion(
            id=number,
            inbox=inbox,
            pack=None if pack is None else os.fsdecode(pack),
            title=os.fsdecode(title),
            made_at=made_at,
            files=tuple(to_path(path) for (path,) in files),
            heard=tuple(Path(path) for path in json.loads(heard)),
            targets=tuple(Path(path) for path in json.loads(targets)),
            plans=plans,
        )
