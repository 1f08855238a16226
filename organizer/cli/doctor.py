"""`organizer doctor`: what is in order, what is not, and what to do about it."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from organizer.batch.arrivals import folders_below
from organizer.cli.assembly import Assembly
from organizer.cli.output import as_json, counted, say, sentences
from organizer.cli.rules import warnings_of
from organizer.errors import ConfigError, OrganizerError
from organizer.execution.problems import away

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Grade = Literal["OK", "WARN", "FAIL"]

MUCH = 1_000_000_000  # bytes of a journal


@dataclass(frozen=True, slots=True)
class Finding:
    grade: Grade
    subject: str
    what: str
    hint: str = ""


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
    subject = check.__name__.removeprefix("_").replace("_", " ")
    try:
        yield from check(parts)
    except ConfigError as error:
        if check is _configuration:  # the others need it too, and have no more to say of it
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


def _configuration(parts: Assembly) -> Iterator[Finding]:
    from organizer.recognition.vocabulary import Vocabulary

    Vocabulary.load(parts.config.vocabulary)
    inboxes = len(parts.config.inbox)
    yield Finding("OK", "configuration", f"{parts.home.config_file}, {inboxes} inbox{'es' * (inboxes != 1)}")


def _folders(parts: Assembly) -> Iterator[Finding]:
    config = parts.config
    library = config.library_root
    for root in config.library_roots:
        if root.is_dir() and parts.journal_to_read.is_away(root):
            problem = away(root)
            yield Finding("FAIL", "library", problem.message, problem.hint)
        else:
            yield _writable("library", root)
    for inbox in config.inbox:
        yield _writable("inbox", inbox.root)
        if _device(inbox.root) is not None and _device(inbox.root) != _device(library):
            yield Finding(
                "WARN",
                "inbox",
                f"{inbox.root} is on another file system than the library: files are copied, then removed",
                "That is safe, only slower; an inbox beside the library makes every move a rename.",
            )
    if library.is_dir():
        free = shutil.disk_usage(library).free
        grade: Grade = "WARN" if free < 1_000_000_000 else "OK"
        yield Finding(grade, "library", f"{free / 1e9:.1f} GB free", "Free some space.")


def _rules(parts: Assembly) -> Iterator[Finding]:
    for inbox, rules in parts.book.sets.items():
        where = f" for the inbox {inbox}" if inbox else ""
        yield Finding("OK", "rules", f"{counted(len(rules.rules), 'rule')} in {parts.home.rules}{where}")
        for warning in warnings_of(rules):
            yield Finding("WARN", "rules", warning)


def _model(parts: Assembly) -> Iterator[Finding]:
    import tempfile

    import soundfile

    from organizer.demo.sounds import SAMPLERATE, kick
    from organizer.recognition.recognize import Request
    from organizer.sample import Origin

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sound.wav"
        soundfile.write(path, kick(), SAMPLERATE)
        recognizer = parts.recognizer(audio_only=True)
        (result,) = recognizer.hear([Request(path=path, origin=Origin(inbox="", name="sound.wav"))])
    if result.sample is None:
        assert result.error is not None  # one of the two is always there
        yield Finding("FAIL", "model", f"{parts.model_path()} heard nothing: {result.error.message}")
        return
    yield Finding("OK", "model", f"{recognizer.model_id} hears ({parts.model_path()})")


def _journal(parts: Assembly) -> Iterator[Finding]:
    from organizer.execution.salvage import damage

    path = parts.home.journal
    if not path.exists():
        yield Finding("OK", "journal", "none yet: nothing has been filed")
        return
    if found := damage(path):
        yield Finding(
            "FAIL", "journal", f"{path}: {found}", "Stop the service, then organizer journal recover"
        )
        return
    size = path.stat().st_size
    yield Finding(
        "WARN" if size > MUCH else "OK",
        "journal",
        f"{path} is whole, {size / 1e6:.0f} MB",
        "organizer journal prune forgets what is old",
    )
    for batch in parts.journal_to_read.unfinished():
        yield Finding(
            "WARN",
            "journal",
            f"batch {batch.id} ({batch.title}) is under way, or was interrupted",
            "The next run brings it to its end; where its disk is not there, plug it in.",
        )


def _service(parts: Assembly) -> Iterator[Finding]:
    from organizer.execution.locks import service_holder

    holder = service_holder(parts.home.state)
    if holder is None:
        yield Finding(
            "WARN",
            "service",
            "not running",
            "Start it: `organizer run`, or `systemctl --user start organizer`.",
        )
    else:
        yield Finding("OK", "service", f"running as process {holder.pid}")


def _watching(parts: Assembly) -> Iterator[Finding]:
    limit_file = Path("/proc/sys/fs/inotify/max_user_watches")
    config = parts.config
    if not limit_file.exists():
        return
    limit = int(limit_file.read_text())
    folders = sum(1 for inbox in config.inbox for _ in folders_below(inbox.root))
    if folders * 2 > limit:
        yield Finding(
            "WARN",
            "watching",
            f"{folders} folders in the inboxes, and only {limit} can be watched by all programs together",
            f"sudo sysctl fs.inotify.max_user_watches={max(folders * 4, 524_288)}",
        )
    else:
        yield Finding("OK", "watching", f"{counted(folders, 'folder')} to watch, {limit} possible")


def _decoders(parts: Assembly) -> Iterator[Finding]:  # noqa: ARG001 - every check has the same shape
    if shutil.which("ffmpeg"):
        yield Finding("OK", "decoders", "ffmpeg is there for M4A, WMA and the like")
    else:
        yield Finding("WARN", "decoders", "no ffmpeg: M4A, WMA and the like stay unread", "Install ffmpeg.")
    from organizer.execution.archives import has_libarchive

    if has_libarchive():
        yield Finding("OK", "archives", "ZIP, and RAR, 7z and tar through libarchive")
    else:
        hint = "pip install 'organizer[archives]'; it needs your system's libarchive."
        yield Finding("OK", "archives", "ZIP; no libarchive, so RAR, 7z and tar stay packed", hint)


CHECKS: tuple[Callable[[Assembly], Iterator[Finding]], ...] = (
    _configuration,
    _folders,
    _rules,
    _model,
    _journal,
    _service,
    _watching,
    _decoders,
)


def _writable(subject: str, folder: Path) -> Finding:
    if not folder.is_dir():
        return Finding("FAIL", subject, f"{folder} is not there", "Make the folder, or plug its drive in.")
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        return Finding("FAIL", subject, f"{folder} cannot be written to", "Mend its permissions.")
    return Finding("OK", subject, str(folder))


def _device(folder: Path) -> int | None:
    try:
        return folder.stat().st_dev
    except OSError:
        return None
