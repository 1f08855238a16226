"""Banks of made pictures, in memory. Needs torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from organizer.labels import CONTENTS
from organizer.training.bank import Bank
from organizer.training.batches import LOOP, MADE, ONESHOT, OUTSIDER, UNKNOWN
from organizer.training.dataset import NOT_A_LABEL
from organizer.training.network import ATTACK, WHOLE

if TYPE_CHECKING:
    from collections.abc import Sequence

KIND_OF = {NOT_A_LABEL: LOOP, OUTSIDER: UNKNOWN}  # of all else, one-shot


def bank_of(
    labels: Sequence[int], *, rows: Sequence[int] | None = None, contents: Sequence[str] | None = None,
    seed: int = 0,
) -> Bank:  # fmt: skip
    """Make a bank of noise: a picture for each of `labels`, `contents` "" where none is known."""
    rng = np.random.default_rng(seed)
    count = len(labels)
    shares = np.zeros((count, len(CONTENTS)), dtype=np.float32)
    for place, content in enumerate(contents or ()):
        if content:
            shares[place, CONTENTS.index(content)] = 1.0
    return Bank(
        whole=rng.integers(0, 256, (count, WHOLE.frames, WHOLE.mels), dtype=np.uint8),
        attack=rng.integers(0, 256, (count, ATTACK.frames, ATTACK.mels), dtype=np.uint8),
        rows=np.array([MADE] * count if rows is None else rows, dtype=np.int64),
        labels=np.array(labels, dtype=np.int64),
        kinds=np.array([KIND_OF.get(label, ONESHOT) for label in labels], dtype=np.int64),
        contents=shares,
    )
