"""Hears the tempo of a loop: how far apart its beats are, and how many of them there are.

Candidates are all tempi at which the whole file is a whole number of beats, and those at which its onsets
repeat. A linear model scores them, and a softmax makes probabilities of the scores. It knows nothing of
names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from organizer.recognition.analysis import onset_frames

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from organizer.recognition.analysis import Onsets

LOWEST, HIGHEST = 58.0, 200.0  # beats per minute
SAME = 0.02  # two tempi this near, relative, are one

_GRID = np.exp(np.arange(np.log(LOWEST), np.log(HIGHEST), 0.004))
_MOST_FREE = 12  # candidates beside the whole numbers
_MOST_BEATS = 128
_USUAL = 115.0  # beats per minute
_SMOOTH = np.array([0.25, 0.5, 0.25])
_LAGS = (1 / 4, 1 / 3, 1 / 2, 2 / 3, 1.0, 3 / 2, 2.0, 3.0, 4.0)  # beats
_REGISTER_LAGS = (1 / 2, 1.0, 2.0, 4.0)
_FEWEST_FRAMES = 16
_LEAST_SHARE = 0.15  # of the frames that must overlap where onsets are compared with themselves

# Fitted by `python -m benchmarks.music ... --fit` on loops laid from the one-shots of the training kits: what
# each feature of `features` adds to the score.
WEIGHTS = (
    -0.238, 1.995, 0.507, -0.170, 1.302, 0.425, -0.555, 4.085, 0.374, -5.005, 0.556, 1.274, -4.424, 1.245,
    -3.092, 1.354, 2.063, 1.533, 3.650, -0.357, 0.531, 1.777, -1.323, 1.212, 0.356, -0.277, 0.676, 1.621,
    3.866, 3.562, 2.721, 1.179, -0.137, -0.859,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tempo:
    bpm: float
    confidence: float  # 0..1; of all that were thought possible, the sum is 1
    beats: int | None = None  # in the whole file, where it is a whole number of them


@dataclass(frozen=True, slots=True)
class Candidates:
    bpm: NDArray[np.float64]  # (n,)
    beats: NDArray[np.int64]  # (n,) in the whole file; 0 where that is no whole number
    features: NDArray[np.float64]  # (n, len(WEIGHTS))


def hear_tempi(onsets: Onsets, duration: float, weights: Sequence[float] = WEIGHTS) -> tuple[Tempo, ...]:
    """Give the tempi that a loop of `duration` seconds may have, the likeliest first.

    Empty where nothing repeats and no whole number of beats fits.
    """
    if len(onsets.strength) < _FEWEST_FRAMES:
        return ()
    found = candidates(onsets, duration)
    if not len(found.bpm):
        return ()
    scores = found.features @ np.array(weights)
    shares = np.exp(scores - scores.max())
    shares /= shares.sum()
    return tuple(sorted(_joined(found, shares), key=lambda tempo: -tempo.confidence))


def candidates(onsets: Onsets, duration: float) -> Candidates:
    """List the tempi to choose among, and what speaks for each of them.

    The strength of onsets is compared with itself at the distance of a beat, of its parts and of several
    beats (autocorrelation of an onset envelope, as in Ellis, J. New Music Research 36(1), 2007), all together
    and in three registers.
    """
    repeats = _autocorrelation(onsets.strength)
    beats = np.arange(1, _MOST_BEATS + 1)
    whole = 60.0 * beats / max(duration, 0.1)
    inside = (whole >= LOWEST) & (whole <= HIGHEST)
    beats, whole = beats[inside], whole[inside]
    free = _free(repeats, onsets.seconds)
    if len(whole):
        free = free[np.abs(np.log(free[:, None] / whole)).min(axis=1) > SAME / 2]
    bpm = np.concatenate([whole, free])
    beats = np.concatenate([beats, np.zeros(len(free), beats.dtype)])
    return Candidates(bpm, beats, features(onsets, repeats, bpm, beats))


def features(
    onsets: Onsets, repeats: NDArray[np.float64], bpm: NDArray[np.float64], beats: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Describe candidates by plain numbers, (n, len(WEIGHTS))."""
    whole = beats > 0
    octaves = np.log2(bpm / _USUAL)
    lag = 60.0 / bpm / onsets.seconds  # frames
    columns = [
        whole,
        whole & ((beats & (beats - 1)) == 0) & (beats >= 4),
        whole & (beats % 4 == 0),
        whole & (beats % 3 == 0),
        whole & (beats % 6 == 0),
        whole & (beats % 2 == 1),
        beats == 2,
        beats == 3,
        octaves,
        2.0 * octaves**2,
        3.0 * octaves**3,
        *(_at(repeats, lag * far) for far in _LAGS),
    ]
    for register in onsets.registers.T:
        own = _autocorrelation(register)
        columns += [_at(own, lag * far) for far in _REGISTER_LAGS]
    length = max(0.3, len(onsets.strength) * onsets.seconds)
    density = np.log2((len(onset_frames(onsets)) + 1) / length * 60.0 / bpm)
    columns += [density, density**2]
    return np.stack([np.asarray(column, dtype=np.float64) for column in columns], axis=1)


def _free(repeats: NDArray[np.float64], seconds: float) -> NDArray[np.float64]:
    """Find tempi at which onsets repeat more than at those near by."""
    lag = 60.0 / _GRID / seconds
    often = _at(repeats, lag) + _at(repeats, 2 * lag) + _at(repeats, 4 * lag) + _at(repeats, lag / 2) / 2
    peaks = np.flatnonzero((often[1:-1] >= often[:-2]) & (often[1:-1] > often[2:])) + 1
    chosen: NDArray[np.float64] = _GRID[peaks[np.argsort(-often[peaks], kind="stable")][:_MOST_FREE]]
    return chosen


def _autocorrelation(strength: NDArray[np.float64]) -> NDArray[np.float64]:
    """Correlate onset strength with itself, by lag in frames; 1 at lag 0, unbiased where enough overlaps."""
    smooth = np.convolve(strength, _SMOOTH, "same")
    smooth -= smooth.mean()
    frames = len(smooth)
    size = 1 << (2 * frames - 1).bit_length()
    spectrum = np.fft.rfft(smooth, size)
    products = np.fft.irfft(spectrum * np.conj(spectrum), size)[:frames]
    overlap = np.arange(frames, 0, -1) / frames
    correlated: NDArray[np.float64] = products / (products[0] + 1e-12) / np.maximum(overlap, _LEAST_SHARE)
    return np.where(overlap > _LEAST_SHARE, correlated, 0.0)


def _at(repeats: NDArray[np.float64], lag: NDArray[np.float64]) -> NDArray[np.float64]:
    """Read a correlation between frames, the highest within one frame, 0 where the sound is too short."""
    places = np.arange(len(repeats))
    near = [np.interp(lag + off, places, repeats, right=0.0) for off in (-1.0, -0.5, 0.0, 0.5, 1.0)]
    highest: NDArray[np.float64] = np.where(lag > len(repeats) - 2, 0.0, np.max(near, axis=0))
    return highest


def _joined(found: Candidates, shares: NDArray[np.float64]) -> Iterator[Tempo]:
    """Let each likely tempo have the shares of those that are the same as it."""
    left = shares.copy()
    for _ in range(len(shares)):
        best = int(left.argmax())
        if left[best] <= 0.0:
            return
        same = (np.abs(found.bpm / found.bpm[best] - 1.0) <= SAME) & (left > 0.0)
        beats = int(found.beats[best]) or None
        yield Tempo(round(float(found.bpm[best]), 2), float(left[same].sum()), beats)
        left[same] = 0.0
