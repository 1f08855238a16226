"""How the journal spells paths: from the inbox or library that they lie in, `@3/Drums/Kick.wav`, so that they
stay true when a drive is mounted elsewhere or a folder is moved.

Owns the table `place`: the folders that were configured once, by the volume that holds them where that has a
UUID, else by their path alone. A path in no such folder is spelt whole.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from organizer.execution import codec
from organizer.execution.mounts import Spot

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Sequence

    from organizer.execution.mounts import Mounts

_MARK = "@"  # no whole path begins so
_ROWS_AT_ONCE = 5_000


class UnknownPlace(Exception):
    """The table has places that another program has written since it was read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One folder that was an inbox or a library at some time."""

    id: int
    root: Path  # where it is, or was last
    told: Path  # where the table says that it is
    spot: Spot | None
    point: Path | None = None  # where the disk was mounted that held it

    def found(self, mounts: Mounts) -> Place:
        """Follow the volume to where it is mounted now."""
        if self.spot is None or mounts.spot_of(self.root) == self.spot:
            return self
        there = (one for one in mounts.folders_of(self.spot) if one.is_dir())
        return replace(self, root=next(there, self.root))

    def is_away(self, mounts: Mounts) -> bool:
        """Say whether the folder is not there: gone, or an empty one on another disk than it was.

        So it is with a mount point when its disk is unplugged. Whoever brings a new disk has something on it,
        or says so (`relocate`).
        """
        if not self.root.is_dir():
            return True
        spot, mount = mounts.spot_of(self.root), mounts.holding(self.root)
        other = (spot is not None and self.spot is not None and spot != self.spot) or (
            mount is not None and self.point is not None and mount.point != self.point
        )
        return other and not any(self.root.iterdir())

    def is_at(self, folder: Path, spot: Spot | None) -> bool:
        """Say whether a folder is this very one."""
        if self.spot is not None and spot is not None:
            return self.spot == spot
        return self.root == folder


class Places:
    """All of them, at one moment."""

    def __init__(self, places: Iterable[Place] = ()) -> None:
        # The innermost first, since that is how a path is spelt.
        self._all = tuple(sorted(places, key=lambda one: (-len(one.root.parts), one.id)))

    def __iter__(self) -> Iterator[Place]:
        return iter(self._all)

    def spell(self, path: Path) -> str:
        for place in self._all:
            if path.is_relative_to(place.root):
                inside = path.relative_to(place.root)
                return f"{_MARK}{place.id}/{'' if inside == Path() else inside}"
        return str(path)

    def path(self, name: str) -> Path:
        if not name.startswith(_MARK):
            return Path(name)
        number, _, inside = name.removeprefix(_MARK).partition("/")
        for place in self._all:
            if place.id == int(number):
                return place.root / inside
        raise UnknownPlace(name)


def load(cursor: sqlite3.Cursor, mounts: Mounts) -> Places:
    """Read the table, and follow volumes to where they are mounted now."""
    rows = cursor.execute("SELECT * FROM place ORDER BY id").fetchall()
    return Places(_place_of(row).found(mounts) for row in rows)


def unlearnt(places: Places, folders: Iterable[Path], mounts: Mounts) -> list[Path]:
    """Give the folders that are there, and that the table does not tell of as they are."""
    unknown = []
    for folder in folders:
        spot, mount = mounts.spot_of(folder), mounts.holding(folder)
        known = [one for one in places if one.is_at(folder, spot)]
        is_told = any(
            (one.told, one.spot, one.point)
            == (folder, spot or one.spot, one.point if mount is None else mount.point)
            for one in known
        )
        empty_mount_point = any(one.root == folder and one.is_away(mounts) for one in places)
        if folder.is_dir() and not is_told and not empty_mount_point:
            unknown.append(folder)
    return unknown


def learn(cursor: sqlite3.Cursor, places: Places, folders: Iterable[Path], mounts: Mounts) -> Places:
    """Give each of these folders, if it is there, its place in the table."""
    for folder in unlearnt(places, folders, mounts):
        spot = mounts.spot_of(folder)
        known = next((one for one in places if one.is_at(folder, spot)), None)
        others = [one for one in places if one is not known]
        if known is None:
            cursor.execute("INSERT INTO place (root, volume, within, point) VALUES ('', '', '', '')")
            assert cursor.lastrowid is not None
            known = Place(id=cursor.lastrowid, root=folder, told=folder, spot=None)
        now = Places([*others, _put(known, folder, spot or known.spot, mounts)])
        _write(cursor, now, known.id)
        _respell(cursor, places, now, folder)
        places = now
    return places


def relocate(cursor: sqlite3.Cursor, places: Places, old: Path, new: Path, mounts: Mounts) -> Places | None:
    """Take note that a place is another folder now; None where `old` is no place.

    Where the new folder is a place of its own by now, the two become one.
    """
    moved = next((one for one in places if one.root == old), None)
    if moved is None:
        return None
    twins = [one for one in places if one.root == new and one is not moved]
    others = [one for one in places if one is not moved and one not in twins]
    now = Places([*others, _put(moved, new, mounts.spot_of(new), mounts)])
    _write(cursor, now, moved.id)
    _respell(cursor, places, now, new)
    cursor.executemany("DELETE FROM place WHERE id = ?", [(one.id,) for one in twins])
    return now


def _put(place: Place, folder: Path, spot: Spot | None, mounts: Mounts) -> Place:
    mount = mounts.holding(folder)
    point = None if mount is None else mount.point
    return replace(place, root=folder, told=folder, spot=spot, point=point)


def _place_of(row: sqlite3.Row) -> Place:
    spot = Spot(row["volume"], PurePosixPath(row["within"])) if row["volume"] else None
    root = Path(row["root"])
    point = Path(row["point"]) if row["point"] else None
    return Place(id=row["id"], root=root, told=root, spot=spot, point=point)


def _write(cursor: sqlite3.Cursor, places: Places, number: int) -> None:
    place = next(one for one in places if one.id == number)
    spot = place.spot or Spot("", PurePosixPath())
    cursor.execute(
        "UPDATE place SET root = CAST(? AS TEXT), volume = ?, within = CAST(? AS TEXT),"
        " point = CAST(? AS TEXT) WHERE id = ?",
        (_bytes(place.root), spot.volume, _bytes(str(spot.within)), _bytes(place.point or ""), number),
    )


def _respell(cursor: sqlite3.Cursor, old: Places, new: Places, folder: Path) -> None:
    """Spell what lies in a folder by its place, where it was spelt otherwise."""
    for name in {str(folder), old.spell(folder)} - {new.spell(folder)}:
        low = name.rstrip("/").encode("utf-8", "surrogateescape")
        bounds = (low, low + b"/", low + b"0")
        last = 0
        while rows := cursor.execute(
            "SELECT id, kind, source, target, data, temp FROM operation WHERE id > ?"
            f" AND ({_within('source')} OR {_within('target')}) ORDER BY id LIMIT {_ROWS_AT_ONCE}",
            (last, *bounds, *bounds),
        ).fetchall():
            last = rows[-1]["id"]
            cursor.executemany(
                "UPDATE operation SET source = CAST(? AS TEXT), target = CAST(? AS TEXT), data = ?,"
                " temp = CAST(? AS TEXT) WHERE id = ?",
                [_respelt(row, old, new) for row in rows],
            )
        for table, column in (("hold", "path"), ("batch", "hold")):
            found = cursor.execute(
                f"SELECT rowid AS number, {column} AS name FROM {table} WHERE {_within(column)}", bounds
            ).fetchall()
            cursor.executemany(
                f"UPDATE OR REPLACE {table} SET {column} = CAST(? AS TEXT) WHERE rowid = ?",
                [(_again(row["name"], old, new), row["number"]) for row in found],
            )


def _within(column: str) -> str:
    return f"({column} = CAST(? AS TEXT) OR ({column} >= CAST(? AS TEXT) AND {column} < CAST(? AS TEXT)))"


def _respelt(row: sqlite3.Row, old: Places, new: Places) -> Sequence[object]:
    data = codec.encode(codec.decode(row["kind"], row["data"], old.path), new.spell)
    names = [_again(row[column], old, new) for column in ("source", "target", "temp")]
    return (names[0], names[1], data, names[2], row["id"])


def _again(name: str | None, old: Places, new: Places) -> bytes | None:
    return None if name is None else _bytes(new.spell(old.path(name)))


def _bytes(name: Path | str) -> bytes:
    return os.fsencode(name)
