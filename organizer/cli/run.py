"""`organizer run`: the service in the foreground."""

from __future__ import annotations

import logging
import os

import click

from organizer.cli.assembly import Assembly
from organizer.cli.output import LogLines, as_json, say


@click.command()
@click.option("--once", is_flag=True, help="File what is in the inboxes, then stop.")
@click.option("--dry-run", is_flag=True, help="List what would be done with the inboxes now; do nothing.")
@click.option("--json", "json_", is_flag=True, help="With --dry-run: print as JSON.")
@click.option("--verbose", "-v", is_flag=True, help="Say more.")
@click.pass_context
def run(ctx: click.Context, *, once: bool, dry_run: bool, json_: bool, verbose: bool) -> None:
    """Watch the inboxes and file what arrives, until stopped (^C, or `systemctl --user stop organizer`).

    A stop lets the operation in hand finish; the rest of its batch is done at the next start.

    \b
    Examples:
      organizer run
      organizer run --once
      organizer run --dry-run
    """
    told = logging.StreamHandler()
    told.setFormatter(LogLines("%(asctime)s %(message)s", datefmt="%H:%M:%S"))
    logging.basicConfig(level=logging.DEBUG if verbose else logging.INFO, handlers=[told])
    for noisy in ("watchdog", "numba"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    with Assembly() as parts:
        if dry_run:
            _show_plans(parts, json_=json_)
            return
        from organizer.execution.locks import service_lock
        from organizer.service.daemon import Service
        from organizer.service.notify import Notifier

        for inbox in parts.config.inbox:
            say(f"watching {inbox.root}")
        with service_lock(parts.home.state):
            service = Service(
                parts.config,
                parts.filing,
                notify=Notifier(os.environ),
                report_path=parts.home.report,
                once=once,
            )
            ctx.exit(service.run())


def _show_plans(parts: Assembly, *, json_: bool) -> None:
    from organizer.cli.sort import arrivals_below
    from organizer.cli.wording import operation_as_json, operation_in_words

    shown = []
    for inbox in parts.config.inbox:
        for arrival in arrivals_below(inbox):
            plan = parts.filing.propose(arrival).plan
            shown.append(plan)
            if not json_ and plan.operations:
                say(f"{inbox.title}: {plan.title}")
                for operation in (*plan.actions, *(one for one in plan.operations if _is_skip(one))):
                    say(f"  {operation_in_words(operation)}")
    if json_:
        listed = [
            {
                "inbox": plan.inbox,
                "title": plan.title,
                "operations": [operation_as_json(one) for one in plan.operations],
            }
            for plan in shown
        ]
        click.echo(as_json(listed, indent=2))


def _is_skip(operation: object) -> bool:
    from organizer.planning.operations import Skip

    return isinstance(operation, Skip)
