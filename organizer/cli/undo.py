"""`organizer undo` and `redo`: the way back, and forth again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from organizer.cli.assembly import Assembly
from organizer.cli.moments import Moment
from organizer.cli.output import Progress, as_json, confirm, say, warn
from organizer.cli.plans import show
from organizer.cli.wording import operation_as_json, operation_in_words
from organizer.errors import UsageProblem
from organizer.planning.operations import ACTIONS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from organizer.execution.outcome import Outcome, Result
    from organizer.execution.reader import JournalReader
    from organizer.execution.records import BatchRecord

# So many batches are named in a question.
NAMED = 5


@dataclass(frozen=True, slots=True)
class _Way:
    """Which way a batch is turned, in words."""

    verb: str
    done: str


UNDO = _Way("Undo", "put back")
REDO = _Way("Redo", "filed again")


@click.command()
@click.argument("batches", nargs=-1, type=int)
@click.option("--all", "all_", is_flag=True, help="Everything that can be undone.")
@click.option("--last", type=click.IntRange(min=1), help="The newest N batches.")
@click.option("--since", type=Moment(), help="All that was begun since then: 2h, 3d, today, 2026-05-13.")
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
    since: datetime | None,
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
      organizer undo --since 2h
      organizer undo --all --yes
    """
    if sum((bool(batches), all_, last is not None, since is not None)) > 1:
        raise UsageProblem("name batches, or --all, --last or --since: one of them")
    with Assembly() as parts:
        journal = parts.journal_to_read
        if batches:
            chosen = [_undoable(journal, number) for number in batches]
        elif all_ or since is not None:
            begin = since.timestamp() if since is not None else 0.0
            chosen = [one for one in journal.undoable() if one.started >= begin]
        else:
            chosen = list(journal.last(last or 1))
        if not chosen:
            raise UsageProblem("there is nothing to undo", hint="`organizer log` shows what was done.")
        ctx.exit(_turn_around(parts, chosen, UNDO, yes=yes, dry_run=dry_run, json_=json_))


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
    from organizer.batch.undoing import is_redo

    with Assembly() as parts:
        journal = parts.journal_to_read
        chosen = [
            one
            for one in journal.batches()
            if one.origin == "undo"
            and not one.undone
            and one.counts.get("done")
            and not is_redo(one, journal)
        ]
        if batches:
            chosen = [one for one in chosen if one.id in batches or set(one.undoes) & set(batches)]
        else:
            chosen = chosen[:1]
        if not chosen:
            raise UsageProblem("there is no undo to turn around", hint="`organizer log` shows what was done.")
        ctx.exit(_turn_around(parts, chosen, REDO, yes=yes, dry_run=dry_run, json_=json_))


def _turn_around(
    parts: Assembly, chosen: Sequence[BatchRecord], way: _Way, *, yes: bool, dry_run: bool, json_: bool
) -> int:
    if dry_run:
        show([parts.undoing.plan(batch) for batch in chosen], json_=json_)
        return 0
    names = ", ".join(f"{one.id} ({one.title})" for one in chosen[:NAMED])
    more = f" and {len(chosen) - NAMED} more" if len(chosen) > NAMED else ""
    confirm(f"{way.verb} {names}{more}?", yes=yes)
    from organizer.batch.undoing import first_of

    with Progress(way.verb.lower()) as progress:
        outcomes = parts.undoing.undo(chosen, progress=progress)
    turned = sorted(chosen, key=lambda one: -one.id)
    if json_:
        listed = [_as_json(batch, outcome) for batch, outcome in zip(turned, outcomes, strict=True)]
        click.echo(as_json(listed, indent=2))
    else:
        for batch, outcome in zip(turned, outcomes, strict=True):
            _tell(batch, first_of(batch, parts.journal).title, outcome, way)
    return 1 if any(_refused(outcome) for outcome in outcomes) else 0


def _refused(outcome: Outcome) -> list[Result]:
    return [one for one in outcome.results if isinstance(one.operation, ACTIONS) and one.state != "done"]


def _as_json(batch: BatchRecord, outcome: Outcome) -> dict[str, Any]:
    return {
        "turned_around": batch.id,
        "title": batch.title,
        "batch": outcome.batch,
        "done": outcome.count("done"),
        "refused": [
            {**operation_as_json(one.operation), "reason": one.error, "hint": one.hint}
            for one in _refused(outcome)
        ],
    }


def _tell(batch: BatchRecord, title: str, outcome: Outcome, way: _Way) -> None:
    if outcome.batch is None:
        say(f"{title}: nothing was left to do")
        return
    say(f"{title}: {outcome.count('done')} {way.done} as batch {outcome.batch}")
    refused = _refused(outcome)
    for one in refused:
        warn(f"  not done: {operation_in_words(one.operation)}: {one.error}")
    if refused and batch.origin != "undo":
        warn(f"  organizer undo {batch.id} tries that again")


def _undoable(journal: JournalReader, number: int) -> BatchRecord:
    """Find a batch that can be undone, or whose undo could not do all of it."""
    found = journal.batch(number)
    if found is None:
        raise UsageProblem(f"there is no batch {number}", hint="`organizer log` lists them.")
    undo = None if found.undone_by is None else journal.batch(found.undone_by)
    if undo is not None and not (undo.counts.get("failed") or undo.counts.get("skipped")):
        raise UsageProblem(f"batch {number} was undone by batch {found.undone_by} already")
    if not found.counts.get("done") and not found.counts.get("open"):
        raise UsageProblem(f"in batch {number} nothing was done")
    return found
