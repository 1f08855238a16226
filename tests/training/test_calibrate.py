"""A temperature found is the one put in."""

from __future__ import annotations

import numpy as np
import pytest

from organizer.labels import LABELS
from organizer.training.calibrate import fitting_half, kind_temperature, label_temperature, softmax


def test_softmax_rows_add_up_and_do_not_overflow() -> None:
    shares = softmax(np.array([[1e4, 0.0], [0.0, 0.0]]))
    np.testing.assert_allclose(shares, [[1.0, 0.0], [0.5, 0.5]])


@pytest.mark.parametrize("boast", [0.5, 1.0, 2.0])
def test_the_temperature_undoes_overconfidence(boast: float) -> None:
    rng = np.random.default_rng(3)
    honest = rng.normal(size=(4_000, len(LABELS))) * 2.0
    truth = np.array([rng.choice(len(LABELS), p=row) for row in softmax(honest)])
    assert label_temperature(honest * boast, truth) == pytest.approx(boast, rel=0.1)


def test_kinds_count_the_same_however_few_loops_there_are() -> None:
    rng = np.random.default_rng(4)
    logits = rng.normal(size=(6_000, 2)) * 2.0
    is_loop = rng.random(6_000) < softmax(logits)[:, 1]
    assert kind_temperature(logits * 1.5, is_loop) == pytest.approx(1.5, rel=0.15)


def test_too_few_rows_fit_nothing() -> None:
    assert label_temperature(np.ones((3, len(LABELS))), np.array([0, 1, 2])) == 1.0
    assert kind_temperature(np.ones((30, 2)), np.zeros(30, dtype=np.bool_)) == 1.0


def test_kits_stay_on_their_side() -> None:
    kits = [f"kit {number % 40}" for number in range(400)]
    fitted = fitting_half(kits)
    assert 0.25 < fitted.mean() < 0.75
    np.testing.assert_array_equal(fitted, fitting_half(kits))
    assert all(len({bool(f) for f, kit in zip(fitted, kits, strict=True) if kit == one}) == 1 for one in kits)
