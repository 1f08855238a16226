from __future__ import annotations

import shutil
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from organizer.service.pausing import Pause, Pausing, asked_for, begin, end, running_programs
from tests.service.test_daemon import Running, put
from tests.service.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def pause_file(tmp_path: Path) -> Path:
    return tmp_path / "state" / "pause.json"


def test_a_pause_lasts_until_its_end_or_until_it_is_ended(pause_file: Path) -> None:
    now = 1_000.0
    pausing = Pausing(pause_file, [], wall=lambda: now)
    assert pausing.reason() == ""
    begin(pause_file, Pause(since=now, until=2_000.0))
    assert pausing.reason().startswith("paused until 1970-01-01 ")
    now = 2_000.0
    assert pausing.reason() == ""
    begin(pause_file, Pause(since=now))
    assert pausing.reason() == "paused until `organizer resume`"
    assert end(pause_file)
    assert not end(pause_file)
    assert pausing.reason() == ""


@pytest.mark.parametrize("content", [b"", b"{", b'{"since": "soon"}', b"[]"])
def test_a_file_that_nobody_understands_stops_nothing(pause_file: Path, content: bytes) -> None:
    pause_file.parent.mkdir()
    pause_file.write_bytes(content)
    assert asked_for(pause_file, now=0.0) is None


def test_nothing_is_filed_while_a_named_program_runs(pause_file: Path) -> None:
    now, running, looks = 0.0, ["bash", "REAPER.exe"], 0

    def programs() -> list[str]:
        nonlocal looks
        looks += 1
        return running

    pausing = Pausing(pause_file, ["Live", "reaper"], wall=lambda: now, running=programs)
    assert [pausing.reason() for _ in range(100)] == ["paused while reaper runs"] * 100
    assert looks == 1  # it is asked often, and looks seldom
    running, now = ["bash"], 11.0
    assert pausing.reason() == ""
    running, now = ["live"], 5.0  # the clock was set back
    assert pausing.reason() == "paused while Live runs"


def test_the_programs_of_this_machine_are_seen(tmp_path: Path) -> None:
    program = tmp_path / "drummachine"
    shutil.copy("/bin/sleep", program)
    sleeping = subprocess.Popen([program, "60"])
    try:
        wait_until(lambda: "drummachine" in running_programs(), "the program runs")
    finally:
        sleeping.kill()
        sleeping.wait()
    assert "drummachine" not in running_programs()


@pytest.fixture
def resting(tmp_path: Path, pause_file: Path) -> Iterator[Running]:
    one = Running(tmp_path, pausing=Pausing(pause_file, [], wall=time.time))
    yield one
    one.stop()


def test_a_service_that_rests_watches_on_and_files_afterwards(resting: Running, pause_file: Path) -> None:
    begin(pause_file, Pause(since=0.0))
    resting.start()
    put(resting.inbox / "Pack/Kick.wav")
    wait_until(
        resting.told(lambda report: report.paused and report.waiting), "it rests, and knows of the file"
    )
    assert not (resting.library / "Pack").exists()
    end(pause_file)
    wait_until(resting.filed("Pack/Kick.wav"), "it is filed afterwards")
    wait_until(resting.told(lambda report: not report.paused), "the report says so")


def test_a_pause_breaks_a_batch_off_and_the_rest_is_filed_later(resting: Running, pause_file: Path) -> None:
    names = [f"Pack/{number:02}.wav" for number in range(40)]
    resting.filing.seconds_per_file = 0.05
    resting.start()
    for name in names:
        put(resting.inbox / name)
    wait_until(resting.filed(names[0]), "the batch is in hand")
    begin(pause_file, Pause(since=0.0))
    wait_until(resting.told(lambda report: report.paused and report.busy is None), "it rests")
    done = sum((resting.library / name).exists() for name in names)
    assert 0 < done < len(names)
    end(pause_file)
    wait_until(resting.filed(*names), "all of it is filed")
