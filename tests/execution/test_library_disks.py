"""The whole product with its library, or its inbox, on a real disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.execution.disks import EXFAT, EXT4, Disk, Kind, plugged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.desk import Desk

    Tree = dict[str, tuple[str, int, int]]
    TreeOf = Callable[[Path], Tree]
    Make = Callable[..., Path]


@pytest.fixture(params=[EXT4, EXFAT], ids=str)
def kind(request: pytest.FixtureRequest) -> Kind:
    wanted: Kind = request.param
    return wanted


@pytest.fixture
def library(desk: Desk, kind: Kind) -> Iterator[Disk]:
    with plugged(kind, desk.library) as disk:
        disk.clear()
        yield disk


@pytest.fixture
def inbox(desk: Desk, kind: Kind) -> Iterator[Disk]:
    with plugged(kind, desk.inbox) as disk:
        disk.clear()
        yield disk


def as_told_by(kind: Kind, tree: Tree) -> Tree:
    """Leave out what a disk cannot keep of modes and times."""
    return {
        name: (digest, mode if kind.modes else 0, mtime_ns - mtime_ns % kind.step_ns)
        for name, (digest, mode, mtime_ns) in tree.items()
    }


def test_a_pack_is_filed_and_undone(
    desk: Desk, library: Disk, make_pack: Make, tree_of: TreeOf, kind: Kind
) -> None:
    make_pack(desk.inbox / "Kit")
    before = tree_of(desk.inbox)
    (report,) = desk.file()
    assert report.filed == len([one for one in before.values() if one[0] != "folder"])
    assert desk.held() == 0
    assert len(desk.filed()) >= report.filed
    library.plug_again()
    desk.open_again()
    desk.undo()
    assert as_told_by(kind, tree_of(desk.inbox)) == as_told_by(kind, before)
    assert desk.filed() == []


def test_two_spellings_of_one_name_lie_side_by_side(
    desk: Desk, library: Disk, make_pack: Make, tree_of: TreeOf, kind: Kind
) -> None:
    make_pack(desk.inbox / "Kit", {"Kicks/VEH1 Bassdrum 001.wav": "Kick.wav"})
    make_pack(desk.inbox / "kit", {"Kicks/VEH1 Bassdrum 002.wav": "kick.wav"})
    before = tree_of(desk.inbox)
    assert [report.filed for report in desk.file()] == [1, 1]
    assert desk.filed() == [f"Drums/Kicks/Kit/{name}" for name in ("Kick.wav", "kick (2).wav")]
    library.plug_again()
    desk.undo()
    desk.undo()
    assert as_told_by(kind, tree_of(desk.inbox)) == as_told_by(kind, before)


def test_what_was_undone_into_an_inbox_stays_there_when_its_disk_is_back(
    desk: Desk, inbox: Disk, make_pack: Make, tree_of: TreeOf
) -> None:
    """Its inodes may be numbered anew then, and its device."""
    make_pack(desk.inbox / "Kit", {"Kicks/VEH1 Bassdrum 001.wav": "Kick.wav"})
    before = tree_of(desk.inbox)
    assert sum(report.filed for report in desk.file()) == 1
    make_pack(desk.inbox / "Other", {"Kicks/VEH1 Bassdrum 002.wav": "Other.wav"})
    desk.undo()
    inbox.plug_again()
    desk.open_again()
    assert desk.held() == 1
    assert sum(report.filed for report in desk.file()) == 1
    assert {name: one for name, one in tree_of(desk.inbox).items() if name in before} == before


@pytest.mark.parametrize(
    "kind",
    [
        EXT4,
        EXFAT,
    ],
    ids=str,
)
def test_a_file_that_comes_back_has_its_mode_and_time_again(
    desk: Desk, library: Disk, make_pack: Make, tree_of: TreeOf
) -> None:
    make_pack(desk.inbox / "Kit", {"Kicks/VEH1 Bassdrum 001.wav": "Kick.wav"})
    (desk.inbox / "Kit" / "Kick.wav").chmod(0o640)
    before = tree_of(desk.inbox)
    assert [report.filed for report in desk.file()] == [1]
    library.plug_again()
    desk.undo()
    assert tree_of(desk.inbox) == before
