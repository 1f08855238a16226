"""Loops and repeated hits of our own making, from one-shots: what teaches the ear `kind` and loops' content.

A loop is one-shots on a grid of known tempo, with swing, layers, rests and notes; a flam, a roll and
an echo are one sound several times and stay one-shots. Pure numpy on waveforms; draws nothing that
the generator it is given does not say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from organizer.labels import CATEGORY_OF, CONTENTS, LABELS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.random import Generator

    from organizer.training.dataset import Sounds


Wave = NDArray[np.float32]

DRUMS = frozenset(
    label for label, category in CATEGORY_OF.items() if category not in {"bass", "synth", "vocal", "fx"}
)
# What notes of a label make of a loop, and how often a loop's notes are of it.
NOTES_OF = {"bass": ("bass", 0.3), "synth": ("melodic", 0.45), "vocal": ("vocal", 0.15), "fx": ("fx", 0.1)}
MOST_TRIES = 50
NOTES = np.array([-12, -7, -5, -4, -2, 0, 0, 0, 2, 3, 5, 7, 12])  # semitones


class Sequencer:
    """Makes loops and repeated hits from the one-shots of `sounds`, `length` samples each."""

    def __init__(self, sounds: Sounds, *, samplerate: int, length: int) -> None:
        self._sounds = sounds
        self._rate = samplerate
        self._length = length
        self._by_label: dict[str, list[int]] = {label: [] for label in LABELS}
        kits: dict[tuple[str, str], dict[str, list[int]]] = {}
        for index, row in enumerate(sounds.rows):
            if not row.is_loop:
                self._by_label[row.label].append(index)
                kits.setdefault((row.source, row.kit), {}).setdefault(row.label, []).append(index)
        self._kits = [kit for kit in kits.values() if len(DRUMS & kit.keys()) >= 3]
        self._notable = [label for label in NOTES_OF if self._by_label[label]]

    def loop(self, rng: Generator) -> tuple[Wave, NDArray[np.float32]]:
        """Make one loop that can be heard: drums, percussion, notes, or notes over drums.

        Returns
        -------
        wave
            (length,), from its first hit on.
        content
            (len(CONTENTS),) shares of its energy, sum 1.
        """
        for _ in range(MOST_TRIES):  # with few sounds, every place of a pattern may stay empty
            track, content = self._draw_loop(rng)
            if content.any():
                break
        else:  # nothing but silence to make it from
            content[:] = 1.0
        return _from_first_hit(track), content / content.sum()

    def _draw_loop(self, rng: Generator) -> tuple[Wave, NDArray[np.float32]]:
        step = self._rate * 60.0 / np.exp(rng.uniform(np.log(65.0), np.log(180.0))) / 4.0
        swing = float(rng.choice([0.0, 0.0, 0.1, 0.2, 0.33]))
        content = np.zeros(len(CONTENTS), dtype=np.float32)
        track = np.zeros(self._length, dtype=np.float32)
        choice = rng.random()
        if choice < 0.65 or not self._notable:
            beat = np.zeros_like(track)
            made = self._drums(rng, beat, step, swing)
            content[CONTENTS.index(made)] += _energy(beat)
            track += beat
        if (choice >= 0.5) and self._notable:
            melody = np.zeros_like(track)
            made = self._notes(rng, melody, step, swing)
            content[CONTENTS.index(made)] += _energy(melody)
            track += melody
        return track, content

    def repeated(self, rng: Generator, wave: Wave) -> Wave:
        """Play one sound as a flam, a roll or an echo: several hits, still a one-shot."""
        track = np.zeros(self._length, dtype=np.float32)
        choice = rng.random()
        if choice < 0.45:  # a flam or double hit
            _add(track, wave, 0, float(rng.uniform(0.3, 1.0)))
            for hit in range(int(rng.integers(1, 3))):
                _add(
                    track,
                    wave,
                    int((hit + 1) * rng.uniform(0.008, 0.09) * self._rate),
                    float(rng.uniform(0.5, 1.0)),
                )
        elif choice < 0.65:  # a roll that swells or dies away
            gap, hits = rng.uniform(0.022, 0.06), int(rng.integers(5, 18))
            first, last = rng.choice([[1.0, 0.05], [0.2, 1.0], [0.7, 1.0]]).tolist()
            for hit, gain in enumerate(np.geomspace(first, last, hits)):
                moment = hit * gap * (1.0 + rng.normal(0.0, 0.06))
                _add(track, wave, int(max(0.0, moment) * self._rate), float(gain * rng.uniform(0.8, 1.0)))
        else:  # an echo
            gap, feedback = rng.uniform(0.07, 0.42), rng.uniform(0.2, 0.6)
            for tap in range(6):
                _add(track, wave, int(tap * gap * self._rate), float(feedback**tap))
        return track

    def _drums(self, rng: Generator, track: Wave, step: float, swing: float) -> str:
        """Lay hits on `track`; say whether they make drums or percussion."""
        kit = (
            self._kits[int(rng.integers(len(self._kits)))]
            if self._kits and rng.random() < 0.6
            else self._by_label
        )
        steps = np.arange(16)
        patterns: list[tuple[tuple[str, ...], NDArray[np.bool_]]] = []
        if rng.random() < 0.75:
            patterns.append((("kick",), (steps % int(rng.choice([4, 8])) == 0) | (rng.random(16) < 0.12)))
        if rng.random() < 0.75:
            patterns.append((("snare", "clap", "rim", "snap"), (steps % 8 == 4) | (rng.random(16) < 0.06)))
        if rng.random() < 0.75:
            every = int(rng.choice([1, 2, 2, 4]))
            patterns.append((("hat_closed", "shaker", "ride", "tambourine", "hat_open"), steps % every == 0))
        made = "drums" if patterns else "percussion"
        percussion = ("hand_drum", "perc", "cowbell", "block", "tom", "shaker", "bell", "hat_open")
        for _ in range(int(rng.integers(0, 3)) if patterns else 3):
            patterns.append((percussion, rng.random(16) < rng.uniform(0.15, 0.5)))
        for wanted, pattern in patterns:
            there = [label for label in wanted if kit.get(label)] or [x for x in wanted if self._by_label[x]]
            if not there:
                continue
            label = there[int(rng.integers(len(there)))]
            choices = kit.get(label) or self._by_label[label]
            wave = self._wave(choices[int(rng.integers(len(choices)))])
            level = float(10.0 ** rng.uniform(-0.8, 0.0))
            # Each bar of 16 begins anywhere on a beat, so that not every loop begins with a kick.
            shifted = np.roll(pattern, -4 * int(rng.integers(0, 4)) if rng.random() < 0.3 else 0)
            self._place(
                rng, track, wave, np.flatnonzero(shifted & (rng.random(16) > 0.06)), step, swing, level
            )
        return made

    def _notes(self, rng: Generator, track: Wave, step: float, swing: float) -> str:
        """Play one sound as notes on `track`; say what they make of the loop."""
        often = np.array([NOTES_OF[label][1] for label in self._notable])
        label = self._notable[int(rng.choice(len(often), p=often / often.sum()))]
        choices = self._by_label[label]
        wave = self._wave(choices[int(rng.integers(len(choices)))])
        every = int(rng.choice([1, 2, 2, 3, 4]))
        level = float(10.0 ** rng.uniform(-0.5, 0.0))
        held = int(step * every * rng.uniform(0.5, 1.2))
        for moment in range(0, 16, every):
            if moment and rng.random() < 0.2:
                continue
            note = _faded(_respeed(wave, float(2.0 ** (rng.choice(NOTES) / 12.0))), held)
            self._place(rng, track, note, np.array([moment]), step, swing, level)
        return NOTES_OF[label][0]

    def _place(
        self, rng: Generator, track: Wave, wave: Wave, steps: Sequence[int] | NDArray[np.int64], step: float,
        swing: float, level: float,
    ) -> None:  # fmt: skip
        for one in steps:
            moment = (one + (swing if one % 2 else 0.0)) * step + rng.normal(0.0, 0.002) * self._rate
            if moment < self._length:
                _add(track, wave, max(0, int(moment)), level * float(rng.uniform(0.6, 1.0)))

    def _wave(self, index: int) -> Wave:
        return self._sounds.waves[index].astype(np.float32) / np.float32(32767.0)


def _energy(track: Wave) -> float:
    return float(np.square(track, dtype=np.float64).sum())


def _add(track: Wave, wave: Wave, at: int, gain: float) -> None:
    end = min(track.size, at + wave.size)
    if end > at:
        track[at:end] += np.float32(gain) * wave[: end - at]


def _respeed(wave: Wave, speed: float) -> Wave:
    if speed == 1.0:
        return wave
    moments = np.arange(0.0, wave.size - 1, speed) if wave.size > 1 else np.zeros(1)
    faster: Wave = np.interp(moments, np.arange(wave.size), wave).astype(np.float32)
    return faster


def _faded(wave: Wave, length: int) -> Wave:
    cut = wave[:length].copy()
    fade = min(cut.size, 160)
    if fade:
        cut[-fade:] *= np.linspace(1.0, 0.0, fade, dtype=np.float32)
    return cut


def _from_first_hit(track: Wave) -> Wave:
    level = np.abs(track)
    first = int(np.argmax(level > 0.003 * level.max(initial=0.0)))
    begun = np.zeros_like(track)
    begun[: track.size - first] = track[first:]
    return begun
