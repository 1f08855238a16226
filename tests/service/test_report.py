from __future__ import annotations

import os
from pathlib import Path

import pytest

from organizer.service.report import Busy, InboxReport, ServiceReport, Trouble, read, shown, write


@pytest.fixture
def full() -> ServiceReport:
    return ServiceReport(
        pid=4711,
        version="1.2",
        started=1000.0,
        updated=1001.5,
        inboxes=[InboxReport(title="Inbox", path="/inbox", present=True, watch="poll", degraded="why")],
        waiting=3,
        growing=["/inbox/Endless.wav"],
        busy=Busy(title="Pack", stage="listening", done=1, total=9),
        last_scan=1000.5,
        batches_filed=2,
        files_filed=17,
        errors=[Trouble(time=1001.0, sentence="something")],
        rules_problem="rule 1 is broken",
        model_id="ear-1234",
    )


def test_a_report_comes_back_as_it_was_written(tmp_path: Path, full: ServiceReport) -> None:
    path = tmp_path / "state" / "service.json"
    write(full, path)
    assert read(path) == full
    assert [one.name for one in path.parent.iterdir()] == ["service.json"]


@pytest.mark.parametrize("content", [None, b"", b"{", b'{"pid": "x"}', b"[]"])
def test_no_report_and_a_report_of_another_make_are_none(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "service.json"
    if content is not None:
        path.write_bytes(content)
    assert read(path) is None


def test_a_report_that_cannot_be_written_leaves_the_old_one(tmp_path: Path, full: ServiceReport) -> None:
    path = tmp_path / "service.json"
    write(full, path)
    blocked = tmp_path / f"service.json.{full.pid}.tmp"
    blocked.mkdir()
    with pytest.raises(OSError, match="directory"):
        write(full, path)
    assert read(path) == full


def test_what_hampers_the_service_makes_it_unhealthy() -> None:
    def report(**changes: object) -> ServiceReport:
        inbox = InboxReport(title="Inbox", path="/inbox", present=True, watch="native")
        given = {"pid": 1, "version": "1", "started": 0.0, "updated": 0.0, "inboxes": [inbox], **changes}
        return ServiceReport(**given)  # type: ignore[arg-type]  # a table of keyword arguments

    absent = InboxReport(title="Inbox", path="/inbox", present=False, watch="native")
    degraded = InboxReport(title="Inbox", path="/inbox", present=True, watch="poll", degraded="limits")
    assert report().healthy
    assert not report(inboxes=[absent]).healthy
    assert not report(inboxes=[degraded]).healthy
    assert not report(rules_problem="broken").healthy
    assert not report(retrying=1).healthy


def test_any_name_can_be_shown() -> None:
    assert shown(Path(os.fsdecode(b"/inbox/K\xffck.wav"))) == "/inbox/K\\xffck.wav"
