"""The network's front end against an independent reference; odd sounds give numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

import librosa  # noqa: E402 - only where torch is

from organizer.labels import CONTENTS, LABELS  # noqa: E402
from organizer.training.network import (  # noqa: E402
    ATTACK,
    EMBEDDING,
    FLOOR_DB,
    SAMPLERATE,
    WHOLE,
    WINDOW,
    LogMel,
    Network,
    Shape,
    View,
    mel_matrix,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

pytestmark = pytest.mark.training

TINY = Shape(4, ((4,), (8,)))


def decaying_noise(seed: int = 0) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    wave = rng.normal(size=WINDOW) * np.exp(-np.arange(WINDOW) / 6_000)
    loudest: NDArray[np.float32] = (wave / np.abs(wave).max()).astype(np.float32)
    return loudest


@pytest.mark.parametrize("view", [ATTACK, WHOLE], ids=["attack", "whole"])
def test_the_mel_filters_are_those_of_librosa(view: View) -> None:
    reference = librosa.filters.mel(
        sr=SAMPLERATE, n_fft=view.fft, n_mels=view.mels, fmin=view.lowest, fmax=view.highest
    )
    np.testing.assert_allclose(mel_matrix(view), reference.T, atol=1e-6)


@pytest.mark.parametrize("view", [ATTACK, WHOLE], ids=["attack", "whole"])
def test_the_front_end_is_the_log_mel_of_a_reference(view: View) -> None:
    wave = decaying_noise()
    padded = np.pad(wave, (view.before, max(0, view.span - view.before - WINDOW)))[: view.span]
    power = librosa.feature.melspectrogram(
        y=padded, sr=SAMPLERATE, n_fft=view.fft, hop_length=view.hop, center=False, power=2.0,
        n_mels=view.mels, fmin=view.lowest, fmax=view.highest,
    )  # fmt: skip
    reference = librosa.power_to_db(power, ref=np.max, top_db=FLOOR_DB, amin=1e-20).T / FLOOR_DB + 1.0
    picture = LogMel(view)(torch.from_numpy(wave[None]))[0, 0].numpy()
    assert picture.shape == (view.frames, view.mels)
    np.testing.assert_allclose(picture, reference, atol=1e-4)
    assert picture.max() == pytest.approx(1.0)


def test_no_cut_after_the_window_and_no_level_can_be_seen() -> None:
    network = Network(whole=TINY, attack=TINY).eval()
    wave = torch.from_numpy(decaying_noise()[None])
    loud, quiet = network.pictures(wave), network.pictures(wave * 1e-3)
    for one, other in zip(loud, quiet, strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=0)


def test_outputs_have_their_shapes_and_odd_sounds_give_numbers() -> None:
    network = Network(whole=TINY, attack=TINY).eval()
    waves = torch.zeros(4, WINDOW)
    waves[1] = 0.5
    waves[2, 0] = 1.0
    waves[3] = 1e-42
    with torch.no_grad():
        heard = network(waves)
    assert heard.labels.shape == (4, len(LABELS))
    assert heard.kinds.shape == (4, 2)
    assert heard.contents.shape == (4, len(CONTENTS))
    assert heard.embedding.shape == (4, EMBEDDING)
    assert all(torch.isfinite(values).all() for values in heard)
    # The silent row is nothing before the network has learnt anything; it has no direction yet.
    assert heard.embedding[2].norm().item() == pytest.approx(1.0, abs=1e-5)
