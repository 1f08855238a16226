"""A service in a process of its own, spoken to by signals and heard on a socket like systemd's."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from organizer.service.report import read
from tests.service.waiting import PATIENCE, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REPOSITORY = Path(__file__).parents[2]


class Manager:
    """Starts the service as systemd would, and collects what it says."""

    def __init__(self, tmp_path: Path) -> None:
        self.inbox = tmp_path / "inbox"
        self.library = tmp_path / "library"
        self.report = tmp_path / "service.json"
        self.said: list[str] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(tmp_path / "notify"))
        self._socket.setblocking(False)
        self._environ = {
            **os.environ,
            "NOTIFY_SOCKET": str(tmp_path / "notify"),
            "WATCHDOG_USEC": "400000",
            "PYTHONPATH": str(REPOSITORY),
        }
        self.process: subprocess.Popen[str] | None = None

    def start(self, *, seconds_per_file: float = 0.0, options: tuple[str, ...] = ()) -> None:
        self.inbox.mkdir(exist_ok=True)
        given = [str(self.inbox), str(self.library), str(self.report), str(seconds_per_file), *options]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.service.serving", *given],
            env=self._environ,
            cwd=REPOSITORY,
            stderr=subprocess.PIPE,
            text=True,
        )
        wait_until(self.heard("READY=1"), "the service is ready")
        wait_until(lambda: read(self.report) is not None, "it has reported")

    def heard(self, message: str, *, times: int = 1) -> Callable[[], bool]:
        def holds() -> bool:
            self.listen()
            return self.said.count(message) >= times

        return holds

    def listen(self) -> None:
        while True:
            try:
                self.said.append(self._socket.recv(4096).decode())
            except BlockingIOError:
                return

    def send(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def end(self) -> tuple[int, str]:
        assert self.process is not None
        _, errors = self.process.communicate(timeout=PATIENCE)
        self.listen()
        return self.process.returncode, errors

    def close(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.communicate()
        self._socket.close()

    def put(self, name: str) -> None:
        path = self.inbox / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"sound")


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    one = Manager(tmp_path)
    yield one
    one.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_an_idle_service_cleanly(manager: Manager, number: signal.Signals) -> None:
    manager.start()
    manager.send(number)
    assert manager.end() == (0, "")
    assert manager.said[-1].startswith(("STOPPING=1", "STATUS="))
    report = read(manager.report)
    assert report is not None
    assert report.stopped is not None


def test_systemd_hears_the_states_in_order(manager: Manager) -> None:
    manager.start()
    manager.put("Pack/Kick.wav")
    wait_until((manager.library / "Pack/Kick.wav").exists, "it is filed")
    wait_until(manager.heard("WATCHDOG=1", times=3), "the watchdog is fed")
    manager.send(signal.SIGTERM)
    manager.end()
    kinds = list(dict.fromkeys(message.split("=")[0] for message in manager.said))
    assert kinds == ["EXTEND_TIMEOUT_USEC", "READY", "STATUS", "WATCHDOG", "STOPPING"]
    assert "1 files filed" in [one for one in manager.said if one.startswith("STATUS=")][-1]


def test_a_signal_during_a_batch_leaves_the_rest_where_it_is(manager: Manager) -> None:
    for number in range(200):
        manager.put(f"Pack/{number:03}.wav")
    manager.start(seconds_per_file=0.05)
    wait_until((manager.library / "Pack/005.wav").exists, "the batch has begun")
    wait_until(manager.heard("WATCHDOG=1", times=2), "the watchdog is fed while filing")
    manager.send(signal.SIGTERM)
    assert manager.end() == (0, "")
    left, filed = (len(list((root / "Pack").iterdir())) for root in (manager.inbox, manager.library))
    assert left > 0
    assert left + filed == 200


def test_the_hangup_signal_looks_at_rules_and_inboxes_again(manager: Manager) -> None:
    manager.start()
    before = read(manager.report)
    assert before is not None
    manager.send(signal.SIGHUP)
    wait_until(manager.heard("READY=1", times=2), "it is ready again")
    assert manager.said[-1] == "READY=1" or manager.said.count("READY=1") == 2
    assert any(message.startswith("RELOADING=1\nMONOTONIC_USEC=") for message in manager.said)

    def scanned() -> bool:
        report = read(manager.report)
        return report is not None and report.last_scan != before.last_scan

    wait_until(scanned, "the inboxes were scanned again")
    manager.send(signal.SIGTERM)
    assert manager.end() == (0, "")


def test_an_interrupted_once_says_which_signal_it_was(manager: Manager) -> None:
    for number in range(200):
        manager.put(f"Pack/{number:03}.wav")
    manager.start(seconds_per_file=0.05, options=("--once",))
    wait_until((manager.library / "Pack/005.wav").exists, "the batch has begun")
    manager.send(signal.SIGINT)
    assert manager.end() == (128 + signal.SIGINT, "")
