"""From rule text and a disk to a plan, as the pipeline does it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from organizer.folders import Folders
from organizer.planning.conflicts import Snapshot
from organizer.planning.planner import NO_ATTRIBUTES, NOTHING_COPIED, destinations, plan
from organizer.rules.loader import read_rules
from organizer.rules.ruleset import RuleSet
from tests.planning.disk import LIBRARY, hash_of, stamp

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from organizer.planning.operations import Plan
    from organizer.sample import Item
    from tests.planning.disk import Disk


def rules(text: str) -> RuleSet:
    problems: list[str] = []
    read = read_rules(f"version = 1\n{text}".encode(), file="my.toml", problems=problems)
    assert not problems
    return RuleSet(rules=tuple(read), digest="")


def rule(then: str, when: str = "", *, name: str = "R", more: str = "") -> str:
    return f'[[rule]]\nname = "{name}"\nwhen = {{ {when} }}\nthen = [{then}]\n{more}\n'


def planned(
    disk: Disk,
    text: str,
    items: Sequence[Item],
    *,
    with_tree: bool = True,
    copied: Mapping[tuple[Path, str], Sequence[Path]] = NOTHING_COPIED,
    held: Mapping[Path, bytes] = NO_ATTRIBUTES,
    theirs: Collection[Path] = (),
) -> Plan:
    decisions = [rules(text).decide(one) for one in items]
    wanted = destinations(decisions, library=LIBRARY, folders=Folders())
    return plan(
        decisions,
        snapshot=Snapshot.seen(wanted, library=LIBRARY, names_in=disk.names_in),
        library=LIBRARY,
        folders=Folders(),
        origin="pack",
        title="Pack",
        inbox="Inbox",
        tree=disk.tree() if with_tree else None,
        hashes={path: hash_of(content) for path, content in disk.files.items()},
        stamps={path: stamp(path) for path in disk.files},
        copied=copied,
        held=held,
        theirs=theirs,
    )
