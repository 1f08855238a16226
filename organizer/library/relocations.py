"""Sounds that were moved together by hand, in a renamed folder or many at once.

They are no corrections until their user says that they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from organizer.library.store import to_blob, to_path

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable
    from pathlib import Path


class Relocations:
    """The relocations table of the index."""

    def __init__(self, store: sqlite3.Connection) -> None:
        self._store = store

    def __len__(self) -> int:
        found: int = self._store.execute("SELECT count(*) FROM relocations").fetchone()[0]
        return found

    def all(self) -> list[tuple[Path, Path]]:
        """Give from where to where, in the order of where they are."""
        rows = self._store.execute("SELECT before, path FROM relocations ORDER BY path").fetchall()
        return [(to_path(before), to_path(path)) for before, path in rows]

    def add(self, moves: Iterable[tuple[Path, Path]]) -> None:
        """Remember moves; of one that is moved on, where it came from first."""
        for before, now in moves:
            earlier = self._store.execute(
                "DELETE FROM relocations WHERE path = ? RETURNING before", (to_blob(before),)
            ).fetchone()
            self._store.execute(
                "INSERT OR REPLACE INTO relocations (path, before) VALUES (?, ?)",
                (to_blob(now), to_blob(before) if earlier is None else earlier[0]),
            )

    def forget(self, paths: Iterable[Path]) -> None:
        self._store.executemany(
            "DELETE FROM relocations WHERE path = ?", [(to_blob(path),) for path in paths]
        )
