"""Plans are executed, journalled, refused with reasons, stopped, resumed, undone and redone."""

from __future__ import annotations

import os
from collections import Counter
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from organizer.execution.codec import paths_of
from organizer.execution.executor import Executor
from organizer.execution.filesystem import Filesystem
from organizer.execution.journal import Journal
from organizer.planning.operations import (
    Copy,
    MakeFolder,
    Move,
    Operation,
    Plan,
    RemoveCopy,
    RemoveFolder,
    RemoveSidecar,
    RestoreBytes,
    Skip,
    WriteSidecar,
)
from organizer.recognition.identity import content_hash
from organizer.sample import LIVE_PLACE, Stamp
from tests.execution.stage import Script, ScriptedFilesystem, World, move

if TYPE_CHECKING:
    from pathlib import Path

    from organizer.execution.outcome import Outcome


def plan_of(*operations: Operation) -> Plan:
    return Plan(origin="sort", title="some files", operations=operations)


def states(outcome: Outcome) -> list[str]:
    return [one.state for one in outcome.results]


def test_every_kind_of_operation_is_done_undone_and_redone(
    world: World, journal: Journal, executor: Executor
) -> None:
    original, folders = world.files(), world.folders()
    times = {path: path.stat().st_mtime_ns for path in (world.pack, world.pack / "Sub")}
    filed = executor.run(world.plan())
    assert set(states(filed)) == {"done"}
    after = world.files()
    assert not world.pack.exists()
    assert (world.library / "Copies" / "a.wav").read_bytes() == (
        world.library / "Kicks" / "a.wav"
    ).read_bytes()

    undone = executor.run(world.undoing(journal, 1))
    assert set(states(undone)) == {"done"}
    assert (world.files(), world.folders()) == (original, folders)
    assert {path: path.stat().st_mtime_ns for path in times} == times
    kinds = {type(one.operation) for one in undone.results}
    assert {Move, RemoveCopy, RestoreBytes, RemoveSidecar, MakeFolder, RemoveFolder} <= kinds
    assert journal.is_undone(1)

    redone = executor.run(world.undoing(journal, 2, hold=False))
    assert set(states(redone)) == {"done"}
    assert {name: one[0] for name, one in world.files().items()} == {
        name: one[0] for name, one in after.items()
    }
    assert not journal.is_undone(1)
    assert journal.is_undone(2)

    again = executor.run(world.undoing(journal, 3))
    assert set(states(again)) == {"done"}
    assert (world.files(), world.folders()) == (original, folders)
    assert [journal.is_undone(batch) for batch in (1, 2, 3, 4)] == [True, False, True, False]


def test_a_plan_without_actions_leaves_no_batch(journal: Journal, executor: Executor, tmp_path: Path) -> None:
    outcome = executor.run(
        plan_of(Skip(path=tmp_path / "a", reason="already in place"), MakeFolder(path=tmp_path))
    )
    assert outcome.batch is None
    assert states(outcome) == ["skipped", "skipped"]
    assert outcome.results[0].error == "already in place"
    assert journal.batches() == []


def test_nothing_is_overwritten_when_a_destination_appears(
    world: World, journal: Journal, executor: Executor
) -> None:
    target = world.library / "d.wav"
    moving = move(world.pack / "d.wav", target)
    target.write_bytes(b"somebody else's")
    outcome = executor.run(plan_of(moving))
    assert states(outcome) == ["failed"]
    assert "already something" in outcome.results[0].error
    assert target.read_bytes() == b"somebody else's"
    assert (world.pack / "d.wav").exists()
    (record,) = journal.operations(1)
    assert (record.state, record.error) == ("failed", outcome.results[0].error)


@pytest.mark.parametrize("change", ["content", "time", "replaced"])
def test_a_source_that_changed_is_left_alone(world: World, executor: Executor, change: str) -> None:
    source = world.pack / "c.txt"
    moving = move(source, world.library / "c.txt")
    if change == "content":
        source.write_bytes(b"other words")
    elif change == "time":
        os.utime(source, ns=(1, 1))
    else:
        other = source.with_name("new")
        other.write_bytes(b"READ ME")
        os.utime(other, ns=(moving.stamp.mtime_ns, moving.stamp.mtime_ns))
        other.replace(source)
    outcome = executor.run(plan_of(moving))
    assert states(outcome) == ["skipped"]
    assert outcome.results[0].error == "c.txt has changed since this was planned"
    assert source.exists()


def test_a_source_that_vanished_fails_alone(world: World, executor: Executor) -> None:
    gone = move(world.pack / "c.txt", world.library / "c.txt")
    other = move(world.pack / "d.wav", world.library / "d.wav")
    (world.pack / "c.txt").unlink()
    outcome = executor.run(plan_of(gone, other))
    assert states(outcome) == ["failed", "done"]
    assert "is no longer there" in outcome.results[0].error


def test_a_link_in_place_of_the_source_is_not_followed(world: World, executor: Executor) -> None:
    moving = move(world.pack / "c.txt", world.library / "c.txt")
    (world.pack / "c.txt").unlink()
    (world.pack / "c.txt").symlink_to(world.pack / "d.wav")
    outcome = executor.run(plan_of(moving))
    assert states(outcome) == ["failed"]
    assert "not a regular file" in outcome.results[0].error
    assert (world.pack / "d.wav").exists()


def test_what_leans_on_a_failed_move_is_skipped_with_its_reason(world: World, executor: Executor) -> None:
    plan = world.plan()
    (world.library / "Kicks").mkdir()
    (world.library / "Kicks" / "a.wav").write_bytes(b"in the way")
    outcome = executor.run(plan)
    told = {f"{type(one.operation).__name__} {_about(one.operation).name}": one for one in outcome.results}
    assert told["Move a.wav"].state == "failed"
    for leaning in ("Move a.wav.asd", "WriteTags a.wav", "Copy a.wav", "WriteSidecar a.wav.organizer.json"):
        assert told[leaning].state == "skipped", leaning
        assert "already something" in told[leaning].error
    assert told["Move b.flac"].state == "done"
    assert told["RemoveFolder Sub"].state == "done"
    assert told["RemoveFolder Pack"].error == f"The folder {world.pack} is not empty"
    assert (world.pack / "a.wav.asd").exists()
    assert (world.library / "Kicks" / "a.wav").read_bytes() == b"in the way"


def test_a_folder_that_is_there_already_is_not_ours_to_remove(
    world: World, journal: Journal, executor: Executor
) -> None:
    folder = world.library / "Kicks"
    folder.mkdir()
    outcome = executor.run(plan_of(MakeFolder(path=folder), move(world.pack / "c.txt", folder / "c.txt")))
    assert states(outcome) == ["skipped", "done"]
    executor.run(world.undoing(journal, 1))
    assert folder.is_dir()


def test_a_copy_is_not_removed_when_its_original_is_gone(
    world: World, journal: Journal, executor: Executor
) -> None:
    source, target = world.pack / "d.wav", world.library / "d.wav"
    executor.run(plan_of(Copy(source=source, target=target, content_hash=content_hash(source))))
    assert target.stat().st_mtime_ns == source.stat().st_mtime_ns
    assert target.stat().st_mode == source.stat().st_mode
    source.unlink()
    outcome = executor.run(world.undoing(journal, 1))
    assert states(outcome) == ["skipped"]
    assert target.exists()


def test_undo_leaves_a_file_that_was_changed_since(
    world: World, journal: Journal, executor: Executor
) -> None:
    executor.run(world.plan())
    tagged, edited = world.library / "Kicks" / "a.wav", world.library / "Kicks" / "c.txt"
    tagged.write_bytes(tagged.read_bytes() + b"by the user")
    edited.write_text("by the user")
    outcome = executor.run(world.undoing(journal, 1))
    skipped = {
        (type(one.operation).__name__, _about(one.operation))
        for one in outcome.results
        if one.state == "skipped"
    }
    assert {("RestoreBytes", tagged), ("Move", tagged), ("Move", edited)} <= skipped
    assert tagged.read_bytes().endswith(b"by the user")
    assert (world.pack / "d.wav").exists()


def test_a_sidecar_is_removed_only_while_it_says_what_we_wrote(
    world: World, journal: Journal, executor: Executor
) -> None:
    path = world.pack / "d.wav.organizer.json"
    executor.run(plan_of(WriteSidecar(path=path, content="{}")))
    assert path.stat().st_mode & 0o777 == 0o666 & ~_umask()
    path.write_text("{ }")
    assert states(executor.run(world.undoing(journal, 1))) == ["skipped"]
    assert path.read_text() == "{ }"


def test_stop_between_operations_leaves_the_rest_for_later(
    world: World, journal: Journal, executor: Executor
) -> None:
    asked = iter([False, False, False, True])
    seen: list[tuple[int, int]] = []
    plan = world.plan()
    outcome = executor.run(
        plan, stop=lambda: next(asked), progress=lambda done, total: seen.append((done, total))
    )
    assert states(outcome) == ["done"] * 3 + ["pending"] * (len(plan.operations) - 3)
    assert outcome.stopped
    assert seen == [(number, len(plan.operations)) for number in (1, 2, 3)]
    assert [one.id for one in journal.unfinished()] == [1]
    rest = executor.resume(1)
    assert set(states(rest)) == {"done"}
    assert journal.unfinished() == []
    assert not world.pack.exists()


def test_late_files_join_their_batch_and_are_undone_with_it(
    world: World, journal: Journal, executor: Executor
) -> None:
    original = world.files()
    first = Plan(
        origin="pack",
        title="Pack",
        inbox="inbox",
        operations=(move(world.pack / "c.txt", world.library / "c.txt"),),
    )
    executor.run(first)
    batch = journal.open_batch("inbox", "Pack", now=1_500.0)
    assert batch == 1
    late = replace(first, operations=(move(world.pack / "d.wav", world.library / "d.wav"),))
    outcome = executor.run(late, batch=batch)
    assert (outcome.batch, states(outcome)) == (1, ["done"])
    assert journal.open_batch("inbox", "Pack", now=1_700.0) is None
    executor.run(world.undoing(journal, 1))
    assert world.files() == original
    assert journal.open_batch("inbox", "Pack", now=1_001.0) is None


def test_a_big_batch_costs_a_few_syncs_and_commits(world: World) -> None:
    source = world.pack / "many"
    source.mkdir()
    moves = []
    for number in range(500):
        path = source / f"{number}.wav"
        path.write_bytes(b"%d" % number)
        moves.append(move(path, world.library / str(number % 5) / path.name))
    folders = [MakeFolder(path=world.library / str(number)) for number in range(5)]
    script = Script()
    outcome = world.run(plan_of(*folders, *moves), script)
    assert set(states(outcome)) == {"done"}
    calls = Counter(script.calls)
    chunks = 3
    assert calls["_rename_noreplace"] == 500
    assert calls["_sync_file"] == calls["_sync_disk"] == 0
    # Each chunk syncs the folders it touched, once: of five folders, their parent and the source.
    assert chunks * 2 <= calls["_sync_folder"] <= chunks * 7
    assert calls["commit"] == 2 + 2 * chunks


def test_copies_are_synced_together(world: World) -> None:
    copies = []
    for number in range(100):
        path = world.pack / f"{number}.wav"
        path.write_bytes(b"%d" % number)
        copies.append(Copy(source=path, target=world.library / path.name, content_hash=content_hash(path)))
    script = Script()
    assert set(states(world.run(plan_of(*copies), script))) == {"done"}
    calls = Counter(script.calls)
    assert (calls["_sync_disk"], calls["_sync_file"], calls["_sync_folder"], calls["commit"]) == (1, 0, 1, 5)


def test_bytes_and_names_are_on_the_disk_before_anything_is_taken_away(
    world: World, other_device: Path
) -> None:
    if other_device.stat().st_dev == world.root.stat().st_dev:
        pytest.skip("needs a second device beside the disk: a tmpfs, which takes root to mount")
    script = Script()
    world.run(plan_of(move(world.pack / "d.wav", other_device / "d.wav")), script)
    placing = script.calls[script.calls.index("_sync_file") :]
    assert placing == [
        *("_sync_file", "commit", "_rename_noreplace", "_sync_folder", "_unlink"),
        *("_sync_folder", "_sync_folder", "commit", "commit"),
    ]
    script = Script()
    path = world.pack / "Sub" / "b.flac"
    world.run(plan_of(world.tags(path, path, {"genre": "Hat"})), script)
    placing = script.calls[script.calls.index("_sync_file") :]
    assert placing == [
        *("_sync_file", "commit", "_exchange", "_unlink", "_sync_folder", "commit", "commit"),
    ]


def test_every_folder_whose_names_changed_is_synced(world: World, journal: Journal) -> None:
    synced = []

    class Watching(Filesystem):
        def _sync_folder(self, path: Path) -> None:
            synced.append(path)
            super()._sync_folder(path)

    Executor(journal, Watching()).run(world.plan())
    library = world.library
    kicks = library / "Kicks"
    live = (kicks / LIVE_PLACE).parent
    assert set(synced) == {world.inbox, library, kicks, live, library / "Copies"}
    synced.clear()
    Executor(journal, Watching()).run(world.undoing(journal, 1))
    assert set(synced) == {world.inbox, world.pack, world.pack / "Sub", library}
    synced.clear()
    Executor(journal, Watching()).run(plan_of(move(world.pack / "d.wav", library / "d.wav")))
    assert set(synced) == {world.pack, library}


def test_what_undo_puts_back_is_held_until_it_is_moved_again(
    world: World, journal: Journal, executor: Executor
) -> None:
    executor.run(world.plan())
    executor.run(world.undoing(journal, 1))
    path = world.pack / "d.wav"
    assert journal.held_count([world.inbox]) == 6
    assert journal.is_held(path, Stamp.of(path.stat()), content_hash)

    renamed = path.rename(world.inbox / "renamed.wav")
    assert journal.is_held(renamed, Stamp.of(renamed.stat()), content_hash)
    os.utime(renamed, ns=(5, 5))
    assert journal.is_held(renamed, Stamp.of(renamed.stat()), content_hash)

    fresh = world.inbox / "fresh.wav"
    fresh.write_bytes(renamed.read_bytes())
    assert not journal.is_held(fresh, Stamp.of(fresh.stat()), content_hash)
    changed = bytearray(renamed.read_bytes())
    changed[-1] ^= 1
    renamed.write_bytes(changed)
    assert not journal.is_held(renamed, Stamp.of(renamed.stat()), content_hash)
    renamed.write_bytes(fresh.read_bytes())

    executor.run(plan_of(move(renamed, world.library / "filed.wav")))
    assert journal.held_count([world.inbox]) == 5
    journal.release([world.pack])
    assert journal.held_count() == 0


def test_a_file_is_held_while_its_undo_is_under_way(
    world: World, journal: Journal, executor: Executor
) -> None:
    """The service may see a file before the journal knows that it has arrived."""
    executor.run(plan_of(move(world.pack / "d.wav", world.library / "d.wav")))
    seen = []

    class Watching(Filesystem):
        def _sync_folder(self, path: Path) -> None:
            super()._sync_folder(path)
            back = world.pack / "d.wav"
            seen.append(journal.is_held(back, Stamp.of(back.stat()), content_hash))

    Executor(journal, Watching()).run(world.undoing(journal, 1))
    assert seen
    assert all(seen)


def test_every_name_of_a_file_with_several_is_held_until_it_is_moved_itself(
    world: World, journal: Journal, executor: Executor
) -> None:
    first, second = world.pack / "d.wav", world.inbox / "d too.wav"
    second.hardlink_to(first)
    executor.run(plan_of(move(first, world.library / "d.wav"), move(second, world.library / "d (2).wav")))
    executor.run(world.undoing(journal, 1))
    stamp = Stamp.of(first.stat())
    assert journal.held_count([world.inbox]) == 2
    assert journal.is_held(first, stamp, content_hash)
    executor.run(plan_of(move(second, world.library / "d.wav")))
    assert journal.held_count([world.inbox]) == 1
    assert journal.is_held(first, stamp, content_hash)


def test_redo_lets_go_of_what_it_files_again(world: World, journal: Journal, executor: Executor) -> None:
    executor.run(world.plan())
    executor.run(world.undoing(journal, 1))
    executor.run(world.undoing(journal, 2, hold=False))
    assert journal.held_count() == 0


def test_tags_are_refused_when_the_sound_is_not_the_one_that_was_heard(
    world: World, executor: Executor
) -> None:
    path = world.pack / "d.wav"
    before = world.files()
    outcome = executor.run(plan_of(replace(world.tags(path, path, {"genre": "Tom"}), sound_id="pcm:other")))
    assert states(outcome) == ["failed"]
    assert "its sound would have changed" in outcome.results[0].error
    assert world.files() == before


def test_tags_that_are_there_already_are_a_skip(world: World, executor: Executor) -> None:
    path = world.pack / "Sub" / "b.flac"
    executor.run(plan_of(world.tags(path, path, {"genre": "Hat"})))
    outcome = executor.run(plan_of(world.tags(path, path, {"genre": "Other"})))
    assert states(outcome) == ["skipped"]


def test_tagging_twice_in_one_batch_is_undone_to_the_first_bytes(
    world: World, journal: Journal, executor: Executor
) -> None:
    before = world.files()
    path = world.pack / "d.wav"
    outcome = executor.run(
        plan_of(world.tags(path, path, {"genre": "Tom"}), world.tags(path, path, {"title": "Tom 1"}))
    )
    assert states(outcome) == ["done", "done"]
    assert set(states(executor.run(world.undoing(journal, 1)))) == {"done"}
    assert world.files() == before


def test_attributes_survive_tags_and_copies(world: World, executor: Executor) -> None:
    path, copied = world.pack / "d.wav", world.library / "d.wav"
    try:
        os.setxattr(path, "user.xdg.tags", b"tom")
    except OSError:
        pytest.skip("needs a file system with extended attributes")
    before = path.stat()
    executor.run(
        plan_of(
            world.tags(path, path, {"genre": "Tom"}),
            Copy(source=path, target=copied, content_hash=content_hash(path)),
        )
    )
    for one in (path, copied):
        assert os.getxattr(one, "user.xdg.tags") == b"tom"
        assert (one.stat().st_mode, one.stat().st_mtime_ns) == (before.st_mode, before.st_mtime_ns)


def test_a_move_to_another_device_keeps_everything_and_is_undone(
    world: World, journal: Journal, executor: Executor, other_device: Path
) -> None:
    before = world.files()
    if other_device.stat().st_dev == world.root.stat().st_dev:
        pytest.skip("needs a second device beside the disk: a tmpfs, which takes root to mount")
    target = other_device / "d.wav"
    outcome = executor.run(plan_of(move(world.pack / "d.wav", target)))
    assert states(outcome) == ["done"]
    assert (target.stat().st_mtime_ns, target.stat().st_mode) == before["inbox/Pack/d.wav"][:0:-1]
    assert not (world.pack / "d.wav").exists()
    executor.run(world.undoing(journal, 1))
    assert world.files() == before
    assert journal.is_held(world.pack / "d.wav", Stamp.of((world.pack / "d.wav").stat()), content_hash)


def test_a_move_to_another_device_whose_source_cannot_go_is_taken_back(
    world: World, other_device: Path
) -> None:
    if other_device.stat().st_dev == world.root.stat().st_dev:
        pytest.skip("needs a second device beside the disk: a tmpfs, which takes root to mount")
    before = world.files()

    class Refusing(ScriptedFilesystem):
        def _unlink(self, path: Path) -> None:
            if path == world.pack / "d.wav":
                raise PermissionError(13, "Permission denied", str(path))
            super()._unlink(path)

    with closing(Journal(world.journal_path)) as journal:
        outcome = Executor(journal, Refusing(Script())).run(
            plan_of(move(world.pack / "d.wav", other_device / "d.wav"))
        )
    assert states(outcome) == ["failed"]
    assert "No permission" in outcome.results[0].error
    assert world.files() == before
    assert not (other_device / "d.wav").exists()


def _about(operation: Operation) -> Path:
    return paths_of(operation)[0]


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


class Spoiling(Filesystem):
    """A disk that lets one bit of a file tip over."""

    def _write(self, fd: int, block: bytes) -> None:
        super()._write(fd, bytes([block[0] ^ 1]) + block[1:])


@pytest.mark.parametrize("kind", ["copy", "move"])
def test_a_copy_that_does_not_come_out_the_same_is_no_copy(
    world: World, other_device: Path, kind: str
) -> None:
    source, target = world.pack / "d.wav", other_device / "d.wav"
    before = source.read_bytes()
    copying = Copy(source=source, target=target, content_hash=content_hash(source))
    with closing(Journal(world.journal_path)) as journal:
        outcome = Executor(journal, Spoiling()).run(
            plan_of(copying if kind == "copy" else move(source, target))
        )
    (result,) = outcome.results
    assert (result.state, result.lasting) == ("failed", False)
    assert result.error == f"What was written to {other_device} is not what was read"
    assert list(other_device.iterdir()) == []
    assert source.read_bytes() == before
