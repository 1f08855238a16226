"""Runs commands as a user would, in one process, in a home of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from organizer.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@dataclass(frozen=True)
class Ran:
    code: int | str | None
    out: str
    err: str


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ORGANIZER_HOME", str(tmp_path / "home"))
    return tmp_path


@pytest.fixture
def run(home: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    def run(*arguments: str | Path) -> Ran:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(one) for one in arguments])
        out, err = capsys.readouterr()
        return Ran(ended.value.code, out, err)

    assert home.exists()
    return run


@pytest.fixture
def ready(home: Path, run: Callable[..., Ran]) -> Path:
    """Set up an installation: `Inbox` and `Library` below the folder that is given."""
    assert run("init", "--inbox", home / "Inbox", "--library", home / "Library").code == 0
    return home
