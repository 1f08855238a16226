"""`organizer trash`: what rules have put out of the way, listed or deleted for good."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from organizer.cli.assembly import Assembly
from organizer.cli.interrupts import Interrupts
from organizer.cli.moments import Moment
from organizer.cli.output import Progress, as_json, confirm, counted, say, warn
from organizer.cli.plans import show
from organizer.planning.operations import Discard, Skip

if TYPE_CHECKING:
    from organizer.batch.trash import Trashed
    from organizer.execution.outcome import Outcome
    from organizer.planning.operations import Plan

# How long it waits for the batch in hand.
PATIENCE = 10.0


@click.group()
def trash() -> None:
    """List or empty the trash: what rules with on_duplicate = "trash" or "link" have put into _Trash.

    \b
    Examples:
      organizer trash list
      organizer trash empty --older-than 30d
    """


@trash.command("list")
@click.option("--json", "json_", is_flag=True, help="Print as JSON.")
def list_(*, json_: bool) -> None:
    """List what lies in the trash, since when, and the batch that `organizer undo` takes it back with.

    \b
    Examples:
      organizer trash list
    """
    from organizer.batch.trash import trashed

    with Assembly() as parts:
        found = trashed(parts.journal_to_read, parts.config.library_root)
    if json_:
        click.echo(as_json([_as_json(one) for one in found], indent=2))
        return
    for one in found:
        when = "?" if one.since is None else f"{datetime.fromtimestamp(one.since):%Y-%m-%d %H:%M}"
        say(f"{when}  {one.path}" + ("" if one.batch is None else f"  (batch {one.batch})"))
    size = sum(one.stamp.size for one in found)
    say(f"{counted(len(found), 'file')}, {size / 1e6:.1f} MB" if found else "The trash is empty")


@trash.command()
@click.option("--older-than", type=Moment(), help="Only what was put there before then: 30d, 2026-05-13.")
@click.option("--even-last-copies", is_flag=True, help="Sounds, too, of which no other copy is known.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="List what would be deleted; delete nothing.")
@click.option("--json", "json_", is_flag=True, help="Print what was done as JSON.")
@click.pass_context
def empty(
    ctx: click.Context,
    *,
    older_than: datetime | None,
    even_last_copies: bool,
    yes: bool,
    dry_run: bool,
    json_: bool,
) -> None:
    """Delete what lies in the trash for good; this cannot be undone.

    A sound is deleted only while the same one lies in the library, which is looked at again just before.
    Files that you have put into _Trash yourself stay.

    \b
    Examples:
      organizer trash empty --dry-run
      organizer trash empty --older-than 30d --yes
    """
    from organizer.batch.trash import plan_emptying, trashed
    from organizer.execution.locks import execution_lock
    from organizer.execution.recovery import recover

    with Assembly() as parts, Progress("trash") as progress:
        library = parts.config.library_root
        found = [one for one in trashed(parts.journal_to_read, library) if _is_before(one, older_than)]

        def planned() -> Plan:
            return plan_emptying(
                found,
                libraries=parts.config.library_roots,
                filesystem=parts.filesystem,
                index=parts.index,
                even_last=even_last_copies,
                progress=progress,
            )

        plan = planned()
        if dry_run:
            show([plan], json_=json_)
            return
        goes = sum(isinstance(one, Discard) for one in plan.operations)
        if goes:
            confirm(f"Delete {counted(goes, 'file')} for good? This cannot be undone.", yes=yes)
        with (
            Interrupts() as stop,
            execution_lock(parts.home.state, wait=PATIENCE, what="organizer trash empty", stop=stop),
            parts.filesystem.asking(stop),
        ):
            recover(parts.journal, parts.filesystem, parts.executor, stop=stop)
            outcome = parts.executor.run(
                planned(), stop=stop, progress=lambda done, total: progress("trash", done, total)
            )
            done = [one.operation for one in outcome.results if one.state == "done"]
            parts.index.forget([one.path for one in done if isinstance(one, Discard)])
    _tell(outcome, json_=json_)
    if stop():
        ctx.exit(stop.told())
    ctx.exit(1 if outcome.count("failed") else 0)


def _tell(outcome: Outcome, *, json_: bool) -> None:
    stayed = [
        {"path": one.operation.path, "reason": one.error, "hint": one.hint}
        for one in outcome.results
        if one.state not in ("done", "pending") and isinstance(one.operation, Discard | Skip)
    ]
    if json_:
        told = {"batch": outcome.batch, "deleted": outcome.count("done"), "stayed": stayed}
        click.echo(as_json(told, indent=2))
    else:
        for stays in stayed:
            warn(f"  stays: {stays['path']}: {stays['reason']}")
        say(f"{counted(outcome.count('done'), 'file')} deleted")


def _is_before(one: Trashed, moment: datetime | None) -> bool:
    return moment is None or (one.since is not None and one.since < moment.timestamp())


def _as_json(one: Trashed) -> dict[str, Any]:
    since = (
        None if one.since is None else datetime.fromtimestamp(one.since, UTC).isoformat(timespec="seconds")
    )
    return {"path": one.path, "size": one.stamp.size, "since": since, "batch": one.batch}
