"""Notes on the user's desktop, as freedesktop.org has them: one a batch, if the user wants them.

Owns the calls over the session bus, and the thread that makes them, so that nobody waits for a desktop. What
is told of a batch is put into words here.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from dataclasses import dataclass
from html import escape
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from organizer.errors import OrganizerError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from organizer.service.served import Filed

logger = logging.getLogger(__name__)

PATIENCE = 5.0  # seconds for a desktop to answer each call
MOST_WAITING = 8
_MOST_LETTERS_OF_TITLE = 120
_MOST_LETTERS_OF_TEXT = 400
_PLACE = ("/org/freedesktop/Notifications", "org.freedesktop.Notifications")
_NOBODY = frozenset(
    f"org.freedesktop.DBus.Error.{name}"
    for name in ("ServiceUnknown", "NameHasNoOwner", "Spawn.ChildExited", "Spawn.ServiceNotFound")
)


class NotShown(OrganizerError):
    """A note could not be shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    title: str
    text: str


def note_of(filed: Filed) -> Note:
    """Say what came of a batch, and how to take it back."""
    parts = [f"{filed.filed:,} filed"]
    if filed.left:
        parts.append(f"{filed.left:,} left")
    if filed.problems:
        parts.append(f"{filed.problems:,} with problems")
    if filed.interrupted:
        parts.append("interrupted")
    # What was counted is not to be lost of a long name.
    counts = f": {', '.join(parts)}"
    title = _cut(filed.title, _MOST_LETTERS_OF_TITLE - len(counts)) + counts
    if filed.batch is not None:
        return Note(title=title, text=f"organizer undo {filed.batch} puts it back")
    return Note(title=title, text="organizer status says more")


class Desktop:
    """Shows notes when it can. Whoever asks for one never waits and is told of no failure."""

    def __init__(
        self, environ: Mapping[str, str], *, patience: float = PATIENCE, most_waiting: int = MOST_WAITING
    ) -> None:
        self._environ = environ
        self._patience = patience
        self._waiting: deque[Note] = deque(maxlen=most_waiting)  # the oldest makes room
        self._changed = threading.Condition()
        self._closed = False
        self._worker: threading.Thread | None = None
        self.problem = problem_of(environ)  # why none can be shown; empty where it may be possible

    def show(self, title: str, text: str) -> None:
        with self._changed:
            if self._closed:
                return
            self._waiting.append(Note(title=title, text=text))
            if self._worker is None:
                # A daemon: one that waits for an answer does not keep the program from ending.
                self._worker = threading.Thread(target=self._work, name="desktop", daemon=True)
                self._worker.start()
            self._changed.notify()

    def close(self, *, seconds: float = 2.0) -> None:
        """Take no more notes, and give those that wait so long to be shown."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._worker is not None:
            self._worker.join(seconds)

    def _work(self) -> None:
        told = False  # of the present failure
        while (note := self._next()) is not None:
            try:
                send(note.title, note.text, self._environ, patience=self._patience)
            except NotShown as error:
                self.problem = error.message
                if not told:
                    logger.warning("notes cannot be shown on the desktop: %s", error.message)
                told = True
            else:
                self.problem = ""
                told = False

    def _next(self) -> Note | None:
        """Wait for a note; None when there will be no more."""
        with self._changed:
            while not self._waiting and not self._closed:
                self._changed.wait()
            if not self._waiting or (self._closed and self.problem):
                return None
            return self._waiting.popleft()


def problem_of(environ: Mapping[str, str]) -> str:
    """Say what is missing here for notes to be shown, as far as can be seen without trying."""
    if find_spec("jeepney") is None:
        return "install organizer[notify]"
    return "" if _address(environ) else "no session bus"


def send(title: str, text: str, environ: Mapping[str, str], *, patience: float = PATIENCE) -> int:
    """Show one note and wait for the desktop to take it; give its number. Raises `NotShown`."""
    if problem := problem_of(environ):
        hints = {
            "no session bus": "Where a desktop runs, DBUS_SESSION_BUS_ADDRESS says where its bus is",
            "install organizer[notify]": "pip install 'organizer[notify]'",
        }
        raise NotShown(problem, hint=hints[problem])
    from jeepney import DBusErrorResponse

    try:
        return _call(
            _cut(title, _MOST_LETTERS_OF_TITLE), _cut(text, _MOST_LETTERS_OF_TEXT), environ, patience
        )
    except TimeoutError as error:
        raise NotShown(f"the desktop does not answer within {patience:g} s") from error
    except DBusErrorResponse as error:
        if error.name in _NOBODY:
            raise NotShown(
                "no program shows notes on this desktop", hint="dunst or mako do, where a desktop has none"
            ) from error
        raise NotShown(f"the desktop refuses: {_plain(error)}") from error
    except OSError as error:
        raise NotShown(f"the session bus cannot be reached: {error.strerror or error}") from error
    except Exception as error:  # whatever comes over the bus: a note is worth no service
        raise NotShown(f"the session bus is of no use: {type(error).__name__}: {_plain(error)}") from error


def _call(title: str, text: str, environ: Mapping[str, str], patience: float) -> int:
    from jeepney import DBusAddress, new_method_call
    from jeepney.bus import get_bus
    from jeepney.io.blocking import DBusConnection, prep_socket
    from jeepney.wrappers import unwrap_msg

    class Patient(DBusConnection):  # type: ignore[misc]  # jeepney has no type hints, so that its classes are unknown
        """Waits for nothing for ever, as jeepney does for the answer to its greeting."""

        def receive(self, *, timeout: float | None = None) -> Any:
            return super().receive(timeout=patience if timeout is None else timeout)

    path, name = _PLACE
    hints = {"category": ("s", "transfer.complete"), "urgency": ("y", 1)}
    # The text may be read as markup; the title never is.
    note: tuple[object, ...] = (
        "Organizer",
        0,
        "audio-x-generic",
        title,
        escape(text, quote=False),
        [],
        hints,
        -1,
    )
    call = new_method_call(DBusAddress(path, name, interface=name), "Notify", "susssasa{sv}i", note)
    with prep_socket(get_bus(_address(environ)), timeout=patience) as channel, Patient(channel) as bus:
        (number,) = unwrap_msg(bus.send_and_get_reply(call, timeout=patience))
        return int(number)


def _address(environ: Mapping[str, str]) -> str:
    if address := environ.get("DBUS_SESSION_BUS_ADDRESS", ""):
        return address
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    usual = Path(runtime) / "bus"
    return f"unix:path={usual}" if runtime and usual.exists() else ""


def _plain(text: object) -> str:
    """Show what no screen should obey, or no bus would carry, as escapes."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in str(text))


def _cut(text: str, most: int) -> str:
    text = _plain(text)
    return text if len(text) <= most else f"{text[: most - 1]}…"
