"""Are like sounds near? Precision among the nearest, of embeddings and of what they must beat.

Arrays in, figures out; wraps librosa for the rival.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import librosa
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

NEAREST = 10
COEFFICIENTS = 20


def precision_among_nearest(
    points: NDArray[np.float32], truth: NDArray[np.int64], kits: NDArray[np.str_], *, other_kits: bool
) -> float | None:
    """Give the mean share of the `NEAREST` sounds (by cosine) that have the label of the one asked for.

    With `other_kits`, sounds of the same kit do not count as near: kits repeat themselves.
    """
    if len(points) <= NEAREST:
        return None
    unit = points / np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-9)
    likeness = unit @ unit.T
    np.fill_diagonal(likeness, -np.inf)
    if other_kits:
        likeness[kits[:, None] == kits[None]] = -np.inf
    nearest = np.argsort(-likeness, axis=1, kind="stable")[:, :NEAREST]
    return float((truth[nearest] == truth[:, None]).mean())


def mfcc_points(waves: NDArray[np.float32], samplerate: int) -> NDArray[np.float32]:
    """Give the rival: mean MFCCs of each sound (n, COEFFICIENTS), each coefficient scaled alike.

    Silence at the end of the window is left out, as someone who knows the length would.
    """
    means = np.stack([_mean_mfcc(wave, samplerate) for wave in waves])
    scaled: NDArray[np.float32] = (means - means.mean(axis=0)) / np.maximum(means.std(axis=0), 1e-9)
    return scaled


def _mean_mfcc(wave: NDArray[np.float32], samplerate: int) -> NDArray[np.float32]:
    heard = np.flatnonzero(wave)
    used = wave[: max(2048, int(heard[-1]) + 1 if heard.size else 0)]
    mfcc = librosa.feature.mfcc(y=used, sr=samplerate, n_mfcc=COEFFICIENTS)
    mean: NDArray[np.float32] = mfcc.mean(axis=1).astype(np.float32)
    return mean
