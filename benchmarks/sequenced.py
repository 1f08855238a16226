"""Loops of known tempo, laid from the one-shots of labelled kits: what tempo and key are measured on.

Styles and their usual tempi, meters of 4/4, 3/4 and 6/8, swing, unsteady hands, one to eight bars, and three
ways to end: cut exactly at the bar, with the last sounds ringing on, or with silence around. Tempo is that of
a project: quarter notes a minute, in 6/8 too. Seeded; it writes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.random import Generator

Wave = NDArray[np.float32]
ENDS = ("exact", "exact", "exact", "rings on", "silence around")
_LONGEST = 24.0  # seconds
_HATS = ("hat_closed", "shaker", "ride", "tambourine")
_BACK = ("snare", "clap", "rim", "snap")
_PERCUSSION = ("hand_drum", "perc", "cowbell", "block", "tom", "shaker", "bell", "tambourine")


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """`tempi` are ranges of which one is drawn; `meters` are how often 4/4, 3/4, 6/8."""

    tempi: tuple[tuple[float, float], ...]
    meters: tuple[float, float, float] = (1.0, 0.0, 0.0)


STYLES: Mapping[str, Style] = {
    "four to the floor": Style(tempi=((116.0, 140.0),)),
    "backbeat": Style(tempi=((78.0, 110.0), (100.0, 145.0)), meters=(0.7, 0.1, 0.2)),
    "half time": Style(tempi=((128.0, 160.0),)),
    "break": Style(tempi=((85.0, 115.0), (110.0, 140.0), (155.0, 178.0))),
    "percussion": Style(tempi=((85.0, 135.0),), meters=(0.7, 0.1, 0.2)),
    "hats": Style(tempi=((90.0, 175.0),)),
    "bass": Style(tempi=((85.0, 140.0),), meters=(0.8, 0.1, 0.1)),
    "melody": Style(tempi=((75.0, 145.0),), meters=(0.7, 0.15, 0.15)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """`wave` is float32 (frames,) at `samplerate`; `bpm` in quarter notes a minute."""

    wave: Wave
    samplerate: int
    bpm: float
    style: str
    meter: str
    end: str
    bars: int


class Sequencer:
    """Lays loops from kits: kit -> label -> waves, float32 (frames,) at `samplerate`."""

    def __init__(self, kits: Mapping[str, Mapping[str, Sequence[Wave]]], *, samplerate: int) -> None:
        self._rate = samplerate
        self._drums = [
            kit for kit in kits.values() if {"kick", "hat_closed"} <= kit.keys() and "snare" in kit
        ]
        self._all: dict[str, list[Wave]] = {}
        for kit in kits.values():
            for label, waves in kit.items():
                self._all.setdefault(label, []).extend(waves)

    def draw(self, rng: Generator) -> Loop:
        name = str(rng.choice(list(STYLES)))
        style = STYLES[name]
        low, high = style.tempi[int(rng.integers(len(style.tempi)))]
        bpm = float(rng.uniform(low, high))
        bpm = round(bpm) if rng.random() < 0.8 else round(bpm, 2)
        meter = ("4/4", "3/4", "6/8")[int(rng.choice(3, p=style.meters))]
        steps = 16 if meter == "4/4" else 12  # sixteenths of a bar
        bars = int(rng.choice([1, 2, 4, 8], p=[0.2, 0.35, 0.35, 0.1]))
        while bars > 1 and bars * steps * 15.0 / bpm > _LONGEST:
            bars //= 2
        swing = float(rng.choice([0.0, 0.0, 0.0, 0.12, 0.2, 0.33]))
        loose = float(rng.choice([0.0, 0.003, 0.008]))
        length = round(bars * steps * 15.0 / bpm * self._rate)
        track = np.zeros(length + self._rate * 2, dtype=np.float32)
        for wave, step, gain in self._events(name, rng, steps, bars, meter):
            late = swing * (step % 2) + (swing if step % 4 == 2 and meter == "6/8" else 0.0)
            at = (step + late) * 15.0 / bpm + rng.normal(0.0, loose)
            _add(track, wave, max(0, round(at * self._rate)), gain)
        end = ENDS[int(rng.integers(len(ENDS)))]
        return Loop(
            wave=_ended(track, length, end, rng, self._rate),
            samplerate=self._rate, bpm=bpm, style=name, meter=meter, end=end, bars=bars,
        )  # fmt: skip

    def _events(
        self, style: str, rng: Generator, steps: int, bars: int, meter: str
    ) -> list[tuple[Wave, int, float]]:
        kit = self._drums[int(rng.integers(len(self._drums)))]
        beat = np.arange(0, steps, 6 if meter == "6/8" else 4)
        back = beat[1::2] if len(beat) != 3 else beat[1:]
        lanes: list[tuple[Wave, NDArray[np.int64], float]] = []

        def lane(labels: Sequence[str], where: NDArray[np.int64], level: float) -> None:
            wave = self._one(kit, labels, rng)
            if wave is not None and len(where):
                lanes.append((wave, where, level))

        every = np.arange(steps)
        match style:
            case "four to the floor":
                lane(("kick",), beat, 1.0)
                lane(_BACK, back, 0.8)
                lane(("hat_open", *_HATS), beat + 2, 0.5)
                if rng.random() < 0.5:
                    lane(_HATS, every, 0.25)
            case "backbeat":
                lane(("kick",), np.union1d(beat[::2], rng.choice(every, 2)), 1.0)
                lane(_BACK, back, 0.9)
                lane(_HATS, every[:: int(rng.choice([1, 2, 2]))], 0.4)
            case "half time":
                lane(("kick",), np.union1d([0], rng.choice(every, 3)), 1.0)
                lane(_BACK, np.array([8]), 0.9)
                lane(_HATS, every[:: int(rng.choice([1, 2]))], 0.4)
            case "break":
                lane(
                    ("kick",),
                    np.array([[0, 2, 10], [0, 10], [0, 7, 10], [0, 2, 11]][int(rng.integers(4))]),
                    1.0,
                )
                lane(
                    ("snare",),
                    np.array([[4, 12], [4, 7, 9, 12], [4, 12, 15], [4, 9, 14]][int(rng.integers(4))]),
                    0.9,
                )
                lane(_HATS, every[:: int(rng.choice([1, 2, 2]))], 0.5)
            case "percussion":
                for _ in range(int(rng.integers(2, 5))):
                    lane(_PERCUSSION, np.flatnonzero(rng.random(steps) < np.where(every % 2, 0.2, 0.5)), 0.7)
            case "hats":
                lane(_HATS, every[:: int(rng.choice([1, 2]))], 0.6)
                lane(("hat_open", "shaker"), beat + 2, 0.6)
            case "bass":
                return self._notes(("bass",), rng, steps, bars, int(rng.choice([2, 2, 1, 4])))
            case "melody":
                notes = self._notes(("synth",), rng, steps, bars, int(rng.choice([1, 2, 2, 4, 8])))
                if rng.random() < 0.5:
                    return notes
                lane(("kick",), beat, 0.7)
                lane(_HATS, every[::2], 0.3)
                return notes + _repeated(lanes, rng, steps, bars)
        return _repeated(lanes, rng, steps, bars)

    def _notes(
        self, labels: Sequence[str], rng: Generator, steps: int, bars: int, every: int
    ) -> list[tuple[Wave, int, float]]:
        wave = self._one({}, labels, rng)
        if wave is None:
            return []
        scale = np.array([0, 2, 3, 5, 7, 8, 10, 12])
        phrase = [
            (step, int(rng.choice(scale)))
            for step in range(0, steps, every)
            if not step or rng.random() < 0.8
        ]
        return [
            (
                _at_speed(wave, 2.0 ** (note / 12.0), longest=int(self._rate * 1.2)),
                bar * steps + step,
                float(rng.uniform(0.6, 1.0)),
            )
            for bar in range(bars)
            for step, note in phrase
        ]

    def _one(self, kit: Mapping[str, Sequence[Wave]], labels: Sequence[str], rng: Generator) -> Wave | None:
        there = [label for label in labels if kit.get(label)]
        found = [wave for label in there[:1] for wave in kit[label]] or [
            wave for label in labels for wave in self._all.get(label, ())
        ]
        return found[int(rng.integers(len(found)))] if found else None


MAJOR, MINOR = (0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10)
# Degrees of the scale, a bar each: common progressions that begin at home.
PROGRESSIONS = {
    MAJOR: ((0, 0, 0, 0), (0, 4, 5, 3), (0, 3, 4, 4), (0, 5, 3, 4), (0, 3, 0, 4), (0, 0, 3, 3)),
    MINOR: ((0, 0, 0, 0), (0, 5, 2, 6), (0, 5, 6, 0), (0, 3, 5, 4), (0, 6, 5, 6), (0, 3, 0, 4)),
}


def in_key(rng: Generator, key: int, voice: Wave, note: int, samplerate: int) -> Wave:
    """Play two or four bars in a key (0..23, minor from 12) with one sound, whose own note is MIDI `note`.

    Chords, a melody, or both, over the roots of the chords or not.
    """
    scale = MAJOR if key < 12 else MINOR
    step = 15.0 / rng.uniform(80.0, 140.0)  # seconds a sixteenth
    bars = int(rng.choice([2, 4, 4]))
    track = np.zeros(int(bars * 16 * step * samplerate), dtype=np.float32)
    centre = round((note + int(rng.integers(-3, 4)) - key % 12) / 12) * 12 + key % 12

    def play(degree: int, octave: int, at: int, steps: float, gain: float) -> None:
        midi = centre + scale[degree % 7] + 12 * (degree // 7 + octave)
        longest = int(steps * step * samplerate)
        played = _at_speed(voice, 2.0 ** ((midi - note) / 12.0), longest=longest)
        _add(track, played, int(at * step * samplerate), gain)

    chords, melody, roots = rng.random() < 0.7, rng.random() < 0.7, rng.random() < 0.6
    progressions = PROGRESSIONS[scale]
    progression = progressions[int(rng.integers(len(progressions)))]
    every = int(rng.choice([2, 2, 4]))
    for bar in range(bars):
        root = progression[bar % 4]
        if roots:
            play(root, -1, bar * 16, 8, 0.6)
        if chords or not melody:
            for above in (0, 2, 4):
                play(root + above, 0, bar * 16, 16, 0.5)
        for at in range(0, 16, every) if melody else ():
            if at == 0 or rng.random() < 0.8:
                above = 0 if at == 0 else int(rng.choice([0, 1, 2, 4, 7]))
                play(root + above, 0, bar * 16 + at, float(rng.uniform(1, 4)), 0.6)
    return track


def _repeated(
    lanes: Sequence[tuple[Wave, NDArray[np.int64], float]], rng: Generator, steps: int, bars: int
) -> list[tuple[Wave, int, float]]:
    """Play a bar again and again, with accents, and a fill now and then in its last quarter."""
    events = []
    for bar in range(bars):
        for wave, where, level in lanes:
            for step in where.tolist():
                if bar == bars - 1 and bars > 1 and step >= steps * 3 // 4 and rng.random() < 0.2:
                    continue
                accent = 1.0 if step % 4 == 0 else 0.75
                events.append((wave, bar * steps + step, level * accent * float(rng.uniform(0.75, 1.0))))
    return events


def _ended(track: Wave, length: int, end: str, rng: Generator, rate: int) -> Wave:
    match end:
        case "rings on":
            rest = int(rng.uniform(0.1, 1.5) * rate)
            fade = np.linspace(1.0, 0.0, rest, dtype=np.float32)
            return np.concatenate([track[:length], track[length : length + rest] * fade])
        case "silence around":
            before, behind = (np.zeros(int(rng.uniform(0.0, 0.5) * rate), np.float32) for _ in range(2))
            return np.concatenate([before, track[:length], behind])
    return track[:length]


def _add(track: Wave, wave: Wave, at: int, gain: float) -> None:
    end = min(track.size, at + wave.size)
    if end > at:
        track[at:end] += np.float32(gain) * wave[: end - at]


def _at_speed(wave: Wave, speed: float, *, longest: int) -> Wave:
    moments = np.arange(0.0, max(1, wave.size - 1), speed)[:longest]
    played: Wave = np.interp(moments, np.arange(wave.size), wave).astype(np.float32)
    fade = min(played.size, 400)
    played[-fade:] *= np.linspace(1.0, 0.0, fade, dtype=np.float32)
    return played
