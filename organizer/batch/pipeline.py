"""Paths in, plan out: what lies there, what it is, what the rules want, what would be done.

It reads disks and executes nothing. The service, `sort` and `reclassify` all go through here, so that a
dry run lists exactly what a run would do.
"""

from __future__ import annotations

import os
import stat as modes
import sys
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Literal

from organizer.errors import FileProblem
from organizer.execution.syscalls import attribute
from organizer.execution.writers.live_xmp import not_ours
from organizer.pack import type_of
from organizer.planning import planner
from organizer.planning.attributes import name_for
from organizer.planning.conflicts import Snapshot
from organizer.planning.filing import TRASH, Twin, first_of
from organizer.planning.operations import (
    Copy,
    Extract,
    Link,
    MakeFolder,
    Move,
    WriteEntries,
    WriteSidecar,
)
from organizer.recognition.identity import content_hash
from organizer.recognition.recognize import Inspection, Request
from organizer.rules.actions import Tag, Unpack, Xattr
from organizer.sample import LIVE_PLACE, FileType, Item, Stamp
from organizer.stopping import never, until

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path, PurePosixPath

    from organizer.batch.listing import Listing
    from organizer.folders import Folders
    from organizer.library.index import Entry, Index
    from organizer.planning.operations import Plan
    from organizer.planning.planner import Tree
    from organizer.recognition.recognize import Recognizer, Result
    from organizer.rules.book import RuleBook
    from organizer.rules.ruleset import Decision
    from organizer.stopping import Stop


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One file by itself: what it is called, and what was heard if it is audio that rules may ask about."""

    item: Item
    inspection: Inspection | None = None


class Pipeline:
    """Hears files and plans what the rules want of them."""

    def __init__(
        self,
        *,
        recognizer: Recognizer,
        book: RuleBook,
        index: Index,
        library: Path,
        libraries: Mapping[str, Path],
        folders: Folders,
        inboxes: Sequence[Path],
        today: date,
        is_away: Callable[[Path], bool],
    ) -> None:
        self._book = book
        self._index = index
        self._today = today
        self._recognizer = recognizer
        self._library = library
        self._libraries = libraries
        self._folders = folders
        self._is_away = is_away
        self._inboxes = [inbox.resolve() for inbox in inboxes]

    @property
    def model_id(self) -> str:
        return self._recognizer.model_id

    def hear(
        self, listing: Listing, chosen: Sequence[PurePosixPath], *, stop: Stop = never
    ) -> Iterator[Heard]:
        """Hear files of a listing one by one, audio as long as the rules may ask for it.

        What was heard adds up to items once all of a pack is there: see `add_up`. Raises `Stopped` when asked
        to stop.
        """
        audio: list[Item] = []
        rules = self._book.of(listing.inbox).rules
        opens_bundles = any("bundle" in rule.words for rule in rules)
        for relative in chosen:
            item = self._item(listing, relative)
            if item.type is FileType.AUDIO and (item.bundle is None or opens_bundles):
                audio.append(item)
            else:
                yield Heard(item=item)
        yield from self._heard(audio, stop)

    def _item(self, listing: Listing, relative: PurePosixPath) -> Item:
        bundle = listing.survey.bundles.get(relative)
        return Item(
            path=listing.path(relative),
            origin=listing.origin(relative),
            stamp=listing.stamps[relative],
            type=type_of(relative),
            bundle=None if bundle is None else listing.path(bundle),
            companions=tuple(
                listing.path(companion) for companion in listing.survey.companions.get(relative, ())
            ),
            day=self._today,
        )

    def hear_again(self, entries: Sequence[Entry]) -> Iterator[Heard]:
        """Hear samples of the library with today's model, under the names they came with."""
        items = []
        for entry in entries:
            try:
                stamp = Stamp.of(entry.path.stat(follow_symlinks=False))
            except OSError:
                stamp = entry.stamp  # hearing it says what is wrong
            items.append(
                Item(
                    path=entry.path,
                    origin=entry.origin,
                    stamp=stamp,
                    type=FileType.AUDIO,
                    day=date.fromtimestamp(entry.heard_at),
                )
            )
        yield from self._heard(items, never)

    def add_up(self, heard: Iterable[Heard]) -> list[Item]:
        """Make items of what was heard; how far names are believed is judged by pack."""
        heard = list(heard)
        inspections = [one.inspection for one in heard if one.inspection is not None]
        results = iter(self._recognizer.recognise(inspections))
        return [one.item if one.inspection is None else _with(one.item, next(results)) for one in heard]

    def unpacks(self, listing: Listing, relative: PurePosixPath) -> bool:
        """Say whether the rules would have an archive unpacked."""
        if type_of(relative) is not FileType.ARCHIVE:
            return False
        decision = self._book.of(listing.inbox).decide(self._item(listing, relative))
        return any(isinstance(action, Unpack) for action in decision.actions)

    def decide(self, items: Iterable[Item]) -> list[Decision]:
        return [self._book.of(item.origin.inbox).decide(item) for item in items]

    def folder_of(self, item: Item) -> Path | None:
        """Name the folder that the rules would have a file in; None where they move it nowhere."""
        (decision,) = self.decide([item])
        return planner.folder_of(
            decision, library=self._library, libraries=self._libraries, folders=self._folders
        )

    def hashes(
        self,
        decisions: Iterable[Decision],
        *,
        stop: Stop = never,
        heartbeat: Callable[[], None] = lambda: None,
    ) -> tuple[dict[Path, str], dict[Path, FileProblem]]:
        """Hash what would be moved and was not hashed while it was heard; say what could not be read.

        Raises `Stopped` when asked to stop.
        """
        found: dict[Path, str] = {}
        problems: dict[Path, FileProblem] = {}
        for decision in until(stop, decisions):
            item = decision.item
            if not decision.actions:
                continue
            heartbeat()
            try:
                sample = item.sample
                found[item.path] = sample.facts.content_hash if sample else content_hash(item.path, stop=stop)
                for companion in item.companions:
                    found[companion] = content_hash(companion, stop=stop)
            except FileProblem as problem:
                problems[item.path] = problem
        return found, problems

    def plan(
        self,
        decisions: Sequence[Decision],
        *,
        hashes: Mapping[Path, str],
        stamps: Mapping[Path, Stamp],
        origin: Literal["pack", "sort", "reclassify"],
        title: str,
        inbox: str | None = None,
        tree: Tree | None = None,
        copied: Mapping[tuple[Path, str], Collection[Path]] = planner.NOTHING_COPIED,
        after: Iterable[Plan] = (),
        foreseen: Mapping[str, Twin] = planner.NO_TWINS,
        members: Mapping[Path, tuple[Path, str]] = planner.NO_MEMBERS,
        reserved: Collection[Path] = (),
    ) -> Plan:
        """Plan with the library's folders as they are now, or as they would be after other plans.

        `stamps` are those of companions, `foreseen` is where those plans would leave sounds.
        """
        laid = _laid_by(after)
        folders = planner.destinations(
            decisions, library=self._library, libraries=self._libraries, folders=self._folders
        )
        away = [root for root in (self._library, *self._libraries.values()) if self._is_away(root)]
        return planner.plan(
            decisions,
            hashes=hashes,
            stamps=stamps,
            snapshot=Snapshot.seen(
                folders,
                library=self._library,
                others=self._libraries.values(),
                names_in=lambda folder: (
                    None
                    if any(folder.is_relative_to(root) for root in away)
                    else _both(self._names_in(folder), laid.get(folder))
                ),
            ),
            library=self._library,
            libraries=self._libraries,
            folders=self._folders,
            origin=origin,
            title=title,
            inbox=inbox,
            tree=tree,
            copied=copied,
            twins=first_of(foreseen, self._twins_of(decisions)),
            members=members,
            held=_attributes_of(decisions),
            linked=self._linked(decisions),
            reserved=reserved,
            theirs=not_ours(one / LIVE_PLACE.name for one in folders if one.name == LIVE_PLACE.parent.name),
            attribute=name_for(sys.platform),
        )

    def _heard(self, items: list[Item], stop: Stop) -> Iterator[Heard]:
        requests = [Request(path=item.path, origin=item.origin) for item in items]
        for item, inspection in zip(items, self._recognizer.inspect(requests, stop=stop), strict=True):
            yield Heard(item=item, inspection=inspection)

    def _linked(self, decisions: Iterable[Decision]) -> set[Path]:
        """Find what lies in an inbox under one name of several: attributes are of the file, not of the name.

        Tags are written into a new file, which then has one name.
        """
        found = set()
        for decision in decisions:
            kinds = {type(action) for action in decision.actions}
            path = decision.item.path
            if Xattr in kinds and Tag not in kinds and self._is_in_inbox(path):
                with suppress(OSError):
                    if path.lstat().st_nlink > 1:
                        found.add(path)
        return found

    def _is_in_inbox(self, path: Path) -> bool:
        return any(path.resolve().is_relative_to(one) for one in self._inboxes)

    def _twins_of(self, decisions: Sequence[Decision]) -> dict[str, Twin]:
        """Find where the library has sounds already that would be filed there, under whatever tags and
        names."""
        roots = [self._library, *self._libraries.values()]
        arriving = {decision.item.path for decision in decisions}
        wanted = {one.item.sample.facts.sound_id for one in decisions if one.actions and one.item.sample}
        found: dict[str, Twin] = {}
        for entry in self._index.with_sounds(wanted):
            # What lies in the trash may be deleted any day, and stands for nothing.
            inside = any(
                entry.path.is_relative_to(root) and not entry.path.is_relative_to(root / TRASH)
                for root in roots
            )
            if inside and entry.path not in arriving and is_at(entry, entry.path):
                facts = entry.sample.facts
                found.setdefault(facts.sound_id, Twin(entry.path, facts.content_hash))
        return found

    def _names_in(self, folder: Path) -> list[str] | None:
        """List a folder; one of the library that leads into an inbox is none: filing would have no end."""
        ours = any(folder.is_relative_to(root) for root in (self._library, *self._libraries.values()))
        try:
            real = folder.resolve()
            if ours and any(real.is_relative_to(inbox) for inbox in self._inboxes):
                return None
            with os.scandir(folder) as found:
                return [entry.name for entry in found]
        except (OSError, RuntimeError):  # pathlib's word for a loop of links
            return None


def _with(item: Item, result: Result) -> Item:
    if result.error is None:
        return replace(item, sample=result.sample)
    error = result.error
    return replace(item, problem=error.message, hint=error.hint, lasting=error.lasting)


def is_at(entry: Entry, path: Path) -> bool:
    """Say whether what lies at a path is what was heard: the user may have put something else there."""
    try:
        found = path.lstat()
    except OSError:
        return False
    stamp = Stamp.of(found)
    return modes.S_ISREG(found.st_mode) and stamp.is_like(entry.stamp)


def _attributes_of(decisions: Iterable[Decision]) -> dict[Path, bytes]:
    """Read what file managers say of the files that rules would have them say more of."""
    found = {}
    for decision in decisions:
        if any(isinstance(action, Xattr) for action in decision.actions):
            with suppress(OSError):
                held = attribute(decision.item.path, name_for(sys.platform))
                if held is not None:
                    found[decision.item.path] = held
    return found


def _laid_by(plans: Iterable[Plan]) -> dict[Path, set[str]]:
    """Give the names that plans would add to folders, and the folders that they would make."""
    laid: dict[Path, set[str]] = {}
    for operation in (one for plan in plans for one in plan.operations):
        match operation:
            case MakeFolder(path=path):
                laid.setdefault(path, set())
            case (
                Move(target=path)
                | Copy(target=path)
                | Extract(target=path)
                | Link(target=path)
                | WriteSidecar(path=path)
                | WriteEntries(path=path)
            ):
                pass
            case _:
                continue
        laid.setdefault(path.parent, set()).add(path.name)
    return laid


def _both(names: list[str] | None, foreseen: set[str] | None) -> Collection[str] | None:
    return foreseen if names is None else {*names, *(foreseen or ())}
