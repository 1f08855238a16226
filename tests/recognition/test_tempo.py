"""Tempo, on loops of known tempo that nothing was fitted on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from organizer.demo import sounds
from organizer.recognition.analysis import onsets_of
from organizer.recognition.tempo import HIGHEST, LOWEST, WEIGHTS, candidates, hear_tempi

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from organizer.recognition.tempo import Tempo

RATE = sounds.SAMPLERATE


def heard(wave: NDArray[np.float32], rate: int = RATE) -> tuple[Tempo, ...]:
    onsets = onsets_of(wave, rate)
    assert onsets is not None
    return hear_tempi(onsets, len(wave) / rate)


@pytest.mark.parametrize("bpm", [82.0, 96.0, 120.0, 128.0, 140.0])
@pytest.mark.parametrize("bars", [1, 2, 4])
def test_a_loop_of_whole_bars_is_heard_at_its_tempo(bpm: float, bars: int) -> None:
    tempi = heard(sounds.loop(bpm=bpm, bars=bars))
    assert tempi[0].bpm == pytest.approx(bpm, rel=0.005)
    assert tempi[0].beats == 4 * bars


@pytest.mark.parametrize("bpm", [90.0, 125.0])
@pytest.mark.parametrize(("before", "behind"), [(0.0, 0.37), (0.21, 0.0), (0.3, 1.1)])
def test_silence_around_a_loop_does_not_matter(bpm: float, before: float, behind: float) -> None:
    silence = (np.zeros(int(seconds * RATE), np.float32) for seconds in (before, behind))
    loop = sounds.loop(bpm=bpm, bars=2)
    first, last = silence
    tempi = heard(np.concatenate([first, loop, last]))
    assert tempi[0].bpm == pytest.approx(bpm, rel=0.02)


def test_all_that_is_thought_possible_adds_up_to_one_and_the_likeliest_comes_first() -> None:
    tempi = heard(sounds.loop(bpm=104.0, bars=2))
    shares = [one.confidence for one in tempi]
    assert sum(shares) == pytest.approx(1.0)
    assert shares == sorted(shares, reverse=True)
    assert all(LOWEST <= one.bpm <= HIGHEST for one in tempi)
    assert all(abs(a.bpm / b.bpm - 1) > 0.02 for a in tempi for b in tempi if a is not b)


@pytest.mark.parametrize("frames", [1, 500, 3_000])
def test_what_is_too_short_for_a_beat_has_none(frames: int) -> None:
    assert heard(np.full(frames, 0.5, np.float32)) == ()


@given(
    seed=st.integers(0, 2**32 - 1), seconds=st.floats(0.05, 3.0), rate=st.sampled_from([1_000, 8_000, 44_100])
)
def test_any_sound_gives_tempi_that_are_numbers(seed: int, seconds: float, rate: int) -> None:
    rng = np.random.default_rng(seed)
    wave = (rng.normal(0, 0.3, int(seconds * rate) + 1) * (rng.random() < 0.9)).astype(np.float32)
    onsets = onsets_of(wave, rate)
    tempi = () if onsets is None else hear_tempi(onsets, len(wave) / rate)
    assert all(np.isfinite([one.bpm, one.confidence]).all() for one in tempi)


def test_there_is_a_weight_for_every_feature() -> None:
    onsets = onsets_of(sounds.loop(bpm=120.0, bars=1), RATE)
    assert onsets is not None
    found = candidates(onsets, 2.0)
    assert found.features.shape == (len(found.bpm), len(WEIGHTS))
    assert found.beats.max() == 6  # 180 BPM
