"""Measures the ear on labelled files: the way the product hears them, or straight from waveforms.

Reads a manifest and asks; what the answers are worth is computed in `metrics`. Needs no torch.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from organizer.labels import LABELS
from organizer.recognition.recognize import Request
from organizer.sample import Kind, Origin
from organizer.training.metrics import Answers, report

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from organizer.recognition.recognize import Recognizer
    from organizer.sample import Sample
    from organizer.training.dataset import Row


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Figures, as `metrics.report` has them and with the speed; and what could not be heard, in sentences."""

    figures: dict[str, object]
    problems: tuple[str, ...]


def evaluate(
    rows: Sequence[Row],
    recognizer: Recognizer,
    *,
    advance: Callable[[int, int], None] = lambda _done, _total: None,
    clock: Callable[[], float] = time.monotonic,
) -> Evaluation:
    """Hear every row as the service would and compare. A file that cannot be heard is counted, not fatal."""
    began = clock()
    heard: list[tuple[Row, Sample]] = []
    problems: list[str] = []
    requests = [Request(path=row.path, origin=origin_of(row)) for row in rows]
    inspections = []
    for inspection in recognizer.inspect(requests):
        inspections.append(inspection)
        advance(len(inspections), len(rows))
    for row, result in zip(rows, recognizer.recognise(inspections, packs_of(rows)), strict=True):
        if result.sample is None:
            problems.append(f"{row.file}: {result.error.message if result.error else 'not heard'}")
        else:
            heard.append((row, result.sample))
    seconds = clock() - began
    figures = report(answers_of(heard))
    figures["errors"] = len(problems)
    figures["sounds_per_second"] = len(rows) / seconds if seconds > 0.0 else None
    figures["model_id"] = recognizer.model_id
    return Evaluation(figures, tuple(problems))


def origin_of(row: Row) -> Origin:
    """Where the file would have come from: its original path where the manifest knows one."""
    path = PurePosixPath((row.orig_path or row.file).replace("\\", "/"))
    parts = [part for part in path.parts if part not in {"/", "..", "."}]
    if len(parts) < 2:
        return Origin(inbox="", name=parts[-1] if parts else row.path.name)
    return Origin(inbox="", pack=parts[0], subpath=PurePosixPath(*parts[1:-1]), name=parts[-1])


def answers_of(heard: Sequence[tuple[Row, Sample]]) -> Answers:
    """Put what was heard into arrays. A long sample is no loop."""
    return Answers(
        truth=np.array([row.label_index for row, _ in heard], dtype=np.int64),
        probabilities=np.array(
            [[sample.recognition.probabilities.get(label, 0.0) for label in LABELS] for _, sample in heard]
        ).reshape(len(heard), len(LABELS)),
        is_loop=np.array([row.is_loop for row, _ in heard], dtype=np.bool_),
        heard_loop=np.array([sample.recognition.kind is Kind.LOOP for _, sample in heard], dtype=np.bool_),
        seconds=np.array([sample.facts.duration for _, sample in heard], dtype=np.float64),
        kits=np.array([group_of(row) for row, _ in heard], dtype=np.str_),
    )


def packs_of(rows: Sequence[Row]) -> list[str]:
    """Say which files came as one pack: those of a kit, else those of the first folder of their old paths."""
    return [group_of(row) if row.kit else f"{row.source}/{origin_of(row).pack}" for row in rows]


def group_of(row: Row) -> str:
    """What is drawn together: the kit within its source; a file without a kit stands alone."""
    return f"{row.source}/{row.kit}" if row.kit else row.file
