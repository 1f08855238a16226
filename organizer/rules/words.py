"""The words that a user writes in `when`, one small class each. Pure.

Each looks at an item and finds that it holds or does not, and says why. A condition on something that an
item has not (the confidence of a text file) does not hold.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, Self

from organizer.labels import CATEGORIES, CONTENTS, LABELS, category_probabilities
from organizer.rules.ranges import Range, read_range, said
from organizer.sample import FileType, Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from organizer.rules.problems import Place
    from organizer.sample import Item


@dataclass(frozen=True, slots=True)
class Finding:
    held: bool
    why: str  # "confidence is 0.62, not >= 0.8"; where it holds, "confidence is 0.91"


@dataclass(frozen=True, slots=True)
class _Words(ABC):
    """One of several words."""

    word: ClassVar[str]
    known: ClassVar[tuple[str, ...] | None]  # None: any word
    words: tuple[str, ...]

    @classmethod
    def read(cls, value: object, place: Place) -> Self | None:
        found: list[str] = []
        for entry, spot in _entries(value, place):
            if not isinstance(entry, str) or not entry:
                spot.expected(f"a {cls.word}", entry)
            elif cls.known is not None and entry not in cls.known:
                spot.unknown(f"a {cls.word}", entry, cls.known)
            else:
                found.append(entry.lower())
        return cls(tuple(found)) if found else None

    def check(self, item: Item) -> Finding:
        value = self._of(item)
        if value is None:
            return _lacking(item, self.word)
        held = value in self.words
        return Finding(held, f"{self.word} is {value}" + ("" if held else f", not {_either(self.words)}"))

    @abstractmethod
    def _of(self, item: Item) -> str | None: ...


class KindIs(_Words):
    __slots__ = ()
    word = "kind"
    known = tuple(Kind)

    def _of(self, item: Item) -> str | None:
        return str(item.sample.recognition.kind) if item.sample else None


class LabelIs(_Words):
    __slots__ = ()
    word = "label"
    known = LABELS

    def _of(self, item: Item) -> str | None:
        return item.sample.recognition.label if item.sample else None


class CategoryIs(_Words):
    __slots__ = ()
    word = "category"
    known = CATEGORIES

    def _of(self, item: Item) -> str | None:
        return item.sample.recognition.category if item.sample else None


class ContentIs(_Words):
    __slots__ = ()
    word = "content"
    known = CONTENTS

    def _of(self, item: Item) -> str | None:
        return item.sample.recognition.content if item.sample else None


class FormatIs(_Words):
    __slots__ = ()
    word = "format"
    known = None

    def _of(self, item: Item) -> str | None:
        return item.sample.facts.format.lower() if item.sample else None


class TypeIs(_Words):
    __slots__ = ()
    word = "type"
    known = tuple(FileType)

    def _of(self, item: Item) -> str:
        return str(item.type)


@dataclass(frozen=True, slots=True)
class _Globs(ABC):
    """A name that fits one of several patterns, whatever its letter case."""

    word: ClassVar[str]
    globs: tuple[str, ...]

    @classmethod
    def read(cls, value: object, place: Place) -> Self | None:
        found: list[str] = []
        for entry, spot in _entries(value, place):
            if isinstance(entry, str) and entry:
                found.append(entry)
            else:
                spot.expected('a name or a pattern such as "Kick*"', entry)
        return cls(tuple(found)) if found else None

    def check(self, item: Item) -> Finding:
        value = self._of(item)
        if value is None:
            return Finding(False, f"it came in no {self.word}")
        held = any(fnmatchcase(value.casefold(), glob.casefold()) for glob in self.globs)
        return Finding(held, f"{self.word} is {value}" + ("" if held else f", not {_either(self.globs)}"))

    @abstractmethod
    def _of(self, item: Item) -> str | None: ...


class PackIs(_Globs):
    __slots__ = ()
    word = "pack"

    def _of(self, item: Item) -> str | None:
        return item.origin.pack


class InboxIs(_Globs):
    __slots__ = ()
    word = "inbox"

    def _of(self, item: Item) -> str:
        return item.origin.inbox


class NameIs(_Globs):
    __slots__ = ()
    word = "name"

    def _of(self, item: Item) -> str:
        return item.origin.name


class PathIs(_Globs):
    """The whole way below the inbox, pack and folders included; `*` goes over slashes."""

    __slots__ = ()
    word = "path"

    def _of(self, item: Item) -> str:
        return item.origin.relative.as_posix()


@dataclass(frozen=True, slots=True)
class _Ranges(ABC):
    """A number inside one of several ranges."""

    word: ClassVar[str]
    unit: ClassVar[str] = ""
    most: ClassVar[float] = 1.0
    ranges: tuple[Range, ...]

    @classmethod
    def read(cls, value: object, place: Place) -> Self | None:
        read = [read_range(entry, spot, most=cls.most) for entry, spot in _entries(value, place)]
        found = tuple(one for one in read if one is not None)
        return cls(found) if found else None

    def check(self, item: Item) -> Finding:
        value = self._of(item)
        if value is None:
            return _lacking(item, self.word)
        held = any(one.holds(value) for one in self.ranges)
        wanted = _either(tuple(one.text for one in self.ranges))
        why = f"{self.word} is {said(value, self.ranges)}{self.unit}"
        return Finding(held, why if held else f"{why}, not {wanted}")

    @abstractmethod
    def _of(self, item: Item) -> float | None: ...


class ConfidenceIs(_Ranges):
    __slots__ = ()
    word = "confidence"

    def _of(self, item: Item) -> float | None:
        return item.sample.recognition.confidence if item.sample else None


class LabelConfidenceIs(_Ranges):
    __slots__ = ()
    word = "label_confidence"

    def _of(self, item: Item) -> float | None:
        return item.sample.recognition.label_confidence if item.sample else None


class KindConfidenceIs(_Ranges):
    __slots__ = ()
    word = "kind_confidence"

    def _of(self, item: Item) -> float | None:
        return item.sample.recognition.kind_confidence if item.sample else None


class AudioConfidenceIs(_Ranges):
    """How sure the ear is by itself: of the category for a one-shot, of the kind for a loop."""

    __slots__ = ()
    word = "audio.confidence"

    def _of(self, item: Item) -> float | None:
        audio = item.sample.recognition.evidence_of("audio") if item.sample else None
        if item.sample is None or audio is None:
            return None
        if item.sample.recognition.kind is Kind.ONESHOT:
            return max(category_probabilities(audio.labels).values()) if audio.labels else None
        return max(audio.kinds.values(), default=None)


class ContentConfidenceIs(_Ranges):
    __slots__ = ()
    word = "content_confidence"

    def _of(self, item: Item) -> float | None:
        return item.sample.recognition.content_confidence if item.sample else None


class MarginIs(_Ranges):
    __slots__ = ()
    word = "margin"

    def _of(self, item: Item) -> float | None:
        return item.sample.recognition.margin if item.sample else None


class DurationIs(_Ranges):
    __slots__ = ()
    word = "duration"
    unit = " s"
    most = float("inf")

    def _of(self, item: Item) -> float | None:
        return item.sample.facts.duration if item.sample else None


class ChannelsIs(_Ranges):
    __slots__ = ()
    word = "channels"
    most = float("inf")

    def _of(self, item: Item) -> float | None:
        return item.sample.facts.channels if item.sample else None


class SamplerateIs(_Ranges):
    __slots__ = ()
    word = "samplerate"
    unit = " Hz"
    most = float("inf")

    def _of(self, item: Item) -> float | None:
        return item.sample.facts.samplerate if item.sample else None


class BitsIs(_Ranges):
    __slots__ = ()
    word = "bits"
    most = float("inf")

    def _of(self, item: Item) -> float | None:
        return item.sample.facts.bits if item.sample else None


@dataclass(frozen=True, slots=True)
class _Switch(ABC):
    """True or false."""

    word: ClassVar[str]
    wanted: bool

    @classmethod
    def read(cls, value: object, place: Place) -> Self | None:
        if isinstance(value, bool):
            return cls(value)
        place.expected("true or false", value)
        return None

    @abstractmethod
    def check(self, item: Item) -> Finding: ...


class ReadableIs(_Switch):
    __slots__ = ()
    word = "readable"

    def check(self, item: Item) -> Finding:
        why = "it can be read" if item.readable else f"it cannot be read: {item.problem}"
        return Finding(item.readable is self.wanted, why)


class BundleIs(_Switch):
    __slots__ = ()
    word = "bundle"

    def check(self, item: Item) -> Finding:
        why = "it lies in no bundle" if item.bundle is None else f"it lies in the bundle {item.bundle.name}"
        return Finding((item.bundle is not None) is self.wanted, why)


Word = type[_Words] | type[_Globs] | type[_Ranges] | type[_Switch]
_LISTED: tuple[Word, ...] = (
    KindIs, LabelIs, CategoryIs, ConfidenceIs, LabelConfidenceIs, KindConfidenceIs, ContentIs,
    ContentConfidenceIs, AudioConfidenceIs, MarginIs, DurationIs, ChannelsIs, SamplerateIs, BitsIs,
    FormatIs, PackIs, InboxIs, NameIs, PathIs, TypeIs, ReadableIs, BundleIs,
)  # fmt: skip
WORDS: Mapping[str, Word] = MappingProxyType({one.word: one for one in _LISTED})


def _entries(value: object, place: Place) -> list[tuple[object, Place]]:
    """Give the entries of a list, or the one value that stands for a list of one."""
    if not isinstance(value, list):
        return [(value, place)]
    if not value:
        place.expected("at least one entry", value)
    return [(entry, place.entry(number)) for number, entry in enumerate(value, 1)]


def _lacking(item: Item, word: str) -> Finding:
    if item.sample is not None and word == BitsIs.word:
        return Finding(False, f"it has no {word}: its format is {item.sample.facts.format}")
    if item.sample is not None:
        return Finding(False, f"it has no {word}: it is a {item.sample.recognition.kind}")
    if item.type is not FileType.AUDIO:
        return Finding(False, f"it has no {word}: its type is {item.type}")
    return Finding(False, f"it has no {word}: it could not be heard")


def _either(words: tuple[str, ...]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
