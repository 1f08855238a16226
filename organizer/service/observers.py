"""Watching one folder tree with watchdog: by the kernel's events, or by looking again and again.

Owns everything that is watchdog's. An observer only says that something happened to a path; it also
says whether it still hears, because watchdog's own `is_alive` stays true over a dead emitter, over an
inotify reader that died, and over folders that the limits of inotify left unwatched.
"""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from watchdog.events import (
    DirCreatedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers.polling import PollingObserverVFS

from organizer.errors import OrganizerError
from organizer.service.inbox import folders_below

if TYPE_CHECKING:
    from watchdog.observers.api import BaseObserver

# What counts as a touch. Opening and reading is not one (this service reads what it hears), nor is a
# change of a folder, which comes with every file in it, nor a removal, which the next look notices.
_EVENTS: list[type[FileSystemEvent]] = [
    FileCreatedEvent,
    FileModifiedEvent,
    FileClosedEvent,
    FileMovedEvent,
    DirCreatedEvent,
    DirMovedEvent,
]

# A limit of inotify, and the setting that raises it.
_LIMITS = {errno.ENOSPC: "max_user_watches", errno.EMFILE: "max_user_instances"}


class LimitReached(OrganizerError):
    """The system lets this user watch no more folders."""


class Touched(Protocol):
    """What is told that something happened to a path; called from a thread of the watcher's own."""

    def __call__(self, path: str, *, folder: bool) -> None: ...


class Watcher(Protocol):
    """Something that hears what happens below a folder."""

    def alive(self) -> bool:
        """Say whether it still hears."""

    def lost_some(self) -> bool:
        """Say whether events were lost since this was last asked."""

    def limit(self) -> str:
        """Say which limit left folders unwatched, and what to do; empty if none did."""

    def folders(self) -> int | None:
        """Count the folders that the system watches for us; None where it does not tell, or none are."""

    def stop(self) -> None: ...


def watch_by_polling(folder: Path, touched: Touched, *, seconds: float) -> Watcher:
    """Watch a folder by listing it every so many seconds; links are not followed."""
    observer = PollingObserverVFS(os.lstat, os.scandir, polling_interval=seconds)
    return _Watchdog(observer, folder, touched)


def watch_by_events(folder: Path, touched: Touched) -> Watcher:
    """Watch a folder by the system's events; raises LimitReached where the limits do not allow it."""
    try:
        if sys.platform == "linux":
            from organizer.service.inotify import observe  # inotify's library exists on Linux only

            observer, reader = observe()
            return _Watchdog(observer, folder, touched, reader=reader)
        from watchdog.observers import Observer

        return _Watchdog(Observer(), folder, touched)
    except OSError as error:
        if error.errno in _LIMITS:
            raise LimitReached(_limit_for(folder, error.errno), path=folder) from error
        raise


def limit_sentence(code: int, *, folders: int = 0, settings: Path = Path("/proc/sys/fs/inotify")) -> str:
    """Name the limit of inotify behind an error, its value, and the command that raises it far enough for so
    many folders more.
    """
    name = _LIMITS[code]
    try:
        present = int((settings / name).read_text())
    except (OSError, ValueError):
        present = 0
    now = f"fs.inotify.{name}" + (f" is {present} and" if present else "")
    room = f"no room for {folders} folders" if folders else "no room"
    needed = max(2 * present, present + folders, 1024)
    return f"{now} leaves {room}; `sudo sysctl fs.inotify.{name}={needed}` raises it"


def _limit_for(folder: Path, code: int) -> str:
    """Say what a folder with all below it would need; each takes one watch, and all one instance."""
    watches = code == errno.ENOSPC
    return limit_sentence(code, folders=sum(1 for _ in folders_below(folder)) if watches else 0)


class Reader(Protocol):
    """The thread that reads the kernel's events, where there is one of its own."""

    failed: int
    lost: bool
    unmounted: bool

    @property
    def folders(self) -> int: ...

    def is_alive(self) -> bool: ...

    def stop(self) -> None: ...

    def join(self) -> None: ...


class _Watchdog:
    """One watchdog observer over one folder."""

    def __init__(
        self, observer: BaseObserver, folder: Path, touched: Touched, *, reader: Reader | None = None
    ) -> None:
        self._observer = observer
        self._folder = folder
        self._reader = reader
        observer.schedule(_Handler(touched), str(folder), recursive=True, event_filter=_EVENTS)
        try:
            observer.start()
        except BaseException:
            self._stop_reader()
            raise

    def alive(self) -> bool:
        emitters = self._observer.emitters
        threads: list[Any] = [self._observer, *emitters]
        if self._reader is not None:
            threads.append(self._reader)
            if self._reader.unmounted:
                return False
        return bool(emitters) and all(thread.is_alive() for thread in threads)

    def lost_some(self) -> bool:
        if self._reader is None or not self._reader.lost:
            return False
        self._reader.lost = False
        return True

    def limit(self) -> str:
        failed = 0 if self._reader is None else self._reader.failed
        return _limit_for(self._folder, failed) if failed in _LIMITS else ""

    def folders(self) -> int | None:
        return None if self._reader is None else self._reader.folders

    def stop(self) -> None:
        if self._observer.is_alive():
            self._observer.stop()
            self._observer.join()
        self._stop_reader()

    def _stop_reader(self) -> None:
        if self._reader is not None and self._reader.is_alive():
            self._reader.stop()
            self._reader.join()


class _Handler(FileSystemEventHandler):
    def __init__(self, touched: Touched) -> None:
        self._touched = touched

    def on_any_event(self, event: FileSystemEvent) -> None:
        path = event.dest_path or event.src_path
        self._touched(os.fsdecode(path), folder=event.is_directory)
