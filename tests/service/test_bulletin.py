from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from organizer.errors import JournalError
from organizer.service.bulletin import Bulletin, sentence_of
from organizer.service.notify import Notifier
from organizer.service.report import Busy, InboxReport, ServiceReport, read

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Place:
    """Where a bulletin goes, the time it is there, and how the service does."""

    path: Path
    listening: socket.socket
    now: float = 0.0
    healthy: bool = True

    def bulletin(self) -> Bulletin:
        environ = {"NOTIFY_SOCKET": str(self.listening.getsockname()), "WATCHDOG_USEC": "40000000"}
        return Bulletin(
            self.path,
            notify=Notifier(environ),
            healthy=lambda: self.healthy,
            model_id="ear",
            clock=lambda: self.now,
            wall=lambda: 1000.0 + self.now,
        )

    def heard(self) -> list[str]:
        found = []
        while True:
            try:
                found.append(self.listening.recv(4096).decode())
            except BlockingIOError:
                return found

    def updated(self) -> float | None:
        report = read(self.path)
        return None if report is None else report.updated - 1000.0


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.setblocking(False)
        yield Place(tmp_path / "service.json", listening)


def test_changes_are_told_at_most_every_second(place: Place) -> None:
    bulletin = place.bulletin()
    assert not bulletin.tell()
    for place.now in (0.25, 0.875):
        bulletin.report.waiting += 1
        assert bulletin.tell()  # something is left to tell
        assert place.updated() == 0.0
    place.now = 1.0
    assert not bulletin.tell()
    assert place.updated() == 1.0


def test_without_a_change_the_report_is_renewed_every_half_minute(place: Place) -> None:
    bulletin = place.bulletin()
    bulletin.tell()
    for place.now in (1.0, 10.0, 29.9):
        assert not bulletin.tell()
        assert place.updated() == 0.0
    place.now = 30.0
    bulletin.tell()
    assert place.updated() == 30.0


def test_what_must_be_told_at_once_is(place: Place) -> None:
    bulletin = place.bulletin()
    bulletin.tell()
    place.now = 0.125
    bulletin.report.waiting = 7
    bulletin.tell(at_once=True)
    assert place.updated() == 0.125


def test_the_watchdog_is_fed_only_while_all_is_well(place: Place) -> None:
    bulletin = place.bulletin()
    for tenth in range(400):
        place.now = tenth / 10
        bulletin.beat()
    assert place.heard() == ["WATCHDOG=1"] * 4  # of 40 s, one in 10 s
    place.healthy = False
    place.now = 100.0
    bulletin.beat()
    assert place.heard() == []
    place.healthy = True
    place.now = 100.1
    bulletin.beat()
    assert place.heard() == ["WATCHDOG=1"]


def test_the_status_line_is_sent_when_it_changes(place: Place) -> None:
    bulletin = place.bulletin()
    bulletin.tell()
    bulletin.tell(at_once=True)
    bulletin.report.files_filed = 3
    bulletin.tell(at_once=True)
    assert place.heard() == [
        "STATUS=0 of 0 inboxes watched; 0 files filed",
        "STATUS=0 of 0 inboxes watched; 3 files filed",
    ]


def test_progress_is_told_of_the_batch_in_hand(place: Place) -> None:
    bulletin = place.bulletin()
    bulletin.progress("listening", 1, 2)
    assert bulletin.report.busy is None
    bulletin.report.busy = Busy(title="Pack")
    bulletin.progress("listening", 1, 2)
    assert bulletin.report.busy == Busy(title="Pack", stage="listening", done=1, total=2)


def test_only_the_last_troubles_are_kept_and_the_unexpected_has_a_traceback(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    bulletin = place.bulletin()
    for number in range(30):
        place.now = float(number)
        bulletin.trouble(f"batch {number} failed", JournalError("the journal is locked"))
    assert [one.time for one in bulletin.report.errors] == [1000.0 + number for number in range(10, 30)]
    assert bulletin.report.errors[-1].sentence == "batch 29 failed: the journal is locked"
    assert not any(record.exc_info for record in caplog.records)
    bulletin.trouble("odd \udcff name", KeyError("key"))
    assert bulletin.report.errors[-1].sentence == "odd \\udcff name: KeyError: 'key'"
    assert caplog.records[-1].exc_info
    bulletin.tell()
    assert read(place.path) is not None


def test_a_report_that_cannot_be_written_is_said_once_and_the_service_goes_on(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    place.path.mkdir()
    bulletin = place.bulletin()
    for place.now in (0.0, 40.0, 80.0):
        bulletin.tell()
    assert len(caplog.records) == 1
    place.path.rmdir()
    place.now = 120.0
    bulletin.tell()
    assert place.updated() == 120.0


def test_one_line_says_how_the_service_does() -> None:
    def inbox(*, present: bool) -> InboxReport:
        return InboxReport(title="Inbox", path="/inbox", present=present, watch="native")

    report = ServiceReport(
        pid=1,
        version="1",
        started=0.0,
        updated=0.0,
        inboxes=[inbox(present=True), inbox(present=False)],
        busy=Busy(title="Pack", stage="listening", done=3, total=9),
        waiting=4,
        retrying=1,
        files_filed=17,
    )
    assert sentence_of(report) == (
        "1 of 2 inboxes watched; filing Pack (listening 3/9); 4 files settling; "
        "1 batches to be tried again; 17 files filed"
    )
