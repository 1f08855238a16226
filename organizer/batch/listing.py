"""What lies in one pack, or loose in an inbox, just now. Reads names and stamps; changes nothing."""

from __future__ import annotations

import os
import stat as modes
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from organizer.pack import Survey, survey
from organizer.planning.planner import FolderFacts, Tree
from organizer.sample import Origin, Stamp
from organizer.stopping import never, until

if TYPE_CHECKING:
    from organizer.stopping import Stop

# A folder is listed so many files at a time, between two questions whether to stop.
_LISTED = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What lies in one pack, or loose in one inbox; paths are relative to the inbox."""

    root: Path
    inbox: str
    pack: str | None
    survey: Survey
    stamps: Mapping[PurePosixPath, Stamp]
    tree: Tree

    def path(self, relative: PurePosixPath) -> Path:
        return self.root / relative

    def origin(self, relative: PurePosixPath) -> Origin:
        inside = relative.relative_to(self.pack) if self.pack else relative
        return Origin(inbox=self.inbox, pack=self.pack, subpath=inside.parent, name=relative.name)


def look_at(root: Path, *, inbox: str, pack: str | None, stop: Stop = never) -> Listing:
    """List a pack with all below it, or the loose files directly in an inbox. Links are not followed.

    Raises `Stopped` when asked to stop.
    """
    stamps: dict[PurePosixPath, Stamp] = {}
    folders: dict[Path, FolderFacts] = {}
    waiting = [root / pack] if pack else [root]
    while waiting:
        folder = waiting.pop()
        entries = 0
        try:
            stat = folder.stat(follow_symlinks=False)
            if not modes.S_ISDIR(stat.st_mode):
                continue  # a link has taken its place
            with os.scandir(folder) as found:
                for entry in until(stop, found, every=_LISTED):
                    entries += 1
                    _take(entry, root, stamps, waiting if pack else [])
        except OSError:
            # Gone, or closed to us: what cannot be listed is neither moved nor counted as empty.
            continue
        if pack:
            folders[folder] = FolderFacts(
                mtime_ns=stat.st_mtime_ns, mode=stat.st_mode & 0o7777, entries=entries
            )
    return Listing(
        root=root,
        inbox=inbox,
        pack=pack,
        survey=survey(stamps, stop=stop),
        stamps=stamps,
        tree=Tree(inbox=root, folders=folders),
    )


def _take(
    entry: os.DirEntry[str], root: Path, stamps: dict[PurePosixPath, Stamp], waiting: list[Path]
) -> None:
    if entry.is_dir(follow_symlinks=False):
        waiting.append(Path(entry.path))
    elif entry.is_file(follow_symlinks=False):
        relative = PurePosixPath(Path(entry.path).relative_to(root))
        # On Windows a directory entry knows no inode; asking the path gives the whole stamp everywhere.
        stamps[relative] = Stamp.of(Path(entry.path).stat(follow_symlinks=False))
