"""Which files of an inbox are still to be filed: no junk, nothing held, nothing known to stay."""

from __future__ import annotations

from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from organizer.errors import FileProblem
from organizer.library.remainders import Nature
from organizer.pack import is_junk
from organizer.recognition.identity import content_hash
from organizer.sample import Stamp
from organizer.stopping import never

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from organizer.execution.journal import Journal
    from organizer.library.remainders import Remainders
    from organizer.stopping import Stop


class Gate:
    """Lets through what is new. `context` names the rules and the model that verdicts rest on today;
    `suggested` says whether a file waits for its user's word.
    """

    def __init__(
        self,
        journal: Journal,
        remainders: Remainders,
        *,
        suggested: Callable[[Path], bool] = lambda _: False,
        context: Callable[[], str],
        clock: Callable[[], float],
    ) -> None:
        self._journal = journal
        self._remainders = remainders
        self._suggested = suggested
        self._context = context
        self._clock = clock

    def wanted(
        self, root: Path, found: Iterable[tuple[Path, os.stat_result]], *, stop: Stop = never
    ) -> Iterator[Path]:
        """Leave out junk, what undo put back, and what is known to stay as long as nothing changed.

        Raises `Stopped` when asked to stop, as `is_open` and `is_held` do: a large file may have to be read.
        """
        return (
            path
            for path, stat in found
            if not is_junk(PurePosixPath(path.relative_to(root)))
            and self.is_open(path, Stamp.of(stat), stop=stop)
        )

    def is_open(self, path: Path, stamp: Stamp, *, stop: Stop = never) -> bool:
        stays = self._remainders.get(path)
        if stays is not None and stays.nature is Nature.SUGGESTED and not self._suggested(path):
            stays = None  # nobody is asked about it any more
        if stays is not None and stays.still_holds(stamp, context=self._context(), now=self._clock()):
            return False
        return not self.is_held(path, stamp, stop=stop)

    def is_held(self, path: Path, stamp: Stamp, *, stop: Stop = never) -> bool:
        """Say whether an undo put this file back."""
        try:
            return self._journal.is_held(path, stamp, partial(content_hash, stop=stop))
        except FileProblem:
            return False  # it cannot be read to compare it; hearing it will say why
