"""The one question that long work asks again and again: is it time to stop?

Whoever asks for work passes a `Stop` along. What takes long asks it between two pieces, about a megabyte
each, and raises `Stopped` where the answer is yes. To be asked is a sign of life as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Stop = Callable[[], bool]

Piece = TypeVar("Piece")


class Stopped(Exception):
    """It was time to stop. What was in hand is given up, and nothing of it is left."""


def never() -> bool:
    """Ask nobody: go on."""
    return False


def until(stop: Stop, pieces: Iterable[Piece], *, every: int = 1) -> Iterator[Piece]:
    """Hand on pieces of work, asking after `every` so many, but not before the first.

    Raises `Stopped` where it is time.
    """
    for number, piece in enumerate(pieces):
        if number and number % every == 0 and stop():
            raise Stopped
        yield piece
