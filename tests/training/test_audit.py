"""The audit parts whole kits, doubts by its rule alone, and its list shows nobody's files."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from organizer.labels import LABELS
from organizer.training.audit import Action, Suspect, folds, judge, suspects, write_suspects
from organizer.training.dataset import Row, Sounds

if TYPE_CHECKING:
    from numpy.typing import NDArray


def rows_of(kits: dict[str, int], source: str = "s") -> list[Row]:
    return [
        Row(path=Path(file), file=file, label="kick", source=source, kit=kit)
        for kit, size in kits.items()
        for file in (f"{kit}/{number}.wav" for number in range(size))
    ]


KITS = {"a": 7, "b": 2, "c": 5, "d": 4, "e": 1, "f": 4, "g": 1}


def test_no_kit_is_in_two_folds_and_the_folds_are_of_one_size() -> None:
    rows = rows_of(KITS)
    parted = folds(rows, 3)
    for kit in KITS:
        assert len({fold for fold, row in zip(parted, rows, strict=True) if row.kit == kit}) == 1
    np.testing.assert_array_equal(np.bincount(parted, minlength=3), [8, 8, 8])


def test_folds_follow_from_the_rows_and_not_from_their_order() -> None:
    rows = rows_of(KITS)
    parted = folds(rows, 3)
    np.testing.assert_array_equal(parted, folds(list(rows), 3))
    order = np.random.default_rng(1).permutation(len(rows))
    np.testing.assert_array_equal(parted[order], folds([rows[place] for place in order], 3))


def test_a_name_in_two_sources_is_two_kits_and_without_a_kit_each_file_is_one() -> None:
    same_name = [*rows_of({"drums": 4}, "one"), *rows_of({"drums": 4}, "other")]
    np.testing.assert_array_equal(np.bincount(folds(same_name, 2)), [4, 4])
    loose = [Row(path=Path(f"{n}.wav"), file=f"{n}.wav", label="kick") for n in range(9)]
    np.testing.assert_array_equal(np.bincount(folds(loose, 3)), [3, 3, 3])


def test_more_folds_than_kits_leave_some_empty() -> None:
    np.testing.assert_array_equal(np.bincount(folds(rows_of({"a": 3, "b": 2}), 4), minlength=4), [3, 2, 0, 0])


@pytest.mark.parametrize(
    ("believed", "confidence", "action"),
    [
        (0.019, 0.901, Action.DROP),
        (0.0, 1.0, Action.DROP),
        (0.02, 0.901, Action.SOFTEN),
        (0.019, 0.90, Action.SOFTEN),
        (0.099, 0.601, Action.SOFTEN),
        (0.0, 0.601, Action.SOFTEN),
        (0.10, 0.601, None),
        (0.099, 0.60, None),
        (0.10, 0.90, None),
        (0.0, 0.5, None),
        (1.0, 1.0, None),
    ],
)
def test_a_label_is_doubted_by_the_rule(believed: float, confidence: float, action: Action | None) -> None:
    assert judge(believed, confidence) is action


def heard(**shares: float) -> NDArray[np.float64]:
    """Give probabilities of labels; what the shares leave is on synth."""
    probabilities = np.zeros(len(LABELS))
    for label, share in shares.items():
        probabilities[LABELS.index(label)] = share
    probabilities[LABELS.index("synth")] += 1.0 - probabilities.sum()
    return probabilities


# The label, and what was heard.
CASES = [
    ("kick", heard(hat_closed=0.97, kick=0.01)),  # 0: surely something else
    ("snare", heard(rim=0.97)),  # 1: another label of its category
    ("loop", heard(kick=0.97)),  # 2: no label to doubt
    ("tom", heard(clap=0.4, snap=0.3, tom=0.05)),  # 3: rather something else
    ("bass", heard(kick=0.59, bass=0.01)),  # 4: nothing sure
    ("vocal", heard(snare=0.35, shaker=0.34, perc=0.31)),  # 5: the category counts, not the label
    ("tom", heard(tom=1.0)),  # 6: right
]


def collection() -> Sounds:
    rows = tuple(
        Row(path=Path("/home/me") / f"Secret Kit/{label} {n}.wav", file=f"Secret Kit/{label} {n}.wav",
            label=label, source="Hidden Source", kit="Secret Kit", orig_path=f"Old Name {n}.wav")
        for n, (label, _) in enumerate(CASES)
    )  # fmt: skip
    return Sounds(rows, tuple(np.arange(n, n + 50, dtype=np.int16) for n in range(len(rows))))


def found() -> tuple[Suspect, ...]:
    return suspects(collection(), np.stack([said for _, said in CASES]))


def test_suspects_are_the_labelled_sounds_in_which_another_category_is_heard() -> None:
    first, second, third = found()
    assert (first.row, first.label, first.heard, first.action) == (0, "kick", "hat_closed", Action.DROP)
    assert (first.believed, first.confidence) == pytest.approx((0.01, 0.97))
    assert (second.row, second.label, second.heard, second.action) == (3, "tom", "clap", Action.SOFTEN)
    assert (second.believed, second.confidence) == pytest.approx((0.05, 0.7))
    # Snare is the likeliest label, percussion the likeliest category.
    assert (third.row, third.label, third.heard, third.action) == (5, "vocal", "shaker", Action.SOFTEN)
    assert (third.believed, third.confidence) == pytest.approx((0.0, 0.65))


def test_a_sound_is_named_by_what_is_heard_of_it() -> None:
    sounds = collection()
    renamed = Sounds(tuple(reversed(sounds.rows)), sounds.waves)
    probabilities = np.stack([heard(hat_closed=1.0)] * len(CASES))
    named = {one.row: one.sound for one in suspects(sounds, probabilities)}
    assert len(set(named.values())) == len(named) == 6
    for one in suspects(renamed, probabilities):
        assert named.get(one.row, one.sound) == one.sound


def test_the_list_can_be_read_back_is_sorted_and_names_no_file(tmp_path: Path) -> None:
    path = tmp_path / "suspects.csv"
    all_of_them = found()
    write_suspects(all_of_them[::-1], path)
    with path.open(newline="", encoding="utf-8") as stream:
        listed = list(csv.DictReader(stream))
    assert [(one["action"], one["label"], one["heard"], one["sound"]) for one in listed] == [
        (one.action.value, one.label, one.heard, one.sound) for one in all_of_them
    ]
    assert [(one["action"], one["label"]) for one in listed] == [
        ("drop", "kick"), ("soften", "tom"), ("soften", "vocal"),
    ]  # fmt: skip
    assert (listed[0]["believed"], listed[0]["confidence"]) == ("0.0100", "0.9700")
    assert listed[0]["reason"] == "an ear that knew no label of its kit gave kick 1% and hihat 97%"
    text = path.read_text(encoding="utf-8")
    for hidden in ("Secret", "Hidden", "Old Name", ".wav", "/home"):
        assert hidden not in text


def test_the_list_does_not_depend_on_the_order_of_the_sounds(tmp_path: Path) -> None:
    one, other = tmp_path / "one.csv", tmp_path / "other.csv"
    write_suspects(found(), one)
    write_suspects(found()[::-1], other)
    assert one.read_bytes() == other.read_bytes()


def test_a_list_of_none_has_its_heading(tmp_path: Path) -> None:
    write_suspects((), tmp_path / "none.csv")
    heading = "sound,label,heard,believed,confidence,action,reason\n"
    assert (tmp_path / "none.csv").read_text(encoding="utf-8") == heading
