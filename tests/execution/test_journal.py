"""The journal keeps what it is told, names and bytes and all, and says when it cannot."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from organizer.errors import JournalError
from organizer.execution import codec, schema
from organizer.execution.journal import Journal
from organizer.execution.reader import JournalReader
from organizer.execution.records import Closing, Hold, Note
from organizer.planning.operations import (
    Copy,
    Discard,
    Extract,
    KeepFolderTime,
    Link,
    MakeFolder,
    Move,
    Operation,
    Plan,
    RemoveCopy,
    RemoveEntries,
    RemoveExtracted,
    RemoveFolder,
    RemoveLink,
    RemoveSidecar,
    RestoreBytes,
    Skip,
    Teach,
    WriteAttribute,
    WriteEntries,
    WriteSidecar,
    WriteTags,
)
from organizer.sample import Stamp

if TYPE_CHECKING:
    from collections.abc import Iterator

STAMP = Stamp(5, OLD := 1_400_000_000_123_456_789, 2**63 + 7, 2**40)
# As Latin-1 wrote it: no UTF-8.
STRANGE = Path(os.fsdecode(b"/inbox/Pack/Gr\xf6\xdfe \xff.wav"))

EVERY_KIND: tuple[Operation, ...] = (
    KeepFolderTime(path=STRANGE.parent, mtime_ns=OLD),
    MakeFolder(path=STRANGE.parent, mode=0o40755),
    RemoveFolder(path=STRANGE.parent),
    Move(source=STRANGE, target=Path("/library/Große.wav"), stamp=STAMP, content_hash="b2:1", rule="a"),
    Copy(source=STRANGE, target=Path("/library/copy.wav"), content_hash="b2:1"),
    RemoveCopy(path=STRANGE, original=Path("/library/copy.wav"), content_hash="b2:1"),
    Extract(
        archive=STRANGE, member="ö.wav", staged=STRANGE, target=Path("/library/ö.wav"), content_hash="b2:1"
    ),
    RemoveExtracted(
        path=Path("/library/ö.wav"), archive=STRANGE, member="ö.wav", staged=STRANGE, content_hash="b2:1"
    ),
    Link(source=STRANGE, target=Path("/library/link.wav"), content_hash="b2:1", pointer="../x.wav"),
    RemoveLink(path=Path("/library/link.wav"), original=STRANGE, content_hash="b2:1"),
    WriteAttribute(path=STRANGE, name="user.xdg.tags", before=None, after=b"kick,\xff"),
    WriteEntries(path=STRANGE, form="json", entries={STRANGE.name: '{"a": "ö"}'}),
    RemoveEntries(
        path=STRANGE,
        form="xmp",
        entries={STRANGE.name: "[]"},
        content_hash="b2:2",
        restored_hash="b2:1",
        patch=b"\x00",
    ),
    RemoveEntries(path=STRANGE, form="json", entries={}, content_hash="", restored_hash="", patch=None),
    WriteTags(
        path=STRANGE, content_hash="b2:1", sound_id="pcm:1", tags={"title": STRANGE.stem}, mode="append"
    ),
    RestoreBytes(path=STRANGE, content_hash="b2:1", restored_hash="b2:2", patch=b"\x00\xff\n"),
    WriteSidecar(path=STRANGE, content='{"a": "ö"}'),
    RemoveSidecar(path=STRANGE, content="\n"),
    Discard(path=Path("/library/_Trash/ö.wav"), content_hash="b2:1", sound_id="pcm:1", twin=STRANGE),
    Discard(path=Path("/library/_Trash/o.wav"), content_hash="b2:1", sound_id="", twin=None),
    Teach(
        path=STRANGE,
        sound_id="pcm:1",
        label="rim",
        was=None,
        heard="snare",
        embedding=b"\x00<\xff",
        model_id="m",
    ),
    Skip(path=STRANGE, reason="no rule", hint="write one"),
)
TAGS = next(place for place, one in enumerate(EVERY_KIND) if isinstance(one, WriteTags))


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "state" / "journal.sqlite") as opened:
        yield opened


def plan_of(*operations: Operation, title: str = "Pack", undoes: tuple[int, ...] = ()) -> Plan:
    return Plan(
        origin="undo" if undoes else "pack", title=title, inbox="in", operations=operations, undoes=undoes
    )


def test_every_kind_of_operation_is_kept_as_it_is(journal: Journal) -> None:
    assert {type(one) for one in EVERY_KIND} == set(codec.KINDS.values())
    batch = journal.begin(plan_of(*EVERY_KIND, title=STRANGE.stem), now=1.5)
    assert tuple(one.operation for one in journal.operations(batch)) == EVERY_KIND
    record = journal.batch(batch)
    assert record is not None
    assert (record.title, record.inbox, record.started, record.state) == (STRANGE.stem, "in", 1.5, "open")
    assert record.counts == {"planned": 18, "skipped": 1}


def test_names_that_are_not_utf8_are_found_again(journal: Journal) -> None:
    journal.begin(plan_of(*EVERY_KIND), now=1.0)
    assert len(journal.history_of(STRANGE)) == 14
    assert [type(one.operation) for one in journal.history_of(Path("/library/copy.wav"))] == [Copy]
    (first, *_) = journal.operations(1)
    journal.settle([Closing(id=first.id, state="failed", error=f"{STRANGE} is gone", hint="?")], now=2.0)
    assert journal.operations(1)[0].error == f"{STRANGE} is gone"
    journal.start([4], [Hold(path=STRANGE, operation=4, stamp=STAMP, content_hash="")], now=3.0)
    assert journal.is_held(STRANGE, STAMP, lambda _: "")
    journal.release([STRANGE.parent])
    assert not journal.is_held(STRANGE, STAMP, lambda _: "")


@given(st.binary(min_size=1, max_size=40).filter(lambda raw: b"\0" not in raw))
def test_any_bytes_can_be_a_name(raw: bytes) -> None:
    operation = MakeFolder(path=Path(os.fsdecode(b"/" + raw)))
    assert codec.decode(codec.kind_of(operation), codec.encode(operation)) == operation


def test_what_became_of_an_operation_is_told(journal: Journal) -> None:
    batch = journal.begin(plan_of(*EVERY_KIND), model_id="m", rules_digest="r", now=1.0)
    tags = journal.operations(batch)[TAGS]
    journal.start([tags.id], [], now=2.0)
    journal.note(
        [Note(id=tags.id, temp=STRANGE, inode=2**64 - 1, hash_after="b2:3", hash_before="b2:1", patch=b"p")]
    )
    noted = journal.operations(batch)[TAGS]
    assert (noted.state, noted.temp, noted.temp_inode, noted.patch) == ("open", STRANGE, 2**64 - 1, b"p")
    journal.settle([Closing(id=tags.id, state="done", stamp_after=STAMP, hash_after="b2:3")], now=3.0)
    journal.finish(batch, now=4.0)
    (done,) = journal.done([batch])
    assert (done.operation, done.stamp_after, done.hash_after) == (tags.operation, STAMP, "b2:3")
    assert (done.hash_before, done.patch) == ("b2:1", b"p")
    record = journal.batch(batch)
    assert record is not None
    assert (record.state, record.finished, record.model_id, record.rules_digest) == ("done", 4.0, "m", "r")
    assert record.counts == {"done": 1, "planned": 17, "skipped": 1}


def test_undo_marks_and_redo_clears(journal: Journal) -> None:
    one = _done_batch(journal)
    two = _done_batch(journal)
    assert [record.id for record in journal.undoable()] == [two, one]
    assert [record.id for record in journal.last(1)] == [two]
    undo = _done_batch(journal, undoes=(one, two))
    assert journal.undoable() == ()
    assert [record.id for record in journal.undoable([undo])] == [undo]
    assert (journal.is_undone(one), journal.is_undone(two)) == (True, True)
    redo = _done_batch(journal, undoes=(undo,))
    assert [journal.is_undone(batch) for batch in (one, two, undo, redo)] == [False, False, True, False]
    _done_batch(journal, undoes=(redo,))
    assert [journal.is_undone(batch) for batch in (one, two, undo, redo)] == [True, True, False, True]


def test_late_files_join_only_a_young_batch_of_the_same_pack(journal: Journal) -> None:
    batch = _done_batch(journal, now=1_000.0)
    assert journal.open_batch("in", "Pack", now=1_599.0) == batch
    assert journal.open_batch("in", "Pack", now=1_601.0) is None
    assert journal.open_batch("in", "Pack", now=1_601.0, seconds=700) == batch
    assert journal.open_batch("other", "Pack", now=1_001.0) is None
    _done_batch(journal, undoes=(batch,))
    assert journal.open_batch("in", "Pack", now=1_001.0) is None


def test_what_was_not_written_whole_is_not_there(journal: Journal) -> None:
    class Unspeakable(str):
        def encode(self, *_: object, **__: object) -> bytes:
            raise RuntimeError

    good = MakeFolder(path=Path("/a"))
    with pytest.raises(RuntimeError):
        journal.begin(plan_of(good, Skip(path=Path("/b"), reason=Unspeakable("x"))), now=1.0)
    assert journal.batches() == []
    journal.begin(plan_of(good), now=1.0)


def test_readers_see_the_journal_while_it_is_written(journal: Journal) -> None:
    with JournalReader(journal.path) as reader:
        assert reader.batches() == []
        batch = journal.begin(plan_of(*EVERY_KIND), now=1.0)
        assert [one.id for one in reader.batches()] == [batch]
    with (
        closing(schema.open_to_read(journal.path)) as connection,
        pytest.raises(sqlite3.OperationalError, match="readonly"),
    ):
        connection.execute("DELETE FROM batch")


def test_reading_before_anything_was_written_finds_nothing(tmp_path: Path) -> None:
    with JournalReader(tmp_path / "none" / "journal.sqlite") as reader:
        assert reader.batches() == []
        assert reader.held_count() == 0
    assert not (tmp_path / "none").exists()


def test_the_journal_is_for_its_owner_alone(journal: Journal) -> None:
    assert journal.path.parent.stat().st_mode & 0o777 == 0o700
    assert journal.path.stat().st_mode & 0o077 == 0


def test_every_commit_is_on_the_disk(journal: Journal) -> None:
    values = {
        name: journal._connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous", "user_version")
    }
    assert values == {"journal_mode": "wal", "synchronous": 2, "user_version": schema.VERSION}


@pytest.mark.parametrize("opened", [Journal, JournalReader])
def test_a_file_that_is_no_journal_is_said_to_be_damaged(tmp_path: Path, opened: type[JournalReader]) -> None:
    path = tmp_path / "journal.sqlite"
    path.write_bytes(b"no database at all" * 100)
    with pytest.raises(JournalError, match="damaged") as raised:
        opened(path)
    assert raised.value.path == path
    assert "journal recover" in raised.value.hint
    assert path.read_bytes() == b"no database at all" * 100


def test_a_journal_with_damaged_pages_is_said_to_be_damaged(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with Journal(path) as journal:
        for _ in range(50):
            journal.begin(plan_of(*EVERY_KIND), now=1.0)
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (size - 4096))
    with pytest.raises(JournalError, match="damaged"), Journal(path) as journal:
        journal.operations(1)


@pytest.mark.parametrize("opened", [Journal, JournalReader])
def test_a_journal_of_a_newer_version_is_left_alone(tmp_path: Path, opened: type[JournalReader]) -> None:
    path = tmp_path / "journal.sqlite"
    Journal(path).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    with pytest.raises(JournalError, match="newer Organizer") as raised:
        opened(path)
    assert "Update" in raised.value.hint


def _done_batch(journal: Journal, *, undoes: tuple[int, ...] = (), now: float = 1.0) -> int:
    batch = journal.begin(plan_of(EVERY_KIND[3], undoes=undoes), now=now)
    (record,) = journal.operations(batch)
    journal.start([record.id], [], now=now)
    journal.settle([Closing(id=record.id, state="done", stamp_after=STAMP)], now=now)
    journal.finish(batch, now=now)
    return batch


def test_copies_are_known_by_their_source_and_bytes_until_they_are_undone(journal: Journal) -> None:
    first = Copy(source=STRANGE, target=Path("/library/a.wav"), content_hash="b2:1")
    second = Copy(source=STRANGE, target=Path("/library/b.wav"), content_hash="b2:2")
    batch = journal.begin(plan_of(first, second), now=1.0)
    done, _ = journal.operations(batch)
    journal.settle([Closing(id=done.id, state="done", stamp_after=STAMP, hash_after="b2:tagged")], now=2.0)
    copies = (Path("/library/a.wav"),)
    assert journal.copies_of([STRANGE]) == {(STRANGE, "b2:1"): copies, (STRANGE, "b2:tagged"): copies}
    assert journal.copies_of([Path("/library/a.wav")]) == {}
    journal.finish(journal.begin(plan_of(undoes=(batch,)), now=3.0), now=3.0)
    assert journal.copies_of([STRANGE]) == {}
