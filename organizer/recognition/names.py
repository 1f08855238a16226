"""What the names of a file, its folders and its pack say about a sound. Pure: it opens nothing.

Words are looked up by whole tokens. The nearest word weighs most: the file's own name before its
folder, the folder before those above it, the pack last; within one name the last word is the noun
(`Snare Rim 02` is a rim).
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from organizer import musical
from organizer.labels import LABELS
from organizer.recognition.vocabulary import is_short, tokens
from organizer.sample import Evidence, Kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from organizer.recognition.vocabulary import Match, Vocabulary
    from organizer.sample import Origin

# Weights of log probabilities. They rank sources of unequal nearness and were set by hand, then checked
# against the names of held-out kits.
_FILE, _FOLDER, _HIGHER_FOLDER, _PACK = 1.0, 0.7, 0.4, 0.3
_EARLIER_WORD = 0.5
_TRUST = 0.95  # of names as such: about one in twenty says something else than the sound

_SURE_OF_KIND = 0.7
# Probabilities of a loop where no word speaks of one: a tempo and a key in one name; a number like a
# tempo amidst a name; a file named for an instrument and nothing else.
_TEMPO_AND_KEY, _TEMPO_AMIDST, _INSTRUMENT = 0.75, 0.6, 0.25
_AMIDST = re.compile(r"[A-Za-z].*[_\s]([6-9]\d|1\d\d|200)[_\s]+\D")
_LOOP_TEMPO = re.compile(r"(?:^|[_\s])([6-9]\d|1\d\d|200)(?=[_\s]|$)|(?<=[a-z])(1[0-9]\d)(?![\d.])")
_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,5}$")


def hear_name(origin: Origin, vocabulary: Vocabulary) -> Evidence:
    """Weigh the words of a sample's name, folders and pack, as it arrived."""
    places = _places(origin)
    key = musical.key_in(places[0][1])
    found = [
        (where, text, weight, *_read(text, vocabulary, keyed=key is not None))
        for where, text, weight in places
    ]
    weighted = [
        (match, weight * share) for _, _, weight, matches, _ in found for match, share in _shares(matches)
    ]
    doubts = [doubtful for _, _, _, matches, doubtful in found for _ in matches]
    labels = _combine(weighted, doubts)
    kinds = _kinds(found)
    bpm = next((bpm for _, text, _ in places if (bpm := musical.tempo_in(text))), None)
    if bpm is None:
        named = any(_is_noun(match) for match in found[0][3])
        bpm, loop = _by_numbers(places, loop=kinds.get(Kind.LOOP), named=named, keyed=key is not None)
        if loop is not None and not kinds:
            kinds = {Kind.ONESHOT.value: 1 - loop, Kind.LOOP.value: loop}
    reasons = tuple(
        f"{where} says “{'”, “'.join(dict.fromkeys(match.text for match in matches))}”"
        for where, _, _, matches, _ in found
        if matches
    )
    return Evidence(source="name", labels=labels, kinds=kinds, bpm=bpm, key=key, reasons=reasons)


def labels_in(text: str, vocabulary: Vocabulary) -> Mapping[str, float]:
    """Weigh the words of a free text, such as a comment; empty when it says nothing."""
    matches, doubtful = _read(text, vocabulary)
    return _combine(_shares(matches), [doubtful] * len(matches))


def kind_in(text: str, vocabulary: Vocabulary) -> tuple[str, float] | None:
    """Find the last word for a kind in a free text, with its probability."""
    matches, _ = _read(text, vocabulary)
    return next((match.entry.kind for match in reversed(matches) if match.entry.kind), None)


def _places(origin: Origin) -> list[tuple[str, str, float]]:
    """List what can speak, the nearest first: what to call it, its text, its weight."""
    places = [("the file name", _SUFFIX.sub("", origin.name), _FILE)]
    for depth, folder in enumerate(reversed(origin.subpath.parts)):
        places.append((f"the folder {folder}", folder, _HIGHER_FOLDER if depth else _FOLDER))
    if origin.pack:
        weight = _PACK if origin.subpath.parts else _FOLDER
        places.append((f"the pack {origin.pack}", origin.pack, weight))
    return places


def _read(text: str, vocabulary: Vocabulary, *, keyed: bool = False) -> tuple[list[Match], bool]:
    row = tokens(text)
    matches = [match for match in vocabulary.find(row) if keyed or not match.entry.keyed]
    return matches, not is_short(row)


def _shares(matches: Sequence[Match]) -> list[tuple[Match, float]]:
    last = max((place for place, match in enumerate(matches) if _is_noun(match)), default=-1)
    return [(match, _EARLIER_WORD if place < last else 1.0) for place, match in enumerate(matches)]


def _is_noun(match: Match) -> bool:
    return bool(match.entry.labels) and not match.entry.weak


def _combine(weighted: Sequence[tuple[Match, float]], doubts: Sequence[bool]) -> dict[str, float]:
    """Pool what words say: the weighted sum of log probabilities, with hints as factors."""
    if not any(match.entry.labels for match, _ in weighted):
        return {}
    logs = dict.fromkeys(LABELS, 0.0)
    strong = any(_is_noun(match) for match, _ in weighted)
    for (match, weight), doubtful in zip(weighted, doubts, strict=True):
        entry = match.entry
        if entry.weak and strong:
            continue
        says = entry.doubtful if doubtful and entry.doubtful is not None else entry.labels
        for label, probability in (says or entry.hint).items():
            logs[label] += weight * math.log(probability)
    top = max(logs.values())
    raw = {label: math.exp(value - top) for label, value in logs.items()}
    total = sum(raw.values())
    return {label: _TRUST * value / total + (1 - _TRUST) / len(LABELS) for label, value in raw.items()}


def _kinds(found: Sequence[tuple[str, str, float, list[Match], bool]]) -> dict[str, float]:
    """Let the nearest name that has a word for a kind decide; one that has both says nothing."""
    for _, _, weight, matches, _ in found:
        said = [match.entry.kind for match in matches if match.entry.kind]
        if len({kind for kind, _ in said}) == 1:
            kind, share = max(said, key=lambda one: one[1])
            other = Kind.LOOP if kind == Kind.ONESHOT else Kind.ONESHOT
            share = 0.5 + (share - 0.5) * (1 + weight) / 2  # a pack of breaks may hold single hits
            return {Kind(kind).value: share, other.value: 1 - share}
        if said:
            return {}
    return {}


def _by_numbers(
    places: Sequence[tuple[str, str, float]], *, loop: float | None, named: bool, keyed: bool
) -> tuple[float | None, float | None]:
    """Find a tempo among plain numbers, and what they say of a loop.

    `loop` is what the words say of it, `named` whether the file is named for an instrument.
    """
    stem = places[0][1]
    if (loop or 0.0) >= _SURE_OF_KIND or (loop is None and keyed):
        for _, text, _ in places[:2]:
            numbers = [first or second for first, second in _LOOP_TEMPO.findall(text)]
            if len(numbers) == 1:
                return musical.tempo(numbers[0]), _TEMPO_AND_KEY
    if named:
        return None, _INSTRUMENT
    if loop is None and (found := _AMIDST.search(stem)):
        return musical.tempo(found[1]), _TEMPO_AMIDST
    return None, None
