"""The one way from decoded sound to what the ear hears: mono, one rate, silence cut, one length.

Training and use share it, so that they cannot drift apart. It decodes nothing and changes no level:
the network is level-free by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import soxr

if TYPE_CHECKING:
    from numpy.typing import NDArray

# A sound begins where it first rises to within 50 dB of its peak.
SILENCE_BELOW_PEAK = 10.0 ** (-50.0 / 20.0)
# What is kept before that point, in seconds: the foot of the attack.
PRE_ROLL_SECONDS = 0.002
# Leading silence longer than this is not looked for.
MOST_LEADING_SILENCE_SECONDS = 1.7
# Full scale is 1; what is beyond this is damage, and its squares would overflow.
LOUDEST = 1e6
# Below this peak there is no sound to find the beginning of (about -160 dB).
INAUDIBLE = 1e-8


def seconds_needed(window: int, target_rate: int) -> float:
    """Say how much of the beginning of a file `prepare` can use at most."""
    return window / target_rate + MOST_LEADING_SILENCE_SECONDS


def prepare(
    wave: NDArray[np.float32], samplerate: int, *, target_rate: int, window: int
) -> NDArray[np.float32]:
    """Make decoded sound into the model's input.

    Parameters
    ----------
    wave
        (frames,) or (frames, channels), any level. NaN and infinity count as silence.
    samplerate
        Of `wave`, in Hz.
    target_rate
        The model's, in Hz.
    window
        The model's, in samples at `target_rate`.

    Returns
    -------
    (window,) float32: mono, leading silence cut, cropped or padded with zeros at the end.

    Raises
    ------
    ValueError
        If `samplerate` is not positive or `wave` has neither one nor two axes.
    """
    if samplerate <= 0:
        raise ValueError(f"a sample rate of {samplerate} Hz")
    limit = int(seconds_needed(window, target_rate) * samplerate) + 1
    mono = _mono(np.asarray(wave)[:limit])
    begun = _cut_leading_silence(mono, samplerate)
    # A little more than the window, so that the resampler's edge lies outside it.
    begun = begun[: int((window / target_rate + 0.05) * samplerate) + 1]
    if samplerate != target_rate and begun.size:
        begun = np.asarray(soxr.resample(begun, samplerate, target_rate), dtype=np.float32)
    prepared = np.zeros(window, dtype=np.float32)
    prepared[: begun.size] = begun[:window]
    return prepared


def _mono(wave: NDArray[np.float32]) -> NDArray[np.float32]:
    clean = np.nan_to_num(wave.astype(np.float32, copy=False), nan=0.0, posinf=0.0, neginf=0.0)
    clean = np.clip(clean, -LOUDEST, LOUDEST)
    if clean.ndim == 1:
        return clean
    if clean.ndim != 2:
        raise ValueError(f"sound with {clean.ndim} axes")
    if clean.shape[1] == 0 or clean.shape[0] == 0:
        return np.zeros(0, dtype=np.float32)
    mono: NDArray[np.float32] = clean.mean(axis=1, dtype=np.float32)
    loudest = clean[:, int(np.argmax(np.abs(clean).max(axis=0)))]
    # Channels in opposite phase cancel; then the loudest of them is heard alone.
    if np.sum(np.square(mono, dtype=np.float64)) < 0.01 * np.sum(np.square(loudest, dtype=np.float64)):
        return np.ascontiguousarray(loudest)
    return mono


def _cut_leading_silence(mono: NDArray[np.float32], samplerate: int) -> NDArray[np.float32]:
    if mono.size == 0:
        return mono
    level = np.abs(mono)
    peak = float(level.max())
    if peak <= INAUDIBLE:
        return mono
    first = int(np.argmax(level >= peak * SILENCE_BELOW_PEAK))
    return mono[max(0, first - int(PRE_ROLL_SECONDS * samplerate)) :]
