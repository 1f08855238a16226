"""Whether inboxes and libraries are still the disks that they were when a batch began.

A disk that is taken out leaves the folder that it was mounted at, and what was meant for the disk would go
into that folder, where nobody finds it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from organizer.execution.problems import away

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from organizer.planning.operations import Operation


class Grounds:
    """The folders, each with the number of its disk at the beginning."""

    def __init__(self, folders: Iterable[Path], is_away: Callable[[Path], bool]) -> None:
        # The innermost first: a mount point lies in a folder that may be one of them.
        ordered = sorted(folders, key=lambda one: -len(one.parts))
        self._devices = {one: None if is_away(one) else _device(one) for one in ordered}

    def check(self, operation: Operation) -> None:
        """Raise `Transient` where an operation has to do with a folder that is on another disk by now."""
        for name in ("target", "path", "source", "original", "archive"):
            place = getattr(operation, name, None)
            root = next((one for one in self._devices if place and place.is_relative_to(one)), None)
            if root is not None and (self._devices[root] is None or _device(root) != self._devices[root]):
                raise away(root)


def _device(folder: Path) -> int | None:
    try:
        return (folder / ".").stat().st_dev  # the dot lets an automount happen
    except OSError:
        return None
