"""Whether inboxes and libraries are still the disks that they were when a batch began.

A disk that is taken out leaves the folder that it was mounted at, and what was meant for the disk would go
into that folder, where nobody finds it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from organizer.execution.problems import away
from organizer.planning.operations import Teach

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from organizer.planning.operations import Operation


class Grounds:
    """The folders, each with the numbers of its disk and of itself at the beginning."""

    def __init__(self, folders: Iterable[Path], is_away: Callable[[Path], bool]) -> None:
        # The innermost first: a mount point lies in a folder that may be one of them.
        ordered = sorted(folders, key=lambda one: -len(one.parts))
        self._seen = {one: None if is_away(one) else _numbers(one) for one in ordered}

    def check(self, operation: Operation) -> None:
        """Raise `Transient` where an operation has to do with a folder that is on another disk by now."""
        if isinstance(operation, Teach):
            return  # no file is touched
        for name in ("target", "path", "source", "original", "archive"):
            place = getattr(operation, name, None)
            root = None if place is None else self._root_of(place)
            if root is None:
                continue
            seen, now = self._seen[root], _numbers(root)
            if seen is None or now is None or seen[0] != now[0]:
                raise away(root)

    def hold(self, path: Path) -> bool:
        """Say whether a path that is not there is truly gone, and not its disk: the folder that a disk leaves
        may have the same device, but is another.
        """
        root = self._root_of(path)
        same = root is None or (self._seen[root] is not None and _numbers(root) == self._seen[root])
        return same and path.parent.is_dir()

    def _root_of(self, place: Path) -> Path | None:
        return next((one for one in self._seen if place.is_relative_to(one)), None)


def _numbers(folder: Path) -> tuple[int, int] | None:
    try:
        found = (folder / ".").stat()  # the dot lets an automount happen
    except OSError:
        return None
    return found.st_dev, found.st_ino
