from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from numpy.typing import NDArray

from organizer.labels import LABELS
from organizer.library.head import CAREFUL, Background, Head, Taught

OWN = "glass"  # a label of the user's own
COLUMNS = (*LABELS, OWN)
SIZE = 32
# Where made sounds of a group lie: the same for every test.
CENTRES = np.random.default_rng(0).normal(size=(40, SIZE))


@dataclass(frozen=True)
class Made:
    embeddings: NDArray[np.float32]
    probabilities: NDArray[np.float64]
    said: tuple[str, ...]

    def __getitem__(self, chosen: slice | NDArray[np.int64]) -> Made:
        said = tuple(np.array(self.said)[chosen].tolist())
        return Made(self.embeddings[chosen], self.probabilities[chosen], said)


def made(group: int, said: str, count: int, *, seed: int = 0, sure: float = 0.8) -> Made:
    """Make `count` sounds of one group, all heard as `said`."""
    chance = np.random.default_rng((seed, group))
    embeddings = CENTRES[group] + 0.25 * chance.normal(size=(count, SIZE))
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    shares = chance.dirichlet(np.ones(len(LABELS)), size=count) * (1.0 - sure)
    shares[:, LABELS.index(said)] += sure
    own = np.zeros((count, 1))
    return Made(embeddings.astype(np.float32), np.hstack([shares, own]), (said,) * count)


def together(*parts: Made) -> Made:
    return Made(
        np.concatenate([part.embeddings for part in parts]),
        np.concatenate([part.probabilities for part in parts]),
        tuple(said for part in parts for said in part.said),
    )


def taught(sounds: Made, labels: str | list[str]) -> Taught:
    named = [labels] * len(sounds.said) if isinstance(labels, str) else labels
    return Taught(embeddings=sounds.embeddings, labels=named, probabilities=sounds.probabilities)


def library(*, seed: int = 9) -> Made:
    """Make 432 sounds of 36 groups, of each label one or two: rims are group 2, snares group 1."""
    return together(*(made(group, LABELS[group % len(LABELS)], 12, seed=seed) for group in range(36)))


def background(sounds: Made | None = None) -> Background:
    sounds = library() if sounds is None else sounds
    return Background(embeddings=sounds.embeddings, labels=sounds.said, probabilities=sounds.probabilities)


def fit(corrections: Taught, known: Background | None = None) -> Head:
    return Head.fit(corrections, background() if known is None else known, labels=COLUMNS)


def names(probabilities: NDArray[np.float64]) -> list[str]:
    return [COLUMNS[place] for place in probabilities.argmax(axis=1)]


@pytest.fixture
def rims_are_perc() -> Head:
    return fit(taught(made(2, "rim", 12), "perc"))


def test_sounds_like_the_corrections_shift(rims_are_perc: Head) -> None:
    new = made(2, "rim", 30, seed=1)
    shifted = rims_are_perc.apply(new.embeddings, new.probabilities)
    assert names(shifted.probabilities) == ["perc"] * 30
    assert shifted.probabilities.sum(axis=1) == pytest.approx(1.0)
    assert rims_are_perc.report.before == 0.0
    assert rims_are_perc.report.gain > 0.9


def test_sounds_far_from_all_corrections_stay_exactly_as_they_were(rims_are_perc: Head) -> None:
    far = together(*(made(group, LABELS[group], 10, seed=3) for group in range(3, 20)))
    shifted = rims_are_perc.apply(far.embeddings, far.probabilities)
    assert np.array_equal(shifted.probabilities, far.probabilities)
    assert not shifted.strength.any()
    assert (shifted.nearest == -1).all()


def test_what_is_shifted_names_the_corrections_that_did_it(rims_are_perc: Head) -> None:
    new = made(2, "rim", 5, seed=1)
    shifted = rims_are_perc.apply(new.embeddings, new.probabilities)
    assert ((shifted.nearest >= 0) & (shifted.nearest < 12)).all()
    assert (np.diff(shifted.weights, axis=1) <= 0.0).all()
    assert (shifted.weights.sum(axis=1) <= shifted.strength + 1e-6).all()
    assert (shifted.weights[:, 0] > 0.0).all()


def test_a_sound_that_is_heard_as_something_else_does_not_follow(rims_are_perc: Head) -> None:
    snares = made(2, "snare", 20, seed=4)  # it sounds like the rims, but is sure to be called a snare
    shifted = rims_are_perc.apply(snares.embeddings, snares.probabilities)
    assert names(shifted.probabilities) == ["snare"] * 20


def test_uncorrected_sounds_of_the_same_taste_do_not_switch_it_off() -> None:
    head = fit(taught(made(2, "rim", 10), "perc"), background(library()))
    again = made(2, "rim", 12, seed=9)  # the very rims of the library that nobody has come to yet
    assert names(head.apply(again.embeddings, again.probabilities).probabilities).count("perc") >= 10
    assert head.report.labels[0].taken["rim"] >= 10


def test_one_sound_taught_as_two_labels_does_no_harm() -> None:
    rims = made(2, "rim", 10)
    twice = together(rims, rims)
    head = fit(taught(twice, ["perc"] * 10 + ["snap"] * 10))
    new = together(made(2, "rim", 20, seed=1), made(1, "snare", 20, seed=1))
    shifted = head.apply(new.embeddings, new.probabilities)
    assert names(shifted.probabilities) == list(new.said)
    assert not head.report.used


def test_one_sound_taught_twice_and_nothing_else_cancels_out() -> None:
    rim = made(2, "rim", 1)
    head = fit(taught(together(rim, rim), ["perc", "snap"]))
    shifted = head.apply(rim.embeddings, rim.probabilities)
    assert np.array_equal(shifted.probabilities, rim.probabilities)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("count", [20, 100])
def test_corrections_by_chance_switch_it_off(seed: int, count: int) -> None:
    chance = np.random.default_rng(seed)
    sounds = library(seed=seed)[chance.permutation(432)[:count]]
    labels = [LABELS[place] for place in chance.integers(0, len(LABELS), count)]
    head = fit(taught(sounds, labels))
    new = library(seed=20)
    shifted = head.apply(new.embeddings, new.probabilities)
    assert not any(one.used for one in head.report.labels if one.corrections >= 3)
    assert names(shifted.probabilities) == names(new.probabilities)
    assert all(one.reason for one in head.report.labels)


def test_good_corrections_work_beside_bad_ones() -> None:
    chance = np.random.default_rng(5)
    bad = library(seed=6)[chance.permutation(432)[:30]]
    labels = ["perc"] * 12 + [LABELS[place] for place in chance.integers(0, 6, 30)]
    head = fit(taught(together(made(2, "rim", 12), bad), labels))
    new = made(2, "rim", 20, seed=1)
    assert names(head.apply(new.embeddings, new.probabilities).probabilities).count("perc") > 15
    assert {one.label for one in head.report.labels if one.used and one.corrections >= 3} == {"perc"}


def test_a_label_of_the_users_own_is_learnt_from_ten() -> None:
    head = fit(taught(made(38, "bell", 10), OWN))
    new, bells = made(38, "bell", 30, seed=1), made(14, "bell", 30, seed=1)
    assert names(head.apply(new.embeddings, new.probabilities).probabilities).count(OWN) > 25
    assert OWN not in names(head.apply(bells.embeddings, bells.probabilities).probabilities)
    (learnt,) = head.report.labels
    assert learnt.used
    assert learnt.recall is not None and learnt.recall >= 0.7
    assert sum(learnt.taken.values()) == 0


def test_a_label_that_cannot_be_told_from_its_neighbours_is_not_learnt() -> None:
    bells = made(14, "bell", 410)  # ten of four hundred, drawn by chance
    head = fit(taught(bells[:10], OWN), background(together(library(), bells[10:])))
    assert not head.report.used
    assert "not used" in head.report.labels[0].reason


def test_the_order_of_what_is_known_does_not_matter() -> None:
    corrections = together(made(2, "rim", 12), made(38, "bell", 10))
    labels = ["perc"] * 12 + [OWN] * 10
    new = together(made(2, "rim", 10, seed=1), made(38, "bell", 10, seed=1), library(seed=4))
    order = np.random.default_rng(1).permutation(22)
    other = np.random.default_rng(2).permutation(432)
    first = fit(taught(corrections, labels))
    second = fit(taught(corrections[order], [labels[place] for place in order]), background(library()[other]))
    one, two = (head.apply(new.embeddings, new.probabilities) for head in (first, second))
    assert one.probabilities == pytest.approx(two.probabilities, abs=1e-5)
    found = two.nearest[:, 0] >= 0
    assert np.array_equal(order[two.nearest[found, 0]], one.nearest[found, 0])


def test_the_same_corrections_give_the_same_head() -> None:
    corrections, new = taught(made(2, "rim", 12), "perc"), library(seed=4)
    one, two = (fit(corrections).apply(new.embeddings, new.probabilities) for _ in range(2))
    assert np.array_equal(one.probabilities, two.probabilities)


def test_without_corrections_nothing_changes() -> None:
    head = fit(taught(made(2, "rim", 0), []))
    new = library()
    shifted = head.apply(new.embeddings, new.probabilities)
    assert np.array_equal(shifted.probabilities, new.probabilities)
    assert head.report.corrections == 0
    assert not head.report.used


def test_without_sounds_nothing_comes_back(rims_are_perc: Head) -> None:
    none = made(2, "rim", 0)
    assert rims_are_perc.apply(none.embeddings, none.probabilities).probabilities.shape == (0, len(COLUMNS))


@pytest.mark.parametrize("known", [None, background()])
def test_one_correction_alone_shifts_near_copies_and_nothing_else(known: Background | None) -> None:
    rim = made(2, "rim", 1)
    head = Head.fit(taught(rim, "perc"), known, labels=COLUMNS)
    copy = replace(rim, embeddings=(rim.embeddings + np.float32(0.001)).astype(np.float32))
    likewise = made(2, "rim", 20, seed=1)
    near = head.apply(copy.embeddings, copy.probabilities)
    assert names(near.probabilities) == ["perc"]
    assert 0.0 < near.strength[0] <= CAREFUL
    assert near.nearest[0].tolist() == [0, -1, -1, -1, -1]
    shifted = head.apply(likewise.embeddings, likewise.probabilities)
    assert np.array_equal(shifted.probabilities, likewise.probabilities)


def test_without_a_library_only_near_copies_follow() -> None:
    head = Head.fit(taught(made(2, "rim", 12), "perc"), None, labels=COLUMNS)
    new = made(2, "rim", 20, seed=1)
    shifted = head.apply(new.embeddings, new.probabilities)
    assert np.array_equal(shifted.probabilities, new.probabilities)
    assert "near copies" in head.report.labels[0].reason


def test_silent_sounds_are_near_to_nothing(rims_are_perc: Head) -> None:
    silent = made(2, "rim", 3)
    none = np.zeros_like(silent.embeddings)
    shifted = rims_are_perc.apply(none, silent.probabilities)
    assert np.array_equal(shifted.probabilities, silent.probabilities)


def test_the_report_counts_what_was_corrected_into_what() -> None:
    head = fit(taught(together(made(2, "rim", 12), made(1, "snare", 2)), "perc"))
    pairs = {(pair.said, pair.taught): pair for pair in head.report.pairs}
    assert pairs["rim", "perc"].corrections == 12
    assert pairs["rim", "perc"].right >= 10
    assert pairs["snare", "perc"].corrections == 2
    assert head.report.background == 432


def test_a_taught_label_needs_a_column() -> None:
    with pytest.raises(ValueError, match="taught labels without a column: zap"):
        fit(taught(made(2, "rim", 3), "zap"))


def test_arrays_that_do_not_fit_are_refused(rims_are_perc: Head) -> None:
    with pytest.raises(ValueError, match="2 embeddings"):
        rims_are_perc.apply(np.zeros((2, SIZE)), np.zeros((3, len(COLUMNS))))
    with pytest.raises(ValueError, match="due"):
        rims_are_perc.apply(np.zeros((3, SIZE)), np.zeros((3, len(LABELS))))
