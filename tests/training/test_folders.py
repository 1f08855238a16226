"""The folders of a user's library become labels; what is in doubt is left out and counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from organizer.errors import UsageProblem
from organizer.folders import LABEL_FOLDERS
from organizer.labels import LABELS
from organizer.recognition.vocabulary import Vocabulary
from organizer.training.dataset import LOOP
from organizer.training.folders import place_of, read_library

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return Vocabulary.load()


def label(path: str, vocabulary: Vocabulary) -> str | None:
    place = place_of(path.split("/"), vocabulary)
    return place.label if place else None


@pytest.mark.parametrize("name", LABELS)
def test_the_folders_that_organizer_files_into_and_the_labels_are_known(
    name: str, vocabulary: Vocabulary
) -> None:
    assert label(name, vocabulary) == name
    assert label(f"Drums/{LABEL_FOLDERS[name]}/A Pack", vocabulary) == name


@pytest.mark.parametrize(
    ("path", "expected", "kit"),
    [
        ("Pack A/Bassdrums", "kick", "Pack A"),
        ("Pack A/Open Hats", "hat_open", "Pack A"),
        ("Drums/Kicks/Snare Heaven Vol 1", "kick", "Snare Heaven Vol 1"),
        ("Drum Loops/Shakers", LOOP, "Shakers"),
        ("Loops/Some Pack", LOOP, "Some Pack"),
        ("kick", "kick", ""),
    ],
)
def test_the_folder_known_for_certain_decides_and_the_pack_is_the_kit(
    path: str, expected: str, kit: str, vocabulary: Vocabulary
) -> None:
    place = place_of(path.split("/"), vocabulary)
    assert place is not None
    assert (place.label, place.kit) == (expected, kit)


@pytest.mark.parametrize("path", ["Stuff", "_Review/kick/A Pack", "Long/A Pack", ".hidden/Kicks", ""])
def test_doubt_teaches_nothing(path: str, vocabulary: Vocabulary) -> None:
    assert label(path, vocabulary) is None


def test_a_library_becomes_rows_and_other_folders_are_counted(tmp_path: Path) -> None:
    for name in (
        "Kicks/P/1.wav",
        "Kicks/P/2.FLAC",
        "Kicks/P/notes.txt",
        "Kicks/P/._1.wav",
        "Odd/3.wav",
        "4.wav",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    library = read_library(tmp_path)
    assert [(row.file, row.label, row.kit) for row in library.rows] == [
        ("Kicks/P/1.wav", "kick", "P"),
        ("Kicks/P/2.FLAC", "kick", "P"),
    ]
    assert all(row.path.exists() for row in library.rows)
    assert library.unplaced == {"Odd": 1, ".": 1}


def test_a_folder_without_labels_is_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()
    with pytest.raises(UsageProblem, match="no folder") as refused:
        read_library(tmp_path)
    assert "Kicks" in refused.value.hint
