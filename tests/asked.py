"""The question whether to stop, in a test: answered with yes from some time on, and counted."""

from __future__ import annotations


class YesFrom:
    """Says yes to the n-th question and to all after it; without a number, to none."""

    def __init__(self, number: int | None = None) -> None:
        self.count = 0
        self._number = number

    def __call__(self) -> bool:
        self.count += 1
        return self._number is not None and self.count >= self._number
