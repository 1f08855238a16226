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
