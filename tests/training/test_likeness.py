"""Nearness is counted as it should be, on points placed by hand."""

from __future__ import annotations

import numpy as np
import pytest

from organizer.training.likeness import COEFFICIENTS, NEAREST, mfcc_points, precision_among_nearest


def test_like_sounds_that_lie_together_are_found_and_a_kit_can_be_left_out() -> None:
    rng = np.random.default_rng(0)
    count = 2 * NEAREST
    truth = np.repeat([0, 1], count)
    points = (np.eye(2)[truth] + 0.01 * rng.normal(size=(2 * count, 2))).astype(np.float32)
    kits = np.array([f"kit {number % 4}" for number in range(2 * count)])
    assert precision_among_nearest(points, truth, kits, other_kits=False) == pytest.approx(1.0)
    assert precision_among_nearest(points, truth, kits, other_kits=True) == pytest.approx(1.0)
    # Where only a kit of its own is like it, nothing is left when that kit does not count.
    own = np.array([f"kit {label}" for label in truth])
    assert precision_among_nearest(points, truth, own, other_kits=True) == pytest.approx(0.0)


def test_with_too_few_sounds_there_is_no_figure() -> None:
    points = np.eye(NEAREST, dtype=np.float32)
    truth, kits = np.zeros(NEAREST, np.int64), np.array(["k"] * NEAREST)
    assert precision_among_nearest(points, truth, kits, other_kits=False) is None


def test_the_rival_tells_a_hiss_from_a_hum_whatever_their_length() -> None:
    rng = np.random.default_rng(1)
    waves = np.zeros((4, 16_000), dtype=np.float32)
    for place, length in ((0, 4_000), (1, 12_000)):
        waves[place, :length] = 0.1 * rng.normal(size=length)
        waves[place + 2, :length] = 0.1 * np.sin(2 * np.pi * 200 * np.arange(length) / 32_000)
    points = mfcc_points(waves, 32_000)
    assert points.shape == (4, COEFFICIENTS)
    apart = np.linalg.norm(points[:, None] - points[None], axis=2)
    assert apart[0, 1] < apart[0, 2]
    assert apart[2, 3] < apart[2, 1]
