"""The ways in which sounds come into an inbox, by the programs themselves: each comes whole, and once."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from organizer.service.daemon import Service
from organizer.service.notify import Notifier
from organizer.service.report import read
from tests.service.serving import QUICK, MovingFiles, config_of
from tests.service.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from organizer.batch.arrivals import Arrival
    from organizer.batch.filing import Report

    Make = Callable[..., Path]

SOUND = "Kicks/VEH1 Bassdrum 001.wav"


class Weighing(MovingFiles):
    """Files, and remembers what each file held when its turn came."""

    def __init__(self, library: Path) -> None:
        super().__init__(library)
        self.held: dict[str, list[bytes]] = {}

    def file(
        self, arrival: Arrival, *, stop: Callable[[], bool], progress: Callable[[str, int, int], None]
    ) -> Report:
        for path in arrival.paths:
            name = str(path.relative_to(arrival.inbox.root))
            self.held.setdefault(name, []).append(path.read_bytes())
        return super().file(arrival, stop=stop, progress=progress)


class Serving:
    """A service on a thread, with a settle time of 0.2 s."""

    def __init__(self, root: Path) -> None:
        import threading

        self.inbox, self.library, self.report = root / "inbox", root / "library", root / "service.json"
        self.inbox.mkdir()
        self.filing = Weighing(self.library)
        self.service = Service(
            config_of(self.inbox, library=self.library),
            self.filing,
            notify=Notifier({}),
            report_path=self.report,
            rhythm=QUICK,
        )
        self._thread = threading.Thread(target=self.service.run)
        self._thread.start()
        wait_until(lambda: read(self.report) is not None, "the service has begun")

    def came(self, expected: dict[str, bytes]) -> dict[str, list[bytes]]:
        """Wait until all has been filed; give what each held, as often as it was filed."""
        wait_until(lambda: self.filing.held.keys() >= expected.keys(), "all has been filed")
        time.sleep(0.6)  # for what would come a second time
        return self.filing.held

    def stop(self) -> None:
        self.service.stop()
        self._thread.join(30)


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Serving]:
    one = Serving(tmp_path)
    yield one
    one.stop()


@pytest.fixture
def pack(tmp_path: Path, make_pack: Make) -> Path:
    """A pack of four folders, outside of the inbox."""
    return make_pack(tmp_path / "Kit")


def once(expected: dict[str, bytes]) -> dict[str, list[bytes]]:
    return {name: [content] for name, content in expected.items()}


def contents(pack: Path, name: str | None = None) -> dict[str, bytes]:
    return {
        f"{name or pack.name}/{path.relative_to(pack)}": path.read_bytes()
        for path in pack.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize(
    "command",
    [
        "cp -r {pack} {inbox}",
        "cp -a {pack} {inbox}",
        "mv {pack} {inbox}",
        "rsync -a {pack} {inbox}",
        "rsync -a --inplace {pack} {inbox}",
        "tar -C {parent} -cf - Kit | tar -C {inbox} -xf -",
        "cd {parent} && zip -qr Kit.zip Kit && unzip -q Kit.zip -d {inbox}",
    ],
    ids=["cp -r", "cp -a", "mv", "rsync", "rsync in place", "tar", "unzip in place"],
)
def test_a_pack_comes_whole_and_once_by(command: str, serving: Serving, pack: Path) -> None:
    program = command.split()[0] if "zip" not in command else "unzip"
    if shutil.which(program) is None:
        pytest.skip(f"needs the program {program}")
    expected = contents(pack)
    given = {"pack": pack, "inbox": serving.inbox, "parent": pack.parent}
    subprocess.run(command.format(**given), shell=True, check=True)
    assert serving.came(expected) == once(expected)


def test_a_slow_copy_is_filed_when_it_is_done(serving: Serving, pack: Path) -> None:
    content = (pack / SOUND).read_bytes()
    with (serving.inbox / "Slow.wav").open("wb", buffering=0) as file:
        for start in range(0, len(content), len(content) // 8 + 1):
            file.write(content[start : start + len(content) // 8 + 1])
            time.sleep(0.15)
    expected = {"Slow.wav": content}
    assert serving.came(expected) == once(expected)


def test_a_download_that_pauses_for_long_is_not_filed_half(serving: Serving, pack: Path) -> None:
    """No name tells that it is one; the program has it open, and that tells."""
    content = (pack / SOUND).read_bytes()
    with (serving.inbox / "Paused.wav").open("wb", buffering=0) as file:
        file.write(content[:1000])
        time.sleep(3.0)  # longer than a file waits whose header promises more than there is
        assert serving.filing.held == {}
        file.write(content[1000:])
    expected = {"Paused.wav": content}
    assert serving.came(expected) == once(expected)


@pytest.mark.parametrize("partial", ["Kick.wav.part", "Unconfirmed 1234.crdownload", "Kick.wav.download"])
def test_a_browsers_download_counts_from_its_rename_on(serving: Serving, pack: Path, partial: str) -> None:
    content = (pack / SOUND).read_bytes()
    half = serving.inbox / partial
    half.write_bytes(content)
    time.sleep(1.0)
    assert serving.filing.held == {}
    half.rename(serving.inbox / "Kick.wav")
    expected = {"Kick.wav": content}
    assert serving.came(expected) == once(expected)


def test_what_finder_does_over_smb(serving: Serving, pack: Path) -> None:
    """It makes every file empty first, gives it its size, writes, and lays a file of its own beside each."""
    expected = contents(pack, "Drop")
    for name in expected:
        path = serving.inbox / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        (path.parent / f"._{path.name}").write_bytes(bytes(4096))
        (path.parent / ".DS_Store").write_bytes(bytes(6148))
    time.sleep(0.3)
    for name, content in expected.items():
        path = serving.inbox / name
        with path.open("r+b") as file:
            os.truncate(file.fileno(), len(content))
            time.sleep(0.02)
            file.write(content)
        os.utime(path, (1_700_000_000, 1_700_000_000))
    assert serving.came(expected) == once(expected)


def test_a_truncated_and_a_streamed_sound_hold_no_pack(serving: Serving, pack: Path) -> None:
    content = (pack / SOUND).read_bytes()
    drop = serving.inbox / "Drop"
    drop.mkdir()
    (drop / "Cut.wav").write_bytes(content[: len(content) // 2])
    streamed = content[:4] + b"\xff\xff\xff\xff" + content[8:40] + b"\xff\xff\xff\xff" + content[44:]
    (drop / "Streamed.wav").write_bytes(streamed)
    (drop / "Whole.wav").write_bytes(content)
    expected = {
        "Drop/Cut.wav": content[: len(content) // 2],
        "Drop/Streamed.wav": streamed,
        "Drop/Whole.wav": content,
    }
    assert serving.came(expected) == once(expected)
    assert len(serving.filing.arrivals) == 1
