from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

    from tests.cli.conftest import Ran

    Run = Callable[..., Ran]
    Make = Callable[..., Path]

KICK = {"Kicks/VEH1 Bassdrum 001.wav": "Kick.wav"}


def test_a_relink_list_tells_the_moves_that_are_in_force(run: Run, ready: Path, make_pack: Make) -> None:
    pack = make_pack(ready / "Inbox" / "Kit", {"Kicks/VEH1 Bassdrum 001.wav": "Kick, loud.wav"})
    run("sort", pack, "--yes")
    lines = run("log", "--relink", "-").out.splitlines()
    assert lines[0] == "old,new"
    assert lines[1].startswith(f'"{pack / "Kick, loud.wav"}","{ready / "Library"}')
    run("undo", "--yes")
    assert run("log", "--relink", "-").out.splitlines() == ["old,new"]


def test_a_relink_list_holds_every_batch_unless_told_otherwise(
    run: Run, ready: Path, make_pack: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("organizer.cli.log.SHOWN", 1)
    for name in ("One", "Two"):
        run("sort", make_pack(ready / "Inbox" / name, KICK), "--yes")
    assert len(run("log").out.splitlines()) == 1
    assert len(run("log", "--limit", 0).out.splitlines()) == 2
    assert run("log", "--relink", ready / "moved.csv").code == 0
    old = [line.split(",")[0] for line in (ready / "moved.csv").read_text().splitlines()]
    assert old == ["old", *(str(ready / "Inbox" / name / "Kick.wav") for name in ("One", "Two"))]
    assert len(run("log", "--relink", "-", "--limit", 1).out.splitlines()) == 2
    assert run("log", "--limit", -1).code == 2


def test_a_relink_list_is_never_written_over_a_file(run: Run, ready: Path) -> None:
    (ready / "song.wav").write_bytes(b"precious")
    (ready / "lost.csv").symlink_to(ready / "nowhere.csv")
    for name in ("song.wav", "lost.csv", "Inbox"):
        ran = run("log", "--relink", ready / name)
        assert ran.code == 2
        assert ran.err.splitlines() == [
            f"organizer: {ready / name} is there already",
            "  hint: Name another file; nothing is overwritten.",
        ]
    assert (ready / "song.wav").read_bytes() == b"precious"


def test_a_place_that_cannot_hold_a_relink_list_is_named(run: Run, ready: Path) -> None:
    ran = run("log", "--relink", ready / "none" / "moved.csv")
    assert (ran.code, ran.err.splitlines()[0]) == (2, f"organizer: there is no folder {ready / 'none'}")
    (ready / "file").touch()
    ran = run("log", "--relink", ready / "file" / "moved.csv")
    assert ran.code == 1
    assert f"{ready / 'file' / 'moved.csv'} cannot be written: Not a directory" in ran.err
    assert run("log", "--relink", "-", "--json").code == 2


def test_what_was_put_back_by_itself_is_no_moved_file_any_more(
    run: Run, ready: Path, make_pack: Make
) -> None:
    names = {"Kicks/VEH1 Bassdrum 001.wav": "Kick.wav", "Perc/Cowbell.wav": "Cowbell.wav"}
    pack = make_pack(ready / "Inbox" / "Kit", names)
    run("sort", pack, "--yes")
    run("undo", pack / "Kick.wav", "--yes")
    listed = run("log", "--relink", "-").out.splitlines()
    assert [line.split(",")[0] for line in listed] == ["old", str(pack / "Cowbell.wav")]
