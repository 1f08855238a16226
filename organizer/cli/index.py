"""`organizer index`: an existing collection heard where it lies."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from organizer.cli.assembly import Assembly
from organizer.cli.interrupts import Interrupts
from organizer.cli.output import Progress, as_json, counted, say, warn
from organizer.config import absolute
from organizer.errors import UsageProblem

if TYPE_CHECKING:
    from organizer.batch.indexing import Indexed

# So many unreadable files are named where nobody asks for JSON.
NAMED = 20


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--again", is_flag=True, help="Hear what is known, too.")
@click.option("--dry-run", is_flag=True, help="Say how much would be heard; hear nothing.")
@click.option("--json", "json_", is_flag=True, help="Print as JSON.")
@click.pass_context
def index(ctx: click.Context, *, paths: tuple[Path, ...], again: bool, dry_run: bool, json_: bool) -> None:
    """Hear the libraries, or the folders PATHS, where they lie; move and write nothing.

    What is known then counts as known everywhere: for duplicates, for `why` and `reclassify`. What was heard
    before by today's model is not heard again; after ^C the same command goes on where it was.

    \b
    Examples:
      organizer index
      organizer index /media/ssd/Samples
    """
    from organizer.batch.indexing import Indexed

    with Assembly() as parts, Interrupts() as stop:
        roots = [absolute(one) for one in paths] or parts.config.library_roots
        for root in roots:
            if not root.is_dir():
                raise UsageProblem(f"{root} is no folder that is there", path=root)
        sum_ = Indexed()
        with Progress("index") as progress:
            for root in roots:
                if dry_run:
                    sum_ = sum_.plus(parts.indexing.foresee(root, again=again, stop=stop))
                else:
                    sum_ = sum_.plus(parts.indexing.run(root, again=again, stop=stop, progress=progress))
    if json_:
        unreadable = [{"path": path, "reason": why} for path, why in sum_.unreadable.items()]
        told = {"known": sum_.known, "heard": sum_.heard, "unreadable": unreadable, "dry_run": dry_run}
        click.echo(as_json(told, indent=2))
    else:
        _tell(sum_, dry_run=dry_run)
    ctx.exit(1 if sum_.unreadable else 0)


def _tell(sum_: Indexed, *, dry_run: bool) -> None:
    for number, (path, why) in enumerate(sum_.unreadable.items()):
        if number == NAMED:
            warn(f"{len(sum_.unreadable) - NAMED} more cannot be heard; --json names all")
            break
        warn(f"{path}: {why}")
    would = "would be heard" if dry_run else "heard"
    say(f"{counted(sum_.heard, 'sound')} {would}, {sum_.known} known already")
