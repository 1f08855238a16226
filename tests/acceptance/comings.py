"""Take inboxes away and bring them back, over and over, while files arrive; then look for every file.

    python -m tests.acceptance.comings [--rounds 10] [--seed 1] [--settle 0.5] [--keep] [--json FILE]

A real service watches three inboxes, into each of which somebody writes packs and loose files: one is a plain
folder, one lies on a disk of its own, one is itself a mount point. So often each of these is done:

    deleted      the emptied folder is removed, and made again
    swapped      it is moved aside, a new one is made, and what was in the old one is moved into that
    renamed      it is moved aside and back, sometimes with another one in its place meanwhile
    unplugged    its disk is unmounted, lazily, and mounted again
    unbound      what is mounted on it is taken away, and an empty folder stays

The inboxes are looked through only at the start (`rescan_seconds` is an hour): what is filed later was heard,
or found because the service saw that the inbox was back. Nothing is ever deleted but empty folders. In the
end each file that was ever written must lie in the library once. Mounting takes root.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import shutil
import tempfile
import time
from collections import Counter
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Any

import pytest
import soundfile

from organizer.config import Config, Home, Inbox, dump
from organizer.demo import sounds
from organizer.execution.reader import JournalReader
from organizer.planning.operations import Move
from organizer.resources import shipped
from organizer.service.report import read
from tests.acceptance.packs import Installation
from tests.execution.disks import BOUND, EXT4, Disk, plugged

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator


OF_FOLDERS = ("deleted", "swapped", "renamed")
OF_DISKS = ("unplugged", "unbound")
# Too short to be noticed by looking, and long enough for it, which the service does every two seconds.
GAPS = (0.0, 0.02, 0.3, 1.0, 3.0)
PATIENCE = 100.0  # seconds for what must come; a file that went away under the service is tried again later
SOON = 2.5  # seconds in which what arrives after a return may be unheard


@dataclass(slots=True)
class Written:
    """One file that was written into an inbox. Times are seconds since the epoch."""

    name: str
    group: str  # its pack, or itself
    content: str
    begun: float
    ended: float = 0.0


class Writer:
    """Somebody who writes packs and loose files into one inbox, whenever it is there."""

    def __init__(self, root: Path, seed: int) -> None:
        self.root = root
        # Held while a file is begun, so that no folder is made in vain; and by whoever takes the inbox away.
        self.gate = Lock()
        self.written: list[Written] = []
        self.taken: list[tuple[str, float]] = []  # how, and when it was back
        self._chance = random.Random(seed)
        self._ended = Event()
        self._thread = Thread(target=self._go)

        self.start = self._thread.start

    def close(self) -> None:
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def _go(self) -> None:
        chance = self._chance
        while not self._ended.is_set():
            number = len(self.written)
            pack = None if chance.random() < 0.3 else f"{self.root.parent.name} {number:05}"
            for _ in range(chance.randint(1, 2) if pack is None else chance.randint(2, 5)):
                self._write(pack)
                time.sleep(chance.uniform(0.0, 0.05))
            self._ended.wait(chance.uniform(0.05, 0.5))

    def _write(self, pack: str | None) -> None:
        name = f"{self.root.parent.name} hat {len(self.written):05}.wav"
        seed = self._chance.randrange(1 << 30)
        wave = sounds.hat(decay=self._chance.uniform(0.02, 0.1), seconds=0.15, seed=seed)
        file = io.BytesIO()
        soundfile.write(file, wave, sounds.SAMPLERATE, format="WAV", subtype="PCM_16")
        content = file.getvalue()
        one = Written(name, pack or name, _hash(content), time.time())
        self.written.append(one)
        # Once begun a file is written to its end, wherever its folder may lie by then.
        with self._begin(name, pack) as out:
            for part in (content[:3_000], content[3_000:]):
                out.write(part)
                if self._chance.random() < 0.2:
                    time.sleep(self._chance.uniform(0.0, 0.1))
        one.ended = time.time()

    def _begin(self, name: str, pack: str | None) -> io.FileIO:
        while True:
            # Without the folder above it nothing is made: an inbox that is away stays away.
            with suppress(FileNotFoundError), self.gate:
                folder = self.root / pack if pack else self.root
                if pack:
                    folder.mkdir(exist_ok=True)
                return (folder / name).open("xb", buffering=0)
            if self._ended.is_set() and not self.root.exists():
                raise FileNotFoundError(self.root)
            time.sleep(0.01)


@dataclass
class Scene:
    """The service, its inboxes, and who takes them away."""

    here: Installation
    home: Home
    chance: random.Random
    writers: dict[str, Writer] = field(default_factory=dict)  # "folder", "disk", "bound"
    disks: dict[str, Disk] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def gap(self) -> None:
        time.sleep(self.chance.choice(GAPS))

    def deleted(self) -> Writer:
        writer = self.writers["folder"]
        with writer.gate:
            _wait(lambda: _removed(writer.root), "the inbox to be empty")
        self.gap()
        writer.root.mkdir()
        return writer

    def swapped(self) -> Writer:
        writer = self.writers["folder"]
        aside = self._put_aside(writer, "aside")
        self.gap()
        self._make_anew(writer)
        _pour(aside, writer.root)
        return writer

    def renamed(self) -> Writer:
        writer = self.writers["folder"]
        aside = self._put_aside(writer, "aside")
        self.gap()
        if self.chance.random() < 0.5:
            aside.rename(writer.root)
            return writer
        self._make_anew(writer)
        other = self._put_aside(writer, "other")
        aside.rename(writer.root)
        _pour(other, writer.root)
        return writer

    def _put_aside(self, writer: Writer, name: str) -> Path:
        with writer.gate:
            return writer.root.rename(writer.root.with_name(name))

    def _make_anew(self, writer: Writer) -> None:
        writer.root.mkdir()
        time.sleep(self.chance.uniform(0.0, 1.5))

    def unplugged(self) -> Writer:
        return self._mount_again("disk")

    def unbound(self) -> Writer:
        return self._mount_again("bound")

    def _mount_again(self, name: str) -> Writer:
        writer, disk = self.writers[name], self.disks[name]
        # What is written meanwhile might lie below the mount point, where nobody would find it later.
        with writer.gate:
            disk.unplug()
            self.gap()
            disk.plug()
        return writer

    def round(self, kind: str) -> None:
        writer: Writer = getattr(self, kind)()  # the method of that name
        writer.taken.append((kind, time.time()))
        time.sleep(self.chance.uniform(0.2, 1.5))

    def is_done(self) -> bool:
        told = read(self.home.report)
        calm = told is not None and not told.waiting and told.busy is None and not told.retrying
        return calm and not any(any(_files(writer.root)) for writer in self.writers.values())

    def take_account(self) -> None:
        """Hold the library against what was written."""
        written = [one for writer in self.writers.values() for one in writer.written]
        wanted = Counter(one.content for one in written)
        names = {one.content: one.name for one in written}
        found = Counter(_hash(path.read_bytes()) for path in _files(self.here.library))
        self.failures += [f"never written to its end: {one.name}" for one in written if not one.ended]
        left = [path for writer in self.writers.values() for path in _files(writer.root)]
        self.failures += [f"not in the library: {names[one]}" for one in (wanted - found).elements()]
        self.failures += [f"twice: {names.get(one, one)}" for one in (found - wanted).elements()]
        self.failures += [f"still in an inbox: {path}" for path in left]
        status = self.here.status()
        self.failures += [f"exit code of status: {status['exit_code']}"] * (status["exit_code"] != 0)
        for name in ("failed", "unreadable", "interrupted", "left"):
            self.failures += [f"{name}: {one}" for one in status[name]]
        said = self.here.log.read_text(errors="backslashreplace").splitlines()
        self.failures += [line for line in said if "Traceback" in line or "could not" in line]


def comings(
    root: Path, *, kinds: Collection[str], rounds: int, seed: int = 1, settle: float = 0.5
) -> dict[str, Any]:
    """Do all of it in an empty folder, and report."""
    began, here = time.monotonic(), Installation(root)
    scene = Scene(here, Home.find(here.environment), random.Random(seed))
    with ExitStack() as stack:
        _furnish(scene, root, kinds, seed, stack)
        _configure(scene, settle)
        here.start()
        assert here.service is not None
        stack.callback(here.service.wait)
        stack.callback(here.service.kill)  # it must not outlive what went wrong
        for writer in scene.writers.values():
            writer.start()
            stack.callback(writer.close)
        order = [kind for kind in kinds for _ in range(rounds)]
        scene.chance.shuffle(order)
        try:
            for number, kind in enumerate(order, 1):
                scene.round(kind)
                print(f"{number}: {kind}; {sum(len(one.written) for one in scene.writers.values())} files")
        except TimeoutError as error:
            scene.failures.append(str(error))
        for writer in scene.writers.values():
            writer.close()
        with suppress(TimeoutError):  # what is missing then is told one by one
            _wait(scene.is_done, "everything to be filed")
        scene.take_account()
        here.stop()
        return {
            "rounds": dict.fromkeys(kinds, rounds),
            **_figures(scene),
            "seconds": round(time.monotonic() - began, 1),
            "failures": scene.failures,
        }


def _furnish(scene: Scene, root: Path, kinds: Collection[str], seed: int, stack: ExitStack) -> None:
    """Make the inboxes that are needed, and who writes into them."""
    places = {}
    if set(kinds) & set(OF_FOLDERS):
        places["folder"] = root / "Folder" / "Inbox"
        places["folder"].mkdir(parents=True)
    if "unplugged" in kinds:
        scene.disks["disk"] = stack.enter_context(plugged(EXT4, root / "Disk"))
        places["disk"] = scene.disks["disk"].folder / "Inbox"
        places["disk"].mkdir()
    if "unbound" in kinds:
        (root / "Bound").mkdir()
        scene.disks["bound"] = stack.enter_context(plugged(BOUND, root / "Bound" / "Inbox"))
        places["bound"] = scene.disks["bound"].folder
        scene.disks["bound"].library.rmdir()
    for number, (name, place) in enumerate(places.items()):
        scene.writers[name] = Writer(place, 100 * seed + number)


def _configure(scene: Scene, settle: float) -> None:
    scene.here.library.mkdir()
    scene.home.rules.mkdir(parents=True)
    shutil.copyfile(shipped("rules", "default.toml"), scene.home.rules / "default.toml")
    config = Config(
        library=str(scene.here.library),
        inbox=[Inbox(str(one.root), name=name) for name, one in scene.writers.items()],
        settle_seconds=settle,
        rescan_seconds=3600.0,
    )
    scene.home.config_file.write_text(dump(config), encoding="utf-8")


def _figures(scene: Scene) -> dict[str, Any]:
    """Count, and say how long packs took from the return, or from their last byte, until they were filed.

    Not so loose files: they are one batch as long as more of them come.
    """
    with closing(JournalReader(scene.home.journal)) as journal:
        records = [one for batch in journal.batches() for one in journal.operations(batch.id)]
    filed = {
        one.operation.source.name: one.changed
        for one in records
        if isinstance(one.operation, Move) and one.state == "done"
    }
    longest: dict[str, float] = {}
    for writer in scene.writers.values():
        ended: dict[str, float] = {}
        for one in writer.written:
            ended[one.group] = max(ended.get(one.group, 0.0), one.ended)
        for one in (one for one in writer.written if one.group != one.name and one.name in filed):
            moment = filed[one.name]
            kind, back = next((taken for taken in reversed(writer.taken) if taken[1] <= moment), ("", 0.0))
            if one.begun <= back + SOON:
                longest[kind] = max(longest.get(kind, 0.0), moment - max(back, ended[one.group]))
    written = [one for writer in scene.writers.values() for one in writer.written]
    return {
        "files": len(written),
        "packs": len({one.group for one in written if one.group != one.name}),
        "filed": len(filed),
        "operations_that_failed": sum(one.state == "failed" for one in records),
        "empty_folders_left": sum(
            path.is_dir() for writer in scene.writers.values() for path in writer.root.rglob("*")
        ),
        "longest_seconds_from_return_to_filed": {kind: round(one, 2) for kind, one in longest.items()},
    }


def _hash(content: bytes) -> str:
    return blake2b(content).hexdigest()


def _wait(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {PATIENCE:.0f} s in vain for {what}")
        time.sleep(0.02)


def _files(root: Path) -> Iterator[Path]:
    return (path for path in root.rglob("*") if path.is_file())


def _removed(folder: Path) -> bool:
    """Remove a folder if no file is in it."""
    if any(_files(folder)):
        return False
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir():
            with suppress(OSError):
                path.rmdir()
    with suppress(OSError):
        folder.rmdir()
    return not folder.exists()


def _pour(source: Path, target: Path) -> None:
    """Move what is in one folder into another, in which folders of the same names may lie, and remove it."""
    for path in sorted(source.rglob("*")):
        while path.is_file():
            place = target / path.relative_to(source)
            # The service may just be removing a folder that it emptied.
            with suppress(FileNotFoundError):
                place.parent.mkdir(parents=True, exist_ok=True)
                path.rename(place)
    assert _removed(source)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10, help="of each kind")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--settle", type=float, default=0.5)
    parser.add_argument("--folders-only", action="store_true", help="mount nothing")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    kinds = OF_FOLDERS if options.folders_only else (*OF_FOLDERS, *OF_DISKS)
    root = Path(tempfile.mkdtemp(prefix="organizer-comings-"))
    try:
        report = comings(root, kinds=kinds, rounds=options.rounds, seed=options.seed, settle=options.settle)
    except pytest.skip.Exception as why:
        raise SystemExit(f"{why}; --folders-only does what needs no mounting") from why
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
