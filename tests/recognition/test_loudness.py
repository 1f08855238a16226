"""Loudness against figures that follow from ITU-R BS.1770 and EBU Tech 3341 by definition."""

from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING

import numpy as np
import pytest

from organizer.recognition.loudness import loudness_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

RATE = 48_000


def tone(level: float, seconds: float, *, frequency: float = 997.0, rate: int = RATE) -> NDArray[np.float32]:
    """Make a sine whose peak is at `level` dB relative to full scale."""
    t = np.arange(round(seconds * rate)) / rate
    return np.asarray(10 ** (level / 20) * np.sin(2 * np.pi * frequency * t), dtype=np.float32)


@pytest.mark.parametrize("rate", [22_050, 44_100, 48_000, 96_000])
@pytest.mark.parametrize("seconds", [0.05, 0.3, 0.4, 5.0, 13.7])
def test_a_full_sine_in_one_channel_is_at_minus_three(rate: int, seconds: float) -> None:
    loudness = loudness_of(tone(0.0, seconds, rate=rate)[:, None], rate)
    assert loudness == pytest.approx(-3.01, abs=0.15)


def test_a_stereo_sine_at_minus_23_is_at_minus_23() -> None:
    mono = tone(-23.0, 20.0, frequency=1_000.0)
    assert loudness_of(np.stack([mono, mono], axis=1), RATE) == pytest.approx(-23.0, abs=0.1)


def test_quiet_parts_are_gated() -> None:
    """Cases 3 and 4 of EBU Tech 3341: tones at -36, -23, -36 dB, and those with -72 around."""
    for levels in (
        [(-36.0, 10), (-23.0, 60), (-36.0, 10)],
        [(-72.0, 10), (-36.0, 10), (-23.0, 60), (-36.0, 10)],
    ):
        mono = np.concatenate([tone(level, seconds, frequency=1_000.0) for level, seconds in levels])
        assert loudness_of(np.stack([mono, mono], axis=1), RATE) == pytest.approx(-23.0, abs=0.1)


def test_low_sounds_count_for_less_and_high_ones_for_more() -> None:
    low, middle, high = (
        loudness_of(tone(-10.0, 3.0, frequency=frequency)[:, None], RATE) or 0.0
        for frequency in (30, 997, 8_000)
    )
    assert low < middle - 3 < middle < high - 2


@pytest.mark.parametrize("frames", [0, 1, 100, 48_000])
def test_silence_has_no_loudness(frames: int) -> None:
    assert loudness_of(np.zeros((frames, 2), np.float32), RATE) is None


def test_memory_does_not_grow_with_length_but_by_the_steps() -> None:
    wave = tone(-6.0, 60.0)[:, None]
    tracemalloc.start()
    try:
        assert loudness_of(wave, RATE) is not None
        assert tracemalloc.get_traced_memory()[1] < 8_000_000  # bytes; the wave has 11.5 MB
    finally:
        tracemalloc.stop()


def test_the_channel_for_effects_does_not_count_and_those_behind_count_more() -> None:
    mono = tone(-20.0, 2.0)
    silence = np.zeros_like(mono)

    def only(place: int, channels: int) -> float | None:
        return loudness_of(
            np.stack([mono if one == place else silence for one in range(channels)], axis=1), RATE
        )

    front = only(0, 6)
    assert front is not None
    assert only(3, 6) is None
    for channels, place in ((6, 4), (6, 5), (5, 3), (8, 7)):
        assert only(place, channels) == pytest.approx(front + 1.5, abs=0.05)


def test_numbers_beyond_all_sound_have_no_loudness() -> None:
    assert loudness_of(np.full((10_000, 1), 3e38, np.float32), RATE) is None
