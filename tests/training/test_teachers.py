"""A teacher learns nothing of the kits that it judges; what teachers say changes labels by the rule alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from organizer.labels import LABELS  # noqa: E402 - only where torch is
from organizer.training.audit import KEPT_OF_SOFTENED, Action, Suspect, folds  # noqa: E402
from organizer.training.batches import MADE, OUTSIDER  # noqa: E402
from organizer.training.dataset import NOT_A_LABEL  # noqa: E402
from organizer.training.examine import windows  # noqa: E402
from organizer.training.mixing import Mixing, Steps, label_targets  # noqa: E402
from organizer.training.network import WINDOW, Network  # noqa: E402
from organizer.training.teachers import TEACHERS_SHARE, Taught, softened, teach  # noqa: E402
from organizer.training.train import Plan  # noqa: E402
from tests.training.banks import bank_of  # noqa: E402
from tests.training.made import sounds_of  # noqa: E402

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from organizer.training.bank import Bank

pytestmark = pytest.mark.training

KICK, SNARE = LABELS.index("kick"), LABELS.index("snare")
SOUNDS = sounds_of("kick", "snare", "kick", "loop", kits=3)
FOLD_OF = folds(SOUNDS.rows, 2)
# Two changed sounds of each row, and of our own making a loop and an outsider.
ROWS = [0, 1, 2, 3, 0, 1, 2, 3, MADE, MADE]
BANK = bank_of([KICK, SNARE, KICK, NOT_A_LABEL] * 2 + [NOT_A_LABEL, OUTSIDER], rows=ROWS)


class Told:
    """Remembers the stages, and how many steps were learnt."""

    def __init__(self) -> None:
        self.stages: list[str] = []
        self.steps = 0

    def stage(self, name: str) -> None:
        self.stages.append(name)

    def listener(self) -> Told:
        return self

    def step(self, number: int, of: int, loss: float) -> None:
        assert number <= of
        assert loss > 0.0
        self.steps += 1

    def finished_pass(self, number: int, of: int, loss: float, seconds: float, averaged: Network) -> None:
        assert (number, of) == (1, 1)
        assert min(loss, seconds) > 0.0
        assert not averaged.training


def teaching(folder: Path, told: Told, *, resume: bool = False) -> Taught:
    return teach(
        BANK, SOUNDS, Plan(steps_per_pass=2, passes=1, seed=3), count=2, batch=4, folder=folder, device="cpu",
        stages=told, resume=resume,
    )  # fmt: skip


def test_each_teacher_learns_without_its_fold_and_is_heard_on_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learnt: list[list[int]] = []

    class Watched(Steps):
        def __init__(self, bank: Bank, *, places: NDArray[np.intp], **settings: Any) -> None:
            learnt.append(places.tolist())
            super().__init__(bank, places=places, **settings)

    monkeypatch.setattr("organizer.training.teachers.Steps", Watched)
    told = Told()
    taught = teaching(tmp_path, told)
    assert told.stages == ["teacher 1 of 2", "teacher 2 of 2"]
    assert told.steps == 4
    assert set(FOLD_OF) == {0, 1}
    assert learnt == [
        [place for place, row in enumerate(ROWS) if row == MADE or FOLD_OF[row] != fold] for fold in (0, 1)
    ]
    assert taught.of_bank.shape == (len(BANK), len(LABELS))
    np.testing.assert_allclose(taught.of_bank.sum(axis=1), 1.0, atol=1e-5)
    assert taught.of_rows.shape == (len(SOUNDS), len(LABELS))
    np.testing.assert_allclose(taught.of_rows.sum(axis=1), 1.0, atol=1e-5)

    # Each row as the one teacher hears it that knows none of its kit, the bank as both do on average.
    networks = [averaged(tmp_path / f"teacher-{number}.state") for number in (1, 2)]
    with torch.no_grad():
        waves = torch.from_numpy(windows(SOUNDS, WINDOW))
        of_rows = [network(waves).labels.softmax(1).numpy() for network in networks]
        of_bank = [network.hear(*BANK.pictures(np.arange(10))).labels.softmax(1) for network in networks]
    expected = np.stack([of_rows[fold][place] for place, fold in enumerate(FOLD_OF)])
    np.testing.assert_allclose(taught.of_rows, expected, atol=1e-5)
    assert np.abs(of_rows[0] - of_rows[1]).max() > 1e-3
    np.testing.assert_allclose(taught.of_bank, ((of_bank[0] + of_bank[1]) / 2.0).numpy(), atol=1e-5)

    # Teachers that have learnt are not taught again.
    again = Told()
    taken_up = teaching(tmp_path, again, resume=True)
    assert again.steps == 0
    np.testing.assert_allclose(taken_up.of_bank, taught.of_bank, atol=1e-5)
    np.testing.assert_allclose(taken_up.of_rows, taught.of_rows, atol=1e-5)


def averaged(state: Path) -> Network:
    network = Network()
    network.load_state_dict(torch.load(state, weights_only=True)["averaged"])
    return network.eval()


def suspect(row: int, action: Action) -> Suspect:
    return Suspect(
        row=row, sound="", label="kick", heard="tom", believed=0.0, confidence=1.0, action=action
    )  # fmt: skip


def test_suspects_are_dropped_or_softened_and_outsiders_left_as_they_are() -> None:
    rng = np.random.default_rng(1)
    heard = rng.dirichlet(np.ones(len(LABELS)), len(BANK)).astype(np.float32)
    taught = Taught(heard, np.zeros((len(SOUNDS), len(LABELS))))
    said = label_targets(BANK, Mixing()).astype(np.float64)
    targets, places = softened(BANK, said, taught, [suspect(0, Action.DROP), suspect(1, Action.SOFTEN)])
    assert places.tolist() == [place for place, row in enumerate(ROWS) if row != 0]

    def between(some: list[int], share_of_label: float) -> None:
        mixed = share_of_label * said[some] + (1.0 - share_of_label) * heard[some]
        np.testing.assert_allclose(targets[some], mixed, atol=1e-3)

    between([1, 5], KEPT_OF_SOFTENED * (1.0 - TEACHERS_SHARE))
    between([2, 6], 1.0 - TEACHERS_SHARE)
    between([9], 1.0)
    np.testing.assert_allclose(targets[[1, 2, 5, 6, 9]].sum(axis=1), 1.0, atol=5e-3)
    assert targets[1, SNARE] < 0.5 < targets[2, KICK]


def test_without_suspects_all_is_learnt_from() -> None:
    heard = np.full((len(BANK), len(LABELS)), 1.0 / len(LABELS), dtype=np.float32)
    taught = Taught(heard, np.zeros((len(SOUNDS), len(LABELS))))
    _, places = softened(BANK, label_targets(BANK, Mixing()), taught, ())
    assert places.tolist() == list(range(len(BANK)))
