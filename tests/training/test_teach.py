"""A teacher's answers are a share of the labels, and of nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")
pytest.importorskip("onnx", reason="needs the extra 'train'")

from organizer.errors import UsageProblem  # noqa: E402 - only where torch is
from organizer.training.batches import Batch  # noqa: E402
from organizer.training.export import export  # noqa: E402
from organizer.training.network import WINDOW, Network, Shape  # noqa: E402
from organizer.training.recipe import teacher_of  # noqa: E402
from organizer.training.teach import Taught  # noqa: E402

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.training

TINY = Shape(4, ((4,),))


def a_batch(number: int) -> Batch:
    waves = torch.randn(5, WINDOW, generator=torch.Generator().manual_seed(number))
    named = torch.tensor([1.0, 1.0, 1.0, 1.0, 0.0])
    return Batch(waves, torch.eye(22)[:5], named, torch.eye(2)[[0, 0, 0, 0, 1]])


def test_labels_are_partly_what_the_teacher_hears_in_that_very_batch(tmp_path: Path) -> None:
    torch.manual_seed(4)
    export(Network(whole=TINY, attack=TINY).eval(), tmp_path / "old.onnx", metadata={})
    teacher = teacher_of(tmp_path / "old.onnx", 1)
    plain, taught = a_batch(7), Taught(a_batch, teacher, share=0.25)(7)
    heard = torch.from_numpy(teacher.hear(plain.waves.numpy()).labels)
    torch.testing.assert_close(taught.labels, 0.75 * plain.labels + 0.25 * heard)
    torch.testing.assert_close(taught.labels.sum(1), torch.ones(5))
    for one, other in ((taught.waves, plain.waves), (taught.named, plain.named), (taught.kinds, plain.kinds)):
        torch.testing.assert_close(one, other)


def test_a_teacher_that_hears_other_waveforms_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export(Network(whole=TINY, attack=TINY).eval(), tmp_path / "old.onnx", metadata={})
    monkeypatch.setattr("organizer.training.recipe.WINDOW", WINDOW // 2)
    with pytest.raises(UsageProblem, match="other waveforms"):
        teacher_of(tmp_path / "old.onnx", 1)
