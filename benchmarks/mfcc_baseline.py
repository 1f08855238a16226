"""The baseline to beat: MFCC pictures and a small network, trained on the same sounds as the ear.

    python benchmarks/mfcc_baseline.py MANIFEST --root FOLDER [--passes 30] [--seed 1] [--threads 2]

The design is that of a study of drum classification: 13 MFCCs at 22.05 kHz over two seconds, convolutions of
16 and 32 channels, pooling, dense layers of 128, 64 and 7. It is measured twice: on a fifth of the sounds of
split train, drawn at random, so that each kit is on both sides, as the study did; and on split valid, whose
kits it never saw. Silence at the beginning is cut, as it is for the ear. Passes are fixed beforehand. Needs
torch.
"""

from __future__ import annotations

import argparse
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import librosa
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from organizer.errors import FileProblem
from organizer.labels import DRUM_CATEGORIES
from organizer.recognition.decode import read
from organizer.recognition.waveform import prepare
from organizer.training.dataset import read_manifest
from organizer.training.metrics import CATEGORY_INDEX

if TYPE_CHECKING:
    from collections.abc import Sequence

    from organizer.training.dataset import Row

SAMPLERATE, SECONDS, COEFFICIENTS = 22_050, 2.0, 13
FFT, HOP = 2_048, 512
BATCH, HELD_OUT = 64, 0.2


@dataclass(frozen=True, slots=True)
class Pictures:
    """MFCCs (n, 13, frames) and the places of the true categories (n,)."""

    mfccs: NDArray[np.float32]
    truth: NDArray[np.int64]

    def __getitem__(self, chosen: NDArray[np.intp]) -> Pictures:
        return Pictures(self.mfccs[chosen], self.truth[chosen])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--root", type=Path)
    parser.add_argument("--passes", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    rows = read_manifest(options.manifest, options.root or options.manifest.parent)
    known, unseen = (pictures(drums(rows, split), options.threads) for split in ("train", "valid"))
    order = np.random.default_rng(options.seed).permutation(len(known.truth))
    cut = int(len(order) * HELD_OUT)
    figures = {
        "random split inside the kits": measured(known[order[cut:]], known[order[:cut]], options),
        "unseen kits": measured(known, unseen, options),
    }
    print("| measured on | sounds | drum category | mean recall of the 7 |")
    print("| --- | --- | --- | --- |")
    for name, one in figures.items():
        print(f"| {name} | {one['sounds']:.0f} | {one['accuracy']:.3f} | {one['macro_recall']:.3f} |")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2))


def drums(rows: Sequence[Row], split: str) -> list[Row]:
    """Choose the labelled one-shots of a split that belong to the seven drum categories."""
    return [
        row
        for row in rows
        if row.split == split and not row.is_loop and CATEGORY_INDEX[row.label_index] < len(DRUM_CATEGORIES)
    ]


def pictures(rows: Sequence[Row], threads: int) -> Pictures:
    """Decode sounds and take their MFCCs; what cannot be read is left out."""
    with ThreadPoolExecutor(threads) as pool:
        found = [
            (one, CATEGORY_INDEX[row.label_index])
            for row, one in zip(rows, pool.map(picture, rows), strict=True)
            if one is not None
        ]
    return Pictures(np.stack([one for one, _ in found]), np.array([truth for _, truth in found]))


def picture(row: Row) -> NDArray[np.float32] | None:
    try:
        decoded = read(row.path, seconds=SECONDS)
    except FileProblem:
        return None
    wave = prepare(decoded.wave, decoded.samplerate, target_rate=SAMPLERATE, window=int(SAMPLERATE * SECONDS))
    mfccs: NDArray[np.float32] = librosa.feature.mfcc(
        y=wave, sr=SAMPLERATE, n_mfcc=COEFFICIENTS, n_fft=FFT, hop_length=HOP
    )
    return mfccs.astype(np.float32)


def network(frames: int) -> nn.Sequential:
    flat = 32 * (COEFFICIENTS // 2) * (frames // 2)
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(),
        nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Dropout(0.3),
        nn.Linear(flat, 128), nn.ReLU(),
        nn.Linear(128, 64), nn.ReLU(),
        nn.Linear(64, len(DRUM_CATEGORIES)),
    )  # fmt: skip


def measured(learnt: Pictures, asked: Pictures, options: argparse.Namespace) -> dict[str, float]:
    """Train on some pictures and give the share right of others."""
    torch.manual_seed(options.seed)
    mean, spread = learnt.mfccs.mean(axis=(0, 2)), learnt.mfccs.std(axis=(0, 2))
    inputs, questions = (
        torch.from_numpy((one.mfccs - mean[:, None]) / spread[:, None]).unsqueeze(1)
        for one in (learnt, asked)
    )
    truth = torch.from_numpy(learnt.truth)
    model = network(inputs.shape[-1])
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for _ in range(options.passes):
        model.train()
        order = torch.randperm(len(truth))
        for first in range(0, len(order), BATCH):
            batch = order[first : first + BATCH]
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(inputs[batch]), truth[batch])
            loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
            optimizer.step()
    model.eval()
    with torch.no_grad():
        heard = model(questions).argmax(dim=1).numpy()
    right = heard == asked.truth
    recalls = [right[asked.truth == one].mean() for one in np.unique(asked.truth)]
    return {
        "sounds": float(len(right)),
        "accuracy": float(right.mean()),
        "macro_recall": float(np.mean(recalls)),
    }


if __name__ == "__main__":
    main()
