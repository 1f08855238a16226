"""The whole way from a manifest to a model: split, load, learn, calibrate, export, measure, describe.

Prints nothing; what happens is told to the `Watcher`. Needs torch and onnx.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch

from organizer.errors import UsageProblem
from organizer.recognition.classifier import Classifier
from organizer.recognition.recognize import Recognizer
from organizer.training.audit import Suspect, suspects, write_suspects
from organizer.training.bank import Bank, make_bank
from organizer.training.batches import Batches
from organizer.training.calibrate import fitting_half, kind_temperature, label_temperature, softmax
from organizer.training.card import Card
from organizer.training.dataset import Sounds, digest, load_sounds, read_manifest, weights
from organizer.training.evaluate import evaluate, group_of
from organizer.training.examine import AT_ONCE, Examination, answers_from, examine, truth_of, windows
from organizer.training.export import export
from organizer.training.metrics import report
from organizer.training.mixing import Mixing, Steps, label_targets
from organizer.training.network import SAMPLERATE, WINDOW, Network
from organizer.training.teachers import softened, teach
from organizer.training.train import Plan, Trainer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from organizer.training.dataset import Row

# Training sounds are kept a little longer than the window: raising the pitch uses some.
LONGEST = WINDOW + SAMPLERATE // 8
# Valid is heard after every so many passes; it costs a tenth of one.
PASSES_BETWEEN_FIGURES = 3
SHARE_HELD_OUT = 8  # one kit in so many, where the manifest names no split


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How to make an ear. `out` is the ONNX file; its card, and what a run needs, lie beside it."""

    out: Path
    seed: int = 1
    passes: int = 30
    teachers: int = 4  # 0: the labels alone teach, and none is doubted
    teacher_passes: int = 9
    bank_passes: int = 12  # the changed sounds that are made, in passes
    batch: int = 96
    threads: int = 2
    resume: bool = False
    tried: Path | None = None  # Markdown for the card: what was tried before
    also: tuple[Path, ...] = ()  # manifests beside their files, on which the kind is measured too

    @property
    def work(self) -> Path:
        """The folder of what an interrupted run is taken up from."""
        return self.out.with_suffix(".work")

    @property
    def options(self) -> str:
        """What of the command decides what is made."""
        return (
            f"--seed {self.seed} --passes {self.passes} --teachers {self.teachers} "
            f"--teacher-passes {self.teacher_passes} --bank-passes {self.bank_passes} --batch {self.batch}"
        )

    @property
    def card(self) -> Path:
        return self.out.with_suffix(".md")

    @property
    def suspects(self) -> Path:
        return self.out.with_name(f"{self.out.stem}-suspects.csv")


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

    def stage(self, name: str) -> None: ...

    def making(self, done: int, total: int) -> None: ...

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
    began = time.monotonic()
    others = {manifest.stem: read_manifest(manifest, manifest.parent) for manifest in settings.also}
    torch.set_num_threads(settings.threads)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    learnt, valid = load_splits(rows, settings.threads, watcher)
    if not settings.resume:
        shutil.rmtree(settings.work, ignore_errors=True)
    data = digest(learnt.rows, learnt.waves)
    bank = _bank(learnt, settings, data, watcher)
    plan = Plan(
        steps_per_pass=max(1, len(learnt) // settings.batch),
        passes=settings.passes,
        seed=settings.seed,
        data=f"{data} {settings.bank_passes} {settings.teachers} {settings.teacher_passes}",
    )
    steps, found = _taught(bank, learnt, plan, settings, device, watcher)
    watcher.stage("ear")
    torch.manual_seed(settings.seed)
    trainer = Trainer(Network(), plan, state=settings.work / "ear.state", device=device)
    if settings.resume:
        watcher.resumed(trainer.resume())
    network = trainer.run(steps, _Live(watcher, valid, plan.passes)).cpu()
    fitted = calibrate(network, valid)
    export(
        network,
        settings.out,
        metadata={
            "data": data,
            "sounds": str(len(learnt)),
            "seed": str(settings.seed),
            "passes": str(settings.passes),
        },
    )
    watcher.stage("measuring")
    classifier = Classifier.load(settings.out, threads=settings.threads)
    examined = examine(classifier, valid, unfitted=~fitted)
    recognizer = Recognizer(classifier, audio_only=True, threads=settings.threads, keep_embedding=False)
    elsewhere = {name: evaluate(rows, recognizer) for name, rows in others.items()}
    settings.suspects.unlink(missing_ok=True)
    if settings.teachers:
        write_suspects(found, settings.suspects)
    Card(
        model=settings.out,
        learnt=learnt.rows,
        valid=valid.rows,
        examined=examined,
        temperatures=[float(one) for one in network.temperature],
        options=settings.options,
        teachers=settings.teachers,
        suspects=found,
        threads=settings.threads,
        seconds=time.monotonic() - began,
        tried="" if settings.tried is None else settings.tried.read_text(encoding="utf-8"),
        elsewhere={name: one.figures for name, one in elsewhere.items()},
    ).write(settings.card)
    shutil.rmtree(settings.work)
    unread = learnt.unread + valid.unread + tuple(one for each in elsewhere.values() for one in each.problems)
    return Made(settings.out, settings.card, examined, time.monotonic() - began, unread)


def _bank(learnt: Sounds, settings: Settings, data: str, watcher: Watcher) -> Bank:
    watcher.stage("sounds as producers make them")
    batches = Batches(
        learnt,
        weights(learnt.rows),
        samplerate=SAMPLERATE,
        window=WINDOW,
        size=settings.batch,
        seed=settings.seed,
    )
    return make_bank(
        batches,
        max(1, len(learnt) * settings.bank_passes // settings.batch),
        settings.work / "bank",
        named={"data": data, "seed": settings.seed},
        threads=settings.threads,
        advance=watcher.making,
    )


def _taught(
    bank: Bank, learnt: Sounds, plan: Plan, settings: Settings, device: str, watcher: Watcher
) -> tuple[Steps, tuple[Suspect, ...]]:
    """Let teachers hear everything; say what the ear is to learn, and which labels are doubtful."""
    if not settings.teachers:
        return Steps(bank, size=settings.batch, seed=settings.seed), ()
    taught = teach(
        bank,
        learnt,
        replace(plan, passes=settings.teacher_passes),
        count=settings.teachers,
        batch=settings.batch,
        folder=settings.work,
        device=device,
        stages=_Stages(watcher),
        resume=settings.resume,
    )
    found = suspects(learnt, taught.of_rows)
    targets, places = softened(bank, label_targets(bank, Mixing()), taught, found)
    return Steps(bank, size=settings.batch, seed=settings.seed, targets=targets, places=places), found


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
            places = range(first, min(first + AT_ONCE, len(sounds)))
            heard = network(torch.from_numpy(windows(sounds, WINDOW, places)).to(device))
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


class _Stages:
    """Passes on how the teachers do; they are not measured on `valid`."""

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher

    def stage(self, name: str) -> None:
        self._watcher.stage(name)

    def listener(self) -> _Live:
        return _Live(self._watcher, Sounds((), ()), 0)


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
