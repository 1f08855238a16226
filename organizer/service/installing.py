"""Puts the service into the hands of the init system of its user, and takes it out again.

Linux: a systemd user unit. macOS: a launchd agent. Owns the one file of each, which is written and removed
only while it is ours, and the calls of `systemctl` or `launchctl`; knows nothing of what the service does.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from organizer.errors import OrganizerError
from organizer.service.units import LABEL, OURS, launchd_plist, systemd_unit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# systemctl answers at once or never.
PATIENCE = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What the init system says of the service."""

    file: Path
    written: bool  # our file is there
    enabled: bool  # it starts with the session
    active: bool
    pid: int | None
    said: str  # in the words of the init system


class InitSystem(Protocol):
    """One way of having a program started and watched over."""

    file: Path
    text: str

    def install(self) -> list[str]: ...
    def uninstall(self) -> list[str]: ...
    def state(self) -> State: ...
    @property
    def steps_of_install(self) -> list[str]: ...
    @property
    def steps_of_uninstall(self) -> list[str]: ...


def init_system(
    executable: Path | None, environ: Mapping[str, str], *, platform: str = sys.platform
) -> InitSystem:
    """Choose what this platform has; what is installed starts `executable`."""
    home = environ.get("ORGANIZER_HOME", "")
    if platform == "darwin":
        return Launchd(executable, home)
    return Systemd(executable, home, environ)


class Systemd:
    """A user unit, through `systemctl --user`."""

    def __init__(self, executable: Path | None, home: str, environ: Mapping[str, str]) -> None:
        config = environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
        self.file = Path(config) / "systemd" / "user" / f"{LABEL}.service"
        self.text = systemd_unit(executable, home=home)

    @property
    def steps_of_install(self) -> list[str]:
        return [f"write {self.file}", *map(_shown, self._install)]

    @property
    def steps_of_uninstall(self) -> list[str]:
        return [_shown(self._stop), f"remove {self.file}", _shown(self._reload)]

    _reload = ("systemctl", "--user", "daemon-reload")
    _install = (_reload, ("systemctl", "--user", "enable", "--now", LABEL))
    _stop = ("systemctl", "--user", "disable", "--now", LABEL)

    def install(self) -> list[str]:
        _write(self.file, self.text)
        for step in self._install:
            _run(step)
        return self.steps_of_install

    def uninstall(self) -> list[str]:
        _refuse_foreign(self.file)
        _run(self._stop, may_fail=True)  # a unit that never ran is nothing to stop
        self.file.unlink(missing_ok=True)
        _run(self._reload)
        return self.steps_of_uninstall

    def state(self) -> State:
        names = ("ActiveState", "SubState", "UnitFileState", "MainPID")
        said = _run(("systemctl", "--user", "show", LABEL, *(f"--property={name}" for name in names)))
        told = dict(line.partition("=")[::2] for line in said.splitlines() if "=" in line)
        pid = told.get("MainPID", "0")
        return State(
            file=self.file,
            written=_is_ours(self.file),
            enabled=told.get("UnitFileState", "").startswith("enabled"),
            active=told.get("ActiveState") in ("active", "reloading", "activating"),
            pid=int(pid) if pid.isdecimal() and int(pid) else None,
            said=f"{told.get('ActiveState', 'unknown')} ({told.get('SubState', 'unknown')})",
        )


class Launchd:
    """An agent of the user, through `launchctl`."""

    def __init__(self, executable: Path | None, home: str) -> None:
        self.file = Path.home() / "Library" / "LaunchAgents" / f"{LABEL}.plist"
        self.text = launchd_plist(executable, home=home)
        self._domain = f"gui/{os.getuid()}"

    @property
    def steps_of_install(self) -> list[str]:
        return [f"write {self.file}", _shown(self._start)]

    @property
    def steps_of_uninstall(self) -> list[str]:
        return [_shown(self._stop), f"remove {self.file}"]

    @property
    def _start(self) -> tuple[str, ...]:
        return ("launchctl", "bootstrap", self._domain, str(self.file))

    @property
    def _stop(self) -> tuple[str, ...]:
        return ("launchctl", "bootout", f"{self._domain}/{LABEL}")

    def install(self) -> list[str]:
        _write(self.file, self.text)
        _run(self._stop, may_fail=True)  # launchd reads a changed agent only after it was taken out
        _run(self._start)
        return self.steps_of_install

    def uninstall(self) -> list[str]:
        _refuse_foreign(self.file)
        _run(self._stop, may_fail=True)
        self.file.unlink(missing_ok=True)
        return self.steps_of_uninstall

    def state(self) -> State:
        try:
            said = _run(("launchctl", "print", f"{self._domain}/{LABEL}"))
        except OrganizerError:
            said = ""
        told = dict(line.strip().partition(" = ")[::2] for line in said.splitlines() if " = " in line)
        pid = told.get("pid", "")
        return State(
            file=self.file,
            written=_is_ours(self.file),
            enabled=bool(said),
            active=told.get("state") == "running",
            pid=int(pid) if pid.isdecimal() else None,
            said=told.get("state", "not loaded"),
        )


def _is_ours(file: Path) -> bool:
    try:
        return OURS in file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False


def _refuse_foreign(file: Path) -> None:
    if os.path.lexists(file) and not _is_ours(file):
        raise OrganizerError(
            f"{file} was not written by Organizer, and stays",
            path=file,
            hint="Look at it; move it away if nobody needs it",
        )


def _write(file: Path, text: str) -> None:
    """Write the file whole or not at all; one of somebody else stays."""
    _refuse_foreign(file)
    temp = file.with_name(f".{file.name}.new")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        temp.write_text(text, encoding="utf-8")
        temp.replace(file)
    except OSError as error:
        temp.unlink(missing_ok=True)
        raise OrganizerError(
            f"{file} cannot be written: {error.strerror}", path=file, hint="Check the rights of its folder"
        ) from error


def _run(command: Sequence[str], *, may_fail: bool = False) -> str:
    """Run one command of the init system, and give what it prints."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
    except FileNotFoundError as error:
        raise OrganizerError(
            f"there is no {command[0]} on this machine",
            hint="`organizer service print` prints the unit, for whatever starts programs here",
        ) from error
    except subprocess.TimeoutExpired as error:
        raise OrganizerError(f"{_shown(command)} does not answer", hint="Try again later") from error
    if done.returncode and not may_fail:
        said = (done.stderr or done.stdout).strip().replace("\n", "; ")
        raise OrganizerError(
            f"{_shown(command)} failed: {said or f'exit {done.returncode}'}",
            hint="Is there a user session? On a server: loginctl enable-linger, then log in again",
        )
    return done.stdout


def _shown(command: Sequence[str]) -> str:
    return " ".join(command)
