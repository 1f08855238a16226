"""Hears which note a tonal sound is, and which key a loop is in. Numpy only.

Where no tone stands out it says nothing: a hat has no note, and drums alone have no key.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from organizer.recognition.analysis import mono_of, thinned

if TYPE_CHECKING:
    from numpy.typing import NDArray

_QUIET = 1e-4  # full scale; -80 dB

# Of notes.
_RATE = 11_025  # Hz, at least
_FRAME, _STEP = 2048, 512  # samples; a frame is 186 ms at that rate, five periods of the lowest note
_LOWEST, _HIGHEST = 27.0, 2_200.0  # Hz
_MOST_FRAMES = 12
_ATTACK = 0.03  # seconds after the loudest moment that are noise and glide
_APERIODIC = 0.2  # of the cumulative mean normalised difference; above it there is no pitch
_FAINT = 0.05  # of the loudest frame
_PRESENT = 0.1  # of the strongest in the spectrum
_NEAR = 0.6  # semitones that the frames of one note may be apart

# Of keys.
_WINDOW, _HOP = 8192, 4096  # samples at 22 kHz and more; bins are 2.7 Hz apart
_KEY_RATE = 22_050
_KEY_SECONDS = 12.0
_BAND = (60.0, 2_000.0)  # Hz
# How well each step of a scale fits, from the tonic up (Krumhansl, Cognitive Foundations of Musical Pitch,
# 1990, table 2.1).
_MAJOR = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
_MINOR = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)
_BOTTOM = 30  # MIDI note below the band
_PARTIALS = (0, 12, 19, 24, 28, 31)  # semitones above a note at which its overtones lie
_SHARES = (1.0, 0.8, 0.65, 0.5, 0.4, 0.35)  # how strong they usually are
_VOICES = 4  # notes that are told apart at a time
_SHARPNESS = 14.0  # of correlations, when they become probabilities
_AS_OFTEN_RIGHT = 0.9  # so that a confidence is how often keys of it are right, on progressions of known key


@dataclass(frozen=True, slots=True)
class Tone:
    """A note or a key, and how sure it is, 0..1. `midi` is 0..127 of a note, 0..23 of a key: minor from
    12."""

    midi: int
    confidence: float


def hear_note(wave: NDArray[np.float32], samplerate: int) -> Tone | None:
    """Find the note of a single sound in `wave`, (frames,) or (frames, channels).

    YIN (de Cheveigné and Kawahara, JASA 111(4), 2002) on frames behind the attack; the note is where most of
    their energy agrees, the confidence the share of all energy that does.
    """
    mono, rate = thinned(mono_of(wave), samplerate, _RATE)
    if not len(mono) or float(np.abs(mono).max()) < _QUIET:
        return None
    start = int(np.abs(mono).argmax()) + int(_ATTACK * rate)
    if len(mono) - start < _FRAME:
        start = max(0, len(mono) - _FRAME)
    part = mono[start : start + _FRAME + _STEP * (_MOST_FRAMES - 1)]
    if len(part) < _FRAME // 2:
        return None
    part = np.pad(part, (0, max(0, _FRAME - len(part))))
    frames = np.lib.stride_tricks.sliding_window_view(part, _FRAME)[::_STEP].astype(np.float64)
    energy = np.square(frames).mean(axis=1)
    frames, energy = frames[energy > energy.max() * _FAINT**2], energy[energy > energy.max() * _FAINT**2]
    frequencies = _yin(frames, rate)
    voiced = np.isfinite(frequencies)
    if not voiced.any():
        return None
    midi = 69.0 + 12.0 * np.log2(frequencies[voiced] / 440.0)
    loud = np.sqrt(energy[voiced])
    order = np.argsort(midi)
    middle = midi[order][np.searchsorted(np.cumsum(loud[order]), loud.sum() / 2)]
    agree = np.abs(midi - middle) <= _NEAR
    note = float(np.average(midi[agree], weights=loud[agree]))
    share = float(loud[agree].sum() / np.sqrt(energy).sum())
    # Between two semitones it is either.
    off = abs(note - round(note))
    return Tone(int(np.clip(round(note), 0, 127)), share * (1.0 - max(0.0, off - 0.25)))


def _yin(frames: NDArray[np.float64], rate: float) -> NDArray[np.float64]:
    """Give a frequency a frame in Hz, (frames,); not a number where there is none."""
    half = frames.shape[1] // 2
    size = frames.shape[1]  # enough: the products wrap around only beyond the lags that are looked at
    head = np.fft.rfft(frames[:, :half], size)
    whole = np.fft.rfft(frames, size)
    products = np.fft.irfft(whole * np.conj(head), size)[:, :half]
    squares = np.cumsum(np.pad(np.square(frames), ((0, 0), (1, 0))), axis=1)
    energies = squares[:, half : 2 * half] - squares[:, :half]
    difference = np.maximum(0.0, energies[:, :1] + energies - 2.0 * products)
    lags = np.arange(half)
    running = np.cumsum(difference, axis=1)
    normal = np.where(running > 0, difference * lags / np.maximum(running, 1e-12), 1.0)
    normal[:, 0] = 1.0
    low, high = max(2, int(rate / _HIGHEST)), min(half - 2, int(rate / _LOWEST))
    found = np.full(len(frames), np.nan)
    loudness = np.abs(whole)
    for row, values in enumerate(normal):
        inside = values[low:high]
        dips = np.flatnonzero(
            (inside < _APERIODIC)
            & (inside <= values[low - 1 : high - 1])
            & (inside < values[low + 1 : high + 1])
        )
        if len(dips):
            lag = int(dips[0]) + low
            before, here, after = values[lag - 1 : lag + 2]
            curve = before - 2 * here + after
            frequency = rate / (lag + (0.5 * (before - after) / curve if curve > 0 else 0.0))
            if _is_heard(loudness[row], frequency * size / rate):
                found[row] = frequency
    return found


def _is_heard(loudness: NDArray[np.float64], bin_: float) -> bool:
    """Say whether a note itself, or its octave, is in a spectrum, (bins,).

    Chords repeat at the period of a note far below them, and tones above the range at multiples of theirs.
    """
    strongest = loudness.max()
    for place in (bin_, 2 * bin_):
        near = loudness[max(0, int(place) - 2) : int(place) + 4]
        if near.size and near.max() >= _PRESENT * strongest:
            return True
    return False


def hear_key(wave: NDArray[np.float32], samplerate: int) -> Tone | None:
    """Find the key of a loop in `wave`, (frames,) or (frames, channels).

    A chroma of spectral peaks is held against the profiles of all 24 keys (Krumhansl and Schmuckler); the
    confidence is the share of the best among them, lowered where little of the sound is tonal.
    """
    mono, rate = thinned(mono_of(wave[: int(_KEY_SECONDS * samplerate)]), samplerate, _KEY_RATE)
    if len(mono) < _WINDOW or float(np.abs(mono).max()) < _QUIET:
        return None
    chroma, tonal = _chroma(mono, rate)
    if not chroma.any():
        return None
    profiles = np.stack([np.roll(steps, tonic) for steps in (_MAJOR, _MINOR) for tonic in range(12)])
    likeness = np.corrcoef(np.vstack([chroma[None], profiles]))[0, 1:]
    shares = np.exp(_SHARPNESS * (likeness - likeness.max()))
    if not np.isfinite(likeness).all() or not np.isfinite(tonal):
        return None
    best = int(likeness.argmax())
    return Tone(best, _AS_OFTEN_RIGHT * float(shares[best] / shares.sum()) * tonal)


def _chroma(mono: NDArray[np.float32], rate: float) -> tuple[NDArray[np.float64], float]:
    """Give how much of each pitch class is heard, (12,), from C, and how tonal the sound is, 0..1."""
    frames = np.lib.stride_tricks.sliding_window_view(mono, _WINDOW)[::_HOP]
    power = np.abs(np.fft.rfft(frames * np.hanning(_WINDOW).astype(np.float32), axis=1))
    frequencies = np.arange(power.shape[1]) * rate / _WINDOW
    low, high = np.searchsorted(frequencies, _BAND)
    high = min(high, power.shape[1] - 1)  # a neighbour on both sides
    inside = power[:, low:high]
    usual = np.maximum(np.median(inside, axis=1, keepdims=True), 1e-9)
    peak = (inside > power[:, low - 1 : high - 1]) & (inside >= power[:, low + 1 : high + 1])
    clear = peak & (inside > 8.0 * usual)
    pitch = 69.0 + 12.0 * np.log2(frequencies[low:high] / 440.0)
    near = np.cos(np.pi * (pitch - np.round(pitch))) ** 2
    chroma = _without_overtones(np.where(clear, np.sqrt(inside), 0.0) * near, np.round(pitch).astype(int))
    energy = np.square(inside).sum()
    around = clear | np.roll(clear, 1, axis=1) | np.roll(clear, -1, axis=1)
    return chroma, float(np.square(inside)[around].sum() / max(energy, 1e-12))


def _without_overtones(weight: NDArray[np.float64], pitch: NDArray[np.intp]) -> NDArray[np.float64]:
    """Add up peaks by pitch class, (12,): in each frame the strongest few notes, each with its overtones
    gone.

    `weight` is (frames, bins), `pitch` the MIDI note of each bin.
    """
    steps = pitch - _BOTTOM
    last = int(steps.max()) + 1
    tones = np.zeros((len(weight), last + max(_PARTIALS)))
    for step in range(last):
        tones[:, step] = weight[:, steps == step].max(axis=1, initial=0.0)
    chroma, rows = np.zeros(12), np.arange(len(tones))
    for _ in range(_VOICES):
        salience = np.sum(
            [share * tones[:, far : far + last] for far, share in zip(_PARTIALS, _SHARES, strict=True)],
            axis=0,
        )
        note = (salience * (tones[:, :last] > 0)).argmax(axis=1)
        strength = tones[rows, note]
        np.add.at(chroma, (note + _BOTTOM) % 12, strength)
        for far, share in zip(_PARTIALS, _SHARES, strict=True):
            tones[rows, note + far] = np.maximum(0.0, tones[rows, note + far] - strength * share)
    return chroma
