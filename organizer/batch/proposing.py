"""From an arrival to a plan: what is chosen, heard, decided, and would be done. Changes nothing.

`organizer run` and `sort` execute what is proposed here; a dry run prints it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from organizer.batch.listing import Listing, look_at
from organizer.batch.pipeline import Pipeline
from organizer.batch.unpacking import unpacked
from organizer.errors import FileProblem
from organizer.execution.problems import away
from organizer.planning.filing import TRASH, Twin
from organizer.planning.operations import Extract, Move, Plan
from organizer.recognition.identity import content_hash
from organizer.rules.ruleset import Decision
from organizer.stopping import Stopped, never, until

if TYPE_CHECKING:
    from organizer.batch.arrivals import Arrival
    from organizer.batch.gate import Gate
    from organizer.config import Config
    from organizer.execution.journal import Journal
    from organizer.library.index import Index
    from organizer.recognition.recognize import Recognizer
    from organizer.rules.book import RuleBook
    from organizer.sample import Stamp
    from organizer.stopping import Stop

# Progress is told, and a wish to stop heard, at least once per so many files.
BEAT = 32
# A huge pack is heard and filed so many files at a time: little is heard again after a crash, and memory
# stays bounded.
PART = 1000

Progress = Callable[[str, int, int], None]


def unseen(stage: str, done: int, total: int) -> None:
    """Tell nobody."""


def context_of(book: RuleBook, recognizer: Recognizer) -> str:
    return f"{book.digest} {recognizer.knowledge}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """What the rules want of files that were heard, before the disk is asked what is possible."""

    decisions: tuple[Decision, ...]
    hashes: Mapping[Path, str]
    problems: Mapping[Path, FileProblem]  # of files that could not be read just now


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What would be done with one arrival, and what it rests on."""

    decisions: tuple[Decision, ...]
    problems: Mapping[Path, FileProblem]
    plan: Plan

    @property
    def takes_all(self) -> bool:
        """Say whether nothing that was heard would stay where it is."""
        taken = {one.staged for one in self.plan.operations if isinstance(one, Extract)}
        taken |= {one.source for one in self.plan.operations if isinstance(one, Move)}
        return all(one.item.path in taken for one in self.decisions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """What is heard and planned together: files that lie in an inbox, or what is in an archive of it."""

    title: str
    inbox: str
    listing: Listing
    chosen: list[PurePosixPath]
    members: Mapping[Path, tuple[Path, str]] = field(default_factory=dict)
    refused: tuple[str, ...] = ()  # of an archive, what was not unpacked, in sentences
    reopened: frozenset[Path] = frozenset()  # work again, whatever was known of it

    def named(self, path: Path) -> Path:
        """Name a file as the user knows it: what is in an archive, as if that were a folder."""
        return Path(*self.members[path]) if path in self.members else path


class Proposing:
    """Hears arrivals and plans what would be done with them."""

    def __init__(
        self,
        *,
        config: Config,
        recognizer: Recognizer,
        book: RuleBook,
        journal: Journal,
        index: Index,
        gate: Gate,
        clock: Callable[[], float],
    ) -> None:
        self._clock = clock  # seconds since the epoch
        self._config = config
        self._recognizer = recognizer
        self._book = book
        self._journal = journal
        self._index = index
        self._gate = gate

    @property
    def model_id(self) -> str:
        return self._recognizer.model_id

    def rest(self) -> None:
        """Let go of memory, when nothing is to be heard for a while."""
        self._recognizer.rest()

    @property
    def context(self) -> str:
        """What a verdict on a file rests on; when it changes, what stays is looked at again."""
        return context_of(self._book, self._recognizer)

    def pipeline(self) -> Pipeline:
        """Give the pipeline with the rules as they are now."""
        return Pipeline(
            recognizer=self._recognizer,
            book=self._book,
            index=self._index,
            library=self._config.library_root,
            libraries=self._config.other_libraries,
            folders=self._config.folder_names,
            inboxes=[inbox.root for inbox in self._config.inbox],
            today=date.fromtimestamp(self._clock()),
            is_away=self._journal.is_away,
        )

    def plans(
        self, arrivals: Iterable[Arrival], *, progress: Progress = unseen, forced: bool = False
    ) -> list[Plan]:
        """Say what filing these arrivals now, one after the other, would do."""
        proposals: list[Proposal] = []
        for arrival in arrivals:
            found = self.proposals(arrival, progress=progress, forced=forced, after=tuple(proposals))
            proposals += [proposal for _, proposal in found]
        return [one.plan for one in proposals]

    def proposals(
        self,
        arrival: Arrival,
        *,
        stop: Stop = never,
        progress: Progress = unseen,
        forced: bool = False,
        after: Sequence[Proposal] = (),
        reserved: Collection[Path] = (),
        refused: Callable[[Parcel, PurePosixPath, FileProblem], None] = lambda *_: None,
    ) -> Iterator[tuple[Parcel, Proposal]]:
        """Say what filing an arrival would do `after` other things, in the parts in which it would be filed.

        Paths that are `reserved` are left to others. `refused` is told of archives of which nothing comes.
        Raises `Stopped` when asked to stop.
        """
        made = list(after)

        def propose(parcel: Parcel) -> Iterator[tuple[Parcel, Proposal]]:
            for start in range(0, len(parcel.chosen) or 1, PART):
                part = parcel.chosen[start : start + PART]
                total = len(parcel.chosen)
                opinion = self.hear(parcel, part, stop=stop, progress=progress, before=start, total=total)
                made.append(
                    self.plan(parcel, opinion, forced=forced, after=made, reserved=reserved, stop=stop)
                )
                yield parcel, made[-1]

        whole = self.parcel(arrival, forced=forced, stop=stop)
        plain, archives = self.sorted_out(whole)
        yield from propose(plain)
        for relative in archives:
            try:
                with self.inside(whole, relative, stop=stop, progress=progress) as parcel:
                    inside = list(propose(parcel))
            except FileProblem as problem:
                refused(whole, relative, problem)
                continue
            yield from inside
            if parcel.refused and not any(proposal.plan.actions for _, proposal in inside):
                refused(whole, relative, FileProblem(f"nothing in it can be filed: {parcel.refused[0]}"))
            if all(proposal.takes_all for _, proposal in inside) and not parcel.refused:
                yield from propose(replace(whole, chosen=[relative]))

    def parcel(
        self,
        arrival: Arrival,
        *,
        forced: bool,
        reopened: frozenset[Path] = frozenset(),
        stop: Stop = never,
    ) -> Parcel:
        """Choose the work among the files of an arrival."""
        listing = look_at(arrival.inbox.root, inbox=arrival.inbox.title, pack=arrival.pack, stop=stop)
        ready = set(arrival.paths)
        chosen = [
            relative
            for relative in until(stop, listing.survey.work, every=BEAT)
            if (path := listing.path(relative)) in ready
            and (forced or self._may_be_filed(path, listing.stamps[relative], reopened, stop))
        ]
        return Parcel(
            title=arrival.title,
            inbox=arrival.inbox.title,
            listing=listing,
            chosen=chosen,
            reopened=reopened,
        )

    def sorted_out(self, parcel: Parcel) -> tuple[Parcel, list[PurePosixPath]]:
        """Set apart the archives that the rules would have unpacked."""
        pipeline = self.pipeline()
        archives = [one for one in parcel.chosen if pipeline.unpacks(parcel.listing, one)]
        plain = [one for one in parcel.chosen if one not in set(archives)]
        return replace(parcel, chosen=plain), archives

    @contextmanager
    def inside(
        self,
        parcel: Parcel,
        relative: PurePosixPath,
        *,
        stop: Stop = never,
        progress: Progress = unseen,
    ) -> Iterator[Parcel]:
        """Open an archive for as long as what is in it is heard and filed.

        Raises `FileProblem` where it cannot be, `Stopped` when asked to stop before it lies open.
        """
        archive = parcel.listing.path(relative)
        if self._journal.is_away(self._config.library_root):
            raise away(self._config.library_root)
        with unpacked(
            archive,
            parcel.listing.origin(relative),
            self._config.library_root,
            stop=stop,
            progress=lambda done, total: progress("unpacking", done >> 20, max(total, done) >> 20),
        ) as opened:
            listing = look_at(opened.root, inbox=parcel.inbox, pack=opened.pack, stop=stop)
            done = {
                (member, content)
                for member, content, target in self._journal.extracted(archive)
                if os.path.lexists(target)
            }
            chosen = [
                one
                for one in listing.survey.work
                if not done
                or (opened.members[path := listing.path(one)][1], content_hash(path, stop=stop)) not in done
            ]
            title = parcel.title if parcel.listing.pack else opened.pack
            yield Parcel(
                title=title,
                inbox=parcel.inbox,
                listing=listing,
                chosen=chosen,
                members=opened.members,
                refused=opened.refused,
            )

    def _may_be_filed(self, path: Path, stamp: Stamp, reopened: Collection[Path], stop: Stop) -> bool:
        if path in reopened:
            return not self._gate.is_held(path, stamp, stop=stop)
        return self._gate.is_open(path, stamp, stop=stop)

    def hear(
        self,
        parcel: Parcel,
        chosen: Sequence[PurePosixPath],
        *,
        stop: Stop = never,
        progress: Progress = unseen,
        before: int = 0,
        total: int | None = None,
    ) -> Opinion:
        """Hear files and ask the rules. `before` of `total` were heard earlier.

        Raises `Stopped` when asked to stop.
        """
        pipeline = self.pipeline()
        heard = []
        for one in pipeline.hear(parcel.listing, chosen, stop=stop):
            heard.append(one)
            if len(heard) % BEAT == 0:
                progress("listening", before + len(heard), total or len(chosen))
            if stop():
                raise Stopped
        decisions = pipeline.decide(pipeline.add_up(heard))
        hashes, problems = pipeline.hashes(
            decisions,
            stop=stop,
            heartbeat=lambda: progress("hashing", before + len(heard), total or len(chosen)),
        )
        return Opinion(decisions=tuple(decisions), hashes=hashes, problems=problems)

    def plan(
        self,
        parcel: Parcel,
        opinion: Opinion,
        *,
        forced: bool,
        after: Sequence[Proposal] = (),
        stop: Stop = never,
        reserved: Collection[Path] = (),
    ) -> Proposal:
        """Plan on the disk as it is now: an undo may have come while the sounds were heard.

        `after` is what would be done before this. Raises `Stopped` when asked to stop.
        """
        listing = look_at(parcel.listing.root, inbox=parcel.inbox, pack=parcel.listing.pack, stop=stop)
        present = {listing.path(relative): stamp for relative, stamp in listing.stamps.items()}
        still = tuple(
            decision
            for decision in opinion.decisions
            if present.get(decision.item.path) == decision.item.stamp
            and (
                forced
                or parcel.members
                or self._may_be_filed(decision.item.path, decision.item.stamp, parcel.reopened, stop)
            )
        )
        plan = self.pipeline().plan(
            still,
            hashes=opinion.hashes,
            stamps=present,
            origin="sort" if forced else "pack",
            title=parcel.title,
            inbox=parcel.inbox,
            tree=None if parcel.members else listing.tree,
            members=parcel.members,
            copied=self._journal.copies_of(decision.item.path for decision in still),
            after=[one.plan for one in after],
            foreseen=_foreseen(after),
            reserved=reserved,
        )
        return Proposal(decisions=still, problems=opinion.problems, plan=plan)

    def decide_on(self, path: Path, *, progress: Progress = unseen) -> Decision:
        """Say what the rules want of one file, seen as the service would see it: with its pack."""
        inbox = self._config.inbox_of(path)
        root = path.parent if inbox is None else inbox.root
        relative = path.relative_to(root)
        pack = relative.parts[0] if len(relative.parts) > 1 else None
        listing = look_at(root, inbox="" if inbox is None else inbox.title, pack=pack)
        known = next((one for one in listing.survey.work if listing.path(one) == path), None)
        if known is None:
            raise FileProblem(
                f"{path.name} is nothing that is filed",
                path=path,
                hint="Companions go with their sample; junk, links and folders are left alone.",
            )
        pipeline = self.pipeline()
        work = listing.survey.work
        start = work.index(known) // PART * PART
        part = work[start : start + PART] if pack is not None else [known]
        heard = []
        for one in pipeline.hear(listing, part):
            heard.append(one)
            progress("listening", len(heard), len(part))
        item = next(one for one in pipeline.add_up(heard) if one.path == path)
        (decision,) = pipeline.decide([item])
        return decision


def _foreseen(proposals: Sequence[Proposal]) -> dict[str, Twin]:
    """Say where sounds would lie once proposals were executed."""
    found: dict[str, Twin] = {}
    for proposal in proposals:
        sounds = {one.item.path: one.item.sample for one in proposal.decisions}
        for operation in proposal.plan.operations:
            if not isinstance(operation, Move | Extract):
                continue
            source = operation.source if isinstance(operation, Move) else operation.staged
            sample = sounds.get(source)
            if sample is None or TRASH in operation.target.parts:
                continue
            sound, twin = sample.facts.sound_id, Twin(operation.target, operation.content_hash)
            known = found.setdefault(sound, twin)
            if str(twin.path) < str(known.path):
                found[sound] = twin
    return found
