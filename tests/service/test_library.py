"""When a library is looked through, on the real kernel and with a real index."""

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING

import pytest

from organizer.execution.locks import execution_lock
from organizer.service.library import LibraryWatch, most_watched
from organizer.service.observers import LimitReached, watch_by_events
from tests.service.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from organizer.service.observers import Touched, Watcher
    from tests.desk import Desk

    Make = Callable[..., Path]


class Place:
    """One library with one sound in it that was heard, and a clock that stands still."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.now = 0.0
        self.away = False
        self.made: list[LibraryWatch] = []

    def watch(
        self,
        *,
        may_watch: bool = True,
        first_seconds: float = 0.0,
        by_events: Callable[[Path, Touched], Watcher] = watch_by_events,
        most_folders: Callable[[], int] | None = None,
    ) -> LibraryWatch:
        made = LibraryWatch(
            self.desk.library,
            self.desk.parts.observing,
            is_away=lambda _: self.away,
            may_watch=may_watch,
            scan_seconds=3600.0,
            first_seconds=first_seconds,
            clock=lambda: self.now,
            wall=time.time,
            by_events=by_events,
            most_folders=most_folders,
        )
        self.made.append(made)
        return made


def to_the_end(watch: LibraryWatch) -> None:
    """Do what is to be done now."""
    while watch.step():
        pass


@pytest.fixture
def place(desk: Desk, make_pack: Make) -> Iterator[Place]:
    rule = 'version = 1\n[[rule]]\nname = "All"\nthen = [{ move = "All/{name}" }]\n'
    (desk.home.rules / "default.toml").write_text(rule)
    make_pack(desk.inbox / "Kit", {"Kicks/VEH1 Bassdrum 001.wav": "Kick.wav"})
    desk.file()
    one = Place(desk)
    yield one
    for watch in one.made:
        watch.stop()


def test_a_library_is_watched_and_what_is_dragged_in_it_followed_at_once(place: Place) -> None:
    library, watch = place.desk.library, place.watch()
    to_the_end(watch)
    assert (watch.report.watched, watch.report.missing, watch.report.unknown) == (True, 0, 0)
    assert watch.report.looked_at is not None
    (library / "Mine").mkdir()
    (library / "All/Kick.wav").rename(library / "Mine/Boom.wav")

    def followed(path: Path) -> bool:
        watch.step()
        return place.desk.parts.index.get(path) is not None

    wait_until(lambda: followed(library / "Mine/Boom.wav"), "a file that was dragged is followed")
    (library / "Mine").rename(library / "Ours")
    wait_until(lambda: followed(library / "Ours/Boom.wav"), "a folder that was renamed is followed")
    assert watch.report.moved == 2


def test_while_a_command_is_at_work_what_was_touched_waits(place: Place) -> None:
    library, watch = place.desk.library, place.watch()
    to_the_end(watch)
    (library / "All/Kick.wav").rename(library / "Boom.wav")
    with execution_lock(place.desk.home.state, wait=0.0, what="undo"):
        end = time.monotonic() + 0.5
        while time.monotonic() < end:
            watch.step()
        assert watch.report.moved == 0
    wait_until(lambda: watch.step() or watch.report.moved == 1, "it is followed afterwards")
    assert place.desk.parts.index.get(library / "Boom.wav") is not None


def test_a_look_comes_when_it_is_due(place: Place) -> None:
    watch = place.watch(may_watch=False, first_seconds=60.0)
    (place.desk.library / "All/Kick.wav").rename(place.desk.library / "Boom.wav")
    to_the_end(watch)
    assert (watch.report.looked_at, watch.report.moved) == (None, 0)
    place.now = 60.0
    to_the_end(watch)
    assert (watch.report.watched, watch.report.moved) == (False, 1)
    (place.desk.library / "Boom.wav").unlink()
    place.now = 3600.0
    to_the_end(watch)
    assert watch.report.missing == 0
    place.now = 3660.0
    to_the_end(watch)
    assert watch.report.missing == 1


@pytest.mark.parametrize("why", ["many folders", "a limit", "no leave"])
def test_a_library_that_cannot_be_watched_is_looked_through_all_the_same(place: Place, why: str) -> None:
    def refuse(folder: Path, _touched: Touched) -> Watcher:
        raise LimitReached("no room", path=folder)

    watch = {
        "many folders": lambda: place.watch(most_folders=lambda: 1),
        "a limit": lambda: place.watch(by_events=refuse),
        "no leave": lambda: place.watch(may_watch=False),
    }[why]()
    (place.desk.library / "All/Kick.wav").rename(place.desk.library / "Boom.wav")
    to_the_end(watch)
    assert (watch.report.watched, watch.report.moved) == (False, 1)


def test_what_is_on_a_disk_that_is_away_is_not_missing(place: Place) -> None:
    library, watch = place.desk.library, place.watch()
    to_the_end(watch)
    place.away = True
    place.now = 60.0
    to_the_end(watch)
    assert not watch.report.watched
    aside = library.rename(library.with_name("Aside"))
    place.now = 10_000.0
    to_the_end(watch)
    assert watch.report.missing == 0
    aside.rename(library)
    (library / "All/Kick.wav").rename(library / "Boom.wav")
    place.away = False
    place.now = 10_060.0
    to_the_end(watch)
    assert (watch.report.watched, watch.report.moved, watch.report.missing) == (True, 1, 0)


def test_a_disk_that_is_taken_out_in_the_middle_loses_nothing(place: Place) -> None:
    library, watch = place.desk.library, place.watch(may_watch=False)
    assert watch.step()
    shutil.rmtree(library)
    to_the_end(watch)
    assert (watch.report.looked_at, watch.report.missing) == (None, 0)


def test_as_many_folders_are_watched_as_leave_room_for_others(tmp_path: Path) -> None:
    limit = tmp_path / "max_user_watches"
    limit.write_text("8192\n")
    assert most_watched(limit) == 2048
    limit.write_text("1000000\n")
    assert most_watched(limit) == most_watched(tmp_path / "none") == 20_000
