from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest

from organizer.service.notify import Notifier

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(params=["file", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    """A socket as systemd would have it, and its name in the environment."""
    name = str(tmp_path / "notify") if request.param == "file" else f"@organizer-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind("\0" + name[1:] if name.startswith("@") else name)
        listening.settimeout(10)
        yield listening, name


def test_each_state_arrives_as_systemd_expects_it(manager: tuple[socket.socket, str]) -> None:
    listening, name = manager
    notify = Notifier({"NOTIFY_SOCKET": name})
    notify.extend(seconds=1.5)
    notify.ready()
    notify.status("two\nlines")
    notify.alive()
    notify.reloading(monotonic_usec=7)
    notify.stopping()
    assert [listening.recv(1000).decode() for _ in range(6)] == [
        "EXTEND_TIMEOUT_USEC=1500000",
        "READY=1",
        "STATUS=two lines",
        "WATCHDOG=1",
        "RELOADING=1\nMONOTONIC_USEC=7",
        "STOPPING=1",
    ]


def test_without_a_manager_nothing_is_sent_and_nothing_fails() -> None:
    notify = Notifier({})
    notify.ready()
    assert notify.watchdog_seconds is None


def test_a_manager_that_is_away_disturbs_nobody_and_is_heard_of_again(tmp_path: Path) -> None:
    name = str(tmp_path / "notify")
    notify = Notifier({"NOTIFY_SOCKET": name})
    notify.ready()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(name)
        listening.settimeout(10)
        notify.alive()
        assert listening.recv(1000) == b"WATCHDOG=1"


@pytest.mark.parametrize(
    ("text", "seconds"), [("30000000", 30.0), ("500000", 0.5), ("", None), ("0", None), ("soon", None)]
)
def test_the_watchdog_is_fed_only_where_systemd_asks_for_it(text: str, seconds: float | None) -> None:
    assert Notifier({"WATCHDOG_USEC": text}).watchdog_seconds == seconds
