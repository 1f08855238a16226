"""What an ear hears while it learns: weighed draws of sounds, changed; loops and outsiders of our own making.

A batch follows from the seed and its number alone, so that batches can be made in any order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from organizer.labels import CONTENTS, LABELS
from organizer.training.augment import Augment
from organizer.training.dataset import NOT_A_LABEL
from organizer.training.outsiders import Outsiders
from organizer.training.sequence import Sequencer

if TYPE_CHECKING:
    from numpy.random import Generator

    from organizer.training.dataset import Sounds

# Long tails are part of what these are.
NEEDS_TAIL = {"hat_open": 0.3, "crash": 0.9, "ride": 0.7, "cymbal": 0.8, "fx": 0.3, "vocal": 0.3}
SHORTEST_TAIL = 0.07  # seconds, of all others
LOOPS_TAIL = 0.6
OUTSIDER = len(LABELS)  # in place of a label: none of them
UNKNOWN, ONESHOT, LOOP = -1, 0, 1  # kinds
MADE = -1  # in place of a row: from several sounds, or from none


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixture:
    """What a batch is made of, in shares of it."""

    made_loops: float = 0.09
    outsiders: float = 0.03
    repeated: float = 0.06
    mixed: float = 0.05  # a second, quieter hit that does not change the label


@dataclass(frozen=True, slots=True)
class Batch:
    """Waveforms (n, window), and what is known of each.

    `rows` (n,) the sound it was made from, or MADE; `labels` (n,) places in LABELS, OUTSIDER, or NOT_A_LABEL
    where it is not known (loops); `kinds` (n,) ONESHOT, LOOP or UNKNOWN; `contents` (n, contents) shares of
    what a loop is made of, all 0 where it is not known.
    """

    waves: Tensor
    rows: NDArray[np.int64]
    labels: NDArray[np.int64]
    kinds: NDArray[np.int64]
    contents: NDArray[np.float32]


class Batches:
    """Makes batch number k."""

    def __init__(
        self, sounds: Sounds, shares: NDArray[np.float64], *, samplerate: int, window: int, size: int,
        seed: int, mixture: Mixture | None = None,
    ) -> None:  # fmt: skip
        self.size = size
        self._sounds = sounds
        self._shares = shares
        self._length = window + samplerate // 8  # speeding up uses some
        self._seed = seed
        self._mixture = mixture or Mixture()
        self._augment = Augment(samplerate=samplerate, window=window, seed=seed)
        self._sequencer = Sequencer(sounds, samplerate=samplerate, length=self._length)
        self._outsiders = Outsiders(sounds, samplerate=samplerate, length=self._length)
        self._labels = np.array([row.label_index for row in sounds.rows])
        self._contents = np.stack([_one_content(row.content) for row in sounds.rows])
        tails = [NEEDS_TAIL.get(label, SHORTEST_TAIL) for label in LABELS]
        # Reached as places of LABELS, OUTSIDER and NOT_A_LABEL, which is the last.
        self._tails = np.array([*tails, LOOPS_TAIL, LOOPS_TAIL])

    def __call__(self, number: int) -> Batch:
        rng = np.random.default_rng((self._seed, number))
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        rows = rng.choice(len(self._sounds), size=self.size, p=self._shares)
        labels = self._labels[rows]
        kinds = np.where(labels == NOT_A_LABEL, LOOP, ONESHOT)
        contents = self._contents[rows]
        waves = np.zeros((self.size, self._length), dtype=np.float32)
        for place, row in enumerate(rows):
            wave = self._sounds.waves[row][: self._length]
            waves[place, : wave.size] = wave
        waves /= 32767.0
        batch = Batch(torch.from_numpy(waves), rows, labels, kinds, contents)
        self._vary(rng, waves, batch)
        tails = torch.from_numpy(self._tails[labels]).float()
        return Batch(self._augment(batch.waves, tails, generator), rows, labels, kinds, contents)

    def _vary(self, rng: Generator, waves: NDArray[np.float32], batch: Batch) -> None:
        """Put sounds of our own making in the place of some, and play others several times."""
        chance = rng.random(self.size)
        share = self._mixture
        loops = share.made_loops
        outsiders = loops + share.outsiders
        repeated = outsiders + share.repeated
        for place in range(self.size):
            if chance[place] < loops:
                waves[place], batch.contents[place] = self._sequencer.loop(rng)
                batch.rows[place], batch.labels[place], batch.kinds[place] = MADE, NOT_A_LABEL, LOOP
            elif chance[place] < outsiders:
                waves[place] = self._outsiders.make(rng)
                batch.rows[place], batch.labels[place], batch.kinds[place] = MADE, OUTSIDER, UNKNOWN
                batch.contents[place] = 0.0
            elif batch.kinds[place] == LOOP:
                continue
            elif chance[place] < repeated:
                waves[place] = self._sequencer.repeated(rng, waves[place].copy())
            elif chance[place] < repeated + share.mixed:
                other = self._sounds.waves[int(rng.integers(len(self._sounds)))][: self._length]
                waves[place, : other.size] += other * np.float32(10.0 ** rng.uniform(-1.3, -0.5) / 32767.0)
        waves /= np.maximum(np.abs(waves).max(axis=1, keepdims=True), 1e-6)


def _one_content(content: str) -> NDArray[np.float32]:
    shares = np.zeros(len(CONTENTS), dtype=np.float32)
    if content:
        shares[CONTENTS.index(content)] = 1.0
    return shares
