from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

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


def test_the_commands_say_what_they_do(
    run: Callable[..., Ran],
    asked_of_init: Callable[[], list[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    unit = Path.home() / ".config/systemd/user/organizer.service"
    assert run("service", "install", "--dry-run").out.splitlines()[0] == f"would write {unit}"
    assert (asked_of_init(), unit.exists()) == ([], False)
    assert json.loads(run("service", "install", "--json").out)["done"] is True
    assert unit.read_text() == run("service", "print").out
    (tmp_path / "answer").write_text(
        "ActiveState=active\nSubState=running\nUnitFileState=enabled\nMainPID=7\n"
    )
    ran = run("service", "status")
    assert ran.code == 0
    assert ran.out == f"installed: {unit}\nactive (running), starts with your session\n"
    (tmp_path / "answer").write_text("ActiveState=inactive\nSubState=dead\n")
    assert run("service", "status", "--json").code == 6
    assert run("service", "uninstall").out.splitlines()[1] == f"remove {unit}"


def test_a_pause_is_said_and_ended(run: Callable[..., Ran], ready: Path) -> None:
    assert run("pause").out == "Nothing is filed until `organizer resume`\n"
    assert (ready / "home" / "state" / "pause.json").exists()
    told = json.loads(run("pause", "--for", "2h", "--json").out)
    assert 7_000 < told["until"] - time.time() <= 7_200
    assert run("resume").out == "Filing goes on\n"
    assert run("resume").out == "There was no pause\n"
    assert "is no length of time" in run("pause", "--for", "soon").err
