"""One inbox with a watch that hears nothing unless a test touches something."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from organizer.config import Inbox
from organizer.service.intake import MOST_SETTLING, Intake
from organizer.service.watch import Watch
from organizer.stopping import until

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable
    from pathlib import Path

    from organizer.service.observers import Touched
    from organizer.stopping import Stop


class Deaf:
    """A watcher that hears only what it is told to hear."""

    def __init__(self, touched: Touched) -> None:
        self.touched = touched
        self.lost = False

    def alive(self) -> bool:
        return True

    def lost_some(self) -> bool:
        lost, self.lost = self.lost, False
        return lost

    def limit(self) -> str:
        return ""

    def folders(self) -> int | None:
        return 1

    def stop(self) -> None:
        return


class Place:
    def __init__(self, root: Path, *, most: int = MOST_SETTLING) -> None:
        self.root = root
        self.kept: set[str] = set()  # names that are not wanted
        self.stopped_after = 1_000_000
        self.watchers: list[Deaf] = []
        self.watch = Watch(root, ring=lambda: None, by_events=self._by_events)
        self.intake = Intake(
            Inbox(path=str(root)),
            self.watch,
            wanted=self._wanted,
            settle_seconds=3.0,
            stop=self._stop,
            most=most,
        )

    def put(self, name: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"sound")
        return path

    def ready(self, since: float) -> list[tuple[str | None, set[str]]]:
        found = []
        for now in (since + 3.0, since + 6.0):
            while (batch := self.intake.next_ready(now)) is not None:
                found.append((batch.pack, {path.name for path in batch.paths}))
        return found

    def _by_events(self, _folder: Path, touched: Touched) -> Deaf:
        self.watchers.append(Deaf(touched))
        return self.watchers[-1]

    def _wanted(self, _root: Path, found: Iterable[tuple[Path, os.stat_result]], *, stop: Stop) -> list[Path]:
        return [path for path, _ in until(stop, found) if path.name not in self.kept]

    def _stop(self) -> bool:
        self.stopped_after -= 1
        return self.stopped_after < 0


@pytest.fixture
def place(tmp_path: Path) -> Place:
    root = tmp_path / "inbox"
    root.mkdir()
    one = Place(root)
    assert one.intake.renew()
    return one


def test_a_scan_offers_what_is_wanted(place: Place) -> None:
    place.kept = {"Held.wav"}
    for name in ("Pack/Kick.wav", "Pack/Held.wav", "Loose.wav"):
        place.put(name)
    place.intake.scan(0.0)
    assert len(place.intake) == 2
    assert sorted(place.ready(0.0), key=str) == [("Pack", {"Kick.wav"}), (None, {"Loose.wav"})]


def test_a_scan_of_one_folder_leaves_out_what_was_just_filed(place: Place) -> None:
    filed = place.put("Pack/Left.wav")
    place.put("Pack/Unheard.wav")
    place.put("Other/Kick.wav")
    place.intake.scan(0.0, folder=place.root / "Pack", besides=[filed])
    assert place.ready(0.0) == [("Pack", {"Unheard.wav"})]


def test_a_touched_folder_is_scanned_and_a_touched_file_settles(place: Place) -> None:
    place.put("Pack/Deep/Kick.wav")
    place.put("Pack/__MACOSX/Kick.wav")
    loose = place.put("Loose.wav")
    touched = place.watchers[0].touched
    touched(str(place.root / "Pack"), folder=True)
    touched(str(place.root / "Pack/Deep"), folder=True)
    touched(str(place.root / "Pack/__MACOSX"), folder=True)
    touched(str(loose), folder=False)
    assert not place.intake.drain(0.0)
    assert sorted(place.ready(0.0), key=str) == [("Pack", {"Kick.wav"}), (None, {"Loose.wav"})]


def test_a_link_that_takes_a_folders_place_is_not_followed(place: Place, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/Secret.wav").write_bytes(b"sound")
    (place.root / "Pack").symlink_to(tmp_path / "outside")
    place.watchers[0].touched(str(place.root / "Pack"), folder=True)
    place.intake.drain(0.0)
    assert len(place.intake) == 0


def test_lost_events_ask_for_a_scan(place: Place) -> None:
    assert not place.intake.renew()
    place.watchers[0].lost = True
    assert place.intake.renew()


def test_what_settled_in_an_inbox_that_vanished_is_forgotten(place: Place) -> None:
    place.put("Loose.wav")
    place.intake.scan(0.0)
    place.root.rename(place.root.with_name("aside"))
    assert not place.intake.renew()
    assert len(place.intake) == 0
    assert place.intake.next_due() is None


def test_a_scan_ends_when_the_service_is_to_stop(place: Place) -> None:
    for number in range(100):
        place.put(f"Pack/{number}.wav")
    place.stopped_after = 10
    place.intake.scan(0.0)
    assert len(place.intake) == 0
    assert place.stopped_after == -1


def test_what_could_not_be_read_is_reported_until_a_scan_can_read_it(place: Place) -> None:
    place.root.rename(place.root.with_name("aside"))
    place.intake.scan(0.0)
    assert place.intake.report().unreadable == [f"{place.root}: No such file or directory"]
    place.root.with_name("aside").rename(place.root)
    place.intake.scan(1.0)
    assert place.intake.report().unreadable == []


def test_a_retry_settles_like_anything_else(place: Place) -> None:
    kick = place.put("Pack/Kick.wav")
    place.intake.offer([kick], 10.0)
    assert place.ready(10.0) == [("Pack", {"Kick.wav"})]


def test_so_many_settle_at_a_time_and_the_rest_is_found_when_there_is_room(tmp_path: Path) -> None:
    place = Place(tmp_path / "inbox", most=4)
    names = {place.put(f"Pack/{number}.wav").name for number in range(10)}
    place.intake.renew()
    place.intake.scan(0.0)
    assert len(place.intake) == 4
    place.intake.scan(1.0)
    place.watchers[0].touched(str(place.put("Pack/10.wav")), folder=False)
    place.watchers[0].touched(str(place.root / "Pack"), folder=True)
    place.intake.drain(1.0)
    assert len(place.intake) == 4
    assert not place.intake.renew()
    seen: set[str] = set()
    for round_ in range(1, 5):
        for _, filed in place.ready(round_ * 100.0):
            assert not filed & seen
            seen |= filed
            for name in filed:
                (place.root / "Pack" / name).unlink()
        if place.intake.renew():
            place.intake.scan(round_ * 100.0 + 10)
    assert seen == names | {"10.wav"}
    assert not place.intake.renew()


def test_an_inbox_that_went_and_came_back_between_two_looks_is_scanned(place: Place) -> None:
    kick = place.put("Kick.wav")
    place.intake.scan(0.0)
    aside = place.root.with_name("aside")
    place.root.rename(aside)
    assert place.intake.next_ready(3.0) is None  # it is looked at, and gone
    aside.rename(place.root)
    assert len(place.intake) == 0
    assert place.intake.renew()
    assert not place.intake.renew()
    place.intake.scan(4.0)
    assert place.ready(4.0) == [(None, {kick.name})]


def test_a_folder_that_was_told_of_while_the_inbox_was_away_is_scanned(place: Place) -> None:
    place.put("Pack/Kick.wav")
    place.watchers[0].touched(str(place.root / "Pack"), folder=True)
    aside = place.root.with_name("aside")
    place.root.rename(aside)
    place.intake.drain(0.0)
    aside.rename(place.root)
    assert place.intake.renew()
    place.intake.scan(1.0)
    assert place.ready(1.0) == [("Pack", {"Kick.wav"})]


def test_an_inbox_that_was_another_for_a_moment_is_scanned(place: Place) -> None:
    """As where a bind mount goes and comes back: the folder below it is there all the while."""
    kick = place.put("Kick.wav")
    place.intake.scan(0.0)
    aside = place.root.with_name("aside")
    place.root.rename(aside)
    place.root.mkdir()
    assert place.intake.next_ready(3.0) is None
    place.root.rmdir()
    aside.rename(place.root)
    assert place.intake.renew()
    place.intake.scan(4.0)
    assert place.ready(4.0) == [(None, {kick.name})]


def test_a_file_that_is_taken_away_asks_for_no_scan(place: Place) -> None:
    kick = place.put("Kick.wav")
    place.intake.scan(0.0)
    kick.unlink()
    assert place.intake.next_ready(3.0) is None
    assert not place.intake.renew()


def test_on_a_network_disk_nobody_is_asked_who_writes(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """There the system refuses leases for reasons of its own, and a file would wait for ever."""
    monkeypatch.setattr("organizer.service.intake.is_being_written", lambda _: True)
    place.put("Pack/Kick.wav")
    place.intake.scan(0.0)
    assert place.ready(0.0) == []
    place.watch.network = "cifs"
    assert place.ready(10.0) == [("Pack", {"Kick.wav"})]
