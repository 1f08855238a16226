"""The trash of the library: what lies in it, and the plan that empties it. Executes nothing."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from organizer.batch.whereabouts import listed
from organizer.errors import FileProblem
from organizer.pack import companion_of
from organizer.planning.filing import TRASH
from organizer.planning.operations import Discard, Operation, Plan, RemoveFolder, Skip
from organizer.sample import Stamp

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from organizer.execution.filesystem import Filesystem
    from organizer.execution.reader import JournalReader
    from organizer.library.index import Index


@dataclass(frozen=True, slots=True, kw_only=True)
class Trashed:
    """One file in the trash."""

    path: Path
    stamp: Stamp
    since: float | None  # seconds since 1970; None: the journal did not put it there
    batch: int | None


def trashed(journal: JournalReader, library: Path) -> list[Trashed]:
    """List what lies in the trash of a library, and since when."""
    found = []
    for path, stamp in sorted(listed([library / TRASH])):
        record = journal.leaving(path)
        if record is not None and record.stamp_after is not None:
            left = (record.stamp_after.size, record.stamp_after.mtime_ns)
            record = record if left == (stamp.size, stamp.mtime_ns) else None  # it is another file by now
        since, batch = (None, None) if record is None else (record.changed, record.batch)
        found.append(Trashed(path=path, stamp=stamp, since=since, batch=batch))
    return found


def plan_emptying(
    files: Sequence[Trashed],
    *,
    libraries: Sequence[Path],
    filesystem: Filesystem,
    index: Index,
    even_last: bool,
    progress: Callable[[str, int, int], None],
) -> Plan:
    """Plan to delete these files from the trash of the first library; a sound of which none has another copy
    stays, unless `even_last`."""
    planned: dict[Path, Operation] = {}
    samples = [one for one in files if companion_of(PurePosixPath(one.path.name)) is None]
    along = [one for one in files if one not in samples]
    for number, one in enumerate(samples):
        progress("trash", number, len(files))
        planned[one.path] = _discard(one, libraries, filesystem, index, even_last=even_last)
    for one in along:
        sample = companion_of(PurePosixPath(one.path.name))
        goes = sample is not None and isinstance(planned.get(one.path.with_name(sample.name)), Discard)
        planned[one.path] = _discard(one, libraries, filesystem, index, even_last=even_last or goes)
    return Plan(
        origin="trash",
        title="emptying the trash",
        operations=(*(planned[one.path] for one in files), *_emptied(libraries[0] / TRASH, planned)),
    )


def _discard(
    one: Trashed, libraries: Sequence[Path], filesystem: Filesystem, index: Index, *, even_last: bool
) -> Operation:
    if one.since is None:
        return Skip(path=one.path, reason="the journal knows of nobody who has put it there")
    try:
        content_hash = filesystem.content_hash(one.path)
    except (FileProblem, OSError) as problem:
        return Skip(path=one.path, reason=f"it cannot be read: {problem}", lasting=False)
    if even_last:
        return Discard(path=one.path, content_hash=content_hash, sound_id="", twin=None)
    sound = _sound_in(one.path, filesystem)
    twins = (entry.path for entry in (index.with_sounds([sound]) if sound else ()))
    twin = next((path for path in twins if _holds(path, one.path, sound, libraries, filesystem)), None)
    if twin is None:
        return Skip(
            path=one.path,
            reason="no other copy of it is known",
            hint="Move it out of the trash, or delete it with --even-last-copies",
        )
    return Discard(path=one.path, content_hash=content_hash, sound_id=sound, twin=twin)


def _holds(twin: Path, path: Path, sound: str, libraries: Sequence[Path], filesystem: Filesystem) -> bool:
    """Say whether a library, and not the trash of one, has the sound."""
    root = next((one for one in libraries if twin.is_relative_to(one)), None)
    if root is None or TRASH in twin.relative_to(root).parts or not filesystem.exists(twin):
        return False
    try:
        return filesystem.is_same_sound(twin, path, sound)
    except (FileProblem, OSError):
        return False


def _sound_in(path: Path, filesystem: Filesystem) -> str:
    try:
        return filesystem.sound_id(path)
    except FileProblem:
        return ""


def _emptied(trash: Path, planned: dict[Path, Operation]) -> list[RemoveFolder]:
    """Find the folders in the trash that have nothing left in them afterwards, the deepest first."""
    lost: defaultdict[Path, set[Path]] = defaultdict(set)
    for path, operation in planned.items():
        if isinstance(operation, Discard):
            lost[path.parent].add(path)
    emptied = []
    for folder in sorted(
        {parent for path in planned for parent in path.parents if parent.is_relative_to(trash)},
        key=lambda one: -len(one.parts),
    ):
        if folder != trash and set(folder.iterdir()) <= lost[folder]:
            emptied.append(RemoveFolder(path=folder, mode=folder.stat().st_mode))
            lost[folder.parent].add(folder)
    return emptied
