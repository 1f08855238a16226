"""The journal: what was intended, what was done, and what is held. Owns its SQLite file alone.

Every method that writes is one transaction, on the disk when it returns. It never looks at the user's
files; what a row says of them was told by the executor or by recovery.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

from organizer.execution import codec, places, schema
from organizer.execution.mounts import Mounts
from organizer.execution.reader import JournalReader
from organizer.execution.records import COUNTED
from organizer.execution.rows import add_operations, mark_undone, text_of, undone_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from organizer.execution.records import BatchRecord, Closing, Hold, Note
    from organizer.planning.operations import Plan


class Journal(JournalReader):
    """The journal, open to be written; one program at a time does, under the execution lock."""

    def __init__(
        self,
        path: Path,
        *,
        folders: Sequence[Path] = (),
        look_at_mounts: Callable[[], Mounts] = Mounts.now,
    ) -> None:
        """Open it; what lies in `folders`, the inboxes and libraries, is found again where they are then."""
        super().__init__(path, look_at_mounts=look_at_mounts)
        self._folders = tuple(folders)
        try:
            self._learn_folders()
        except BaseException:
            self.close()
            raise

    def _connect(self) -> sqlite3.Connection:
        return schema.open_to_write(self.path)

    # Writing

    def begin(self, plan: Plan, *, model_id: str = "", rules_digest: str = "", now: float) -> int:
        """Write down a new batch with all that it intends."""
        self._learn_folders()
        with self._transaction() as cursor:
            cursor.execute(
                "INSERT INTO batch"
                " (origin, title, inbox, started, state, undoes, part, hold, model_id, rules_digest)"
                " VALUES (?, CAST(? AS TEXT), CAST(? AS TEXT), ?, 'open', ?, ?, CAST(? AS TEXT), ?, ?)",
                (
                    plan.origin,
                    text_of(plan.title),
                    None if plan.inbox is None else text_of(plan.inbox),
                    now,
                    json.dumps(plan.undoes),
                    int(plan.part),
                    None if plan.hold is None else self._name(plan.hold),
                    model_id,
                    rules_digest,
                ),
            )
            batch = cursor.lastrowid
            assert batch is not None
            add_operations(cursor, batch, plan, now, self._places)
        return batch

    def join(self, batch: int, plan: Plan, *, now: float) -> None:
        """Add operations to a batch that is there: late files of the same pack."""
        self._learn_folders()
        with self._transaction() as cursor:
            cursor.execute("UPDATE batch SET state = 'open' WHERE id = ?", (batch,))
            add_operations(cursor, batch, plan, now, self._places)

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
                        self._name(one.temp),
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
                        text_of(one.error),
                        text_of(one.hint),
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

        An undo of which nothing could be done (a disk was not there, all was changed since) marks nothing: it
        may be tried again.
        """
        with self._transaction() as cursor:
            # What is still under way, on a disk that is not there, is for recovery to end.
            cursor.execute(
                "UPDATE batch SET state = 'done', finished = ? WHERE id = ?"
                " AND NOT EXISTS (SELECT 1 FROM operation WHERE batch = ? AND state = 'open')",
                (now, batch, batch),
            )
            marks = ", ".join("?" * len(COUNTED))
            states = dict(
                cursor.execute(
                    "SELECT state, count(*) FROM operation"
                    f" WHERE batch = ? AND kind IN ({marks}) GROUP BY state",
                    (batch, *COUNTED),
                ).fetchall()
            )
            if states.get("done") or not (states.get("failed") or states.get("skipped")):
                for turned in undone_of(cursor, batch):
                    mark_undone(cursor, turned, by=batch)

    def release(self, paths: Sequence[Path]) -> None:
        """Stop holding what lies at these paths or below them: it may be filed again."""
        with self._transaction() as cursor:
            self._holds.release(cursor, paths)

    def forgettable(self, *, before: float) -> list[BatchRecord]:
        """Give the batches that ended before a time and that nothing rests on any more."""
        old = {
            one.id: one
            for one in self._batches(
                "WHERE state = 'done' AND max(started, finished) < ? ORDER BY id", (before,)
            )
        }
        bound = self._rows(
            "SELECT DISTINCT batch FROM operation WHERE id IN (SELECT operation FROM hold)"
            " OR (state = 'done' AND kind IN ('copy', 'link', 'extract', 'teach'))",
            (),
        )
        for row in bound:
            old.pop(row["batch"], None)
        turning: dict[int, list[int]] = {}
        for undo in self._batches("WHERE undoes <> '[]' ORDER BY id", ()):
            for turned in undo.undoes:
                turning.setdefault(turned, []).append(undo.id)
        # An undo and what it turned around go together, or the one that is left would tell a lie.
        while True:
            tied = [
                one.id
                for one in old.values()
                if not {one.undone_by, *one.undoes, *turning.get(one.id, ())} - {None} <= old.keys()
            ]
            if not tied:
                return list(old.values())
            for number in tied:
                del old[number]

    def forget(self, batches: Sequence[int]) -> None:
        """Drop batches with all that they did, and give the space back."""
        with self._transaction() as cursor:
            cursor.execute("PRAGMA defer_foreign_keys = ON")
            for batch in batches:
                cursor.execute("DELETE FROM operation WHERE batch = ?", (batch,))
                cursor.execute("DELETE FROM batch WHERE id = ?", (batch,))
        with self._reading() as cursor:
            cursor.execute("VACUUM")

    # Where things are

    @property
    def folders(self) -> tuple[Path, ...]:
        """Give the inboxes and libraries that are configured."""
        return self._folders

    def relocate(self, old: Path, new: Path) -> bool:
        """Take note that an inbox or library is another folder now; False where `old` was none."""
        with self._transaction() as cursor:
            found = places.relocate(cursor, self._places, old, new, self._look_at_mounts())
        if found is not None:
            self._use(found)
        return found is not None

    def _learn_folders(self) -> None:
        """Give the configured folders that are there by now their places in the journal."""
        self._read_places()
        mounts = self._look_at_mounts()
        if not places.unlearnt(self._places, self._folders, mounts):
            return
        with self._transaction() as cursor:
            now = places.learn(cursor, places.load(cursor, mounts), self._folders, mounts)
        self._use(now)

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
