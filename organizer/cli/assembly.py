"""Puts the parts together for a command, each made only when it is first asked for."""

from __future__ import annotations

import os
from contextlib import ExitStack
from functools import cached_property
from typing import TYPE_CHECKING, Self

from organizer.config import Config, Home, load

if TYPE_CHECKING:
    from types import TracebackType

    from organizer.library.index import Index
    from organizer.library.remainders import Remainders


class Assembly:
    """The parts of one installation; used as a context manager, it closes what it opened."""

    def __init__(self, home: Home | None = None) -> None:
        self.home = home or Home.find(os.environ)
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    @cached_property
    def config(self) -> Config:
        return load(self.home)

    @cached_property
    def _store(self) -> Index:
        return self.index

    @cached_property
    def index(self) -> Index:
        from organizer.library.index import Index

        return Index(self._connection)

    @cached_property
    def remainders(self) -> Remainders:
        from organizer.library.remainders import Remainders

        return Remainders(self._connection)
