"""What `organizer doctor` looks at, a function each: it yields what it found, and changes nothing."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from organizer.cli.output import counted
from organizer.cli.rules import warnings_of
from organizer.errors import OrganizerError
from organizer.execution.problems import away
from organizer.service.inbox import folders_below

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from organizer.cli.assembly import Assembly

Grade = Literal["OK", "WARN", "FAIL"]

MUCH = 1_000_000_000  # bytes of a journal
LITTLE = 1_000_000_000  # bytes that are free
LINGER = Path("/var/lib/systemd/linger")  # a file for each user whose services go on without a session


@dataclass(frozen=True, slots=True)
class Finding:
    grade: Grade
    subject: str
    what: str
    hint: str = ""


def configuration(parts: Assembly) -> Iterator[Finding]:
    from organizer.recognition.vocabulary import Vocabulary

    Vocabulary.load(parts.config.vocabulary)
    inboxes = len(parts.config.inbox)
    yield Finding("OK", "configuration", f"{parts.home.config_file}, {inboxes} inbox{'es' * (inboxes != 1)}")


def folders(parts: Assembly) -> Iterator[Finding]:
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
        grade: Grade = "WARN" if free < LITTLE else "OK"
        yield Finding(grade, "library", f"{free / 1e9:.1f} GB free", "Free some space.")


def rules(parts: Assembly) -> Iterator[Finding]:
    for inbox, rules in parts.book.sets.items():
        where = f" for the inbox {inbox}" if inbox else ""
        yield Finding("OK", "rules", f"{counted(len(rules.rules), 'rule')} in {parts.home.rules}{where}")
        for warning in warnings_of(rules):
            yield Finding("WARN", "rules", warning)


def model(parts: Assembly) -> Iterator[Finding]:
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


def journal(parts: Assembly) -> Iterator[Finding]:
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


def service(parts: Assembly) -> Iterator[Finding]:
    from organizer.execution.locks import execution_holder, service_holder

    holder = service_holder(parts.home.state)
    other = execution_holder(parts.home.state)
    if other is not None:
        yield Finding("OK", "lock", f"files are being changed by {other.command} (process {other.pid})")
    if holder is None:
        yield Finding(
            "WARN",
            "service",
            "not running",
            "Start it: `organizer run`, or `systemctl --user start organizer`.",
        )
    else:
        yield Finding("OK", "service", f"running as process {holder.pid}")


def watching(parts: Assembly) -> Iterator[Finding]:
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


def disks(parts: Assembly) -> Iterator[Finding]:
    from organizer.execution.mounts import Mounts
    from organizer.service.mounts import network_type

    mounts = Mounts.now()
    config = parts.config
    places = [("library", root) for root in config.library_roots]
    places += [("inbox", one.root) for one in config.inbox]
    for subject, root in places:
        if not root.is_dir():
            continue
        if network := network_type(root):
            yield Finding(
                "WARN",
                subject,
                f"{root} is on a network file system ({network})",
                "The system tells of no changes there: an inbox is listed every few seconds, a library now "
                "and then.",
            )
        mount = mounts.holding(root)
        if subject == "library" and folds_case(root):
            named = "" if mount is None else f" ({mount.type})"
            what = f"{root} takes Kick.wav and kick.wav for one name{named}"
            yield Finding("OK", subject, f"{what}: what differs only in letter case is numbered")
        if mount is not None and mount.renumbers:
            what = f"{root} ({mount.type}) may number its files anew when it is mounted"
            yield Finding("OK", subject, f"{what}: files are known by path, size and time")


def state(parts: Assembly) -> Iterator[Finding]:
    state = parts.home.state
    if not state.exists():
        yield Finding("OK", "state", f"none yet: {state} is made when it is needed")
        return
    if not os.access(state, os.R_OK | os.W_OK | os.X_OK):
        yield Finding("FAIL", "state", f"{state} cannot be written to", "Mend its permissions.")
    elif state.stat().st_mode & 0o077:
        yield Finding("WARN", "state", f"{state} is open to others", f"chmod 700 {state}")
    else:
        free = shutil.disk_usage(state).free
        grade: Grade = "WARN" if free < LITTLE else "OK"
        yield Finding(grade, "state", f"{state}, {free / 1e9:.1f} GB free", "Free some space.")


def unit(_parts: Assembly) -> Iterator[Finding]:
    from organizer.cli.service import this_system

    system = this_system()
    if not system.file.exists():
        what = "not installed; `organizer service install` has it started with your session"
        yield Finding("OK", "unit", what)
        return
    if system.file.read_text(encoding="utf-8", errors="replace") != system.text:
        hint = "`organizer service install` writes it anew; what you changed is better kept in a drop-in."
        yield Finding("WARN", "unit", f"{system.file} is not what this installation would write", hint)
    try:
        state = system.state()
    except OrganizerError as error:
        yield Finding("WARN", "unit", error.message, error.hint)
        return
    if not state.enabled:
        hint = "systemctl --user enable organizer"
        yield Finding("WARN", "unit", f"{system.file} does not start with your session", hint)
    else:
        yield Finding("OK", "unit", f"{system.file}: {state.said}, starts with your session")
    if sys.platform == "linux" and not lingers(LINGER):
        yield Finding("OK", "unit", "it ends with your session, until you say: loginctl enable-linger")


def notes(parts: Assembly) -> Iterator[Finding]:
    from organizer.service.desktop import problem_of

    if not parts.config.notify:
        return
    if problem := problem_of(os.environ):
        yield Finding("WARN", "notify", f"no notes on the desktop: {problem}", "`organizer notify` tries it.")
    else:
        yield Finding("OK", "notify", "notes go to the desktop; `organizer notify` tries it")


def versions(_parts: Assembly) -> Iterator[Finding]:
    import soundfile

    python = ".".join(map(str, sys.version_info[:3]))
    packages = ", ".join(
        f"{name} {version(name)}" for name in ("watchdog", "onnxruntime", "numpy", "librosa")
    )
    said = f"organizer {version('organizer')}, Python {python}, {packages}, libsndfile"
    yield Finding("OK", "versions", f"{said} {soundfile.__libsndfile_version__}")


def decoders(_parts: Assembly) -> Iterator[Finding]:
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
    configuration,
    folders,
    disks,
    state,
    rules,
    model,
    journal,
    service,
    unit,
    watching,
    decoders,
    notes,
    versions,
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


def folds_case(folder: Path) -> bool:
    """Say whether a folder takes two names for one that differ only in case, as far as its entries show.

    Inodes do not tell: through FUSE, one file has another for each spelling.
    """
    for place in (folder, folder.parent):
        try:
            names = {one.name for one in place.iterdir()}
        except OSError:
            return False
        for name in names if place == folder else {folder.name}:
            if (other := name.swapcase()) != name:
                return other not in names and os.path.lexists(place / other)
    return False


def lingers(places: Path) -> bool:
    """Say whether this user's services go on without a session."""
    import getpass

    try:
        return (places / getpass.getuser()).exists()
    except (OSError, KeyError):
        return False
