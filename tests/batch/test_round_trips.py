"""Every format through every writer at once, and back byte for byte, times, modes and attributes included."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
import soundfile

from organizer.demo import sounds
from organizer.recognition.identity import sound_id

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tests.desk import Desk

    TreeOf = Callable[[Path], Mapping[str, tuple[str, int, int]]]

FORMATS: dict[str, dict[str, str]] = {
    "wav": {"subtype": "PCM_24"},
    "float.wav": {"subtype": "FLOAT"},
    "aiff": {"subtype": "PCM_16"},
    "flac": {"subtype": "PCM_16"},
    "ogg": {"subtype": "VORBIS"},
    "opus": {"format": "OGG", "subtype": "OPUS"},
    "mp3": {},
    "m4a": {},
}
WRITERS = {
    "tag": '{ tag = { title = "{stem}", genre = "{category}", comment = "{pack}", label = "{label}" } }',
    "xattr": '{ xattr = ["{category}", "{kind}"] }',
    "json": '{ sidecar = "json" }',
    "json-each": '{ sidecar = "json-each" }',
    "xmp": '{ sidecar = "xmp" }',
    "link": '{ link = "Links/{name}" }',
    "copy": '{ copy = "Copies/{name}" }',
}
EVERYTHING = ", ".join(WRITERS.values())


def made(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".m4a":
        ffmpeg = shutil.which("ffmpeg")
        if ffmpeg is None:
            pytest.skip("needs the program ffmpeg")
        wave = path.with_suffix(".wav")
        soundfile.write(wave, sounds.kick(seconds=0.4), 48_000)
        subprocess.run([ffmpeg, "-v", "error", "-i", wave, "-c:a", "aac", path], check=True)
        wave.unlink()
    else:
        soundfile.write(path, sounds.kick(seconds=0.4), 48_000, **FORMATS[path.name.partition(".")[2]])
    os.utime(path, ns=(1_400_000_000_123_456_789, 1_400_000_000_987_654_321))
    path.chmod(0o640)
    os.setxattr(path, "user.xdg.tags", b"mine")
    os.setxattr(path, "user.note", b"kept")
    return path


def attributes(root: Path) -> dict[str, dict[str, bytes]]:
    return {
        str(path.relative_to(root)): {name: os.getxattr(path, name) for name in os.listxattr(path)}
        for path in root.rglob("*")
        if path.is_file()
    }


def use(desk: Desk, then: str) -> None:
    (desk.home.rules / "default.toml").write_text(f'version = 1\n[[rule]]\nname = "R"\nthen = [{then}]\n')
    desk.open_again()


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("place", ["moved", "where it lies"])
def test_a_sound_goes_through_all_writers_and_back(
    desk: Desk, tree_of: TreeOf, suffix: str, place: str
) -> None:
    path = made(desk.inbox / "Kit" / "Kicks" / f"Kick.{suffix}")
    before, kept, sound = tree_of(desk.inbox), attributes(desk.inbox), sound_id(path)
    use(desk, EVERYTHING if place == "where it lies" else f'{{ move = "Kicks/{{name}}" }}, {EVERYTHING}')
    desk.file()
    now = path if place == "where it lies" else desk.library / "Kicks" / path.name
    assert sound_id(now) == sound
    assert os.getxattr(now, "user.note") == b"kept"
    assert os.getxattr(now, "user.xdg.tags") == b"mine,kick,oneshot"
    assert (now.stat().st_mtime_ns, now.stat().st_mode & 0o777) == (1_400_000_000_987_654_321, 0o640)
    assert now.read_bytes() == (desk.library / "Copies" / path.name).read_bytes()
    assert now.samefile(desk.library / "Links" / path.name)
    (told,) = json.loads((now.parent / ".organizer.json").read_bytes())["sounds"].items()
    assert (told[0], told[1]["names"], told[1]["label"]) == (sound, [path.name], "kick")
    desk.undo()
    assert tree_of(desk.inbox) == before
    assert attributes(desk.inbox) == kept
    assert desk.filed() == []


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("suffix", FORMATS)
def test_each_writer_by_itself_is_undone(desk: Desk, tree_of: TreeOf, suffix: str, writer: str) -> None:
    made(desk.inbox / "Kit" / f"Kick.{suffix}")
    before, kept = tree_of(desk.inbox), attributes(desk.inbox)
    use(desk, WRITERS[writer])
    (report,) = desk.file()
    assert report.batch is not None
    assert (tree_of(desk.inbox), attributes(desk.inbox), desk.filed()) != (before, kept, [])
    desk.undo()
    assert (tree_of(desk.inbox), attributes(desk.inbox), desk.filed()) == (before, kept, [])
