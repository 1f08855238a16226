"""The operations of one file after the other: its place, its companions, its copies and links. Pure.

What is said of files is planned in `describing`; folders and the order of a whole plan in `planner`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from organizer.folders import Folders
from organizer.planning.conflicts import Claims, InTheWay
from organizer.planning.describing import Describing, sidecar_of
from organizer.planning.operations import Copy, Extract, Link, Move, Operation, Skip
from organizer.planning.sidecar import SUFFIX
from organizer.rules.actions import CopyTo, Leave, LinkAt, MoveTo, Sidecar, Tag, Unpack, Xattr
from organizer.rules.fields import fields_of
from organizer.rules.legal import legal_name
from organizer.rules.template import MissingValue, render
from organizer.sample import FileType, Stamp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from organizer.rules.fields import Value
    from organizer.rules.ruleset import Decision
    from organizer.sample import Item

IN_PLACE = "already in place"
NO_LIBRARY_HINT = "Plug its disk in, or make the folder; it is tried again by itself"
IN_THE_WAY_HINT = "Look at what lies there; it is tried again by itself"
TRASH = "_Trash"


@dataclass(frozen=True, slots=True)
class Twin:
    """Where the library has a sound already, and the hash of the bytes there."""

    path: Path
    content_hash: str


def first_of(foreseen: Mapping[str, Twin], found: Mapping[str, Twin]) -> dict[str, Twin]:
    """Choose as the index will once what is foreseen has come to pass: the first by path."""
    both = {**foreseen, **found}
    for sound in foreseen.keys() & found.keys():
        both[sound] = min(foreseen[sound], found[sound], key=lambda twin: str(twin.path))
    return both


class _NoPlace(Exception):
    """There is no place for this file; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filing:
    """The operations of one file after the other, with the names claimed so far."""

    claims: Mapping[str, Claims]
    describing: Describing
    folders: Folders
    roots: Mapping[str, Path]
    there: frozenset[str]  # the libraries that can be reached
    twins: dict[str, Twin]  # where each sound lies already, or will
    members: Mapping[Path, tuple[Path, str]]  # of what was unpacked: its archive, and its name there
    hashes: Mapping[Path, str]
    stamps: Mapping[Path, Stamp]
    copied: Mapping[tuple[Path, str], Collection[Path]]

    def file(self, decision: Decision) -> list[Operation]:
        """Give the operations of one file; what lies in an archive is named as if that were a folder."""
        return [
            replace(one, path=Path(*self.members[one.path]))
            if isinstance(one, Skip) and one.path in self.members
            else one
            for one in self._file(decision)
        ]

    def _file(self, decision: Decision) -> list[Operation]:
        item = decision.item
        if not decision.actions:
            return [_left_alone(item)]
        if missing := self._missing(decision):
            # All of it waits: a tag or a sidecar of what is not yet in its place would be in the wrong one.
            rule = decision.rule.name if decision.rule else ""
            return [_not_now(item, f"{missing} is not there", NO_LIBRARY_HINT, rule)]
        content_hash = item.sample.facts.content_hash if item.sample else self.hashes.get(item.path)
        rule = decision.rule.name if decision.rule else ""
        if content_hash is None:
            return [Skip(path=item.path, reason="it could not be read just now", rule=rule)]
        if item.path in self.members and any(isinstance(one, Unpack) for one in decision.actions):
            return [Skip(path=item.path, reason="an archive inside an archive is not opened", rule=rule)]
        if item.path in self.members and not any(isinstance(one, MoveTo) for one in decision.actions):
            reason = f'it lies in an archive, and the rule "{rule}" moves it nowhere'
            return [Skip(path=item.path, reason=reason, rule=rule)]
        fields = fields_of(item, self.folders)
        twin = self._twin(decision)
        if twin is not None and decision.rule and decision.rule.on_duplicate != "keep":
            return self._duplicate(decision, twin, content_hash, fields)
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
                remark = f"the same sound as {twin.path}" if twin is not None else ""
                filed += self._moves(item, place, content_hash, action.rule, remark)
                if item.sample is not None:
                    self.twins.setdefault(item.sample.facts.sound_id, Twin(place, content_hash))
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

    def _missing(self, decision: Decision) -> str:
        """Name a library that cannot be reached and is needed; empty where there is none."""
        for action in decision.actions:
            if isinstance(action, MoveTo | CopyTo | LinkAt) and action.library not in self.there:
                return f"the library {action.library}".rstrip()
        return ""

    def _twin(self, decision: Decision) -> Twin | None:
        """Find where a sound that would be filed lies already."""
        item = decision.item
        if item.sample is None or not any(isinstance(one, MoveTo) for one in decision.actions):
            return None
        if item.bundle is not None:
            return None  # a bundle is whole or it is nothing
        twin = self.twins.get(item.sample.facts.sound_id)
        return None if twin is None or twin.path == item.path else twin

    def _duplicate(
        self, decision: Decision, twin: Twin, content_hash: str, fields: Mapping[str, Value | None]
    ) -> list[Operation]:
        """Do with a sound that is in the library already what the rule says of such."""
        item, rule = decision.item, decision.rule
        assert rule is not None  # the caller has asked it
        if rule.on_duplicate == "skip":
            reason = f"the same sound lies at {twin.path}"
            return [Skip(path=item.path, reason=reason, rule=rule.name)]
        (action,) = [one for one in decision.actions if isinstance(one, MoveTo)]
        try:
            trashed = self._claim(
                PurePosixPath(TRASH, *(legal_name(part) for part in item.origin.relative.parts)),
                "",
                tails=[companion.name.removeprefix(item.path.name) for companion in _companions(item)],
                own=(),
                may_number=True,
            )
            remark = f"the same sound as {twin.path}"
            if rule.on_duplicate == "trash":
                return self._moves(item, trashed, content_hash, rule.name, remark, needs=twin.path)
            wanted = self._claim(
                render(action.template, fields),
                action.library,
                tails=(),
                own=(),
                may_number=action.on_conflict == "number",
            )
        except (_NoPlace, MissingValue) as reason:
            return [Skip(path=item.path, reason=str(reason), rule=rule.name)]
        except InTheWay as reason:
            return [_not_now(item, str(reason), IN_THE_WAY_HINT, rule.name)]
        root = self.roots[action.library]
        pointer = "" if twin.path.is_relative_to(root) else str(twin.path)  # hard links stay on one disk
        link = Link(
            source=twin.path,
            target=wanted,
            content_hash=twin.content_hash,
            pointer=pointer,
            rule=rule.name,
        )
        return [link, *self._moves(item, trashed, content_hash, rule.name, remark, needs=wanted)]

    def _move_target(self, decision: Decision, action: MoveTo, fields: Mapping[str, Value | None]) -> Path:
        item = decision.item
        tails = [companion.name.removeprefix(item.path.name) for companion in _companions(item)]
        each = any(isinstance(one, Sidecar) and one.format == "json-each" for one in decision.actions)
        if each and item.sample and SUFFIX not in tails:
            tails.append(SUFFIX)
        return self._claim(
            render(action.template, fields),
            action.library,
            tails=tails,
            own=(item.path, *item.companions, sidecar_of(item.path)),
            may_number=action.on_conflict == "number",
        )

    def _claim(
        self,
        target: PurePosixPath,
        library: str,
        *,
        tails: Sequence[str],
        own: Sequence[Path],
        may_number: bool,
    ) -> Path:
        claims = self.claims[library]
        folder = claims.folder(target.parent)
        name = claims.name(folder, target.name, tails=tails, own=own, may_number=may_number)
        if name is None:
            raise _NoPlace(f'"{target}" in the library is taken')
        return folder / name

    def _moves(
        self,
        item: Item,
        target: Path,
        content_hash: str,
        rule: str,
        remark: str,
        needs: Path | None = None,
    ) -> list[Operation]:
        if target == item.path:
            return [Skip(path=item.path, reason=IN_PLACE, rule=rule)]
        moves: list[Operation] = [
            replace(self._move(item.path, target, item.stamp, content_hash, rule), remark=remark, needs=needs)
        ]
        for companion in _companions(item):
            stamp, known = self.stamps.get(companion), self.hashes.get(companion)
            if stamp is None or known is None:
                moves.append(Skip(path=companion, reason="it could not be read just now", rule=rule))
                continue
            beside = target.with_name(target.name + companion.name.removeprefix(item.path.name))
            moves.append(self._move(companion, beside, stamp, known, rule))
        return moves

    def _move(self, source: Path, target: Path, stamp: Stamp, content_hash: str, rule: str) -> Move | Extract:
        if source in self.members:
            archive, member = self.members[source]
            return Extract(
                archive=archive,
                member=member,
                staged=source,
                target=target,
                content_hash=content_hash,
                rule=rule,
            )
        return Move(source=source, target=target, stamp=stamp, content_hash=content_hash, rule=rule)

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
            if there := self._copied_already(place, content_hash, target, action.library):
                return Skip(path=place, reason=f'{verb} already, as "{there.name}"', rule=action.rule)
            wanted = self._claim(
                target,
                action.library,
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
        root = self.roots[action.library]
        pointer = "" if action.hard else _pointer(place, root, seen_from=wanted.parent)
        return Link(source=place, target=wanted, content_hash=content_hash, pointer=pointer, rule=action.rule)

    def _copied_already(
        self, place: Path, content_hash: str, target: PurePosixPath, library: str
    ) -> Path | None:
        """Find a copy in the same folder that the same bytes gave at an earlier time."""
        for copy in self.copied.get((place, content_hash), ()):
            claims = self.claims[library]
            if copy.parent == claims.folder(target.parent) and claims.was_there(copy):
                return copy
        return None


def _not_now(item: Item, reason: str, hint: str, rule: str) -> Skip:
    return Skip(path=item.path, reason=reason, hint=hint, rule=rule, lasting=False)


def _pointer(place: Path, library: Path, *, seen_from: Path) -> str:
    """Say what a symbolic link holds: inside the library a way that stays right when the library moves."""
    if place.is_relative_to(library):
        up = len(seen_from.relative_to(library).parts)
        return "/".join([*[".."] * up, place.relative_to(library).as_posix()])
    return str(place)


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
