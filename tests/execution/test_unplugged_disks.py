"""Disks that are full, may only be read, are taken out in the middle, or lose power."""

from __future__ import annotations

import os
import shutil
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from organizer.errors import FileProblem
from organizer.execution.executor import Executor
from organizer.execution.filesystem import Filesystem
from organizer.execution.journal import Journal
from organizer.execution.mounts import Mounts
from organizer.execution.recovery import recover
from organizer.execution.syscalls import is_temp
from organizer.planning.operations import MakeFolder, Plan
from tests.execution.disks import (
    BOUND,
    EXFAT,
    EXT4,
    TMPFS,
    Disk,
    DiskWorld,
    Kind,
    new_world,
    plugged,
    quick_place,
)
from tests.execution.stage import Crash, Script, ScriptedFilesystem, move, settled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from organizer.execution.outcome import Outcome, Result
    from organizer.sample import Stamp

POINTS = 12  # how many of the calls of a run lose power
NAMES = ("c.txt", "big.wav", "d.wav")
FILED = {f"library/Kicks/{name}" for name in NAMES}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    with quick_place(tmp_path) as folder:
        yield folder


def world_on(disk: Disk, place: Path) -> DiskWorld:
    world = new_world(disk, place / "elsewhere", inbox_too=False)
    (world.pack / "big.wav").write_bytes(os.urandom(900_000))
    return world


def plan_of(world: DiskWorld) -> Plan:
    kicks = world.library / "Kicks"
    moves = [move(world.pack / name, kicks / name) for name in NAMES if (world.pack / name).exists()]
    return Plan(
        origin="pack",
        title="Pack",
        operations=(*([] if kicks.is_dir() else [MakeFolder(path=kicks)]), *moves),
    )


def undo(world: DiskWorld, batch: int) -> Outcome:
    with closing(Journal(world.journal_path)) as journal:
        return world.run(world.undoing(journal, batch))


def sounds_of(world: DiskWorld) -> dict[str, tuple[str, int, int]]:
    """Leave out what was half written when a disk went: it is ours, and nobody's sound."""
    return {name: one for name, one in world.files().items() if not is_temp(Path(name).name)}


def troubled(outcome: Outcome) -> list[Result]:
    return [one for one in outcome.results if one.state != "done"]


def test_on_a_full_disk_each_file_fails_alone_and_is_filed_when_there_is_space(place: Path) -> None:
    with plugged(TMPFS, place / "disk") as disk:
        world = world_on(disk, place)
        disk.remount("size=512k")
        before, kicks = world.files(), world.library / "Kicks"
        outcome = world.run(plan_of(world))
        assert [one.state for one in outcome.results] == ["done", "done", "failed", "done"]
        (failed,) = troubled(outcome)
        assert failed.error == f"The disk that holds {kicks} is full"
        assert failed.hint.startswith("Free some space")
        assert not failed.lasting
        assert sorted(path.name for path in kicks.iterdir()) == ["c.txt", "d.wav"]
        disk.remount("size=4m")
        assert troubled(world.run(plan_of(world))) == []
        for batch in (2, 1):
            undo(world, batch)
        assert world.files() == before


@pytest.mark.parametrize("kind", [TMPFS, EXT4], ids=str)
def test_a_disk_that_can_only_be_read_is_said_to_be_so(kind: Kind, place: Path) -> None:
    with plugged(kind, place / "disk") as disk:
        world = world_on(disk, place)
        (world.library / "Kicks").mkdir()
        before = world.files()
        disk.remount("ro")
        outcome = world.run(plan_of(world))
        assert {one.state for one in outcome.results} == {"failed"}
        assert all("can only be read" in one.error for one in outcome.results)
        assert world.files() == before
        disk.remount("rw")
        assert troubled(world.run(plan_of(world))) == []


@pytest.fixture(
    params=[(EXT4, Disk.unplug), (EXFAT, Disk.unplug), (EXT4, Disk.cut)],
    ids=["ext4 taken out", "exFAT taken out", "ext4 that answers no more"],
)
def failing(request: pytest.FixtureRequest, place: Path) -> Iterator[tuple[Disk, Callable[[Disk], None]]]:
    """A disk, and how it fails."""
    kind, fail = request.param
    with plugged(kind, place / "disk") as disk:
        yield disk, fail


def test_a_disk_that_fails_loses_nothing_and_is_filed_to_when_it_is_back(
    failing: tuple[Disk, Callable[[Disk], None]], place: Path
) -> None:
    disk, fail = failing
    script = Script(looks=True)
    world = world_on(disk, place)
    world.run(plan_of(world), script)
    for at in range(1, len(script.calls), 4):
        world = world_on(disk, place)
        disk.sync()
        sounds_before, where = sounds_of(world), f"before call {at}, {script.calls[at]}"
        try:
            outcome = world.run(plan_of(world), Script(at, meanwhile=lambda: fail(disk), looks=True))
        except FileProblem as problem:
            told = [(problem.message, problem.hint, problem.lasting)]
        else:
            told = [(one.error, one.hint, one.lasting) for one in troubled(outcome)]
        disk.unplug()
        assert list(disk.folder.iterdir()) == [], where
        disk.plug()
        for error, hint, lasting in told:
            assert error and hint and not lasting and ".organizer-" not in error, (where, error)
        world.recover()
        assert troubled(world.run(plan_of(world))) == [], where
        assert {name for name in sounds_of(world) if name.startswith("library")} == FILED, where
        for batch in (2, 1):
            undo(world, batch)
        assert sounds_of(world) == sounds_before, where


def filed_on(world: DiskWorld, plan: Plan, script: Script) -> Outcome:
    """Execute a plan where the journal knows the library as one."""
    with closing(Journal(world.journal_path, folders=[world.inbox, world.library])) as journal:
        return Executor(journal, ScriptedFilesystem(script)).run(plan)


def test_nothing_is_filed_beneath_a_disk_that_was_taken_out_before(place: Path) -> None:
    with plugged(EXT4, place / "disk") as disk:
        world = world_on(disk, place)
        world.library = disk.folder
        filed_on(world, plan_of(world), Script())
        (world.pack / "c.txt").write_bytes(b"late")
        plan = plan_of(world)
        disk.unplug()
        outcome = filed_on(world, plan, Script())
        beneath = list(disk.folder.iterdir())
        shutil.rmtree(disk.folder / "Kicks", ignore_errors=True)
        assert beneath == []
        assert [one.error for one in outcome.results] == [f"The disk that holds {disk.folder} is not there"]
        assert not outcome.results[0].lasting
        disk.plug()
        assert {one.state for one in filed_on(world, plan_of(world), Script()).results} == {"failed"}
        assert (world.pack / "c.txt").read_bytes() == b"late"  # the name was taken by the first


@pytest.mark.parametrize("at", range(0, 40, 3))
def test_nothing_is_filed_beneath_a_disk_that_is_taken_out_meanwhile(place: Path, at: int) -> None:
    with plugged(EXT4, place / "disk") as disk:
        world = world_on(disk, place)
        world.library = disk.folder
        before = {name: one for name, one in world.files().items() if name.startswith("inbox")}
        with suppress(FileProblem, OSError):  # a disk that cannot be synced leaves the batch to recovery
            filed_on(world, plan_of(world), Script(at, meanwhile=disk.unplug, looks=True))
        # What the machine was doing at that very moment may still come to lie there, and nothing else.
        assert disk.is_there or len(list(disk.folder.rglob("*"))) <= 1
        if not disk.is_there:
            assert list(disk.folder.rglob("*.wav")) == []
            shutil.rmtree(disk.folder / "Kicks", ignore_errors=True)
            disk.plug()
        with closing(Journal(world.journal_path, folders=[world.inbox, world.library])) as journal:
            recover(journal, files := ScriptedFilesystem(Script()), Executor(journal, files))
        hashes = {one[0] for one in sounds_of(world).values()}
        assert hashes >= {one[0] for one in before.values()}


@pytest.mark.parametrize("inbox_too", [False, True], ids=["inbox elsewhere", "inbox on it"])
@pytest.mark.parametrize("undoing", [False, True], ids=["filing", "undoing"])
def test_where_power_is_lost_all_is_finished_when_it_is_back(
    place: Path, *, inbox_too: bool, undoing: bool
) -> None:
    """What was not synced is gone from the disk then, other than after a crash of the program alone."""

    def begin() -> tuple[DiskWorld, Plan]:
        world = new_world(disk, place / "elsewhere", inbox_too=inbox_too)
        plan = world.plan()
        if undoing:
            world.run(plan)
            with closing(Journal(world.journal_path)) as journal:
                plan = world.undoing(journal, 1)
        disk.sync()
        return world, plan

    with plugged(EXT4, place / "disk") as disk:
        world, plan = begin()
        script = Script()
        world.run(plan, script)
        wanted = settled(world.files()), world.folders()
        for at in range(1, len(script.calls), max(1, len(script.calls) // POINTS)):
            world, plan = begin()
            with pytest.raises(Crash):
                world.run(plan, Script(at, failure=Crash(), meanwhile=disk.cut))
            disk.plug_again()
            told = world.recover()
            where = f"before call {at}, {script.calls[at]}", told
            assert (settled(world.files()), world.folders()) == wanted, where


def test_what_was_told_as_done_is_there_after_a_loss_of_power(place: Path) -> None:
    with plugged(EXT4, place / "disk") as disk:
        world = new_world(disk, place / "elsewhere", inbox_too=False)
        assert troubled(world.run(world.plan())) == []
        wanted = world.files()
        disk.cut()
        disk.plug_again()
        assert world.files() == wanted


@pytest.mark.parametrize("kind", [EXT4, EXFAT], ids=str)
def test_a_drive_that_is_mounted_elsewhere_is_known_by_its_uuid(place: Path, kind: Kind) -> None:
    (by_uuid := place / "by-uuid").mkdir()  # as udev keeps it

    def look() -> Mounts:
        return Mounts.now(volumes=by_uuid)

    with plugged(kind, place / "disk") as disk:
        (by_uuid / disk.volume).symlink_to(disk.device)
        world = world_on(disk, place)
        before = sounds_of(world)
        with closing(Journal(world.journal_path, folders=[world.library], look_at_mounts=look)) as journal:
            Executor(journal, ScriptedFilesystem(Script())).run(plan_of(world))
        disk.plug_at(place / "elsewhere disk")
        world.library = disk.library / "Sounds"
        with closing(Journal(world.journal_path, look_at_mounts=look)) as journal:
            (found,) = [one for one in journal.places if one.spot is not None]
            assert (found.root, found.told) == (world.library, place / "disk" / "Library" / "Sounds")
            outcome = Executor(journal, ScriptedFilesystem(Script())).run(world.undoing(journal, 1))
        assert outcome.count("done") == len(NAMES)
        assert sounds_of(world) == before


class Unplugging(Filesystem):
    """Takes a disk out just before the source of a copy that was moved from it is removed."""

    def __init__(self, disk: Disk) -> None:
        super().__init__()
        self._disk = disk

    def remove_file_if(self, path: Path, expected: Stamp) -> None:
        if self._disk.is_there:
            self._disk.unplug()
        super().remove_file_if(path, expected)


@pytest.mark.parametrize("kind", [EXT4, BOUND], ids=str)
@pytest.mark.parametrize("name", ["Pack/Kick.wav", "Kick.wav"])
def test_a_source_whose_disk_goes_before_it_is_removed_is_not_there_twice(
    place: Path, kind: Kind, name: str
) -> None:
    library = place / "Library"
    library.mkdir()
    with plugged(kind, place / "disk") as disk:
        source = disk.folder / name
        source.parent.mkdir(exist_ok=True)
        source.write_bytes(b"sound" * 1000)
        operation = move(source, library / "Kick.wav")
        folders = [disk.folder, library]
        with closing(Journal(place / "journal.sqlite", folders=folders)) as journal:
            with suppress(FileProblem):
                Executor(journal, Unplugging(disk)).run(
                    Plan(origin="pack", title="Pack", operations=(operation,))
                )
            assert not disk.is_there
            disk.plug()
            assert (source.exists(), operation.target.exists()) == (True, True)
            files = Filesystem()
            recover(journal, files, Executor(journal, files))
            assert (source.exists(), operation.target.exists()) == (False, True)
            assert [one.state for one in journal.operations(1)] == ["done"]
