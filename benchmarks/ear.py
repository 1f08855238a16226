"""What an ear costs on one core: milliseconds a sound, front end included, and ratios between models.

    python benchmarks/ear.py [MODEL ...] [--sounds 512] [--json FILE]

Without a model, the one that ships. All models hear the same noise in turns, so that whatever else the
machine does befalls them alike; the ratio is to the first of them. The best round counts: others can only
slow it down.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from organizer.recognition.classifier import Classifier
from organizer.resources import shipped_model

if TYPE_CHECKING:
    from numpy.typing import NDArray

BATCHES = (1, 32, 64)  # the service hears 64 at a time
ROUNDS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("models", nargs="*", type=Path, metavar="MODEL")
    parser.add_argument("--sounds", type=int, default=512)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    ears = {str(path): Classifier.load(path, threads=1) for path in options.models or [shipped_model()]}
    figures = {batch: measure(ears, batch, options.sounds) for batch in BATCHES}
    for batch, costs in figures.items():
        first = next(iter(costs.values()))
        for name, cost in costs.items():
            print(f"{Path(name).name}: {cost:.2f} ms a sound in batches of {batch}, ratio {cost / first:.2f}")
    if options.json:
        options.json.write_text(json.dumps({str(batch): costs for batch, costs in figures.items()}, indent=2))


def measure(ears: dict[str, Classifier], batch: int, sounds: int) -> dict[str, float]:
    """Give each ear's milliseconds a sound in batches of `batch`, the best of several rounds."""
    best = dict.fromkeys(ears, float("inf"))
    waves = {name: noise(batch, ear.window) for name, ear in ears.items()}
    turns = max(1, sounds // batch // ROUNDS)
    for name, ear in ears.items():
        ear.hear(waves[name])  # the first call makes room
    for _ in range(ROUNDS):
        for name, ear in ears.items():
            began = time.perf_counter()
            for _ in range(turns):
                ear.hear(waves[name])
            best[name] = min(best[name], (time.perf_counter() - began) * 1e3 / (turns * batch))
    return best


def noise(count: int, window: int) -> NDArray[np.float32]:
    return np.random.default_rng(0).normal(0.0, 0.1, (count, window)).astype(np.float32)


if __name__ == "__main__":
    main()
