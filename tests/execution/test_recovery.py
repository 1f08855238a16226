"""What recovery makes of what it finds; the crashes at every call are enumerated in test_crashes."""

from __future__ import annotations

import os
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from organizer.execution import syscalls
from organizer.execution.executor import Executor
from organizer.execution.filesystem import Filesystem
from organizer.execution.journal import Journal
from organizer.execution.records import Hold
from organizer.execution.recovery import recover
from organizer.planning.operations import Move, Plan, RemoveCopy
from organizer.recognition.identity import content_hash
from organizer.sample import Stamp
from tests.execution.stage import World, move

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def journal(world: World) -> Iterator[Journal]:
    with Journal(world.journal_path) as opened:
        yield opened


@pytest.fixture
def moving(world: World) -> Move:
    return move(world.pack / "d.wav", world.library / "d.wav")


def interrupted(journal: Journal, *moves: Move, now: float = 1_000.0) -> None:
    """Write down what a process wrote that died before it acted."""
    batch = journal.begin(Plan(origin="sort", title="d", operations=moves), now=now)
    journal.start([one.id for one in journal.operations(batch)], [], now=now)


def recovered(journal: Journal) -> tuple[str, ...]:
    files = Filesystem()
    return recover(journal, files, Executor(journal, files))


def state(journal: Journal) -> str:
    return journal.operations(1)[0].state


def test_nothing_to_recover_says_nothing(journal: Journal) -> None:
    assert recovered(journal) == ()


def test_a_move_that_was_not_begun_is_done_now(journal: Journal, moving: Move) -> None:
    interrupted(journal, moving)
    (told,) = recovered(journal)
    assert "1 operations under way" in told
    assert state(journal) == "done"
    assert moving.target.exists()
    assert not moving.source.exists()


def test_a_move_that_was_done_is_known_by_its_inode_or_its_bytes(journal: Journal, moving: Move) -> None:
    interrupted(journal, moving)
    content = moving.source.read_bytes()
    moving.source.unlink()
    moving.target.write_bytes(content)
    recovered(journal)
    assert state(journal) == "done"


def test_another_file_at_the_target_is_reported_and_left(journal: Journal, moving: Move) -> None:
    interrupted(journal, moving)
    moving.target.write_bytes(b"somebody else's")
    recovered(journal)
    (record,) = journal.operations(1)
    assert record.state == "failed"
    assert "already something" in record.error
    assert moving.source.exists()
    assert moving.target.read_bytes() == b"somebody else's"


def test_an_equal_file_that_is_not_our_copy_is_left(journal: Journal, moving: Move) -> None:
    """The user may have copied it there; the source is not removed on that guess."""
    interrupted(journal, moving)
    moving.target.write_bytes(moving.source.read_bytes())
    recovered(journal)
    assert state(journal) == "failed"
    assert moving.source.exists()


def test_a_source_that_is_gone_with_a_stranger_at_the_target_is_reported(
    journal: Journal, moving: Move
) -> None:
    interrupted(journal, moving)
    moving.source.unlink()
    moving.target.write_bytes(b"somebody else's")
    recovered(journal)
    (record,) = journal.operations(1)
    assert record.state == "failed"
    assert "is another file" in record.error
    assert moving.target.read_bytes() == b"somebody else's"


def test_two_names_of_one_file_become_the_new_one(journal: Journal, moving: Move) -> None:
    interrupted(journal, moving)
    moving.target.hardlink_to(moving.source)
    recovered(journal)
    assert state(journal) == "done"
    assert not moving.source.exists()
    assert moving.target.stat().st_nlink == 1


def test_an_empty_reservation_of_ours_is_removed(journal: Journal, moving: Move) -> None:
    interrupted(journal, moving)
    moving.target.touch()
    journal.reserve(1, moving.target.stat().st_ino)
    recovered(journal)
    assert state(journal) == "done"
    assert moving.target.stat().st_size > 0


def test_an_empty_file_that_is_older_than_the_intent_stays(journal: Journal, moving: Move) -> None:
    moving.target.touch()
    os.utime(moving.target, (500.0, 500.0))
    interrupted(journal, moving)
    recovered(journal)
    assert state(journal) == "failed"
    assert moving.target.stat().st_size == 0
    assert moving.source.exists()


def test_what_lost_its_copy_just_before_a_crash_is_held(world: World, journal: Journal) -> None:
    original = world.pack / "d.wav"
    removal = RemoveCopy(
        path=world.library / "copy.wav", original=original, content_hash=content_hash(original)
    )
    batch = journal.begin(
        Plan(origin="undo", title="d", operations=(removal,), hold=world.inbox), now=1_000.0
    )
    (record,) = journal.operations(batch)
    hold = Hold(path=original, operation=record.id, stamp=Stamp(0, 0, 0, 0), content_hash="")
    journal.start([record.id], [hold], now=1_000.0)
    recovered(journal)
    assert state(journal) == "done"
    assert journal.is_held(original, Stamp.of(original.stat()), content_hash)
    assert journal.held_count([world.inbox]) == 1


def test_temps_of_ours_are_swept_and_others_kept(world: World, journal: Journal, moving: Move) -> None:
    interrupted(journal, moving)
    temp = syscalls.temp_beside(moving.target)
    temp.write_bytes(b"half a copy")
    (world.library / "song.tmp").write_bytes(b"the user's")
    recovered(journal)
    assert sorted(path.name for path in world.library.iterdir()) == ["d.wav", "song.tmp"]


def test_what_was_planned_and_changed_since_is_skipped(world: World, journal: Journal, moving: Move) -> None:
    interrupted(journal, moving, move(world.pack / "c.txt", world.library / "c.txt"))
    (world.pack / "c.txt").write_bytes(b"edited while we were down")
    recovered(journal)
    assert [one.state for one in journal.operations(1)] == ["done", "skipped"]
    assert journal.unfinished() == []
    assert recovered(journal) == ()


def test_a_stopped_batch_goes_on_at_the_next_start(world: World) -> None:
    with closing(Journal(world.journal_path)) as journal:
        asked = iter([False, False, True])
        outcome = Executor(journal, Filesystem()).run(world.plan(), stop=lambda: next(asked))
        assert outcome.stopped
    with closing(Journal(world.journal_path)) as journal:
        (told,) = recovered(journal)
        assert "0 operations under way" in told
        assert {one.state for one in journal.operations(1)} == {"done"}
    assert not world.pack.exists()
