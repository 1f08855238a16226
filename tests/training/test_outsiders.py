"""Outsiders are loud, whole and the same for a seed, whatever there is to make them of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from organizer.labels import LABELS
from organizer.training.outsiders import Outsiders
from tests.training.made import sounds_of

if TYPE_CHECKING:
    from organizer.training.dataset import Sounds

RATE, LENGTH = 8_000, 12_000
COLLECTIONS = {
    "all labels and loops": sounds_of(*LABELS, "loop", size=3_000),
    "no voices and no loops": sounds_of("kick", "synth", size=3_000),
    "one sound, longer than an outsider": sounds_of("vocal", size=20_000),
}


def outsiders(sounds: Sounds) -> Outsiders:
    return Outsiders(sounds, samplerate=RATE, length=LENGTH)


@pytest.mark.parametrize("sounds", COLLECTIONS.values(), ids=COLLECTIONS.keys())
def test_outsiders_fill_their_length_and_their_peak_is_1(sounds: Sounds) -> None:
    made = outsiders(sounds)
    for seed in range(30):  # enough for every sort of them
        wave = made.make(np.random.default_rng(seed))
        assert wave.shape == (LENGTH,)
        assert wave.dtype == np.float32
        assert np.isfinite(wave).all()
        assert np.abs(wave).max() == pytest.approx(1.0, abs=1e-6)


def test_outsiders_differ_by_seed_and_repeat_with_it() -> None:
    sounds = COLLECTIONS["all labels and loops"]
    made = [outsiders(sounds).make(np.random.default_rng(seed)) for seed in range(12)]
    for seed, wave in enumerate(made):
        np.testing.assert_array_equal(wave, outsiders(sounds).make(np.random.default_rng(seed)))
    assert len({wave.tobytes() for wave in made}) == len(made)


def test_the_sounds_that_they_are_made_of_stay_as_they_are() -> None:
    sounds = COLLECTIONS["all labels and loops"]
    before = [wave.copy() for wave in sounds.waves]
    for seed in range(12):
        outsiders(sounds).make(np.random.default_rng(seed))
    for wave, copy in zip(sounds.waves, before, strict=True):
        np.testing.assert_array_equal(wave, copy)
