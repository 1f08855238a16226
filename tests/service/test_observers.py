from __future__ import annotations

import errno
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from organizer.service.inbox import Touches
from organizer.service.observers import limit_sentence, watch_by_events, watch_by_polling

if TYPE_CHECKING:
    from pathlib import Path

    from organizer.service.observers import Touched


def _touches() -> Touched:
    return Touches(lambda: None).add


def test_the_sentence_about_a_limit_names_setting_value_and_command(tmp_path: Path) -> None:
    (tmp_path / "max_user_watches").write_text("8192\n")
    assert limit_sentence(errno.ENOSPC, settings=tmp_path) == (
        "fs.inotify.max_user_watches is 8192 and leaves no room; "
        "`sudo sysctl fs.inotify.max_user_watches=16384` raises it"
    )
    many = limit_sentence(errno.ENOSPC, folders=20_000, settings=tmp_path)
    assert many.startswith("fs.inotify.max_user_watches is 8192 and leaves no room for 20000 folders; ")
    assert "max_user_watches=28192`" in many
    assert limit_sentence(errno.EMFILE, settings=tmp_path) == (
        "fs.inotify.max_user_instances leaves no room; "
        "`sudo sysctl fs.inotify.max_user_instances=1024` raises it"
    )


@pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's")
def test_an_overflow_of_the_kernels_queue_is_remembered_until_asked(tmp_path: Path) -> None:
    from watchdog.observers.inotify_c import InotifyConstants, InotifyEvent, WatchDescriptor

    from organizer.service.inotify import RememberingReader

    watcher = watch_by_events(tmp_path, _touches())
    (reader,) = (one for one in threading.enumerate() if isinstance(one, RememberingReader))
    try:
        assert not watcher.lost_some()
        reader.handle_event(InotifyEvent(WatchDescriptor(-1), InotifyConstants.IN_Q_OVERFLOW, 0, b""))
        assert watcher.lost_some()
        assert not watcher.lost_some()
        assert watcher.alive()
    finally:
        watcher.stop()
    assert not watcher.alive()


def test_a_folder_that_is_not_there_cannot_be_watched_and_leaves_no_thread(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    with pytest.raises(FileNotFoundError):
        watch_by_events(tmp_path / "missing", _touches())
    with pytest.raises(FileNotFoundError):
        watch_by_polling(tmp_path / "missing", _touches(), seconds=1.0)
    assert set(threading.enumerate()) == before
