"""`organizer log`, `undo`, `redo`: what the journal tells, and the way back."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from organizer.cli.assembly import Assembly
from organizer.cli.output import Progress, as_json, confirm, say, warn
from organizer.errors import UsageProblem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from organizer.execution.executor import Outcome
    from organizer.execution.journal import Journal
    from organizer.execution.records import BatchRecord, OperationRecord
    from organizer.planning.operations import Operation, Plan


@click.command()
@click.argument("batches", nargs=-1, type=int)
@click.option("--limit", default=20, show_default=True, help="How many batches; 0 for all.")
@click.option("--relink", type=click.Path(path_type=Path), help="Write old and new paths as CSV; - to print.")
@click.option("--json", "json_", is_flag=True, help="Print as JSON.")
def log(*, batches: tuple[int, ...], limit: int, relink: Path | None, json_: bool) -> None:
    """Show what was done: the newest batches, or each operation of the BATCHES named.

    The numbers are what `organizer undo` takes. --relink writes where each moved file was and is, for
    projects that still look for it at its old place.

    \b
    Examples:
      organizer log
      organizer log 12
      organizer log --relink moved.csv
    """
    with Assembly() as parts:
        journal = parts.journal_to_read
        chosen = (
            [_found(journal.batch(number), number) for number in batches]
            if batches
            else journal.batches(limit=limit or None)
        )
        if relink is not None:
            _write_relink(relink, journal.operations, [one for one in journal.batches() if one in chosen])
        elif json_:
            listed = [_batch_as_json(one) for one in chosen]
            if batches:
                for batch, entry in zip(chosen, listed, strict=True):
                    entry["operations"] = [
                        _operation_as_json(record) for record in journal.operations(batch.id)
                    ]
            click.echo(as_json(listed, indent=2))
        elif batches:
            for batch in chosen:
                say(_batch_in_words(batch))
                for record in journal.operations(batch.id):
                    if (line := _operation_in_words(record)) is not None:
                        say(f"  {line}")
        else:
            if not chosen:
                say("Nothing has been done yet.")
            for batch in chosen:
                say(_batch_in_words(batch))


@click.command()
@click.argument("batches", nargs=-1, type=int)
@click.option("--all", "all_", is_flag=True, help="Everything that can be undone.")
@click.option("--last", type=click.IntRange(min=1), help="The newest N batches.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="List what would be done; do nothing.")
@click.option("--json", "json_", is_flag=True, help="Print what was done as JSON.")
@click.pass_context
def undo(
    ctx: click.Context,
    *,
    batches: tuple[int, ...],
    all_: bool,
    last: int | None,
    yes: bool,
    dry_run: bool,
    json_: bool,
) -> None:
    """Put BATCHES back as they were; without a number, the newest one.

    A file that was changed or moved since is left alone, with the reason. What comes back to an inbox is
    held: it is not filed again until `organizer redo` or `organizer sort`. An undo is a batch too.

    \b
    Examples:
      organizer undo
      organizer undo 12 14
      organizer undo --last 3 --dry-run
      organizer undo --all --yes
    """
    if sum((bool(batches), all_, last is not None)) > 1:
        raise UsageProblem("name batches, or --all, or --last: one of them")
    with Assembly() as parts:
        journal = parts.journal_to_read
        if batches:
            chosen = [_undoable(journal, number) for number in batches]
        else:
            chosen = list(journal.undoable() if all_ else journal.last(last or 1))
        if not chosen:
            raise UsageProblem("there is nothing to undo", hint="`organizer log` shows what was done.")
        ctx.exit(_turn_around(parts, chosen, "Undo", yes=yes, dry_run=dry_run, json_=json_))


@click.command()
@click.argument("batches", nargs=-1, type=int)
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="List what would be done; do nothing.")
@click.option("--json", "json_", is_flag=True, help="Print what was done as JSON.")
@click.pass_context
def redo(ctx: click.Context, *, batches: tuple[int, ...], yes: bool, dry_run: bool, json_: bool) -> None:
    """Do again what was undone: the newest undo, or the BATCHES named (an undo, or what it undid).

    \b
    Examples:
      organizer redo
      organizer redo 12 --yes
    """
    with Assembly() as parts:
        journal = parts.journal_to_read
        undos = [
            one
            for one in journal.batches()
            if one.origin == "undo" and not one.undone and one.counts.get("done")
        ]
        chosen = [one for one in undos if one.title.startswith("undo of ")]
        if batches:
            chosen = [one for one in chosen if one.id in batches or set(one.undoes) & set(batches)]
        else:
            chosen = chosen[:1]
        if not chosen:
            raise UsageProblem("there is no undo to turn around", hint="`organizer log` shows what was done.")
        ctx.exit(_turn_around(parts, chosen, "Redo", yes=yes, dry_run=dry_run, json_=json_))


def _turn_around(
    parts: Assembly, chosen: Sequence[BatchRecord], verb: str, *, yes: bool, dry_run: bool, json_: bool
) -> int:
    if dry_run:
        plans = [parts.undoing.plan(batch) for batch in chosen]
        _print_plans(plans, json_=json_)
        return 0
    names = ", ".join(f"{one.id} ({one.title})" for one in chosen[:5])
    more = f" and {len(chosen) - 5} more" if len(chosen) > 5 else ""
    confirm(f"{verb} {names}{more}?", yes=yes)
    with Progress(verb.lower()) as progress:
        outcomes = parts.undoing.undo(chosen, progress=progress)
    return _print_outcomes(outcomes, chosen, json_=json_)


def _print_plans(plans: Sequence[Plan], *, json_: bool) -> None:
    if json_:
        listed = [
            {"title": plan.title, "operations": [operation_as_json(one) for one in plan.operations]}
            for plan in plans
        ]
        click.echo(as_json(listed, indent=2))
        return
    for plan in plans:
        say(f"would {plan.title}:")
        for operation in plan.actions:
            say(f"  {in_words(operation)}")


def _print_outcomes(outcomes: Sequence[Outcome], chosen: Sequence[BatchRecord], *, json_: bool) -> int:
    from organizer.planning.operations import ACTIONS

    listed = []
    troubled = False
    for outcome, batch in zip(outcomes, sorted(chosen, key=lambda one: -one.id), strict=True):
        actions = [result for result in outcome.results if isinstance(result.operation, ACTIONS)]
        refused = [result for result in actions if result.state != "done"]
        troubled = troubled or bool(refused)
        listed.append(
            {
                "turned_around": batch.id,
                "title": batch.title,
                "batch": outcome.batch,
                "done": len(actions) - len(refused),
                "refused": [
                    {**operation_as_json(one.operation), "reason": one.error, "hint": one.hint}
                    for one in refused
                ],
            }
        )
        if not json_:
            as_batch = "" if outcome.batch is None else f" as batch {outcome.batch}"
            say(f"{batch.title}: {len(actions) - len(refused)} put back{as_batch}")
            for one in refused:
                warn(f"  not done: {in_words(one.operation)}: {one.error}")
            if refused and batch.origin != "undo":
                warn(f"  organizer undo {batch.id} tries that again")
    if json_:
        click.echo(as_json(listed, indent=2))
    return 1 if troubled else 0


def in_words(operation: Operation) -> str:
    """Say what an operation does in one line."""
    from organizer.planning import operations as op

    match operation:
        case op.Move(source=source, target=target):
            return f"move {source} -> {target}"
        case op.Copy(source=source, target=target):
            return f"copy {source} -> {target}"
        case op.Skip(path=path, reason=reason):
            return f"leave {path}: {reason}"
        case op.WriteTags(path=path, tags=tags):
            return f"tag {path}: {', '.join(f'{name}={value}' for name, value in tags.items())}"
        case op.RestoreBytes(path=path):
            return f"take the tags back from {path}"
        case op.WriteSidecar(path=path):
            return f"write {path}"
        case op.RemoveSidecar(path=path) | op.RemoveCopy(path=path):
            return f"remove {path}"
        case op.MakeFolder(path=path):
            return f"make the folder {path}"
        case op.RemoveFolder(path=path):
            return f"remove the empty folder {path}"
        case op.KeepFolderTime(path=path):
            return f"keep the time of {path}"


def operation_as_json(operation: Operation) -> dict[str, Any]:
    import dataclasses

    values = {field.name: getattr(operation, field.name) for field in dataclasses.fields(operation)}
    values.pop("patch", None)  # bytes for the executor, nothing to read
    if "stamp" in values:
        values["stamp"] = dataclasses.asdict(values["stamp"])
    if "tags" in values:
        values["tags"] = dict(values["tags"])
    return {"operation": type(operation).__name__, **values}


def _operation_as_json(record: OperationRecord) -> dict[str, Any]:
    return {
        **operation_as_json(record.operation),
        "state": record.state,
        "reason": record.error,
        "hint": record.hint,
    }


def _operation_in_words(record: OperationRecord) -> str | None:
    from organizer.planning.operations import ACTIONS, Skip

    if not isinstance(record.operation, (*ACTIONS, Skip)):
        return None
    words = in_words(record.operation)
    if record.state == "done" or isinstance(record.operation, Skip):
        return words
    return f"{record.state}: {words}: {record.error}" if record.error else f"{record.state}: {words}"


def _batch_as_json(batch: BatchRecord) -> dict[str, Any]:
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


def _write_relink(path: Path, operations: Any, batches: Sequence[BatchRecord]) -> None:
    """List the moves that are in force, oldest first; spreadsheet programs read the first row as names."""
    from organizer.planning.operations import Move

    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["old", "new"])
    for batch in sorted(batches, key=lambda one: one.id):
        if batch.undone or batch.origin == "undo":
            continue
        for record in operations(batch.id):
            if record.state == "done" and isinstance(record.operation, Move):
                writer.writerow([record.operation.source, record.operation.target])
    if str(path) == "-":
        click.echo(table.getvalue(), nl=False)
    else:
        path.write_text(table.getvalue(), encoding="utf-8", errors="surrogateescape")


def _found(batch: BatchRecord | None, number: int) -> BatchRecord:
    if batch is None:
        raise UsageProblem(f"there is no batch {number}", hint="`organizer log` lists them.")
    return batch


def _undoable(journal: Journal, number: int) -> BatchRecord:
    """Find a batch that can be undone, or whose undo could not do all of it."""
    found = _found(journal.batch(number), number)
    undo = None if found.undone_by is None else journal.batch(found.undone_by)
    if undo is not None and not (undo.counts.get("failed") or undo.counts.get("skipped")):
        raise UsageProblem(f"batch {number} was undone by batch {found.undone_by} already")
    if not found.counts.get("done") and not found.counts.get("open"):
        raise UsageProblem(f"in batch {number} nothing was done")
    return found


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
