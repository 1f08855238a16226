"""`organizer run`: the service in the foreground."""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING, Self

import click

from organizer.batch.arrivals import arrivals_below
from organizer.cli.assembly import Assembly
from organizer.cli.logs import start_logging
from organizer.cli.output import Progress, say, warn
from organizer.cli.plans import show
from organizer.config import Home
from organizer.errors import UsageProblem
from organizer.service.desktop import Desktop, note_of
from organizer.service.memory import give_back

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from organizer.batch.arrivals import Arrival
    from organizer.planning.operations import Plan
    from organizer.service.library import LibraryWatch
    from organizer.service.served import Filed


@click.command()
@click.option("--once", is_flag=True, help="File what is in the inboxes, then stop.")
@click.option("--dry-run", is_flag=True, help="List what would be done with the inboxes now; do nothing.")
@click.option("--json", "json_", is_flag=True, help="With --dry-run: print as JSON.")
@click.option("--verbose", "-v", is_flag=True, help="Say more.")
@click.pass_context
def run(ctx: click.Context, *, once: bool, dry_run: bool, json_: bool, verbose: bool) -> None:
    """Watch the inboxes and file what arrives, until stopped (^C, or `systemctl --user stop organizer`).

    A stop gives up the file in hand, however large, and leaves nothing half done; the next start goes on.
    SIGHUP (`systemctl --user reload organizer`) reads configuration, rules and model again; what is broken
    is refused, and the old stays in force.

    \b
    Examples:
      organizer run
      organizer run --once
      organizer run --dry-run
    """
    if json_ and not dry_run:
        raise UsageProblem(
            "--json goes with --dry-run", hint="`organizer status --json` tells of the service."
        )
    # A dry run writes no file, and turns none over that a running service writes.
    state = None if dry_run else Home.find(os.environ).state
    with start_logging(state, verbose=verbose, environ=os.environ, stderr=sys.stderr) as calm:
        if not dry_run:
            ctx.exit(_serve(once=once, each_beat=calm.tell))
        with Assembly() as parts:
            show(_plans(parts), json_=json_)


def _serve(*, once: bool, each_beat: Callable[[], None]) -> int:
    """Run the service, and another after it for as long as settings change."""
    from organizer.execution.locks import service_lock
    from organizer.service.daemon import Service
    from organizer.service.notify import Notifier
    from organizer.service.pausing import Pausing

    if hasattr(signal, "SIGHUP"):
        # Until the service listens: it reads all anew as it starts, and must not die of being asked to.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with Settings() as settings, service_lock(settings.parts.home.state), Progress("run") as progress:
        before = None
        while True:
            parts = settings.parts
            service = Service(
                parts.config,
                parts.served,
                notify=Notifier(os.environ),
                report_path=parts.home.report,
                pausing=Pausing(parts.home.pause, parts.config.pause_while, wall=time.time),
                libraries=[] if once else _library_watches(parts),
                reconfigure=settings.change,
                before=before,
                each_beat=each_beat,
                each_batch=settings.tell,
                once=once,
                progress=progress if once else None,
            )
            if not once:
                for inbox in parts.config.inbox:
                    say(f"watching {inbox.root}")
            code = service.run()
            if not service.superseded:
                return code
            before = service.report


def _library_watches(parts: Assembly) -> list[LibraryWatch]:
    from organizer.service.library import LibraryWatch

    return [
        LibraryWatch(
            root,
            parts.observing,
            is_away=parts.journal.is_away,
            may_watch=parts.config.watch != "poll",
            scan_seconds=parts.config.library_scan_hours * 3600,
            clock=time.monotonic,
            wall=time.time,
        )
        for root in parts.config.library_roots
    ]


class Settings:
    """The parts in use, and how others take their place when the configuration changes."""

    def __init__(self) -> None:
        self._open = ExitStack()
        self.parts = self._open.enter_context(Assembly())
        self._desktop = self._open.enter_context(_desktop(self.parts))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def change(self) -> bool:
        """Read the configuration again; say whether it asks for other parts, which then are in use.

        Raises `OrganizerError` where they cannot be had, and keeps those that are.
        """
        with ExitStack() as opened:
            fresh = opened.enter_context(Assembly())
            if fresh.config == self.parts.config and fresh.ear.model_id == self.parts.ear.model_id:
                return False
            _ = fresh.served  # reads the rules, and opens the rest
            desktop = opened.enter_context(_desktop(fresh))
            self._open.close()
            self._open, self.parts, self._desktop = opened.pop_all(), fresh, desktop
        give_back()  # the old model, too
        return True

    def tell(self, filed: Filed) -> None:
        """Show on the desktop what came of a batch, if the user wants that."""
        if self._desktop is not None:
            note = note_of(filed)
            self._desktop.show(note.title, note.text)


@contextmanager
def _desktop(parts: Assembly) -> Iterator[Desktop | None]:
    if not parts.config.notify:
        yield None
        return
    with closing(Desktop(os.environ)) as desktop:
        yield desktop


def _plans(parts: Assembly) -> list[Plan]:
    """Plan for every inbox that is there; one that is away hides no other."""
    arrivals: list[Arrival] = []
    for inbox in parts.config.inbox:
        try:
            arrivals += arrivals_below(inbox)
        except OSError as error:
            warn(f"the inbox {inbox.root} cannot be listed: {error.strerror}")
    with Progress("run") as progress:
        return parts.proposing.plans(arrivals, progress=progress)
