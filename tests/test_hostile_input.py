"""Everything in an inbox may be hostile: names, links, archives, and files that look like our own."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import subprocess
import sys
import threading
import time
import warnings
import zipfile
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from organizer.batch.arrivals import arrivals_below
from organizer.batch.unpacking import sweep
from organizer.execution import syscalls
from organizer.execution.archives import UNPACKED
from organizer.execution.executor import Executor
from organizer.execution.filesystem import Filesystem
from organizer.library.remainders import Nature
from organizer.sample import LIVE_PLACE
from tests.rules.test_legal import assert_legal_everywhere

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tests.desk import Desk

    TreeOf = Callable[[Path], Mapping[str, tuple[str, int, int]]]
    WriteSound = Callable[..., Path]

ROOT = Path(__file__).parents[1]
# Terminal titles, the clipboard, colours, C1, line ends, bytes that are no UTF-8, letters that run backwards.
PACK = os.fsdecode(b"Kit \x1b]0;owned\x07\xff\n\xc2\x9b31m\xe2\x80\xae[link=file:x]")
NAMES = tuple(
    os.fsdecode(name)
    for name in (
        b"a \x1b]52;c;ZXZpbA==\x07.wav", b"b \xc2\x9b31m.wav", b"c\nd\r\te.wav", b"f \xff\xfe\x80.wav",
        b"g \xe2\x80\xaevaw.exe.wav", b"-rf.wav", b"--help.wav", b"CON.wav", b"h...wav", b"i. . .wav",
        b"j" * 251 + b".wav", b"\xf0\x9f\xa5\x81" * 62 + b".wav", b"\\..\\..\\k.wav", b"C:\\l.wav",
        b"\xed\xa0\x80.wav", b"\xe2\x80\xa8m.wav", b"{pack}.wav", b"%s%n.wav", b" n .wav", b"~.wav",
    )
)  # fmt: skip
EVERYTHING = """
version = 1
[[rule]]
name = "Archives"
when = { type = "archive" }
then = [{ unpack = true }, { move = "_Archives/{name}" }]
[[rule]]
name = "Sounds"
then = [
  { move = "Drums/{folder|Loops}/{pack|Loose}/{subpath}/{stem} {key|no key} {bpm|no bpm}.{ext}" },
  { tag = { title = "{stem}", comment = "{name}", genre = "{pack|none}", mode = "append" } },
  { xattr = "{stem}" },
  { copy = "Copies/{pack|Loose}/{name}" },
  { link = "Links/{name}", kind = "symbolic" },
  { sidecar = "json-each" }, { sidecar = "json" }, { sidecar = "xmp" },
]
"""
WITHOUT_TAGS = "\n".join(line for line in EVERYTHING.split("\n") if "tag =" not in line)
MOVE = 'version = 1\n[[rule]]\nname = "All"\nthen = [{ move = "All/{pack|Loose}/{name}" }]\n'


def rules(desk: Desk, text: str) -> None:
    (desk.home.rules / "default.toml").write_text(text)
    desk.open_again()


def names_below(folder: Path) -> list[str]:
    return sorted(str(one.relative_to(folder)) for one in folder.rglob("*"))


@pytest.fixture
def horrors(desk: Desk, write_sound: WriteSound, tmp_path: Path) -> Desk:
    """Put a pack of hostile names into the inbox, and some of them beside it."""
    kick = write_sound(tmp_path / "home" / "kick.wav")
    (desk.inbox / PACK).mkdir()
    for name in NAMES:
        shutil.copyfile(kick, desk.inbox / PACK / name)
    for name in NAMES[:5]:
        shutil.copyfile(kick, desk.inbox / name)
    return desk


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "home" / "outside"
    folder.mkdir()
    return folder


# Names


@pytest.mark.parametrize("text", ["", EVERYTHING], ids=["shipped rules", "every action"])
def test_hostile_names_are_filed_under_legal_ones_and_come_back(
    horrors: Desk, tree_of: TreeOf, tmp_path: Path, text: str
) -> None:
    if text:
        rules(horrors, text)
    before = tree_of(horrors.inbox)
    reports = horrors.file()
    assert [(one.filed, one.problems) for one in reports] == [(len(NAMES), 0), (5, 0)]
    assert list(horrors.inbox.iterdir()) == []
    for path in horrors.library.rglob("*"):
        if path.name not in (".organizer.json", "Ableton Folder Info"):
            assert_legal_everywhere(path.name)
        assert path.resolve().is_relative_to(horrors.library)
    horrors.parts.undoing.undo(horrors.parts.journal.undoable(), progress=lambda *_: None)
    assert (tree_of(horrors.inbox), horrors.filed()) == (before, [])
    assert sorted(one.name for one in tmp_path.iterdir()) == ["Inbox", "Library", "home"]


# Links


def not_regular_in(pack: Path, outside: Path, library: Path) -> list[Path]:
    """Lay links of all kinds, FIFOs, a socket and a device into a pack."""
    os.mkfifo(pack / "fifo.wav")
    os.mkfifo(pack / "Kick.wav.asd")
    os.mkfifo(pack / "fifo.zip")
    with closing(socket.socket(socket.AF_UNIX)) as door, suppress(OSError):  # a path may be too long for it
        door.bind(str(pack / "socket.wav"))
    with suppress(PermissionError):
        os.mknod(pack / "zero.wav", stat.S_IFCHR | 0o600, os.makedev(1, 5))
    for name, target in {
        "file.wav": outside / "Secret.wav", "folder": outside, "library": library, "self.wav": "self.wav",
        "loop": ".", "Ableton Folder Info": outside,
    }.items():  # fmt: skip
        (pack / name).symlink_to(str(target))
    return [one for one in pack.iterdir() if one.name != "Kick.wav"]


def test_what_is_no_file_is_neither_opened_nor_followed(
    desk: Desk, write_sound: WriteSound, tree_of: TreeOf, outside: Path
) -> None:
    write_sound(outside / "Secret.wav")
    write_sound(desk.inbox / "Pack" / "Kick.wav")
    litter = not_regular_in(desk.inbox / "Pack", outside, desk.library)
    (desk.inbox / "Elsewhere").symlink_to(outside)
    (desk.inbox / "loose.wav").symlink_to(outside / "Secret.wav")
    os.mkfifo(desk.inbox / "fifo.wav")
    before = tree_of(outside)
    work = threading.Thread(target=desk.file, daemon=True)
    work.start()
    work.join(20)
    assert not work.is_alive()  # it waits for nobody to write into a FIFO
    assert desk.filed() == ["Drums/Kicks/Pack/Kick.wav"]
    desk.undo()
    assert sorted((desk.inbox / "Pack").iterdir()) == sorted([*litter, desk.inbox / "Pack" / "Kick.wav"])
    assert tree_of(outside) == before


def test_tags_are_not_written_into_a_file_that_has_another_name_outside(
    desk: Desk, write_sound: WriteSound, tree_of: TreeOf, outside: Path
) -> None:
    rules(desk, EVERYTHING.replace('{ xattr = "{stem}" },', ""))
    kick = write_sound(outside / "Kick.wav")
    (desk.inbox / "Pack").mkdir()
    os.link(kick, desk.inbox / "Pack" / "Kick.wav")
    before = tree_of(outside)
    assert desk.file()[0].filed == 1
    assert tree_of(outside) == before
    desk.undo()
    assert (tree_of(outside), (desk.inbox / "Pack/Kick.wav").read_bytes()) == (before, kick.read_bytes())


def test_attributes_are_not_set_on_a_file_that_has_another_name_outside(
    desk: Desk, write_sound: WriteSound, outside: Path
) -> None:
    kick = write_sound(outside / "Kick.wav")
    if not hasattr(os, "listxattr"):
        pytest.skip("needs a platform whose attributes Python knows")
    (desk.inbox / "Pack").mkdir()
    os.link(kick, desk.inbox / "Pack" / "Kick.wav")
    rules(desk, 'version = 1\n[[rule]]\nname = "All"\nthen = [{ move = "All/" }, { xattr = "{kind}" }]\n')
    desk.file()
    assert os.listxattr(kick) == []


def test_a_pack_that_becomes_a_link_before_it_is_filed_is_not_followed(
    desk: Desk, write_sound: WriteSound, outside: Path
) -> None:
    write_sound(desk.inbox / "Pack" / "Kick.wav")
    write_sound(outside / "Kick.wav")
    (arrival,) = arrivals_below(desk.parts.config.inbox[0])
    shutil.rmtree(desk.inbox / "Pack")
    (desk.inbox / "Pack").symlink_to(outside)
    desk.parts.filing.file(arrival)
    assert (names_below(outside), desk.filed()) == (["Kick.wav"], [])


@pytest.mark.parametrize("action", ['{ move = "All/" }', '{ tag = { genre = "{kind}" } }'])
def test_a_pack_that_becomes_a_link_before_it_is_acted_on_is_not_followed(
    desk: Desk, write_sound: WriteSound, outside: Path, monkeypatch: pytest.MonkeyPatch, action: str
) -> None:
    rules(desk, f'version = 1\n[[rule]]\nname = "All"\nthen = [{action}]\n')
    kick = write_sound(desk.inbox / "Pack" / "Kick.wav")
    before = kick.read_bytes()
    run = Executor.run

    def swapped(self: Executor, plan: object, **options: object) -> object:
        (desk.inbox / "Pack").rename(outside / "Pack")
        (desk.inbox / "Pack").symlink_to(outside / "Pack")
        call: Callable[..., object] = run
        return call(self, plan, **options)

    monkeypatch.setattr(Executor, "run", swapped)
    desk.file()
    assert (outside / "Pack/Kick.wav").exists()
    assert (outside / "Pack/Kick.wav").read_bytes() == before


def test_undo_does_not_write_through_a_link_laid_into_the_inbox_since(
    desk: Desk, write_sound: WriteSound, outside: Path
) -> None:
    write_sound(desk.inbox / "Pack" / "Kick.wav")
    (desk.inbox / "Pack" / "evil.desktop").write_text("[Desktop Entry]\nExec=evil\n")
    desk.file()
    filed = desk.filed()
    assert filed == ["Drums/Kicks/Pack/Kick.wav", "_Packs/Pack/evil.desktop"]
    (desk.inbox / "Pack").symlink_to(outside)
    desk.undo()
    assert (names_below(outside), desk.filed()) == ([], filed)


def test_tags_for_live_are_not_written_through_a_link_in_a_pack(
    desk: Desk, write_sound: WriteSound, outside: Path
) -> None:
    rules(desk, 'version = 1\n[[rule]]\nname = "All"\nthen = [{ sidecar = "xmp" }]\n')
    write_sound(desk.inbox / "Pack" / "Kick.wav")
    (desk.inbox / "Pack" / LIVE_PLACE.parent).symlink_to(outside)
    desk.file()
    assert names_below(outside) == []


# Folders within folders


@pytest.fixture
def deep(desk: Desk, write_sound: WriteSound) -> Iterator[Path]:
    """Lay a sound under more folders than Python recurses into; it could not take them away either."""
    bottom = desk.inbox / "Pack" / "/".join(["a"] * 1_000)
    subprocess.run(["mkdir", "-p", bottom], check=True)
    yield shutil.copyfile(write_sound(desk.home.rules.parent / "kick.wav"), bottom / "Kick.wav")
    subprocess.run(["rm", "-rf", desk.inbox / "Pack"], check=True)


def test_a_sound_under_many_folders_is_filed_and_comes_back(desk: Desk, write_sound: WriteSound) -> None:
    rules(desk, 'version = 1\n[[rule]]\nname = "All"\nthen = [{ move = "{pack}/{subpath}/" }]\n')
    place = "Pack/" + "a/" * 60 + "Kick.wav"
    write_sound(desk.inbox / place)
    assert desk.file()[0].filed == 1
    assert (desk.filed(), list(desk.inbox.iterdir())) == ([place], [])
    desk.undo()
    assert (desk.filed(), (desk.inbox / place).exists()) == ([], True)


@pytest.mark.parametrize("command", [["run", "--dry-run"], ["sort", "--dry-run"], ["classify"]], ids=" ".join)
def test_a_thousand_folders_are_listed(desk: Desk, deep: Path, command: list[str]) -> None:
    places = [] if command[0] == "run" else [str(desk.inbox)]
    code = f"from organizer.cli.main import main; main({[*command, *places]})"
    assert str(deep) in in_a_process(desk, code)


def test_a_thousand_folders_do_not_keep_the_service_from_watching(desk: Desk, deep: Path) -> None:
    assert deep.exists()
    code = (
        "import pathlib; from organizer.service.watch import Watch\n"
        f"watch = Watch(pathlib.Path({str(desk.inbox)!r}), ring=lambda: None)\n"
        "watch.renew(); print('alive', watch.degraded); watch.stop()"
    )
    assert in_a_process(desk, code).startswith("alive")


def in_a_process(desk: Desk, code: str) -> str:
    """Run code apart from us, as what recursion leaves open would trouble other tests; give what it says."""
    home = str(desk.home.rules.parent)
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "ORGANIZER_HOME": home, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-500:]
    return done.stdout


# Archives


def hostile_zip(path: Path, sound: bytes) -> None:
    """Write names that lead out, clash, look like ours, or are no files."""
    plain = [
        "../up.wav", "Kit/../../up.wav", "/abs.wav", "C:/drive.wav", "..\\back.wav", "\\\\host\\share.wav",
        "Kit/Kick.wav", "Kit/KICK.wav", "Kit/Caf\u00e9.wav", "Kit/Cafe\u0301.wav",
        "Kit/e\x1b]0;x\x07\n.wav", "Kit/CON.wav", "Kit/.organizer-0123456789abcdef.tmp",
        "Kit/.organizer.json", f"Kit/{UNPACKED}9-x/k.wav", "Kit/Kick.wav.organizer.json", "Kit/-rf.wav",
    ]  # fmt: skip
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w") as archive:
        warnings.simplefilter("ignore")  # of names that are there twice
        for name in [*plain, "Kit/Kick.wav"]:
            archive.writestr(zipfile.ZipInfo(name), sound)
        for name, mode in {
            "Kit/link.wav": stat.S_IFLNK | 0o777, "Kit/fifo.wav": stat.S_IFIFO | 0o666,
            "Kit/device.wav": stat.S_IFCHR | 0o666, "Kit/root.wav": stat.S_IFREG | 0o6777,
        }.items():  # fmt: skip
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            archive.writestr(info, b"/etc/passwd" if name == "Kit/link.wav" else sound)


def test_a_hostile_archive_gives_plain_files_within_the_library(
    desk: Desk, write_sound: WriteSound, tree_of: TreeOf, tmp_path: Path
) -> None:
    rules(desk, MOVE.replace("[[rule]]", EVERYTHING.split("[[rule]]")[1].join(["[[rule]]"] * 2)))
    hostile_zip(desk.inbox / "Kit \x1b[2J.zip", write_sound(tmp_path / "home" / "kick.wav").read_bytes())
    before = tree_of(desk.inbox)
    desk.file()
    names = ["-rf", "Café", "Kick", "_CON", "device", "e_]0;x__", "fifo", "root"]
    assert desk.filed() == sorted(
        [*(f"All/Kit/{name}.wav" for name in names), "All/Kit/Kick.wav.organizer.json"]
    )
    mask = os.umask(0)
    os.umask(mask)
    for path in (desk.library / name for name in desk.filed()):
        assert stat.S_ISREG(path.lstat().st_mode)
        assert path.lstat().st_mode & 0o7777 == 0o666 & ~mask
    (stays,) = desk.parts.remainders.all()
    assert stays.nature is Nature.UNREADABLE
    assert "../up.wav: its name leads out of the archive" in stays.reason
    desk.undo()
    assert (tree_of(desk.inbox), desk.filed()) == (before, [])
    assert sorted(one.name for one in tmp_path.iterdir()) == ["Inbox", "Library", "home"]


def test_what_is_said_of_the_names_in_an_archive_is_bounded(desk: Desk, write_sound: WriteSound) -> None:
    kick = write_sound(desk.home.rules.parent / "kick.wav")
    with zipfile.ZipFile(desk.inbox / "Kit.zip", "w") as archive:
        archive.write(kick, "Kit/Kick.wav")
        for number in range(3):
            archive.writestr(zipfile.ZipInfo(f"../{number}{'x' * 60_000}"), b"evil")
    desk.file()
    (stays,) = desk.parts.remainders.all()
    assert len(stays.reason) < 2_000


def test_folders_within_folders_of_an_archive(desk: Desk, write_sound: WriteSound) -> None:
    kick = write_sound(desk.home.rules.parent / "kick.wav")
    with zipfile.ZipFile(desk.inbox / "Kit.zip", "w") as archive:
        archive.write(kick, "a/" * 490 + "Kick.wav")
    assert desk.file()[0].filed == 2
    desk.undo()
    assert (desk.filed(), names_below(desk.inbox)) == ([], ["Kit.zip"])


# What looks like ours


def look_alikes(folder: Path, write_sound: WriteSound) -> list[Path]:
    return [
        write_sound(folder / name)
        for name in (
            ".organizer-0123456789abcdef.tmp.wav", f"{UNPACKED}1-x/Kick.wav",
            f"{UNPACKED}999999999-x/Kick.wav", "Kits/.organizer.json/Kick.wav", ".organizer/Kick.wav",
        )
    ]  # fmt: skip


def test_what_looks_like_ours_in_an_inbox_is_left_alone(
    desk: Desk, write_sound: WriteSound, tree_of: TreeOf
) -> None:
    look_alikes(desk.inbox, write_sound)
    look_alikes(desk.inbox / "Pack", write_sound)
    before = tree_of(desk.inbox)
    desk.file()
    desk.parts.filing.recover()
    assert (tree_of(desk.inbox), desk.filed()) == (before, [])


@pytest.mark.parametrize("rule", ["json-each", "json"])
def test_a_sidecar_that_came_with_a_pack_is_not_taken_for_ours(
    desk: Desk, write_sound: WriteSound, tree_of: TreeOf, rule: str
) -> None:
    rules(desk, MOVE.replace("}]", f'}}, {{ sidecar = "{rule}" }}]'))
    kick = write_sound(desk.inbox / "Pack" / "Kick.wav")
    evil = '{"organizer": 2, "sounds": {}, "label": "evil", "category": "evil", "rule": "evil"}'
    kick.with_name("Kick.wav.organizer.json").write_text(evil)
    kick.with_name(".organizer.json").write_text(evil)
    before = tree_of(desk.inbox)
    desk.file()
    entry = desk.parts.index.get(desk.library / "All/Pack/Kick.wav")
    assert entry is not None
    assert (entry.rule, entry.sample.recognition.category) == ("All", "kick")
    assert (desk.library / "All/Pack/Kick.wav.organizer.json").read_text() == evil  # it went along
    assert (desk.inbox / "Pack/.organizer.json").read_text() == evil
    desk.undo()
    assert (tree_of(desk.inbox), desk.filed()) == (before, [])


@pytest.mark.parametrize("kind", ["link", "fifo", "garbage", "nested", "ours"])
def test_a_hostile_file_of_its_folder_is_not_written_through_and_is_given_back(
    desk: Desk, write_sound: WriteSound, outside: Path, kind: str
) -> None:
    rules(desk, 'version = 1\n[[rule]]\nname = "All"\nthen = [{ sidecar = "json" }]\n')
    place = write_sound(desk.inbox / "Pack" / "Kick.wav").with_name(".organizer.json")
    other = outside / "other.json"
    other.write_text('{"organizer": 2, "sounds": {}}')
    held = {
        "garbage": "no JSON",
        "nested": f'{{"organizer": 2, "sounds": {{}}, "x": {"[" * 50_000}{"]" * 50_000}}}',
        "ours": '{"organizer": 2, "sounds": {"pcm:1": {"names": ["Kick.wav"], "label": "evil"}}}',
    }.get(kind, "")
    if kind == "link":
        place.symlink_to(other)
    elif kind == "fifo":
        os.mkfifo(place)
    else:
        place.write_text(held)
    desk.file()
    assert other.read_text() == '{"organizer": 2, "sounds": {}}'
    if kind == "ours":
        assert "evil" not in place.read_text()
        desk.undo()
    assert not held or place.read_text() == held


def crash_while_tagging(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stop as a power cut would, with a temp written and not yet in its place; then recover."""

    def cut(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as crash, pytest.raises(KeyboardInterrupt):
        crash.setattr(Filesystem, "sync_temps", cut)
        desk.file()
    desk.open_again()
    desk.parts.filing.recover()


@pytest.mark.parametrize(
    "name",
    [
        "0123456789abcdef",
        "MyFavouriteKick1",
        "ÄÖÜäöüÄÖÜäöüÄÖÜä",
        "0123456789ABCDEF0",
        "My Kick",
    ],
)
def test_recovery_removes_no_file_that_was_there_before_its_batch(
    desk: Desk, write_sound: WriteSound, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    rules(desk, 'version = 1\n[[rule]]\nname = "All"\nthen = [{ tag = { genre = "{kind}" } }]\n')
    kick = write_sound(desk.inbox / "Pack" / "Kick.wav")
    mine = kick.with_name(f"{syscalls.TEMP_PREFIX}{name}{syscalls.TEMP_SUFFIX}")
    shutil.copyfile(kick, mine)
    if name == "0123456789abcdef":
        time.sleep(2.2)  # nothing but its age tells it from ours, and some disks tell that by two seconds
    crash_while_tagging(desk, monkeypatch)
    assert sorted(one.name for one in kick.parent.iterdir()) == sorted(["Kick.wav", mine.name])


@pytest.mark.parametrize(
    "number",
    [
        "x",
        "",
        "²",
        "9" * 20,
    ],
)
def test_a_folder_that_only_looks_unpacked_is_kept_and_stops_no_start(
    desk: Desk, write_sound: WriteSound, number: str
) -> None:
    kick = write_sound(desk.library / f"{UNPACKED}{number}-x" / "Kick.wav")
    assert sweep([desk.library]) == []
    assert kick.exists()


# Modes


@pytest.fixture(params=[0o027, 0o077], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    mask: int = request.param
    before = os.umask(mask)
    yield mask
    os.umask(before)


def test_what_we_make_has_the_modes_that_the_user_asks_for(
    umask: int, desk: Desk, write_sound: WriteSound, tmp_path: Path
) -> None:
    rules(desk, EVERYTHING)
    desk.home.state.mkdir(exist_ok=True)
    desk.home.state.chmod(0o755)
    write_sound(desk.inbox / "Pack" / "Kick.wav").chmod(0o664)
    with zipfile.ZipFile(desk.inbox / "Kit.zip", "w") as archive:
        archive.write(write_sound(tmp_path / "home" / "kick.wav"), "Kit/Kick.wav")
    desk.file()
    kept = {path for path in desk.library.rglob("*Kick*.wav") if "Pack" in path.parts} | {
        desk.library / "_Archives/Kit.zip"
    }
    assert len(kept) == 3
    for path in desk.library.rglob("*"):
        mode = path.lstat().st_mode
        if stat.S_ISDIR(mode):
            assert mode & 0o7777 == 0o777 & ~umask, path
        elif stat.S_ISREG(mode) and path.suffix != ".zip":
            assert mode & 0o7777 == (0o664 if path in kept else 0o666 & ~umask), path
    assert desk.home.state.stat().st_mode & 0o7777 == 0o700
    for path in desk.home.state.glob("journal*"):
        assert path.stat().st_mode & 0o7777 == 0o600, path


def test_a_state_folder_that_was_open_to_others_is_closed_whoever_comes_first(desk: Desk) -> None:
    desk.home.state.mkdir(exist_ok=True)
    desk.home.state.chmod(0o755)
    assert desk.parts.index.count_below(desk.library) == 0
    assert desk.home.state.stat().st_mode & 0o7777 == 0o700
