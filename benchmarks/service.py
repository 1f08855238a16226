"""How quick and how quiet the running service is: a large drop, single files, and nothing at all.

    python -m benchmarks.service [--folder DIR] [--files 30000] [--json FILE] [drop|latency|idle|all]

`drop`: so many files in so many packs appear at once; until all are filed, and what that costs.
`latency`: one file at a time into an idle service; from the moment it should be ready to the library.
`idle`: a filed library and nothing to do; what the service uses of a core, and how often it wakes.
The service is the real one, `organizer run` with the rules of `organizer init`, in a temporary folder below
--folder, so that disks can be compared. Every file is looked for, by its bytes and in the journal; the
figures count only where `failures` is empty.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from hashlib import blake2b
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil

from organizer import __version__
from organizer.config import Home
from organizer.execution.mounts import Mounts
from organizer.execution.reader import JournalReader
from organizer.planning.operations import Move
from organizer.service.report import read
from organizer.service.settle import Pace

if TYPE_CHECKING:
    from collections.abc import Callable

    from organizer.service.report import ServiceReport

RATE = 44_100
STUCK = 180.0  # seconds without a file filed: it will not come
LOOK = 0.002  # seconds between two looks for one file
MEBI = 1 << 20


class Running:
    """An installation of its own and its service, a real process that is measured from outside."""

    def __init__(self, root: Path, *, settle: float) -> None:
        self.inbox, self.library, self.beside = root / "Inbox", root / "Library", root / "Beside"
        self.environment = {**os.environ, "ORGANIZER_HOME": str(root / "home")}
        self.home = Home.find(self.environment)
        self.settle = settle
        self.beside.mkdir()
        self._log = root / "service.log"
        self._ended = Event()
        self._peak = 0
        self._organizer("init", "--inbox", str(self.inbox), "--library", str(self.library))
        config = self.home.config_file.read_text(encoding="utf-8")
        config = config.replace("settle_seconds = 3\n", f"settle_seconds = {settle:g}\n")
        self.home.config_file.write_text(config, encoding="utf-8")
        with self._log.open("ab") as log:
            self.child = subprocess.Popen(
                [sys.executable, "-m", "organizer", "run"],
                env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        self.seen = psutil.Process(self.child.pid)
        self._sampler = Thread(target=self._sample, daemon=True)
        self._sampler.start()
        self.wait(lambda told: told.last_scan is not None, "the service to be alive")

    def _organizer(self, *arguments: str) -> str:
        return subprocess.run(
            [sys.executable, "-m", "organizer", *arguments],
            env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        ).stdout  # fmt: skip

    def close(self) -> None:
        self.child.terminate()
        try:
            self.child.wait(60)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        self._ended.set()
        self._sampler.join()

    def _sample(self) -> None:
        while not self._ended.wait(0.1):
            try:
                self._peak = max(self._peak, self.seen.memory_info().rss)
            except psutil.NoSuchProcess:
                return

    def wait(self, holds: Callable[[ServiceReport], bool], what: str) -> ServiceReport:
        """Wait for the service to say something; give up when it files nothing for long."""
        filed, since = -1, time.monotonic()
        while True:
            told = read(self.home.report)
            if told is not None and told.pid == self.child.pid:
                if holds(told):
                    return told
                if told.files_filed != filed:
                    filed, since = told.files_filed, time.monotonic()
            if self.child.poll() is not None or time.monotonic() - since > STUCK:
                end = self._log.read_text(errors="backslashreplace")[-2000:]
                raise SystemExit(f"waited in vain for {what}: {filed} files filed\n{end}")
            time.sleep(0.1)

    def wait_for_all(self, files: int) -> None:
        self.wait(lambda told: told.files_filed >= files, f"{files} files to be filed")
        self.wait(lambda told: told.busy is None and told.waiting == 0, "nothing to be left to do")

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._organizer("status", "--json"))
        return found

    # What it uses

    def cpu_seconds(self) -> float:
        used = self.seen.cpu_times()
        return used.user + used.system + used.children_user + used.children_system

    def memory(self) -> dict[str, float]:
        return {
            "rss_peak_sampled_mib": round(self._peak / MEBI, 1),
            "rss_peak_kernel_mib": round(int(self._proc("status", "VmHWM")) / 1024, 1),
            "rss_now_mib": round(self.seen.memory_info().rss / MEBI, 1),
        }

    def wakes(self) -> dict[str, int]:
        """Count how often each thread gave up a core of its own accord, by thread; the names may repeat."""
        found = Counter[str]()
        for task in Path(f"/proc/{self.child.pid}/task").iterdir():
            name = f"{self._proc(f'task/{task.name}/status', 'Name')} {task.name}"
            found[name] = int(self._proc(f"task/{task.name}/status", "voluntary_ctxt_switches"))
        return found

    def _proc(self, file: str, key: str) -> str:
        lines = Path(f"/proc/{self.child.pid}/{file}").read_text().splitlines()
        return next(line.split()[1] for line in lines if line.startswith(f"{key}:"))


class Sounds:
    """Makes short sounds, no two of them alike, and remembers the hash of each."""

    def __init__(self, seed: int) -> None:
        self._chance = np.random.default_rng(seed)
        self._noise = self._chance.standard_normal(RATE)
        self.hashes: Counter[str] = Counter()

    def write(self, path: Path) -> None:
        """Write a decaying tone with some noise, of 0.1 to 0.3 s, 16 bits, mono."""
        chance = self._chance
        count = int(chance.uniform(0.1, 0.3) * RATE)
        pitch, decay, dirt = chance.uniform(60, 4_000), chance.uniform(0.02, 0.1), chance.uniform(0.0, 1.0)
        seconds = np.arange(count, dtype=np.float32) / RATE
        tone = np.sin(np.float32(2 * np.pi * pitch) * seconds)
        start = int(chance.integers(RATE - count))
        wave = ((1 - dirt) * tone + 0.3 * dirt * self._noise[start : start + count]) * np.exp(
            -seconds / decay
        )
        samples = (wave * 28_000).clip(-32_768, 32_767).astype("<i2").tobytes()
        form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, RATE, 2 * RATE, 2, 16)
        head = struct.pack("<4sI4s", b"RIFF", 36 + len(samples), b"WAVE")
        content = head + form + struct.pack("<4sI", b"data", len(samples)) + samples
        path.write_bytes(content)
        self.hashes[_hash(content)] += 1

    def packs(self, folder: Path, *, files: int, packs: int) -> list[Path]:
        """Write packs that hold so many files in all."""
        made = [folder / f"Pack {number:03}" for number in range(packs)]
        for pack in made:
            pack.mkdir(parents=True)
        for number in range(files):
            self.write(made[number * packs // files] / f"Sound {number:05}.wav")
        return made


def _hash(content: bytes) -> str:
    return blake2b(content, digest_size=16).hexdigest()


def drop(root: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Let all packs appear at once."""
    sounds = Sounds(options.seed)
    with closing(Running(root, settle=options.settle)) as service:
        packs = sounds.packs(service.beside, files=options.files, packs=options.folders)
        size = sum(path.stat().st_size for pack in packs for path in pack.iterdir())
        _be_written(root)
        before, first = service.cpu_seconds(), time.time()
        for pack in packs:
            if options.how == "copy":
                shutil.copytree(pack, service.inbox / pack.name)
            else:
                pack.rename(service.inbox / pack.name)
        last = time.time()
        service.wait_for_all(options.files)
        used = service.cpu_seconds() - before
        time.sleep(options.rest)
        filed = moments(service)
        seconds = max(filed.values(), default=last) - last
        return {
            "how": options.how,
            "files": options.files,
            "packs": len(packs),
            "mebibytes": round(size / MEBI, 1),
            "settle_seconds": options.settle,
            "seconds_of_dropping": round(last - first, 2),
            "seconds_from_first_byte": round(seconds + last - first, 2),
            "seconds_from_last_byte": round(seconds, 2),
            "seconds_from_first_filed": round(last + seconds - min(filed.values(), default=last), 2),
            "files_per_second": round(options.files / (seconds + last - first), 1),
            "cpu_seconds": round(used, 1),
            "cpu_milliseconds_per_file": round(1000 * used / options.files, 2),
            **service.memory(),
            "seconds_of_rest": options.rest,
            "failures": differences(service, sounds, filed),
        }


def latency(root: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Let one file at a time come to a service that has nothing to do."""
    sounds, chance = Sounds(options.seed), random.Random(options.seed)
    waits: list[float] = []
    with closing(Running(root, settle=options.latency_settle)) as service:
        quiet = Pace.of(service.settle, network=False).quiet
        for number in range(options.times):
            path = service.beside / f"Sound {number:05}.wav"
            sounds.write(path)
            # At no special moment of the service's own rhythm.
            time.sleep(1.0 + chance.uniform(0.0, 2.0))
            target = service.inbox / path.name
            began = time.monotonic()
            path.rename(target)
            # Library and inbox lie on one disk: what leaves the one is in the other at the same moment.
            while target.exists() and time.monotonic() - began < STUCK:
                time.sleep(LOOK)
            waits.append(time.monotonic() - began - quiet)
            service.wait_for_all(number + 1)
        found = np.percentile(waits, (50, 95, 100))
        return {
            "times": options.times,
            "settle_seconds": service.settle,
            "must_wait_seconds": quiet,
            **{
                f"seconds_{name}": round(float(one), 3)
                for name, one in zip(("p50", "p95", "max"), found, strict=True)
            },
            "seconds_first": round(waits[0], 3),
            "seconds_each": [round(one, 3) for one in waits],
            **service.memory(),
            "failures": differences(service, sounds, moments(service)),
        }


def idle(root: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Do nothing, with a filed library."""
    sounds = Sounds(options.seed)
    with closing(Running(root, settle=options.settle)) as service:
        packs = sounds.packs(service.beside, files=options.library, packs=max(1, options.library // 100))
        for pack in packs:
            pack.rename(service.inbox / pack.name)
        service.wait_for_all(options.library)
        filed = moments(service)
        time.sleep(options.rest)
        used, woken, began = service.cpu_seconds(), service.wakes(), time.monotonic()
        time.sleep(options.seconds)
        wall = time.monotonic() - began
        used = service.cpu_seconds() - used
        threads = {name: count - woken.get(name, 0) for name, count in service.wakes().items()}
        return {
            "library": options.library,
            "seconds": round(wall, 1),
            "cpu_seconds": round(used, 2),
            "percent_of_a_core": round(100 * used / wall, 3),
            "wakes_per_second": round(sum(threads.values()) / wall, 2),
            "wakes_per_second_by_thread": {
                name: round(count / wall, 2) for name, count in threads.items() if count
            },
            **service.memory(),
            "failures": differences(service, sounds, filed),
        }


def moments(service: Running) -> dict[Path, float]:
    """Say of every file that was moved, by where it came from, when that was."""
    with closing(JournalReader(service.home.journal)) as journal:
        batches = [one.id for one in journal.batches()]
        done = [one for batch in batches for one in journal.operations(batch) if one.state == "done"]
    found: dict[Path, float] = {}
    for one in done:
        if isinstance(one.operation, Move):
            # A second move of the same file has no place here, and is told as one that is missing.
            found[one.operation.source] = -1.0 if one.operation.source in found else one.changed
    return found


def differences(service: Running, sounds: Sounds, filed: dict[Path, float]) -> list[str]:
    """Hold inbox, library and journal against what was made: each file once, and nothing failed."""
    here = [path for path in service.library.rglob("*") if path.is_file()]
    there = Counter(_hash(path.read_bytes()) for path in here if path.suffix == ".wav")
    left = [str(path) for path in service.inbox.rglob("*") if not path.is_dir()]
    status = service.status()
    said = {one: status[one] for one in ("failed", "unreadable", "left", "errors", "interrupted", "retrying")}
    wanted = sounds.hashes.total()
    wrong = [f"{(sounds.hashes - there).total()} not in the library"] * (sounds.hashes != there)
    wrong += [f"{(there - sounds.hashes).total()} more in the library"] * bool(there - sounds.hashes)
    wrong += [f"{len(left)} left in the inbox, as {left[0]}"] if left else []
    wrong += [f"{len(filed)} of {wanted} moved as the journal says"] * (len(filed) != wanted)
    wrong += [f"moved twice: {path}" for path, moment in filed.items() if moment < 0]
    wrong += [f"the index counts {status['library']['samples']}"] * (status["library"]["samples"] != wanted)
    return wrong + [f"{name}: {str(value)[:300]}" for name, value in said.items() if value]


def _be_written(folder: Path) -> None:
    """Let what was prepared reach the disk, so that it does not disturb what is measured."""
    subprocess.run(["sync", "-f", str(folder)], check=False)


def machine(folder: Path) -> dict[str, Any]:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    models = [line.split(": ", 1)[1] for line in lines if line.startswith("model name")]
    mount = Mounts.now().holding(folder)
    return {
        "processor": models[0] if models else platform.processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / (1 << 30), 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "organizer": __version__,
        "folder": str(folder),
        "file_system": "" if mount is None else mount.type,
        "load_at_begin": [round(one, 2) for one in os.getloadavg()],
    }


MEASURES: dict[str, Callable[[Path, argparse.Namespace], dict[str, Any]]] = {
    "drop": drop,
    "latency": latency,
    "idle": idle,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", nargs="?", choices=[*MEASURES, "all"], default="all")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--settle", type=float, default=3.0, help="settle_seconds, but for `latency`")
    parser.add_argument("--rest", type=float, default=30.0, help="seconds after the last file is filed")
    parser.add_argument("--files", type=int, default=30_000, help="drop: how many")
    parser.add_argument("--folders", type=int, default=300, help="drop: in how many packs")
    parser.add_argument("--how", choices=("copy", "rename"), default="copy", help="drop: by one thread")
    parser.add_argument("--times", type=int, default=50, help="latency: how many files")
    parser.add_argument("--latency-settle", type=float, default=0.5, help="latency: settle_seconds")
    parser.add_argument("--library", type=int, default=10_000, help="idle: files filed before")
    parser.add_argument("--seconds", type=float, default=300.0, help="idle: how long")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    figures: dict[str, Any] = {"machine": machine(options.folder)}
    for name in MEASURES if options.what == "all" else (options.what,):
        root = Path(tempfile.mkdtemp(prefix=f"organizer-{name}-", dir=options.folder))
        try:
            figures[name] = MEASURES[name](root, options)
        finally:
            shutil.rmtree(root)
        if options.json:
            options.json.write_text(json.dumps(figures, indent=2))
    show(figures)
    if any(part.get("failures") for part in figures.values()):
        raise SystemExit("not everything was filed as it should be")


def show(figures: dict[str, Any]) -> None:
    for title, part in figures.items():
        print(title)
        for name, value in part.items():
            if isinstance(value, dict):
                value = ", ".join(f"{key} {one}" for key, one in value.items())
            if name != "seconds_each":
                print(f"  {name.replace('_', ' '):30} {value}")


if __name__ == "__main__":
    main()
