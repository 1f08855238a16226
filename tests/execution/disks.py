"""Real disks, each in an image file: made, plugged in and out, and worlds on them. Mounting takes root."""

from __future__ import annotations

import fcntl
import os
import shlex
import shutil
import struct
import subprocess
import tempfile
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from organizer.execution import syscalls
from organizer.planning.operations import Link, Operation, Plan, WriteAttribute
from tests.execution.stage import World

if TYPE_CHECKING:
    from collections.abc import Iterator

_MEMORY = Path("/dev/shm")  # syncs cost nothing there
# `EXT4_IOC_SHUTDOWN` with `NOLOGFLUSH`: from now on nothing reaches the disk, as if its cable were cut.
_SHUTDOWN, _NOLOGFLUSH = 0x8004587D, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """How a disk is made and mounted, and what it can do.

    `{image}`, `{device}` (a loop device of the image) and `{folder}` (the mount point) stand for paths.
    """

    name: str
    make: str = ""  # formats the image; empty: there is none
    mount: str = ""  # empty: it is a folder of the disk that tests use
    prepare: str = ""  # done once, when the folder of the library is made
    size: int = 8 << 20
    links: bool = True
    symlinks: bool = True
    attributes: bool = True
    modes: bool = True
    folds_case: bool = False
    folds_forms: bool = False
    step_ns: int = 1  # how finely it tells times

    def __str__(self) -> str:
        return self.name

    @property
    def lasts(self) -> bool:
        """Say whether what is on it is still there when it is mounted again."""
        return bool(self.make)

    def is_one(self, *, case: bool) -> bool:
        """Say whether two names are one here that differ in letter case, or else in Unicode form."""
        return self.folds_case if case else self.folds_forms

    def does(self, operation: Operation) -> bool:
        match operation:
            case Link(pointer=pointer):
                return self.symlinks if pointer else self.links
            case WriteAttribute():
                return self.attributes
        return True


SAME = Kind(name="the same disk")
# A second mount of one disk: the same device number, and yet no rename goes from one to the other.
BOUND = Kind(name="a bind mount", mount="mount --bind {image} {folder}")
TMPFS = Kind(name="tmpfs", mount="mount -t tmpfs -o size=16m tmpfs {folder}")
EXT4 = Kind(name="ext4", make="mkfs.ext4 -q -F {image}", mount="mount {device} {folder}")
CASEFOLD = Kind(
    name="ext4 that folds",
    make="mkfs.ext4 -q -F -O casefold {image}",
    mount="mount {device} {folder}",
    prepare="chattr +F {folder}/Library",
    folds_case=True,
    folds_forms=True,
)
EXFAT = Kind(
    name="exFAT",
    make="mkfs.exfat {image}",
    mount="mount.exfat-fuse {device} {folder}",
    links=False,
    symlinks=False,
    attributes=False,
    modes=False,
    folds_case=True,
    step_ns=1_000_000_000,
)
VFAT = replace(
    EXFAT,
    name="vfat",
    make="mkfs.vfat {image}",
    mount="mount -t vfat {device} {folder}",
    step_ns=2_000_000_000,
)
NTFS = Kind(
    name="NTFS",
    make="mkntfs -F -Q -q {image}",
    mount="ntfs-3g {device} {folder}",
    modes=False,
    step_ns=100,
)
KINDS = (SAME, BOUND, TMPFS, EXT4, CASEFOLD, EXFAT, VFAT, NTFS)


class Disk:
    """One disk and the folder where it is mounted."""

    def __init__(self, kind: Kind, folder: Path) -> None:
        self.kind = kind
        self.folder = folder
        self._image = folder.with_name(f"{folder.name}.image")
        self._device = ""
        self._mounted = False

    @property
    def library(self) -> Path:
        """Name the folder on it that is for the library; a disk that folds does so in there."""
        return self.folder / "Library"

    def make(self) -> None:
        self.folder.mkdir(exist_ok=True)
        if self.kind.make:
            with self._image.open("wb") as image:
                image.truncate(self.kind.size)
            self._run(self.kind.make)
            self._device = self._run(f"losetup --find --show {self._image}").strip()
        elif self.kind.mount:
            self._image.mkdir()
        self.plug()
        self.library.mkdir()
        self._run(self.kind.prepare)

    @property
    def is_there(self) -> bool:
        return self._mounted

    def plug(self) -> None:
        self._run(self.kind.mount)
        self._mounted = bool(self.kind.mount)

    def unplug(self) -> None:
        """Take it out under whoever uses it; whatever is opened there already can be read and written on."""
        if self._mounted:
            self._run("umount -l {folder}")
        self._mounted = False

    def plug_at(self, folder: Path) -> None:
        """Mount it elsewhere than it was."""
        self.unplug()
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.plug()

    @property
    def volume(self) -> str:
        """Give the UUID that it was made with."""
        return self._run("blkid -o value -s UUID {device}").strip()

    @property
    def device(self) -> Path:
        return Path(self._device)

    def plug_again(self) -> None:
        """Take it out and put it in, where that leaves what is on it; inodes may be numbered anew."""
        if self.kind.lasts:
            self._end_open_files()
            self.unplug()
            self.plug()

    def _end_open_files(self) -> None:
        """Close what a crash in a test leaves open, which the end of a process would close."""
        for one in list(Path("/proc/self/fd").iterdir()):
            with suppress(OSError):
                if one.readlink().is_relative_to(self.folder):
                    os.close(int(one.name))

    def cut(self) -> None:
        """Let an ext4 disk answer no more; what was not synced is lost."""
        fd = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.ioctl(fd, _SHUTDOWN, struct.pack("I", _NOLOGFLUSH))
        finally:
            os.close(fd)

    def sync(self) -> None:
        syscalls.sync_disk(self.folder)

    def remount(self, options: str) -> None:
        self._run(f"mount -o remount,{options} {{folder}}")

    def clear(self) -> None:
        for one in self.folder.iterdir():
            if one != self.library and one.name != "lost+found":
                shutil.rmtree(one) if one.is_dir() else one.unlink()
        for one in self.library.iterdir():
            shutil.rmtree(one) if one.is_dir() else one.unlink()

    def close(self) -> None:
        self._end_open_files()
        self.unplug()
        if self._device:
            with suppress(subprocess.CalledProcessError):
                self._run("losetup --detach {device}")
            self._image.unlink()

    def _run(self, command: str) -> str:
        words = [
            word.format(image=self._image, device=self._device, folder=self.folder)
            for word in shlex.split(command)
        ]
        return subprocess.run(words, check=True, capture_output=True, text=True).stdout if words else ""


@contextmanager
def quick_place(tmp_path: Path) -> Iterator[Path]:
    """Make a folder in memory, where there is some, for images and for what is beside them."""
    with tempfile.TemporaryDirectory(dir=_MEMORY if os.access(_MEMORY, os.W_OK) else tmp_path) as folder:
        yield Path(folder)


@contextmanager
def plugged(kind: Kind, folder: Path) -> Iterator[Disk]:
    """Make a disk, mount it, and take all of it away in the end; skip where that cannot be."""
    if kind.mount and os.geteuid() != 0:
        pytest.skip("needs root to mount disks")
    disk = Disk(kind, folder)
    try:
        try:
            disk.make()
        except FileNotFoundError as error:
            pytest.skip(f"needs the program {error.filename}")
        except subprocess.CalledProcessError as error:
            pytest.skip(f"{kind} cannot be mounted here: {(error.stderr or str(error)).splitlines()[0]}")
        yield disk
    finally:
        disk.close()


@dataclass
class DiskWorld(World):
    """A world whose library, and if wanted its inbox, lie on a disk; the journal is elsewhere."""

    disk: Kind = SAME
    state: Path | None = None

    @property
    def journal_path(self) -> Path:
        return (self.state or self.root / "state") / "journal.sqlite"

    def plan(self) -> Plan:
        """A plan with every kind of operation that the disk can do."""
        plan = super().plan()
        return replace(plan, operations=tuple(one for one in plan.operations if self.disk.does(one)))

    def files(self) -> dict[str, tuple[str, int, int]]:
        """As in any world, told as finely as the disk can."""
        return {
            name: (digest, mode if self.disk.modes else 0, self.rounded(mtime_ns))
            for name, (digest, mode, mtime_ns) in super().files().items()
        }

    def folder_times(self) -> list[int]:
        return [self.rounded(one.stat().st_mtime_ns) for one in (self.pack, self.pack / "Sub")]

    def rounded(self, mtime_ns: int) -> int:
        return mtime_ns - mtime_ns % self.disk.step_ns


def new_world(disk: Disk, elsewhere: Path, *, inbox_too: bool) -> DiskWorld:
    """Give a filled world whose library lies on a disk, all that was there before removed."""
    disk.clear()
    shutil.rmtree(elsewhere, ignore_errors=True)
    root = disk.library / "World" if inbox_too else elsewhere / "world"
    world = DiskWorld(root, disk.library / "Sounds", disk=disk.kind, state=elsewhere / "state")
    world.fill()
    return world
