"""When a file counts as complete, and when the files that were dropped together are ready to be filed.

A pure tracker of one inbox: time is told to it, the disk is seen through `stat`, `whole`, `being_written` and
`is_there` alone, and it has no threads. It neither lists folders nor files anything.
"""

from __future__ import annotations

import heapq
import stat as stat_module
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import count, islice
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from organizer.pack import is_junk, type_of
from organizer.sample import FileType, Stamp
from organizer.stopping import never

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator

    from organizer.stopping import Stop

LEAST_QUIET_SECONDS = 0.5  # however short the settle time, a copy of many files is not cut apart


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How long to wait for what, in seconds."""

    settle: float = 3.0  # of quiet, and between the two looks at a file
    quiet: float = 6.0  # of a batch
    ragged: float = 30.0  # of quiet, for a file whose header disagrees with its size
    limit: float = 60.0  # since a batch began; then its ready part goes

    @classmethod
    def of(cls, settle_seconds: float, *, network: bool) -> Pace:
        """Derive all from the settle time of a local disk; a network is slower to show changes."""
        settle = settle_seconds * 10 / 3 if network else settle_seconds
        return cls(
            settle=settle,
            quiet=max(2 * settle, LEAST_QUIET_SECONDS),
            ragged=settle * (30 if network else 10),
            limit=60.0,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyBatch:
    """Complete files that belong together: those of one top-level entry, or loose ones (`pack` None)."""

    pack: str | None
    paths: tuple[Path, ...]
    partial: bool = False  # more of it is still settling


@dataclass(slots=True)
class _Entry:
    pack: str | None
    since: float
    touched: float
    due: float
    ticket: int = -1  # of its item in the heap
    look: Stamp | None = None
    looked: float = 0.0
    ragged: bool = False
    complete: bool = False


@dataclass(slots=True)
class _Batch:
    first: float
    last: float
    paths: set[Path] = field(default_factory=set)
    complete: int = 0


class Settler:
    """Turn touches into ready batches."""

    def __init__(
        self,
        root: Path,
        *,
        pace: Pace,
        stat: Callable[[Path], os.stat_result],
        whole: Callable[[Path], bool],
        being_written: Callable[[Path], bool],
        is_there: Callable[[], bool],
        stop: Stop = never,
    ) -> None:
        self.root = root
        self.pace = pace
        self._stat = stat
        self._whole = whole
        self._stop = stop  # asked before each look at a file
        self._being_written = being_written
        self._is_there = is_there  # the inbox, and no other in its place
        self._entries: dict[Path, _Entry] = {}
        self._batches: dict[str | None, _Batch] = {}
        # One item per open path, never later than the path is due; a touch only moves `due` on.
        self._heap: list[tuple[float, int, Path]] = []
        self._tickets = count()
        self.lost_root = False  # the inbox was away when a path of it was looked at

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, path: Path) -> bool:
        return path in self._entries

    def touch(self, path: Path, now: float) -> None:
        """Note that something happened to a path: its quiet begins anew. Junk is not noted."""
        entry = self._entries.get(path)
        if entry is None:
            if not path.is_relative_to(self.root):
                return
            parts = path.relative_to(self.root).parts
            if not parts or any(_is_junk_name(part) for part in parts):
                return
            pack = parts[0] if len(parts) > 1 else None
            entry = _Entry(pack, since=now, touched=now, due=now)
            batch = self._batches.setdefault(pack, _Batch(first=now, last=now))
            batch.paths.add(path)
            self._entries[path] = entry
            self._await(path, entry, now + self.pace.settle)
        self._reopen(path, entry, now)

    def found(self, path: Path, now: float) -> None:
        """Note a path that a scan came upon; one that is known already is not disturbed."""
        if path not in self._entries:
            self.touch(path, now)

    def forget(self, path: Path) -> None:
        entry = self._entries.pop(path, None)
        if entry is None:
            return
        batch = self._batches[entry.pack]
        batch.paths.discard(path)
        batch.complete -= entry.complete
        if not batch.paths:
            del self._batches[entry.pack]

    def clear(self) -> None:
        """Forget everything: the inbox is gone, and what comes back is found again."""
        self._entries.clear()
        self._batches.clear()
        self._heap.clear()

    def tick(self, now: float, *, most: int | None = None) -> list[ReadyBatch]:
        """Look at the paths whose quiet time is over; hand out at most `most` batches that are ready.

        What is handed out is no longer tracked. What is not asked for stays, and is looked at again; so is
        everything where it is time to stop.
        """
        while self._heap and self._heap[0][0] <= now and not self._stop():
            _, ticket, path = heapq.heappop(self._heap)
            entry = self._entries.get(path)
            if entry is None or entry.ticket != ticket:
                continue
            if entry.due <= now:
                self._look(path, entry, now)
            if not entry.complete and path in self._entries:
                self._await(path, entry, entry.due)
        return list(islice(self._ready(now), most))

    def next_due(self) -> float | None:
        """Say when `tick` has something to do next, if nothing happens until then."""
        times = [self._heap[0][0]] if self._heap else []
        for batch in self._batches.values():
            if batch.complete:
                times.append(batch.first + self.pace.limit)
            if batch.complete == len(batch.paths):
                times.append(batch.last + self.pace.quiet)
        return min(times, default=None)

    def growing(self, now: float) -> list[Path]:
        """Name the files that have been written to for so long that they may never be complete."""
        return sorted(
            path
            for path, entry in self._entries.items()
            if not entry.complete and not entry.ragged and now - entry.since >= self.pace.limit
        )

    def _ready(self, now: float) -> Iterator[ReadyBatch]:
        for pack, batch in list(self._batches.items()):
            done = batch.complete == len(batch.paths) and now - batch.last >= self.pace.quiet
            if not done and (not batch.complete or now - batch.first < self.pace.limit):
                continue
            paths = self._confirmed(batch, now)
            partial = len(paths) < len(batch.paths)
            if not paths or (partial and now - batch.first < self.pace.limit):
                continue
            for path in paths:
                self.forget(path)
            batch.first = now  # the rest, if any, has its own time
            yield ReadyBatch(pack=pack, paths=tuple(sorted(paths)), partial=partial)

    def _confirmed(self, batch: _Batch, now: float) -> list[Path]:
        """Give the complete paths of a batch, after another look at those not seen for some time."""
        for path in list(batch.paths):
            if self._stop():
                return []
            entry = self._entries[path]
            if entry.complete and now - entry.looked >= self.pace.settle:
                self._look(path, entry, now)
        return [path for path in batch.paths if self._entries[path].complete]

    def _look(self, path: Path, entry: _Entry, now: float) -> None:
        try:
            seen = self._stat(path)
        except OSError:
            # Gone, or out of reach; if it comes back, a touch or the next scan brings it here again.
            self.forget(path)
            self.lost_root |= not self._is_there()
            return
        if not stat_module.S_ISREG(seen.st_mode):
            self.forget(path)
            return
        stamp = Stamp.of(seen)
        before, entry.look, entry.looked = entry.look, stamp, now
        if before is None:
            entry.due = now + self.pace.settle
        elif before != stamp:
            self._reopen(path, entry, now)
            entry.look = stamp
        elif not entry.complete:
            self._judge(path, entry, now)

    def _judge(self, path: Path, entry: _Entry, now: float) -> None:
        """Decide on a file that is quiet and unchanged."""
        if self._being_written(path):
            entry.due = now + self.pace.settle
            return
        if not entry.ragged and type_of(PurePosixPath(path.name)) is FileType.AUDIO:
            entry.ragged = not self._whole(path)
        if entry.ragged and now < entry.touched + self.pace.ragged:
            entry.due = entry.touched + self.pace.ragged
            return
        entry.complete = True
        self._batches[entry.pack].complete += 1

    def _reopen(self, path: Path, entry: _Entry, now: float) -> None:
        batch = self._batches[entry.pack]
        batch.complete -= entry.complete
        if entry.complete or entry.ragged:  # it waits for nothing, or for longer than it should now
            self._await(path, entry, now + self.pace.settle)
        entry.complete = False
        entry.touched = batch.last = now
        entry.due = now + self.pace.settle
        entry.look = None
        entry.ragged = False

    def _await(self, path: Path, entry: _Entry, due: float) -> None:
        entry.ticket = next(self._tickets)
        heapq.heappush(self._heap, (due, entry.ticket, path))


@lru_cache(maxsize=4096)
def _is_junk_name(name: str) -> bool:
    return is_junk(PurePosixPath(name))
