"""`organizer notify`: try whether notes reach the desktop."""

from __future__ import annotations

import os

import click

from organizer.cli.output import say


@click.command()
def notify() -> None:
    """Show a note on the desktop, as the service does after each batch if you ask for it.

    It is off by default: `notify = true` in config.toml turns it on. It takes the extra `notify`
    (pip install 'organizer[notify]') and a desktop that shows notes as freedesktop.org has them.

    \b
    Example:
      organizer notify
    """
    from organizer.service.desktop import send

    number = send("Organizer", "This is what a note of a batch looks like", os.environ)
    say(f"The desktop has taken it, as its note {number}")
