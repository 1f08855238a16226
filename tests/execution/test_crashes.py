"""A crash after every call that changes the disk or the journal; nothing is lost, all is finished.

A crash before a call leaves what a crash after the one before it leaves, so that one of them is enough.
"""

from __future__ import annotations

import logging
import shutil
from contextlib import closing, suppress
from typing import TYPE_CHECKING

import pytest

from organizer.execution.journal import Journal
from organizer.planning.operations import Discard, Plan
from organizer.recognition.identity import content_hash, sound_id
from tests.execution.stage import Crash, Script, World, settled

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger(__name__)


def test_a_batch_that_crashed_anywhere_ends_as_if_it_had_not(make_world: Callable[[], World]) -> None:
    world = make_world()
    before = set(world.sounds())
    script = Script()
    outcome = world.run(world.plan(), script)
    assert [one.error for one in outcome.results if one.state != "done"] == []
    wanted, folders, steps = settled(world.files()), world.folders(), list(script.calls)
    assert len(steps) > 40

    for at, name in enumerate(steps):
        world = make_world()
        with pytest.raises(Crash):
            world.run(world.plan(), Script(at, "after", Crash()))
        where = f"after call {at}, {name}"
        assert set(world.sounds()) >= before, where
        told = world.recover()
        assert (settled(world.files()), world.folders()) == (wanted, folders), (where, told)
        assert world.recover() == (), where


def test_an_undo_that_crashed_anywhere_gives_everything_back(make_world: Callable[[], World]) -> None:
    world = make_world()
    original, folders = world.files(), world.folders()
    script = Script()
    _file_and_undo(world, script)
    assert (world.files(), world.folders()) == (original, folders)
    steps = list(script.calls)
    assert len(steps) > 40

    for at, name in enumerate(steps):
        world = make_world()
        times = _folder_times(world)
        with pytest.raises(Crash):
            _file_and_undo(world, Script(at, "after", Crash()))
        where = f"after call {at}, {name}"
        told = world.recover()
        assert (world.files(), world.folders()) == (original, folders), (where, told)
        assert _folder_times(world) == times, where
        with closing(Journal(world.journal_path)) as journal:
            assert journal.is_undone(1), where
            assert journal.held_count([world.inbox]) == len(original), where


@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("undoing", [False, True], ids=["filing", "undo"])
def test_a_crash_of_recovery_itself_is_recovered_from(
    make_world: Callable[[], World], every_fault: bool, undoing: bool
) -> None:
    """Every call of recovery after a crash at every call takes minutes (`--every-fault`); else some."""

    def begin(world: World, script: Script) -> None:
        if undoing:
            _file_and_undo(world, script)
        else:
            world.run(world.plan(), script)

    world, script, points = make_world(), Script(), 0
    begin(world, script)
    wanted = settled(world.files())
    last = len(script.calls)
    for first in range(last) if every_fault else (2, last // 3, last // 2, last - 5):
        at, ended = 0, False
        while not ended:
            world = make_world()
            with pytest.raises(Crash):
                begin(world, Script(first, "after", Crash()))
            script = Script(at, "after", Crash())
            try:
                world.recover(script)
                ended = True
            except Crash:
                world.recover()
            assert settled(world.files()) == wanted, (first, at, script.calls)
            at += 1 if every_fault else 3
            points += 1
    logger.info("%d points", points)


def test_a_crash_while_the_trash_is_emptied_ends_with_it_empty_and_its_twins_there(
    make_world: Callable[[], World],
) -> None:
    for at, when in [(at, when) for at in range(6) for when in ("before", "after")]:
        world = make_world()
        twin = world.library / "twin.wav"
        shutil.copy2(world.pack / "a.wav", twin)
        trash = world.library / "trashed.wav"
        shutil.copy2(twin, trash)
        discard = Discard(path=trash, content_hash=content_hash(trash), sound_id=sound_id(trash), twin=twin)
        plan = Plan(origin="trash", title="trash", operations=(discard,))
        with suppress(Crash):
            world.run(plan, Script(at, when, Crash()))
        world.recover()
        with closing(Journal(world.journal_path)) as journal:
            states = [one.state for batch in journal.batches() for one in journal.operations(batch.id)]
        assert states == [] if trash.exists() else states == ["done"], (at, when)
        assert twin.exists()


def _file_and_undo(world: World, script: Script) -> None:
    world.run(world.plan())
    with closing(Journal(world.journal_path)) as journal:
        plan = world.undoing(journal, 1)
    outcome = world.run(plan, script)
    assert [one.error for one in outcome.results if one.state != "done"] == []


def _folder_times(world: World) -> list[tuple[int, int]]:
    found = (world.pack, world.pack / "Sub")
    return [(one.stat().st_mtime_ns, one.stat().st_mode) for one in found]
