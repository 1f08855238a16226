"""`organizer run`: the service in the foreground."""

from __future__ import annotations

import logging
import os
import signal
import time
from typing import TYPE_CHECKING

import click

from organizer.batch.arrivals import arrivals_below
from organizer.cli.assembly import Assembly
from organizer.cli.output import LogLines, Progress, say, warn
from organizer.cli.plans import show
from organizer.errors import UsageProblem

if TYPE_CHECKING:
    from organizer.batch.arrivals import Arrival
    from organizer.planning.operations import Plan


@click.command()
@click.option("--once", is_flag=True, help="File what is in the inboxes, then stop.")
@click.option("--dry-run", is_flag=True, help="List what would be done with the inboxes now; do nothing.")
@click.option("--json", "json_", is_flag=True, help="With --dry-run: print as JSON.")
@click.option("--verbose", "-v", is_flag=True, help="Say more.")
@click.pass_context
def run(ctx: click.Context, *, once: bool, dry_run: bool, json_: bool, verbose: bool) -> None:
    """Watch the inboxes and file what arrives, until stopped (^C, or `systemctl --user stop organizer`).

    A stop gives up the file in hand, however large, and leaves nothing half done; the next start goes on.

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
    told = logging.StreamHandler()
    told.setFormatter(LogLines("%(asctime)s %(message)s", datefmt="%H:%M:%S"))
    logging.basicConfig(level=logging.DEBUG if verbose else logging.INFO, handlers=[told])
    for noisy in ("watchdog", "numba"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    with Assembly() as parts:
        if dry_run:
            show(_plans(parts), json_=json_)
            return
        from organizer.execution.locks import service_lock
        from organizer.service.daemon import Service
        from organizer.service.notify import Notifier
        from organizer.service.pausing import Pausing

        if hasattr(signal, "SIGHUP"):
            # Until the service listens: it reads all anew as it starts, and must not die of being asked to.
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
        with service_lock(parts.home.state), Progress("run") as progress:
            service = Service(
                parts.config,
                parts.filing,
                notify=Notifier(os.environ),
                report_path=parts.home.report,
                pausing=Pausing(parts.home.pause, parts.config.pause_while, wall=time.time),
                once=once,
                progress=progress if once else None,
            )
            if not once:
                for inbox in parts.config.inbox:
                    say(f"watching {inbox.root}")
            ctx.exit(service.run())


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
