"""A stop in the middle of an operation: it is given up, nothing of it is left, and the next start does it.

Nothing is timed: blocks are made small, and the answer is yes from some question on. After that not one more
block may be read or written.
"""

from __future__ import annotations

import errno
import itertools
import os
from contextlib import closing, suppress
from typing import TYPE_CHECKING

import pytest

from organizer.execution import archives, looking
from organizer.execution.executor import Executor
from organizer.execution.filesystem import Filesystem
from organizer.execution.journal import Journal
from organizer.execution.recovery import recover
from organizer.execution.syscalls import is_temp
from organizer.planning.operations import Operation, Plan, RestoreBytes
from organizer.recognition import identity
from organizer.stopping import Stopped, until
from tests.asked import YesFrom
from tests.execution.stage import Crash, Script, ScriptedFilesystem, World, move, settled

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BLOCK = 512
# What takes time where there is much of it.
LONG = {"_read_block", "_read", "_write", "_create", "_keep_attributes", "_sync_file", "_sync_disk"}
POINTS = 12  # questions at which runs are stopped, unless every one of them is asked for


class Stop:
    """Says yes from a question on, and remembers which calls the disk had got by then."""

    def __init__(self, at: int, calls: list[str]) -> None:
        self.asked = 0
        self._at = at
        self._calls = calls
        self._before = 0

    def __call__(self) -> bool:
        if self.asked <= self._at:
            self._before = len(self._calls)
        self.asked += 1
        return self.asked > self._at

    def long_calls_after(self) -> list[str]:
        """Name what was begun after the first yes and may take its time."""
        return [name for name in self._calls[self._before :] if name in LONG]


class OtherDisks(ScriptedFilesystem):
    """Every folder lies on another disk."""

    def _rename_noreplace(self, source: Path, target: Path) -> None:
        if source.parent != target.parent:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), str(source), None, str(target))
        super()._rename_noreplace(source, target)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "BLOCK", BLOCK)
    monkeypatch.setattr(archives, "_BLOCK", BLOCK)
    monkeypatch.setattr(identity, "_READ_BYTES", BLOCK)


def run(world: World, plan: Plan, at: int = 1_000_000) -> Stop:
    script = Script(looks=True)
    stop = Stop(at, script.calls)
    with closing(Journal(world.journal_path)) as journal:
        Executor(journal, world.kind(script)).run(plan, stop=stop)
    return stop


def undo_of(world: World) -> Plan:
    with closing(Journal(world.journal_path)) as journal:
        return world.undoing(journal, 1)


def nothing_is_half_done(world: World) -> bool:
    temps = [path for root in (world.inbox, world.library) for path in root.rglob("*") if is_temp(path.name)]
    unpacked = [path for path in world.library.rglob("*") if archives.is_unpacked(path)]
    with closing(Journal(world.journal_path)) as journal:
        states = {one.state for batch in journal.batches() for one in journal.operations(batch.id)}
    return not temps and not unpacked and "open" not in states


def points(total: int, *, every: bool) -> range:
    return range(0, total, 1 if every else max(1, total // POINTS))


def test_a_batch_that_was_stopped_anywhere_is_whole_and_ends_as_if_it_had_not_been(
    make_world: Callable[[], World], every_fault: bool
) -> None:
    world = make_world()
    before = set(world.sounds())
    total = run(world, world.plan()).asked
    wanted, folders = settled(world.files()), world.folders()
    assert total > 100
    for at in points(total, every=every_fault):
        world = make_world()
        stop = run(world, world.plan(), at)
        assert stop.long_calls_after() == [], at
        assert nothing_is_half_done(world), at
        assert set(world.sounds()) == before, at
        world.recover()
        assert (settled(world.files()), world.folders()) == (wanted, folders), at


def test_an_undo_that_was_stopped_anywhere_is_whole_and_ends_as_if_it_had_not_been(
    make_world: Callable[[], World], every_fault: bool
) -> None:
    world = make_world()
    original, folders = world.files(), world.folders()
    run(world, world.plan())
    total = run(world, undo_of(world)).asked
    assert (world.files(), world.folders()) == (original, folders)
    for at in points(total, every=every_fault):
        world = make_world()
        run(world, world.plan())
        stop = run(world, undo_of(world), at)
        assert stop.long_calls_after() == [], at
        assert nothing_is_half_done(world), at
        world.recover()
        assert (world.files(), world.folders()) == (original, folders), at


def test_a_recovery_that_was_stopped_anywhere_leaves_the_rest_to_the_next(
    make_world: Callable[[], World], every_fault: bool
) -> None:
    world, script = make_world(), Script()
    world.run(world.plan(), script)
    wanted = settled(world.files())
    steps = len(script.calls)

    def crashed(after: int, at: int) -> Stop:
        nonlocal world
        world = make_world()
        with pytest.raises(Crash):
            world.run(world.plan(), Script(after, "after", Crash()))
        script = Script(looks=True)
        stop = Stop(at, script.calls)
        with closing(Journal(world.journal_path)) as journal, suppress(Stopped):
            files = world.kind(script)
            recover(journal, files, Executor(journal, files), stop=stop)
        return stop

    for after in (steps // 3, steps // 2, steps - 5):
        for at in points(crashed(after, 1_000_000).asked, every=every_fault):
            assert crashed(after, at).long_calls_after() == [], (after, at)
            world.recover()
            assert settled(world.files()) == wanted, (after, at)


@pytest.fixture
def abroad(world: World) -> World:
    """Give a world with a large file, whose library lies on another disk."""
    world.kind = OtherDisks
    (world.pack / "long.wav").write_bytes(os.urandom(40 * BLOCK))
    return world


def states(world: World) -> list[str]:
    with closing(Journal(world.journal_path)) as journal:
        return [one.state for one in journal.operations(1)]


@pytest.mark.parametrize(("at", "doing"), [(20, "it is copied"), (60, "the copy is read again")])
def test_a_copy_to_another_disk_is_given_up_between_two_blocks(abroad: World, at: int, doing: str) -> None:
    source, target = abroad.pack / "long.wav", abroad.library / "long.wav"
    content, found = source.read_bytes(), source.lstat()
    stop = run(abroad, Plan(origin="pack", title="Pack", operations=(move(source, target),)), at)
    assert stop.long_calls_after() == [], doing
    assert stop.asked == at + 1, doing  # and it is not asked again
    assert (source.read_bytes(), source.lstat().st_mtime_ns) == (content, found.st_mtime_ns)
    assert list(abroad.library.iterdir()) == []
    assert states(abroad) == ["planned"]
    abroad.recover()
    assert (target.read_bytes(), source.exists()) == (content, False)
    assert states(abroad) == ["done"]


def test_copies_that_were_not_yet_given_their_names_are_given_up_as_well(abroad: World) -> None:
    names = ("c.txt", "d.wav", "long.wav")
    moves: list[Operation] = [move(abroad.pack / name, abroad.library / name) for name in names]
    last = run(abroad, Plan(origin="pack", title="Pack", operations=tuple(moves)), 60)
    assert last.long_calls_after() == []
    assert states(abroad) == ["planned"] * 3
    assert list(abroad.library.iterdir()) == []
    assert all((abroad.pack / name).exists() for name in names)
    abroad.recover()
    assert sorted(path.name for path in abroad.library.iterdir()) == sorted(names)


def test_a_stop_after_the_last_block_comes_too_late_for_that_file(abroad: World) -> None:
    source, target = abroad.pack / "long.wav", abroad.library / "long.wav"
    plan = Plan(origin="pack", title="Pack", operations=(move(source, target),))
    total = run(abroad, plan).asked
    assert (source.exists(), target.exists()) == (False, True)
    # Between the copy's taking its place and the source's going nobody asks.
    assert states(abroad) == ["done"]
    assert total == 1 + 2 * 39


def test_much_is_brought_to_the_disk_a_part_at_a_time(abroad: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("organizer.execution.filesystem.SYNCED_AT_ONCE", 10 * BLOCK)
    script = Script()
    source = abroad.pack / "long.wav"
    plan = Plan(origin="pack", title="Pack", operations=(move(source, abroad.library / "long.wav"),))
    abroad.run(plan, script)
    assert script.calls.count("_sync_file") == 40 // 10 + 1
    written = [name for name in script.calls if name in ("_write", "_sync_file")]
    assert max(len(list(run)) for name, run in itertools.groupby(written) if name == "_write") <= 10


def test_copies_take_their_places_before_they_are_too_many_to_sync(
    abroad: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("organizer.execution.executor.SYNCED_AT_ONCE", 3 * BLOCK)
    names = [f"{number}.bin" for number in range(9)]
    for name in names:
        (abroad.pack / name).write_bytes(os.urandom(BLOCK))
    moves = tuple(move(abroad.pack / name, abroad.library / name) for name in names)
    script = Script()
    abroad.run(Plan(origin="pack", title="Pack", operations=moves), script)
    assert script.calls.count("_sync_file") == len(names)
    assert script.calls.count("commit") > 3  # what each three of them are is written down


@pytest.mark.parametrize("at", range(1, 25, 4))
def test_a_rewrite_of_tags_is_given_up_and_its_file_is_as_it_was(world: World, at: int) -> None:
    sound = world.pack / "a.wav"
    plan = Plan(origin="pack", title="Pack", operations=(world.tags(sound, sound, {"genre": "Kick"}),))
    before = world.files()
    assert run(world, plan, at).long_calls_after() == []
    assert nothing_is_half_done(world)
    assert (world.files(), states(world)) == (before, ["planned"])
    world.recover()
    tagged = world.files()
    assert (tagged != before, states(world)) == (True, ["done"])
    undo = undo_of(world)
    assert isinstance(undo.operations[0], RestoreBytes)
    assert run(world, undo, at).long_calls_after() == []
    assert nothing_is_half_done(world)
    assert world.files() == tagged
    world.recover()
    assert world.files() == before


def test_what_is_read_besides_asks_as_well(tmp_path: Path) -> None:
    path = tmp_path / "long"
    path.write_bytes(os.urandom(10 * BLOCK))
    files = Filesystem()
    with pytest.raises(Stopped), files.asking(lambda: True):
        files.content_hash(path)
    with files.asking(lambda: True):
        path.write_bytes(b"short")
        assert files.content_hash(path) == identity.content_hash(path)
    path.write_bytes(os.urandom(10 * BLOCK))
    assert files.content_hash(path) == identity.content_hash(path)


def test_pieces_are_asked_for_between_but_not_before_the_first() -> None:
    answers = iter([False, True])
    taken = []
    with pytest.raises(Stopped):
        for piece in until(lambda: next(answers), range(100), every=10):
            taken.append(piece)
    assert taken == list(range(20))


def test_a_huge_batch_that_is_stopped_while_the_journal_is_read_is_left_for_recovery(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("organizer.execution.reader.ROWS_AT_ONCE", 5)
    before = world.files()
    with closing(Journal(world.journal_path)) as journal, pytest.raises(Stopped):
        Executor(journal, Filesystem()).run(world.plan(), stop=YesFrom(2))
    assert (world.files(), set(states(world))) == (before, {"planned"})
    world.recover()
    assert set(states(world)) == {"done"}
