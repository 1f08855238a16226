"""Copies of the journal, made while it is in use, and put back. Owns no row; SQLite's online backup does the
work.

What is put back replaces the content of the journal in one transaction of SQLite, so that a crash leaves
either the old or the new one.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from typing import TYPE_CHECKING

from organizer.errors import JournalError
from organizer.execution import schema, syscalls
from organizer.execution.problems import translate

if TYPE_CHECKING:
    from pathlib import Path

    from organizer.execution.filesystem import Filesystem


def back_up(journal: Path, target: Path, filesystem: Filesystem) -> None:
    """Copy the journal to `target`, which must not exist; readers and the service go on meanwhile.

    Raises `JournalError` where there is none or it is damaged, `FileProblem` where it cannot be written.
    """
    if not journal.exists():
        raise JournalError("There is no journal yet", path=journal, hint="It begins with the first batch")
    temp = syscalls.temp_beside(target)
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with closing(schema.open_as_it_is(journal)) as source, closing(schema.open_new(temp)) as copy:
            _copy(source, copy, journal)
            # One file, that opens from a disk that is read only, too.
            copy.execute("PRAGMA journal_mode = DELETE")
        filesystem.sync_temps([temp])
        filesystem.place(temp, target)
        filesystem.sync_folders({target.parent})
    except OSError as error:
        raise translate(error, target) from error
    except sqlite3.Error as error:
        raise schema.translate(error, target) from error
    finally:
        for tail in ("", "-journal", "-wal", "-shm"):
            with suppress(OSError):
                temp.with_name(temp.name + tail).unlink(missing_ok=True)


def put_back(backup: Path, journal: Path) -> None:
    """Let the journal be what `backup` holds. The caller holds both locks, and has backed up what there is.

    Raises `JournalError` where the backup is no journal of ours, or is damaged.
    """
    if not backup.is_file():
        raise JournalError("There is no such backup", path=backup, hint="Name the file that a backup wrote")
    with closing(schema.open_as_it_is(backup)) as source:
        _check(source, backup)
        with closing(schema.open_to_write(journal)) as live:
            _copy(source, live, journal)


def _copy(source: sqlite3.Connection, copy: sqlite3.Connection, path: Path) -> None:
    try:
        source.backup(copy)
    except sqlite3.Error as error:
        raise schema.translate(error, path) from error
    _check(copy, path)


def _check(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse what SQLite finds damaged, or what has not the tables of a journal."""
    try:
        found = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
        connection.execute("SELECT 1 FROM batch, operation, hold LIMIT 1").fetchall()
    except sqlite3.Error as error:
        raise JournalError(
            f"This is no journal: {error}",
            path=path,
            hint="Name a file that `organizer journal backup` wrote",
        ) from error
    if found != "ok":
        raise JournalError(f"The journal is damaged: {found}", path=path, hint="Use an older backup")
