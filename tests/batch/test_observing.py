"""What a user moves in the library is followed by the index; what else differs is told."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from organizer.batch.observing import Observing
from organizer.errors import FileProblem
from organizer.execution.filesystem import Filesystem
from organizer.execution.locks import execution_lock
from organizer.sample import Stamp
from organizer.stopping import Stopped

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from organizer.batch.observing import Seen
    from tests.desk import Desk

    Make = Callable[..., Path]


@pytest.fixture
def library(desk: Desk, make_pack: Make) -> Path:
    """A library of three sounds, each of which was heard."""
    (desk.home.rules / "default.toml").write_text(
        'version = 1\n[[rule]]\nname = "All"\nthen = [{ move = "All/{pack}/{name}" }]\n'
    )
    names = ("Kicks/VEH1 Bassdrum 001.wav", "Snares/SN_tight.wav", "Snares/clp 01.wav")
    make_pack(desk.inbox / "Kit", {name: name.rpartition("/")[2] for name in names})
    desk.file()
    return desk.library


def look(desk: Desk) -> Seen:
    *_, last = desk.parts.observing.look(desk.library)
    assert last.whole
    return last


def told(seen: Seen) -> tuple[int, int, int, int, int]:
    return seen.sounds, seen.unknown, seen.missing, seen.changed, len(seen.moved)


def test_a_library_as_it_was_left_has_no_news(desk: Desk, library: Path) -> None:
    (library / "notes.txt").write_text("no sound")
    assert told(look(desk)) == (3, 0, 0, 0, 0)


def test_what_was_renamed_or_put_elsewhere_is_found_by_its_inode(desk: Desk, library: Path) -> None:
    kit = library / "All/Kit"
    (library / "Mine").mkdir()
    kick, snare = kit / "VEH1 Bassdrum 001.wav", kit / "SN_tight.wav"
    kick.rename(library / "Mine/Boom.wav")
    snare.rename(kit / "Tight.wav")
    seen = look(desk)
    assert told(seen) == (3, 0, 0, 0, 2)
    assert dict(seen.moved) == {kick: library / "Mine/Boom.wav", snare: kit / "Tight.wav"}
    index = desk.parts.index
    entry = index.get(library / "Mine/Boom.wav")
    assert entry is not None
    assert (entry.origin.name, index.get(kick)) == (kick.name, None)
    assert told(look(desk)) == (3, 0, 0, 0, 0)


def test_what_came_back_from_a_copy_is_found_by_its_bytes(desk: Desk, library: Path) -> None:
    kick = library / "All/Kit/VEH1 Bassdrum 001.wav"
    shutil.copyfile(kick, library / "Copy.wav")
    kick.unlink()
    seen = look(desk)
    assert seen.moved == [(kick, library / "Copy.wav")]
    assert desk.parts.index.get(library / "Copy.wav") is not None


def test_missing_new_and_changed_sounds_are_counted(desk: Desk, library: Path, make_pack: Make) -> None:
    kit = library / "All/Kit"
    (kit / "SN_tight.wav").unlink()
    make_pack(library / "Bought", {"Perc/TomLo.wav": "Tom.wav"})
    with (kit / "clp 01.wav").open("ab") as file:
        file.write(b"more")
    os.utime(kit / "VEH1 Bassdrum 001.wav")  # the same bytes: no news
    assert told(look(desk)) == (3, 1, 1, 1, 0)
    assert told(look(desk)) == (3, 1, 1, 1, 0)


def test_while_somebody_changes_files_nothing_counts_as_moved_by_hand(desk: Desk, library: Path) -> None:
    kick = library / "All/Kit/VEH1 Bassdrum 001.wav"
    kick.rename(library / "Boom.wav")
    with execution_lock(desk.home.state, wait=0.0, what="undo"):
        assert told(look(desk)) == (3, 1, 1, 0, 0)
        assert desk.parts.observing.glance([library / "Boom.wav"]) is None
    assert desk.parts.observing.glance([library / "Boom.wav"]) == [(kick, library / "Boom.wav")]
    assert told(look(desk)) == (3, 0, 0, 0, 0)


def test_a_glance_passes_over_what_is_known_new_no_sound_or_gone(
    desk: Desk, library: Path, make_pack: Make
) -> None:
    make_pack(library / "Bought", {"Perc/TomLo.wav": "Tom.wav"})
    (library / "notes.txt").write_text("no sound")
    touched = [
        library / "All/Kit/VEH1 Bassdrum 001.wav",
        library / "Bought/Tom.wav",
        library / "notes.txt",
        library / "gone.wav",
    ]
    assert desk.parts.observing.glance(touched) == []


def test_a_second_name_is_no_move(desk: Desk, library: Path) -> None:
    kick = library / "All/Kit/VEH1 Bassdrum 001.wav"
    os.link(kick, library / "Second.wav")
    assert desk.parts.observing.glance([library / "Second.wav"]) == []
    assert told(look(desk)) == (4, 1, 0, 0, 0)
    assert desk.parts.index.get(kick) is not None


def test_what_cannot_be_read_is_passed_over(desk: Desk, library: Path) -> None:
    os.utime(library / "All/Kit/clp 01.wav")

    class Closed(Filesystem):
        def content_hash(self, path: Path) -> str:
            raise FileProblem("it is closed to us", path=path)

    observing = Observing(desk.parts.index, Closed(), state=desk.home.state)
    *_, seen = observing.look(library)
    assert told(seen) == (3, 0, 0, 0, 0)


def test_it_stops_while_a_file_is_read(desk: Desk, library: Path) -> None:
    with (library / "All/Kit/clp 01.wav").open("ab") as file:
        file.truncate(8 << 20)
    with pytest.raises(Stopped):
        list(desk.parts.observing.look(library, stop=lambda: True))


def test_undoing_after_a_move_by_hand_brings_back_from_there(desk: Desk, library: Path) -> None:
    kick = library / "All/Kit/VEH1 Bassdrum 001.wav"
    kick.rename(library / "Boom.wav")
    look(desk)
    desk.undo()
    assert (desk.inbox / "Kit" / kick.name).exists()
    assert not (library / "Boom.wav").exists()


def test_another_sound_on_the_inode_of_one_that_is_gone_is_not_it(desk: Desk, library: Path) -> None:
    """A number that is free goes to the next file, and the files of a pack may have one time and one size."""
    kick = library / "All/Kit/VEH1 Bassdrum 001.wav"
    entry = desk.parts.index.get(kick)
    assert entry is not None
    content = bytearray(kick.read_bytes())
    content[-200:] = bytes(200)
    kick.unlink()
    other = library / "Bought" / "Other.wav"
    other.parent.mkdir()
    other.write_bytes(content)
    os.utime(other, ns=(entry.stamp.mtime_ns, entry.stamp.mtime_ns))
    used_again = replace(entry, stamp=Stamp.of(other.lstat()))
    desk.parts.index.put([used_again])
    assert desk.parts.observing.glance([other]) == []
    assert told(look(desk)) == (3, 1, 1, 0, 0)
    assert desk.parts.index.get(other) is None
