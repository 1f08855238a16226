"""Sounds that are none of what the ear knows, made here: how well does its confidence tell them apart?

Nothing is learnt from them. Pure numpy; the same generator makes the same sounds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.random import Generator

Wave = NDArray[np.float32]

EACH = 50  # sounds at most of every group but silence, of which there is one
# Formants in Hz of five vowels (Peterson and Barney, 1952, men, rounded).
VOWELS = ((270, 2290, 3010), (390, 1990, 2550), (730, 1090, 2440), (570, 840, 2410), (300, 870, 2240))
MIXED_TOGETHER = (4, 9)  # sounds in one mix, at least and below


def strangers(
    sounds: Sequence[NDArray[np.int16]], *, samplerate: int, window: int, seed: int = 0
) -> Mapping[str, NDArray[np.float32]]:
    """Make groups of sounds (n, window) that are no one-shot of any label; mixes are made of `sounds`.

    A group is no larger than the number of `sounds`, which it is compared with.
    """
    rng = np.random.default_rng(seed)
    time = np.arange(window) / samplerate
    each = min(EACH, len(sounds))

    def group(make: Callable[[], Wave]) -> NDArray[np.float32]:
        return np.stack([_at_peak(make(), float(rng.uniform(0.05, 1.0))) for _ in range(each)])

    return {
        "silence": np.zeros((1, window), dtype=np.float32),
        "steady noise": group(lambda: _noise(rng, window)),
        "steady sine": group(lambda: _sine(rng, time)),
        "sweep": group(lambda: _sweep(rng, time)),
        "mix of many sounds": group(lambda: _mix(rng, sounds, window)),
        "like speech": group(lambda: _speech(rng, time, samplerate)),
        "like speech, over a mix": group(
            lambda: (
                _at_peak(_speech(rng, time, samplerate), 1.0)
                + _at_peak(_mix(rng, sounds, window), float(rng.uniform(0.2, 0.8)))
            )
        ),
    }


def _noise(rng: Generator, window: int) -> Wave:
    """White, pink or brown, for the whole window."""
    spectrum = np.fft.rfft(rng.normal(size=window))
    slope = rng.choice([0.0, 0.5, 1.0])
    wave: Wave = np.fft.irfft(spectrum / np.arange(1, spectrum.size + 1) ** slope, n=window).astype(
        np.float32
    )
    return wave


def _sine(rng: Generator, time: NDArray[np.float64]) -> Wave:
    hertz = np.exp(rng.uniform(np.log(60.0), np.log(8000.0)))
    wave: Wave = np.sin(2 * np.pi * hertz * time).astype(np.float32)
    return wave


def _sweep(rng: Generator, time: NDArray[np.float64]) -> Wave:
    first, last = np.exp(rng.uniform(np.log(60.0), np.log(10_000.0), 2))
    hertz = first * (last / first) ** (time / time[-1])
    wave: Wave = np.sin(2 * np.pi * np.cumsum(hertz) * (time[1] - time[0])).astype(np.float32)
    return wave


def _mix(rng: Generator, sounds: Sequence[NDArray[np.int16]], window: int) -> Wave:
    """Lay many sounds over each other, anywhere, as a moment of a whole piece has them."""
    mixed = np.zeros(window, dtype=np.float32)
    for _ in range(int(rng.integers(*MIXED_TOGETHER))):
        wave = sounds[int(rng.integers(len(sounds)))].astype(np.float32) / np.float32(32767.0)
        at = int(rng.integers(0, window // 2))
        used = min(wave.size, window - at)
        mixed[at : at + used] += np.float32(rng.uniform(0.2, 1.0)) * wave[:used]
    return mixed


def _speech(rng: Generator, time: NDArray[np.float64], samplerate: int) -> Wave:
    """Make syllables: a gliding voice through the formants of vowels, hisses between them."""
    pitch = rng.uniform(90.0, 230.0) * (1.0 + 0.12 * np.sin(2 * np.pi * rng.uniform(0.5, 2.0) * time))
    phase = 2 * np.pi * np.cumsum(pitch) / samplerate
    wave = np.zeros(time.size)
    at = 0
    while at < time.size:
        length = int(rng.uniform(0.12, 0.3) * samplerate)
        part = slice(at, min(time.size, at + length))
        count = part.stop - part.start
        swell = np.sin(np.pi * np.arange(count) / count) ** 0.7
        hiss = int(count * rng.uniform(0.0, 0.3))
        formants = VOWELS[int(rng.integers(len(VOWELS)))]
        for harmonic in range(1, int(4000.0 / pitch.mean())):
            hertz = harmonic * pitch[part].mean()
            loud = sum(
                np.exp(-(((hertz - f) / (80.0 + 0.06 * f)) ** 2)) / rank for rank, f in enumerate(formants, 1)
            )
            wave[part] += (loud + 0.02) * np.sin(harmonic * phase[part]) * swell
        wave[at : at + hiss] = 0.2 * rng.normal(size=hiss)
        at += length
    return wave.astype(np.float32)


def _at_peak(wave: Wave, peak: float) -> Wave:
    scaled: Wave = (wave * (peak / max(float(np.abs(wave).max()), 1e-9))).astype(np.float32)
    return scaled
