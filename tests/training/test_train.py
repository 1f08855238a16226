"""A run follows from its seed, and an interrupted one goes on as if it had not been."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from organizer.errors import UsageProblem  # noqa: E402 - only where torch is
from organizer.labels import LABELS  # noqa: E402
from organizer.training.batches import OUTSIDER  # noqa: E402
from organizer.training.dataset import NOT_A_LABEL  # noqa: E402
from organizer.training.mixing import Step, Steps  # noqa: E402
from organizer.training.network import Network, Shape  # noqa: E402
from organizer.training.train import Plan, Trainer  # noqa: E402
from tests.training.banks import bank_of  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from torch import Tensor

pytestmark = pytest.mark.training

TINY = Shape(4, ((4,),))
KICK, SNARE, SYNTH = (LABELS.index(label) for label in ("kick", "snare", "synth"))


class Silent:
    """Counts passes; with `stop_after`, interrupts the run."""

    def __init__(self, stop_after: int = 99) -> None:
        self.passes = 0
        self.steps: list[int] = []
        self.losses: list[float] = []
        self._stop_after = stop_after

    def step(self, number: int, of: int, loss: float) -> None:
        assert 1 <= number <= of
        self.steps.append(number)
        self.losses.append(loss)

    def finished_pass(self, number: int, of: int, loss: float, seconds: float, averaged: Network) -> None:
        assert number <= of
        assert loss > 0.0
        assert seconds > 0.0
        assert not averaged.training
        self.passes = number
        if number == self._stop_after:
            raise KeyboardInterrupt


def steps() -> Steps:
    sounds = [KICK, SNARE, SYNTH, NOT_A_LABEL, NOT_A_LABEL, OUTSIDER] * 3
    return Steps(bank_of(sounds, contents=["", "", "", "drums", "", ""] * 3), size=9, seed=1)


def trainer(state: Path | None = None, **changes: Any) -> Trainer:
    torch.manual_seed(1)
    plan = replace(Plan(steps_per_pass=2, passes=3, seed=1, data="d"), **changes)
    return Trainer(Network(whole=TINY, attack=TINY), plan, state=state)


def weights_of(network: Network) -> Mapping[str, Tensor]:
    weights: Mapping[str, Tensor] = network.state_dict()
    return weights


def assert_close(one: Network, other: Network) -> None:
    for mine, yours in zip(weights_of(one).values(), weights_of(other).values(), strict=True):
        torch.testing.assert_close(mine, yours, atol=1e-5, rtol=1e-4)


def test_an_interrupted_run_ends_where_an_uninterrupted_one_does(tmp_path: Path) -> None:
    uninterrupted, listener = Silent(), Silent()
    whole = trainer().run(steps(), uninterrupted)
    assert uninterrupted.steps == [1, 2, 3, 4, 5, 6]
    state = tmp_path / "run.state"
    with pytest.raises(KeyboardInterrupt):
        trainer(state).run(steps(), Silent(stop_after=2))
    resumed = trainer(state)
    assert resumed.resume() == resumed.passes_done == 2
    taken_up = resumed.run(steps(), listener)
    assert listener.steps == [5, 6]
    assert listener.losses == pytest.approx(uninterrupted.losses[4:], rel=1e-4)
    assert_close(whole, taken_up)


def test_other_seeds_learn_otherwise() -> None:
    one, other = trainer().run(steps(), Silent()), trainer(seed=2).run(steps(), Silent())
    assert not torch.allclose(one.embed.weight, other.embed.weight, atol=1e-5)


def test_a_run_learns() -> None:
    listener = Silent()
    trainer(passes=30, rate=1e-2).run(steps(), listener)
    assert sum(listener.losses[-6:]) < 0.9 * sum(listener.losses[:6])


@pytest.mark.parametrize(
    "changes",
    [{"passes": 5}, {"seed": 2}, {"data": "other"}, {"rate": 1e-3}],
    ids=str,
)
def test_a_run_with_other_settings_is_not_taken_up(tmp_path: Path, changes: dict[str, Any]) -> None:
    state = tmp_path / "run.state"
    trainer(state, passes=1).run(steps(), Silent())
    with pytest.raises(UsageProblem, match="other settings"):
        trainer(state, **{"passes": 1, **changes}).resume()


def test_a_run_is_taken_up_on_another_number_of_cores(tmp_path: Path) -> None:
    state = tmp_path / "run.state"
    trainer(state, threads=1).run(steps(), Silent())
    assert trainer(state, threads=8).resume() == 3


def test_what_is_no_state_is_refused(tmp_path: Path) -> None:
    broken, foreign = tmp_path / "broken.state", tmp_path / "foreign.state"
    broken.write_bytes(b"no state")
    torch.save({"other": 1}, foreign)
    for path in (broken, foreign):
        with pytest.raises(UsageProblem, match="state"):
            trainer(path).resume()


def test_without_a_state_there_is_nothing_to_take_up(tmp_path: Path) -> None:
    assert trainer(tmp_path / "none.state").resume() == 0
    assert trainer().resume() == 0


def test_the_time_of_all_sittings_is_told(tmp_path: Path) -> None:
    def sitting() -> Trainer:
        ticks = iter(range(10_000))
        plan = Plan(steps_per_pass=2, passes=3)
        return Trainer(
            Network(whole=TINY, attack=TINY), plan, state=tmp_path / "run.state",
            clock=lambda: float(next(ticks)),
        )  # fmt: skip

    with pytest.raises(KeyboardInterrupt):
        sitting().run(steps(), Silent(stop_after=2))
    second = sitting()
    second.resume()
    second.run(steps(), Silent())
    assert second.seconds == pytest.approx(6.0)  # a second for each step


def scrambled(what: str, where: str, *, known: float) -> Callable[[int], Step]:
    """Give steps in which `what` is another, wherever `where` is `known`."""
    plain = steps()

    def other(number: int) -> Step:
        step = plain(number)
        rows = getattr(step, where) == known
        changed = getattr(step, what).clone()
        changed[rows] = changed[rows].roll(1, dims=1) + 0.1
        return replace(step, **{what: changed})

    return other


@pytest.mark.parametrize(
    ("what", "where"), [("labels", "named"), ("kinds", "of_kind"), ("contents", "filled")]
)
def test_what_is_not_known_teaches_nothing(what: str, where: str) -> None:
    plain = trainer(passes=1).run(steps(), Silent())
    assert_close(plain, trainer(passes=1).run(scrambled(what, where, known=0.0), Silent()))
    taught = trainer(passes=1).run(scrambled(what, where, known=1.0), Silent())
    assert not torch.allclose(plain.embed.weight, taught.embed.weight, atol=1e-5)
