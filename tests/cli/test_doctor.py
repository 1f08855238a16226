from __future__ import annotations

import json
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
