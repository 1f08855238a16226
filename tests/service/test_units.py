from __future__ import annotations

import configparser
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from organizer.service.units import USUAL_COMMAND, systemd_unit

SHIPPED = Path(__file__).parents[2] / "systemd" / "organizer.service"


def parsed(text: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, strict=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # keep the case, as documented
    parser.read_string(text)
    return parser


def test_the_shipped_unit_is_the_rendered_one() -> None:
    assert SHIPPED.read_text() == systemd_unit()
    assert parsed(systemd_unit())["Service"]["ExecStart"] == f"{USUAL_COMMAND} run"


def test_the_unit_has_nothing_that_would_split_the_disk_or_close_the_library() -> None:
    service = set(parsed(systemd_unit())["Service"])
    assert {"Type", "WatchdogSec", "Restart", "Nice", "IOSchedulingClass", "NoNewPrivileges"} <= service
    mount_options = {"ProtectHome", "ProtectSystem", "ReadWritePaths", "ReadOnlyPaths", "BindPaths"}
    mount_options |= {"InaccessiblePaths", "PrivateTmp", "PrivateDevices", "PrivateNetwork", "RootDirectory"}
    assert not service & (mount_options | {"UMask", "StateDirectory", "User"})


@pytest.mark.parametrize(
    ("path", "written"),
    [
        ("/opt/venv/bin/organizer", "/opt/venv/bin/organizer"),
        ("/home/me/My Music/organizer", '"/home/me/My Music/organizer"'),
        ("/odd/100%/$HOME/organizer", "/odd/100%%/$HOME/organizer"),
        ('/odd/"q"/organizer', '"/odd/\\"q\\"/organizer"'),
    ],
)
def test_the_command_is_one_word_of_its_own(path: str, written: str) -> None:
    assert parsed(systemd_unit(Path(path)))["Service"]["ExecStart"] == f"{written} run"


@pytest.mark.parametrize("folder", ["plain", "with space, $HOME and 100%"])
def test_systemd_accepts_the_unit(tmp_path: Path, folder: str) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed")
    command = tmp_path / folder / "organizer"
    command.parent.mkdir()
    command.symlink_to(sys.executable)
    unit = tmp_path / "organizer.service"
    unit.write_text(systemd_unit(command))
    done = subprocess.run(
        [analyze, "--user", "verify", str(unit)],
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
