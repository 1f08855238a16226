"""The tables of the journal, and opening them. Owns the schema version; reads and writes no rows."""

from __future__ import annotations

import logging
import os
import sqlite3
from contextlib import closing, suppress
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import quote

from organizer.errors import JournalError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

logger = logging.getLogger(__name__)

VERSION = 3

# Text may hold file names that are not UTF-8; SQLite keeps such bytes as they are. Inodes are text:
# some file systems use all 64 bits, and SQLite's integers are signed.
_TABLES = """
CREATE TABLE batch (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    origin TEXT NOT NULL,
    title TEXT NOT NULL,
    inbox TEXT,
    started REAL NOT NULL,
    finished REAL,
    state TEXT NOT NULL CHECK (state IN ('open', 'done')),
    undoes TEXT NOT NULL DEFAULT '[]',
    part INTEGER NOT NULL DEFAULT 0,
    undone_by INTEGER REFERENCES batch (id),
    hold TEXT,
    model_id TEXT NOT NULL DEFAULT '',
    rules_digest TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX batch_of_pack ON batch (inbox, title);
CREATE INDEX batch_open ON batch (state) WHERE state = 'open';

CREATE TABLE operation (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    batch INTEGER NOT NULL REFERENCES batch (id),
    kind TEXT NOT NULL,
    source TEXT NOT NULL,
    target TEXT,
    data TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('planned', 'open', 'done', 'failed', 'skipped')),
    error TEXT NOT NULL DEFAULT '',
    hint TEXT NOT NULL DEFAULT '',
    lasting INTEGER NOT NULL DEFAULT 1,
    changed REAL NOT NULL,
    stamp_after TEXT,
    hash_after TEXT NOT NULL DEFAULT '',
    hash_before TEXT NOT NULL DEFAULT '',
    patch BLOB,
    temp TEXT,
    temp_inode TEXT,
    reserved_inode TEXT,
    turns INTEGER
) STRICT;
CREATE INDEX operation_batch ON operation (batch, id);
CREATE INDEX operation_source ON operation (source);
CREATE INDEX operation_target ON operation (target) WHERE target IS NOT NULL;
CREATE INDEX operation_stamp ON operation (stamp_after) WHERE stamp_after IS NOT NULL;
CREATE INDEX operation_taught ON operation (id) WHERE kind = 'teach';

CREATE TABLE hold (
    path TEXT NOT NULL,
    operation INTEGER NOT NULL REFERENCES operation (id),
    inode TEXT NOT NULL,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    content_hash TEXT NOT NULL,
    complete INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (path, operation)
) STRICT;
CREATE INDEX hold_inode ON hold (inode, size);
CREATE INDEX hold_operation ON hold (operation);
"""
_PLACE = """
CREATE TABLE place (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    root TEXT NOT NULL,
    volume TEXT NOT NULL,
    within TEXT NOT NULL,
    point TEXT NOT NULL,
    same_as INTEGER REFERENCES place (id)
) STRICT;
"""
# What makes a journal of one version one of the next.
_MIGRATIONS: Mapping[int, str] = MappingProxyType(
    {
        1: "ALTER TABLE batch ADD COLUMN part INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE operation ADD COLUMN turns INTEGER;"
        "CREATE INDEX operation_stamp ON operation (stamp_after) WHERE stamp_after IS NOT NULL;"
        f"{_PLACE}",
        2: "CREATE INDEX operation_taught ON operation (id) WHERE kind = 'teach';",
    }
)


def open_to_write(path: Path) -> sqlite3.Connection:
    """Open the journal, made where it is missing, in a folder that only its owner may enter."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(PermissionError):
            path.parent.chmod(0o700)
    except OSError as error:
        raise JournalError(
            f"The folder of the journal cannot be made: {error.strerror}",
            path=path,
            hint="Check the permissions of the folder and the space on its disk",
        ) from error
    old_mask = os.umask(0o077)
    try:
        connection = _connect(f"file:{quote(os.fsencode(path))}", path)
        _set_up(connection, path)
    finally:
        os.umask(old_mask)
    return connection


def open_to_read(path: Path) -> sqlite3.Connection:
    """Open the journal beside whoever writes it, in today's version; where there is none yet, an empty one in
    memory."""
    connection = open_as_it_is(path)
    if _version(connection) == VERSION:
        return connection
    connection.close()
    open_to_write(path).close()
    return open_as_it_is(path)


def open_as_it_is(path: Path) -> sqlite3.Connection:
    """Open a journal to read, of whatever version it is; where there is none, an empty one in memory."""
    if not path.exists():
        connection = _connect("file::memory:", path)
        _set_up(connection, path)
        return connection
    connection = _connect(f"file:{quote(os.fsencode(path))}?mode=ro", path)
    try:
        _check_version(connection, path)
    except sqlite3.Error as error:
        connection.close()
        raise translate(error, path) from error
    except JournalError:
        connection.close()
        raise
    return connection


def open_new(path: Path) -> sqlite3.Connection:
    """Make a file that is yet to become a copy of a journal, readable by its owner alone."""
    path.touch(mode=0o600, exist_ok=False)
    return _connect(f"file:{quote(os.fsencode(path))}", path)


def translate(error: sqlite3.Error, path: Path) -> JournalError:
    name = getattr(error, "sqlite_errorname", "")
    if name == "SQLITE_FULL":
        return JournalError(
            "The disk that holds the journal is full",
            path=path,
            hint="Free some space; nothing is changed without the journal",
        )
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return JournalError(
            "The journal is in use by another program",
            path=path,
            hint="Wait for the other Organizer, or stop it",
        )
    if name.startswith(("SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_PERM")):
        return JournalError(
            f"The journal cannot be opened: {error}",
            path=path,
            hint="Check the permissions of its folder and that its disk can be written",
        )
    return JournalError(
        f"The journal is damaged: {error}",
        path=path,
        hint="organizer journal recover saves what can be read of it; your sounds are where they are",
    )


def _connect(uri: str, path: Path) -> sqlite3.Connection:
    try:
        connection = sqlite3.connect(
            uri, uri=True, timeout=10.0, isolation_level=None, check_same_thread=False
        )
    except sqlite3.Error as error:
        raise translate(error, path) from error
    connection.row_factory = sqlite3.Row
    connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
    return connection


def _set_up(connection: sqlite3.Connection, path: Path) -> None:
    try:
        _check_version(connection, path)  # before anything is written
        # Said here, because what Python was built with may differ: a commit is on the disk when it returns.
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        if 0 < _version(connection) < VERSION:
            _keep_copy(connection, path)
        connection.execute("BEGIN IMMEDIATE")
        found = _version(connection)
        steps = [_MIGRATIONS[one] for one in range(found, VERSION)] if found else [_TABLES + _PLACE]
        for statement in ";".join(steps).split(";"):
            if statement.strip():
                connection.execute(statement)
        if found != VERSION:
            connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        connection.close()
        raise translate(error, path) from error
    except JournalError:
        connection.close()
        raise


def backup_beside(path: Path, name: str) -> Path:
    """Name a copy of the journal in the folder of backups, as nothing is called yet."""
    folder, number = path.parent / "backups", 2
    copy = folder / f"{name}.sqlite"
    while copy.exists():
        copy, number = folder / f"{name}-{number}.sqlite", number + 1
    return copy


def _keep_copy(connection: sqlite3.Connection, path: Path) -> None:
    """Back a journal up as it is, before its tables are changed."""
    copy = backup_beside(path, f"journal-of-schema-{_version(connection)}")
    try:
        copy.parent.mkdir(mode=0o700, exist_ok=True)
        draft = copy.with_name(f".{copy.name}.{os.getpid()}")
        draft.unlink(missing_ok=True)
        with closing(open_new(draft)) as target:
            connection.backup(target)
            target.execute("PRAGMA journal_mode = DELETE")
        draft.replace(copy)
    except OSError as error:
        raise JournalError(
            "The journal is of an older version and cannot be backed up before that is changed: "
            f"{error.strerror}",
            path=copy,
            hint="Check the permissions of the folder and the space on its disk; the journal was not touched",
        ) from error
    logger.info("the journal has tables of an older version; as it was it is kept as %s", copy)


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _check_version(connection: sqlite3.Connection, path: Path) -> None:
    found = _version(connection)
    if found > VERSION:
        raise JournalError(
            f"The journal was written by a newer Organizer (version {found}, this one knows {VERSION})",
            path=path,
            hint="Update Organizer; the journal was not touched",
        )
