"""The words that a user writes in `when`, and what of an item each asks about. Pure."""

from __future__ import annotations

import math
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

from organizer import musical
from organizer.labels import CATEGORIES, CONTENTS, LABELS, category_probabilities
from organizer.pack import FOREIGN_AUDIO_SUFFIXES
from organizer.rules.terms import Glob, Key, Note, Number, OneOf, Term, YesNo
from organizer.sample import METADATA_FIELDS, FileType, Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from organizer.sample import Facts, Item, Music, Recognition

T = TypeVar("T")
_SHARE = '">= 0.8" or "0.5..0.9"'
_DECIBEL = '"< -6" or "-12..-3"'
# What decoding calls formats; those that it leaves to ffmpeg go by their suffix.
_FORMATS = (
    "wav", "aiff", "flac", "ogg", "opus", "mp3", "w64", "caf", "au", "raw",
    *sorted(suffix.removeprefix(".") for suffix in FOREIGN_AUDIO_SUFFIXES),
)  # fmt: skip
_SIZE = '"< 500 kB" or "> 2 MB"'


def _heard(of: Callable[[Recognition], T]) -> Callable[[Item], T | None]:
    return lambda item: of(item.sample.recognition) if item.sample else None


def _fact(of: Callable[[Facts], T]) -> Callable[[Item], T | None]:
    return lambda item: of(item.sample.facts) if item.sample else None


def _music(of: Callable[[Music], T]) -> Callable[[Item], T | None]:
    return lambda item: of(item.sample.music) if item.sample else None


def _share(of: Callable[[Item], float | None]) -> Number:
    return Number(of, most=1.0, example=_SHARE)


def _metadata(name: str) -> Term:
    def said(item: Item) -> str | None:
        return item.sample.metadata.get(name) if item.sample else None

    absent = f"its metadata names no {name}"
    if name == "bpm":
        return Number(lambda item: musical.tempo(said(item) or ""), absent, unit=" BPM", exact=True)
    return Key(said, absent) if name == "key" else Glob(said, absent)


def _decibels(value: float | None) -> float:
    """Digital silence is quieter than anything."""
    return -math.inf if value is None else value


def _confidence_of_the_ear(item: Item) -> float | None:
    """Say how sure the ear is by itself: of the category for a one-shot, of the kind for a loop."""
    audio = item.sample.recognition.evidence_of("audio") if item.sample else None
    if item.sample is None or audio is None:
        return None
    if item.sample.recognition.kind is Kind.ONESHOT:
        return max(category_probabilities(audio.labels).values()) if audio.labels else None
    return max(audio.kinds.values(), default=None)


def _readable(item: Item) -> tuple[bool, str]:
    return item.readable, "it can be read" if item.readable else f"it cannot be read: {item.problem}"


def _bundle(item: Item) -> tuple[bool, str]:
    if item.bundle is None:
        return False, "it lies in no bundle"
    return True, f"it lies in the bundle {item.bundle.name}"


WORDS: Mapping[str, Term] = MappingProxyType(
    {
        "kind": OneOf(_heard(lambda heard: str(heard.kind)), known=tuple(Kind)),
        "label": OneOf(_heard(lambda heard: heard.label), known=LABELS),
        "category": OneOf(_heard(lambda heard: heard.category), known=CATEGORIES),
        "content": OneOf(_heard(lambda heard: heard.content), known=CONTENTS),
        "confidence": _share(_heard(lambda heard: heard.confidence)),
        "label_confidence": _share(_heard(lambda heard: heard.label_confidence)),
        "kind_confidence": _share(_heard(lambda heard: heard.kind_confidence)),
        "content_confidence": _share(_heard(lambda heard: heard.content_confidence)),
        "audio.confidence": _share(_confidence_of_the_ear),
        "margin": _share(_heard(lambda heard: heard.margin)),
        "bpm": Number(_music(lambda music: music.bpm), unit=" BPM", exact=True),
        "bpm_confidence": _share(_music(lambda music: music.bpm_confidence)),
        "key": Key(_music(lambda music: music.key)),
        "key_confidence": _share(_music(lambda music: music.key_confidence)),
        "note": Note(_music(lambda music: music.note)),
        "note_confidence": _share(_music(lambda music: music.note_confidence)),
        "duration": Number(_fact(lambda facts: facts.duration), unit=" s"),
        "peak": Number(
            _fact(lambda facts: _decibels(facts.peak)), unit=" dB", least=-math.inf, example=_DECIBEL
        ),
        "loudness": Number(
            _fact(lambda facts: _decibels(facts.loudness)), unit=" LUFS", least=-math.inf, example=_DECIBEL
        ),
        "channels": Number(_fact(lambda facts: facts.channels), exact=True),
        "samplerate": Number(_fact(lambda facts: facts.samplerate), unit=" Hz", exact=True),
        "bits": Number(_fact(lambda facts: facts.bits), exact=True),
        "format": OneOf(_fact(lambda facts: facts.format.lower()), known=_FORMATS),
        "size": Number(lambda item: item.stamp.size, unit=" bytes", sizes=True, example=_SIZE),
        "pack": Glob(lambda item: item.origin.pack, absent="it came in no pack"),
        "inbox": Glob(lambda item: item.origin.inbox),
        "name": Glob(lambda item: item.origin.name),
        # The whole way below the inbox, pack and folders included.
        "path": Glob(lambda item: item.origin.relative.as_posix()),
        **{f"metadata.{name}": _metadata(name) for name in METADATA_FIELDS},
        "type": OneOf(lambda item: str(item.type), known=tuple(FileType)),
        "readable": YesNo(_readable),
        "bundle": YesNo(_bundle),
    }
)
