"""What stays in the inboxes, and why: so that it is shown, and not looked at again without need."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from organizer.library.store import prefix_range, to_blob, to_path, to_signed, to_text, to_unsigned
from organizer.sample import Stamp
from organizer.stopping import never, until

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable

    from organizer.stopping import Stop

# Seconds until a failure that time can mend is tried again, doubled each time.
FIRST_RETRY = 60.0
LAST_RETRY = 6 * 3600.0


class Nature(StrEnum):
    """Why a file stays, from the most to the least in need of its user."""

    FAILED = "failed"  # an operation on it failed; it is tried again
    UNREADABLE = "unreadable"  # audio that cannot be heard
    ARCHIVE = "archive"  # an archive, not opened
    BUNDLE = "bundle"  # part of an instrument or a project, left whole
    SUGGESTED = "suggested"  # it would be filed, once its user approves
    LEFT = "left"  # the rules leave it where it is


# What a user should look at; the others are as wanted.
TROUBLES = (Nature.FAILED, Nature.UNREADABLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Remainder:
    path: Path
    stamp: Stamp
    nature: Nature
    reason: str
    hint: str = ""
    context: str = ""  # the rules and the model that it was looked at with
    attempts: int = 1
    retry_at: float | None = None  # seconds since the epoch; None: only when something changes
    seen_at: float = 0.0

    def still_holds(self, stamp: Stamp, *, context: str, now: float) -> bool:
        """Say whether looking again would find nothing new."""
        return (
            self.stamp.is_same_inode(stamp)
            and self.context == context
            and (self.retry_at is None or now < self.retry_at)
        )


def next_retry(attempts: int, *, now: float) -> float:
    """Say when the attempt after `attempts` failed ones is due."""
    return now + min(FIRST_RETRY * 2.0 ** (attempts - 1), LAST_RETRY)


class Remainders:
    """The remainders table of the index."""

    def __init__(self, store: sqlite3.Connection) -> None:
        self._store = store

    def get(self, path: Path) -> Remainder | None:
        row = self._store.execute("SELECT * FROM remainders WHERE path = ?", (to_blob(path),)).fetchone()
        return None if row is None else _remainder_of(row)

    def all(self) -> list[Remainder]:
        return [_remainder_of(row) for row in self._store.execute("SELECT * FROM remainders ORDER BY path")]

    def due(self, *, now: float) -> list[Path]:
        rows = self._store.execute("SELECT path FROM remainders WHERE retry_at <= ? ORDER BY path", (now,))
        return [to_path(row[0]) for row in rows]

    def retry(self, folder: Path) -> None:
        """Let what failed below a folder be tried again at once."""
        self._store.execute(
            "UPDATE remainders SET retry_at = 0 WHERE retry_at IS NOT NULL AND path > ? AND path < ?",
            prefix_range(folder),
        )

    def update(self, *, put: Iterable[Remainder] = (), gone: Iterable[Path] = ()) -> None:
        """Write what stays, and forget what no longer does."""
        self._store.execute("BEGIN IMMEDIATE")
        try:
            self._store.executemany(
                "DELETE FROM remainders WHERE path = ?", [(to_blob(path),) for path in gone]
            )
            self._store.executemany(
                "INSERT OR REPLACE INTO remainders VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [_row_of(one) for one in put],
            )
        except BaseException:
            self._store.execute("ROLLBACK")
            raise
        self._store.execute("COMMIT")

    def forget_gone(self, is_there: Callable[[Path], bool], *, stop: Stop = never) -> None:
        """Forget what does not lie where it was. Raises `Stopped` when asked to stop."""
        gone = [one.path for one in until(stop, self.all()) if not is_there(one.path)]
        if gone:
            self.update(gone=gone)


def _row_of(one: Remainder) -> tuple[Any, ...]:
    return (
        to_blob(one.path),
        one.stamp.size,
        one.stamp.mtime_ns,
        to_signed(one.stamp.inode),
        to_signed(one.stamp.device),
        one.context,
        one.nature.value,
        to_text(one.reason),
        to_text(one.hint),
        one.attempts,
        one.retry_at,
        one.seen_at,
    )


def _remainder_of(row: tuple[Any, ...]) -> Remainder:
    path, size, mtime_ns, inode, device, context, nature, reason, hint, attempts, retry_at, seen_at = row
    return Remainder(
        path=to_path(path),
        stamp=Stamp(size, mtime_ns, to_unsigned(inode), to_unsigned(device)),
        context=context,
        nature=Nature(nature),
        reason=reason,
        hint=hint,
        attempts=attempts,
        retry_at=retry_at,
        seen_at=seen_at,
    )
