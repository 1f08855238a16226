"""The whole way from a manifest to a model: split, load, learn, calibrate, export, measure, describe.

Prints nothing; what happens is told to the `Watcher`. Needs torch and onnx.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch

from organizer.errors import UsageProblem
from organizer.recognition.classifier import Classifier
from organizer.training.ahead import Ahead
from organizer.training.batches import Batches
from organizer.training.calibrate import fitting_half, kind_temperature, label_temperature, softmax
from organizer.training.card import Card
from organizer.training.dataset import Sounds, digest, load_sounds, weights
from organizer.training.evaluate import group_of
from organizer.training.examine import AT_ONCE, Examination, answers_from, examine, truth_of, windows
from organizer.training.export import export
from organizer.training.metrics import report
from organizer.training.network import SAMPLERATE, WINDOW, Network
from organizer.training.teach import Taught
from organizer.training.train import Plan, Trainer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from organizer.training.dataset import Row

# Training sounds are kept a little longer than the window: raising the pitch uses some.
LONGEST = WINDOW + SAMPLERATE // 8
# Valid is heard after every so many passes; it costs a tenth of one.
PASSES_BETWEEN_FIGURES = 3
FIRST_RATE, LATER_RATE = 3e-3, 1.5e-3  # of learning: from chance, and from weights already learnt
SHARE_HELD_OUT = 8  # one kit in so many, where the manifest names no split


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How to make an ear. `out` is the ONNX file; its card and state lie beside it."""

    out: Path
    seed: int = 1
    passes: int = 16
    minutes: float | None = None
    batch: int = 96
    threads: int = 2
    resume: bool = False
    start: Path | None = None  # the state of another run, whose weights this one begins with
    teacher: Path | None = None  # a finished model, whose answers soften the labels
    tried: Path | None = None  # Markdown for the card: what was tried before

    @property
    def state(self) -> Path:
        return self.out.with_suffix(".state")

    @property
    def card(self) -> Path:
        return self.out.with_suffix(".md")


@dataclass(frozen=True, slots=True)
class Made:
    """A finished model, its card, and what it was found to be worth."""

    out: Path
    card: Path
    examined: Examination
    seconds: float
    unread: tuple[str, ...]


class Watcher(Protocol):
    """Is told how far the making is."""

    def loading(self, done: int, total: int) -> None: ...

    def resumed(self, passes: int) -> None: ...

    def step(self, number: int, of: int, loss: float) -> None: ...

    def passed(
        self, number: int, of: int, loss: float, seconds: float, figures: Mapping[str, object] | None
    ) -> None: ...


def make(rows: Sequence[Row], settings: Settings, watcher: Watcher) -> Made:
    """Make a model from labelled rows.

    Raises
    ------
    UsageProblem
        If there is nothing to learn from.
    """
    torch.set_num_threads(max(1, settings.threads - 1))  # the other one makes batches
    torch.manual_seed(settings.seed)
    teacher = None if settings.teacher is None else teacher_of(settings.teacher, 1)
    learnt, valid = load_splits(rows, settings.threads, watcher)
    plan = Plan(
        steps_per_pass=max(1, len(learnt) // settings.batch),
        passes=settings.passes,
        minutes=settings.minutes,
        seed=settings.seed,
        threads=settings.threads,
        rate=FIRST_RATE if settings.start is None else LATER_RATE,
        teacher="" if teacher is None else teacher.model_id,
    )
    device = "cuda" if torch.cuda.is_available() else "cpu"
    trainer = Trainer(Network(), plan, state=settings.state, device=device)
    first = "" if settings.start is None else trainer.start_from(settings.start)
    if settings.resume:
        watcher.resumed(trainer.resume())
    batches = Batches(
        learnt,
        weights(learnt.rows),
        samplerate=SAMPLERATE,
        window=WINDOW,
        size=settings.batch,
        seed=settings.seed,
    )
    with Ahead(batches if teacher is None else Taught(batches, teacher)) as drawn:
        network = trainer.run(drawn, _Live(watcher, valid, plan.passes)).cpu()
    fitted = calibrate(network, valid)
    export(
        network,
        settings.out,
        metadata={
            "data": digest(learnt.rows, learnt.waves),
            "sounds": str(len(learnt)),
            "seed": str(settings.seed),
            "passes": str(settings.passes),
            "teacher": plan.teacher,
        },
    )
    examined = examine(Classifier.load(settings.out, threads=settings.threads), valid, unfitted=~fitted)
    Card(
        model=settings.out,
        learnt=learnt.rows,
        valid=valid.rows,
        examined=examined,
        temperatures=[float(one) for one in network.temperature],
        plan=plan,
        batch=settings.batch,
        first=first,
        passes=trainer.passes_done,
        seconds=trainer.seconds,
        tried="" if settings.tried is None else settings.tried.read_text(encoding="utf-8"),
    ).write(settings.card)
    return Made(settings.out, settings.card, examined, trainer.seconds, learnt.unread + valid.unread)


def teacher_of(path: Path, threads: int) -> Classifier:
    """Load a model that hears what this version learns to hear.

    Raises
    ------
    UsageProblem
        If it was made for another sample rate or window.
    ModelError
        If it cannot be used at all.
    """
    teacher = Classifier.load(path, threads=threads)
    if (teacher.samplerate, teacher.window) != (SAMPLERATE, WINDOW):
        raise UsageProblem(
            "the teacher hears other waveforms than the model to be made",
            path=path,
            hint=f"take one of {SAMPLERATE} Hz and {WINDOW} samples",
        )
    return teacher


def load_splits(rows: Sequence[Row], threads: int, watcher: Watcher) -> tuple[Sounds, Sounds]:
    """Load what is learnt from and what is only measured on."""
    learnt_rows, valid_rows = split(rows)
    total = len(learnt_rows) + len(valid_rows)
    began = time.monotonic()
    done = 0

    def advance(count: int) -> None:
        nonlocal done
        done += count
        if time.monotonic() - began > 1.0:
            watcher.loading(done, total)

    learnt = load_sounds(
        learnt_rows, samplerate=SAMPLERATE, longest=LONGEST, threads=threads, advance=advance
    )
    valid = load_sounds(valid_rows, samplerate=SAMPLERATE, longest=WINDOW, threads=threads, advance=advance)
    if not any(not row.is_loop for row in learnt.rows):
        raise UsageProblem(
            "there is no labelled sound to learn from",
            hint="rows whose split is train, or all rows where there is no split, are learnt from",
        )
    return learnt, valid


def split(rows: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """Take the manifest's split; where it has none, hold out whole kits, the same ones every time."""
    if any(row.split for row in rows):
        return [row for row in rows if row.split == "train"], [row for row in rows if row.split == "valid"]

    # With few kits, whole ones would leave nothing to learn from, or nothing to measure on.
    few = len({group_of(row) for row in rows}) < 2 * SHARE_HELD_OUT

    def held_out(row: Row) -> bool:
        drawn = row.file if few else group_of(row)
        return hashlib.blake2b(drawn.encode(), digest_size=2).digest()[0] % SHARE_HELD_OUT == 0

    return [row for row in rows if not held_out(row)], [row for row in rows if held_out(row)]


def logits_of(network: Network, sounds: Sounds) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give label logits (n, 22) and kind logits (n, 2), temperatures left out."""
    network.eval()
    device = next(network.parameters()).device
    labels, kinds = (
        [np.zeros((0, network.to_labels.out_features))],
        [np.zeros((0, network.to_kinds.out_features))],
    )
    with torch.no_grad():
        for first in range(0, len(sounds), AT_ONCE):
            heard = network(torch.from_numpy(windows(sounds, WINDOW, first, AT_ONCE)).to(device))
            labels.append(heard.labels.cpu().double().numpy())
            kinds.append(heard.kinds.cpu().double().numpy())
    return np.concatenate(labels), np.concatenate(kinds)


def calibrate(network: Network, valid: Sounds) -> NDArray[np.bool_]:
    """Set the temperatures from half of the kits of `valid`; return which rows those are."""
    fitted = fitting_half([group_of(row) for row in valid.rows])
    labels, kinds = logits_of(network, valid)
    truth, is_loop = truth_of(valid)
    named = fitted & (truth >= 0)
    network.temperature[0] = label_temperature(labels[named], truth[named])
    network.temperature[1] = kind_temperature(kinds[fitted], is_loop[fitted])
    return fitted


class _Live:
    """Passes on what the trainer says, now and then with figures on `valid`."""

    def __init__(self, watcher: Watcher, valid: Sounds, passes: int) -> None:
        self._watcher = watcher
        self._valid = valid
        self._passes = passes

    def step(self, number: int, of: int, loss: float) -> None:
        self._watcher.step(number, of, loss)

    def finished_pass(self, number: int, of: int, loss: float, seconds: float, averaged: Network) -> None:
        figures = None
        if len(self._valid) and (number % PASSES_BETWEEN_FIGURES == 0 or number == of):
            labels, kinds = logits_of(averaged, self._valid)
            figures = report(answers_from(self._valid, softmax(labels), softmax(kinds)), resamples=1)
        self._watcher.passed(number, of, loss, seconds, figures)
