"""Notes and keys, on tones of known pitch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from organizer.demo import sounds
from organizer.recognition.pitch import hear_key, hear_note

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

RATE = 44_100
TRIADS = {"major": (0, 4, 7), "minor": (0, 3, 7)}


def tone(
    midi: float, seconds: float = 0.6, *, partials: Sequence[float] = (1.0, 0.6, 0.4, 0.3), rate: int = RATE
) -> NDArray[np.float32]:
    t = np.arange(int(seconds * rate)) / rate
    frequency = 440.0 * 2 ** ((midi - 69) / 12)
    wave = sum(share * np.sin(2 * np.pi * frequency * number * t) for number, share in enumerate(partials, 1))
    return np.asarray(0.3 * wave * np.exp(-t / (seconds / 2)), dtype=np.float32)


@pytest.mark.parametrize("midi", [28, 33, 40, 45, 52, 57, 60, 69, 76, 88])
@pytest.mark.parametrize("partials", [(1.0,), (1.0, 0.6, 0.4, 0.3), (0.3, 1.0, 0.5, 0.2)])
@pytest.mark.parametrize("rate", [22_050, 44_100])
def test_a_tone_is_heard_as_its_note(midi: int, partials: Sequence[float], rate: int) -> None:
    heard = hear_note(tone(midi, partials=partials, rate=rate), rate)
    assert heard is not None
    assert heard.midi == midi
    assert heard.confidence > 0.8


def test_a_falling_kick_is_heard_where_it_comes_to_rest() -> None:
    heard = hear_note(sounds.kick(end=55.0, decay=0.3, seconds=0.9), RATE)  # A1 is 55 Hz
    assert heard is not None
    assert heard.midi == 33


def test_a_tone_between_two_notes_is_less_sure() -> None:
    between, at = hear_note(tone(57.5), RATE), hear_note(tone(57.0), RATE)
    assert between is not None
    assert at is not None
    assert between.confidence < at.confidence - 0.15


@pytest.mark.parametrize("make", [sounds.hat, sounds.clap])
def test_noise_has_no_note(make: Callable[[], NDArray[np.float32]]) -> None:
    heard = hear_note(make(), RATE)
    assert heard is None or heard.confidence < 0.5


@given(
    seed=st.integers(0, 2**32 - 1),
    frames=st.integers(0, 30_000),
    scale=st.sampled_from([0.0, 1e-6, 1.0]),
    rate=st.sampled_from([1_000, 8_000, 44_100, 192_000]),
)
def test_any_sound_gives_a_number_or_nothing(seed: int, frames: int, scale: float, rate: int) -> None:
    wave = (np.random.default_rng(seed).normal(0, 0.3, frames) * scale).astype(np.float32)
    for heard in (hear_note(wave, rate), hear_key(wave, rate)):
        assert heard is None or 0.0 <= heard.confidence <= 1.0


@pytest.mark.parametrize("tonic", range(12))
@pytest.mark.parametrize(
    ("mode", "chords"),
    [
        ("major", ((0, "major"), (5, "major"), (7, "major"), (0, "major"))),
        ("minor", ((0, "minor"), (5, "minor"), (7, "minor"), (0, "minor"))),
    ],
)
def test_a_cadence_is_heard_in_its_key(tonic: int, mode: str, chords: Sequence[tuple[int, str]]) -> None:
    parts = [
        np.sum([tone(48 + tonic + root + step, 1.0) for step in TRIADS[triad]], axis=0)
        for root, triad in chords
    ]
    heard = hear_key(np.concatenate(parts), RATE)
    assert heard is not None
    assert heard.midi == tonic + 12 * (mode == "minor")
    assert heard.confidence > 0.55


def test_drums_alone_are_in_no_key() -> None:
    heard = hear_key(sounds.loop(bpm=120.0, bars=2), RATE)
    assert heard is None or heard.confidence < 0.55


@pytest.mark.parametrize("midi", range(98, 116))
@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_a_tone_above_the_range_is_not_taken_for_another(midi: int, rate: int) -> None:
    heard = hear_note(tone(midi, partials=(1.0, 0.3), rate=rate), rate)
    assert heard is None or heard.midi % 12 == midi % 12 or heard.confidence < 0.7


@pytest.mark.parametrize("root", range(48, 72, 3))
@pytest.mark.parametrize("steps", [(0, 3, 7), (0, 4, 7), (0, 3, 7, 10), (0, 5, 7)])
def test_a_chord_is_heard_as_no_note_that_is_not_in_it(root: int, steps: Sequence[int]) -> None:
    wave = np.asarray(sum(tone(root + step, 1.2) for step in steps), np.float32)
    heard = hear_note(wave, RATE)
    inside = {(root + step) % 12 for step in steps}
    assert heard is None or heard.confidence < 0.7 or heard.midi % 12 in inside
