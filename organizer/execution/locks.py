"""Who may act: the service's lock, held for its life, and the execution lock, held for a batch.

The lock itself is the operating system's (through filelock): a process that dies lets go of it. A JSON
file beside it tells who holds it, for a message alone; nothing is decided by what it says.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from filelock import BaseFileLock, FileLock, Timeout

from organizer.errors import LockedError
from organizer.stopping import Stopped, never

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from organizer.stopping import Stop

_ASKING = 0.5  # seconds between two questions whether to stop, while the lock is another's


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lock, and what for."""

    pid: int
    command: str
    since: float  # seconds since 1970


@contextmanager
def service_lock(state: Path) -> Iterator[None]:
    """Be the one service of this state folder, or say who is."""
    # It waits a moment, because `service_holder` asks by holding the lock for an instant.
    with _held(state, "service", wait=0.5, what="organizer run") as busy:
        if busy is not None:
            raise LockedError(
                f"The service is running already{_by(busy)}",
                path=state,
                hint="Stop it first, or use it: `organizer status` tells how it is",
            )
        yield


@contextmanager
def execution_lock(state: Path, *, wait: float, what: str, stop: Stop = never) -> Iterator[None]:
    """Be the only one who changes files, after waiting up to `wait` seconds for whoever does.

    Raises `LockedError`, or `Stopped` when asked to stop before.
    """
    with _held(state, "execution", wait=wait, what=what, stop=stop) as busy:
        if busy is not None:
            raise LockedError(
                f"Files are being changed by another Organizer{_by(busy)}",
                path=state,
                hint="Try again when it is done",
            )
        yield


def service_holder(state: Path) -> Holder | None:
    """Say who runs the service, None where nobody does."""
    return _holder(state, "service")


def execution_holder(state: Path) -> Holder | None:
    """Say who changes files just now, None where nobody does."""
    return _holder(state, "execution")


def _holder(state: Path, name: str) -> Holder | None:
    if not (state / f"{name}.lock").exists():
        return None
    lock = FileLock(state / f"{name}.lock", timeout=0)
    try:
        with lock:
            return None
    except Timeout:
        return _read(state / f"{name}.holder.json")


@contextmanager
def _held(state: Path, name: str, *, wait: float, what: str, stop: Stop = never) -> Iterator[Holder | None]:
    """Hold a lock and yield None, or yield who holds it."""
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    told = state / f"{name}.holder.json"
    lock = FileLock(state / f"{name}.lock", poll_interval=0.05, thread_local=False)
    if not _acquired(lock, wait, stop):
        yield _read(told)
        return
    try:
        _write(told, Holder(os.getpid(), what, time.time()))
        yield None
    finally:
        with suppress(OSError):
            told.unlink()
        lock.release()


def _acquired(lock: BaseFileLock, wait: float, stop: Stop) -> bool:
    """Wait for a lock; False where it was another's all the time."""
    ends = time.monotonic() + wait
    while True:
        left = max(0.0, ends - time.monotonic())
        try:
            lock.acquire(timeout=min(left, _ASKING))
        except Timeout:
            if stop():
                raise Stopped from None
            if left <= _ASKING:
                return False
        else:
            return True


def _write(path: Path, holder: Holder) -> None:
    text = json.dumps({"pid": holder.pid, "command": holder.command, "since": holder.since})
    with suppress(OSError):
        fresh = path.with_suffix(".new")
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(path)


def _read(path: Path) -> Holder:
    """Read who holds a lock; whoever it is may be about to write it down."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        found = json.loads(path.read_text(encoding="utf-8"))
        return Holder(int(found["pid"]), str(found["command"]), float(found["since"]))
    return Holder(0, "", 0.0)


def _by(holder: Holder) -> str:
    return f": {holder.command} (process {holder.pid})" if holder.pid else ""
