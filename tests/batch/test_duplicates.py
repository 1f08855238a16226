"""What becomes of a sound that the library has already, under whatever name, tags and format."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile

from organizer.batch.arrivals import arrivals_below
from organizer.demo import sounds
from organizer.execution.writers import tags
from organizer.planning.operations import Move
from organizer.recognition.identity import sound_id

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tests.desk import Desk

    TreeOf = Callable[[Path], Mapping[str, tuple[str, int, int]]]


def rules(desk: Desk, on_duplicate: str) -> None:
    (desk.home.rules / "default.toml").write_text(
        f'version = 1\n[[rule]]\nname = "All"\non_duplicate = "{on_duplicate}"\n'
        'then = [{ move = "Sounds/{pack|Loose}/{name}" }]\n'
    )
    desk.open_again()


def drop(path: Path, *, tagged: bool = False) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = (sounds.kick() * 32_000).astype(np.int16)
    soundfile.write(path, samples, sounds.SAMPLERATE, subtype="PCM_16")
    if tagged:
        tags.write(path, {"title": "Mine"}, "fill")
    return path


@pytest.fixture
def filed(desk: Desk) -> Path:
    """A library that has one sound."""
    rules(desk, "keep")
    drop(desk.inbox / "First" / "Kick.wav")
    desk.file()
    return desk.library / "Sounds/First/Kick.wav"


def test_both_are_kept_by_default_and_that_is_said(desk: Desk, filed: Path) -> None:
    drop(desk.inbox / "Second" / "Another name.flac", tagged=True)
    (report,) = desk.file()
    assert desk.filed() == ["Sounds/First/Kick.wav", "Sounds/Second/Another name.flac"]
    assert report.batch is not None
    (move,) = [
        one.operation
        for one in desk.parts.journal.operations(report.batch)
        if isinstance(one.operation, Move)
    ]
    assert move.remark == f"the same sound as {filed}"


def test_a_skipped_one_stays_in_the_inbox_with_the_reason(desk: Desk, filed: Path) -> None:
    rules(desk, "skip")
    path = drop(desk.inbox / "Second" / "Kick.wav", tagged=True)
    assert [report.filed for report in desk.file()] == [0]
    assert path.exists()
    assert [one.reason for one in desk.parts.remainders.all()] == [f"the same sound lies at {filed}"]
    filed.unlink()
    rules(desk, "keep")
    assert [report.filed for report in desk.file()] == [1]


def test_a_trashed_one_is_moved_aside_and_comes_back(desk: Desk, filed: Path, tree_of: TreeOf) -> None:
    rules(desk, "trash")
    drop(desk.inbox / "Second" / "Sub" / "Kick.wav", tagged=True)
    inbox, library = tree_of(desk.inbox), tree_of(desk.library)
    desk.file()
    assert desk.filed() == ["Sounds/First/Kick.wav", "_Trash/Second/Sub/Kick.wav"]
    desk.undo()
    assert (tree_of(desk.inbox), tree_of(desk.library)) == (inbox, library)
    assert filed.exists()


def test_a_linked_one_gives_the_sound_that_is_there_a_second_name(
    desk: Desk, filed: Path, tree_of: TreeOf
) -> None:
    rules(desk, "link")
    drop(desk.inbox / "Second" / "Kick.wav", tagged=True)
    inbox, library = tree_of(desk.inbox), desk.filed()
    desk.file()
    assert desk.filed() == ["Sounds/First/Kick.wav", "Sounds/Second/Kick.wav", "_Trash/Second/Kick.wav"]
    assert (desk.library / "Sounds/Second/Kick.wav").samefile(filed)
    desk.undo()
    assert (tree_of(desk.inbox), desk.filed()) == (inbox, library)


def test_two_of_one_sound_in_one_pack_are_seen_too(desk: Desk) -> None:
    rules(desk, "skip")
    one, two = drop(desk.inbox / "Kit" / "A.wav"), drop(desk.inbox / "Kit" / "B.wav", tagged=True)
    desk.file()
    assert desk.filed() == ["Sounds/Kit/A.wav"]
    assert two.exists()
    assert not one.exists()


def test_a_file_of_the_same_size_and_time_that_sounds_otherwise_is_no_duplicate(
    desk: Desk, filed: Path
) -> None:
    rules(desk, "trash")
    path = drop(desk.inbox / "First" / "Kick 2.wav")
    raw = bytearray(path.read_bytes())
    raw[-20] ^= 0xFF
    path.write_bytes(raw)
    assert path.stat().st_size == filed.stat().st_size
    assert sound_id(path) != sound_id(filed)
    desk.file()
    assert "Sounds/First/Kick 2.wav" in desk.filed()


def test_a_sound_that_is_gone_from_the_library_is_no_twin(desk: Desk, filed: Path) -> None:
    filed.unlink()
    rules(desk, "trash")
    drop(desk.inbox / "Second" / "Kick.wav")
    desk.file()
    assert desk.filed() == ["Sounds/Second/Kick.wav"]


def test_a_sound_that_was_changed_in_the_library_is_no_twin(desk: Desk, filed: Path) -> None:
    samples = (sounds.snare() * 32_000).astype(np.int16)
    soundfile.write(filed, samples, sounds.SAMPLERATE, subtype="PCM_16")
    rules(desk, "trash")
    drop(desk.inbox / "Second" / "Kick.wav")
    desk.file()
    assert desk.filed() == ["Sounds/First/Kick.wav", "Sounds/Second/Kick.wav"]


@pytest.mark.parametrize("on_duplicate", ["trash", "link"])
def test_a_duplicate_stays_where_it_is_while_its_twin_does_not_come(desk: Desk, on_duplicate: str) -> None:
    rules(desk, on_duplicate)
    one, two = drop(desk.inbox / "Kit" / "A.wav"), drop(desk.inbox / "Kit" / "B.wav", tagged=True)
    (arrival,) = arrivals_below(desk.parts.config.inbox[0])

    proposing = desk.parts.proposing
    parcel = proposing.parcel(arrival, forced=False)
    opinion = proposing.hear(parcel, parcel.chosen)
    assert opinion is not None
    plan = proposing.plan(parcel, opinion, forced=False).plan
    one.unlink()  # between plan and deed
    desk.parts.executor.run(plan)
    assert two.exists()
    assert desk.filed() == []
