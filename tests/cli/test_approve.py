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


@pytest.fixture
def asking(ready: Path) -> Path:
    config = ready / "home" / "config.toml"
    config.write_text(config.read_text().replace('mode = "file"', 'mode = "suggest"'))
    return ready


def test_what_is_suggested_is_listed_told_by_status_and_filed(
    run: Run, asking: Path, make_pack: Make
) -> None:
    make_pack(asking / "Inbox" / "Kit", KICK)
    assert run("run", "--once").code == 0
    make_pack(asking / "Inbox" / "Other", KICK)
    assert run("run", "--once").code == 0
    assert sorted((asking / "Library").rglob("*.wav")) == []
    told = run("status").out
    assert "suggested 1: Kit, 1 file; `organizer approve 1` files it" in told
    status = json.loads(run("status", "--json").out)
    assert [(one["suggestion"], one["title"]) for one in status["suggested"]] == [(1, "Kit"), (2, "Other")]
    listed = run("approve", "--dry-run").out
    assert f"1  Kit:\n  move {asking}/Inbox/Kit/Kick.wav -> {asking}/Library/Drums/" in listed
    both = json.loads(run("approve", "--dry-run", "--json").out)
    assert all(any(op["operation"] == "Move" for op in one["operations"]) for one in both)

    doubt = run("approve")
    assert (doubt.code, "2 suggestions wait: 1 (Kit), 2 (Other)" in doubt.err) == (2, True)
    assert "no suggestion 7 waits" in run("approve", "7").err
    assert run("approve", "1").out.startswith("Kit: 1 filed, 0 left (organizer undo 1)")
    assert "1 file left in the inbox" in run("discard").out
    assert "nothing waits" in run("approve").err
    assert (asking / "Inbox/Other/Kick.wav").exists()


def test_what_has_changed_since_makes_the_exit_code_1(run: Run, asking: Path, make_pack: Make) -> None:
    make_pack(asking / "Inbox" / "Kit", KICK)
    run("run", "--once")
    (shown,) = json.loads(run("approve", "--dry-run", "--json").out)
    target = next(op["target"] for op in shown["operations"] if op["operation"] == "Move")
    (asking / "Library").joinpath(target).parent.mkdir(parents=True)
    (asking / "Library").joinpath(target).write_bytes(b"mine")
    ran = run("approve", "--all", "--json")
    assert ran.code == 1
    (told,) = json.loads(ran.out)
    assert (told["changed"], told["suggested_instead"], told["filed"]) == (True, 2, 0)
