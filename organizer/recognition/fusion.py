"""Adds evidence up to recognitions, a pack at a time. Pure: probabilities in, probabilities out.

Whether a source speaks of the sound is uncertain (`trust`). For each combination of sources that may do
so, labels are pooled in log space, each source with a fixed weight; the result is the mean of these,
weighed by how probable each combination is. Where nothing beside the ear says anything, the result is the
ear's own; where something does and is not believed, it is the ear's, a little less sure.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from organizer.labels import CATEGORY_OF, LABELS, category_probabilities
from organizer.recognition.trust import (
    HONEST,
    KINDS,
    SOURCES,
    Opinions,
    Weights,
    believed,
    fit,
    pooled,
    trust_in,
)
from organizer.sample import LONG_SECONDS, Evidence, Facts, Kind, Recognition

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

# From here on what one source says is called strong, and another one that it contradicts is named.
_STRONG = 0.6
_STRONG_KIND = 0.8
# A source of a pack that speaks of fewer of its sounds than this is named as one that counts for little.
_LITTLE = 0.5
# So few sounds show nothing about a pack.
_SOME = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """One sound of a pack, and what every source says of it."""

    evidence: tuple[Evidence, ...]
    facts: Facts
    embedding: bytes = b""

    @property
    def silent(self) -> bool:
        """Whether the ear was asked and heard nothing: then no name is believed."""
        deaf = any(one.source == "audio" and not one.labels for one in self.evidence)
        return self.facts.peak is None or deaf


def pool_kinds(model: Mapping[str, float], onsets: float | None) -> dict[str, float]:
    """Join the model's opinion of the kind with the probability of a loop that the onsets give.

    Both count alike: the model hears the first moments of a sound well, the onsets are of many bars.
    """
    if onsets is None:
        return dict(model)
    row = pooled([(np.array([1.0 - onsets, onsets]), 1.0), (np.array([model[kind] for kind in KINDS]), 1.0)])
    return dict(zip((kind.value for kind in KINDS), row.tolist(), strict=True))


def fuse(pack: Sequence[Sound], *, model_id: str, weights: Weights | None = None) -> list[Recognition]:
    """Make one recognition of what all sources say of each sound; a source may be silent or absent.

    `pack` are the sounds of one vendor: how far names are believed is judged from all of them together.
    Where the ear heard nothing, the result is uniform, and its confidence low.
    """
    weights = weights or Weights()
    heard = [sound for sound in pack if not sound.silent]
    opinions = Opinions.of([sound.evidence for sound in heard], weights)
    fits = fit(opinions)
    trust = trust_in(fits, opinions.speaks, weights)
    shares = believed(fits, trust)
    rows = zip(
        _labels(opinions, shares, weights).tolist(),
        _kinds(opinions, shares, weights).tolist(),
        (shares @ HONEST).tolist(),
        strict=True,
    )
    many = (opinions.speaks.sum(axis=1) >= _SOME).tolist()
    of_pack = {source: how for source, how, some in zip(SOURCES, trust.tolist(), many, strict=True) if some}
    made = []
    for sound in pack:
        if sound.silent:
            labels, kinds, honest = [1 / len(LABELS)] * len(LABELS), [0.5, 0.5], [0.0] * len(SOURCES)
        else:
            labels, kinds, honest = next(rows)
        evidence = _with_trust(sound.evidence, dict(zip(SOURCES, honest, strict=True)))
        told = replace(sound, evidence=evidence)
        made.append(_recognition(told, labels, kinds, model_id=model_id, of_pack=of_pack))
    return made


def _labels(opinions: Opinions, shares: NDArray[np.float64], weights: Weights) -> NDArray[np.float64]:
    """Give the distributions over labels, (n, 22)."""
    ear = opinions.labels[0]
    contradicted = np.any(opinions.tells_labels, axis=0, keepdims=True).T
    alone = np.where(contradicted, pooled([(ear, weights.doubted)]), ear)
    result: NDArray[np.float64] = np.zeros_like(ear)
    for place, honest in enumerate(HONEST):
        said = [(one, 1.0) for one in opinions.labels[1:][honest]]
        joined = pooled([(ear, weights.audio), *said])
        told = np.any(opinions.tells_labels[honest], axis=0, keepdims=True).T
        result += shares[:, place : place + 1] * np.where(told, joined, alone)
    return result


def _kinds(opinions: Opinions, shares: NDArray[np.float64], weights: Weights) -> NDArray[np.float64]:
    """Give the distributions over one-shot and loop, (n, 2)."""
    result: NDArray[np.float64] = np.zeros_like(opinions.kinds[0])
    for place, honest in enumerate(HONEST):
        said = [(one, 1.0) for one in opinions.kinds[1:][honest]]
        result += shares[:, place : place + 1] * pooled([(opinions.kinds[0], weights.kind_audio), *said])
    return result


def _with_trust(evidence: Sequence[Evidence], honest: Mapping[str, float]) -> tuple[Evidence, ...]:
    return tuple(
        replace(one, trust=round(honest[one.source], 4))
        if one.source in honest and (one.labels or one.kinds)
        else one
        for one in evidence
    )


def _recognition(
    sound: Sound,
    labels: Sequence[float],
    kinds: Sequence[float],
    *,
    model_id: str,
    of_pack: Mapping[str, float],
) -> Recognition:
    probabilities = dict(zip(LABELS, labels, strict=True))
    kind = KINDS[int(np.argmax(kinds))]
    kind_confidence = max(kinds)
    if sound.facts.duration >= LONG_SECONDS:
        kind, kind_confidence = Kind.LONG, 1.0
    content, content_confidence = _content(sound.evidence) if kind is Kind.LOOP else (None, None)
    heard = Recognition(
        kind=kind,
        kind_confidence=kind_confidence,
        label=None,
        label_confidence=None,
        category=None,
        confidence=kind_confidence,
        margin=None,
        content=content,
        content_confidence=content_confidence,
        probabilities=probabilities,
        evidence=sound.evidence,
        doubts=_doubts(sound, kind, of_pack),
        model_id=model_id,
        embedding=sound.embedding,
    )
    return weighed(heard)


def weighed(heard: Recognition) -> Recognition:
    """Give a recognition the label, category and confidence that follow from its kind and probabilities."""
    if heard.kind is not Kind.ONESHOT:
        return replace(
            heard,
            label=None,
            label_confidence=None,
            category=None,
            confidence=heard.kind_confidence,
            margin=None,
        )
    probabilities = heard.probabilities
    categories = category_probabilities(probabilities)
    first, second = sorted(categories.values(), reverse=True)[:2]
    category = max(categories, key=lambda one: categories[one])
    label = max((one for one in LABELS if CATEGORY_OF[one] == category), key=lambda one: probabilities[one])
    return replace(
        heard,
        label=label,
        label_confidence=probabilities[label],
        category=category,
        confidence=first,
        margin=first - second,
    )


def _content(evidence: Sequence[Evidence]) -> tuple[str | None, float | None]:
    """Say what a loop is made of; only the ear has an opinion."""
    for one in evidence:
        if one.contents:
            content = max(one.contents, key=lambda each: one.contents[each])
            return content, one.contents[content]
    return None, None


def _doubts(sound: Sound, kind: Kind, of_pack: Mapping[str, float]) -> tuple[str, ...]:
    """Say in a sentence each what makes a sound less sure than a source alone would be."""
    if sound.silent or kind is Kind.LONG:
        return ()
    audio = next((one for one in sound.evidence if one.source == "audio"), None)
    doubts = []
    for one in sound.evidence:
        if one is audio:
            continue
        if audio is not None and (against := _contradiction(audio, one, kind)):
            doubts.append(against)
        if (one.labels or one.kinds) and of_pack.get(one.source, 1.0) < _LITTLE:
            what = "names" if one.source == "name" else "metadata"
            doubts.append(
                f"the {what} of this pack often do not fit what is heard "
                f"(believed {of_pack[one.source]:.0%}), and count for little"
            )
    return tuple(doubts)


def _contradiction(audio: Evidence, other: Evidence, kind: Kind) -> str:
    """Name two strong opinions that exclude each other; empty where there are none."""
    asked = [(audio.kinds, other.kinds, _STRONG_KIND)]
    if kind is Kind.ONESHOT:
        asked.append((category_probabilities(audio.labels), category_probabilities(other.labels), _STRONG))
    for ear, beside, strong in asked:
        if not ear or not beside:
            continue
        (heard, how), (said, sure) = _strongest(ear), _strongest(beside)
        if heard != said and min(how, sure) >= strong:
            return (
                f"the ear says {heard} ({how:.0%}) and the {other.source} {said} ({sure:.0%}): "
                "one of them is wrong, so it is less sure"
            )
    return ""


def _strongest(shares: Mapping[str, float]) -> tuple[str, float]:
    name = max(shares, key=lambda one: shares[one])
    return name, shares[name]
