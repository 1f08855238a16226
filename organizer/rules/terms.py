"""What a user may ask about in `when`: one term a word, and how each is read, asked and described. Pure.

Each looks at an item and finds that it holds or does not, and says why. A condition on something that an
item has not (the confidence of a text file) does not hold.
"""

from __future__ import annotations

import math
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from organizer import musical
from organizer.rules.ranges import PATTERN, Range, read_range, said
from organizer.sample import FileType, Item

if TYPE_CHECKING:
    from organizer.rules.problems import Place


@dataclass(frozen=True, slots=True)
class Finding:
    held: bool
    why: str  # "confidence is 0.62, not >= 0.8"; where it holds, "confidence is 0.91"


@dataclass(frozen=True, slots=True)
class Asked:
    """One word of `when` and what is wanted of it: any of several."""

    word: str
    term: Term
    wanted: tuple[Any, ...]

    def check(self, item: Item) -> Finding:
        return self.term.check(self.word, self.wanted, item)


@dataclass(frozen=True, slots=True)
class Term(ABC):
    """What one word asks about: `of` gives an item's value, None where it has none."""

    of: Callable[[Item], Any]
    absent: str = ""  # how to say that an item has none, where more is to be said than that

    def read(self, word: str, value: object, place: Place) -> Asked | None:
        """Read one value, or a list of them; what cannot be read is noted and left out."""
        if not isinstance(value, list):
            entries = [(value, place)]
        else:
            entries = [(entry, place.entry(number)) for number, entry in enumerate(value, 1)]
            if not value:
                place.expected("at least one entry", value)
        read = [self.read_one(entry, spot) for entry, spot in entries]
        wanted = tuple(one for one in read if one is not None)
        return Asked(word, self, wanted) if wanted else None

    def check(self, word: str, wanted: tuple[Any, ...], item: Item) -> Finding:
        value = self.of(item)
        if value is None:
            return Finding(False, self.absent or lacking(item, word))
        return found(self.holds(value, wanted), f"{word} is {value}", wanted)

    def holds(self, value: Any, wanted: tuple[Any, ...]) -> bool:
        return value in wanted

    def schema(self) -> dict[str, Any]:
        """Describe what may be written as JSON Schema does."""
        one = self.schema_of_one()
        return {"anyOf": [one, {"type": "array", "items": one, "minItems": 1}]}

    @abstractmethod
    def read_one(self, value: object, place: Place) -> Any:
        """Read one value; note what is wrong with it and give None."""

    @abstractmethod
    def schema_of_one(self) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class OneOf(Term):
    """One of several words."""

    known: tuple[str, ...] = ()  # empty: any word

    def read_one(self, value: object, place: Place) -> str | None:
        if not isinstance(value, str) or not value:
            place.expected(f"a {place.word}", value)
        elif self.known and value.lower() not in self.known:
            place.unknown(f"a {place.word}", value, self.known)
        else:
            return value.lower()
        return None

    def schema_of_one(self) -> dict[str, Any]:
        return (
            {"enum": [str(one) for one in self.known]} if self.known else {"type": "string", "minLength": 1}
        )


@dataclass(frozen=True, slots=True)
class Glob(Term):
    """A name, or one of several lines, that is or fits one of several patterns, whatever its letter case.

    `*` goes over slashes.
    """

    def read_one(self, value: object, place: Place) -> str | None:
        if isinstance(value, str) and value:
            return value
        place.expected('a name or a pattern such as "Kick*"', value)
        return None

    def holds(self, value: Any, wanted: tuple[Any, ...]) -> bool:
        lines = [_folded(line) for line in value.split("\n")]
        return any(
            line == _folded(glob) or fnmatchcase(line, _folded(glob)) for line in lines for glob in wanted
        )

    def schema_of_one(self) -> dict[str, Any]:
        return {"type": "string", "minLength": 1}


@dataclass(frozen=True, slots=True)
class Number(Term):
    """A number inside one of several ranges."""

    unit: str = ""
    least: float = 0.0
    most: float = math.inf
    sizes: bool = False  # in bytes, with units
    exact: bool = False  # a plain number may stand there too
    example: str = '"< 2" or "60..200"'

    def read_one(self, value: object, place: Place) -> Range | None:
        return read_range(
            value,
            place,
            least=self.least,
            most=self.most,
            sizes=self.sizes,
            exact=self.exact,
            example=self.example,
        )

    def holds(self, value: Any, wanted: tuple[Any, ...]) -> bool:
        return any(one.holds(value) for one in wanted)

    def check(self, word: str, wanted: tuple[Any, ...], item: Item) -> Finding:
        value = self.of(item)
        if value is None:
            return Finding(False, self.absent or lacking(item, word))
        return found(self.holds(value, wanted), f"{word} is {said(value, wanted)}{self.unit}", wanted)

    def schema_of_one(self) -> dict[str, Any]:
        text = {"type": "string", "pattern": PATTERN, "description": f"A range such as {self.example}."}
        return {"anyOf": [text, {"type": "number"}]} if self.exact else text


@dataclass(frozen=True, slots=True)
class Key(Term):
    """A musical key, however it is written: `F#m`, `Gb minor`, `11A`."""

    def read_one(self, value: object, place: Place) -> str | None:
        key = musical.key(value) if isinstance(value, str) else None
        if key is None:
            place.expected('a key such as "Am", "F# minor" or "8A"', value)
        return key

    def schema_of_one(self) -> dict[str, Any]:
        return {"type": "string", "description": "A key such as Am, F# minor or 8A."}


@dataclass(frozen=True, slots=True)
class Note(Term):
    """A note in any octave, `F#`, or in one, `F#2`."""

    def read_one(self, value: object, place: Place) -> str | None:
        note = musical.read_note(value) if isinstance(value, str) else None
        if note is None:
            place.expected('a note such as "C" or "F#2"', value)
        return note

    def holds(self, value: Any, wanted: tuple[Any, ...]) -> bool:
        return value in wanted or musical.without_octave(value) in wanted

    def schema_of_one(self) -> dict[str, Any]:
        return {"type": "string", "description": "A note such as C (in any octave) or F#2."}


@dataclass(frozen=True, slots=True)
class YesNo(Term):
    """True or false; `of` gives which, and how to say that."""

    def read(self, word: str, value: object, place: Place) -> Asked | None:
        wanted = self.read_one(value, place)
        return None if wanted is None else Asked(word, self, (wanted,))

    def read_one(self, value: object, place: Place) -> bool | None:
        if isinstance(value, bool):
            return value
        place.expected("true or false", value)
        return None

    def check(self, word: str, wanted: tuple[Any, ...], item: Item) -> Finding:
        is_so, why = self.of(item)
        return Finding(is_so in wanted, f"{word} is {str(is_so).lower()}: {why}")

    def schema_of_one(self) -> dict[str, Any]:
        return {"type": "boolean"}

    def schema(self) -> dict[str, Any]:
        return self.schema_of_one()


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def found(held: bool, why: str, wanted: tuple[Any, ...]) -> Finding:
    return Finding(held, why if held else f"{why}, not {either(wanted)}")


def lacking(item: Item, word: str) -> str:
    """Say that an item has not what is asked about, and what it is instead."""
    if item.sample is not None:
        facts, kind = item.sample.facts, item.sample.recognition.kind
        return f"it has no {word}: it is a {kind} ({facts.format})"
    if item.type is not FileType.AUDIO:
        return f"it has no {word}: its type is {item.type}"
    return f"it has no {word}: it could not be heard"


def either(words: tuple[Any, ...]) -> str:
    texts = [str(one) for one in words]
    return " or ".join([", ".join(texts[:-1]), texts[-1]] if len(texts) > 1 else texts)
