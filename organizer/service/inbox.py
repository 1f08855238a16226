"""What lies in an inbox, and what was heard to happen in it.

`scan` lists it; `Touches` collects what a watch hears until somebody asks.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from organizer.pack import is_junk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_MOST_TOUCHES = 100_000  # beyond this a scan is cheaper than remembering


def scan(
    root: Path, *, unreadable: Callable[[Path, OSError], None] | None = None
) -> Iterator[tuple[Path, os.stat_result]]:
    """Find the regular files below a folder. Links are not followed, folders of litter not entered.

    A folder or file that cannot be read is told to `unreadable`, and the rest still comes.
    """
    folders = [root]
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(folder) as listing:
                entries = list(listing)
        except OSError as error:
            if unreadable is not None:
                unreadable(folder, error)
            continue
        for entry in entries:
            try:
                if entry.is_dir(follow_symlinks=False):
                    if not is_junk(PurePosixPath(entry.name)):
                        folders.append(Path(entry.path))
                elif entry.is_file(follow_symlinks=False):
                    yield Path(entry.path), entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue  # went away while we were looking
            except OSError as error:
                if unreadable is not None:
                    unreadable(Path(entry.path), error)


def folders_below(root: Path) -> Iterator[Path]:
    """Give a folder and each below it; links are not followed."""
    folders = [root]
    while folders:
        folder = folders.pop()
        yield folder
        try:
            with os.scandir(folder) as listing:
                folders += [Path(entry.path) for entry in listing if entry.is_dir(follow_symlinks=False)]
        except OSError:
            continue


class Touches:
    """A thread-safe collection of touched paths, each once, however often it was touched."""

    def __init__(self, ring: Callable[[], None], *, most: int = _MOST_TOUCHES) -> None:
        self._ring = ring
        self._most = most
        self._lock = threading.Lock()
        self._files: set[str] = set()
        self._folders: set[str] = set()
        self._spilled = False

    def add(self, path: str, *, folder: bool) -> None:
        with self._lock:
            silent = not self._files and not self._folders and not self._spilled
            if len(self._files) + len(self._folders) < self._most:
                (self._folders if folder else self._files).add(path)
            else:
                self._spilled = True
        if silent:
            self._ring()

    def take(self) -> tuple[set[str], set[str], bool]:
        """Give and forget: files, folders, and whether there were more than could be remembered."""
        with self._lock:
            taken = self._files, self._folders, self._spilled
            self._files, self._folders, self._spilled = set(), set(), False
        return taken
