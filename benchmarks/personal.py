"""What corrections are worth: a simulated user whose taste differs, on kits that the ear never saw.

    python -m benchmarks.personal MANIFEST --root FOLDER [--split valid] [--model FILE] [--seeds 5]
        [--cache FOLDER] [--json FILE]

Kits with two thirds of a family of sounds are the user's library; the others come later. The user corrects
10, 50 or 200 sounds of the family in the library, three quarters at most of those that are wrong by their
taste. All else in the library is the background, as it is called without corrections: the rest of the family
is in it. A second case leaves that rest out, as if the user had looked at the whole library. Measured on what
was not corrected: the family, in kits of corrected sounds and in others, everything else, and calibration.
Beside tastes: mistakes of the ear set right, and labels given by chance. At last two labels are taught from
ten examples each, after their probability was taken away and the rest scaled up. The embedding was trained
with them all the same; for one that was not, leave their rows out of a manifest, `organizer train` with
it, and give that model with --model.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from organizer.labels import LABELS
from organizer.library.head import Background, Head, Taught
from organizer.recognition.classifier import Classifier
from organizer.recognition.fusion import fuse
from organizer.recognition.recognize import Recognizer, Request
from organizer.resources import shipped_model
from organizer.training.dataset import read_manifest
from organizer.training.evaluate import group_of, origin_of, packs_of
from organizer.training.metrics import CATEGORY_INDEX, calibration_error, to_categories

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from organizer.training.dataset import Row

COUNTS = (10, 50, 200)
EXAMPLES = 10
OF_LIBRARY = 2 / 3  # of a family, by whole kits
OF_WRONG = 0.75  # nobody corrects everything
EVIDENCE = ("ear alone", "names too")
CASES = ("as it is", "looked at")
# Where toms are of machines, and not of drums.
MACHINES = ("drum-machine", "spicule", "blinky_time", "PT-12", "AudioMachine")
TASTES = {
    "rims are perc": ("rim", "perc"),
    "basses are kicks": ("bass", "kick"),
    "machine toms are perc": ("tom", "perc"),
    "open hats are rides": ("hat_open", "ride"),
}
OWN = ("tambourine", "cowbell")
Spread = tuple[float, float] | None  # mean and standard deviation


@dataclass(frozen=True, slots=True)
class Heard:
    """Labelled one-shots: embeddings (n, e), final distributions (n, 22); true labels, kits, sources (n,)."""

    embeddings: NDArray[np.float32]
    probabilities: NDArray[np.float64]
    truth: NDArray[np.int64]
    kits: NDArray[np.str_]
    sources: NDArray[np.str_]


@dataclass(frozen=True, slots=True)
class Trial:
    """A user: truth by their taste (n,), the family it concerns, their library, corrections and to what."""

    truth: NDArray[np.int64]
    family: NDArray[np.bool_]
    library: NDArray[np.bool_]
    corrected: NDArray[np.intp]
    taught: NDArray[np.int64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--root", type=Path)
    parser.add_argument("--split", default="valid")
    parser.add_argument("--model", type=Path, default=shipped_model())
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--cache", type=Path, help="keep what was heard there, for the next time")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = [
        row
        for row in read_manifest(options.manifest, options.root or options.manifest.parent)
        if row.split == options.split and not row.is_loop
    ]
    heard = heard_or_kept(rows, options.model, options.threads, options.cache, options.split)
    figures: dict[str, dict[str, dict[str, Spread]]] = {}
    for evidence, sounds in heard.items():
        for case in CASES:
            title = f"{evidence}, background {case}"
            figures[title] = tastes(sounds, case, options.seeds)
            show(title, figures[title])
        title = f"{evidence}, labels taught from {EXAMPLES} examples"
        figures[title] = own_labels(sounds, options.seeds)
        show(title, figures[title])
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2))


def heard_or_kept(
    rows: Sequence[Row], model: Path, threads: int, cache: Path | None, split: str
) -> dict[str, Heard]:
    """Hear all rows, or read what was heard of them before; what cannot be heard is left out."""
    classifier = Classifier.load(model, threads=threads)
    kept = cache / f"personal-{split}-{len(rows)}-{classifier.model_id}.npz" if cache else None
    if kept is not None and kept.is_file():
        with np.load(kept) as read:
            arrays = dict(read)
    else:
        arrays = hear(rows, classifier, threads)
        if kept is not None:
            kept.parent.mkdir(parents=True, exist_ok=True)
            np.savez(kept, allow_pickle=False, **arrays)
    some = {name: arrays[name] for name in ("embeddings", "truth", "kits", "sources")}
    return {evidence: Heard(probabilities=arrays[evidence], **some) for evidence in EVIDENCE}


def hear(rows: Sequence[Row], classifier: Classifier, threads: int) -> dict[str, NDArray[np.generic]]:
    recognizer = Recognizer(classifier, threads=threads)
    requests = [Request(path=row.path, origin=origin_of(row)) for row in rows]
    sounds = [
        (row, said.sound)
        for row, said in zip(rows, recognizer.inspect(requests), strict=True)
        if said.sound is not None and said.sound.embedding
    ]
    kept = [row for row, _ in sounds]
    packs = np.array(packs_of(kept))
    shares = {evidence: np.zeros((len(kept), len(LABELS))) for evidence in EVIDENCE}
    for pack in np.unique(packs):
        places = np.flatnonzero(packs == pack)
        members = [sounds[place][1] for place in places]
        alone = [replace(one, evidence=one.evidence[:1]) for one in members]
        for evidence, told in zip(EVIDENCE, (alone, members), strict=True):
            for place, recognition in zip(places, fuse(told, model_id=""), strict=True):
                shares[evidence][place] = [recognition.probabilities[label] for label in LABELS]
    embeddings = np.array([np.frombuffer(sound.embedding, "<f2") for _, sound in sounds], dtype=np.float32)
    return {
        "embeddings": embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True),
        "truth": np.array([row.label_index for row in kept]),
        "kits": np.array([group_of(row) for row in kept]),
        "sources": np.array([row.source for row in kept]),
        **shares,
    }


def said_of(probabilities: NDArray[np.float64]) -> NDArray[np.int64]:
    """Answer as the product does: the likeliest category, and the likeliest label inside it."""
    category = to_categories(probabilities).argmax(axis=1)
    inside = np.where(CATEGORY_INDEX[np.newaxis] == category[:, np.newaxis], probabilities, -1.0)
    places: NDArray[np.int64] = inside.argmax(axis=1)
    return places


def library_of(sounds: Heard, family: NDArray[np.bool_], chance: np.random.Generator) -> NDArray[np.bool_]:
    """Draw whole kits until they hold `OF_LIBRARY` of the family."""
    library = np.zeros(len(family), dtype=np.bool_)
    for kit in chance.permutation(np.unique(sounds.kits)):
        larger = library | (sounds.kits == kit)
        if (larger & family).sum() <= OF_LIBRARY * family.sum() + 1.0:
            library = larger
    return library


def families(sounds: Heard) -> Iterator[tuple[str, NDArray[np.bool_], NDArray[np.int64]]]:
    """Give each taste's name, the sounds that it concerns, and what is true by it."""
    machine = np.array([any(word in source for word in MACHINES) for source in sounds.sources])
    all_of = np.zeros(len(machine), dtype=np.bool_)
    all_truth = sounds.truth.copy()
    for name, (label, to) in TASTES.items():
        family = (sounds.truth == LABELS.index(label)) & (machine | (label != "tom"))
        all_of |= family
        all_truth[family] = LABELS.index(to)
        yield name, family, np.where(family, LABELS.index(to), sounds.truth)
    yield "all four at once", all_of, all_truth
    yield "mistakes set right", np.ones_like(machine), sounds.truth
    yield "labels by chance", np.ones_like(machine), sounds.truth


def draw(
    sounds: Heard, name: str, family: NDArray[np.bool_], truth: NDArray[np.int64], count: int, seed: int
) -> Trial:
    chance = np.random.default_rng(seed)
    library = library_of(sounds, family, chance)
    wrong = family & library & (said_of(sounds.probabilities) != truth)
    pool = np.flatnonzero(family & library if name == "labels by chance" else wrong)
    corrected = chance.permutation(pool)[: min(count, int(OF_WRONG * len(pool)))]
    taught = truth[corrected]
    if name == "labels by chance":
        taught = chance.integers(0, len(LABELS), len(corrected))
    return Trial(truth, family, library, corrected, taught)


def learn(sounds: Heard, trial: Trial, case: str) -> tuple[Head, NDArray[np.float64]]:
    """Fit a head for a trial; give it and what it makes of all sounds."""
    left = trial.library.copy()
    left[trial.corrected] = False
    if case == "looked at":
        left &= ~trial.family
    names = np.array(LABELS)
    taught = Taught(
        embeddings=sounds.embeddings[trial.corrected],
        labels=names[trial.taught].tolist(),
        probabilities=sounds.probabilities[trial.corrected],
    )
    background = Background(
        embeddings=sounds.embeddings[left],
        labels=names[said_of(sounds.probabilities[left])].tolist(),
        probabilities=sounds.probabilities[left],
    )
    head = Head.fit(taught, background, labels=LABELS)
    return head, head.apply(sounds.embeddings, sounds.probabilities).probabilities


def measure(sounds: Heard, trial: Trial, case: str) -> dict[str, float]:
    head, after = learn(sounds, trial, case)
    # Near copies aside.
    used = any(one.used and one.recall is not None for one in head.report.labels)
    rest = np.ones(len(trial.truth), dtype=np.bool_)
    rest[trial.corrected] = False
    known = np.isin(sounds.kits, sounds.kits[trial.corrected])
    groups = {
        "same kits": rest & trial.family & trial.library & known,
        "other kits": rest & trial.family & ~known,
        "kits to come": trial.family & ~trial.library,
        "else": rest & ~trial.family,
    }
    figures = {"corrected": float(len(trial.corrected)), "used": float(used)}
    for when, shares in (("before", sounds.probabilities), ("after", after)):
        right = said_of(shares) == trial.truth
        for group, chosen in groups.items():
            figures[f"{group} {when}"] = float(right[chosen].mean()) if chosen.any() else float("nan")
        categories = to_categories(shares[rest])
        error = calibration_error(
            categories.max(axis=1), categories.argmax(axis=1) == CATEGORY_INDEX[trial.truth[rest]]
        )
        figures[f"ece {when}"] = float("nan") if error is None else error
    figures["else in points"] = 100.0 * (figures["else after"] - figures["else before"])
    return figures


def tastes(sounds: Heard, case: str, seeds: int) -> dict[str, dict[str, Spread]]:
    table = {}
    for name, family, truth in families(sounds):
        if family.all() and case == "looked at":
            continue  # there is no rest to look at
        for count in COUNTS:
            drawn = [draw(sounds, name, family, truth, count, seed) for seed in range(seeds)]
            table[f"{name}, {count}"] = spread([measure(sounds, trial, case) for trial in drawn])
    return table


def own_labels(sounds: Heard, seeds: int) -> dict[str, dict[str, Spread]]:
    """Teach labels whose probability was taken away, from ten examples each, in both cases."""
    table = {}
    for label in OWN:
        column = LABELS.index(label)
        family = sounds.truth == column
        shares = sounds.probabilities.copy()
        shares[:, [LABELS.index(one) for one in OWN]] = 0.0
        without = replace(sounds, probabilities=shares / shares.sum(axis=1, keepdims=True))
        # The other label that was taken away cannot be right, and counts for nothing.
        other = np.isin(sounds.truth, [LABELS.index(one) for one in OWN]) & ~family
        without = Heard(*(getattr(without, name)[~other] for name in Heard.__slots__))
        family = family[~other]
        for case in CASES:
            trials = [draw(without, label, family, without.truth, EXAMPLES, seed) for seed in range(seeds)]
            table[f"{label}, {case}"] = spread([measure(without, trial, case) for trial in trials])
    return table


def spread(trials: Sequence[Mapping[str, float]]) -> dict[str, Spread]:
    """Give mean and standard deviation over trials of every figure, None where it is not known."""
    table: dict[str, Spread] = {}
    for key in trials[0]:
        values = np.array([trial[key] for trial in trials])
        values = values[~np.isnan(values)]
        table[key] = (float(values.mean()), float(values.std())) if len(values) else None
    return table


def show(title: str, table: Mapping[str, Mapping[str, Spread]]) -> None:
    print(f"\n{title}: share right before > after, mean (standard deviation of the latter)\n")
    print("| | corrected | used | same kits | other kits | kits to come | all else, points | ECE |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for name, figures in table.items():
        corrected, used = (figures[key] or (0.0, 0.0) for key in ("corrected", "used"))
        groups = [change(figures, group, 2) for group in ("same kits", "other kits", "kits to come")]
        points = figures["else in points"]
        cells = [
            name,
            f"{corrected[0]:.0f}",
            f"{used[0]:.0%}",
            *groups,
            f"{points[0]:+.2f} ({points[1]:.2f})" if points else "",
            change(figures, "ece", 3),
        ]
        print("| " + " | ".join(cells) + " |", flush=True)


def change(figures: Mapping[str, Spread], key: str, digits: int) -> str:
    before, after = figures[f"{key} before"], figures[f"{key} after"]
    if before is None or after is None:
        return ""
    return f"{before[0]:.{digits}f} > {after[0]:.{digits}f} ({after[1]:.{digits}f})"


if __name__ == "__main__":
    main()
