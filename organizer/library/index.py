"""What we have heard and where it lies. It can be rebuilt; the journal cannot."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import msgspec

from organizer.library.store import prefix_range, to_blob, to_path, to_signed, to_unsigned
from organizer.sample import Facts, Music, Origin, Recognition, Sample, Stamp

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator

_COLUMNS = (
    "path, sound_id, content_hash, size, mtime_ns, inode, device, inbox, pack, subpath, name, "
    "facts, recognition, music, metadata, embedding, model_id, rule, heard_at"
)


_KNOWN = "path, size, mtime_ns, inode, device, content_hash"
_PAGE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One sample of the library, as it was heard last."""

    path: Path
    origin: Origin
    stamp: Stamp
    sample: Sample
    rule: str
    heard_at: float  # seconds since the epoch


@dataclass(frozen=True, slots=True)
class Known:
    """What tells a file of the library from others, without what was heard."""

    path: Path
    stamp: Stamp
    content_hash: str


class Index:
    """The samples table of the index."""

    def __init__(self, store: sqlite3.Connection) -> None:
        self._store = store

    def put(self, entries: Iterable[Entry]) -> None:
        """Write entries, each in the place of any older one at its path."""
        marks = ", ".join("?" * 19)
        self._in_one_go(
            f"INSERT OR REPLACE INTO samples ({_COLUMNS}) VALUES ({marks})",
            [_row_of(entry) for entry in entries],
        )

    def get(self, path: Path) -> Entry | None:
        row = self._store.execute(
            f"SELECT {_COLUMNS} FROM samples WHERE path = ?", (to_blob(path),)
        ).fetchone()
        return None if row is None else _entry_of(row)

    def below(self, folder: Path) -> Iterator[Entry]:
        """Give every entry below a folder, in the order of paths."""
        rows = self._store.execute(
            f"SELECT {_COLUMNS} FROM samples WHERE path > ? AND path < ? ORDER BY path", prefix_range(folder)
        )
        return (_entry_of(row) for row in rows)

    def paths_by_pack(self, folder: Path) -> Iterator[Path]:
        """Give the paths of entries below a folder, or of the one at it, pack by pack."""
        start, end = prefix_range(folder)
        rows = self._store.execute(
            "SELECT path FROM samples WHERE path = ? OR (path > ? AND path < ?) ORDER BY inbox, pack, path",
            (to_blob(folder), start, end),
        )
        return (to_path(row[0]) for row in rows)

    def known_below(self, folder: Path) -> Iterator[Known]:
        """Give what tells files below a folder from others, in the order of paths; the index may change
        meanwhile."""
        start, end = prefix_range(folder)
        while True:
            rows = self._store.execute(
                f"SELECT {_KNOWN} FROM samples WHERE path > ? AND path < ? ORDER BY path LIMIT {_PAGE}",
                (start, end),
            ).fetchall()
            yield from (_known_of(row) for row in rows)
            if len(rows) < _PAGE:
                return
            start = rows[-1][0]

    def with_inode(self, inode: int) -> list[Known]:
        rows = self._store.execute(f"SELECT {_KNOWN} FROM samples WHERE inode = ?", (to_signed(inode),))
        return [_known_of(row) for row in rows]

    def stamp_at(self, path: Path) -> Stamp | None:
        row = self._store.execute(f"SELECT {_KNOWN} FROM samples WHERE path = ?", (to_blob(path),)).fetchone()
        return None if row is None else _known_of(row).stamp

    def heard_by(self, path: Path) -> tuple[Stamp, str] | None:
        """Say which file was heard at a path, and by which model."""
        row = self._store.execute(
            f"SELECT {_KNOWN}, model_id FROM samples WHERE path = ?", (to_blob(path),)
        ).fetchone()
        return None if row is None else (_known_of(row[:-1]).stamp, row[-1])

    def restamp(self, changes: Iterable[tuple[Path, Stamp]]) -> None:
        """Take note of other stamps of the same bytes."""
        self._in_one_go(
            "UPDATE samples SET size = ?, mtime_ns = ?, inode = ?, device = ? WHERE path = ?",
            [
                (one.size, one.mtime_ns, to_signed(one.inode), to_signed(one.device), to_blob(path))
                for path, one in changes
            ],
        )

    def with_sounds(self, sounds: Iterable[str]) -> Iterator[Entry]:
        """Give every entry of these sounds, in the order of sounds and paths."""
        for sound in sorted(sounds):
            rows = self._store.execute(
                f"SELECT {_COLUMNS} FROM samples WHERE sound_id = ? ORDER BY path", (sound,)
            ).fetchall()
            yield from (_entry_of(row) for row in rows)

    def count_below(self, folder: Path) -> int:
        found: int = self._store.execute(
            "SELECT count(*) FROM samples WHERE path > ? AND path < ?", prefix_range(folder)
        ).fetchone()[0]
        return found

    def moved(self, moves: Iterable[tuple[Path, Path]]) -> None:
        """Let entries follow their files."""
        self._in_one_go(
            "UPDATE OR REPLACE samples SET path = ? WHERE path = ?",
            [(to_blob(new), to_blob(old)) for old, new in moves],
        )

    def forget(self, paths: Iterable[Path]) -> None:
        """Drop the entries of files that are gone for good."""
        self._in_one_go("DELETE FROM samples WHERE path = ?", [(to_blob(path),) for path in paths])

    def relocate(self, old: Path, new: Path) -> None:
        """Let the entries of a whole folder follow it."""
        self.moved([(entry.path, new / entry.path.relative_to(old)) for entry in list(self.below(old))])

    def rewritten(self, changes: Iterable[tuple[Path, Stamp, str]]) -> None:
        """Take note of new bytes around the same sounds: stamp and content hash."""
        entries = []
        for path, stamp, content_hash in changes:
            if (entry := self.get(path)) is not None:
                facts = replace(entry.sample.facts, content_hash=content_hash)
                entries.append(replace(entry, stamp=stamp, sample=replace(entry.sample, facts=facts)))
        self.put(entries)

    def _in_one_go(self, statement: str, rows: list[tuple[Any, ...]]) -> None:
        self._store.execute("BEGIN IMMEDIATE")
        try:
            self._store.executemany(statement, rows)
        except BaseException:
            self._store.execute("ROLLBACK")
            raise
        self._store.execute("COMMIT")


def _row_of(entry: Entry) -> tuple[Any, ...]:
    facts, recognition = entry.sample.facts, entry.sample.recognition
    stamp, origin = entry.stamp, entry.origin
    return (
        to_blob(entry.path),
        facts.sound_id,
        facts.content_hash,
        stamp.size,
        stamp.mtime_ns,
        to_signed(stamp.inode),
        to_signed(stamp.device),
        origin.inbox,
        None if origin.pack is None else to_blob(origin.pack),
        to_blob(str(origin.subpath)),
        to_blob(origin.name),
        msgspec.json.encode(facts),
        msgspec.json.encode(replace(recognition, embedding=b"")),
        msgspec.json.encode(entry.sample.music),
        msgspec.json.encode(entry.sample.metadata),
        recognition.embedding,
        recognition.model_id,
        entry.rule,
        entry.heard_at,
    )


def _entry_of(row: tuple[Any, ...]) -> Entry:
    (path, _, _, size, mtime_ns, inode, device, inbox, pack, subpath, name) = row[:11]
    (facts, recognition, music, metadata, embedding, _, rule, heard_at) = row[11:]
    recognised = msgspec.json.decode(recognition, type=Recognition)
    return Entry(
        path=to_path(path),
        origin=Origin(
            inbox=inbox,
            pack=None if pack is None else os.fsdecode(pack),
            subpath=PurePosixPath(os.fsdecode(subpath)),
            name=os.fsdecode(name),
        ),
        stamp=Stamp(size, mtime_ns, to_unsigned(inode), to_unsigned(device)),
        sample=Sample(
            facts=msgspec.json.decode(facts, type=Facts),
            recognition=replace(recognised, embedding=embedding),
            music=msgspec.json.decode(music, type=Music),
            metadata=msgspec.json.decode(metadata, type=dict[str, str]),
        ),
        rule=rule,
        heard_at=heard_at,
    )


def _known_of(row: tuple[Any, ...]) -> Known:
    path, size, mtime_ns, inode, device, content_hash = row
    return Known(to_path(path), Stamp(size, mtime_ns, to_unsigned(inode), to_unsigned(device)), content_hash)
