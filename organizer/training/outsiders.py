"""Sounds that are no one-shot of any label, to learn from: the ear shall not be sure of them.

Steady noises and tones, mixes of many sounds, and voices over mixes. Pure numpy. Those in `scope`, by
which a finished ear is measured, are made in other ways and of other sounds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from numpy.random import Generator

    from organizer.training.dataset import Sounds

Wave = NDArray[np.float32]

LOWEST_HZ = 40.0
MIXED_TOGETHER = (5, 12)  # sounds in one mix, at least and below


class Outsiders:
    """Makes outsiders of `length` samples, mixes from `sounds`."""

    def __init__(self, sounds: Sounds, *, samplerate: int, length: int) -> None:
        self._sounds = sounds
        self._rate = samplerate
        self._length = length
        self._voices = [place for place, row in enumerate(sounds.rows) if row.label == "vocal"]
        self._loops = [place for place, row in enumerate(sounds.rows) if row.is_loop]

    def make(self, rng: Generator) -> Wave:
        """One outsider (length,), its peak 1."""
        choice = rng.random()
        if choice < 0.2:
            wave = self._noise(rng)
        elif choice < 0.35:
            wave = self._tone(rng)
        elif choice < 0.65:
            wave = self._mix(rng)
        else:
            wave = self._voice_over(rng)
        loudest = max(float(np.abs(wave).max()), 1e-9)
        scaled: Wave = (wave / np.float32(loudest)).astype(np.float32)
        return scaled

    def _noise(self, rng: Generator) -> Wave:
        """Steady noise whose spectrum bends once or twice on a logarithmic scale."""
        hertz = np.fft.rfftfreq(self._length, 1.0 / self._rate).clip(LOWEST_HZ)
        corners = np.sort(np.log(rng.uniform(LOWEST_HZ, self._rate / 2, 3)))
        decibels = np.interp(np.log(hertz), corners, rng.uniform(-40.0, 0.0, 3))
        spectrum = np.fft.rfft(rng.normal(size=self._length)) * 10.0 ** (decibels / 20.0)
        wave: Wave = np.fft.irfft(spectrum, n=self._length).astype(np.float32)
        return wave

    def _tone(self, rng: Generator) -> Wave:
        """One to three steady sines, unrelated or octaves of one."""
        time = np.arange(self._length) / self._rate
        first = np.exp(rng.uniform(np.log(LOWEST_HZ), np.log(self._rate / 5.0)))
        wave = np.sin(2.0 * np.pi * first * time)
        for _ in range(int(rng.choice([0, 0, 1, 2]))):
            other = first * 2.0 if rng.random() < 0.5 else first * rng.uniform(0.5, 2.0)
            wave += rng.uniform(0.1, 1.0) * np.sin(2.0 * np.pi * (other * time + rng.random()))
        tone: Wave = wave.astype(np.float32)
        return tone

    def _mix(self, rng: Generator) -> Wave:
        """Many sounds over each other, wherever they fall, now and then over a real loop."""
        mixed = np.zeros(self._length, dtype=np.float32)
        if self._loops and rng.random() < 0.4:
            self._lay(mixed, self._loops[int(rng.integers(len(self._loops)))], 0, 1.0)
        for _ in range(int(rng.integers(*MIXED_TOGETHER))):
            at = int(rng.integers(0, self._length * 2 // 3))
            self._lay(mixed, int(rng.integers(len(self._sounds))), at, float(rng.uniform(0.2, 1.0)))
        return mixed

    def _voice_over(self, rng: Generator) -> Wave:
        mixed = self._mix(rng)
        mixed *= np.float32(rng.uniform(0.3, 0.9) / max(float(np.abs(mixed).max()), 1e-9))
        at = 0
        while self._voices and at < self._length:
            voice = self._voices[int(rng.integers(len(self._voices)))]
            self._lay(mixed, voice, at, 1.0)
            at += self._sounds.waves[voice].size + int(rng.uniform(0.0, 0.1) * self._rate)
        return mixed

    def _lay(self, track: Wave, which: int, at: int, gain: float) -> None:
        wave = self._sounds.waves[which][: track.size - at]
        track[at : at + wave.size] += np.float32(gain / 32767.0) * wave
