"""The bank holds the pictures that the network would make, in however many sittings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from organizer.training.bank import Bank, make_bank  # noqa: E402 - only where torch is
from organizer.training.batches import Batch, Batches, Mixture  # noqa: E402
from organizer.training.dataset import weights  # noqa: E402
from organizer.training.network import SAMPLERATE, WINDOW, Network, Shape  # noqa: E402
from tests.training.made import sounds_of  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.training

TINY = Shape(4, ((4,),))
COUNT, SIZE = 4, 5
ARRAYS = ("whole", "attack", "rows", "labels", "kinds", "contents")


class Counted(Batches):
    """Remembers which batches were asked for."""

    def __init__(self, size: int = SIZE) -> None:
        sounds = sounds_of("kick", "snare", "synth", "loop", content="drums")
        super().__init__(
            sounds, weights(sounds.rows), samplerate=SAMPLERATE, window=WINDOW, size=size, seed=1,
            mixture=Mixture(made_loops=0.2, outsiders=0.2),
        )  # fmt: skip
        self.asked: list[int] = []

    def __call__(self, number: int) -> Batch:
        self.asked.append(number)
        return super().__call__(number)


def making(
    folder: Path, batches: Counted | None = None, *, count: int = COUNT, threads: int = 1, data: str = "d",
    advance: Callable[[int, int], None] = lambda _done, _of: None,
) -> Bank:  # fmt: skip
    return make_bank(
        batches or Counted(), count, folder, named={"data": data}, threads=threads, advance=advance
    )  # fmt: skip


def assert_same(one: Bank, other: Bank) -> None:
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)


def test_pictures_are_those_that_the_network_makes_of_the_same_sounds(tmp_path: Path) -> None:
    bank = making(tmp_path / "bank")
    assert len(bank) == COUNT * SIZE
    network = Network(whole=TINY, attack=TINY).eval()
    for number in range(COUNT):
        batch = Counted()(number)
        places = np.arange(number * SIZE, (number + 1) * SIZE)
        for stored, made in zip(bank.pictures(places), network.pictures(batch.waves), strict=True):
            assert stored.shape == made.shape
            torch.testing.assert_close(stored, made, atol=0.51 / 255.0, rtol=0.0)
        for name in ("rows", "labels", "kinds", "contents"):
            np.testing.assert_array_equal(getattr(bank, name)[places], getattr(batch, name))


def test_pictures_are_given_in_the_order_asked_for(tmp_path: Path) -> None:
    bank = making(tmp_path / "bank")
    (forth, _), (back, _) = bank.pictures(np.array([2, 7])), bank.pictures(np.array([7, 2]))
    assert torch.equal(forth, back.flip(0))
    assert not torch.equal(forth, back)


def test_the_number_of_threads_does_not_matter(tmp_path: Path) -> None:
    assert_same(making(tmp_path / "one"), making(tmp_path / "three", threads=3))


def test_a_making_that_was_interrupted_is_taken_up(tmp_path: Path) -> None:
    def impatient(done: int, _of: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        making(tmp_path / "bank", advance=impatient)
    told: list[tuple[int, int]] = []
    second = Counted()
    bank = making(tmp_path / "bank", second, advance=lambda done, of: told.append((done, of)))
    assert second.asked == [2, 3]
    assert told == [(3, COUNT), (4, COUNT)]
    assert_same(bank, making(tmp_path / "whole"))


def test_a_batch_that_cannot_be_made_is_told_and_made_the_next_time(tmp_path: Path) -> None:
    class Broken(Counted):
        def __call__(self, number: int) -> Batch:
            if number == 1:
                raise MemoryError("no room")
            return super().__call__(number)

    with pytest.raises(MemoryError, match="no room"):
        making(tmp_path / "bank", Broken())
    assert_same(making(tmp_path / "bank"), making(tmp_path / "whole"))


def test_what_lies_there_whole_is_not_made_again(tmp_path: Path) -> None:
    first = making(tmp_path / "bank")
    again = Counted()
    assert_same(first, making(tmp_path / "bank", again))
    assert again.asked == []


@pytest.mark.parametrize(
    ("changes", "size"),
    [({"data": "other"}, SIZE), ({"count": 3}, SIZE), ({}, 4)],
    ids=["name", "count", "size"],
)
def test_a_bank_of_anything_else_is_made_anew(tmp_path: Path, changes: dict[str, Any], size: int) -> None:
    making(tmp_path / "bank").rows[:] = 77
    anew = Counted(size)
    bank = making(tmp_path / "bank", anew, **changes)
    assert anew.asked == list(range(changes.get("count", COUNT)))
    assert len(bank) == len(anew.asked) * size
    assert 77 not in bank.rows


@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.parametrize("left", [None, 0, 40, 200], ids=["gone", "empty", "cut in its head", "cut short"])
def test_a_bank_of_which_a_file_is_damaged_is_made_anew(tmp_path: Path, name: str, left: int | None) -> None:
    making(tmp_path / "bank")
    damaged = tmp_path / "bank" / f"{name}.npy"
    if left is None:
        damaged.unlink()
    else:
        damaged.write_bytes(damaged.read_bytes()[:left])
    anew = Counted()
    assert_same(making(tmp_path / "bank", anew), making(tmp_path / "whole"))
    assert anew.asked == list(range(COUNT))
