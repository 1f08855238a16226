"""Patches give back the earlier bytes exactly, and stay small where tags were written."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from organizer.errors import CannotWrite
from organizer.execution.writers import patch

if TYPE_CHECKING:
    from pathlib import Path

NOISE = random.Random(7).randbytes(3_000_000)
TAGS = random.Random(8).randbytes(1_100)


def back(new: bytes, made: bytes) -> bytes:
    return b"".join(patch.pieces(new, made))


@pytest.mark.parametrize(
    ("old", "new", "largest"),
    [
        (NOISE, b"RIFF1234" + NOISE[8:] + TAGS, 100),
        (NOISE, TAGS + NOISE, 60),
        (NOISE, NOISE[:40] + TAGS + NOISE[400:], 500),
        (NOISE + TAGS[:128], TAGS + NOISE, 250),
        (bytes(3_000_000), b"RIFF" + bytes(3_000_000) + TAGS, 100),
        (NOISE, b"", 3_000_200),
        (b"", NOISE, 60),
    ],
    ids=["wav", "mp3", "flac", "tail gone", "silence", "emptied", "filled"],
)
def test_a_patch_of_tags_is_small_and_exact(old: bytes, new: bytes, largest: int) -> None:
    made = patch.make(old, new)
    assert back(new, made) == old
    assert len(made) <= largest


def test_pages_that_were_numbered_anew_cost_a_few_bytes_each() -> None:
    renumbered = bytearray(NOISE)
    for start in range(0, len(renumbered), 4_096):
        renumbered[start + 18 : start + 26] = TAGS[:8]
    new = bytes(renumbered[:300]) + TAGS + bytes(renumbered[350:])
    made = patch.make(NOISE, new)
    assert back(new, made) == NOISE
    assert len(made) < 20 * len(NOISE) // 4_096


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 80), st.binary(max_size=50)), max_size=6))
def test_any_edits_are_taken_back(edits: list[tuple[int, int, bytes]]) -> None:
    old = NOISE[:300] + bytes(100) + NOISE[300:500]
    new = old
    for at, cut, inserted in edits:
        new = new[:at] + inserted + new[at + cut :]
    assert back(new, patch.make(old, new)) == old
    assert back(old, patch.make(new, old)) == new


def test_files_are_patched_through_the_disk(tmp_path: Path) -> None:
    old, new, temp = tmp_path / "old", tmp_path / "new", tmp_path / "temp"
    old.write_bytes(NOISE)
    new.write_bytes(NOISE[:1000] + TAGS + NOISE[1000:])
    patch.write_restored(temp, new=new, patch=patch.between(old=old, new=new))
    assert temp.read_bytes() == NOISE


@pytest.mark.parametrize("damaged", [b"", b"OP1", b"OP1rubbish", b"other"])
def test_a_damaged_patch_is_refused(damaged: bytes) -> None:
    with pytest.raises(CannotWrite, match="damaged"):
        back(NOISE, damaged)


def test_a_file_beyond_the_limit_is_refused(tmp_path: Path) -> None:
    patch.check_size(tmp_path / "a.wav", patch.LARGEST)
    with pytest.raises(CannotWrite, match="too large to be tagged \\(300 MB, the limit is 256 MB\\)"):
        patch.check_size(tmp_path / "a.wav", 300 << 20)
