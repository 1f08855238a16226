"""What is written into files and beside them: tags, attributes, sidecars, the tags of Ableton Live. Pure.

Entries of files that tell of a whole folder are gathered while files are planned, and come at the end.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from organizer.planning import attributes
from organizer.planning.conflicts import Snapshot
from organizer.planning.live_tags import keywords_of
from organizer.planning.operations import (
    Copy,
    Form,
    MakeFolder,
    Operation,
    Skip,
    WriteAttribute,
    WriteEntries,
    WriteSidecar,
    WriteTags,
)
from organizer.planning.sidecar import FOLDER_FILE, SUFFIX, entry_text, sidecar_text
from organizer.rules.legal import LONGEST_NAME, size
from organizer.rules.template import MissingValue, render_text
from organizer.sample import LIVE_PLACE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from organizer.rules.actions import Sidecar, Tag, Xattr
    from organizer.rules.fields import Value
    from organizer.rules.template import Template
    from organizer.sample import Item

BACKUP_SUFFIX = ".before-organizer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Describing:
    """Plans what is said of files. `held` are the attributes that files have now, `attribute` which one is
    meant, `linked` the files that have other names as well, `theirs` the files of Live that are not of our
    making."""

    snapshot: Snapshot
    held: Mapping[Path, bytes]
    attribute: str
    linked: Collection[Path]
    theirs: Collection[Path]
    _entries: dict[tuple[Path, Form], dict[str, str]] = field(default_factory=dict)
    _rules: dict[tuple[Path, Form], str] = field(default_factory=dict)
    _attributes: dict[Path, bytes] = field(default_factory=dict)  # as they will be

    def tags(
        self, item: Item, place: Path, content_hash: str, action: Tag, fields: Mapping[str, Value | None]
    ) -> list[Operation]:
        if item.sample is None:
            return [Skip(path=place, reason="only sounds that were heard are tagged", rule=action.rule)]
        tags = {name: text for name, template in action.values.items() if (text := _text(template, fields))}
        if not tags:
            return []
        return [
            WriteTags(
                path=place,
                content_hash=content_hash,
                sound_id=item.sample.facts.sound_id,
                tags=tags,
                mode=action.mode,
                rule=action.rule,
            )
        ]

    def attributes(
        self, item: Item, place: Path, action: Xattr, fields: Mapping[str, Value | None]
    ) -> list[Operation]:
        wanted = [text for template in action.tags if (text := _text(template, fields))]
        before = self._attributes.get(item.path, self.held.get(item.path))
        after = attributes.joined(self.attribute, before, wanted)
        if not wanted or after == before:
            return []
        if item.path in self.linked:
            reason = "it has another name elsewhere, and what is set here would be set there"
            hint = "Use a sidecar, or drop copies rather than hard links"
            return [Skip(path=place, reason=reason, hint=hint, rule=action.rule)]
        self._attributes[item.path] = after
        return [WriteAttribute(path=place, name=self.attribute, before=before, after=after, rule=action.rule)]

    def sidecar(self, item: Item, place: Path, action: Sidecar) -> list[Operation]:
        if item.sample is None:
            reason = "only sounds that were heard get a sidecar"
            return [Skip(path=place, reason=reason, rule=action.rule)]
        match action.format:
            case "json":
                self._put(place, "json", entry_text(item.sample, rule=action.rule), action.rule)
                return []
            case "xmp":
                # Only what is added, so that undo takes away no more than that.
                said = _live_tags(item) if place.parent == item.path.parent else []
                keywords = [one for one in keywords_of(item.sample) if one not in said]
                self._put_keywords(place, keywords, action.rule)
                return []
        path = sidecar_of(place)
        comes_along = sidecar_of(item.path) in item.companions
        if comes_along or (place == item.path and self.snapshot.holds(path)):
            return [Skip(path=path, reason="there is a sidecar already", rule=action.rule)]
        if size(path.name) > LONGEST_NAME:
            return [Skip(path=place, reason="its name leaves no room for a sidecar's", rule=action.rule)]
        content = sidecar_text(item.sample, rule=action.rule)
        return [WriteSidecar(path=path, content=content, rule=action.rule)]

    def take_along(self, item: Item, place: Path, rule: str) -> None:
        """Let what Ableton Live says of a file go where the file goes."""
        if place.parent != item.path.parent:
            self._put_keywords(place, _live_tags(item), rule)

    def gathered(self) -> list[Operation]:
        """Give the operations that write all entries gathered so far."""
        found: list[Operation] = []
        for (path, form), entries in self._entries.items():
            if not entries:
                continue
            rule = self._rules[path, form]
            if form == "xmp":
                found += self._ready(path, rule)
            found.append(WriteEntries(path=path, form=form, entries=entries, rule=rule))
        return found

    def _ready(self, path: Path, rule: str) -> list[Operation]:
        """Make the folder of Live's file where it is missing; keep the file as it was before we first touch
        it. One that we have made needs no copy, which an undo could not remove once another pack is in it."""
        if not self.snapshot.holds(path.parent):
            return [MakeFolder(path=path.parent)]
        backup = path.with_name(path.name + BACKUP_SUFFIX)
        if path not in self.theirs or self.snapshot.holds(backup):
            return []
        return [Copy(source=path, target=backup, content_hash="", rule=rule)]

    def _put_keywords(self, place: Path, keywords: Sequence[str], rule: str) -> None:
        if not keywords:
            return
        present = self._entries.get((place.parent / LIVE_PLACE, "xmp"), {}).get(place.name, "[]")
        both = dict.fromkeys([*json.loads(present), *keywords])
        self._put(place, "xmp", json.dumps(list(both), ensure_ascii=False), rule)

    def _put(self, place: Path, form: Form, text: str, rule: str) -> None:
        path = place.parent / (FOLDER_FILE if form == "json" else LIVE_PLACE)
        self._entries.setdefault((path, form), {})[place.name] = text
        self._rules.setdefault((path, form), rule)


def _live_tags(item: Item) -> list[str]:
    said = item.sample.metadata.get("live") if item.sample else None
    return said.split("\n") if said else []


def sidecar_of(path: Path) -> Path:
    return path.with_name(path.name + SUFFIX)


def _text(template: Template, fields: Mapping[str, Value | None]) -> str:
    """Fill in a text; empty where a value is missing: absent rather than invented."""
    try:
        return render_text(template, fields)
    except MissingValue:
        return ""
