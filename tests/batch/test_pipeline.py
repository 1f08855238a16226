"""What the pipeline sees of the disks that it plans for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from organizer.library.remainders import Nature

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.desk import Desk


RULE = """
version = 1
[[rule]]
name = "All"
then = [{ move = "Drums/{pack}/{name}" }]
"""


def test_a_folder_of_the_library_that_leads_back_into_the_inbox_is_not_filed_into(
    desk: Desk, make_pack: Callable[..., Path]
) -> None:
    (desk.home.rules / "default.toml").write_text(RULE, encoding="utf-8")
    make_pack(desk.inbox / "Kit", {"Kicks/VEH1 Bassdrum 001.wav": "Kick.wav"})
    (desk.inbox / "Sorted").mkdir()
    (desk.library / "Drums").symlink_to(desk.inbox / "Sorted")
    for _ in range(2):
        desk.file()
    assert desk.left() == {"Kit/Kick.wav": Nature.FAILED}
    assert list((desk.inbox / "Sorted").iterdir()) == []


def test_a_folder_of_the_library_that_leads_to_another_disk_is_filed_into(
    desk: Desk, make_pack: Callable[..., Path], tmp_path: Path
) -> None:
    (desk.home.rules / "default.toml").write_text(RULE, encoding="utf-8")
    make_pack(desk.inbox / "Kit", {"Kicks/VEH1 Bassdrum 001.wav": "Kick.wav"})
    (tmp_path / "Big disk").mkdir()
    (desk.library / "Drums").symlink_to(tmp_path / "Big disk")
    assert [report.filed for report in desk.file()] == [1]
    assert (tmp_path / "Big disk" / "Kit" / "Kick.wav").exists()
