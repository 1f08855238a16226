"""`organizer undo` and `redo`: the way back, and forth again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from organizer.cli.assembly import Assembly
from organizer.cli.interrupts import Interrupts
from organizer.cli.moments import Moment
from organizer.cli.output import Progress, as_json, confirm, say, warn
from organizer.cli.plans import show
from organizer.cli.wording import operation_as_json, operation_in_words
from organizer.config import absolute
from organizer.errors import UsageProblem
from organizer.planning.operations import ACTIONS, Move, Skip
from organizer.sample import Stamp

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from organizer.execution.outcome import Outcome, Result
    from organizer.execution.reader import JournalReader
    from organizer.execution.records import BatchRecord, OperationRecord

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
@click.argument("what", nargs=-1, metavar="[BATCH|FILE]...")
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
    what: tuple[str, ...],
    all_: bool,
    last: int | None,
    since: datetime | None,
    yes: bool,
    dry_run: bool,
    json_: bool,
) -> None:
    """Put each BATCH, or each FILE, back as it was; without either, the newest batch.

    A file that you have renamed or moved since goes back from where it is now. One that was changed since is
    left alone, with the reason. What comes back to an inbox is held: it is not filed again until `organizer
    redo` or `organizer sort`. An undo is a batch too.

    \b
    Examples:
      organizer undo
      organizer undo 12 14
      organizer undo ~/Samples/Drums/Kicks/Pack/Kick.wav
      organizer undo --last 3 --dry-run
      organizer undo --since 2h
      organizer undo --all --yes
    """
    if sum((bool(what), all_, last is not None, since is not None)) > 1:
        raise UsageProblem("name batches or files, or --all, --last or --since: one of them")
    with Assembly() as parts:
        journal = parts.journal_to_read
        only: Mapping[int, Collection[Path]] = {}
        if what:
            chosen, only = _named(journal, what)
        elif all_ or since is not None:
            begin = since.timestamp() if since is not None else 0.0
            chosen = [one for one in journal.undoable() if one.started >= begin]
        else:
            chosen = list(journal.last(last or 1))
        if not chosen:
            raise UsageProblem("there is nothing to undo", hint="`organizer log` shows what was done.")
        ctx.exit(_turn_around(parts, chosen, UNDO, only=only, yes=yes, dry_run=dry_run, json_=json_))


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
        ctx.exit(_turn_around(parts, chosen, REDO, only={}, yes=yes, dry_run=dry_run, json_=json_))


def _turn_around(
    parts: Assembly,
    chosen: Sequence[BatchRecord],
    way: _Way,
    *,
    only: Mapping[int, Collection[Path]],
    yes: bool,
    dry_run: bool,
    json_: bool,
) -> int:
    if dry_run:
        show(parts.undoing.preview(chosen, only=only), json_=json_)
        return 0
    names = ", ".join(_called(one, only.get(one.id, ())) for one in chosen[:NAMED])
    more = f" and {len(chosen) - NAMED} more" if len(chosen) > NAMED else ""
    confirm(f"{way.verb} {names}{more}?", yes=yes)
    with Interrupts() as interrupted, Progress(way.verb.lower()) as progress:
        outcomes = parts.undoing.undo(chosen, only=only, stop=interrupted, progress=progress)
    turned = sorted(chosen, key=lambda one: -one.id)[: len(outcomes)]
    if json_:
        listed = [
            _as_json(batch, only.get(batch.id, ()), outcome)
            for batch, outcome in zip(turned, outcomes, strict=True)
        ]
        click.echo(as_json(listed, indent=2))
    else:
        for batch, outcome in zip(turned, outcomes, strict=True):
            _tell(batch, _title(batch, only.get(batch.id, ()), parts.journal), outcome, way)
    if interrupted():
        return interrupted.told()
    return 1 if any(_refused(outcome) for outcome in outcomes) else 0


def _called(batch: BatchRecord, files: Collection[Path]) -> str:
    """Name what is turned around in a question."""
    names = ", ".join(one.name for one in files)
    return f"{names} of {batch.id} ({batch.title})" if files else f"{batch.id} ({batch.title})"


def _refused(outcome: Outcome) -> list[Result]:
    told = (*ACTIONS, Skip)
    return [
        one
        for one in outcome.results
        if isinstance(one.operation, told) and one.state not in ("done", "pending")
    ]


def _title(batch: BatchRecord, files: Collection[Path], journal: JournalReader) -> str:
    """Say what was turned around: a pack, or some files of it."""
    from organizer.batch.undoing import first_of, named

    first = first_of(batch, journal).title
    if files:
        return " ".join((*named(files), first))
    return batch.title.removeprefix("redo of ").removeprefix("undo of ") if batch.part else first


def _as_json(batch: BatchRecord, files: Collection[Path], outcome: Outcome) -> dict[str, Any]:
    return {
        "turned_around": batch.id,
        "title": batch.title,
        "files": [str(one) for one in files],
        "batch": outcome.batch,
        "done": outcome.count("done"),
        "refused": [
            {**operation_as_json(one.operation), "reason": one.error, "hint": one.hint}
            for one in _refused(outcome)
        ],
    }


def _tell(batch: BatchRecord, title: str, outcome: Outcome, way: _Way) -> None:
    refused = _refused(outcome)
    if outcome.batch is not None:
        say(f"{title}: {outcome.count('done')} {way.done} as batch {outcome.batch}")
    elif not refused:
        say(f"{title}: nothing was left to do")
    for one in refused:
        warn(f"  not done: {operation_in_words(one.operation)}: {one.error}")
    if refused and batch.origin != "undo":
        warn(f"  organizer undo {batch.id} tries that again")


def _named(
    journal: JournalReader, what: Sequence[str]
) -> tuple[list[BatchRecord], Mapping[int, Collection[Path]]]:
    """Find the batches that are named by number, and those that brought the files that are named."""
    chosen: dict[int, BatchRecord] = {}
    only: dict[int, list[Path]] = {}
    whole: set[int] = set()
    for one in what:
        if one.isdecimal():  # a file of that name is ./12
            batch = _undoable(journal, int(one))
            whole.add(batch.id)
        else:
            batch, path = _bringing(journal, absolute(Path(one)))
            only.setdefault(batch.id, []).append(path)
        chosen[batch.id] = batch
    return list(chosen.values()), {number: files for number, files in only.items() if number not in whole}


def _bringing(journal: JournalReader, path: Path) -> tuple[BatchRecord, Path]:
    """Find what was done last to a file, and where it left the file.

    The file may be named by the place that it was moved from, or by one that the user has given it since.
    """
    from organizer.batch.undoing import is_redo

    if path.is_dir() and not path.is_symlink():
        raise UsageProblem(f"{path} is a folder", path=path, hint="Name files, or a batch.")
    place, seen = path, {path}
    while (record := journal.leaving(place)) is None:
        moved = [one.operation for one in journal.history_of(place) if one.state == "done"]
        targets = [one.target for one in moved if isinstance(one, Move) and one.source == place]
        if not targets or targets[-1] in seen:
            break
        place = targets[-1]
        seen.add(place)
    if record is None and path.exists():
        left = journal.leaving_file(Stamp.of(path.lstat()))
        record = next((one for one in left if journal.leaving(_place(one)) == one), None)
        place = path if record is None else _place(record)
    batch = None if record is None else journal.batch(record.batch)
    if batch is None:
        raise UsageProblem(
            f"the journal knows no file {path}", path=path, hint="`organizer log` shows what was done."
        )
    if batch.origin == "undo" and not is_redo(batch, journal):
        raise UsageProblem(
            f"{path} is where an undo put it back",
            path=path,
            hint=f"`organizer redo {batch.id}` files it again.",
        )
    return batch, place


def _place(record: OperationRecord) -> Path:
    """Say where an operation left its file."""
    from organizer.execution.codec import paths_of

    about, target = paths_of(record.operation)
    return target or about


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
