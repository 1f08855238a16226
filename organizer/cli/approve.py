"""`organizer approve` and `discard`: what becomes of what the service only suggested."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from organizer.cli.assembly import Assembly
from organizer.cli.interrupts import Interrupts
from organizer.cli.output import Progress, as_json, counted, say, warn
from organizer.cli.wording import operation_as_json, operation_in_words
from organizer.errors import UsageProblem
from organizer.planning.operations import ACTIONS, Skip

if TYPE_CHECKING:
    from collections.abc import Sequence

    from organizer.batch.suggesting import Approved
    from organizer.library.suggestions import Suggestion


@click.command()
@click.argument("numbers", nargs=-1, type=int)
@click.option("--all", "all_", is_flag=True, help="All that waits.")
@click.option("--dry-run", is_flag=True, help="List what would be done; do nothing.")
@click.option("--json", "json_", is_flag=True, help="Print as JSON.")
@click.pass_context
def approve(ctx: click.Context, *, numbers: tuple[int, ...], all_: bool, dry_run: bool, json_: bool) -> None:
    """File what the service suggested: NUMBERS, or the one that waits.

    With `mode = "suggest"` in config.toml the service only plans. What is approved is done if it is still
    what was suggested; where the library or the rules have changed since, it is suggested anew.

    \b
    Examples:
      organizer approve --dry-run
      organizer approve 3
      organizer approve --all
    """
    with Assembly() as parts:
        if dry_run:
            _show(_chosen(parts, numbers, all_=all_ or not numbers), json_=json_)
            return
        chosen = _chosen(parts, numbers, all_=all_)
        with Interrupts() as interrupted, Progress("approve") as progress:
            done = [
                (one, parts.suggesting.approve(one, stop=interrupted, progress=progress))
                for one in chosen
                if not interrupted()
            ]
    if json_:
        click.echo(as_json([_approved_as_json(one, result) for one, result in done], indent=2))
    else:
        for one, result in done:
            _tell(one, result)
    if interrupted():
        ctx.exit(interrupted.told())
    ctx.exit(1 if any(result.changed or result.report.problems for _, result in done) else 0)


@click.command()
@click.argument("numbers", nargs=-1, type=int)
@click.option("--all", "all_", is_flag=True, help="All that waits.")
@click.option("--dry-run", is_flag=True, help="List what would be discarded; do nothing.")
@click.option("--json", "json_", is_flag=True, help="Print as JSON.")
def discard(*, numbers: tuple[int, ...], all_: bool, dry_run: bool, json_: bool) -> None:
    """Discard what the service suggested: NUMBERS, or the one that waits. The files stay where they are.

    They are suggested again when they, the rules or the model change; `organizer sort` files them anyway.

    \b
    Examples:
      organizer discard 3
    """
    with Assembly() as parts:
        if dry_run:
            _show(_chosen(parts, numbers, all_=all_ or not numbers), json_=json_)
            return
        chosen = _chosen(parts, numbers, all_=all_)
        for one in chosen:
            parts.suggestions.discard(one, parts.remainders)
    if json_:
        click.echo(as_json([{"suggestion": one.id, "title": one.title} for one in chosen], indent=2))
    else:
        for one in chosen:
            say(f"{one.title}: {counted(len(one.files), 'file')} left in the inbox")


def _chosen(parts: Assembly, numbers: Sequence[int], *, all_: bool) -> list[Suggestion]:
    """Find what is meant; without numbers there must be no doubt."""
    if numbers and all_:
        raise UsageProblem("name numbers, or --all: one of them")
    waiting = {one.id: one for one in parts.suggestions.waiting(parts.remainders.all())}
    if numbers:
        unknown = [number for number in numbers if number not in waiting]
        if unknown:
            raise UsageProblem(
                f"no suggestion {unknown[0]} waits", hint="`organizer approve --dry-run` lists what does."
            )
        return [waiting[number] for number in dict.fromkeys(numbers)]
    if not waiting:
        raise UsageProblem(
            "nothing waits for your approval", hint='With mode = "suggest" the service only suggests.'
        )
    if len(waiting) > 1 and not all_:
        named = ", ".join(f"{one.id} ({one.title})" for one in waiting.values())
        raise UsageProblem(f"{len(waiting)} suggestions wait: {named}", hint="Name one, or say --all.")
    return list(waiting.values())


def _show(chosen: Sequence[Suggestion], *, json_: bool) -> None:
    from organizer.batch.agreed import plans_of

    if json_:
        listed = [
            {
                "suggestion": one.id,
                "title": one.title,
                "inbox": one.inbox,
                "made_at": one.made_at,
                "files": one.files,
                "operations": [operation_as_json(op) for plan in plans_of(one) for op in plan.operations],
            }
            for one in chosen
        ]
        click.echo(as_json(listed, indent=2))
        return
    for one in chosen:
        say(f"{one.id}  {one.title}:")
        for plan in plans_of(one):
            for operation in plan.operations:
                if isinstance(operation, (*ACTIONS, Skip)):
                    say(f"  {operation_in_words(operation)}")


def _approved_as_json(one: Suggestion, result: Approved) -> dict[str, Any]:
    report = result.report
    return {
        "suggestion": one.id,
        "title": one.title,
        "batch": report.batch,
        "filed": report.filed,
        "left": report.left,
        "problems": report.problems,
        "interrupted": report.interrupted,
        "changed": result.changed,
        "suggested_instead": result.instead,
    }


def _tell(one: Suggestion, result: Approved) -> None:
    report = result.report
    if result.changed:
        again = f"; look at suggestion {result.instead}" if result.instead is not None else ""
        filed = (
            f"only {report.filed} filed (organizer undo {report.batch})"
            if report.batch
            else "it is not filed"
        )
        warn(f"{one.title}: things have changed since it was suggested, and {filed}{again}")
        return
    back = f" (organizer undo {report.batch})" if report.batch else ""
    say(f"{one.title}: {report.filed} filed, {report.left} left{back}")
