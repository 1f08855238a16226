"""The unit is put in place and taken away by the commands of the init system, here ones that only tell."""

from __future__ import annotations

import os
import plistlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from organizer.errors import OrganizerError
from organizer.service.installing import Launchd, Systemd, init_system
from organizer.service.units import launchd_plist, systemd_unit

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def systemd() -> Systemd:
    return Systemd(Path("/opt/venv/bin/organizer"), "", {})


def test_a_unit_is_written_and_started(systemd: Systemd, asked_of_init: Callable[[], list[str]]) -> None:
    steps = systemd.install()
    assert systemd.file == Path.home() / ".config/systemd/user/organizer.service"
    assert systemd.file.read_text() == systemd_unit(Path("/opt/venv/bin/organizer"))
    asked = ["systemctl --user daemon-reload", "systemctl --user enable --now organizer"]
    assert asked_of_init() == asked
    assert steps == [f"write {systemd.file}", *asked]
    systemd.install()  # of a newer release, over its own
    assert [one.name for one in systemd.file.parent.iterdir()] == ["organizer.service"]


def test_a_unit_is_stopped_and_removed(systemd: Systemd, asked_of_init: Callable[[], list[str]]) -> None:
    systemd.install()
    systemd.uninstall()
    assert asked_of_init()[2:] == [
        "systemctl --user disable --now organizer",
        "systemctl --user daemon-reload",
    ]
    assert not systemd.file.exists()
    systemd.uninstall()  # once more does no harm


def test_a_unit_of_somebody_else_stays(systemd: Systemd, asked_of_init: Callable[[], list[str]]) -> None:
    systemd.file.parent.mkdir(parents=True)
    systemd.file.write_text("[Unit]\nDescription=another organizer\n")
    for act in (systemd.install, systemd.uninstall):
        with pytest.raises(OrganizerError, match="was not written by Organizer"):
            act()
    assert systemd.file.read_text() == "[Unit]\nDescription=another organizer\n"
    assert asked_of_init() == []


def test_what_systemd_refuses_is_told_with_a_hint(
    systemd: Systemd, asked_of_init: Callable[[], list[str]], tmp_path: Path
) -> None:
    (tmp_path / "refuses").touch()
    with pytest.raises(OrganizerError, match="daemon-reload failed: Failed to connect to bus") as raised:
        systemd.install()
    assert "enable-linger" in raised.value.hint
    assert asked_of_init() == ["systemctl --user daemon-reload"]


def test_a_machine_without_systemd_is_told_so(systemd: Systemd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(OrganizerError, match="there is no systemctl") as raised:
        systemd.install()
    assert "service print" in raised.value.hint


@pytest.mark.parametrize(
    ("answer", "enabled", "active", "pid"),
    [
        ("ActiveState=active\nSubState=running\nUnitFileState=enabled\nMainPID=77\n", True, True, 77),
        ("ActiveState=inactive\nSubState=dead\nUnitFileState=\nMainPID=0\n", False, False, None),
        ("ActiveState=failed\nSubState=failed\nUnitFileState=enabled\nMainPID=0\n", True, False, None),
        ("", False, False, None),
    ],
)
def test_what_systemd_says_is_understood(
    systemd: Systemd,
    asked_of_init: Callable[[], list[str]],
    tmp_path: Path,
    answer: str,
    enabled: bool,
    active: bool,
    pid: int | None,
) -> None:
    (tmp_path / "answer").write_text(answer)
    state = systemd.state()
    assert (state.written, state.enabled, state.active, state.pid) == (False, enabled, active, pid)
    assert asked_of_init()[0].startswith("systemctl --user show organizer --property=ActiveState")


def test_the_folder_that_organizer_home_names_goes_along() -> None:
    system = init_system(None, {"ORGANIZER_HOME": '/my "odd" 100% home'}, platform="linux")
    assert 'Environment="ORGANIZER_HOME=/my \\"odd\\" 100%% home"\n' in system.text
    agent = plistlib.loads(launchd_plist(Path("/opt/organizer"), home="/my home").encode())
    assert agent["EnvironmentVariables"] == {"ORGANIZER_HOME": "/my home"}


def test_launchd_gets_an_agent(asked_of_init: Callable[[], list[str]], tmp_path: Path) -> None:
    system = init_system(Path("/opt/organizer"), {}, platform="darwin")
    assert isinstance(system, Launchd)
    system.install()
    agent = plistlib.loads(system.file.read_bytes())
    assert agent["ProgramArguments"] == ["/opt/organizer", "run"]
    assert (agent["RunAtLoad"], agent["KeepAlive"]) == (True, {"SuccessfulExit": False})
    domain = f"gui/{os.getuid()}"
    assert asked_of_init() == [
        f"launchctl bootout {domain}/organizer",
        f"launchctl bootstrap {domain} {system.file}",
    ]
    (tmp_path / "answer").write_text("gui/501/organizer = {\n\tstate = running\n\n\tpid = 77\n}\n")
    state = system.state()
    assert (state.written, state.enabled, state.active, state.pid) == (True, True, True, 77)
    system.uninstall()
    assert not system.file.exists()
