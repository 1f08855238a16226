from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Ran

    Run = Callable[..., Ran]
    Make = Callable[..., Path]

KICK = {"Kicks/VEH1 Bassdrum 001.wav": "Kick.wav"}
RULES = """
version = 1
[[rule]]
name = "Drums"
when = { type = "audio" }
then = [{ move = "Drums/{pack}/{name}" }]
on_duplicate = "trash"
"""


@pytest.fixture
def library(run: Run, ready: Path, make_pack: Make) -> Path:
    """A library into which one sound came twice, the second time with what a DAW knows of it."""
    (ready / "home" / "rules" / "default.toml").write_text(RULES)
    assert run("sort", make_pack(ready / "Inbox" / "One", KICK), "--yes").code == 0
    two = make_pack(ready / "Inbox" / "Two", KICK)
    (two / "Kick.wav.asd").write_bytes(b"what a DAW knows")
    assert run("sort", two, "--yes").code == 0
    return ready / "Library"


def files(folder: Path) -> list[str]:
    return sorted(str(one.relative_to(folder)) for one in folder.rglob("*") if one.is_file())


def test_the_trash_is_listed_with_the_way_back(run: Run, library: Path) -> None:
    told = run("trash", "list").out.splitlines()
    assert [line.split("  ")[1:] for line in told[:-1]] == [
        [str(library / "_Trash/Two/Kick.wav"), "(batch 2)"],
        [str(library / "_Trash/Two/Kick.wav.asd"), "(batch 2)"],
    ]
    assert told[-1] == "2 files, 0.0 MB"
    listed = json.loads(run("trash", "list", "--json").out)
    assert [(one["size"] > 0, one["batch"]) for one in listed] == [(True, 2), (True, 2)]
    run("undo", 2, "--yes")
    assert run("trash", "list").out == "The trash is empty\n"


def test_emptying_asks_and_deletes_what_lies_in_the_library_as_well(run: Run, library: Path) -> None:
    (library / "_Trash" / "mine.txt").write_text("of my own")
    before = files(library)
    ran = run("trash", "empty")
    assert (ran.code, "Delete 2 files for good? This cannot be undone." in ran.err) == (2, True)
    told = run("trash", "empty", "--dry-run").out
    assert (
        f"delete {library / '_Trash/Two/Kick.wav'} for good (the same sound is {library}/Drums/One/" in told
    )
    assert run("trash", "empty", "--older-than", "1d", "--yes").out == "0 files deleted\n"
    assert files(library) == before
    ran = run("trash", "empty", "--yes")
    assert (ran.code, ran.out) == (0, "2 files deleted\n")
    assert "mine.txt: the journal knows of nobody who has put it there" in ran.err
    assert files(library) == ["Drums/One/Kick.wav", "_Trash/mine.txt"]
    assert not (library / "_Trash" / "Two").exists()
    assert json.loads(run("status", "--json").out)["library"]["samples"] == 1


def test_what_was_deleted_is_told_and_never_stands_in_the_way_of_an_undo(run: Run, library: Path) -> None:
    run("trash", "empty", "--yes")
    assert json.loads(run("log", "--json").out)[0]["title"] == "emptying the trash"
    ran = run("undo", 3, "--yes")
    assert "it was deleted from the trash for good" in ran.err
    ran = run("undo", "--yes")
    assert (ran.code, "is no longer there" in ran.err) == (1, True)
    assert run("undo", 1, "--yes").out == "One: 1 put back as batch 6\n"
    assert files(library) == []


@pytest.mark.parametrize("lost", ["deleted", "changed"])
def test_the_last_of_its_kind_stays_unless_its_user_says_so(run: Run, library: Path, lost: str) -> None:
    twin = library / "Drums/One/Kick.wav"
    if lost == "deleted":
        twin.unlink()
    else:  # still there, and not looked at since
        twin.write_bytes(twin.read_bytes()[:-2] + b"xx")
    ran = run("trash", "empty", "--yes", "--json")
    told = json.loads(ran.out)
    assert told["stayed"][0]["reason"] == "no other copy of it is known"
    assert "_Trash/Two/Kick.wav" in files(library)
    assert run("trash", "empty", "--even-last-copies", "--yes").code == 0
    assert [name for name in files(library) if name.startswith("_Trash")] == []


def test_a_file_that_took_the_name_of_a_trashed_one_is_its_users(run: Run, library: Path) -> None:
    mine = library / "_Trash/Two/Kick.wav"
    mine.unlink()
    mine.write_bytes(b"my own recording, under a name that was ours once")
    assert run("trash", "empty", "--even-last-copies", "--yes").code == 0
    assert mine.read_bytes().startswith(b"my own")


def test_what_only_an_inbox_has_besides_is_the_last_in_the_library(
    run: Run, ready: Path, library: Path
) -> None:
    assert "_Trash/Two/Kick.wav" in files(library)
    run("undo", 1, "--yes")
    assert (ready / "Inbox" / "One" / "Kick.wav").exists()
    told = json.loads(run("trash", "empty", "--yes", "--json").out)
    assert told["stayed"][0]["reason"] == "no other copy of it is known"
