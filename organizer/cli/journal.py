"""`organizer journal`: look after what undo goes by."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from organizer.cli.assembly import Assembly
from organizer.cli.log import batch_as_json, record_as_json
from organizer.cli.moments import Moment
from organizer.cli.output import as_json, confirm, counted, say
from organizer.config import absolute
from organizer.errors import UsageProblem

if TYPE_CHECKING:
    from datetime import datetime

# How long a restore waits for the batch in hand.
PATIENCE = 10.0


@click.group()
def journal() -> None:
    """Look after the journal, which undo goes by.

    \b
    Examples:
      organizer journal backup
      organizer journal restore ~/Backups/journal.sqlite
      organizer journal export > journal.jsonl
      organizer journal moved /media/old/Samples /media/new/Samples
      organizer journal recover
      organizer journal prune --older-than 730d
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


@journal.command()
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
@click.option("--json", "json_", is_flag=True, help="Print what was done as JSON.")
def moved(*, old: Path, new: Path, json_: bool) -> None:
    """Tell the journal that the inbox or library OLD is the folder NEW now; nothing is moved.

    A drive with a UUID that is mounted elsewhere is found without this. It is needed where a folder was
    renamed, or copied to another disk. Name the new folder in config.toml as well. The service must be
    stopped.

    \b
    Examples:
      organizer journal moved ~/Samples /media/ssd/Samples
    """
    from organizer.execution.locks import execution_lock, service_lock

    before, now = absolute(old), absolute(new)
    if not now.is_dir():
        hint = "Plug its disk in, or look at the name."
        raise UsageProblem(f"there is no folder {now}", path=now, hint=hint)
    with Assembly() as parts:
        state = parts.home.state
        with service_lock(state), execution_lock(state, wait=PATIENCE, what="organizer journal moved"):
            if not parts.journal.relocate(before, now):
                known = ", ".join(str(one.root) for one in parts.journal.places) or "none yet"
                raise UsageProblem(
                    f"the journal knows no inbox or library {before}", hint=f"It knows: {known}"
                )
            parts.index.relocate(before, now)
    if json_:
        click.echo(as_json({"old": str(before), "new": str(now)}))
    else:
        say(f"What was filed in {before} is looked for in {now} from now on")


@journal.command()
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.option("--json", "json_", is_flag=True, help="Print what was done as JSON.")
def recover(*, yes: bool, json_: bool) -> None:
    """Look whether the journal is damaged; if it is, make a new one of what can be read of it.

    The damaged one is kept. Where a recent backup is there, `organizer journal restore` may give back more.
    No sound is touched. The service must be stopped.

    \b
    Examples:
      organizer journal recover
    """
    from organizer.execution import salvage, syscalls
    from organizer.execution.locks import execution_lock, service_lock

    with Assembly() as parts:
        state, live = parts.home.state, parts.home.journal
        found = salvage.damage(live) if live.exists() else ""
        if not found:
            click.echo(as_json({"damage": None})) if json_ else say("The journal is sound")
            return
        with service_lock(state), execution_lock(state, wait=PATIENCE, what="organizer journal recover"):
            fresh, kept = syscalls.temp_beside(live), _fresh(parts, "journal-damaged")
            try:
                saved = salvage.salvage(live, fresh)
                batches, operations = saved.kept["batch"], saved.kept["operation"]
                confirm(
                    f"The journal is damaged: {found}. {counted(operations, 'operation')} of "
                    f"{counted(batches, 'batch')} can be read, with {counted(saved.gaps, 'gap')}. "
                    "Go on with those?",
                    yes=yes,
                )
                salvage.exchange(live, fresh, kept)
            finally:
                for tail in ("", "-wal", "-shm"):
                    fresh.with_name(fresh.name + tail).unlink(missing_ok=True)
    if json_:
        click.echo(as_json({"damage": found, "kept": saved.kept, "gaps": saved.gaps, "damaged": str(kept)}))
        return
    say(f"The journal holds {counted(operations, 'operation')} of {counted(batches, 'batch')} now")
    say(f"The damaged one is kept as {kept}")
    say("`organizer verify` tells what lies where; what stands in no batch any more can no longer be undone")


@journal.command()
@click.option("--older-than", type=Moment(), required=True, help="Begun before then: 90d, 2025-01-01.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Say what would be forgotten; forget nothing.")
@click.option("--json", "json_", is_flag=True, help="Print what was done as JSON.")
def prune(*, older_than: datetime, yes: bool, dry_run: bool, json_: bool) -> None:
    """Forget old batches, so that the journal takes less space; no sound is touched.

    Nothing is ever forgotten without this command. What is forgotten can no longer be undone; how much of it
    could be is said first. Kept in any case: what is held in an inbox, what was copied, linked or unpacked,
    or it would be done again, and what is under way.

    \b
    Examples:
      organizer journal prune --older-than 730d --dry-run
    """
    from organizer.execution.locks import execution_lock

    with Assembly() as parts:
        old = parts.journal.forgettable(before=older_than.timestamp())
        undoable = [one for one in old if one.origin != "undo" and not one.undone]
        if old and not dry_run:
            confirm(
                f"Forget {counted(len(old), 'batch')}? {len(undoable)} of them could be undone.",
                yes=yes,
            )
            with execution_lock(parts.home.state, wait=PATIENCE, what="organizer journal prune"):
                # What was undone while the question stood has ties now.
                still = {one.id for one in parts.journal.forgettable(before=older_than.timestamp())}
                old = [one for one in old if one.id in still]
                parts.journal.forget([one.id for one in old])
    if json_:
        listed = {"batches": [one.id for one in old], "undoable": [one.id for one in undoable]}
        click.echo(as_json({**listed, "forgotten": not dry_run}))
        return
    verb = "would be" if dry_run else "are"
    say(f"Batches that {verb} forgotten: {len(old)}; of them {len(undoable)} could be undone")


def _fresh(parts: Assembly, name: str = "journal") -> Path:
    """Name a backup by the time of day, as nothing is called yet."""
    from organizer.execution.schema import backup_beside

    return backup_beside(parts.home.journal, time.strftime(f"{name}-%Y%m%d-%H%M%S"))
