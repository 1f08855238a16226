"""`prepare` is the one way in: same shape whatever comes, silence cut, nothing that is no number."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from organizer.demo import sounds
from organizer.recognition.waveform import prepare, seconds_needed

RATE, WINDOW = 32_000, 40_960
Wave = NDArray[np.float32]


def prepared(wave: Wave, samplerate: int = RATE) -> Wave:
    return prepare(wave, samplerate, target_rate=RATE, window=WINDOW)


def tone(seconds: float, samplerate: int = RATE, hertz: float = 440.0) -> Wave:
    return np.cos(2 * np.pi * hertz * np.arange(int(seconds * samplerate)) / samplerate).astype(np.float32)


def test_a_short_sound_is_padded_with_zeros_and_a_long_one_cropped() -> None:
    short, long = prepared(tone(0.1)), prepared(tone(3.0))
    assert short.shape == long.shape == (WINDOW,)
    np.testing.assert_array_equal(short[3200:], 0.0)
    np.testing.assert_array_equal(long, tone(3.0)[:WINDOW])


def test_level_is_kept() -> None:
    assert np.abs(prepared(tone(0.5) * np.float32(0.01))).max() == pytest.approx(0.01, rel=1e-3)


def test_leading_silence_is_cut_to_two_milliseconds_before_the_sound() -> None:
    late = np.concatenate([np.zeros(RATE, np.float32), tone(0.2)])
    first = int(np.flatnonzero(prepared(late))[0])
    assert first == int(0.002 * RATE)


def test_noise_far_below_the_peak_counts_as_silence_and_a_soft_attack_does_not() -> None:
    hiss = np.random.default_rng(1).normal(size=RATE).astype(np.float32) * np.float32(2e-4)
    after_hiss = prepared(np.concatenate([hiss, tone(0.2)]))
    assert np.abs(after_hiss[: int(0.004 * RATE)]).max() > 0.9
    swell = tone(0.5) * np.linspace(0.0, 1.0, RATE // 2, dtype=np.float32)
    assert np.count_nonzero(prepared(swell)) > 0.98 * RATE // 2


@pytest.mark.parametrize("samplerate", [8_000, 11_025, 22_050, 44_100, 48_000, 96_000, 192_000])
def test_every_rate_gives_the_same_sound(samplerate: int) -> None:
    heard = prepared(tone(2.0, samplerate), samplerate)
    middle = slice(2_000, WINDOW - 2_000)
    np.testing.assert_allclose(heard[middle], tone(2.0)[:WINDOW][middle], atol=2e-3)


def test_channels_are_averaged() -> None:
    left, right = tone(0.5), tone(0.5, hertz=660.0)
    mean: Wave = ((left + right) / 2).astype(np.float32)
    np.testing.assert_allclose(prepared(np.stack([left, right], axis=1)), prepared(mean), atol=1e-6)


def test_channels_in_opposite_phase_do_not_cancel() -> None:
    wave = sounds.kick()
    heard = prepared(np.stack([wave, -wave], axis=1), sounds.SAMPLERATE)
    np.testing.assert_allclose(heard, prepared(wave, sounds.SAMPLERATE))


def test_eight_channels_are_taken() -> None:
    assert prepared(np.repeat(tone(0.1)[:, None], 8, axis=1)).any()


def test_what_is_no_number_becomes_silence() -> None:
    wave = tone(0.5)
    wave[100], wave[200], wave[300] = np.nan, np.inf, -np.inf
    heard = prepared(wave)
    assert np.isfinite(heard).all()
    np.testing.assert_array_equal(heard[[100, 200, 300]], 0.0)


@pytest.mark.parametrize(
    "wave",
    [
        np.zeros(0, np.float32),
        np.zeros((0, 2), np.float32),
        np.zeros((100, 0), np.float32),
        np.zeros(1, np.float32),
        np.ones(1, np.float32),
        np.zeros(50_000, np.float32),
        np.full(50_000, np.nan, np.float32),
        np.full(50_000, 0.5, np.float32),
        np.full(50_000, 1e-42, np.float32),
    ],
    ids=["none", "no frames", "no channels", "a zero", "a one", "silence", "only NaN", "DC", "denormals"],
)
@pytest.mark.parametrize("samplerate", [RATE, 44_100])
def test_odd_input_gives_a_window_of_numbers(wave: Wave, samplerate: int) -> None:
    heard = prepared(wave, samplerate)
    assert heard.shape == (WINDOW,)
    assert heard.dtype == np.float32
    assert np.isfinite(heard).all()


def test_nothing_after_what_is_said_to_be_needed_is_used() -> None:
    rng = np.random.default_rng(2)
    wave = rng.normal(size=(RATE * 5, 2)).astype(np.float32)
    needed = int(seconds_needed(WINDOW, RATE) * RATE) + 1
    np.testing.assert_array_equal(prepared(wave), prepared(wave[:needed]))


def test_a_rate_of_zero_and_three_axes_are_refused() -> None:
    with pytest.raises(ValueError, match="0 Hz"):
        prepared(tone(0.1), 0)
    with pytest.raises(ValueError, match="3 axes"):
        prepared(np.zeros((2, 2, 2), np.float32))


@given(
    frames=st.integers(0, 3_000),
    channels=st.integers(0, 3),
    samplerate=st.integers(100, 400_000),
    seed=st.integers(0, 2**16),
)
@settings(max_examples=60, deadline=None)
def test_any_sound_gives_one_window(frames: int, channels: int, samplerate: int, seed: int) -> None:
    shape = (frames, channels) if channels else (frames,)
    wave = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    heard = prepared(wave, samplerate)
    assert heard.shape == (WINDOW,)
    assert np.isfinite(heard).all()
