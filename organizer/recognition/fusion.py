"""Adds evidence up to one recognition. Pure: probabilities in, probabilities out.

Labels are pooled in log space (a logarithmic opinion pool, Genest and Zidek 1986), each source with a
fixed weight. As far as the ear and the names contradict each other, the result moves towards their plain
mean, so that a contradiction shows as doubt and not as a win of the louder side.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from organizer.labels import CATEGORY_OF, LABELS, category_probabilities
from organizer.sample import LONG_SECONDS, Evidence, Kind, Recognition

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from organizer.sample import Facts

_ONESHOT_OR_LOOP = (Kind.ONESHOT, Kind.LOOP)
# Doubt grows with this power of the disagreement: an ear that is merely unsure contradicts no name.
_DOUBT_FROM = 2
# No source is believed to exclude anything altogether.
_FLOOR = 1e-4


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """How much a source's log probabilities count. 1: as it says.

    Chosen on one half of the held-out kits with an early model and checked on the other half: a higher
    weight of names gains little where they are honest and costs much where they lie.
    """

    audio: float = 1.0
    name: float = 0.9
    metadata: float = 0.4
    kind_audio: float = 0.8
    kind_name: float = 1.0
    kind_metadata: float = 1.0

    def of(self, source: str) -> float:
        return {"audio": self.audio, "name": self.name}.get(source, self.metadata)

    def of_kind(self, source: str) -> float:
        return {"audio": self.kind_audio, "name": self.kind_name}.get(source, self.kind_metadata)


def pool_kinds(model: Mapping[str, float], onsets: float | None) -> dict[str, float]:
    """Join the model's opinion of the kind with the probability of a loop that the onsets give.

    Both count alike: the model hears the first moments of a sound well, the onsets are of many bars.
    """
    if onsets is None:
        return dict(model)
    heard = {Kind.ONESHOT.value: 1 - onsets, Kind.LOOP.value: onsets}
    return _pool([(heard, 1.0), ({kind: model[kind] for kind in _ONESHOT_OR_LOOP}, 1.0)])


def fuse(
    evidence: Sequence[Evidence],
    facts: Facts,
    *,
    model_id: str,
    embedding: bytes = b"",
    weights: Weights | None = None,
) -> Recognition:
    """Make one recognition of what all sources say; a source may be silent or absent.

    Where the ear was asked and heard nothing, no name is believed: the result is uniform, and its
    confidence low.
    """
    weights = weights or Weights()
    heard_nothing = facts.peak is None or any(one.source == "audio" and not one.labels for one in evidence)
    labels = dict.fromkeys(LABELS, 1 / len(LABELS)) if heard_nothing else _labels(evidence, weights)
    kind, kind_confidence = _kind(() if heard_nothing else evidence, facts, weights)
    if kind is not Kind.ONESHOT:
        content, sure = _content(evidence) if kind is Kind.LOOP else (None, None)
        return Recognition(
            kind=kind,
            kind_confidence=kind_confidence,
            label=None,
            label_confidence=None,
            category=None,
            confidence=kind_confidence,
            margin=None,
            content=content,
            content_confidence=sure,
            probabilities=labels,
            evidence=tuple(evidence),
            model_id=model_id,
            embedding=embedding,
        )
    categories = category_probabilities(labels)
    first, second = sorted(categories.values(), reverse=True)[:2]
    category = max(categories, key=lambda one: categories[one])
    label = max((one for one in LABELS if CATEGORY_OF[one] == category), key=lambda one: labels[one])
    return Recognition(
        kind=kind,
        kind_confidence=kind_confidence,
        label=label,
        label_confidence=labels[label],
        category=category,
        confidence=first,
        margin=first - second,
        probabilities=labels,
        evidence=tuple(evidence),
        model_id=model_id,
        embedding=embedding,
    )


def disagreement(evidence: Sequence[Evidence]) -> float:
    """Say how far ear and name contradict each other about the category: 0 not at all, 1 wholly.

    It is one minus the Bhattacharyya coefficient of the two distributions.
    """
    says = {one.source: category_probabilities(one.labels) for one in evidence if one.labels}
    if "audio" not in says or "name" not in says:
        return 0.0
    audio, name = says["audio"], says["name"]
    return max(0.0, 1.0 - sum(math.sqrt(audio[one] * name[one]) for one in audio))


def _labels(evidence: Sequence[Evidence], weights: Weights) -> dict[str, float]:
    said = [(one.labels, weights.of(one.source)) for one in evidence if one.labels]
    if not said:
        return dict.fromkeys(LABELS, 1 / len(LABELS))
    pooled = _pool([({label: says.get(label, 0.0) for label in LABELS}, weight) for says, weight in said])
    against = disagreement(evidence) ** _DOUBT_FROM
    total = sum(weight for _, weight in said)
    mean = {label: sum(weight * says.get(label, 0.0) for says, weight in said) / total for label in LABELS}
    return {label: (1 - against) * pooled[label] + against * mean[label] for label in LABELS}


def _kind(evidence: Sequence[Evidence], facts: Facts, weights: Weights) -> tuple[Kind, float]:
    if facts.duration >= LONG_SECONDS:
        return Kind.LONG, 1.0
    said = [(one.kinds, weights.of_kind(one.source)) for one in evidence if one.kinds]
    if not said:
        return Kind.ONESHOT, 0.5
    pooled = _pool(
        [({kind: says.get(kind, 0.0) for kind in _ONESHOT_OR_LOOP}, weight) for says, weight in said]
    )
    kind = max(_ONESHOT_OR_LOOP, key=lambda one: pooled[one])
    return kind, pooled[kind]


def _content(evidence: Sequence[Evidence]) -> tuple[str | None, float | None]:
    """Say what a loop is made of; only the ear has an opinion."""
    for one in evidence:
        if one.contents:
            content = max(one.contents, key=lambda each: one.contents[each])
            return content, one.contents[content]
    return None, None


def _pool(said: Sequence[tuple[Mapping[str, float], float]]) -> dict[str, float]:
    """Multiply distributions, each to the power of its weight, and make the result sum to 1."""
    logs = {
        one: sum(weight * math.log(max(says[one], _FLOOR)) for says, weight in said) for one in said[0][0]
    }
    top = max(logs.values())
    raw = {one: math.exp(value - top) for one, value in logs.items()}
    total = sum(raw.values())
    return {one: value / total for one, value in raw.items()}
