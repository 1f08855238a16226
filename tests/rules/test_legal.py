from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from organizer.rules.legal import fit, fold, legal_name, numbered, split_suffix

RESERVED = {"CON", "PRN", "AUX", "NUL", *(f"COM{n}" for n in range(10)), *(f"LPT{n}" for n in range(10))}


def assert_legal_everywhere(name: str) -> None:
    assert name not in ("", ".", "..")
    assert not set(name) & set('<>:"/\\|?*')
    assert not any(unicodedata.category(letter) in ("Cc", "Cs") for letter in name)
    assert name == name.rstrip(". ")
    assert not name.startswith(".")
    assert name.split(".")[0].rstrip().upper() not in RESERVED
    assert len(name.encode()) <= 255
    assert unicodedata.is_normalized("NFC", name)


@pytest.mark.parametrize(
    ("name", "legal"),
    [
        ("Kick 01.wav", "Kick 01.wav"),
        ("  Kick (C#) [dry] 100% & é.wav", "  Kick (C#) [dry] 100% & é.wav"),
        ("Kick: hard?.wav", "Kick_ hard_.wav"),
        ("a/b\\c.wav", "a_b_c.wav"),
        ("tab\there\x7f\x85.wav", "tab_here__.wav"),
        ("Vol. 1.", "Vol. 1"),
        ("Vol. 1 . .", "Vol. 1"),
        ("..", "_"),
        (".", "_"),
        ("", "_"),
        ("   ", "_"),
        (".hidden.wav", "_.hidden.wav"),
        (".organizer-tmp", "_.organizer-tmp"),
        ("con", "_con"),
        ("CON.wav", "_CON.wav"),
        ("Nul .tar.gz", "_Nul .tar.gz"),
        ("COM¹.wav", "_COM¹.wav"),
        ("lpt9", "_lpt9"),
        ("CONGA.wav", "CONGA.wav"),
        ("COM10.wav", "COM10.wav"),
        ("Cafe\u0301.wav", "Café.wav"),
        ("broken\udcff.wav", "broken_.wav"),
    ],
)
def test_a_name_changes_only_where_it_must(name: str, legal: str) -> None:
    assert legal_name(name) == legal


@given(st.text(max_size=400))
def test_any_text_becomes_a_name_that_is_legal_everywhere(text: str) -> None:
    name = legal_name(text)
    assert_legal_everywhere(name)
    assert legal_name(name) == name


@given(st.text(st.sampled_from("aé漢🥁 ."), min_size=200, max_size=400))
def test_a_long_name_is_cut_before_its_suffix(stem: str) -> None:
    name = legal_name(stem + "x.wav")
    assert_legal_everywhere(name)
    assert name.endswith(".wav")


def test_a_name_of_exactly_the_limit_stays() -> None:
    name = "k" * 251 + ".wav"
    assert fit(name, 255) == name
    assert fit("k" + name, 255) == name


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Kick.wav", "Kick (2).wav"),
        ("Kick", "Kick (2)"),
        ("v1.2 kick.WAV", "v1.2 kick (2).WAV"),
        (".x", ".x (2)"),
    ],
)
def test_the_number_stands_before_the_suffix(name: str, expected: str) -> None:
    assert numbered(name, 2) == expected


@given(st.text(st.sampled_from("aé漢🥁"), min_size=1, max_size=300), st.integers(2, 99_999_999))
def test_a_numbered_name_still_fits(stem: str, number: int) -> None:
    name = numbered(stem + ".wav", number, 240)
    assert len(name.encode()) <= 240
    assert name.endswith(f" ({number}).wav")


@pytest.mark.parametrize(
    ("one", "other"),
    [("Kick.wav", "KICK.WAV"), ("Café", "Cafe\u0301"), ("STRASSE", "straße"), ("ǰ", "J̌"), ("K", "\u212a")],
)
def test_names_that_some_file_system_takes_for_one_fold_to_the_same(one: str, other: str) -> None:
    assert fold(one) == fold(other)


def test_different_names_fold_to_different_ones() -> None:
    assert len({fold(name) for name in ("Kick.wav", "Kick 2.wav", "Kíck.wav", "Kick.wave")}) == 4


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("Kick.wav", ("Kick", ".wav")),
        ("a.b.wav", ("a.b", ".wav")),
        (".wav", (".wav", "")),
        ("Kick.", ("Kick.", "")),
        ("Kick", ("Kick", "")),
    ],
)
def test_the_suffix_is_what_follows_the_last_dot(name: str, parts: tuple[str, str]) -> None:
    assert split_suffix(name) == parts
