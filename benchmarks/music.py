"""How often tempo, note and key are heard right, names and metadata hidden.

    python -m benchmarks.music MANIFEST --root FOLDER [--loops CSV --loops-root FOLDER] [--fit] [--json FILE]

Tempo is measured on loops that are laid from the kits of the split `valid` (benchmarks/sequenced.py), and on
real loops: a CSV with the columns file, orig_path, seconds, orig_seconds, complete. Within 2 % counts as
right, half and double as wrong. Notes are measured on sounds whose names state one, keys on progressions
played with those. `--fit` chooses the weights of `organizer.recognition.tempo` on loops laid from `train`,
and prints them.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile

from benchmarks.sequenced import Loop, Sequencer, in_key
from organizer.recognition import tempo
from organizer.recognition.analysis import onsets_of
from organizer.recognition.music import SURE_OF_KEY, SURE_OF_NOTE, SURE_OF_TEMPO
from organizer.recognition.pitch import hear_key, hear_note
from organizer.training.dataset import read_manifest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from organizer.training.dataset import Row

RATE = 32_000
FITTED, MEASURED, KEYS = 4_000, 1_200, 400  # loops
PENALTY = 1e-3

# Beats in well-known breaks, by a part of their name: the tempo that they are known by, and their length,
# leave one number open. Those of which only a name states a tempo are measured by that.
BEATS = {
    "Amen_Brother": 16, "Funky_Drummer": 8, "Impeach": 4, "Apache": 8, "Think_(4)": 4, "King_Of_The_Beats": 8,
    "Buttermilk": 8, "Rapper's_Delight": 8, "Sesame_Street": 4, "Mechanical_Man": 4, "Just_A_Groove": 8,
    "Sneakin'": 8, "Mary_Mary": 8, "Orange_Krush": 4, "Use_Me": 8, "S.W.A.T": 4, "Skull_Snaps": 8,
    "Hit_Or_Miss": 8, "Hung_Up": 8, "Boogie_Woogie": 8, "Fire_Eater": 16, "Squib_Cakes": 8, "A_Funky_Song": 8,
    "Nautilus": 8, "Stone To The Bone": 8, "ESG - UFO": 4, "bass2_88": 8, "bass2_120": 8,
    "New_Orleans": 8, "Hot_Line": 8, "breaks152/000_AMEN": 12,
}  # fmt: skip
_NOTE = re.compile(r"(?<![A-Za-z])([A-G][#b]?)(-?[0-8])(?![0-9A-Za-z])")
_PITCH = dict(zip(("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"), range(12), strict=True))
_PITCH |= {"Db": 1, "Eb": 3, "Gb": 6, "Ab": 8, "Bb": 10}
# Packs in which such a part of a name is a note, and not a setting of a drum machine.
_NAMES_NOTES = re.compile(r"^(ORCHESTRA|berklee|moog|pluck)/")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--root", type=Path)
    parser.add_argument("--loops", type=Path)
    parser.add_argument("--loops-root", type=Path)
    parser.add_argument("--fit", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = read_manifest(options.manifest, options.root or options.manifest.parent)
    weights: Sequence[float] = tempo.WEIGHTS
    if options.fit:
        weights = fit(list(laid(rows, "train", FITTED, seed=1))).tolist()
        print("WEIGHTS = (" + ", ".join(f"{one:.3f}" for one in weights) + ")")
    figures: dict[str, Any] = {"laid": tempi_of_laid(list(laid(rows, "valid", MEASURED, seed=2)), weights)}
    if options.loops:
        root = options.loops_root or options.loops.parent / "loops"
        figures["real"] = tempi_of_real(options.loops, root, weights)
    voices = list(named_notes(rows))
    figures["notes"] = notes(voices)
    figures["keys"] = keys(voices)
    print(json.dumps(figures, indent=2))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2))


def laid(rows: Sequence[Row], split: str, count: int, *, seed: int) -> Iterator[Loop]:
    """Lay loops from the kits of a split, those that can be heard."""
    kits: dict[str, dict[str, list[NDArray[np.float32]]]] = {}
    for row in rows:
        if row.split == split and not row.is_loop:
            wave, rate = soundfile.read(row.path, dtype="float32", always_2d=True)
            assert rate == RATE, row.path
            kits.setdefault(f"{row.source}/{row.kit}", {}).setdefault(row.label, []).append(wave.mean(axis=1))
    sequencer, rng = Sequencer(kits, samplerate=RATE), np.random.default_rng(seed)
    while count:
        loop = sequencer.draw(rng)
        if np.abs(loop.wave).max() > 1e-3:
            count -= 1
            yield loop


def guess(onsets: Any, duration: float, weights: Sequence[float]) -> tuple[float, float]:
    found = tempo.hear_tempi(onsets, duration, weights)
    return (found[0].bpm, found[0].confidence) if found else (0.0, 0.0)


def told(heard: Sequence[tuple[Loop, bool, float]]) -> list[tuple[Loop, bool, float]]:
    """Count what is too doubtful to be told as not right."""
    return [(loop, fits and share >= SURE_OF_TEMPO, share) for loop, fits, share in heard]


def tempi_of_laid(loops: Sequence[Loop], weights: Sequence[float]) -> dict[str, Any]:
    heard = []
    for loop in loops:
        onsets = onsets_of(loop.wave, loop.samplerate)
        assert onsets is not None
        bpm, share = guess(onsets, len(loop.wave) / loop.samplerate, weights)
        heard.append((loop, right(bpm, loop.bpm), share))
    exact = [one for one in heard if one[0].end == "exact"]
    others = [one for one in heard if one[0].end != "exact"]
    by: dict[str, Callable[[Loop], str]] = {
        "by end": lambda loop: loop.end,
        "by style": lambda loop: loop.style,
        "by meter": lambda loop: loop.meter,
    }
    figures: dict[str, Any] = {
        "whole bars": share_of(exact),
        "others": share_of(others),
        "whole bars, told and right": share_of(told(exact)),
        "others, told and right": share_of(told(others)),
    }
    for name, of in by.items():
        groups: dict[str, list[tuple[Loop, bool, float]]] = defaultdict(list)
        for one in heard if name == "by end" else exact:
            groups[of(one[0])].append(one)
        figures[name] = {key: share_of(group) for key, group in sorted(groups.items())}
    sure = [one for one in heard if one[2] >= 0.8]
    figures["surer than 0.8"] = {"share": round(len(sure) / len(heard), 4), "right": share_of(sure)}
    return figures


def tempi_of_real(table: Path, root: Path, weights: Sequence[float]) -> dict[str, Any]:
    right_, wrong = 0, []
    with table.open(newline="", encoding="utf-8") as stream:
        records = [one for one in csv.DictReader(stream) if one["complete"] == "1"]
    for record in records:
        beats = next((count for part, count in BEATS.items() if part in record["orig_path"]), None)
        if beats is None:
            continue
        wave, rate = soundfile.read(root / record["file"], dtype="float32", always_2d=True)
        onsets = onsets_of(wave, rate)
        assert onsets is not None
        duration = float(record["orig_seconds"])
        bpm, _ = guess(onsets, duration, weights)
        if right(bpm, 60.0 * beats / duration):
            right_ += 1
        else:
            wrong.append(f"{record['orig_path']}: {60.0 * beats / duration:.1f}, heard {bpm:.1f}")
    return {"right": right_, "of": right_ + len(wrong), "wrong": wrong}


def named_notes(rows: Sequence[Row]) -> Iterator[tuple[NDArray[np.float32], int]]:
    """Give the sounds whose names state a note, and that note in MIDI."""
    for row in rows:
        found = _NOTE.search(Path(row.orig_path).name)
        if found is not None and _NAMES_NOTES.match(row.orig_path):
            wave, rate = soundfile.read(row.path, dtype="float32", always_2d=True)
            assert rate == RATE, row.path
            yield wave.mean(axis=1), 12 * (int(found[2]) + 1) + _PITCH[found[1]]


def notes(voices: Sequence[tuple[NDArray[np.float32], int]]) -> dict[str, float]:
    heard = []
    for wave, true in voices:
        note = hear_note(wave, RATE)
        if note is not None and note.confidence >= SURE_OF_NOTE:
            heard.append((note.midi, true))
    return {
        "of": len(voices),
        "heard": len(heard),
        "right, octave aside": share([(one - true) % 12 == 0 for one, true in heard]),
        "right": share([one == true for one, true in heard]),
    }


def keys(voices: Sequence[tuple[NDArray[np.float32], int]]) -> dict[str, float]:
    """Hear common progressions, laid with one sound of known note each."""
    rng = np.random.default_rng(3)
    heard = []
    for _ in range(KEYS):
        wave, note = voices[int(rng.integers(len(voices)))]
        true = int(rng.integers(24))
        key = hear_key(in_key(rng, true, wave, note, RATE), RATE)
        if key is not None and key.confidence >= SURE_OF_KEY:
            heard.append((key, true))
    return {
        "of": KEYS,
        "heard": len(heard),
        "right": share([key.midi == true for key, true in heard]),
        "mean confidence": round(float(np.mean([key.confidence for key, _ in heard])), 4),
    }


def share(right_: Sequence[bool]) -> float:
    return round(float(np.mean(right_)), 4) if right_ else float("nan")


def fit(loops: Sequence[Loop]) -> NDArray[np.float64]:
    """Find the weights of least log loss: a convex problem, so that there is one answer."""
    from scipy.optimize import minimize

    rows, targets = [], []
    for loop in loops:
        onsets = onsets_of(loop.wave, loop.samplerate)
        assert onsets is not None
        found = tempo.candidates(onsets, len(loop.wave) / loop.samplerate)
        wanted = np.abs(found.bpm / loop.bpm - 1.0) <= tempo.SAME
        if wanted.any():
            rows.append(found.features)
            targets.append(wanted)
    spread = np.concatenate(rows).std(axis=0) + 1e-3

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        total, slope = 0.0, np.zeros_like(weights)
        for features, wanted in zip(rows, targets, strict=True):
            scores = features @ (weights / spread)
            shares = np.exp(scores - scores.max())
            shares /= shares.sum()
            share = shares[wanted].sum() + 1e-12
            total -= np.log(share)
            slope += (shares - np.where(wanted, shares / share, 0.0)) @ features / spread
        count = len(rows)
        return total / count + PENALTY * float(weights @ weights), slope / count + 2 * PENALTY * weights

    found = minimize(loss, np.zeros(len(spread)), jac=True, method="L-BFGS-B")
    answer: NDArray[np.float64] = found.x / spread
    return answer


def right(bpm: float, true: float) -> bool:
    return abs(bpm / true - 1.0) <= tempo.SAME


def share_of(heard: Sequence[tuple[Loop, bool, float]]) -> float:
    return round(float(np.mean([one[1] for one in heard])), 4) if heard else float("nan")


if __name__ == "__main__":
    main()
