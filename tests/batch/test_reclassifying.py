"""The library again, without hearing what today's ear has heard before."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from organizer.batch import reclassifying
from organizer.batch.reclassifying import Change, Lost
from organizer.demo.sounds import DEMO_PACK
from organizer.recognition.decode import Decoded, read
from organizer.stopping import Stopped

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from organizer.stopping import Stop
    from tests.desk import Desk

    Make = Callable[..., Path]


@pytest.fixture
def filed(desk: Desk, make_pack: Make, monkeypatch: pytest.MonkeyPatch) -> tuple[Desk, list[str]]:
    """A desk whose library holds the demo pack, and the names of what is decoded from then on."""
    make_pack(desk.inbox / "Kit")
    desk.file()
    decoded: list[str] = []

    def noting(path: Path, *, seconds: float, stop: Stop) -> Decoded:
        decoded.append(path.name)
        return read(path, seconds=seconds, stop=stop)

    monkeypatch.setattr("organizer.recognition.recognize.read", noting)
    return desk, decoded


def changes(desk: Desk) -> dict[str, tuple[str | None, str | None]]:
    looked = list(desk.parts.reclassifying.look(desk.library))
    assert not [one for one in looked if isinstance(one, Lost)]
    return {
        one.entry.path.name: (one.now.label, None if one.target is None else str(one.target))
        for one in looked
        if isinstance(one, Change) and one.is_one
    }


def test_where_nothing_changed_nothing_is_decoded_and_nothing_would_change(
    filed: tuple[Desk, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, decoded = filed
    assert changes(desk) == {}
    monkeypatch.setattr(reclassifying, "PART", 3)
    assert changes(desk) == {}
    assert len(list(desk.parts.reclassifying.look(desk.library))) == len(DEMO_PACK)
    assert decoded == []


def test_other_rules_and_the_users_word_are_asked_anew(filed: tuple[Desk, list[str]]) -> None:
    desk, decoded = filed
    (snare,) = desk.library.rglob("SN_tight.wav")
    desk.parts.correcting.run([snare], "kick")
    assert list(changes(desk)) == ["SN_tight.wav"]
    rule = 'version = 1\n[[rule]]\nname = "All"\nthen = [{ move = "All/{label|none}/{name}" }]\n'
    (desk.home.rules / "default.toml").write_text(rule)
    desk.open_again()
    found = changes(desk)
    assert len(found) == len(DEMO_PACK)
    assert found["SN_tight.wav"] == ("kick", str(desk.library / "All/kick/SN_tight.wav"))
    assert decoded == []


def test_what_was_changed_is_heard_again_and_what_is_gone_is_told(
    filed: tuple[Desk, list[str]], make_pack: Make
) -> None:
    desk, decoded = filed
    (snare,) = desk.library.rglob("SN_tight.wav")
    (kick,) = desk.library.rglob("VEH1 Bassdrum 001.wav")
    kick.unlink()
    source = make_pack(desk.inbox / "x", {"Perc/Cowbell.wav": "c.wav"}) / "c.wav"
    snare.write_bytes(source.read_bytes())
    looked = list(desk.parts.reclassifying.look(desk.library))
    lost = [one for one in looked if isinstance(one, Lost)]
    assert [one.entry.path for one in lost] == [kick]
    assert sorted(decoded) == ["SN_tight.wav", kick.name]


def test_one_file_can_be_looked_at_and_a_look_be_stopped(filed: tuple[Desk, list[str]]) -> None:
    desk, _ = filed
    (snare,) = desk.library.rglob("SN_tight.wav")
    (one,) = desk.parts.reclassifying.look(snare)
    assert one.entry.path == snare
    with pytest.raises(Stopped):
        list(desk.parts.reclassifying.look(desk.library, stop=lambda: True))
    assert time.time() > one.entry.heard_at
