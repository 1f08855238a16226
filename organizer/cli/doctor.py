"""`organizer doctor`: what is in order, what is not, and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from organizer.cli.assembly import Assembly
from organizer.cli.checks import CHECKS, Finding, configuration
from organizer.cli.output import as_json, say, sentences
from organizer.errors import ConfigError, OrganizerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@click.command()
@click.option("--json", "json_", is_flag=True, help="Print the findings as JSON.")
@click.pass_context
def doctor(ctx: click.Context, *, json_: bool) -> None:
    """Check the installation: configuration, folders, rules, model, journal, and what watching needs.

    Exits with 1 when something FAILs. It changes nothing.

    \b
    Examples:
      organizer doctor
      organizer doctor --json
    """
    with Assembly() as parts:
        findings = [finding for check in CHECKS for finding in _guarded(check, parts)]
    if json_:
        listed = [
            {"grade": one.grade, "subject": one.subject, "what": one.what, "hint": one.hint}
            for one in findings
        ]
        click.echo(as_json(listed, indent=2))
    else:
        for one in findings:
            say(f"{one.grade:<5}{one.subject}: {one.what}")
            if one.hint and one.grade != "OK":
                say(f"     {one.hint}")
    ctx.exit(1 if any(one.grade == "FAIL" for one in findings) else 0)


def _guarded(check: Callable[[Assembly], Iterator[Finding]], parts: Assembly) -> Iterator[Finding]:
    """Let one broken thing be one finding, and the other checks go on."""
    subject = check.__name__
    try:
        yield from check(parts)
    except ConfigError as error:
        if check is configuration:  # the others need it too, and have no more to say of it
            yield from _failures(subject, error)
    except OrganizerError as error:
        yield from _failures(subject, error)
    except OSError as error:
        yield Finding("FAIL", subject, str(error))


def _failures(subject: str, error: OrganizerError) -> Iterator[Finding]:
    """Give each line of an error as a finding, the last with what to do about them."""
    *lines, last = sentences(error)
    for line in lines:
        yield Finding("FAIL", subject, line)
    yield Finding("FAIL", subject, last, error.hint)
