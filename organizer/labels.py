"""The labels that the ear can give, and the categories that they belong to."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# Fine label -> category, in the order of the model's output.
CATEGORY_OF: Mapping[str, str] = MappingProxyType(
    {
        "kick": "kick",
        "snare": "snare",
        "rim": "snare",
        "clap": "clap",
        "snap": "clap",
        "hat_closed": "hihat",
        "hat_open": "hihat",
        "tom": "tom",
        "crash": "crash",
        "ride": "crash",
        "cymbal": "crash",
        "hand_drum": "percussion",
        "cowbell": "percussion",
        "bell": "percussion",
        "block": "percussion",
        "shaker": "percussion",
        "tambourine": "percussion",
        "perc": "percussion",
        "bass": "bass",
        "synth": "synth",
        "vocal": "vocal",
        "fx": "fx",
    }
)

LABELS: tuple[str, ...] = tuple(CATEGORY_OF)
CATEGORIES: tuple[str, ...] = tuple(dict.fromkeys(CATEGORY_OF.values()))
DRUM_CATEGORIES: tuple[str, ...] = CATEGORIES[:7]
# What a loop is made of, in the order of the model's output.
CONTENTS: tuple[str, ...] = ("drums", "percussion", "melodic", "bass", "vocal", "fx")

# Below this probability of the fine label, `{label}` and `{folder}` fall back to the category.
SURE_OF_LABEL = 0.6


def category_probabilities(labels: Mapping[str, float]) -> dict[str, float]:
    """Sum label probabilities into their categories, in the order of `CATEGORIES`."""
    sums = dict.fromkeys(CATEGORIES, 0.0)
    for label, probability in labels.items():
        sums[CATEGORY_OF[label]] += probability
    return sums
