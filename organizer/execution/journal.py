"""The journal: what was intended, what was done, and what is held. Owns its SQLite file alone.

Every method that writes is one transaction, on the disk when it returns. It never looks at the user's
files; what a row says of them was told by the executor or by recovery.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

from organizer.execution import codec, schema
from organizer.execution.holds import Holds
from organizer.execution.records import (
    COUNTED,
    BatchRecord,
    Closing,
    Hold,
    Note,
    OperationRecord,
    batch_of,
    operation_of,
)
from organizer.library.store import prefix_range
from organizer.planning.operations import Copy, Extract, Link, Skip
from organizer.planning.undo import Done

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from organizer.planning.operations import Plan
    from organizer.sample import Stamp


class Journal:
    """One connection for the whole process, shared by its threads."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._connection = schema.open_to_read(path) if read_only else schema.open_to_write(path)
        self._holds = Holds()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    # Writing

    def begin(self, plan: Plan, *, model_id: str = "", rules_digest: str = "", now: float) -> int:
        """Write down a new batch with all that it intends."""
        with self._transaction() as cursor:
            cursor.execute(
                "INSERT INTO batch"
                " (origin, title, inbox, started, state, undoes, hold, model_id, rules_digest)"
                " VALUES (?, CAST(? AS TEXT), CAST(? AS TEXT), ?, 'open', ?, CAST(? AS TEXT), ?, ?)",
                (
                    plan.origin,
                    _text(plan.title),
                    None if plan.inbox is None else _text(plan.inbox),
                    now,
                    json.dumps(plan.undoes),
                    None if plan.hold is None else os.fsencode(plan.hold),
                    model_id,
                    rules_digest,
                ),
            )
            batch = cursor.lastrowid
            assert batch is not None
            _add_operations(cursor, batch, plan, now)
        return batch

    def join(self, batch: int, plan: Plan, *, now: float) -> None:
        """Add operations to a batch that is there: late files of the same pack."""
        with self._transaction() as cursor:
            cursor.execute("UPDATE batch SET state = 'open' WHERE id = ?", (batch,))
            _add_operations(cursor, batch, plan, now)

    def start(self, ids: Sequence[int], holds: Sequence[Hold], *, now: float) -> None:
        """Write down that these operations are about to be done; from here on recovery looks at the disk."""
        with self._transaction() as cursor:
            cursor.executemany(
                "UPDATE operation SET state = 'open', changed = ?, error = '', hint = '', temp = NULL,"
                " temp_inode = NULL, reserved_inode = NULL WHERE id = ?",
                [(now, one) for one in ids],
            )
            for hold in holds:
                self._holds.intend(cursor, hold)

    def note(self, notes: Sequence[Note]) -> None:
        """Write down temps and patches before they take effect."""
        with self._transaction() as cursor:
            cursor.executemany(
                "UPDATE operation SET temp = CAST(? AS TEXT), temp_inode = ?, hash_after = ?,"
                " hash_before = ?, patch = ? WHERE id = ?",
                [
                    (
                        os.fsencode(one.temp),
                        str(one.inode),
                        one.hash_after,
                        one.hash_before,
                        one.patch,
                        one.id,
                    )
                    for one in notes
                ],
            )

    def reserve(self, operation: int, inode: int) -> None:
        """Write down the empty file that keeps the name of an operation's target."""
        with self._transaction() as cursor:
            cursor.execute("UPDATE operation SET reserved_inode = ? WHERE id = ?", (str(inode), operation))

    def settle(self, closings: Sequence[Closing], *, now: float) -> None:
        """Write down how operations went, and what that means for the files that are held."""
        with self._transaction() as cursor:
            for one in closings:
                cursor.execute(
                    "UPDATE operation SET state = ?, error = CAST(? AS TEXT), hint = CAST(? AS TEXT),"
                    " lasting = ?, changed = ?, stamp_after = ?, hash_after = ? WHERE id = ?",
                    (
                        one.state,
                        _text(one.error),
                        _text(one.hint),
                        int(one.lasting),
                        now,
                        codec.encode_stamp(one.stamp_after),
                        one.hash_after,
                        one.id,
                    ),
                )
                if one.state == "done" and one.stamp_after is not None:
                    self._holds.complete(cursor, one.id, one.stamp_after)
                    self._holds.leave(cursor, one.id, one.stamp_after)
                else:
                    self._holds.forget(cursor, one.id)

    def finish(self, batch: int, *, now: float) -> None:
        """Close a batch; an undo marks what it turned around, an undo of an undo clears that mark.

        An undo of which nothing could be done (a disk was not there) marks nothing: it may be tried again.
        """
        with self._transaction() as cursor:
            cursor.execute("UPDATE batch SET state = 'done', finished = ? WHERE id = ?", (now, batch))
            marks = ", ".join("?" * len(COUNTED))
            states = dict(
                cursor.execute(
                    "SELECT state, count(*) FROM operation"
                    f" WHERE batch = ? AND kind IN ({marks}) GROUP BY state",
                    (batch, *COUNTED),
                ).fetchall()
            )
            if states.get("done") or not states.get("failed"):
                for turned in _undoes(cursor, batch):
                    _mark_undone(cursor, turned, by=batch)

    def release(self, paths: Sequence[Path]) -> None:
        """Stop holding what lies at these paths or below them: it may be filed again."""
        with self._transaction() as cursor:
            self._holds.release(cursor, paths)

    # Reading

    def batch(self, batch: int) -> BatchRecord | None:
        found = self._batches("WHERE id = ?", (batch,))
        return found[0] if found else None

    def batches(self, *, limit: int | None = None) -> list[BatchRecord]:
        """Give batches, the newest first."""
        return self._batches("ORDER BY id DESC LIMIT ?", (-1 if limit is None else limit,))

    def turning(self, batch: int) -> list[BatchRecord]:
        """Give the batches that turned this one around, the newest first."""
        return self._batches(
            "WHERE origin = 'undo' AND EXISTS (SELECT 1 FROM json_each(undoes) WHERE value = ?)"
            " ORDER BY id DESC",
            (batch,),
        )

    def open_batch(self, inbox: str, title: str, *, now: float, seconds: float = 600) -> int | None:
        """Find the newest batch of a pack, where late files may still join it."""
        found = self._batches(
            "WHERE origin = 'pack' AND inbox = CAST(? AS TEXT) AND title = CAST(? AS TEXT)"
            " ORDER BY id DESC LIMIT 1",
            (_text(inbox), _text(title)),
        )
        if not found or found[0].undone:
            return None
        young = now - max(found[0].started, found[0].finished or 0.0) <= seconds
        return found[0].id if young else None

    def unfinished(self) -> list[BatchRecord]:
        """Give batches that were stopped or interrupted, the oldest first."""
        return self._batches("WHERE state = 'open' ORDER BY id", ())

    def undoable(self, batches: Sequence[int] | None = None) -> tuple[BatchRecord, ...]:
        """Give what can be undone, the newest first; without `batches`, everything but undos themselves."""
        return tuple(
            one
            for one in self.batches()
            if not one.undone
            and (one.counts.get("done") or one.counts.get("open"))
            and (one.origin != "undo" if batches is None else one.id in batches)
        )

    def last(self, number: int) -> tuple[BatchRecord, ...]:
        """Give the newest batches that can be undone."""
        return self.undoable()[:number]

    def is_undone(self, batch: int) -> bool:
        found = self.batch(batch)
        return found is not None and found.undone

    def operations(self, batch: int) -> list[OperationRecord]:
        """Give the operations of a batch, in the order of the plan."""
        return self._operations("WHERE batch = ? ORDER BY id", (batch,))

    def done(self, batches: Sequence[int]) -> tuple[Done, ...]:
        """Give what was done in these batches, the oldest first, for undo to turn around."""
        return tuple(
            Done(
                operation=one.operation,
                stamp_after=one.stamp_after,
                hash_after=one.hash_after or None,
                hash_before=one.hash_before or None,
                patch=one.patch,
            )
            for batch in sorted(batches)
            for one in self.operations(batch)
            if one.state == "done"
        )

    def history_of(self, path: Path) -> list[OperationRecord]:
        """Give every operation that names this path, the oldest first."""
        name = os.fsencode(path)
        return self._operations(
            "WHERE source = CAST(? AS TEXT) OR target = CAST(? AS TEXT) ORDER BY id", (name, name)
        )

    def copies_of(self, paths: Iterable[Path]) -> dict[tuple[Path, str], tuple[Path, ...]]:
        """Give the copies and links in force that were made of these files, by path and by the hash of the
        bytes."""
        found: dict[tuple[Path, str], tuple[Path, ...]] = {}
        for path in paths:
            for one in self._operations(
                "WHERE source = CAST(? AS TEXT) AND kind IN ('copy', 'link') AND state = 'done' AND batch IN"
                " (SELECT id FROM batch WHERE undone_by IS NULL) ORDER BY id",
                (os.fsencode(path),),
            ):
                if isinstance(one.operation, Copy | Link):
                    for content_hash in {one.operation.content_hash, one.hash_after}:
                        known = found.get((path, content_hash), ())
                        found[path, content_hash] = (*known, one.operation.target)
        return found

    def extracted(self, archive: Path) -> set[tuple[str, str, Path]]:
        """Give what came out of an archive and is in force: what it is called there, its hash, and where it
        went.

        Nothing where the archive itself was filed since: what lies at its path now is another one.
        """
        first, last = prefix_range(archive)
        filed = self._operations(
            "WHERE source = CAST(? AS TEXT) AND kind = 'move' AND state = 'done'"
            " AND batch IN (SELECT id FROM batch WHERE undone_by IS NULL AND undoes = '[]') ORDER BY id",
            (os.fsencode(archive),),
        )
        if filed:
            return set()
        return {
            (one.operation.member, one.operation.content_hash, one.operation.target)
            for one in self._operations(
                "WHERE source > CAST(? AS TEXT) AND source < CAST(? AS TEXT) AND kind = 'extract'"
                " AND state = 'done' AND batch IN (SELECT id FROM batch WHERE undone_by IS NULL) ORDER BY id",
                (first, last),
            )
            if isinstance(one.operation, Extract)
        }

    def is_held(self, path: Path, stamp: Stamp, hash_of: Callable[[Path], str]) -> bool:
        """Say whether a file is one that undo put back; `hash_of` is asked only where stamps cannot tell."""
        with self._reading() as cursor:
            wanted = self._holds.candidates(cursor, path, stamp)
        return wanted is True or (bool(wanted) and hash_of(path) in wanted)

    def held_count(self, roots: Sequence[Path] = ()) -> int:
        """Count what is held, below these folders or everywhere."""
        with self._reading() as cursor:
            return self._holds.count(cursor, roots)

    # How

    def _batches(self, which: str, values: tuple[object, ...]) -> list[BatchRecord]:
        marks = ", ".join("?" * len(COUNTED))
        with self._reading() as cursor:
            rows = cursor.execute(f"SELECT * FROM batch {which}", values).fetchall()
            found = []
            for row in rows:
                counts = cursor.execute(
                    "SELECT state, count(*) FROM operation"
                    f" WHERE batch = ? AND kind IN ({marks}) GROUP BY state",
                    (row["id"], *COUNTED),
                ).fetchall()
                found.append(batch_of(row, dict(counts)))
        return found

    def _operations(self, which: str, values: tuple[object, ...]) -> list[OperationRecord]:
        with self._reading() as cursor:
            rows = cursor.execute(f"SELECT * FROM operation {which}", values).fetchall()
        return [operation_of(row) for row in rows]

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Cursor]:
        with self._lock:
            try:
                yield self._connection.cursor()
            except sqlite3.Error as error:
                raise schema.translate(error, self.path) from error

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Cursor]:
        with self._lock:
            try:
                cursor = self._connection.cursor()
                cursor.execute("BEGIN IMMEDIATE")
                yield cursor
                self._commit()
            except sqlite3.Error as error:
                self._roll_back()
                raise schema.translate(error, self.path) from error
            except BaseException:
                self._roll_back()
                raise

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            self._connection.rollback()

    def _commit(self) -> None:
        self._connection.execute("COMMIT")


def _text(value: str) -> bytes:
    return value.encode("utf-8", "surrogateescape")


def _add_operations(cursor: sqlite3.Cursor, batch: int, plan: Plan, now: float) -> None:
    rows = []
    for operation in plan.operations:
        source, target = codec.paths_of(operation)
        skipped = isinstance(operation, Skip)
        rows.append(
            (
                batch,
                codec.kind_of(operation),
                os.fsencode(source),
                None if target is None else os.fsencode(target),
                codec.encode(operation),
                "skipped" if skipped else "planned",
                _text(operation.reason) if isinstance(operation, Skip) else b"",
                _text(operation.hint) if isinstance(operation, Skip) else b"",
                now,
            )
        )
    cursor.executemany(
        "INSERT INTO operation (batch, kind, source, target, data, state, error, hint, changed)"
        " VALUES (?, ?, CAST(? AS TEXT), CAST(? AS TEXT), ?, ?, CAST(? AS TEXT), CAST(? AS TEXT), ?)",
        rows,
    )


def _undoes(cursor: sqlite3.Cursor, batch: int) -> list[int]:
    row = cursor.execute("SELECT undoes FROM batch WHERE id = ?", (batch,)).fetchone()
    return [] if row is None else [int(one) for one in json.loads(row["undoes"])]


def _mark_undone(cursor: sqlite3.Cursor, batch: int, *, by: int) -> None:
    """Mark a batch; what it had turned around itself stands again, and so on down the line."""
    cursor.execute("UPDATE batch SET undone_by = ? WHERE id = ?", (by, batch))
    for turned in _undoes(cursor, batch):
        cursor.execute("UPDATE batch SET undone_by = NULL WHERE id = ?", (turned,))
        for again in _undoes(cursor, turned):
            _mark_undone(cursor, again, by=turned)
