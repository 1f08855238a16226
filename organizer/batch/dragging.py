"""What it says of sounds that their user has dragged them into another folder of the library.

It is a correction where the rules would have the sound just there under one label and no other. A renamed
folder, or many sounds at once, may be housekeeping, and waits for its user's word.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from organizer.batch.correcting import Correcting
from organizer.batch.pipeline import Pipeline
from organizer.errors import LockedError
from organizer.execution.reader import JournalReader
from organizer.labels import CATEGORY_OF, LABELS
from organizer.library.index import Index
from organizer.library.relocations import Relocations
from organizer.planning.operations import Teach
from organizer.recognition.personal import as_said
from organizer.sample import FileType, Item, Kind
from organizer.stopping import never

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from organizer.library.index import Entry
    from organizer.stopping import Stop

logger = logging.getLogger(__name__)

# So many at once are no corrections any more.
MOST_AT_ONCE = 20

Moves = list[tuple[Path, Path]]


@dataclass(kw_only=True)
class Dragging:
    """Learns from what was moved by hand; the index has followed already."""

    index: Index
    journal: JournalReader
    relocations: Relocations
    correcting: Correcting
    pipeline: Callable[[], Pipeline]

    def learn(self, moves: Moves, *, stop: Stop = never) -> int:
        """Take moves for corrections where they are some; say how many were. Raises `Stopped`."""
        # What a command has just put there, and was killed before it could say so, nobody has dragged.
        moves = [(old, new) for old, new in moves if not self._is_ours(old, new)]
        dragged = [(old, new) for old, new in moves if old.parent.is_dir() and old.parent != new.parent]
        if len(dragged) > MOST_AT_ONCE:
            dragged = []
        waiting = [one for one in moves if one not in dragged and one[0].parent != one[1].parent]
        learnt = 0
        try:
            learnt = self._correct(dragged, stop)
        except LockedError:
            waiting += dragged  # files are being changed for long; what is known already is not learnt twice
        self.relocations.add(waiting)
        if waiting:
            logger.info(
                "%d sounds were moved together; if that says what they are: organizer correct --confirm",
                len(waiting),
            )
        return learnt

    def confirm(self, *, stop: Stop = never) -> tuple[int, int]:
        """Take what was moved together for corrections; say how many were, of how many. Raises `Stopped`."""
        moves = [one for one in self.relocations.all() if self.index.stamp_at(one[1]) is not None]
        learnt = self._correct(moves, stop)
        self.relocations.forget(new for _, new in self.relocations.all())
        return learnt, len(moves)

    def foresee(self) -> list[tuple[Path, str]]:
        """Say what confirming would teach."""
        return self._said(self.relocations.all())

    def _is_ours(self, old: Path, new: Path) -> bool:
        record = self.journal.leaving(new)
        return record is not None and getattr(record.operation, "source", None) == old

    def _correct(self, moves: Moves, stop: Stop) -> int:
        learnt = 0
        for said, paths in _grouped(self._said(moves)).items():
            outcome = self.correcting.run(paths, said, stop=stop)
            learnt += sum(one.state == "done" and isinstance(one.operation, Teach) for one in outcome.results)
            for path in paths:
                logger.info("%s was dragged there: it is %s (organizer undo %s)", path, said, outcome.batch)
        return learnt

    def _said(self, moves: Iterable[tuple[Path, Path]]) -> list[tuple[Path, str]]:
        """Say what moves teach: of what lies where it means the same as before, nothing."""
        pipeline = self.pipeline()
        found = []
        for old, new in moves:
            entry = self.index.get(new)
            if entry is not None:
                said = said_by(new.parent, entry, pipeline)
                if said is not None and said != said_by(old.parent, entry, pipeline):
                    found.append((new, said))
        return found


def said_by(folder: Path, entry: Entry, pipeline: Pipeline) -> str | None:
    """Say what a sound must be for the rules to have it in a folder, or nearer to it than as anything else.

    None where that is not one thing.
    """
    places = {
        label: place
        for label in (*LABELS, Kind.LOOP.value)
        if (place := pipeline.folder_of(_item(entry, label))) is not None
    }
    apart = len(Path(os.path.commonpath(places.values())).parts) if places else 0
    near: dict[str, tuple[int, int]] = {}
    for label, place in places.items():
        shared = len(Path(os.path.commonpath([place, folder])).parts)
        if shared > apart:  # what all have in common tells nothing
            near[label] = shared, shared - len(place.parts)
    nearest = [label for label, how in near.items() if how == max(near.values())]
    if len(nearest) == 1:
        return nearest[0]
    categories = {CATEGORY_OF.get(label) for label in nearest}
    (category,) = categories if len(categories) == 1 else (None,)
    # A category that is called like one of its labels cannot be said apart from that.
    return category if category not in LABELS else None


def _item(entry: Entry, label: str) -> Item:
    return Item(
        path=entry.path,
        origin=entry.origin,
        stamp=entry.stamp,
        type=FileType.AUDIO,
        sample=replace(entry.sample, recognition=as_said(entry.sample.recognition, label)),
        day=date.fromtimestamp(entry.heard_at),
    )


def _grouped(said: Sequence[tuple[Path, str]]) -> dict[str, list[Path]]:
    groups: dict[str, list[Path]] = {}
    for path, label in said:
        groups.setdefault(label, []).append(path)
    return groups
