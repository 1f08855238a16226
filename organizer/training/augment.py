"""What producers do to sounds, done to batches of waveforms: speed, EQ, reverb, saturation, tails, dirt.

Vectorised torch on (n, samples); every draw comes from the generator given, so that a seed makes a
batch. Labels are untouched here; mixing, which changes them, is done on pictures, in `mixing`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Generator

FFT = 61_440  # holds a window and the longest impulse response, and has only small factors
RESPONSE = 20_000
GRID = 64  # points of an EQ curve, evenly spaced in octaves
LOWEST_HZ = 20.0


@dataclass(frozen=True, slots=True)
class Chances:
    """How often each thing is done to a sound."""

    speed: float = 0.7
    saturate: float = 0.25
    noise: float = 0.2
    spectrum: float = 0.6
    reverb: float = 0.3  # of those whose spectrum is changed
    tail: float = 0.3
    crush: float = 0.08
    offset: float = 0.4


class Augment:
    """Change a batch of waveforms (n, samples) with peak about 1; give `window` samples of each."""

    def __init__(self, *, samplerate: int, window: int, seed: int, chances: Chances | None = None) -> None:
        self._rate = samplerate
        self._window = window
        self._chances = chances or Chances()
        self._responses = torch.fft.rfft(_responses(samplerate, seed), n=FFT)
        bins = torch.fft.rfftfreq(FFT, 1.0 / samplerate).clamp_min(LOWEST_HZ)
        octaves = torch.log2(bins / LOWEST_HZ)
        self._most_octaves = float(octaves[-1])
        position = octaves / self._most_octaves * (GRID - 1)
        self._below = position.floor().long().clamp_max(GRID - 2)
        self._share = position - self._below

    def __call__(self, waves: Tensor, shortest_tail: Tensor, generator: Generator) -> Tensor:
        """Augment.

        Parameters
        ----------
        waves
            (n, at least `window` samples).
        shortest_tail
            (n,) seconds before which the end of a sound must not be cut or faded: an open hi-hat
            without its tail is a closed one.
        """
        chances = self._chances
        waves = self._speed(waves, generator)
        waves = self._offset(waves, generator)[:, : self._window]
        waves = _at_peak(waves)
        _some(waves, chances.noise, generator, self._noise)
        _some(waves, chances.saturate, generator, self._saturate)
        _some(waves, chances.spectrum, generator, self._spectrum)
        self._tail(waves, shortest_tail, generator)
        _some(waves, chances.crush, generator, self._crush)
        return waves

    def _speed(self, waves: Tensor, generator: Generator) -> Tensor:
        count, length = waves.shape
        semitones = torch.randn(count, generator=generator).mul_(2.2).clamp_(-6.0, 6.0)
        semitones[torch.rand(count, generator=generator) >= self._chances.speed] = 0.0
        for index in torch.nonzero(semitones).flatten().tolist():
            moments = torch.arange(length, dtype=torch.float32).mul_(2.0 ** (float(semitones[index]) / 12.0))
            below = moments.long().clamp_max_(length - 2)
            share = moments.sub_(below)
            wave = waves[index]
            # Beyond the end the sound is silent.
            new = torch.lerp(wave[below], wave[below + 1], share.clamp_max_(1.0))
            waves[index] = torch.where(below >= length - 2, 0.0, new)
        return waves

    def _offset(self, waves: Tensor, generator: Generator) -> Tensor:
        count = waves.shape[0]
        shift = (torch.rand(count, generator=generator) * 0.010 - 0.004).mul_(self._rate).long()
        shift[torch.rand(count, generator=generator) >= self._chances.offset] = 0
        for index in torch.nonzero(shift).flatten().tolist():
            by = int(shift[index])
            rolled = torch.zeros_like(waves[index])
            if by > 0:
                rolled[by:] = waves[index, :-by]
            else:
                rolled[:by] = waves[index, -by:]
            waves[index] = rolled
        return waves

    def _noise(self, waves: Tensor, generator: Generator) -> Tensor:
        level = 10.0 ** (_uniform(waves.shape[0], -65.0, -28.0, generator) / 20.0)
        return waves + torch.randn(waves.shape, generator=generator) * level[:, None]

    def _saturate(self, waves: Tensor, generator: Generator) -> Tensor:
        drive = 10.0 ** (_uniform(waves.shape[0], 0.0, 24.0, generator) / 20.0)[:, None]
        bias = _uniform(waves.shape[0], -0.15, 0.15, generator)[:, None]
        soft = torch.tanh(waves * drive + bias) - torch.tanh(bias)
        hard = (waves * drive).clamp(-1.0, 1.0)
        return _at_peak(torch.where(torch.rand(waves.shape[0], 1, generator=generator) < 0.7, soft, hard))

    def _spectrum(self, waves: Tensor, generator: Generator) -> Tensor:
        count, length = waves.shape
        gain = 10.0 ** (self._curves(count, generator) / 20.0)
        change = torch.lerp(gain[:, self._below], gain[:, self._below + 1], self._share)
        spectrum = torch.fft.rfft(waves, n=FFT) * change
        wet = torch.nonzero(torch.rand(count, generator=generator) < self._chances.reverb).flatten()
        if wet.numel():
            which = torch.randint(self._responses.shape[0], (wet.numel(),), generator=generator)
            level = 10.0 ** (_uniform(wet.numel(), -26.0, -3.0, generator) / 20.0)[:, None]
            spectrum[wet] = spectrum[wet] * (1.0 + level * self._responses[which])
        return _at_peak(torch.fft.irfft(spectrum, n=FFT)[:, :length])

    def _curves(self, count: int, generator: Generator) -> Tensor:
        """EQ in dB on the octave grid: a tilt, two bells, now and then a high and a low cut."""
        octave = torch.linspace(0.0, self._most_octaves, GRID)[None]
        curve = _uniform(count, -2.0, 2.0, generator)[:, None] * (octave - 5.0)
        for _ in range(2):
            centre = _uniform(count, 1.0, self._most_octaves, generator)[:, None]
            width = _uniform(count, 0.3, 1.5, generator)[:, None]
            height = _uniform(count, -9.0, 9.0, generator)[:, None]
            curve = curve + height * torch.exp(-(((octave - centre) / width) ** 2))
        slope = _uniform(count, 6.0, 24.0, generator)[:, None]
        low_cut = torch.where(
            torch.rand(count, generator=generator) < 0.15, _uniform(count, 0.5, 4.0, generator), -9.0
        )
        high_cut = torch.where(
            torch.rand(count, generator=generator) < 0.2, _uniform(count, 7.0, 10.0, generator), 99.0
        )
        curve = curve - slope * (low_cut[:, None] - octave).clamp_min(0.0)
        return (curve - slope * (octave - high_cut[:, None]).clamp_min(0.0)).clamp(-80.0, 24.0)

    def _tail(self, waves: Tensor, shortest: Tensor, generator: Generator) -> None:
        count, length = waves.shape
        chosen = torch.nonzero(torch.rand(count, generator=generator) < self._chances.tail).flatten()
        if not chosen.numel():
            return
        time = (torch.arange(length, dtype=torch.float32) / self._rate)[None]
        least = shortest[chosen]
        span = torch.rand(chosen.numel(), generator=generator)
        decay = (least * 0.5 + span * 0.5)[:, None]
        cut = (least + span * 0.9)[:, None]
        fade = _uniform(chosen.numel(), 0.003, 0.08, generator)[:, None]
        dying = torch.exp(-time / decay)
        ended = ((cut + fade - time) / fade).clamp(0.0, 1.0)
        either = torch.rand(chosen.numel(), 1, generator=generator) < 0.6
        waves[chosen] = waves[chosen] * torch.where(either, dying, ended)

    def _crush(self, waves: Tensor, generator: Generator) -> Tensor:
        steps = 2.0 ** _uniform(waves.shape[0], 5.0, 10.0, generator)[:, None]
        crushed = torch.round(waves * steps) / steps
        for index, held in enumerate(_uniform(waves.shape[0], 1.0, 5.0, generator).tolist()):
            if held >= 2.0:  # a lower sample rate, without the filter that should go before it
                position = (torch.arange(waves.shape[1]) / held).floor_().mul_(held).long()
                crushed[index] = crushed[index, position]
        return crushed


def _responses(samplerate: int, seed: int, count: int = 48) -> Tensor:
    """Impulse responses of rooms and plates (count, RESPONSE): decaying, ever darker noise."""
    rng = np.random.default_rng(seed)
    time = np.arange(RESPONSE) / samplerate
    bank = np.zeros((count, RESPONSE), dtype=np.float32)
    for one in bank:
        seconds = rng.uniform(0.1, 2.0)  # to fall by 60 dB
        noise = rng.normal(size=RESPONSE)
        dark = np.convolve(noise, np.ones(24) / 24.0, mode="same") * 3.0
        shade = np.clip(time / (seconds * 0.6), 0.0, 1.0)
        one[:] = (noise * (1.0 - shade) + dark * shade) * 10.0 ** (-3.0 * time / seconds)
        one[: int(rng.uniform(0.0, 0.02) * samplerate)] = 0.0
        one[-2000:] *= np.linspace(1.0, 0.0, 2000)
        one /= np.sqrt(np.sum(one**2)) + 1e-9
    return torch.from_numpy(bank)


def _some(
    waves: Tensor, chance: float, generator: Generator, change: Callable[[Tensor, Generator], Tensor]
) -> None:
    chosen = torch.nonzero(torch.rand(waves.shape[0], generator=generator) < chance).flatten()
    if chosen.numel():
        waves[chosen] = change(waves[chosen], generator)


def _uniform(count: int, low: float, high: float, generator: Generator) -> Tensor:
    return torch.rand(count, generator=generator) * (high - low) + low


def _at_peak(waves: Tensor) -> Tensor:
    return waves / waves.abs().amax(dim=1, keepdim=True).clamp_min(1e-6)
