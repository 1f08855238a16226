from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from organizer.rules.conditions import read_when, words_of
from organizer.rules.problems import Place
from organizer.sample import Kind, Music
from tests.rules.items import item, sound

if TYPE_CHECKING:
    from organizer.sample import Item

KICK = item()
LOOP = item("Pack/break.wav", sound(kind=Kind.LOOP, confidence=0.62, duration=8.0))
DRUMS = item("Pack/break.wav", sound(kind=Kind.LOOP, made_of="drums"))
LOSSY = item("Pack/Kick.mp3", sound(bits=None, format="mp3"))
MIDI = item("Pack/break.mid")
BROKEN = item("Pack/x.wav", problem="it is empty")
LOOSE = item("Kick.wav")
SONG = item(
    "Pack/Song_128.wav",
    replace(
        sound(kind=Kind.LOOP, loudness=-14.0),
        music=Music(bpm=128.0, bpm_confidence=0.98, key="Am", key_confidence=0.9),
        metadata={"genre": "Hard Techno", "bpm": "127.5", "key": "Am", "live": "Type|Loop\nDrums|Kick"},
    ),
)
TONAL = item("Pack/808.wav", replace(sound("bass"), music=Music(note="F#2", note_confidence=0.9)))
BUNDLED = item("Pack/Kit/kick.wav", bundle="Pack/Kit")


@pytest.mark.parametrize(
    ("when", "subject", "held", "why"),
    [
        ({"kind": "oneshot"}, KICK, True, "kind is oneshot"),
        ({"kind": "oneshot"}, LOOP, False, "kind is loop, not oneshot"),
        ({"kind": ["oneshot", "long"]}, LOOP, False, "kind is loop, not oneshot or long"),
        ({"label": ["snare", "rim", "clap"]}, KICK, False, "label is kick, not snare, rim or clap"),
        ({"category": ["snare", "kick"]}, KICK, True, "category is kick"),
        ({"category": "kick"}, LOOP, False, "it has no category: it is a loop (wav)"),
        ({"margin": "> 0.1"}, LOOP, False, "it has no margin: it is a loop (wav)"),
        ({"confidence": ">= 0.8"}, KICK, True, "confidence is 0.95"),
        ({"confidence": ">= 0.8"}, LOOP, False, "confidence is 0.62, not >= 0.8"),
        ({"confidence": ["< 0.1", "0.7..0.9"]}, LOOP, False, "confidence is 0.62, not < 0.1 or 0.7..0.9"),
        ({"confidence": "0.62..0.7"}, LOOP, True, "confidence is 0.62"),
        ({"confidence": "> 0.62"}, LOOP, False, "confidence is 0.62, not > 0.62"),
        ({"confidence": ">= 0.8"}, MIDI, False, "it has no confidence: its type is midi"),
        ({"duration": "< 2"}, BROKEN, False, "it has no duration: it could not be heard"),
        ({"duration": "60..200"}, LOOP, False, "duration is 8.00 s, not 60..200"),
        ({"label_confidence": ">= 0.95"}, KICK, False, "label_confidence is 0.90, not >= 0.95"),
        ({"kind_confidence": "<= .5"}, KICK, False, "kind_confidence is 0.99, not <= .5"),
        ({"content": ["drums", "percussion"]}, DRUMS, True, "content is drums"),
        ({"content": "vocal"}, DRUMS, False, "content is drums, not vocal"),
        ({"content": "drums"}, KICK, False, "it has no content: it is a oneshot (wav)"),
        ({"content_confidence": ">= 0.8"}, DRUMS, False, "content_confidence is 0.70, not >= 0.8"),
        ({"audio.confidence": ">= 0.9"}, KICK, True, "audio.confidence is 1.00"),
        ({"audio": {"confidence": ">= 0.9"}}, LOOP, False, "audio.confidence is 0.60, not >= 0.9"),
        ({"audio.confidence": "> 0"}, MIDI, False, "it has no audio.confidence: its type is midi"),
        ({"channels": "< 2"}, KICK, True, "channels is 1"),
        ({"samplerate": ">= 48000"}, KICK, False, "samplerate is 44100 Hz, not >= 48000"),
        ({"bits": "16..24"}, KICK, True, "bits is 16"),
        ({"bits": "16..24"}, LOSSY, False, "it has no bits: it is a oneshot (mp3)"),
        ({"path": "*/kicks/*"}, KICK, True, "path is Pack/Kicks/Kick 01.wav"),
        ({"path": "*/snares/*"}, KICK, False, "path is Pack/Kicks/Kick 01.wav, not */snares/*"),
        ({"bpm": "60..130"}, SONG, True, "bpm is 128.00 BPM"),
        ({"bpm": "< 100"}, SONG, False, "bpm is 128.00 BPM, not < 100"),
        ({"bpm": "60..200"}, KICK, False, "it has no bpm: it is a oneshot (wav)"),
        ({"bpm_confidence": ">= 0.9"}, SONG, True, "bpm_confidence is 0.98"),
        ({"key": ["8A", "C"]}, SONG, True, "key is Am"),
        ({"key": "A minor"}, SONG, True, "key is Am"),
        ({"key": "C"}, SONG, False, "key is Am, not C"),
        ({"note": "Gb"}, TONAL, True, "note is F#2"),
        ({"note": ["F#1", "C"]}, TONAL, False, "note is F#2, not F#1 or C"),
        ({"note": "F#2", "note_confidence": "> 0.5"}, TONAL, True, "note is F#2; note_confidence is 0.90"),
        ({"peak": ["< -6", "-1.5..0"]}, KICK, True, "peak is -1.00 dB"),
        ({"loudness": "-20..-10"}, KICK, False, "loudness is -inf LUFS, not -20..-10"),
        ({"loudness": "< -60"}, KICK, True, "loudness is -inf LUFS"),
        ({"size": "0.01..1 kB"}, KICK, True, "size is 100 bytes"),
        ({"size": "1..5 MB"}, KICK, False, "size is 100 bytes, not 1..5 MB"),
        ({"channels": 1, "bits": [16, 24]}, KICK, True, "channels is 1; bits is 16"),
        ({"channels": 2}, KICK, False, "channels is 1, not 2"),
        ({"bpm": 128}, SONG, True, "bpm is 128.00 BPM"),
        ({"metadata": {"bpm": "> 120"}}, SONG, True, "metadata.bpm is 127.50 BPM"),
        ({"metadata": {"key": "8A"}}, SONG, True, "metadata.key is Am"),
        ({"metadata": {"live": "Drums|Kick"}}, SONG, True, "metadata.live is Type|Loop\nDrums|Kick"),
        ({"pack": "Fu\u0308r*"}, item("Für/x.wav"), True, "pack is Für"),
        ({"pack": "[SM] House"}, item("[SM] House/x.wav"), True, "pack is [SM] House"),
        ({"loudness": "-20..-10"}, SONG, True, "loudness is -14.00 LUFS"),
        ({"size": "< 1 kB"}, KICK, True, "size is 100 bytes"),
        ({"size": "0.5 MB..2 MiB"}, KICK, False, "size is 100 bytes, not 0.5 MB..2 MiB"),
        ({"metadata": {"genre": "*techno*"}}, SONG, True, "metadata.genre is Hard Techno"),
        ({"metadata.genre": "House"}, SONG, False, "metadata.genre is Hard Techno, not House"),
        ({"metadata.artist": "*"}, SONG, False, "its metadata names no artist"),
        ({"format": ["WAV", "aiff"]}, KICK, True, "format is wav"),
        ({"format": "flac"}, KICK, False, "format is wav, not flac"),
        ({"pack": "*"}, LOOSE, False, "it came in no pack"),
        ({"pack": "pa?k"}, KICK, True, "pack is Pack"),
        ({"pack": ["Other*", "X"]}, KICK, False, "pack is Pack, not Other* or X"),
        ({"inbox": "inbox"}, KICK, True, "inbox is Inbox"),
        ({"name": "kick*.wav"}, KICK, True, "name is Kick 01.wav"),
        ({"name": "*snare*"}, KICK, False, "name is Kick 01.wav, not *snare*"),
        ({"type": ["midi", "image"]}, KICK, False, "type is audio, not midi or image"),
        ({"readable": False}, BROKEN, True, "readable is false: it cannot be read: it is empty"),
        ({"readable": False}, KICK, False, "readable is true: it can be read"),
        ({"bundle": True}, BUNDLED, True, "bundle is true: it lies in the bundle Kit"),
        ({"bundle": True}, KICK, False, "bundle is false: it lies in no bundle"),
        (
            {"kind": "loop", "confidence": "< 0.5"},
            KICK,
            False,
            "kind is oneshot, not loop; confidence is 0.95, not < 0.5",
        ),
        ({"any": [{"kind": "loop"}, {"label": "kick"}]}, KICK, True, "label is kick"),
        (
            {"any": [{"kind": "loop"}, {"label": "fx", "duration": "> 1"}]},
            KICK,
            False,
            "none of these: (kind is oneshot, not loop; label is kick, not fx; duration is 0.50 s, not > 1)",
        ),
        ({"all": [{"kind": "oneshot"}, {"label": "fx"}]}, KICK, False, "label is kick, not fx"),
        ({"not": {"kind": "oneshot"}}, KICK, False, "kind is oneshot, which is ruled out"),
        ({"not": {"kind": "loop", "label": "kick"}}, KICK, True, "kind is oneshot, not loop"),
        ({"not": {"category": "kick"}}, MIDI, True, "it has no category: its type is midi"),
        ({}, KICK, True, ""),
    ],
)
def test_a_condition_holds_or_says_why_not(
    when: dict[str, object], subject: Item, held: bool, why: str
) -> None:
    problems: list[str] = []
    finding = read_when(when, Place(problems=problems, file="my.toml")).check(subject)
    assert not problems
    assert (finding.held, finding.why) == (held, why)


def test_a_number_is_shown_with_the_decimals_that_tell_its_side_of_the_bound() -> None:
    nearly = item("x.wav", sound(confidence=0.79996))
    when = read_when({"confidence": ">= 0.8"}, Place(problems=[], file="my.toml"))
    assert when.check(nearly).why == "confidence is 0.79996, not >= 0.8"


@pytest.mark.parametrize(
    ("when", "problem"),
    [
        (
            {"categry": "kick"},
            'when.categry: expected a condition, found "categry"; did you mean "category"?',
        ),
        ({"category": "kik"}, 'when.category: expected a category, found "kik"; did you mean "kick"?'),
        ({"kind": "one-shot"}, 'when.kind: expected a kind, found "one-shot"; did you mean "oneshot"?'),
        ({"kind": "??"}, 'when.kind: expected a kind, found "??"; known: long, loop, oneshot'),
        ({"label": ["kick", 3]}, "when.label[2]: expected a label, found 3"),
        ({"label": []}, "when.label: expected at least one entry, found an empty list"),
        ({"confidence": 0.8}, 'when.confidence: expected a range such as ">= 0.8" or "0.5..0.9", found 0.8'),
        (
            {"confidence": "high"},
            'when.confidence: expected a range such as ">= 0.8" or "0.5..0.9", found "high"',
        ),
        ({"confidence": ">= 80"}, 'when.confidence: expected numbers from 0 to 1, found ">= 80"'),
        ({"duration": "2..1"}, 'when.duration: expected the smaller number first, found "2..1"'),
        ({"duration": "-1..1"}, 'when.duration: expected numbers from 0 up, found "-1..1"'),
        (
            {"duration": "< 2 MB"},
            'when.duration: expected a range such as "< 2" or "60..200", found "< 2 MB"',
        ),
        ({"peak": "loud"}, 'when.peak: expected a range such as "< -6" or "-12..-3", found "loud"'),
        ({"size": "> 2 TB"}, 'when.size: expected a range such as "< 500 kB" or "> 2 MB", found "> 2 TB"'),
        ({"key": "H"}, 'when.key: expected a key such as "Am", "F# minor" or "8A", found "H"'),
        ({"note": "C#m"}, 'when.note: expected a note such as "C" or "F#2", found "C#m"'),
        (
            {"metadata": {"gnre": "House"}},
            'when.metadata.gnre: expected a condition, found "metadata.gnre"; did you mean "metadata.genre"?',
        ),
        (
            {"metadata": "House"},
            'when.metadata: expected a table of words such as metadata.title, found "House"',
        ),
        ({"bundle": "yes"}, 'when.bundle: expected true or false, found "yes"'),
        ({"name": ""}, 'when.name: expected a name or a pattern such as "Kick*", found ""'),
        (
            {"any": {"kind": "loop"}},
            (
                'when.any: expected a list of tables such as [{ kind = "loop" }, { label = "fx" '
                "}], found a table"
            ),
        ),
        (
            {"any": [{"knid": "loop"}]},
            'when.any[1].knid: expected a condition, found "knid"; did you mean "kind"?',
        ),
        ({"not": {}}, 'when.not: expected a table such as { kind = "loop" }, found an empty table'),
        (
            {"not": {"type": "wav"}},
            (
                'when.not.type: expected a type, found "wav"; known: archive, audio, document, '
                "image, midi, other, preset, project"
            ),
        ),
    ],
)
def test_what_is_wrong_with_a_condition_is_said(when: dict[str, object], problem: str) -> None:
    problems: list[str] = []
    read_when(when, Place(problems=problems, file="my.toml", rule='rule 1 "A"', key="when"))
    assert problems == [f'my.toml: rule 1 "A": {problem}']


def test_conditions_nested_beyond_sense_are_refused() -> None:
    when: dict[str, object] = {"kind": "loop"}
    for _ in range(500):
        when = {"not": when}
    problems: list[str] = []
    read_when(when, Place(problems=problems, file="my.toml"))
    assert len(problems) == 1
    assert problems[0].endswith("nested too deeply")


@pytest.mark.parametrize(
    ("when", "words"),
    [
        (
            {"kind": "loop", "any": [{"type": "midi"}, {"not": {"readable": True}}]},
            {"kind", "type", "readable"},
        ),
        ({"bundle": True}, {"bundle"}),
        ({"bundle": False}, set()),
        ({"not": {"bundle": True}}, set()),
    ],
)
def test_a_condition_names_the_words_it_rests_on(when: dict[str, object], words: set[str]) -> None:
    assert words_of(read_when(when, Place(problems=[], file="my.toml"))) == words
