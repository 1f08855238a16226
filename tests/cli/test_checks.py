"""What the doctor finds of disks, units, locks and the state folder, each as it really is."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from organizer.cli.checks import folds_case, lingers
from organizer.execution.locks import execution_lock
from tests.execution.disks import EXFAT, plugged

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from tests.cli.conftest import Ran

    Run = Callable[..., Ran]


def findings(run: Run, subject: str) -> list[tuple[str, str]]:
    """Give grades and words of one subject."""
    told = json.loads(run("doctor", "--json").out)
    return [(one["grade"], one["what"]) for one in told if one["subject"] == subject]


def test_a_disk_that_folds_letter_case_is_known_by_its_entries(tmp_path: Path) -> None:
    here = tmp_path / "Here"
    here.mkdir()
    assert not folds_case(here)
    (here / "Kick.wav").touch()
    assert not folds_case(here)
    assert not folds_case(tmp_path / "gone")
    with plugged(EXFAT, tmp_path / "Drive") as disk:
        disk.library.rmdir()
        assert not folds_case(disk.folder)
        (disk.folder / "Kick.wav").touch()
        assert folds_case(disk.folder)
        (disk.folder / "Kick.wav").unlink()


def test_a_library_on_an_external_drive_is_told_what_that_means(run: Run, home: Path, tmp_path: Path) -> None:
    with plugged(EXFAT, tmp_path / "Drive") as disk:
        library = disk.library
        assert run("init", "--inbox", home / "Inbox", "--library", library).code == 0
        (library / "Kicks").mkdir()
        told = findings(run, "library")
    assert any("for one name (fuse" in what and grade == "OK" for grade, what in told)
    assert any("may number its files anew" in what for _, what in told)


def test_the_state_folder_is_the_users_alone(run: Run, ready: Path) -> None:
    state = ready / "home" / "state"
    assert findings(run, "state")[0][0] == "OK"
    run("run", "--once")
    state.chmod(0o755)
    assert findings(run, "state") == [("WARN", f"{state} is open to others")]
    state.chmod(0o700)
    ((grade, what),) = findings(run, "state")
    assert (grade, what.startswith(f"{state}, ")) == ("OK", True)


def test_whoever_changes_files_just_now_is_named(run: Run, ready: Path) -> None:
    assert findings(run, "lock") == []
    with execution_lock(ready / "home" / "state", wait=0.0, what="undo 3"):
        ((grade, what),) = findings(run, "lock")
    assert (grade, what.startswith("files are being changed by undo 3 (process")) == ("OK", True)


def test_the_unit_is_looked_at(
    run: Run, ready: Path, asked_of_init: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    assert findings(run, "unit")[0][1].startswith("not installed")
    assert asked_of_init() == []
    run("service", "install")
    answer = ready / "answer"
    answer.write_text("ActiveState=active\nSubState=running\nUnitFileState=enabled\nMainPID=7\n")
    unit = Path.home() / ".config/systemd/user/organizer.service"
    assert findings(run, "unit")[0] == ("OK", f"{unit}: active (running), starts with your session")
    answer.write_text("ActiveState=inactive\nSubState=dead\nUnitFileState=disabled\n")
    unit.write_text(unit.read_text() + "# mine\n")
    assert findings(run, "unit")[:2] == [
        ("WARN", f"{unit} is not what this installation would write"),
        ("WARN", f"{unit} does not start with your session"),
    ]
    (ready / "refuses").touch()
    assert ("WARN", "systemctl --user show") in [(grade, what[:21]) for grade, what in findings(run, "unit")]


def test_a_user_lingers_whose_name_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "drummer")
    assert not lingers(tmp_path)
    (tmp_path / "drummer").touch()
    assert lingers(tmp_path)


def test_notes_are_looked_at_where_they_are_wanted(
    run: Run, ready: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert findings(run, "notes") == []
    config = ready / "home" / "config.toml"
    config.write_text(config.read_text().replace("notify = false", "notify = true"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(ready / "none"))
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    ((grade, what),) = findings(run, "notify")
    assert (grade, what.startswith("no notes on the desktop: ")) == ("WARN", True)
    ((_, versions),) = findings(run, "versions")
    assert "watchdog" in versions
