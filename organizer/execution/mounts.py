"""What is mounted where, as the kernel tells it; where it tells nothing, nothing is known.

Owns the reading of the table of mounts, and the names of volumes: the UUID that a file system was given when
it was made, which stays the same wherever and under whatever device name it is mounted.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

MOUNT_TABLE = Path("/proc/self/mountinfo")  # man 5 proc_pid_mountinfo
VOLUMES = Path("/dev/disk/by-uuid")  # links that udev makes, named by UUID

_OCTAL = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    point: Path
    root: PurePosixPath  # the folder of the file system that is seen there, of a subvolume or a bind mount
    type: str
    device: str  # such as /dev/sdb1; other words where no device is behind it

    @property
    def renumbers(self) -> bool:
        """Say whether files may have other inodes each time this is mounted: FAT has none to keep."""
        return self.type in ("vfat", "msdos", "exfat") or self.type.startswith("fuse")


@dataclass(frozen=True, slots=True)
class Spot:
    """A folder by the volume that it lies on, rather than by where that is mounted."""

    volume: str  # UUID
    within: PurePosixPath  # from the top of the volume, beginning with /


@dataclass(frozen=True, slots=True)
class Mounts:
    """A look at the tables, all of it at one moment."""

    mounts: tuple[Mount, ...]
    volumes: dict[str, str]  # device -> UUID

    @classmethod
    def now(cls, table: Path = MOUNT_TABLE, volumes: Path = VOLUMES) -> Mounts:
        return cls(tuple(_mounts(table)), _volumes(volumes))

    def holding(self, folder: Path) -> Mount | None:
        """Give the mount that a folder lies on."""
        real = Path(os.path.realpath(folder))
        found = [one for one in self.mounts if real.is_relative_to(one.point)]
        # Of two mounts on one point, the later one counts.
        return max(reversed(found), key=lambda one: len(one.point.parts), default=None)

    def spot_of(self, folder: Path) -> Spot | None:
        """Say on which volume a folder lies, and where there; None where that has no UUID."""
        mount = self.holding(folder)
        volume = None if mount is None else self.volumes.get(os.path.realpath(mount.device))
        if mount is None or volume is None:
            return None
        real = Path(os.path.realpath(folder))
        return Spot(volume, mount.root / PurePosixPath(real.relative_to(mount.point)))

    def folders_of(self, spot: Spot) -> list[Path]:
        """Give the paths under which a folder of a volume is there now."""
        return [
            mount.point / spot.within.relative_to(mount.root)
            for mount in self.mounts
            if self.volumes.get(os.path.realpath(mount.device)) == spot.volume
            and spot.within.is_relative_to(mount.root)
        ]


def _mounts(table: Path) -> list[Mount]:
    try:
        text = os.fsdecode(table.read_bytes())
    except OSError:
        return []
    found = []
    for line in text.splitlines():
        fields, _, rest = line.partition(" - ")
        places, source = fields.split(" "), rest.split(" ")
        if len(places) > 4 and len(source) > 1:
            found.append(
                Mount(
                    point=Path(_plain(places[4])),
                    root=PurePosixPath(_plain(places[3])),
                    type=source[0],
                    device=_plain(source[1]),
                )
            )
    return found


def _volumes(folder: Path) -> dict[str, str]:
    try:
        return {os.path.realpath(link): link.name for link in folder.iterdir()}
    except OSError:
        return {}


def _plain(field: str) -> str:
    return _OCTAL.sub(lambda match: chr(int(match[1], 8)), field)
