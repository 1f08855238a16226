"""Temperatures, so that a confidence of 0.9 is right nine times in ten. Numpy alone.

Guo et al., On Calibration of Modern Neural Networks, 2017; fitted to the probability of the category,
since that is the confidence that rules ask for.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from organizer.training.metrics import CATEGORY_INDEX, to_categories

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

COLDEST, HOTTEST = 0.25, 4.0
# A lone kind misheard is costly however sure it was; its few rows cannot bear a sharper fit than this.
ENOUGH_ROWS = 20


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: NDArray[np.float64] = raised / raised.sum(axis=1, keepdims=True)
    return shares


def label_temperature(logits: NDArray[np.float64], truth: NDArray[np.int64]) -> float:
    """Fit the temperature of label logits (n, 22) by the log loss of the true category."""
    rows = np.arange(len(truth))

    def loss(temperature: float) -> float:
        right = to_categories(softmax(logits / temperature))[rows, CATEGORY_INDEX[truth]]
        return float(-np.log(np.maximum(right, 1e-9)).mean())

    return _lowest(loss) if len(truth) >= ENOUGH_ROWS else 1.0


def kind_temperature(logits: NDArray[np.float64], is_loop: NDArray[np.bool_]) -> float:
    """Fit the temperature of kind logits (n, 2), both kinds counting the same."""
    counts = [int((~is_loop).sum()), int(is_loop.sum())]
    if min(counts) < ENOUGH_ROWS:
        return 1.0
    share = np.where(is_loop, 0.5 / counts[1], 0.5 / counts[0])
    rows = np.arange(len(is_loop))

    def loss(temperature: float) -> float:
        right = softmax(logits / temperature)[rows, is_loop.astype(np.int64)]
        return float(-(np.log(np.maximum(right, 1e-9)) * share).sum())

    return _lowest(loss)


def fitting_half(kits: Sequence[str]) -> NDArray[np.bool_]:
    """Choose the kits that temperatures are fitted on; the others are for reporting. Fixed by name."""
    return np.array(
        [hashlib.blake2b(kit.encode(), digest_size=2).digest()[0] % 2 == 0 for kit in kits], dtype=np.bool_
    )


def _lowest(loss: Callable[[float], float], rounds: int = 40) -> float:
    """Golden-section search over the logarithm of the temperature."""
    ratio = (np.sqrt(5.0) - 1.0) / 2.0
    low, high = np.log(COLDEST), np.log(HOTTEST)
    for _ in range(rounds):
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        if loss(float(np.exp(left))) < loss(float(np.exp(right))):
            high = right
        else:
            low = left
    return float(np.exp((low + high) / 2.0))
