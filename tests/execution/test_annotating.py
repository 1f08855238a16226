"""Links, attributes and entries of shared files on a real disk: done, undone, and refused where things
changed."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from organizer.execution.executor import Executor
from organizer.execution.filesystem import Filesystem
from organizer.execution.writers import live_xmp
from organizer.planning.attributes import XDG
from organizer.planning.operations import (
    Copy,
    Link,
    MakeFolder,
    Operation,
    Plan,
    WriteAttribute,
    WriteEntries,
)
from organizer.recognition.identity import content_hash
from organizer.sample import LIVE_PLACE
from tests.execution.stage import move

if TYPE_CHECKING:
    from pathlib import Path

    from organizer.execution.journal import Journal
    from organizer.execution.outcome import Outcome
    from tests.execution.stage import World


def plan_of(*operations: Operation) -> Plan:
    return Plan(origin="pack", title="Pack", operations=operations)


def states(outcome: Outcome) -> list[tuple[str, str]]:
    return [(one.state, one.error) for one in outcome.results]


def entries(path: Path, **told: str) -> WriteEntries:
    said = {
        f"{name}.wav": f'{{"sound_id": "pcm:{name}", "label": "{label}"}}' for name, label in told.items()
    }
    return WriteEntries(path=path / ".organizer.json", form="json", entries=said, rule="R")


def labels(path: Path) -> dict[str, str]:
    sounds = json.loads((path / ".organizer.json").read_bytes())["sounds"].values()
    return {name: one["label"] for one in sounds for name in one["names"]}


@pytest.mark.parametrize("pointer", ["", "a.wav"])
def test_a_link_is_made_and_taken_back_and_made_again(
    world: World, journal: Journal, executor: Executor, pointer: str
) -> None:
    source, target = world.pack / "a.wav", world.pack / "second.wav"
    before = world.files()
    link = Link(source=source, target=target, content_hash=content_hash(source), pointer=pointer)
    executor.run(plan_of(link))
    assert target.samefile(source)
    assert target.is_symlink() == bool(pointer)
    undone = executor.run(world.undoing(journal, 1))
    assert world.files() == before
    assert undone.batch is not None
    executor.run(world.undoing(journal, undone.batch))
    assert target.samefile(source)


def test_a_link_never_takes_a_name_that_is_there(world: World, executor: Executor) -> None:
    source, target = world.pack / "a.wav", world.pack / "c.txt"
    for pointer in ("", "a.wav"):
        outcome = executor.run(
            plan_of(Link(source=source, target=target, content_hash=content_hash(source), pointer=pointer))
        )
        ((state, error),) = states(outcome)
        assert (state, error) == ("failed", f"There is already something at {target}")
    assert target.read_bytes() == b"read me"


def test_a_link_that_is_another_file_by_now_stays(world: World, journal: Journal, executor: Executor) -> None:
    source, target = world.pack / "a.wav", world.pack / "second.wav"
    executor.run(plan_of(Link(source=source, target=target, content_hash=content_hash(source))))
    target.unlink()
    target.write_bytes(b"something else")
    ((state, error),) = states(executor.run(world.undoing(journal, 1)))
    assert (state, "no longer a link" in error) == ("skipped", True)
    assert target.read_bytes() == b"something else"


def test_a_hard_link_over_disks_says_what_to_do(world: World, executor: Executor, other_device: Path) -> None:
    source = world.pack / "a.wav"
    target = other_device / "a.wav"
    outcome = executor.run(plan_of(Link(source=source, target=target, content_hash=content_hash(source))))
    assert "different disks" in outcome.results[0].error
    assert "symbolic" in outcome.results[0].hint


def test_attributes_are_set_and_come_back_as_they_were(
    world: World, journal: Journal, executor: Executor
) -> None:
    one, other = world.pack / "a.wav", world.pack / "d.wav"
    os.setxattr(other, XDG, b"mine")
    executor.run(
        plan_of(
            WriteAttribute(path=one, name=XDG, before=None, after=b"kick"),
            WriteAttribute(path=other, name=XDG, before=b"mine", after=b"mine,tom"),
        )
    )
    assert (os.getxattr(one, XDG), os.getxattr(other, XDG)) == (b"kick", b"mine,tom")
    executor.run(world.undoing(journal, 1))
    assert os.listxattr(one) == []
    assert os.getxattr(other, XDG) == b"mine"


def test_an_attribute_that_changed_since_is_left_alone(
    world: World, journal: Journal, executor: Executor
) -> None:
    path = world.pack / "a.wav"
    executor.run(plan_of(WriteAttribute(path=path, name=XDG, before=None, after=b"kick")))
    os.setxattr(path, XDG, b"kick,best")
    ((state, error),) = states(executor.run(world.undoing(journal, 1)))
    assert (state, "has changed" in error) == ("skipped", True)
    assert os.getxattr(path, XDG) == b"kick,best"


def test_entries_of_two_batches_are_undone_in_any_order(
    world: World, journal: Journal, executor: Executor
) -> None:
    executor.run(plan_of(entries(world.pack, a="kick")))
    executor.run(plan_of(entries(world.pack, b="snare")))
    executor.run(world.undoing(journal, 1))
    assert labels(world.pack) == {"b.wav": "snare"}
    executor.run(world.undoing(journal, 2))
    assert not (world.pack / ".organizer.json").exists()


def test_what_the_user_wrote_between_stays(world: World, journal: Journal, executor: Executor) -> None:
    path = world.pack / ".organizer.json"
    executor.run(plan_of(entries(world.pack, a="kick")))
    table = json.loads(path.read_bytes())
    path.write_text(json.dumps({**table, "note": "mine"}))
    executor.run(world.undoing(journal, 1))
    assert json.loads(path.read_bytes()) == {"organizer": 2, "note": "mine", "sounds": {}}


def test_the_file_of_live_comes_back_byte_for_byte(
    world: World, journal: Journal, executor: Executor
) -> None:
    path = world.pack / LIVE_PLACE
    path.parent.mkdir()
    theirs = (
        live_xmp.merged(None, {"theirs.wav": '["Mine|Best"]'}).replace(b"\n", b"\r\n") + b"<!-- odd -->  "
    )
    path.write_bytes(theirs)
    path.chmod(0o600)
    before = world.files()
    executor.run(plan_of(WriteEntries(path=path, form="xmp", entries={"a.wav": '["Drums|Kick"]'})))
    assert b"Drums|Kick" in path.read_bytes()
    assert b"Mine|Best" in path.read_bytes()
    executor.run(world.undoing(journal, 1))
    assert world.files() == before


def test_no_entry_is_written_of_a_file_that_did_not_come(world: World, executor: Executor) -> None:
    library = world.library
    (library / "d.wav").write_bytes(b"in the way")
    outcome = executor.run(
        plan_of(
            move(world.pack / "a.wav", library / "a.wav"),
            move(world.pack / "d.wav", library / "d.wav"),
            entries(library, a="kick", d="tom"),
        )
    )
    assert [state for state, _ in states(outcome)] == ["done", "failed", "done"]
    assert labels(library) == {"a.wav": "kick"}


def test_a_shared_file_that_is_broken_is_left_and_named(world: World, executor: Executor) -> None:
    path = world.pack / ".organizer.json"
    path.write_bytes(b"{ not json")
    outcome = executor.run(plan_of(entries(world.pack, a="kick")))
    assert outcome.results[0].state == "failed"
    assert "not one of ours" in outcome.results[0].error
    assert path.read_bytes() == b"{ not json"


@pytest.mark.parametrize("kind", ["link", "copy"])
def test_undo_never_removes_the_only_one_through_a_folder_that_became_a_link(
    world: World, journal: Journal, executor: Executor, kind: str
) -> None:
    kicks, favs = world.library / "Kicks", world.library / "Favs"
    for folder in (kicks, favs):
        folder.mkdir()
    source = world.pack / "a.wav"
    source.rename(kicks / "a.wav")
    content = content_hash(kicks / "a.wav")
    second: Operation = (
        Link(source=kicks / "a.wav", target=favs / "a.wav", content_hash=content)
        if kind == "link"
        else Copy(source=kicks / "a.wav", target=favs / "a.wav", content_hash=content)
    )
    executor.run(plan_of(second))
    (favs / "a.wav").unlink()
    favs.rmdir()
    favs.symlink_to(kicks)
    assert states(executor.run(world.undoing(journal, 1)))[0][0] == "skipped"
    assert (kicks / "a.wav").exists()


def test_a_symbolic_link_that_would_lead_nowhere_is_not_left(
    world: World, executor: Executor, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    favs = world.library / "Favs"
    favs.symlink_to(tmp_path / "elsewhere")
    source = world.library / "a.wav"
    (world.pack / "a.wav").rename(source)
    link = Link(source=source, target=favs / "a.wav", content_hash=content_hash(source), pointer="../a.wav")
    outcome = executor.run(plan_of(link))
    assert "would not lead to" in outcome.results[0].error
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_what_nobody_thought_of_fails_alone(
    world: World, executor: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> bytes:
        raise ZeroDivisionError("nobody thought of it")

    monkeypatch.setattr("organizer.execution.writers.folder_json.merged", fail)
    outcome = executor.run(
        plan_of(entries(world.pack, a="kick"), move(world.pack / "d.wav", world.library / "d.wav"))
    )
    assert [state for state, _ in states(outcome)] == ["failed", "done"]
    assert "unexpected ZeroDivisionError" in outcome.results[0].error


def test_a_folder_that_could_be_made_at_last_takes_files(world: World, journal: Journal) -> None:
    target = world.library / "Kicks"

    class Refusing(Filesystem):
        refuse = True

        def _mkdir(self, path: Path, mode: int) -> None:
            if self.refuse:
                raise PermissionError(13, "no", str(path))
            super()._mkdir(path, mode)

    files = Refusing()
    executor = Executor(journal, files)
    plan = plan_of(MakeFolder(path=target), move(world.pack / "a.wav", target / "a.wav"))
    first = executor.run(plan)
    assert [one.state for one in first.results] == ["failed", "failed"]
    files.refuse = False
    again = executor.run(plan, batch=first.batch)
    assert [one.state for one in again.results] == ["done", "done"]
