"""What systemd hears of the whole command; and that a service that is deaf gives no sign of life."""

from __future__ import annotations

import errno
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from watchdog.utils import BaseThread

from organizer.config import Home
from organizer.service.daemon import Service
from organizer.service.notify import Notifier
from organizer.service.report import read
from tests.service.serving import QUICK, MovingFiles, config_of
from tests.service.waiting import PATIENCE, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REPOSITORY = Path(__file__).parents[2]
BEAT = 0.1  # seconds between two signs of life, at least, when systemd waits for four times as long
WATCHDOG_USEC = str(int(4 * BEAT * 1_000_000))


class Manager:
    """The listening end of a socket like systemd's."""

    def __init__(self, path: Path) -> None:
        self.said: list[str] = []
        self.environ = {"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": WATCHDOG_USEC}
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.setblocking(False)

    def listen(self) -> list[str]:
        """Give what has been said since the last time."""
        heard: list[str] = []
        while True:
            try:
                heard.append(self._socket.recv(4096).decode())
            except BlockingIOError:
                self.said += heard
                return heard

    def heard(self, message: str, *, times: int = 1) -> Callable[[], bool]:
        def holds() -> bool:
            self.listen()
            return self.said.count(message) >= times

        return holds

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    one = Manager(tmp_path / "notify")
    yield one
    one.close()


def test_the_real_command_is_heard_from_its_start_through_filing_to_its_end(
    manager: Manager, tmp_path: Path, make_pack: Callable[..., Path]
) -> None:
    inbox, library = tmp_path / "Inbox", tmp_path / "Library"
    environ = {
        **os.environ,
        **manager.environ,
        "ORGANIZER_HOME": str(tmp_path / "home"),
        "PYTHONPATH": str(REPOSITORY),
    }
    command = [sys.executable, "-m", "organizer"]
    folders = ["--inbox", str(inbox), "--library", str(library)]
    subprocess.run([*command, "init", *folders], env=environ, cwd=tmp_path, capture_output=True, check=True)
    config = Home.find(environ).config_file
    config.write_text(config.read_text().replace("settle_seconds = 3\n", "settle_seconds = 0.2\n"))
    service = subprocess.Popen([*command, "run"], env=environ, cwd=tmp_path, stderr=subprocess.PIPE)
    try:
        wait_until(manager.heard("READY=1"), "the service is ready")
        pack = make_pack(inbox / "Pack")
        wait_until(lambda: not pack.exists(), "the pack is filed")
        wait_until(manager.heard("WATCHDOG=1", times=5), "several signs of life are given")
        service.send_signal(signal.SIGTERM)
        _, errors = service.communicate(timeout=PATIENCE)
    finally:
        service.kill()
        service.communicate()
    manager.listen()
    assert (service.returncode, b"Traceback" in errors) == (0, False)
    first, second, *rest = manager.said
    assert (first.split("=")[0], second) == ("EXTEND_TIMEOUT_USEC", "READY=1")
    # Each is said once, and none of the rest but a last word on the state comes after the end is announced.
    assert (rest.count("READY=1"), rest.count("STOPPING=1")) == (0, 1)
    before, after = rest[: rest.index("STOPPING=1")], rest[rest.index("STOPPING=1") + 1 :]
    assert all(one.startswith("STATUS=") for one in after)
    assert {one.split("=")[0] for one in before} == {"STATUS", "WATCHDOG"}
    assert before[0] == "STATUS=1 of 1 inboxes watched; 0 files filed"
    states = [one for one in before if one.startswith("STATUS=")]
    assert any("; filing Pack" in one for one in states)
    assert re.search(r"; [1-9]\d* files filed$", states[-1])


class Deafening:
    """A service in this process whose watch can be killed, and kept from being started again."""

    def __init__(self, root: Path, manager: Manager, monkeypatch: pytest.MonkeyPatch) -> None:
        self.inbox, self.library, self.report = root / "inbox", root / "library", root / "service.json"
        self.inbox.mkdir()
        self._patch = monkeypatch
        self._service = Service(
            config_of(self.inbox, library=self.library, rescan_seconds=3600.0),
            MovingFiles(self.library),
            notify=Notifier(manager.environ),
            report_path=self.report,
            rhythm=QUICK,
        )
        self._thread = threading.Thread(target=self._service.run)
        self._thread.start()

    def deafen(self, kind: str) -> None:
        """End the threads of one kind, while the kernel gives nobody a new watch."""

        def refused() -> None:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

        self._patch.setattr("organizer.service.inotify.observe", refused)
        ended = [one for one in threading.enumerate() if type(one).__name__ == kind]
        for one in ended:
            assert isinstance(one, BaseThread)
            one.stop()
            one.join()
        assert ended

    def mend(self) -> None:
        self._patch.undo()

    def is_deaf(self) -> bool:
        """Say whether the service has tried to watch anew, and could not."""
        told = read(self.report)
        return told is not None and any("cannot be watched" in one.degraded for one in told.inboxes)

    def close(self) -> None:
        self._service.stop()
        self._thread.join()


@pytest.fixture
def deafening(
    tmp_path: Path, manager: Manager, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], Deafening]]:
    made: list[Deafening] = []

    def make() -> Deafening:
        made.append(Deafening(tmp_path, manager, monkeypatch))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's")
@pytest.mark.parametrize("kind", ["InotifyEmitter", "RememberingReader"])
def test_a_deaf_service_gives_no_sign_of_life_until_it_hears_again(
    manager: Manager, deafening: Callable[[], Deafening], kind: str
) -> None:
    service = deafening()
    wait_until(manager.heard("WATCHDOG=1", times=3), "it gives signs of life")
    service.deafen(kind)
    wait_until(service.is_deaf, "it has noticed and cannot mend it")
    manager.listen()  # what was said while it heard
    (service.inbox / "Kick.wav").write_bytes(b"sound")
    time.sleep(20 * BEAT)
    assert [one for one in manager.listen() if one.startswith("WATCHDOG")] == []
    assert (service.inbox / "Kick.wav").exists()
    before = manager.said.count("WATCHDOG=1")
    service.mend()
    wait_until(manager.heard("WATCHDOG=1", times=before + 3), "it gives signs of life again")
    wait_until((service.library / "Kick.wav").exists, "what came meanwhile is filed")
    assert not service.is_deaf()
