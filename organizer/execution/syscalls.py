"""System calls that Python does not wrap, and what a platform lacks.

Owns the choice by capability: where a call is missing it raises the `OSError` that a file system
without that ability would raise, so that `filesystem` has one way to fall back. Changes nothing by
itself, knows nothing of operations.
"""

from __future__ import annotations

import ctypes
import errno
import os
import re
import secrets
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_AT_FDCWD = -100
_RENAME_NOREPLACE = 1
_RENAME_EXCHANGE = 2

# What a file system answers that cannot rename without overwriting.
NO_SAFE_RENAME = frozenset({errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP})
# What a file system answers that has no hard links (exFAT, SMB), or may not make this one.
NO_LINKS = NO_SAFE_RENAME | {errno.EPERM, errno.EMLINK, errno.ENOTTY}
# What a file system or platform answers that keeps no extended attributes.
NO_ATTRIBUTES = frozenset({errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS})
# What a file system answers where an attribute is not there.
_NO_SUCH_ATTRIBUTE = NO_ATTRIBUTES | {getattr(errno, "ENODATA", -1), getattr(errno, "ENOATTR", -1)}
# What a file system answers that cannot sync a folder, where that is no failure.
_NO_FOLDER_SYNC = frozenset({errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EBADF, errno.EACCES})

TEMP_PREFIX = ".organizer-"
TEMP_SUFFIX = ".tmp"
_TEMP = re.compile(re.escape(TEMP_PREFIX) + "[0-9a-f]{16}" + re.escape(TEMP_SUFFIX))


def _libc_function(name: str) -> ctypes._NamedFuncPointer | None:
    try:
        return getattr(ctypes.CDLL(None, use_errno=True), name, None)
    except (OSError, TypeError):
        return None


_renameat2 = _libc_function("renameat2")
_syncfs = _libc_function("syncfs")


def rename_noreplace(source: Path, target: Path) -> None:
    """Rename in one step that fails with EEXIST where `target` exists."""
    _rename(source, target, _RENAME_NOREPLACE)


def exchange(one: Path, other: Path) -> None:
    """Let two files change places in one step."""
    _rename(one, other, _RENAME_EXCHANGE)


def _rename(source: Path, target: Path, how: int) -> None:
    if _renameat2 is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), str(source), None, str(target))
    result = _renameat2(_AT_FDCWD, os.fsencode(source), _AT_FDCWD, os.fsencode(target), ctypes.c_uint(how))
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(source), None, str(target))


def sync_disk(path: Path) -> None:
    """Bring everything written to the file system that holds the folder `path` to the disk."""
    if _syncfs is None:
        os.sync()
        return
    fd = os.open(path, os.O_RDONLY)
    try:
        if _syncfs(fd) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(path))
    finally:
        os.close(fd)


def sync_folder(path: Path) -> None:
    """Bring the names in a folder to the disk, where the platform can."""
    if os.name == "nt":
        return
    try:
        fd = os.open(path, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise


def keep_attributes(source: int, target: int) -> None:
    """Give the open file `target` the owner (where allowed), extended attributes and mode of `source`."""
    found = os.fstat(source)
    if hasattr(os, "fchown"):
        with suppress(OSError):
            os.fchown(target, found.st_uid, found.st_gid)
    if hasattr(os, "listxattr"):
        _keep_xattrs(source, target)
    if hasattr(os, "fchmod"):
        os.fchmod(target, stat.S_IMODE(found.st_mode))


def _keep_xattrs(source: int, target: int) -> None:
    try:
        names = os.listxattr(source)
    except OSError:
        return
    for name in names:
        try:
            os.setxattr(target, name, os.getxattr(source, name))
        except OSError as error:
            # Only a disk that is full is a failure: others cannot keep attributes at all.
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise


def attribute(path: Path, name: str) -> bytes | None:
    """Read an extended attribute; None where there is none, or where none can be."""
    if not hasattr(os, "getxattr"):
        return None
    try:
        return os.getxattr(path, name, follow_symlinks=False)
    except OSError as error:
        if error.errno in _NO_SUCH_ATTRIBUTE:
            return None
        raise


def set_attribute(path: Path, name: str, value: bytes | None) -> None:
    """Set an extended attribute, or remove it; ENOTSUP where the platform has none that Python knows."""
    if not hasattr(os, "setxattr"):
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP), str(path))
    if value is None:
        os.removexattr(path, name, follow_symlinks=False)
    else:
        os.setxattr(path, name, value, follow_symlinks=False)


def temp_beside(path: Path) -> Path:
    """Name a file of ours in the same folder; what has such a name is never anybody's sound."""
    return path.parent / f"{TEMP_PREFIX}{secrets.token_hex(8)}{TEMP_SUFFIX}"


def is_temp(name: str) -> bool:
    return _TEMP.fullmatch(name) is not None
