from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from organizer.service.inbox import scan
from organizer.service.observers import LimitReached, limit_sentence, watch_by_events
from organizer.service.watch import Watch
from tests.execution.disks import EXT4, plugged
from tests.service.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from organizer.service.observers import Touched, Watcher

REPOSITORY = Path(__file__).parents[2]


def put(path: Path, content: bytes = b"sound") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


class Heard:
    """Collects what a watch gives, as the service would."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self.files: set[Path] = set()

    def __call__(self, *expected: Path) -> bool:
        files, folders, _ = self.watch.take()
        self.files.update(files)
        for folder in folders:
            self.files.update(path for path, _ in scan(folder))
        return self.files.issuperset(expected)


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    root = tmp_path / "inbox"
    root.mkdir()
    return root


@pytest.fixture
def watching() -> Iterator[Callable[..., Watch]]:
    made: list[Watch] = []

    def make(root: Path, **options: object) -> Watch:
        made.append(Watch(root, ring=lambda: None, poll_seconds=0.1, **options))  # type: ignore[arg-type]
        return made[-1]  # the options are passed on as they come

    yield make
    for one in made:
        one.stop()


# --- watch, on the real kernel


def test_a_file_that_is_written_slowly_is_touched_again_and_again(
    inbox: Path, watching: Callable[..., Watch]
) -> None:
    watch = watching(inbox)
    assert watch.renew()
    assert (watch.kind, watch.degraded, watch.present) == ("native", "", True)
    path = inbox / "Slow.wav"
    with path.open("wb", buffering=0) as file:
        for _ in range(3):
            file.write(b"sound")
            wait_until(lambda: path in watch.take()[0], "the write is heard")
    wait_until(lambda: path in watch.take()[0], "the end is heard")


def test_reading_is_no_touch(inbox: Path, watching: Callable[..., Watch]) -> None:
    quiet, loud = put(inbox / "Read.wav"), put(inbox / "Written.wav")
    watch = watching(inbox)
    watch.renew()
    heard = Heard(watch)
    quiet.read_bytes()
    put(loud)
    wait_until(lambda: heard(loud), "the write is heard")
    assert quiet not in heard.files


def test_a_finished_download_is_heard_under_its_final_name(
    inbox: Path, watching: Callable[..., Watch]
) -> None:
    watch = watching(inbox)
    watch.renew()
    heard = Heard(watch)
    unfinished = put(inbox / "Kick.wav.part")
    final = unfinished.rename(inbox / "Kick.wav")
    wait_until(lambda: heard(final), "the new name is heard")
    assert {path for path in heard.files if path.exists()} == {final}


def test_every_file_of_a_tree_that_is_copied_in_is_heard(
    inbox: Path, tmp_path: Path, watching: Callable[..., Watch]
) -> None:
    for number in range(60):
        put(tmp_path / f"source/{number % 7}/{number % 3}/{number}.wav")
    watch = watching(inbox)
    watch.renew()
    heard = Heard(watch)
    shutil.copytree(tmp_path / "source", inbox / "Pack")
    expected = [path for path, _ in scan(inbox)]
    assert len(expected) == 60
    wait_until(lambda: heard(*expected), "every copied file is heard")


def test_every_file_of_a_folder_that_is_moved_in_is_heard_and_stays_heard(
    inbox: Path, tmp_path: Path, watching: Callable[..., Watch]
) -> None:
    put(tmp_path / "source/Deep/Kick.wav")
    watch = watching(inbox)
    watch.renew()
    heard = Heard(watch)
    (tmp_path / "source").rename(inbox / "Pack")
    wait_until(lambda: heard(inbox / "Pack/Deep/Kick.wav"), "the moved file is heard")
    late = put(inbox / "Pack/Deep/Late.wav")
    wait_until(lambda: heard(late), "a later file in it is heard")
    assert heard.files == {inbox / "Pack/Deep/Kick.wav", late}


def test_an_inbox_that_is_deleted_and_made_again_is_heard_again(
    inbox: Path, watching: Callable[..., Watch]
) -> None:
    watch = watching(inbox)
    watch.renew()
    for round_ in range(3):
        shutil.rmtree(inbox)
        wait_until(lambda: not watch.healthy(), "the loss is noticed")
        assert not watch.renew()
        assert not watch.present
        assert watch.healthy()  # known to be absent, and waited for
        inbox.mkdir()
        assert watch.renew()
        assert not watch.renew()
        heard = Heard(watch)
        kick = put(inbox / f"Kick {round_}.wav")
        wait_until(partial(heard, kick), "the new inbox is heard")


def test_an_inbox_that_was_replaced_behind_our_back_is_heard_again(
    inbox: Path, watching: Callable[..., Watch]
) -> None:
    watch = watching(inbox)
    watch.renew()
    inbox.rename(inbox.with_name("aside"))
    inbox.mkdir()
    assert not watch.healthy()
    assert watch.renew()
    heard = Heard(watch)
    kick = put(inbox / "Kick.wav")
    wait_until(lambda: heard(kick), "the new inbox is heard")
    shutil.rmtree(inbox)
    inbox.with_name("aside").rename(inbox)
    assert watch.renew()
    hat = put(inbox / "Hat.wav")
    wait_until(lambda: heard(hat), "the old inbox is heard again")


def test_an_inbox_that_is_missing_at_the_start_is_waited_for(
    tmp_path: Path, watching: Callable[..., Watch], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="organizer")
    root = tmp_path / "later"
    watch = watching(root)
    for _ in range(5):
        assert not watch.renew()
    assert watch.healthy()
    assert not watch.present
    root.mkdir()
    assert watch.renew()
    assert [record.getMessage() for record in caplog.records] == [
        f"{root} is not there: waiting for it",
        f"{root} is there again",
    ]


def test_an_inbox_that_is_a_file_is_waited_for(tmp_path: Path, watching: Callable[..., Watch]) -> None:
    watch = watching(put(tmp_path / "inbox"))
    assert not watch.renew()
    assert watch.degraded == "is not a folder"


def test_an_inbox_behind_a_link_is_heard_by_its_own_name(
    inbox: Path, tmp_path: Path, watching: Callable[..., Watch]
) -> None:
    link = tmp_path / "link"
    link.symlink_to(inbox)
    watch = watching(link)
    assert watch.renew()
    heard = Heard(watch)
    put(inbox / "Kick.wav")
    put(inbox / "Pack/Deep/Hat.wav")
    wait_until(lambda: heard(link / "Kick.wav", link / "Pack/Deep/Hat.wav"), "both are heard")


def test_names_of_any_bytes_are_heard(inbox: Path, watching: Callable[..., Watch]) -> None:
    watch = watching(inbox)
    watch.renew()
    heard = Heard(watch)
    odd = put(inbox / os.fsdecode(b"K\xffck \xe2\x82\xac.wav"))
    wait_until(lambda: heard(odd), "the odd name is heard")
    assert [os.fsencode(path.name) for path in heard.files] == [b"K\xffck \xe2\x82\xac.wav"]


def test_a_dead_emitter_is_noticed_and_replaced(inbox: Path, watching: Callable[..., Watch]) -> None:
    watch = watching(inbox)
    watch.renew()
    before = set(threading.enumerate())
    for thread in before:
        if type(thread).__name__ == "InotifyEmitter":
            thread.stop()  # type: ignore[attr-defined]  # a watchdog thread
            thread.join()
    assert not watch.healthy()
    assert watch.renew()
    assert watch.healthy()
    heard = Heard(watch)
    kick = put(inbox / "Kick.wav")
    wait_until(lambda: heard(kick), "the new watch hears")


def test_a_dead_reader_is_noticed(inbox: Path, watching: Callable[..., Watch]) -> None:
    watch = watching(inbox)
    watch.renew()
    for thread in threading.enumerate():
        if type(thread).__name__ == "RememberingReader":
            thread.stop()  # type: ignore[attr-defined]  # a watchdog thread
            thread.join()
    assert not watch.healthy()


def test_a_stopped_watch_leaves_no_thread_behind(inbox: Path, watching: Callable[..., Watch]) -> None:
    before = set(threading.enumerate())
    watch = watching(inbox)
    watch.renew()
    assert set(threading.enumerate()) - before
    watch.stop()
    assert set(threading.enumerate()) - before == set()


# --- polling


def test_an_inbox_on_a_network_is_polled(inbox: Path, tmp_path: Path, watching: Callable[..., Watch]) -> None:
    table = tmp_path / "mountinfo"
    table.write_text(f"23 22 0:40 / {inbox} rw - cifs //nas/x rw\n")
    watch = watching(inbox, mount_table=table)
    assert watch.renew()
    assert (watch.kind, watch.network, watch.degraded) == ("poll", "cifs", "")
    heard = Heard(watch)
    kick, deep = put(inbox / "Kick.wav"), put(inbox / "Pack/Deep/Hat.wav")
    (inbox / "loop").symlink_to(inbox)  # a poll that followed it would never end
    wait_until(lambda: heard(kick, deep), "polling hears")
    shutil.rmtree(inbox)
    wait_until(lambda: not watch.healthy(), "the loss is noticed")
    assert not watch.renew()


def test_where_the_limits_allow_no_watch_it_polls_and_says_so(
    inbox: Path, watching: Callable[..., Watch]
) -> None:
    def refused(folder: Path, _touched: Touched) -> Watcher:
        raise LimitReached(limit_sentence(errno.ENOSPC), path=folder)

    watch = watching(inbox, by_events=refused)
    assert watch.renew()
    assert watch.kind == "poll"
    assert "fs.inotify.max_user_watches" in watch.degraded
    assert "sudo sysctl" in watch.degraded
    assert watch.healthy()
    assert not watch.renew()
    heard = Heard(watch)
    kick = put(inbox / "Kick.wav")
    wait_until(lambda: heard(kick), "polling hears")


class _Limited:
    """A real watcher that loses a folder, or events, when the test says so."""

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher
        self.reached = ""
        self.lost = False

    def alive(self) -> bool:
        return self._watcher.alive()

    def lost_some(self) -> bool:
        lost, self.lost = self.lost, False
        return lost

    def limit(self) -> str:
        return self.reached

    def folders(self) -> int | None:
        return self._watcher.folders()

    def stop(self) -> None:
        self._watcher.stop()


def test_a_folder_left_unwatched_by_the_limits_turns_the_inbox_to_polling(
    inbox: Path, watching: Callable[..., Watch]
) -> None:
    made: list[_Limited] = []

    def limited(folder: Path, touched: Touched) -> Watcher:
        made.append(_Limited(watch_by_events(folder, touched)))
        return made[-1]

    watch = watching(inbox, by_events=limited)
    watch.renew()
    made[0].lost = True
    assert watch.renew()  # events were lost: scan
    assert not watch.renew()
    made[0].reached = "no more watches"
    assert watch.renew()
    assert (watch.kind, watch.degraded) == ("poll", "no more watches")
    assert not made[0].alive()


LIMITED = """
import sys
from pathlib import Path
from organizer.service.watch import Watch
Path("/proc/sys/user/max_inotify_watches").write_text("30")
root = Path(sys.argv[1])
watch = Watch(root, ring=lambda: None, poll_seconds=0.1)
watch.renew()
print(watch.kind, watch.degraded)
for number in range(20):
    (root / f"early {number}").mkdir()
while not watch.renew() and watch.kind == "native":
    for number in range(100):
        (root / f"late {number}").mkdir(exist_ok=True)
print(watch.kind, watch.degraded)
watch.stop()
"""


@pytest.mark.parametrize("before", [0, 100], ids=["while running", "at the start"])
def test_the_limits_of_the_real_kernel_are_noticed(inbox: Path, before: int) -> None:
    try:
        subprocess.run(["unshare", "-Ur", "test", "-w", "/proc/sys/user/max_inotify_watches"], check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("user namespaces, which have limits of their own, are not to be had here")
    for number in range(before):
        (inbox / f"before {number}").mkdir()
    done = subprocess.run(
        ["unshare", "-Ur", sys.executable, "-c", LIMITED, str(inbox)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    first, last = done.stdout.splitlines()
    assert first.startswith("poll fs.inotify.max_user_watches" if before else "native")
    assert last.startswith("poll fs.inotify.max_user_watches")


def test_the_user_says_how_an_inbox_is_watched(
    inbox: Path, tmp_path: Path, watching: Callable[..., Watch]
) -> None:
    table = tmp_path / "mountinfo"
    table.write_text(f"23 22 0:40 / {inbox} rw - cifs //nas/x rw\n")
    native, polled = watching(inbox, mode="native", mount_table=table), watching(inbox, mode="poll")
    assert native.renew()
    assert polled.renew()
    assert (native.kind, native.network) == ("native", "cifs")  # still given the time of a network
    assert (polled.kind, polled.network) == ("poll", "")


def test_the_folders_that_the_system_watches_are_counted(inbox: Path, watching: Callable[..., Watch]) -> None:
    put(inbox / "Pack/Deep/Kick.wav")
    watch = watching(inbox)
    assert watch.folders is None
    watch.renew()
    assert watch.folders == 3
    (inbox / "Other").mkdir()
    wait_until(lambda: watch.folders == 4, "a new folder is watched")
    shutil.rmtree(inbox / "Pack")
    wait_until(lambda: watch.folders == 2, "those that are gone are not")
    assert watch.folders == 2


def test_a_disk_that_is_back_at_once_as_the_same_is_heard_again(
    tmp_path: Path, watching: Callable[..., Watch]
) -> None:
    with plugged(EXT4, tmp_path / "disk") as disk:
        watch = watching(disk.folder)
        assert watch.renew()
        assert watch.healthy()
        disk.unplug()
        disk.plug()
        wait_until(lambda: not watch.healthy(), "the loss is noticed")
        assert watch.renew()
        heard = Heard(watch)
        kick = put(disk.folder / "Kick.wav")
        wait_until(lambda: heard(kick), "it hears again")
        assert watch.healthy()
        watch.stop()
