"""The words of `vocabulary.toml`, a user's own, and the search for them in a row of tokens.

The form of both stands in the file. What a user says of a word replaces what ships.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from organizer.errors import ConfigError
from organizer.labels import LABELS
from organizer.sample import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

DEFAULT = Path(__file__).with_name("vocabulary.toml")

_SURE, _LIKELY, _WEAK, _CODE, _DOUBTFUL_CODE = 0.97, 0.8, 0.7, 0.9, 0.5
_KIND_SURE, _KIND_LIKELY = 0.95, 0.75
_SHORT_NAME = 3  # words; in longer ones a code may be anything
_JOINS_FROM = 5  # letters of an entry that is also found written together
_KINDS = (Kind.ONESHOT.value, Kind.LOOP.value)
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
    keyed: bool = False  # speaks only in a name that states a key
    hint: Mapping[str, float] = field(default_factory=dict)
    kind: tuple[str, float] | None = None


@dataclass(frozen=True, slots=True)
class Match:
    text: str
    entry: Entry


def tokens(text: str) -> tuple[Token, ...]:
    """Cut a name into words and numbers, words in lower case and without accents."""
    plain = _folded(text).replace("&", " and ")
    return tuple(Token(found.casefold(), found.isdigit()) for found in _TOKENS.findall(plain))


def _folded(text: str) -> str:
    """Take the accents off letters."""
    apart = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in apart if not unicodedata.combining(letter))


class Vocabulary:
    """Finds listed words in tokens: longest first, each token used once."""

    def __init__(
        self, entries: Mapping[tuple[str, ...], Entry], parts: frozenset[str], *, digest: str = ""
    ) -> None:
        self._entries = entries
        self.digest = digest
        joined = {"".join(words): words for words in entries}
        self._joined = {text: words for text, words in joined.items() if len(text) >= _JOINS_FROM}
        singles = {words[0] for words in entries if len(words) == 1 and len(words[0]) >= 3}
        self._parts = parts | singles | self._joined.keys()

    @classmethod
    def load(cls, own: Mapping[str, Any] | None = None) -> Vocabulary:
        """Load the words that ship, and over them a user's own.

        Raises
        ------
        ConfigError
            If the user's words are not of the form that stands in `vocabulary.toml`.
        """
        return _layered(own) if own else _shipped()

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


class Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The words of one label."""

    sure: list[str] = []
    likely: list[str] = []
    weak: list[str] = []
    codes: list[str] = []


class KindWords(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    sure: list[str] = []
    likely: list[str] = []


class Neutral(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    silent: list[str] = []
    parts: list[str] = []


class Form(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole vocabulary, as written."""

    version: int = 1
    labels: dict[str, Words] = {}
    shared: dict[str, dict[str, float]] = {}
    weak: dict[str, dict[str, float]] = {}
    keyed: dict[str, dict[str, float]] = {}
    hints: dict[str, dict[str, float]] = {}
    kinds: dict[str, KindWords] = {}
    neutral: Neutral = Neutral()

    def mistakes(self) -> list[str]:
        """Say what is wrong beyond the form: names that do not exist, shares that are none."""
        tables = {"shared": self.shared, "weak": self.weak, "keyed": self.keyed, "hints": self.hints}
        labels = [
            *self.labels,
            *(label for table in tables.values() for one in table.values() for label in one),
        ]
        found = [
            f"there is no {what} {name!r}{_did_you_mean(name, known)}"
            for what, known, named in (("label", tuple(LABELS), labels), ("kind", _KINDS, list(self.kinds)))
            for name in dict.fromkeys(named)
            if name not in known
        ]
        return found + [
            f"{table}, {word!r}: expected one or more numbers above 0, up to 1"
            for table, words in tables.items()
            for word, shares in words.items()
            if not shares or not all(0.0 < share <= 1.0 for share in shares.values())
        ]


@cache
def _shipped() -> Vocabulary:
    written = DEFAULT.read_bytes()
    return _vocabulary(msgspec.toml.decode(written, type=Form), digest=_digest(written))


def _layered(own: Mapping[str, Any]) -> Vocabulary:
    try:
        form = msgspec.convert(own, Form)
        mistakes = form.mistakes()
    except msgspec.ValidationError as error:
        mistakes = [str(error).replace("`$.", "`")]
    if mistakes:
        raise ConfigError(
            "\n".join(f"config.toml: [vocabulary] {one}" for one in mistakes),
            hint="The README tells the form; `organizer doctor` checks it again.",
        )
    return _vocabulary(
        msgspec.toml.decode(DEFAULT.read_bytes(), type=Form),
        form,
        digest=_digest(DEFAULT.read_bytes() + msgspec.json.encode(own, order="sorted")),
    )


def _vocabulary(*forms: Form, digest: str) -> Vocabulary:
    entries: dict[tuple[str, ...], Entry] = {}
    for form in forms:
        entries.update(_entries(form))
    parts = frozenset(_folded(part.casefold()) for form in forms for part in form.neutral.parts)
    return Vocabulary(entries, parts, digest=digest)


def _entries(form: Form) -> dict[tuple[str, ...], Entry]:
    entries: dict[tuple[str, ...], Entry] = {}

    def add(word: str, entry: Entry) -> None:
        for spelt in {word, _without_umlauts(word)}:
            if row := tuple(token.text for token in tokens(spelt)):
                entries[row] = entry

    for label, words in form.labels.items():
        for code in words.codes:
            add(code, Entry(labels=_spread({label: _CODE}), doubtful=_spread({label: _DOUBTFUL_CODE})))
        for listed, share in ((words.weak, _WEAK), (words.likely, _LIKELY), (words.sure, _SURE)):
            for word in listed:
                add(word, Entry(labels=_spread({label: share}), weak=listed is words.weak))
    for table, share in ((form.weak, _WEAK), (form.keyed, _WEAK), (form.shared, _SURE)):
        for word, shares in table.items():
            total = sum(shares.values())
            spread = _spread({label: share * part / total for label, part in shares.items()})
            add(word, Entry(labels=spread, weak=table is not form.shared, keyed=table is form.keyed))
    for word, factors in form.hints.items():
        add(word, Entry(hint=factors))
    for kind, said in form.kinds.items():
        for listed, share in ((said.likely, _KIND_LIKELY), (said.sure, _KIND_SURE)):
            for word in listed:
                known = entries.get(tuple(token.text for token in tokens(word)), Entry())
                add(word, Entry(labels=known.labels, kind=(kind, share)))
    for word in form.neutral.silent:
        add(word, Entry())
    return entries


def _without_umlauts(word: str) -> str:
    """Spell German the way that file names do which shun its letters: `höhe` as `hoehe`."""
    return word.lower().replace("ä", "ae").replace("ö", "oe").replace("ü", "ue")


def _digest(written: bytes) -> str:
    return hashlib.blake2b(written, digest_size=6).hexdigest()


def _did_you_mean(name: str, names: Sequence[str]) -> str:
    close = get_close_matches(name, names, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _spread(shares: Mapping[str, float]) -> dict[str, float]:
    """Give what the shares leave over to all labels alike."""
    rest = max(0.0, 1.0 - sum(shares.values())) / len(LABELS)
    return {label: shares.get(label, 0.0) + rest for label in LABELS}


def is_short(row: Sequence[Token]) -> bool:
    """Say whether a name is so short that an abbreviation in it is likely meant as one."""
    return sum(not token.number for token in row) <= _SHORT_NAME
