"""`organizer service`: the service in the hands of the init system."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from organizer.cli.output import as_json, say

if TYPE_CHECKING:
    from organizer.service.installing import InitSystem


@click.group()
def service() -> None:
    """Run Organizer in the background: systemd on Linux, launchd on macOS.

    \b
    Examples:
      organizer service install
      organizer service status
    """


@service.command()
@click.option("--dry-run", is_flag=True, help="Say what would be done; do nothing.")
@click.option("--json", "json_", is_flag=True, help="Print what was done as JSON.")
def install(*, dry_run: bool, json_: bool) -> None:
    """Start the service now, and with every session of yours.

    A user unit is written and enabled. To keep it running while you are not logged in: `loginctl
    enable-linger`. What ORGANIZER_HOME says now is written into the unit.

    \b
    Examples:
      organizer service install
      organizer service install --dry-run
    """
    system = this_system()
    _tell(system.steps_of_install if dry_run else system.install(), dry_run=dry_run, json_=json_)


@service.command()
@click.option("--dry-run", is_flag=True, help="Say what would be done; do nothing.")
@click.option("--json", "json_", is_flag=True, help="Print what was done as JSON.")
def uninstall(*, dry_run: bool, json_: bool) -> None:
    """Stop the service and remove its unit; configuration, rules and journal stay.

    \b
    Example:
      organizer service uninstall
    """
    system = this_system()
    _tell(system.steps_of_uninstall if dry_run else system.uninstall(), dry_run=dry_run, json_=json_)


@service.command()
@click.option("--json", "json_", is_flag=True, help="Print as JSON.")
@click.pass_context
def status(ctx: click.Context, *, json_: bool) -> None:
    """Say what the init system knows of the service; `organizer status` says what it does.

    Exits with 6 where it does not run.

    \b
    Example:
      organizer service status
    """
    found = this_system().state()
    if json_:
        told = {
            "unit": found.file,
            "installed": found.written,
            "enabled": found.enabled,
            "active": found.active,
            "pid": found.pid,
            "state": found.said,
        }
        click.echo(as_json(told, indent=2))
    else:
        say(f"{'installed' if found.written else 'not installed'}: {found.file}")
        say(f"{found.said}, {'starts' if found.enabled else 'does not start'} with your session")
    ctx.exit(0 if found.active else 6)


@service.command(name="print")
def print_() -> None:
    """Print the systemd user unit (on macOS, the launchd agent) for this installation.

    \b
    Example:
      organizer service print > ~/.config/systemd/user/organizer.service
      systemctl --user enable --now organizer
    """
    click.echo(this_system().text, nl=False)


def this_system() -> InitSystem:
    """Give what starts programs here, with the command of this installation."""
    from organizer.service.installing import init_system

    beside = Path(sys.executable).with_name("organizer")
    return init_system(beside if beside.exists() else None, os.environ)


def _tell(steps: list[str], *, dry_run: bool, json_: bool) -> None:
    if json_:
        click.echo(as_json({"steps": steps, "done": not dry_run}, indent=2))
        return
    for step in steps:
        say(f"{'would ' if dry_run else ''}{step}")
