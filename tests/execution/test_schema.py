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
from organizer.execution.reader import JournalReader
from organizer.planning.operations import Move, RestoreBytes
from organizer.planning.undo import invert

RELEASED = sorted((Path(__file__).parent / "schemas").glob("journal-*.sql"))

# Actions of the first batch, and files that its undo put back.
WHAT_IS_IN_IT = {"journal-1": (9, 5), "journal-2": (17, 6), "journal-3": (17, 6)}


@pytest.fixture(params=RELEASED, ids=lambda path: path.stem)
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / f"{request.param.stem}.sqlite"
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
        assert batches[2].counts == {"done": WHAT_IS_IN_IT[old.stem][0]}
        records = [record for batch in batches for record in journal.operations(batch.id)]
        assert {"done", "open", "planned"} >= {record.state for record in records} > {"done"}
        assert journal.held_count([Path("/music/inbox")]) == WHAT_IS_IN_IT[old.stem][1]


def test_an_old_journal_knows_the_way_back(old: Path) -> None:
    with Journal(old) as journal:
        back = invert(journal.done([1]))
        assert sum(isinstance(one, Move) for one in back) == WHAT_IS_IN_IT[old.stem][1]
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


def test_a_journal_is_backed_up_as_it_was_before_its_tables_change(old: Path) -> None:
    before = _dump(old)
    Journal(old).close()
    copies = sorted((old.parent / "backups").glob("*"))
    if old.stem == f"journal-{schema.VERSION}":
        assert copies == []
    else:
        assert [_dump(one) for one in copies] == [before]


def test_an_older_journal_is_brought_up_to_date_by_whoever_reads_it_first(old: Path) -> None:
    with JournalReader(old) as reader:
        assert len(reader.batches()) == 3
    with closing(sqlite3.connect(old)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone()[0] == schema.VERSION


def test_a_journal_that_cannot_be_backed_up_is_not_changed(old: Path) -> None:
    before = _dump(old)
    (old.parent / "backups").write_bytes(b"no folder")
    if old.stem == f"journal-{schema.VERSION}":
        Journal(old).close()
    else:
        with pytest.raises(JournalError, match="cannot be backed up"):
            Journal(old)
    assert _dump(old) == before


def _dump(journal: Path) -> list[str]:
    with closing(sqlite3.connect(journal)) as connection:
        return list(connection.iterdump())
