from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from organizer.service.writers import is_being_written

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who writes")


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    path = tmp_path / "Kick.wav"
    path.write_bytes(b"sound")
    return path


@pytest.mark.parametrize("mode", ["ab", "r+b"])
def test_a_file_is_being_written_as_long_as_it_is_open_for_that(sound: Path, mode: str) -> None:
    assert not is_being_written(sound)
    with sound.open(mode):
        assert is_being_written(sound)
    assert not is_being_written(sound)
    assert sound.read_bytes() == b"sound"


def test_another_program_counts_and_whoever_reads_does_not(sound: Path) -> None:
    writer = subprocess.Popen(
        [sys.executable, "-c", f"f = open({str(sound)!r}, 'ab'); print(); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert writer.stdout is not None
    writer.stdout.readline()
    assert is_being_written(sound)
    writer.kill()
    writer.communicate()
    with sound.open("rb"):
        assert not is_being_written(sound)


def test_what_is_no_file_of_ours_is_not_being_written(sound: Path, tmp_path: Path) -> None:
    link, pipe = tmp_path / "link.wav", tmp_path / "pipe.wav"
    link.symlink_to(sound)
    os.mkfifo(pipe)
    with sound.open("ab"):
        assert not is_being_written(link)
    assert not is_being_written(pipe)
    assert not is_being_written(tmp_path)
    assert not is_being_written(tmp_path / "gone.wav")


def test_asking_again_and_again_disturbs_nobody_who_writes(sound: Path) -> None:
    """Whoever opens the file in the moment of the question is let through, and we live on."""
    before = signal.getsignal(signal.SIGURG)
    done = threading.Event()

    def write() -> None:
        for _ in range(2_000):
            with sound.open("ab") as file:
                file.write(b".")
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    asked = 0
    while not done.is_set():
        is_being_written(sound)
        asked += 1
    writer.join()
    assert asked > 0
    assert sound.stat().st_size == 5 + 2_000
    assert signal.getsignal(signal.SIGURG) is before
