from __future__ import annotations

import os
import shutil
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from organizer.batch.observing import Seen
from organizer.service.daemon import Service
from organizer.service.library import LibraryWatch
from organizer.service.notify import Notifier
from organizer.service.report import ServiceReport, read
from tests.service.serving import QUICK, MovingFiles, config_of
from tests.service.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from organizer.stopping import Stop


class Running:
    """A service in a thread, the folders it serves, and what it says of itself."""

    def __init__(self, tmp_path: Path, *names: str, **options: Any) -> None:
        self.inboxes = [tmp_path / name for name in names or ("inbox",)]
        self.inbox = self.inboxes[0]
        self.library = tmp_path / "library"
        self.report_path = tmp_path / "state" / "service.json"
        self.filing = MovingFiles(self.library)
        self.exit_code: int | None = None
        self._rescan_seconds = options.pop("rescan_seconds", 300.0)
        self._options = options
        self._thread: threading.Thread | None = None
        self.service: Service | None = None

    def start(self, *, make: bool = True) -> None:
        for inbox in self.inboxes if make else []:
            inbox.mkdir(exist_ok=True)
        self.service = Service(
            config_of(*self.inboxes, library=self.library, rescan_seconds=self._rescan_seconds),
            self.filing,
            **{"notify": Notifier({}), "report_path": self.report_path, "rhythm": QUICK, **self._options},
        )
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        wait_until(lambda: self.report is not None, "the service has started")

    def stop(self) -> None:
        if self.service is not None and self._thread is not None:
            self.service.stop()
            self.wait()

    def wait(self) -> None:
        assert self._thread is not None
        self._thread.join(60)
        assert not self._thread.is_alive()

    @property
    def report(self) -> ServiceReport | None:
        return read(self.report_path)

    def told(self, what: Callable[[ServiceReport], object]) -> Callable[[], bool]:
        def holds() -> bool:
            report = self.report
            return report is not None and bool(what(report))

        return holds

    def filed(self, *names: str) -> Callable[[], bool]:
        return lambda: all((self.library / name).exists() for name in names)

    def _run(self) -> None:
        assert self.service is not None
        self.exit_code = self.service.run()


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    one = Running(tmp_path)
    yield one
    one.stop()


def put(path: Path, content: bytes = b"sound") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_what_arrives_in_any_way_is_filed_once_and_by_pack(running: Running, tmp_path: Path) -> None:
    put(running.inbox / "Early/Kick.wav")  # there before the service
    running.start()
    for number in range(40):
        put(tmp_path / f"source/{number % 4}/{number}.wav")
    shutil.copytree(tmp_path / "source", running.inbox / "Copied")
    (tmp_path / "source").rename(running.inbox / "Moved")
    put(running.inbox / "Loose.wav.part").rename(running.inbox / "Loose.wav")
    with (running.inbox / "Slow.wav").open("wb", buffering=0) as file:
        for _ in range(8):
            file.write(b"sound")
            time.sleep(0.1)
    packs = [f"{pack}/{number % 4}/{number}.wav" for pack in ("Copied", "Moved") for number in range(40)]
    everything = ["Early/Kick.wav", "Loose.wav", "Slow.wav", *packs]
    wait_until(running.filed(*everything), "everything is filed")
    running.stop()
    handed = [name for _, _, names in running.filing.arrivals for name in names]
    assert sorted(handed) == sorted(everything)
    assert (running.library / "Slow.wav").stat().st_size == 40
    of_packs = [(pack, len(names)) for _, pack, names in running.filing.arrivals if pack is not None]
    assert sorted(of_packs) == [("Copied", 40), ("Early", 1), ("Moved", 40)]
    assert running.exit_code == 0


def test_recovery_may_ask_whether_to_stop(running: Running) -> None:
    running.start()
    assert running.filing.asked_while_recovering is False


def test_the_report_tells_what_was_done(running: Running) -> None:
    put(running.inbox / "Pack/Kick.wav")
    running.start()
    wait_until(running.told(lambda report: report.files_filed == 1), "the file is told")
    running.stop()
    report = running.report
    assert report is not None
    assert (report.batches_filed, report.waiting, report.busy, report.errors) == (1, 0, None, [])
    assert report.model_id == "test-ear"
    assert report.healthy
    assert report.stopped is not None
    assert report.started <= (report.last_scan or 0.0) <= report.stopped
    (inbox,) = report.inboxes
    assert (inbox.title, inbox.path, inbox.watch) == ("inbox", str(running.inbox), "native")


def test_a_pack_whose_name_is_no_text_is_filed_and_told(running: Running) -> None:
    pack = os.fsdecode(b"Pack \xff\n")
    running.start()
    running.filing.faults = [OSError("no luck")]
    put(running.inbox / pack / "Kick.wav")
    put(running.inbox / "After/Kick.wav")
    wait_until(running.filed(f"{pack}/Kick.wav", "After/Kick.wav"), "both packs are filed")
    wait_until(running.told(lambda report: report.files_filed == 2), "both are told")
    running.stop()
    assert running.exit_code == 0


def test_a_batch_in_hand_is_told_while_it_lasts(running: Running) -> None:
    running.start()
    release = threading.Event()
    running.filing.before_file = lambda: release.wait(30)
    put(running.inbox / "Pack/Kick.wav")
    try:
        wait_until(running.told(lambda report: report.busy and report.busy.title == "Pack"), "it is told")
        during = running.report
        assert during is not None
        assert (during.files_filed, during.batches_filed) == (0, 0)
        assert not running.filed("Pack/Kick.wav")()
    finally:
        release.set()
    wait_until(running.told(lambda report: report.busy is None), "it is done")
    after = running.report
    assert after is not None
    assert (after.files_filed, after.batches_filed) == (1, 1)
    assert running.filed("Pack/Kick.wav")()


def test_a_batch_that_fails_is_told_and_tried_again_and_the_others_go_on(
    running: Running, caplog: pytest.LogCaptureFixture
) -> None:
    running.filing.faults = [RuntimeError("the disk had a hiccup")]
    put(running.inbox / "Bad/Kick.wav")
    running.start()
    wait_until(running.told(lambda report: report.retrying == 1), "the failure is told")
    put(running.inbox / "Good/Kick.wav")
    wait_until(running.filed("Good/Kick.wav", "Bad/Kick.wav"), "both are filed")
    wait_until(running.told(lambda report: not report.retrying), "the retry is told")
    report = running.report
    assert report is not None
    (trouble,) = report.errors
    assert trouble.sentence.startswith("Bad could not be filed and is tried again in ")
    assert trouble.sentence.endswith("RuntimeError: the disk had a hiccup")
    (logged,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert logged.exc_info is not None
    assert logged.name.startswith("organizer.service")


def test_an_inbox_that_goes_and_comes_back_is_served_on(running: Running) -> None:
    running.start()
    for round_ in range(2):
        put(running.inbox / f"Half {round_}.wav")
        shutil.rmtree(running.inbox)
        wait_until(running.told(lambda report: not report.inboxes[0].present), "the absence is told")
        running.inbox.mkdir()
        put(running.inbox / f"Pack {round_}/Kick.wav")
        wait_until(running.filed(f"Pack {round_}/Kick.wav"), "the new inbox is served")
        wait_until(running.told(lambda report: report.inboxes[0].present), "the return is told")
    running.stop()
    assert running.exit_code == 0
    handed = [names for _, pack, names in running.filing.arrivals if pack is not None]
    assert handed == [{"Pack 0/Kick.wav"}, {"Pack 1/Kick.wav"}]


def test_a_missing_inbox_does_not_hold_the_others_back(tmp_path: Path) -> None:
    running = Running(tmp_path, "there", "missing")
    running.inboxes[0].mkdir()
    running.start(make=False)
    try:
        put(running.inboxes[0] / "Kick.wav")
        wait_until(running.filed("Kick.wav"), "the inbox that is there is served")
        assert running.report is not None
        assert [one.present for one in running.report.inboxes] == [True, False]
        running.inboxes[1].mkdir()
        put(running.inboxes[1] / "Hat.wav")
        wait_until(running.filed("Hat.wav"), "the other one is served as soon as it is there")
    finally:
        running.stop()
    assert [title for title, _, _ in running.filing.arrivals] == ["there", "missing"]
    assert running.filing.rested >= 1
    assert running.filing.retried == running.inboxes  # each when it was there for the first time


def test_what_stays_is_filed_by_a_later_scan_once_it_is_wanted(tmp_path: Path) -> None:
    running = Running(tmp_path, rescan_seconds=0.5)
    running.filing.stays = {"Kick.wav"}
    put(running.inbox / "Pack/Kick.wav")
    running.start()
    try:
        before = running.report
        assert before is not None
        wait_until(running.told(lambda report: report.last_scan != before.last_scan), "a rescan is told")
        assert running.filing.arrivals == []
        running.filing.stays = set()
        wait_until(running.filed("Pack/Kick.wav"), "the rescan finds it")
    finally:
        running.stop()


def test_files_whose_retry_time_has_come_settle_again(running: Running) -> None:
    running.filing.stays = {"Kick.wav"}
    kick = put(running.inbox / "Pack/Kick.wav")
    running.start()
    running.filing.stays = set()
    running.filing.again = [kick, kick.with_name("Vanished.wav"), running.library / "Elsewhere.wav"]
    wait_until(running.filed("Pack/Kick.wav"), "it is filed")
    running.stop()
    assert running.filing.arrivals == [("inbox", "Pack", {"Pack/Kick.wav"})]


def test_broken_rules_are_told_and_do_not_stop_the_service(running: Running) -> None:
    running.filing.rules_problem = "rule 3 has no action"
    put(running.inbox / "Kick.wav")
    running.start()
    wait_until(running.filed("Kick.wav"), "it is filed all the same")
    assert running.report is not None
    assert running.report.rules_problem == "rule 3 has no action"
    assert not running.report.healthy
    running.filing.rules_problem = None
    put(running.inbox / "Hat.wav")
    wait_until(running.told(lambda report: report.rules_problem == ""), "the mended rules are told")


def test_a_batch_that_moves_nothing_is_logged_too(running: Running, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    running.filing.before_file = lambda: running.filing.stays.add("Tagged.wav")
    put(running.inbox / "Tagged.wav")
    running.start()
    wait_until(lambda: "0 filed, 1 left" in caplog.text, "the log tells of it")
    assert ", as batch 1" in caplog.text


def test_rules_saved_while_nothing_arrives_count_from_the_next_rescan_on(tmp_path: Path) -> None:
    running = Running(tmp_path, rescan_seconds=0.5)
    running.filing.rules_problem = "rule 3 has no action"
    running.start()
    try:
        wait_until(running.told(lambda report: bool(report.rules_problem)), "the broken rules are told")
        broken = running.report
        assert broken is not None
        assert broken.rules_problem == "rule 3 has no action"
        assert not broken.healthy
        running.filing.rules_problem = None
        wait_until(running.told(lambda report: report.rules_problem == ""), "the mended rules are told")
        mended = running.report
        assert mended is not None
        assert mended.healthy
        assert (mended.last_scan or 0.0) > (broken.last_scan or 0.0)
        assert running.filing.arrivals == []
    finally:
        running.stop()


def test_a_scan_that_fails_is_told_and_made_again(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_root: Path, _found: object) -> list[Path]:
        raise OSError("the index is on a disk that went away")

    put(running.inbox / "Kick.wav")
    with monkeypatch.context() as patch:
        patch.setattr(running.filing, "wanted", fails)
        running.start()
    wait_until(running.told(lambda report: report.errors), "the failure is told")


def test_once_files_what_is_there_and_stops(tmp_path: Path) -> None:
    running = Running(tmp_path, "inbox", "missing", once=True)
    put(running.inbox / "Pack/Kick.wav")
    put(running.inbox / "Pack/Deep/Hat.wav")
    put(running.inbox / "Loose.wav")
    running.start(make=False)
    running.wait()
    assert running.exit_code == 0
    assert running.filed("Pack/Kick.wav", "Pack/Deep/Hat.wav", "Loose.wav")()
    assert sorted(str(pack) for _, pack, _ in running.filing.arrivals) == ["None", "Pack"]
    assert running.report is not None
    assert running.report.stopped is not None


def test_once_with_problems_says_so_by_its_exit_code(tmp_path: Path) -> None:
    running = Running(tmp_path, once=True)
    running.filing.troubled = {"Bad.wav"}
    put(running.inbox / "Pack/Bad.wav")
    put(running.inbox / "Pack/Good.wav")
    running.start()
    running.wait()
    assert running.exit_code == 1
    assert running.filed("Pack/Good.wav")()


def test_once_with_a_batch_that_failed_does_not_wait_for_its_retry(tmp_path: Path) -> None:
    running = Running(tmp_path, once=True)
    running.filing.faults = [RuntimeError("no")]
    put(running.inbox / "Pack/Kick.wav")
    running.start()
    running.wait()
    assert running.exit_code == 1
    assert len(running.filing.arrivals) == 1


def test_once_gives_up_on_what_grows_for_ever(tmp_path: Path) -> None:
    running = Running(tmp_path, once=True, clock=lambda: time.monotonic() * 60)
    endless = put(running.inbox / "Endless.wav")
    put(running.inbox / "Pack/Kick.wav")
    done = threading.Event()

    def grow() -> None:
        while not done.wait(0.001):
            with endless.open("ab") as file:
                file.write(b"more")

    growing = threading.Thread(target=grow)
    growing.start()
    try:
        running.start()
        running.wait()
    finally:
        done.set()
        growing.join()
    assert running.filing.arrivals == [("inbox", "Pack", {"Pack/Kick.wav"})]
    assert running.report is not None
    assert running.report.growing == [str(endless)]
    assert endless.exists()


def test_stopping_interrupts_a_batch_between_two_files(running: Running) -> None:
    running.filing.seconds_per_file = 0.05
    for number in range(200):
        put(running.inbox / f"Pack/{number:03}.wav")
    running.start()
    wait_until(running.filed("Pack/005.wav"), "the batch has begun")
    running.stop()
    assert running.exit_code == 0
    left = len(list((running.inbox / "Pack").iterdir()))
    assert 0 < left < 195
    assert left + len(list((running.library / "Pack").iterdir())) == 200


class Looking:
    """A library that is looked at, which ends in an error as often as the test says."""

    def __init__(self, root: Path) -> None:
        self.failures = 1
        self.looked = 0
        self.watch = LibraryWatch(
            root,
            self,
            is_away=lambda _: False,
            may_watch=False,
            scan_seconds=0.1,
            first_seconds=0.0,
            clock=time.monotonic,
            wall=time.time,
        )

    def look(self, _root: Path, *, stop: Stop) -> Iterator[Seen]:
        assert not stop()
        self.looked += 1
        if self.looked <= self.failures:
            raise RuntimeError("the index is gone")
        yield Seen(unknown=3, whole=True)

    def glance(self, _paths: Iterable[Path]) -> list[tuple[Path, Path]] | None:
        return []

    def learn(self, _moves: list[tuple[Path, Path]], *, stop: Stop) -> None:
        assert not stop()


def test_libraries_are_looked_through_while_nothing_arrives(tmp_path: Path) -> None:
    library = tmp_path / "library"
    library.mkdir()
    looking = Looking(library)
    running = Running(tmp_path, libraries=[looking.watch])
    running.start()
    try:
        wait_until(running.told(lambda report: report.libraries[0].unknown == 3), "what was seen is told")
        put(running.inbox / "Pack/Kick.wav")
        wait_until(running.filed("Pack/Kick.wav"), "it files all the same")
    finally:
        running.stop()
    assert running.report is not None
    assert "the library" in running.report.errors[0].sentence
    assert looking.looked > 1
