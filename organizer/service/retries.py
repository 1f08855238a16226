"""Which batches failed, and when they may be tried again. Pure: time is told to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    Key = tuple[str, str | None]  # an inbox's title, and a pack or None

LONGEST_SECONDS = 3600.0


@dataclass(slots=True)
class _Failed:
    attempts: int = 0
    due: float = 0.0
    paths: set[Path] = field(default_factory=set)  # empty while they are settling again


class Retries:
    """Failed batches, each with a wait that doubles. None is ever given up."""

    def __init__(self, *, first_seconds: float) -> None:
        self._first = first_seconds
        self._failed: dict[Key, _Failed] = {}

    def __len__(self) -> int:
        """Count the batches that wait for their time."""
        return sum(bool(failed.paths) for failed in self._failed.values())

    @property
    def paths(self) -> set[Path]:
        """Give the paths whose time has not come yet."""
        return {path for failed in self._failed.values() for path in failed.paths}

    def failed(self, key: Key, paths: Iterable[Path], now: float) -> float:
        """Note a failure; give the seconds until the next try."""
        failed = self._failed.setdefault(key, _Failed())
        failed.attempts += 1
        failed.paths.update(paths)
        wait = min(self._first * 2.0 ** min(failed.attempts - 1, 30), LONGEST_SECONDS)
        failed.due = now + wait
        return wait

    def done(self, key: Key) -> None:
        """Forget a batch that went through; paths of it that still wait keep their time."""
        failed = self._failed.get(key)
        if failed is not None and not failed.paths:
            del self._failed[key]

    def due(self, now: float) -> list[Path]:
        """Give, once, the paths whose time has come."""
        found: list[Path] = []
        for key, failed in list(self._failed.items()):
            if failed.paths and failed.due <= now:
                found += sorted(failed.paths)
                failed.paths = set()
            elif not failed.paths and now - failed.due > LONGEST_SECONDS:
                del self._failed[key]  # never came back: the user took the files away
        return found

    def waiting(self) -> list[tuple[Key, int, float]]:
        """Give the batches that wait for their time: which, how often they were tried, and when it is."""
        return [(key, one.attempts, one.due) for key, one in self._failed.items() if one.paths]

    def next_due(self) -> float | None:
        return min((failed.due for failed in self._failed.values() if failed.paths), default=None)
