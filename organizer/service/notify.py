"""Telling systemd how the service does (sd_notify): datagrams to a socket, nothing without one."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Notifier:
    """Speaks to the service manager that started us, if one did."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self.watchdog_seconds = _seconds(environ.get("WATCHDOG_USEC", ""))  # None: no one waits for us

    def ready(self) -> None:
        self._send("READY=1")

    def reloading(self, *, monotonic_usec: int) -> None:
        self._send(f"RELOADING=1\nMONOTONIC_USEC={monotonic_usec}")

    def status(self, sentence: str) -> None:
        self._send("STATUS=" + sentence.replace("\n", " "))

    def alive(self) -> None:
        self._send("WATCHDOG=1")

    def extend(self, *, seconds: float) -> None:
        """Ask for more time before READY."""
        self._send(f"EXTEND_TIMEOUT_USEC={int(seconds * 1_000_000)}")

    def stopping(self) -> None:
        self._send("STOPPING=1")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        # A manager that does not listen must not disturb the work.
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.sendto(message.encode("utf-8", "backslashreplace"), self._address)


def _seconds(usec: str) -> float | None:
    return int(usec) / 1_000_000 if usec.isdecimal() and int(usec) > 0 else None
