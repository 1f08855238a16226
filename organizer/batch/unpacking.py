"""Archives as packs: unpacked into a hidden folder of the library's disk for as long as they are heard and
filed.

Nothing in that folder is anybody's only copy: the archive stays where it is until what came out of it is
filed. What a crash leaves of it is swept at the next start.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from organizer.execution import archives
from organizer.execution.problems import Transient, translate
from organizer.pack import companion_of, is_junk
from organizer.rules.legal import legal_name
from organizer.sample import LIVE_PLACE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from organizer.sample import Origin
    from organizer.stopping import Stop

_RESERVE = 512 << 20  # bytes that stay free on the disk


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpacked:
    """An archive that lies open. `root` stands for an inbox, `pack` is the folder in it that stands for the
    pack."""

    root: Path
    pack: str
    members: Mapping[Path, tuple[Path, str]]  # unpacked file -> archive, and what the archive calls it
    refused: tuple[str, ...]  # what was left out, in sentences


@contextmanager
def unpacked(
    archive: Path,
    origin: Origin,
    library: Path,
    *,
    stop: Stop,
    progress: Callable[[int, int], None],
) -> Iterator[Unpacked]:
    """Unpack an archive, and take away again what is left of it.

    Raises `FileProblem` where it cannot be unpacked, `Stopped` when `stop` says so.
    """
    found, refused = archives.members_of(archive, stop=stop)
    members = [member for member in found if not _is_litter(member.path)]
    total = sum(member.size or 0 for member in members)
    try:
        if shutil.disk_usage(library).free < total + _RESERVE:
            raise Transient(
                f"The disk that holds {library} has no room to unpack {archive.name} ({total >> 20:,} MB)",
                path=archive,
                hint="Free some space; it is tried again by itself",
            )
        root = archives.new_folder(library)
    except OSError as error:
        raise translate(error, library) from error
    try:
        pack, inside = _place_of(archive, origin, [member.path for member in members])
        folder = root / inside
        try:
            folder.mkdir(parents=True, exist_ok=True)
            archives.unpack(archive, members, folder, stop=stop, progress=lambda done: progress(done, total))
        except OSError as error:
            raise translate(error, root) from error
        yield Unpacked(
            root=root,
            pack=pack,
            members={folder / member.path: (archive, member.name) for member in members},
            refused=tuple(refused),
        )
    finally:
        shutil.rmtree(root, ignore_errors=True)


def sweep(libraries: Iterable[Path]) -> list[Path]:
    """Remove what processes that are gone had unpacked; nothing there is an only copy."""
    found = []
    for library in libraries:
        try:
            left = [entry for entry in library.iterdir() if archives.is_unpacked(entry)]
        except OSError:
            continue
        for folder in left:
            number = folder.name.removeprefix(archives.UNPACKED).partition("-")[0]
            is_pid = number.isascii() and number.isdigit() and len(number) < 10
            if is_pid and folder.is_dir() and not folder.is_symlink() and not _lives(int(number)):
                shutil.rmtree(folder, ignore_errors=True)
                found.append(folder)
    return found


def _place_of(archive: Path, origin: Origin, paths: list[PurePosixPath]) -> tuple[str, PurePosixPath]:
    """Name the pack, and the folder below the root that members are put in.

    Where everything in an archive lies in one folder, that one is the pack; else it is called as the archive.
    One that came inside a pack stays a part of it.
    """
    tops = {path.parts[0] for path in paths}
    alone = len(tops) == 1 and all(len(path.parts) > 1 for path in paths)
    stem = legal_name(archive.stem)
    if origin.pack is not None:
        return origin.pack, PurePosixPath(origin.pack) / origin.subpath / ("" if alone else stem)
    return (next(iter(tops)), PurePosixPath()) if alone else (stem, PurePosixPath(stem))


def _is_litter(path: PurePosixPath) -> bool:
    """Say whether a member is neither work nor goes along with any: companions and the tags of Live do."""
    along = companion_of(path) is not None and not is_junk(path.parent)
    return is_junk(path) and not along and not path.match(str(LIVE_PLACE))


def _lives(pid: int) -> bool:
    if pid == os.getpid():
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
