"""When the service rests: because its user said so, or while a program runs that must not be disturbed.

Owns the small file that `organizer pause` writes. Watching, settling and signs of life go on all the while.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from organizer.errors import OrganizerError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from pathlib import Path

# How often the running programs are looked through, in seconds.
SECONDS_BETWEEN_LOOKS = 10.0


class Pause(msgspec.Struct, kw_only=True):
    """What the user asked for. Times are seconds since the epoch; without an end it lasts until `resume`."""

    since: float
    until: float | None = None


def begin(path: Path, pause: Pause) -> None:
    """Let the service rest from now on. Raises `OrganizerError`."""
    draft = path.with_name(f"{path.name}.tmp")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft.write_bytes(msgspec.json.encode(pause))
        draft.replace(path)
    except OSError as error:
        raise OrganizerError(f"{path} cannot be written: {error.strerror}", path=path) from error


def end(path: Path) -> bool:
    """End the pause; False where there was none. Raises `OrganizerError`."""
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise OrganizerError(f"{path} cannot be removed: {error.strerror}", path=path) from error
    return True


def asked_for(path: Path, *, now: float) -> Pause | None:
    """Read what was asked for and is not over; None where there is nothing, or nothing that can be read."""
    try:
        pause = msgspec.json.decode(path.read_bytes(), type=Pause)
    except (OSError, msgspec.MsgspecError):
        return None
    return None if pause.until is not None and pause.until <= now else pause


class Pausing:
    """Answers whether to rest, and why; it is asked often."""

    def __init__(
        self,
        path: Path,
        programs: Collection[str],
        *,
        wall: Callable[[], float],
        running: Callable[[], Iterable[str]] | None = None,
    ) -> None:
        self._path = path
        self._programs = {_plain(name): name for name in programs}
        self._wall = wall
        self._running = running or running_programs
        self._looked = float("-inf")
        self._found = ""

    def reason(self) -> str:
        """Say in a few words why nothing is filed now; empty where something may be."""
        now = self._wall()
        if (pause := asked_for(self._path, now=now)) is not None:
            if pause.until is None:
                return "paused until `organizer resume`"
            return f"paused until {datetime.fromtimestamp(pause.until):%Y-%m-%d %H:%M}"
        if not self._programs:
            return ""
        # A clock that was set back asks at once, too.
        if not 0 <= now - self._looked < SECONDS_BETWEEN_LOOKS:
            self._looked = now
            seen = {_plain(name) for name in self._running()}
            self._found = next((name for plain, name in self._programs.items() if plain in seen), "")
        return f"paused while {self._found} runs" if self._found else ""


def running_programs() -> list[str]:
    """Name the programs that run on this machine, each as its file is called."""
    import psutil

    return [name for process in psutil.process_iter(["name"]) if (name := process.info["name"])]


def _plain(name: str) -> str:
    return name.casefold().removesuffix(".exe")
