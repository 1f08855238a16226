"""What can go wrong, sorted by consequence.

Two families: a `FileProblem` concerns one file, is written down, and the batch goes on; every other
`OrganizerError` stops the command, with the exit code of its class. Each carries a sentence, where it
applies the path it is about, and a hint that says what to do. Foreign errors are translated into these
once, by the module that wraps the outside thing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class OrganizerError(Exception):
    """Something stopped the command."""

    exit_code = 1

    def __init__(self, message: str, *, path: Path | None = None, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.path = path
        self.hint = hint


class UsageProblem(OrganizerError):
    """What was asked for cannot be done as asked."""

    exit_code = 2


class ConfigError(OrganizerError):
    """The configuration is not valid."""

    exit_code = 3


class RulesError(OrganizerError):
    """One or more rule files are not valid; `problems` holds every finding."""

    exit_code = 3

    def __init__(self, problems: tuple[str, ...], *, path: Path | None = None, hint: str = "") -> None:
        super().__init__("\n".join(problems), path=path, hint=hint)
        self.problems = problems


class ModelError(OrganizerError):
    """The model is missing, or is not what its own metadata says."""

    exit_code = 4


class JournalError(OrganizerError):
    """The journal cannot be read or written."""

    exit_code = 5


class LockedError(OrganizerError):
    """Another Organizer holds the lock; the message names its pid."""

    exit_code = 5


class FileProblem(OrganizerError):
    """One file could not be dealt with; the others go on."""

    # A lasting problem is looked at again only when the file, the rules or the model change.
    lasting = True


class Unreadable(FileProblem):
    """The file is damaged, empty, or not what its suffix says."""


class Unsupported(FileProblem):
    """The format is sound, but nothing here can decode it."""


class Unreachable(FileProblem):
    """The file could not be opened or read just now (permissions, a disk that went away)."""

    lasting = False


class CannotWrite(FileProblem):
    """A tag, sidecar or move was refused; the sound is where and what it was."""
