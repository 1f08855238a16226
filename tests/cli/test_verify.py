from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Ran

    Run = Callable[..., Ran]

RULES = """
version = 1
[[rule]]
name = "All"
when = { type = "audio" }
then = [
  { move = "Drums/{name}" }, { tag = { genre = "{category|x}" } }, { copy = "Copies/{name}" },
  { link = "Links/{name}", kind = "symbolic" }, { sidecar = "json" },
]
"""
NAMES = ("Kick.wav", "Cowbell.wav", "Tom.wav", "Snare.wav")


@pytest.fixture
def library(run: Run, ready: Path, make_pack: Callable[..., Path]) -> Path:
    """A library into which four sounds were filed, with copies, links, tags and a sidecar."""
    (ready / "home" / "rules" / "default.toml").write_text(RULES)
    sources = ("Kicks/VEH1 Bassdrum 001.wav", "Perc/Cowbell.wav", "Perc/TomLo.wav", "Snares/SN_tight.wav")
    pack = make_pack(ready / "Inbox" / "Kit", dict(zip(sources, NAMES, strict=True)))
    assert run("sort", pack, "--yes").code == 0
    return ready / "Library"


def test_a_library_that_nobody_touched_is_as_it_was(run: Run, library: Path) -> None:
    ran = run("verify")
    assert (ran.code, ran.out) == (0, "13 files looked at: all is well\n")
    ran = run("verify", "--deep", library / "Drums")
    assert (ran.code, ran.out) == (0, "5 files looked at, 4 of them read whole: all is well\n")
    assert run("undo", "--yes").code == 0
    assert run("verify").out == "0 files looked at: all is well\n"


def test_what_is_missing_changed_moved_or_never_filed_is_told(run: Run, library: Path) -> None:
    drums = library / "Drums"
    (drums / "Kick.wav").unlink()
    with (drums / "Cowbell.wav").open("ab") as file:
        file.write(b"more")
    (drums / "Tom.wav").rename(library / "Mine.wav")
    (library / "Links" / "Snare.wav").unlink()
    (library / "Links" / "Snare.wav").symlink_to("../Drums/Kick.wav")
    shutil.copy(drums / "Snare.wav", library / "own.wav")
    (library / ".DS_Store").write_bytes(b"litter")
    ran = run("verify", "--json")
    assert ran.code == 1
    found = json.loads(ran.out)
    assert found == {
        "looked_at": 13,
        "hashed": 0,
        "missing": [str(drums / "Kick.wav")],
        "moved": [{"from": str(drums / "Tom.wav"), "to": str(library / "Mine.wav")}],
        "changed": [
            {"path": str(drums / "Cowbell.wav"), "how": found["changed"][0]["how"]},
            {"path": str(library / "Links" / "Snare.wav"), "how": "the link leads to ../Drums/Kick.wav"},
        ],
        "unreadable": [],
        "unexpected": [str(library / "own.wav")],
    }
    assert "bytes instead of" in found["changed"][0]["how"]
    told = run("verify").out.splitlines()
    assert told[0] == f"missing: {drums / 'Kick.wav'}"
    assert told[-2:] == [
        "13 files looked at: not all is well",
        "1 others were never filed; --json lists them",
    ]


def test_only_a_deep_look_finds_a_rotten_byte(run: Run, library: Path) -> None:
    kick = library / "Drums" / "Kick.wav"
    found, content = kick.stat(), bytearray(kick.read_bytes())
    content[len(content) // 2] ^= 1
    kick.write_bytes(content)
    os.utime(kick, ns=(found.st_atime_ns, found.st_mtime_ns))
    assert run("verify").code == 0
    ran = run("verify", "--deep", "--json")
    assert ran.code == 1
    assert json.loads(ran.out)["changed"] == [{"path": str(kick), "how": "other bytes"}]


def test_a_file_that_was_only_touched_has_not_changed(run: Run, library: Path) -> None:
    (library / "Drums" / "Kick.wav").touch()
    assert run("verify").out == "13 files looked at, 1 of them read whole: all is well\n"


def test_a_library_that_is_away_is_no_lost_library(run: Run, library: Path) -> None:
    library.rename(library.with_name("away"))
    ran = run("verify")
    assert ran.code == 2
    assert "is not there" in ran.err
