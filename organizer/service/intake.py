"""One inbox of the running service: what its watch and its scans tell, brought to its settler.

There is one way in: whatever is heard or found is handed to the settler, and only what the settler
gives out is ever filed.
"""

from __future__ import annotations

import logging
import os
import time
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Protocol

from organizer.pack import is_junk
from organizer.service.headers import whole
from organizer.service.inbox import scan
from organizer.service.report import InboxReport, shown
from organizer.service.settle import Pace, Settler
from organizer.service.writers import is_being_written
from organizer.stopping import Stopped, never, until

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from organizer.config import Inbox
    from organizer.service.settle import ReadyBatch
    from organizer.service.watch import Watch
    from organizer.stopping import Stop

    class Wanted(Protocol):
        def __call__(
            self, root: Path, found: Iterable[tuple[Path, os.stat_result]], /, *, stop: Stop
        ) -> Iterable[Path]: ...


logger = logging.getLogger(__name__)

_MOST_UNREADABLE = 20  # named in the report
# Paths that settle at a time: memory stays bounded however much is dropped. Another scan finds the rest.
MOST_SETTLING = 50_000


class Intake:
    """From touches and scans of one inbox to the batches that are ready."""

    def __init__(
        self,
        inbox: Inbox,
        watch: Watch,
        *,
        wanted: Wanted,
        settle_seconds: float,
        stop: Stop = never,
        wall: Callable[[], float] = time.time,
        most: int = MOST_SETTLING,
    ) -> None:
        self.inbox = inbox
        self.watch = watch
        self._wanted = wanted
        self._stop = stop  # asked between files
        self._settle_seconds = settle_seconds
        self._settler = Settler(
            inbox.root,
            pace=Pace.of(settle_seconds, network=False),
            stat=os.lstat,
            whole=whole,
            stop=stop,
            being_written=self._is_being_written,
            is_there=watch.is_there,
        )
        self._most = most
        self._left_out = False  # more was found than may settle at a time
        self._unreadable: dict[Path, str] = {}
        self._wall = wall  # seconds since the epoch
        self._last_event: float | None = None
        self._last_scan: float | None = None

    def __len__(self) -> int:
        """Count the paths that settle."""
        return len(self._settler)

    def renew(self) -> bool:
        """Keep the watch alive; say whether the inbox must be scanned now."""
        must_scan = self.watch.renew()
        if not self.watch.present:
            self._settler.clear()
        elif self._settler.lost_root:
            must_scan = True  # it went and came back between two looks, and what settled was forgotten
        elif self._left_out and len(self._settler) <= self._most // 2:
            must_scan = True
        if must_scan:
            self._left_out = self._settler.lost_root = False
            self._settler.pace = Pace.of(self._settle_seconds, network=bool(self.watch.network))
        return must_scan

    def scan(self, now: float, *, folder: Path | None = None, besides: Collection[Path] = ()) -> None:
        """Offer what lies in the inbox, or in one folder of it, and is wanted, `besides` what is named.

        Where it is time to stop, nothing is offered.
        """
        root = self.inbox.root
        unreadable: dict[Path, str] = {}

        def note(path: Path, error: OSError) -> None:
            if path not in self._unreadable:
                logger.warning("%s cannot be read: %s", path, error.strerror)
            unreadable[path] = error.strerror or str(error)

        found = until(self._stop, scan(folder or root, unreadable=note))
        try:
            for path in self._wanted(root, found, stop=self._stop):
                if path not in besides and not self._takes(path, now):
                    break
        except Stopped:
            return
        self._unreadable = unreadable if folder is None else self._unreadable | unreadable
        if folder is None:
            self._last_scan = self._wall()

    def drain(self, now: float) -> bool:
        """Bring what was heard to the settler; say whether more was heard than could be remembered."""
        files, folders, spilled = self.watch.take()
        if files or folders:
            self._last_event = self._wall()
        for path in files:
            if self._takes(path, now):
                self._settler.touch(path, now)
        for folder in folders:
            relative = folder.relative_to(self.inbox.root)
            if not is_junk(PurePosixPath(relative)) and not folder.is_symlink():
                with suppress(Stopped):
                    for path, _ in until(self._stop, scan(folder, unreadable=self._unheard)):
                        if not self._takes(path, now):
                            break
        return spilled

    def _is_being_written(self, path: Path) -> bool:
        """Ask the system, where it knows: on network disks it refuses leases for reasons of its own."""
        return not self.watch.network and is_being_written(path)

    def _unheard(self, _path: Path, _error: OSError) -> None:
        """Note that what was told of could not be looked at."""
        self._settler.lost_root |= not self.watch.is_there()

    def _takes(self, path: Path, now: float) -> bool:
        """Let a path settle that was found, unless so many do that it must wait for another scan."""
        if len(self._settler) >= self._most and path not in self._settler:
            self._left_out = True
            return False
        self._settler.found(path, now)
        return True

    def offer(self, paths: Iterable[Path], now: float) -> None:
        """Let paths settle again whose time has come."""
        for path in paths:
            self._settler.found(path, now)

    def next_ready(self, now: float) -> ReadyBatch | None:
        """Give one batch that is ready to be filed."""
        ready = self._settler.tick(now, most=1)
        return ready[0] if ready else None

    def next_due(self) -> float | None:
        return self._settler.next_due()

    def growing(self, now: float) -> list[Path]:
        return self._settler.growing(now)

    def report(self) -> InboxReport:
        watch = self.watch
        return InboxReport(
            title=self.inbox.title,
            path=shown(self.inbox.root),
            present=watch.present,
            watch=watch.kind,
            folders=watch.folders,
            last_event=self._last_event,
            last_scan=self._last_scan,
            degraded=watch.degraded,
            network=watch.network,
            unreadable=[f"{shown(path)}: {why}" for path, why in self._unreadable.items()][:_MOST_UNREADABLE],
        )
