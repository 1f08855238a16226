"""A damaged journal: what of it can still be read is written into a new one. Owns no row's meaning.

SQLite keeps rows in pages. One that is destroyed takes the rows in it along; those of other pages are reached
by their numbers all the same.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from organizer.errors import JournalError
from organizer.execution import schema, syscalls
from organizer.execution.problems import translate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_TABLES = ("place", "batch", "operation", "hold")
# So many numbers after the last row that was found are tried, where nobody knows how many there were.
_FURTHEST = 1_000_000


@dataclass(slots=True)
class Salvaged:
    """How many rows of each table were read, and in how many places rows were out of reach."""

    kept: dict[str, int] = field(default_factory=dict)
    gaps: int = 0


def damage(journal: Path) -> str:
    """Say in SQLite's words what is wrong with a journal; empty where nothing is."""
    try:
        with closing(schema.open_as_it_is(journal)) as connection:
            found = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
            for table in _tables_of(connection):
                connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    except sqlite3.Error as error:
        return str(error)
    except JournalError as error:
        return error.message
    return "" if found == "ok" else str(found)


def salvage(damaged: Path, fresh: Path) -> Salvaged:
    """Write what can be read of `damaged` into `fresh`, a journal that is made for it.

    Raises `JournalError` where nothing can be read at all.
    """
    result = Salvaged()
    with closing(schema.open_to_write(fresh)) as target:
        target.execute("PRAGMA foreign_keys = OFF")
        target.execute("BEGIN IMMEDIATE")
        for table in _TABLES:
            result.kept[table] = 0
            for row in _rows(damaged, table, result):
                with suppress(sqlite3.IntegrityError):  # what no row of ours may hold is damage as well
                    _insert(target, table, row)
                    result.kept[table] += 1
        _stand_in(target)
        target.execute("COMMIT")
        # One file, whole, that nothing has to be added to.
        target.execute("PRAGMA journal_mode = DELETE")
        if target.execute("PRAGMA integrity_check(1)").fetchone()[0] != "ok":
            raise JournalError("The new journal did not come out whole", path=fresh, hint="Check the disk")
    if not result.kept["operation"]:
        raise JournalError(
            "Nothing of the journal can be read",
            path=damaged,
            hint="Put back a backup: organizer journal restore FILE; your sounds are where they are",
        )
    return result


def exchange(damaged: Path, fresh: Path, kept: Path) -> None:
    """Put a journal in the place of a damaged one, which is kept, whole, as `kept`."""
    try:
        kept.parent.mkdir(mode=0o700, exist_ok=True)
        for tail in ("", "-wal"):
            if (part := damaged.with_name(damaged.name + tail)).exists():
                copy = kept.with_name(kept.name + tail)
                shutil.copy2(part, copy)
                _sync(copy)
        syscalls.sync_folder(kept.parent)
        _sync(fresh)
        # What was not yet in the damaged file would be taken for news of the new one.
        for tail in ("-wal", "-shm"):
            damaged.with_name(damaged.name + tail).unlink(missing_ok=True)
        fresh.replace(damaged)
        syscalls.sync_folder(damaged.parent)
    except OSError as error:
        raise translate(error, damaged) from error


def _rows(damaged: Path, table: str, result: Salvaged) -> Iterator[sqlite3.Row]:
    """Give the rows of a table by their numbers, stepping over what cannot be read."""
    last, step, silent = 0, 1, 0
    with suppress(sqlite3.Error, JournalError), closing(schema.open_as_it_is(damaged)) as connection:
        if table not in _tables_of(connection):
            return
    while silent < _FURTHEST:
        try:
            with closing(schema.open_as_it_is(damaged)) as connection:
                connection.text_factory = bytes
                for row in connection.execute(
                    f"SELECT rowid AS number, * FROM {table} WHERE rowid > ? ORDER BY rowid", (last,)
                ):
                    last, step, silent = int(row["number"]), 1, 0
                    yield row
        except (sqlite3.Error, JournalError):
            # The page that comes next is gone: go on behind it, in ever longer steps.
            result.gaps += step == 1
            last, silent, step = last + step, silent + step, min(step * 2, 4_096)
        else:
            return


def _insert(target: sqlite3.Connection, table: str, row: sqlite3.Row) -> None:
    values = {name: row[name] for name in tuple(row.keys()) if name != "number"}
    # Text came as bytes, so that nothing in it could stop the reading.
    marks = ", ".join(
        "CAST(? AS TEXT)" if isinstance(one, bytes) and name != "patch" else "?"
        for name, one in values.items()
    )
    target.execute(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})", tuple(values.values()))


def _tables_of(connection: sqlite3.Connection) -> tuple[str, ...]:
    """Name the tables of a journal of this version."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    return _TABLES[1:] if version == 1 else _TABLES


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _stand_in(target: sqlite3.Connection) -> None:
    """Let every row find the rows that it names, where those were lost."""
    named = target.execute(
        "SELECT source AS name FROM operation WHERE source LIKE '@%'"
        " UNION SELECT target FROM operation WHERE target LIKE '@%'"
    ).fetchall()
    for number in {int(row["name"].removeprefix("@").partition("/")[0]) for row in named}:
        target.execute(
            "INSERT OR IGNORE INTO place (id, root, volume, within, point) VALUES (?, ?, '', '', '')",
            (number, f"/lost-place-{number}"),
        )
    target.execute(
        "INSERT INTO batch (id, origin, title, started, finished, state)"
        " SELECT DISTINCT batch, 'pack', 'lost, and salvaged in part', changed, changed, 'done'"
        " FROM operation WHERE batch NOT IN (SELECT id FROM batch) GROUP BY batch"
    )
    target.execute("UPDATE batch SET undone_by = NULL WHERE undone_by NOT IN (SELECT id FROM batch)")
    target.execute("DELETE FROM hold WHERE operation NOT IN (SELECT id FROM operation)")
