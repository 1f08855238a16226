"""Journals that earlier releases have written: each is opened, read whole, and can be undone from.

`schemas/journal-N.sql` is what SQLite dumped of one with schema N: a batch, its undo, and a batch that a
crash left open.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from organizer.errors import JournalError
from organizer.execution import schema
from organizer.execution.journal import Journal
from organizer.planning.operations import Move, RestoreBytes
from organizer.planning.undo import invert

RELEASED = sorted((Path(__file__).parent / "schemas").glob("journal-*.sql"))


@pytest.fixture(params=RELEASED, ids=lambda path: path.stem)
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "journal.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(request.param.read_text(encoding="utf-8"))
    return path


def test_a_journal_of_every_schema_is_here() -> None:
    assert [path.stem for path in RELEASED] == [f"journal-{one}" for one in range(1, schema.VERSION + 1)]


def test_an_old_journal_is_read_whole(old: Path) -> None:
    with Journal(old) as journal:
        batches = journal.batches()
        assert [(one.id, one.state, one.undone_by) for one in batches] == [
            (3, "open", None),
            (2, "done", None),
            (1, "done", 2),
        ]
        assert [one.id for one in journal.unfinished()] == [3]
        assert batches[2].counts == {"done": 9}
        records = [record for batch in batches for record in journal.operations(batch.id)]
        assert {"done", "open", "planned"} >= {record.state for record in records} > {"done"}
        assert journal.held_count([Path("/music/inbox")]) == 5


def test_an_old_journal_knows_the_way_back(old: Path) -> None:
    with Journal(old) as journal:
        back = invert(journal.done([1]))
        assert sum(isinstance(one, Move) for one in back) == 5
        patches = [one.patch for one in back if isinstance(one, RestoreBytes)]
        assert len(patches) == 2
        assert all(patches)
        again = invert(journal.done([2]))
        assert [type(one) for one in reversed(again)] == [type(one) for one in invert(journal.done([2]))][
            ::-1
        ]


def test_a_journal_of_a_newer_release_is_not_touched(old: Path) -> None:
    with closing(sqlite3.connect(old)) as connection:
        connection.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    before = old.read_bytes()
    with pytest.raises(JournalError, match="newer Organizer"):
        Journal(old)
    assert old.read_bytes() == before
