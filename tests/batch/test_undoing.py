"""Undo where something has come between: users, crashes, disks that are away."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from organizer.batch.arrivals import arrivals_below
from organizer.config import Inbox
from organizer.execution.filesystem import Filesystem
from organizer.library.remainders import Nature
from organizer.planning.operations import ACTIONS, Move, Plan, Skip
from organizer.recognition.identity import content_hash
from organizer.sample import Stamp
from tests.desk import TAG_IN_PLACE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.desk import Desk

    Tree = dict[str, tuple[str, int, int]]
    TreeOf = Callable[[Path], Tree]
    Make = Callable[..., Path]

KICKS = {"Kicks/VEH1 Bassdrum 001.wav": "Kick.wav", "Perc/Cowbell.wav": "Cowbell.wav"}


EVERYTHING = """
version = 1
[[rule]]
name = "Everything"
when = { type = "audio" }
then = [
  { move = "Drums/{name}" }, { tag = { genre = "{category|x}" } }, { copy = "Copies/{name}" },
  { sidecar = "json" },
]
"""


def undo(desk: Desk, batch: int) -> tuple[int, int]:
    """Undo one batch; give how many actions were done and how many were not."""
    record = desk.parts.journal.batch(batch)
    assert record is not None
    (outcome,) = desk.parts.undoing.undo([record], progress=lambda *_: None)
    return outcome.count("done"), outcome.count("failed") + outcome.count("skipped")


def test_an_undo_that_could_do_nothing_may_be_tried_again(
    desk: Desk, make_pack: Make, tree_of: TreeOf
) -> None:
    make_pack(desk.inbox / "Kit", KICKS)
    before = tree_of(desk.inbox)
    desk.file()
    away = desk.library.rename(desk.library.with_name("Unplugged"))
    assert undo(desk, 1) == (0, 2)
    assert [one.id for one in desk.parts.journal.undoable()] == [1]
    away.rename(desk.library)
    assert undo(desk, 1) == (2, 0)
    assert tree_of(desk.inbox) == before
    assert desk.parts.journal.undoable() == ()


def test_what_an_undo_could_not_put_back_can_be_put_back_later(
    desk: Desk, make_pack: Make, tree_of: TreeOf
) -> None:
    make_pack(desk.inbox / "Kit", KICKS)
    before = tree_of(desk.inbox)
    desk.file()
    taken = desk.inbox / "Kit" / "Kick.wav"
    taken.parent.mkdir(exist_ok=True)
    taken.write_bytes(b"something new under the old name")
    assert undo(desk, 1) == (1, 1)
    taken.unlink()
    assert undo(desk, 1) == (1, 0)
    assert tree_of(desk.inbox) == before
    assert desk.filed() == []


def test_what_is_held_stays_held_when_another_undo_finds_its_name_taken(desk: Desk, make_pack: Make) -> None:
    """The same pack was dropped twice: both copies came from one place, and only one can go back."""
    one = {"Kicks/VEH1 Bassdrum 001.wav": "Kick.wav"}
    make_pack(desk.inbox / "Kit", one)
    desk.file()
    make_pack(desk.inbox / "Kit", one)
    desk.file()
    for batch in [one.id for one in desk.parts.journal.undoable()]:
        undo(desk, batch)
    assert len(desk.filed()) == 1
    assert desk.held() == 1
    assert [report.filed for report in desk.file()] == [0]


def test_tags_taken_back_in_an_inbox_are_not_written_again(
    desk: Desk, make_pack: Make, tree_of: TreeOf
) -> None:
    (desk.home.rules / "default.toml").write_text(TAG_IN_PLACE, encoding="utf-8")
    make_pack(desk.inbox / "Kit", KICKS)
    before = tree_of(desk.inbox)
    desk.file()
    tagged = tree_of(desk.inbox)
    desk.undo()
    desk.open_again()
    desk.file()
    assert tree_of(desk.inbox) == before
    (undo_,) = [one for one in desk.parts.journal.batches() if one.origin == "undo"]
    assert undo(desk, undo_.id) == (4, 0)
    assert {name: one[0] for name, one in tree_of(desk.inbox).items()} == {
        name: one[0] for name, one in tagged.items()
    }
    assert desk.held() == 0


def test_of_two_commands_that_undo_or_redo_the_same_only_one_does(
    desk: Desk, make_pack: Make, tree_of: TreeOf
) -> None:
    make_pack(desk.inbox / "Kit", KICKS)
    before = tree_of(desk.inbox)
    desk.file()
    journal = desk.parts.journal
    for number in (1, 2, 1):  # undo, redo, undo
        batches = [journal.batch(number if number == 1 else journal.batches()[0].id)] * 2
        chosen = [one for one in batches if one is not None]
        outcomes = desk.parts.undoing.undo(chosen, progress=lambda *_: None)
        assert [one.count("done") for one in outcomes] == [2, 0]
    assert tree_of(desk.inbox) == before
    assert [one.title for one in reversed(journal.batches())] == [
        "Kit", "undo of Kit", "redo of Kit", "undo of Kit",
    ]  # fmt: skip


class Killed(BaseException):
    """The process ends here."""


def test_a_batch_that_a_crash_cut_off_is_undone_whole_and_not_filed_after_all(
    desk: Desk, make_pack: Make, tree_of: TreeOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_pack(desk.inbox / "Kit")
    before = tree_of(desk.inbox)
    rename = Filesystem._rename_noreplace
    moved: list[Path] = []

    def dies(files: Filesystem, source: Path, target: Path) -> None:
        if len(moved) == 3:
            raise Killed
        moved.append(target)
        rename(files, source, target)

    with monkeypatch.context() as patch:
        patch.setattr(Filesystem, "_rename_noreplace", dies)
        with pytest.raises(Killed):
            desk.file()
    desk.open_again()
    (batch,) = desk.parts.journal.undoable()
    assert undo(desk, batch.id)[1] == 0
    assert tree_of(desk.inbox) == before
    assert desk.parts.filing.recover() == ()
    desk.file()
    assert tree_of(desk.inbox) == before
    assert desk.filed() == []


def test_what_is_filed_after_an_undo_of_its_batch_can_be_undone_too(desk: Desk, make_pack: Make) -> None:
    """An undo may come between two parts of a huge pack."""
    make_pack(desk.inbox / "Kit", KICKS)
    (report,) = desk.file()
    desk.undo()
    make_pack(desk.inbox / "More", {"Kicks/VEH1 Bassdrum 001.wav": "Late.wav"})
    (arrival,) = [one for one in arrivals_below(Inbox(str(desk.inbox))) if one.pack == "More"]
    (plan,) = desk.parts.proposing.plans([arrival])
    outcome = desk.parts.executor.run(plan, batch=report.batch)
    assert outcome.batch != report.batch
    assert [one.id for one in desk.parts.journal.undoable()] == [outcome.batch]


COPY = """
version = 1
[[rule]]
name = "Copies"
then = [{{ copy = "{folder}/{{name}}" }}, {{ copy = "Twice/{{name}}" }}]
"""


def test_copies_that_an_undo_took_away_are_not_made_again_under_other_rules(
    desk: Desk, make_pack: Make, tree_of: TreeOf
) -> None:
    rules = desk.home.rules / "default.toml"
    rules.write_text(COPY.format(folder="All"))
    make_pack(desk.inbox / "Kit", KICKS)
    before = tree_of(desk.inbox)
    copies = ["All/Cowbell.wav", "All/Kick.wav", "Twice/Cowbell.wav", "Twice/Kick.wav"]
    desk.file()
    assert desk.filed() == copies
    desk.undo()
    rules.write_text(COPY.format(folder="Elsewhere"))
    desk.open_again()
    desk.file()
    assert (desk.filed(), desk.held()) == ([], 2)
    assert tree_of(desk.inbox) == before
    assert undo(desk, 2) == (4, 0)  # a redo
    assert (desk.filed(), desk.held()) == (copies, 0)


def test_a_library_that_is_away_is_waited_for(desk: Desk, make_pack: Make) -> None:
    make_pack(desk.inbox / "Kit", KICKS)
    away = desk.library.rename(desk.library.with_name("Unplugged"))
    (report,) = desk.file()
    assert (report.filed, report.problems) == (0, 2)
    assert set(desk.left().values()) == {Nature.FAILED}
    assert not desk.library.exists()
    away.rename(desk.library)
    desk.now = lambda: 9e9
    assert len(desk.parts.filing.due()) == 2
    (report,) = desk.file()
    assert report.filed == 2


def undo_files(desk: Desk, *names: str) -> tuple[int, int]:
    """Undo what was done to some files of the library; give how many actions were done and were not."""
    paths = [desk.library / name for name in names]
    (number,) = {left.batch for path in paths if (left := desk.parts.journal.leaving(path))}
    batch = desk.parts.journal.batch(number)
    assert batch is not None
    (outcome,) = desk.parts.undoing.undo([batch], only={number: paths}, progress=lambda *_: None)
    return outcome.count("done"), outcome.count("failed") + outcome.count("skipped")


def test_one_file_is_undone_with_all_that_goes_with_it(desk: Desk, make_pack: Make, tree_of: TreeOf) -> None:
    (desk.home.rules / "default.toml").write_text(EVERYTHING)
    make_pack(desk.inbox / "Kit", KICKS)
    (desk.inbox / "Kit" / "Kick.wav.asd").write_bytes(b"what a DAW knows")
    before = tree_of(desk.inbox)
    desk.file()
    filed = desk.filed()
    assert undo_files(desk, "Drums/Kick.wav")[1] == 0
    back = tree_of(desk.inbox)
    assert {name: one for name, one in before.items() if "Cowbell" not in name} == back
    assert desk.filed() == [name for name in filed if "Kick" not in name]
    assert '"Kick.wav"' not in (desk.library / "Drums" / ".organizer.json").read_text()
    assert [report.filed for report in desk.file()] == [0]  # it is held
    # The rest of the batch can still be undone, and what is back already is not asked for again.
    assert undo(desk, 1)[1] == 0
    assert tree_of(desk.inbox) == before
    assert desk.filed() == []


def test_the_undo_of_one_file_can_be_undone_while_the_rest_stays_undone_or_not(
    desk: Desk, make_pack: Make, tree_of: TreeOf
) -> None:
    make_pack(desk.inbox / "Kit", KICKS)
    before = tree_of(desk.inbox)
    desk.file()
    filed = desk.filed()
    kick = next(name for name in desk.filed() if name.endswith("Kick.wav"))
    undo_files(desk, kick)
    (latest, *_) = desk.parts.journal.batches()
    assert (latest.title, latest.part) == ("undo of Kick.wav of Kit", True)
    assert undo(desk, latest.id) == (1, 0)
    assert desk.filed() == filed
    assert [one.id for one in desk.parts.journal.undoable()] == [1]
    undo_files(desk, kick)
    again = desk.parts.journal.batches()[0]
    assert undo(desk, 1) == (1, 0)
    assert tree_of(desk.inbox) == before
    assert desk.parts.journal.is_undone(1)
    # To turn the first undo around does not bring back what the second took.
    assert undo(desk, again.id) == (1, 0)
    assert desk.filed() == [kick]
    assert desk.parts.journal.is_undone(1)


def test_what_a_user_has_renamed_goes_back_from_where_it_is_now(
    desk: Desk, make_pack: Make, tree_of: TreeOf
) -> None:
    (desk.home.rules / "default.toml").write_text(EVERYTHING)
    make_pack(desk.inbox / "Kit", KICKS)
    before = tree_of(desk.inbox)
    desk.file()
    (desk.library / "Mine").mkdir()
    for name in ("Kick.wav", "Cowbell.wav", ".organizer.json"):
        (desk.library / "Drums" / name).rename(desk.library / "Mine" / f"my {name}")
    batch = desk.parts.journal.batch(1)
    assert batch is not None
    (preview,) = desk.parts.undoing.preview([batch])
    (outcome,) = desk.parts.undoing.undo([batch], progress=lambda *_: None)
    done = tuple(one.operation for one in outcome.results if one.state == "done")
    assert tuple(one for one in preview.operations if not isinstance(one, Skip)) == done
    assert outcome.count("failed") + outcome.count("skipped") == 0
    assert tree_of(desk.inbox) == before
    assert desk.filed() == []


def test_a_copy_that_the_user_made_is_named_and_never_taken(desk: Desk, make_pack: Make) -> None:
    """It may be what a song needs, or the last there is."""
    make_pack(desk.inbox / "Kit", KICKS)
    desk.file()
    kick = next(desk.library.rglob("Kick.wav"))
    song = desk.library / "My Song" / "Samples" / "Kick.wav"
    song.parent.mkdir(parents=True)
    shutil.copy2(kick, song)  # with its time, as file managers do
    kick.unlink()
    batch = desk.parts.journal.batch(1)
    assert batch is not None
    (outcome,) = desk.parts.undoing.undo([batch], progress=lambda *_: None)
    (refused,) = [one for one in outcome.results if one.state == "failed"]
    assert isinstance(refused.operation, Move)
    assert refused.operation.remark == f"the same bytes lie at {song}"
    assert song.exists()


def test_what_a_user_has_renamed_and_changed_is_named(desk: Desk, make_pack: Make) -> None:
    make_pack(desk.inbox / "Kit", KICKS)
    desk.file()
    kick = next(desk.library.rglob("Kick.wav"))
    kick.rename(mine := kick.with_name("Mine.wav"))
    mine.write_bytes(mine.read_bytes() + b"what another program has appended")
    batch = desk.parts.journal.batch(1)
    assert batch is not None
    (outcome,) = desk.parts.undoing.undo([batch], progress=lambda *_: None)
    (refused,) = [one for one in outcome.results if one.state == "failed"]
    assert isinstance(refused.operation, Move)
    assert refused.operation.remark == f"the same sound, changed, lies at {mine}"
    assert mine.exists()


def test_what_another_batch_has_moved_on_is_not_taken_for_lost(desk: Desk, make_pack: Make) -> None:
    make_pack(desk.inbox / "Kit", KICKS)
    desk.file()
    kick = next(desk.library.rglob("Kick.wav"))
    further = Move(
        source=kick,
        target=kick.with_name("Further.wav"),
        stamp=Stamp.of(kick.lstat()),
        content_hash=content_hash(kick),
    )
    desk.parts.executor.run(Plan(origin="reclassify", title="again", operations=(further,)))
    assert undo(desk, 1) == (1, 1)
    assert further.target.exists()
    assert undo(desk, 2) == (1, 0)
    assert undo(desk, 1) == (1, 0)


def test_a_preview_tells_what_the_undo_then_refuses(desk: Desk, make_pack: Make) -> None:
    (desk.home.rules / "default.toml").write_text(EVERYTHING)
    make_pack(
        desk.inbox / "Kit", {**KICKS, "Cymbals/CHH-1.wav": "Hat.wav", "Snares/SN_tight.wav": "Snare.wav"}
    )
    make_pack(desk.inbox / "Other", {"Snares/clp 01.wav": "Clap.wav"})
    desk.file()
    drums = desk.library / "Drums"
    (drums / "Kick.wav").unlink()
    (drums / "Cowbell.wav").write_bytes(b"another thing")
    (desk.library / "Copies" / "Hat.wav").unlink()
    (desk.inbox / "Kit").mkdir(exist_ok=True)
    (desk.inbox / "Kit" / "Snare.wav").write_bytes(b"new")
    batches = desk.parts.journal.undoable()
    plans = desk.parts.undoing.preview(batches)
    outcomes = desk.parts.undoing.undo(batches, progress=lambda *_: None)
    for plan, outcome in zip(plans, outcomes, strict=True):
        told = [(type(one).__name__, getattr(one, "reason", "")) for one in plan.operations]
        came = [
            (type(one.operation).__name__, "") if one.state == "done" else ("Skip", one.error)
            for one in outcome.results
            if one.state == "done" or isinstance(one.operation, ACTIONS)
        ]
        assert told == came
    assert (
        sum(name == "Skip" for plan in plans for name in [type(one).__name__ for one in plan.operations]) > 4
    )


@pytest.mark.parametrize("order", ["undo A, undo B", "undo A, redo A, undo B, undo A"])
def test_a_folder_that_two_packs_shared_goes_with_the_last_of_them(
    desk: Desk, make_pack: Make, order: str
) -> None:
    (desk.home.rules / "default.toml").write_text(
        'version = 1\n[[rule]]\nname = "All"\nthen = [{ move = "All/Deep/{pack} {name}" }]\n'
    )
    for pack in ("A", "B"):
        make_pack(desk.inbox / pack, {"Kicks/VEH1 Bassdrum 001.wav": "Kick.wav"})
        desk.file()
    latest = {"A": 1, "B": 2}
    for step in order.split(", "):
        verb, pack = step.split()
        batch = desk.parts.journal.batch(latest[pack])
        assert batch is not None
        if verb == "redo":
            assert batch.undone_by is not None
            undo = desk.parts.journal.batch(batch.undone_by)
            assert undo is not None
            batch = undo
        desk.parts.undoing.undo([batch], progress=lambda *_: None)
    assert sorted(path.name for path in desk.inbox.rglob("*.wav")) == ["Kick.wav", "Kick.wav"]
    assert list(desk.library.iterdir()) == []


def test_a_folder_of_the_users_own_stays_though_it_is_left_empty(desk: Desk, make_pack: Make) -> None:
    (desk.home.rules / "default.toml").write_text(
        'version = 1\n[[rule]]\nname = "All"\nthen = [{ move = "All/{name}" }]\n'
    )
    (desk.library / "All").mkdir()
    make_pack(desk.inbox / "A", {"Kicks/VEH1 Bassdrum 001.wav": "Kick.wav"})
    desk.file()
    desk.undo()
    assert list(desk.library.rglob("*")) == [desk.library / "All"]


def test_a_folder_that_its_user_has_made_again_stays(desk: Desk, make_pack: Make) -> None:
    (desk.home.rules / "default.toml").write_text(
        'version = 1\n[[rule]]\nname = "All"\nthen = [{ move = "All/{name}" }]\n'
    )
    make_pack(desk.inbox / "A", {"Kicks/VEH1 Bassdrum 001.wav": "a.wav"})
    desk.file()
    shutil.rmtree(desk.library / "All")
    (desk.library / "All").mkdir()
    make_pack(desk.inbox / "B", {"Snares/SN_tight.wav": "b.wav"})
    desk.file()
    desk.undo()
    assert (desk.library / "All").is_dir()
