"""Sounds to learn from, made here: noises, tones and sweeps that are in no collection and in no demo."""

from __future__ import annotations

import csv
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

RATE = 32_000
COLUMNS = ("file", "label", "split", "source", "kit", "license")


def toy_sound(label: str, seed: int) -> NDArray[np.float32]:
    """Make a falling sine (kick), a noise (hat_closed), a note (synth), or hits in time (loop)."""
    rng = np.random.default_rng(seed)
    time = np.arange(int(RATE * rng.uniform(0.15, 0.4))) / RATE
    if label == "hat_closed":
        wave = 0.2 * rng.normal(size=time.size) * np.exp(-time / 0.03)
        return np.asarray(wave, dtype=np.float32)
    if label == "synth":
        return np.asarray(0.4 * np.sign(np.sin(2 * np.pi * rng.uniform(200, 500) * time)), dtype=np.float32)
    hit = np.sin(2 * np.pi * (50 * time + 5 * (1 - np.exp(-time / 0.04)))) * np.exp(-time / 0.1)
    if label == "loop":
        track = np.zeros(int(RATE * 1.4))
        for start in range(0, track.size - hit.size, int(RATE * 0.25)):
            track[start : start + hit.size] += hit
        return (track * 0.4).astype(np.float32)
    return np.asarray(hit * rng.uniform(0.2, 0.9), dtype=np.float32)


@pytest.fixture
def toy_collection(tmp_path: Path) -> Path:
    """Write a manifest beside a folder `audio` of 48 sounds of 6 kits; return the manifest."""
    manifest = tmp_path / "manifest.csv"
    with manifest.open("w", newline="") as stream:
        table = csv.DictWriter(stream, COLUMNS)
        table.writeheader()
        for number in range(48):
            label = ("kick", "hat_closed", "synth", "loop")[number % 4]
            name = f"{number:02d}.wav"
            (tmp_path / "audio").mkdir(exist_ok=True)
            soundfile.write(tmp_path / "audio" / name, toy_sound(label, number), RATE)
            kit = number // 8
            split = "valid" if kit >= 4 else "train"
            table.writerow(
                {
                    "file": name,
                    "label": label,
                    "split": split,
                    "source": "made",
                    "kit": f"kit {kit}",
                    "license": "CC0",
                }
            )
    return manifest


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    """Keep torch from spreading sums this small over threads that wait for each other."""
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(1)
