"""What Ableton Live 12 calls a sound in its browser: from a sample to keywords. Pure.

Only names that are known from Live itself: it takes any other as a new tag of the user's, without a word.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from organizer.labels import SURE_OF_LABEL
from organizer.sample import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from organizer.sample import Sample

_LABELS: Mapping[str, str] = MappingProxyType(
    {
        "kick": "Drums|Kick",
        "snare": "Drums|Snare",
        "rim": "Drums|Snare|Rim",
        "clap": "Drums|Clap",
        "hat_closed": "Drums|Hihat|Closed Hihat",
        "hat_open": "Drums|Hihat|Open Hihat",
        "crash": "Drums|Cymbal|Crash",
        "cymbal": "Drums|Cymbal",
        "ride": "Drums|Cymbal",
        "cowbell": "Drums|Percussion|Cowbell",
        "shaker": "Drums|Percussion|Shaker",
        "tambourine": "Drums|Percussion|Tambourine",
    }
)
_CATEGORIES: Mapping[str, str] = MappingProxyType(
    {
        "kick": "Drums|Kick",
        "snare": "Drums|Snare",
        "clap": "Drums|Clap",
        "hihat": "Drums|Hihat",
        "crash": "Drums|Cymbal",
        "percussion": "Drums|Percussion",
    }
)
_KINDS = MappingProxyType({Kind.ONESHOT: "Type|One Shot", Kind.LOOP: "Type|Loop"})


def keywords_of(sample: Sample) -> tuple[str, ...]:
    """Give the keywords that Live would use for what was heard; none for what it has no name for."""
    heard, key = sample.recognition, sample.music.key
    found: list[str | None] = []
    if heard.label is not None and (heard.label_confidence or 0.0) >= SURE_OF_LABEL:
        found.append(_LABELS.get(heard.label) or _CATEGORIES.get(heard.category or ""))
    else:
        found.append(_CATEGORIES.get(heard.category or ""))
    found.append(_KINDS.get(heard.kind))
    if key is not None:
        found += [f"Key|{key.removesuffix('m')}", "Key|Minor" if key.endswith("m") else "Key|Major"]
    return tuple(one for one in found if one is not None)
