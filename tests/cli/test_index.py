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


def test_a_collection_is_heard_and_known_then(run: Run, ready: Path, make_pack: Make) -> None:
    old = make_pack(ready / "Old", KICK)
    assert run("index", old, "--dry-run").out == "1 sound would be heard, 0 known already\n"
    assert run("index", old).out == "1 sound heard, 0 known already\n"
    (old / "empty.wav").touch()
    ran = run("index", old, "--json")
    told = json.loads(ran.out)
    assert (ran.code, told["heard"], told["known"]) == (1, 0, 1)
    assert told["unreadable"][0]["path"] == str(old / "empty.wav")
    assert f"{old / 'empty.wav'}: the file is empty" in run("index", old).err
    assert run("index").out == "0 sounds heard, 0 known already\n"
    assert run("index", ready / "gone").code == 2
