"""`organizer pause` and `resume`: let the service rest."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING

import click

from organizer.cli.assembly import Assembly
from organizer.cli.moments import Span
from organizer.cli.output import as_json, say

if TYPE_CHECKING:
    from datetime import timedelta


@click.command()
@click.option("--for", "span", type=Span(), help="For so long: 30min, 2h, 1d.  [default: until resume]")
@click.option("--json", "json_", is_flag=True, help="Print as JSON.")
def pause(*, span: timedelta | None, json_: bool) -> None:
    """Let the service file nothing for a while; what arrives waits. It lasts through restarts.

    A batch in hand stops at once, nothing half done, and goes on later. `run --once` and `sort` are not held
    back.
    To rest whenever your DAW runs: `pause_while = ["reaper"]` in config.toml.

    \b
    Examples:
      organizer pause
      organizer pause --for 2h
    """
    from organizer.service.pausing import Pause, begin

    with Assembly() as parts:
        now = time.time()
        until = None if span is None else now + span.total_seconds()
        begin(parts.home.pause, Pause(since=now, until=until))
    if json_:
        click.echo(as_json({"paused": True, "until": until}))
    elif until is None:
        say("Nothing is filed until `organizer resume`")
    else:
        say(f"Nothing is filed until {datetime.fromtimestamp(until):%Y-%m-%d %H:%M}")


@click.command()
@click.option("--json", "json_", is_flag=True, help="Print as JSON.")
def resume(*, json_: bool) -> None:
    """End a pause.

    \b
    Example:
      organizer resume
    """
    from organizer.service.pausing import end

    with Assembly() as parts:
        was = end(parts.home.pause)
    if json_:
        click.echo(as_json({"paused": False, "was_paused": was}))
    else:
        say("Filing goes on" if was else "There was no pause")
