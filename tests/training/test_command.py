"""The two commands say how they are used, and what is missing, without torch."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from organizer.cli.train import evaluate, train
from organizer.errors import UsageProblem

if TYPE_CHECKING:
    from pathlib import Path

    import click


def run(command: click.Command, *words: str | Path) -> None:
    CliRunner().invoke(command, [str(word) for word in words], catch_exceptions=False)


@pytest.mark.parametrize("command", [train, evaluate], ids=["train", "evaluate"])
def test_help_has_an_example(command: click.Command) -> None:
    shown = CliRunner().invoke(command, ["--help"])
    assert shown.exit_code == 0
    assert f"organizer {command.name} manifest.csv --root" in shown.output


def test_training_without_its_extra_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "m.csv").write_text("file,label\na.wav,kick\n")
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "torch" else find(name, *rest)
    )
    with pytest.raises(UsageProblem, match="needs torch") as refused:
        run(train, tmp_path / "m.csv")
    assert refused.value.hint == "In the checkout: pip install '.[train]'"


def test_a_split_that_is_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("file,label,split\na.wav,kick,train\n")
    with pytest.raises(UsageProblem, match="no row of the split valid"):
        run(evaluate, tmp_path / "m.csv", "--split", "valid")
