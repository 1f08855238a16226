"""The commands by name, each loaded only when it is asked for, and the only catch-all for errors."""

from __future__ import annotations

import importlib
import io
import os
import sys
import traceback
from typing import TYPE_CHECKING, Any

import click

from organizer import __version__
from organizer.cli.output import let_go_of_output, open_closed_streams, print_any_name, sentences, warn
from organizer.config import Home
from organizer.errors import OrganizerError

if TYPE_CHECKING:
    from collections.abc import Mapping

# Section -> command -> (module:attribute, one line). Help is printed from here without loading any.
COMMANDS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "Set up": {
        "init": ("setup:init", "Write the configuration and the default rules, make the folders."),
        "doctor": ("doctor:doctor", "Check the installation, the folders, the rules and the model."),
        "notify": ("notify:notify", "Try whether notes reach the desktop."),
        "service": ("service:service", "Have the service started by systemd or launchd."),
        "demo": ("demo:demo", "Watch a small made-up pack being filed, then undone."),
    },
    "File": {
        "run": ("run:run", "Watch the inboxes and file what arrives."),
        "pause": ("pause:pause", "Let the service rest for a while."),
        "resume": ("pause:resume", "End a pause."),
        "approve": ("approve:approve", "File what the service only suggested."),
        "discard": ("approve:discard", "Leave in the inbox what it suggested."),
        "sort": ("sort:sort", "File a folder or some files now."),
        "classify": ("classify:classify", "Say what each file is; touch nothing."),
        "index": ("index:index", "Hear a collection where it lies; move nothing."),
        "reclassify": ("reclassify:reclassify", "Show what today's model and rules would change."),
    },
    "Look": {
        "status": ("status:status", "Is it alive, what waits, what failed and why."),
        "log": ("log:log", "What was done, batch by batch."),
        "why": ("why:why", "Why a file is where it is."),
        "verify": ("verify:verify", "Is everything where the journal says, and as it was."),
    },
    "Take back": {
        "undo": ("undo:undo", "Put a batch, or a file, back as it was."),
        "redo": ("undo:redo", "Do again what was undone."),
        "trash": ("trash:trash", "List or empty what rules have put out of the way."),
        "journal": ("journal:journal", "Look after what undo goes by: back up, export, repair."),
    },
    "Rules and model": {
        "correct": ("correct:correct", "Say what a sound is."),
        "rules": ("rules:rules", "Check the rule files."),
        "train": ("train:train", "Train a model from labelled sounds."),
        "evaluate": ("train:evaluate", "Measure the model on labelled sounds."),
    },
}


class Contents(click.Group):
    """A group whose help reads like a page of contents and whose commands are imported on demand."""

    # click names these parameters, whether or not they are of use here.
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return [name for section in COMMANDS.values() for name in section]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        for section in COMMANDS.values():
            if cmd_name in section:
                module, _, attribute = section[cmd_name][0].partition(":")
                found: click.Command = getattr(importlib.import_module(f"organizer.cli.{module}"), attribute)
                return found
        return None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        from difflib import get_close_matches

        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            close = get_close_matches(args[0], self.list_commands(ctx), n=1)
            if not close:
                raise
            raise click.UsageError(f"{error.message} Did you mean {close[0]!r}?", ctx) from error

    def invoke(self, ctx: click.Context) -> Any:
        # click would call it a plain failure; a shell's word for a reader that went away is SIGPIPE's.
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            let_go_of_output()
            ctx.exit(128 + 13)

    # click's parameters again
    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        for title, section in COMMANDS.items():
            with formatter.section(title):
                formatter.write_dl([(name, line) for name, (_, line) in section.items()])


@click.group(
    cls=Contents,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Begin with `organizer demo`, then `organizer init`.",
)
@click.version_option(__version__, prog_name="organizer")
def organizer() -> None:
    """Hears new samples, files them by your own rules, and can undo it."""


def main(arguments: list[str] | None = None, *, commands: click.Command = organizer) -> None:
    """Run one command and exit with its code."""
    open_closed_streams()
    print_any_name()
    try:
        code = commands.main(args=arguments, prog_name="organizer", standalone_mode=False)
    except click.exceptions.Abort:
        warn("")
        sys.exit(130)
    except click.ClickException as error:
        said = io.StringIO()
        error.show(file=said)
        for line in said.getvalue().rstrip("\n").split("\n"):
            warn(line)
        sys.exit(error.exit_code)
    except OrganizerError as error:
        report(error)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception:
        sys.exit(_unexpected())
    sys.exit(code if isinstance(code, int) else 0)


def report(error: OrganizerError) -> None:
    """Print an error the way every command does."""
    for line in sentences(error):
        warn(f"organizer: {line}")
    if error.hint:
        warn(f"  hint: {error.hint}")


def _unexpected() -> int:
    """Keep the traceback of a defect of ours where it can be found, and say so in one line."""
    text = traceback.format_exc()
    warn(f"organizer: unexpected: {text.strip().splitlines()[-1]}")
    path = Home.find(os.environ).state / "crash.log"
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with path.open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(f"organizer {__version__} {sys.argv[1:]}\n{text}\n")
        warn(f"  hint: this is a defect of Organizer; the details are in {path}")
    except OSError:
        click.echo(text, err=True)
    return 70
