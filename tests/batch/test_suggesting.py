"""What arrives is only planned until its user approves; what is approved is done as it was suggested."""

from __future__ import annotations

import shutil
import zipfile
from typing import TYPE_CHECKING

import pytest

from organizer.batch import proposing
from organizer.batch.agreed import plans_of, spelt
from organizer.batch.arrivals import Arrival, arrivals_below
from organizer.cli.assembly import Assembly
from organizer.config import dump, load
from organizer.demo.sounds import DEMO_PACK
from organizer.errors import UsageProblem
from organizer.library.remainders import Nature
from organizer.planning.operations import Move

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from organizer.batch.filing import Report
    from organizer.library.suggestions import Suggestion
    from tests.desk import Desk

    Tree = dict[str, tuple[str, int, int]]
    TreeOf = Callable[[Path], Tree]
    Make = Callable[..., Path]

KICK = {"Kicks/VEH1 Bassdrum 001.wav": "Kick.wav"}
SNARE = {"Snares/SN_tight.wav": "Snare.wav"}
UNPACK = """
version = 1
[[rule]]
name = "Open"
when = { type = "archive" }
then = [{ unpack = true }, { move = "_Archives/{name}" }]
[[rule]]
name = "All"
then = [{ move = "All/{pack}/{name}" }]
"""


@pytest.fixture
def asking(desk: Desk) -> Desk:
    """A desk whose service only suggests."""
    set_mode(desk, "suggest")
    return desk


def set_mode(desk: Desk, mode: str) -> None:
    text = desk.home.config_file.read_text(encoding="utf-8")
    before = load(desk.home).mode
    desk.home.config_file.write_text(text.replace(f'mode = "{before}"', f'mode = "{mode}"'), encoding="utf-8")
    desk.open_again()


def suggest(desk: Desk) -> list[Report]:
    return [
        desk.parts.served.file(one, stop=lambda: False, progress=lambda *_: None) for one in arrivals(desk)
    ]


def arrivals(desk: Desk) -> list[Arrival]:
    return list(arrivals_below(desk.parts.config.inbox[0]))


def waiting(desk: Desk) -> list[Suggestion]:
    return desk.parts.suggesting.pending()


def wanted(desk: Desk) -> list[Path]:
    found = [(path, path.stat()) for path in sorted(desk.inbox.rglob("*")) if path.is_file()]
    return list(desk.parts.served.wanted(desk.inbox, found))


def test_a_suggestion_touches_nothing_and_is_filed_as_it_was_shown(
    asking: Desk, make_pack: Make, tree_of: TreeOf
) -> None:
    make_pack(asking.inbox / "Kit")
    (asking.inbox / "Kit" / "broken.wav").write_text("words")
    before = tree_of(asking.inbox)
    (report,) = suggest(asking)
    assert (report.batch, report.filed, report.left) == (None, 0, len(DEMO_PACK) + 1)
    assert (tree_of(asking.inbox), asking.filed()) == (before, [])
    (one,) = waiting(asking)
    assert (one.title, one.inbox, len(one.files)) == ("Kit", "Inbox", len(DEMO_PACK))
    assert asking.left()["Kit/broken.wav"] is Nature.UNREADABLE
    assert wanted(asking) == []  # nothing is planned again as long as nothing changes

    asking.open_again()
    (one,) = waiting(asking)
    shown = {op.source: op.target for plan in plans_of(one) for op in plan.operations if isinstance(op, Move)}
    result = asking.parts.suggesting.approve(one)
    assert (result.changed, result.report.filed, result.report.left) == (False, len(DEMO_PACK), 1)
    assert sorted(str(path.relative_to(asking.library)) for path in shown.values()) == asking.filed()
    assert waiting(asking) == []
    asking.undo()
    assert tree_of(asking.inbox) == before
    assert wanted(asking) == []  # held


def test_other_rules_suggest_anew(asking: Desk, make_pack: Make) -> None:
    make_pack(asking.inbox / "Kit", KICK)
    suggest(asking)
    rules = asking.home.rules / "default.toml"
    rules.write_text('version = 1\n[[rule]]\nname = "All"\nthen = [{ move = "All/{name}" }]\n')
    asking.open_again()
    assert wanted(asking) == [asking.inbox / "Kit/Kick.wav"]
    suggest(asking)
    (one,) = waiting(asking)
    (move,) = [op for plan in plans_of(one) for op in plan.operations if isinstance(op, Move)]
    assert (one.id, move.target) == (2, asking.library / "All/Kick.wav")


def test_where_things_have_changed_it_is_suggested_anew_and_not_filed(asking: Desk, make_pack: Make) -> None:
    make_pack(asking.inbox / "Kit", KICK)
    suggest(asking)
    (one,) = waiting(asking)
    (move,) = [op for plan in plans_of(one) for op in plan.operations if isinstance(op, Move)]
    move.target.parent.mkdir(parents=True)
    move.target.write_bytes(b"the user's own")
    result = asking.parts.suggesting.approve(one)
    assert (result.changed, result.instead, result.report.batch) == (True, 2, None)
    assert asking.filed() == [str(move.target.relative_to(asking.library))]
    assert (asking.inbox / "Kit/Kick.wav").exists()
    (again,) = waiting(asking)
    assert again.id == 2
    assert asking.parts.suggesting.approve(again).report.filed == 1
    assert move.target.read_bytes() == b"the user's own"


def test_suggestions_keep_their_names_apart_in_whatever_order_they_are_approved(
    asking: Desk, make_pack: Make
) -> None:
    rules = asking.home.rules / "default.toml"
    rules.write_text('version = 1\n[[rule]]\nname = "All"\nthen = [{ move = "All/{name}" }]\n')
    asking.open_again()
    make_pack(asking.inbox / "A", KICK)
    make_pack(asking.inbox / "B", {"Snares/SN_tight.wav": "Kick.wav"})
    suggest(asking)
    first, second = waiting(asking)
    assert not asking.parts.suggesting.approve(second).changed
    assert asking.filed() == ["All/Kick (2).wav"]
    assert not asking.parts.suggesting.approve(first).changed
    assert asking.filed() == ["All/Kick (2).wav", "All/Kick.wav"]


def test_what_is_discarded_stays_until_something_changes(asking: Desk, make_pack: Make) -> None:
    pack = make_pack(asking.inbox / "Kit", KICK | SNARE)
    suggest(asking)
    (one,) = waiting(asking)
    asking.parts.suggestions.discard(one, asking.parts.remainders)
    assert waiting(asking) == []
    assert set(asking.left().values()) == {Nature.LEFT}
    assert wanted(asking) == []
    with (pack / "Kick.wav").open("ab") as file:
        file.write(b"more")
    assert wanted(asking) == [pack / "Kick.wav"]


def test_files_that_are_taken_away_are_suggested_no_more(asking: Desk, make_pack: Make) -> None:
    pack = make_pack(asking.inbox / "Kit", KICK | SNARE)
    suggest(asking)
    (pack / "Kick.wav").unlink()
    (one,) = waiting(asking)
    assert one.files == (pack / "Snare.wav",)
    shutil.rmtree(pack)
    assert waiting(asking) == []
    asking.parts.served.recover()
    assert list(asking.parts.suggestions) == []


def test_filing_without_asking_takes_what_was_only_suggested(asking: Desk, make_pack: Make) -> None:
    make_pack(asking.inbox / "Kit", KICK)
    suggest(asking)
    assert wanted(asking) == []
    set_mode(asking, "file")
    assert wanted(asking) == [asking.inbox / "Kit/Kick.wav"]
    (report,) = suggest(asking)
    assert (report.filed, waiting(asking)) == (1, [])


def test_an_archive_is_suggested_with_what_is_in_it(
    asking: Desk, make_pack: Make, tmp_path: Path, tree_of: TreeOf
) -> None:
    (asking.home.rules / "default.toml").write_text(UNPACK)
    asking.open_again()
    make_pack(tmp_path / "Zipped", KICK | SNARE)
    shutil.make_archive(str(asking.inbox / "Zipped"), "zip", tmp_path / "Zipped")
    before = tree_of(asking.inbox)
    suggest(asking)
    (one,) = waiting(asking)
    assert (one.files, asking.filed()) == ((asking.inbox / "Zipped.zip",), [])
    assert wanted(asking) == []
    result = asking.parts.suggesting.approve(one)
    assert not result.changed
    assert asking.filed() == ["All/Zipped/Kick.wav", "All/Zipped/Snare.wav", "_Archives/Zipped.zip"]
    asking.undo()
    assert tree_of(asking.inbox) == before


def test_a_suggestion_for_an_inbox_that_is_none_any_more_is_refused(
    asking: Desk, make_pack: Make, tmp_path: Path
) -> None:
    make_pack(asking.inbox / "Kit", KICK)
    suggest(asking)
    (one,) = waiting(asking)
    config = load(asking.home)
    other = type(config.inbox[0])(str(tmp_path / "Other"))
    asking.home.config_file.write_text(dump(type(config)(library=config.library, inbox=[other])))
    asking.open_again()
    with pytest.raises(UsageProblem, match="no inbox Inbox any more"):
        asking.parts.suggesting.approve(one)
    assert (asking.inbox / "Kit/Kick.wav").exists()


def test_asked_to_stop_nothing_is_suggested_and_all_is_tried_again(asking: Desk, make_pack: Make) -> None:
    make_pack(asking.inbox / "Kit")
    (arrival,) = arrivals(asking)
    report = asking.parts.served.file(arrival, stop=lambda: True, progress=lambda *_: None)
    assert report.interrupted
    assert (waiting(asking), len(wanted(asking))) == ([], len(DEMO_PACK))


def test_a_dry_run_plans_in_the_parts_in_which_a_run_files(
    desk: Desk, make_pack: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proposing, "PART", 5)
    make_pack(desk.inbox / "Kit")
    found = desk.parts.proposing.plans(arrivals(desk))
    assert len(found) == -(-len(DEMO_PACK) // 5)
    spelled = [spelt(op) for plan in found for op in plan.operations if isinstance(op, Move)]
    assert len(set(spelled)) == len(DEMO_PACK)


ALL = 'version = 1\n[[rule]]\nname = "All"\nthen = [{ move = "All/{name}" }]\n'


def rescan(desk: Desk) -> None:
    """Do what the service does with all that a scan finds."""
    inbox = desk.parts.config.inbox[0]
    packs: dict[str | None, list[Path]] = {}
    for path in wanted(desk):
        relative = path.relative_to(desk.inbox)
        packs.setdefault(relative.parts[0] if len(relative.parts) > 1 else None, []).append(path)
    for pack, paths in packs.items():
        desk.parts.served.file(
            Arrival(inbox=inbox, pack=pack, paths=tuple(paths)), stop=lambda: False, progress=lambda *_: None
        )


def rule(desk: Desk, text: str) -> None:
    (desk.home.rules / "default.toml").write_text(text)
    desk.open_again()


def test_where_one_file_changes_the_others_wait_on(asking: Desk, make_pack: Make) -> None:
    pack = make_pack(asking.inbox / "Kit", KICK | SNARE)
    rescan(asking)
    with (pack / "Kick.wav").open("ab") as file:
        file.write(b"xx")
    rescan(asking)
    rescan(asking)
    assert wanted(asking) == []
    assert {path for one in waiting(asking) for path in one.files} == {pack / "Kick.wav", pack / "Snare.wav"}


def test_what_is_suggested_anew_is_not_in_its_own_way(asking: Desk, make_pack: Make) -> None:
    rule(asking, ALL)
    make_pack(asking.inbox / "Kit", KICK)
    rescan(asking)
    rule(asking, ALL + '[[rule]]\nname = "Never"\nthen = [{ move = "X/{name}" }]\n')
    rescan(asking)
    (one,) = waiting(asking)
    assert (one.id, one.targets) == (2, (asking.library / "All/Kick.wav",))
    assert not asking.parts.suggesting.approve(one).changed


def test_what_was_filed_before_things_were_found_changed_is_told(
    asking: Desk, make_pack: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proposing, "PART", 1)
    monkeypatch.setattr("organizer.batch.filing.PART", 1)
    rule(asking, ALL)
    make_pack(asking.inbox / "Kit", KICK | SNARE)
    rescan(asking)
    (one,) = waiting(asking)
    (asking.library / "All").mkdir()
    (asking.library / "All/Snare.wav").write_bytes(b"mine")
    result = asking.parts.suggesting.approve(one)
    assert (result.changed, result.report.filed, result.report.batch) == (True, 1, 1)
    (again,) = waiting(asking)
    assert again.files == (asking.inbox / "Kit/Snare.wav",)


def test_a_rescan_of_the_service_while_it_is_approved_changes_nothing(asking: Desk, make_pack: Make) -> None:
    make_pack(asking.inbox / "Kit", KICK)
    rescan(asking)
    (one,) = waiting(asking)
    scans: list[list[Path]] = []
    with Assembly(asking.home) as others:

        def meanwhile(_stage: str, _done: int, _total: int) -> None:
            found = [(path, path.stat()) for path in asking.inbox.rglob("*.wav")]
            scans.append(list(others.served.wanted(asking.inbox, found)))

        result = asking.parts.suggesting.approve(one, progress=meanwhile)
    assert scans
    assert not any(scans)
    assert (result.report.filed, result.changed) == (1, False)


def test_an_approval_that_is_broken_off_can_be_given_again(asking: Desk, make_pack: Make) -> None:
    make_pack(asking.inbox / "Kit", KICK)
    rescan(asking)
    (one,) = waiting(asking)
    assert asking.parts.suggesting.approve(one, stop=lambda: True).report.interrupted
    assert [again.id for again in waiting(asking)] == [one.id]
    assert asking.parts.suggesting.approve(one).report.filed == 1


def test_an_archive_of_which_nothing_can_be_filed_stays_with_its_reason(asking: Desk) -> None:
    rule(asking, UNPACK)
    with zipfile.ZipFile(asking.inbox / "evil.zip", "w") as archive:
        archive.writestr("../evil.wav", b"x" * 100)
    rescan(asking)
    assert wanted(asking) == []
    (stays,) = asking.parts.remainders.all()
    assert (stays.path.name, stays.nature) == ("evil.zip", Nature.ARCHIVE)
    assert stays.reason.startswith("nothing in it can be filed")


def test_what_is_suggested_for_an_inbox_on_a_disk_outlasts_its_absence(
    asking: Desk, make_pack: Make, tmp_path: Path
) -> None:
    make_pack(asking.inbox / "Kit", KICK)
    rescan(asking)
    away = asking.inbox.rename(tmp_path / "Away")
    assert waiting(asking) == []
    asking.parts.suggesting.recover()
    away.rename(asking.inbox)
    rescan(asking)
    assert [one.files for one in waiting(asking)] == [(asking.inbox / "Kit/Kick.wav",)]
