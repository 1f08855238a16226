from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from organizer.cli.plans import show
from organizer.planning.operations import MakeFolder, Move, Plan, Skip
from organizer.sample import Stamp

if TYPE_CHECKING:
    import pytest

STAMP = Stamp(size=1, mtime_ns=2, inode=3, device=4)
KICK = Move(source=Path("/in/Kick.wav"), target=Path("/lib/Kick.wav"), stamp=STAMP, content_hash="b2:0")
NOTES = Skip(path=Path("/in/notes.txt"), reason="the rules leave it")
PLAN = Plan(origin="pack", title="Kit", inbox="In", operations=(MakeFolder(path=Path("/lib")), KICK, NOTES))


def test_a_plan_is_told_by_what_becomes_of_files(capsys: pytest.CaptureFixture[str]) -> None:
    show([PLAN, Plan(origin="pack", title="Nothing")], json_=False)
    assert capsys.readouterr().out == (
        "Kit:\n  move /in/Kick.wav -> /lib/Kick.wav\n  leave /in/notes.txt: the rules leave it\n"
    )


def test_without_anything_to_do_that_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    show([Plan(origin="pack", title="Nothing")], json_=False)
    assert capsys.readouterr().out == "Nothing would be done.\n"


def test_json_holds_every_plan_whole(capsys: pytest.CaptureFixture[str]) -> None:
    show([PLAN, Plan(origin="undo", title="undo of Kit")], json_=True)
    kit, nothing = json.loads(capsys.readouterr().out)
    assert nothing == {"title": "undo of Kit", "inbox": None, "operations": []}
    assert (kit["title"], kit["inbox"]) == ("Kit", "In")
    assert [one["operation"] for one in kit["operations"]] == ["MakeFolder", "Move", "Skip"]
    assert kit["operations"][1]["stamp"] == {"size": 1, "mtime_ns": 2, "inode": 3, "device": 4, "mode": 0}
