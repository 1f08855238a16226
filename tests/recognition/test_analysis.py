from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from organizer.demo import sounds
from organizer.recognition.analysis import Rhythm, loop_probability, onsets_of, rhythm_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

RATE = sounds.SAMPLERATE


def hear_rhythm(wave: NDArray[np.float32], rate: int) -> Rhythm | None:
    onsets = onsets_of(wave, rate)
    return None if onsets is None else rhythm_of(onsets)


def loop_like(wave: NDArray[np.float32], rate: int = RATE) -> float:
    rhythm = hear_rhythm(wave, rate)
    assert rhythm is not None
    return loop_probability(rhythm)


def long_crash() -> NDArray[np.float32]:
    t = np.arange(8 * RATE) / RATE
    noise = np.random.default_rng(4).normal(0, 0.3, len(t))
    return np.asarray(noise * np.exp(-t / 1.8), dtype=np.float32)


def pad() -> NDArray[np.float32]:
    t = np.arange(8 * RATE) / RATE
    vibrato = 3 * np.sin(2 * np.pi * 5 * t)
    tone = np.sum([np.sin(2 * np.pi * f * t + vibrato) for f in (220.0, 277.2, 329.6)], axis=0)
    return np.asarray(0.2 * tone * np.minimum(1, t / 1.5), dtype=np.float32)


@pytest.mark.parametrize("bpm", [85.0, 120.0, 174.0])
@pytest.mark.parametrize("bars", [2, 4])
def test_loops_are_heard_as_such(bpm: float, bars: int) -> None:
    assert loop_like(sounds.loop(bpm=bpm, bars=bars)) > 0.6


@pytest.mark.parametrize(
    "wave",
    [
        sounds.kick(), sounds.snare(), sounds.clap(), sounds.hat(), sounds.tom(), sounds.crash(),
        sounds.cowbell(), sounds.bass(), sounds.chord(), long_crash(), pad(),
    ],
)  # fmt: skip
def test_one_shots_are_no_loops_however_long(wave: NDArray[np.float32]) -> None:
    assert loop_like(wave) < 0.4


def test_hits_are_counted() -> None:
    wave = np.zeros(4 * RATE, np.float32)
    kick = sounds.kick(seconds=0.3)
    for beat in range(8):
        wave[beat * RATE // 2 : beat * RATE // 2 + len(kick)] += kick
    rhythm = hear_rhythm(wave, RATE)
    assert rhythm is not None
    assert rhythm.onsets == 7  # after the first


def test_level_rate_and_channels_do_not_matter() -> None:
    wave = sounds.loop()
    plain = loop_like(wave)
    assert loop_like(wave * np.float32(0.01)) == pytest.approx(plain, abs=0.02)
    assert loop_like(np.stack([wave, wave], axis=1)) == pytest.approx(plain, abs=0.02)
    assert loop_like(np.stack([wave, -wave], axis=1)) == pytest.approx(plain, abs=0.02)
    assert loop_like(np.repeat(wave, 2), 2 * RATE) == pytest.approx(plain, abs=0.1)


@pytest.mark.parametrize("frames", [0, 1, 100])
def test_silence_has_no_rhythm(frames: int) -> None:
    assert hear_rhythm(np.zeros(frames, np.float32), RATE) is None
    assert hear_rhythm(np.zeros((frames, 2), np.float32), RATE) is None


@pytest.mark.parametrize("rate", [1_000, 8_000, 44_100, 192_000, 1_000_000])
def test_a_single_sample_and_any_rate_are_measured(rate: int) -> None:
    assert loop_like(np.ones(1, np.float32), rate) < 0.5
    assert 0 < loop_like(np.random.default_rng(1).normal(0, 0.1, rate).astype(np.float32), rate) < 1


@pytest.mark.parametrize("frames", range(29_000, 31_000, 97))
def test_a_click_in_the_very_last_samples_is_heard(frames: int) -> None:
    wave = np.zeros(frames, np.float32)
    wave[-8:] = 0.5
    rhythm = hear_rhythm(wave, RATE)
    assert rhythm is not None
    assert rhythm.onsets == 0
