"""`organizer service`: what an init system needs to keep the service running."""

from __future__ import annotations

import sys
from pathlib import Path

import click


@click.group()
def service() -> None:
    """Run Organizer in the background.

    \b
    Example:
      organizer service print > ~/.config/systemd/user/organizer.service
    """


@service.command(name="print")
def print_() -> None:
    """Print the systemd user unit for this installation.

    \b
    Example:
      organizer service print > ~/.config/systemd/user/organizer.service
      systemctl --user enable --now organizer
    """
    from organizer.service.units import systemd_unit

    beside = Path(sys.executable).with_name("organizer")
    click.echo(systemd_unit(beside if beside.exists() else None), nl=False)
