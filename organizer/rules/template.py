"""Templates: `Drums/{folder}/{pack|Loose}/{name}`, `{confidence:.2f}`. Reading and filling in. Pure.

A field stands alone: no attributes, no indexes, no code. `{{` and `}}` are braces. What a template gives
as a path is relative, legal everywhere, and keeps the suffix of the file.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from organizer.rules.fields import FIELDS, PLAIN_SPEC, WITH_SLASHES, Value
from organizer.rules.legal import LONGEST_NAME, legal_name, split_suffix

if TYPE_CHECKING:
    from collections.abc import Mapping

    from organizer.rules.problems import Place

_PIECE = re.compile(r"\{\{|\}\}|\{[^{}]*\}|[{}]|[^{}]+")
# Widths are bounded, so that no rule file can ask for a gigabyte of zeros.
_NUMBER_SPEC = re.compile(r"[+\- ]?0?\d{0,2}(?:\.\d{1,2})?[dfeg%]?")
_DATE_SPEC = re.compile(r"(?:%[YymdBbjUuH]|[-_. ]){0,16}")
_TEXT_SPEC = re.compile(r"[<>^]?\d{0,2}(?:\.\d{1,3})?s?")

# A rendered file name leaves this much for " (2)" behind its stem.
_ROOM_FOR_NUMBER = 8


@dataclass(frozen=True, slots=True)
class Blank:
    """One `{field:spec|default}`."""

    field: str
    spec: str = ""
    default: str | None = None


@dataclass(frozen=True, slots=True)
class Template:
    text: str
    pieces: tuple[str | Blank, ...]

    @property
    def blanks(self) -> tuple[Blank, ...]:
        return tuple(piece for piece in self.pieces if isinstance(piece, Blank))


class MissingValue(Exception):
    """A template asks for something that this item has not, and gives no default."""

    def __init__(self, field: str, template: Template) -> None:
        super().__init__(f'it has no {field}, which "{template.text}" asks for without a default')
        self.field = field


def read_text(value: object, place: Place) -> Template | None:
    """Read a template whose result is free text, as in a tag."""
    if not isinstance(value, str):
        place.expected('a text such as "{category}"', value)
        return None
    before = len(place.problems)
    pieces: list[str | Blank] = []
    for found in _PIECE.findall(unicodedata.normalize("NFC", value)):
        if found in ("{{", "}}"):
            pieces.append(found[0])
        elif found in ("{", "}"):
            place.expected('"{field}", or a brace written twice', found)
        elif found.startswith("{"):
            pieces.append(_read_blank(found[1:-1], place))
        else:
            pieces.append(found)
    return Template(value, tuple(pieces)) if len(place.problems) == before else None


def read_path(value: object, place: Place) -> Template | None:
    """Read a template whose result is a path below the library."""
    if isinstance(value, str) and not value.strip("/ "):
        place.expected('a path such as "Drums/{folder}/{name}"', value)
        return None
    template = read_text(value, place)
    if template is None:
        return None
    pieces = template.pieces
    if template.text.endswith("/"):  # a folder: the file keeps its name in it
        pieces = (*pieces, Blank("name"))
    before = len(place.problems)
    _check_parts("".join(piece if isinstance(piece, str) else "x" for piece in pieces), place)
    for blank in template.blanks:
        if blank.default:
            _check_parts(blank.default, place, slashes=blank.field in WITH_SLASHES)
    return Template(template.text, pieces) if len(place.problems) == before else None


def render(template: Template, fields: Mapping[str, Value | None]) -> PurePosixPath:
    """Fill in a path; raise MissingValue where a value and its default are both absent."""
    text = "".join(_filled(piece, template, fields, in_path=True) for piece in template.pieces)
    parts = [part for part in text.split("/") if part]
    name = str(fields["name"])
    last = parts.pop() if parts and not text.endswith("/") else name
    suffix = split_suffix(legal_name(name))[1]
    last = legal_name(last)
    if not last.lower().endswith(suffix.lower()):
        last += suffix
    return PurePosixPath(
        *[legal_name(part) for part in parts], legal_name(last, limit=LONGEST_NAME - _ROOM_FOR_NUMBER)
    )


def render_text(template: Template, fields: Mapping[str, Value | None]) -> str:
    return "".join(_filled(piece, template, fields, in_path=False) for piece in template.pieces)


def _filled(
    piece: str | Blank, template: Template, fields: Mapping[str, Value | None], *, in_path: bool
) -> str:
    if isinstance(piece, str):
        return piece
    value = fields.get(piece.field)
    if value is None or (value == "" and piece.default is not None):
        if piece.default is None:
            raise MissingValue(piece.field, template)
        return piece.default
    text = format(value, piece.spec or PLAIN_SPEC.get(piece.field, ""))
    return text.replace("/", "_") if in_path and piece.field not in WITH_SLASHES else text


def _read_blank(inside: str, place: Place) -> Blank:
    front, bar, default = inside.partition("|")
    field, _, spec = front.partition(":")
    if field not in FIELDS:
        place.unknown("a field", field, FIELDS)
    elif not _is_spec(spec, FIELDS[field]):
        place.expected(f'a format such as "{_example(field)}"', f"{{{inside}}}")
    return Blank(field, spec, default if bar else None)


def _example(field: str) -> str:
    match FIELDS[field]:
        case str():
            return "{stem:.12}"
        case date():
            return "{date:%Y-%m}"
    return f"{{{field}:.2f}}"


def _is_spec(spec: str, example: Value) -> bool:
    match example:
        case str():
            pattern = _TEXT_SPEC
        case date():
            pattern = _DATE_SPEC
        case _:
            pattern = _NUMBER_SPEC
    if not pattern.fullmatch(spec):
        return False
    try:
        format(example, spec)
    except ValueError:
        return False
    return True


def _check_parts(path: str, place: Place, *, slashes: bool = True) -> None:
    if path.startswith(("/", "~")):
        place.expected("a path below the library", path)
    elif "\\" in path:
        place.expected('"/" between folders', path)
    elif "/" in path and not slashes:
        place.expected("a default without slashes", path)
    else:
        for part in path.split("/"):
            if part != legal_name(part) and part:
                place.expected("names that are legal on Linux, macOS and Windows", part)
