"""Batches made ahead are those that were asked for."""

from __future__ import annotations

import threading

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from organizer.training.ahead import Ahead  # noqa: E402 - only where torch is
from organizer.training.batches import Batch  # noqa: E402

pytestmark = pytest.mark.training


class Counted:
    def __init__(self) -> None:
        self.made: list[int] = []
        self.threads: set[str] = set()

    def __call__(self, number: int) -> Batch:
        self.made.append(number)
        self.threads.add(threading.current_thread().name)
        nothing = torch.zeros(1)
        return Batch(torch.full((1, 1), float(number)), nothing, nothing, nothing)


def test_each_number_gives_its_batch_and_the_next_is_made_meanwhile() -> None:
    counted = Counted()
    with Ahead(counted) as ahead:
        assert [int(ahead(number).waves) for number in (4, 5, 6)] == [4, 5, 6]
        assert int(ahead(9).waves) == 9  # out of order is right, too
    assert counted.made[:4] == [4, 5, 6, 7]
    assert threading.current_thread().name not in counted.threads


def test_an_error_reaches_who_asked() -> None:
    def broken(number: int) -> Batch:
        raise ValueError(f"no batch {number}")

    with Ahead(broken) as ahead, pytest.raises(ValueError, match="no batch 1"):
        ahead(1)
