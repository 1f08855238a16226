"""Actions: one small class per word that a user writes in `then`. Pure: they only say what is wanted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

from organizer.rules.template import Template, read_path, read_text

if TYPE_CHECKING:
    from organizer.rules.problems import Place

Conflict = Literal["number", "skip"]
TagMode = Literal["fill", "append", "replace"]
# One hidden file a folder, one beside each sample, or the tags of Ableton Live.
SidecarFormat = Literal["json", "json-each", "xmp"]
LinkKind = Literal["hard", "symbolic"]

# Tags that other programs know, and those of our own, which are written under a prefix.
COMMON_TAGS = ("title", "artist", "album", "genre", "comment", "bpm", "key", "grouping")
OWN_TAGS = ("label", "category", "confidence", "kind", "model")


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveTo:
    template: Template
    on_conflict: Conflict = "number"
    library: str = ""  # by its name in the configuration; empty: the first
    rule: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyTo:
    template: Template
    on_conflict: Conflict = "number"
    library: str = ""  # by its name in the configuration; empty: the first
    rule: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkAt:
    template: Template
    hard: bool
    on_conflict: Conflict = "number"
    library: str = ""
    rule: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Xattr:
    tags: tuple[Template, ...]
    rule: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    values: Mapping[str, Template]
    mode: TagMode = "fill"
    rule: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sidecar:
    format: SidecarFormat = "json"
    rule: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpack:
    """What is in an archive is filed as a pack of its own, before anything is done with the archive
    itself."""

    rule: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leave:
    reason: str = ""
    rule: str = ""


Action = MoveTo | CopyTo | LinkAt | Tag | Xattr | Sidecar | Unpack | Leave


def read_then(value: object, place: Place, *, rule: str) -> tuple[Action, ...]:
    """Read the actions of one rule, in the order written; what cannot be read is noted and left out."""
    if not isinstance(value, list) or not value:
        place.expected('a list of actions such as [{ move = "Drums/{folder}/{name}" }]', value)
        return ()
    read = [_read_action(entry, place.entry(number), rule) for number, entry in enumerate(value, 1)]
    actions = tuple(one for one in read if one is not None)
    moves = sum(isinstance(one, MoveTo) for one in actions)
    if moves > 1:
        place.note(f"expected one move at most, found {moves}; `copy` may be given as often as needed")
    if moves and any(isinstance(one, Leave) for one in actions):
        place.note("expected either move or leave, found both")
    return actions


def _read_action(value: object, place: Place, rule: str) -> Action | None:
    if not isinstance(value, dict) or not value:
        place.expected('a table such as { move = "Drums/{folder}/{name}" }', value)
        return None
    words = [key for key in value if key in _READERS]
    before = len(place.problems)
    for key in value:
        if key in _READERS:
            continue
        if key in _BESIDE:
            if words and words[0] not in _BESIDE[key]:
                place.at(key).note(f"expected beside {' or '.join(_BESIDE[key])}, found beside {words[0]}")
        else:
            place.at(key).unknown("an action", key, (*_READERS, *_BESIDE))
    if len(words) > 1:
        place.note(f"expected one action in each table, found {' and '.join(words)}")
    elif not words and len(place.problems) == before:
        place.note(
            f"expected an action, found only {' and '.join(value)}; known: {', '.join(sorted(_READERS))}"
        )
    action = _READERS[words[0]](value, place, rule) if len(words) == 1 else None
    return action if len(place.problems) == before else None


def _read_move(table: dict[str, Any], place: Place, rule: str) -> MoveTo | None:
    template = read_path(table["move"], place.at("move"))
    conflict = _read_conflict(table, place)
    library = _read_library(table, place)
    if template is None:
        return None
    return MoveTo(template=template, on_conflict=conflict, library=library, rule=rule)


def _read_copy(table: dict[str, Any], place: Place, rule: str) -> CopyTo | None:
    template = read_path(table["copy"], place.at("copy"))
    conflict = _read_conflict(table, place)
    library = _read_library(table, place)
    if template is None:
        return None
    return CopyTo(template=template, on_conflict=conflict, library=library, rule=rule)


def _read_link(table: dict[str, Any], place: Place, rule: str) -> LinkAt | None:
    template = read_path(table["link"], place.at("link"))
    conflict, kind = _read_conflict(table, place), table.get("kind", "hard")
    if kind not in get_args(LinkKind):
        place.at("kind").expected('"hard" or "symbolic"', kind)
    library = _read_library(table, place)
    if template is None:
        return None
    return LinkAt(template=template, hard=kind == "hard", on_conflict=conflict, library=library, rule=rule)


def _read_xattr(table: dict[str, Any], place: Place, rule: str) -> Xattr | None:
    spot, value = place.at("xattr"), table["xattr"]
    if not isinstance(value, list):
        entries = [(value, spot)]
    else:
        entries = [(entry, spot.entry(number)) for number, entry in enumerate(value, 1)]
        if not value:
            spot.expected('tags such as ["{category}", "one-shot"]', value)
    read = [read_text(entry, each) for entry, each in entries]
    return Xattr(tags=tuple(one for one in read if one is not None), rule=rule)


def _read_conflict(table: dict[str, Any], place: Place) -> Conflict:
    value = table.get("on_conflict", "number")
    if value not in get_args(Conflict):
        place.at("on_conflict").expected('"number" or "skip"', value)
    return cast("Conflict", value)


def _read_library(table: dict[str, Any], place: Place) -> str:
    """Read the name of a library; which there are, the configuration says."""
    value = table.get("library", "")
    if "library" in table and (not isinstance(value, str) or not value):
        place.at("library").expected('the name of a library, such as "ssd"', value)
    elif value and place.libraries is not None and value not in place.libraries:
        place.at("library").unknown("a library of config.toml", value, place.libraries)
    return value if isinstance(value, str) else ""


def _read_tag(table: dict[str, Any], place: Place, rule: str) -> Tag | None:
    spot, values = place.at("tag"), table["tag"]
    if not isinstance(values, dict) or not (values.keys() - {"mode"}):
        spot.expected('a table such as { genre = "{category}" }', values)
        return None
    mode = values.get("mode", "fill")
    if mode not in get_args(TagMode):
        spot.at("mode").expected('"fill", "append" or "replace"', mode)
    templates: dict[str, Template] = {}
    for name, value in values.items():
        if name == "mode":
            continue
        if name not in COMMON_TAGS + OWN_TAGS:
            spot.at(name).unknown("a tag", name, (*COMMON_TAGS, *OWN_TAGS, "mode"))
        elif template := read_text(value, spot.at(name)):
            templates[name] = template
    return Tag(values=MappingProxyType(templates), mode=mode, rule=rule)


def _read_sidecar(table: dict[str, Any], place: Place, rule: str) -> Sidecar | None:
    value = table["sidecar"]
    if value in get_args(SidecarFormat):
        return Sidecar(format=value, rule=rule)
    place.at("sidecar").expected('"json", "json-each" or "xmp"', value)
    return None


def _read_unpack(table: dict[str, Any], place: Place, rule: str) -> Unpack | None:
    if table["unpack"] is True:
        return Unpack(rule=rule)
    place.at("unpack").expected("true", table["unpack"])
    return None


def _read_leave(table: dict[str, Any], place: Place, rule: str) -> Leave | None:
    value = table["leave"]
    if value is True:
        return Leave(rule=rule)
    if isinstance(value, str) and value.strip():
        return Leave(reason=value, rule=rule)
    place.at("leave").expected('true, or the reason such as "waits for me"', value)
    return None


_READERS: Mapping[str, Callable[[dict[str, Any], Place, str], Action | None]] = MappingProxyType(
    {
        "move": _read_move,
        "copy": _read_copy,
        "link": _read_link,
        "tag": _read_tag,
        "xattr": _read_xattr,
        "sidecar": _read_sidecar,
        "unpack": _read_unpack,
        "leave": _read_leave,
    }
)
# What may stand beside an action, and beside which.
_BESIDE: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"on_conflict": ("move", "copy", "link"), "library": ("move", "copy", "link"), "kind": ("link",)}
)
