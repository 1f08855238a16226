"""The seam itself: aliases of one entry, races, copies that keep everything, temps that are ours."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from organizer.errors import CannotWrite
from organizer.execution import syscalls
from organizer.execution.filesystem import Filesystem, Temp
from organizer.execution.looking import Looking
from organizer.execution.primitives import Primitives
from organizer.execution.problems import LeftAlone
from organizer.sample import Stamp
from tests.execution.stage import Script, ScriptedFilesystem, WithoutLinks, WithoutSafeRename

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(params=[ScriptedFilesystem, WithoutSafeRename, WithoutLinks])
def files(request: pytest.FixtureRequest) -> Filesystem:
    made: Filesystem = request.param(Script())
    return made


def stamp(path: Path) -> Stamp:
    return Stamp.of(path.lstat())


def test_every_call_that_changes_something_is_in_the_seam() -> None:
    calls = {name for name, value in vars(Primitives).items() if name.startswith("_") and callable(value)}
    own = {
        name
        for class_ in (Looking, Filesystem)
        for name, value in vars(class_).items()
        if name.startswith("_") and callable(value)
    }
    assert calls == set(Filesystem.PRIMITIVES)
    built = {"_reserve_and_replace", "_end_link", "_reading", "_blocks", "_stamp_of_placed"}
    assert own - {"__init__", "_stop"} == built


def test_nothing_is_overwritten_by_any_way_of_renaming(files: Filesystem, tmp_path: Path) -> None:
    source, target = tmp_path / "a", tmp_path / "b"
    source.write_bytes(b"one")
    target.write_bytes(b"two")
    with pytest.raises(CannotWrite, match="already something"):
        files.move(source, target, stamp(source))
    assert (source.read_bytes(), target.read_bytes()) == (b"one", b"two")


def test_a_link_as_destination_counts_as_something(files: Filesystem, tmp_path: Path) -> None:
    source, target = tmp_path / "a", tmp_path / "b"
    source.write_bytes(b"one")
    target.symlink_to(tmp_path / "nowhere")
    with pytest.raises(CannotWrite, match="already something"):
        files.move(source, target, stamp(source))
    assert source.exists()


def test_a_move_keeps_the_file_itself(files: Filesystem, tmp_path: Path) -> None:
    source, target = tmp_path / "a", tmp_path / "b"
    source.write_bytes(b"one")
    before = stamp(source)
    assert files.move(source, target, before) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b"]


@pytest.mark.parametrize("new", ["KICK.WAV", unicodedata.normalize("NFD", "kick.wav"), "Kick.wav"])
def test_two_hard_links_are_two_entries_and_not_one_name(files: Filesystem, tmp_path: Path, new: str) -> None:
    source, other = tmp_path / "one.wav", tmp_path / new
    source.write_bytes(b"one")
    other.hardlink_to(source)
    with pytest.raises(CannotWrite, match="already something"):
        files.move(source, other, stamp(source))
    assert source.exists()
    assert other.exists()


class Folding(Filesystem):
    """A disk that folds case and Unicode forms, as far as a rename sees it: the new name is there already."""

    def is_alias(self, source: Path, target: Path) -> bool:
        return _folded(source) == _folded(target) and target.name not in os.listdir(target.parent)  # noqa: PTH208  # names alone

    def _rename_noreplace(self, source: Path, target: Path) -> None:
        if _folded(source) == _folded(target):
            raise FileExistsError(17, "File exists", str(target))
        super()._rename_noreplace(source, target)


def _folded(path: Path) -> str:
    return unicodedata.normalize("NFC", str(path)).casefold()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Kick.wav", "kick.WAV"),
        (unicodedata.normalize("NFD", "Größe.wav"), unicodedata.normalize("NFC", "Größe.wav")),
    ],
)
def test_a_new_spelling_of_one_name_is_a_rename(tmp_path: Path, old: str, new: str) -> None:
    source, target = tmp_path / old, tmp_path / new
    source.write_bytes(b"one")
    Folding().move(source, target, stamp(source))
    assert [path.name for path in tmp_path.iterdir()] == [new]
    assert target.read_bytes() == b"one"


def test_a_file_put_in_place_of_the_source_at_the_last_moment_goes_back(tmp_path: Path) -> None:
    source, target = tmp_path / "a", tmp_path / "b"
    source.write_bytes(b"one")

    class Late(Filesystem):
        raced = False

        def _rename_noreplace(self, old: Path, new: Path) -> None:
            if not self.raced:
                self.raced = True
                (tmp_path / "other").write_bytes(b"somebody's")
                (tmp_path / "other").replace(source)
            super()._rename_noreplace(old, new)

    with pytest.raises(LeftAlone, match="has changed"):
        Late().move(source, target, stamp(source))
    assert source.read_bytes() == b"somebody's"
    assert not target.exists()


def test_a_reservation_that_somebody_fills_is_not_replaced(tmp_path: Path) -> None:
    source, target = tmp_path / "a", tmp_path / "b"
    source.write_bytes(b"one")
    with pytest.raises(CannotWrite, match="already something"):
        WithoutLinks(Script()).move(source, target, stamp(source), lambda path, _: _fill(path, b"theirs"))
    assert (source.read_bytes(), target.read_bytes()) == (b"one", b"theirs")


@pytest.mark.parametrize("failing", ["_replace", "_create"])
def test_a_reservation_goes_when_its_rename_fails(tmp_path: Path, failing: str) -> None:
    source, target = tmp_path / "a", tmp_path / "b"
    source.write_bytes(b"one")
    files = WithoutLinks(Script())

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    setattr(files, failing, refuse)
    with pytest.raises(OSError, match="No space"):
        files.move(source, target, stamp(source))
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_tag_rewrite_replaces_only_the_very_file_it_was_made_from(tmp_path: Path) -> None:
    path, files = tmp_path / "a", Filesystem()
    path.write_bytes(b"one")
    before = stamp(path)
    temp = files.write_temp(path, b"tagged")
    path.write_bytes(b"edited meanwhile")
    with pytest.raises(LeftAlone):
        files.replace_with(path, temp, before)
    assert path.read_bytes() == b"edited meanwhile"
    files.discard(temp.path)
    assert [one.name for one in tmp_path.iterdir()] == ["a"]


def test_a_read_only_file_is_rewritten_and_stays_read_only(tmp_path: Path) -> None:
    path, files = tmp_path / "a", Filesystem()
    path.write_bytes(b"one")
    path.chmod(0o444)
    os.utime(path, ns=(7, 8))
    temp = files.rewrite_temp(files.copy_to_temp(path, path), path, lambda copy: _fill(copy, b"new"))
    files.replace_with(path, temp, stamp(path))
    assert path.read_bytes() == b"new"
    assert (path.stat().st_mode & 0o777, path.stat().st_mtime_ns) == (0o444, 8)


def test_only_files_of_ours_are_discarded(tmp_path: Path) -> None:
    files = Filesystem()
    for name in (".organizer-mine.tmp", "a.tmp", ".organizer-0123456789abcdef.wav"):
        path = tmp_path / name
        path.write_bytes(b"not ours")
        files.discard(path)
        assert path.exists()
    ours = syscalls.temp_beside(tmp_path / "a")
    ours.touch()
    files.discard(ours)
    assert not ours.exists()


def test_a_folder_is_removed_only_when_it_is_empty(tmp_path: Path) -> None:
    files, folder = Filesystem(), tmp_path / "folder"
    assert files.make_folder(folder, 0o40750)
    assert folder.stat().st_mode & 0o777 == 0o750
    assert not files.make_folder(folder)
    (folder / "a").touch()
    assert not files.remove_folder(folder)
    (folder / "a").unlink()
    assert files.remove_folder(folder)


def test_a_file_in_place_of_a_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    with pytest.raises(CannotWrite, match="already something"):
        Filesystem().make_folder(tmp_path / "a")


def test_many_temps_of_one_disk_are_synced_in_one_call(tmp_path: Path) -> None:
    script = Script()
    files = ScriptedFilesystem(script)
    temps: list[Temp] = [files.write_temp(tmp_path / "a", b"x") for _ in range(9)]
    script.calls.clear()
    files.sync_temps([temp.path for temp in temps])
    assert script.calls == ["_sync_disk"]


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir, lambda path: path.symlink_to("elsewhere")])
def test_what_is_no_regular_file_has_no_stamp(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "a")
    with pytest.raises(CannotWrite, match="not a regular file"):
        Filesystem().stamp(tmp_path / "a")


def _fill(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def test_what_was_saved_just_before_the_rename_goes_back(tmp_path: Path) -> None:
    """Of the same size, in the same file: its time alone tells."""
    source, target = tmp_path / "a", tmp_path / "b"
    source.write_bytes(b"one")
    os.utime(source, ns=(1, 1))
    looked_at = stamp(source)

    def save() -> None:
        source.write_bytes(b"two")

    script = Script(0, meanwhile=save)
    with pytest.raises(LeftAlone, match="has changed"):
        ScriptedFilesystem(script).move(source, target, looked_at)
    assert script.calls[0] == "_rename_noreplace"
    assert (source.read_bytes(), target.exists()) == (b"two", False)
