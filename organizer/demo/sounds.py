"""Recognisable drum sounds made from nothing but numpy, for the demo and for tests.

They are textbook recipes of subtractive and additive drum synthesis (a swept sine for a kick, noise
and two modes for a snare, six detuned squares for a hat), fixed before the first model was trained
and never part of any training set.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    Wave = NDArray[np.float32]

SAMPLERATE = 44_100


def kick(*, start: float = 160.0, end: float = 48.0, decay: float = 0.16, seconds: float = 0.5) -> Wave:
    """Make a sine that falls from `start` to `end` Hz, with a short click."""
    t = _time(seconds)
    frequency = end + (start - end) * np.exp(-t / 0.03)
    phase = 2 * np.pi * np.cumsum(frequency) / SAMPLERATE
    click = _noise(t, seed=1) * np.exp(-t / 0.002) * 0.3
    return _finish(np.sin(phase) * np.exp(-t / decay) + click)


def snare(*, tone: float = 185.0, decay: float = 0.11, seconds: float = 0.35, seed: int = 2) -> Wave:
    """Make two drum-head modes under a burst of bright noise."""
    t = _time(seconds)
    modes = np.sin(2 * np.pi * tone * t) + 0.6 * np.sin(2 * np.pi * tone * 1.78 * t)
    rattle = _high_passed(_noise(t, seed=seed), 1_500.0)
    return _finish(0.6 * modes * np.exp(-t / 0.07) + 0.9 * rattle * np.exp(-t / decay))


def clap(*, seconds: float = 0.4, seed: int = 3) -> Wave:
    """Make four close bursts of mid noise and a tail."""
    t = _time(seconds)
    envelope = np.zeros_like(t)
    for onset in (0.0, 0.011, 0.022):
        envelope += np.where(t >= onset, np.exp(-(t - onset) / 0.004), 0.0)
    envelope += np.where(t >= 0.033, 0.8 * np.exp(-(t - 0.033) / 0.07), 0.0)
    band = _high_passed(_noise(t, seed=seed), 800.0) - _high_passed(_noise(t, seed=seed), 3_500.0) * 0.7
    return _finish(band * envelope)


def hat(*, decay: float = 0.035, seconds: float = 0.15, seed: int = 4) -> Wave:
    """Make six detuned square waves, high-passed; a short decay is a closed hat, a long one an open hat."""
    t = _time(seconds)
    metal = np.zeros_like(t)
    for ratio in (2.0, 3.0, 4.16, 5.43, 6.79, 8.21):
        metal += np.sign(np.sin(2 * np.pi * 325.0 * ratio * t))
    body = _high_passed(metal / 6 + 0.5 * _noise(t, seed=seed), 7_500.0)
    return _finish(body * np.exp(-t / decay))


def tom(*, start: float = 190.0, end: float = 110.0, seconds: float = 0.6) -> Wave:
    """Make a slower, higher fall than a kick's, with a trace of skin."""
    t = _time(seconds)
    frequency = end + (start - end) * np.exp(-t / 0.09)
    phase = 2 * np.pi * np.cumsum(frequency) / SAMPLERATE
    skin = _high_passed(_noise(t, seed=5), 500.0) * np.exp(-t / 0.015) * 0.2
    return _finish((np.sin(phase) + 0.25 * np.sin(1.59 * phase)) * np.exp(-t / 0.18) + skin)


def crash(*, seconds: float = 1.8, seed: int = 6) -> Wave:
    """Make a dense, bright wash that dies slowly."""
    t = _time(seconds)
    rng = np.random.default_rng(seed)
    partials = np.zeros_like(t)
    for frequency in rng.uniform(400.0, 9_000.0, 60):
        partials += np.sin(2 * np.pi * frequency * t + rng.uniform(0, 6.28)) * np.exp(
            -t * frequency / 5_000.0
        )
    wash = _high_passed(_noise(t, seed=seed), 3_000.0)
    return _finish((0.25 * partials / 8 + wash) * np.exp(-t / 0.5) * (1 - np.exp(-t / 0.004)))


def cowbell(*, seconds: float = 0.4) -> Wave:
    """Make the two squares of the classic machine."""
    t = _time(seconds)
    pair = np.sign(np.sin(2 * np.pi * 540.0 * t)) + np.sign(np.sin(2 * np.pi * 800.0 * t))
    return _finish(_high_passed(pair, 400.0) * (0.6 * np.exp(-t / 0.015) + 0.4 * np.exp(-t / 0.12)))


def shaker(*, seconds: float = 0.2, seed: int = 7) -> Wave:
    """Make noise that swells and stops."""
    t = _time(seconds)
    swell = np.minimum(t / 0.03, 1.0) * np.exp(-np.maximum(t - 0.03, 0.0) / 0.03)
    return _finish(_high_passed(_noise(t, seed=seed), 5_000.0) * swell)


def bass(*, note: float = 55.0, seconds: float = 1.2) -> Wave:
    """Make a filtered saw with a little sub."""
    t = _time(seconds)
    partials = sum(np.sin(2 * np.pi * note * k * t) / k * np.exp(-t * k * 1.2) for k in range(1, 12))
    return _finish((np.asarray(partials) + 0.5 * np.sin(2 * np.pi * note * t)) * np.exp(-t / 0.7))


def chord(*, root: float = 220.0, seconds: float = 1.5) -> Wave:
    """Make a soft minor triad of slightly detuned saws."""
    t = _time(seconds)
    voices = np.zeros_like(t)
    for ratio in (1.0, 1.1892, 1.4983):
        for detune in (0.997, 1.003):
            voices += sum(np.sin(2 * np.pi * root * ratio * detune * k * t) / k**1.5 for k in range(1, 10))
    return _finish(voices * np.minimum(t / 0.08, 1.0) * np.minimum((seconds - t) / 0.4, 1.0))


def loop(*, bpm: float = 120.0, bars: int = 1, swing: float = 0.0) -> Wave:
    """Sequence kick, snare and hats into whole 4/4 bars."""
    step = 60.0 / bpm / 4
    length = round(bars * 16 * step * SAMPLERATE)
    out = np.zeros(length + SAMPLERATE, np.float64)
    pattern = {0: kick(), 4: snare(), 8: kick(), 10: kick(), 12: snare()}
    for bar in range(bars):
        for position in range(16):
            at = round(((bar * 16 + position) + (swing if position % 2 else 0.0)) * step * SAMPLERATE)
            hits = [0.5 * hat()] if position % 2 == 0 else []
            if position in pattern:
                hits.append(pattern[position])
            for hit in hits:
                out[at : at + len(hit)] += hit
    return _finish(out[:length], fade=False)


# What the demo drops, under the kind of names that vendors give.
DEMO_PACK: Mapping[str, Callable[[], Wave]] = {
    "Kicks/VEH1 Bassdrum 001.wav": kick,
    "Kicks/VEH1 Bassdrum 002.wav": lambda: kick(start=220.0, end=42.0, decay=0.3, seconds=0.9),
    "Snares/SN_tight.wav": snare,
    "Snares/SN_loose.wav": lambda: snare(tone=160.0, decay=0.2, seconds=0.5, seed=12),
    "Snares/clp 01.wav": clap,
    "Cymbals/CHH-1.wav": hat,
    "Cymbals/OHH-1.wav": lambda: hat(decay=0.25, seconds=0.8, seed=14),
    "Cymbals/Crash big.wav": crash,
    "Perc/Cowbell.wav": cowbell,
    "Perc/shkr.wav": shaker,
    "Perc/TomLo.wav": tom,
    "Perc/untitled 7.wav": lambda: tom(start=260.0, end=170.0, seconds=0.4),
    "Tonal/C2 bass.wav": bass,
    "Tonal/Am stab.wav": chord,
    "Loops/beat_120bpm.wav": loop,
    "Loops/beat_96bpm_2bars.wav": lambda: loop(bpm=96.0, bars=2, swing=0.2),
}

# What each of them was made to be; None is a loop.
DEMO_TRUTH: Mapping[str, str | None] = {
    "Kicks/VEH1 Bassdrum 001.wav": "kick",
    "Kicks/VEH1 Bassdrum 002.wav": "kick",
    "Snares/SN_tight.wav": "snare",
    "Snares/SN_loose.wav": "snare",
    "Snares/clp 01.wav": "clap",
    "Cymbals/CHH-1.wav": "hat_closed",
    "Cymbals/OHH-1.wav": "hat_open",
    "Cymbals/Crash big.wav": "crash",
    "Perc/Cowbell.wav": "cowbell",
    "Perc/shkr.wav": "shaker",
    "Perc/TomLo.wav": "tom",
    "Perc/untitled 7.wav": "tom",
    "Tonal/C2 bass.wav": "bass",
    "Tonal/Am stab.wav": "synth",
    "Loops/beat_120bpm.wav": None,
    "Loops/beat_96bpm_2bars.wav": None,
}


def _time(seconds: float) -> NDArray[np.float64]:
    return np.arange(round(seconds * SAMPLERATE)) / SAMPLERATE


def _noise(t: NDArray[np.float64], *, seed: int) -> NDArray[np.float64]:
    return np.random.default_rng(seed).uniform(-1.0, 1.0, t.size)


def _high_passed(wave: NDArray[np.float64], cutoff: float) -> NDArray[np.float64]:
    """Filter by weighing the spectrum with a fourth-order slope below `cutoff` Hz."""
    spectrum = np.fft.rfft(wave)
    frequency = np.fft.rfftfreq(wave.size, 1 / SAMPLERATE)
    slope = (frequency / cutoff) ** 4
    return np.asarray(np.fft.irfft(spectrum * slope / (1 + slope), wave.size))


def _finish(wave: NDArray[np.float64], *, fade: bool = True) -> Wave:
    """Set the peak to -1 dBFS and let the last 5 ms fade to silence."""
    out = wave / max(float(np.abs(wave).max()), 1e-9) * 0.89
    if fade:
        tail = min(out.size, SAMPLERATE // 200)
        out[-tail:] *= np.linspace(1.0, 0.0, tail)
    return out.astype(np.float32)
