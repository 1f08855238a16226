"""How the reader of rule files says what is wrong: where it stands, what it expected, what it found.

It only collects; nothing here stops at the first finding, so that a user sees all of them at once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_NOTHING = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where in a rule file the reader stands; it writes down there what is wrong."""

    problems: list[str]
    file: str
    rule: str = ""  # 'rule 2 "Drums"'
    key: str = ""  # 'when.confidence'
    libraries: Collection[str] | None = None  # that the configuration names; None: nobody knows

    @property
    def word(self) -> str:
        """Give the word that the reader stands at, whatever its entry."""
        return re.sub(r"\[\d+\]$", "", self.key).rpartition(".")[2]

    def within(self, rule: str) -> Place:
        return replace(self, rule=rule, key="")

    def at(self, key: str) -> Place:
        return replace(self, key=f"{self.key}.{key}" if self.key else key)

    def entry(self, number: int) -> Place:
        """Stand at one entry of a list, counted from 1 as people count."""
        return replace(self, key=f"{self.key}[{number}]")

    def note(self, sentence: str) -> None:
        self.problems.append(": ".join(part for part in (self.file, self.rule, self.key, sentence) if part))

    def expected(self, what: str, found: object = _NOTHING) -> None:
        self.note(f"expected {what}, found {'nothing' if found is _NOTHING else shown(found)}")

    def unknown(self, what: str, found: str, among: Iterable[str]) -> None:
        """Note a word that is none of those known, with the nearest of them, else with all."""
        known = sorted(among)
        if not known:
            self.note(f"expected {what}, found {shown(found)}; there is none")
            return
        head = re.split(r"\W", found, maxsplit=1)[0]  # of `name.upper`, `name[0]`: what was meant is `name`
        near = get_close_matches(found.lower(), known, n=1) or get_close_matches(head.lower(), known, n=1)
        end = f'did you mean "{near[0]}"?' if near else f"known: {', '.join(known)}"
        self.note(f"expected {what}, found {shown(found)}; {end}")


def shown(value: object) -> str:
    """Write a value as the user wrote it in TOML, or say what sort of thing it is."""
    if isinstance(value, dict):
        return "a table" if value else "an empty table"
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    if isinstance(value, str | bool | int | float):
        return json.dumps(value, ensure_ascii=False)
    return str(value)  # dates and times
