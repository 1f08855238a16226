"""What a finished model is worth on sounds that are kept in memory: more than right and wrong.

How right it is; whether cutting the end of a sound changes what is heard; whether its confidence knows
sounds that are none of its labels; whether like sounds are near. Hears with onnxruntime; needs no torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from organizer.training.evaluate import group_of
from organizer.training.likeness import mfcc_points, precision_among_nearest
from organizer.training.metrics import Answers, auroc, report, to_categories
from organizer.training.scope import strangers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from organizer.recognition.classifier import Classifier, Heard
    from organizer.training.dataset import Sounds

AT_ONCE = 128
CROP_SECONDS = 1.2


@dataclass(frozen=True, slots=True)
class Group:
    """Sounds of no label: how many, how surely they were called something, how well that tells, and what."""

    count: int
    confidence: float
    auroc: float | None
    called: str  # most often


@dataclass(frozen=True, slots=True)
class Examination:
    """Figures as `metrics.report` has them.

    `unfitted` are those on kits that no temperature was fitted on, `cropped` those of the same sounds cut
    to `CROP_SECONDS`, `agreeing` the share whose label the cut left as it was. `strangers` are the groups
    of `scope`. `likeness` is precision among the nearest by what the points are, anywhere and in other kits.
    """

    figures: Mapping[str, object]
    unfitted: Mapping[str, object]
    cropped: Mapping[str, object]
    agreeing: float | None
    strangers: Mapping[str, Group]
    likeness: Mapping[str, tuple[float | None, float | None]]


def examine(classifier: Classifier, valid: Sounds, *, unfitted: NDArray[np.bool_]) -> Examination:
    """Hear everything of `valid`, in several ways; `unfitted` are the rows to report apart."""
    waves = windows(valid, classifier.window)
    heard = classifier.hear(waves)
    answers = answers_from(valid, heard.labels, heard.kinds)
    cut = waves.copy()
    cut[:, int(CROP_SECONDS * classifier.samplerate) :] = 0.0
    short = classifier.hear(cut)
    named = answers.truth >= 0
    confidence = confidence_of(heard)[named]
    groups = {}
    if len(valid):
        made = strangers(valid.waves, samplerate=classifier.samplerate, window=classifier.window)
        for name, sounds in made.items():
            strange = classifier.hear(sounds)
            said = confidence_of(strange)
            called = classifier.labels[int(np.bincount(strange.labels.argmax(axis=1)).argmax())]
            groups[name] = Group(len(said), float(said.mean()), auroc(confidence, said), called)
    truth, kits = answers.truth[named], answers.kits[named]
    points = {
        "embedding": heard.embeddings[named],
        "mean MFCCs": mfcc_points(waves[named], classifier.samplerate) if named.any() else waves[named],
    }
    return Examination(
        figures=report(answers),
        unfitted=report(chosen(answers, unfitted)),
        cropped=report(answers_from(valid, short.labels, short.kinds), resamples=1),
        agreeing=float((heard.labels.argmax(1) == short.labels.argmax(1)).mean()) if len(valid) else None,
        strangers=groups,
        likeness={
            name: (
                precision_among_nearest(where, truth, kits, other_kits=False),
                precision_among_nearest(where, truth, kits, other_kits=True),
            )
            for name, where in points.items()
        },
    )


def confidence_of(heard: Heard) -> NDArray[np.float64]:
    """Give the probability of the likeliest category."""
    likeliest: NDArray[np.float64] = to_categories(heard.labels.astype(np.float64)).max(axis=1, initial=0.0)
    return likeliest


def windows(sounds: Sounds, window: int, places: Sequence[int] | None = None) -> NDArray[np.float32]:
    """Give stored sounds, all or those at `places`, as model inputs (n, window)."""
    waves = sounds.waves if places is None else [sounds.waves[place] for place in places]
    padded = np.zeros((len(waves), window), dtype=np.float32)
    for place, wave in enumerate(waves):
        used = wave[:window]
        padded[place, : used.size] = used
    padded /= 32767.0
    return padded


def answers_from(sounds: Sounds, labels: NDArray[np.floating], kinds: NDArray[np.floating]) -> Answers:
    """Put probabilities of labels (n, 22) and kinds (n, 2) beside what is true."""
    truth, is_loop = truth_of(sounds)
    return Answers(
        truth=truth,
        probabilities=labels.astype(np.float64),
        is_loop=is_loop,
        heard_loop=kinds[:, 1] > 0.5,
        seconds=np.array(
            [np.nan if row.seconds is None else row.seconds for row in sounds.rows], dtype=np.float64
        ),
        kits=np.array([group_of(row) for row in sounds.rows], dtype=np.str_),
    )


def truth_of(sounds: Sounds) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    truth = np.array([row.label_index for row in sounds.rows], dtype=np.int64)
    return truth, np.array([row.is_loop for row in sounds.rows], dtype=np.bool_)


def chosen(answers: Answers, rows: NDArray[np.bool_]) -> Answers:
    return Answers(
        truth=answers.truth[rows],
        probabilities=answers.probabilities[rows],
        is_loop=answers.is_loop[rows],
        heard_loop=answers.heard_loop[rows],
        seconds=answers.seconds[rows],
        kits=answers.kits[rows],
    )
