from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

    from tests.cli.conftest import Ran


def test_the_unit_starts_the_organizer_of_this_installation(
    run: Callable[..., Ran], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "organizer").touch()
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python3"))
    ran = run("service", "print")
    assert ran.code == 0
    (start,) = [line for line in ran.out.splitlines() if line.startswith("ExecStart=")]
    assert start == f"ExecStart={tmp_path / 'organizer'} run"
    assert "Type=notify" in ran.out
