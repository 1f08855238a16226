"""Tell a real service to stop in the middle of its work on large files, and measure how long that takes.

    python -m tests.acceptance.sigterm [--megabytes 1024] [--signals 4] [--seed 1] [--limit 5] [--json FILE]

For every kind of long work (hearing, hashing, a decoder that hangs, copying to another disk, unpacking,
tagging, recovery, undo) a large file is dropped, and SIGTERM comes at a drawn moment of just that work; ^C as
well, to commands. After each signal nothing may be half done: no temp, nothing under way, every file where it
was or goes. The next start must bring all to its end. The script fails where it does not, or where something
took longer than the limit to end. Without `--only` it takes minutes, and three times the space.
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
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from organizer.config import Config, Home, Inbox, dump
from organizer.execution.archives import has_libarchive, is_unpacked
from organizer.execution.reader import JournalReader
from organizer.execution.syscalls import is_temp
from organizer.recognition.identity import content_hash, sound_id
from organizer.service.report import read
from tests.acceptance.packs import Installation

PATIENCE = 60.0  # seconds for what must come
RATE = 48_000
# Larger ones are not tagged.
MOST_TAGGED = 200  # megabytes
RULES = """
version = 1

[[rule]]
name = "Archives"
when = { type = "archive" }
then = [{ unpack = true }, { move = "Archives/{name}" }]

[[rule]]
name = "Tagged"
when = { pack = "Tagged*", type = "audio" }
then = [{ move = "Tagged/{name}" }, { tag = { genre = "Long" } }]

[[rule]]
name = "Films"
when = { type = "other" }
then = [{ move = "Films/{name}" }]

[[rule]]
name = "Rest"
then = [{ move = "Rest/{name}" }]
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One kind of long work: what is dropped for it, how it shows that it has begun, how long it goes on."""

    name: str
    drop: Callable[[Bench], list[Path]]
    begun: Callable[[Bench], bool]
    window: float = 2.0  # seconds; the signal comes within them
    command: tuple[str, ...] = ("run",)
    killed_first: bool = False  # so that recovery is what is stopped


@dataclass(slots=True)
class Told:
    """What came of one stage."""

    signals: int = 0
    too_late: int = 0  # the work was done before the signal came
    longest: float = 0.0  # seconds from the signal to the end of the process
    failures: list[str] = field(default_factory=list)


class Bench:
    """An installation whose inbox lies on another disk than its library."""

    def __init__(self, root: Path, abroad: Path, *, megabytes: int, seed: int) -> None:
        self.here = Installation(root)
        self.here.inbox = abroad / "Inbox"
        programs = root / "bin"
        self.here.environment["PATH"] = f"{programs}{os.pathsep}{os.environ['PATH']}"
        self.home = Home.find(self.here.environment)
        for folder in (self.here.inbox, self.here.library, self.home.rules, programs):
            folder.mkdir(parents=True)
        config = Config(
            library=str(self.here.library), inbox=[Inbox(str(self.here.inbox))], settle_seconds=0.2
        )
        self.home.config_file.write_text(dump(config), encoding="utf-8")
        (self.home.rules / "sigterm.toml").write_text(RULES, encoding="utf-8")
        hanging = programs / "ffmpeg"
        hanging.write_text("#!/bin/sh\nexec sleep 40\n")
        hanging.chmod(0o755)
        self.megabytes = megabytes
        self.chance = random.Random(seed)
        self.left: set[Path] = set()  # temps of a service that was killed
        self._known: dict[tuple[int, ...], str] = {}

    def launch(self, *arguments: str) -> subprocess.Popen[bytes]:
        with self.here.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "organizer", *arguments],
                env=self.here.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip

    def files(self, *, ours: bool = False) -> list[Path]:
        """List what lies in the inbox and the library; what is ours for a moment alone, or all but that."""
        found = []
        for root in (self.here.inbox, self.here.library):
            for path in root.rglob("*"):
                inside = is_temp(path.name) or any(map(is_unpacked, (path, *path.parents)))
                if inside is ours and (ours or path.is_file()):
                    found.append(path)
        return found

    def sounds(self) -> list[str]:
        """Name every file by what no tag changes."""
        return sorted(self.identity(path) for path in self.files())

    def identity(self, path: Path) -> str:
        found = path.stat()
        key = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
        if key not in self._known:
            tagged = path.name.startswith("Tagged")
            self._known[key] = sound_id(path) if tagged else content_hash(path)
        return self._known[key]

    def states(self) -> set[str]:
        with closing(JournalReader(self.home.journal)) as journal:
            return {one.state for batch in journal.batches() for one in journal.operations(batch.id)}

    def is_busy(self, service: int) -> bool:
        told = read(self.home.report)
        return told is not None and told.pid == service and told.busy is not None

    def clear(self) -> None:
        """Forget all that was, for the next stage."""
        for folder in (self.here.inbox, self.here.library, self.home.state):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)


def write_sound(path: Path, megabytes: int) -> Path:
    """Write noise, another in every second, so that no part of it is like the rest."""
    path.parent.mkdir(parents=True, exist_ok=True)
    chance = np.random.default_rng(abs(hash(path.name)) % 1_000)
    noise = chance.integers(-(1 << 14), 1 << 14, (1 << 18, 2), dtype=np.int16)
    with soundfile.SoundFile(path, "w", RATE, 2, "PCM_16") as file:
        for number in range(megabytes):
            file.write(noise + np.int16(number % 1_000))
    return path


def write_bytes(path: Path, megabytes: int) -> Path:
    noise = np.random.default_rng(7).bytes(1 << 20)
    with path.open("wb") as file:
        for number in range(megabytes):
            file.write(number.to_bytes(8, "little") + noise[8:])
    return path


def drop_song(bench: Bench) -> list[Path]:
    return [write_sound(bench.here.inbox / "Song.wav", bench.megabytes)]


def drop_film(bench: Bench) -> list[Path]:
    return [write_bytes(bench.here.inbox / "Film.bin", bench.megabytes)]


def drop_foreign(bench: Bench) -> list[Path]:
    return [write_bytes(bench.here.inbox / "Song.m4a", 1)]


def drop_tagged(bench: Bench) -> list[Path]:
    size = min(MOST_TAGGED, bench.megabytes)
    return [write_sound(bench.here.inbox / "Tagged" / f"Tagged {number}.wav", size) for number in range(4)]


def drop_zip(bench: Bench) -> list[Path]:
    song = write_sound(bench.here.library.parent / "Song.wav", bench.megabytes)
    archive = bench.here.inbox / "Kit.zip"
    with zipfile.ZipFile(archive, "x", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        file.write(song, "Kit/Song.wav")
    song.unlink()
    return [archive]


def drop_tar(bench: Bench) -> list[Path]:
    song = write_sound(bench.here.library.parent / "Song.wav", bench.megabytes)
    archive = bench.here.inbox / "Kit.tar.gz"
    with tarfile.open(archive, "x:gz", compresslevel=1) as file:
        file.add(song, "Kit/Song.wav")
    song.unlink()
    return [archive]


def copies(bench: Bench) -> bool:
    return bool(set(bench.files(ours=True)) - bench.left)


def tags(bench: Bench) -> bool:
    return copies(bench) and any((bench.here.library / "Tagged").glob("*.wav"))


def unpacks(bench: Bench) -> bool:
    return any(is_unpacked(path) for path in bench.here.library.iterdir())


def listens(bench: Bench) -> bool:
    told = read(bench.home.report)
    return told is not None and told.busy is not None


STAGES = (
    Stage(name="hearing", drop=drop_song, begun=listens, window=4.0),
    Stage(name="hashing", drop=drop_film, begun=listens),
    Stage(name="a decoder that hangs", drop=drop_foreign, begun=listens),
    Stage(name="copying", drop=drop_song, begun=copies),
    Stage(name="recovery", drop=drop_film, begun=copies, killed_first=True),
    Stage(name="tagging", drop=drop_tagged, begun=tags),
    Stage(name="unpacking a zip", drop=drop_zip, begun=unpacks, window=3.0),
    Stage(name="listing and unpacking a tar", drop=drop_tar, begun=listens, window=8.0),
    Stage(name="undo", drop=drop_song, begun=copies, command=("undo", "--yes")),
)


def await_work(bench: Bench, stage: Stage, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not stage.begun(bench) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)


def stopped(bench: Bench, stage: Stage, told: Told, number: int) -> bool:
    """Begin the work, and let a signal come in the middle of it; False where it was done before."""
    process = bench.launch(*stage.command)
    await_work(bench, stage, process)
    time.sleep(bench.chance.uniform(0.0, stage.window))
    is_service = stage.command == ("run",)
    if process.poll() is not None or (is_service and not is_at_work(bench, process.pid)):
        told.too_late += 1
        process.terminate()
        process.wait()
        return False
    with_what = signal.SIGTERM if is_service or number % 2 else signal.SIGINT
    began = time.monotonic()
    process.send_signal(with_what)
    code = process.wait(PATIENCE)
    told.longest = max(told.longest, time.monotonic() - began)
    told.signals += 1
    if code not in ((0,) if is_service else (0, 128 + with_what)):
        told.failures.append(f"{stage.name}: exit {code}")
    return True


def is_at_work(bench: Bench, service: int) -> bool:
    """Say whether a service has something in hand; recovery does not show in its report."""
    return bench.is_busy(service) or bool(bench.files(ours=True))


def check(bench: Bench, stage: Stage, told: Told, before: list[str]) -> None:
    """See that nothing is half done."""
    found = bench.sounds()
    lost = [one for one in before if one not in found]
    twice = [one for one in found if found.count(one) > 1]
    told.failures += [f"{stage.name}: lost: {one}" for one in lost]
    told.failures += [f"{stage.name}: lies there twice: {one}" for one in set(twice)]
    told.failures += [f"{stage.name}: left behind: {path}" for path in bench.files(ours=True)]
    if "open" in bench.states():
        told.failures.append(f"{stage.name}: an operation is under way in the journal")


def prepare(bench: Bench, stage: Stage, told: Told) -> list[str]:
    """Drop what the stage works on, and let what comes before it be done."""
    bench.clear()
    bench.left = set()
    stage.drop(bench)
    before = bench.sounds()
    if stage.killed_first:
        service = bench.launch("run")
        await_work(bench, stage, service)
        service.kill()
        service.wait()
        bench.left = set(bench.files(ours=True))
    elif stage.command != ("run",):
        finish(bench, stage, told)
    return before


def finish(bench: Bench, stage: Stage, told: Told) -> None:
    """Let the next start bring it to its end."""
    done = subprocess.run(
        [sys.executable, "-m", "organizer", "run", "--once"],
        env=bench.here.environment, stdin=subprocess.DEVNULL, capture_output=True, check=False,
    )  # fmt: skip
    if done.returncode not in (0, 1):  # 1: some files cannot be heard
        said = done.stderr.decode(errors="backslashreplace")[-500:]
        told.failures.append(f"{stage.name}: the next start ended with {done.returncode}: {said}")
    if bench.states() - {"done", "skipped"}:
        told.failures.append(f"{stage.name}: the next start left {bench.states()}")


def measure(bench: Bench, stage: Stage, signals: int) -> Told:
    told = Told()
    before = prepare(bench, stage, told)
    undoing = stage.command != ("run",)
    for number in range(signals):
        if stopped(bench, stage, told, number):
            check(bench, stage, told, before)
        if undoing:
            finish(bench, stage, told)
            if bench.sounds() != before or not any(bench.here.inbox.iterdir()):
                told.failures.append(f"{stage.name}: the inbox did not get back what it held")
            bench.here.run("redo", "--yes")
        elif told.too_late:
            break
    finish(bench, stage, told)
    check(bench, stage, told, before)
    if any(path.is_file() for path in bench.here.inbox.rglob("*")) and stage.drop is not drop_foreign:
        told.failures.append(f"{stage.name}: not all is filed: {list(bench.here.inbox.rglob('*'))}")
    return told


def run(root: Path, abroad: Path, options: argparse.Namespace) -> dict[str, Any]:
    bench = Bench(root, abroad, megabytes=options.megabytes, seed=options.seed)
    stages: dict[str, Any] = {}
    failures: list[str] = []
    for stage in STAGES:
        if (options.only and options.only not in stage.name) or (
            stage.drop is drop_tar and not has_libarchive()
        ):
            continue
        told = measure(bench, stage, options.signals)
        failures += told.failures
        if told.longest > options.limit:
            failures.append(f"{stage.name}: {told.longest:.1f} s to end")
        stages[stage.name] = {
            "signals": told.signals,
            "too_late": told.too_late,
            "longest_s": round(told.longest, 2),
        }
        print(f"{stage.name}: {stages[stage.name]}", flush=True)
    return {"megabytes": options.megabytes, "stages": stages, "failures": failures}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=1024)
    parser.add_argument("--signals", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--limit", type=float, default=5.0)
    parser.add_argument("--only", default="", help="the stages whose names hold this")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="organizer-sigterm-"))
    memory = Path("/dev/shm")
    disk = memory if os.access(memory, os.W_OK) and memory.stat().st_dev != root.stat().st_dev else root
    abroad = Path(tempfile.mkdtemp(prefix="organizer-sigterm-", dir=disk))
    try:
        report = run(root, abroad, options)
    finally:
        if options.keep:
            print(f"kept: {root} and {abroad}")
        else:
            shutil.rmtree(abroad)
            shutil.rmtree(root)
    print(json.dumps(report, indent=2))
    if options.json:
        options.json.write_text(json.dumps(report, indent=2))
    if report["failures"]:
        raise SystemExit(f"{len(report['failures'])} failures")


if __name__ == "__main__":
    main()
