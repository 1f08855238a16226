"""Where the service's log goes: lines for people, and records for programs.

Owns the handlers, which are there for as long as the service runs, and the rotating file. What is worth a
line is decided where it is logged; what is a flood, by `Calm`.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from organizer.cli.output import LogLines, as_json
from organizer.service.calm import Calm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from io import TextIOWrapper

logger = logging.getLogger(__name__)

NAME = "organizer.log"
_BYTES = 1_000_000  # of the file, and of each of those that it was before
_KEPT = 3
_NOISY = ("watchdog", "numba")
JOURNAL_SOCKET = Path("/run/systemd/journal/socket")
# syslog(3): what the journal, and a number in front of a line that goes there, call each level.
_PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
_DEBUG = 7


@contextmanager
def start_logging(
    state: Path | None,
    *,
    verbose: bool,
    environ: Mapping[str, str],
    stderr: TextIO,
    clock: Callable[[], float] = time.monotonic,
    journal: Path = JOURNAL_SOCKET,
) -> Iterator[Calm]:
    """Log until the end: to journald where it reads `stderr`, else to `stderr` and to a file below `state`.

    Without a `state` there is no file. What is given is to be asked to `tell` every few seconds.
    """
    if is_journal(stderr, environ):
        handlers = [_to_journal(stderr, journal)]
    else:
        handlers = [_Lines(stderr, _OwnLines("%(asctime)s %(message)s", datefmt="%H:%M:%S"))]
        if state is not None:
            handlers.append(_LogFile(state / NAME))
    calm = Calm(clock=clock)
    root = logging.getLogger()
    with ExitStack() as restored:
        restored.callback(root.setLevel, root.level)
        root.setLevel(logging.DEBUG if verbose else logging.INFO)
        for noisy in map(logging.getLogger, _NOISY):
            restored.callback(noisy.setLevel, noisy.level)
            noisy.setLevel(logging.WARNING)
        for handler in handlers:
            handler.addFilter(calm)
            root.addHandler(handler)
            restored.callback(handler.close)
            restored.callback(root.removeHandler, handler)
        restored.callback(calm.close)
        yield calm


def is_journal(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Say whether journald reads what is written there; see systemd.exec(5), `JOURNAL_STREAM`."""
    try:
        stat = os.fstat(stream.fileno())
    except (OSError, ValueError):  # it is closed, or a stream in memory
        return False
    return environ.get("JOURNAL_STREAM") == f"{stat.st_dev}:{stat.st_ino}"


def _to_journal(stderr: TextIO, socket: Path) -> logging.Handler:
    """Make the way to journald: records with fields where it can be, else lines with their priority."""
    lines = _Lines(stderr, _WithPriority("%(message)s"))
    if not socket.exists():
        return lines
    try:
        from logging_journald import JournaldTransport
    except ImportError:
        return lines
    # Not connected: so it goes on when journald was started anew.
    return _Journal(JournaldTransport(socket, connected=False), instead=lines)


def _priority(level: int) -> int:
    return next((priority for least, priority in _PRIORITIES if level >= least), _DEBUG)


class _Lines(logging.StreamHandler[TextIO]):
    """Lines for people, or for what reads stderr; that nobody reads any more is no reason to stop."""

    def __init__(self, stream: TextIO, formatter: logging.Formatter) -> None:
        super().__init__(stream)
        self.setFormatter(formatter)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name that logging calls
        if not isinstance(sys.exception(), OSError):
            super().handleError(record)


class _OwnLines(LogLines):
    """Takes no traceback that another formatter has left on the record: it may not be printable."""

    def format(self, record: logging.LogRecord) -> str:
        left, record.exc_text = record.exc_text, None
        try:
            return super().format(record)
        finally:
            record.exc_text = left


class _WithPriority(_OwnLines):
    """Lines as sd-daemon(3) has them: each begins with its priority."""

    def format(self, record: logging.LogRecord) -> str:
        mark = f"<{_priority(record.levelno)}>"
        return "\n".join(mark + line for line in super().format(record).split("\n"))


class _Journal(logging.Handler):
    """Sends records with fields to journald; see systemd.journal-fields(7)."""

    def __init__(self, transport: Any, *, instead: logging.Handler) -> None:
        super().__init__()
        self._transport = transport
        self._instead = instead
        self._text = _OwnLines("%(message)s")
        self.setFormatter(self._text)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._transport.send(self._fields(record))
        except OSError:
            self._instead.handle(record)
        except Exception:  # a message that cannot be made; logging says which
            self.handleError(record)

    def _fields(self, record: logging.LogRecord) -> list[tuple[str, bytes]]:
        message = self.format(record)  # as people read it, a traceback below
        fields = {
            "MESSAGE": message,
            "PRIORITY": _priority(record.levelno),
            "SYSLOG_IDENTIFIER": "organizer",
            "LOGGER": record.name,
            "THREAD_NAME": record.threadName,
            "CODE_FILE": record.pathname,
            "CODE_LINE": record.lineno,
            "CODE_FUNC": record.funcName,
            "EXCEPTION_TEXT": self._text.formatException(record.exc_info) if record.exc_info else None,
            "MORE": vars(record).get("more"),
        }
        return [
            (name, str(value).encode("utf-8", "backslashreplace"))
            for name, value in fields.items()
            if value is not None
        ]

    def close(self) -> None:
        self._transport.socket.close()
        super().close()


class _JsonLines(logging.Formatter):
    """One JSON object a line; names that are not valid UTF-8 come out as escaped surrogates."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created).astimezone().isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        if "more" in vars(record):
            line["more"] = vars(record)["more"]
        return as_json(line)


class _LogFile(RotatingFileHandler):
    """The file, opened when there is something to write; that it cannot be written is said once.

    Each time it is opened anew, after a full disk too, so that what is half written spoils one line only.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, maxBytes=_BYTES, backupCount=_KEPT, encoding="utf-8", delay=True)
        self.setFormatter(_JsonLines())
        self._problem = ""

    def emit(self, record: logging.LogRecord) -> None:
        before, self._problem = self._problem, ""
        super().emit(record)
        if self._problem and not before:
            # It comes back here, too, to no effect, and reaches those that can tell.
            logger.warning("the log %s cannot be written: %s", self.baseFilename, self._problem)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name that logging calls
        error = sys.exception()
        if not isinstance(error, OSError):
            super().handleError(record)
            return
        self._problem = error.strerror or str(error)
        self._let_go()

    def close(self) -> None:
        self._let_go()
        super().close()

    def _let_go(self) -> None:
        stream, self.stream = self.stream, None
        if stream is not None:
            with suppress(OSError):  # it tries once more to write what is left
                stream.close()

    def _open(self) -> TextIOWrapper:
        path = Path(self.baseFilename)
        with suppress(FileExistsError):  # what is wrong with a file there, opening tells better
            path.parent.mkdir(mode=0o700, parents=True)
        # Names of sounds are nobody else's business.
        number = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        stream = os.fdopen(number, "a", encoding="utf-8")
        size = os.fstat(number).st_size
        if size and os.pread(number, 1, size - 1) != b"\n":
            stream.write("\n")
        return stream
