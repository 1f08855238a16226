"""Made loops repeat in time; flams, rolls and echoes keep their one sound."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from organizer.labels import LABELS
from organizer.training.dataset import Row, Sounds
from organizer.training.sequence import Sequencer

RATE, LENGTH = 8_000, 12_000


@pytest.fixture(scope="module")
def sequencer() -> Sequencer:
    click = (np.exp(-np.arange(200) / 40.0) * 32_000).astype(np.int16)
    rows = tuple(
        Row(path=Path(label), file=label, label=label, source="s", kit="k") for label in (*LABELS, "loop")
    )
    return Sequencer(Sounds(rows, (click,) * len(rows)), samplerate=RATE, length=LENGTH)


def beginnings(wave: np.ndarray[tuple[int], np.dtype[np.float32]]) -> int:
    """Count rises through a fifth of the peak that stand 20 ms apart."""
    loud = np.flatnonzero(np.abs(wave) > 0.2 * np.abs(wave).max())
    return 1 + int(np.count_nonzero(np.diff(loud) > 0.02 * RATE))


@pytest.mark.parametrize("seed", range(20))
def test_a_loop_begins_at_once_has_the_length_and_repeats(sequencer: Sequencer, seed: int) -> None:
    loop = sequencer.loop(np.random.default_rng(seed))
    assert loop.shape == (LENGTH,)
    assert loop.dtype == np.float32
    assert np.isfinite(loop).all()
    assert np.abs(loop[:80]).max() > 0.0
    assert beginnings(loop) >= 2


def test_loops_differ_by_seed_and_repeat_with_it(sequencer: Sequencer) -> None:
    first = sequencer.loop(np.random.default_rng(1))
    np.testing.assert_array_equal(first, sequencer.loop(np.random.default_rng(1)))
    assert not np.array_equal(first, sequencer.loop(np.random.default_rng(2)))


@pytest.mark.parametrize("seed", range(12))
def test_a_repeated_hit_stays_in_the_length(sequencer: Sequencer, seed: int) -> None:
    wave = np.exp(-np.arange(300) / 60.0).astype(np.float32)
    repeated = sequencer.repeated(np.random.default_rng(seed), wave)
    assert repeated.shape == (LENGTH,)
    assert np.count_nonzero(repeated) > wave.size


def test_one_label_is_enough_to_make_loops_of() -> None:
    rows = (Row(path=Path("a"), file="a", label="cowbell"),)
    alone = Sequencer(Sounds(rows, (np.full(100, 30_000, np.int16),)), samplerate=RATE, length=LENGTH)
    for seed in range(10):
        assert np.isfinite(alone.loop(np.random.default_rng(seed))).all()
