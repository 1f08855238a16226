"""Tells a loop from a one-shot by how sound begins in it: once, or again and again in time.

Numpy only, one pass over the beginning of a sound. It hears no instruments.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# How much of a sound is looked at, in seconds: two bars at 60 beats per minute and more.
ANALYSIS_SECONDS = 12.0

_RATE = 22_050  # Hz, at least: hats have hardly anything below 7 kHz
_WINDOW = 1024  # samples
_HOP = 256  # samples; 11.6 ms
_BANDS = 36
_LOWEST_BAND = 40.0  # Hz
_LAG = 2  # frames
_COMPRESSION = 100.0
_NEAR, _FAR = 0.06, 0.4  # seconds: onsets are no nearer; the threshold looks this far
_FIRST = 0.1  # seconds that belong to the first onset
_QUIET = 1e-4  # full scale; -80 dB
_REGISTERS = (150.0, 2_000.0)  # Hz, between what is low (kicks), middle (snares) and high (hats)

# A logistic regression on `Rhythm`, fitted on 94 real loops and 1,800 one-shots (those with three onsets
# and more counted four times), its slopes then flattened by 0.6, because repeated hits are not always a
# loop. Onsets count up to `_ENOUGH_ONSETS`. Duration is left out on purpose: a long crash is no loop.
_PER_LOG_ONSET, _PER_SUSTAIN, _PER_EVENNESS, _BIAS = 3.0, 1.6, 0.55, -6.35
_ENOUGH_ONSETS, _ENOUGH_SUSTAIN = 12, 0.5
_SUREST = 0.97


@dataclass(frozen=True, slots=True, kw_only=True)
class Onsets:
    """How strongly sound begins in each frame, from the first to the last audible one."""

    strength: NDArray[np.float64]  # (frames,)
    registers: NDArray[np.float64]  # (frames, 3): of what is low, middle and high
    level: NDArray[np.float32]  # (frames,) root mean square, full scale 1.0 at the loudest sample
    seconds: float  # between two frames
    start: float  # seconds of silence before the first frame


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """What the onsets of a sound are like. All are plain numbers; `duration` in seconds."""

    duration: float  # of the part looked at, from the first to the last audible frame
    onsets: int  # strong beginnings after the first one
    sustain: float  # level of the last tenth relative to the loudest part, 0..1
    evenness: float  # of the energy over eight equal parts: 1 the same in all, 0 all of it in one


def onsets_of(wave: NDArray[np.float32], samplerate: int) -> Onsets | None:
    """Measure how sound begins in the first `ANALYSIS_SECONDS` of `wave`, (frames,) or (frames, channels).

    Onset strength is the half-wave rectified difference of compressed band magnitudes against a
    maximum-filtered earlier frame (spectral flux: Bello et al., IEEE TSAP 13(5), 2005; with the
    maximum filter of Böck and Widmer, DAFx 2013, which ignores vibrato). Gives None where nothing is
    audible.
    """
    mono, rate = thinned(mono_of(wave[: int(ANALYSIS_SECONDS * samplerate)]), samplerate, _RATE)
    # Whole steps, so that the very last sample is in a frame too.
    mono = np.pad(mono, (0, max(0, _WINDOW - len(mono)) or -(len(mono) - _WINDOW) % _HOP))
    peak = float(np.abs(mono).max())
    if peak < _QUIET:
        return None
    frames = np.lib.stride_tricks.sliding_window_view(mono / np.float32(peak), _WINDOW)[::_HOP]
    level = np.sqrt((frames**2).mean(axis=1))
    audible = np.flatnonzero(level > 10 ** (-60 / 20))
    if not audible.size:
        return None
    first, last = int(audible[0]), int(audible[-1]) + 1
    starts = _band_starts(rate)
    rises = _rises(_band_magnitudes(frames[first:last], starts))
    borders = np.searchsorted(starts[:-1] * rate / _WINDOW, _REGISTERS)
    return Onsets(
        strength=rises.mean(axis=1),
        registers=np.stack([_mean(part) for part in np.split(rises, borders, axis=1)], axis=1),
        level=level[first:last],
        seconds=_HOP / rate,
        start=first * _HOP / rate,
    )


def rhythm_of(onsets: Onsets) -> Rhythm:
    """Sum up the onsets of a sound; peaks are picked by an adaptive threshold."""
    found = onset_frames(onsets)
    level = onsets.level
    tail = level[-max(1, len(level) // 10) :]
    return Rhythm(
        duration=len(level) * onsets.seconds,
        onsets=int(np.count_nonzero(found * onsets.seconds > _FIRST)),
        sustain=float(np.sqrt((tail**2).mean()) / level.max()),
        evenness=_evenness(level**2),
    )


def loop_probability(rhythm: Rhythm) -> float:
    """Say how likely a sound with this rhythm is a loop; 0.03 to 0.97."""
    logit = (
        _PER_LOG_ONSET * np.log1p(min(rhythm.onsets, _ENOUGH_ONSETS))
        + _PER_SUSTAIN * min(rhythm.sustain, _ENOUGH_SUSTAIN)
        + _PER_EVENNESS * rhythm.evenness
        + _BIAS
    )
    return float(np.clip(1 / (1 + np.exp(-logit)), 1 - _SUREST, _SUREST))


def mono_of(wave: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mix channels; where they cancel each other out, take the loudest."""
    if wave.ndim == 1:
        return wave
    mixed: NDArray[np.float32] = wave.mean(axis=1, dtype=np.float32)
    peaks = np.abs(wave).max(axis=0, initial=0.0)
    return mixed if np.abs(mixed).max(initial=0.0) >= 0.1 * peaks.max() else wave[:, int(peaks.argmax())]


def thinned(mono: NDArray[np.float32], samplerate: int, least: int) -> tuple[NDArray[np.float32], float]:
    """Average neighbours, so that at least `least` samples a second are left."""
    step = max(1, samplerate // least)
    whole = len(mono) // step * step
    if step == 1 or not whole:
        return mono, float(samplerate)
    return mono[:whole].reshape(-1, step).mean(axis=1), samplerate / step


def _band_starts(rate: float) -> NDArray[np.intp]:
    """Give the first bins of bands of equal width on a logarithmic scale, and the end of the last."""
    edges = np.geomspace(_LOWEST_BAND, rate / 2, _BANDS + 1) * _WINDOW / rate
    return np.unique(np.clip(edges.astype(int), 1, _WINDOW // 2))


def _band_magnitudes(frames: NDArray[np.float32], starts: NDArray[np.intp]) -> NDArray[np.float64]:
    """Give compressed magnitudes, (frames, bands)."""
    spectrum = np.abs(np.fft.rfft(frames * np.hanning(_WINDOW).astype(np.float32), axis=1))
    return np.log1p(_COMPRESSION / _WINDOW * 4 * np.add.reduceat(spectrum, starts[:-1], axis=1))


def _rises(bands: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give how much each band has risen, (frames, bands)."""
    padded = np.vstack([np.zeros((_LAG, bands.shape[1])), bands])
    earlier = padded[: len(bands)]
    widest = np.maximum(earlier, np.maximum(np.roll(earlier, 1, axis=1), np.roll(earlier, -1, axis=1)))
    rises: NDArray[np.float64] = np.maximum(0.0, bands - widest)
    return rises


def _mean(bands: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the mean over bands; zeros where a low sample rate leaves none."""
    mean: NDArray[np.float64] = bands.sum(axis=1) / max(1, bands.shape[1])
    return mean


def onset_frames(onsets: Onsets) -> NDArray[np.intp]:
    """Find frames that are the highest near by and clearly above what is usual around them."""
    flux, seconds = onsets.strength, onsets.seconds
    near, far = max(1, round(_NEAR / seconds)), max(1, round(_FAR / seconds))
    highest = np.lib.stride_tricks.sliding_window_view(np.pad(flux, near), 2 * near + 1).max(axis=1)
    usual = np.lib.stride_tricks.sliding_window_view(np.pad(flux, far, mode="edge"), 2 * far + 1).mean(axis=1)
    threshold = 1.5 * usual + 0.08 * flux.max()
    return np.flatnonzero((flux == highest) & (flux > threshold))


def _evenness(power: NDArray[np.floating]) -> float:
    """Give the entropy of energy over eight equal parts of a sound, relative to the highest possible."""
    parts = np.array([part.sum() for part in np.array_split(power, 8)], dtype=np.float64)
    shares = parts[parts > 0] / parts.sum()
    return float(-(shares * np.log(shares)).sum() / np.log(8))
