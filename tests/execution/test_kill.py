"""A real process is killed in the middle of a batch, again and again, until the batch is done."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING

from organizer.execution.executor import Executor
from organizer.execution.filesystem import Filesystem
from organizer.execution.journal import Journal
from organizer.execution.recovery import recover
from organizer.planning.operations import (
    Copy,
    KeepFolderTime,
    MakeFolder,
    Operation,
    Plan,
    RemoveFolder,
    WriteSidecar,
)
from organizer.planning.undo import invert
from organizer.recognition.identity import content_hash
from tests.execution.stage import World, move

if TYPE_CHECKING:
    from pathlib import Path

FILES = 240
KILLS = 8

# One process of ours: it recovers, and with a plan still to begin it begins it. Small pauses at the
# system calls spread the kills over all of them.
WORKING = """
import sys, time
from pathlib import Path
from organizer.execution import executor
from organizer.execution.filesystem import Filesystem
from organizer.execution.journal import Journal
from organizer.execution.recovery import recover

executor.CHUNK = 40

def slowly(call):
    def wrapped(*arguments):
        time.sleep(0.0005)
        return call(*arguments)
    return wrapped

files = Filesystem()
for name in files.PRIMITIVES:
    setattr(files, name, slowly(getattr(files, name)))
with Journal(Path(sys.argv[1])) as journal:
    print("working", flush=True)
    recover(journal, files, executor.Executor(journal, files))
"""


def plan_of(world: World) -> Plan:
    kept, operations = world.pack / "Many", list[Operation]()
    for number in range(FILES):
        source = kept / f"{number:03}.wav"
        target = world.library / str(number % 4) / source.name
        operations.append(move(source, target))
        if number % 5 == 0:
            copy = world.library / "Copies" / source.name
            operations.append(Copy(source=target, target=copy, content_hash=content_hash(source)))
            operations.append(WriteSidecar(path=target.with_name(f"{target.name}.json"), content=f"{number}"))
    folders = [MakeFolder(path=world.library / name) for name in ("0", "1", "2", "3", "Copies")]
    return Plan(
        origin="pack",
        title="Many",
        operations=(
            KeepFolderTime(path=kept, mtime_ns=kept.stat().st_mtime_ns),
            *folders,
            *operations,
            RemoveFolder(path=kept, mode=kept.stat().st_mode),
        ),
    )


def kill_until_done(journal_path: Path, chance: random.Random) -> int:
    """Start the work and kill it after a random time; in the end let it finish. Gives the kills survived."""
    kills = 0
    while True:
        process = subprocess.Popen(
            [sys.executable, "-c", WORKING, str(journal_path)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "working\n"
        if kills < KILLS:
            time.sleep(chance.uniform(0.0, 0.12))
            process.kill()
        process.communicate()
        if process.returncode == 0:
            return kills
        assert process.returncode == -signal.SIGKILL
        kills += 1


def test_a_batch_and_its_undo_survive_being_killed(world: World) -> None:
    many = world.pack / "Many"
    many.mkdir()
    for number in range(FILES):
        (many / f"{number:03}.wav").write_bytes(b"sound %d" % number * 50)
    original, folders = world.files(), world.folders()
    chance = random.Random(3)

    with closing(Journal(world.journal_path)) as journal:
        journal.begin(plan_of(world), now=time.time())
    kills = kill_until_done(world.journal_path, chance)
    assert kills > 0
    assert not many.exists()
    filed = {name: one[0] for name, one in world.files().items() if name.startswith("library")}
    assert len(filed) == FILES + 2 * (FILES // 5)
    hashes = {one[0] for one in original.values()}
    assert hashes <= {one[0] for one in world.files().values()}

    with closing(Journal(world.journal_path)) as journal:
        plan = Plan(
            origin="undo", title="undo", operations=invert(journal.done([1])), undoes=(1,), hold=world.inbox
        )
        journal.begin(plan, now=time.time())
    kill_until_done(world.journal_path, chance)
    assert (world.files(), world.folders()) == (original, folders)
    with closing(Journal(world.journal_path)) as journal:
        assert journal.is_undone(1)
        assert journal.held_count([world.inbox]) == FILES
        files = Filesystem()
        assert recover(journal, files, Executor(journal, files)) == ()
