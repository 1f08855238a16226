"""Worlds on disks of different abilities."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from organizer.execution.executor import Executor
from organizer.execution.filesystem import Filesystem
from organizer.execution.journal import Journal
from tests.execution.stage import ScriptedFilesystem, WithoutLinks, WithoutSafeRename, World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MEMORY = Path("/dev/shm")  # syncs cost nothing there, and in these tests they are only counted


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A filled inbox and an empty library, on the disk that tests use."""
    made = World(tmp_path / "world", tmp_path / "world" / "library")
    made.fill()
    return made


@pytest.fixture
def journal(world: World) -> Iterator[Journal]:
    with Journal(world.journal_path) as opened:
        yield opened


@pytest.fixture
def executor(journal: Journal) -> Executor:
    return Executor(journal, Filesystem(), clock=lambda: 1_000.0)


@pytest.fixture
def every_fault(request: pytest.FixtureRequest) -> bool:
    """Say whether every error is asked for at every call."""
    return bool(request.config.getoption("--every-fault"))


@pytest.fixture
def other_device(tmp_path: Path) -> Iterator[Path]:
    """A folder on another device than `MEMORY`: a tmpfs where that can be mounted, else the disk."""
    folder = tmp_path / "other"
    folder.mkdir()
    mounted = os.geteuid() == 0 and not subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(folder)], check=False, capture_output=True
    ).returncode  # fmt: skip
    if not os.access(MEMORY, os.W_OK) or folder.stat().st_dev == MEMORY.stat().st_dev:
        pytest.skip("needs a second device: /dev/shm")
    yield folder
    if mounted:
        subprocess.run(["umount", "-l", str(folder)], check=True, capture_output=True)


@pytest.fixture(params=["safe rename", "links", "reservations", "another device"])
def make_world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], World]]:
    """Make the same world again and again, on a disk with these abilities."""
    kind = {"links": WithoutSafeRename, "reservations": WithoutLinks}.get(request.param, ScriptedFilesystem)
    elsewhere = request.getfixturevalue("other_device") if request.param == "another device" else None
    with tempfile.TemporaryDirectory(dir=MEMORY if os.access(MEMORY, os.W_OK) else tmp_path) as folder:
        root = Path(folder) / "world"
        library = (elsewhere or root) / "library"

        def make() -> World:
            shutil.rmtree(root, ignore_errors=True)
            shutil.rmtree(library, ignore_errors=True)
            world = World(root, library, kind)
            world.fill()
            return world

        yield make
