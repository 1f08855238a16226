from __future__ import annotations

import pytest

from organizer.musical import key, note, tempo, tempo_in


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Am", "Am"), ("A min", "Am"), ("a minor", "Am"), ("C#", "C#"), ("Db", "C#"), ("Bbm", "A#m"),
        ("F major", "F"), ("8A", "Am"), ("8B", "C"), ("1A", "G#m"), ("1B", "B"), ("12A", "C#m"),
        ("12B", "E"), ("5A", "Cm"), ("13A", None), ("H", None), ("o", None), ("", None), ("Am 120", None),
    ],
)  # fmt: skip
def test_key_fields_are_spelt_one_way(value: str, expected: str | None) -> None:
    assert key(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [("120", 120.0), (99.5, 99.5), ("0", None), ("x", None), ("nan", None), (1e9, None)],
)
def test_tempo_is_one_that_music_has(value: str | float, expected: float | None) -> None:
    assert tempo(value) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("128bpm", 128.0), ("bpm_90", 90.0), ("92.5 BPM", 92.5), ("12 bpm", None), ("1280bpm", None)],
)
def test_tempo_in_a_text_is_called_one(text: str, expected: float | None) -> None:
    assert tempo_in(text) == expected


def test_notes_have_names_without_octaves() -> None:
    assert [note(number) for number in (0, 57, 60, 61)] == ["C", "A", "C", "C#"]
