from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from organizer.service.settle import Pace, ReadyBatch, Settler
from tests.asked import YesFrom

ROOT = Path("/inbox")
PACE = Pace.of(3.0, network=False)


@dataclass
class Disk:
    """Files that exist only as what stat would say of them."""

    files: dict[Path, tuple[int, int, int]] = field(default_factory=dict)  # size, mtime, inode
    looks: list[Path] = field(default_factory=list)
    ragged: set[Path] = field(default_factory=set)
    open: set[Path] = field(default_factory=set)  # to some program that may write on
    mode: int = stat.S_IFREG

    def write(self, name: str, *, size: int = 100, mtime: int = 1, inode: int = 7) -> Path:
        path = ROOT / name
        self.files[path] = (size, mtime, inode)
        return path

    def stat(self, path: Path) -> os.stat_result:
        self.looks.append(path)
        if path not in self.files:
            raise FileNotFoundError(path)
        size, mtime, inode = self.files[path]
        return os.stat_result((self.mode, inode, 1, 1, 0, 0, size, 0, mtime, 0), {"st_mtime_ns": mtime})

    def whole(self, path: Path) -> bool:
        return path not in self.ragged

    def being_written(self, path: Path) -> bool:
        return path in self.open


@pytest.fixture
def disk() -> Disk:
    return Disk()


@pytest.fixture
def settler(disk: Disk) -> Settler:
    return Settler(
        ROOT,
        pace=PACE,
        stat=disk.stat,
        whole=disk.whole,
        being_written=disk.being_written,
        is_there=lambda: True,
    )


def batch(pack: str | None, *paths: Path, partial: bool = False) -> ReadyBatch:
    return ReadyBatch(pack=pack, paths=tuple(sorted(paths)), partial=partial)


def first_ready(
    settler: Settler, *, until: float, step: float = 0.5
) -> tuple[float, list[ReadyBatch]] | None:
    """Tick from 0 on; give the time of the first batches handed out."""
    for number in range(int(until / step) + 1):
        if found := settler.tick(number * step):
            return number * step, found
    return None


@pytest.mark.parametrize(
    ("seconds", "network", "pace"),
    [
        (3.0, False, Pace(settle=3.0, quiet=6.0, ragged=30.0, limit=60.0)),
        (3.0, True, Pace(settle=10.0, quiet=20.0, ragged=300.0, limit=60.0)),
        (0.3, False, Pace(settle=0.3, quiet=0.6, ragged=3.0, limit=60.0)),
        (0.1, False, Pace(settle=0.1, quiet=0.5, ragged=1.0, limit=60.0)),
    ],
)
def test_all_waits_follow_from_the_settle_time(seconds: float, network: bool, pace: Pace) -> None:
    assert Pace.of(seconds, network=network) == pace


def test_a_file_is_ready_after_its_quiet_and_the_quiet_of_its_batch(settler: Settler, disk: Disk) -> None:
    kick = disk.write("Kick.wav")
    settler.touch(kick, 0.0)
    assert first_ready(settler, until=20) == (6.0, [batch(None, kick)])
    assert len(settler) == 0


def test_no_file_is_looked_at_before_its_quiet_time_is_over(settler: Settler, disk: Disk) -> None:
    kick = disk.write("Kick.wav")
    for tenth in range(100):
        settler.touch(kick, tenth / 10)
        settler.tick(tenth / 10)
    assert disk.looks == []
    settler.tick(20.0)
    assert disk.looks == [kick]


def test_a_file_is_looked_at_twice_and_no_more(settler: Settler, disk: Disk) -> None:
    kick = disk.write("Kick.wav")
    settler.touch(kick, 0.0)
    first_ready(settler, until=10, step=0.1)
    assert disk.looks == [kick, kick]


@pytest.mark.parametrize(
    "change", [{"size": 101}, {"mtime": 2}, {"inode": 8}], ids=["size", "mtime", "inode"]
)
def test_a_change_between_the_two_looks_starts_the_wait_anew(
    settler: Settler, disk: Disk, change: dict[str, int]
) -> None:
    kick = disk.write("Kick.wav")
    settler.touch(kick, 0.0)
    settler.tick(3.0)
    disk.write("Kick.wav", **change)
    settler.tick(6.0)  # sees the change, though no event told of it
    assert first_ready(settler, until=30, step=1.0) == (12.0, [batch(None, kick)])


def test_a_touch_between_the_two_looks_starts_the_wait_anew(settler: Settler, disk: Disk) -> None:
    kick = disk.write("Kick.wav")
    settler.touch(kick, 0.0)
    settler.tick(3.0)
    settler.touch(kick, 5.0)
    assert first_ready(settler, until=30) == (11.0, [batch(None, kick)])


def test_a_scan_does_not_disturb_what_settles_already(settler: Settler, disk: Disk) -> None:
    kick = disk.write("Kick.wav")
    settler.found(kick, 0.0)
    settler.tick(3.0)
    settler.found(kick, 5.0)
    assert first_ready(settler, until=30) == (6.0, [batch(None, kick)])


@pytest.mark.parametrize("name", ["Pack/Kick.wav", "Pack/Deep/er/Kick.wav"])
def test_a_batch_is_one_top_level_entry(settler: Settler, disk: Disk, name: str) -> None:
    one, other, loose = disk.write(name), disk.write("Other/Hat.wav"), disk.write("Snare.wav")
    for path in (one, other, loose):
        settler.touch(path, 0.0)
    settler.tick(3.0)
    assert settler.tick(6.0) == [batch("Pack", one), batch("Other", other), batch(None, loose)]


def test_loose_files_of_one_quiet_period_are_one_batch(settler: Settler, disk: Disk) -> None:
    early, late = disk.write("A.wav"), disk.write("B.wav")
    settler.touch(early, 0.0)
    settler.tick(3.0)
    settler.touch(late, 5.0)
    assert first_ready(settler, until=30) == (11.0, [batch(None, early, late)])


def test_a_pack_waits_for_its_last_file(settler: Settler, disk: Disk) -> None:
    done = disk.write("Pack/A.wav")
    copied = disk.write("Pack/B.wav")
    settler.touch(done, 0.0)
    for second in range(20):
        settler.touch(copied, float(second))
        assert settler.tick(float(second)) == []
    assert first_ready(settler, until=60) == (25.0, [batch("Pack", done, copied)])


def test_one_pack_does_not_wait_for_another(settler: Settler, disk: Disk) -> None:
    done, growing = disk.write("Done/A.wav"), disk.write("Growing/A.wav")
    settler.touch(done, 0.0)
    for second in range(7):
        settler.touch(growing, float(second))
        ready = settler.tick(float(second))
    assert ready == [batch("Done", done)]


@pytest.mark.parametrize(
    "litter",
    [
        "Pack/Kick.wav.part",
        "Pack/Snare.wav.crdownload",
        "Pack/~syncthing~Hat.wav.tmp",
        "Pack/._Kick.wav",
        "Pack/.DS_Store",
        "Pack/__MACOSX/Kick.wav",
        "Pack/Kick.wav.asd",
    ],
)
def test_litter_and_partial_downloads_never_hold_a_batch(settler: Settler, disk: Disk, litter: str) -> None:
    kick = disk.write("Pack/Kick.wav")
    settler.touch(kick, 0.0)
    for second in range(7):
        settler.touch(disk.write(litter, size=second), float(second))
        ready = settler.tick(float(second))
    assert ready == [batch("Pack", kick)]
    assert len(settler) == 0


def test_after_a_minute_the_ready_part_goes_and_the_rest_follows(settler: Settler, disk: Disk) -> None:
    done, slow = disk.write("Pack/A.wav"), disk.write("Pack/B.wav")
    settler.touch(done, 0.0)
    handed: dict[float, list[ReadyBatch]] = {}
    for second in range(100):
        if second <= 80:
            settler.touch(slow, float(second))
        if found := settler.tick(float(second)):
            handed[float(second)] = found
    assert handed == {60.0: [batch("Pack", done, partial=True)], 86.0: [batch("Pack", slow)]}


def test_a_pack_that_never_goes_quiet_is_handed_out_every_minute(settler: Settler, disk: Disk) -> None:
    handed: list[tuple[float, int]] = []
    for second in range(200):
        settler.touch(disk.write(f"Pack/{second}.wav"), float(second))
        handed += [(float(second), len(found.paths)) for found in settler.tick(float(second))]
    assert [time for time, _ in handed] == [60.0, 120.0, 180.0]
    assert all(count > 50 for _, count in handed)


def test_a_file_that_grows_for_ever_is_reported_and_never_handed_out(settler: Settler, disk: Disk) -> None:
    endless = ROOT / "Pack/Endless.wav"
    for second in range(600):
        disk.write("Pack/Endless.wav", size=second)
        settler.touch(endless, float(second))
        assert settler.tick(float(second)) == []
        assert settler.growing(float(second)) == ([endless] if second >= 60 else [])


def test_a_file_that_grows_unheard_is_reported_and_never_handed_out(settler: Settler, disk: Disk) -> None:
    endless = disk.write("Endless.wav", size=0)
    settler.touch(endless, 0.0)
    for second in range(1, 300):
        disk.write("Endless.wav", size=second)
        assert settler.tick(float(second)) == []
    assert settler.growing(300.0) == [endless]


@pytest.mark.parametrize("ragged", [False, True])
def test_a_download_that_pauses_is_waited_for_as_long_as_it_is_open(
    settler: Settler, disk: Disk, ragged: bool
) -> None:
    path = disk.write("Pack/Kick.wav", size=1_000)
    disk.open.add(path)
    if ragged:
        disk.ragged.add(path)
    settler.touch(path, 0.0)
    assert first_ready(settler, until=600.0) is None
    assert settler.growing(600.0) == [path]
    disk.write("Pack/Kick.wav", size=2_000, mtime=2)
    disk.ragged.clear()
    disk.open.clear()
    settler.touch(path, 600.0)
    ready = [settler.tick(600.0 + second) for second in range(8)]
    assert [one for found in ready for one in found] == [batch("Pack", path)]


def test_a_file_that_is_open_holds_the_rest_of_its_pack_for_a_minute_at_most(
    settler: Settler, disk: Disk
) -> None:
    kick, hat = disk.write("Pack/Kick.wav"), disk.write("Pack/Hat.wav")
    disk.open.add(kick)
    settler.touch(kick, 0.0)
    settler.touch(hat, 0.0)
    assert first_ready(settler, until=90.0) == (60.0, [batch("Pack", hat, partial=True)])


def test_a_file_that_stopped_growing_is_handed_out(settler: Settler, disk: Disk) -> None:
    slow = disk.write("Slow.wav")
    for second in range(100):
        settler.touch(slow, float(second))
        settler.tick(float(second))
    assert first_ready(settler, until=200) == (105.0, [batch(None, slow)])
    assert settler.growing(200.0) == []


def test_a_header_that_disagrees_with_the_size_lengthens_the_wait(settler: Settler, disk: Disk) -> None:
    cut = disk.write("Pack/Cut.wav")
    disk.ragged.add(cut)
    settler.touch(cut, 0.0)
    assert first_ready(settler, until=100) == (30.0, [batch("Pack", cut)])


def test_a_file_that_waits_for_its_header_is_not_called_growing(settler: Settler, disk: Disk) -> None:
    settler.pace = Pace.of(3.0, network=True)
    cut = disk.write("Cut.wav")
    disk.ragged.add(cut)
    settler.touch(cut, 0.0)
    assert first_ready(settler, until=400) == (300.0, [batch(None, cut)])
    settler.touch(cut, 0.0)
    settler.tick(10.0)
    settler.tick(20.0)
    assert settler.growing(200.0) == []


def test_a_ragged_file_that_goes_on_is_waited_for_anew(settler: Settler, disk: Disk) -> None:
    paused = disk.write("Paused.wav")
    disk.ragged.add(paused)
    settler.touch(paused, 0.0)
    settler.tick(3.0)
    settler.tick(6.0)
    disk.ragged.clear()
    disk.write("Paused.wav", size=999)
    settler.touch(paused, 20.0)
    assert first_ready(settler, until=100) == (26.0, [batch(None, paused)])


def test_only_audio_has_a_header_to_wait_for(settler: Settler, disk: Disk) -> None:
    manual = disk.write("Pack/Manual.pdf")
    disk.ragged.add(manual)
    settler.touch(manual, 0.0)
    assert first_ready(settler, until=100) == (6.0, [batch("Pack", manual)])


def test_a_path_that_vanished_is_forgotten_and_holds_nothing(settler: Settler, disk: Disk) -> None:
    kept, gone = disk.write("Pack/A.wav"), disk.write("Pack/B.wav")
    settler.touch(kept, 0.0)
    settler.touch(gone, 0.0)
    del disk.files[gone]
    assert first_ready(settler, until=30) == (6.0, [batch("Pack", kept)])


def test_a_rename_hands_out_the_new_name_alone(settler: Settler, disk: Disk) -> None:
    old = disk.write("Kick (1).wav")
    settler.touch(old, 0.0)
    settler.tick(3.0)
    new = disk.write("Kick.wav")
    del disk.files[old]
    settler.touch(new, 4.0)
    assert first_ready(settler, until=30) == (10.0, [batch(None, new)])


def test_what_is_no_regular_file_is_forgotten(settler: Settler, disk: Disk) -> None:
    disk.mode = stat.S_IFLNK
    settler.touch(disk.write("Link.wav"), 0.0)
    settler.tick(3.0)
    assert len(settler) == 0


def test_the_inbox_itself_and_what_lies_outside_are_not_tracked(settler: Settler) -> None:
    settler.touch(ROOT, 0.0)
    settler.touch(Path("/elsewhere/Kick.wav"), 0.0)
    assert len(settler) == 0


def test_a_complete_file_that_waits_for_its_batch_is_looked_at_again(settler: Settler, disk: Disk) -> None:
    early, late = disk.write("Pack/A.wav"), disk.write("Pack/B.wav")
    settler.touch(early, 0.0)
    for second in range(21):
        settler.touch(late, float(second))
        settler.tick(float(second))
    disk.write("Pack/A.wav", size=5000)  # changed, and nobody told
    assert first_ready(settler, until=60) == (32.0, [batch("Pack", early, late)])


def test_what_is_not_asked_for_stays_and_is_handed_out_next(settler: Settler, disk: Disk) -> None:
    one, two = disk.write("One/A.wav"), disk.write("Two/A.wav")
    settler.touch(one, 0.0)
    settler.touch(two, 0.0)
    settler.tick(3.0)
    assert settler.tick(6.0, most=1) == [batch("One", one)]
    assert settler.tick(6.0, most=1) == [batch("Two", two)]
    assert settler.tick(6.0, most=1) == []


def test_a_batch_that_changed_while_it_waited_its_turn_settles_again(settler: Settler, disk: Disk) -> None:
    one, two = disk.write("One/A.wav"), disk.write("Two/A.wav")
    settler.touch(one, 0.0)
    settler.touch(two, 0.0)
    settler.tick(3.0)
    assert settler.tick(6.0, most=1) == [batch("One", one)]
    disk.write("Two/A.wav", size=1)
    assert settler.tick(50.0, most=1) == []
    settler.tick(53.0)
    assert settler.tick(56.0) == [batch("Two", two)]


def test_a_file_that_comes_back_after_it_was_handed_out_is_new(settler: Settler, disk: Disk) -> None:
    kick = disk.write("Kick.wav")
    settler.touch(kick, 0.0)
    assert first_ready(settler, until=10) is not None
    settler.touch(kick, 50.0)
    settler.tick(53.0)
    assert settler.tick(56.0) == [batch(None, kick)]


def test_forgetting_and_clearing_leave_nothing(settler: Settler, disk: Disk) -> None:
    kick, hat = disk.write("Pack/Kick.wav"), disk.write("Hat.wav")
    settler.touch(kick, 0.0)
    settler.touch(hat, 0.0)
    settler.forget(kick)
    assert kick not in settler
    assert hat in settler
    settler.clear()
    assert settler.tick(100.0) == []
    assert settler.next_due() is None


def test_it_says_when_it_has_something_to_do_next(settler: Settler, disk: Disk) -> None:
    assert settler.next_due() is None
    settler.touch(disk.write("Kick.wav"), 0.0)
    assert settler.next_due() == 3.0
    settler.tick(3.0)
    assert settler.next_due() == 6.0
    settler.touch(disk.write("Late.wav"), 4.0)
    settler.tick(6.0)
    settler.tick(7.0)
    assert settler.next_due() == 10.0


def test_sleeping_from_due_to_due_is_enough(settler: Settler, disk: Disk) -> None:
    cut, whole, slow = disk.write("Pack/Cut.wav"), disk.write("Pack/Whole.wav"), disk.write("Slow.wav")
    disk.ragged.add(cut)
    for path in (cut, whole, slow):
        settler.touch(path, 0.0)
    handed: list[ReadyBatch] = []
    wakes = 0
    while (due := settler.next_due()) is not None:
        handed += settler.tick(due)
        wakes += 1
        assert wakes < 20
    assert handed == [batch(None, slow), batch("Pack", cut, whole)]


def test_the_heap_does_not_grow_with_touches(settler: Settler, disk: Disk) -> None:
    kick = disk.write("Kick.wav")
    for tenth in range(2000):
        settler.touch(kick, tenth / 10)
        settler.tick(tenth / 10)
    assert len(settler._heap) == 1


def test_where_it_is_time_to_stop_no_further_file_is_looked_at(disk: Disk) -> None:
    stops = [YesFrom(5), YesFrom()]
    settler = Settler(
        ROOT,
        pace=PACE,
        stat=disk.stat,
        whole=disk.whole,
        being_written=lambda _: False,
        is_there=lambda: True,
        stop=lambda: stops[0](),
    )
    for number in range(10):
        settler.touch(disk.write(f"Pack/{number}.wav"), 0.0)
    assert settler.tick(3.0) == []
    assert stops.pop(0).count == 5
    (ready,) = [one for now in (6.0, 9.0, 12.0) for one in settler.tick(now)]
    assert len(ready.paths) == 10
