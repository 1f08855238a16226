"""The personal head: corrections shift later predictions for sounds like those, at once and without training.

Owns the arithmetic on embeddings and final distributions, and the measuring by leave-one-out that decides
whether a taught label may shift anything. Pure: it reads and writes nothing, and knows nothing of categories.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]
Floats = NDArray[np.float32]
Numbers = NDArray[np.floating]

FEWEST = 3  # corrections of a label, before leave-one-out says anything
FEWEST_OF_BACKGROUND = 100  # sounds, before they show where a taste ends
NAMED = 5  # corrections named for each sound that is shifted
# What a correction alone may do to a near copy: Laplace's rule of succession after one success.
CAREFUL = 2.0 / 3.0

# Likeness is at most 1. What is less alike than `_NEAR` never counts; two thirds of it are the distribution.
_NEAR, _NEAR_COPY, _SAME = 0.6, 0.98, 0.9999
_OF_SAID = 2.0
_BANDWIDTHS = (0.2, 0.1, 0.05)  # each half of the one before: its kernel is the square of that one's
_FLOOR = 0.05  # added to the density of other sounds, in sounds just alike
_SHARP = 4  # how steeply strength rises around the edge of a region
_FADED = 0.25  # of the edge: farther out nothing is shifted
_ROWS = 1024  # at once: memory stays small

# When a region is believed; chosen on split train, where `benchmarks/personal.py` reports on split valid.
_RECALL = 0.6  # the least share of corrections that the others must find
_LIFT = 25.0  # that share to the share of the background claimed: no label takes over more than a 25th
_EACH = 0.003  # the share of the background that one correction may claim, at most
_SURPRISE = 3.0  # so many times the corrections that the distributions led to expect, at least
_COST = 4.0  # of taking one sound wrongly, in corrections found

_TOO_FEW = f"fewer than {FEWEST} corrections: only near copies follow them"
_NO_BACKGROUND = f"fewer than {FEWEST_OF_BACKGROUND} other sounds to compare with: only near copies follow"
_USED = "its corrections find each other, and little else"
_NO_REGION = "not used: its corrections do not find each other without taking other sounds as well"
_NO_GAIN = "not used: its corrections would not have been right more often by the others"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taught:
    """Corrections, one row a sound.

    `embeddings` (n, e) of unit length; `labels` n, as the user says; `probabilities` (n, l), the final
    distributions that were said before, columns as the head's labels (0 for a label of the user's own).
    """

    embeddings: Numbers
    labels: Sequence[str]
    probabilities: Numbers


class Background(Taught):
    """Sounds of the library that nobody corrected, some thousands by chance, with what they are called."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Shifted:
    """What the head makes of n sounds.

    `probabilities` (n, l): rows of sounds that no correction is near to are exactly those that were given.
    `strength` (n,): the share of each distribution that corrections decided; 0: untouched. `nearest` (n, k):
    the corrections that decided most, strongest first, as places in `Taught`, -1 where there are fewer.
    `weights` (n, k): the share of the distribution that each of them decided.
    """

    probabilities: Reals
    strength: Reals
    nearest: NDArray[np.int64]
    weights: Reals


@dataclass(frozen=True, slots=True)
class TaughtLabel:
    """What became of one taught label, and why.

    `recall` is the share of its corrections that the others find (leave-one-out), None where none is used or
    it was not measured; `taken` counts the background that would get the label, by what it is called.
    """

    label: str
    corrections: int
    used: bool
    reason: str
    recall: float | None
    taken: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Pair:
    """Corrections from one label to another: how many, and how many of them the others get right."""

    said: str
    taught: str
    corrections: int
    right: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What leave-one-out says; `before` and `after` are the shares of corrections that are right."""

    corrections: int = 0
    background: int = 0
    before: float = 0.0
    after: float = 0.0
    labels: tuple[TaughtLabel, ...] = ()
    pairs: tuple[Pair, ...] = ()

    @property
    def gain(self) -> float:
        return self.after - self.before

    @property
    def used(self) -> bool:
        return any(one.used for one in self.labels)


@dataclass(frozen=True, slots=True)
class _Region:
    """Where a taught label holds. Without an edge it is that of near copies; strength 0: nowhere."""

    strength: float
    reason: str
    edge: float | None = None
    bandwidth: int = len(_BANDWIDTHS) - 1
    recall: float | None = None


@dataclass(frozen=True, slots=True)
class _Claims:
    """How strongly g labels claim n sounds: by density (bandwidths, n, g), and as near copies (n, g)."""

    density: Reals
    copies: Reals


class _Known:
    """Corrections and background, as sounds are compared with them."""

    def __init__(self, taught: Taught, background: Taught) -> None:
        self.groups = tuple(sorted(set(taught.labels)))
        self.taught = _features(taught.embeddings, taught.probabilities)
        self.background = _features(background.embeddings, background.probabilities)
        self.members = _members(taught.labels, self.groups)
        called = _members(background.labels, self.groups)
        self.called = np.hstack([called, np.ones((len(called), 1), np.float32)])  # the last column: all

    def claims(self, seen: Floats, *, corrections: bool = False) -> _Claims:
        """Compare sounds with all that is known; `corrections`: they are the corrections, each left out."""
        density = np.zeros((len(_BANDWIDTHS), len(seen), len(self.groups)))
        copies = np.zeros((len(seen), len(self.groups)))
        for start in range(0, len(seen), _ROWS):
            like = seen[start : start + _ROWS] @ self.taught.T
            if corrections:
                like[np.arange(len(like)), start + np.arange(len(like))] = -1.0
            near = np.flatnonzero(like.max(axis=1, initial=-1.0) >= _NEAR)
            like, rows = like[near], start + near
            others = seen[rows] @ self.background.T
            others[others >= _SAME] = -1.0  # the sound itself
            copies[rows] = _near_copies(like, others, self.members)
            masses = zip(_masses(like, self.members), _masses(others, self.called), strict=True)
            for place, (mine, theirs) in enumerate(masses):
                against = theirs[:, -1:] - theirs[:, :-1] + mine.sum(axis=1, keepdims=True) - mine
                density[place, rows] = mine / (np.maximum(against, 0.0) + _FLOOR)
        return _Claims(density, copies)


class Head:
    """Shifts final distributions the way that the user's corrections point.

    A taught label y claims a sound x by r = C / (B + D + c): kernels of the likeness of x, summed over the
    corrections to y (C), to other labels (D), and the background that is not called y (B). Likeness is the
    cosine of embeddings joined with square roots of distributions (Bhattacharyya 1943), so that what was said
    counts as well as what was heard. Around an edge t, p' = (1 - a) p + a e_y with a = s r^4 / (r^4 + t^4):
    the mixture of nearest-neighbour language models (Khandelwal et al. 2020), its gate made of kernel
    densities (Nadaraya 1964, Watson 1964). `_region` chooses kernel, t and s by leave-one-out. Labels of too
    few corrections, and all of them where the background is too small, shift nothing but near copies.
    """

    def __init__(self, labels: Sequence[str], known: _Known, regions: Mapping[str, _Region]) -> None:
        self.labels = tuple(labels)
        self.report = Report()
        self._known = known
        self._regions = tuple(regions.values())
        self._columns = np.array([self.labels.index(label) for label in regions], dtype=np.int64)

    @classmethod
    def fit(cls, taught: Taught, background: Background | None, *, labels: Sequence[str]) -> Head:
        """Learn from corrections: under a second for 1,000 of them and 5,000 of background.

        `labels` name the columns of all distributions, the user's own labels among them.

        Raises
        ------
        ValueError
            If a taught label is not among `labels`, or shapes do not fit each other.
        """
        nothing = {"embeddings": taught.embeddings[:0], "probabilities": np.zeros((0, len(labels)))}
        background = background or Background(labels=(), **nothing)
        for sounds in (taught, background):
            _check(sounds.embeddings, sounds.probabilities, (len(sounds.labels), len(labels)))
        if strange := sorted(set(taught.labels) - set(labels)):
            raise ValueError(f"taught labels without a column: {', '.join(strange)}")
        known = _Known(taught, background)
        own, others = known.claims(known.taught, corrections=True), known.claims(known.background)
        regions = {}
        for place, label in enumerate(known.groups):
            doubts = [one.probabilities[:, list(labels).index(label)] for one in (taught, background)]
            regions[label] = _region(
                known, place, own.density[..., place], others.density[..., place], doubts
            )
        head = cls(labels, known, regions)
        before, after = (_right(taught, head._said(taught, claims)) for claims in (None, own))
        for label, region in regions.items():
            if region.recall is not None and after[label] <= before[label]:
                regions[label] = replace(region, strength=0.0, reason=_NO_GAIN)
        head = cls(labels, known, regions)
        head.report = head._reported(taught, background, own, others)
        return head

    def apply(self, embeddings: Numbers, probabilities: Numbers) -> Shifted:
        """Shift final distributions (n, l) of sounds with embeddings (n, e); ValueError as in `fit`."""
        count = len(embeddings)
        _check(embeddings, probabilities, (count, len(self.labels)))
        nearest, weights = np.full((count, NAMED), -1, dtype=np.int64), np.zeros((count, NAMED))
        if not self.report.used:
            return Shifted(np.array(probabilities, np.float64), np.zeros(count), nearest, weights)
        seen = _features(embeddings, probabilities)
        shares = self._shares(self._known.claims(seen))
        touched = np.flatnonzero(shares.any(axis=1))
        for start in range(0, len(touched), _ROWS):
            rows = touched[start : start + _ROWS]
            nearest[rows], weights[rows] = self._named(seen[rows], shares[rows])
        return Shifted(self._mixed(probabilities, shares), shares.sum(axis=1), nearest, weights)

    def _shares(self, claims: _Claims) -> Reals:
        """Say what share of each distribution the taught labels take: (n, g), rows of 1 at most."""
        shares = np.zeros_like(claims.copies)
        for place, region in enumerate(self._regions):
            share = claims.copies[:, place]
            if region.edge is not None:
                claim = claims.density[region.bandwidth, :, place] / region.edge
                rising = np.minimum(claim, 1e3) ** _SHARP
                share = np.where(claim < _FADED, 0.0, rising / (rising + 1.0))
            shares[:, place] = region.strength * share
        shares /= np.maximum(shares.sum(axis=1, keepdims=True), 1.0)
        return shares

    def _mixed(self, probabilities: Numbers, shares: Reals) -> Reals:
        mixed = np.array(probabilities, dtype=np.float64)
        touched = np.flatnonzero(shares.any(axis=1))
        mixed[touched] *= 1.0 - shares[touched].sum(axis=1, keepdims=True)
        mixed[touched[:, np.newaxis], self._columns] += shares[touched]
        return mixed

    def _said(self, each: Taught, claims: _Claims | None) -> list[str]:
        """Name the likeliest label of each sound, with the head, or without where there are no claims."""
        said = each.probabilities if claims is None else self._mixed(each.probabilities, self._shares(claims))
        return [self.labels[place] for place in said.argmax(axis=1)] if len(said) else []

    def _named(self, seen: Floats, shares: Reals) -> tuple[NDArray[np.int64], Reals]:
        """Name the corrections that decided most: their places and what each decided, both (n, k)."""
        members = self._known.members
        width = members @ np.array([_BANDWIDTHS[one.bandwidth] for one in self._regions])
        like = seen @ self._known.taught.T
        kernel = np.where(like >= _NEAR, np.exp((like - 1.0) / width), 0.0)
        decided = kernel * ((shares / np.maximum(kernel @ members, 1e-30)) @ members.T)
        decided = np.hstack([decided, np.zeros((len(seen), NAMED))])
        places = np.argsort(-decided, axis=1, kind="stable")[:, :NAMED]
        weights = np.take_along_axis(decided, places, axis=1)
        return np.where(weights > 0.0, places, -1), weights

    def _reported(self, taught: Taught, background: Background, own: _Claims, others: _Claims) -> Report:
        """Measure on the corrections, each by the others, and on the background."""
        said, heard = self._said(taught, None), self._said(taught, own)
        taken: dict[str, Counter[str]] = {label: Counter() for label in self.labels}
        before, after = self._said(background, None), self._said(background, others)
        for was, then, now in zip(background.labels, before, after, strict=True):
            if now not in (was, then):
                taken[now][was] += 1
        counts = Counter(taught.labels)
        corrected = list(zip(said, taught.labels, strict=True))
        right = Counter(pair for pair, now in zip(corrected, heard, strict=True) if now == pair[1])
        some = max(1, len(corrected))
        return Report(
            corrections=len(corrected),
            background=len(background.labels),
            before=_right(taught, said).total() / some,
            after=right.total() / some,
            labels=tuple(
                TaughtLabel(label, counts[label], one.strength > 0.0, one.reason, one.recall, taken[label])
                for label, one in zip(self._known.groups, self._regions, strict=True)
            ),
            pairs=tuple(Pair(*pair, n, right[pair]) for pair, n in sorted(Counter(corrected).items())),
        )


def _region(known: _Known, place: int, own: Reals, others: Reals, doubts: Sequence[Numbers]) -> _Region:
    """Choose where a taught label holds, by its claims on corrections and background, (bandwidths, n) each.

    What lies beyond an edge is claimed. Sounds that the user means as well and has not come to yet are in the
    background: if corrections are drawn from them by chance, recall r of the corrections claims r of these.
    So they are at most the least of claimed / r over all edges, and what is claimed beyond that is taken
    wrongly (mixture proportions: Elkan and Noto 2008, Blanchard et al. 2010). Where the distributions
    themselves (`doubts`) led to expect as many corrections, there is no taste, only doubt.
    """
    mine, foreign = known.members[:, place] > 0.0, known.called[:, place] == 0.0
    count, size = int(mine.sum()), len(foreign)
    if count < FEWEST or size < FEWEST_OF_BACKGROUND:
        return _Region(CAREFUL, _TOO_FEW if count < FEWEST else _NO_BACKGROUND)
    best, highest = _Region(0.0, _NO_REGION, edge=1.0), 0.0
    for bandwidth in range(len(_BANDWIDTHS)):
        found, claimed = own[bandwidth, mine], others[bandwidth, foreign]
        edges = np.unique(found[found > 0.0])
        hits, caught = _beyond(found, edges), _beyond(claimed, edges)
        wrong = _beyond(own[bandwidth, ~mine], edges)
        expected = _beyond(found, edges, doubts[0][mine]) + _beyond(claimed, edges, doubts[1][foreign])
        recall = hits / (count + 1)
        if not (hits >= FEWEST).any():
            continue
        unnoticed = float(((caught + 1.0) / recall)[hits >= FEWEST].min())
        meant = recall * (count + unnoticed)
        worth = meant - _COST * (np.maximum(caught - recall * unnoticed, 0.0) + wrong)
        worth[(hits < FEWEST) | (recall < _RECALL) | (hits < _SURPRISE * expected)] = 0.0
        worth[(caught > max(1.0, _EACH * size * count)) | (recall < _LIFT * caught / size)] = 0.0
        at = int(worth.argmax())
        if worth[at] > highest:
            highest = float(worth[at])
            right = min(1.0, meant[at] / (recall[at] * count + caught[at] + wrong[at]))
            strength = float(right * (hits[at] + 1.0) / (hits[at] + 2.0))
            best = _Region(strength, _USED, float(edges[at]), bandwidth, float(hits[at] / count))
    return best


def _beyond(values: Reals, edges: Reals, weights: Numbers | None = None) -> Reals:
    """Count the values that reach each edge, or sum their weights."""
    order = np.argsort(values, kind="stable")
    each = np.ones(len(values)) if weights is None else weights[order]
    sums = np.concatenate([np.cumsum(each[::-1], dtype=np.float64)[::-1], [0.0]])
    return np.asarray(sums[np.searchsorted(values[order], edges)])


def _right(taught: Taught, said: Sequence[str]) -> Counter[str]:
    return Counter(label for label, one in zip(taught.labels, said, strict=True) if one == label)


def _masses(like: Floats, members: Floats) -> list[Reals]:
    """Sum kernels exp((likeness - 1) / bandwidth) by group, for each bandwidth: (n, g) each."""
    kernel = np.exp((like - 1.0) / np.float32(_BANDWIDTHS[0]))
    kernel[like < _NEAR] = 0.0
    sums = []
    for _ in _BANDWIDTHS:
        sums.append((kernel @ members).astype(np.float64))
        kernel *= kernel
    return sums


def _near_copies(like: Floats, others: Floats, members: Floats) -> Reals:
    """Say how nearly sounds are copies of corrections, by label, from 0 to 1: (n, g).

    Copies that were left as they are speak against it; corrections of one sound to two labels cancel out.
    """
    closeness = np.clip(2.0 * (like - _NEAR_COPY) / (1.0 - _NEAR_COPY), 0.0, 1.0)
    closest = np.zeros((len(like), members.shape[1]))
    for place, mine in enumerate(members.T > 0.0):
        closest[:, place] = closeness[:, mine].max(axis=1, initial=0.0)
    closest *= (closest > 0.0).sum(axis=1, keepdims=True) == 1
    closest /= 1.0 + (others >= _NEAR_COPY).sum(axis=1, keepdims=True)
    return closest


def _features(embeddings: Numbers, probabilities: Numbers) -> Floats:
    """Join embeddings and roots of distributions: dot products are likenesses, and silence has none."""
    roots = np.sqrt(_OF_SAID * np.maximum(probabilities, 0.0)) * np.any(embeddings, axis=1, keepdims=True)
    joined: Floats = (np.hstack([embeddings, roots]) / np.sqrt(1.0 + _OF_SAID)).astype(np.float32)
    return joined


def _members(labels: Sequence[str], groups: Sequence[str]) -> Floats:
    """Say which sound has which label: (n, g), 0 or 1."""
    table = [[float(label == group) for group in groups] for label in labels]
    return np.array(table, dtype=np.float32).reshape(len(labels), len(groups))


def _check(embeddings: Numbers, probabilities: Numbers, due: tuple[int, int]) -> None:
    if len(embeddings) != due[0] or np.shape(probabilities) != due:
        raise ValueError(f"{len(embeddings)} embeddings, distributions {np.shape(probabilities)}; due: {due}")
