"""Opens archives of strangers: what is in them, and their bytes, within bounds.

A ZIP is read by Python's `zipfile`; RAR, 7z and tar by libarchive, where the extra `archives` is installed.
Names become relative paths without `..`, drives or links; what a member or the whole archive may unpack to is
bounded, and counted while it is unpacked, whatever its header says. It writes only where it is told to.
"""

from __future__ import annotations

import lzma
import os
import re
import secrets
import stat
import struct
import time
import zipfile
import zlib
from contextlib import contextmanager, suppress
from ctypes import create_string_buffer
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any, Protocol

from organizer.errors import FileProblem, Unreadable, Unsupported
from organizer.execution.stream import asking
from organizer.recognition.identity import hash_blocks
from organizer.recognition.opening import open_regular
from organizer.rules.legal import fold
from organizer.stopping import Stopped, never

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from organizer.execution.stream import Stream
    from organizer.stopping import Stop

# What a folder begins with in which an archive lies open, on the disk of the library.
UNPACKED = ".organizer-unpacked-"

MOST_MEMBERS = 50_000
# What may come out of an archive: so many times its size and a bit, and never more than this.
MOST_RATIO, MOST_SLACK, MOST_BYTES = 200, 64 << 20, 64 << 30
_LATEST = 1 << 62  # nanoseconds since 1970: in the year 2116
_LONGEST_PATH = 1_000  # characters of a member's path
_BLOCK = 1 << 20
_HINT = "Unpack it yourself, and drop the folder into the inbox."
_DAMAGED = "Download it again."
_ENCRYPTED = 0x1
_ZIP_BEGINNINGS = (b"PK\x03\x04", b"PK\x05\x06")
# What the readers of damaged archives stumble over.
_RAISED = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, ValueError, RuntimeError,
    LookupError, TypeError, AttributeError, OverflowError, AssertionError,
)  # fmt: skip
_DRIVE = re.compile(r"^[A-Za-z]:")


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One file of an archive. `path` is where it may be put, below a folder of its own."""

    name: str  # as the archive calls it
    path: PurePosixPath
    size: int | None  # as it claims; None: it does not
    mtime_ns: int | None


class _Reader(Protocol):
    def members(self) -> Iterator[Member | str]:
        """Give what can be unpacked, and a sentence for what cannot."""

    def unpack(self, wanted: dict[str, Member], write: Callable[[Member, Iterator[bytes]], None]) -> None:
        """Give the bytes of the members that are wanted, in any order."""


def members_of(path: Path, *, stop: Stop = never) -> tuple[list[Member], list[str]]:
    """List what an archive holds, and say of the rest why it is left out.

    Raises `Unreachable`, `Unreadable` (damaged, locked with a password, too much in it) or `Unsupported`,
    and `Stopped` when asked to stop.
    """
    with _open(path, stop) as reader:
        found: dict[str, Member] = {}
        folders: set[str] = set()
        refused: list[str] = []
        for one in reader.members():
            if isinstance(one, str):
                refused.append(one)
                continue
            name = fold(str(one.path))
            above = {fold(str(folder)) for folder in one.path.parents}
            if name in found or name in folders or not above.isdisjoint(found):
                refused.append(f"{one.path}: there are two of this name")
            else:
                found[name] = one
                folders |= above
            if len(found) + len(refused) > MOST_MEMBERS:
                raise Unreadable(f"it holds more than {MOST_MEMBERS:,} files", path=path, hint=_HINT)
    if not found and not refused:
        raise Unreadable("the archive is empty", path=path, hint=_DAMAGED)
    _check_total(path, sum(member.size or 0 for member in found.values()))
    return list(found.values()), refused


def unpack(
    path: Path,
    members: list[Member],
    folder: Path,
    *,
    stop: Stop = never,
    progress: Callable[[int], None] = lambda _: None,
) -> None:
    """Write members below a folder that is ours and empty. `progress` is told how many bytes were written.

    Raises as `members_of`, and OSError where the disk refuses.
    """
    written = 0

    def write(member: Member, blocks: Iterator[bytes]) -> None:
        nonlocal written
        target = folder / member.path
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as file:
            for block in blocks:
                written += len(block)
                file.write(block)
                progress(written)
        if member.mtime_ns is not None:
            os.utime(target, ns=(member.mtime_ns, member.mtime_ns))

    _unpack(path, {member.name: member for member in members}, write, stop)


def new_folder(library: Path) -> Path:
    """Make a folder in which an archive may lie open; it names the process, so that it is swept after a
    crash."""
    folder = library / f"{UNPACKED}{os.getpid()}-{secrets.token_hex(6)}"
    folder.mkdir(mode=0o700)
    return folder


def is_unpacked(folder: Path) -> bool:
    """Say whether a folder is one of ours in which an archive lies open."""
    return folder.name.startswith(UNPACKED)


def hashes_of(path: Path, *, stop: Stop = never) -> dict[str, str]:
    """Hash every member, as `identity.content_hash` hashes files, by what the archive calls it."""
    found: dict[str, str] = {}

    def take(member: Member, blocks: Iterator[bytes]) -> None:
        found[member.name] = hash_blocks(blocks)

    _unpack(path, {member.name: member for member in members_of(path, stop=stop)[0]}, take, stop)
    return found


def _unpack(
    path: Path,
    wanted: dict[str, Member],
    write: Callable[[Member, Iterator[bytes]], None],
    stop: Stop,
) -> None:
    """Let a reader hand over members, each whole and within bounds.

    What goes wrong where they are written is not taken for the archive's fault.
    """
    failed: list[OSError] = []
    room, left = _room(path), set(wanted)
    total = 0

    def counted(member: Member, blocks: Iterator[bytes]) -> Iterator[bytes]:
        nonlocal total
        size = 0
        for block in blocks:
            if stop():
                raise Stopped
            total += len(block)
            size += len(block)
            if total > room:
                raise _too_much(path)
            yield block
        if member.size is not None and size != member.size:
            raise Unreadable(
                f"the archive is damaged: {member.name} should have {member.size:,} bytes and has {size:,}",
                path=path,
                hint=_DAMAGED,
            )

    def guarded(member: Member, blocks: Iterator[bytes]) -> None:
        left.discard(member.name)
        try:
            write(member, counted(member, blocks))
        except OSError as error:
            failed.append(error)
            raise

    try:
        with _open(path, stop) as reader:
            reader.unpack(wanted, guarded)
    except FileProblem:
        if failed:
            raise failed[0] from None
        raise
    if left:
        raise Unreadable(f"there is no {min(left)} in {path} any more", path=path)


@contextmanager
def _open(path: Path, stop: Stop) -> Iterator[_Reader]:
    """Open an archive by what it is, whatever it is called; translate what its reader raises."""
    with open_regular(path) as file:
        begins = file.read(4) or b""
        # A tar may end with a ZIP, and a ZIP may begin with a program; the beginning tells, then the name.
        is_zip = begins in _ZIP_BEGINNINGS or (path.suffix.lower() == ".zip" and zipfile.is_zipfile(file))
        file.seek(0)
        try:
            if is_zip:
                with zipfile.ZipFile(file) as archive:
                    yield _Zip(archive)
                return
            libarchive = _libarchive()
            if libarchive is None:
                kind = path.suffix.lower().removeprefix(".") or "such"
                raise Unsupported(
                    f"{kind} archives need libarchive",
                    path=path,
                    hint="Install it, with pip install 'organizer[archives]'; or unpack it yourself.",
                )
            with asking(file, stop) as stream:
                try:
                    yield _LibArchive(stream, libarchive)
                except libarchive.ArchiveError as error:
                    raise _translated(error, path) from error
        except (FileProblem, OSError):
            raise
        except _RAISED as error:  # fmt: skip
            raise _translated(error, path) from error


def _libarchive() -> Any:
    """Load libarchive; None where the package or the library under it is not there."""
    try:
        import libarchive
    except Exception:  # without the library, loading it fails in ways that differ by platform
        return None
    return libarchive


def has_libarchive() -> bool:
    return _libarchive() is not None


class _Zip:
    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive

    def members(self) -> Iterator[Member | str]:
        for info in self._archive.infolist():
            if info.is_dir():
                continue
            if info.flag_bits & _ENCRYPTED:
                raise Unreadable("it is locked with a password", hint=_HINT)
            if stat.S_ISLNK(info.external_attr >> 16):
                yield f"{info.filename[:100]}: it is a link"
                continue
            mtime = None
            with suppress(ValueError, OverflowError):
                mtime = int(time.mktime((*info.date_time, 0, 0, -1))) * 1_000_000_000
            yield _member(info.filename, info.file_size, mtime)

    def unpack(self, wanted: dict[str, Member], write: Callable[[Member, Iterator[bytes]], None]) -> None:
        for info in self._archive.infolist():
            member = wanted.pop(info.filename, None) if not info.is_dir() else None
            if member is not None:
                with self._archive.open(info) as file:
                    write(member, _blocks(file))


def _blocks(file: IO[bytes]) -> Iterator[bytes]:
    while block := file.read(_BLOCK):
        yield block


class _LibArchive:
    """RAR, 7z, tar and their kin, read from the beginning to the end."""

    def __init__(self, stream: Stream, libarchive: Any) -> None:
        self._stream = stream
        self._libarchive = libarchive

    def members(self) -> Iterator[Member | str]:
        for entry in self._entries():
            if not entry.isfile:
                if not entry.isdir:
                    yield f"{_name(entry)[:100]}: it is a link or device"
                continue
            mtime = entry.mtime
            yield _member(_name(entry), entry.size, None if not mtime else int(mtime) * 1_000_000_000)

    def unpack(self, wanted: dict[str, Member], write: Callable[[Member, Iterator[bytes]], None]) -> None:
        for entry in self._entries():
            member = wanted.pop(_name(entry), None) if entry.isfile else None
            if member is not None:
                write(member, self._blocks(entry))

    def _entries(self) -> Iterator[Any]:
        self._stream.seek(0)
        with self._libarchive.stream_reader(self._stream, block_size=_BLOCK) as archive:
            yield from archive

    def _blocks(self, entry: Any) -> Iterator[bytes]:
        """Read a member to its end. The package's own loop takes a warning, such as a wrong checksum, for
        data."""
        ffi = self._libarchive.ffi
        buffer = create_string_buffer(_BLOCK)
        while size := ffi.read_data(entry._archive_p, buffer, _BLOCK):
            if size < 0:
                raise ValueError("a checksum is wrong")
            yield buffer.raw[:size]


def _name(entry: Any) -> str:
    """Give the name of an entry; libarchive leaves those that it cannot decode as bytes."""
    return os.fsdecode(entry.pathname or b"")


def _translated(error: Exception, path: Path) -> FileProblem:
    said = str(error) or type(error).__name__
    if "passphrase" in said.lower() or "encrypt" in said.lower():
        return Unreadable("it is locked with a password", path=path, hint=_HINT)
    return Unreadable(f"the archive cannot be unpacked ({said})", path=path, hint=_DAMAGED)


def _member(name: str, size: int | None, mtime_ns: int | None) -> Member | str:
    """Make a relative path of a member's name, or say why it has none."""
    plain = name.replace("\\", "/")
    parts = plain.split("/")
    if plain.startswith("/") or _DRIVE.match(plain) or ".." in parts or "\0" in plain:
        return f"{name[:100]}: its name leads out of the archive"
    kept = [part for part in parts if part not in ("", ".")]
    if not kept or len(plain) > _LONGEST_PATH or any(len(os.fsencode(part)) > 255 for part in kept):
        return f"{name[:100]}: its name is no name for a file"
    if mtime_ns is not None and not 0 <= mtime_ns < _LATEST:
        mtime_ns = None
    return Member(name=name, path=PurePosixPath(*kept), size=size, mtime_ns=mtime_ns)


def _room(path: Path) -> int:
    """Say how many bytes may come out of an archive."""
    return min(path.stat().st_size * MOST_RATIO + MOST_SLACK, MOST_BYTES)


def _check_total(path: Path, total: int) -> None:
    if total > _room(path):
        raise _too_much(path)


def _too_much(path: Path) -> Unreadable:
    return Unreadable(
        f"it would unpack to more than {_room(path) >> 20:,} MB, which no pack does", path=path, hint=_HINT
    )
