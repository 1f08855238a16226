"""Kill a real service again and again while packs arrive, then look for every sound, then undo all of it.

    python -m tests.acceptance.kill9 [--files 2000] [--kills 200] [--seed 1] [--keep] [--json FILE]

Packs are made here and dropped one after another, moved or copied in, while `organizer run` is killed with
SIGKILL and started again; so are, now and then, `organizer undo` and `redo`. The moments are drawn, most of
them from those at which files are changed. Nothing but the next start repairs anything. After every kill
each sound that arrived must lie in the inbox or in a library. In the end everything must be filed exactly
once, and `undo --all` must give the inbox back byte for byte, names, modes and times included.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

from organizer.config import Config, Home, Inbox, dump
from organizer.execution.reader import JournalReader
from organizer.service.report import read
from tests.acceptance import account
from tests.acceptance.dropped import ABROAD, RULES, Drop, make_drops
from tests.acceptance.packs import Installation, Tree, differences, tree_of

if TYPE_CHECKING:
    from organizer.execution.records import BatchRecord

SETTLE = 0.2
PATIENCE = 120.0  # seconds for what must come
AT_WORK = 0.8  # of the kills wait for files to be changed; the others come whenever they come
SHOWN = 50  # failures
# Packs that nothing else leans on: one can be undone while others stay.
ALONE = ("Tagged", "Copied", "Linked", "Marked", "Whole", "Abroad", "Kept", "Zipped")


@dataclass(slots=True)
class Tally:
    """What has happened so far."""

    kills: int = 0
    kills_while_filing: int = 0
    kills_of_commands: int = 0
    kills_while_undoing: int = 0
    changes_of_mind: int = 0
    recoveries: int = 0  # batches that a kill left open and somebody brought to their end
    files_lost: int = 0
    bytes_changed: int = 0
    filed_twice: int = 0
    failures: list[str] = field(default_factory=list)


class Soak:
    """One installation, and who kills what works in it."""

    def __init__(self, root: Path, abroad: Path, *, seed: int) -> None:
        self.here = Installation(root)
        self.home = Home.find(self.here.environment)
        self.abroad = abroad
        for folder in (self.here.inbox, self.here.library, self.home.rules):
            folder.mkdir(parents=True)
        config = Config(
            library=str(self.here.library),
            libraries={ABROAD: str(abroad)},
            inbox=[Inbox(str(self.here.inbox))],
            settle_seconds=SETTLE,
        )
        self.home.config_file.write_text(dump(config), encoding="utf-8")
        (self.home.rules / "soak.toml").write_text(RULES, encoding="utf-8")
        self.here.run("rules", "check")
        self.account = account.Account(self.here.inbox, [self.here.library, abroad])
        self.chance = random.Random(seed)
        self.tally = Tally()
        self.window = 0.03  # seconds; a kill comes within them after files began to be changed
        self._copying: Thread | None = None
        self._launched: list[subprocess.Popen[bytes]] = []
        self._interrupted: set[int] = set()  # batches that the last kill left open

    # What arrives

    def drop(self, drop: Drop, *, move: bool) -> None:
        """Put a pack into the inbox, at once or while other things go on."""
        if self._copying is not None:
            self._copying.join()
        self.account.arriving(drop)
        if move:
            for path in list(drop.folder.iterdir()):
                path.rename(self.here.inbox / path.name)
            self.account.arrived()
        else:
            self._copying = Thread(target=self._copy, args=(drop.folder,))
            self._copying.start()

    def _copy(self, folder: Path) -> None:
        shutil.copytree(folder, self.here.inbox, dirs_exist_ok=True, copy_function=shutil.copy2)
        self.account.arrived()

    def is_filed(self) -> bool:
        return not self.account.waiting() and not self.unfinished()

    def is_calm(self, service: int) -> bool:
        """Say whether a service has looked through the inbox, and has nothing to do."""
        told = read(self.home.report)
        if told is None or told.pid != service or told.last_scan is None:
            return False
        return not told.waiting and told.busy is None and not self.unfinished()

    # What is killed

    def launch(self, *arguments: str) -> subprocess.Popen[bytes]:
        with self.here.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "organizer", *arguments],
                env=self.here.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        self._launched.append(process)
        return process

    def close(self) -> None:
        """End what was started and still runs."""
        for process in self._launched:
            process.kill()
            process.wait()
        if self._copying is not None:
            self._copying.join()

    def kill_service(self, service: subprocess.Popen[bytes] | None = None, *, idle: bool = False) -> None:
        """Start the service, if it does not run, and kill it at some moment."""
        service = service or self.launch("run")
        if not idle and self.chance.random() < AT_WORK:
            self._await_work(service)
            time.sleep(self.chance.uniform(0.0, self.window))
        else:
            time.sleep(self.chance.uniform(0.0, 1.2))
        if self._kill(service) is not None:
            self.tally.failures.append(f"the service ended with {service.returncode}: {self.log_end()}")
        self.tally.kills += 1
        self.tally.kills_while_filing += bool(self._interrupted) and self._holder() == service.pid
        self.check()

    def kill_command(self, *arguments: str) -> bool:
        """Start a command and kill it in the middle of its work; say whether it was quicker."""
        command = self.launch(*arguments)
        self._await_work(command)
        time.sleep(self.chance.uniform(0.0, self.window))
        if self._kill(command) is not None:
            return True
        self.tally.kills_of_commands += 1
        self.tally.kills_while_undoing += bool(self._interrupted) and self._holder() == command.pid
        self.check()
        return False

    def _kill(self, process: subprocess.Popen[bytes]) -> int | None:
        """Kill a process; give its exit code where it ended by itself."""
        process.kill()
        code = process.wait()
        left = {one.id for one in self.unfinished()}
        self.tally.recoveries += len(self._interrupted - left)
        self._interrupted = left
        return None if code == -signal.SIGKILL else code

    def _await_work(self, process: subprocess.Popen[bytes]) -> None:
        """Wait until a process has begun to change files, or to look at what a kill left under way."""
        deadline = time.monotonic() + 15.0
        while time.monotonic() < deadline and process.poll() is None:
            if self._holder() == process.pid and (self._interrupted or self.unfinished()):
                return
            time.sleep(0.001)

    def _holder(self) -> int | None:
        """Say which process holds the execution lock, or died with it in its hands."""
        try:
            return int(json.loads((self.home.state / "execution.holder.json").read_text())["pid"])
        except (OSError, ValueError):
            return None

    def unfinished(self) -> list[BatchRecord]:
        with closing(JournalReader(self.home.journal)) as journal:
            return journal.unfinished()

    def undoable(self) -> list[BatchRecord]:
        with closing(JournalReader(self.home.journal)) as journal:
            return list(journal.undoable())

    # What must hold

    def check(self) -> None:
        """Look for every sound that has arrived."""
        lost, strange = self.account.look()
        when = f"after kill {self.tally.kills} and {self.tally.kills_of_commands}"
        if lost:
            self.tally.files_lost += sum(lost.values())
            self.tally.failures.append(f"{when}: lost: {', '.join(self.account.named(lost))}")
        if strange:
            self.tally.bytes_changed += len(strange)
            self.tally.failures.append(f"{when}: not as anything that was dropped: {strange}")

    def finish(self, *arguments: str) -> None:
        """Let a command come to its end, where a killed one of its kind may have left nothing to do."""
        done = subprocess.run(
            [sys.executable, "-m", "organizer", *arguments],
            env=self.here.environment, stdin=subprocess.DEVNULL, capture_output=True, check=False,
        )  # fmt: skip
        if done.returncode not in (0, 2):
            said = done.stderr.decode(errors="backslashreplace")
            self.tally.failures.append(f"{' '.join(arguments)}: exit {done.returncode}: {said}")

    def change_mind(self, *, kills: int) -> None:
        """Undo a pack while the service runs, and do it again; now the command is killed, now the service."""
        chosen = [one for one in self.undoable() if one.title.startswith(ALONE) and one.state == "done"]
        if not chosen:
            return
        number = str(self.chance.choice(chosen).id)
        service = self.launch("run")
        for verb in ("undo", "redo"):
            for _ in range(kills):
                if self.kill_command(verb, number, "--yes"):
                    break
                if self.chance.random() < 0.4:
                    self.kill_service(service, idle=True)
                    service = self.launch("run")
            self.finish(verb, number, "--yes")
            still = any(str(one.id) == number for one in self.undoable())
            if still is (verb == "undo"):
                self.tally.failures.append(f"{verb} {number} was not done")
        self.tally.changes_of_mind += 1
        self.kill_service(service, idle=True)

    def rest(self, *, more: float = 0.0) -> None:
        """Let the service work undisturbed until it finds nothing to do, and `more` seconds; then end it."""
        service = self.launch("run")
        deadline = time.monotonic() + PATIENCE
        while not (done := self.is_calm(service.pid)) and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(more)
        if not done:
            self.tally.failures.append(f"never calm: {self.unfinished()}; {self.log_end()}")
        service.terminate()
        if service.wait(60) != 0:
            self.tally.failures.append(f"the service ended with {service.returncode}: {self.log_end()}")

    def log_end(self) -> str:
        return self.here.log.read_text(errors="backslashreplace")[-1500:]


def soak(root: Path, *, files: int, kills: int, seed: int = 1) -> dict[str, Any]:
    """Do all of it in an empty folder, and report."""
    began = time.monotonic()
    drops = make_drops(root / "packs", files=files, seed=seed)
    before: Tree = {}
    for drop in drops:
        before |= tree_of(drop.folder)
    with (
        tempfile.TemporaryDirectory(prefix="organizer-abroad-", dir=_another_disk(root)) as abroad,
        closing(Soak(root, Path(abroad), seed=seed)) as here,
    ):
        file_all(here, drops, kills)
        check_filed(here, drops)
        undo_all(here, before, kills=max(4, kills // 8))
    said = here.here.log.read_text(errors="backslashreplace")
    here.tally.failures += [line for line in said.splitlines() if "Traceback" in line or "could not" in line]
    rest = len(here.tally.failures) - SHOWN
    here.tally.failures[SHOWN:] = [f"and {rest} more"] * (rest > 0)
    return {
        "files": sum(len(drop.files) for drop in drops),
        "unpacked": sum(len(drop.unpacked) for drop in drops),
        "packs": len(drops),
        "seconds": round(time.monotonic() - began, 1),
        **{name: getattr(here.tally, name) for name in Tally.__dataclass_fields__},
    }


def file_all(here: Soak, drops: list[Drop], kills: int) -> None:
    """Drop pack after pack, and kill the service so often that the kills come out even."""
    for number, drop in enumerate(drops):
        here.drop(drop, move=number % 2 == 0)
        due = here.tally.kills + -(-(kills - here.tally.kills) // (len(drops) - number))
        while here.tally.kills < due and not here.is_filed():
            here.kill_service()
        # Where the work was done too soon, the next kills come quicker.
        shorter = here.tally.kills < due
        here.window = max(0.004, here.window * 0.6) if shorter else min(0.4, here.window * 1.4)
        if number % 5 == 4:
            here.change_mind(kills=1 + kills // 70)
        print(f"{drop.folder.name}: {here.tally.kills} kills, {here.tally.kills_while_filing} while filing")
    while here.tally.kills < kills:
        here.kill_service(idle=True)
    here.rest()


def check_filed(here: Soak, drops: list[Drop]) -> None:
    """Hold the libraries and the log against what was dropped."""
    here.check()
    found = here.account.differences_of_filed()
    log = json.loads(here.here.run("log", "--limit", "0", "--json"))
    numbers = [str(one["id"]) for one in log if one["undone_by"] is None and one["origin"] != "undo"]
    batches = json.loads(here.here.run("log", "--json", *numbers))
    moved = Counter(
        one["source"] if one["operation"] == "Move" else f"{one['archive']}/{one['member']}"
        for batch in batches
        for one in batch["operations"]
        if one["operation"] in ("Move", "Extract") and one["state"] == "done"
    )
    taken = {str(here.here.inbox / path) for drop in drops for path in drop.files.keys() - drop.stays}
    unpacked = sum(len(drop.unpacked) for drop in drops)
    members = {source for source in moved.keys() - taken if ".zip/" in source}
    found.missing += [f"the log tells of no move of {source}" for source in sorted(taken - moved.keys())]
    found.missing += [f"{len(members)} of {unpacked} unpacked"] * (len(members) != unpacked)
    found.twice += [f"{source} was moved {count} times" for source, count in moved.items() if count > 1]
    found.twice += [f"{source} was never dropped" for source in sorted(moved.keys() - taken - members)]
    refused = [one for batch in batches for one in batch["operations"] if one["state"] == "failed"]
    here.tally.failures += [*found.missing, *found.twice, *found.changed]
    here.tally.failures += [f"failed: {one['operation']}: {one['reason']}" for one in refused]
    here.tally.files_lost += len(found.missing)
    here.tally.filed_twice += len(found.twice)
    here.tally.bytes_changed += len(found.changed)


def undo_all(here: Soak, before: Tree, *, kills: int) -> None:
    """Undo everything with kills in between, and see that the inbox is as it was and stays so."""
    service = here.launch("run")
    for _ in range(kills):
        if here.kill_command("undo", "--all", "--yes"):
            break
    here.finish("undo", "--all", "--yes")
    here.tally.failures += [f"not undone: {one.title}" for one in (*here.undoable(), *here.unfinished())]
    here.tally.failures += [
        f"{one['title']}: {one['failed']} failed, {one['skipped']} skipped"
        for one in json.loads(here.here.run("log", "--limit", "0", "--json"))
        if one["failed"] or (one["origin"] == "undo" and one["skipped"])
    ]
    here.check()
    check_undone(here, before, "after undo --all")
    here.kill_service(service, idle=True)
    here.rest(more=4 * SETTLE + 1.0)
    check_undone(here, before, "after a start and a scan")


def check_undone(here: Soak, before: Tree, when: str) -> None:
    now = tree_of(here.here.inbox)
    wrong = differences(when, before, now)
    wrong += [f"{when}: still in a library: {path}" for path in here.account.left_in_libraries()]
    wrong += [f"{when}: has attributes: {path}" for path in now if os.listxattr(here.here.inbox / path)]
    here.tally.bytes_changed += len(wrong)
    here.tally.failures += wrong


def _another_disk(root: Path) -> Path:
    """Give a folder on another file system where there is one, so that moves are copies."""
    memory = Path("/dev/shm")
    return memory if os.access(memory, os.W_OK) and memory.stat().st_dev != root.stat().st_dev else root


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="organizer-kill9-"))
    try:
        report = soak(root, files=options.files, kills=options.kills, seed=options.seed)
    finally:
        if options.keep:
            print(f"kept: {root}")
        else:
            shutil.rmtree(root)
    print(json.dumps(report, indent=2))
    if options.json:
        options.json.write_text(json.dumps(report, indent=2))
    if report["failures"]:
        raise SystemExit(f"{len(report['failures'])} failures")


if __name__ == "__main__":
    main()
