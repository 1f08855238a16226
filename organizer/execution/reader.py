"""What the journal tells. Reads its SQLite file; `journal` alone writes to it."""

from __future__ import annotations

import json
import os
import sqlite3
import sys
import threading
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Self, TypeVar

from organizer.errors import JournalError
from organizer.execution import places, schema
from organizer.execution.holds import Holds
from organizer.execution.mounts import Mounts
from organizer.execution.places import Places
from organizer.execution.records import COUNTED, BatchRecord, OperationRecord
from organizer.execution.rows import as_done, batch_of, operation_of, text_of
from organizer.library.store import prefix_range
from organizer.planning.operations import Copy, Extract, Link, MakeFolder, RemoveFolder, Teach
from organizer.planning.standing import REMOVING, Standing
from organizer.planning.teaching import in_force
from organizer.stopping import never, until

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
    from pathlib import Path

    from organizer.planning.undo import Done
    from organizer.sample import Stamp
    from organizer.stopping import Stop

Told = TypeVar("Told")

ROWS_AT_ONCE = 5_000

# The batches whose effect stands: not undone, and no redo of what was undone again since.
IN_FORCE = """
SELECT b.id FROM batch AS b WHERE b.undone_by IS NULL AND NOT EXISTS (
    SELECT 1 FROM json_each(b.undoes) AS u JOIN batch AS t ON t.id = u.value,
        json_each(t.undoes) AS w JOIN batch AS f ON f.id = w.value
    WHERE f.undone_by IS NOT NULL
)
"""


class JournalReader:
    """One connection for the whole process, shared by its threads."""

    def __init__(self, path: Path, *, look_at_mounts: Callable[[], Mounts] = Mounts.now) -> None:
        self.path = path
        self._look_at_mounts = look_at_mounts
        self._lock = threading.RLock()
        self._connection = self._connect()
        self._places = Places()
        self._holds = Holds(self._places)
        self._version = -1  # of what other programs have written
        try:
            self._read_places()
        except BaseException:
            self.close()
            raise

    def _connect(self) -> sqlite3.Connection:
        return schema.open_to_read(self.path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    @property
    def places(self) -> Places:
        """Give the folders that paths are told from, where they are now."""
        return self._places

    def is_away(self, folder: Path) -> bool:
        """Say whether an inbox or library is not there now.

        Where nobody knows volumes, an empty folder in which nothing was ever done is a new one.
        """
        if not folder.is_dir():
            return True
        known, mounts = (
            next((one for one in self._places if one.root == folder), None),
            self._look_at_mounts(),
        )
        if known is None or not known.is_away(mounts):
            return False
        return known.spot is not None or self._names_something(folder)

    def _names_something(self, folder: Path) -> bool:
        low, high = prefix_range(self._spelt(folder))
        return any(
            self._rows(
                f"SELECT 1 FROM operation WHERE {column} >= CAST(? AS TEXT) AND {column} < CAST(? AS TEXT)"
                " AND state = 'done' LIMIT 1",
                (low, high),
            )
            for column in ("source", "target")
        )

    def mounts(self) -> Mounts:
        """Look at what is mounted now."""
        return self._look_at_mounts()

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
            (text_of(inbox), text_of(title)),
        )
        if not found or found[0].undone or found[0].state == "open":
            return None
        young = now - max(found[0].started, found[0].finished or 0.0) <= seconds
        return found[0].id if young else None

    def unfinished(self) -> list[BatchRecord]:
        """Give batches that were stopped or interrupted, the oldest first."""
        return self._batches("WHERE state = 'open' ORDER BY id", ())

    def undoable(self, batches: Sequence[int] | None = None) -> tuple[BatchRecord, ...]:
        """Give what can be undone, the newest first; without `batches`, everything but undos themselves."""
        if batches is None:
            return tuple(self._still_undoable(self.batches()))
        return tuple(one for one in self.batches() if one.id in batches and _has_effect(one))

    def _still_undoable(self, batches: Iterable[BatchRecord]) -> Iterator[BatchRecord]:
        return (one for one in batches if one.origin not in ("undo", "trash") and _has_effect(one))

    def last(self, number: int) -> tuple[BatchRecord, ...]:
        """Give the newest batches that can be undone."""
        found: list[BatchRecord] = []
        before = sys.maxsize
        while len(found) < number and (
            batches := self._batches("WHERE id < ? ORDER BY id DESC LIMIT ?", (before, number + 20))
        ):
            found += self._still_undoable(batches)
            before = batches[-1].id
        return tuple(found[:number])

    def is_undone(self, batch: int) -> bool:
        found = self.batch(batch)
        return found is not None and found.undone

    def operations(self, batch: int, *, stop: Stop = never) -> list[OperationRecord]:
        """Give the operations of a batch, in the order of the plan. Raises `Stopped` when asked to stop."""
        return self._operations("WHERE batch = ? ORDER BY id", (batch,), stop)

    def done(self, batches: Sequence[int]) -> tuple[Done, ...]:
        """Give what was done in these batches, the oldest first, for undo to turn around."""
        return tuple(
            as_done(one) for batch in sorted(batches) for one in self.operations(batch) if one.state == "done"
        )

    def turned_by(self, undos: Collection[int]) -> set[int]:
        """Give the operations that these undos have taken back."""
        rows = self._rows(
            "SELECT turns FROM operation WHERE batch IN (SELECT value FROM json_each(?))"
            " AND state = 'done' AND turns IS NOT NULL",
            (json.dumps(sorted(undos)),),
        )
        return {row["turns"] for row in rows}

    def all_done(self) -> Iterator[Done]:
        """Give everything that was ever done, the oldest first, without the bytes for the way back."""
        last = 0
        while rows := self._rows(
            "SELECT *, NULL AS patch FROM operation WHERE id > ? AND state = 'done' ORDER BY id LIMIT ?",
            (last, ROWS_AT_ONCE),
        ):
            last = rows[-1]["id"]
            yield from (as_done(self._told(row, operation_of)) for row in rows)

    def taught(self) -> dict[str, Teach]:
        """Give what the user has taught of sounds, by their identities, as it is in force now."""
        rows = self._rows("SELECT * FROM operation WHERE kind = 'teach' AND state = 'done' ORDER BY id", ())
        found = (self._told(row, operation_of).operation for row in rows)
        return in_force(one for one in found if isinstance(one, Teach))

    def last_taught(self) -> int:
        """Name the last operation that taught anything; another number says that `taught` has changed."""
        rows = self._rows(
            "SELECT coalesce(max(id), 0) AS last FROM operation WHERE kind = 'teach' AND state = 'done'", ()
        )
        last: int = rows[0]["last"]
        return last

    def history_of(self, path: Path) -> list[OperationRecord]:
        """Give every operation that names this path, the oldest first."""
        name = self._name(path)
        return self._operations(
            "WHERE source = CAST(? AS TEXT) OR target = CAST(? AS TEXT) ORDER BY id", (name, name)
        )

    def maker_of(self, folder: Path) -> BatchRecord | None:
        """Give the batch that has made a folder, if none has removed it since."""
        for record in reversed(self.history_of(folder)):
            if record.state == "done" and isinstance(record.operation, MakeFolder | RemoveFolder):
                return self.batch(record.batch) if isinstance(record.operation, MakeFolder) else None
        return None

    def leaving(self, path: Path) -> OperationRecord | None:
        """Give the operation that left a file at this path, if none has taken it away since."""
        for record in reversed(self.history_of(path)):
            if record.state == "done":
                if path in Standing([as_done(record)]):
                    return record
                if isinstance(record.operation, REMOVING):
                    return None
        return None

    def leaving_file(self, stamp: Stamp) -> list[OperationRecord]:
        """Give the operations that left a file with this very stamp, wherever that was, the newest first."""
        told = f"[{stamp.size}, {stamp.mtime_ns}, {stamp.inode}, "
        return self._operations(
            "WHERE state = 'done' AND stamp_after >= ? AND stamp_after < ? ORDER BY id DESC",
            (told, told[:-1] + "!"),
        )

    def copies_of(self, paths: Iterable[Path]) -> dict[tuple[Path, str], tuple[Path, ...]]:
        """Give the copies and links in force that were made of these files, by path and by the hash of the
        bytes."""
        found: dict[tuple[Path, str], tuple[Path, ...]] = {}
        for path in paths:
            for one in self._operations(
                "WHERE source = CAST(? AS TEXT) AND kind IN ('copy', 'link') AND state = 'done' AND batch IN"
                f" ({IN_FORCE}) ORDER BY id",
                (self._name(path),),
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
        return {
            (one.operation.member, one.operation.content_hash, one.operation.target)
            for one in self._extractions(archive)
            if isinstance(one.operation, Extract)
        }

    def extracting(self, archive: Path) -> int | None:
        """Find the batch that was stopped or interrupted before the archive itself was filed."""
        begun = [one.batch for one in self._extractions(archive)]
        return begun[0] if begun else None

    def _extractions(self, archive: Path) -> list[OperationRecord]:
        first, last = prefix_range(self._spelt(archive))
        filed = self._operations(
            "WHERE source = CAST(? AS TEXT) AND kind = 'move' AND state = 'done'"
            " AND batch IN (SELECT id FROM batch WHERE undone_by IS NULL AND undoes = '[]') ORDER BY id",
            (self._name(archive),),
        )
        if filed:
            return []
        return self._operations(
            "WHERE source > CAST(? AS TEXT) AND source < CAST(? AS TEXT) AND kind = 'extract'"
            f" AND state = 'done' AND batch IN ({IN_FORCE}) ORDER BY id",
            (first, last),
        )

    def is_held(self, path: Path, stamp: Stamp, hash_of: Callable[[Path], str]) -> bool:
        """Say whether a file is one that undo put back; `hash_of` is asked only where stamps cannot tell."""
        with self._reading() as cursor:
            wanted = self._holds.candidates(cursor, path, stamp)
            named = not wanted and self._holds.has_name(cursor, path, stamp)
        if named:
            mount = self._look_at_mounts().holding(path)
            return mount is not None and mount.renumbers
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
                found.append(self._told(row, partial(batch_of, counts=dict(counts))))
        return found

    def _operations(
        self, which: str, values: tuple[object, ...], stop: Stop = never
    ) -> list[OperationRecord]:
        rows = self._rows(f"SELECT * FROM operation {which}", values)
        return [self._told(row, operation_of) for row in until(stop, rows, every=ROWS_AT_ONCE)]

    def _rows(self, query: str, values: tuple[object, ...]) -> list[sqlite3.Row]:
        with self._reading() as cursor:
            return cursor.execute(query, values).fetchall()

    def _told(self, row: sqlite3.Row, convert: Callable[[sqlite3.Row, Places], Told]) -> Told:
        """Read a row, with paths as they are now."""
        try:
            return convert(row, self._places)
        except places.UnknownPlace as error:
            raise JournalError(
                f"The journal names a place that it does not tell: {error}",
                path=self.path,
                hint="organizer journal recover, then organizer journal moved /lost-place-N FOLDER",
            ) from error

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Cursor]:
        with self._lock:
            try:
                cursor = self._connection.cursor()
                self._follow(cursor)
                yield cursor
            except sqlite3.Error as error:
                raise schema.translate(error, self.path) from error

    def _follow(self, cursor: sqlite3.Cursor) -> None:
        """Learn what another program has written of places since."""
        version = cursor.execute("PRAGMA data_version").fetchone()[0]
        if version != self._version:
            self._use(places.load(cursor, self._look_at_mounts()))
            self._version = version

    def _read_places(self) -> None:
        with self._reading() as cursor:
            self._use(places.load(cursor, self._look_at_mounts()))

    def _use(self, known: Places) -> None:
        self._places = known
        self._holds = Holds(known)

    def _name(self, path: Path) -> bytes:
        return os.fsencode(self._spelt(path))

    def _spelt(self, path: Path) -> str:
        with self._reading():  # which learns what others have written of places
            return self._places.spell(path)


def _has_effect(batch: BatchRecord) -> bool:
    return not batch.undone and bool(batch.counts.get("done") or batch.counts.get("open"))
