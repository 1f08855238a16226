"""A crash after every call that changes the disk or the journal; nothing is lost, all is finished.

A crash before a call leaves what a crash after the one before it leaves, so that one of them is enough.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from organizer.execution.journal import Journal
from tests.execution.stage import Crash, Script, World, settled

if TYPE_CHECKING:
    from collections.abc import Callable


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


def test_a_crash_of_recovery_itself_is_recovered_from(make_world: Callable[[], World]) -> None:
    world = make_world()
    script = Script()
    world.run(world.plan(), script)
    wanted, last = settled(world.files()), len(script.calls) - 1
    for first in (2, last // 3, last // 2, last - 4):
        at, ended = 0, False
        while not ended:
            world = make_world()
            with pytest.raises(Crash):
                world.run(world.plan(), Script(first, "after", Crash()))
            script = Script(at, "after", Crash())
            try:
                world.recover(script)
                ended = True
            except Crash:
                world.recover()
            assert settled(world.files()) == wanted, (first, at, script.calls)
            at += 3


def _file_and_undo(world: World, script: Script) -> None:
    world.run(world.plan())
    with closing(Journal(world.journal_path)) as journal:
        plan = world.undoing(journal, 1)
    outcome = world.run(plan, script)
    assert [one.error for one in outcome.results if one.state != "done"] == []


def _folder_times(world: World) -> list[tuple[int, int]]:
    found = (world.pack, world.pack / "Sub")
    return [(one.stat().st_mtime_ns, one.stat().st_mode) for one in found]
