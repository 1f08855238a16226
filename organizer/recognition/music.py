"""Adds up what is known of tempo, key and note: metadata first, then names, then what is heard. Pure.

What a file or its name states is held against its length and against the sound. What nobody knows stays
absent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from organizer import musical
from organizer.recognition.pitch import Tone
from organizer.recognition.tempo import SAME, Tempo
from organizer.sample import LONG_SECONDS, Kind, Music

if TYPE_CHECKING:
    from organizer.sample import Facts, Recognition

# Below these what is heard is not told.
SURE_OF_TEMPO, SURE_OF_KEY, SURE_OF_NOTE = 0.5, 0.55, 0.7

# How sure a statement is: of metadata, of a name.
_STATED = {"metadata": 0.98, "name": 0.96}
_UNSUPPORTED = 0.6  # of metadata that neither fits the length nor is heard
_CONTRADICTED = 0.75  # of one that fits the length, while another tempo is clearly heard
_CLEARLY, _HARDLY, _SOMEWHAT = 0.9, 0.02, 0.2  # shares of what is heard
_STATED_TONE, _CONFIRMED_TONE, _CONTRADICTED_TONE = 0.9, 0.97, 0.7
# How far from a whole number of beats a loop may be that is one; tempi are often rounded to whole numbers.
_OFF, _OFF_PER_BEAT, _MOST_OFF = 0.05, 0.004, 0.2
_TONAL = ("melodic", "bass", "vocal")


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What the sound itself says; names and metadata left out."""

    tempi: tuple[Tempo, ...] = ()  # the likeliest first
    note: Tone | None = None
    key: Tone | None = None


def add_up(heard: Heard, facts: Facts, recognition: Recognition) -> Music:
    """Say at which tempo, in which key and on which note a sample is, as far as that can be known."""
    reasons: list[str] = []
    bpm, sure_of_bpm = _tempo(heard, facts, recognition, reasons)
    key, sure_of_key = _key(heard, recognition, reasons)
    note, sure_of_note = _note(heard, recognition, reasons)
    return Music(
        bpm=bpm,
        bpm_confidence=_rounded(sure_of_bpm),
        key=key,
        key_confidence=_rounded(sure_of_key),
        note=note,
        note_confidence=_rounded(sure_of_note),
        reasons=tuple(reasons),
    )


def whole_beats(bpm: float, duration: float) -> int | None:
    """Say how many beats a loop of `duration` seconds has at a tempo; None where it ends between two."""
    beats = duration * bpm / 60.0
    whole = round(beats)
    off = min(_OFF + _OFF_PER_BEAT * whole, _MOST_OFF)
    return whole if whole and abs(beats - whole) <= off else None


def _tempo(
    heard: Heard, facts: Facts, recognition: Recognition, reasons: list[str]
) -> tuple[float | None, float | None]:
    if recognition.kind is Kind.ONESHOT:
        return None, None
    tempi = heard.tempi if facts.duration < LONG_SECONDS else ()
    for source in _STATED:
        evidence = recognition.evidence_of(source)
        stated = None if evidence is None else evidence.bpm
        if stated is None:
            continue
        if sure := _trust_in(stated, source, tempi, facts.duration, reasons):
            return stated, sure
    if tempi and tempi[0].confidence >= SURE_OF_TEMPO:
        best = tempi[0]
        makes = f", which makes it {_beats(best.beats)}" if best.beats else ""
        reasons.append(f"it is heard at {best.bpm:g} BPM{makes}")
        return best.bpm, best.confidence
    return None, None


def _trust_in(
    stated: float, source: str, tempi: tuple[Tempo, ...], duration: float, reasons: list[str]
) -> float | None:
    """Say how sure a stated tempo is; None where it is not believed."""
    support = sum(one.confidence for one in tempi if _same(one.bpm, stated))
    octaves = sum(one.confidence for one in tempi if any(_same(one.bpm * far, stated) for far in (0.5, 2.0)))
    against = tempi[0].bpm if tempi and tempi[0].confidence >= _CLEARLY and support < _HARDLY else None
    beats = whole_beats(stated, duration) if duration < LONG_SECONDS else None
    said = f"its {source} says {stated:g} BPM"
    if beats is not None:
        if against is None or octaves >= _HARDLY:
            reasons.append(f"{said}, which makes it {_beats(beats)}")
            return _STATED[source]
        reasons.append(f"{said}, which makes it {_beats(beats)}, though it is heard at {against:g} BPM")
        return _CONTRADICTED
    if support >= _SOMEWHAT:
        reasons.append(f"{said}, and it is heard so")
        return max(support, SURE_OF_TEMPO)
    if source == "metadata" and against is None:
        reasons.append(f"{said}, though it does not last a whole number of beats")
        return _UNSUPPORTED
    reasons.append(f"{said}, which fits neither its length nor what is heard")
    return None


def _key(heard: Heard, recognition: Recognition, reasons: list[str]) -> tuple[str | None, float | None]:
    audio = None
    if heard.key is not None and heard.key.confidence >= SURE_OF_KEY and recognition.content in _TONAL:
        audio = musical.key_name(heard.key.midi)
    for source in _STATED:
        evidence = recognition.evidence_of(source)
        if evidence is None or evidence.key is None:
            continue
        # A single tonic beside a one-shot names its note, not a key.
        if recognition.kind is Kind.ONESHOT and not evidence.key.endswith("m"):
            continue
        reasons.append(f"its {source} says {evidence.key}")
        if audio is None:
            return evidence.key, _STATED_TONE
        return evidence.key, _CONFIRMED_TONE if audio == evidence.key else _CONTRADICTED_TONE
    if audio is not None and heard.key is not None:
        reasons.append(f"its tones fit the key {audio} best")
        return audio, heard.key.confidence
    return None, None


def _note(heard: Heard, recognition: Recognition, reasons: list[str]) -> tuple[str | None, float | None]:
    if recognition.kind is not Kind.ONESHOT:
        return None, None
    audio = heard.note if heard.note is not None and heard.note.confidence >= SURE_OF_NOTE else None
    for source in _STATED:
        evidence = recognition.evidence_of(source)
        if evidence is None or evidence.key is None:
            continue
        tonic = evidence.key.removesuffix("m")
        if audio is None:
            reasons.append(f"its {source} says {tonic}")
            return tonic, _STATED_TONE
        if musical.note(audio.midi) == tonic:
            reasons.append(f"its {source} says {tonic}, and {musical.note_name(audio.midi)} is heard")
            return musical.note_name(audio.midi), _CONFIRMED_TONE
        reasons.append(f"its {source} says {tonic}, though {musical.note_name(audio.midi)} is heard")
        return tonic, _CONTRADICTED_TONE
    if audio is not None:
        reasons.append(f"the note {musical.note_name(audio.midi)} is heard")
        return musical.note_name(audio.midi), audio.confidence
    return None, None


def _same(one: float, other: float) -> bool:
    return abs(one / other - 1.0) <= SAME


def _beats(count: int | None) -> str:
    return "1 beat" if count == 1 else f"{count} beats"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
