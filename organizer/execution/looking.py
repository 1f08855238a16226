"""Looking at the user's files: what lies there, whether it is what it was, whether two names are one.

Nothing here changes anything. Links are never followed to a file.
"""

from __future__ import annotations

import os
import stat as modes
from contextlib import contextmanager
from typing import TYPE_CHECKING

from organizer.errors import CannotWrite, FileProblem
from organizer.execution import syscalls
from organizer.execution.primitives import Primitives
from organizer.execution.problems import changed, vanished
from organizer.recognition import identity
from organizer.rules.legal import fold
from organizer.sample import Stamp
from organizer.stopping import never, until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from io import FileIO
    from pathlib import Path

    from organizer.stopping import Stop

BLOCK = 1 << 20
_MOST_WHOLE = 64 << 20  # bytes of a file that is read whole


class Looking(Primitives):
    """What can be known of a path."""

    _inboxes: tuple[Path, ...] = ()
    _stop: Stop = staticmethod(never)

    def __init__(self, inboxes: Sequence[Path] = ()) -> None:
        """In `inboxes` anybody may lay links, which are never followed."""
        self._inboxes = tuple(inboxes)

    @contextmanager
    def asking(self, stop: Stop) -> Iterator[None]:
        """Ask `stop` between the blocks of whatever is read meanwhile, and raise `Stopped` where it says so.

        Nothing is read between the two changes of names that a move from another disk is made of.
        """
        before, self._stop = self._stop, stop
        try:
            yield
        finally:
            self._stop = before

    def check_way(self, path: Path) -> None:
        """Refuse a path of an inbox that leads through a link, which may have been laid since the plan."""
        root = next((one for one in self._inboxes if path.is_relative_to(one)), None)
        for folder in path.parents if root is not None else ():
            if folder == root:
                return
            if folder.is_symlink():
                raise CannotWrite(
                    f"{folder} is a link now",
                    path=folder,
                    hint="Links in an inbox are not followed; remove it",
                )

    def stamp(self, path: Path) -> Stamp:
        """Look at a regular file, not through a link."""
        try:
            found = self._look(path)
        except (FileNotFoundError, NotADirectoryError):
            raise vanished(path) from None
        if not modes.S_ISREG(found.st_mode):
            raise _not_regular(path)
        return Stamp.of(found)

    def exists(self, path: Path) -> bool:
        return os.path.lexists(path)

    def check(self, path: Path, expected: Stamp) -> None:
        if self.stamp(path) != expected:
            raise changed(path)

    def read(self, path: Path) -> bytes:
        """Read a file that is small enough to be read whole."""
        size = self.stamp(path).size
        if size > _MOST_WHOLE:
            raise CannotWrite(
                f"{path} is too large to be changed ({size >> 20} MB)", path=path, hint="Move it away"
            )
        return self._read(path)

    def content_hash(self, path: Path) -> str:
        """Hash the bytes of a regular file, as `identity.content_hash` does; links are not followed."""
        with self._reading(path) as reading:
            return identity.hash_blocks(self._blocks(reading))

    def _blocks(self, reading: FileIO) -> Iterator[bytes]:
        return until(self._stop, iter(lambda: self._read_block(reading, BLOCK), b""))

    @contextmanager
    def _reading(self, path: Path) -> Iterator[FileIO]:
        with os.fdopen(self._open(path), "rb", buffering=0) as reading:
            if not modes.S_ISREG(os.fstat(reading.fileno()).st_mode):
                raise _not_regular(path)
            yield reading

    def attribute(self, path: Path, name: str) -> bytes | None:
        """Read an extended attribute; None where there is none, or where none can be."""
        return syscalls.attribute(path, name)

    def is_link(self, path: Path, original: Path, pointer: str) -> bool:
        """Say whether `path` is a second name of `original`, or a link that says `pointer`."""
        try:
            if pointer:
                return path.is_symlink() and str(path.readlink()) == pointer
            found = path.lstat()
            second = modes.S_ISREG(found.st_mode) and found.st_nlink > 1 and path.samefile(original)
            return second and not self.is_one_entry(path, original)
        except OSError:
            return False

    def is_one_entry(self, path: Path, other: Path) -> bool:
        """Say whether two paths are one name in one folder, which links may lead to under two names."""
        try:
            return fold(path.name) == fold(other.name) and path.parent.samefile(other.parent)
        except OSError:
            return True  # what cannot be told apart is not removed

    def is_another_of(self, path: Path, copy: Path, content_hash: str) -> bool:
        """Say whether a second file, besides its copy, holds these bytes; OSError where nobody can tell."""
        try:
            holds = self.content_hash(path) == content_hash
        except (FileProblem, FileNotFoundError, NotADirectoryError):
            return False
        return holds and not self.is_one_entry(copy, path)

    def is_same_sound(self, path: Path, copy: Path, sound_id: str) -> bool:
        """Say whether a second file, besides its copy, holds this sound, under whatever tags; OSError where
        nobody can tell."""
        if self.is_one_entry(copy, path):
            return False
        try:
            self.stamp(path)
            return self.sound_id(path) == sound_id
        except FileProblem as problem:
            if not problem.lasting:
                raise
            return False

    def sound_id(self, path: Path) -> str:
        return identity.sound_id(path, stop=self._stop)

    def is_alias(self, source: Path, target: Path) -> bool:
        """Say whether two names are one entry, on a disk that folds case or Unicode forms.

        Some (exFAT through FUSE) number the inode anew for each spelling that it is asked for by: there the
        one name that is listed, and that the other is answered for, decides.
        """
        try:
            names = {one.name for one in target.parent.iterdir()}
            if target.name in names:
                return False
            return source.samefile(target) or (
                source.name in names
                and fold(source.name) == fold(target.name)
                and source.parent.samefile(target.parent)
                and _like(source.lstat()) == _like(target.lstat())
            )
        except OSError:
            return False


def _like(found: os.stat_result) -> tuple[int, int, int, int]:
    return found.st_dev, found.st_size, found.st_mtime_ns, found.st_mode


def _not_regular(path: Path) -> CannotWrite:
    return CannotWrite(f"{path} is not a regular file", path=path, hint="Links and devices are left alone")
