"""Conditions: words, and how all, any and not join them. Pure.

Each looks at an item and finds that it holds or does not, and says why.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from organizer.rules.terms import Asked, Finding
from organizer.rules.words import WORDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from organizer.rules.problems import Place
    from organizer.sample import Item


class Condition(Protocol):
    def check(self, item: Item) -> Finding: ...


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every one of several conditions; with none, it holds."""

    conditions: tuple[Condition, ...]

    def check(self, item: Item) -> Finding:
        findings = [condition.check(item) for condition in self.conditions]
        failed = [finding for finding in findings if not finding.held]
        return Finding(not failed, "; ".join(finding.why for finding in failed or findings))


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one of several."""

    conditions: tuple[Condition, ...]

    def check(self, item: Item) -> Finding:
        findings = [condition.check(item) for condition in self.conditions]
        if first := next((finding for finding in findings if finding.held), None):
            return first
        return Finding(False, f"none of these: ({'; '.join(finding.why for finding in findings)})")


@dataclass(frozen=True, slots=True)
class Not:
    condition: Condition

    def check(self, item: Item) -> Finding:
        finding = self.condition.check(item)
        if finding.held:
            return Finding(False, f"{finding.why}, which is ruled out")
        return Finding(True, finding.why)


_COMBINING = ("any", "all", "not")
_TABLES = frozenset(word.partition(".")[0] for word in WORDS if "." in word)
_DEEPEST = 32  # levels of any, all and not in one another


def read_when(value: object, place: Place) -> AllOf:
    """Read a table of conditions, all of which must hold; what cannot be read is noted and left out."""
    if not isinstance(value, dict):
        place.expected('a table such as { kind = "loop" }', value)
        return AllOf(())
    conditions: list[Condition | None] = []
    for key, wanted in _dotted(value):
        spot = place.at(key)
        if key in _COMBINING:
            conditions.append(_read_combined(key, wanted, spot))
        elif key in WORDS:
            conditions.append(WORDS[key].read(key, wanted, spot))
        elif key in _TABLES:
            example = next(word for word in WORDS if word.startswith(f"{key}."))
            spot.expected(f"a table of words such as {example}", wanted)
        else:
            spot.unknown("a condition", key, (*WORDS, *_COMBINING))
    return AllOf(tuple(one for one in conditions if one is not None))


def _dotted(table: dict[str, object]) -> Iterator[tuple[str, object]]:
    """Give keys as users write them: TOML makes `audio.confidence` a table in a table."""
    for key, wanted in table.items():
        if isinstance(wanted, dict) and wanted and key in _TABLES:
            yield from ((f"{key}.{name}", one) for name, one in wanted.items())
        else:
            yield key, wanted


def _read_combined(key: str, value: object, place: Place) -> Condition | None:
    if place.key.count(".") > _DEEPEST:
        place.note("nested too deeply")
        return None
    if key == "not":
        if isinstance(value, dict) and value:
            return Not(read_when(value, place))
        place.expected('a table such as { kind = "loop" }', value)
        return None
    if not isinstance(value, list) or not value:
        place.expected('a list of tables such as [{ kind = "loop" }, { label = "fx" }]', value)
        return None
    parts = tuple(read_when(entry, place.entry(number)) for number, entry in enumerate(value, 1))
    return AnyOf(parts) if key == "any" else AllOf(parts)


def words_of(condition: Condition) -> frozenset[str]:
    """Name every word that a condition rests on; `bundle` only where it asks for bundled files."""
    match condition:
        case AllOf(parts) | AnyOf(parts):
            return frozenset().union(*(words_of(one) for one in parts))
        case Not(inner):
            return words_of(inner) - {"bundle"}
        case Asked(word="bundle", wanted=(False,)):
            return frozenset()
        case Asked(word=word):
            return frozenset({word})
        case _:
            return frozenset()
