"""The rules that ship: a tree of files in, a tree of files out."""

from __future__ import annotations

import tomllib
from pathlib import PurePosixPath

import pytest

from organizer.folders import Folders
from organizer.labels import CATEGORIES, CATEGORY_OF, LABELS
from organizer.resources import shipped
from organizer.rules.actions import MoveTo, Unpack
from organizer.rules.fields import fields_of
from organizer.rules.loader import load_rules
from organizer.rules.template import render
from organizer.sample import FileType, Item, Kind
from tests.rules.items import item, sound

DEFAULT = shipped("rules", "default.toml")
RULES = load_rules([DEFAULT])


def placed(subject: Item) -> str | None:
    """Say where the default rules put a file below the library; None: it stays."""
    actions = [one for one in RULES.decide(subject).actions if not isinstance(one, Unpack)]
    (move,) = actions or (None,)
    if move is None:
        return None
    assert isinstance(move, MoveTo)
    return str(render(move.template, fields_of(subject, Folders())))


@pytest.mark.parametrize(
    ("subject", "place"),
    [
        (item("Pack/a/Kick 01.wav", sound("kick")), "Drums/Kicks/Pack/Kick 01.wav"),
        (item("Kick 01.wav", sound("kick")), "Drums/Kicks/Loose/Kick 01.wav"),
        (item("Pack/h.wav", sound("hat_closed")), "Drums/Hats/Closed/Pack/h.wav"),
        (item("Pack/h.wav", sound("hat_closed", label_confidence=0.5)), "Drums/Hats/Pack/h.wav"),
        (item("Pack/s.aiff", sound("shaker", confidence=0.8)), "Drums/Percussion/Shakers/Pack/s.aiff"),
        (item("Pack/s.wav", sound("shaker", confidence=0.79)), "_Review/percussion/Pack/s.wav"),
        (item("Pack/b.wav", sound("bass")), "One-Shots/Bass/Pack/b.wav"),
        (item("Pack/v.wav", sound("vocal", confidence=0.3)), "_Review/vocal/Pack/v.wav"),
        (item("Pack/l.wav", sound(kind=Kind.LOOP, kind_confidence=0.8)), "Loops/Pack/l.wav"),
        (item("Pack/l.wav", sound(kind=Kind.LOOP, kind_confidence=0.7)), "_Review/Unknown/Pack/l.wav"),
        (item("song.mp3", sound(kind=Kind.LONG, kind_confidence=1.0)), "Long/Loose/song.mp3"),
        (item("Pack/Docs/License.txt"), "_Packs/Pack/Docs/License.txt"),
        (item("Pack/break.mid"), "_Packs/Pack/break.mid"),
        (item("Pack/cover.jpg"), "_Packs/Pack/cover.jpg"),
        (item("Pack/x.vital"), "_Packs/Pack/x.vital"),
        (item("Pack/x.bin"), "_Packs/Pack/x.bin"),
        (item("notes.txt"), None),
        (item("Pack/more.zip"), "_Archives/more.zip"),
        (item("Pack/song.als"), None),
        (item("Pack/x.wav", problem="it is empty"), None),
        (item("Pack/Kit/kick.wav", bundle="Pack/Kit"), None),
        (item("Pack/Kit/kit.sfz", bundle="Pack/Kit"), None),
    ],
)
def test_a_file_is_placed(subject: Item, place: str | None) -> None:
    assert placed(subject) == place


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("confidence", [0.0, 0.5, 0.8, 1.0])
def test_every_readable_sound_is_placed_whatever_it_is(kind: Kind, confidence: float) -> None:
    for label in LABELS:
        for pack in ("Pack/", ""):
            heard = sound(label, kind=kind, confidence=confidence, kind_confidence=confidence)
            assert placed(item(f"{pack}x.wav", heard))


def test_every_category_of_a_sure_oneshot_has_a_place_that_is_not_for_review() -> None:
    tops = {
        CATEGORY_OF[label]: PurePosixPath(placed(item("P/x.wav", sound(label))) or "").parts[0]
        for label in LABELS
    }
    assert tops.keys() == set(CATEGORIES)
    assert set(tops.values()) == {"Drums", "One-Shots"}


def test_the_types_that_stay_are_those_that_the_header_names() -> None:
    suffixes = {
        FileType.MIDI: "mid", FileType.PRESET: "vital", FileType.DOCUMENT: "txt", FileType.IMAGE: "png",
        FileType.ARCHIVE: "zip", FileType.PROJECT: "als", FileType.OTHER: "xyz",
    }  # fmt: skip
    assert suffixes.keys() | {FileType.AUDIO} == set(FileType)
    staying = {type_ for type_, suffix in suffixes.items() if placed(item(f"Pack/x.{suffix}")) is None}
    assert staying == {FileType.PROJECT}


def test_the_default_rules_have_no_warnings_write_no_tags_and_are_explained() -> None:
    assert RULES.warnings == ()
    assert all(isinstance(action, MoveTo | Unpack) for rule in RULES.rules for action in rule.then)
    lines = DEFAULT.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("#")
    starts = [number for number, line in enumerate(lines) if line == "[[rule]]"]
    assert len(starts) == len(tomllib.loads("\n".join(lines))["rule"])
    assert all(lines[number - 1].startswith("#") for number in starts)
