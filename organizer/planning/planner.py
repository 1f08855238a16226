"""From decisions to a plan. Pure: it sees decisions and what was looked at before, never a disk or a clock.

The order of a plan: the times of the folders it disturbs, the folders it needs, then for each file its
move, the moves of its companions, tags, attributes, copies and links, sidecar; then what is written of all
files of a folder; at the end the folders that it leaves empty.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from organizer.config import Folders
from organizer.planning import attributes
from organizer.planning.conflicts import Claims, InTheWay
from organizer.planning.describing import Describing, sidecar_of
from organizer.planning.operations import (
    Copy,
    KeepFolderTime,
    Link,
    MakeFolder,
    Move,
    Operation,
    Plan,
    RemoveFolder,
    Skip,
    WriteEntries,
    WriteSidecar,
    WriteTags,
)
from organizer.planning.sidecar import SUFFIX
from organizer.rules.actions import CopyTo, Leave, LinkAt, MoveTo, Sidecar, Tag, Xattr
from organizer.rules.fields import fields_of
from organizer.rules.template import MissingValue, render
from organizer.sample import LIVE_PLACE, FileType, Stamp

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import PurePosixPath

    from organizer.planning.conflicts import Snapshot
    from organizer.rules.fields import Value
    from organizer.rules.ruleset import Decision
    from organizer.sample import Item

IN_PLACE = "already in place"
NOTHING_COPIED: Mapping[tuple[Path, str], tuple[Path, ...]] = MappingProxyType({})
NO_ATTRIBUTES: Mapping[Path, bytes] = MappingProxyType({})
NO_LIBRARY_HINT = "Plug its disk in, or make the folder; it is tried again by itself"
IN_THE_WAY_HINT = "Look at what lies there; it is tried again by itself"


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderFacts:
    """One folder on the inbox side, as it was before the plan."""

    mtime_ns: int
    mode: int
    entries: int  # how many names are in it, whatever they are


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """The folders that files are taken from. What the plan empties of them goes; the inbox itself stays."""

    inbox: Path
    folders: Mapping[Path, FolderFacts]


def destinations(decisions: Iterable[Decision], *, library: Path, folders: Folders) -> frozenset[Path]:
    """Name the folders whose content the planner must see; some of them may not exist."""
    found: set[Path] = set()
    for decision in decisions:
        fields = fields_of(decision.item, folders)
        for action in decision.actions:
            if isinstance(action, MoveTo | CopyTo | LinkAt):
                try:
                    found.add(library / render(action.template, fields).parent)
                except MissingValue:
                    continue
            elif isinstance(action, Sidecar):
                found.add(decision.item.path.parent)
    return frozenset(found | {folder / LIVE_PLACE.parent for folder in found})


def plan(
    decisions: Sequence[Decision],
    *,
    snapshot: Snapshot,
    library: Path,
    folders: Folders,
    origin: Literal["pack", "sort", "reclassify"],
    title: str,
    inbox: str | None = None,
    tree: Tree | None = None,
    hashes: Mapping[Path, str],
    stamps: Mapping[Path, Stamp],
    copied: Mapping[tuple[Path, str], Collection[Path]] = NOTHING_COPIED,
    held: Mapping[Path, bytes] = NO_ATTRIBUTES,
    attribute: str = attributes.XDG,
) -> Plan:
    """Say what one batch would do.

    Parameters
    ----------
    hashes : content hashes of the items without a sample, and of all companions
    stamps : of all companions; an item has its own
    copied : by path and content hash, where copies and links of these files were put before
    held : the attribute of file managers, of items that have it; `attribute` is its name
    """
    claims = Claims(snapshot, library)
    describing = Describing(claims=claims, held=held, attribute=attribute)
    filing = _Filing(
        claims=claims,
        describing=describing,
        library=library,
        folders=folders,
        hashes=hashes,
        stamps=stamps,
        copied=copied,
        library_there=library in snapshot.folders,
    )
    filed = [operation for decision in decisions for operation in filing.file(decision)]
    filed += describing.gathered()
    emptied = _emptied(filed, tree)
    return Plan(
        origin=origin,
        title=title,
        inbox=inbox,
        operations=(
            *_times(filed, emptied, tree),
            *(MakeFolder(path=folder) for folder in claims.made),
            *filed,
            *emptied,
        ),
    )


class _NoPlace(Exception):
    """There is no place for this file; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Filing:
    """The operations of one file after the other, with the names claimed so far."""

    claims: Claims
    describing: Describing
    folders: Folders
    library: Path
    hashes: Mapping[Path, str]
    stamps: Mapping[Path, Stamp]
    copied: Mapping[tuple[Path, str], Collection[Path]]
    library_there: bool

    def file(self, decision: Decision) -> list[Operation]:
        item = decision.item
        if not decision.actions:
            return [_left_alone(item)]
        if not self.library_there and any(
            isinstance(one, MoveTo | CopyTo | LinkAt) for one in decision.actions
        ):
            # All of it waits: a tag or a sidecar of what is not yet in its place would be in the wrong one.
            rule = decision.rule.name if decision.rule else ""
            return [_not_now(item, "the library is not there", NO_LIBRARY_HINT, rule)]
        content_hash = item.sample.facts.content_hash if item.sample else self.hashes.get(item.path)
        rule = decision.rule.name if decision.rule else ""
        if content_hash is None:
            return [Skip(path=item.path, reason="it could not be read just now", rule=rule)]
        fields = fields_of(item, self.folders)
        place, filed = item.path, list[Operation]()
        for action in decision.actions:
            if isinstance(action, Leave):
                filed.append(Skip(path=place, reason=action.reason or "left, as the rule says", rule=rule))
            if isinstance(action, MoveTo):
                try:
                    place = self._move_target(decision, action, fields)
                except (_NoPlace, MissingValue) as reason:
                    return [Skip(path=item.path, reason=str(reason), rule=action.rule)]
                except InTheWay as reason:
                    return [_not_now(item, str(reason), IN_THE_WAY_HINT, action.rule)]
                filed += self._moves(item, place, content_hash, action.rule)
        for action in decision.actions:
            if isinstance(action, Tag):
                filed += self.describing.tags(item, place, content_hash, action, fields)
        for action in decision.actions:
            if isinstance(action, Xattr):
                filed += self.describing.attributes(item, place, action, fields)
        moves = any(isinstance(action, MoveTo) for action in decision.actions)
        for action in decision.actions:
            # A copy was made when the file came to its place; asking again must not make another.
            if isinstance(action, CopyTo | LinkAt) and not (moves and place == item.path):
                filed.append(self._copy(item, place, content_hash, action, fields))
        for action in decision.actions:
            if isinstance(action, Sidecar):
                filed += self.describing.sidecar(item, place, action)
        self.describing.take_along(item, place, rule)
        return filed

    def _move_target(self, decision: Decision, action: MoveTo, fields: Mapping[str, Value | None]) -> Path:
        item = decision.item
        tails = [companion.name.removeprefix(item.path.name) for companion in _companions(item)]
        each = any(isinstance(one, Sidecar) and one.format == "json-each" for one in decision.actions)
        if each and item.sample and SUFFIX not in tails:
            tails.append(SUFFIX)
        return self._claim(
            render(action.template, fields),
            tails=tails,
            own=(item.path, *item.companions, sidecar_of(item.path)),
            may_number=action.on_conflict == "number",
        )

    def _claim(
        self, target: PurePosixPath, *, tails: Sequence[str], own: Sequence[Path], may_number: bool
    ) -> Path:
        folder = self.claims.folder(target.parent)
        name = self.claims.name(folder, target.name, tails=tails, own=own, may_number=may_number)
        if name is None:
            raise _NoPlace(f'"{target}" in the library is taken')
        return folder / name

    def _moves(self, item: Item, target: Path, content_hash: str, rule: str) -> list[Operation]:
        if target == item.path:
            return [Skip(path=item.path, reason=IN_PLACE, rule=rule)]
        moves: list[Operation] = [
            Move(source=item.path, target=target, stamp=item.stamp, content_hash=content_hash, rule=rule)
        ]
        for companion in _companions(item):
            stamp, known = self.stamps.get(companion), self.hashes.get(companion)
            if stamp is None or known is None:
                moves.append(Skip(path=companion, reason="it could not be read just now", rule=rule))
                continue
            beside = target.with_name(target.name + companion.name.removeprefix(item.path.name))
            moves.append(Move(source=companion, target=beside, stamp=stamp, content_hash=known, rule=rule))
        return moves

    def _copy(
        self,
        item: Item,
        place: Path,
        content_hash: str,
        action: CopyTo | LinkAt,
        fields: Mapping[str, Value | None],
    ) -> Operation:
        verb = "copied" if isinstance(action, CopyTo) else "linked"
        try:
            target = render(action.template, fields)
            if there := self._copied_already(place, content_hash, target):
                return Skip(path=place, reason=f'{verb} already, as "{there.name}"', rule=action.rule)
            wanted = self._claim(
                target,
                tails=(),
                own=(item.path,) if place == item.path else (),
                may_number=action.on_conflict == "number",
            )
        except (_NoPlace, MissingValue, InTheWay) as reason:
            return Skip(path=place, reason=f"not {verb}: {reason}", rule=action.rule)
        if wanted == item.path:
            return Skip(path=place, reason=f"not {verb}: {IN_PLACE}", rule=action.rule)
        if isinstance(action, CopyTo):
            return Copy(source=place, target=wanted, content_hash=content_hash, rule=action.rule)
        pointer = "" if action.hard else self._pointer(place, seen_from=wanted.parent)
        return Link(source=place, target=wanted, content_hash=content_hash, pointer=pointer, rule=action.rule)

    def _pointer(self, place: Path, *, seen_from: Path) -> str:
        """Say what a symbolic link holds: inside the library a way that stays right when the library
        moves."""
        if place.is_relative_to(self.library) and seen_from.is_relative_to(self.library):
            up = len(seen_from.relative_to(self.library).parts)
            return "/".join([*[".."] * up, place.relative_to(self.library).as_posix()])
        return str(place)

    def _copied_already(self, place: Path, content_hash: str, target: PurePosixPath) -> Path | None:
        """Find a copy in the same folder that the same bytes gave at an earlier time."""
        for copy in self.copied.get((place, content_hash), ()):
            if copy.parent == self.claims.folder(target.parent) and self.claims.was_there(copy):
                return copy
        return None


def _not_now(item: Item, reason: str, hint: str, rule: str) -> Skip:
    return Skip(path=item.path, reason=reason, hint=hint, rule=rule, lasting=False)


def _companions(item: Item) -> list[Path]:
    """Give the companions whose name begins with the whole name of their sample, as it must."""
    return [one for one in item.companions if one.name.startswith(item.path.name)]


def _left_alone(item: Item) -> Skip:
    """Say why no rule takes a file."""
    hint = item.hint
    if item.bundle is not None:
        reason = f'it belongs to the bundle "{item.bundle.name}", which stays whole'
        hint = hint or "A rule with bundle = true takes bundles."
    elif item.problem is not None:
        reason = item.problem
    elif item.type is FileType.AUDIO:
        reason = "no rule takes it"
    else:
        reason = f"no rule takes files of the type {item.type}"
    return Skip(path=item.path, reason=reason, hint=hint)


def _times(
    filed: Sequence[Operation], emptied: Sequence[RemoveFolder], tree: Tree | None
) -> list[KeepFolderTime]:
    """Keep the times of all folders on the inbox side whose content changes."""
    if tree is None:
        return []
    disturbed = {folder.path.parent for folder in emptied}
    for operation in filed:
        match operation:
            case (
                Move(source=path)
                | WriteTags(path=path)
                | WriteSidecar(path=path)
                | WriteEntries(path=path)
                | MakeFolder(path=path)
            ):
                disturbed.add(path.parent)
    return [
        KeepFolderTime(path=path, mtime_ns=tree.folders[path].mtime_ns)
        for path in sorted(disturbed & tree.folders.keys() - {tree.inbox})
    ]


def _emptied(filed: Sequence[Operation], tree: Tree | None) -> list[RemoveFolder]:
    """Find the folders that have nothing left in them afterwards, deepest first."""
    if tree is None:
        return []
    lost = Counter(operation.source.parent for operation in filed if isinstance(operation, Move))
    gained = Counter(
        operation.path.parent for operation in filed if isinstance(operation, WriteSidecar | WriteEntries)
    )
    emptied = []
    for folder in sorted(tree.folders, key=lambda path: (-len(path.parts), path)):
        facts = tree.folders[folder]
        if folder != tree.inbox and lost[folder] and facts.entries + gained[folder] <= lost[folder]:
            emptied.append(RemoveFolder(path=folder, mode=facts.mode))
            lost[folder.parent] += 1
    return emptied
