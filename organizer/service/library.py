"""When the libraries are looked through: now and then, a little at a time, and at once where the system tells
of changes. What a look means is not known here.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from organizer.service.inbox import Touches, folders_below, scan
from organizer.service.mounts import network_type
from organizer.service.observers import LimitReached, watch_by_events
from organizer.service.report import LibraryReport, shown
from organizer.stopping import Stopped, never

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from organizer.batch.observing import Seen
    from organizer.service.observers import Touched, Watcher
    from organizer.stopping import Stop

logger = logging.getLogger(__name__)

WATCH_LIMIT = Path("/proc/sys/fs/inotify/max_user_watches")
# Of what the system lets all programs of a user watch together, no more than this share is taken, and never
# so many that it would take seconds to begin.
SHARE = 4
MOST_FOLDERS = 20_000
# Before it is asked whether something arrives.
SECONDS_AT_ONCE = 0.05
# Whether it is still there costs a look at all mounts, and is asked so often.
SECONDS_BETWEEN_RENEWALS = 30.0
# After the start, and after somebody else was found changing files.
SECONDS_BEFORE_FIRST = 60.0


class Looks(Protocol):
    """What is needed of whoever looks."""

    def look(self, root: Path, *, stop: Stop) -> Iterator[Seen]: ...
    def glance(self, paths: Iterable[Path]) -> list[tuple[Path, Path]] | None: ...
    def learn(self, moves: list[tuple[Path, Path]], *, stop: Stop) -> None: ...


class LibraryWatch:
    """One library: watched where that is cheap, and looked through on schedule."""

    def __init__(
        self,
        root: Path,
        looks: Looks,
        *,
        is_away: Callable[[Path], bool],
        may_watch: bool = True,
        scan_seconds: float,
        first_seconds: float = SECONDS_BEFORE_FIRST,
        clock: Callable[[], float],
        wall: Callable[[], float],
        by_events: Callable[[Path, Touched], Watcher] = watch_by_events,
        most_folders: Callable[[], int] | None = None,
    ) -> None:
        self.root = root
        self._looks = looks
        self._is_away = is_away
        self._may_watch = may_watch
        self._scan_seconds = scan_seconds
        self._clock = clock
        self._wall = wall
        self._by_events = by_events
        self._most_folders = most_folders or most_watched
        self._touches = Touches(lambda: None)
        self._watcher: Watcher | None = None
        self._real = root
        self._identity: tuple[int, int] | None = None
        self._work: Iterator[None] | None = None
        self._due = clock() + first_seconds
        self._next_renewal = clock()
        self.report = LibraryReport(path=shown(root))

    def step(self, stop: Stop = never) -> bool:
        """Do a little of what is to be done; say whether there is more to do at once.

        Raises `Stopped` where `stop`, which is asked while a file is read, says so.
        """
        if self._work is None:
            self._renew()
            if self._identity is None:
                return False
            self._glance(stop)
            if self._clock() < self._due:
                return False
            self._work = self._whole_look(stop)
        try:
            next(self._work)
        except StopIteration:
            self._work = None
            self._due = self._clock() + self._scan_seconds
        return self._work is not None

    def put_off(self) -> None:
        """Look again another time."""
        self._work = None
        self._due = self._clock() + self._scan_seconds

    def stop(self) -> None:
        self._work = None
        if self._watcher is not None:
            self._watcher.stop()
            self._watcher = None
        self.report.watched = False

    def _renew(self) -> None:
        """Notice a library that is gone, that is another, or that is heard no more: it is looked through."""
        deaf = self._watcher is not None and (not self._watcher.alive() or bool(self._watcher.limit()))
        lost = self._watcher is not None and self._watcher.lost_some()
        if not deaf and not lost and self._clock() < self._next_renewal:
            return
        self._next_renewal = self._clock() + SECONDS_BETWEEN_RENEWALS
        identity = self._look_at_root()
        if identity != self._identity or deaf:
            if self._identity is not None:
                self._due = self._clock()
            self.stop()
            self._identity = identity
        elif lost:
            self._due = self._clock()

    def _look_at_root(self) -> tuple[int, int] | None:
        try:
            if self._is_away(self.root):
                return None
            seen = self.root.stat()
        except OSError:
            return None
        return seen.st_dev, seen.st_ino

    def _glance(self, stop: Stop) -> None:
        """Look at what was touched."""
        files, folders, spilled = self._touches.take()
        if spilled:
            self._due = self._clock()
        paths = {self._named(one) for one in files}
        for folder in folders:
            paths.update(path for path, _ in scan(self._named(folder)))
        if not paths:
            return
        moved = self._looks.glance(sorted(paths))
        if moved is None:  # once whoever changes files is done
            for path in files:
                self._touches.add(path, folder=False)
            for path in folders:
                self._touches.add(path, folder=True)
            return
        self._tell(moved, stop)

    def _whole_look(self, stop: Stop) -> Iterator[None]:
        """Watch the library if it may be, then look through it: nothing falls between."""
        if self._watcher is None and self._may_watch and not network_type(self.root):
            most, count = self._most_folders(), 0
            for _ in folders_below(self.root):
                count += 1
                if count > most:
                    break
                yield
            if count <= most:
                self._watch()
        for seen in self._looks.look(self.root, stop=stop):
            if self._look_at_root() != self._identity:
                return  # it was taken out in the middle: nothing of it is missing
            if seen.whole:
                self._note(seen, stop)
            yield

    def _note(self, seen: Seen, stop: Stop) -> None:
        report = self.report
        report.looked_at = self._wall()
        report.unknown, report.missing, report.changed = seen.unknown, seen.missing, seen.changed
        self._tell(seen.moved, stop)

    def _watch(self) -> None:
        self._real = Path(os.path.realpath(self.root))
        try:
            self._watcher = self._by_events(self._real, self._touches.add)
        except (LimitReached, OSError, RecursionError) as error:
            logger.info("the library %s is only looked through now and then: %s", self.root, error)
            self._may_watch = False
            return
        if self._watcher.limit():
            self.stop()
            self._may_watch = False
            return
        self.report.watched = True

    def _tell(self, moved: list[tuple[Path, Path]], stop: Stop) -> None:
        for before, now in moved:
            self.report.moved += 1
            logger.info("moved by hand: %s -> %s", shown(before), shown(now))
        if moved:
            self._looks.learn(moved, stop=stop)

    def _named(self, path: str) -> Path:
        return Path(path) if self._real == self.root else self.root / Path(path).relative_to(self._real)


class Libraries:
    """All libraries of a service."""

    def __init__(self, watches: Sequence[LibraryWatch], *, clock: Callable[[], float]) -> None:
        self._watches = watches
        self._clock = clock

    @property
    def reports(self) -> list[LibraryReport]:
        return [one.report for one in self._watches]

    def look(self, *, stop: Stop, trouble: Callable[[str, Exception], None]) -> bool:
        """Use a moment for looking; say whether there is more to look at. `trouble` is told of what fails."""
        end = self._clock() + SECONDS_AT_ONCE
        looking = False
        for one in self._watches:
            try:
                while not stop() and (more := one.step(stop)):
                    looking |= more
                    if self._clock() >= end:
                        break
            except Stopped:
                break
            except Exception as error:
                one.put_off()
                trouble(f"the library {one.root} could not be looked through", error)
        return looking

    def stop(self) -> None:
        for one in self._watches:
            one.stop()


def most_watched(limit: Path = WATCH_LIMIT) -> int:
    """Say how many folders of a library may be watched."""
    try:
        return min(int(limit.read_text()) // SHARE, MOST_FOLDERS)
    except (OSError, ValueError):
        return MOST_FOLDERS
