"""A collection is heard where it lies, once, and goes on where it was broken off."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from organizer.batch import indexing
from organizer.demo.sounds import DEMO_PACK
from organizer.stopping import Stopped

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.desk import Desk

    Make = Callable[..., Path]
    TreeOf = Callable[[Path], dict[str, tuple[str, int, int]]]


def test_a_collection_is_heard_once_and_nothing_in_it_touched(
    desk: Desk, make_pack: Make, tmp_path: Path, tree_of: TreeOf
) -> None:
    old = make_pack(tmp_path / "Old")
    (old / "broken.wav").write_text("no sound")
    before = tree_of(old)
    assert desk.parts.indexing.foresee(old).heard == len(DEMO_PACK) + 1
    result = desk.parts.indexing.run(old)
    assert (result.heard, result.known, list(result.unreadable)) == (len(DEMO_PACK), 0, [old / "broken.wav"])
    assert tree_of(old) == before
    entry = desk.parts.index.get(old / "Kicks/VEH1 Bassdrum 001.wav")
    assert entry is not None
    assert (entry.origin.pack, entry.sample.recognition.label, entry.rule) == ("Kicks", "kick", "")
    again = desk.parts.indexing.run(old)
    assert (again.heard, again.known, len(again.unreadable)) == (0, len(DEMO_PACK), 1)


def test_it_goes_on_where_it_was_stopped(
    desk: Desk, make_pack: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "PART", 5)
    old = make_pack(tmp_path / "Old")
    heard: list[int] = []
    with pytest.raises(Stopped):
        desk.parts.indexing.run(
            old, stop=lambda: len(heard) >= 8, progress=lambda _, done, __: heard.append(done)
        )
    kept = desk.parts.index.count_below(old)
    assert 5 <= kept < len(DEMO_PACK)
    result = desk.parts.indexing.run(old)
    assert (result.heard, result.known) == (len(DEMO_PACK) - kept, kept)


def test_what_changed_is_heard_again_and_what_was_filed_keeps_its_origin(desk: Desk, make_pack: Make) -> None:
    make_pack(desk.inbox / "Kit", {"Kicks/VEH1 Bassdrum 001.wav": "Kick.wav"})
    desk.file()
    (kick,) = desk.library.rglob("*.wav")
    make_pack(desk.inbox / "Other", {"Snares/SN_tight.wav": "x.wav"})
    kick.write_bytes((desk.inbox / "Other/x.wav").read_bytes())
    result = desk.parts.indexing.run(desk.library)
    assert (result.heard, result.known) == (1, 0)
    entry = desk.parts.index.get(kick)
    assert entry is not None
    assert (entry.origin.pack, entry.origin.name, entry.rule != "") == ("Kit", "Kick.wav", True)
    assert desk.parts.indexing.run(desk.library, again=True).heard == 1


def test_where_a_disk_has_numbered_its_files_anew_nothing_is_heard_again(desk: Desk, make_pack: Make) -> None:
    make_pack(desk.library / "Bought", {"Kicks/VEH1 Bassdrum 001.wav": "a.wav"})
    desk.parts.indexing.run(desk.library)
    index = desk.parts.index
    for known in list(index.known_below(desk.library)):
        changed = replace(known.stamp, device=known.stamp.device + 1, inode=known.stamp.inode + 1)
        index.restamp([(known.path, changed)])
    assert desk.parts.indexing.foresee(desk.library).heard == 0
