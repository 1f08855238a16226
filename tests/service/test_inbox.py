from __future__ import annotations

import errno
import os
import socket
import subprocess
import threading
from typing import TYPE_CHECKING

import pytest

from organizer.service.inbox import Touches, scan

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def names(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path, _ in scan(root)}


def put(path: Path, content: bytes = b"sound") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    root = tmp_path / "inbox"
    root.mkdir()
    return root


# --- scan


def test_a_scan_finds_every_regular_file_with_its_stat(inbox: Path) -> None:
    kick, hat = put(inbox / "Kick.wav", b"12345"), put(inbox / "Pack/Deep/Hat.wav")
    found = dict(scan(inbox))
    assert set(found) == {kick, hat}
    assert found[kick].st_size == 5
    assert found[kick].st_ino == kick.stat().st_ino


def test_a_scan_follows_no_links_and_takes_only_regular_files(inbox: Path, tmp_path: Path) -> None:
    put(tmp_path / "outside/Secret.wav")
    put(inbox / "Kick.wav")
    (inbox / "folder").symlink_to(tmp_path / "outside")
    (inbox / "loop").symlink_to(inbox)
    (inbox / "file.wav").symlink_to(tmp_path / "outside/Secret.wav")
    os.mkfifo(inbox / "fifo.wav")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(inbox / "socket"))
        assert names(inbox) == {"Kick.wav"}


def test_a_scan_does_not_enter_folders_of_litter(inbox: Path) -> None:
    put(inbox / "Pack/__MACOSX/Kick.wav")
    put(inbox / "Pack/Ableton Folder Info/x.cfg")
    put(inbox / ".stfolder/marker")
    put(inbox / "Pack/Kick.wav")
    assert names(inbox) == {"Pack/Kick.wav"}


def dig(root: Path, name: str, depth: int) -> None:
    """Make a tree of folders deeper than a path may be long, and a file at its bottom."""
    folder = os.open(root, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir(name, dir_fd=folder)
        below = os.open(name, os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = below
    os.close(os.open("Kick.wav", os.O_WRONLY | os.O_CREAT, dir_fd=folder))
    os.close(folder)


@pytest.fixture
def deep(tmp_path: Path) -> Iterator[Path]:
    root = tmp_path / "inbox"
    root.mkdir()
    yield root
    subprocess.run(["rm", "-rf", str(root)], check=True)  # Python's own would recurse too deep


def test_a_folder_that_cannot_be_listed_is_told_and_the_rest_comes(deep: Path) -> None:
    for name in ("A", "Z"):
        put(deep / name / "Hat.wav")
    dig(deep, "M" * 200, 30)
    told: list[tuple[Path, OSError]] = []
    found = [
        str(path.relative_to(deep)) for path, _ in scan(deep, unreadable=lambda *what: told.append(what))
    ]
    assert sorted(found) == ["A/Hat.wav", "Z/Hat.wav"]
    assert [error.errno for _, error in told] == [errno.ENAMETOOLONG]
    assert told[0][0].is_relative_to(deep / ("M" * 200))


def test_an_inbox_that_cannot_be_listed_is_told(tmp_path: Path) -> None:
    told: list[Path] = []
    assert list(scan(tmp_path / "missing", unreadable=lambda path, _: told.append(path))) == []
    assert told == [tmp_path / "missing"]


def test_a_tree_deeper_than_python_may_recurse_is_scanned(deep: Path) -> None:
    dig(deep, "d", 1500)
    assert [path.name for path, _ in scan(deep)] == ["Kick.wav"]


# --- touches


def test_a_path_touched_often_is_given_once_and_the_bell_rings_once() -> None:
    rings: list[None] = []
    touches = Touches(lambda: rings.append(None))
    for _ in range(100):
        touches.add("/inbox/Kick.wav", folder=False)
    touches.add("/inbox/Pack", folder=True)
    assert touches.take() == ({"/inbox/Kick.wav"}, {"/inbox/Pack"}, False)
    assert touches.take() == (set(), set(), False)
    assert len(rings) == 1
    touches.add("/inbox/Kick.wav", folder=False)
    assert len(rings) == 2


def test_more_touches_than_can_be_kept_ask_for_a_scan() -> None:
    touches = Touches(lambda: None, most=10)
    for number in range(1000):
        touches.add(f"/inbox/{number}.wav", folder=False)
    files, _, spilled = touches.take()
    assert len(files) == 10
    assert spilled


def test_touches_of_many_threads_are_all_kept() -> None:
    touches = Touches(lambda: None)

    def touch(name: str) -> None:
        for number in range(500):
            touches.add(f"{name}{number}", folder=False)

    threads = [threading.Thread(target=touch, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    found: set[str] = set()
    while any(thread.is_alive() for thread in threads):
        found |= touches.take()[0]
    found |= touches.take()[0]
    assert len(found) == 2000
