"""Real disks that are full or may only be read. Mounting them takes root."""

from __future__ import annotations

import os
import subprocess
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import pytest

from organizer.execution.executor import Executor
from organizer.execution.filesystem import Filesystem
from organizer.execution.journal import Journal
from organizer.planning.operations import MakeFolder, Plan
from tests.execution.stage import World, move

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def mounted(folder: Path, options: str) -> Iterator[Path]:
    folder.mkdir(exist_ok=True)
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=False, capture_output=True
    )
    if done.returncode:
        pytest.skip("needs the right to mount a tmpfs")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True, capture_output=True)


@pytest.fixture(autouse=True)
def _as_root() -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root to mount a tmpfs")


def plan_of(world: World, library: Path) -> Plan:
    names = ("c.txt", "big.wav", "d.wav")
    moves = [move(world.pack / name, library / "Kicks" / name) for name in names]
    return Plan(origin="pack", title="Pack", operations=(MakeFolder(path=library / "Kicks"), *moves))


def test_on_a_full_disk_each_file_fails_alone_and_is_filed_when_there_is_space(
    world: World, tmp_path: Path
) -> None:
    (world.pack / "big.wav").write_bytes(os.urandom(900_000))
    before = world.files()
    with mounted(tmp_path / "small", "size=512k") as library, closing(Journal(world.journal_path)) as journal:
        plan = plan_of(world, library)
        outcome = Executor(journal, Filesystem()).run(plan)
        assert [one.state for one in outcome.results] == ["done", "done", "failed", "done"]
        (failed,) = [one for one in outcome.results if one.state == "failed"]
        assert failed.error == f"The disk that holds {library / 'Kicks'} is full"
        assert failed.hint.startswith("Free some space")
        assert not failed.lasting
        assert sorted(path.name for path in (library / "Kicks").iterdir()) == ["c.txt", "d.wav"]
        subprocess.run(["mount", "-o", "remount,size=4m", str(library)], check=True)
        again = Executor(journal, Filesystem()).run(
            Plan(origin="pack", title="Pack", operations=plan.operations[2:3])
        )
        assert [one.state for one in again.results] == ["done"]
        for batch in (2, 1):
            Executor(journal, Filesystem()).run(world.undoing(journal, batch))
        assert world.files() == before


def test_a_disk_that_can_only_be_read_is_said_to_be_so(world: World, tmp_path: Path) -> None:
    before = world.files()
    (world.pack / "big.wav").write_bytes(b"big")
    with mounted(tmp_path / "fixed", "size=1m") as library, closing(Journal(world.journal_path)) as journal:
        (library / "Kicks").mkdir()
        plan = plan_of(world, library)
        subprocess.run(["mount", "-o", "remount,ro", str(library)], check=True)
        outcome = Executor(journal, Filesystem()).run(
            Plan(origin="pack", title="Pack", operations=plan.operations[1:])
        )
        assert {one.state for one in outcome.results} == {"failed"}
        assert all("can only be read" in one.error for one in outcome.results)
    assert {name: one for name, one in world.files().items() if "big" not in name} == before
