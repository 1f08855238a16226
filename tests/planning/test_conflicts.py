from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import pytest

from organizer.planning.conflicts import Claims, InTheWay, Snapshot

if TYPE_CHECKING:
    from collections.abc import Mapping

LIBRARY = Path("/music/Library")


def names_in(tree: Mapping[str, object], root: Path = LIBRARY) -> object:
    """List a folder of a tree of nested dicts; a file is None."""

    def listing(path: Path) -> list[str] | None:
        if not path.is_relative_to(root):
            return None
        place: object = tree
        for part in path.relative_to(root).parts:
            place = place.get(part) if isinstance(place, dict) else None
        return list(place) if isinstance(place, dict) else None

    return listing


def claims(**folders: list[str]) -> Claims:
    """Make claims on a library with these folders, `_` for the library itself and `__` for a slash."""
    known = {
        LIBRARY if name == "_" else LIBRARY / name.replace("__", "/"): frozenset(names)
        for name, names in folders.items()
    }
    return Claims(Snapshot({LIBRARY: frozenset(), **known}), LIBRARY)


def test_a_snapshot_sees_the_folders_on_the_way_and_other_spellings() -> None:
    listed: list[Path] = []
    tree = {"drums": {"Kicks": {"a.wav": None}, "snares": None}, "x.wav": None}
    listing = names_in(tree)
    assert callable(listing)

    def noting(path: Path) -> list[str] | None:
        listed.append(path)
        found: list[str] | None = listing(path)
        return found

    snapshot = Snapshot.seen(
        [LIBRARY / "Drums/Kicks", LIBRARY / "Drums/Snares/A", LIBRARY / "Loops/A", LIBRARY / "x.wav"],
        library=LIBRARY,
        names_in=noting,
    )
    assert snapshot.folders == {
        LIBRARY: frozenset({"drums", "x.wav"}),
        LIBRARY / "drums": frozenset({"Kicks", "snares"}),
        LIBRARY / "drums/Kicks": frozenset({"a.wav"}),
    }
    assert len(listed) == len(set(listed))


def test_a_snapshot_of_a_library_that_is_not_there_is_empty() -> None:
    assert Snapshot.seen([LIBRARY / "a"], library=LIBRARY, names_in=lambda _: None).folders == {}


def test_a_folder_outside_the_library_is_seen_by_itself() -> None:
    inbox = Path("/music/Inbox/Pack")
    snapshot = Snapshot.seen(
        [inbox], library=LIBRARY, names_in=lambda path: ["a"] if path in (inbox, LIBRARY) else None
    )
    assert snapshot.folders == {LIBRARY: frozenset({"a"}), inbox: frozenset({"a"})}


def test_missing_folders_are_made_parents_first_and_none_twice() -> None:
    names = claims(_=["Drums"], Drums=[])
    assert names.folder(PurePosixPath("Drums/Kicks/A")) == LIBRARY / "Drums/Kicks/A"
    assert names.folder(PurePosixPath("Drums/Kicks/B")) == LIBRARY / "Drums/Kicks/B"
    assert names.folder(PurePosixPath("drums/KICKS/a")) == LIBRARY / "Drums/Kicks/A"
    assert names.folder(PurePosixPath()) == LIBRARY
    assert names.made == (
        LIBRARY / "Drums/Kicks",
        LIBRARY / "Drums/Kicks/A",
        LIBRARY / "Drums/Kicks/B",
    )


def test_the_exact_spelling_comes_before_another() -> None:
    names = claims(_=["drums", "Drums"], Drums=[], drums=[])
    assert names.folder(PurePosixPath("Drums")) == LIBRARY / "Drums"
    assert names.folder(PurePosixPath("DRUMS")) == LIBRARY / "Drums"


def test_a_file_where_a_folder_is_needed_is_in_the_way() -> None:
    names = claims(_=["Drums"], Drums=["Kicks"])
    with pytest.raises(InTheWay) as caught:
        names.folder(PurePosixPath("Drums/kicks/A"))
    assert str(caught.value) == '"Drums/Kicks" in the library is no folder'
    assert names.made == ()


def test_a_claimed_file_is_in_the_way_of_a_folder_and_the_other_way_round() -> None:
    names = claims()
    assert names.name(LIBRARY, "A") == "A"
    with pytest.raises(InTheWay):
        names.folder(PurePosixPath("a/b"))
    names.folder(PurePosixPath("B/c"))
    assert names.name(LIBRARY, "b") == "b (2)"


@pytest.mark.parametrize(
    ("there", "name"),
    [
        ([], "Kick.wav"),
        (["Kick.wav"], "Kick (2).wav"),
        (["KICK.WAV", "kick (2).wav"], "Kick (3).wav"),
        (["Kick (2).wav"], "Kick.wav"),
        (["Kick.wav.asd"], "Kick (2).wav"),
        (["Kick.wav", "Kick (2).wav.asd"], "Kick (3).wav"),
    ],
)
def test_a_name_and_its_tails_are_numbered_together(there: list[str], name: str) -> None:
    assert claims(_=there).name(LIBRARY, "Kick.wav", tails=[".asd"]) == name


def test_claims_of_one_plan_see_each_other_whatever_the_form_of_the_letters() -> None:
    names = claims()
    assert names.name(LIBRARY, "Café.wav") == "Café.wav"
    assert names.name(LIBRARY, "CAFE\u0301.wav") == "CAFE\u0301 (2).wav"
    assert names.name(LIBRARY, "café.wav", may_number=False) is None
    assert names.name(LIBRARY, "Café (2).wav") == "Café (2) (2).wav"


@pytest.mark.parametrize(
    ("there", "own", "wanted", "name"),
    [
        (["Kick.wav"], "Kick.wav", "Kick.wav", "Kick.wav"),
        (["kick.wav"], "kick.wav", "Kick.wav", "Kick.wav"),
        (["Kick.wav", "kick.wav"], "kick.wav", "Kick.wav", "Kick (2).wav"),
        (["Kick.wav", "Kick (5).wav"], "Kick (5).wav", "Kick.wav", "Kick (5).wav"),
        (["Kick.wav", "kick (5).wav"], "kick (5).wav", "Kick.wav", "Kick (5).wav"),
        (["Kick (5).wav"], "Kick (5).wav", "Kick.wav", "Kick (5).wav"),
        (["Kick.wav", "Snare (5).wav"], "Snare (5).wav", "Kick.wav", "Kick (2).wav"),
    ],
)
def test_a_file_s_own_name_is_free_for_it(there: list[str], own: str, wanted: str, name: str) -> None:
    assert claims(_=there).name(LIBRARY, wanted, own=[LIBRARY / own]) == name


def test_a_file_s_own_name_is_not_free_in_another_folder() -> None:
    assert (
        claims(_=["Kick.wav"]).name(LIBRARY, "Kick.wav", own=[Path("/music/Inbox/Kick.wav")])
        == "Kick (2).wav"
    )


def test_a_long_name_leaves_room_for_its_longest_tail() -> None:
    names = claims()
    tails = [".asd", ".organizer.json"]
    for _ in range(12):
        name = names.name(LIBRARY, "é" * 120 + ".wav", tails=tails)
        assert name is not None
        assert len((name + tails[1]).encode()) <= 255
        assert name.endswith(".wav")


def test_ten_thousand_of_one_name_are_quickly_numbered() -> None:
    names = claims()
    found = {names.name(LIBRARY, "Kick.wav") for _ in range(10_000)}
    assert len(found) == 10_000
    assert "Kick (10000).wav" in found
