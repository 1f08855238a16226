"""What undo put back into an inbox is held: not filed again. Owns the rows of the table `hold`.

So is what lies in an inbox and lost its copies to an undo, or they would be made again. A row is written
with the intent to put back (then a path is all that is sure of the place) and completed when the file is
there; one that is refused its place leaves the row of what lies there alone. A file is known again by inode
and size, so that a rename in the inbox keeps it held.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence
    from pathlib import Path

    from organizer.execution.places import Places
    from organizer.execution.records import Hold
    from organizer.sample import Stamp


class Holds:
    """Statements on the table; the transaction is the caller's. Paths are spelt by `places`."""

    def __init__(self, places: Places) -> None:
        self._places = places

    def intend(self, cursor: sqlite3.Cursor, hold: Hold) -> None:
        cursor.execute(
            "INSERT OR REPLACE INTO hold (path, operation, inode, size, mtime_ns, content_hash)"
            " VALUES (CAST(? AS TEXT), ?, ?, ?, ?, ?)",
            (
                self._name(hold.path),
                hold.operation,
                str(hold.stamp.inode),
                hold.stamp.size,
                hold.stamp.mtime_ns,
                hold.content_hash,
            ),
        )

    def complete(self, cursor: sqlite3.Cursor, operation: int, after: Stamp) -> None:
        cursor.execute(
            "UPDATE hold SET inode = ?, size = ?, mtime_ns = ?, complete = 1 WHERE operation = ?",
            (str(after.inode), after.size, after.mtime_ns, operation),
        )
        cursor.execute(
            "DELETE FROM hold WHERE operation < ? AND path IN (SELECT path FROM hold WHERE operation = ?)",
            (operation, operation),
        )

    def forget(self, cursor: sqlite3.Cursor, operation: int) -> None:
        """Drop the row of an operation that was not done."""
        cursor.execute("DELETE FROM hold WHERE operation = ?", (operation,))

    def leave(self, cursor: sqlite3.Cursor, operation: int, after: Stamp) -> None:
        """Let go of what an operation moved away, copied or changed, under whatever name it was held."""
        row = cursor.execute(
            "SELECT kind, source FROM operation"
            " WHERE id = ? AND kind IN ('move', 'copy', 'write-tags', 'restore-bytes')",
            (operation,),
        ).fetchone()
        if row is None:
            return
        source = row["source"].encode("utf-8", "surrogateescape")
        known = cursor.execute(
            "DELETE FROM hold WHERE operation < ? AND path = CAST(? AS TEXT)", (operation, source)
        ).rowcount
        holds = cursor.execute("SELECT 1 FROM hold WHERE operation = ?", (operation,)).fetchone()
        if known or holds is not None or row["kind"] != "move":
            return  # another row of the same inode is another name of the file, which is held as well
        cursor.execute("DELETE FROM hold WHERE inode = ? AND size = ?", (str(after.inode), after.size))

    def release(self, cursor: sqlite3.Cursor, paths: Sequence[Path]) -> None:
        for path in paths:
            name, low, high = self._range(path)
            cursor.execute(
                "DELETE FROM hold WHERE path = CAST(? AS TEXT)"
                " OR (path >= CAST(? AS TEXT) AND path < CAST(? AS TEXT))",
                (name, low, high),
            )

    def candidates(self, cursor: sqlite3.Cursor, path: Path, stamp: Stamp) -> frozenset[str] | Literal[True]:
        """Give True for a file that is held for certain, else the hashes that would make it so."""
        rows = cursor.execute(
            "SELECT path = CAST(? AS TEXT) AS here, complete, mtime_ns, content_hash FROM hold"
            " WHERE (inode = ? AND size = ?) OR (path = CAST(? AS TEXT) AND complete = 0)",
            (self._name(path), str(stamp.inode), stamp.size, self._name(path)),
        ).fetchall()
        hashes = set()
        for row in rows:
            if (row["here"] and not row["complete"]) or row["mtime_ns"] == stamp.mtime_ns:
                return True
            if row["content_hash"]:
                hashes.add(row["content_hash"])
            else:
                return True  # never hashed, the same inode and size: more likely touched than another file
        return frozenset(hashes)

    def has_name(self, cursor: sqlite3.Cursor, path: Path, stamp: Stamp) -> bool:
        """Say whether a file of this size and time is held under this very name, whatever its inode."""
        found = cursor.execute(
            "SELECT 1 FROM hold WHERE path = CAST(? AS TEXT) AND complete = 1 AND size = ? AND mtime_ns = ?",
            (self._name(path), stamp.size, stamp.mtime_ns),
        ).fetchone()
        return found is not None

    def count(self, cursor: sqlite3.Cursor, roots: Sequence[Path]) -> int:
        if not roots:
            return int(cursor.execute("SELECT count(*) FROM hold WHERE complete = 1").fetchone()[0])
        total = 0
        for root in roots:
            _, low, high = self._range(root)
            total += cursor.execute(
                "SELECT count(*) FROM hold WHERE complete = 1"
                " AND path >= CAST(? AS TEXT) AND path < CAST(? AS TEXT)",
                (low, high),
            ).fetchone()[0]
        return total

    def _name(self, path: Path) -> bytes:
        return os.fsencode(self._places.spell(path))

    def _range(self, folder: Path) -> tuple[bytes, bytes, bytes]:
        """Give a path, and the first and the first no longer of the names below it."""
        name = self._name(folder)
        inside = name.rstrip(b"/")
        return name, inside + b"/", inside + b"0"  # "0" follows "/" in ASCII
