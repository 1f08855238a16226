"""What waits in an inbox, grouped as it is filed: one pack, or what lies loose. Lists; changes nothing."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from organizer.config import Inbox
from organizer.pack import is_junk

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """Complete files of one pack, or loose ones (`pack` None), below one inbox."""

    inbox: Inbox
    pack: str | None
    paths: tuple[Path, ...]

    @property
    def title(self) -> str:
        return self.pack or "loose files"


def arrivals_below(inbox: Inbox) -> Iterator[Arrival]:
    """Give what lies in an inbox, pack by pack, then what lies loose. Raises OSError."""
    loose = []
    with os.scandir(inbox.root) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        if is_junk(PurePosixPath(entry.name)):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield Arrival(inbox=inbox, pack=entry.name, paths=files_below(Path(entry.path)))
        elif entry.is_file(follow_symlinks=False):
            loose.append(Path(entry.path))
    if loose:
        yield Arrival(inbox=inbox, pack=None, paths=tuple(loose))


def files_below(folder: Path) -> tuple[Path, ...]:
    """List what lies below a folder; links are not followed, folders that cannot be listed are left out."""
    return tuple(
        Path(entry.path)
        for entries in listings_below(folder)
        for entry in entries
        if not entry.is_dir(follow_symlinks=False) and not is_junk(PurePosixPath(entry.name))
    )


def listings_below(folder: Path) -> Iterator[list[os.DirEntry[str]]]:
    """Give what is in a folder and in each below it; as deep as it may be, which `os.walk` is not."""
    folders = [] if folder.is_symlink() else [folder]
    while folders:
        try:
            with os.scandir(folders.pop()) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError:
            continue
        folders += [Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False)]
        yield entries
