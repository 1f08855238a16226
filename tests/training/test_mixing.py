"""A step follows from its number; mixing keeps shares shares, and asks nothing that is not known."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from organizer.labels import CATEGORIES, CATEGORY_OF, LABELS  # noqa: E402 - only where torch is
from organizer.training.batches import OUTSIDER  # noqa: E402
from organizer.training.dataset import NOT_A_LABEL  # noqa: E402
from organizer.training.metrics import to_categories  # noqa: E402
from organizer.training.mixing import (  # noqa: E402
    KIND_DOUBT,
    Mixing,
    Step,
    Steps,
    label_targets,
    smoothed,
    with_stripes,
    with_styles_of,
)
from tests.training.banks import bank_of  # noqa: E402

if TYPE_CHECKING:
    from torch import Tensor

    from organizer.training.bank import Bank

pytestmark = pytest.mark.training

KICK, SNARE, RIM = (LABELS.index(label) for label in ("kick", "snare", "rim"))
UNCHANGED = Mixing(mixup=0.0, styles=0.0, stripes=0.0)
MIXED = Mixing(mixup=1.0, styles=0.0, stripes=0.0)
ALL_SORTS = [KICK, SNARE, OUTSIDER, NOT_A_LABEL]


def numbered(count: int) -> Bank:
    """Make a bank in which the brightness of a picture is its place."""
    bank = bank_of([KICK] * count)
    bank.whole[:] = np.arange(count, dtype=np.uint8)[:, None, None]
    return bank


def places_in(step: Step) -> list[int]:
    return [round(one) for one in (step.whole[:, 0, 0, 0] * 255.0).tolist()]


def assert_same(one: Step, other: Step) -> None:
    for name in Step.__slots__:
        assert torch.equal(getattr(one, name), getattr(other, name)), name


def test_a_step_follows_from_its_number() -> None:
    bank = bank_of(ALL_SORTS * 5)
    steps = Steps(bank, size=10, seed=1)
    after, first, before = steps(6), steps(5), steps(4)
    assert_same(first, Steps(bank, size=10, seed=1)(5))
    assert not torch.equal(first.whole, before.whole)
    assert not torch.equal(first.whole, after.whole)
    assert not torch.equal(first.whole, Steps(bank, size=10, seed=2)(5).whole)


def test_every_sound_comes_once_before_any_comes_again() -> None:
    steps = Steps(numbered(24), size=6, seed=1, mixing=UNCHANGED)
    assert steps.once_through == 4
    drawn = [places_in(steps(number)) for number in range(8)]
    for turn in (drawn[:4], drawn[4:]):
        assert sorted(chain.from_iterable(turn)) == list(range(24))
    assert drawn[:4] != drawn[4:]


def test_where_the_sizes_do_not_fit_none_is_left_out_for_ever() -> None:
    steps = Steps(numbered(10), size=4, seed=1, mixing=UNCHANGED)
    assert steps.once_through == 2
    turns = [places_in(steps(turn)) + places_in(steps(turn + 1)) for turn in range(0, 20, 2)]
    assert all(len(set(turn)) == 8 for turn in turns)
    assert set(chain.from_iterable(turns)) == set(range(10))


def test_a_bank_smaller_than_a_step_is_a_step() -> None:
    steps = Steps(numbered(3), size=4, seed=1, mixing=UNCHANGED)
    assert [sorted(places_in(steps(number))) for number in range(2)] == [[0, 1, 2]] * 2


def test_only_the_places_given_are_learnt_from() -> None:
    some = np.array([1, 3, 8, 9])
    steps = Steps(numbered(10), size=2, seed=1, mixing=UNCHANGED, places=some)
    assert sorted(places_in(steps(0)) + places_in(steps(1))) == some.tolist()


def test_nothing_is_asked_of_what_is_not_known() -> None:
    bank = bank_of([KICK, OUTSIDER, NOT_A_LABEL, NOT_A_LABEL], contents=["", "", "bass", ""])
    step = Steps(bank, size=4, seed=1, mixing=UNCHANGED)(0)
    assert step.named.tolist() == [1.0, 1.0, 0.0, 0.0]
    assert step.of_kind.tolist() == [1.0, 0.0, 1.0, 1.0]
    assert step.filled.tolist() == [0.0, 0.0, 1.0, 0.0]
    loop, oneshot = [KIND_DOUBT, 1.0 - KIND_DOUBT], [1.0 - KIND_DOUBT, KIND_DOUBT]
    torch.testing.assert_close(step.kinds[[0, 2, 3]], torch.tensor([oneshot, loop, loop]))
    np.testing.assert_array_equal(step.contents, bank.contents)
    np.testing.assert_allclose(step.labels, label_targets(bank, UNCHANGED), atol=1e-6)
    np.testing.assert_array_equal(step.whole[:, 0] * 255.0, bank.whole)
    np.testing.assert_array_equal(step.attack[:, 0] * 255.0, bank.attack)


def test_shares_stay_shares_when_sounds_are_mixed() -> None:
    bank = bank_of(ALL_SORTS * 10, contents=["", "", "", "drums"] * 5 + ["", "", "", "bass"] * 5)
    step = Steps(bank, size=40, seed=1, mixing=MIXED)(0)
    assert step.named.sum() == 30.0
    torch.testing.assert_close(step.labels[step.named == 1.0].sum(1), torch.ones(30), atol=2e-3, rtol=0.0)
    assert step.filled.sum() == 10.0
    torch.testing.assert_close(step.contents[step.filled == 1.0].sum(1), torch.ones(10))
    torch.testing.assert_close(step.kinds.sum(1), torch.ones(40))
    # Some are indeed between two.
    assert (step.contents.amax(1) < 0.95).sum() > 10 + 20
    assert (step.labels.amax(1) < 0.8)[0::4].any()


def test_a_mixed_sound_has_the_labels_that_its_picture_has() -> None:
    bank = bank_of([KICK, SNARE] * 10)
    bank.whole[0::2], bank.whole[1::2] = 0, 200
    step = Steps(bank, size=20, seed=1, mixing=MIXED)(0)
    bright = step.whole[:, 0, 0, 0] * 255.0 / 200.0
    assert ((bright > 0.05) & (bright < 0.95)).any()
    kick, snare = (torch.from_numpy(row) for row in smoothed(MIXED)[[KICK, SNARE]])
    torch.testing.assert_close(step.labels, torch.lerp(kick, snare, bright[:, None]), atol=2e-3, rtol=0.0)
    # What a sound is mixed with is the lesser part of it.
    assert ((bright < 0.5) == (torch.arange(20) % 2 == 0)).all()


def test_only_sounds_of_one_kind_are_mixed() -> None:
    bank = bank_of([KICK, OUTSIDER, NOT_A_LABEL] * 10)
    levels = np.tile(np.array([50, 120, 250], dtype=np.uint8), 10)
    bank.whole[:] = levels[:, None, None]
    step = Steps(bank, size=30, seed=1, mixing=MIXED)(0)
    np.testing.assert_allclose(step.whole[:, 0, 0, 0] * 255.0, levels, atol=0.01)


def test_targets_that_are_given_are_those_learnt() -> None:
    bank = bank_of([KICK] * 4)
    targets = np.random.default_rng(1).dirichlet(np.ones(len(LABELS)), 4)
    step = Steps(bank, size=4, seed=1, mixing=UNCHANGED, targets=targets)(0)
    np.testing.assert_allclose(step.labels, targets, atol=1e-6)


def test_most_of_a_label_is_on_it_and_some_on_its_category() -> None:
    targets = smoothed(Mixing())
    np.testing.assert_allclose(targets.sum(axis=1), 1.0, atol=1e-6)
    np.testing.assert_array_equal(targets.argmax(axis=1), np.arange(len(LABELS)))
    assert targets.diagonal().min() > 0.9
    assert targets[SNARE, RIM] > 2.0 * targets[SNARE, KICK] > 0.0
    np.testing.assert_array_equal(smoothed(Mixing(smooth_inside=0.0, smooth_all=0.0)), np.eye(len(LABELS)))


def test_an_outsider_should_be_called_every_category_alike_and_a_loop_nothing() -> None:
    kick, outsider, loop = label_targets(bank_of([KICK, OUTSIDER, NOT_A_LABEL]), Mixing()).astype(np.float64)
    np.testing.assert_allclose(to_categories(outsider[None])[0], 1.0 / len(CATEGORIES), atol=1e-3)
    inside = [outsider[place] for place, label in enumerate(LABELS) if CATEGORY_OF[label] == "percussion"]
    assert len(set(inside)) == 1
    np.testing.assert_allclose(kick, smoothed(Mixing())[KICK], atol=1e-3)
    assert not loop.any()


def some_pictures(seed: int) -> Tensor:
    """Make pictures that are nowhere near their limits."""
    random: Tensor = torch.rand(3, 1, 20, 8, generator=torch.Generator().manual_seed(seed))
    return 0.4 + 0.02 * seed + 0.1 * random


def test_with_all_of_its_own_style_a_picture_stays_and_with_none_has_that_of_the_other() -> None:
    pictures, others = some_pictures(1), some_pictures(5)
    styled = with_styles_of(pictures, others, np.array([1.0, 0.0, 0.5]))
    torch.testing.assert_close(styled[0], pictures[0], atol=1e-6, rtol=0.0)
    torch.testing.assert_close(styled[1].mean(dim=1), others[1].mean(dim=1), atol=1e-5, rtol=0.0)
    torch.testing.assert_close(styled[1].std(dim=1), others[1].std(dim=1), atol=2e-3, rtol=0.0)
    between = (pictures[2] + others[2]).mean(dim=1) / 2.0
    torch.testing.assert_close(styled[2].mean(dim=1), between, atol=1e-5, rtol=0.0)
    assert not torch.allclose(styled[1], others[1], atol=0.01)


def test_pictures_in_another_style_stay_within_their_limits() -> None:
    pictures = torch.rand(4, 1, 20, 8, generator=torch.Generator().manual_seed(1)).round()
    pictures[3] = 0.0
    styled = with_styles_of(pictures, pictures.flip(0), np.zeros(4))
    assert torch.isfinite(styled).all()
    assert styled.min() >= 0.0
    assert styled.max() <= 1.0


def test_stripes_are_wiped_and_nothing_else() -> None:
    pictures = some_pictures(1).repeat(20, 1, 1, 1)
    striped = with_stripes(pictures, np.random.default_rng(1), chance=1.0)
    kept = striped != 0.0
    assert torch.equal(striped, pictures * kept)
    frames, mels = kept.any(dim=3), kept.any(dim=2)
    assert torch.equal(kept, frames[:, :, :, None] & mels[:, :, None, :])
    for axis in (frames, mels):
        wiped = (~axis[:, 0]).int()
        # One stripe each: in every picture, begun once.
        begun = wiped[:, 0] + (wiped.diff(dim=1) == 1).sum(dim=1)
        assert (begun == 1).all()
        assert (wiped.sum(dim=1) <= 0.16 * wiped.shape[1] + 1).all()
    assert torch.equal(with_stripes(pictures, np.random.default_rng(1), chance=0.0), pictures)


def test_a_step_is_changed_as_often_as_the_mixing_says() -> None:
    bank = bank_of([KICK] * 8)
    bank.whole[:], bank.attack[:] = bank.whole // 2 + 60, bank.attack // 2 + 60
    plain = Steps(bank, size=8, seed=1, mixing=UNCHANGED)(0)
    striped = Steps(bank, size=8, seed=1, mixing=Mixing(mixup=0.0, styles=0.0, stripes=1.0))(0)
    styled = Steps(bank, size=8, seed=1, mixing=Mixing(mixup=0.0, styles=1.0, stripes=0.0))(0)
    for before, wiped, other in (
        (plain.whole, striped.whole, styled.whole),
        (plain.attack, striped.attack, styled.attack),
    ):
        assert (before > 0.0).all()
        assert (wiped == 0.0).any(dim=3).any(dim=2).all()
        assert (other > 0.0).all()
        assert not torch.allclose(other, before, atol=1e-3)
