"""watchdog's inotify observer with a reader that remembers what went wrong. Linux only.

watchdog passes over three things without telling: folders that the limits leave unwatched below the first
one, events that the kernel dropped because its queue was full, and a disk that was unmounted, after which
nothing of it is heard any more, should it come back at once as the same.
"""

from __future__ import annotations

import logging
import warnings
from typing import TYPE_CHECKING

from watchdog.observers.api import BaseObserver
from watchdog.observers.inotify import InotifyEmitter
from watchdog.observers.inotify_c import InotifyConstants, InotifyFD

if TYPE_CHECKING:
    from watchdog.observers.inotify_c import CallbackId, InotifyEvent, Mask, WatchCallback, WatchDescriptor


class RememberingReader(InotifyFD):
    """The thread that reads the kernel's events."""

    def __init__(self) -> None:
        super().__init__()
        self.failed = 0  # the error number of the last folder that could not be watched
        self.lost = False  # the kernel dropped events
        self.unmounted = False  # the disk of a watched folder was
        self._watched: set[WatchDescriptor] = set()

    @property
    def folders(self) -> int:
        """Count the folders that are watched."""
        return len(self._watched)

    def add_callback(
        self, path: bytes, mask: Mask, callback: WatchCallback, id_: CallbackId
    ) -> WatchDescriptor:
        try:
            watched = super().add_callback(path, mask, callback, id_)
        except OSError as error:
            self.failed = error.errno or 0
            raise
        self._watched.add(watched)
        return watched

    def remove_callbacks(self, callbacks: list[tuple[WatchDescriptor, CallbackId]]) -> None:
        super().remove_callbacks(callbacks)
        self._watched.difference_update(watched for watched, _ in callbacks)

    def handle_event(self, event: InotifyEvent) -> None:
        if event.is_queue_overflow:
            self.lost = True
        if event.mask & InotifyConstants.IN_UNMOUNT:
            self.unmounted = True
        if event.is_ignored:  # the folder is gone
            self._watched.discard(event.wd)
        super().handle_event(event)


def observe() -> tuple[BaseObserver, RememberingReader]:
    """Make an observer, not yet started, and its reader, which is."""
    logging.getLogger("watchdog.observers.inotify").addFilter(_is_news)
    # While a tree is copied in, one folder is often added twice, which is harmless and warned of.
    warnings.filterwarnings("ignore", message="Callback with id", category=RuntimeWarning)
    reader = RememberingReader()
    reader.start()
    return BaseObserver(InotifyEmitter, inotify_fd=reader), reader


def _is_news(record: logging.LogRecord) -> bool:
    """Drop what watchdog reports as an error whenever a watch is stopped while events come in."""
    return not str(record.msg).endswith("called when the thread is inactive")
