"""Keeps floods out of the log: of messages of one kind a few go through, the others are counted.

Owns the counts, and the one line that tells each; where lines go is not known here.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

SECONDS = 60.0
FEW = 5
# Messages are constants of the code. What is none (a name put into the message itself, by some library)
# makes a kind of its own each time: from so many on, all further ones of a level are counted together.
MOST_KINDS = 256
_MOST_LETTERS = 1000  # of a message that is kept

_JUDGED = "calm"  # on a record: whether it goes through

Kind = tuple[str, int, str, str]  # the logger, the level, the message without its arguments, the exception


@dataclass(slots=True, kw_only=True)
class _Window:
    """What came of one kind since a moment."""

    begun: float
    free: int  # so many more go through
    logger: str
    level: int
    place: tuple[str, int, str | None]
    last: str
    hidden: int = 0


class Calm(logging.Filter):
    """Lets the first few messages of a kind through in each window of time; one line tells of the others.

    That line comes with the next message of the kind after the window, with `tell`, or with `close`. While
    a flood goes on, the line is all that the next window brings. Several handlers may share one: it judges
    a record once, and all of them show the same.
    """

    def __init__(
        self,
        *,
        few: int = FEW,
        seconds: float = SECONDS,
        most_kinds: int = MOST_KINDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self._few = few
        self._seconds = seconds
        self._most_kinds = most_kinds
        self._clock = clock
        self._windows: dict[Kind, _Window] = {}
        self._lock = threading.Lock()

    def filter(self, record: logging.LogRecord) -> bool:
        seen = vars(record)
        if _JUDGED not in seen:
            seen[_JUDGED] = self._judge(record)
        return bool(seen[_JUDGED])

    def tell(self) -> None:
        """Tell what the windows that are over have hidden; cheap, to be called every few seconds."""
        with self._lock:
            lines = self._end_windows(self._clock())
        _send(lines)

    def close(self) -> None:
        """Tell all that is hidden, and forget it."""
        with self._lock:
            now = self._clock()
            lines = [self._line(window, now) for window in self._windows.values() if window.hidden]
            self._windows.clear()
        _send(lines)

    def _judge(self, record: logging.LogRecord) -> bool:
        with self._lock:
            now = self._clock()
            kind = _kind(record)
            lines = []
            known = self._windows.get(kind)
            if (known is None and len(self._windows) >= self._most_kinds) or (
                known is not None and self._is_over(known, now)
            ):
                lines = self._end_windows(now)
            if kind not in self._windows and len(self._windows) >= self._most_kinds:
                kind = ("", record.levelno, "", "")
            window = self._windows.get(kind)
            if window is None:
                window = self._windows[kind] = _Window(
                    begun=now,
                    free=self._few,
                    logger=record.name,
                    level=record.levelno,
                    place=(record.pathname, record.lineno, record.funcName),
                    last=kind[2],
                )
            passes = window.free > 0
            window.free -= passes
            window.hidden += not passes
        # Both may log in turn, and so come here again: not while the lock is held.
        if not passes:
            window.last = _text(record)
        _send(lines)
        return passes

    def _is_over(self, window: _Window, now: float) -> bool:
        return now - window.begun >= self._seconds

    def _end_windows(self, now: float) -> list[logging.LogRecord]:
        """End the windows that are over; give the lines that tell of them."""
        lines = []
        for kind, window in list(self._windows.items()):
            if not self._is_over(window, now):
                continue
            if window.hidden:
                lines.append(self._line(window, now))
            if window.hidden > self._few:  # it is a flood, and may go on
                window.begun, window.free, window.hidden = now, 0, 0
            else:
                del self._windows[kind]
        return lines

    def _line(self, window: _Window, now: float) -> logging.LogRecord:
        more = window.hidden - 1  # besides the one that is shown
        said = f"and {more:,} more like it" if more else "once more"
        path, number, function = window.place
        message, arguments = "%s (%s in %.0f s)", (window.last, said, now - window.begun)
        line = logging.LogRecord(
            window.logger, window.level, path, number, message, arguments, None, function
        )
        vars(line).update({_JUDGED: True, "more": more})
        return line


def _kind(record: logging.LogRecord) -> Kind:
    template = record.msg if isinstance(record.msg, str) else type(record.msg).__name__
    raised = record.exc_info[0] if record.exc_info else None
    return record.name, record.levelno, template[:_MOST_LETTERS], raised.__name__ if raised else ""


def _text(record: logging.LogRecord) -> str:
    """Make the message now: later its arguments may have changed, and keeping them would keep much alive."""
    try:
        return record.getMessage()[:_MOST_LETTERS]
    except Exception:  # whatever is wrong with it, who logs is not to suffer
        return str(_kind(record)[2])


def _send(lines: list[logging.LogRecord]) -> None:
    for line in lines:
        logging.getLogger(line.name).handle(line)
