"""How statements about tempo, key and note are weighed against the sound."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from organizer.recognition.music import Heard, add_up, whole_beats
from organizer.recognition.pitch import Tone
from organizer.recognition.tempo import Tempo
from organizer.sample import Evidence, Facts, Kind, Recognition

if TYPE_CHECKING:
    from organizer.sample import Music

A_MINOR, C_MAJOR = 12 + 9, 0


def heard_as(
    heard: Heard,
    *,
    kind: Kind = Kind.LOOP,
    duration: float = 3.75,  # 8 beats at 128 BPM
    content: str | None = "melodic",
    name: dict[str, Any] | None = None,
    metadata: dict[str, Any] | None = None,
) -> Music:
    facts = Facts(
        format="wav", samplerate=44_100, channels=1, bits=16, duration=duration, peak=-1.0,
        content_hash="b2:0", sound_id="pcm:0",
    )  # fmt: skip
    evidence = tuple(
        Evidence(source=source, **said)
        for source, said in (("name", name), ("metadata", metadata))
        if said is not None
    )
    recognition = Recognition(
        kind=kind, kind_confidence=0.9, label=None, label_confidence=None, category=None, confidence=0.9,
        margin=None, content=content, probabilities={}, evidence=evidence, model_id="m",
    )  # fmt: skip
    return add_up(heard, facts, recognition)


def at(*tempi: tuple[float, float]) -> Heard:
    return Heard(tempi=tuple(Tempo(bpm, share) for bpm, share in tempi))


@pytest.mark.parametrize(
    ("bpm", "duration", "beats"),
    [
        (128.0, 3.75, 8),
        (128.0, 3.76, 8),
        (128.0, 3.9, None),
        (174.0, 5.517, 16),
        (173.0, 5.517, 16),  # rounded in the name
        (100.0, 0.2, None),
        (120.0, 0.5, 1),
    ],
)
def test_whole_beats(bpm: float, duration: float, beats: int | None) -> None:
    assert whole_beats(bpm, duration) == beats


def test_metadata_is_believed_first_then_the_name_then_the_ear() -> None:
    assert heard_as(at((96.0, 0.6)), name={"bpm": 64.0}, metadata={"bpm": 128.0}).bpm == 128.0
    assert heard_as(at((96.0, 0.6)), name={"bpm": 64.0}).bpm == 64.0
    assert heard_as(at((96.0, 0.6))).bpm == 96.0


def test_a_name_that_fits_neither_length_nor_sound_is_not_believed_and_that_is_told() -> None:
    music = heard_as(at((96.0, 0.95)), name={"bpm": 101.0})
    assert (music.bpm, music.bpm_confidence) == (96.0, 0.95)
    assert music.reasons[0] == "its name says 101 BPM, which fits neither its length nor what is heard"


def test_a_name_that_is_heard_is_believed_though_the_loop_rings_on() -> None:
    music = heard_as(at((128.4, 0.7), (64.0, 0.3)), name={"bpm": 128.0}, duration=4.4)
    assert music.bpm == 128.0
    assert music.bpm_confidence == 0.7


def test_a_tempo_that_fits_by_chance_is_less_sure_where_another_is_clearly_heard() -> None:
    music = heard_as(at((96.0, 0.99)), name={"bpm": 128.0})
    assert music.bpm == 128.0
    assert music.bpm_confidence == 0.75
    assert "though it is heard at 96 BPM" in music.reasons[0]
    octave = heard_as(at((64.0, 0.99)), name={"bpm": 128.0})
    assert octave.bpm_confidence == 0.96


def test_metadata_that_is_a_default_gives_way_to_what_is_clearly_heard() -> None:
    assert heard_as(at((96.0, 0.99)), metadata={"bpm": 120.0}, duration=5.0 * 0.93).bpm == 96.0
    unheard = heard_as(Heard(), metadata={"bpm": 120.0}, duration=5.0 * 0.93)
    assert (unheard.bpm, unheard.bpm_confidence) == (120.0, 0.55)


def test_what_nobody_is_sure_of_stays_absent() -> None:
    music = heard_as(at((96.0, 0.4), (128.0, 0.35)))
    assert (music.bpm, music.bpm_confidence, music.key, music.note) == (None, None, None, None)


def test_a_oneshot_has_no_tempo_and_a_loop_no_note() -> None:
    heard = Heard(tempi=(Tempo(96.0, 1.0),), note=Tone(42, 0.9), key=Tone(A_MINOR, 0.9))
    oneshot = heard_as(heard, kind=Kind.ONESHOT, content=None)
    loop = heard_as(heard)
    assert (oneshot.bpm, oneshot.note, oneshot.note_confidence) == (None, "F#2", 0.9)
    assert (loop.bpm, loop.note, loop.key) == (96.0, None, "Am")


def test_a_recording_has_only_what_its_metadata_says() -> None:
    song = heard_as(at((96.0, 1.0)), kind=Kind.LONG, duration=180.3, metadata={"bpm": 96.0})
    assert song.bpm == 96.0
    assert heard_as(at((96.0, 1.0)), kind=Kind.LONG, duration=180.3).bpm is None
    named = heard_as(Heard(), kind=Kind.LONG, duration=60.0, name={"bpm": 128.0})
    assert (named.bpm, named.bpm_confidence, named.reasons) == (128.0, 0.8, ("its name says 128 BPM",))


@pytest.mark.parametrize("content", ["drums", "percussion", "fx"])
def test_drums_are_in_no_key_whatever_is_heard(content: str) -> None:
    assert heard_as(Heard(key=Tone(A_MINOR, 0.9)), content=content).key is None


def test_a_stated_key_is_surer_where_it_is_heard() -> None:
    agreed, alone, other = (
        heard_as(heard, name={"key": "Am"})
        for heard in (Heard(key=Tone(A_MINOR, 0.9)), Heard(), Heard(key=Tone(C_MAJOR, 0.9)))
    )
    assert (agreed.key, alone.key, other.key) == ("Am", "Am", "Am")
    sure = [one.key_confidence or 0.0 for one in (agreed, alone, other)]
    assert sure == sorted(sure, reverse=True)


def test_a_tonic_beside_a_oneshot_is_its_note() -> None:
    agreed = heard_as(Heard(note=Tone(30, 0.9)), kind=Kind.ONESHOT, content=None, name={"key": "F#"})
    assert (agreed.note, agreed.note_confidence, agreed.key) == ("F#1", 0.97, None)
    other = heard_as(Heard(note=Tone(31, 0.9)), kind=Kind.ONESHOT, content=None, name={"key": "F#"})
    assert (other.note, other.note_confidence) == ("F#", 0.7)
    assert other.reasons == ("its name says F#, though G1 is heard",)


@pytest.mark.parametrize("bpm", [80.0, 85.0, 90.0, 95.0, 100.0, 105.0, 110.0, 115.0, 125.0, 130.0])
@pytest.mark.parametrize("bars", [2, 4, 8])
def test_a_default_in_the_metadata_does_not_beat_a_name_that_fits_and_is_heard(bpm: float, bars: int) -> None:
    duration = bars * 240.0 / bpm
    music = heard_as(at((bpm, 0.85)), name={"bpm": bpm}, metadata={"bpm": 120.0}, duration=duration)
    whole_bars_of_the_default = (whole_beats(120.0, duration) or 1) % 4 == 0
    assert music.bpm == bpm or whole_bars_of_the_default


def test_a_tonic_of_a_sampler_takes_its_mode_from_the_name() -> None:
    music = heard_as(Heard(), name={"key": "Am"}, metadata={"key": "A"})
    assert music.key == "Am"
    heard = heard_as(Heard(key=Tone(A_MINOR, 0.9)), metadata={"key": "A"})
    assert (heard.key, heard.key_confidence) == ("Am", 0.97)
