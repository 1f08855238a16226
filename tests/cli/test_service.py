from __future__ import annotations

import signal
import subprocess
import sys
import time
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


def test_a_service_asked_to_reload_while_it_starts_lives_on(ready: Path) -> None:
    running = subprocess.Popen([sys.executable, "-m", "organizer", "run"], stderr=subprocess.DEVNULL)
    try:
        state = ready / "home" / "state"
        while not (state / "service.holder.json").exists():  # the lock is held, the model is being loaded
            assert running.poll() is None
            time.sleep(0.01)
        running.send_signal(signal.SIGHUP)
        while not (state / "service.json").exists():
            assert running.poll() is None
            time.sleep(0.05)
    finally:
        running.terminate()
        assert running.wait(30) == 0
