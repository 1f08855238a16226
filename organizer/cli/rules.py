"""`organizer rules`: are the rule files right?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from organizer.cli.assembly import Assembly
from organizer.cli.output import as_json, counted, say, warn
from organizer.errors import RulesError

if TYPE_CHECKING:
    from organizer.rules.ruleset import RuleSet


@click.group()
def rules() -> None:
    """Check the rule files.

    \b
    Examples:
      organizer rules check
      organizer rules check my-rules.toml
    """


@rules.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.option("--json", "json_", is_flag=True, help="Print the findings as JSON.")
@click.pass_context
def check(ctx: click.Context, *, files: tuple[Path, ...], json_: bool) -> None:
    """Check rule FILES whole, or those in use; report everything that is wrong at once.

    Exits with 0 when they are valid (warnings included) and with 3 when they are not.

    \b
    Examples:
      organizer rules check
      organizer rules check ~/.config/organizer/rules/default.toml
    """
    from organizer.rules.loader import load_rules

    with Assembly() as parts:
        paths = list(files) or parts.rule_files()
        try:
            loaded = load_rules(paths)
        except RulesError as error:
            if not json_:
                raise
            click.echo(as_json({"valid": False, "problems": list(error.problems), "warnings": []}, indent=2))
            ctx.exit(error.exit_code)
    if json_:
        found = {"valid": True, "problems": [], "warnings": warnings_of(loaded), "rules": len(loaded.rules)}
        click.echo(as_json(found, indent=2))
        return
    for warning in warnings_of(loaded):
        warn(f"warning: {warning}")
    say(f"{counted(len(loaded.rules), 'rule')} in {counted(len(paths), 'file')}, all valid")


def warnings_of(loaded: RuleSet) -> list[str]:
    """Give what is valid, and yet hardly what was meant."""
    if any(rule.enabled for rule in loaded.rules):
        return list(loaded.warnings)
    return ["no rule: nothing would ever be filed", *loaded.warnings]
