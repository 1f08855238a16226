from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from organizer.batch.arrivals import arrivals_below
from organizer.cli.assembly import Assembly
from organizer.cli.main import COMMANDS
from organizer.demo.sounds import DEMO_PACK
from organizer.labels import CATEGORY_OF, LABELS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Ran

    Run = Callable[..., Ran]
    Make = Callable[..., Path]


@pytest.mark.parametrize("command", [name for section in COMMANDS.values() for name in section])
def test_each_command_has_help_with_an_example(run: Run, command: str) -> None:
    ran = run(command, "--help")
    assert ran.code == 0
    assert f"  organizer {command}" in ran.out
    assert "Example" in ran.out


def test_help_reads_like_a_page_of_contents(run: Run) -> None:
    ran = run("--help")
    positions = [ran.out.index(f"\n{title}:") for title in COMMANDS]
    assert positions == sorted(positions)


def test_a_mistyped_command_gets_a_suggestion(run: Run) -> None:
    ran = run("stauts")
    assert ran.code == 2
    assert "Did you mean 'status'?" in ran.err


def test_without_a_configuration_the_way_to_one_is_named(run: Run) -> None:
    ran = run("status")
    assert ran.code == 3
    assert "there is no configuration at" in ran.err
    assert "hint: Run `organizer init` to make one." in ran.err


def test_init_makes_everything_and_overwrites_nothing(run: Run, home: Path) -> None:
    listed = json.loads(
        run("init", "--inbox", home / "In", "--library", home / "Lib", "--dry-run", "--json").out
    )
    assert not (home / "In").exists()
    ran = run("init", "--inbox", home / "In", "--library", home / "Lib")
    assert ran.code == 0
    made = [line.removeprefix("made ") for line in ran.out.splitlines() if line.startswith("made ")]
    assert made == listed["made"]
    again = run("init")
    assert again.code == 2
    assert "there is a configuration already" in again.err


def test_init_refuses_an_inbox_inside_the_library(run: Run, home: Path) -> None:
    ran = run("init", "--inbox", home / "Lib" / "In", "--library", home / "Lib")
    assert ran.code == 3
    assert "lies inside the library" in ran.err
    assert not (home / "Lib").exists()


def test_classify_tells_each_file_and_the_bad_one_stops_none(run: Run, home: Path, make_pack: Make) -> None:
    pack = make_pack(home / "Kit")
    (pack / "Kicks" / "broken.wav").write_bytes(b"")
    ran = run("classify", "--json", pack)
    assert ran.code == 1
    told = {line["path"]: line for line in map(json.loads, ran.out.splitlines())}
    assert len(told) == len(DEMO_PACK) + 1
    assert told[str(pack / "Kicks" / "broken.wav")]["error"] == "the file is empty"
    kick = told[str(pack / "Kicks" / "VEH1 Bassdrum 001.wav")]
    assert kick["category"] == CATEGORY_OF[kick["label"]]
    assert set(kick["probabilities"]) == set(LABELS)
    assert sum(kick["probabilities"].values()) == pytest.approx(1.0, abs=0.01)
    assert kick["duration"] == pytest.approx(0.5, abs=0.01)
    assert kick["evidence"]["name"]["reasons"]
    assert kick["evidence"]["audio"]["labels"]
    assert kick["model"]


def test_classify_by_ear_alone_counts_no_name(run: Run, home: Path, make_pack: Make) -> None:
    pack = make_pack(home / "Kit", {"Kicks/VEH1 Bassdrum 001.wav": "Snare.wav"})
    told = json.loads(run("classify", "--json", "--audio-only", pack).out)
    assert told["evidence"]["name"] is None
    assert told["evidence"]["metadata"] is None


def test_classify_shows_terminal_escapes_instead_of_sending_them(
    run: Run, home: Path, make_pack: Make
) -> None:
    make_pack(home, {"Kicks/VEH1 Bassdrum 001.wav": "evil\x1b[2J\nKick.wav"})
    ran = run("classify", home / "evil\x1b[2J\nKick.wav")
    assert "\x1b" not in ran.out
    assert "evil\\x1b[2J\\nKick.wav" in ran.out


def test_the_way_there_and_back_by_commands(run: Run, ready: Path, make_pack: Make) -> None:
    pack = make_pack(ready / "Inbox" / "Kit")
    (pack / "empty.wav").touch()
    planned = run("run", "--dry-run")
    assert planned.code == 0
    assert planned.out.count("move ") == len(DEMO_PACK)
    assert len(list(pack.rglob("*.wav"))) == len(DEMO_PACK) + 1

    sorted_ = run("sort", ready / "Inbox", "--yes", "--json")
    assert sorted_.code == 1  # one file cannot be read
    (report,) = json.loads(sorted_.out)
    assert (report["filed"], report["problems"]) == (len(DEMO_PACK), 1)

    status = run("status", "--json")
    assert status.code == 6
    told = json.loads(status.out)
    assert told["library"]["samples"] == len(DEMO_PACK)
    assert [one["reason"] for one in told["unreadable"]] == ["the file is empty"]
    assert "the file is empty" in run("status").out

    (batch,) = json.loads(run("log", "--json").out)
    assert (batch["title"], batch["done"], batch["undone_by"]) == ("Kit", len(DEMO_PACK), None)
    moves = [line for line in run("log", str(batch["id"])).out.splitlines() if line.startswith("  move ")]
    assert len(moves) == len(DEMO_PACK)

    old = pack / "Kicks" / "VEH1 Bassdrum 001.wav"
    why = json.loads(run("why", "--json", old).out)
    assert why["path"].startswith(str(ready / "Library"))
    assert why["way_back"] == f"organizer undo {batch['id']}"
    assert why["rule_then"] in {rule["rule"] for rule in why["rules"] if rule["held"]}
    assert "today's rules" in run("why", why["path"]).out

    again = run("reclassify", "--dry-run", "--json")
    assert (again.code, json.loads(again.out)["changes"]) == (0, [])

    refused = run("undo")
    assert refused.code == 2
    assert "--yes" in refused.err
    would = run("undo", "--dry-run")
    assert would.out.count("move ") == len(DEMO_PACK)
    assert not old.exists()
    undone = run("undo", "--yes")
    assert undone.code == 0
    assert old.exists()
    assert json.loads(run("status", "--json").out)["held"] == len(DEMO_PACK)
    assert run("undo", "--all", "--yes").code == 2  # nothing is left to undo
    assert run("redo", "--yes").code == 0
    assert not old.exists()


def test_sort_refuses_the_library_itself(run: Run, ready: Path) -> None:
    ran = run("sort", ready / "Library", "--yes")
    assert ran.code == 2
    assert "reclassify" in ran.err
    above = run("sort", ready, "--yes")
    assert above.code == 2
    assert f"the library {ready / 'Library'} lies inside {ready}" in above.err
    assert "Sort the folders beside the library" in above.err


def test_sort_refuses_what_organizer_itself_works_with_and_what_holds_an_inbox(run: Run, home: Path) -> None:
    run("init", "--inbox", home / "Music" / "Inbox", "--library", home / "Library")
    run("status")  # it makes the state
    before = sorted((home / "home").rglob("*"))
    for folder in ("home", "home/state", "home/rules", "home/config.toml", "Music"):
        ran = run("sort", home / folder, "--yes")
        assert ran.code == 2, folder
        assert "hint" in ran.err
    assert set(before) <= set((home / "home").rglob("*"))
    assert (home / "Music" / "Inbox").is_dir()


def test_sort_knows_a_pack_of_an_inbox_by_any_way_to_it_and_refuses_links(
    run: Run, ready: Path, make_pack: Make
) -> None:
    kit = make_pack(ready / "Inbox" / "Kit", {"Kicks/VEH1 Bassdrum 001.wav": "Kick.wav"})
    (ready / "to inbox").symlink_to(ready / "Inbox")
    (ready / "to kit").symlink_to(kit)
    (ready / "to kick.wav").symlink_to(kit / "Kick.wav")
    (ready / "Inbox" / "to kit").symlink_to(kit)
    for link in ("to inbox", "to kit", "to kick.wav", "Inbox/to kit"):
        ran = run("sort", ready / link, "--yes")
        assert ran.code == 2, link
        assert f"leads to {(ready / link).resolve()}" in ran.err
    (report,) = json.loads(run("sort", ready / "to inbox" / "Kit", "--yes", "--json").out)
    assert (report["title"], report["filed"]) == ("Kit", 1)
    run("undo", "--yes")
    assert "held     1 file" in run("status").out


def test_sort_files_a_folder_from_anywhere(run: Run, ready: Path, make_pack: Make) -> None:
    pack = make_pack(ready / "Downloads" / "Kit", {"Kicks/VEH1 Bassdrum 001.wav": "Kick.wav"})
    assert run("sort", pack).code == 2  # it asks, and there is no terminal
    assert run("sort", pack, "--dry-run").out.startswith("Kit:\n  move ")
    assert run("sort", pack, "--yes").code == 0
    assert not pack.exists()
    assert run("undo", "--yes").code == 0
    assert (pack / "Kick.wav").exists()


def test_sort_makes_one_batch_of_loose_files_named_together(run: Run, ready: Path, make_pack: Make) -> None:
    folder = make_pack(
        ready / "Downloads", {"Kicks/VEH1 Bassdrum 001.wav": "a.wav", "Kicks/VEH1 Bassdrum 002.wav": "b.wav"}
    )
    (report,) = json.loads(run("sort", folder / "a.wav", folder / "b.wav", "--yes", "--json").out)
    assert (report["batch"], report["filed"]) == (1, 2)
    run("undo", "--yes")
    assert sorted(path.name for path in folder.iterdir()) == ["a.wav", "b.wav"]


def test_sort_of_an_empty_inbox_says_so(run: Run, ready: Path) -> None:
    assert run("sort", ready / "Inbox", "--yes").out == "There is nothing to file.\n"


def test_a_damaged_journal_is_named_and_nothing_is_touched(run: Run, ready: Path, make_pack: Make) -> None:
    pack = make_pack(ready / "Inbox" / "Kit", {"Kicks/VEH1 Bassdrum 001.wav": "Kick.wav"})
    journal = ready / "home" / "state" / "journal.sqlite"
    journal.write_bytes(b"this was a journal once" * 200)
    ran = run("sort", pack, "--yes")
    assert ran.code == 5
    assert "hint:" in ran.err
    assert (pack / "Kick.wav").exists()


def test_run_once_empties_the_inbox_and_stops(run: Run, ready: Path, make_pack: Make) -> None:
    make_pack(ready / "Inbox" / "Kit", {"Kicks/VEH1 Bassdrum 001.wav": "Kick.wav"})
    config = ready / "home" / "config.toml"
    config.write_text(config.read_text().replace("settle_seconds = 3", "settle_seconds = 0.2"))
    assert run("run", "--once").code == 0
    assert list((ready / "Inbox").iterdir()) == []


def test_sort_brings_an_interrupted_batch_to_its_end_first(run: Run, ready: Path, make_pack: Make) -> None:
    make_pack(ready / "Inbox" / "Kit")
    with Assembly() as parts:
        arrival = next(iter(arrivals_below(parts.config.inbox[0])))
        library = ready / "Library"
        stopped = parts.filing.file(arrival, stop=lambda: len(list(library.rglob("*.wav"))) >= 3)
    assert stopped.interrupted
    more = make_pack(ready / "More", {"Kicks/VEH1 Bassdrum 001.wav": "Kick.wav"})
    ran = run("sort", more, "--yes")
    assert ran.code == 0
    assert "was interrupted" in ran.err
    assert len(list(library.rglob("*.wav"))) == len(DEMO_PACK) + 1
