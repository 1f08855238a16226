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


def test_a_name_that_the_ear_contradicts_is_told_in_one_sentence(
    run: Run, ready: Path, make_pack: Make
) -> None:
    pack = make_pack(ready / "Inbox" / "Kit", {"Kicks/VEH1 Bassdrum 001.wav": "Closed Hat 1.wav"})
    told = json.loads(run("why", "--json", pack / "Closed Hat 1.wav").out)["sample"]
    (doubt,) = told["doubts"]
    assert doubt.startswith("the ear says kick (")
    assert "and the name hihat (" in doubt
    alone = json.loads(run("classify", "--json", "--audio-only", pack / "Closed Hat 1.wav").out)
    assert told["confidence"] < alone["confidence"]
    shown = run("why", pack / "Closed Hat 1.wav").out
    assert f"doubt     {doubt}" in shown
    assert ", believed " in shown


def test_a_file_not_yet_filed_is_heard_with_its_pack(run: Run, ready: Path, make_pack: Make) -> None:
    """What `why` says of it beforehand is what filing it comes to."""
    kick = "Kicks/VEH1 Bassdrum 001.wav"
    pack = make_pack(ready / "Inbox" / "Kit", {kick: "Closed Hat 1.wav"})
    for number in range(2, 9):
        make_pack(pack, {kick: f"Cowbell {number}.wav"})
    before = json.loads(run("why", "--json", pack / "Closed Hat 1.wav").out)["sample"]
    assert any("the names of this pack often do not fit" in doubt for doubt in before["doubts"])
    assert before["category"] == "kick"
    run("sort", pack, "--yes")
    after = json.loads(run("why", "--json", pack / "Closed Hat 1.wav").out)["sample"]
    assert after == before


def test_words_of_the_users_own_count_and_mistakes_in_them_are_told(
    run: Run, ready: Path, make_pack: Make
) -> None:
    pack = make_pack(ready / "Inbox" / "Kit", {"Kicks/VEH1 Bassdrum 001.wav": "Wumms 1.wav"})
    assert "says" not in run("why", pack / "Wumms 1.wav").out.split("name ")[1].splitlines()[0]
    config = ready / "home" / "config.toml"
    plain = config.read_text()
    config.write_text(plain + '\n[vocabulary.labels.kick]\nsure = ["Wumms"]\n')
    assert "the file name says “wumms”" in run("why", pack / "Wumms 1.wav").out
    config.write_text(plain + '\n[vocabulary.labels.kik]\nsure = ["Wumms"]\n')
    ran = run("why", pack / "Wumms 1.wav")
    assert ran.code == 3
    assert "there is no label 'kik'; did you mean 'kick'?" in ran.err
