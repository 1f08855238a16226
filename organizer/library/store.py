"""The SQLite file of the index: opening, schema, and how paths are kept.

The index can always be rebuilt from the sounds and the journal, so an unreadable or outdated one is
set aside and made anew, never repaired.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress
from pathlib import Path

from organizer.errors import OrganizerError

SCHEMA_VERSION = 3
_SCHEMA = """
CREATE TABLE samples (
    path BLOB PRIMARY KEY,
    sound_id TEXT NOT NULL,
    content_hash TEXT NOT NULL,
    size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, inode INTEGER NOT NULL, device INTEGER NOT NULL,
    inbox TEXT NOT NULL, pack BLOB, subpath BLOB NOT NULL, name BLOB NOT NULL,
    facts BLOB NOT NULL,
    recognition BLOB NOT NULL,
    music BLOB NOT NULL,
    metadata BLOB NOT NULL,
    embedding BLOB NOT NULL,
    model_id TEXT NOT NULL,
    rule TEXT NOT NULL,
    heard_at REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX samples_by_sound ON samples (sound_id);
CREATE TABLE remainders (
    path BLOB PRIMARY KEY,
    size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, inode INTEGER NOT NULL, device INTEGER NOT NULL,
    context TEXT NOT NULL,
    nature TEXT NOT NULL,
    reason TEXT NOT NULL,
    hint TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    retry_at REAL,
    seen_at REAL NOT NULL
) WITHOUT ROWID;
"""
# What each version has added since to a store that is no older.
_ADDED = {
    3: """
CREATE INDEX samples_by_inode ON samples (inode);
CREATE TABLE suggestions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    inbox TEXT NOT NULL, pack BLOB, title BLOB NOT NULL,
    made_at REAL NOT NULL,
    heard TEXT NOT NULL,
    targets TEXT NOT NULL,
    plans TEXT NOT NULL
);
CREATE TABLE suggested (
    path BLOB PRIMARY KEY,
    suggestion INTEGER NOT NULL REFERENCES suggestions (id)
) WITHOUT ROWID;
CREATE INDEX suggested_by_suggestion ON suggested (suggestion);
CREATE TABLE relocations (
    path BLOB PRIMARY KEY,
    before BLOB NOT NULL
) WITHOUT ROWID;
""",
}
_OLDEST = min(_ADDED) - 1


def open_store(path: Path) -> sqlite3.Connection:
    """Open the index, making it where there is none."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with suppress(OSError):
        path.parent.chmod(0o700)
    try:
        connection = _connect(path)
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version and not _OLDEST <= version <= SCHEMA_VERSION:
            raise sqlite3.DatabaseError(f"schema {version}")
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
            raise OrganizerError(f"the index {path} is busy", path=path, hint="Try again.") from error
        _set_aside(path)
        connection = _connect(path)
        version = 0
    if version < SCHEMA_VERSION:
        parts = ["" if version else _SCHEMA, *(part for added, part in _ADDED.items() if added > version)]
        # Two commands may open a new index at the same moment; the second finds the tables made.
        script = "".join(parts).replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS")
        script = script.replace("CREATE INDEX", "CREATE INDEX IF NOT EXISTS")
        connection.executescript(f"BEGIN IMMEDIATE;{script}PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")
    return connection


def to_blob(path: Path | str) -> bytes:
    """Keep a path as the bytes that the file system knows: not every name is valid UTF-8."""
    return os.fsencode(path)


def to_path(blob: bytes) -> Path:
    return Path(os.fsdecode(blob))


def to_text(sentence: str) -> str:
    """Write a sentence that may name odd files as text that SQLite takes."""
    return sentence.encode("utf-8", "backslashreplace").decode()


def to_signed(number: int) -> int:
    """Fold a number of 64 bits into SQLite's signed integers: some disks use all bits of an inode."""
    return number - (1 << 64) if number >= 1 << 63 else number


def to_unsigned(number: int) -> int:
    return number + (1 << 64) if number < 0 else number


def prefix_range(folder: Path | str) -> tuple[bytes, bytes]:
    """Give the bounds between which the stored paths below a folder lie."""
    start = to_blob(folder).rstrip(b"/") + b"/"
    return start, start[:-1] + b"0"  # "0" follows "/" in ASCII


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=10.0, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    return connection


def _set_aside(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.replace(path.with_name(f"{path.name}.damaged{suffix}"))
