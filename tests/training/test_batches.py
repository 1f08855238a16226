"""A batch follows from its number, and says of every sound in it what is known and no more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from organizer.labels import CONTENTS, LABELS  # noqa: E402 - only where torch is
from organizer.training.batches import (  # noqa: E402
    LOOP,
    LOOPS_TAIL,
    MADE,
    NEEDS_TAIL,
    ONESHOT,
    OUTSIDER,
    SHORTEST_TAIL,
    UNKNOWN,
    Batch,
    Batches,
    Mixture,
)
from organizer.training.dataset import NOT_A_LABEL, Sounds, weights  # noqa: E402
from organizer.training.network import SAMPLERATE  # noqa: E402
from tests.training.made import sounds_of  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Generator, Tensor

pytestmark = pytest.mark.training

WINDOW, SIZE = 16_384, 16
PLAIN = Mixture(made_loops=0.0, outsiders=0.0, repeated=0.0, mixed=0.0)
SOUNDS = sounds_of(*LABELS, *["loop"] * len(LABELS), content="melodic")


def batches(mixture: Mixture | None = None, *, sounds: Sounds = SOUNDS, size: int = SIZE) -> Batches:
    return Batches(
        sounds, weights(sounds.rows), samplerate=SAMPLERATE, window=WINDOW, size=size, seed=1, mixture=mixture
    )  # fmt: skip


def known(batch: Batch) -> Iterable[np.ndarray[tuple[int, ...], np.dtype[np.generic]]]:
    return batch.waves.numpy(), batch.rows, batch.labels, batch.kinds, batch.contents


def test_a_batch_follows_from_its_number() -> None:
    made = batches()
    after, first, before = made(6), made(5), made(4)
    for one, again in zip(known(first), known(batches()(5)), strict=True):
        np.testing.assert_array_equal(one, again)
    for other in (before, after):
        assert not torch.equal(first.waves, other.waves)
        assert not np.array_equal(first.rows, other.rows)


@pytest.mark.parametrize("number", range(6))
def test_all_are_numbers_of_the_window_whatever_is_done_to_them(number: int) -> None:
    silent = Sounds(SOUNDS.rows, (np.zeros(1, np.int16), *SOUNDS.waves[1:]))
    batch = batches(Mixture(made_loops=0.2, outsiders=0.2, repeated=0.2, mixed=0.2), sounds=silent)(number)
    assert batch.waves.shape == (SIZE, WINDOW)
    assert batch.waves.dtype == torch.float32
    assert torch.isfinite(batch.waves).all()
    assert batch.waves.abs().max() > 0.5


def test_sounds_of_the_collection_are_what_their_rows_say() -> None:
    batch = batches(PLAIN)(3)
    assert 0 < (batch.kinds == LOOP).sum() < SIZE
    for row, label, kind, content in zip(batch.rows, batch.labels, batch.kinds, batch.contents, strict=True):
        said = SOUNDS.rows[row]
        assert label == said.label_index
        assert kind == (LOOP if said.is_loop else ONESHOT)
        assert {CONTENTS[place]: content[place] for place in np.flatnonzero(content)} == (
            {"melodic": 1.0} if said.is_loop else {}
        )


def test_made_loops_have_no_row_and_no_label_but_a_content() -> None:
    batch = batches(Mixture(made_loops=1.0))(1)
    assert (batch.rows == MADE).all()
    assert (batch.labels == NOT_A_LABEL).all()
    assert (batch.kinds == LOOP).all()
    np.testing.assert_allclose(batch.contents.sum(axis=1), 1.0, atol=1e-5)


def test_outsiders_have_no_row_no_label_no_kind_and_no_content() -> None:
    batch = batches(Mixture(made_loops=0.0, outsiders=1.0))(1)
    assert (batch.rows == MADE).all()
    assert (batch.labels == OUTSIDER).all()
    assert (batch.kinds == UNKNOWN).all()
    assert not batch.contents.any()


@pytest.mark.parametrize(
    "mixture",
    [
        Mixture(made_loops=0.0, outsiders=0.0, repeated=1.0, mixed=0.0),
        Mixture(made_loops=0.0, outsiders=0.0, repeated=0.0, mixed=1.0),
    ],
    ids=["repeated", "mixed"],
)
def test_a_one_shot_that_is_repeated_or_mixed_stays_what_it_is_and_loops_stay_alone(mixture: Mixture) -> None:
    plain, varied = batches(PLAIN)(2), batches(mixture)(2)
    for name in ("rows", "labels", "kinds", "contents"):
        np.testing.assert_array_equal(getattr(plain, name), getattr(varied, name))
    same = torch.isclose(plain.waves, varied.waves, atol=1e-5).all(dim=1).numpy()
    assert same[plain.kinds == LOOP].all()
    # An echo may come after the window.
    assert same[plain.kinds == ONESHOT].mean() < 0.3


def test_as_many_are_made_as_the_mixture_says() -> None:
    batch = batches(Mixture(made_loops=0.5, outsiders=0.25, repeated=0.0, mixed=0.0), size=100)(1)
    made = batch.rows == MADE
    assert 35 <= (made & (batch.labels == NOT_A_LABEL)).sum() <= 65
    assert 13 <= (made & (batch.labels == OUTSIDER)).sum() <= 37


def test_no_tail_that_a_label_needs_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    tails: list[Tensor] = []

    class Recorded:
        def __init__(self, **_settings: int) -> None: ...

        def __call__(self, waves: Tensor, shortest: Tensor, _generator: Generator) -> Tensor:
            tails.append(shortest)
            return waves[:, :WINDOW]

    monkeypatch.setattr("organizer.training.batches.Augment", Recorded)
    batch = batches(Mixture(made_loops=0.2, outsiders=0.2), size=600)(1)
    needed = {
        place: NEEDS_TAIL.get(LABELS[place], SHORTEST_TAIL) if 0 <= place < len(LABELS) else LOOPS_TAIL
        for place in batch.labels.tolist()
    }
    assert len(needed) == len(LABELS) + 2
    expected = [needed[place] for place in batch.labels.tolist()]
    np.testing.assert_allclose(tails[0].numpy(), expected, rtol=1e-6)
