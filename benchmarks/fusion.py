"""What names and metadata add to the ear, and what is left of it where they are missing or lie.

    python benchmarks/fusion.py MANIFEST --root FOLDER [--split valid] [--model FILE] [--fit] [--json FILE]

Hears every sound once, then adds up what is said with names as they were, without names, with the names of
all sounds mixed up, and with those of each kit mixed up. A kit is a pack. `--fit` chooses weights on the half
of the kits that the ear's temperatures were not fitted on: on the others it looks surer than it is. Figures
are given for each half and for all.
"""

from __future__ import annotations

import argparse
import itertools
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from organizer.labels import CATEGORIES, DRUM_CATEGORIES, LABELS
from organizer.recognition.classifier import Classifier
from organizer.recognition.fusion import Sound, fuse
from organizer.recognition.recognize import Recognizer, Request
from organizer.recognition.trust import Weights
from organizer.resources import shipped_model
from organizer.sample import Sample
from organizer.training.calibrate import fitting_half
from organizer.training.dataset import read_manifest
from organizer.training.evaluate import answers_of, group_of, origin_of, packs_of
from organizer.training.metrics import CATEGORY_INDEX, report, to_categories

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from organizer.training.dataset import Row

SURE = 0.8
CASES = ("names alone", "ear alone", "names as they were", "no names", "names mixed up", "mixed up in kits")
FIGURES = (
    "drum_category_accuracy",
    "category_accuracy",
    "label_macro_recall",
    "kind_balanced_accuracy",
    "ece",
)
GRID = {
    "audio": (0.6, 0.7, 0.85),
    "doubted": (0.8, 0.9, 1.0),
    "name": (0.8, 1.0),
    "honest": (0.5, 1.0, 2.0),
    "lying": (0.1, 0.2, 0.4),
}
TRIED = 60  # combinations of the grid, drawn by chance: neighbours differ little
# Most packs are honest: their loss counts as much as that of both kinds of lies.
FITTED_TO = {"names as they were": 2.0, "mixed up in kits": 1.0, "names mixed up": 1.0}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--root", type=Path)
    parser.add_argument("--split", default="valid")
    parser.add_argument("--model", type=Path, default=shipped_model())
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--fit", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = [
        row
        for row in read_manifest(options.manifest, options.root or options.manifest.parent)
        if row.split == options.split
    ]
    rows, sounds = hear(rows, options.model, options.threads)
    fitted = fitting_half([group_of(row) for row in rows])
    weights = fit(rows, sounds, ~fitted) if options.fit else Weights()
    print(weights)
    figures: dict[str, dict[str, dict[str, float]]] = {}
    halves = {
        "kits that the weights were not chosen on": fitted,
        "kits that they were chosen on": ~fitted,
        "all kits": np.ones_like(fitted),
    }
    for title, chosen in halves.items():
        some = [rows[place] for place in np.flatnonzero(chosen)]
        said = [sounds[place] for place in np.flatnonzero(chosen)]
        figures[title] = {case: measure(some, said, case, weights) for case in CASES}
        show(title, len(some), figures[title])
    if options.json:
        options.json.write_text(json.dumps({"weights": asdict(weights), **figures}, indent=2))


def hear(rows: Sequence[Row], model: Path, threads: int) -> tuple[list[Row], list[Sound]]:
    """Hear all rows once; what cannot be heard is left out."""
    recognizer = Recognizer(Classifier.load(model, threads=threads), threads=threads, keep_embedding=False)
    requests = [Request(path=row.path, origin=origin_of(row)) for row in rows]
    heard = [
        (row, inspection.sound)
        for row, inspection in zip(rows, recognizer.inspect(requests), strict=True)
        if inspection.sound is not None
    ]
    return [row for row, _ in heard], [sound for _, sound in heard]


def told(rows: Sequence[Row], sounds: Sequence[Sound], case: str) -> list[Sound]:
    """Give the sounds with what a case lets their names say."""
    names = [next(one for one in sound.evidence if one.source == "name") for sound in sounds]
    kits = np.array([group_of(row) for row in rows])
    order = np.arange(len(rows))
    chance = np.random.default_rng(0)
    match case:
        case "ear alone":
            return [replace(sound, evidence=sound.evidence[:1]) for sound in sounds]
        case "no names":
            return [
                replace(sound, evidence=tuple(one for one in sound.evidence if one.source != "name"))
                for sound in sounds
            ]
        case "names alone":
            return [replace(sound, evidence=(name,)) for sound, name in zip(sounds, names, strict=True)]
        case "names mixed up":
            order = chance.permutation(order)
        case "mixed up in kits":
            for kit in sorted(set(kits)):
                places = np.flatnonzero(kits == kit)
                order[places] = chance.permutation(places)
    return [
        replace(
            sound,
            evidence=tuple(names[place] if one.source == "name" else one for one in sound.evidence),
        )
        for sound, place in zip(sounds, order, strict=True)
    ]


def added_up(rows: Sequence[Row], sounds: Sequence[Sound], weights: Weights) -> list[tuple[Row, Sample]]:
    """Recognise every sound with its pack."""
    packs = np.array(packs_of(rows))
    found: dict[int, Sample] = {}
    for pack in dict.fromkeys(packs.tolist()):
        places = np.flatnonzero(packs == pack).tolist()
        members = [sounds[place] for place in places]
        for place, sound, heard in zip(
            places, members, fuse(members, model_id="", weights=weights), strict=True
        ):
            found[place] = Sample(facts=sound.facts, recognition=heard)
    return [(row, found[place]) for place, row in enumerate(rows)]


def categories(heard: Sequence[tuple[Row, Sample]]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Give the probabilities of categories, (n, 11), and the true ones, of sounds that have a label."""
    answers = answers_of(heard)
    named = answers.truth >= 0
    return to_categories(answers.probabilities[named]), CATEGORY_INDEX[answers.truth[named]]


def measure(rows: Sequence[Row], sounds: Sequence[Sound], case: str, weights: Weights) -> dict[str, float]:
    heard = added_up(rows, told(rows, sounds, case), weights)
    figures = report(answers_of(heard), resamples=1)
    shares, truth = categories(heard)
    sure = shares.max(axis=1) >= SURE
    wrong = shares.argmax(axis=1) != truth
    drums = truth < len(DRUM_CATEGORIES)
    measured = {key: number(figures[key]) for key in FIGURES}
    measured["sure"] = float(sure.mean())
    measured["wrong_among_sure"] = float(wrong[sure].mean()) if sure.any() else 0.0
    measured["wrong_among_sure_drums"] = float(wrong[sure & drums].mean()) if (sure & drums).any() else 0.0
    return measured


def fit(rows: Sequence[Row], sounds: Sequence[Sound], chosen: NDArray[np.bool_]) -> Weights:
    """Choose the weights of least log loss of the category, over honest and mixed-up names alike."""
    places = np.flatnonzero(chosen).tolist()
    some, said = [rows[place] for place in places], [sounds[place] for place in places]
    cases = [told(some, said, case) for case in FITTED_TO]
    grid = list(itertools.product(*GRID.values()))
    drawn = np.random.default_rng(0).permutation(len(grid))[:TRIED]

    def loss(weights: Weights) -> float:
        losses = [log_loss(added_up(some, case, weights)) for case in cases]
        return float(np.average(losses, weights=list(FITTED_TO.values())))

    tried = [Weights(**dict(zip(GRID, grid[place], strict=True))) for place in drawn]
    return min(tried, key=loss)


def log_loss(heard: Sequence[tuple[Row, Sample]]) -> float:
    shares, truth = categories(heard)
    return float(-np.log(np.maximum(shares[np.arange(len(truth)), truth], 1e-9)).mean())


def number(value: object) -> float:
    return value if isinstance(value, float) else float("nan")


def show(title: str, sounds: int, figures: dict[str, dict[str, float]]) -> None:
    print(f"\n{title}: {sounds} sounds, {len(LABELS)} labels, {len(CATEGORIES)} categories\n")
    print(
        "| | drum category | category | label recall | kind | ECE | at least 80 % sure | wrong among those |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for case, one in figures.items():
        wrong = f"{one['wrong_among_sure']:.3f} (drums {one['wrong_among_sure_drums']:.3f})"
        shown = [f"{one[key]:.3f}" for key in FIGURES]
        print("| " + " | ".join([case, *shown, f"{one['sure']:.2f}", wrong]) + " |")


if __name__ == "__main__":
    main()
