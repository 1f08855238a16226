"""`organizer rules`: are the rule files right, and what do they say of one file?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from organizer.cli.assembly import Assembly
from organizer.cli.output import as_json, counted, say, warn
from organizer.config import absolute
from organizer.errors import RulesError, UsageProblem

if TYPE_CHECKING:
    from organizer.rules.ruleset import RuleSet


@click.group()
def rules() -> None:
    """Check the rule files, and see what they say of a file.

    \b
    Examples:
      organizer rules check
      organizer rules check my-rules.toml
      organizer rules explain "Kick 1.wav"
      organizer rules schema
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
            loaded = load_rules(paths, libraries=parts.library_names)
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


@rules.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "json_", is_flag=True, help="Print it as JSON.")
def explain(*, file: Path, json_: bool) -> None:
    """Say of each rule, and of each of its conditions, whether it holds for FILE, and why; touch nothing.

    FILE may lie anywhere: in an inbox it is judged with its pack, in the library as it was heard then.

    \b
    Examples:
      organizer rules explain "Samples Inbox/Kit/Kick 1.wav"
      organizer rules explain --json ~/Samples/Drums/Kicks/Kit/Kick.wav
    """
    from organizer.cli.why import decide, place_now

    path = absolute(file)
    with Assembly() as parts:
        now = place_now(path, parts.journal_to_read.history_of(path))
        if now.is_dir():
            raise UsageProblem(f"{now} is a folder", path=now, hint="Name one file.")
        decision = decide(parts, now, parts.index.get(now))
        rules_asked = parts.book.of(decision.item.origin.inbox).rules
        told: list[dict[str, Any]] = [
            {
                "rule": rule.name,
                "file": rule.file,
                "number": rule.number,
                "held": verdict.held,
                "why": verdict.why,
                "conditions": [
                    {"held": finding.held, "why": finding.why} for finding in rule.findings(decision.item)
                ],
            }
            for rule, verdict in zip(rules_asked, decision.trace, strict=True)
        ]
    if json_:
        wanted = None if decision.rule is None else decision.rule.name
        click.echo(as_json({"path": now, "rule": wanted, "rules": told}, indent=2))
        return
    say(now)
    for one in told:
        say(f"{'*' if one['held'] else '-'} {one['rule']} ({Path(one['file']).name}, rule {one['number']})")
        for condition in one["conditions"]:
            say(f"    {'yes' if condition['held'] else 'no ':<4}{condition['why']}")
        if not one["conditions"]:
            say("    yes it has no condition")
        say(f"    so {one['why']}" if one["held"] else f"    so no: {one['why']}")
    say(f'"{decision.rule.name}" wins' if decision.rule else "no rule wins: the file stays")


@rules.command()
def schema() -> None:
    """Print the JSON Schema of rule files, with which editors complete and check them.

    `organizer init` writes it beside the rules; the first line of each file that ships names it there.

    \b
    Examples:
      organizer rules schema > rules.schema.json
    """
    from organizer.rules.schema import schema as describe

    click.echo(as_json(describe(), indent=2))


def warnings_of(loaded: RuleSet) -> list[str]:
    """Give what is valid, and yet hardly what was meant."""
    if any(rule.enabled for rule in loaded.rules):
        return list(loaded.warnings)
    return ["no rule: nothing would ever be filed", *loaded.warnings]
