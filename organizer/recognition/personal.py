"""What the user says of sounds, put in the place of what was recognised. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from organizer.labels import CATEGORIES, CATEGORY_OF, LABELS
from organizer.recognition.fusion import weighed
from organizer.sample import Evidence, Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from organizer.recognition.fusion import Sound
    from organizer.sample import Recognition

_PLAIN = "all"  # the source of what all others together said before the user did
# What a user may say that a sound is.
SAYABLE = (*LABELS, *(one for one in CATEGORIES if one not in LABELS), Kind.LOOP.value)


class Personal(Protocol):
    """What is known of one user."""

    def of(self, sounds: Sequence[Sound], recognised: Sequence[Recognition]) -> list[Recognition]:
        """Give the recognitions of sounds of one pack as this user would have them."""


def as_said(recognition: Recognition, said: str) -> Recognition:
    """Take the user's word for what a sound is: one of `SAYABLE`.

    A category leaves open which of its labels it is: these share the certainty as they did before.
    """
    plain = as_heard(recognition)
    evidence = (
        *plain.evidence,
        Evidence(
            source=_PLAIN,
            labels=plain.probabilities,
            kinds={plain.kind.value: plain.kind_confidence},
            contents={} if plain.content is None else {plain.content: plain.content_confidence or 0.0},
            reasons=plain.doubts,
        ),
        Evidence(source="user", labels={said: 1.0}, reasons=(f"you said that it is {said}",)),
    )
    if said == Kind.LOOP.value:
        return weighed(replace(plain, kind=Kind.LOOP, kind_confidence=1.0, evidence=evidence, doubts=()))
    before = plain.probabilities
    meant = [said] if said in LABELS else [one for one in LABELS if CATEGORY_OF[one] == said]
    mass = sum(before[one] for one in meant)
    shares = {one: before[one] / mass if mass > 0.0 else 1.0 / len(meant) for one in meant}
    return weighed(
        replace(
            plain,
            kind=Kind.ONESHOT,
            kind_confidence=1.0,
            content=None,
            content_confidence=None,
            probabilities={one: shares.get(one, 0.0) for one in LABELS},
            evidence=evidence,
            doubts=(),
        )
    )


def as_heard(recognition: Recognition) -> Recognition:
    """Give what was recognised without the user's word."""
    plain = recognition.evidence_of(_PLAIN)
    if plain is None:
        return recognition
    ((kind, kind_confidence),) = plain.kinds.items()
    content, content_confidence = next(iter(plain.contents.items()), (None, None))
    return weighed(
        replace(
            recognition,
            kind=Kind(kind),
            kind_confidence=kind_confidence,
            content=content,
            content_confidence=content_confidence,
            probabilities=plain.labels,
            evidence=tuple(one for one in recognition.evidence if one.source not in (_PLAIN, "user")),
            doubts=plain.reasons,
        )
    )
