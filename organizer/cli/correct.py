"""`organizer correct`: the user says what sounds are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from organizer.cli.assembly import Assembly
from organizer.cli.interrupts import Interrupts
from organizer.cli.output import as_json, counted, say, warn
from organizer.cli.plans import show
from organizer.config import absolute
from organizer.errors import UsageProblem
from organizer.planning.operations import Skip

if TYPE_CHECKING:
    from organizer.execution.outcome import Outcome


@click.command()
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--as", "said", help="What they are: a label (rim), a category (percussion), or loop.")
@click.option(
    "--same-as", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="As this file is."
)
@click.option("--confirm", is_flag=True, help="What you moved together in the library says what it is.")
@click.option("--no-move", is_flag=True, help="Only learn it; needed, for now.")
@click.option("--dry-run", is_flag=True, help="List what would be learnt; learn nothing.")
@click.option("--json", "json_", is_flag=True, help="Print as JSON.")
@click.pass_context
def correct(
    ctx: click.Context,
    *,
    files: tuple[Path, ...],
    said: str | None,
    same_as: Path | None,
    confirm: bool,
    no_move: bool,
    dry_run: bool,
    json_: bool,
) -> None:
    """Say what FILES are. Your word counts for these sounds from then on, under any name and with any tags.

    It is a batch of the journal, and `organizer undo` takes it back. The files stay where they are. What you
    drag from one folder of the library to another while the service runs is a correction by itself, where one
    label and no other would have it there; a renamed folder, or more than 20 sounds at once, with --confirm.

    \b
    Examples:
      organizer correct ~/Samples/_Review/*.wav --as rim --no-move
      organizer correct thump.wav --same-as ~/Samples/Drums/Kicks/Boom.wav --no-move
    """
    from organizer.batch.correcting import sayable

    if confirm:
        if files or said is not None or same_as is not None:
            raise UsageProblem("--confirm is about what was moved together: name nothing else")
        _confirm(dry_run=dry_run, json_=json_)
        return
    if not files:
        raise UsageProblem("name the files that you speak of")
    if (said is None) == (same_as is None):
        raise UsageProblem("say what they are with --as, or with --same-as: one of them")
    if not no_move and not dry_run:
        raise UsageProblem(
            "correct cannot refile sounds yet", hint="Say --no-move: it is learnt, and the files stay."
        )
    with Assembly() as parts, Interrupts() as stop:
        word = (
            sayable(said)
            if said is not None
            else parts.correcting.said_of(absolute(same_as or ""), stop=stop)
        )
        paths = [absolute(one) for one in files]
        if dry_run:
            show([parts.correcting.plan(paths, word, stop=stop)], json_=json_)
            return
        outcome = parts.correcting.run(paths, word, stop=stop)
    _tell(outcome, word, json_=json_)
    if outcome.stopped:
        ctx.exit(stop.told())
    unheard = any(isinstance(one.operation, Skip) and not one.operation.lasting for one in outcome.results)
    ctx.exit(1 if unheard or outcome.count("failed") else 0)


def _tell(outcome: Outcome, word: str, *, json_: bool) -> None:
    learnt = outcome.count("done")
    left = [(one.operation.path, one.error) for one in outcome.results if isinstance(one.operation, Skip)]
    if json_:
        told = {
            "batch": outcome.batch,
            "label": word,
            "learnt": learnt,
            "left": [{"path": path, "reason": why} for path, why in left],
        }
        click.echo(as_json(told, indent=2))
        return
    for path, why in left:
        warn(f"{path}: {why}")
    back = f" (organizer undo {outcome.batch})" if outcome.batch else ""
    say(f"{counted(learnt, 'sound')} learnt as {word}{back}")


def _confirm(*, dry_run: bool, json_: bool) -> None:
    with Assembly() as parts, Interrupts() as stop:
        if dry_run:
            foreseen = parts.dragging.foresee()
            if json_:
                click.echo(as_json([{"path": path, "label": word} for path, word in foreseen], indent=2))
            for path, word in foreseen if not json_ else ():
                say(f"learn that {path} is {word}")
            return
        learnt, moved = parts.dragging.confirm(stop=stop)
    if json_:
        click.echo(as_json({"learnt": learnt, "moved": moved}, indent=2))
    else:
        say(f"{counted(learnt, 'sound')} learnt, of {moved} that were moved together")
