"""How results reach the user: text that cannot disturb a terminal, JSON, progress, questions.

Standard streams may be closed, or their reader may be gone: `open_closed_streams` and `let_go_of_output`
see to it that neither stops the work or spoils a file.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import click

from organizer.errors import OrganizerError, UsageProblem

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from rich.progress import Progress as Bar
    from rich.progress import TaskID

# A progress bar for less would only flicker.
SECONDS_BEFORE_PROGRESS = 2.0


def open_closed_streams() -> None:
    """Put the null device where a standard stream is closed (`2>&-`).

    Left closed, its number would go to the next file that is opened, and what a library prints into it.
    """
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(number)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 - to the end


def print_any_name() -> None:
    """Let file names that are not valid in the terminal's encoding be printed escaped, never fatal."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure: Any = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def let_go_of_output() -> None:
    """Drop what a reader that went away did not read, or Python would complain of it as it ends."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, stream.fileno())
            os.close(null)


def printable(text: object) -> str:
    """Show control characters, terminal escapes and odd bytes as escapes instead of sending them."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in str(text))


def say(text: object = "") -> None:
    """Print one line, made of text that may hold names from outside."""
    click.echo(printable(text))


def warn(text: object) -> None:
    click.echo(printable(text), err=True)


class LogLines(logging.Formatter):
    """One line for each message, whatever the names in it; a traceback follows line by line, as printable."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name that logging calls
        return printable(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802 - the name that logging calls
        return "\n".join(printable(line) for line in super().formatException(ei).split("\n"))


def sentences(error: OrganizerError) -> list[str]:
    """Give what an error says, line by line, with the place that it is about."""
    lines = error.message.splitlines()
    if error.path is not None and str(error.path) not in error.message:
        lines[-1] += f" ({error.path})"
    return lines


def as_json(value: Any, *, indent: int | None = None) -> str:
    """Encode as JSON; names that are not valid UTF-8 come out as escaped surrogates."""
    text = json.dumps(value, ensure_ascii=False, indent=indent, default=str, allow_nan=False)
    if text.replace("\n", "").isprintable():
        return text
    return "".join(one if one.isprintable() or one == "\n" else _in_json(one) for one in text)


def _in_json(letter: str) -> str:
    """Escape what a terminal would obey; JSON itself escapes only what lies below the space."""
    units = letter.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


def confirm(question: str, *, yes: bool) -> None:
    """Ask before a change; on anything but a terminal `--yes` is the only answer."""
    if yes:
        return
    if sys.stdin is None or not sys.stdin.isatty():
        raise UsageProblem(f"{question} There is no terminal to ask on.", hint="Say it with --yes.")
    if not click.confirm(printable(question), default=False):
        raise click.exceptions.Exit(1)


class Progress:
    """A progress bar on a terminal once the work has taken two seconds; nothing elsewhere."""

    def __init__(self, title: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._title = title
        self._clock = clock
        self._began = clock()
        self._bar: Bar | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, stage: str, done: int, total: int) -> None:
        seen = sys.stderr is not None and sys.stderr.isatty()
        if not seen or self._clock() - self._began < SECONDS_BEFORE_PROGRESS:
            return
        if self._bar is None:
            from rich.console import Console
            from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar

            # Names are no markup.
            described = TextColumn("{task.description}", markup=False)
            columns = (described, BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
            self._bar = Bar(*columns, console=Console(stderr=True), transient=True)
            self._bar.start()
            self._task = self._bar.add_task("")
        assert self._task is not None  # set together with the bar
        title = printable(f"{self._title}: {stage}")
        self._bar.update(self._task, description=title, completed=done, total=total or None)


def counted(number: int, noun: str) -> str:
    """Say a number with its noun, in the plural where there is not one."""
    ending = "" if number == 1 else "es" if noun.endswith("ch") else "s"
    return f"{number} {noun}{ending}"


def duration_text(seconds: float) -> str:
    """Say a span of time in the unit a person would use."""
    for size, name in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {name}"
    return f"{seconds:.0f} s"
