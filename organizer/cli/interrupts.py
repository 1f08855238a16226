"""^C and SIGTERM for a command that changes files: it gives up what it has in hand, and nothing is half done.

Without this, such a signal would end the command wherever it is, and the next one would have to tidy up.
"""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING, Any, Self

import click

from organizer.cli.output import warn
from organizer.stopping import Stopped

if TYPE_CHECKING:
    from types import FrameType, TracebackType


class Interrupts:
    """Hears the signals for as long as it is entered; asked, it says whether one came.

    A second one ends the command at once. `Stopped` becomes the exit code of the signal.
    """

    def __init__(self) -> None:
        self._number = 0
        self._before: dict[int, Any] = {}

    def __call__(self) -> bool:
        return bool(self._number)

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():  # no other one may
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._hear)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, hear in self._before.items():
            signal.signal(number, hear)
        if isinstance(error, Stopped):
            raise click.exceptions.Exit(self.told()) from None

    def told(self) -> int:
        """Say what becomes of the rest, and give the exit code."""
        warn("Stopped. What was begun is brought to its end by the service, or by the next sort or undo.")
        return 128 + self._number

    def _hear(self, number: int, _frame: FrameType | None) -> None:
        if self._number:
            raise KeyboardInterrupt
        self._number = number
