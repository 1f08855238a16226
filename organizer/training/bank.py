"""Changed sounds as pictures, made once and kept on disk, so that several networks can learn from them.

Making a picture costs as much as learning from one; what is learnt from is the same for all networks.
The files are mapped into memory. Needs torch.
"""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from organizer.labels import CONTENTS
from organizer.training.network import ATTACK, WHOLE, LogMel, level

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from torch import Tensor

    from organizer.training.batches import Batch, Batches

Number = TypeVar("Number", bound=np.generic)
BRIGHTEST = 255.0  # a step is a third of a decibel


@dataclass(frozen=True, slots=True)
class Bank:
    """Pictures of n changed sounds, and what is known of each, as `batches.Batch` has it.

    `whole`, `attack` (n, frames, mels) uint8; `rows`, `labels`, `kinds` (n,); `contents` (n, contents).
    """

    whole: NDArray[np.uint8]
    attack: NDArray[np.uint8]
    rows: NDArray[np.int64]
    labels: NDArray[np.int64]
    kinds: NDArray[np.int64]
    contents: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.rows)

    def pictures(self, places: NDArray[np.integer]) -> tuple[Tensor, Tensor]:
        """Both views of some sounds, as the network's own front end gives them: (n, 1, frames, mels)."""
        whole, attack = (
            torch.from_numpy(view[places]).float().div_(BRIGHTEST).unsqueeze(1)
            for view in (self.whole, self.attack)
        )
        return whole, attack


def make_bank(
    batches: Batches,
    count: int,
    folder: Path,
    *,
    named: Mapping[str, object],
    threads: int,
    advance: Callable[[int, int], None] = lambda _done, _of: None,
) -> Bank:
    """Make a bank of `count` batches in `folder`, or what is missing of one that was begun there.

    `named` says what it is made of; a bank of anything else that lies there is made anew.
    """
    described = json.dumps({**named, "batches": count, "size": batches.size}, sort_keys=True)
    note = folder / "bank.json"
    begun = note.exists() and note.read_text(encoding="utf-8") == described
    try:
        bank, made = _files(folder, count, batches.size, fresh=not begun)
    except (OSError, ValueError, EOFError):
        if not begun:
            raise
        begun = False  # files are missing or cut short: begin again
        bank, made = _files(folder, count, batches.size, fresh=True)
    if not begun:
        note.write_text(described, encoding="utf-8")
    views = LogMel(WHOLE), LogMel(ATTACK)

    def fill(number: int) -> int:
        _put(bank, number * batches.size, batches(number), views)
        return number

    with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        missing = np.flatnonzero(~made).tolist()
        try:
            for finished in pool.map(fill, missing):
                made[finished] = True
                advance(finished + 1, count)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return bank


def _files(folder: Path, count: int, size: int, *, fresh: bool) -> tuple[Bank, NDArray[np.bool_]]:
    """Map the files of a bank, new ones if `fresh`; and which batches are made, (count,)."""
    if fresh:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    sounds = count * size

    def array(name: str, kind: type[Number], *shape: int) -> NDArray[Number]:
        path = folder / f"{name}.npy"
        if fresh:
            return np.lib.format.open_memmap(path, "w+", kind, shape)
        np.load(path, mmap_mode="r")  # fails where the file is cut short; to write, it would be filled up
        mapped: NDArray[Number] = np.lib.format.open_memmap(path, "r+")
        return mapped

    bank = Bank(
        whole=array("whole", np.uint8, sounds, WHOLE.frames, WHOLE.mels),
        attack=array("attack", np.uint8, sounds, ATTACK.frames, ATTACK.mels),
        rows=array("rows", np.int64, sounds),
        labels=array("labels", np.int64, sounds),
        kinds=array("kinds", np.int64, sounds),
        contents=array("contents", np.float32, sounds, len(CONTENTS)),
    )
    return bank, array("done", np.bool_, count)


def _put(bank: Bank, first: int, batch: Batch, views: tuple[LogMel, LogMel]) -> None:
    places = slice(first, first + len(batch.rows))
    with torch.no_grad():
        waves = level(batch.waves)
        for stored, view in zip((bank.whole, bank.attack), views, strict=True):
            stored[places] = view(waves)[:, 0].mul_(BRIGHTEST).round_().to(torch.uint8).numpy()
    bank.rows[places], bank.labels[places], bank.kinds[places] = batch.rows, batch.labels, batch.kinds
    bank.contents[places] = batch.contents
