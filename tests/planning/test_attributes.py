"""Tags of file managers, as bytes."""

from __future__ import annotations

import plistlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from organizer.planning.attributes import FINDER, XDG, decoded, joined, name_for


def test_the_attribute_is_the_one_of_the_platform() -> None:
    assert (name_for("linux"), name_for("darwin")) == (XDG, FINDER)


@pytest.mark.parametrize(
    ("present", "tags", "after"),
    [
        (None, ["kick", "one-shot"], b"kick,one-shot"),
        (b"mine", ["kick"], b"mine,kick"),
        (b"mine,Kick", ["kick", "mine"], b"mine,Kick"),
        (b"Gr\xf6\xdfe", ["kick"], b"Gr\xf6\xdfe,kick"),  # not UTF-8, and kept
        (None, ["a,b", " c  d ", "", "a b"], b"a b,c d"),
    ],
)
def test_tags_of_linux_have_commas_between_them(present: bytes | None, tags: list[str], after: bytes) -> None:
    assert joined(XDG, present, tags) == after


def test_tags_of_finder_are_a_property_list_and_keep_their_colours() -> None:
    present = plistlib.dumps(["Mine\n6", "Kick\n0"], fmt=plistlib.FMT_BINARY)
    after = joined(FINDER, present, ["kick", "one-shot"])
    assert plistlib.loads(after) == ["Mine\n6", "Kick\n0", "one-shot"]
    assert decoded(FINDER, after) == "Mine, Kick, one-shot"
    assert after.startswith(b"bplist00")


@given(st.binary(max_size=64), st.lists(st.text(max_size=8), max_size=4), st.sampled_from([XDG, FINDER]))
def test_whatever_is_there_tags_can_be_added_once(present: bytes, tags: list[str], name: str) -> None:
    after = joined(name, present, tags)
    assert joined(name, after, tags) == after
    assert isinstance(decoded(name, after), str)
