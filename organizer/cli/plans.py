"""How a plan is shown by every command that has a `--dry-run`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from organizer.cli.output import as_json, say
from organizer.cli.wording import operation_as_json, operation_in_words
from organizer.planning.operations import ACTIONS, Skip

if TYPE_CHECKING:
    from collections.abc import Sequence

    from organizer.planning.operations import Plan


def show(plans: Sequence[Plan], *, json_: bool) -> None:
    """Print plans: as JSON whole; as text what is done to files, and what is left with its reason."""
    if json_:
        listed = [
            {
                "title": plan.title,
                "inbox": plan.inbox,
                "operations": [operation_as_json(one) for one in plan.operations],
            }
            for plan in plans
        ]
        click.echo(as_json(listed, indent=2))
        return
    shown = [plan for plan in plans if plan.operations]
    for plan in shown:
        say(f"{plan.title}:")
        for operation in plan.operations:
            if isinstance(operation, (*ACTIONS, Skip)):
                say(f"  {operation_in_words(operation)}")
    if not shown:
        say("Nothing would be done.")
