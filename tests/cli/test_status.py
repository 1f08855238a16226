from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from datetime import datetime
from typing import TYPE_CHECKING

from organizer.config import Home
from organizer.execution.locks import service_lock
from organizer.service.report import Busy, InboxReport, LibraryReport, Retry, ServiceReport, Trouble, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Ran

    Run = Callable[..., Ran]
    Make = Callable[..., Path]

KICK = {"Kicks/VEH1 Bassdrum 001.wav": "Kick.wav"}


def test_what_was_taken_away_is_no_trouble_any_more(run: Run, ready: Path, make_pack: Make) -> None:
    pack = make_pack(ready / "Inbox" / "Kit", KICK)
    (pack / "empty.wav").touch()
    run("sort", pack, "--yes")
    assert f"{pack / 'empty.wav'}: the file is empty" in run("status").out
    (pack / "empty.wav").unlink()
    ran = run("status", "--json")
    assert json.loads(ran.out)["unreadable"] == []
    assert "empty.wav" not in run("status").out


def test_a_running_service_tells_its_errors_with_their_time_and_what_it_tries_again(
    run: Run, ready: Path
) -> None:
    home = Home.find({"ORGANIZER_HOME": str(ready / "home")})
    when = datetime(2026, 3, 4, 5, 6, 7)
    report = ServiceReport(
        pid=os.getpid(),
        version="1",
        started=0.0,
        updated=1.0,
        retrying=1,
        errors=[Trouble(time=when.timestamp(), sentence="Kit: the disk is full")],
    )
    with service_lock(home.state):
        write(report, home.report)
        ran = run("status")
        told = json.loads(run("status", "--json").out)
    assert ran.code == 1
    assert "error    2026-03-04 05:06  Kit: the disk is full\n" in ran.out
    assert "retrying 1 pack that failed before\n" in ran.out
    assert (told["retrying"], told["errors"][0]["time"]) == (1, when.timestamp())
    ran = run("status")
    assert ran.code == 6
    assert "retrying" not in ran.out


def test_a_library_that_is_away_and_a_batch_that_waits_for_it_are_shown(
    run: Run, ready: Path, make_pack: Make
) -> None:
    run("sort", make_pack(ready / "Inbox" / "Kit", KICK), "--yes")
    told = json.loads(run("status", "--json").out)
    assert (told["library"]["present"], told["interrupted"]) == (True, [])
    home = Home.find({"ORGANIZER_HOME": str(ready / "home")})
    with closing(sqlite3.connect(home.journal)) as connection, connection:
        connection.execute("UPDATE batch SET state = 'open'")
    (ready / "Library").rename(ready / "away")
    write(ServiceReport(pid=os.getpid(), version="1", started=0.0, updated=1.0), home.report)
    with service_lock(home.state):
        ran = run("status")
    assert ran.code == 1
    assert f"library  {ready / 'Library'}: 1 sample, not there, it is waited for\n" in ran.out
    assert "broken off: batch 1 (Kit); it is ended as soon as its disks are there\n" in ran.out
    (ready / "away").rename(ready / "Library")
    run("undo", "--yes")
    assert json.loads(run("status", "--json").out)["interrupted"] == []


def test_a_status_that_is_watched_tells_again_until_it_is_interrupted(run: Run, ready: Path) -> None:
    assert run("status").code == 6
    watching = subprocess.Popen(
        [sys.executable, "-m", "organizer", "status", "--watch", "--json"],
        env={**os.environ, "ORGANIZER_HOME": str(ready / "home")},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert watching.stdout is not None
    first, second = (json.loads(watching.stdout.readline()) for _ in range(2))
    watching.send_signal(signal.SIGINT)
    watching.communicate(timeout=30)
    assert watching.returncode == 130
    assert (first["running"], second["exit_code"]) == (False, 6)


def test_what_a_running_service_knows_of_itself_is_told(run: Run, ready: Path) -> None:
    home = Home.find({"ORGANIZER_HOME": str(ready / "home")})
    now = time.time()
    report = ServiceReport(
        pid=os.getpid(),
        version="1",
        started=now,
        updated=now,
        inboxes=[
            InboxReport(
                title="Inbox",
                path=str(ready / "Inbox"),
                present=True,
                watch="native",
                folders=12,
                last_event=now - 180,
                last_scan=now - 7200,
            )
        ],
        libraries=[
            LibraryReport(
                path=str(ready / "Library"),
                watched=True,
                looked_at=now - 3600,
                unknown=4,
                missing=2,
                changed=1,
            )
        ],
        files_filed=1_000,
        batches_filed=3,
        seconds_filing=50.0,
        filed_at=now - 60,
        retrying=1,
        retries=[Retry(title="Kit", attempts=3, due=datetime(2026, 3, 4, 5, 6, 7).timestamp())],
        config_problem="library is missing",
        model_id="ear-1",
        rules_digest="b2:0123456789",
    )
    with service_lock(home.state):
        write(report, home.report)
        said = run("status")
        told = json.loads(run("status", "--json").out)
    assert said.code == 1
    lines = said.out.splitlines()
    assert "hears with ear-1, rules b2:01234567" in lines
    watched = "watched (native, 12 folders), last event 3 min ago, looked through 2 h ago"
    assert f"inbox    {ready / 'Inbox'}: {watched}" in lines
    (library,) = [line for line in lines if line.startswith("library")]
    assert (
        "GB free, watched, looked through 1 h ago, 2 missing (organizer verify names them), 1 changed"
        in library
    )
    assert library.endswith("since they were heard, 4 never heard")
    assert "filed    1000 files since it began, 20.0 a second, the last 1 min ago" in lines
    assert "         Kit: 3 attempts, the next at 05:06:07" in lines
    assert "settings refused, the old ones are in force: library is missing" in lines
    assert (told["files_a_second"], told["library"]["missing"], told["rules"]) == (20.0, 2, "b2:0123456789")
    assert told["inboxes"][0]["folders"] == 12


def test_a_service_that_begins_is_not_taken_for_the_one_before(run: Run, ready: Path) -> None:
    home = Home.find({"ORGANIZER_HOME": str(ready / "home")})
    busy = Busy(title="Old pack", stage="listening", done=1, total=9)
    write(ServiceReport(pid=1, version="1", started=1.0, updated=2.0, busy=busy), home.report)
    with service_lock(home.state):
        assert "Old pack" not in run("status").out
