"""The sounds of no label: what they are made for, and the same each time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from organizer.training.scope import strangers

if TYPE_CHECKING:
    from numpy.typing import NDArray

RATE, WINDOW, COUNT = 8_000, 8_192, 12


def made(seed: int = 0) -> dict[str, NDArray[np.float32]]:
    hits = [(np.exp(-np.arange(900) / 200) * 32_000).astype(np.int16)] * COUNT
    return dict(strangers(hits, samplerate=RATE, window=WINDOW, seed=seed))


def test_the_groups_are_whole_audible_and_the_same_each_time() -> None:
    first, again, other = made(), made(), made(seed=1)
    assert not first.pop("silence").any()
    for name, waves in first.items():
        assert waves.shape == (COUNT, WINDOW)
        assert waves.dtype == np.float32
        assert np.isfinite(waves).all()
        peaks = np.abs(waves).max(axis=1)
        assert ((peaks > 0.01) & (peaks <= 1.0)).all()
        np.testing.assert_array_equal(waves, again[name])
        assert not np.array_equal(waves, other[name])


@pytest.mark.parametrize(("name", "steady"), [("steady sine", True), ("like speech", False)])
def test_a_sine_stands_still_and_speech_does_not(name: str, steady: bool) -> None:
    levels = np.sqrt((made()[name].reshape(COUNT, 32, -1) ** 2).mean(axis=2))
    swing = np.median(levels.std(axis=1) / levels.mean(axis=1))
    assert bool(swing < 0.1) is steady
