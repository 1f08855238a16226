"""Ears that each learnt without some of the kits: what they say of those is the audit, together they teach.

Every fold of the kits has one teacher that knows none of it. A sound's label is softened by what all of
them hear in it on average (Hinton et al., Distilling the Knowledge in a Neural Network, 2015). Needs torch.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from organizer.labels import LABELS
from organizer.training.audit import KEPT_OF_SOFTENED, Action, folds
from organizer.training.batches import OUTSIDER
from organizer.training.examine import AT_ONCE, windows
from organizer.training.mixing import Steps
from organizer.training.network import WINDOW, Network
from organizer.training.train import Trainer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from organizer.training.audit import Suspect
    from organizer.training.bank import Bank
    from organizer.training.dataset import Sounds
    from organizer.training.train import Listener, Plan


TEACHERS_SHARE = 0.5  # of what a sound should be called; the rest is its label


class Stages(Protocol):
    """Is told what comes next, and listens to a run."""

    def stage(self, name: str) -> None: ...

    def listener(self) -> Listener: ...


@dataclass(frozen=True, slots=True)
class Taught:
    """What teachers say.

    `of_bank` (bank, labels) the mean of all of them; `of_rows` (rows, labels) what was heard of every sound
    as it is by the one that knew none of its kit.
    """

    of_bank: NDArray[np.float32]
    of_rows: NDArray[np.float64]


def teach(
    bank: Bank, sounds: Sounds, plan: Plan, *, count: int, batch: int, folder: Path, device: str,
    stages: Stages, resume: bool,
) -> Taught:  # fmt: skip
    """Let `count` teachers learn by `plan`, each with a seed of its own; their states lie in `folder`."""
    fold_of = folds(sounds.rows, count)
    of_rows = np.zeros((len(sounds), len(LABELS)))
    of_bank = np.zeros((len(bank), len(LABELS)), dtype=np.float32)
    for fold in range(count):
        stages.stage(f"teacher {fold + 1} of {count}")
        places = np.flatnonzero((bank.rows < 0) | (fold_of[bank.rows] != fold))
        own = replace(plan, seed=plan.seed * 100 + fold + 1)
        torch.manual_seed(own.seed)
        trainer = Trainer(Network(), own, state=folder / f"teacher-{fold + 1}.state", device=device)
        if resume:
            trainer.resume()
        network = trainer.run(Steps(bank, size=batch, seed=own.seed, places=places), stages.listener())
        unseen = np.flatnonzero(fold_of == fold)
        of_rows[unseen] = _heard_of_rows(network, sounds, unseen, device)
        of_bank += _heard_of_bank(network, bank, device) / count
    return Taught(of_bank, of_rows)


def softened(
    bank: Bank, targets: NDArray[np.floating], taught: Taught, found: Sequence[Suspect]
) -> tuple[NDArray[np.float16], NDArray[np.intp]]:
    """Say what the sounds of a bank should be called (bank, labels), and which of them are learnt from.

    Suspects are dropped or softened; every other label is softened by `TEACHERS_SHARE` of what was heard.
    """
    kept = np.full(len(bank), 1.0 - TEACHERS_SHARE, dtype=np.float32)
    kept[bank.labels == OUTSIDER] = 1.0
    dropped = np.zeros(len(bank), dtype=np.bool_)
    made_from_rows = bank.rows >= 0
    for one in found:
        places = made_from_rows & (bank.rows == one.row)
        if one.action is Action.DROP:
            dropped |= places
        else:
            kept[places] = KEPT_OF_SOFTENED * (1.0 - TEACHERS_SHARE)
    mixed = targets * kept[:, None] + taught.of_bank * (1.0 - kept)[:, None]
    return mixed.astype(np.float16), np.flatnonzero(~dropped)


def _heard_of_rows(
    network: Network, sounds: Sounds, places: NDArray[np.intp], device: str
) -> NDArray[np.float64]:
    parts = [np.zeros((0, len(LABELS)))]
    with torch.no_grad():
        for first in range(0, len(places), AT_ONCE):
            some = windows(sounds, WINDOW, places[first : first + AT_ONCE].tolist())
            heard = network(torch.from_numpy(some).to(device))
            parts.append(heard.labels.softmax(1).cpu().double().numpy())
    return np.concatenate(parts)


def _heard_of_bank(network: Network, bank: Bank, device: str) -> NDArray[np.float32]:
    parts = []
    with torch.no_grad():
        for first in range(0, len(bank), AT_ONCE):
            places = np.arange(first, min(first + AT_ONCE, len(bank)))
            whole, attack = (view.to(device) for view in bank.pictures(places))
            parts.append(network.hear(whole, attack).labels.softmax(1).cpu().numpy())
    return np.concatenate(parts)
