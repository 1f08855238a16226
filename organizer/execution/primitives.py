"""The system calls that look at and change the user's files, one a method, so that a test can let each of
them fail."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from organizer.execution import syscalls

if TYPE_CHECKING:
    from collections.abc import Callable
    from io import FileIO
    from pathlib import Path


class Primitives:
    """Thin names for single calls; `Filesystem` builds on them, and nothing else calls them."""

    # The seam: each is one system call, or one call of a library on a temporary file of ours.
    LOOKING = ("_look", "_open", "_read_block", "_read")
    CHANGING = (
        "_rename_noreplace",
        "_link",
        "_symlink",
        "_unlink",
        "_replace",
        "_exchange",
        "_create",
        "_write",
        "_keep_attributes",
        "_set_times",
        "_set_attribute",
        "_chmod",
        "_rewrite",
        "_sync_file",
        "_sync_folder",
        "_sync_disk",
        "_mkdir",
        "_rmdir",
    )
    PRIMITIVES = (*LOOKING, *CHANGING)

    def _look(self, path: Path) -> os.stat_result:
        return path.lstat()

    def _open(self, path: Path) -> int:
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        return os.open(path, flags | getattr(os, "O_BINARY", 0))

    def _read_block(self, reading: FileIO, size: int) -> bytes:
        return reading.read(size)

    def _read(self, path: Path) -> bytes:
        return path.read_bytes()

    def _rename_noreplace(self, source: Path, target: Path) -> None:
        syscalls.rename_noreplace(source, target)

    def _link(self, source: Path, target: Path) -> None:
        target.hardlink_to(source)

    def _symlink(self, path: Path, pointer: str) -> None:
        path.symlink_to(pointer)

    def _set_attribute(self, path: Path, name: str, value: bytes | None) -> None:
        syscalls.set_attribute(path, name, value)

    def _unlink(self, path: Path) -> None:
        path.unlink()

    def _replace(self, source: Path, target: Path) -> None:
        source.replace(target)

    def _exchange(self, one: Path, other: Path) -> None:
        syscalls.exchange(one, other)

    def _create(self, path: Path, mode: int) -> int:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
        return os.open(path, flags | getattr(os, "O_BINARY", 0), mode)

    def _write(self, fd: int, block: bytes) -> None:
        view = memoryview(block)
        while view:
            view = view[os.write(fd, view) :]

    def _keep_attributes(self, source: int, fd: int) -> None:
        syscalls.keep_attributes(source, fd)

    def _set_times(self, path: Path, atime_ns: int, mtime_ns: int) -> None:
        os.utime(path, ns=(atime_ns, mtime_ns))

    def _chmod(self, path: Path, mode: int) -> None:
        path.chmod(mode)

    def _rewrite(self, path: Path, write: Callable[[Path], None]) -> None:
        write(path)

    def _sync_file(self, path: Path) -> None:
        fd = os.open(path, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def _sync_folder(self, path: Path) -> None:
        syscalls.sync_folder(path)

    def _sync_disk(self, path: Path) -> None:
        syscalls.sync_disk(path)

    def _mkdir(self, path: Path, mode: int) -> None:
        path.mkdir(mode)

    def _rmdir(self, path: Path) -> None:
        path.rmdir()
