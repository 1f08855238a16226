"""Which file system an inbox lies on: on a network one the kernel reports no changes of other machines.

Where the kernel tells of no mounts, every folder counts as local.
"""

from __future__ import annotations

import os
from pathlib import Path

from organizer.execution.mounts import MOUNT_TABLE, Mounts

NETWORK_TYPES = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "vboxsf", "afs", "ceph", "prl_fs", "fuse.sshfs"}
    | {"fuse.rclone", "fuse.gvfsd-fuse", "fuse.vmhgfs-fuse", "fuse.s3fs", "fuse.glusterfs"}
)


def network_type(folder: Path, *, table: Path = MOUNT_TABLE) -> str:
    """Name the network file system that a folder, or a part of it, lies on; empty where there is none."""
    mounts = Mounts.now(table)
    above = mounts.holding(folder)
    if above is not None and above.type in NETWORK_TYPES:
        return above.type
    real = Path(os.path.realpath(folder))
    below = [one.type for one in mounts.mounts if one.point.is_relative_to(real)]
    return next((one for one in reversed(below) if one in NETWORK_TYPES), "")
