"""Keeping one inbox watched, whatever befalls it. Nothing here decides when a file is complete."""

from __future__ import annotations

import logging
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from organizer.execution.mounts import MOUNT_TABLE
from organizer.service.inbox import Touches
from organizer.service.mounts import network_type
from organizer.service.observers import LimitReached, watch_by_events, watch_by_polling

if TYPE_CHECKING:
    from collections.abc import Callable

    from organizer.config import WatchMode
    from organizer.service.observers import Touched, Watcher

logger = logging.getLogger(__name__)


class Watch:
    """Keeps one inbox watched: through its absence, its replacement, and the limits of the system."""

    def __init__(
        self,
        root: Path,
        *,
        ring: Callable[[], None],
        mode: WatchMode = "auto",
        poll_seconds: float = 5.0,
        by_events: Callable[[Path, Touched], Watcher] = watch_by_events,
        mount_table: Path = MOUNT_TABLE,
    ) -> None:
        self.root = root
        self.degraded = ""  # why the watch is worse than it should be; empty if it is not
        self.network = ""  # the network file system it lies on; empty for a local one
        self.kind: Literal["native", "poll"] = "native"
        self._mode = mode
        self._touches = Touches(ring)
        self._poll_seconds = poll_seconds
        self._by_events = by_events
        self._mount_table = mount_table
        self._watcher: Watcher | None = None
        self._identity: tuple[int, int] | None = None
        self._real = root  # where the inbox lies once links to it are followed
        self._waiting = False

    @property
    def present(self) -> bool:
        return self._identity is not None

    @property
    def folders(self) -> int | None:
        """Count the folders that the system watches for us, where it tells."""
        return None if self._watcher is None else self._watcher.folders()

    def renew(self) -> bool:
        """Bring the watch in line with the disk; say whether the inbox must be scanned now.

        Called again and again. The inbox is watched before it is scanned, so that nothing falls between.
        """
        identity = self._look()
        if identity is None:
            self._absent()
            return False
        watcher = self._watcher
        if watcher is None or identity != self._identity or not watcher.alive():
            if watcher is not None:
                logger.warning("%s was replaced, or its watch ended: watching it anew", self.root)
            return self._start(identity)
        if self.kind == "native" and (limit := watcher.limit()):
            self._degrade(limit)
            return True
        if watcher.lost_some():
            logger.warning("events of %s were lost: scanning it", self.root)
            return True
        return False

    def healthy(self) -> bool:
        """Say whether every change would be heard, or the inbox is known to be absent and waited for."""
        if self._watcher is None:
            return self._waiting
        return self._watcher.alive() and self.is_there()

    def is_there(self) -> bool:
        """Say whether the inbox that is watched is still the one at its path."""
        return self._look() == self._identity

    def take(self) -> tuple[list[Path], list[Path], bool]:
        """Give the files and folders touched since, and whether only a scan can tell what was."""
        files, folders, spilled = self._touches.take()
        outermost = [one for one in folders if not any(str(up) in folders for up in Path(one).parents)]
        return [self._named(one) for one in files], [self._named(one) for one in outermost], spilled

    def stop(self) -> None:
        if self._watcher is not None:
            self._watcher.stop()
        self._watcher = None
        self._identity = None

    def _start(self, identity: tuple[int, int]) -> bool:
        self.stop()
        self._real = Path(os.path.realpath(self.root))
        self.network = network_type(self.root, table=self._mount_table)
        self.degraded = ""
        try:
            if self._mode == "poll" or (self.network and self._mode == "auto"):
                self._poll()
            else:
                self._watcher, self.kind = self._by_events(self._real, self._touches.add), "native"
        except LimitReached as error:
            self._degrade(error.message)
        except RecursionError:  # watchdog walks with `os.walk`, which recurses before Python 3.12
            self.degraded = "cannot be watched: its folders lie too deep within one another"
            return False
        except OSError as error:
            # Most likely it went away between the look and the watch: the next renewal tells.
            logger.warning("%s cannot be watched: %s", self.root, error.strerror or error)
            self.degraded = f"cannot be watched: {error.strerror or error}"
            return False
        if self._watcher is None:
            return False
        if self._waiting:
            logger.info("%s is there again", self.root)
        self._waiting = False
        self._identity = identity
        if limit := self._watcher.limit():
            self._degrade(limit)
        return True

    def _poll(self) -> None:
        self._watcher = watch_by_polling(self._real, self._touches.add, seconds=self._poll_seconds)
        self.kind = "poll"

    def _degrade(self, reason: str) -> None:
        logger.warning("%s: %s; looking every %g s instead", self.root, reason, self._poll_seconds)
        if self._watcher is not None:
            self._watcher.stop()
            self._watcher = None
        self.degraded = reason
        try:
            self._poll()
        except OSError as error:
            self.degraded = f"{reason}; and it cannot be listed: {error.strerror or error}"
        except RecursionError:
            self.degraded = f"{reason}; and its folders lie too deep within one another"

    def _absent(self) -> None:
        if not self._waiting:
            logger.warning("%s %s: waiting for it", self.root, self.degraded or "is not there")
        self.stop()
        self._waiting = True

    def _look(self) -> tuple[int, int] | None:
        """Tell the folder that is there now from any other; None while none can be read."""
        try:
            seen = self.root.stat()
            if not stat.S_ISDIR(seen.st_mode):
                self.degraded = "is not a folder"
                return None
            os.scandir(self.root).close()
        except OSError as error:
            missing = isinstance(error, FileNotFoundError | NotADirectoryError)
            self.degraded = "" if missing else f"cannot be read: {error.strerror}"
            return None
        return seen.st_dev, seen.st_ino

    def _named(self, path: str) -> Path:
        """Give a path the name it has by way of the inbox, which may be a link."""
        return Path(path) if self._real == self.root else self.root / Path(path).relative_to(self._real)
