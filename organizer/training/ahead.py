"""The next batch, made on another thread while the present one is learnt from.

Two single threads side by side are faster than one after the other with two threads each, and much
faster where other programs want the cores as well: a thread that waits for its team waits for the slowest.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from organizer.training.batches import Batch


class Ahead:
    """Give what `batches` gives, in order and one ahead; a context manager that ends its thread."""

    def __init__(self, batches: Callable[[int], Batch]) -> None:
        self._batches = batches
        self._thread = ThreadPoolExecutor(1, initializer=torch.set_num_threads, initargs=(1,))
        self._made: dict[int, Future[Batch]] = {}

    def __enter__(self) -> Ahead:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.shutdown(cancel_futures=True)

    def __call__(self, number: int) -> Batch:
        wanted = self._made.pop(number, None) or self._thread.submit(self._batches, number)
        self._made = {number + 1: self._thread.submit(self._batches, number + 1)}
        return wanted.result()
