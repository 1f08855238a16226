"""What was filed is found again where its drive is mounted now, or where its folder was moved."""

from __future__ import annotations

import shutil
from contextlib import closing
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import pytest

from organizer.execution.executor import Executor
from organizer.execution.filesystem import Filesystem
from organizer.execution.journal import Journal
from organizer.execution.mounts import Mount, Mounts, Spot
from organizer.execution.places import Place, Places
from organizer.execution.reader import JournalReader
from organizer.execution.recovery import recover
from organizer.planning.operations import Copy, MakeFolder, Move, Plan, RemoveCopy
from organizer.planning.undo import invert
from organizer.recognition.identity import content_hash
from organizer.sample import Stamp
from tests.execution.stage import Crash, Script, ScriptedFilesystem, World, move

if TYPE_CHECKING:
    from collections.abc import Callable

SSD, DISK = "1f4c-22aa", "9e01-77bd"


def table(*mounted: tuple[Path, str]) -> Callable[[], Mounts]:
    """A machine on which volumes are mounted at these folders."""
    mounts = [
        Mount(point=point, root=PurePosixPath("/"), type="exfat", device=f"/dev/{volume}")
        for point, volume in mounted
    ]
    whole = Mount(point=Path("/"), root=PurePosixPath("/"), type="overlay", device="overlay")
    volumes = {f"/dev/{volume}": volume for _, volume in mounted}
    return lambda: Mounts((whole, *mounts), volumes)


def moved(world: World, library: Path) -> World:
    return World(world.root, library, world.kind)


@pytest.fixture
def ssd(tmp_path: Path) -> World:
    """A world whose library lies on a drive, and whose inbox does not."""
    world = World(tmp_path / "world", tmp_path / "media" / "SSD" / "Samples")
    world.fill()
    return world


def opened(world: World, look: Callable[[], Mounts]) -> Journal:
    return Journal(world.journal_path, folders=[world.inbox, world.library], look_at_mounts=look)


def test_a_path_is_spelt_from_the_innermost_place_and_read_again() -> None:
    outer = Place(id=1, root=Path("/media/SSD"), told=Path("/media/SSD"), spot=None)
    inner = Place(id=12, root=Path("/media/SSD/Samples"), told=Path("/media/SSD/Samples"), spot=None)
    places = Places([outer, inner])
    spelt = {
        "/media/SSD/Samples/Kicks/a.wav": "@12/Kicks/a.wav",
        "/media/SSD/Samples": "@12/",
        "/media/SSD/x": "@1/x",
        "/media/SSDx/a.wav": "/media/SSDx/a.wav",
        "/media/SSD/@1/a.wav": "@1/@1/a.wav",
    }
    assert {path: places.spell(Path(path)) for path in spelt} == spelt
    assert {str(places.path(name)): name for name in spelt.values()} == spelt


def test_a_drive_that_is_mounted_elsewhere_is_found_and_undone_from(ssd: World, tmp_path: Path) -> None:
    original, drive = ssd.files(), tmp_path / "media" / "SSD"
    with closing(opened(ssd, table((drive, SSD)))) as journal:
        Executor(journal, Filesystem()).run(ssd.plan())
    drive.rename(elsewhere := tmp_path / "media" / "SSD1")
    drive.mkdir()  # what is left of a mount point
    now = moved(ssd, elsewhere / "Samples")
    look = table((elsewhere, SSD))
    with closing(JournalReader(ssd.journal_path, look_at_mounts=look)) as journal:
        filed = [one.operation for one in journal.operations(1) if isinstance(one.operation, Move)]
        assert all(one.target.exists() for one in filed)
        assert len(journal.history_of(elsewhere / "Samples" / "Kicks" / "a.wav")) > 1
    # The configuration still names the old place, where nothing is now.
    with closing(Journal(ssd.journal_path, folders=[ssd.inbox], look_at_mounts=look)) as journal:
        Executor(journal, Filesystem()).run(now.undoing(journal, 1))
    assert now.files() == original


def test_a_place_that_is_configured_anew_stays_the_same_place(ssd: World, tmp_path: Path) -> None:
    original, drive = ssd.files(), tmp_path / "media" / "SSD"
    with closing(opened(ssd, table((drive, SSD)))) as journal:
        Executor(journal, Filesystem()).run(ssd.plan())
    drive.rename(elsewhere := tmp_path / "media" / "SSD1")
    now = moved(ssd, elsewhere / "Samples")
    with closing(opened(now, table((elsewhere, SSD)))) as journal:
        Executor(journal, Filesystem()).run(now.undoing(journal, 1))
        assert journal.held_count([now.inbox]) == len(original)
    with closing(opened(now, table((elsewhere, SSD)))) as journal:
        assert now.library in {one.told for one in journal.places}
        assert sorted(one.root for one in journal.places) == sorted([now.inbox, now.library])


def test_another_drive_at_the_same_path_is_another_place(ssd: World, tmp_path: Path) -> None:
    drive = tmp_path / "media" / "SSD"
    with closing(opened(ssd, table((drive, SSD)))) as journal:
        Executor(journal, Filesystem()).run(ssd.plan())
    drive.rename(elsewhere := tmp_path / "media" / "SSD1")
    ssd.library.mkdir(parents=True)
    look = table((drive, DISK), (elsewhere, SSD))
    with closing(opened(ssd, look)) as journal:
        (first, *_) = [one for one in journal.operations(1) if isinstance(one.operation, Move)]
        assert isinstance(first.operation, Move)
        assert first.operation.target.is_relative_to(elsewhere)
        spots = {one.spot for one in journal.places} - {None}
        assert spots == {Spot(SSD, PurePosixPath("/Samples")), Spot(DISK, PurePosixPath("/Samples"))}


def test_what_was_written_before_a_folder_had_a_place_is_spelt_by_it(ssd: World) -> None:
    original = ssd.files()
    ssd.run(ssd.plan())
    with closing(Journal(ssd.journal_path)) as journal:
        Executor(journal, Filesystem()).run(ssd.undoing(journal, 1))
        before = [journal.operations(one) for one in (1, 2)]
    with closing(opened(ssd, table())) as journal:
        assert [journal.operations(one) for one in (1, 2)] == before
        assert journal.batches()[0].hold == ssd.inbox
        assert journal.held_count([ssd.inbox]) == len(original)
        assert journal.history_of(ssd.pack / "a.wav")
    ssd.library.rename(elsewhere := ssd.root / "other")
    with closing(opened(ssd, table())) as journal:
        assert journal.relocate(ssd.library, elsewhere)
        assert not journal.relocate(ssd.root, elsewhere)
        targets = [one.operation.target for one in journal.operations(1) if isinstance(one.operation, Move)]
        assert all(one.is_relative_to(elsewhere) for one in targets)


def test_a_folder_that_was_moved_and_used_already_is_one_place_again(ssd: World) -> None:
    original = ssd.files()
    with closing(opened(ssd, table())) as journal:
        Executor(journal, Filesystem()).run(ssd.plan())
    ssd.library.rename(elsewhere := ssd.root / "other")
    now = moved(ssd, elsewhere)
    now.inbox.mkdir(exist_ok=True)
    (now.inbox / "late.txt").write_bytes(b"late")
    with closing(opened(now, table())) as journal:
        late = Plan(
            origin="pack", title="late", operations=(move(now.inbox / "late.txt", elsewhere / "late.txt"),)
        )
        Executor(journal, Filesystem()).run(late)
        assert journal.relocate(ssd.library, elsewhere)
        for batch in (2, 1):
            Executor(journal, Filesystem()).run(now.undoing(journal, batch))
    (now.inbox / "late.txt").unlink()
    assert now.files() == original


def test_places_that_another_program_has_learnt_are_learnt_too(ssd: World) -> None:
    with closing(Journal(ssd.journal_path, look_at_mounts=table())) as early:
        assert list(early.places) == []
        with closing(opened(ssd, table())) as journal:
            Executor(journal, Filesystem()).run(ssd.plan())
        assert [one.counts for one in early.batches()]
        assert all(one.operation for one in early.operations(1))
        assert {one.root for one in early.places} == {ssd.inbox, ssd.library}


def test_an_empty_folder_on_another_disk_is_no_library_and_is_not_learnt(ssd: World, tmp_path: Path) -> None:
    drive = tmp_path / "media" / "SSD"
    world = moved(ssd, drive)
    there, away = table((drive, SSD)), table()
    with closing(opened(world, there)) as journal:
        assert not journal.is_away(drive)
        Executor(journal, Filesystem()).run(world.plan())
    drive.rename(tmp_path / "drawer")
    drive.mkdir()
    for look in (away, table((drive, DISK))):
        with closing(opened(world, look)) as journal:
            assert journal.is_away(drive)
            assert {one.spot for one in journal.places} == {None, Spot(SSD, PurePosixPath("/"))}
    # Somebody has brought a new disk, and says so; or has copied everything to it.
    with closing(opened(world, away)) as journal:
        assert journal.relocate(drive, drive)
        assert not journal.is_away(drive)
    with closing(opened(world, there)) as journal:
        assert journal.is_away(drive)
        (drive / "Kicks").mkdir()
        assert not journal.is_away(drive)


def test_an_empty_folder_in_which_nothing_was_ever_done_is_a_new_library(ssd: World, tmp_path: Path) -> None:
    with closing(opened(ssd, table())):
        pass
    look = table((tmp_path / "media" / "SSD", SSD))
    with closing(opened(ssd, look)) as journal:
        assert not journal.is_away(ssd.library)
    ssd.library.rmdir()
    with closing(opened(ssd, look)) as journal:
        assert journal.is_away(ssd.library)


def test_a_batch_that_broke_off_waits_for_its_disk(ssd: World, tmp_path: Path) -> None:
    drive, look = tmp_path / "media" / "SSD", table((tmp_path / "media" / "SSD", SSD))
    wanted = Script()
    with closing(opened(ssd, look)) as journal:
        Executor(journal, ScriptedFilesystem(wanted)).run(ssd.plan())
    at = max(number for number, name in enumerate(wanted.calls) if name == "_exchange")
    shutil.rmtree(tmp_path / "world")
    shutil.rmtree(drive)
    ssd.fill()
    before = ssd.sounds()
    with closing(opened(ssd, look)) as journal, pytest.raises(Crash):
        Executor(journal, ScriptedFilesystem(Script(at, "after", Crash()))).run(ssd.plan())
    drive.rename(tmp_path / "drawer")
    for _ in range(2):
        with closing(opened(ssd, table())) as journal:
            (said,) = recover(journal, Filesystem(), Executor(journal, Filesystem()))
            assert said.startswith(
                f'Batch 1 ("Pack") was interrupted, and waits: {ssd.library} is not there. '
            )
            assert [one.id for one in journal.unfinished()] == [1]
    (tmp_path / "drawer").rename(drive)
    with closing(opened(ssd, look)) as journal:
        assert recover(journal, Filesystem(), Executor(journal, Filesystem()))
        assert journal.unfinished() == []
        assert {one.state for one in journal.operations(1)} == {"done"}
    assert set(ssd.sounds()) == set(before)


def test_a_held_file_is_known_again_where_inodes_are_numbered_anew(ssd: World) -> None:
    def look(type_: str) -> Callable[[], Mounts]:
        mount = Mount(point=Path("/"), root=PurePosixPath("/"), type=type_, device="/dev/sda")
        return lambda: Mounts((mount,), {})

    with closing(opened(ssd, look("exfat"))) as journal:
        Executor(journal, Filesystem()).run(ssd.plan())
        Executor(journal, Filesystem()).run(ssd.undoing(journal, 1))
    path = ssd.pack / "d.wav"
    now = Stamp.of(path.lstat())
    renumbered = replace(now, inode=now.inode + 1)
    for type_, held in (("exfat", True), ("vfat", True), ("fuseblk", True), ("ext4", False)):
        with closing(opened(ssd, look(type_))) as journal:
            assert journal.is_held(path, now, content_hash)
            assert journal.is_held(path, renumbered, content_hash) == held
            assert not journal.is_held(path, replace(renumbered, size=1), content_hash)


NONE = table()


def test_places_that_become_one_leave_no_name_that_nobody_knows(tmp_path: Path) -> None:
    """What an undo has noted of a copy names the inbox in its data alone."""
    old, new, library = (tmp_path / name for name in ("Inbox", "New", "Library"))
    for folder in (old, new, library):
        folder.mkdir()
    journal_path = tmp_path / "state" / "journal.sqlite"
    with closing(Journal(journal_path, folders=[old, library], look_at_mounts=NONE)) as journal:
        (old / "z.wav").write_bytes(b"z")
        plan = Plan(origin="pack", title="Z", operations=(move(old / "z.wav", library / "z.wav"),))
        Executor(journal, Filesystem()).run(plan)
    with closing(Journal(journal_path, folders=[new, library], look_at_mounts=NONE)) as journal:
        (new / "a.wav").write_bytes(b"a")
        copy = Copy(source=new / "a.wav", target=library / "a.wav", content_hash=content_hash(new / "a.wav"))
        Executor(journal, Filesystem()).run(Plan(origin="pack", title="A", operations=(copy,)))
        undo = Plan(origin="undo", title="undo", undoes=(2,), operations=invert(journal.done([2])))
        Executor(journal, Filesystem()).run(undo)
        assert journal.relocate(old, new)
    with closing(JournalReader(journal_path, look_at_mounts=NONE)) as reader:
        told = [one.operation for batch in reader.batches() for one in reader.operations(batch.id)]
        assert {one.original for one in told if isinstance(one, RemoveCopy)} == {new / "a.wav"}
        assert len(reader.history_of(new / "a.wav")) == 1
        assert len(reader.history_of(new / "z.wav")) == 1


def test_what_was_filed_on_one_of_two_disks_at_one_mount_point_is_told_of_that_one(tmp_path: Path) -> None:
    point, other, inbox = tmp_path / "x", tmp_path / "y", tmp_path / "In"
    for folder in (point, inbox):
        folder.mkdir()
    journal_path = tmp_path / "state" / "journal.sqlite"
    for number, volume in enumerate((SSD, DISK)):
        (point / "own.txt").write_bytes(b"the user's")
        look = table((point, volume))
        with closing(Journal(journal_path, folders=[inbox, point], look_at_mounts=look)) as journal:
            (inbox / f"{number}.wav").write_bytes(b"sound")
            plan = move(inbox / f"{number}.wav", point / f"{number}.wav")
            Executor(journal, Filesystem()).run(Plan(origin="pack", title=volume, operations=(plan,)))
            other_disk = Path("/not mounted") / SSD
            if number:
                first = journal.operations(1)[0].operation
                assert isinstance(first, Move)
                assert first.target == other_disk / "0.wav"
                assert journal.leaving(point / "0.wav") is None
        point.rename(tmp_path / volume)
        point.mkdir()
    point.rmdir()
    (tmp_path / DISK).rename(point)
    (tmp_path / SSD).rename(other)
    look = table((point, DISK), (other, SSD))
    with closing(Journal(journal_path, folders=[inbox, point], look_at_mounts=look)) as journal:
        assert journal.leaving(point / "1.wav") is not None
        assert journal.leaving(other / "0.wav") is not None


def test_a_folder_that_was_a_library_once_stops_nothing(tmp_path: Path) -> None:
    library, inbox = tmp_path / "Lib", tmp_path / "In"
    (library / "Drums").mkdir(parents=True)
    inbox.mkdir()
    journal_path = tmp_path / "state" / "journal.sqlite"
    with closing(Journal(journal_path, folders=[inbox, library / "Drums"])):
        (library / "Drums").rmdir()
    with closing(Journal(journal_path, folders=[inbox, library])) as journal:
        (inbox / "a.wav").write_bytes(b"a")
        operations = (
            MakeFolder(path=library / "Drums"),
            move(inbox / "a.wav", library / "Drums" / "a.wav"),
        )
        outcome = Executor(journal, Filesystem()).run(Plan(origin="pack", title="P", operations=operations))
        assert [one.state for one in outcome.results] == ["done", "done"]


def test_the_same_folder_through_another_mount_is_no_other_disk(ssd: World, tmp_path: Path) -> None:
    with closing(opened(ssd, table((tmp_path / "media" / "SSD", SSD)))) as journal:
        Executor(journal, Filesystem()).run(ssd.plan())
        Executor(journal, Filesystem()).run(ssd.undoing(journal, 1))
    device = f"/dev/{SSD}"
    within = PurePosixPath("/Samples")
    bound = Mounts((Mount(point=ssd.library, root=within, type="ext4", device=device),), {device: SSD})
    assert not any(ssd.library.iterdir())
    with closing(opened(ssd, lambda: bound)) as journal:
        assert not journal.is_away(ssd.library)


def test_late_files_join_no_batch_that_waits(ssd: World) -> None:
    with closing(opened(ssd, NONE)) as journal:
        batch = journal.begin(replace(ssd.plan(), inbox="In", title="Kit"), now=1.0)
        assert journal.open_batch("In", "Kit", now=2.0) is None
        journal.start([one.id for one in journal.operations(batch)[:1]], [], now=2.0)
        journal.finish(batch, now=3.0)
        assert [one.id for one in journal.unfinished()] == [batch]
