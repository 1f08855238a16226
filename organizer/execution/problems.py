"""Turns what the operating system answers into a sentence and a hint. Reads and changes nothing."""

from __future__ import annotations

import errno
from pathlib import Path

from organizer.errors import CannotWrite, FileProblem

_AGAIN = "it is tried again by itself"
# What a message of the operating system may name, but no user has ever seen.
_HIDDEN = ".organizer-"


class Transient(CannotWrite):
    """The operation was refused for now; time or the user can mend it."""

    lasting = False


class LeftAlone(CannotWrite):
    """What the plan speaks of is no longer so; nothing was done, and that is no failure."""


class LeftOpen(Exception):
    """An operation is neither done nor undone: recovery must look at it."""


class CrossesDevices(Exception):
    """A rename cannot do it: the two folders lie on different disks."""


# Why a copy stays, where an undo would remove it.
OTHER_ORIGINAL = "what it was copied from is no longer the same"
NOT_IN_ARCHIVE = "the archive that it came out of does not hold it any more"


def changed(path: Path) -> LeftAlone:
    return LeftAlone(
        f"{path.name} has changed since this was planned", path=path, hint="It stays where it is"
    )


def appeared(path: Path) -> CannotWrite:
    return CannotWrite(
        f"There is already something at {path}",
        path=path,
        hint="Nothing was overwritten; move or rename one of the two, then sort the file again",
    )


def vanished(path: Path) -> CannotWrite:
    return CannotWrite(
        f"{path} is no longer there", path=path, hint="It was moved or deleted by someone else"
    )


def away(root: Path) -> Transient:
    """Say that an inbox or library is not what it was: its disk was taken out, or another one put in."""
    return Transient(
        f"The disk that holds {root} is not there",
        path=root,
        hint=f"Plug it in; {_AGAIN}. Where it is another disk from now on, say so: "
        f"organizer journal moved {root} {root}",
    )


def gone(path: Path) -> LeftAlone:
    return LeftAlone(f"{path} is no longer there", path=path)


def stands_alone(path: Path, why: str) -> LeftAlone:
    """Say of a copy that nothing else vouches for it."""
    return LeftAlone(
        f"{path.name} stays: {why}",
        path=path,
        hint="It may be the only one of its kind; remove it yourself if you do not need it",
    )


def spoiled(path: Path) -> Transient:
    return Transient(
        f"What was written to {path.parent} is not what was read",
        path=path,
        hint=f"Check the disk and its cable; nothing was taken away, and {_AGAIN}",
    )


def no_link(path: Path, original: Path) -> LeftAlone:
    return LeftAlone(
        f"{path.name} stays: it is no longer a link to {original.name}",
        path=path,
        hint="Remove it yourself if you do not need it",
    )


def translate(error: OSError, path: Path) -> FileProblem:
    """Say what went wrong with `path` in a user's words.

    `path` is where the operation was to write; the error's own file names the place where that is nearer.
    """
    place = Path(error.filename) if isinstance(error.filename, str) else path
    if place.name.startswith(_HIDDEN):
        place = path
    number = error.errno
    if number in (errno.ENOSPC, errno.EDQUOT):
        return Transient(
            f"The disk that holds {path.parent} is full", path=path, hint=f"Free some space; {_AGAIN}"
        )
    if number in (errno.EACCES, errno.EPERM):
        return Transient(
            f"No permission to change {place}",
            path=path,
            hint=f"Give yourself the right to write there; {_AGAIN}",
        )
    if number == errno.EROFS:
        return Transient(
            f"The disk that holds {place} can only be read",
            path=path,
            hint=f"Mount it so that it can be written; {_AGAIN}",
        )
    if number == errno.ENAMETOOLONG:
        return CannotWrite(
            f"The name is too long for this disk: {path.name}",
            path=path,
            hint="Shorten the name or the template",
        )
    if number == errno.ENOENT:
        if not path.parent.is_dir():
            return Transient(
                f"The folder {path.parent} is not there", path=path, hint=f"Is its disk plugged in? {_AGAIN}"
            )
        return vanished(place)
    if number in (errno.EEXIST, errno.ENOTEMPTY):
        return appeared(path)
    if number in (errno.ENOTDIR, errno.ELOOP):
        return CannotWrite(
            f"A part of {path} is not a folder",
            path=path,
            hint="Look at what lies there, then sort the file again",
        )
    if number in (errno.EMFILE, errno.ENFILE):
        return Transient(
            "Too many files are open on this machine", path=path, hint=f"Close some programs; {_AGAIN}"
        )
    if number in (errno.EBUSY, errno.ETXTBSY):
        return Transient(f"{place} is in use by another program", path=path, hint=f"Close it there; {_AGAIN}")
    if number in (errno.EIO, errno.ENODEV, errno.ENXIO, errno.ESTALE, errno.ENOTCONN, errno.EHOSTDOWN):
        return Transient(
            f"The disk that holds {place} does not answer",
            path=path,
            hint=f"Check that it is plugged in and healthy; {_AGAIN}",
        )
    return Transient(
        f"{place} could not be changed: {error.strerror or error}", path=path, hint=_AGAIN.capitalize()
    )


def unforeseen(error: Exception, path: Path) -> FileProblem:
    """Say that one file met something that nobody had thought of."""
    return CannotWrite(
        f"{path} could not be changed: unexpected {type(error).__name__}: {error}",
        path=path,
        hint="This is a defect of Organizer; the log has more. The file is as it was",
    )
