"""What was broken off, or could not be done, ends as if it had been done at once."""

from __future__ import annotations

import os
import zipfile
from typing import TYPE_CHECKING

import pytest

from organizer.execution.executor import Executor
from organizer.execution.filesystem import Filesystem
from organizer.execution.journal import Journal
from organizer.execution.recovery import recover
from organizer.planning.operations import KeepFolderTime, Move, Plan, RemoveFolder
from organizer.planning.undo import invert
from organizer.recognition.identity import content_hash
from organizer.sample import Stamp

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.desk import Desk

OLD = 1_400_000_000_123_456_789
NAMES = {"Kicks/VEH1 Bassdrum 001.wav": "a.wav", "Snares/SN_tight.wav": "b.wav"}
RULES = """
version = 1
[[rule]]
name = "Archives"
when = { type = "archive" }
then = [{ unpack = true }, { move = "_Archives/{name}" }]
[[rule]]
name = "All"
then = [{ move = "All/{name}" }, { tag = { genre = "x" } }]
"""


class Crash(BaseException):
    """The process ends here."""


def crashing(*_: object, **__: object) -> None:
    raise Crash


def zipped(desk: Desk, make_pack: Callable[..., Path], folder: Path) -> None:
    pack = make_pack(folder / "Kit", NAMES)
    with zipfile.ZipFile(desk.inbox / "Kit.zip", "x") as file:
        for path in sorted(pack.iterdir()):
            file.write(path, f"Kit/{path.name}")


def test_a_crash_after_a_folder_was_removed_keeps_its_time_for_undo(tmp_path: Path) -> None:
    pack, library = tmp_path / "inbox" / "Pack", tmp_path / "library"
    pack.mkdir(parents=True)
    library.mkdir()
    sound = pack / "a.wav"
    sound.write_bytes(b"sound")
    os.utime(pack, ns=(OLD, OLD))
    move = Move(
        source=sound,
        target=library / "a.wav",
        stamp=Stamp.of(sound.stat()),
        content_hash=content_hash(sound),
    )
    plan = Plan(
        origin="pack",
        title="Pack",
        operations=(KeepFolderTime(path=pack, mtime_ns=OLD), move, RemoveFolder(path=pack, mode=0o755)),
    )
    files = Filesystem()
    with Journal(tmp_path / "journal.sqlite") as journal, pytest.MonkeyPatch.context() as patch:
        patch.setattr(journal, "settle", crashing)
        with pytest.raises(Crash):
            Executor(journal, files).run(plan)
    with Journal(tmp_path / "journal.sqlite") as journal:
        executor = Executor(journal, files)
        recover(journal, files, executor)
        executor.run(Plan(origin="undo", title="u", operations=invert(journal.done([1])), undoes=(1,)))
    assert pack.stat().st_mtime_ns == OLD


def test_a_crash_between_an_archive_and_what_is_in_it_leaves_one_batch(
    desk: Desk, make_pack: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    zipped(desk, make_pack, tmp_path)
    calls = list[int]()
    run: Callable[..., object] = desk.parts.filing.executor.run

    def once(*arguments: object, **named: object) -> object:
        if calls:
            raise Crash
        calls.append(1)
        return run(*arguments, **named)

    monkeypatch.setattr(desk.parts.filing.executor, "run", once)
    with pytest.raises(Crash):
        desk.file()
    desk.open_again()
    desk.parts.filing.recover()
    desk.file()
    assert len(desk.parts.journal.batches()) == 1


def test_what_an_undo_could_not_do_is_undone_after_a_redo(
    desk: Desk, make_pack: Callable[..., Path], tmp_path: Path
) -> None:
    make_pack(desk.inbox / "Kit", NAMES)
    desk.file()
    journal, undoing = desk.parts.journal, desk.parts.undoing
    sound = desk.library / desk.filed()[0]
    sound.rename(tmp_path / "away.wav")
    undoing.undo(journal.last(1), progress=lambda *_: None)
    sound.parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "away.wav").rename(sound)
    undoing.undo([one for one in journal.batches() if one.id == 2], progress=lambda *_: None)
    undoing.undo([one for one in journal.batches() if one.id == 1], progress=lambda *_: None)
    assert desk.filed() == []


def test_a_crash_of_an_undo_that_removed_what_was_unpacked_and_tagged_has_no_failures(
    desk: Desk, make_pack: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (desk.home.rules / "default.toml").write_text(RULES)
    zipped(desk, make_pack, tmp_path)
    desk.file()
    monkeypatch.setattr(desk.parts.journal, "settle", crashing)
    with pytest.raises(Crash):
        desk.undo()
    desk.open_again()
    desk.parts.filing.recover()
    assert desk.filed() == []
    (undo,) = [one for one in desk.parts.journal.batches() if one.origin == "undo"]
    assert not undo.counts.get("failed")


@pytest.mark.parametrize("also", ['{ copy = "Copies/{name}" }', '{ xattr = ["a"] }'])
def test_what_was_tagged_in_place_is_not_tagged_again_after_an_undo(
    also: str, desk: Desk, make_pack: Callable[..., Path]
) -> None:
    rule = f'version = 1\n[[rule]]\nname = "x"\nthen = [{{ tag = {{ genre = "x" }} }}, {also}]\n'
    (desk.home.rules / "default.toml").write_text(rule)
    make_pack(desk.inbox / "Kit", NAMES)
    desk.file()
    desk.undo()
    assert desk.held() == len(NAMES)
    desk.file()
    assert len(desk.parts.journal.batches()) == 2


def test_a_service_brings_a_killed_command_to_its_end_before_it_files(
    desk: Desk, make_pack: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = (
        'version = 1\n[[rule]]\nname = "x"\nthen = [{ tag = { genre = "x" } }, { copy = "Copies/{name}" }]\n'
    )
    (desk.home.rules / "default.toml").write_text(rule)
    make_pack(desk.inbox / "Kit", NAMES)
    desk.file()
    filed = desk.filed()
    desk.undo()
    journal = desk.parts.journal
    with monkeypatch.context() as patch:
        patch.setattr(journal, "settle", crashing)
        with pytest.raises(Crash):
            desk.parts.undoing.undo(journal.batches(limit=1), progress=lambda *_: None)
    remainders = desk.parts.remainders  # whether these still hold is a matter of which inodes are used again
    remainders.update(put=[], gone=[one.path for one in remainders.all()])
    desk.file()
    assert desk.filed() == filed
    assert not journal.unfinished()
