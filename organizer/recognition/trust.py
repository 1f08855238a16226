"""How far a name and metadata are believed, judged by how well they fit what is heard. Pure.

A source beside the ear either speaks of this sound or of something else. How often it does is a property
of its pack, found from all its files by expectation maximisation (Dempster, Laird and Rubin 1977) under a
prior that most packs are honest; whether it does here follows from that and from how likely the ear finds
what it says. So a pack of mixed-up or meaningless names loses the weight of its names, and one wrong name
in an honest pack is doubted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from organizer.labels import LABELS
from organizer.sample import Evidence, Kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# What is believed or not; the ear always is.
SOURCES = ("name", "metadata")
# Which of them speak of the sound, in every combination: none, the name, the metadata, both.
HONEST = np.array([[False, False], [True, False], [False, True], [True, True]])
KINDS = (Kind.ONESHOT, Kind.LOOP)

_ROUNDS = 200
_SETTLED = 1e-5
# No source is believed to exclude anything altogether.
_FLOOR = 1e-4


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """How much a source's log probabilities count (1: as it says), and how honest packs are expected to be.

    `audio` is the ear's weight where another source is believed, `doubted` where one speaks and none is
    believed: a contradiction makes it less sure. Alone it counts as it says. `honest` and `lying` are files
    of an imagined pack (the parameters of a beta distribution): the fewer, the sooner the real ones decide.
    `benchmarks/fusion.py --fit` chooses `audio`, `doubted`, `name`, `honest` and `lying` on half of the
    held-out kits; the others were set by hand.
    """

    audio: float = 0.6
    doubted: float = 0.8
    name: float = 1.0
    metadata: float = 0.4
    kind_audio: float = 0.8
    kind_name: float = 1.0
    kind_metadata: float = 1.0
    honest: float = 0.5
    lying: float = 0.2

    @property
    def of_sources(self) -> tuple[float, ...]:
        return self.name, self.metadata

    @property
    def kinds_of_sources(self) -> tuple[float, ...]:
        return self.kind_name, self.kind_metadata


@dataclass(frozen=True, slots=True)
class Opinions:
    """What is said about n sounds, as arrays; where nothing is said, all is alike.

    Attributes
    ----------
    labels, kinds : arrays of shape (1 + sources, n, 22) and (1 + sources, n, 2)
        Probabilities: of the ear first, then of `SOURCES`; the latter raised to their weights.
    tells_labels, speaks : boolean arrays of shape (sources, n)
        Whether a source says anything of labels, and anything at all.
    """

    labels: NDArray[np.float64]
    kinds: NDArray[np.float64]
    tells_labels: NDArray[np.bool_]
    speaks: NDArray[np.bool_]

    @classmethod
    def of(cls, sounds: Sequence[Sequence[Evidence]], weights: Weights) -> Opinions:
        known = [{one.source: one for one in evidence} for evidence in sounds]
        silent = Evidence(source="")
        ear, *others = [[each.get(source, silent) for each in known] for source in ("audio", *SOURCES)]
        labels = [_table([one.labels for one in ear], LABELS)]
        kinds = [_table([one.kinds for one in ear], KINDS)]
        for row, weight in zip(others, weights.of_sources, strict=True):
            labels.append(pooled([(_table([one.labels for one in row], LABELS), weight)]))
        for row, weight in zip(others, weights.kinds_of_sources, strict=True):
            kinds.append(pooled([(_table([one.kinds for one in row], KINDS), weight)]))
        counts = np.array([[weights.of_sources], [weights.kinds_of_sources]])[:, 0, :, np.newaxis] > 0.0
        tells = np.array([[bool(one.labels) for one in row] for row in others], dtype=np.bool_) & counts[0]
        tells_kinds = np.array([[bool(one.kinds) for one in row] for row in others], dtype=np.bool_)
        return cls(np.stack(labels), np.stack(kinds), tells, tells | tells_kinds & counts[1])


def pooled(said: Sequence[tuple[NDArray[np.float64], float]]) -> NDArray[np.float64]:
    """Multiply distributions (..., c), each to the power of its weight, and make each result sum to 1.

    It is the logarithmic opinion pool (Genest and Zidek 1986).
    """
    logs = sum(weight * np.log(np.maximum(one, _FLOOR)) for one, weight in said)
    raised = np.exp(logs - np.max(logs, axis=-1, keepdims=True))
    result: NDArray[np.float64] = raised / raised.sum(axis=-1, keepdims=True)
    return result


def fit(opinions: Opinions) -> NDArray[np.float64]:
    """Say how well each combination of honest sources fits what is heard: (n, combinations).

    It is the likelihood ratio of what they say to something said at random. Words for labels count as far
    as the ear takes the sound for a one-shot.
    """
    heard, heard_kinds = opinions.labels[0], opinions.kinds[0]
    oneshot = heard_kinds[:, 0]
    columns = []
    for honest in HONEST:
        labels, kinds = heard.copy(), heard_kinds.copy()
        for place in np.flatnonzero(honest):
            labels *= len(LABELS) * opinions.labels[1 + place]
            kinds *= len(KINDS) * opinions.kinds[1 + place]
        columns.append((oneshot * labels.sum(axis=1) + 1.0 - oneshot) * kinds.sum(axis=1))
    return np.stack(columns, axis=1)


def believed(fits: NDArray[np.float64], trust: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the probability of each combination of honest sources, (n, combinations), by their trust (2,)."""
    before = np.where(HONEST, trust, 1.0 - trust).prod(axis=1)
    joint = fits * before
    shares: NDArray[np.float64] = joint / joint.sum(axis=1, keepdims=True)
    return shares


def trust_in(fits: NDArray[np.float64], speaks: NDArray[np.bool_], weights: Weights) -> NDArray[np.float64]:
    """Say how often each source of a pack speaks of its sounds: (2,), from `fit` and who speaks (2, n)."""
    trust = np.full(len(SOURCES), weights.honest / (weights.honest + weights.lying))
    counts = speaks.sum(axis=1) + weights.honest + weights.lying
    for _ in range(_ROUNDS):
        shares = believed(fits, trust)
        honest = (shares @ HONEST).T
        new = ((honest * speaks).sum(axis=1) + weights.honest) / counts
        done = bool(np.abs(new - trust).max() < _SETTLED)
        trust = new
        if done:
            break
    return trust


def _table(rows: Sequence[Mapping[str, float]], names: Sequence[str]) -> NDArray[np.float64]:
    """Put probabilities into an array (n, names); an empty row says all alike."""
    even = dict.fromkeys(names, 1.0 / len(names))
    return np.array([[(row or even).get(name, 0.0) for name in names] for row in rows]).reshape(
        len(rows), len(names)
    )
