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
_UNSUPPORTED = 0.55  # of metadata that neither fits the length nor is heard
_OF_LONG = 0.8  # of a recording, which is too long to be held against anything
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
    stated: list[tuple[float, float, str]] = []  # how sure, the tempo, why
    for source in _STATED:
        evidence = recognition.evidence_of(source)
        if evidence is not None and evidence.bpm is not None:
            sure, reason = _trust_in(evidence.bpm, source, tempi, facts.duration)
            stated.append((sure, evidence.bpm, f"its {source} says {evidence.bpm:g} BPM{reason}"))
    # Metadata comes first, where both are as sure.
    best = max(stated, key=lambda one: one[0], default=(0.0, 0.0, ""))
    reasons += [reason for _, _, reason in stated]
    if best[0] >= SURE_OF_TEMPO:
        return best[1], best[0]
    if tempi and tempi[0].confidence >= SURE_OF_TEMPO:
        found = tempi[0]
        makes = f", which makes it {_beats(found.beats)}" if found.beats else ""
        reasons.append(f"it is heard at {found.bpm:g} BPM{makes}")
        return found.bpm, found.confidence
    return None, None


def _trust_in(stated: float, source: str, tempi: tuple[Tempo, ...], duration: float) -> tuple[float, str]:
    """Say how sure a stated tempo is, and what speaks for it or against it."""
    if duration >= LONG_SECONDS:
        return _OF_LONG, ""
    support = sum(one.confidence for one in tempi if _same(one.bpm, stated))
    octaves = sum(one.confidence for one in tempi if any(_same(one.bpm * far, stated) for far in (0.5, 2.0)))
    against = tempi[0].bpm if tempi and tempi[0].confidence >= _CLEARLY and support < _HARDLY else None
    beats = whole_beats(stated, duration)
    if beats is not None:
        makes = f", which makes it {_beats(beats)}"
        if against is not None and octaves < _HARDLY:
            return _CONTRADICTED, f"{makes}, though it is heard at {against:g} BPM"
        # One tempo in five fits any length by chance, but seldom with whole bars.
        expected = support + octaves >= _HARDLY or beats % 4 == 0 or not tempi
        return (_STATED[source] if expected else _CONTRADICTED), makes
    if support >= _SOMEWHAT:
        return max(support, SURE_OF_TEMPO), ", and it is heard so"
    if source == "metadata" and against is None:
        return _UNSUPPORTED, ", though it does not last a whole number of beats"
    return 0.0, ", which fits neither its length nor what is heard"


def _key(heard: Heard, recognition: Recognition, reasons: list[str]) -> tuple[str | None, float | None]:
    audio = None
    if heard.key is not None and heard.key.confidence >= SURE_OF_KEY and recognition.content in _TONAL:
        audio = musical.key_name(heard.key.midi)
    stated = [
        (source, evidence.key)
        for source in _STATED
        if (evidence := recognition.evidence_of(source)) is not None
        and evidence.key is not None
        # A single tonic beside a one-shot names its note, not a key.
        and (recognition.kind is not Kind.ONESHOT or evidence.key.endswith("m"))
    ]
    if stated:
        reasons += [f"its {source} says {key}" for source, key in stated]
        told = stated[0][1]
        # A tonic without a mode, as samplers write it, is the tonic of what is said with one.
        modes = [key for key in (*(key for _, key in stated[1:]), audio) if key == f"{told}m"]
        key = modes[0] if modes else told
        if audio is None:
            return key, _STATED_TONE
        return key, _CONFIRMED_TONE if audio == key else _CONTRADICTED_TONE
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
