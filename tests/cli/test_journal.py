"""`organizer journal`: backups are journals, restoring is safe, exporting is whole."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from organizer.execution.locks import service_lock

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Ran

    Run = Callable[..., Ran]
    Make = Callable[..., Path]

KICK = {"Kicks/VEH1 Bassdrum 001.wav": "Kick.wav"}


def file(run: Run, ready: Path, make_pack: Make, name: str) -> None:
    run("sort", make_pack(ready / "Inbox" / name, KICK), "--yes")


def titles(run: Run) -> list[str]:
    return [one["title"] for one in json.loads(run("log", "--json").out)]


def test_a_backup_is_put_back_and_what_was_there_is_kept(run: Run, ready: Path, make_pack: Make) -> None:
    file(run, ready, make_pack, "One")
    backup = ready / "backup.sqlite"
    assert run("journal", "backup", backup).out == f"The journal is backed up as {backup}\n"
    assert [path.name for path in ready.glob("backup*")] == ["backup.sqlite"]
    assert backup.stat().st_mode & 0o777 == 0o600
    file(run, ready, make_pack, "Two")
    assert titles(run) == ["Two", "One"]
    told = json.loads(run("journal", "restore", backup, "--yes", "--json").out)
    assert titles(run) == ["One"]
    assert run("undo", "--yes").out == "One: 1 put back as batch 2\n"
    run("journal", "restore", told["backup"], "--yes")
    assert titles(run) == ["Two", "One"]
    with closing(sqlite3.connect(ready / "home" / "state" / "journal.sqlite")) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"


def test_nothing_is_overwritten_by_a_backup(run: Run, ready: Path, make_pack: Make) -> None:
    file(run, ready, make_pack, "One")
    taken = ready / "taken"
    taken.write_bytes(b"mine")
    ran = run("journal", "backup", taken)
    assert ran.code != 0
    assert "There is already something at" in ran.err
    assert taken.read_bytes() == b"mine"
    assert not list(ready.glob(".organizer-*"))


def test_what_is_no_journal_is_not_put_back(run: Run, ready: Path, make_pack: Make) -> None:
    file(run, ready, make_pack, "One")
    text, other, newer = ready / "text", ready / "other.sqlite", ready / "newer.sqlite"
    text.write_text("This is no database at all, though it is long enough to be one. " * 40)
    with closing(sqlite3.connect(other)) as connection, connection:
        connection.execute("CREATE TABLE songs (name TEXT)")
    run("journal", "backup", newer)
    with closing(sqlite3.connect(newer)) as connection:
        connection.execute("PRAGMA user_version = 99")
    for path in (text, other, newer, ready / "nowhere"):
        ran = run("journal", "restore", path, "--yes")
        assert ran.code == 5, path
        assert "hint: " in ran.err
        assert titles(run) == ["One"]


def test_a_journal_in_use_is_not_replaced(run: Run, ready: Path, make_pack: Make) -> None:
    file(run, ready, make_pack, "One")
    run("journal", "backup", ready / "backup.sqlite")
    with service_lock(ready / "home" / "state"):
        ran = run("journal", "restore", ready / "backup.sqlite", "--yes")
    assert ran.code != 0
    assert "running already" in ran.err
    assert run("journal", "backup").code == 0


def test_an_export_tells_every_batch_with_its_operations(run: Run, ready: Path, make_pack: Make) -> None:
    file(run, ready, make_pack, "One")
    run("undo", "--yes")
    first, second = (json.loads(line) for line in run("journal", "export").out.splitlines())
    assert (first["title"], second["title"]) == ("One", "undo of One")
    assert "Move" in {one["operation"] for one in first["operations"]}


def test_a_library_that_was_moved_is_undone_from_where_it_is(run: Run, ready: Path, make_pack: Make) -> None:
    file(run, ready, make_pack, "One")
    (ready / "Library").rename(elsewhere := ready / "Elsewhere")
    config = ready / "home" / "config.toml"
    config.write_text(config.read_text().replace(str(ready / "Library"), str(elsewhere)))
    ran = run("journal", "moved", ready / "Nowhere", elsewhere)
    assert (ran.code, "knows no inbox or library" in ran.err, str(ready / "Library") in ran.err) == (
        2,
        True,
        True,
    )
    assert run("journal", "moved", ready / "Library", elsewhere).code == 0
    (kick,) = elsewhere.rglob("Kick.wav")
    assert f"\n  path: {kick}" in f"\n  path: {json.loads(run('why', kick, '--json').out)['path']}"
    library = json.loads(run("status", "--json").out)["library"]
    assert (library["path"], library["samples"], library["present"]) == (str(elsewhere), 1, True)
    assert run("undo", "--yes").out == "One: 1 put back as batch 2\n"
    assert (ready / "Inbox" / "One" / "Kick.wav").exists()


def damage(journal: Path, *, first: int, last: int) -> None:
    with journal.open("r+b") as file:
        for page in range(first, last):
            file.seek(page * 4096)
            file.write(b"\xa5" * 4096)


def test_what_can_be_read_of_a_damaged_journal_is_saved(run: Run, ready: Path, make_pack: Make) -> None:
    for number in range(12):
        file(run, ready, make_pack, f"Pack {number}")
    journal = ready / "home" / "state" / "journal.sqlite"
    assert run("journal", "recover").out == "The journal is sound\n"
    pages = journal.stat().st_size // 4096
    # Tables and indices begin first and are never in the same place twice, so any page may hold anything.
    with closing(sqlite3.connect(journal)) as connection:
        root = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'operation'").fetchone()[0]
    leaf = next(
        number
        for number in range(pages - 1, root, -1)
        if journal.read_bytes()[number * 4096] == 0x0D
        and b"Pack 7" in journal.read_bytes()[number * 4096 :][:4096]
    )
    before = journal.read_bytes()
    damage(journal, first=leaf, last=leaf + 1)
    ran = run("log")
    if ran.code:
        assert "organizer journal recover" in ran.err
    told = json.loads(run("journal", "recover", "--yes", "--json").out)
    assert told["damage"]
    assert told["gaps"] >= 1
    assert 0 < told["kept"]["operation"] < 12 * 4 * 3
    assert (ready / told["damaged"]).read_bytes() != before
    assert run("journal", "recover").out == "The journal is sound\n"
    log = json.loads(run("log", "--limit", "0", "--json").out)
    assert len(log) == 12
    saved = [one["id"] for one in log if one["done"]]
    assert 3 < len(saved) < 12
    assert run("undo", *saved, "--yes").code == 0
    assert not list((ready / "home" / "state").glob(".organizer-*"))


def test_a_journal_of_which_nothing_is_left_is_kept_as_it_is(run: Run, ready: Path, make_pack: Make) -> None:
    file(run, ready, make_pack, "One")
    journal = ready / "home" / "state" / "journal.sqlite"
    journal.write_bytes(b"no database at all" * 1000)
    ran = run("journal", "recover", "--yes")
    assert (ran.code, "restore" in ran.err) == (5, True)
    assert journal.read_bytes() == b"no database at all" * 1000


def test_old_batches_are_forgotten_when_asked_for_and_nothing_that_others_rest_on(
    run: Run, ready: Path, make_pack: Make
) -> None:
    file(run, ready, make_pack, "One")
    file(run, ready, make_pack, "Two")
    file(run, ready, make_pack, "Three")
    run("undo", "2", "--yes")  # held: neither it nor its undo may go
    run("undo", "3", "--yes")
    run("redo", "3", "--yes")
    told = json.loads(run("journal", "prune", "--older-than", "0s", "--dry-run", "--json").out)
    assert told == {"batches": [1, 3, 5, 6], "undoable": [1, 3], "forgotten": False}
    assert len(titles(run)) == 6
    assert run("journal", "prune", "--older-than", "1d", "--yes").out == (
        "Batches that are forgotten: 0; of them 0 could be undone\n"
    )
    ran = run("journal", "prune", "--older-than", "0s", "--yes")
    assert ran.out == "Batches that are forgotten: 4; of them 2 could be undone\n"
    assert titles(run) == ["undo of Two", "Two"]
    assert json.loads(run("status", "--json").out)["held"] == 1
    assert run("redo", "--yes").out == "Two: 1 filed again as batch 7\n"
