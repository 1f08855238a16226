"""`organizer log`: what the journal tells."""

from __future__ import annotations

import csv
import io
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from organizer.cli.assembly import Assembly
from organizer.cli.output import as_json, printable, say
from organizer.cli.wording import operation_as_json, operation_in_words
from organizer.config import absolute
from organizer.errors import OrganizerError, UsageProblem
from organizer.planning.operations import ACTIONS, Move, Skip

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from organizer.execution.reader import JournalReader
    from organizer.execution.records import BatchRecord, OperationRecord

# So many batches are listed where nobody says how many.
SHOWN = 20


@click.command()
@click.argument("batches", nargs=-1, type=int)
@click.option(
    "--limit",
    type=click.IntRange(min=0),
    help=f"How many batches, 0 for all.  [default: {SHOWN}; all with --relink]",
)
@click.option("--relink", type=click.Path(path_type=Path), help="Write old and new paths as CSV; - to print.")
@click.option("--json", "json_", is_flag=True, help="Print as JSON.")
def log(*, batches: tuple[int, ...], limit: int | None, relink: Path | None, json_: bool) -> None:
    """Show what was done: the newest batches, or each operation of the BATCHES named.

    The numbers are what `organizer undo` takes. --relink writes where each moved file was and is, for
    projects that still look for it at its old place; a file that is there is not overwritten.

    \b
    Examples:
      organizer log
      organizer log 12
      organizer log --relink moved.csv
    """
    if relink is not None and json_:
        raise UsageProblem("--relink writes CSV: leave --json out")
    if limit is None:
        limit = SHOWN if relink is None else 0
    with Assembly() as parts:
        journal = parts.journal_to_read
        chosen = (
            [_numbered(journal, number) for number in batches]
            if batches
            else journal.batches(limit=limit or None)
        )
        if relink is not None:
            seen = str(relink) == "-" and sys.stdout.isatty()
            _write_relink(relink, _relinks(journal, chosen, printable if seen else str))
        elif json_:
            listed = [batch_as_json(one) for one in chosen]
            if batches:
                for batch, entry in zip(chosen, listed, strict=True):
                    entry["operations"] = [record_as_json(record) for record in journal.operations(batch.id)]
            click.echo(as_json(listed, indent=2))
        elif batches:
            for batch in chosen:
                say(_batch_in_words(batch))
                for record in journal.operations(batch.id):
                    if (line := _record_in_words(record)) is not None:
                        say(f"  {line}")
        else:
            if not chosen:
                say("Nothing has been done yet.")
            for batch in chosen:
                say(_batch_in_words(batch))


def record_as_json(record: OperationRecord) -> dict[str, Any]:
    return {
        **operation_as_json(record.operation),
        "state": record.state,
        "reason": record.error,
        "hint": record.hint,
    }


def _record_in_words(record: OperationRecord) -> str | None:
    if not isinstance(record.operation, (*ACTIONS, Skip)):
        return None
    words = operation_in_words(record.operation)
    if record.state == "done" or isinstance(record.operation, Skip):
        return words
    return f"{record.state}: {words}: {record.error}" if record.error else f"{record.state}: {words}"


def batch_as_json(batch: BatchRecord) -> dict[str, Any]:
    return {
        "id": batch.id,
        "origin": batch.origin,
        "title": batch.title,
        "inbox": batch.inbox,
        "started": _iso(batch.started),
        "finished": None if batch.finished is None else _iso(batch.finished),
        "state": batch.state,
        "undoes": list(batch.undoes),
        "undone_by": batch.undone_by,
        **{state: batch.counts.get(state, 0) for state in ("done", "failed", "skipped", "planned")},
        "model": batch.model_id,
        "rules": batch.rules_digest,
    }


def _batch_in_words(batch: BatchRecord) -> str:
    when = datetime.fromtimestamp(batch.started).strftime("%Y-%m-%d %H:%M")
    counts = ", ".join(
        f"{batch.counts[state]} {state}"
        for state in ("done", "failed", "skipped", "planned")
        if batch.counts.get(state)
    )
    notes = f"  (undone by {batch.undone_by})" if batch.undone_by else ""
    if batch.state == "open":
        notes += "  (under way, or interrupted)"
    return f"{batch.id:>4}  {when}  {batch.title}  {counts}{notes}"


def _relinks(journal: JournalReader, batches: Sequence[BatchRecord], shown: Callable[[object], str]) -> str:
    """List the moves that are in force, oldest first; spreadsheet programs read the first row as names."""
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["old", "new"])
    for batch in sorted(batches, key=lambda one: one.id):
        if batch.undone or batch.origin == "undo":
            continue
        for record in journal.operations(batch.id):
            if record.state != "done" or not isinstance(record.operation, Move):
                continue
            left = journal.leaving(record.operation.target)  # else it was moved on, or put back by itself
            if left is not None and left.id == record.id:
                writer.writerow([shown(record.operation.source), shown(record.operation.target)])
    return table.getvalue()


def _write_relink(path: Path, table: str) -> None:
    if str(path) == "-":
        click.echo(table, nl=False)
        return
    path = absolute(path)
    try:
        with path.open("x", encoding="utf-8", errors="surrogateescape") as file:
            file.write(table)
    except FileExistsError as error:
        raise UsageProblem(
            f"{path} is there already", path=path, hint="Name another file; nothing is overwritten."
        ) from error
    except OSError as error:
        if not path.parent.exists():
            raise UsageProblem(
                f"there is no folder {path.parent}", path=path.parent, hint="Make it, or name another place."
            ) from error
        raise OrganizerError(
            f"{path} cannot be written: {error.strerror}", path=path, hint="Name another place."
        ) from error


def _numbered(journal: JournalReader, number: int) -> BatchRecord:
    batch = journal.batch(number)
    if batch is None:
        raise UsageProblem(f"there is no batch {number}", hint="`organizer log` lists them.")
    return batch


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
