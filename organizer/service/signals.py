"""What the service is told by signals: SIGTERM and SIGINT to stop, SIGHUP to read its settings again."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    Hear = Callable[[int, FrameType | None], None]


@contextmanager
def hearing(*, stop: Callable[[int], None], reload: Callable[[], None]) -> Iterator[None]:
    """Hear signals for as long as this lasts; only the main thread may, and others hear none.

    `stop` is told the number of the signal.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def on_stop(number: int, _frame: FrameType | None) -> None:
        stop(number)

    def on_reload(_number: int, _frame: FrameType | None) -> None:
        reload()

    wanted: dict[int, Hear] = {signal.SIGTERM: on_stop, signal.SIGINT: on_stop}
    if hasattr(signal, "SIGHUP"):
        wanted[signal.SIGHUP] = on_reload
    before = {number: signal.signal(number, hear) for number, hear in wanted.items()}
    try:
        yield
    finally:
        for number, found in before.items():
            signal.signal(number, found)
