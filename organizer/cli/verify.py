"""`organizer verify`: is everything where the journal says, and as it was?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from organizer.cli.assembly import Assembly
from organizer.cli.output import Progress, as_json, say
from organizer.config import absolute
from organizer.errors import UsageProblem

if TYPE_CHECKING:
    from collections.abc import Iterable

    from organizer.batch.verifying import Findings

# So many files of a kind are named where nobody asks for JSON.
SHOWN = 20


@click.command()
@click.argument("folders", nargs=-1, type=click.Path(path_type=Path))
@click.option("--deep", is_flag=True, help="Read every file whole, rather than trust size and time.")
@click.option("--json", "json_", is_flag=True, help="Print as JSON, every file of it.")
@click.pass_context
def verify(ctx: click.Context, *, folders: tuple[Path, ...], deep: bool, json_: bool) -> None:
    """Hold what lies in the libraries, or in FOLDERS, against the journal; change nothing.

    Files that are missing or have changed make the exit code 1. What you have renamed, and what was never
    filed, is told and is no fault.

    \b
    Examples:
      organizer verify
      organizer verify --deep ~/Samples/Drums
    """
    from organizer.batch.verifying import verify as hold_against

    with Assembly() as parts:
        roots = [absolute(one) for one in folders] or parts.config.library_roots
        for one in roots:
            if not one.is_dir() or (one in parts.config.library_roots and parts.journal_to_read.is_away(one)):
                hint = "Is its disk plugged in? Name a folder to look at that one alone."
                raise UsageProblem(f"{one} is not there", path=one, hint=hint)
        with Progress("verify") as progress:
            found = hold_against(parts.journal_to_read, parts.filesystem, roots, deep=deep, progress=progress)
    if json_:
        click.echo(as_json(_as_json(found), indent=2))
    else:
        _tell(found)
    ctx.exit(0 if found.sound else 1)


def _as_json(found: Findings) -> dict[str, Any]:
    return {
        "looked_at": found.looked_at,
        "hashed": found.hashed,
        "missing": found.missing,
        "moved": [{"from": old, "to": new} for old, new in found.moved.items()],
        "changed": [{"path": path, "how": how} for path, how in found.changed.items()],
        "unreadable": [{"path": path, "reason": why} for path, why in found.unreadable.items()],
        "unexpected": found.unexpected,
    }


def _tell(found: Findings) -> None:
    _list("missing", (str(path) for path in found.missing), len(found.missing))
    _list("changed", (f"{path}: {how}" for path, how in found.changed.items()), len(found.changed))
    _list("unreadable", (f"{path}: {why}" for path, why in found.unreadable.items()), len(found.unreadable))
    _list("moved by hand", (f"{old} -> {new}" for old, new in found.moved.items()), len(found.moved))
    how = f", {found.hashed} of them read whole" if found.hashed else ""
    say(f"{found.looked_at} files looked at{how}: {'all is well' if found.sound else 'not all is well'}")
    if found.unexpected:
        say(f"{len(found.unexpected)} others were never filed; --json lists them")


def _list(what: str, lines: Iterable[str], number: int) -> None:
    for position, line in enumerate(lines):
        if position == SHOWN:
            say(f"{what}: {number - SHOWN} more; --json lists them all")
            return
        say(f"{what}: {line}")
