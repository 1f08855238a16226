"""Augmented sounds are numbers of the same shape, the same for a seed, and keep the tails they need."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from organizer.training.augment import Augment, Chances  # noqa: E402 - only where torch is

if TYPE_CHECKING:
    from torch import Tensor

pytestmark = pytest.mark.training

RATE, WINDOW = 32_000, 20_000
NEVER = Chances(speed=0, saturate=0, noise=0, spectrum=0, reverb=0, tail=0, crush=0, offset=0)
ALWAYS = Chances(speed=1, saturate=1, noise=1, spectrum=1, reverb=1, tail=1, crush=1, offset=1)


def some_waves() -> Tensor:
    waves = torch.randn(12, WINDOW + 4_000, generator=torch.Generator().manual_seed(1))
    waves[0] = 0.0
    at_peak: Tensor = waves / waves.abs().amax(dim=1, keepdim=True).clamp_min(1e-6)
    return at_peak


def augmented(chances: Chances, seed: int = 2, shortest: float = 0.07) -> Tensor:
    augment = Augment(samplerate=RATE, window=WINDOW, seed=0, chances=chances)
    waves: Tensor = augment(some_waves(), torch.full((12,), shortest), torch.Generator().manual_seed(seed))
    return waves


def test_nothing_happens_where_nothing_may() -> None:
    torch.testing.assert_close(augmented(NEVER), some_waves()[:, :WINDOW], atol=0.3, rtol=0.3)
    changed = augmented(NEVER) / some_waves()[:, :WINDOW]
    # At most the level differs: the peak of what is left is 1 again.
    assert changed[1].nan_to_num(float(changed[1, 0])).std() < 1e-3


def test_all_at_once_gives_numbers_of_the_same_shape() -> None:
    waves = augmented(ALWAYS)
    assert waves.shape == (12, WINDOW)
    assert torch.isfinite(waves).all()
    assert waves.abs().max() < 20


def test_a_seed_makes_a_batch() -> None:
    torch.testing.assert_close(augmented(ALWAYS), augmented(ALWAYS))
    assert not torch.equal(augmented(ALWAYS), augmented(ALWAYS, seed=3))


def test_tails_that_matter_are_left_alone_so_long() -> None:
    only_tails = Chances(speed=0, saturate=0, noise=0, spectrum=0, reverb=0, tail=1, crush=0, offset=0)
    waves, original = augmented(only_tails, shortest=0.4), augmented(NEVER)
    early = slice(0, int(0.1 * RATE))
    assert (waves[1:, early].abs().mean(1) > 0.5 * original[1:, early].abs().mean(1)).all()
    assert (waves[1:].abs().sum(1) <= original[1:].abs().sum(1) + 1e-3).all()
