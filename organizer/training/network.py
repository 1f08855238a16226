"""The network: a waveform goes in; labels, kind, content of a loop and embedding come out.

Its front end (two level-free log-mel views) is part of it, so that nothing outside has to repeat it.
Needs torch; knows nothing of files.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from organizer.labels import CONTENTS, LABELS

if TYPE_CHECKING:
    from numpy.typing import NDArray

SAMPLERATE = 32_000
WINDOW = 40_960  # samples, 1.28 s: below the shortest cut of the training clips
EMBEDDING = 96
KINDS = ("oneshot", "loop")
FLOOR_DB = 80.0  # below the loudest point of a view there is nothing
QUIETEST = 1e-7  # peak; anything below it is silence
TINY_POWER = 1e-10


@dataclass(frozen=True, slots=True)
class View:
    """One log-mel picture of the sound. Sizes in samples at `SAMPLERATE`."""

    fft: int
    hop: int
    frames: int
    mels: int
    lowest: float = 20.0  # Hz
    highest: float = SAMPLERATE / 2

    @property
    def span(self) -> int:
        """Samples that the frames cover, the padding before the first included."""
        return (self.frames - 1) * self.hop + self.fft

    @property
    def before(self) -> int:
        """Zeros before the sound, so that the first frame is centred on its beginning."""
        return self.fft // 2


ATTACK = View(fft=512, hop=160, frames=64, mels=40)  # 0.32 s in steps of 5 ms
WHOLE = View(fft=1024, hop=640, frames=64, mels=64)  # 1.28 s in steps of 20 ms


@dataclass(frozen=True, slots=True)
class Shape:
    """How wide the trunk of one view is: channels of the stem, then of the stages' blocks.

    The stem halves time and frequency, and so does what lies before each stage.
    """

    stem: int
    stages: tuple[tuple[int, ...], ...]


SHIPPED_WHOLE = Shape(24, ((48, 48), (96, 96), (128, 128)))
SHIPPED_ATTACK = Shape(16, ((32, 32), (48, 48)))


class Output(NamedTuple):
    """Logits over LABELS, KINDS (not yet divided by a temperature), CONTENTS; unit-length embeddings."""

    labels: Tensor
    kinds: Tensor
    contents: Tensor
    embedding: Tensor


def mel_matrix(view: View) -> NDArray[np.float32]:
    """Triangular mel filters of equal area: (fft // 2 + 1, mels).

    The scale is linear below 1 kHz and logarithmic above (Slaney, Auditory Toolbox, 1998).
    """
    edges = _hertz(np.linspace(_mel(view.lowest), _mel(view.highest), view.mels + 2))
    bins = np.linspace(0.0, SAMPLERATE / 2, view.fft // 2 + 1)
    rising = (bins[:, None] - edges[None, :-2]) / np.diff(edges)[None, :-1]
    falling = (edges[None, 2:] - bins[:, None]) / np.diff(edges)[None, 1:]
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    filters: NDArray[np.float32] = (triangles * (2.0 / (edges[2:] - edges[:-2]))).astype(np.float32)
    return filters


_BREAK_HZ, _BREAK_MEL, _LOG_STEP = 1000.0, 15.0, np.log(6.4) / 27.0


def _mel(hertz: float) -> float:
    if hertz < _BREAK_HZ:
        return hertz * _BREAK_MEL / _BREAK_HZ
    return float(_BREAK_MEL + np.log(hertz / _BREAK_HZ) / _LOG_STEP)


def _hertz(mels: NDArray[np.float64]) -> NDArray[np.float64]:
    low = mels * _BREAK_HZ / _BREAK_MEL
    high = _BREAK_HZ * np.exp(_LOG_STEP * (mels - _BREAK_MEL))
    return np.where(mels < _BREAK_MEL, low, high)


def hann(length: int) -> NDArray[np.float32]:
    """Return the periodic Hann window."""
    window: NDArray[np.float32] = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)).astype(
        np.float32
    )
    return window


def level(waves: Tensor) -> Tensor:
    """Scale each of (n, samples) to a peak of 1; silence stays."""
    return waves / waves.abs().amax(dim=1, keepdim=True).clamp_min(QUIETEST)


class LogMel(nn.Module):
    """Waveforms (n, WINDOW) with peak 1 to pictures (n, 1, frames, mels): 0 the floor, 1 the loudest."""

    window: Tensor
    mel: Tensor

    def __init__(self, view: View) -> None:
        super().__init__()
        self.view = view
        self.register_buffer("window", torch.from_numpy(hann(view.fft)), persistent=False)
        self.register_buffer("mel", torch.from_numpy(mel_matrix(view)), persistent=False)

    def forward(self, waves: Tensor) -> Tensor:
        view = self.view
        used = min(waves.shape[1], view.span - view.before)
        padded = functional.pad(waves[:, :used], (view.before, view.span - view.before - used))
        # Framing by hand is three times as fast as torch.stft on a CPU, and the same.
        spectrum = torch.fft.rfft(padded.unfold(1, view.fft, view.hop) * self.window)
        power = (spectrum.real.square() + spectrum.imag.square()) @ self.mel
        loudest = power.amax(dim=(1, 2), keepdim=True).clamp_min(TINY_POWER)
        decibels = 10.0 * torch.log10((power / loudest).clamp_min(10.0 ** (-FLOOR_DB / 10.0)))
        return (decibels / FLOOR_DB + 1.0).unsqueeze(1)


class Block(nn.Module):
    """3x3 convolution, batch normalisation, ReLU; the input is added where the channels agree."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(outputs)
        self.residual = inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.conv(x))
        return functional.relu(y + x if self.residual else y)


class Trunk(nn.Module):
    """One view's convolutions: (n, 1, frames, mels) to (n, features)."""

    def __init__(self, view: View, shape: Shape) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, shape.stem, 5, stride=2, padding=2, bias=False)
        self.norm = nn.BatchNorm2d(shape.stem)
        stages: list[nn.Sequential] = []
        channels = shape.stem
        for widths in shape.stages:
            blocks = []
            for width in widths:
                blocks.append(Block(channels, width))
                channels = width
            stages.append(nn.Sequential(*blocks))
        self.stages = nn.ModuleList(stages)
        bands = view.mels // 2 ** (1 + len(shape.stages))
        self.features = channels * bands * 2

    def forward(self, picture: Tensor) -> Tensor:
        x = functional.relu(self.norm(self.stem(picture)))
        for stage in self.stages:
            x = stage(functional.max_pool2d(x, 2))
        # Over time: what it is like altogether, and at its most; bands of frequency stay apart.
        return torch.cat([x.mean(dim=2), x.amax(dim=2)], dim=1).flatten(1)


class Network(nn.Module):
    """The ear. In: waveforms (n, WINDOW), any level. Out: `Output`."""

    temperature: Tensor

    def __init__(
        self, *, whole: Shape = SHIPPED_WHOLE, attack: Shape = SHIPPED_ATTACK, dropout: float = 0.3
    ) -> None:
        super().__init__()
        self.whole_view, self.attack_view = LogMel(WHOLE), LogMel(ATTACK)
        self.whole, self.attack = Trunk(WHOLE, whole), Trunk(ATTACK, attack)
        self.dropout = nn.Dropout(dropout)
        self.embed = nn.Linear(self.whole.features + self.attack.features, EMBEDDING, bias=False)
        self.embed_norm = nn.BatchNorm1d(EMBEDDING)
        self.to_labels = nn.Linear(EMBEDDING, len(LABELS))
        self.to_kinds = nn.Linear(EMBEDDING, len(KINDS))
        self.to_contents = nn.Linear(EMBEDDING, len(CONTENTS))
        self.register_buffer("temperature", torch.ones(2))  # of labels, of kinds

    def pictures(self, waves: Tensor) -> tuple[Tensor, Tensor]:
        """Both views of waveforms (n, WINDOW), each level-free."""
        levelled = level(waves)
        return self.whole_view(levelled), self.attack_view(levelled)

    def hear(self, whole: Tensor, attack: Tensor) -> Output:
        """From the pictures on."""
        features = torch.cat([self.whole(whole), self.attack(attack)], dim=1)
        hidden = self.embed_norm(self.embed(self.dropout(features)))
        return Output(
            self.to_labels(hidden),
            self.to_kinds(hidden),
            self.to_contents(hidden),
            functional.normalize(hidden, eps=1e-6),
        )

    def forward(self, waves: Tensor) -> Output:
        return self.hear(*self.pictures(waves))
