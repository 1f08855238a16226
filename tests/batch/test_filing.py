"""The whole way of a batch, in one process, with the shipped model and the shipped rules."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import mutagen
import pytest

from organizer.batch import filing, proposing
from organizer.batch.arrivals import Arrival, arrivals_below
from organizer.batch.filing import Report
from organizer.demo.sounds import DEMO_PACK
from organizer.errors import FileProblem
from organizer.execution.filesystem import Filesystem
from organizer.execution.locks import execution_lock
from organizer.library.remainders import Nature
from organizer.recognition.identity import content_hash
from tests.desk import TAG_IN_PLACE

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.desk import Desk

    Tree = dict[str, tuple[str, int, int]]
    TreeOf = Callable[[Path], Tree]
    Make = Callable[..., Path]


def test_a_pack_is_filed_and_undone_byte_for_byte_and_then_held(
    desk: Desk, make_pack: Make, tree_of: TreeOf
) -> None:
    make_pack(desk.inbox / "Kit")
    (desk.inbox / "Kit" / "License.txt").write_text("do what you like")
    (desk.inbox / "Kit" / "Kicks" / "VEH1 Bassdrum 001.wav.asd").write_bytes(b"analysis")
    before = tree_of(desk.inbox)
    (report,) = desk.file()
    assert (report.filed, report.left, report.problems) == (len(DEMO_PACK) + 1, 0, 0)
    assert tree_of(desk.inbox) == {}
    assert "_Packs/Kit/License.txt" in desk.filed()
    kicks = [name for name in desk.filed() if "VEH1 Bassdrum 001" in name]
    assert len(kicks) == 2
    assert kicks[1] == f"{kicks[0]}.asd"
    assert desk.parts.index.count_below(desk.library) == len(DEMO_PACK)

    desk.undo()
    assert tree_of(desk.inbox) == before
    assert desk.filed() == []
    assert list(desk.library.iterdir()) == []

    desk.open_again()
    assert desk.file() == [Report(batch=None, title="Kit")]
    assert tree_of(desk.inbox) == before
    found = [(path, path.stat()) for path in desk.inbox.rglob("*.wav")]
    assert list(desk.parts.filing.wanted(desk.inbox, found)) == []
    assert desk.held() == len(DEMO_PACK) + 2


def test_undo_redo_and_undo_again_come_back_to_the_same(desk: Desk, make_pack: Make, tree_of: TreeOf) -> None:
    make_pack(desk.inbox / "Kit", {"Kicks/VEH1 Bassdrum 001.wav": "a/Kick.wav", "Perc/Cowbell.wav": "b.wav"})
    before = tree_of(desk.inbox)
    (report,) = desk.file()
    filed = tree_of(desk.library)
    desk.undo()
    (undo,) = [one for one in desk.parts.journal.batches() if one.origin == "undo"]
    desk.parts.undoing.undo([undo], progress=lambda *_: None)
    assert {name: entry[0] for name, entry in tree_of(desk.library).items()} == {
        name: entry[0] for name, entry in filed.items()
    }
    assert tree_of(desk.inbox) == {}
    (again,) = desk.parts.journal.undoable()
    assert again.id == report.batch
    desk.undo()
    assert tree_of(desk.inbox) == before
    assert desk.filed() == []


def test_sort_files_what_is_held(desk: Desk, make_pack: Make) -> None:
    make_pack(desk.inbox / "Kit", {"Kicks/VEH1 Bassdrum 001.wav": "Kick.wav"})
    desk.file()
    desk.undo()
    (report,) = desk.file(forced=True)
    assert report.filed == 1
    assert desk.held() == 0


def test_a_rule_that_only_tags_does_so_once_and_undo_gives_the_bytes_back(
    desk: Desk, make_pack: Make, tree_of: TreeOf
) -> None:
    (desk.home.rules / "default.toml").write_text(TAG_IN_PLACE, encoding="utf-8")
    pack = make_pack(desk.inbox / "Kit")
    before = tree_of(desk.inbox)
    desk.file()
    tagged = mutagen.File(pack / "Perc" / "Cowbell.wav")
    assert str(tagged["TCON"]) == "percussion"
    assert (pack / "Perc" / "Cowbell.wav.organizer.json").exists()
    found = [(path, path.stat()) for path in desk.inbox.rglob("*") if path.is_file()]
    assert list(desk.parts.filing.wanted(desk.inbox, found)) == []
    entry = desk.parts.index.get(pack / "Perc" / "Cowbell.wav")
    assert entry is not None
    assert entry.sample.facts.content_hash == content_hash(entry.path)
    desk.undo()
    assert tree_of(desk.inbox) == before


def test_a_fresh_copy_of_a_held_file_is_filed(desk: Desk, make_pack: Make) -> None:
    make_pack(desk.inbox / "Kit", {"Kicks/VEH1 Bassdrum 001.wav": "Kick.wav"})
    desk.file()
    desk.undo()
    shutil.copytree(desk.inbox / "Kit", desk.inbox / "Kit again")
    assert [report.filed for report in desk.file()] == [0, 1]


def test_what_cannot_be_filed_stays_and_says_why(desk: Desk, make_pack: Make) -> None:
    pack = make_pack(desk.inbox / "Kit", {"Kicks/VEH1 Bassdrum 001.wav": "Kick.wav"})
    (pack / "empty.wav").touch()
    (pack / "text.wav").write_text("no sound at all, only words " * 50)
    (pack / "More.zip").write_bytes(b"PK\x05\x06" + bytes(18))
    (desk.inbox / "notes.txt").write_text("mine")
    make_pack(desk.inbox / "Sampler", {"Kicks/VEH1 Bassdrum 001.wav": "s/k.wav"})
    (desk.inbox / "Sampler" / "kit.sfz").write_text("<region> sample=s/k.wav")
    desk.file()
    assert desk.left() == {
        "Kit/empty.wav": Nature.UNREADABLE,
        "Kit/text.wav": Nature.UNREADABLE,
        "Kit/More.zip": Nature.ARCHIVE,
        "Sampler/kit.sfz": Nature.BUNDLE,
        "Sampler/s/k.wav": Nature.BUNDLE,
        "notes.txt": Nature.LEFT,
    }
    reasons = {one.path.name: one.reason for one in desk.parts.remainders.all()}
    assert reasons["empty.wav"] == "the file is empty"
    assert "Sampler" in reasons["k.wav"]
    assert (pack / "empty.wav").exists()
    # Nothing of it is looked at again ...
    found = [(path, path.stat()) for path in desk.inbox.rglob("*") if path.is_file()]
    assert list(desk.parts.filing.wanted(desk.inbox, found)) == []
    # ... until the file changes, or the rules do.
    (pack / "empty.wav").write_bytes(b"now something")
    found = [(path, path.stat()) for path in desk.inbox.rglob("*") if path.is_file()]
    assert list(desk.parts.filing.wanted(desk.inbox, found)) == [pack / "empty.wav"]
    rules = desk.home.rules / "default.toml"
    rules.write_text(rules.read_text(encoding="utf-8") + "\n# changed\n", encoding="utf-8")
    assert desk.parts.filing.reload() is None
    assert len(list(desk.parts.filing.wanted(desk.inbox, found))) == 6


def test_broken_rules_leave_the_last_good_ones_in_force(desk: Desk, make_pack: Make) -> None:
    make_pack(desk.inbox / "Kit", {"Kicks/VEH1 Bassdrum 001.wav": "Kick.wav"})
    assert desk.parts.filing.reload() is None
    (desk.home.rules / "default.toml").write_text("version = 1\n[[rule]]\nnmae = 'x'\n", encoding="utf-8")
    problem = desk.parts.filing.reload()
    assert problem is not None
    assert "'nmae'" in problem or '"nmae"' in problem
    (report,) = desk.file()
    assert report.filed == 1


def test_late_files_join_the_batch_of_their_pack_until_it_is_undone(desk: Desk, make_pack: Make) -> None:
    make_pack(desk.inbox / "Kit", {"Kicks/VEH1 Bassdrum 001.wav": "one.wav"})
    (first,) = desk.file()
    make_pack(desk.inbox / "Kit", {"Snares/SN_tight.wav": "two.wav"})
    (second,) = desk.file()
    assert second.batch == first.batch
    desk.undo()
    make_pack(desk.inbox / "Kit", {"Snares/clp 01.wav": "three.wav"})
    (third,) = desk.file()
    assert third.filed == 1
    assert third.batch not in (None, first.batch)


def test_a_pack_dropped_twice_is_two_batches_that_both_come_back(desk: Desk, make_pack: Make) -> None:
    kick = {"Kicks/VEH1 Bassdrum 001.wav": "one.wav"}
    for _ in range(2):
        make_pack(desk.inbox / "Kit", kick)
        (report,) = desk.file()
        assert report.filed == 1
    assert len(desk.parts.journal.batches()) == 2
    assert len(desk.filed()) == 2
    desk.undo()
    assert (desk.inbox / "Kit" / "one.wav").exists()
    assert len(desk.filed()) == 1


def test_what_is_gone_is_no_longer_said_to_stay(desk: Desk) -> None:
    (desk.inbox / "empty.wav").touch()
    desk.file()
    assert desk.left() == {"empty.wav": Nature.UNREADABLE}
    (desk.inbox / "empty.wav").unlink()
    desk.parts.filing.recover()
    assert desk.left() == {}


def test_loose_files_are_one_batch(desk: Desk, make_pack: Make) -> None:
    make_pack(desk.inbox, {"Kicks/VEH1 Bassdrum 001.wav": "Kick 1.wav", "Snares/SN_tight.wav": "Snare 1.wav"})
    (report,) = desk.file()
    assert (report.title, report.filed) == ("loose files", 2)
    assert all("/Loose/" in name for name in desk.filed())


def test_a_huge_pack_is_filed_in_parts_that_are_one_batch(
    desk: Desk, make_pack: Make, tree_of: TreeOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filing, "PART", 5)
    make_pack(desk.inbox / "Kit")
    before = tree_of(desk.inbox)
    told: list[tuple[int, int]] = []
    arrival = next(iter(arrivals_below(desk.parts.config.inbox[0])))
    monkeypatch.setattr(proposing, "BEAT", 1)
    report = desk.parts.filing.file(
        arrival, progress=lambda stage, *done: told.append(done) if stage == "listening" else None
    )
    assert report.filed == len(DEMO_PACK)
    assert told == [(number, len(DEMO_PACK)) for number in range(1, len(DEMO_PACK) + 1)]
    assert len(desk.parts.journal.batches()) == 1
    assert tree_of(desk.inbox) == {}
    desk.undo()
    assert tree_of(desk.inbox) == before


def test_two_files_of_one_name_are_both_kept(desk: Desk, make_pack: Make) -> None:
    for folder in ("a", "b"):
        make_pack(desk.inbox / "Kit", {"Kicks/VEH1 Bassdrum 001.wav": f"{folder}/Kick 1.wav"})
    desk.file()
    assert sorted(Path(name).name for name in desk.filed()) == ["Kick 1 (2).wav", "Kick 1.wav"]


def test_a_stop_leaves_a_batch_that_recovery_brings_to_its_end(desk: Desk, make_pack: Make) -> None:
    make_pack(desk.inbox / "Kit")
    arrival = next(iter(arrivals_below(desk.parts.config.inbox[0])))
    report = desk.parts.filing.file(arrival, stop=lambda: len(desk.filed()) >= 3)
    assert report.interrupted
    assert 0 < len(desk.filed()) < len(DEMO_PACK)
    desk.open_again()
    said = desk.parts.filing.recover()
    assert any("interrupted" in sentence for sentence in said)
    assert len(desk.filed()) == len(DEMO_PACK)
    assert desk.parts.index.count_below(desk.library) == len(DEMO_PACK)
    assert desk.parts.filing.recover() == ()


def test_filing_waits_for_its_turn_and_hears_a_stop_meanwhile(desk: Desk, make_pack: Make) -> None:
    make_pack(desk.inbox / "Kit", {"Kicks/VEH1 Bassdrum 001.wav": "Kick.wav"})
    arrival = next(iter(arrivals_below(desk.parts.config.inbox[0])))
    asked: list[bool] = []

    def stop_at_the_third_question() -> bool:
        asked.append(True)
        return len(asked) > 2

    with execution_lock(desk.home.state, wait=0.0, what="another command"):
        report = desk.parts.filing.file(arrival, stop=stop_at_the_third_question)
    assert report.interrupted
    assert desk.filed() == []
    assert desk.parts.filing.file(arrival).filed == 1


class FullDisk(Filesystem):
    """A disk without space for one of the files."""

    full = True

    def _rename_noreplace(self, source: Path, target: Path) -> None:
        if self.full and source.name == "two.wav":
            raise OSError(errno.ENOSPC, "No space left on device", str(target))
        super()._rename_noreplace(source, target)


def test_a_failure_that_time_can_mend_is_tried_again(desk: Desk, make_pack: Make) -> None:
    disk = FullDisk()
    desk.parts.filesystem = disk
    now = [1_000.0]
    desk.now = lambda: now[0]
    pack = make_pack(
        desk.inbox / "Kit", {"Kicks/VEH1 Bassdrum 001.wav": "one.wav", "Snares/SN_tight.wav": "two.wav"}
    )
    (report,) = desk.file()
    assert (report.filed, report.problems) == (1, 1)
    assert desk.left() == {"Kit/two.wav": Nature.FAILED}
    assert desk.parts.filing.due() == []
    assert desk.file() == [Report(batch=None, title="Kit")]
    now[0] += 60.0
    assert desk.parts.filing.due() == [pack / "two.wav"]
    disk.full = False
    (report,) = desk.file()
    assert report.filed == 1
    assert desk.left() == {}


def test_a_dry_run_lists_exactly_what_the_run_then_does(desk: Desk, make_pack: Make) -> None:
    make_pack(desk.inbox / "Kit")
    (desk.inbox / "Kit" / "empty.wav").touch()
    (arrival,) = arrivals_below(desk.parts.config.inbox[0])
    (proposed,) = desk.parts.proposing.plans([arrival])
    assert desk.filed() == []
    report = desk.parts.filing.file(arrival)
    assert report.batch is not None
    done = desk.parts.journal.operations(report.batch)
    assert tuple(record.operation for record in done) == proposed.operations


def test_a_dry_run_of_several_packs_foresees_what_the_earlier_ones_take(desk: Desk, make_pack: Make) -> None:
    (desk.home.rules / "default.toml").write_text(
        'version = 1\n[[rule]]\nname = "All"\n'
        'then = [{ move = "Sounds/{name}" }, { sidecar = "json-each" }]\n'
    )
    for pack in ("Kit", "More"):
        make_pack(desk.inbox / pack, {"Kicks/VEH1 Bassdrum 001.wav": "Kick.wav"})
    proposed = desk.parts.proposing.plans(list(arrivals_below(desk.parts.config.inbox[0])))
    reports = desk.file()
    assert desk.filed() == [
        f"Sounds/{name}"
        for name in ("Kick (2).wav", "Kick (2).wav.organizer.json", "Kick.wav", "Kick.wav.organizer.json")
    ]
    for plan, report in zip(proposed, reports, strict=True):
        assert report.batch is not None
        done = desk.parts.journal.operations(report.batch)
        assert tuple(record.operation for record in done) == plan.operations


def test_a_file_that_changes_while_it_is_heard_is_not_moved(desk: Desk, make_pack: Make) -> None:
    pack = make_pack(desk.inbox / "Kit", {"Kicks/VEH1 Bassdrum 001.wav": "one.wav"})
    changed: list[int] = []

    def change_once() -> bool:
        if not changed:
            changed.append((pack / "one.wav").write_bytes(b"RIFF" + bytes(100)))
        return False

    report = desk.parts.filing.file(
        Arrival(inbox=desk.parts.config.inbox[0], pack="Kit", paths=(pack / "one.wav",)), stop=change_once
    )
    assert report.filed == 0
    assert (pack / "one.wav").exists()
    assert desk.filed() == []


def test_a_batch_that_broke_off_is_ended_before_the_next_is_filed(
    desk: Desk, make_pack: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that could not be synced leaves a batch open; nobody needs to start the service again."""
    make_pack(desk.inbox / "Kit", {"Kicks/VEH1 Bassdrum 001.wav": "Kick.wav"})
    make_pack(desk.inbox / "Other", {"Perc/Cowbell.wav": "Cowbell.wav"})

    def refuse(_: set[Path]) -> None:
        raise OSError(errno.EIO, "the disk is gone")

    with monkeypatch.context() as broken:
        broken.setattr(desk.parts.filesystem, "sync_folders", refuse)
        with pytest.raises(FileProblem, match="does not answer"):
            desk.file()
    assert [one.id for one in desk.parts.journal.unfinished()] == [1]
    desk.file()
    assert desk.parts.journal.unfinished() == []
    assert [one.counts for one in desk.parts.journal.batches()] == [{"done": 1}, {"done": 1}]
    assert len(desk.filed()) == 2
