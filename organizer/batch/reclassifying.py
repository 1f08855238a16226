"""The library again, with today's model, words and rules and what the user says: what would change.

Changes nothing. What today's ear has heard is added up from what is known; only what another ear heard, or
changed since, is decoded again. Sounds are taken pack by pack, for what their names are worth.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from organizer.batch.pipeline import Pipeline, is_at
from organizer.batch.proposing import PART
from organizer.library.index import Entry, Index
from organizer.planning.operations import Move
from organizer.recognition.recognize import Recognizer
from organizer.rules.ruleset import Decision
from organizer.sample import FileType, Item
from organizer.stopping import never, until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from organizer.planning.operations import Plan
    from organizer.sample import Recognition
    from organizer.stopping import Stop


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What today's knowledge says of one sample, and where it would lie."""

    entry: Entry  # as it is known
    decision: Decision
    target: Path | None  # None: it would stay where it is

    @property
    def now(self) -> Recognition:
        assert self.decision.item.sample is not None  # what cannot be heard is no change
        return self.decision.item.sample.recognition

    @property
    def is_one(self) -> bool:
        was = self.entry.sample.recognition
        return self.target is not None or (was.kind, was.label) != (self.now.kind, self.now.label)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """A sample that cannot be heard again, and why."""

    entry: Entry
    problem: str


@dataclass(kw_only=True)
class Reclassifying:
    """Looks at what is known of the library again."""

    ear: Recognizer
    index: Index
    pipeline: Callable[[], Pipeline]

    def look(
        self,
        below: Path,
        *,
        stop: Stop = never,
        progress: Callable[[str, int, int], None] = lambda *_: None,
    ) -> Iterator[Change | Lost]:
        """Say of every sample below a folder, or of one file, what would become of it. Raises `Stopped`."""
        pipeline = self.pipeline()
        total = self.index.count_below(below) or 1
        plans: list[Plan] = []
        paths = self.index.paths_by_pack(below)
        done = 0
        while part := list(islice(until(stop, paths), PART)):
            entries = [entry for path in part if (entry := self.index.get(path)) is not None]
            known = {entry.path: entry for entry in entries}
            items = self._items(pipeline, entries, stop, progress, done, total)
            done += len(part)
            progress("looking", done, total)
            yield from (
                Lost(entry=known[item.path], problem=item.problem)
                for item in items
                if item.problem is not None
            )
            decisions = pipeline.decide([item for item in items if item.problem is None])
            plan = pipeline.plan(
                decisions, hashes={}, stamps={}, origin="reclassify", title="reclassify", after=plans
            )
            plans.append(plan)
            moves = {one.source: one.target for one in plan.operations if isinstance(one, Move)}
            for decision in decisions:
                path = decision.item.path
                yield Change(entry=known[path], decision=decision, target=moves.get(path))

    def _items(
        self,
        pipeline: Pipeline,
        entries: Sequence[Entry],
        stop: Stop,
        progress: Callable[[str, int, int], None],
        before: int,
        total: int,
    ) -> list[Item]:
        """Make items of samples, those of today's ear from what is known."""
        own = [
            one
            for one in entries
            if one.sample.recognition.model_id == self.ear.model_id and is_at(one, one.path)
        ]
        heard_by_us = {one.path for one in own}
        samples = self.ear.again([(one.origin, one.sample) for one in own])
        items = [_item(replace(entry, sample=sample)) for entry, sample in zip(own, samples, strict=True)]
        heard = []
        others = [one for one in entries if one.path not in heard_by_us]
        for one in until(stop, pipeline.hear_again(others)):
            heard.append(one)
            progress("listening", before + len(own) + len(heard), total)
        return items + pipeline.add_up(heard)


def _item(entry: Entry) -> Item:
    return Item(
        path=entry.path,
        origin=entry.origin,
        stamp=entry.stamp,
        type=FileType.AUDIO,
        sample=entry.sample,
        day=date.fromtimestamp(entry.heard_at),
    )
