"""`organizer init`: configuration, default rules and folders, never over what is there."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import click
import platformdirs

from organizer.cli.output import as_json, say
from organizer.config import Config, Home, Inbox, absolute, dump, overlaps
from organizer.errors import ConfigError, OrganizerError, UsageProblem
from organizer.resources import shipped

SCHEMA = "rules.schema.json"  # named in the first line of the rule files that ship; ours, and always today's


@click.command()
@click.option(
    "--inbox",
    "inboxes",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Watched folder; may be repeated.",
)
@click.option("--library", type=click.Path(path_type=Path), help="Where sounds are filed.")
@click.option("--dry-run", is_flag=True, help="Say what would be made; make nothing.")
@click.option("--json", "json_", is_flag=True, help="Print what was made as JSON.")
def init(*, inboxes: tuple[Path, ...], library: Path | None, dry_run: bool, json_: bool) -> None:
    """Write the configuration and the default rules, and make the folders.

    Without options the inbox and the library are made below your music folder. Nothing that exists is
    overwritten.

    \b
    Examples:
      organizer init
      organizer init --inbox ~/Downloads/Samples --library /media/ssd/Samples
    """
    home = Home.find(os.environ)
    if home.config_file.exists():
        raise UsageProblem(
            f"there is a configuration already: {home.config_file}",
            path=home.config_file,
            hint="Edit it, or remove it to begin anew.",
        )
    music = platformdirs.user_music_path()
    chosen = [absolute(path) for path in inboxes] or [music / "Samples Inbox"]
    target = absolute(library) if library else music / "Samples"
    if findings := overlaps(chosen, target):
        raise ConfigError("\n".join(findings), hint="Name folders that lie beside one another.")
    config = Config(library=str(target), inbox=[Inbox(str(path)) for path in chosen])
    made = [path for path in (*chosen, target) if not path.is_dir()]
    rule_file = home.rules / "default.toml"
    if not rule_file.exists():
        made.append(rule_file)
    made.append(home.config_file)
    if not dry_run:
        _make(home, config, [*chosen, target], rule_file)
    if json_:
        click.echo(as_json({"made": made, "dry_run": dry_run, "inboxes": chosen, "library": target}))
        return
    for path in made:
        say(f"{'would make' if dry_run else 'made'} {path}")
    if not dry_run:
        say()
        say(f"Drop a pack into {chosen[0]}, then `organizer run` files it; `organizer undo` takes it back.")


def _make(home: Home, config: Config, folders: list[Path], rule_file: Path) -> None:
    try:
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True)
        home.state.mkdir(parents=True, exist_ok=True, mode=0o700)
        home.rules.mkdir(parents=True, exist_ok=True)
        if not rule_file.exists():
            shutil.copyfile(shipped("rules", "default.toml"), rule_file)
        shutil.copyfile(shipped("rules", SCHEMA), home.rules / SCHEMA)
        # Last, so that a configuration means that all of it is there.
        with home.config_file.open("x", encoding="utf-8") as file:
            file.write(dump(config))
    except OSError as error:
        raise OrganizerError(
            f"{error.filename} cannot be made: {error.strerror}",
            hint="Choose another place, or mend its permissions.",
        ) from error
