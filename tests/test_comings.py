"""Inboxes that go and come back while files arrive: the short form of `tests.acceptance.comings`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.acceptance.comings import OF_DISKS, OF_FOLDERS, comings

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("kinds", [OF_FOLDERS, OF_DISKS], ids=["folders", "disks"])
def test_what_arrives_while_inboxes_go_and_come_back_is_filed_once(
    tmp_path: Path, kinds: tuple[str, ...]
) -> None:
    report = comings(tmp_path, kinds=kinds, rounds=2, settle=0.3)
    assert report["failures"] == []
    assert report["filed"] == report["files"] > 5 * len(kinds)
    assert set(report["longest_seconds_from_return_to_filed"]) <= set(kinds)
