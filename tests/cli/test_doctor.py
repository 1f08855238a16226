from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Ran

    Run = Callable[..., Ran]
    Make = Callable[..., Path]

KICK = {"Kicks/VEH1 Bassdrum 001.wav": "Kick.wav"}


def test_a_sound_installation_is_found_sound(run: Run, ready: Path) -> None:
    ran = run("doctor", "--json")
    assert ran.code == 0
    grades = {(one["subject"], one["grade"]) for one in json.loads(ran.out)}
    assert {("configuration", "OK"), ("rules", "OK"), ("model", "OK"), ("journal", "OK")} <= grades
    (ready / "Library").rmdir()
    ran = run("doctor")
    assert ran.code == 1
    assert "FAIL library" in ran.out


def test_a_model_that_is_none_is_named_and_stops_what_listens(run: Run, ready: Path, make_pack: Make) -> None:
    config = ready / "home" / "config.toml"
    (ready / "ear.onnx").write_bytes(b"no model")
    config.write_text(f'model = "{ready / "ear.onnx"}"\n' + config.read_text())
    ran = run("doctor")
    assert ran.code == 1
    assert "FAIL model" in ran.out
    ran = run("classify", make_pack(ready / "Kit", KICK))
    assert ran.code == 4
    assert str(ready / "ear.onnx") in ran.err


def test_a_broken_configuration_is_one_finding_a_mistake(run: Run, ready: Path) -> None:
    config = ready / "home" / "config.toml"
    config.write_text('setle_seconds = 1\nthreads = "two"\n' + config.read_text().replace("threads = 2", ""))
    failed = [one for one in json.loads(run("doctor", "--json").out) if one["grade"] == "FAIL"]
    assert [(one["subject"], one["what"].removeprefix(f"{config}: "), one["hint"]) for one in failed] == [
        ("configuration", "'setle_seconds' is not a setting; did you mean 'settle_seconds'?", ""),
        (
            "configuration",
            'threads: expected a whole number, found "two"',
            "Correct the file; `organizer doctor` checks it again.",
        ),
    ]


def test_rules_that_would_file_nothing_are_warned_of(run: Run, ready: Path) -> None:
    (ready / "home" / "rules" / "default.toml").write_text("version = 1\n")
    assert "WARN rules: no rule: nothing would ever be filed" in run("doctor").out


def test_every_mistake_in_words_of_the_users_own_is_a_finding(run: Run, ready: Path) -> None:
    config = ready / "home" / "config.toml"
    words = '[vocabulary]\nlabels.kik.sure = ["wumms"]\nshared.boo = { kick = 0.0 }\n'
    config.write_text(config.read_text() + words)
    failed = [one for one in json.loads(run("doctor", "--json").out) if one["grade"] == "FAIL"]
    assert [(one["subject"], one["what"]) for one in failed] == [
        ("configuration", "config.toml: [vocabulary] there is no label 'kik'; did you mean 'kick'?"),
        (
            "configuration",
            "config.toml: [vocabulary] shared, 'boo': expected one or more numbers above 0, up to 1",
        ),
    ]


def test_a_damaged_journal_is_found_with_the_way_out(run: Run, ready: Path, make_pack: Make) -> None:
    run("sort", make_pack(ready / "Inbox" / "Kit", KICK), "--yes")
    assert "is whole, 0 MB" in run("doctor").out
    (ready / "home" / "state" / "journal.sqlite").write_bytes(b"no database" * 1000)
    ran = run("doctor")
    assert ran.code == 1
    assert "FAIL journal" in ran.out
    assert "organizer journal recover" in ran.out


def test_a_library_that_is_an_empty_mount_point_is_found_missing(
    run: Run, ready: Path, make_pack: Make
) -> None:
    run("sort", make_pack(ready / "Inbox" / "Kit", KICK), "--yes")
    # As if the library had lain on a disk of its own.
    with closing(sqlite3.connect(ready / "home" / "state" / "journal.sqlite")) as connection, connection:
        connection.execute("UPDATE place SET point = root WHERE root LIKE '%/Library'")
    (ready / "Library").rename(ready / "away")
    (ready / "Library").mkdir()
    ran = run("doctor")
    assert ran.code == 1
    assert f"FAIL library: The disk that holds {ready / 'Library'} is not there" in ran.out
    make_pack(ready / "Inbox" / "Kit", {"Perc/Cowbell.wav": "Cowbell.wav"})
    ran = run("sort", ready / "Inbox" / "Kit", "--yes")
    assert ran.code == 1
    assert list((ready / "Library").iterdir()) == []
