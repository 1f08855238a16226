"""What one training step hears: weighed draws, loops of our own making, repeated and mixed hits, mixup.

A batch follows from the seed and its number alone, so that a run can be taken up anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from organizer.labels import CATEGORY_OF, LABELS
from organizer.training.augment import Augment
from organizer.training.sequence import Sequencer

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from organizer.training.dataset import Sounds

# Long tails are part of what these are.
NEEDS_TAIL = {"hat_open": 0.3, "crash": 0.9, "ride": 0.7, "cymbal": 0.8, "fx": 0.3, "vocal": 0.3}
SHORTEST_TAIL = 0.07  # seconds, of all others


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixture:
    """What a batch is made of, in shares of it."""

    made_loops: float = 0.09
    repeated: float = 0.06
    mixed: float = 0.05  # a second, quieter hit that does not change the label
    mixup: float = 0.35
    smooth_inside: float = 0.06  # of the label, spread over its category
    smooth_all: float = 0.03


@dataclass(frozen=True, slots=True)
class Batch:
    """Waveforms (n, window); what they should be called, as shares (n, labels) and (n, kinds).

    `named` is 0 where the label is unknown (loops).
    """

    waves: Tensor
    labels: Tensor
    named: Tensor
    kinds: Tensor


class Batches:
    """Makes batch number k of a run."""

    def __init__(
        self, sounds: Sounds, shares: NDArray[np.float64], *, samplerate: int, window: int, size: int,
        seed: int, mixture: Mixture | None = None,
    ) -> None:  # fmt: skip
        self._sounds = sounds
        self._shares = shares
        self._length = window + samplerate // 8  # speeding up uses some
        self._size = size
        self._seed = seed
        self._mixture = mixture or Mixture()
        self._augment = Augment(samplerate=samplerate, window=window, seed=seed)
        self._sequencer = Sequencer(sounds, samplerate=samplerate, length=self._length)
        self._indices = np.array([row.label_index for row in sounds.rows])
        self._targets = torch.from_numpy(smoothed(self._mixture))
        tails = [NEEDS_TAIL.get(label, SHORTEST_TAIL) for label in LABELS]
        self._tails = np.array([*tails, 0.6])  # the last for loops

    def __call__(self, number: int) -> Batch:
        rng = np.random.default_rng((self._seed, number))
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        drawn = rng.choice(len(self._sounds), size=self._size, p=self._shares)
        waves = np.zeros((self._size, self._length), dtype=np.float32)
        indices = self._indices[drawn].copy()
        loops = indices < 0
        for place, index in enumerate(drawn):
            wave = self._sounds.waves[index][: self._length]
            waves[place, : wave.size] = wave
        waves /= 32767.0
        self._vary(rng, waves, indices, loops)
        torch_waves = self._augment(
            torch.from_numpy(waves), torch.from_numpy(self._tails[indices]).float(), generator
        )
        labels = self._targets[torch.from_numpy(np.maximum(indices, 0))]
        named = torch.from_numpy((indices >= 0).astype(np.float32))
        kinds = torch.from_numpy(np.stack([~loops, loops], axis=1).astype(np.float32)) * 0.98 + 0.01
        return self._mixed_up(rng, torch_waves, labels, named, kinds)

    def _vary(
        self, rng: Generator, waves: NDArray[np.float32], indices: NDArray[np.int64], loops: NDArray[np.bool_]
    ) -> None:
        chance = rng.random(self._size)
        share = self._mixture
        for place in range(self._size):
            if chance[place] < share.made_loops:
                waves[place] = self._sequencer.loop(rng)
                indices[place], loops[place] = -1, True
            elif loops[place]:
                continue
            elif chance[place] < share.made_loops + share.repeated:
                waves[place] = self._sequencer.repeated(rng, waves[place].copy())
            elif chance[place] < share.made_loops + share.repeated + share.mixed:
                other = self._sounds.waves[int(rng.integers(len(self._sounds)))][: self._length]
                waves[place, : other.size] += other * np.float32(10.0 ** rng.uniform(-1.3, -0.5) / 32767.0)
        waves /= np.maximum(np.abs(waves).max(axis=1, keepdims=True), 1e-6)

    def _mixed_up(self, rng: Generator, waves: Tensor, labels: Tensor, named: Tensor, kinds: Tensor) -> Batch:
        """Mix some sounds with others of their kind and standing (Zhang et al., mixup, 2018)."""
        amount = rng.beta(0.5, 0.5, self._size)
        amount = np.maximum(amount, 1.0 - amount)
        amount[rng.random(self._size) >= self._mixture.mixup] = 1.0
        partner = np.arange(self._size)
        for group in (named.numpy() > 0.5, named.numpy() < 0.5):
            places = np.flatnonzero(group)
            partner[places] = rng.permutation(places)
        places = np.flatnonzero(amount < 1.0)
        share = torch.from_numpy(amount[places].astype(np.float32))[:, None]
        other = torch.from_numpy(partner[places])
        mixed = waves[other] * (1.0 - share)  # a copy: partners may be mixed themselves
        names = torch.lerp(labels[other], labels[places], share)
        waves[places] = mixed.add_(waves[places] * share)
        labels[places] = names
        return Batch(waves, labels, named, kinds)


def smoothed(mixture: Mixture) -> NDArray[np.float32]:
    """Targets (label, labels): most on the label, some on its category, a little everywhere."""
    targets = np.zeros((len(LABELS), len(LABELS)), dtype=np.float32)
    for place, label in enumerate(LABELS):
        inside = [i for i, other in enumerate(LABELS) if CATEGORY_OF[other] == CATEGORY_OF[label]]
        targets[place, place] += 1.0 - mixture.smooth_inside - mixture.smooth_all
        targets[place, inside] += mixture.smooth_inside / len(inside)
        targets[place] += mixture.smooth_all / len(LABELS)
    return targets
