"""What is dragged from one folder of the library into another is a correction, if it can mean one thing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from organizer.execution.locks import execution_lock

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.desk import Desk

    Make = Callable[..., Path]


def drag(desk: Desk, path: Path, folder: str) -> Path:
    """Move a sound as a file manager would, and let it be seen."""
    place = desk.library / folder
    place.mkdir(parents=True, exist_ok=True)
    target = place / path.name
    path.rename(target)
    moved = desk.parts.observing.glance([target])
    assert moved == [(path, target)]
    desk.parts.observing.learn(moved, stop=lambda: False)
    return target


@pytest.mark.parametrize(
    ("folder", "label", "category"),
    [
        ("Drums/Snares/Rims/Kit", "rim", "snare"),
        ("Drums/Snares/Rims", "rim", "snare"),
        ("Drums/Kicks", "kick", "kick"),
        ("Drums/Kicks/My own", "kick", "kick"),
        ("Drums", None, None),
        ("Drums/My own", None, None),
        ("Mine", None, None),
    ],
)
def test_the_folder_says_what_it_is_where_one_label_and_no_other_would_lie_there(
    filed: Desk, folder: str, label: str | None, category: str | None
) -> None:
    snare = filed.one("SN_tight.wav")
    was = filed.heard(snare)
    now = filed.heard(drag(filed, snare, folder))
    if label is None:
        assert (now.label, now.evidence_of("user")) == (was.label, None)
    else:
        assert (now.label, now.category, now.confidence) == (label, category, 1.0)


def test_it_stays_where_it_was_put_and_is_undone_and_taught_again(filed: Desk) -> None:
    target = drag(filed, filed.one("SN_tight.wav"), "Drums/Kicks")
    (batch, *_) = filed.parts.journal.batches(limit=1)
    assert (batch.origin, batch.title) == ("correct", "kick: SN_tight.wav")
    filed.undo()
    assert target.exists()
    assert filed.heard(target).label == "snare"
    back = drag(filed, target, "Drums/Snares/Kit")
    assert filed.heard(back).confidence == 1.0  # it is what it was taken for, and now that is sure


def test_where_it_means_the_same_as_before_nothing_is_learnt(filed: Desk) -> None:
    snare = drag(filed, filed.one("SN_tight.wav"), "Drums/Snares/Best of")
    assert filed.heard(snare).evidence_of("user") is None
    assert filed.parts.journal.taught() == {}


def test_a_folder_of_several_labels_of_one_category_says_the_category(filed: Desk) -> None:
    now = filed.heard(drag(filed, filed.one("SN_tight.wav"), "Drums/Hats"))
    assert now.category == "hihat"
    assert now.confidence == pytest.approx(1.0)


def test_what_is_dragged_out_of_review_is_confirmed(desk: Desk, make_pack: Make) -> None:
    rules = (
        'version = 1\n[[rule]]\nname = "Sure"\n'
        'when = { confidence = ">= 0.999999", kind = "oneshot" }\nthen = [{ move = "{folder}/{name}" }]\n'
        '[[rule]]\nname = "Doubt"\nthen = [{ move = "_Review/{label|none}/{name}" }]\n'
    )
    (desk.home.rules / "default.toml").write_text(rules)
    make_pack(desk.inbox / "Kit", {"Snares/SN_loose.wav": "zz.wav"})
    desk.file()
    doubted = desk.one("zz.wav")
    assert "_Review" in doubted.parts
    assert desk.heard(doubted).label == "snare"
    now = desk.heard(drag(desk, doubted, "Snares"))
    assert (now.label, now.confidence) == ("snare", 1.0)


def test_a_renamed_folder_and_many_at_once_wait_for_a_word(filed: Desk) -> None:
    folder = filed.one("SN_tight.wav").parent
    kicks = filed.library / "Drums/Kicks/Other"
    folder.rename(kicks)
    moved = filed.parts.observing.glance(sorted(kicks.iterdir()))
    assert moved is not None
    assert len(moved) > 1
    filed.parts.observing.learn(moved, stop=lambda: False)
    assert filed.parts.journal.taught() == {}
    assert len(filed.parts.relocations) == len(moved)
    assert [word for _, word in filed.parts.dragging.foresee()] == ["kick"] * len(moved)
    assert filed.parts.dragging.confirm() == (len(moved), len(moved))
    assert filed.heard(kicks / "SN_tight.wav").label == "kick"
    assert len(filed.parts.relocations) == 0


def test_many_at_once_are_housekeeping(filed: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("organizer.batch.dragging.MOST_AT_ONCE", 1)
    moves = []
    for name in ("SN_tight.wav", "SN_loose.wav"):
        path = filed.one(name)
        target = filed.library / "Drums/Kicks" / name
        path.rename(target)
        moves.append((path, target))
    found = filed.parts.observing.glance([new for _, new in moves])
    assert found is not None
    filed.parts.observing.learn(found, stop=lambda: False)
    assert (filed.parts.journal.taught(), len(filed.parts.relocations)) == ({}, 2)


def test_what_a_command_has_put_there_was_not_dragged(filed: Desk) -> None:
    kick = filed.one("VEH1 Bassdrum 001.wav")
    filed.parts.dragging.learn([(filed.inbox / "Kit/Kicks/VEH1 Bassdrum 001.wav", kick)])
    assert (filed.parts.journal.taught(), len(filed.parts.relocations)) == ({}, 0)


def test_what_is_dragged_while_files_are_changed_for_long_waits_for_a_word(
    filed: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("organizer.batch.correcting.PATIENCE", 0.0)
    snare = filed.one("SN_tight.wav")
    target = filed.library / "Drums/Kicks" / snare.name
    snare.rename(target)
    moved = filed.parts.observing.glance([target])
    assert moved == [(snare, target)]
    with execution_lock(filed.home.state, wait=0.0, what="undo"):
        filed.parts.observing.learn(moved, stop=lambda: False)
    assert (filed.parts.journal.taught(), len(filed.parts.relocations)) == ({}, 1)
    assert filed.parts.dragging.confirm() == (1, 1)
    assert filed.heard(target).label == "kick"
