"""The one place where the user's files are changed, and the checks around each change.

Owns never overwriting: every name is taken in a way that fails where something lies there already.
The methods with a leading underscore are the system calls themselves, one each, so that a test can
put a fault before or after every one. Knows nothing of operations, plans or the journal.
"""

from __future__ import annotations

import errno
import os
import stat as modes
from collections.abc import Callable
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from organizer.errors import CannotWrite
from organizer.execution import syscalls
from organizer.execution.looking import Looking
from organizer.execution.problems import CrossesDevices, LeftOpen, appeared, changed, vanished
from organizer.sample import Stamp

if TYPE_CHECKING:
    from collections.abc import Iterator

# Bytes that one call brings to the disk, at most where they are ours: nobody can stop it.
SYNCED_AT_ONCE = 64 << 20

# Told of an empty file that keeps a name for us (its path and inode), before it is replaced.
Reserved = Callable[[Path, int], None]


@dataclass(frozen=True, slots=True)
class Temp:
    """A file of ours, written and not yet under its name."""

    path: Path
    stamp: Stamp


def nothing_to_note(path: Path, inode: int) -> None:
    """Stand in where no journal follows."""


class Filesystem(Looking):
    """Every change of the user's files, by calls that never overwrite."""

    # Moving

    def move(
        self, source: Path, target: Path, expected: Stamp, reserved: Reserved = nothing_to_note
    ) -> Stamp:
        """Give a file another name on the same disk; raise `CrossesDevices` where it is another one."""
        self.check(source, expected)
        if self.is_alias(source, target):
            self._replace(source, target)
        else:
            self.place(source, target, reserved)
        after = self._stamp_of_placed(target, expected)
        came, meant = ((one.inode, one.size, one.mtime_ns) for one in (after, expected))
        if came != meant and after.device == expected.device:
            # Somebody put another file under the name between the look and the move: it goes back.
            self.place(target, source, reserved)
            raise changed(source)
        return after

    def _stamp_of_placed(self, path: Path, before: Stamp) -> Stamp:
        """Look at a file that was given its name; where nobody can look, it is what it was before.

        What was done must not be told as failed, or nobody would ever undo it.
        """
        try:
            return self.stamp(path)
        except (CannotWrite, OSError):
            return before

    def place_temp(self, temp: Temp, target: Path, reserved: Reserved = nothing_to_note) -> Stamp:
        """Give a finished temp its name, which nothing may have yet."""
        self.place(temp.path, target, reserved)
        return self._stamp_of_placed(target, temp.stamp)

    def place(self, source: Path, target: Path, reserved: Reserved = nothing_to_note) -> None:
        """Rename without overwriting, by the best way that this disk has."""
        try:
            self._rename_noreplace(source, target)
            return
        except OSError as error:
            if error.errno == errno.EXDEV:
                raise CrossesDevices from None
            if error.errno == errno.EEXIST:
                raise appeared(target) from None
            if error.errno not in syscalls.NO_SAFE_RENAME:
                raise
        try:
            self._link(source, target)
        except OSError as error:
            if error.errno == errno.EXDEV:
                raise CrossesDevices from None
            if error.errno == errno.EEXIST:
                raise appeared(target) from None
            if error.errno not in syscalls.NO_LINKS:
                raise
            self._reserve_and_replace(source, target, reserved)
        else:
            self._end_link(source, target)

    def _end_link(self, source: Path, target: Path) -> None:
        """Take the first of two names of one file away, or the second where that is refused."""
        try:
            self._unlink(source)
        except OSError:
            if source.samefile(target):
                self._unlink(target)
            raise

    def _reserve_and_replace(self, source: Path, target: Path, reserved: Reserved) -> None:
        if source.lstat().st_dev != target.parent.stat().st_dev:
            raise CrossesDevices
        try:
            fd = self._create(target, 0o600)
        except FileExistsError:
            raise appeared(target) from None
        try:
            mine = os.fstat(fd)
        finally:
            os.close(fd)
        reserved(target, mine.st_ino)
        now = target.lstat()
        if (now.st_ino, now.st_size) != (mine.st_ino, 0):
            raise appeared(target)
        try:
            self._replace(source, target)
        except OSError:
            self.remove_reservation(target, mine.st_ino)
            raise

    def remove_reservation(self, path: Path, inode: int) -> None:
        """Remove an empty file that kept a name for us; anything else under the name stays."""
        with suppress(OSError):
            found = path.lstat()
            if modes.S_ISREG(found.st_mode) and (found.st_ino, found.st_size) == (inode, 0):
                self._unlink(path)

    # Linking

    def link(self, source: Path, target: Path) -> None:
        """Give a file a second name on the same disk, without overwriting."""
        try:
            self._link(source, target)
        except OSError as error:
            if error.errno == errno.EEXIST:
                raise appeared(target) from None
            if error.errno == errno.EXDEV or error.errno in syscalls.NO_LINKS:
                raise CannotWrite(
                    f"{target} cannot be a hard link to {source}: "
                    + ("they lie on different disks" if error.errno == errno.EXDEV else "this disk has none"),
                    path=target,
                    hint='Write kind = "symbolic", or copy, in the rule',
                ) from None
            raise

    def link_symbolically(self, target: Path, source: Path, pointer: str) -> None:
        """Make a link that says `pointer`, and see that it leads to `source`."""
        try:
            self._symlink(target, pointer)
        except FileExistsError:
            raise appeared(target) from None
        try:
            leads = target.samefile(source)
        except OSError:
            leads = False
        if not leads:
            self._unlink(target)
            raise CannotWrite(
                f"A link at {target} would not lead to {source}: a folder between them is a link itself",
                path=target,
                hint='Write kind = "hard", or copy, in the rule',
            )

    def remove_link(self, path: Path) -> None:
        """Remove a name that the caller knows to be a second one."""
        self._unlink(path)

    def set_attribute(self, path: Path, name: str, value: bytes | None) -> None:
        """Set an extended attribute, or remove it."""
        try:
            self._set_attribute(path, name, value)
        except OSError as error:
            if error.errno in syscalls.NO_ATTRIBUTES:
                raise CannotWrite(
                    f"The disk that holds {path} keeps no attributes",
                    path=path,
                    hint="Leave xattr out of the rule, or use a sidecar",
                ) from None
            raise

    # Writing: a temp beside the place, then its name

    def copy_to_temp(self, source: Path, target: Path) -> Temp:
        """Copy bytes, times, mode, attributes and (where allowed) owner beside `target`; not yet synced."""
        temp = syscalls.temp_beside(target)
        with self._reading(source) as reading:
            before = os.fstat(reading.fileno())
            with self.discarding(temp):
                fd = self._create(temp, 0o600)
                try:
                    unsynced = 0
                    for block in self._blocks(reading):
                        self._write(fd, block)
                        unsynced += len(block)
                        if unsynced >= SYNCED_AT_ONCE:
                            self._sync_file(temp)
                            unsynced = 0
                    self._keep_attributes(reading.fileno(), fd)
                    self._set_times(temp, before.st_atime_ns, before.st_mtime_ns)
                finally:
                    os.close(fd)
                return Temp(temp, Stamp.of(self._look(temp)))

    def write_temp(self, target: Path, content: bytes) -> Temp:
        """Write a new file of ours beside `target`, with the mode that the user's umask gives."""
        temp = syscalls.temp_beside(target)
        with self.discarding(temp):
            fd = self._create(temp, 0o666)
            try:
                self._write(fd, content)
            finally:
                os.close(fd)
            return Temp(temp, Stamp.of(self._look(temp)))

    def rewrite_temp(self, temp: Temp, like: Path, write: Callable[[Path], None]) -> Temp:
        """Let `write` change a temp of ours, then give it the mode and times of `like` again."""
        found = like.lstat()
        mode = modes.S_IMODE(found.st_mode)
        if mode & 0o600 != 0o600:
            self._chmod(temp.path, mode | 0o600)
        self._rewrite(temp.path, write)
        if mode & 0o600 != 0o600:
            self._chmod(temp.path, mode)
        self._set_times(temp.path, found.st_atime_ns, found.st_mtime_ns)
        return Temp(temp.path, Stamp.of(self._look(temp.path)))

    def restore_temp(self, temp: Temp, like: Stamp) -> Temp:
        """Give a temp of ours the time and mode of what it is to be again: the disk that it comes from may
        keep neither."""
        with self.discarding(temp.path):
            if like.mode:
                self._chmod(temp.path, modes.S_IMODE(like.mode))
            self._set_times(temp.path, temp.stamp.mtime_ns, like.mtime_ns)
            return Temp(temp.path, Stamp.of(self._look(temp.path)))

    def sync_temps(self, temps: list[Path]) -> None:
        """Bring the bytes of temps to the disk: one call per disk where there are many."""
        if len(temps) <= 4:
            for temp in temps:
                self._sync_file(temp)
            return
        folders = {temp.parent.lstat().st_dev: temp.parent for temp in temps}
        for folder in folders.values():
            self._sync_disk(folder)

    def replace_with(self, path: Path, temp: Temp, expected: Stamp) -> Stamp:
        """Put a finished temp in the place of the very file that it was made from.

        The two change places, so that what somebody has saved since the last look is found under the name of
        the temp, and given back. On disks that cannot do that, such a change of a moment would be lost.
        """
        self.check(path, expected)
        try:
            self._exchange(temp.path, path)
        except OSError as error:
            if error.errno not in syscalls.NO_SAFE_RENAME:
                raise
            self._replace(temp.path, path)
            return self._stamp_of_placed(path, temp.stamp)
        try:
            self.check(temp.path, expected)
            self._unlink(temp.path)
        except (CannotWrite, OSError):
            try:
                self._exchange(temp.path, path)
            except OSError as error:
                raise LeftOpen(str(temp.path)) from error
            raise
        return self._stamp_of_placed(path, temp.stamp)

    def give_back(self, temp: Path, path: Path) -> None:
        """Let what has the name of a temp, and is somebody's, have its own again; ours goes."""
        self._exchange(temp, path)
        self.discard(temp)

    def remove_file_if(self, path: Path, expected: Stamp) -> None:
        """Remove a file that is still the one that was looked at; the caller knows where its bytes are."""
        self.check(path, expected)
        self._unlink(path)

    @contextmanager
    def discarding(self, temp: Path) -> Iterator[None]:
        """Remove a temp of ours where what is done with it fails."""
        try:
            yield
        except Exception:
            self.discard(temp)
            raise

    def discard_temp(self, temp: Temp) -> None:
        """Remove a temp that did not take its place; what somebody else has under its name by now stays."""
        with suppress(CannotWrite, OSError):
            self.check(temp.path, temp.stamp)
            self.discard(temp.path)

    def discard(self, temp: Path) -> None:
        """Remove a temp of ours, by its name and nothing else."""
        if syscalls.is_temp(temp.name):
            with suppress(OSError):
                self._unlink(temp)

    # Folders

    def make_folder(self, path: Path, mode: int | None = None) -> bool:
        """Make one folder; False where it is there already."""
        try:
            self._mkdir(path, 0o777)
        except FileExistsError:
            if not path.is_dir():
                raise appeared(path) from None
            return False
        if mode is not None:
            self.set_mode(path, mode)
        return True

    def set_mode(self, path: Path, mode: int) -> None:
        self._chmod(path, modes.S_IMODE(mode))

    def remove_folder(self, path: Path) -> bool:
        """Remove an empty folder; False where something is in it."""
        try:
            self._rmdir(path)
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
                return False
            raise
        return True

    def set_folder_time(self, path: Path, mtime_ns: int) -> bool:
        """Set the mtime of a folder; False where it has that already."""
        found = path.lstat()
        if not modes.S_ISDIR(found.st_mode):
            raise vanished(path)
        if found.st_mtime_ns == mtime_ns:
            return False
        self._set_times(path, found.st_atime_ns, mtime_ns)
        return True

    def sync_folders(self, folders: set[Path]) -> None:
        """Bring the names in these folders to the disk; one that is gone by now needs nothing."""
        for folder in sorted(folders):
            if folder.is_dir():
                self._sync_folder(folder)
