"""Several libraries, and rules of its own for each inbox."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from organizer.batch.arrivals import arrivals_below
from organizer.config import Config, Inbox, dump
from organizer.errors import RulesError
from organizer.library.remainders import Nature

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tests.desk import Desk

    Make = Callable[..., Path]
    TreeOf = Callable[[Path], Mapping[str, tuple[str, int, int]]]

RULES = """version = 1
[[rule]]
name = "Loops"
when = { kind = "loop" }
then = [{ move = "Loops/{name}", library = "ssd" }, { link = "Loops/{name}", kind = "symbolic" }]

[[rule]]
name = "All"
then = [{ move = "Sounds/{name}" }]
"""


def configure(desk: Desk, **changes: Any) -> None:
    config = Config(**{"library": str(desk.library), "inbox": [Inbox(str(desk.inbox))], **changes})
    desk.home.config_file.write_text(dump(config), encoding="utf-8")
    desk.open_again()


def test_a_rule_names_the_library_and_one_on_an_unplugged_drive_waits(
    desk: Desk, make_pack: Make, tree_of: TreeOf, tmp_path: Path
) -> None:
    (desk.home.rules / "default.toml").write_text(RULES)
    ssd = tmp_path / "ssd" / "Samples"
    configure(desk, libraries={"ssd": str(ssd)})
    make_pack(
        desk.inbox / "Kit",
        {"Kicks/VEH1 Bassdrum 001.wav": "Kick.wav", "Loops/beat_120bpm.wav": "beat_120bpm.wav"},
    )
    before = tree_of(desk.inbox)
    desk.file()
    assert desk.filed() == ["Sounds/Kick.wav"]
    assert desk.left() == {"Kit/beat_120bpm.wav": Nature.FAILED}
    (stays,) = desk.parts.remainders.all()
    assert (stays.reason, stays.retry_at is None) == ("the library ssd is not there", False)

    ssd.mkdir(parents=True)
    desk.file(forced=True)
    assert (ssd / "Loops/beat_120bpm.wav").is_file()
    link = desk.library / "Loops/beat_120bpm.wav"
    assert (link.is_symlink(), link.resolve()) == (True, ssd / "Loops/beat_120bpm.wav")
    desk.undo()
    desk.parts.undoing.undo(desk.parts.journal.last(1), progress=lambda *_: None)
    assert tree_of(desk.inbox) == before
    assert (list(ssd.iterdir()), desk.filed()) == ([], [])


def test_a_library_that_the_configuration_does_not_name_is_an_error(desk: Desk) -> None:
    (desk.home.rules / "default.toml").write_text(RULES)
    configure(desk, libraries={"sdd": "/media/sdd"})
    with pytest.raises(
        RulesError, match=r'expected a library of config.toml, found "ssd"; did you mean "sdd"'
    ):
        assert desk.parts.book


def test_an_inbox_with_rules_of_its_own_uses_those_and_no_other(
    desk: Desk, make_pack: Make, tmp_path: Path
) -> None:
    other = tmp_path / "Drop"
    (desk.home.rules / "default.toml").write_text(
        'version = 1\n[[rule]]\nname = "All"\nthen = [{ move = "Sounds/{name}" }]\n'
    )
    (desk.home.rules / "drop.toml").write_text(
        'version = 1\n[[rule]]\nname = "Dropped"\nthen = [{ move = "Dropped/{inbox}/{name}" }]\n'
    )
    configure(desk, inbox=[Inbox(str(desk.inbox)), Inbox(str(other), name="USB", rules=["drop.toml"])])
    for inbox in (desk.inbox, other):
        make_pack(inbox / "Kit", {"Kicks/VEH1 Bassdrum 001.wav": f"{inbox.name}.wav"})
    for configured in desk.parts.config.inbox:
        for arrival in arrivals_below(configured):
            desk.parts.filing.file(arrival)
    assert desk.filed() == ["Dropped/USB/Drop.wav", "Sounds/Inbox.wav"]


def test_a_rule_file_that_an_inbox_names_and_that_is_not_there_is_an_error(desk: Desk) -> None:
    configure(desk, inbox=[Inbox(str(desk.inbox), rules=["gone.toml"])])
    with pytest.raises(RulesError, match=r"gone\.toml: cannot be read"):
        assert desk.parts.book
