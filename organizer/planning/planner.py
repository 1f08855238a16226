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

from organizer.planning import attributes
from organizer.planning.conflicts import Claims
from organizer.planning.describing import Describing
from organizer.planning.filing import TRASH, Filing, Twin
from organizer.planning.operations import (
    KeepFolderTime,
    MakeFolder,
    Move,
    Operation,
    Plan,
    RemoveFolder,
    WriteEntries,
    WriteSidecar,
    WriteTags,
)
from organizer.rules.actions import CopyTo, LinkAt, MoveTo, Sidecar
from organizer.rules.fields import fields_of
from organizer.rules.legal import legal_name
from organizer.rules.template import MissingValue, render
from organizer.sample import LIVE_PLACE, Stamp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from organizer.folders import Folders
    from organizer.planning.conflicts import Snapshot
    from organizer.rules.ruleset import Decision

NOTHING_COPIED: Mapping[tuple[Path, str], tuple[Path, ...]] = MappingProxyType({})
NO_ATTRIBUTES: Mapping[Path, bytes] = MappingProxyType({})
NO_LIBRARIES: Mapping[str, Path] = MappingProxyType({})
NO_MEMBERS: Mapping[Path, tuple[Path, str]] = MappingProxyType({})
NO_TWINS: Mapping[str, Twin] = MappingProxyType({})


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


def destinations(
    decisions: Sequence[Decision],
    *,
    library: Path,
    libraries: Mapping[str, Path] = NO_LIBRARIES,
    folders: Folders,
) -> frozenset[Path]:
    """Name the folders whose content the planner must see; some of them may not exist."""
    found: set[Path] = set()
    trash = {one.rule.on_duplicate for one in decisions if one.rule} & {"trash", "link"}
    for decision in decisions:
        fields = fields_of(decision.item, folders)
        for action in decision.actions:
            if isinstance(action, MoveTo | CopyTo | LinkAt):
                try:
                    root = libraries.get(action.library, library)
                    found.add(root / render(action.template, fields).parent)
                except MissingValue:
                    continue
            elif isinstance(action, Sidecar):
                found.add(decision.item.path.parent)
        if trash and decision.item.sample:
            parts = (legal_name(part) for part in decision.item.origin.relative.parent.parts)
            found.add(library.joinpath(TRASH, *parts))
    return frozenset(found | {folder / LIVE_PLACE.parent for folder in found})


def folder_of(
    decision: Decision, *, library: Path, libraries: Mapping[str, Path] = NO_LIBRARIES, folders: Folders
) -> Path | None:
    """Name the folder that the rule would move a file to, whatever is there; None where it moves none."""
    for action in decision.actions:
        if isinstance(action, MoveTo):
            try:
                root = libraries.get(action.library, library)
                return root / render(action.template, fields_of(decision.item, folders)).parent
            except MissingValue:
                return None
    return None


def plan(
    decisions: Sequence[Decision],
    *,
    snapshot: Snapshot,
    library: Path,
    libraries: Mapping[str, Path] = NO_LIBRARIES,
    folders: Folders,
    origin: Literal["pack", "sort", "reclassify"],
    title: str,
    inbox: str | None = None,
    tree: Tree | None = None,
    hashes: Mapping[Path, str],
    stamps: Mapping[Path, Stamp],
    copied: Mapping[tuple[Path, str], Collection[Path]] = NOTHING_COPIED,
    twins: Mapping[str, Twin] = NO_TWINS,
    members: Mapping[Path, tuple[Path, str]] = NO_MEMBERS,
    held: Mapping[Path, bytes] = NO_ATTRIBUTES,
    linked: Collection[Path] = (),
    reserved: Collection[Path] = (),
    theirs: Collection[Path] = (),
    attribute: str = attributes.XDG,
) -> Plan:
    """Say what one batch would do.

    Parameters
    ----------
    hashes : content hashes of the items without a sample, and of all companions
    stamps : of all companions; an item has its own
    copied : by path and content hash, where copies and links of these files were put before
    twins : by sound, where the library has it already
    members : of items that were unpacked from an archive: the archive, and what they are called in it
    held : the attribute of file managers, of items that have it; `attribute` is its name
    linked : items that have other names, somebody else's hard links
    reserved : paths that something else is to have, though nothing lies there yet
    theirs : the files of Ableton Live, in the folders of the snapshot, that are not of our making
    """
    roots = {"": library, **libraries}
    claims = {name: Claims(snapshot, root, reserved=reserved) for name, root in roots.items()}
    describing = Describing(snapshot=snapshot, held=held, attribute=attribute, linked=linked, theirs=theirs)
    filing = Filing(
        claims=claims,
        describing=describing,
        roots=roots,
        there=frozenset(name for name, root in roots.items() if root in snapshot.folders),
        twins=dict(twins),
        members=members,
        folders=folders,
        hashes=hashes,
        stamps=stamps,
        copied=copied,
    )
    filed = [one for decision in decisions for one in filing.file(decision)] + describing.gathered()
    emptied = _emptied(filed, tree)
    return Plan(
        origin=origin,
        title=title,
        inbox=inbox,
        operations=(
            *_times(filed, emptied, tree),
            *(MakeFolder(path=folder) for one in claims.values() for folder in one.made),
            *filed,
            *emptied,
        ),
    )


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
