"""What one training step learns from: pictures of a bank, mixed, their styles exchanged, partly wiped.

A step's batch follows from the seed and its number alone, so that a run can be taken up anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from organizer.labels import CATEGORIES, CATEGORY_OF, LABELS
from organizer.training.batches import LOOP, UNKNOWN

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from organizer.training.bank import Bank

KIND_DOUBT = 0.01  # that a loop is not one


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixing:
    """How pictures are changed, and how sure a label is."""

    mixup: float = 0.35  # chance, per sound
    styles: float = 0.5  # chance, per batch
    stripes: float = 0.35  # chance, per picture and axis
    smooth_inside: float = 0.06  # of the label, spread over its category
    smooth_all: float = 0.03


@dataclass(frozen=True, slots=True)
class Step:
    """Pictures (n, 1, frames, mels), and what they should be called.

    `labels` (n, labels), `kinds` (n, 2) and `contents` (n, contents) are shares; `named`, `of_kind` and
    `filled` (n,) are 0 where nothing is known of them.
    """

    whole: Tensor
    attack: Tensor
    labels: Tensor
    named: Tensor
    kinds: Tensor
    of_kind: Tensor
    contents: Tensor
    filled: Tensor


class Steps:
    """Makes step number k from `bank`; every sound of it comes once before any comes again.

    `targets` (len(bank), labels) are what its sounds should be called, where that is not what the bank and
    `mixing` say.
    """

    def __init__(
        self, bank: Bank, *, size: int, seed: int, mixing: Mixing | None = None,
        targets: NDArray[np.floating] | None = None, places: NDArray[np.integer] | None = None,
    ) -> None:  # fmt: skip
        self.size = size
        self._bank = bank
        self._seed = seed
        self._mixing = mixing or Mixing()
        self._targets = label_targets(bank, self._mixing) if targets is None else targets
        self._places = np.arange(len(bank)) if places is None else places

    @property
    def once_through(self) -> int:
        """How many steps come before a sound comes again."""
        return max(1, len(self._places) // self.size)

    def __call__(self, number: int) -> Step:
        rng = np.random.default_rng((self._seed, number))
        turn, place = divmod(number, self.once_through)
        order = np.random.default_rng((self._seed, turn, 1)).permutation(self._places)
        drawn = np.sort(order[place * self.size : (place + 1) * self.size])
        whole, attack = self._bank.pictures(drawn)
        labels = torch.from_numpy(self._targets[drawn].astype(np.float32))
        known = self._bank.labels[drawn] >= 0
        kinds = self._bank.kinds[drawn]
        is_loop = torch.from_numpy((kinds == LOOP).astype(np.int64))
        contents = torch.from_numpy(self._bank.contents[drawn])
        standing = known * 10 + kinds + 100 * (contents.sum(dim=1) > 0.5).numpy()
        amount, partner = self._partners(rng, standing)
        whole, attack, labels, contents = (
            _mixed(values, amount, partner) for values in (whole, attack, labels, contents)
        )
        if rng.random() < self._mixing.styles:
            other, share = rng.permutation(len(drawn)), _mostly_own(rng, len(drawn), 0.3)
            whole, attack = (with_styles_of(view, view[other], share) for view in (whole, attack))
        whole, attack = (with_stripes(view, rng, self._mixing.stripes) for view in (whole, attack))
        return Step(
            whole,
            attack,
            labels,
            torch.from_numpy(known.astype(np.float32)),
            functional.one_hot(is_loop, 2).float() * (1.0 - 2.0 * KIND_DOUBT) + KIND_DOUBT,
            torch.from_numpy((kinds != UNKNOWN).astype(np.float32)),
            contents,
            (contents.sum(dim=1) > 0.5).float(),
        )

    def _partners(self, rng: Generator, standing: NDArray[np.int64]) -> tuple[Tensor, NDArray[np.int64]]:
        """Draw what each is mixed with, and its own share (Zhang et al., mixup, 2018).

        Only sounds of one standing are mixed: of one kind, of which equally much is known.
        """
        amount = _mostly_own(rng, len(standing), 0.5)
        amount[rng.random(len(standing)) >= self._mixing.mixup] = 1.0
        partner = np.arange(len(standing))
        for group in np.unique(standing):
            places = np.flatnonzero(standing == group)
            partner[places] = rng.permutation(places)
        return torch.from_numpy(amount.astype(np.float32)), partner


def label_targets(bank: Bank, mixing: Mixing) -> NDArray[np.float16]:
    """Give what the sounds of a bank should be called by their labels alone: (n, labels)."""
    # In the order of LABELS, OUTSIDER, and NOT_A_LABEL, which is reached as the last.
    table = np.concatenate([smoothed(mixing), spread_evenly()[None], np.zeros((1, len(LABELS)), np.float32)])
    chosen: NDArray[np.float16] = table.astype(np.float16)[bank.labels]
    return chosen


def smoothed(mixing: Mixing) -> NDArray[np.float32]:
    """Targets (label, labels): most on the label, some on its category, a little everywhere."""
    targets = np.zeros((len(LABELS), len(LABELS)), dtype=np.float32)
    for place, label in enumerate(LABELS):
        inside = [i for i, other in enumerate(LABELS) if CATEGORY_OF[other] == CATEGORY_OF[label]]
        targets[place, place] += 1.0 - mixing.smooth_inside - mixing.smooth_all
        targets[place, inside] += mixing.smooth_inside / len(inside)
        targets[place] += mixing.smooth_all / len(LABELS)
    return targets


def spread_evenly() -> NDArray[np.float32]:
    """Give the target of what has no label: every category alike."""
    sizes = [sum(one == CATEGORY_OF[label] for one in CATEGORY_OF.values()) for label in LABELS]
    return (1.0 / len(CATEGORIES) / np.array(sizes)).astype(np.float32)


def with_styles_of(pictures: Tensor, others: Tensor, share: NDArray[np.floating]) -> Tensor:
    """Move the mean and spread over time of each band of (n, 1, frames, mels) towards those of `others`.

    Each keeps `share` of its own. Zhou et al., MixStyle, 2021, over frequency as Schmid et al., 2022, do it:
    what differs between rooms, microphones and machines is much of it.
    """
    kept = torch.from_numpy(share.astype(np.float32))[:, None, None, None]
    (mean, spread), (mean_of_other, spread_of_other) = _style(pictures), _style(others)
    styled = (pictures - mean) / spread * torch.lerp(spread_of_other, spread, kept)
    return (styled + torch.lerp(mean_of_other, mean, kept)).clamp(0.0, 1.0)


def with_stripes(pictures: Tensor, rng: Generator, chance: float) -> Tensor:
    """Wipe a stripe of time and a stripe of frequency of some pictures (n, 1, frames, mels).

    Park et al., SpecAugment, 2019.
    """
    count, _, frames, mels = pictures.shape
    for size, shape in ((frames, (count, 1, frames, 1)), (mels, (count, 1, 1, mels))):
        width = (rng.random(count) * size * 0.16).astype(np.int64) + 1
        first = (rng.random(count) * (size - width)).astype(np.int64)
        place = np.arange(size)[None]
        wiped = (place >= first[:, None]) & (place < (first + width)[:, None])
        wiped &= (rng.random(count) < chance)[:, None]
        pictures = pictures * torch.from_numpy((~wiped).astype(np.float32)).reshape(shape)
    return pictures


def _style(pictures: Tensor) -> tuple[Tensor, Tensor]:
    return pictures.mean(dim=2, keepdim=True), pictures.std(dim=2, keepdim=True) + 1e-3


def _mostly_own(rng: Generator, count: int, alpha: float) -> NDArray[np.float64]:
    amount = rng.beta(alpha, alpha, count)
    return np.maximum(amount, 1.0 - amount)


def _mixed(values: Tensor, amount: Tensor, partner: NDArray[np.int64]) -> Tensor:
    shaped = amount.reshape(-1, *[1] * (values.ndim - 1))
    return values * shaped + values[partner] * (1.0 - shaped)
