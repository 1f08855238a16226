"""The one sidecar of a folder: entries come and go, and what is not ours stays."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from organizer.errors import CannotWrite
from organizer.execution.writers import folder_json

KICK = '{"sound_id": "pcm:1", "label": "kick"}'
SNARE = '{"sound_id": "pcm:2", "label": "snare"}'


def test_entries_are_keyed_by_sound_and_name_their_files() -> None:
    written = folder_json.merged(None, {"K.wav": KICK, "S.wav": SNARE, "K copy.wav": KICK})
    assert json.loads(written) == {
        "organizer": 2,
        "sounds": {
            "pcm:1": {"names": ["K copy.wav", "K.wav"], "label": "kick"},
            "pcm:2": {"names": ["S.wav"], "label": "snare"},
        },
    }


def test_entries_taken_out_leave_the_file_as_it_was_and_the_last_one_leaves_none() -> None:
    first = folder_json.merged(None, {"K.wav": KICK})
    both = folder_json.merged(first, {"S.wav": SNARE, "K 2.wav": KICK})
    assert folder_json.without(both, {"S.wav": SNARE, "K 2.wav": KICK}) == first
    assert folder_json.without(first, {"K.wav": KICK}) is None


def test_a_name_that_has_another_sound_by_now_is_no_longer_said_of_the_old_one() -> None:
    first = folder_json.merged(None, {"K.wav": KICK})
    assert json.loads(folder_json.merged(first, {"K.wav": SNARE}))["sounds"].keys() == {"pcm:2"}


def test_what_is_not_ours_is_kept() -> None:
    theirs = json.dumps(
        {"organizer": 2, "note": "mine", "sounds": {"pcm:1": {"names": ["K.wav"], "stars": 5}}}
    )
    more = folder_json.merged(theirs.encode(), {"S.wav": SNARE})
    table = json.loads(more)
    assert (table["note"], table["sounds"]["pcm:1"]["stars"]) == ("mine", 5)
    left = folder_json.without(more, {"S.wav": SNARE, "K.wav": KICK})
    assert left is not None
    assert json.loads(left) == {"organizer": 2, "note": "mine", "sounds": {}}


@pytest.mark.parametrize(
    "present",
    [
        b"",
        b"[]",
        b"{",
        b'{"organizer": 1}',
        b'{"organizer": 2, "sounds": []}',
        b'{"organizer": 2, "sounds": {"a": {"names": null}}}',
        b'{"organizer": 2, "sounds": {"a": {"names": [1]}}}',
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
def test_a_file_that_is_not_of_the_form_is_refused(present: bytes) -> None:
    with pytest.raises(CannotWrite, match="not one of ours"):
        folder_json.merged(present, {"K.wav": KICK})


names = st.sampled_from(["a.wav", "b.wav", "ä.wav", "c\udcff.wav"])
entries = st.dictionaries(names, st.sampled_from([KICK, SNARE]), min_size=1)


@given(st.lists(entries, max_size=4), entries)
def test_what_was_put_in_last_can_be_taken_out_again(
    before: list[dict[str, str]], last: dict[str, str]
) -> None:
    held: bytes | None = None
    for one in before:
        held = folder_json.merged(held, one)
    after = folder_json.without(folder_json.merged(held, last), last)
    left = (
        set() if after is None else {n for one in json.loads(after)["sounds"].values() for n in one["names"]}
    )
    assert left == {name for one in before for name in one} - last.keys()
    assert held is None or folder_json.merged(held, {}) == held
