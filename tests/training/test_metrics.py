"""Figures against tables worked out by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from organizer.labels import CATEGORIES, LABELS
from organizer.training.metrics import (
    BINS,
    Answers,
    accuracy_at_coverage,
    auroc,
    calibration_error,
    confusion,
    kind_counts,
    report,
    to_categories,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray


def probabilities(*rows: dict[str, float]) -> NDArray[np.float64]:
    table = np.zeros((len(rows), len(LABELS)))
    for place, row in enumerate(rows):
        for label, share in row.items():
            table[place, LABELS.index(label)] = share
    return table


def answers(
    truth: list[str],
    said: NDArray[np.float64],
    heard_loop: list[bool] | None = None,
    seconds: list[float] | None = None,
    kits: list[str] | None = None,
) -> Answers:
    return Answers(
        truth=np.array([-1 if one == "loop" else LABELS.index(one) for one in truth], dtype=np.int64),
        probabilities=said,
        is_loop=np.array([label == "loop" for label in truth], dtype=np.bool_),
        heard_loop=np.array(heard_loop or [label == "loop" for label in truth], dtype=np.bool_),
        seconds=np.array(seconds or [0.5] * len(truth), dtype=np.float64),
        kits=np.array(kits or [f"kit {place}" for place in range(len(truth))], dtype=np.str_),
    )


# kick heard right; kick heard as tom; rim heard as snare (category right); hat heard as synth;
# synth heard right; crash right by the sum of its category, though kick is the likeliest label.
TRUTH = ["kick", "kick", "rim", "hat_closed", "synth", "crash"]
SAID = probabilities(
    {"kick": 0.9, "tom": 0.1},
    {"tom": 0.6, "kick": 0.4},
    {"snare": 0.7, "rim": 0.3},
    {"synth": 0.5, "hat_closed": 0.3, "fx": 0.2},
    {"synth": 0.8, "fx": 0.2},
    {"kick": 0.4, "crash": 0.3, "ride": 0.3},
)


def test_probabilities_of_labels_add_up_to_their_categories() -> None:
    sums = to_categories(SAID)
    assert sums.shape == (6, len(CATEGORIES))
    assert sums[2, CATEGORIES.index("snare")] == pytest.approx(1.0)
    assert sums[5, CATEGORIES.index("crash")] == pytest.approx(0.6)
    np.testing.assert_allclose(sums.sum(axis=1), 1.0)


def test_the_main_figures_are_those_of_the_table() -> None:
    figures = report(answers(TRUTH, SAID), resamples=10)
    assert figures["n"] == 6
    assert figures["label_accuracy"] == pytest.approx(3 / 6)
    # recalls: kick 1/2, rim 0, hat_closed 0, synth 1, crash 1
    assert figures["label_macro_recall"] == pytest.approx(2.5 / 5)
    assert figures["category_accuracy"] == pytest.approx(4 / 6)
    # kick 1/2, snare 1, hihat 0, synth 1, crash 1
    assert figures["category_macro_recall"] == pytest.approx(3.5 / 5)
    assert figures["drum_category_accuracy"] == pytest.approx(3 / 5)


def test_recall_and_precision_stand_by_each_label_with_their_counts() -> None:
    figures: dict[str, Any] = report(answers(TRUTH, SAID), resamples=10)
    kick = figures["per_label"]["kick"]
    assert {key: kick[key] for key in ("n", "recall", "precision")} == {
        "n": 2, "recall": 0.5, "precision": 1.0,
    }  # fmt: skip
    assert figures["per_label"]["cowbell"] == {"n": 0, "recall": None, "precision": None, "interval": None}
    assert figures["per_category"]["crash"] == {"n": 1, "recall": 1.0, "precision": 1.0}
    counts = np.array(figures["confusion"]["counts"])
    assert counts.sum() == 6
    assert counts[LABELS.index("kick"), LABELS.index("tom")] == 1


def test_loops_count_for_the_kind_alone() -> None:
    truth = ["kick", "snare", "loop", "loop", "vocal"]
    said = probabilities({"kick": 1.0}, {"snare": 1.0}, {"kick": 1.0}, {"fx": 1.0}, {"vocal": 1.0})
    figures: dict[str, Any] = report(
        answers(truth, said, heard_loop=[False, True, True, False, False], seconds=[0.3, 1.7, 2.0, 2.0, 3.0]),
        resamples=10,
    )
    assert figures["label_accuracy"] == 1.0
    assert figures["kind_recall"] == {
        "oneshot": pytest.approx(2 / 3),
        "oneshot_over_1_6_s": pytest.approx(1 / 2),
        "loop": pytest.approx(1 / 2),
    }
    assert figures["kind_balanced_accuracy"] == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert figures["drum_category_accuracy"] == 1.0
    assert figures["drum_category_accuracy_as_filed"] == pytest.approx(1 / 2)
    assert figures["counts"]["label"] == 3
    assert sum(one["n"] for one in figures["reliability"]) == 3


def test_the_sounds_of_each_kind_are_counted() -> None:
    truth = ["kick", "snare", "loop"]
    counted = answers(truth, probabilities({"kick": 1.0}, {"snare": 1.0}, {}), seconds=[0.3, 1.7, 2.0])
    assert kind_counts(counted) == {"kind_oneshot": 2, "kind_oneshot_over_1_6_s": 1, "kind_loop": 1}


def test_calibration_error_is_the_gap_between_said_and_right() -> None:
    # Two bins: 0.6 said and 1 of 2 right; 0.9 said and 2 of 2 right.
    confidence = np.array([0.9, 0.6, 0.9, 0.6])
    right = np.array([True, False, True, True])
    assert calibration_error(confidence, right, bins=2) == pytest.approx(0.5 * 0.1 + 0.5 * 0.1)
    assert calibration_error(np.array([0.5] * 4), np.array([True, False, True, False]), bins=1) == 0.0


def test_the_bins_of_reliability_are_those_of_the_calibration_error() -> None:
    rng = np.random.default_rng(3)
    truth = [LABELS[number] for number in rng.integers(0, len(LABELS), 100)]
    said = rng.dirichlet(np.full(len(LABELS), 0.2), 100)
    figures: dict[str, Any] = report(answers(truth, said, kits=[f"kit {one % 9}" for one in range(100)]))
    bins = figures["reliability"]
    assert len(bins) == BINS
    assert {one["n"] for one in bins} == {6, 7}
    assert sum(one["n"] for one in bins) == 100
    confidences = [one["confidence"] for one in bins]
    assert confidences == sorted(confidences)
    gaps = [one["n"] / 100 * abs(one["confidence"] - one["right"]) for one in bins]
    assert sum(gaps) == pytest.approx(figures["ece"])
    assert sum(one["n"] / 100 * one["right"] for one in bins) == pytest.approx(figures["category_accuracy"])
    for one in bins:
        assert one["interval"][0] <= one["right"] <= one["interval"][1]


def test_with_fewer_sounds_than_bins_each_stands_alone() -> None:
    figures: dict[str, Any] = report(answers(TRUTH, SAID), resamples=10)
    bins = figures["reliability"]
    assert [one["n"] for one in bins] == [1] * 6
    assert [one["confidence"] for one in bins] == pytest.approx([0.5, 0.6, 0.6, 0.8, 0.9, 1.0])
    assert [one["right"] for one in bins] == [0.0, 0.0, 1.0, 1.0, 1.0, 1.0]
    assert all(one["interval"] is None for one in bins)


def test_accuracy_at_coverage_takes_the_surest_first() -> None:
    confidence = np.array([0.2, 0.9, 0.8, 0.7, 0.1])
    right = np.array([False, True, True, False, True])
    assert accuracy_at_coverage(confidence, right, 0.4) == 1.0
    assert accuracy_at_coverage(confidence, right, 0.6) == pytest.approx(2 / 3)
    assert accuracy_at_coverage(confidence, right, 1.0) == pytest.approx(3 / 5)


def test_confusion_counts_truth_by_heard() -> None:
    counts = confusion(np.array([0, 0, 1]), np.array([0, 2, 1]))
    assert counts[0, 0] == counts[0, 2] == counts[1, 1] == 1
    assert counts.sum() == 3


def test_intervals_draw_whole_kits() -> None:
    truth = ["kick"] * 20
    said = probabilities(*[{"kick": 1.0}] * 10, *[{"tom": 1.0}] * 10)
    one_kit: dict[str, Any] = report(answers(truth, said, kits=["a"] * 20))
    two_kits: dict[str, Any] = report(answers(truth, said, kits=["a"] * 10 + ["b"] * 10))
    assert one_kit["intervals"]["drum_category_accuracy"] == [0.5, 0.5]
    assert two_kits["intervals"]["drum_category_accuracy"] == [0.0, 1.0]


def kicks_of(kits: int) -> dict[str, Any]:
    """Report on kits of four kicks, of which none to four are heard right, two on the whole."""
    right = [place < kit % 5 for kit in range(kits) for place in range(4)]
    said = probabilities(*[{"kick": 1.0} if one else {"tom": 1.0} for one in right])
    return report(answers(["kick"] * len(right), said, kits=[f"kit {row // 4}" for row in range(len(right))]))


def test_the_interval_of_a_label_holds_its_recall_and_narrows_with_the_kits() -> None:
    widths = []
    for kits in (10, 40, 640):
        kick = kicks_of(kits)["per_label"]["kick"]
        low, high = kick["interval"]
        assert kick["recall"] == pytest.approx(0.5)
        assert low < 0.5 < high
        widths.append(high - low)
    # With the root of the number: four times the kits, half the width.
    assert widths[1] == pytest.approx(widths[0] / 2, rel=0.2)
    assert widths[2] == pytest.approx(widths[0] / 8, rel=0.2)


def test_the_interval_of_a_label_comes_of_the_same_draws_as_the_others() -> None:
    figures = kicks_of(40)
    assert figures["per_label"]["kick"]["interval"] == figures["intervals"]["label_accuracy"]


def test_a_label_of_a_single_kit_has_no_interval() -> None:
    truth = ["kick", "kick", "kick", "snap", "snap"]
    said = probabilities({"kick": 1.0}, {"tom": 1.0}, {"kick": 1.0}, {"snap": 1.0}, {"clap": 1.0})
    figures: dict[str, Any] = report(answers(truth, said, kits=["a", "a", "b", "a", "a"]))
    assert figures["per_label"]["snap"]["recall"] == 0.5
    assert figures["per_label"]["snap"]["interval"] is None
    assert figures["per_label"]["kick"]["interval"] == [0.5, 1.0]


def test_with_one_kit_every_draw_is_the_whole_and_every_interval_the_figure() -> None:
    rng = np.random.default_rng(6)
    truth = [LABELS[number] for number in rng.integers(0, 6, 45)] + ["loop"] * 5
    said = rng.dirichlet(np.full(len(LABELS), 0.2), 50)
    heard_loop = [bool(one) for one in rng.random(50) < 0.4]
    figures: dict[str, Any] = report(
        answers(truth, said, heard_loop=heard_loop, kits=["a"] * 50), resamples=3
    )
    edges = figures["intervals"]
    for name in (
        "label_accuracy", "label_macro_recall", "category_accuracy", "category_macro_recall",
        "drum_category_accuracy", "kind_balanced_accuracy", "ece",
    ):  # fmt: skip
        assert edges[name] == pytest.approx([figures[name]] * 2)
    assert edges["accuracy_at_coverage_0.8"] == pytest.approx([figures["accuracy_at_coverage"]["0.8"]] * 2)


def test_intervals_are_the_same_every_time() -> None:
    assert report(answers(TRUTH, SAID))["intervals"] == report(answers(TRUTH, SAID))["intervals"]


def test_nothing_to_count_is_none_and_not_an_error() -> None:
    nothing = answers([], np.zeros((0, len(LABELS))))
    only_loops = answers(["loop"], probabilities({"fx": 1.0}))
    for figures in (report(nothing, resamples=5), report(only_loops, resamples=5)):
        assert figures["label_accuracy"] is None
        assert figures["ece"] is None
        assert figures["reliability"] == []
        assert figures["kind_balanced_accuracy"] is None
        assert figures["accuracy_at_coverage"] == {"0.6": None, "0.8": None, "0.9": None, "1.0": None}


def test_auroc_counts_pairs_and_halves_ties() -> None:
    inside, outside = np.array([0.9, 0.5, 0.7]), np.array([0.5, 0.8])
    # Of six pairs, three are above (0.9 twice, 0.7 once) and one is a tie.
    assert auroc(inside, outside) == pytest.approx(3.5 / 6)
    assert auroc(outside, inside) == pytest.approx(2.5 / 6)
    assert auroc(inside, np.zeros(0)) is None
