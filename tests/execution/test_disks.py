"""The executor on real disks: what each of them can and cannot do changes nothing of what is promised."""

from __future__ import annotations

import os
import unicodedata
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from organizer.execution.journal import Journal
from organizer.planning.operations import Plan
from tests.execution.disks import KINDS, Disk, DiskWorld, new_world, plugged, quick_place
from tests.execution.stage import Crash, Script, move, settled

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from organizer.execution.outcome import Outcome

INBOXES = pytest.mark.parametrize("inbox_too", [False, True], ids=["inbox elsewhere", "inbox on it"])
POINTS = 8  # how many of the calls of a run are crashed after


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    with quick_place(tmp_path) as folder:
        yield folder


@pytest.fixture(params=KINDS, ids=str)
def disk(request: pytest.FixtureRequest, place: Path) -> Iterator[Disk]:
    with plugged(request.param, place / "disk") as made:
        yield made


@pytest.fixture(params=[one for one in KINDS if one.lasts], ids=str)
def lasting(request: pytest.FixtureRequest, place: Path) -> Iterator[Disk]:
    """A disk that can be taken out and put in again."""
    with plugged(request.param, place / "disk") as made:
        yield made


def undo(world: DiskWorld, batch: int, script: Script | None = None) -> Outcome:
    with closing(Journal(world.journal_path)) as journal:
        plan = world.undoing(journal, batch)
    return world.run(plan, script)


def undone(outcome: Outcome) -> list[str]:
    return [one.error for one in outcome.results if one.state != "done"]


@INBOXES
def test_all_is_filed_undone_and_done_again(disk: Disk, place: Path, *, inbox_too: bool) -> None:
    world = new_world(disk, place / "elsewhere", inbox_too=inbox_too)
    keeps = world.disk.attributes
    if keeps:
        os.setxattr(world.pack / "d.wav", "user.mine", b"kept")
    before, folders, times = world.files(), world.folders(), world.folder_times()
    assert undone(world.run(world.plan())) == []
    filed = world.files()
    moved = {"library/Kicks/d.wav": "inbox/Pack/d.wav", "library/Kicks/c.txt": "inbox/Pack/c.txt"}
    assert {new: filed[new] for new in moved} == {new: before[old] for new, old in moved.items()}
    assert not keeps or os.getxattr(world.library / "Kicks" / "d.wav", "user.mine") == b"kept"
    assert undone(undo(world, 1)) == []
    assert (world.files(), world.folders(), world.folder_times()) == (before, folders, times)
    assert not keeps or os.getxattr(world.pack / "d.wav", "user.mine") == b"kept"
    assert undone(undo(world, 2)) == []
    assert settled(world.files()) == settled(filed)


@INBOXES
def test_a_batch_that_crashed_ends_when_the_disk_is_back(
    lasting: Disk, place: Path, *, inbox_too: bool
) -> None:
    def make_world() -> DiskWorld:
        return new_world(lasting, place / "elsewhere", inbox_too=inbox_too)

    world, script = make_world(), Script()
    world.run(world.plan(), script)
    before, wanted = set(world.sounds()), (settled(world.files()), world.folders())
    for at in range(0, len(script.calls), max(1, len(script.calls) // POINTS)):
        world = make_world()
        with pytest.raises(Crash):
            world.run(world.plan(), Script(at, "after", Crash()))
        lasting.plug_again()
        where = f"after call {at}, {script.calls[at]}"
        assert set(world.sounds()) >= before, where
        told = world.recover()
        assert (settled(world.files()), world.folders()) == wanted, (where, told)
        assert world.recover() == (), where


@INBOXES
def test_an_undo_that_crashed_ends_when_the_disk_is_back(
    lasting: Disk, place: Path, *, inbox_too: bool
) -> None:
    def make_world() -> DiskWorld:
        return new_world(lasting, place / "elsewhere", inbox_too=inbox_too)

    world, script = make_world(), Script()
    wanted = world.files(), world.folders(), world.folder_times()
    world.run(world.plan())
    undo(world, 1, script)
    for at in range(1, len(script.calls), max(1, len(script.calls) // POINTS)):
        world = make_world()
        world.run(world.plan())
        with pytest.raises(Crash):
            undo(world, 1, Script(at, "after", Crash()))
        lasting.plug_again()
        told = world.recover()
        where = f"after call {at}, {script.calls[at]}", told
        assert (world.files(), world.folders(), world.folder_times()) == wanted, where


NFC, NFD = (unicodedata.normalize(form, "Größe.wav") for form in ("NFC", "NFD"))


def respelled(disk: Disk, elsewhere: Path, old: str, new: str) -> tuple[DiskWorld, Path, Plan]:
    """Give a world, a folder with one file, and a plan that spells its name anew."""
    world = new_world(disk, elsewhere, inbox_too=False)
    folder = world.library / "Kicks"
    folder.mkdir()
    (folder / old).write_bytes(b"a sound")
    return world, folder, Plan(origin="sort", title=new, operations=(move(folder / old, folder / new),))


def names(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir())


@pytest.mark.parametrize(("old", "new"), [("kick.wav", "Kick.wav"), (NFC, NFD), (NFD, NFC)])
def test_a_new_spelling_is_undone_and_done_again(disk: Disk, place: Path, old: str, new: str) -> None:
    world, folder, plan = respelled(disk, place / "elsewhere", old, new)
    assert undone(world.run(plan)) == []
    assert names(folder) == [new]
    for batch, name in ((1, old), (2, new), (3, old)):
        assert undone(undo(world, batch)) == []
        assert names(folder) == [name]
    assert (folder / old).read_bytes() == b"a sound"


@pytest.mark.parametrize(("old", "new"), [("kick.wav", "Kick.wav"), (NFC, NFD)])
def test_a_new_spelling_that_crashed_is_finished(lasting: Disk, place: Path, old: str, new: str) -> None:
    world, folder, plan = respelled(lasting, place / "elsewhere", old, new)
    script = Script()
    world.run(plan, script)
    for at, name in enumerate(script.calls):
        world, folder, plan = respelled(lasting, place / "elsewhere", old, new)
        with pytest.raises(Crash):
            world.run(plan, Script(at, "after", Crash()))
        lasting.plug_again()
        told = world.recover()
        assert names(folder) == [new], (at, name, told)
        assert undone(undo(world, 1)) == [], (at, name, told)
        assert names(folder) == [old]


@pytest.mark.parametrize(("first", "second"), [("Kick.wav", "kick.wav"), (NFC, NFD)])
def test_what_the_disk_takes_for_one_name_is_not_overwritten(
    disk: Disk, place: Path, first: str, second: str
) -> None:
    world = new_world(disk, place / "elsewhere", inbox_too=False)
    one, two = world.inbox / "One" / first, world.inbox / "Two" / second
    for path, content in ((one, b"one"), (two, b"another")):
        path.parent.mkdir()
        path.write_bytes(content)
    moves = (move(one, world.library / first), move(two, world.library / second))
    outcome = world.run(Plan(origin="sort", title="Two packs", operations=moves))
    if disk.kind.is_one(case=first == "Kick.wav"):
        assert [one.state for one in outcome.results] == ["done", "failed"]
        assert outcome.results[1].error == f"There is already something at {world.library / second}"
        assert two.read_bytes() == b"another"
    else:
        assert undone(outcome) == []
        assert (world.library / second).read_bytes() == b"another"
    assert (world.library / first).read_bytes() == b"one"
    undo(world, 1)
    assert (one.read_bytes(), two.read_bytes()) == (b"one", b"another")
