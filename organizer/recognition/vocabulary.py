"""The words of `vocabulary.toml`, and the search for them in a row of tokens. The form stands in the file."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from organizer.labels import LABELS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

DEFAULT = Path(__file__).with_name("vocabulary.toml")

_SURE, _LIKELY, _WEAK, _CODE, _DOUBTFUL_CODE = 0.97, 0.8, 0.7, 0.9, 0.5
_KIND_SURE, _KIND_LIKELY = 0.95, 0.75
_SHORT_NAME = 3  # words; in longer ones a code may be anything
_JOINS_FROM = 5  # letters of an entry that is also found written together
_LONGEST = 5  # words of one entry, and the numbers between them

# "HHClosed" is HH Closed, "BDs" is BDs, "RideBell" is Ride Bell.
_TOKENS = re.compile(r"[A-Z]{2,3}s(?![a-z])|[A-Z]+(?=[A-Z][a-z])|[A-Z]?[^\W\d_A-Z]+|[A-Z]+|\d+")


@dataclass(frozen=True, slots=True)
class Token:
    text: str  # lower case
    number: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What one word says. Exactly one of labels, hint and kind, or nothing at all."""

    labels: Mapping[str, float] = field(default_factory=dict)
    weak: bool = False  # speaks up only where no other word says anything
    doubtful: Mapping[str, float] | None = None  # what it says instead in a long name
    hint: Mapping[str, float] = field(default_factory=dict)
    kind: tuple[str, float] | None = None


@dataclass(frozen=True, slots=True)
class Match:
    text: str
    entry: Entry


def tokens(text: str) -> tuple[Token, ...]:
    """Cut a name into lower-case words and numbers."""
    plain = unicodedata.normalize("NFC", text).replace("&", " and ")
    return tuple(Token(found.lower(), found.isdigit()) for found in _TOKENS.findall(plain))


class Vocabulary:
    """Finds listed words in tokens: longest first, each token used once."""

    def __init__(self, entries: Mapping[tuple[str, ...], Entry], parts: frozenset[str]) -> None:
        self._entries = entries
        joined = {"".join(words): words for words in entries}
        self._joined = {text: words for text, words in joined.items() if len(text) >= _JOINS_FROM}
        singles = {words[0] for words in entries if len(words) == 1 and len(words[0]) >= 3}
        self._parts = parts | singles | self._joined.keys()

    @classmethod
    def load(cls, path: Path = DEFAULT) -> Vocabulary:
        return _load(path)

    def find(self, row: Sequence[Token]) -> Iterator[Match]:
        """Yield the words found in `row`, in their order; the silent ones are left out."""
        row = [part for token in row for part in self._apart(token)]
        place = 0
        while place < len(row):
            for length in range(min(_LONGEST, len(row) - place), 0, -1):
                span = row[place : place + length]
                entry = self._entry(span) or self._entry_around_numbers(span)
                if entry is not None:
                    if entry.labels or entry.hint or entry.kind:
                        yield Match(" ".join(token.text for token in span), entry)
                    place += length
                    break
            else:
                place += 1

    def _entry(self, span: Sequence[Token]) -> Entry | None:
        words = tuple(token.text for token in span)
        for last in (words[-1], *_singulars(words[-1])):
            form = (*words[:-1], last)
            if form in self._entries:
                return self._entries[form]
            text = "".join(form)
            if text in self._joined and not any(token.number for token in span):
                return self._entries[self._joined[text]]
        return None

    def _entry_around_numbers(self, span: Sequence[Token]) -> Entry | None:
        """Find several words with numbers between them: `CrashRide18Bell`."""
        words = [token for token in span if not token.number]
        if len(words) < 2 or len(words) == len(span) or span[0].number or span[-1].number:
            return None
        return self._entry(words)

    def _apart(self, token: Token) -> tuple[Token, ...]:
        """Split a word written together, if it is made of known parts alone: `rimloop`, `popkick`."""
        if token.number or self._entry([token]) is not None:
            return (token,)
        found = self._parts_of(token.text)
        known = found and any(self._entry([Token(part, number=False)]) is not None for part in found)
        return tuple(Token(part, number=False) for part in found) if found and known else (token,)

    def _parts_of(self, text: str) -> tuple[str, ...]:
        for cut in range(len(text) - 3, 2, -1):
            head, tail = text[:cut], text[cut:]
            if head in self._parts:
                if any(form in self._parts for form in (tail, *_singulars(tail))):
                    return (head, tail)
                if rest := self._parts_of(tail):
                    return (head, *rest)
        return ()


def _singulars(word: str) -> tuple[str, ...]:
    if len(word) < 3 or not word.endswith("s") or word.endswith("ss"):
        return ()
    return (word[:-1], word[:-2]) if word.endswith("es") else (word[:-1],)


@lru_cache(maxsize=8)
def _load(path: Path) -> Vocabulary:
    told: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    entries: dict[tuple[str, ...], Entry] = {}

    def add(word: str, entry: Entry) -> None:
        entries[tuple(word.split())] = entry

    for label, lists in told.get("labels", {}).items():
        for word in lists.get("codes", ()):
            add(word, Entry(labels=_spread({label: _CODE}), doubtful=_spread({label: _DOUBTFUL_CODE})))
        for name, share in (("weak", _WEAK), ("likely", _LIKELY), ("sure", _SURE)):
            for word in lists.get(name, ()):
                add(word, Entry(labels=_spread({label: share}), weak=name == "weak"))
    for name, share in (("weak", _WEAK), ("shared", _SURE)):
        for word, shares in told.get(name, {}).items():
            total = sum(shares.values())
            spread = _spread({label: share * part / total for label, part in shares.items()})
            add(word, Entry(labels=spread, weak=name == "weak"))
    for word, factors in told.get("hints", {}).items():
        add(word, Entry(hint=factors))
    for kind, lists in told.get("kinds", {}).items():
        for name, share in (("likely", _KIND_LIKELY), ("sure", _KIND_SURE)):
            for word in lists.get(name, ()):
                known = entries.get(tuple(word.split()), Entry())
                add(word, Entry(labels=known.labels, kind=(kind, share)))
    neutral = told.get("neutral", {})
    for word in neutral.get("silent", ()):
        add(word, Entry())
    return Vocabulary(entries, frozenset(neutral.get("parts", ())))


def _spread(shares: Mapping[str, float]) -> dict[str, float]:
    """Give what the shares leave over to all labels alike; a label that does not exist is a mistake."""
    rest = max(0.0, 1.0 - sum(shares.values())) / len(LABELS)
    if unknown := shares.keys() - set(LABELS):
        raise ValueError(f"the vocabulary names unknown labels: {', '.join(sorted(unknown))}")
    return {label: shares.get(label, 0.0) + rest for label in LABELS}


def is_short(row: Sequence[Token]) -> bool:
    """Say whether a name is so short that an abbreviation in it is likely meant as one."""
    return sum(not token.number for token in row) <= _SHORT_NAME
