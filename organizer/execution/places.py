"""How the journal spells paths: from the inbox or library that they lie in, `@3/Drums/Kick.wav`, so that they
stay true when a drive is mounted elsewhere or a folder is moved.

Owns the table `place`: the folders that were configured once, by the volume that holds them where that has a
UUID, else by their path alone. A path in no such folder is spelt whole.
"""

from __future__ import annotations

import json
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
    """A row names a place that is in no table: nobody has salvaged it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One folder that was an inbox or a library at some time."""

    id: int
    root: Path  # where it is, or was last
    told: Path  # where the table says that it is
    spot: Spot | None
    point: Path | None = None  # where the disk was mounted that held it
    same_as: int | None = None  # the place that it has become one with
    here: bool = True  # whether its volume is what is mounted there now, as far as that can be known

    def found(self, mounts: Mounts) -> Place:
        """Follow the volume to where it is mounted now."""
        now = mounts.spot_of(self.root)
        if self.spot is None or now == self.spot:
            return replace(self, here=True)
        there = next((one for one in mounts.folders_of(self.spot) if one.is_dir()), None)
        return replace(self, root=there or self.root, here=there is not None or now is None)

    def is_away(self, mounts: Mounts) -> bool:
        """Say whether the folder is not there: gone, or an empty one on another disk than it was.

        So it is with a mount point when its disk is unplugged. Whoever brings a new disk has something on it,
        or says so (`relocate`).
        """
        if not self.root.is_dir():
            return True
        spot, mount = mounts.spot_of(self.root), mounts.holding(self.root)
        if spot is not None and self.spot is not None:
            other = spot != self.spot
        else:
            other = mount is not None and self.point is not None and mount.point != self.point
        return other and not any(self.root.iterdir())

    def is_at(self, folder: Path, spot: Spot | None) -> bool:
        """Say whether a folder is this very one."""
        if self.spot is not None and spot is not None:
            return self.spot == spot
        return self.root == folder


class Places:
    """All of them, at one moment."""

    def __init__(self, places: Iterable[Place] = ()) -> None:
        all_ = list(places)
        self._by_id = {one.id: one for one in all_}
        # The innermost first, since that is how a path is spelt; of two disks that take turns at one mount
        # point, the one that is there.
        known = (one for one in all_ if one.same_as is None)
        self._known = tuple(sorted(known, key=lambda one: (-len(one.root.parts), not one.here, one.id)))
        taken = {one.root for one in self._known if one.here}
        self._hidden = {one.id for one in self._known if not one.here and one.root in taken}

    def __iter__(self) -> Iterator[Place]:
        return iter(self._known)

    @property
    def merged(self) -> list[Place]:
        """Give those that have become one with another."""
        return [one for one in self._by_id.values() if one.same_as is not None]

    def spell(self, path: Path) -> str:
        for place in self._known:
            if path.is_relative_to(place.root):
                inside = path.relative_to(place.root)
                return f"{_MARK}{place.id}/{'' if inside == Path() else inside}"
        return str(path)

    def path(self, name: str) -> Path:
        if not name.startswith(_MARK):
            return Path(name)
        number, _, inside = name.removeprefix(_MARK).partition("/")
        place = self._by_id.get(int(number))
        while place is not None and place.same_as is not None:
            place = self._by_id.get(place.same_as)
        if place is None:
            raise UnknownPlace(name)
        if place.id in self._hidden and place.spot is not None:
            # Another disk is mounted where this one was: its files are not those.
            return Path("/not mounted", place.spot.volume, str(place.spot.within).lstrip("/"), inside)
        return place.root / inside


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
        others = [*(one for one in places if one is not known), *places.merged]
        if known is None:
            cursor.execute("INSERT INTO place (root, volume, within, point) VALUES ('', '', '', '')")
            assert cursor.lastrowid is not None
            known = Place(id=cursor.lastrowid, root=folder, told=folder, spot=None)
        now = Places([*others, _put(known, folder, spot or known.spot, mounts)])
        _write(cursor, now, known.id)
        _respell(cursor, places, now, folder, [])
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
    others = [*(one for one in places if one is not moved and one not in twins), *places.merged]
    others += [replace(one, same_as=moved.id) for one in twins]
    now = Places([*others, _put(moved, new, mounts.spot_of(new), mounts)])
    _write(cursor, now, moved.id)
    # Of second paths, which no search finds, the number of the twin stays the name.
    cursor.executemany("UPDATE place SET same_as = ? WHERE id = ?", [(moved.id, one.id) for one in twins])
    _respell(cursor, places, now, new, [f"{_MARK}{one.id}/" for one in twins])
    return now


def _put(place: Place, folder: Path, spot: Spot | None, mounts: Mounts) -> Place:
    mount = mounts.holding(folder)
    point = None if mount is None else mount.point
    return replace(place, root=folder, told=folder, spot=spot, point=point, here=True)


def _place_of(row: sqlite3.Row) -> Place:
    spot = Spot(row["volume"], PurePosixPath(row["within"])) if row["volume"] else None
    root = Path(row["root"])
    point = Path(row["point"]) if row["point"] else None
    return Place(id=row["id"], root=root, told=root, spot=spot, point=point, same_as=row["same_as"])


def _write(cursor: sqlite3.Cursor, places: Places, number: int) -> None:
    place = next(one for one in places if one.id == number)
    spot = place.spot or Spot("", PurePosixPath())
    cursor.execute(
        "UPDATE place SET root = CAST(? AS TEXT), volume = ?, within = CAST(? AS TEXT),"
        " point = CAST(? AS TEXT) WHERE id = ?",
        (_bytes(place.root), spot.volume, _bytes(str(spot.within)), _bytes(place.point or ""), number),
    )


def _respell(cursor: sqlite3.Cursor, old: Places, new: Places, folder: Path, others: Iterable[str]) -> None:
    """Spell what lies in a folder by its place, where it was spelt whole or by one of `others`."""
    before = old.spell(folder)
    # What another disk has at this very path is not in this folder.
    nested = [] if before.endswith("/") else [before]
    for name in {str(folder), *nested, *others} - {new.spell(folder)}:
        low = _bytes(name).rstrip(b"/")
        bounds = (low, low + b"/", low + b"0")
        # By the two indices: a look at every row would take a minute for a million.
        found = cursor.execute(
            f"SELECT id FROM operation WHERE {_within('source')}"
            f" UNION SELECT id FROM operation WHERE {_within('target')}",
            (*bounds, *bounds),
        ).fetchall()
        for first in range(0, len(found), _ROWS_AT_ONCE):
            ids = json.dumps([row["id"] for row in found[first : first + _ROWS_AT_ONCE]])
            rows = cursor.execute(
                "SELECT id, kind, source, target, data, temp FROM operation"
                " WHERE id IN (SELECT value FROM json_each(?))",
                (ids,),
            ).fetchall()
            cursor.executemany(
                "UPDATE operation SET source = CAST(? AS TEXT), target = CAST(? AS TEXT), data = ?,"
                " temp = CAST(? AS TEXT) WHERE id = ?",
                [_respelt(row, old, new) for row in rows],
            )
        for table, column in (("hold", "path"), ("batch", "hold")):
            rows = cursor.execute(
                f"SELECT rowid AS number, {column} AS name FROM {table} WHERE {_within(column)}", bounds
            ).fetchall()
            cursor.executemany(
                f"UPDATE OR REPLACE {table} SET {column} = CAST(? AS TEXT) WHERE rowid = ?",
                [(_again(row["name"], old, new), row["number"]) for row in rows],
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
