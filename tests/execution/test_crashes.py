"""A crash before and after every call that changes the disk or the journal; nothing is lost, all is finished."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from organizer.execution.journal import Journal
from tests.execution.stage import (
    Crash,
    Script,
    ScriptedFilesystem,
    WithoutLinks,
    WithoutSafeRename,
    World,
    settled,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KINDS = [ScriptedFilesystem, WithoutSafeRename, WithoutLinks]


@pytest.fixture
def world_maker(tmp_path: Path) -> Iterator[Callable[[type[ScriptedFilesystem]], World]]:
    """Make the same world again and again, in memory where the machine has a place for that."""
    memory = Path("/dev/shm")  # syncs cost nothing there, and here they are only counted
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else tmp_path) as folder:
        root = Path(folder) / "world"

        def make(kind: type[ScriptedFilesystem]) -> World:
            shutil.rmtree(root, ignore_errors=True)
            world = World(root, root / "library", kind)
            world.fill()
            return world

        yield make


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_that_crashed_anywhere_ends_as_if_it_had_not(
    world_maker: Callable[[type[ScriptedFilesystem]], World], kind: type[ScriptedFilesystem]
) -> None:
    world = world_maker(kind)
    before = world.sounds()
    script = Script()
    outcome = world.run(world.plan(), script)
    assert [one.error for one in outcome.results if one.state != "done"] == []
    wanted, folders, steps = settled(world.files()), world.folders(), list(script.calls)
    assert len(steps) > 25

    for at, name in enumerate(steps):
        for when in ("before", "after"):
            world = world_maker(kind)
            with pytest.raises(Crash):
                world.run(world.plan(), Script(at, when, Crash()))
            where = f"{when} call {at}, {name}"
            assert set(world.sounds()) >= set(before), where
            told = world.recover()
            if not _began(world):
                continue  # the intent itself had not reached the disk: nothing has happened
            assert (settled(world.files()), world.folders()) == (wanted, folders), (where, told)
            assert world.recover() == (), where


@pytest.mark.parametrize("kind", KINDS)
def test_an_undo_that_crashed_anywhere_gives_everything_back(
    world_maker: Callable[[type[ScriptedFilesystem]], World], kind: type[ScriptedFilesystem]
) -> None:
    world = world_maker(kind)
    original, folders = world.files(), world.folders()
    script = Script()
    _file_and_undo(world, script)
    assert (world.files(), world.folders()) == (original, folders)
    steps = list(script.calls)

    for at, name in enumerate(steps):
        for when in ("before", "after"):
            world = world_maker(kind)
            times = _folder_times(world)
            with pytest.raises(Crash):
                _file_and_undo(world, Script(at, when, Crash()))
            where = f"{when} call {at}, {name}"
            world.recover()
            with closing(Journal(world.journal_path)) as journal:
                if len(journal.batches()) < 2:
                    continue
                assert journal.is_undone(1), where
                assert journal.held_count([world.inbox]) == 5, where
            assert (world.files(), world.folders()) == (original, folders), where
            assert _folder_times(world) == times, where


def test_a_crash_of_recovery_itself_is_recovered_from(
    world_maker: Callable[[type[ScriptedFilesystem]], World],
) -> None:
    world = world_maker(WithoutLinks)
    world.run(world.plan())
    wanted = settled(world.files())
    for first in range(4, 40, 3):
        at = 0
        while True:
            world = world_maker(WithoutLinks)
            with pytest.raises(Crash):
                world.run(world.plan(), Script(first, "after", Crash()))
            script = Script(at, "after", Crash())
            try:
                world.recover(script)
            except Crash:
                world.recover()
                assert settled(world.files()) == wanted, (first, at, script.calls)
                at += 7
            else:
                break


def _began(world: World) -> bool:
    with closing(Journal(world.journal_path)) as journal:
        return bool(journal.batches())


def _file_and_undo(world: World, script: Script) -> None:
    world.run(world.plan())
    with closing(Journal(world.journal_path)) as journal:
        plan = world.undoing(journal, 1)
    outcome = world.run(plan, script)
    assert [one.error for one in outcome.results if one.state != "done"] == []


def _folder_times(world: World) -> list[tuple[int, int]]:
    found = (world.pack, world.pack / "Sub")
    return [(one.stat().st_mtime_ns, one.stat().st_mode) for one in found]
