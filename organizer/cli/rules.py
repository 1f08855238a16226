"""`organizer rules`: are the rule files right?"""

from __future__ import annotations

from pathlib import Path

import click

from organizer.cli.assembly import Assembly
from organizer.cli.output import as_json, say, warn
from organizer.errors import RulesError


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
        found = {"valid": True, "problems": [], "warnings": list(loaded.warnings), "rules": len(loaded.rules)}
        click.echo(as_json(found, indent=2))
        return
    for warning in loaded.warnings:
        warn(f"warning: {warning}")
    say(f"{len(loaded.rules)} rules in {len(paths)} file{'s' * (len(paths) != 1)}, all valid")
