"""Nothing is sent anywhere: no socket of a network is ever opened, and nothing is left for others to send."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

REPOSITORY = Path(__file__).parents[1]
# What is asked for of the kernel, by the name of the address family.
NETWORK = re.compile(r"(?:socket|connect|sendto)\(.*AF_INET6?")

pytestmark = pytest.mark.skipif(shutil.which("strace") is None, reason="needs the program strace")


def traced(command: list[str], environ: dict[str, str], log: Path) -> str:
    """Run a command and give every call that has to do with sockets, of it and of all that it starts."""
    subprocess.run(
        ["strace", "-f", "-e", "trace=socket,connect,sendto,sendmsg", "-o", str(log), *command],
        env=environ,
        cwd=REPOSITORY,
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=120,
    )
    return log.read_text(errors="replace")


def test_the_trace_sees_who_opens_a_socket(tmp_path: Path) -> None:
    opens = "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close()"
    assert NETWORK.search(traced([sys.executable, "-c", opens], dict(os.environ), tmp_path / "log"))


def test_filing_a_pack_opens_no_network_and_leaves_nothing_in_the_home_folder(
    tmp_path: Path, make_pack: Callable[..., Path]
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "ORGANIZER_HOME": str(tmp_path / "organizer"),
        "PYTHONPATH": str(REPOSITORY),
    }
    organizer = [sys.executable, "-m", "organizer"]
    inbox, library = tmp_path / "Inbox", tmp_path / "Library"
    init = [*organizer, "init", "--inbox", str(inbox), "--library", str(library)]
    subprocess.run(init, env=environ, cwd=REPOSITORY, check=True, stdout=subprocess.DEVNULL)
    make_pack(inbox / "Kit", {"Kicks/VEH1 Bassdrum 001.wav": "Kick.wav"})
    said = traced([*organizer, "run", "--once"], environ, tmp_path / "log")
    assert [path.name for path in library.rglob("*.wav")] == ["Kick.wav"]
    assert NETWORK.search(said) is None
    assert [str(path.relative_to(home)) for path in home.rglob("*") if path.is_file()] == []
