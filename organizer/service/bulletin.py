"""Keeps the service's report, and tells it: to the report file, and to systemd."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

import msgspec

from organizer import __version__
from organizer.errors import OrganizerError
from organizer.service import report as reports
from organizer.service.report import Busy, ServiceReport, Trouble

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from organizer.service.notify import Notifier

logger = logging.getLogger(__name__)

_MOST_TROUBLES = 20
SECONDS_BETWEEN = 1.0  # two reports, at least
_SECONDS_AT_MOST = 30.0
_BEATS_PER_WATCHDOG = 4  # systemd asks for two; a busy machine may be late


class Bulletin:
    """The present state of the service, told at changes."""

    def __init__(
        self,
        path: Path,
        *,
        notify: Notifier,
        healthy: Callable[[], bool],
        model_id: str,
        before: ServiceReport | None = None,
        each_beat: Callable[[], None] = lambda: None,
        clock: Callable[[], float],
        wall: Callable[[], float],
    ) -> None:
        self.report = ServiceReport(
            pid=os.getpid(), version=__version__, started=wall(), updated=wall(), model_id=model_id
        )
        if before is not None:  # the same service, under other settings
            self.report.started = before.started
            self.report.batches_filed, self.report.files_filed = before.batches_filed, before.files_filed
            self.report.seconds_filing, self.report.filed_at = before.seconds_filing, before.filed_at
            self.report.errors = before.errors
        self._path = path
        self._notify = notify
        self._healthy = healthy
        self._each_beat = each_beat
        self._clock = clock
        self._wall = wall
        self._told = self._beaten = float("-inf")
        self._told_content = b""
        self._status = ""
        self._mute = False  # the report could not be written last time

    def trouble(self, sentence: str, error: Exception) -> None:
        """Note that something went wrong and the service goes on."""
        known = isinstance(error, OrganizerError)
        logger.error("%s: %s", sentence, error, exc_info=None if known else error)
        said = f"{sentence}: {error}" if known else f"{sentence}: {type(error).__name__}: {error}"
        text = said.encode("utf-8", "backslashreplace").decode()
        noted = [*self.report.errors, Trouble(time=self._wall(), sentence=text)]
        self.report.errors = noted[-_MOST_TROUBLES:]

    def progress(self, stage: str, done: int, total: int) -> None:
        if self.report.busy is not None:
            self.report.busy = Busy(title=self.report.busy.title, stage=stage, done=done, total=total)
        self.beat()
        self.tell()

    def beat(self) -> None:
        """Tell systemd that the service lives; silent while some inbox is not heard."""
        self._each_beat()
        seconds = self._notify.watchdog_seconds
        now = self._clock()
        if seconds is None or now - self._beaten < seconds / _BEATS_PER_WATCHDOG:
            return
        if self._healthy():
            self._beaten = now
            self._notify.alive()

    def tell(self, *, at_once: bool = False) -> bool:
        """Write the report if it changed or grew old; say whether something is left to tell soon."""
        now = self._clock()
        if not at_once and now - self._told < SECONDS_BETWEEN:
            return True
        content = self._content()
        if not at_once and content == self._told_content and now - self._told < _SECONDS_AT_MOST:
            return False
        self._told = now
        self._told_content = content
        self.report.updated = self._wall()
        try:
            reports.write(self.report, self._path)
            self._mute = False
        except OSError as error:
            if not self._mute:
                logger.warning("the report %s cannot be written: %s", self._path, error.strerror)
            self._mute = True
        status = sentence_of(self.report)
        if status != self._status:
            self._status = status
            self._notify.status(status)
        return False

    def _content(self) -> bytes:
        return msgspec.json.encode(msgspec.structs.replace(self.report, updated=0.0))


def sentence_of(report: ServiceReport) -> str:
    """Say in one line how the service does."""
    there = sum(one.present for one in report.inboxes)
    parts = [f"{there} of {len(report.inboxes)} inboxes watched"]
    if report.paused:
        parts.append(report.paused)
    if report.busy is not None:
        busy = report.busy
        far = f" ({busy.stage} {busy.done}/{busy.total})" if busy.stage else ""
        parts.append(f"filing {busy.title}{far}")
    if report.waiting:
        parts.append(f"{report.waiting} files settling")
    if report.retrying:
        parts.append(f"{report.retrying} batches to be tried again")
    parts.append(f"{report.files_filed} files filed")
    return "; ".join(parts)
