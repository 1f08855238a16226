"""A ZIP is a pack: unpacked, filed, put aside; and back."""

from __future__ import annotations

import os
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from organizer.batch.arrivals import arrivals_below
from organizer.batch.unpacking import sweep
from organizer.config import Config, Inbox, dump
from organizer.execution.archives import UNPACKED
from organizer.library.remainders import Nature

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tests.desk import Desk

    Make = Callable[..., Path]
    TreeOf = Callable[[Path], Mapping[str, tuple[str, int, int]]]

SOME = {
    "Kicks/VEH1 Bassdrum 001.wav": "Kit/Kicks/Kick.wav",
    "Cymbals/CHH-1.wav": "Kit/Hats/CHH-1.wav",
    "Loops/beat_120bpm.wav": "Kit/Loops/beat_120bpm.wav",
}
FILED = [
    "Drums/Hats/Closed/Kit/CHH-1.wav",
    "Drums/Kicks/Kit/Kick.wav",
    "Loops/Kit/beat_120bpm.wav",
    "_Archives/Download (1).zip",
    "_Packs/Kit/License.txt",
]


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder on another device."""
    shm = Path("/dev/shm")
    if not os.access(shm, os.W_OK):
        pytest.skip("needs a second device: /dev/shm")
    with tempfile.TemporaryDirectory(dir=shm) as folder:
        yield Path(folder)


@pytest.fixture
def zipped(desk: Desk, make_pack: Make, tmp_path: Path) -> Path:
    """A ZIP in the inbox, with all of a pack in one folder, and litter."""
    folder = make_pack(tmp_path / "made", SOME)
    (folder / "Kit" / "License.txt").write_text("yours")
    (folder / "__MACOSX").mkdir()
    (folder / "__MACOSX" / "._Kick.wav").write_bytes(b"litter")
    return pack_up(folder, desk.inbox / "Download (1).zip")


def pack_up(folder: Path, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for one in sorted(folder.rglob("*")):
            archive.write(one, one.relative_to(folder))
    return path


def litter(desk: Desk) -> list[str]:
    return [one.name for one in desk.library.iterdir() if one.name.startswith(".")]


def test_a_zip_goes_in_and_comes_back(desk: Desk, zipped: Path, tree_of: TreeOf) -> None:
    before = tree_of(desk.inbox)
    (report,) = desk.file()
    assert (desk.filed(), list(desk.inbox.iterdir()), litter(desk)) == (FILED, [], [])
    assert (report.filed, report.left, report.problems) == (5, 0, 0)
    kick = desk.parts.index.get(desk.library / "Drums/Kicks/Kit/Kick.wav")
    assert kick is not None
    assert (kick.origin.pack, str(kick.origin.subpath)) == ("Kit", "Kicks")

    desk.undo()
    assert (tree_of(desk.inbox), desk.filed()) == (before, [])
    # Held: an undo put it back.
    assert [one.filed for one in desk.file()] == [0]
    assert zipped.exists()
    (undone,) = desk.parts.journal.batches(limit=1)
    desk.parts.undoing.undo([undone], progress=lambda *_: None)
    assert (desk.filed(), list(desk.inbox.iterdir())) == (FILED, [])
    assert desk.parts.index.get(desk.library / "Drums/Kicks/Kit/Kick.wav") is not None
    assert litter(desk) == []


def test_a_dry_run_lists_what_a_run_does(desk: Desk, zipped: Path) -> None:
    proposed = desk.parts.proposing.plans(list(arrivals_below(desk.parts.config.inbox[0])))
    assert (zipped.exists(), desk.filed(), litter(desk)) == (True, [], [])
    (report,) = desk.file()
    assert report.batch is not None

    def told(operations: object) -> list[str]:
        assert isinstance(operations, list)
        return [f"{type(one).__name__} {getattr(one, 'target', None) or one.path}" for one in operations]

    done = [record.operation for record in desk.parts.journal.operations(report.batch)]
    assert told([one for plan in proposed for one in plan.operations]) == told(done)


def test_a_zip_without_a_folder_of_its_own_is_called_as_it_is(
    desk: Desk, make_pack: Make, tmp_path: Path
) -> None:
    folder = make_pack(
        tmp_path / "made", {"Kicks/VEH1 Bassdrum 001.wav": "Kick.wav", "Cymbals/CHH-1.wav": "H/CHH-1.wav"}
    )
    pack_up(folder, desk.inbox / "Analog: Kit.zip")
    desk.file()
    assert "Drums/Kicks/Analog_ Kit/Kick.wav" in desk.filed()


def test_a_zip_inside_a_pack_stays_a_part_of_it(desk: Desk, make_pack: Make, tmp_path: Path) -> None:
    make_pack(desk.inbox / "Bundle", {"Cymbals/CHH-1.wav": "CHH-1.wav"})
    folder = make_pack(tmp_path / "made", {"Kicks/VEH1 Bassdrum 001.wav": "Kick.wav"})
    pack_up(folder, desk.inbox / "Bundle" / "More" / "Kicks.zip")
    (report,) = desk.file()
    assert desk.filed() == [
        "Drums/Hats/Closed/Bundle/CHH-1.wav",
        "Drums/Kicks/Bundle/Kick.wav",
        "_Archives/Kicks.zip",
    ]
    assert desk.parts.journal.last(1)[0].id == report.batch
    desk.undo()
    assert sorted(str(one.relative_to(desk.inbox)) for one in desk.inbox.rglob("*") if one.is_file()) == [
        "Bundle/CHH-1.wav",
        "Bundle/More/Kicks.zip",
    ]


def test_what_cannot_be_heard_stays_in_the_archive_which_stays_and_says_so(
    desk: Desk, make_pack: Make, tmp_path: Path
) -> None:
    folder = make_pack(tmp_path / "made", SOME)
    (folder / "Kit" / "broken.wav").write_bytes(b"no sound at all")
    path = pack_up(folder, desk.inbox / "Kit.zip")
    (inside,) = [
        plan
        for plan in desk.parts.proposing.plans(arrivals_below(desk.parts.config.inbox[0]))
        if plan.actions
    ]
    assert inside.title == "Kit"
    desk.file()
    assert path.exists()
    assert "_Archives/Kit.zip" not in desk.filed()
    assert "Drums/Kicks/Kit/Kick.wav" in desk.filed()
    (stays,) = desk.parts.remainders.all()
    assert (stays.path, stays.nature) == (path, Nature.UNREADABLE)
    assert stays.reason.startswith("not all of it is filed: broken.wav: the file is not audio")
    # Looked at again, nothing comes out of it twice.
    rules = desk.home.rules / "default.toml"
    rules.write_text(rules.read_text(encoding="utf-8") + "\n# changed\n", encoding="utf-8")
    desk.open_again()
    before = desk.filed()
    desk.file()
    assert desk.filed() == before


def test_an_archive_may_stay_and_is_not_opened_again(desk: Desk, zipped: Path) -> None:
    (desk.home.rules / "default.toml").write_text(
        'version = 1\n[[rule]]\nname = "Archives"\nwhen = { type = "archive" }\n'
        'then = [{ unpack = true }, { leave = "unpacked" }]\n'
        '[[rule]]\nname = "All"\nthen = [{ move = "Sounds/{name}" }]\n'
    )
    desk.open_again()
    desk.file()
    before = desk.filed()
    assert before == [f"Sounds/{name}" for name in ("CHH-1.wav", "Kick.wav", "beat_120bpm.wav")]
    assert desk.left() == {"Download (1).zip": Nature.LEFT}
    zipped.touch()
    desk.file()
    assert desk.filed() == before


def test_without_a_rule_an_archive_is_left(desk: Desk, zipped: Path) -> None:
    (desk.home.rules / "default.toml").write_text(
        'version = 1\n[[rule]]\nname = "All"\nthen = [{ move = "Sounds/{name}" }]\n'
    )
    desk.open_again()
    desk.file()
    assert zipped.exists()
    assert desk.left() == {"Download (1).zip": Nature.ARCHIVE}


def test_undo_leaves_what_was_changed_since(desk: Desk, zipped: Path) -> None:
    desk.file()
    kick = desk.library / "Drums/Kicks/Kit/Kick.wav"
    kick.write_bytes(kick.read_bytes() + b"more")
    desk.undo()
    assert zipped.exists()
    assert desk.filed() == ["Drums/Kicks/Kit/Kick.wav"]


@pytest.mark.usefixtures("zipped")
def test_tags_in_what_came_out_are_taken_back_before_it_goes(desk: Desk, tree_of: TreeOf) -> None:
    (desk.home.rules / "default.toml").write_text(
        'version = 1\n[[rule]]\nname = "Archives"\nwhen = { type = "archive" }\n'
        'then = [{ unpack = true }, { move = "_Archives/" }]\n'
        '[[rule]]\nname = "All"\nthen = [{ move = "Sounds/" }, { tag = { genre = "{kind}" } },'
        ' { xattr = "{kind}" }, { sidecar = "json" }, { copy = "More/" }]\n'
    )
    desk.open_again()
    before = tree_of(desk.inbox)
    desk.file()
    assert len(desk.filed()) == 7  # three sounds twice, and what tells of them
    desk.undo()
    assert (tree_of(desk.inbox), desk.filed()) == (before, [])


@pytest.mark.parametrize("after", range(0, 12, 3))
def test_a_stop_while_it_is_unpacked_or_heard_leaves_it_whole(desk: Desk, zipped: Path, after: int) -> None:
    (arrival,) = arrivals_below(desk.parts.config.inbox[0])
    asked = iter(range(1_000))
    report = desk.parts.filing.file(arrival, stop=lambda: next(asked) >= after)
    assert report.interrupted
    assert (zipped.exists(), desk.filed(), litter(desk)) == (True, [], [])
    desk.file()
    assert desk.filed() == FILED


def test_what_a_crash_left_unpacked_is_swept(desk: Desk) -> None:
    dead, alive = desk.library / f"{UNPACKED}999999999-aa", desk.library / f"{UNPACKED}1-bb"
    for folder in (dead, alive):
        (folder / "Kit").mkdir(parents=True)
        (folder / "Kit" / "k.wav").write_bytes(b"k")
    assert sweep([desk.library, desk.library / "gone"]) == [dead]
    assert (dead.exists(), alive.exists()) == (False, True)


def test_what_no_rule_takes_out_of_it_keeps_an_archive_in_the_inbox(
    desk: Desk, make_pack: Make, tmp_path: Path
) -> None:
    folder = make_pack(tmp_path / "made", {"Kicks/VEH1 Bassdrum 001.wav": "Kit/Kick.wav"})
    make_pack(folder / "Kit" / "Sampler", {"Cymbals/CHH-1.wav": "CHH-1.wav"})
    (folder / "Kit" / "Sampler" / "kit.sfz").write_text("<region> sample=CHH-1.wav")
    pack_up(folder / "Kit" / "Sampler", folder / "Kit" / "inside.zip")
    path = pack_up(folder, desk.inbox / "Kit.zip")
    (report,) = desk.file()
    assert report.title == "Kit.zip"
    assert desk.filed() == ["Drums/Kicks/Kit/Kick.wav"]
    assert desk.left() == {"Kit.zip": Nature.BUNDLE}
    (stays,) = desk.parts.remainders.all()
    assert "inside.zip: an archive inside an archive is not opened" in stays.reason
    assert path.exists()


def test_undo_keeps_what_the_archive_does_not_hold_any_more(
    desk: Desk, make_pack: Make, tmp_path: Path
) -> None:
    (desk.home.rules / "default.toml").write_text(
        'version = 1\n[[rule]]\nname = "Archives"\nwhen = { type = "archive" }\n'
        'then = [{ unpack = true }, { leave = "unpacked" }]\n'
        '[[rule]]\nname = "All"\nthen = [{ move = "Sounds/{name}" }]\n'
    )
    desk.open_again()
    path = pack_up(
        make_pack(tmp_path / "1", {"Kicks/VEH1 Bassdrum 001.wav": "Kick.wav"}), desk.inbox / "p.zip"
    )
    desk.file()
    pack_up(make_pack(tmp_path / "2", {"Kicks/VEH1 Bassdrum 002.wav": "Kick.wav"}), path)
    desk.undo()
    assert desk.filed() == ["Sounds/Kick.wav"]


def test_an_archive_that_is_dropped_again_is_filed_again(desk: Desk, zipped: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept.zip"
    kept.write_bytes(zipped.read_bytes())
    desk.file()
    for name in desk.filed():
        if not name.startswith("_Archives"):
            (desk.library / name).unlink()
    zipped.write_bytes(kept.read_bytes())
    desk.file()
    assert set(FILED) <= set(desk.filed())


def test_what_an_undo_took_back_into_an_archive_is_not_unpacked_again(
    desk: Desk, make_pack: Make, tmp_path: Path
) -> None:
    folder = make_pack(tmp_path / "made", {"Kicks/VEH1 Bassdrum 001.wav": "Kit/Kick.wav"})
    (folder / "Kit" / "broken.wav").write_bytes(b"no sound at all")
    pack_up(folder, desk.inbox / "Kit.zip")
    desk.file()
    desk.undo()
    assert desk.filed() == []
    rules = desk.home.rules / "default.toml"
    rules.write_text(rules.read_text(encoding="utf-8") + "\n# changed\n", encoding="utf-8")
    desk.open_again()
    desk.file()
    assert desk.filed() == []


def test_a_library_on_another_disk_takes_what_is_unpacked(
    desk: Desk, make_pack: Make, tmp_path: Path, memory: Path
) -> None:
    config = Config(library=str(desk.library), inbox=[Inbox(str(desk.inbox))], libraries={"ssd": str(memory)})
    desk.home.config_file.write_text(dump(config), encoding="utf-8")
    (desk.home.rules / "default.toml").write_text(
        'version = 1\n[[rule]]\nname = "Archives"\nwhen = { type = "archive" }\n'
        'then = [{ unpack = true }, { move = "_Archives/" }]\n'
        '[[rule]]\nname = "All"\nthen = [{ move = "Sounds/{name}", library = "ssd" }]\n'
    )
    desk.open_again()
    path = pack_up(
        make_pack(tmp_path / "1", {"Kicks/VEH1 Bassdrum 001.wav": "Kick.wav"}), desk.inbox / "p.zip"
    )
    (report,) = desk.file()
    assert (report.filed, report.problems) == (2, 0)
    assert (memory / "Sounds/Kick.wav").is_file()
    desk.undo()
    assert (path.exists(), list(memory.iterdir())) == (True, [])


def test_companions_in_an_archive_go_along(desk: Desk, make_pack: Make, tmp_path: Path) -> None:
    folder = make_pack(tmp_path / "made", {"Kicks/VEH1 Bassdrum 001.wav": "Kit/Kick.wav"})
    (folder / "Kit" / "Kick.wav.asd").write_bytes(b"of Live")
    pack_up(folder, desk.inbox / "Kit.zip")
    desk.file()
    assert "Drums/Kicks/Kit/Kick.wav.asd" in desk.filed()


def test_after_an_undo_the_index_says_nothing_of_what_went_back(
    desk: Desk, zipped: Path, make_pack: Make
) -> None:
    desk.file()
    desk.undo()
    assert zipped.exists()
    make_pack(desk.inbox / "Kit", {"Kicks/VEH1 Bassdrum 002.wav": "Kicks/Kick.wav"})
    desk.file()
    (path,) = (desk.library / name for name in desk.filed())
    before = desk.parts.index.get(path)
    desk.parts.filing.recover()
    after = desk.parts.index.get(path)
    assert before is not None
    assert after is not None
    assert after.sample.facts.sound_id == before.sample.facts.sound_id
