"""`organizer classify`: what each file is, nothing touched."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import click

from organizer.batch.arrivals import files_below
from organizer.cli.output import Progress, as_json, say, warn
from organizer.cli.wording import sample_as_json, sample_in_words
from organizer.errors import UsageProblem
from organizer.pack import is_junk, type_of
from organizer.sample import FileType, Origin

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from organizer.recognition.recognize import Result


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "json_", is_flag=True, help="One JSON object a line.")
@click.option("--audio-only", is_flag=True, help="Listen only: names and metadata count for nothing.")
@click.pass_context
def classify(ctx: click.Context, *, paths: tuple[Path, ...], json_: bool, audio_only: bool) -> None:
    """Say what each file is; touch nothing. Folders are looked through, a thousand files at a time.

    Exits with 1 when some file cannot be read; the others are told all the same.

    \b
    Examples:
      organizer classify "VEH1 Bassdrum 001.wav"
      organizer classify --json ~/Samples > heard.jsonl
    """
    from organizer.batch.proposing import PART
    from organizer.cli.assembly import Assembly
    from organizer.recognition.recognize import Request

    requests = [Request(path=path, origin=origin) for path, origin in _audio_below(paths)]
    if not requests:
        raise UsageProblem("no audio file there", hint="Name audio files, or folders that hold some.")
    failed = 0
    with Assembly() as parts, Progress("classify") as progress:
        recognizer = parts.recognizer(audio_only=audio_only, keep_embedding=False)
        part = []
        for done, inspection in enumerate(recognizer.inspect(requests), start=1):
            progress("listening", done, len(requests))
            part.append(inspection)
            if len(part) == PART or done == len(requests):
                results = recognizer.recognise(part)
                failed += sum(result.sample is None for result in results)
                for result in results:
                    _tell(result, json_=json_)
                part = []
    ctx.exit(1 if failed else 0)


def _tell(result: Result, *, json_: bool) -> None:
    if result.sample is not None:
        if json_:
            click.echo(as_json({"path": result.path, **sample_as_json(result.sample)}))
        else:
            say(f"{result.path}: {sample_in_words(result.sample)}")
        return
    assert result.error is not None  # one of the two is always there
    if json_:
        click.echo(as_json({"path": result.path, "error": result.error.message, "hint": result.error.hint}))
    else:
        warn(f"{result.path}: {result.error.message}")


def _audio_below(paths: Iterable[Path]) -> Iterator[tuple[Path, Origin]]:
    """Find the audio in what was named; a file named outright counts whatever its suffix."""
    for given in paths:
        path = given.expanduser()
        if not path.is_dir():
            yield path, Origin(inbox="", name=path.name, subpath=PurePosixPath(path.absolute().parent.name))
            continue
        pack = path.absolute().name
        root = path.resolve() if path.is_symlink() else path  # a link that the user names is meant
        for found in files_below(root):
            below = PurePosixPath(found.relative_to(root))
            if type_of(below) is FileType.AUDIO and not is_junk(below):
                yield found, Origin(inbox="", pack=pack, subpath=below.parent, name=below.name)
