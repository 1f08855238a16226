"""^C and SIGTERM in the middle of a command: nothing is half done, and the next one goes on."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

import click
import pytest

from organizer.cli.interrupts import Interrupts
from organizer.cli.output import Progress
from organizer.demo.sounds import DEMO_PACK
from organizer.execution import looking
from organizer.execution.syscalls import is_temp
from organizer.recognition import identity
from organizer.stopping import Stopped

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., Any]
    Make = Callable[..., Path]
    TreeOf = Callable[[Path], dict[str, tuple[str, int, int]]]

TAGS = 'version = 1\n[[rule]]\nname = "All"\nthen = [{ move = "All/{name}" }, { tag = { genre = "x" } }]\n'


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "BLOCK", 1 << 10)
    monkeypatch.setattr(identity, "_READ_BYTES", 1 << 10)


class Signalling:
    """Stands in for the progress bar: sends a signal to this process when it is told for the n-th time."""

    def __init__(self, patch: pytest.MonkeyPatch, number: signal.Signals, stage: str, *, at: int) -> None:
        self.told = 0

        def tell(_self: Progress, what: str, _done: int, _total: int) -> None:
            self.told += what.startswith(stage)
            if self.told == at:
                self.told += 1
                os.kill(os.getpid(), number)

        patch.setattr(Progress, "__call__", tell)


def temps_below(*folders: Path) -> list[Path]:
    return [path for folder in folders for path in folder.rglob("*") if is_temp(path.name)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("stage", ["listening", "filing"])
@pytest.mark.usefixtures("small_blocks")
def test_a_sort_that_is_interrupted_is_brought_to_its_end_by_the_next(
    run: Run,
    ready: Path,
    make_pack: Make,
    monkeypatch: pytest.MonkeyPatch,
    number: signal.Signals,
    stage: str,
) -> None:
    (ready / "home" / "rules" / "default.toml").write_text(TAGS)
    pack, library = make_pack(ready / "Kit"), ready / "Library"
    monkeypatch.setattr("organizer.batch.proposing.BEAT", 1)
    with monkeypatch.context() as patch:
        Signalling(patch, number, stage, at=2)
        ran = run("sort", pack, "--yes")
    assert ran.code == 128 + number
    assert "Stopped. What was begun is brought to its end" in ran.err
    assert temps_below(pack, library) == []
    left, filed = (len(list(folder.rglob("*.wav"))) for folder in (pack, library))
    assert (left + filed, left > 0) == (len(DEMO_PACK), True)
    assert run("sort", pack, "--yes").code == 0
    assert len(list(library.rglob("*.wav"))) == len(DEMO_PACK)


@pytest.mark.usefixtures("small_blocks")
def test_an_undo_that_is_interrupted_is_brought_to_its_end_by_the_next_start(
    run: Run, ready: Path, make_pack: Make, tree_of: TreeOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    (ready / "home" / "rules" / "default.toml").write_text(TAGS)
    pack, library = make_pack(ready / "Inbox" / "Kit"), ready / "Library"
    before = tree_of(ready / "Inbox")
    assert run("run", "--once").code == 0
    with monkeypatch.context() as patch:
        Signalling(patch, signal.SIGINT, "undo of", at=3)
        ran = run("undo", "--yes")
    assert ran.code == 130
    assert "put back as batch 2" in ran.out
    assert temps_below(pack, library) == []
    assert any(library.rglob("*.wav"))
    assert run("run", "--once").code == 0
    assert tree_of(ready / "Inbox") == before
    assert not any(library.rglob("*.wav"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_is_a_question_and_the_second_an_order(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt), Interrupts() as interrupted:
        assert not interrupted()
        os.kill(os.getpid(), number)
        assert interrupted()
        os.kill(os.getpid(), number)
    assert signal.getsignal(number) is before


def test_what_was_stopped_ends_with_the_code_of_the_signal(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(click.exceptions.Exit) as ended, Interrupts():
        os.kill(os.getpid(), signal.SIGTERM)
        raise Stopped
    assert ended.value.exit_code == 128 + signal.SIGTERM
    assert capsys.readouterr().err.startswith("Stopped.")
