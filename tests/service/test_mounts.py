from __future__ import annotations

from pathlib import Path

import pytest

from organizer.service.mounts import network_type

TABLE = r"""
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
23 22 0:40 / /mnt/nas rw,relatime - cifs //nas/samples rw
24 22 0:41 / /mnt/nas/usb rw,relatime - ext4 /dev/sdb1 rw
25 22 0:42 / /mnt/with\040space rw,relatime shared:9 master:1 - nfs4 host:/export rw
26 22 0:43 / /home/me/Inbox/phone rw - fuse.sshfs phone:/ rw
27 22 0:44 / /mnt/twice rw - ext4 /dev/sdc1 rw
28 22 0:45 / /mnt/twice rw - 9p share rw
nonsense
"""


@pytest.mark.parametrize(
    ("folder", "type_"),
    [
        ("/home/me/Music", ""),
        ("/mnt/nas", "cifs"),
        ("/mnt/nas/Inbox/deep", "cifs"),
        ("/mnt/nasty", ""),
        ("/mnt/nas/usb/Inbox", ""),
        ("/mnt/with space/Inbox", "nfs4"),
        ("/home/me/Inbox", "fuse.sshfs"),
        ("/mnt/twice/Inbox", "9p"),
    ],
)
def test_the_mount_that_a_folder_lies_on_decides(tmp_path: Path, folder: str, type_: str) -> None:
    table = tmp_path / "mountinfo"
    table.write_text(TABLE)
    assert network_type(Path(folder), table=table) == type_


def test_without_a_table_every_folder_is_local(tmp_path: Path) -> None:
    assert network_type(tmp_path, table=tmp_path / "missing") == ""
