"""Which labels of what is learnt from are doubtful, and what becomes of them.

Every sound is heard by an ear that learnt no label of its kit; where that ear is sure of another category,
the label is suspect (compare Northcutt et al., Confident Learning, 2021). The rule is written below and
touches only what is learnt from. Numpy alone.
"""

from __future__ import annotations

import csv
import hashlib
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from organizer.labels import CATEGORY_OF, LABELS
from organizer.training.metrics import CATEGORY_INDEX, to_categories

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from organizer.training.dataset import Row, Sounds

# The rule. Of the category that the label says, and of the one that the ear hears:
DROP_BELOW, DROP_ABOVE = 0.02, 0.90
SOFTEN_BELOW, SOFTEN_ABOVE = 0.10, 0.60
KEPT_OF_SOFTENED = 0.4  # of the label; the rest is what was heard


class Action(StrEnum):
    """What becomes of a suspect."""

    DROP = "drop"
    SOFTEN = "soften"


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """A row whose label is doubtful; `row` is its place among what is learnt from."""

    row: int
    sound: str  # hash of what was heard of it
    label: str
    heard: str  # the likeliest label of the likeliest category
    believed: float  # probability of the label's category
    confidence: float  # probability of the category that was heard
    action: Action


def folds(rows: Sequence[Row], count: int) -> NDArray[np.int64]:
    """Part kits into `count` folds of about the same size; no kit is in two. Depends on `rows` alone."""
    kits = Counter((row.source, row.kit or row.file) for row in rows)
    sizes = [0] * count
    fold_of: dict[tuple[str, str], int] = {}
    for kit, size in sorted(kits.items(), key=lambda one: (-one[1], one[0])):
        smallest = sizes.index(min(sizes))
        fold_of[kit] = smallest
        sizes[smallest] += size
    return np.array([fold_of[row.source, row.kit or row.file] for row in rows], dtype=np.int64)


def suspects(sounds: Sounds, heard: NDArray[np.float64]) -> tuple[Suspect, ...]:
    """Judge every labelled row by what was heard of it: probabilities (n, labels)."""
    categories = to_categories(heard)
    found = []
    for place, (row, wave) in enumerate(zip(sounds.rows, sounds.waves, strict=True)):
        if row.is_loop:
            continue
        category = int(categories[place].argmax())
        believed = float(categories[place, CATEGORY_INDEX[row.label_index]])
        confidence = float(categories[place, category])
        action = judge(believed, confidence)
        if action is None:
            continue
        inside = np.where(category == CATEGORY_INDEX, heard[place], -1.0)
        found.append(
            Suspect(
                row=place,
                sound=hashlib.blake2b(wave.tobytes(), digest_size=10).hexdigest(),
                label=row.label,
                heard=LABELS[int(inside.argmax())],
                believed=believed,
                confidence=confidence,
                action=action,
            )
        )
    return tuple(found)


def judge(believed: float, confidence: float) -> Action | None:
    """Apply the rule to one row; None leaves it as it is."""
    if believed < DROP_BELOW and confidence > DROP_ABOVE:
        return Action.DROP
    if believed < SOFTEN_BELOW and confidence > SOFTEN_ABOVE:
        return Action.SOFTEN
    return None


def write_suspects(found: Sequence[Suspect], path: Path) -> None:
    """Write the list: hashes, not names, since the sounds are not ours to show."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(["sound", "label", "heard", "believed", "confidence", "action", "reason"])
        for one in sorted(found, key=lambda one: (one.action, one.label, one.sound)):
            reason = (
                f"an ear that knew no label of its kit gave {CATEGORY_OF[one.label]} {one.believed:.0%} "
                f"and {CATEGORY_OF[one.heard]} {one.confidence:.0%}"
            )
            table.writerow(
                [one.sound, one.label, one.heard, f"{one.believed:.4f}", f"{one.confidence:.4f}",
                 one.action.value, reason]
            )  # fmt: skip
