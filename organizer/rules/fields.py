"""What templates may name: every field, and its value for one item. Pure."""

from __future__ import annotations

from datetime import date
from pathlib import PurePath
from types import MappingProxyType
from typing import TYPE_CHECKING

from organizer.labels import SURE_OF_LABEL
from organizer.rules.legal import split_suffix

if TYPE_CHECKING:
    from collections.abc import Mapping

    from organizer.folders import Folders
    from organizer.sample import Item, Recognition, Sample

# What a field may hold.
Value = str | float | date

# Every field, with a value such as it may have: what a format specification is tried on.
FIELDS: Mapping[str, Value] = MappingProxyType(
    {
        "folder": "Hats/Closed",
        "label": "hat_closed",
        "category": "hihat",
        "kind": "oneshot",
        "content": "drums",
        "confidence": 0.87,
        "bpm": 128.0,
        "key": "F#m",
        "note": "F#2",
        "duration": 1.25,
        "format": "wav",
        "samplerate": 44100,
        "channels": 2,
        "model": "ear-1",
        "pack": "Analog Kicks",
        "subpath": "Kicks/Deep",
        "inbox": "Inbox",
        "name": "Kick 01.wav",
        "stem": "Kick 01",
        "ext": "wav",
        "date": date(2024, 2, 29),
    }
)

# How a number is written where the template does not say.
PLAIN_SPEC: Mapping[str, str] = MappingProxyType(
    {"confidence": ".2f", "duration": ".2f", "bpm": "g", "date": "%Y-%m-%d"}
)

# Only these may add folders of their own; in every other value a slash is replaced.
WITH_SLASHES = frozenset({"folder", "subpath"})


def fields_of(item: Item, folders: Folders) -> Mapping[str, Value | None]:
    """Give every field its value; None where the item has none."""
    origin = item.origin
    stem, suffix = split_suffix(origin.name)
    subpath = origin.subpath.as_posix()
    return {
        **dict.fromkeys(FIELDS),
        **(_heard(item.sample, folders) if item.sample else {}),
        "pack": origin.pack or None,
        "subpath": "" if subpath == "." else subpath,
        "inbox": PurePath(origin.inbox).name or None,
        "name": origin.name,
        "stem": stem,
        "ext": suffix.removeprefix("."),
        "date": item.day,
    }


def _heard(sample: Sample, folders: Folders) -> dict[str, Value | None]:
    recognition, facts = sample.recognition, sample.facts
    label = _sure_label(recognition)
    category = recognition.category
    return {
        "folder": folders.of(label, category),
        "label": label or category,
        "category": category,
        "kind": str(recognition.kind),
        "content": recognition.content,
        "confidence": recognition.confidence,
        "bpm": sample.music.bpm,
        "key": sample.music.key,
        "note": sample.music.note,
        "duration": facts.duration,
        "format": facts.format,
        "samplerate": facts.samplerate,
        "channels": facts.channels,
        "model": recognition.model_id,
    }


def _sure_label(recognition: Recognition) -> str | None:
    sure = recognition.label_confidence is not None and recognition.label_confidence >= SURE_OF_LABEL
    return recognition.label if sure else None
