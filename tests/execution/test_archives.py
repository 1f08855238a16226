"""Archives of strangers: what they hold, and what they may not do."""

from __future__ import annotations

import errno
import gzip
import io
import lzma
import os
import random
import stat
import struct
import sys
import tarfile
import zipfile
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from organizer.errors import FileProblem, Unreadable, Unsupported
from organizer.execution import archives
from organizer.execution.stream import asking
from organizer.recognition.identity import content_hash
from organizer.stopping import Stopped, never
from tests.asked import YesFrom

if TYPE_CHECKING:
    from collections.abc import Callable


def made(path: Path, files: dict[str, bytes], *, compression: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, (2020, 2, 29, 12, 30, 40)), content, compression)
    return path


def unpacked(path: Path, folder: Path) -> dict[str, bytes]:
    members, _ = archives.members_of(path)
    folder.mkdir()
    archives.unpack(path, members, folder, progress=lambda _: None)
    return {str(one.relative_to(folder)): one.read_bytes() for one in folder.rglob("*") if one.is_file()}


@pytest.mark.parametrize(
    "compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
)
def test_a_zip_is_unpacked_byte_for_byte_with_its_times(tmp_path: Path, compression: int) -> None:
    files = {"Kit/Kicks/K 1.wav": bytes(range(256)) * 9, "Kit/Größe.txt": b"", "Kit/empty/": b""}
    path = made(tmp_path / "Kit.zip", files, compression=compression)
    assert unpacked(path, tmp_path / "out") == {
        "Kit/Kicks/K 1.wav": files["Kit/Kicks/K 1.wav"],
        "Kit/Größe.txt": b"",
    }
    (first, *_), refused = archives.members_of(path)
    assert refused == []
    assert (tmp_path / "out" / first.path).stat().st_mtime_ns == first.mtime_ns
    hashes = archives.hashes_of(path)
    assert hashes["Kit/Kicks/K 1.wav"] == content_hash(tmp_path / "out" / "Kit/Kicks/K 1.wav")


@pytest.mark.parametrize(
    "name",
    [
        "../evil.wav",
        "a/../../evil.wav",
        "/etc/evil.wav",
        "C:\\evil.wav",
        "..\\..\\evil.wav",
        "\\\\host\\evil.wav",
    ],
)
def test_a_name_that_leads_out_is_refused_and_the_rest_is_not(tmp_path: Path, name: str) -> None:
    path = made(tmp_path / "a.zip", {name: b"evil", "good.wav": b"good"})
    members, refused = archives.members_of(path)
    assert [member.path for member in members] == [PurePosixPath("good.wav")]
    assert refused == [f"{name}: its name leads out of the archive"]
    assert unpacked(path, tmp_path / "out") == {"good.wav": b"good"}


def test_backslashes_are_folders_and_odd_names_are_named(tmp_path: Path) -> None:
    path = made(tmp_path / "a.zip", {"Kit\\Kicks\\k.wav": b"k", "./a//b.wav": b"b", "x" * 300: b"long"})
    members, refused = archives.members_of(path)
    assert {str(member.path) for member in members} == {"Kit/Kicks/k.wav", "a/b.wav"}
    assert refused == [f"{'x' * 100}: its name is no name for a file"]


def test_links_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        link = zipfile.ZipInfo("link.wav")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("good.wav", b"good")
    assert archives.members_of(path)[1] == ["link.wav: it is a link"]
    assert unpacked(path, tmp_path / "out") == {"good.wav": b"good"}


def test_two_files_of_one_name_do_not_overwrite_each_other(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("k.wav", b"one")
        archive.writestr("k.wav", b"two")
    members, refused = archives.members_of(path)
    assert (len(members), refused) == (1, ["k.wav: there are two of this name"])
    assert unpacked(path, tmp_path / "out") == {"k.wav": b"one"}


def test_a_bomb_is_refused_by_what_it_claims(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MOST_SLACK", 1 << 20)
    path = made(tmp_path / "a.zip", {"zeros.wav": bytes(64 << 20)})
    with pytest.raises(Unreadable, match=r"more than .* MB, which no pack does"):
        archives.members_of(path)


def test_a_bomb_that_lies_of_its_size_is_stopped_while_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "MOST_SLACK", 1 << 20)
    path = made(tmp_path / "a.zip", {"zeros.wav": bytes(64 << 20)})
    raw = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        place = raw.index(signature) + offset
        raw[place : place + 4] = struct.pack("<I", 1_000)
    path.write_bytes(raw)
    members, _ = archives.members_of(path)
    (tmp_path / "out").mkdir()
    with pytest.raises(Unreadable):
        archives.unpack(path, members, tmp_path / "out", progress=lambda _: None)
    assert sum(one.stat().st_size for one in (tmp_path / "out").rglob("*")) < 32 << 20


def test_too_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MOST_MEMBERS", 10)
    path = made(tmp_path / "a.zip", {f"{number}.wav": b"" for number in range(11)})
    with pytest.raises(Unreadable, match="more than 10 files"):
        archives.members_of(path)


def test_a_password_is_said(tmp_path: Path) -> None:
    path = made(tmp_path / "a.zip", {"k.wav": b"k"})
    raw = bytearray(path.read_bytes())
    raw[raw.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(raw)
    with pytest.raises(Unreadable, match="locked with a password"):
        archives.members_of(path)


def test_a_damaged_member_is_said(tmp_path: Path) -> None:
    path = made(tmp_path / "a.zip", {"k.wav": b"kkkkkkkkkk" * 50}, compression=zipfile.ZIP_STORED)
    raw = bytearray(path.read_bytes())
    raw[raw.index(b"kkkkkkkkkk") + 5] = 0
    path.write_bytes(raw)
    with pytest.raises(Unreadable, match="cannot be unpacked"):
        unpacked(path, tmp_path / "out")


@pytest.mark.parametrize(
    "content", [b"", b"Rar!", b"7z\xbc\xaf\x27\x1c" + bytes(40), b"PK\x03\x04" + bytes(40)]
)
def test_what_is_no_whole_archive_is_said(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.rar"
    path.write_bytes(content)
    with pytest.raises(FileProblem) as raised:
        archives.members_of(path)
    assert raised.value.hint


def test_without_libarchive_its_formats_say_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "libarchive", None)
    path = tmp_path / "a.7z"
    path.write_bytes(b"7z\xbc\xaf\x27\x1c" + bytes(40))
    with pytest.raises(Unsupported, match="7z archives need libarchive") as raised:
        archives.members_of(path)
    assert "pip install 'organizer[archives]'" in raised.value.hint


def test_a_tar_is_read_by_libarchive(tmp_path: Path) -> None:
    pytest.importorskip("libarchive", reason="needs the extra 'archives'")
    path = tmp_path / "a.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, content in {"Kit/k.wav": b"k" * 100_000, "../evil.wav": b"evil"}.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(content), 1_500_000_000
            archive.addfile(info, io.BytesIO(content))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    (member,), refused = archives.members_of(path)
    assert member.mtime_ns == 1_500_000_000 * 10**9
    assert sorted(refused) == [
        "../evil.wav: its name leads out of the archive",
        "link: it is a link or device",
    ]
    assert unpacked(path, tmp_path / "out") == {"Kit/k.wav": b"k" * 100_000}


@settings(max_examples=200, deadline=2_000, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changes=st.lists(st.tuples(st.integers(0, 600), st.integers(0, 255)), max_size=6), cut=st.integers(0, 600)
)
def test_whatever_is_wrong_with_a_zip_nothing_leaves_its_folder(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, int]], cut: int
) -> None:
    home = tmp_path_factory.mktemp("zip")
    path = made(home / "a.zip", {"Kit/k.wav": b"k" * 300, "Kit/s.wav": bytes(range(100)), "n.txt": b"n"})
    raw = bytearray(path.read_bytes())
    for place, value in changes:
        raw[place % len(raw)] = value
    path.write_bytes(raw[: len(raw) - cut % len(raw)] if cut % 3 == 0 else raw)
    try:
        unpacked(path, home / "out")
    except FileProblem as problem:
        assert problem.message
    assert {one.name for one in home.iterdir()} <= {"a.zip", "out"}


def test_a_wrong_checksum_in_a_7z_is_noticed(tmp_path: Path) -> None:
    libarchive = pytest.importorskip("libarchive", reason="needs the extra 'archives'")
    path = tmp_path / "a.7z"
    content = bytes(range(256)) * 400
    with libarchive.file_writer(str(path), "7zip", options="compression=store") as archive:
        archive.add_file_from_memory("k.wav", len(content), content)
    assert unpacked(path, tmp_path / "good") == {"k.wav": content}
    raw = bytearray(path.read_bytes())
    raw[200] ^= 0xFF
    path.write_bytes(raw)
    with pytest.raises(Unreadable):
        unpacked(path, tmp_path / "bad")


def test_a_tar_that_ends_with_a_zip_is_a_tar(tmp_path: Path) -> None:
    pytest.importorskip("libarchive", reason="needs the extra 'archives'")
    inner = made(tmp_path / "extras.zip", {"inner.txt": b"inner"}, compression=zipfile.ZIP_STORED)
    (tmp_path / "k.wav").write_bytes(b"k")
    path = tmp_path / "pack.tar"
    with tarfile.open(path, "w") as archive:
        archive.add(tmp_path / "k.wav", "k.wav")
        archive.add(inner, "extras.zip")
    assert {member.name for member in archives.members_of(path)[0]} == {"k.wav", "extras.zip"}


def test_names_that_some_disks_take_for_one_are_refused_alone(tmp_path: Path) -> None:
    path = made(
        tmp_path / "a.zip",
        {"Kick.wav": b"1", "kick.WAV": b"2", "Kit": b"file", "Kit/k.wav": b"3", "a/b": b"4", "A": b"5"},
    )
    assert set(unpacked(path, tmp_path / "out")) == {"Kick.wav", "Kit", "a/b"}
    assert len(archives.members_of(path)[1]) == 3


def test_a_stop_gives_up_one_large_member_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "_BLOCK", 1_000)
    path = made(tmp_path / "Kit.zip", {"Kit/long.wav": bytes(50_000)})
    members, _ = archives.members_of(path)
    written: list[int] = []
    with pytest.raises(Stopped):
        archives.unpack(path, members, tmp_path / "out", stop=YesFrom(10), progress=written.append)
    assert written == [1_000 * number for number in range(1, 10)]
    with pytest.raises(Stopped):
        archives.hashes_of(path, stop=lambda: True)


@pytest.mark.parametrize("packed", [None, gzip.open, lzma.open], ids=["tar", "tar.gz", "tar.xz"])
def test_a_stop_gives_up_even_the_listing_of_an_archive_that_has_to_be_read_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, packed: Callable[..., IO[bytes]] | None
) -> None:
    monkeypatch.setattr(archives, "_BLOCK", 4_096)
    files = {"Kit/long.wav": random.Random(1).randbytes(400_000), "Kit/short.wav": b"short"}
    path = tmp_path / "Kit.tar"
    with tarfile.open(path, "w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    if packed is not None:
        plain = path.read_bytes()
        with packed(path, "wb") as file:
            file.write(plain)
    stop = YesFrom(2)
    with pytest.raises(Stopped):
        archives.members_of(path, stop=stop)
    assert stop.count == 2
    assert unpacked(path, tmp_path / "out") == files


def test_what_a_disk_says_while_an_archive_is_read_is_not_the_archives_fault(tmp_path: Path) -> None:
    class Failing(io.FileIO):
        def readinto(self, _buffer: object) -> int:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    path = tmp_path / "Kit.tar"
    path.write_bytes(b"tar")
    buffer = bytearray(8)
    with pytest.raises(OSError, match="Input/output"), Failing(path) as file, asking(file, never) as stream:
        assert stream.readinto(buffer) == 0
        stream.seek(-1)
        assert stream.tell() < 0
        raise ValueError("it ends too soon")
