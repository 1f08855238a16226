"""The names of folders for what a sound is: those that ship, and the user's own over them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

LABEL_FOLDERS: Mapping[str, str] = {
    "kick": "Kicks",
    "snare": "Snares",
    "rim": "Snares/Rims",
    "clap": "Claps",
    "snap": "Claps/Snaps",
    "hat_closed": "Hats/Closed",
    "hat_open": "Hats/Open",
    "tom": "Toms",
    "crash": "Cymbals/Crashes",
    "ride": "Cymbals/Rides",
    "cymbal": "Cymbals",
    "hand_drum": "Percussion/Hand Drums",
    "cowbell": "Percussion/Cowbells",
    "bell": "Percussion/Bells",
    "block": "Percussion/Blocks",
    "shaker": "Percussion/Shakers",
    "tambourine": "Percussion/Tambourines",
    "perc": "Percussion",
    "bass": "Bass",
    "synth": "Synths",
    "vocal": "Vocals",
    "fx": "FX",
}
CATEGORY_FOLDERS: Mapping[str, str] = {
    "kick": "Kicks",
    "snare": "Snares",
    "clap": "Claps",
    "hihat": "Hats",
    "tom": "Toms",
    "crash": "Cymbals",
    "percussion": "Percussion",
    "bass": "Bass",
    "synth": "Synths",
    "vocal": "Vocals",
    "fx": "FX",
}


@dataclass(frozen=True, slots=True)
class Folders:
    """The user's own names for labels, and for categories where the label is in doubt."""

    labels: Mapping[str, str] = field(default_factory=lambda: LABEL_FOLDERS)
    categories: Mapping[str, str] = field(default_factory=lambda: CATEGORY_FOLDERS)

    def of(self, label: str | None, category: str | None) -> str | None:
        if label is not None:
            return self.labels[label]
        return None if category is None else self.categories[category]
