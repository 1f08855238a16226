"""Reads tempo and key where a text states them plainly. It guesses at nothing."""

from __future__ import annotations

import re

TEMPO_RANGE = (40.0, 300.0)  # beats per minute that a tag or a name may state

_NOTES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
_FLATS = {"DB": "C#", "EB": "D#", "GB": "F#", "AB": "G#", "BB": "A#", "CB": "B", "FB": "E"}
_SHARPS = {"E#": "F", "B#": "C"}
# Camelot's wheel: 1A is G# minor, 1B is B major; each step is a fifth.
_CAMELOT_MINOR_1, _CAMELOT_MAJOR_1 = 8, 11

_EDGE = r"(?<![A-Za-z0-9#])"
_KEY_WITH_MODE = re.compile(
    _EDGE + r"([A-G])([#b♯♭]?)[ _-]?(maj(?:or)?|min(?:or)?|Maj(?:or)?|Min(?:or)?)(?![A-Za-z])"
)
_KEY_SHORT = re.compile(_EDGE + r"([A-G])([#b♯♭]?)(m|M)(?=$|[ _\-.)\]]*(?:\d|$|[)\]]))")
_KEY_SHARP = re.compile(_EDGE + r"([A-G])([#♯])(?![A-Za-z#])")
_KEY_IN_BRACKETS = re.compile(r"[(\[]([A-G])([#b♯♭]?)(m?)[)\]]")
_KEY_FLAT_LAST = re.compile(_EDGE + r"([A-G])([b♭])$")
_KEY_ALONE = re.compile(r"^\s*([A-Ga-g])([#b♯♭]?)\s*(m|M|(?i:maj|min|major|minor))?\s*$")
_TEMPO = re.compile(r"^\s*(\d{1,3}(?:[.,]\d{1,6})?)\s*(?:bpm)?\s*$", re.IGNORECASE)
_CAMELOT = re.compile(r"^\s*0?([1-9]|1[0-2])\s*([ABab])\s*$")
_NOTE = re.compile(r"^\s*([A-Ga-g])([#b♯♭]?)\s*(-?\d)?\s*$")
_BPM = re.compile(
    r"(?<![\d.])(\d{2,3}(?:\.\d{1,3})?)[ _-]?bpm(?![a-z])|(?<![a-z])bpm[ _-]?(\d{2,3})(?!\d)", re.IGNORECASE
)


def tempo_in(text: str) -> float | None:
    """Find a tempo that is called one: `128bpm`, `BPM 90`."""
    found = _BPM.search(text)
    return tempo(found[1] or found[2]) if found else None


def tempo(value: str | float) -> float | None:
    """Read a number of beats per minute; None when it is none, or none that music has."""
    if isinstance(value, str):
        found = _TEMPO.match(value)
        if found is None:
            return None
        value = found[1].replace(",", ".")
    number = float(value)
    low, high = TEMPO_RANGE
    return round(number, 3) if low <= number <= high else None


def key_in(text: str) -> str | None:
    """Find a key in a name: `Am`, `F#min`, `(C)`, `Bb_maj`; sharps only, an `m` for minor.

    A bare capital counts only in brackets: `Kick A` is the first of several kicks.
    """
    for pattern in (_KEY_WITH_MODE, _KEY_SHORT, _KEY_IN_BRACKETS, _KEY_SHARP, _KEY_FLAT_LAST):
        if found := pattern.search(text):
            mode = found[3] if pattern.groups == 3 else ""
            return _spelt(found[1], found[2], mode)
    return None


def key(value: str) -> str | None:
    """Read a field that holds a key and nothing else: `Am`, `Bb major`, `8A`."""
    if found := _CAMELOT.match(value):
        step, minor = int(found[1]) - 1, found[2].upper() == "A"
        start = _CAMELOT_MINOR_1 if minor else _CAMELOT_MAJOR_1
        return _NOTES[(start + 7 * step) % 12] + ("m" if minor else "")
    if found := _KEY_ALONE.match(value):
        return _spelt(found[1], found[2], found[3] or "")
    return None


def note(midi: int) -> str:
    """Name a MIDI note without its octave: 57 is `A`."""
    return _NOTES[midi % 12]


def note_name(midi: int) -> str:
    """Name a MIDI note with its octave, as in scientific pitch notation: 69 is `A4`."""
    return f"{note(midi)}{midi // 12 - 1}"


def read_note(value: str) -> str | None:
    """Read a note, with its octave or without: `C`, `Db2`; sharps only."""
    found = _NOTE.match(value)
    if found is None:
        return None
    name = _spelt(found[1], found[2], "")
    octave = found[3] or ""
    if octave and name == "B" and found[1].upper() == "C":
        octave = str(int(octave) - 1)
    elif octave and name == "C" and found[1].upper() == "B":
        octave = str(int(octave) + 1)
    return name + octave


def without_octave(note: str) -> str:
    return note.rstrip("-0123456789")


def key_name(number: int) -> str:
    """Name one of 24 keys: major from C up, then minor."""
    return note(number) + ("m" if number >= 12 else "")


def _spelt(tonic: str, accidental: str, mode: str) -> str:
    name = tonic.upper() + {"♯": "#", "♭": "b"}.get(accidental, accidental)
    name = _FLATS.get(name.upper(), _SHARPS.get(name, name)) if len(name) == 2 else name
    return name + ("m" if mode == "m" or mode.lower().startswith("min") else "")
