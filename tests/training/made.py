"""Collections of made sounds, for tests of learning. Needs no torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from organizer.training.dataset import LOOP, Row, Sounds


def sounds_of(*labels: str, size: int = 2_000, kits: int = 2, content: str = "") -> Sounds:
    """Make a dying noise for each label, of `kits` kits in turn; loops are of `content`."""
    rng = np.random.default_rng(0)
    rows = tuple(
        Row(
            path=Path(f"{number}.wav"),
            file=f"{number}.wav",
            label=label,
            source="made",
            kit=f"kit {number % kits}",
            content=content if label == LOOP else "",
        )
        for number, label in enumerate(labels)
    )
    dying = np.exp(-np.arange(size) / (size / 4))
    noises = (rng.normal(size=size) * dying for _ in rows)
    waves = tuple((noise / np.abs(noise).max() * 32_767.0).astype(np.int16) for noise in noises)
    return Sounds(rows, waves)
