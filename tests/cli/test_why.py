from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Ran

    Run = Callable[..., Ran]
    Make = Callable[..., Path]

KICK = {"Kicks/VEH1 Bassdrum 001.wav": "Kicks/Kick.wav"}


def test_a_file_that_lies_in_a_bundle_is_told_as_the_service_sees_it(
    run: Run, ready: Path, make_pack: Make
) -> None:
    pack = make_pack(ready / "Inbox" / "Instrument", KICK)
    (pack / "kit.sfz").write_text("<region> sample=Kicks/Kick.wav")
    told = json.loads(run("why", "--json", pack / "Kicks" / "Kick.wav").out)
    assert not any(rule["held"] for rule in told["rules"])
    assert "bundle" in told["rules"][0]["why"]


def test_a_held_file_says_so_and_names_the_redo(run: Run, ready: Path, make_pack: Make) -> None:
    pack = make_pack(ready / "Inbox" / "Kit", KICK)
    run("sort", pack, "--yes")
    filed = json.loads(run("why", "--json", pack / "Kicks" / "Kick.wav").out)
    assert (filed["held"], filed["way_back"]) == (False, "organizer undo 1")
    assert filed["rule_then"] == "Drum one-shots"
    run("undo", "--yes")
    held = json.loads(run("why", "--json", pack / "Kicks" / "Kick.wav").out)
    assert (held["held"], held["rule_then"], held["way_back"]) == (True, None, "organizer redo 2")
    assert "held: an undo put it back here" in run("why", pack / "Kicks" / "Kick.wav").out
    assert run("redo", "2", "--yes").code == 0


def test_a_folder_and_a_file_that_never_was_are_refused(run: Run, ready: Path) -> None:
    assert "is a folder" in run("why", ready / "Library").err
    ran = run("why", ready / "Inbox" / "nothing.wav")
    assert ran.code == 2
    assert "there is no file" in ran.err


def test_a_file_that_cannot_be_heard_says_why(run: Run, ready: Path) -> None:
    (ready / "Inbox" / "empty.wav").touch()
    ran = run("why", ready / "Inbox" / "empty.wav")
    assert ran.code == 0
    assert "cannot be heard: the file is empty" in ran.out
