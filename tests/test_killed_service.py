"""A real service, killed again and again while packs arrive: the short form of `tests.acceptance.kill9`."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.acceptance.account import Account
from tests.acceptance.dropped import make_drops
from tests.acceptance.kill9 import soak

if TYPE_CHECKING:
    from pathlib import Path


def test_a_service_that_is_killed_loses_nothing_and_files_everything_once(tmp_path: Path) -> None:
    report = soak(tmp_path, files=120, kills=12)
    assert report["failures"] == []
    assert (report["files_lost"], report["bytes_changed"], report["filed_twice"]) == (0, 0, 0)
    assert report["files"] >= 120
    assert report["kills"] >= 12
    # A quick machine may be done with an undo before it is killed.
    assert report["kills_while_filing"] + report["kills_while_undoing"] >= 3
    assert report["recoveries"] >= 1  # how many more is a matter of the moments


@pytest.fixture
def account(tmp_path: Path) -> Account:
    """Keep account of a pack that was dropped, and of one in a library."""
    inbox, library = tmp_path / "Inbox", tmp_path / "Library"
    found = Account(inbox, [library])
    for drop, place in zip(make_drops(tmp_path / "packs", files=60, seed=1), (inbox, library), strict=False):
        found.arriving(drop)
        shutil.copytree(drop.folder, place)
        found.arrived()
    return found


def test_the_account_tells_what_is_lost_and_what_was_changed(account: Account, tmp_path: Path) -> None:
    assert account.look() == ({}, [])
    lost, *_, changed = sorted((tmp_path / "Inbox").rglob("Hit *.wav"))
    lost.unlink()
    changed.chmod(0o644)
    changed.write_bytes(changed.read_bytes()[:-2] + b"\x55\x55")
    missing, strange = account.look()
    assert missing.total() == 2
    assert strange == [str(changed)]


def test_the_account_tells_what_was_filed_twice_or_not_at_all(account: Account, tmp_path: Path) -> None:
    shutil.copytree(tmp_path / "Inbox", tmp_path / "Library", dirs_exist_ok=True)
    for litter in (tmp_path / "Library").rglob(".DS_Store"):
        litter.unlink()
    assert (account.differences_of_filed().missing, account.differences_of_filed().twice) == ([], [])
    one, *_, other = sorted((tmp_path / "Library" / "Plain 1").rglob("Hit *.wav"))
    shutil.copy(one, one.with_name("once more.wav"))
    other.unlink()
    findings = account.differences_of_filed()
    assert len(findings.twice) == len(findings.missing) == 1
    assert findings.twice[0].endswith(one.name)
