"""How loud a sound is, as broadcasters measure it. Numpy only."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_STEP = 0.1  # seconds
_STEPS = 4  # in a block
_ABSOLUTE_GATE = -70.0  # LUFS
_RELATIVE_GATE = -10.0  # LU below what passes the first gate
_OFFSET = -0.691
_SETTLED = 0.1  # seconds, after which the filters have forgotten a sound
_PIECE = 1 << 15  # samples that are filtered at once, about
_SURROUND = 1.41  # weight of what is behind the listener
# The two filters of the standard as analogue prototypes, so that they fit any rate (De Man, Audio Engineering
# Society 145th Convention, e-Brief, 2018): frequency in Hz, quality, gain in dB.
_SHELF = (1_681.974450955533, 0.7071752369554196, 3.999843853973347)
_HIGH_PASS = (38.13547087602444, 0.5003270373238773)
_SHELF_EXPONENT = 0.4996667741545416


def loudness_of(wave: NDArray[np.float32], samplerate: int) -> float | None:
    """Give the integrated loudness of `wave`, (frames, channels), in LUFS; None where it is silent.

    ITU-R BS.1770-4: K-weighted, blocks of 400 ms, gated twice. What is shorter than a block counts as one of
    its own length. The filters are applied to the spectrum.
    """
    frames, step = len(wave), max(1, round(_STEP * samplerate))
    if not frames:
        return None
    if frames < _STEPS * step:  # shorter than a block
        step, count = frames, 1
    else:
        count = _STEPS
    with np.errstate(over="ignore", invalid="ignore"):  # a damaged file of floats
        power = np.sum(
            [weight * _power(wave[:, place], samplerate, step) for place, weight in _weights(wave.shape[1])],
            axis=0,
        )
    if not np.isfinite(power).all():
        return None
    blocks = np.lib.stride_tricks.sliding_window_view(power, count).mean(axis=1)
    loud = blocks[_lufs(blocks) > _ABSOLUTE_GATE]
    if not len(loud):
        return None
    loud = loud[_lufs(loud) > _lufs(loud.mean()) + _RELATIVE_GATE]
    return float(_lufs(loud.mean()))


def _weights(channels: int) -> list[tuple[int, float]]:
    """Say which channels count, and for how much: of 5.1 and more all but the fourth, which is for
    effects."""
    if channels < 5:
        return [(place, 1.0) for place in range(channels)]
    places = [place for place in range(channels) if place != 3 or channels == 5]
    return [(place, 1.0 if place < 3 else _SURROUND) for place in places]


def _power(channel: NDArray[np.float32], samplerate: int, step: int) -> NDArray[np.float64]:
    """Give the mean square of a K-weighted channel in each step of it, a piece at a time."""
    ahead = round(_SETTLED * samplerate)
    length = max(1, min(_PIECE, len(channel)) // step) * step
    size = _fast(length + ahead)
    weighting = _weighting(size, samplerate)
    means: list[NDArray[np.float64]] = []
    for start in range(0, len(channel) // step * step, length):
        heard = channel[max(0, start - ahead) : start + length]
        # What the filters remember of the end of a piece falls on its beginning, which is thrown away.
        piece = np.pad(heard, (ahead - min(ahead, start), 0))
        weighted = np.fft.irfft(np.fft.rfft(piece, size) * weighting, size)[ahead : len(piece)]
        whole = len(weighted) // step * step
        means.append(
            np.square(weighted[:whole], dtype=np.float64).reshape(-1, step).mean(axis=1, dtype=np.float64)
        )
    return np.concatenate(means)


def _fast(size: int) -> int:
    """Give a size, no smaller, that a Fourier transform is quick at: a power of two, or three or five
    quarters."""
    power = 1 << (size - 1).bit_length()
    return next((few for few in (power // 8 * 5, power // 4 * 3) if few >= size), power)


@lru_cache(maxsize=32)
def _weighting(size: int, samplerate: int) -> NDArray[np.complex64]:
    z = np.exp(-1j * np.linspace(0.0, np.pi, size // 2 + 1))  # z^-1 on the unit circle
    return (_shelf(z, samplerate) * _high_pass(z, samplerate)).astype(np.complex64)


def _shelf(z: NDArray[np.complex128], samplerate: int) -> NDArray[np.complex128]:
    frequency, quality, gain = _SHELF
    k = np.tan(np.pi * min(frequency / samplerate, 0.49))
    high = 10 ** (gain / 20)
    band = high**_SHELF_EXPONENT
    above = (
        (high + band * k / quality + k * k)
        + 2 * (k * k - high) * z
        + (high - band * k / quality + k * k) * z**2
    )
    below = (1 + k / quality + k * k) + 2 * (k * k - 1) * z + (1 - k / quality + k * k) * z**2
    return np.asarray(above / below)


def _high_pass(z: NDArray[np.complex128], samplerate: int) -> NDArray[np.complex128]:
    frequency, quality = _HIGH_PASS
    k = np.tan(np.pi * frequency / samplerate)
    scale = 1 + k / quality + k * k
    below = 1 + 2 * (k * k - 1) / scale * z + (1 - k / quality + k * k) / scale * z**2
    return np.asarray((1 - 2 * z + z**2) / below)


def _lufs(power: NDArray[np.float64] | np.float64) -> NDArray[np.float64]:
    return np.asarray(_OFFSET + 10 * np.log10(np.maximum(power, 1e-20)))
