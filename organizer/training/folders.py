"""A user's own library as labelled sounds: the names of its folders are the labels.

Names are taken as Organizer files (`Hats/Closed`, `Snares/Rims`), as labels (`hat_closed`), or as people
call sounds, where their words leave little doubt. What is below no such folder is not learnt from.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from organizer.errors import UsageProblem
from organizer.folders import LABEL_FOLDERS
from organizer.labels import LABELS
from organizer.pack import AUDIO_SUFFIXES
from organizer.recognition.names import kind_in, labels_in
from organizer.recognition.vocabulary import Vocabulary
from organizer.sample import Kind
from organizer.training.dataset import LOOP, Row, content_in

if TYPE_CHECKING:
    from collections.abc import Sequence

SURE_OF_WORDS = 0.8  # of one label, or of a loop
# Folders that Organizer files by doubt, by length or by pack begin so; so do hidden ones.
NOT_LEARNT = ("_", ".", "long")


@dataclass(frozen=True, slots=True)
class Library:
    """Rows of the sounds whose folder says what they are; how many lie in each other folder."""

    rows: tuple[Row, ...]
    unplaced: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Place:
    """What lies in a folder, and the pack that it came in as far as the path says."""

    label: str
    kit: str


def read_library(root: Path) -> Library:
    """Take every sound below `root` with the label that its folders give it.

    Raises
    ------
    UsageProblem
        If no folder gives a label.
    """
    vocabulary = Vocabulary.load()
    places: dict[PurePosixPath, Place | None] = {}
    rows: list[Row] = []
    unplaced: dict[str, int] = {}
    for path in _sounds_below(root):
        file = PurePosixPath(path.relative_to(root).as_posix())
        folder = file.parent
        if folder not in places:
            places[folder] = place_of(folder.parts, vocabulary)
        place = places[folder]
        if place is None:
            unplaced[str(folder)] = unplaced.get(str(folder), 0) + 1
        else:
            content = content_in(str(file)) if place.label == LOOP else ""
            rows.append(
                Row(
                    path=path,
                    file=str(file),
                    label=place.label,
                    kit=place.kit,
                    orig_path=str(file),
                    content=content,
                )
            )
    if not rows:
        raise UsageProblem(
            "no folder here is named for a sound",
            path=root,
            hint=f"name folders as Organizer does, such as Kicks, or by label: {', '.join(LABELS)}, {LOOP}",
        )
    return Library(tuple(rows), unplaced)


def place_of(folders: Sequence[str], vocabulary: Vocabulary) -> Place | None:
    """Say what a path of folders makes of the sounds in it.

    The innermost folder with a name that is known for certain decides; words come after those, since a
    pack within `Kicks` may be called `Snare Heaven`. A folder of loops makes all below it loops.
    """
    if any(folder.casefold().startswith(NOT_LEARNT) for folder in folders):
        return None
    deepest_first = range(len(folders), 0, -1)
    for depth in deepest_first:
        if _is_loop(folders[depth - 1], vocabulary):
            return Place(LOOP, _kit(folders, depth))
    for said in (_known, lambda parts: _by_words(parts[-1], vocabulary)):
        for depth in deepest_first:
            if (label := said(folders[:depth])) is not None:
                return Place(label, _kit(folders, depth))
    return None


def _kit(folders: Sequence[str], depth: int) -> str:
    """Name the pack: the folder below the one that says the label, or else the one above it."""
    if len(folders) > depth:
        return folders[depth]
    return folders[depth - 2] if depth > 1 else ""


def _sounds_below(root: Path) -> list[Path]:
    return sorted(
        Path(folder) / name
        for folder, _, names in os.walk(root)
        for name in names
        if Path(name).suffix.lower() in AUDIO_SUFFIXES and not name.startswith(".")
    )


def _known(folders: Sequence[str]) -> str | None:
    """Look up the last of `folders`, with the one above it where there is one, or alone."""
    last, known = _plain(folders[-1]), _known_folders()
    pair = f"{_plain(folders[-2])}/{last}" if len(folders) > 1 else last
    return known.get(pair) or known.get(last)


def _by_words(folder: str, vocabulary: Vocabulary) -> str | None:
    words = labels_in(folder, vocabulary)
    likeliest = max(words, key=words.__getitem__, default=None)
    return likeliest if likeliest is not None and words[likeliest] >= SURE_OF_WORDS else None


def _known_folders() -> dict[str, str]:
    """Folder names as shipped, with the folder above where there is one, and labels; all made plain."""
    shipped = {
        "/".join(_plain(part) for part in folder.split("/")): label for label, folder in LABEL_FOLDERS.items()
    }
    return {**{_plain(label): label for label in LABELS}, **shipped}


def _is_loop(folder: str, vocabulary: Vocabulary) -> bool:
    kind = kind_in(folder, vocabulary)
    return _plain(folder) == LOOP or (kind is not None and kind[0] == Kind.LOOP and kind[1] >= SURE_OF_WORDS)


def _plain(name: str) -> str:
    """Drop case, punctuation and the plural: `Hand Drums` and `hand_drum` are one."""
    return re.sub(r"[^a-z0-9]", "", name.casefold()).removesuffix("s")
