from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Ran

    Run = Callable[..., Ran]
    Make = Callable[..., Path]

KICK = {"Kicks/VEH1 Bassdrum 001.wav": "Kick.wav"}


def test_an_undo_and_a_redo_say_what_they_did(run: Run, ready: Path, make_pack: Make) -> None:
    run("sort", make_pack(ready / "Inbox" / "D-70 Hits", KICK), "--yes")
    assert run("undo", "--yes").out == "D-70 Hits: 1 put back as batch 2\n"
    assert run("redo", "--yes").out == "D-70 Hits: 1 filed again as batch 3\n"
    assert run("undo", "--yes").out == "D-70 Hits: 1 put back as batch 4\n"
    assert run("redo", 1, "--yes").out == "D-70 Hits: 1 filed again as batch 5\n"
    ran = run("redo", "--yes")
    assert (ran.code, ran.err.splitlines()[0]) == (2, "organizer: there is no undo to turn around")
    assert [one["title"] for one in json.loads(run("log", "--json").out)] == [
        "redo of D-70 Hits",
        "undo of D-70 Hits",
        "redo of D-70 Hits",
        "undo of D-70 Hits",
        "D-70 Hits",
    ]


def test_a_pack_called_like_an_undo_is_a_pack_all_the_same(run: Run, ready: Path, make_pack: Make) -> None:
    run("sort", make_pack(ready / "Inbox" / "undo of redo of Kit", KICK), "--yes")
    assert run("redo", "--yes").code == 2
    assert run("undo", "--yes").out == "undo of redo of Kit: 1 put back as batch 2\n"
    assert json.loads(run("log", "--json").out)[0]["title"] == "undo of undo of redo of Kit"
    assert run("redo", "--yes").out == "undo of redo of Kit: 1 filed again as batch 3\n"


def test_a_redo_that_is_undone_by_its_number_is_an_undo(run: Run, ready: Path, make_pack: Make) -> None:
    pack = make_pack(ready / "Inbox" / "Kit", KICK)
    run("sort", pack, "--yes")
    run("undo", "--yes")
    run("redo", "--yes")
    assert run("undo", 3, "--yes").out == "Kit: 1 put back as batch 4\n"
    assert (pack / "Kick.wav").exists()
    told = json.loads(run("status", "--json").out)
    assert told["held"] == 1  # else the service would file it again
    assert run("redo", "--yes").out == "Kit: 1 filed again as batch 5\n"


def test_what_could_not_be_put_back_is_told_with_the_way_to_try_again(
    run: Run, ready: Path, make_pack: Make
) -> None:
    pack = make_pack(ready / "Inbox" / "Kit", KICK)
    run("sort", pack, "--yes")
    pack.mkdir()
    (pack / "Kick.wav").write_bytes(b"another")
    ran = run("undo", "--yes")
    assert ran.code == 1
    assert ran.out == "Kit: 0 put back as batch 2\n"
    assert "not done: move " in ran.err
    assert "organizer undo 1 tries that again" in ran.err
    (told,) = json.loads(run("undo", 1, "--yes", "--json").out)
    assert (told["turned_around"], told["done"], len(told["refused"])) == (1, 0, 1)


def test_a_dry_run_lists_the_way_back_and_forth(run: Run, ready: Path, make_pack: Make) -> None:
    pack = make_pack(ready / "Inbox" / "Kit", KICK)
    run("sort", pack, "--yes")
    (plan,) = json.loads(run("undo", "--dry-run", "--json").out)
    assert list(plan) == ["title", "inbox", "operations"]
    (move,) = [one for one in plan["operations"] if one["operation"] == "Move"]
    assert move["target"] == str(pack / "Kick.wav")
    assert run("undo", "--dry-run").out == f"undo of Kit:\n  move {move['source']} -> {move['target']}\n"
    run("undo", "--yes")
    assert run("redo", "--dry-run").out == f"redo of Kit:\n  move {move['target']} -> {move['source']}\n"
    assert (pack / "Kick.wav").exists()


def test_what_was_begun_since_a_time_is_undone(run: Run, ready: Path, make_pack: Make) -> None:
    for name in ("One", "Two"):
        run("sort", make_pack(ready / "Inbox" / name, KICK), "--yes")
    journal = ready / "home" / "state" / "journal.sqlite"
    with closing(sqlite3.connect(journal)) as connection, connection:
        connection.execute("UPDATE batch SET started = started - 7200 WHERE id = 1")
    assert run("undo", "--since", "2999-01-01", "--yes").code == 2
    assert [one["title"] for one in json.loads(run("undo", "--since", "1h", "--dry-run", "--json").out)] == [
        "undo of Two"
    ]
    assert run("undo", "--since", "1h", "--yes").out == "Two: 1 put back as batch 3\n"
    assert run("undo", "--since", "3h", "--yes").out == "One: 1 put back as batch 4\n"


@pytest.mark.parametrize("text", ["soon", "2 fortnights", "2026-13-01", "-3h", "99999999999d", "999999w", ""])
@pytest.mark.usefixtures("ready")
def test_a_time_that_is_none_is_told_so(run: Run, text: str) -> None:
    ran = run("undo", f"--since={text}", "--yes")
    assert ran.code == 2
    assert "is no time: write 2h" in ran.err


def test_files_are_undone_by_name_wherever_they_were_or_are(run: Run, ready: Path, make_pack: Make) -> None:
    pack = make_pack(
        ready / "Inbox" / "Kit",
        {
            **KICK,
            "Perc/Cowbell.wav": "Cowbell.wav",
            "Perc/TomLo.wav": "Tom.wav",
            "Perc/shkr.wav": "Shaker.wav",
        },
    )
    run("sort", pack, "--yes")
    library = ready / "Library"
    filed = {path.name: path for path in library.rglob("*.wav")}
    assert run("undo", filed["Kick.wav"], "--dry-run").out.splitlines() == [
        "undo of Kick.wav of Kit:",
        f"  move {filed['Kick.wav']} -> {pack / 'Kick.wav'}",
    ]
    assert run("undo", filed["Kick.wav"], "--yes").out == "Kick.wav of Kit: 1 put back as batch 2\n"
    # By the place that it came from.
    assert run("undo", pack / "Cowbell.wav", "--yes").out == "Cowbell.wav of Kit: 1 put back as batch 3\n"
    mine = filed["Tom.wav"].rename(library / "My tom.wav")
    told = json.loads(run("undo", mine, "--yes", "--json").out)
    assert [(one["turned_around"], one["files"], one["done"]) for one in told] == [
        (1, [str(filed["Tom.wav"])], 1)
    ]
    assert sorted(path.name for path in pack.iterdir()) == ["Cowbell.wav", "Kick.wav", "Tom.wav"]
    for file, reason in (
        (pack / "Kick.wav", "is where an undo put it back"),
        (ready / "none.wav", "the journal knows no file"),
        (library, "is a folder"),
    ):
        ran = run("undo", file, "--yes")
        assert ran.code == 2
        assert reason in ran.err
    assert run("undo", 1, "--yes").out == "Kit: 1 put back as batch 5\n"
    assert run("redo", 2, "--yes").out == "Kick.wav of Kit: 1 filed again as batch 6\n"
    assert filed["Kick.wav"].exists()


def test_a_number_is_a_batch_whatever_is_called_like_it(
    run: Run, ready: Path, make_pack: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("sort", make_pack(ready / "Inbox" / "Kit", KICK), "--yes")
    (ready / "1").mkdir()  # as folders of loops are, by their tempo
    monkeypatch.chdir(ready)
    assert run("undo", "1", "--yes").out == "Kit: 1 put back as batch 2\n"


def test_one_batch_that_waits_for_its_disk_holds_no_other_up(run: Run, ready: Path, make_pack: Make) -> None:
    away = ready / "Library"
    run("sort", make_pack(ready / "Inbox" / "One", KICK), "--yes")
    run("sort", make_pack(ready / "Inbox" / "Two", {"Perc/Cowbell.wav": "Cowbell.wav"}), "--yes")
    with closing(sqlite3.connect(ready / "home" / "state" / "journal.sqlite")) as connection, connection:
        connection.execute("UPDATE batch SET state = 'open' WHERE id = 2")
        connection.execute("UPDATE operation SET state = 'open' WHERE batch = 2 AND kind = 'move'")
    away.rename(ready / "drawer")
    ran = run("undo", "--all", "--yes")
    assert ran.code == 1
    assert "batch 2 was interrupted, and waits for a disk that is not there" in ran.err
    assert f"The disk that holds {away} is not there" in ran.err
    (ready / "drawer").rename(away)
    assert run("undo", "--all", "--yes").code == 0
    assert sorted(path.name for path in (ready / "Inbox").rglob("*.wav")) == ["Cowbell.wav", "Kick.wav"]
