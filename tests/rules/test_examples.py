"""Every example that ships, run on a pack: a tree of files in, a tree of files out, and back."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import mutagen
import pytest

from organizer.resources import shipped
from organizer.rules.loader import load_rules

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tests.desk import Desk

    Make = Callable[..., Path]
    TreeOf = Callable[[Path], Mapping[str, tuple[str, int, int]]]

EXAMPLES = sorted(shipped("rules").glob("*.toml"))
PACK = {
    "Kicks/VEH1 Bassdrum 001.wav": "Kicks/Kick 1.wav",
    "Cymbals/CHH-1.wav": "Hats/CHH-1.wav",
    "Loops/beat_120bpm.wav": "Loops/beat_120bpm.wav",
    "Loops/beat_96bpm_2bars.wav": "Loops/beat.wav",
    "Tonal/C2 bass.wav": "Tonal/Bass (C).wav",
}
LIVE = "Ableton Folder Info/dc66a3fa-0fe1-5352-91cf-3ec237e9ee90.xmp"
IN_PLACE = {f"in Kit/{name}" for name in (*PACK.values(), "License.txt")}
OUT = {
    "default.toml": {
        "Drums/Kicks/Kit/Kick 1.wav",
        "Drums/Hats/Closed/Kit/CHH-1.wav",
        "Loops/Kit/beat_120bpm.wav",
        "Loops/Kit/beat.wav",
        "One-Shots/Bass/Kit/Bass (C).wav",
        "_Packs/Kit/License.txt",
    },
    "by-pack.toml": {
        "ByPack/Kit/Kicks/Kick 1.wav",
        "ByPack/Kit/Hats/Closed/CHH-1.wav",
        "ByPack/Kit/Loops/beat_120bpm.wav",
        "ByPack/Kit/Loops/beat.wav",
        "ByPack/Kit/Bass/Bass (C).wav",
        "ByPack/Kit/Extras/License.txt",
    },
    "tag-only.toml": IN_PLACE
    | {f"in Kit/{folder}/.organizer.json" for folder in ("Kicks", "Hats", "Loops", "Tonal")},
    "ableton.toml": {
        "Drum Hits/Kicks/Kick 1.wav",
        f"Drum Hits/Kicks/{LIVE}",
        "Drum Hits/Hats/Closed/CHH-1.wav",
        f"Drum Hits/Hats/Closed/{LIVE}",
        "Drum Loops/Kit/beat_120bpm.wav",
        "Drum Loops/Kit/beat.wav",
        f"Drum Loops/Kit/{LIVE}",
        "Bass/Kit/Bass (C).wav",
        f"Bass/Kit/{LIVE}",
        "in Kit/License.txt",
    },
    "loops-by-tempo.toml": (IN_PLACE - {"in Kit/Loops/beat_120bpm.wav", "in Kit/Loops/beat.wav"})
    | {"Loops/120/beat_120bpm.wav", "Loops/096/beat.wav"},
}


@pytest.fixture
def pack(desk: Desk, make_pack: Make) -> Path:
    folder = make_pack(desk.inbox / "Kit", PACK)
    (folder / "License.txt").write_text("all yours")
    return folder


def everything(desk: Desk) -> set[str]:
    waiting = {f"in {path.relative_to(desk.inbox)}" for path in desk.inbox.rglob("*") if path.is_file()}
    return {*desk.filed()} | waiting


def use(desk: Desk, example: Path) -> None:
    shutil.copyfile(example, desk.home.rules / "default.toml")
    desk.open_again()


def test_every_example_has_its_tree() -> None:
    assert {path.name for path in EXAMPLES} == OUT.keys()


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_a_pack_goes_in_and_comes_back(desk: Desk, pack: Path, tree_of: TreeOf, example: Path) -> None:
    use(desk, example)
    before = tree_of(desk.inbox)
    desk.file()
    assert everything(desk) == OUT[example.name]
    desk.undo()
    assert tree_of(desk.inbox) == before
    assert desk.filed() == []
    assert not any(os.listxattr(path) for path in pack.rglob("*"))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_an_example_says_at_its_top_what_it_does_and_has_no_warnings(example: Path) -> None:
    first, head, *_ = example.read_text(encoding="utf-8").splitlines()
    assert first.startswith("#:schema ")
    assert head.startswith("# ")
    assert load_rules([example]).warnings == ()


def test_tag_only_writes_what_other_programs_read(desk: Desk, pack: Path) -> None:
    use(desk, shipped("rules", "tag-only.toml"))
    desk.file()
    loop = mutagen.File(pack / "Loops/beat.wav")
    assert loop is not None
    assert {name: str(loop.tags[name]) for name in ("TCON", "TBPM")} == {"TCON": "Loop", "TBPM": "96"}
    assert os.getxattr(pack / "Kicks/Kick 1.wav", "user.xdg.tags") == b"kick,one-shot"
