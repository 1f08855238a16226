"""A model that was made before as the teacher of a new one: its answers soften what each sound is called.

Hinton et al., Distilling the Knowledge in a Neural Network, 2015, as a share of the target. The teacher
hears the very waveforms of the batch, changed and mixed as they are. It has no say in the kind: that is
known for certain, its labels are often a matter of taste.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

    from organizer.recognition.classifier import Classifier
    from organizer.training.batches import Batch

TEACHER_SHARE = 0.5  # of what a label should be; the rest is the label that the sound came with


class Taught:
    """Batches whose labels are partly what `teacher` hears."""

    def __init__(
        self, batches: Callable[[int], Batch], teacher: Classifier, *, share: float = TEACHER_SHARE
    ) -> None:
        self._batches = batches
        self._teacher = teacher
        self._share = share

    def __call__(self, number: int) -> Batch:
        batch = self._batches(number)
        heard = torch.from_numpy(self._teacher.hear(batch.waves.numpy()).labels)
        return replace(batch, labels=torch.lerp(batch.labels, heard, self._share))
