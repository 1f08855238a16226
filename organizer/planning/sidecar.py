"""What a sidecar says of a sample: JSON text, versioned. Pure: the executor writes it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from organizer.sample import Evidence, Sample

SCHEMA_VERSION = 2
SUFFIX = ".organizer.json"  # behind the whole name of the sample, where each has one
FOLDER_FILE = ".organizer.json"  # of all samples in a folder
_LEAST_TOLD = 0.005


def sidecar_text(sample: Sample, *, rule: str) -> str:
    """Describe a sample in a file of its own."""
    content = {"organizer": SCHEMA_VERSION, **_fields(sample, rule)}
    return json.dumps(content, ensure_ascii=False, indent=2) + "\n"


def entry_text(sample: Sample, *, rule: str) -> str:
    """Describe a sample for the file of its folder."""
    return json.dumps(_fields(sample, rule), ensure_ascii=False)


def _fields(sample: Sample, rule: str) -> dict[str, object]:
    """Say what was heard, keyed by the sound, which tagging does not change."""
    facts, recognition, music = sample.facts, sample.recognition, sample.music
    return {
        "sound_id": facts.sound_id,
        "content_hash": facts.content_hash,
        "label": recognition.label,
        "category": recognition.category,
        "kind": str(recognition.kind),
        "content": recognition.content,
        "confidence": round(recognition.confidence, 4),
        "bpm": music.bpm,
        "key": music.key,
        "note": music.note,
        "music": list(music.reasons),
        "duration": round(facts.duration, 4),
        "probabilities": _rounded(recognition.probabilities),
        "evidence": [_told(one) for one in recognition.evidence],
        "doubts": list(recognition.doubts),
        "model": recognition.model_id,
        "rule": rule,
    }


def _told(evidence: Evidence) -> dict[str, object]:
    told: dict[str, object] = {
        "source": evidence.source,
        "labels": _rounded(evidence.labels),
        "kinds": _rounded(evidence.kinds),
        "contents": _rounded(evidence.contents),
        "reasons": list(evidence.reasons),
    }
    if evidence.trust is not None:
        told["trust"] = evidence.trust
    if evidence.bpm is not None:
        told["bpm"] = evidence.bpm
    if evidence.key is not None:
        told["key"] = evidence.key
    return told


def _rounded(probabilities: Mapping[str, float]) -> dict[str, float]:
    """Round probabilities, and leave out those that are next to nothing."""
    return {name: round(value, 4) for name, value in probabilities.items() if value >= _LEAST_TOLD}
