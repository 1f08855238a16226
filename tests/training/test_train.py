"""A run follows from its seed, and an interrupted one goes on as if it had not been."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from organizer.errors import UsageProblem  # noqa: E402 - only where torch is
from organizer.training.batches import Batches  # noqa: E402
from organizer.training.dataset import Row, Sounds, weights  # noqa: E402
from organizer.training.network import SAMPLERATE, WINDOW, Network, Shape  # noqa: E402
from organizer.training.train import Plan, Trainer  # noqa: E402

if TYPE_CHECKING:
    from numpy.typing import NDArray

pytestmark = pytest.mark.training

TINY = Shape(4, ((4,),))


class Silent:
    """Counts passes; with `stop_after`, interrupts the run."""

    def __init__(self, stop_after: int = 99) -> None:
        self.passes = 0
        self.losses: list[float] = []
        self._stop_after = stop_after

    def step(self, number: int, of: int, loss: float) -> None:
        assert 1 <= number <= of
        self.losses.append(loss)

    def finished_pass(self, number: int, of: int, loss: float, seconds: float, averaged: Network) -> None:
        assert number <= of
        assert loss > 0.0
        assert seconds > 0.0
        assert not averaged.training
        self.passes = number
        if number == self._stop_after:
            raise KeyboardInterrupt


def batches() -> Batches:
    rng = np.random.default_rng(0)
    rows = tuple(
        Row(path=Path(name), file=name, label=label, source="s", kit="k")
        for name, label in (("a", "kick"), ("b", "snare"), ("c", "synth"), ("d", "loop"))
    )
    waves: list[NDArray[np.int16]] = [
        (rng.normal(size=9_000) * np.exp(-np.arange(9_000) / 2_000) * 8_000).astype(np.int16) for _ in rows
    ]
    sounds = Sounds(rows, tuple(waves))
    return Batches(sounds, weights(rows), samplerate=SAMPLERATE, window=WINDOW, size=6, seed=1)


def trainer(state: Path | None = None, **changes: int) -> Trainer:
    torch.manual_seed(1)
    plan = Plan(steps_per_pass=2, passes=changes.get("passes", 3), seed=changes.get("seed", 1))
    return Trainer(Network(whole=TINY, attack=TINY), plan, state=state)


def test_a_batch_follows_from_its_number() -> None:
    first, again, other = batches()(5), batches()(5), batches()(6)
    torch.testing.assert_close(first.waves, again.waves)
    torch.testing.assert_close(first.labels, again.labels)
    assert not torch.equal(first.waves, other.waves)
    assert torch.isfinite(first.waves).all()
    torch.testing.assert_close(first.labels.sum(1), torch.ones(6))
    torch.testing.assert_close(first.kinds.sum(1), torch.ones(6))


def test_an_interrupted_run_ends_where_an_uninterrupted_one_does(tmp_path: Path) -> None:
    whole = trainer().run(batches(), Silent())
    state = tmp_path / "run.state"
    with pytest.raises(KeyboardInterrupt):
        trainer(state).run(batches(), Silent(stop_after=2))
    resumed = trainer(state)
    assert resumed.resume() == 2
    taken_up = resumed.run(batches(), Silent())
    for one, other in zip(whole.state_dict().values(), taken_up.state_dict().values(), strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


def test_a_run_with_other_settings_is_not_taken_up(tmp_path: Path) -> None:
    state = tmp_path / "run.state"
    trainer(state).run(batches(), Silent())
    with pytest.raises(UsageProblem, match="other settings"):
        trainer(state, passes=5).resume()


def test_what_is_no_state_is_refused(tmp_path: Path) -> None:
    broken, foreign = tmp_path / "broken.state", tmp_path / "foreign.state"
    broken.write_bytes(b"no state")
    torch.save({"other": 1}, foreign)
    for path in (broken, foreign):
        with pytest.raises(UsageProblem, match="state"):
            trainer(path).resume()
        with pytest.raises(UsageProblem, match="state"):
            trainer().start_from(path)


def test_a_run_can_begin_with_what_another_has_learnt(tmp_path: Path) -> None:
    first = trainer(tmp_path / "first.state").run(batches(), Silent())
    second = trainer(seed=2)
    assert second.start_from(tmp_path / "first.state").startswith("--seed 1 --passes 3")
    for one, other in zip(first.state_dict().values(), second.network.state_dict().values(), strict=True):
        torch.testing.assert_close(one, other)


def test_without_a_state_there_is_nothing_to_take_up(tmp_path: Path) -> None:
    assert trainer(tmp_path / "none.state").resume() == 0


def test_a_time_limit_ends_the_run_early() -> None:
    torch.manual_seed(1)
    ticks = iter(range(10_000))
    plan = Plan(steps_per_pass=2, passes=50, minutes=0.1)
    hurried = Trainer(Network(whole=TINY, attack=TINY), plan, clock=lambda: float(next(ticks)))
    listener = Silent()
    hurried.run(batches(), listener)
    assert listener.passes < 50
    assert hurried.seconds >= 6.0
