"""Which file system an inbox lies on: on a network one the kernel reports no changes of other machines.

Reads the kernel's table of mounts; where there is none, every folder counts as local.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

MOUNT_TABLE = Path("/proc/self/mountinfo")

NETWORK_TYPES = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "vboxsf", "afs", "ceph", "prl_fs", "fuse.sshfs"}
    | {"fuse.rclone", "fuse.gvfsd-fuse", "fuse.vmhgfs-fuse", "fuse.s3fs", "fuse.glusterfs"}
)

_OCTAL = re.compile(r"\\([0-7]{3})")


def network_type(folder: Path, *, table: Path = MOUNT_TABLE) -> str:
    """Name the network file system that a folder, or a part of it, lies on; empty where there is none."""
    real = Path(os.path.realpath(folder))
    above, below = "", ""
    deepest = -1
    for point, type_ in _mounts(table):
        if real.is_relative_to(point) and len(point.parts) >= deepest:
            deepest, above = len(point.parts), type_  # of two mounts on one point, the later one counts
        elif point.is_relative_to(real) and type_ in NETWORK_TYPES:
            below = type_
    return above if above in NETWORK_TYPES else below


def _mounts(table: Path) -> list[tuple[Path, str]]:
    try:
        text = os.fsdecode(table.read_bytes())
    except OSError:
        return []
    found = []
    for line in text.splitlines():
        fields, _, rest = line.partition(" - ")
        places = fields.split(" ")
        if len(places) > 4 and rest:
            point = _OCTAL.sub(lambda match: chr(int(match[1], 8)), places[4])
            found.append((Path(point), rest.split(" ")[0]))
    return found
