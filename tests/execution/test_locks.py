"""Locks between real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from organizer.errors import LockedError
from organizer.execution.locks import execution_lock, service_holder, service_lock
from organizer.stopping import Stopped
from tests.asked import YesFrom

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

HOLDING = """
import sys, pathlib
from organizer.execution.locks import execution_lock, service_lock
state = pathlib.Path(sys.argv[2])
if sys.argv[1] == "service":
    lock = service_lock(state)
else:
    lock = execution_lock(state, wait=5, what="undo of batch 3")
with lock:
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def hold() -> Iterator[Callable[[str, Path], subprocess.Popen[str]]]:
    """Let another process hold a lock until a line comes in."""
    running: list[subprocess.Popen[str]] = []

    def start(name: str, state: Path) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", HOLDING, name, str(state)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        return process

    yield start
    for process in running:
        process.kill()
        process.communicate()


def test_a_second_service_is_told_who_runs(
    tmp_path: Path, hold: Callable[[str, Path], subprocess.Popen[str]]
) -> None:
    process = hold("service", tmp_path)
    with (
        pytest.raises(LockedError, match=rf"running already: organizer run \(process {process.pid}\)"),
        service_lock(tmp_path),
    ):
        pass
    holder = service_holder(tmp_path)
    assert holder is not None
    assert holder.pid == process.pid
    with execution_lock(tmp_path, wait=0, what="sort"):
        pass  # the two locks are apart


def test_a_command_waits_for_its_turn(
    tmp_path: Path, hold: Callable[[str, Path], subprocess.Popen[str]]
) -> None:
    process = hold("execution", tmp_path)
    with (
        pytest.raises(LockedError, match=rf"undo of batch 3 \(process {process.pid}\)"),
        execution_lock(tmp_path, wait=0.2, what="sort"),
    ):
        pass
    process.communicate("done\n")
    with execution_lock(tmp_path, wait=10, what="sort"):
        pass


def test_whoever_waits_for_a_lock_hears_that_it_is_time_to_stop(
    tmp_path: Path, hold: Callable[[str, Path], subprocess.Popen[str]]
) -> None:
    process = hold("execution", tmp_path)
    stop = YesFrom(2)
    with (
        pytest.raises(Stopped),
        execution_lock(tmp_path, wait=600, what="sort", stop=stop),
    ):
        pass
    process.communicate("done\n")
    with execution_lock(tmp_path, wait=10, what="sort"):
        assert stop.count == 2


def test_the_lock_of_a_dead_process_is_taken_over(
    tmp_path: Path, hold: Callable[[str, Path], subprocess.Popen[str]]
) -> None:
    process = hold("service", tmp_path)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert (tmp_path / "service.holder.json").exists()
    assert service_holder(tmp_path) is None
    before = time.time()
    with service_lock(tmp_path):
        with pytest.raises(LockedError, match=str(os.getpid())), service_lock(tmp_path):
            pass
        holder = service_holder(tmp_path)
        assert holder is not None
        assert holder.since >= before - 1


def test_a_lock_is_let_go_when_its_work_fails(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="work"), execution_lock(tmp_path, wait=0, what="sort"):
        raise ValueError("work")
    with execution_lock(tmp_path, wait=0, what="sort"):
        assert (tmp_path / "execution.holder.json").exists()
    assert not (tmp_path / "execution.holder.json").exists()


def test_nobody_runs_where_there_is_no_state(tmp_path: Path) -> None:
    assert service_holder(tmp_path / "none") is None
