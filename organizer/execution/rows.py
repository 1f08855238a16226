"""The rows of the journal's tables: from plain data and back. Owns no transaction."""

from __future__ import annotations

import json
import os
from itertools import zip_longest
from typing import TYPE_CHECKING, cast

from organizer.execution import codec
from organizer.execution.records import BatchRecord, OperationRecord, Origin, State
from organizer.planning.operations import Skip
from organizer.planning.undo import Done

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from organizer.execution.places import Places
    from organizer.planning.operations import Plan


def batch_of(row: sqlite3.Row, places: Places, *, counts: Mapping[str, int]) -> BatchRecord:
    return BatchRecord(
        id=row["id"],
        origin=cast("Origin", row["origin"]),
        title=row["title"],
        inbox=row["inbox"],
        started=row["started"],
        finished=row["finished"],
        state=row["state"],
        undoes=tuple(json.loads(row["undoes"])),
        part=bool(row["part"]),
        undone_by=row["undone_by"],
        hold=None if row["hold"] is None else places.path(row["hold"]),
        model_id=row["model_id"],
        rules_digest=row["rules_digest"],
        counts=counts,
    )


def operation_of(row: sqlite3.Row, places: Places) -> OperationRecord:
    return OperationRecord(
        id=row["id"],
        batch=row["batch"],
        operation=codec.decode(row["kind"], row["data"], places.path),
        state=cast("State", row["state"]),
        error=row["error"],
        hint=row["hint"],
        lasting=bool(row["lasting"]),
        changed=row["changed"],
        stamp_after=codec.decode_stamp(row["stamp_after"]),
        hash_after=row["hash_after"],
        hash_before=row["hash_before"],
        patch=row["patch"],
        temp=None if row["temp"] is None else places.path(row["temp"]),
        temp_inode=None if row["temp_inode"] is None else int(row["temp_inode"]),
        reserved_inode=None if row["reserved_inode"] is None else int(row["reserved_inode"]),
    )


def as_done(record: OperationRecord) -> Done:
    """Give of a record what undo needs."""
    return Done(
        operation=record.operation,
        id=record.id,
        stamp_after=record.stamp_after,
        hash_after=record.hash_after or None,
        hash_before=record.hash_before or None,
        patch=record.patch,
    )


def text_of(value: str) -> bytes:
    return value.encode("utf-8", "surrogateescape")


def add_operations(cursor: sqlite3.Cursor, batch: int, plan: Plan, now: float, places: Places) -> None:
    rows = []
    for operation, turns in zip_longest(plan.operations, plan.turns):
        source, target = codec.paths_of(operation)
        skipped = isinstance(operation, Skip)
        rows.append(
            (
                batch,
                codec.kind_of(operation),
                os.fsencode(places.spell(source)),
                None if target is None else os.fsencode(places.spell(target)),
                codec.encode(operation, places.spell),
                "skipped" if skipped else "planned",
                text_of(operation.reason) if isinstance(operation, Skip) else b"",
                text_of(operation.hint) if isinstance(operation, Skip) else b"",
                now,
                turns,
            )
        )
    cursor.executemany(
        "INSERT INTO operation (batch, kind, source, target, data, state, error, hint, changed, turns)"
        " VALUES (?, ?, CAST(? AS TEXT), CAST(? AS TEXT), ?, ?, CAST(? AS TEXT), CAST(? AS TEXT), ?, ?)",
        rows,
    )


def undone_of(cursor: sqlite3.Cursor, batch: int) -> list[int]:
    """Give the batches that this one turned around as a whole."""
    row = cursor.execute("SELECT undoes FROM batch WHERE id = ? AND part = 0", (batch,)).fetchone()
    return [] if row is None else [int(one) for one in json.loads(row["undoes"])]


def mark_undone(cursor: sqlite3.Cursor, batch: int, *, by: int) -> None:
    """Mark a batch; what it had turned around itself stands again, and so on down the line."""
    cursor.execute("UPDATE batch SET undone_by = ? WHERE id = ?", (by, batch))
    for turned in undone_of(cursor, batch):
        cursor.execute("UPDATE batch SET undone_by = NULL WHERE id = ?", (turned,))
        for again in undone_of(cursor, turned):
            mark_undone(cursor, again, by=turned)
