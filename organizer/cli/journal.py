"""`organizer journal`: copies of what undo goes by."""

from __future__ import annotations

import time
from pathlib import Path

import click

from organizer.cli.assembly import Assembly
from organizer.cli.log import batch_as_json, record_as_json
from organizer.cli.output import as_json, confirm, say
from organizer.config import absolute

# How long a restore waits for the batch in hand.
PATIENCE = 10.0


@click.group()
def journal() -> None:
    """Back up, put back or export the journal, which undo goes by.

    \b
    Examples:
      organizer journal backup
      organizer journal restore ~/Backups/journal.sqlite
      organizer journal export > journal.jsonl
    """


@journal.command()
@click.argument("path", required=False, type=click.Path(path_type=Path))
@click.option("--json", "json_", is_flag=True, help="Print where it is as JSON.")
def backup(*, path: Path | None, json_: bool) -> None:
    """Copy the journal to PATH, or to a new file in the state folder; nothing is overwritten.

    The service may run meanwhile.

    \b
    Examples:
      organizer journal backup
      organizer journal backup /media/stick/journal.sqlite
    """
    from organizer.execution.backup import back_up

    with Assembly() as parts:
        target = absolute(path) if path is not None else _fresh(parts)
        back_up(parts.home.journal, target, parts.filesystem)
    if json_:
        click.echo(as_json({"backup": str(target)}))
    else:
        say(f"The journal is backed up as {target}")


@journal.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.option("--json", "json_", is_flag=True, help="Print what was done as JSON.")
def restore(*, path: Path, yes: bool, json_: bool) -> None:
    """Let the journal be what the backup PATH holds; what it is now is backed up first.

    No sound is touched. But what was filed since then can no longer be undone, and what an undo has put back
    into an inbox since is filed again by the next run. The service must be stopped.

    \b
    Examples:
      organizer journal restore ~/Backups/journal.sqlite
    """
    from organizer.execution.backup import back_up, put_back
    from organizer.execution.locks import execution_lock, service_lock

    with Assembly() as parts:
        state, live, source = parts.home.state, parts.home.journal, absolute(path)
        confirm(
            f"Replace the journal by {source}? What was filed since cannot be undone then, "
            "and what was put back since is filed again.",
            yes=yes,
        )
        with service_lock(state), execution_lock(state, wait=PATIENCE, what="organizer journal restore"):
            kept = _fresh(parts) if live.exists() else None
            if kept is not None:
                back_up(live, kept, parts.filesystem)
            put_back(source, live)
    if json_:
        click.echo(as_json({"restored": str(source), "backup": None if kept is None else str(kept)}))
        return
    say(f"The journal is what {source} holds")
    if kept is not None:
        say(f"What it was before is {kept}")


@journal.command()
def export() -> None:
    """Print every batch with its operations, the oldest first, as one JSON object a line.

    \b
    Examples:
      organizer journal export > journal.jsonl
    """
    with Assembly() as parts:
        read = parts.journal_to_read
        for batch in reversed(read.batches()):
            operations = [record_as_json(one) for one in read.operations(batch.id)]
            click.echo(as_json({**batch_as_json(batch), "operations": operations}))


def _fresh(parts: Assembly) -> Path:
    """Name a backup by the time of day, as nothing is called yet."""
    from organizer.execution.schema import backup_beside

    return backup_beside(parts.home.journal, time.strftime("journal-%Y%m%d-%H%M%S"))
