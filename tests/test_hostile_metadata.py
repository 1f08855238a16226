"""What strangers wrote into their files, and how it reaches a terminal, JSON, and files of our own."""

from __future__ import annotations

import json
import logging
import os
import pty
import select
import shutil
import sqlite3
import struct
import subprocess
import sys
import tracemalloc
import zlib
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import mutagen
import pytest
from mutagen.id3 import COMM, TALB, TCON, TIT2, TKEY, TPE1, TXXX

from organizer.cli.main import main
from organizer.cli.output import LogLines
from organizer.config import Config, Inbox, dump
from organizer.errors import CannotWrite
from organizer.execution.writers import tags
from organizer.recognition import decode
from organizer.recognition.metadata import read_metadata
from organizer.sample import LIVE_PLACE
from tests.test_hostile_input import EVERYTHING, NAMES, PACK, ROOT, WITHOUT_TAGS, rules

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.desk import Desk

    Run = Callable[..., tuple[int, str, str]]
    TreeOf = Callable[[Path], Mapping[str, tuple[str, int, int]]]
    WriteSound = Callable[..., Path]

SAYS = (
    "../../../../etc/cron.d/evil",
    "/etc/passwd\0/etc/shadow",
    "\x1b]52;c;ZXZpbA==\x07\x1b]0;owned\x1b\\",
    "Kick\n\x1b[2J\r\x9b31m\x85 8A",
    "\u202egpj.exe \u2028 {name} %n $(id)",
)
LONG = "Kick " * 200_000  # a megabyte
FIELDS = ("title", "artist", "album", "genre", "comment")


@pytest.fixture
def run(desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run commands at the desk: what they exit with, and what they say."""
    monkeypatch.setenv("ORGANIZER_HOME", str(desk.home.rules.parent))

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(one) for one in arguments])
        out, err = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, out, err

    return run


def steering(text: str) -> set[str]:
    """Give what a terminal would not print but obey, or what would break a line in two."""
    return {one for one in text if not one.isprintable() and one != "\n"}


# What a file says of itself


def info_chunk(path: Path, values: Mapping[bytes, bytes]) -> None:
    """Add a LIST/INFO chunk to a WAV file."""
    entries = b"".join(
        name + struct.pack("<I", len(text)) + text + b"\0" * (len(text) % 2) for name, text in values.items()
    )
    add_chunk(path, b"LIST", b"INFO" + entries)


def add_chunk(path: Path, name: bytes, payload: bytes) -> None:
    raw = path.read_bytes() + name + struct.pack("<I", len(payload)) + payload + b"\0" * (len(payload) % 2)
    path.write_bytes(raw[:4] + struct.pack("<I", len(raw) - 8) + raw[8:])


def id3(audio: Any, says: tuple[str, ...]) -> None:
    classes: tuple[Any, ...] = (TIT2, TPE1, TALB, TCON)
    if audio.tags is None:
        audio.add_tags()
    for frame, text in zip(classes, says, strict=False):
        audio.tags.add(frame(encoding=3, text=[text]))
    free: tuple[Any, ...] = (COMM, TKEY, TXXX)
    audio.tags.add(free[0](encoding=3, lang="eng", desc="", text=[says[4]]))
    audio.tags.add(free[1](encoding=3, text=["../\x1b[2J"]))
    for number in range(300):
        audio.tags.add(free[2](encoding=3, desc=f"\x1b{number}", text=["v" * 100]))
    audio.save()


def spoiled(folder: Path, write_sound: WriteSound, says: tuple[str, ...]) -> list[Path]:
    """Write a sound in every format that holds text, with texts that are out to harm."""
    made = [
        write_sound(folder / f"Kick {name}") for name in ("info.wav", "a.aiff", "f.flac", "o.ogg", "m.mp3")
    ]
    raw = [text.encode("utf-8", "surrogatepass") + b"\xff\xfe\0" for text in says]
    info_chunk(made[0], dict(zip((b"INAM", b"IART", b"IPRD", b"IGNR", b"ICMT"), raw, strict=True)))
    id3(mutagen.File(made[1]), says)
    id3(mutagen.File(made[4]), says)
    for path in made[2:4]:
        audio: Any = mutagen.File(path)
        for field, text in zip(FIELDS, says, strict=True):
            audio[field] = [text]
        for number in range(300):
            audio[f"FIELD{number}"] = [SAYS[2]]
        audio.save()
    if shutil.which("ffmpeg"):
        made.append(spoiled_m4a(made[0], says))
    return made


def spoiled_m4a(sound: Path, says: tuple[str, ...]) -> Path:
    path = sound.with_name("Kick 4.m4a")
    subprocess.run(["ffmpeg", "-v", "error", "-i", sound, "-map_metadata", "-1", path], check=True)
    mp4: Any = mutagen.File(path)
    for field, text in zip(("\xa9nam", "\xa9ART", "\xa9alb", "\xa9gen", "\xa9cmt"), says, strict=True):
        mp4[field] = [text]
    mp4.save()
    return path


def live_tags(folder: Path, names: list[str]) -> None:
    """Write the file of Ableton Live, with tags that are out to harm."""
    items = "".join(
        f'<rdf:li rdf:parseType="Resource"><ablFR:filePath>{name}</ablFR:filePath><ablFR:keywords><rdf:Bag>'
        "<rdf:li>Drums|../../../etc/&#x9b;31m&#x202e;</rdf:li><rdf:li>Key|&#x85;/etc/passwd</rdf:li>"
        f"{'<rdf:li>' + 'x' * 100_000 + '</rdf:li>'}</rdf:Bag></ablFR:keywords></rdf:li>"
        for name in names
    )
    path = folder / LIVE_PLACE
    path.parent.mkdir()
    path.write_text(
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description xmlns:ablFR="https://ns.ableton.com/xmp/fs-resources/1.0/"><ablFR:items><rdf:Bag>'
        f"{items}</rdf:Bag></ablFR:items></rdf:Description></rdf:RDF></x:xmpmeta>"
    )


@pytest.mark.parametrize("long", [False, True], ids=["hostile", "a megabyte each"])
def test_what_a_file_says_of_itself_steers_nothing(
    desk: Desk, run: Run, write_sound: WriteSound, tree_of: TreeOf, tmp_path: Path, *, long: bool
) -> None:
    # What tags replace is kept for their undo, which takes its time with five megabytes each.
    rules(desk, WITHOUT_TAGS if long else EVERYTHING)
    says = tuple((text + LONG)[: len(LONG)] for text in SAYS) if long else SAYS
    made = spoiled(desk.inbox / "Pack", write_sound, says)
    if long and made[-1].suffix == ".m4a":
        made.pop().unlink()
    live_tags(desk.inbox / "Pack", [one.name for one in made])
    before = tree_of(desk.inbox)
    code, heard, err = run("classify", "--json", desk.inbox)
    texts = [json.loads(line)["metadata"] for line in heard.split("\n") if line]
    assert (code, err, len(texts)) == (0, "", len(made))
    assert long or all(set(FIELDS) <= one.keys() for one in texts)
    assert all(
        len(text) <= (64 * 201 if name == "live" else 1_000) for one in texts for name, text in one.items()
    )
    commands: list[tuple[str | Path, ...]] = [
        ("classify", desk.inbox), ("why", made[0]), ("rules", "explain", made[1]),
        ("sort", desk.inbox, "--dry-run"), ("sort", desk.inbox, "--yes"), ("status",), ("log",), ("log", "1"),
        ("why", desk.library / "Drums/Kicks/Pack/Kick info no key no bpm.wav"),
        ("undo", "--dry-run"), ("undo",), ("undo", "--yes"),
    ]  # fmt: skip
    ends: dict[tuple[str | Path, ...], int] = {("status",): 6, ("undo",): 2}
    for command in commands:
        code, out, err = run(*command)
        assert (steering(out + err), code) == (set(), ends.get(command, 0)), command
        assert len(out + err) < 100_000
        if command[-1] == "--yes" and command[0] == "sort":
            filed = [name for name in desk.filed() if name.startswith("Drums/Kicks/Pack/Kick ")]
            assert len(filed) == 2 * len(made)  # each with its sidecar
    after = tree_of(desk.inbox)
    assert {name: what[0] for name, what in after.items()} == {name: what[0] for name, what in before.items()}
    assert desk.filed() == []
    assert sorted(one.name for one in tmp_path.iterdir()) == ["Inbox", "Library", "home"]


def test_an_m4a_with_a_megabyte_of_comment_is_heard(
    run: Run, write_sound: WriteSound, tmp_path: Path
) -> None:
    if shutil.which("ffmpeg") is None:
        pytest.skip("needs the program ffmpeg")
    path = spoiled_m4a(write_sound(tmp_path / "home" / "Kick.wav"), (LONG, *SAYS[1:]))
    code, out, err = run("classify", path)
    assert (code, err) == (0, "")
    assert "kick" in out


def test_a_long_comment_does_not_fill_our_own_files(desk: Desk, write_sound: WriteSound) -> None:
    rules(desk, EVERYTHING)
    says = (*SAYS[:4], os.urandom(150_000).hex())  # what nothing can make much smaller
    kick = write_sound(desk.inbox / "Pack" / "Kick.flac")
    audio: Any = mutagen.File(kick)
    for field, text in zip(FIELDS, says, strict=True):
        audio[field] = [text]
    audio.save()
    (kick.parent / "Kick.txt").write_text("x")
    desk.file()
    sidecars = [one for one in desk.library.rglob("*") if one.suffix in (".json", ".xmp")]
    assert [one for one in sidecars if one.stat().st_size > 8_000] == []
    assert len(sidecars) >= 2
    desk.parts.__exit__(None, None, None)
    with closing(sqlite3.connect(desk.home.index)) as index:
        columns = [f"length({row[1]})" for row in index.execute("PRAGMA table_info(samples)")]
        (sizes,) = index.execute(f"SELECT {', '.join(columns)} FROM samples")
    assert sum(sizes) < 16_000
    with closing(sqlite3.connect(desk.home.journal)) as journal:
        rows = journal.execute("SELECT length(data), coalesce(length(patch), 0) FROM operation").fetchall()
    assert max(data for data, _ in rows) < 16_000
    # What was taken out of the sound is kept for its undo, and nothing else of it is.
    assert sum(patch for _, patch in rows) < 16_000
    desk.open_again()
    desk.undo()
    back: Any = mutagen.File(kick)
    assert back["comment"] == [says[4]]


def calls_for(work: Callable[[], object]) -> int:
    """Count the calls of functions that some work needs, which tells the same on every machine."""
    calls = 0

    def count(*_: object) -> None:
        nonlocal calls
        calls += 1

    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
    return calls


def test_ten_times_the_fields_are_ten_times_the_work(write_sound: WriteSound, tmp_path: Path) -> None:
    needed = []
    for fields in (300, 3_000):
        path = write_sound(tmp_path / f"{fields}.flac")
        audio: Any = mutagen.File(path)
        audio.clear()
        audio.tags.extend([(f"FIELD{number}", "x") for number in range(fields)])
        audio.tags.append(("TITLE", "Kick"))
        audio.save()
        assert read_metadata(path).texts == {"title": "Kick"}
        needed.append(calls_for(partial(read_metadata, path)))
    assert needed[1] < 20 * needed[0]  # to look for each among all of them would be a hundred times


def packed_tag() -> bytes:
    """Make a tag of ID3 that is small, with a title of 48 MB packed in it."""

    def syncsafe(number: int) -> bytes:
        return bytes(number >> shift & 127 for shift in (21, 14, 7, 0))

    packed = zlib.compress(b"\x03" + b"a" * (48 << 20), 9)
    frame = b"TIT2" + syncsafe(len(packed) + 4) + b"\0\x09" + syncsafe(100) + packed
    return b"ID3\x04\0\0" + syncsafe(len(frame)) + frame


def memory_for(work: Callable[[], object]) -> int:
    """Say how many bytes some work needs at its height."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_packed_tags_do_not_fill_the_memory_when_others_are_written(
    write_sound: WriteSound, tmp_path: Path
) -> None:
    path = write_sound(tmp_path / "Kick.wav")
    add_chunk(path, b"ID3 ", packed_tag())

    def write() -> None:
        with suppress(CannotWrite):
            tags.write(path, {"genre": "Kick"}, "fill")

    assert path.stat().st_size < 200_000
    assert memory_for(write) < 16 << 20


def test_packed_tags_do_not_fill_the_memory_when_a_sound_is_heard(
    write_sound: WriteSound, tmp_path: Path
) -> None:
    if shutil.which("ffmpeg") is None:
        pytest.skip("needs the program ffmpeg")
    path = tmp_path / "Kick.aac"
    kick = write_sound(tmp_path / "Kick.wav")
    subprocess.run(["ffmpeg", "-v", "error", "-i", kick, "-f", "adts", path], check=True)
    path.write_bytes(packed_tag() + path.read_bytes())

    def hear() -> None:
        assert decode.read(path, seconds=1.0).facts.format == "aac"
        read_metadata(path)

    assert memory_for(hear) < 16 << 20


# What reaches a terminal


@pytest.fixture
def named(desk: Desk, write_sound: WriteSound) -> Path:
    """Put a pack of hostile names into the inbox."""
    (desk.inbox / PACK).mkdir()
    for name in NAMES[:8]:
        shutil.copyfile(write_sound(desk.home.rules.parent / "kick.wav"), desk.inbox / PACK / name)
    (desk.inbox / PACK / "broken \x1b[2J.wav").write_bytes(b"no sound")
    return desk.inbox / PACK


def commands_of(desk: Desk, pack: Path) -> list[tuple[tuple[str | Path, ...], int]]:
    """Give commands that name what lies in a pack, in an order that makes sense, and what they exit with."""
    return [
        (("run", "--dry-run"), 0), (("classify", desk.inbox), 1), (("sort", desk.inbox, "--dry-run"), 0),
        (("why", pack / NAMES[0]), 0), (("rules", "explain", pack / NAMES[1]), 0),
        (("why", pack / "gone \x1b.wav"), 2), (("sort", pack / "gone \x1b.wav", "--yes"), 2),
        (("classify", "--json\x1b[2J"), 2), (("log", "\x1b[2J"), 2), (("\x1b[2J",), 2),
        (("sort", desk.inbox, "--yes"), 1), (("status",), 6), (("log",), 0), (("log", "1"), 0),
        (("why", pack / NAMES[2]), 0), (("reclassify", "--dry-run"), 0),
        (("undo", "--dry-run"), 0), (("undo",), 2), (("undo", "--yes"), 0), (("log", "2"), 0),
        (("redo", "--dry-run"), 0), (("doctor",), 0),
    ]  # fmt: skip


def test_hostile_names_are_told_and_never_sent(desk: Desk, run: Run, named: Path) -> None:
    for command, code in commands_of(desk, named):
        ended, out, err = run(*command)
        assert (steering(out + err), ended) == (set(), code), command
        if command[0] in ("classify", "log") and code < 2 and len(command) > 1:
            assert r"\udcff\n\x9b31m\u202e" in out


def test_json_of_hostile_names_is_valid_and_gives_them_back(desk: Desk, run: Run, named: Path) -> None:
    listed = {path.name for path in named.iterdir()}
    heard = [json.loads(line) for line in run("classify", "--json", desk.inbox)[1].split("\n") if line]
    assert {Path(one["path"]).name for one in heard} == listed
    for command, code in commands_of(desk, named):
        if (
            command[0] in ("run", "sort", "status", "log", "why", "undo", "redo", "reclassify", "rules")
            and code != 2
        ):
            ended, out, _ = run(*command, "--json")
            assert ended == code
            told = json.loads(out)
            if command == ("log", "1"):
                moved = {
                    Path(one["source"]).name for one in told[0]["operations"] if one["operation"] == "Move"
                }
                assert moved == listed - {"broken \x1b[2J.wav"}
    for line in run("journal", "export")[1].split("\n"):
        assert not line or json.loads(line)["operations"]


@pytest.mark.parametrize("command", [("classify", "--json"), ("sort", "--dry-run", "--json")])
def test_json_holds_nothing_that_a_terminal_obeys(
    desk: Desk, run: Run, named: Path, command: tuple[str, ...]
) -> None:
    _, out, err = run(*command, desk.inbox)
    assert named.name.startswith("Kit")
    assert steering(out + err) == set()


def test_an_error_of_click_is_told_and_never_sent(capsys: pytest.CaptureFixture[str]) -> None:
    @click.command()
    def fails() -> None:
        raise click.UsageError("No such option: --\x1b]0;owned\x07\x9b31m.wav")

    with pytest.raises(SystemExit):
        main([], commands=fails)
    assert steering(capsys.readouterr().err) == set()


def test_a_traceback_in_the_log_is_told_and_never_sent() -> None:
    try:
        raise ValueError("a file that says \x1b[2J\x9b31m")
    except ValueError:
        record = logging.LogRecord("a", logging.ERROR, "a.py", 1, "it failed", (), sys.exc_info())
    told = LogLines("%(message)s").format(record)
    assert told.startswith("it failed\nTraceback")
    assert steering(told) == set()


def on_a_terminal(desk: Desk, *arguments: str) -> str:
    """Run a command in a process of its own, on a terminal; give all that was sent to it."""
    ours, theirs = pty.openpty()
    command = "from organizer.cli.main import main; main()"
    if arguments[0] == "-c":
        command, arguments = arguments[1], ()
    home = str(desk.home.rules.parent)
    work = subprocess.Popen(
        [sys.executable, "-c", command, *arguments],
        env={
            **os.environ,
            "ORGANIZER_HOME": home,
            "PYTHONPATH": str(ROOT),
            "TERM": "xterm",
            "COLUMNS": "200",
        },
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    )
    said = b""
    try:
        while work.poll() is None or select.select([ours], [], [], 0)[0]:
            if select.select([ours], [], [], 0.05)[0]:
                said += os.read(ours, 65536)
    finally:
        os.close(ours)
        os.close(theirs)
    return said.decode("utf-8", "surrogateescape").replace("\r\n", "\n")


def test_a_terminal_gets_nothing_to_obey(desk: Desk, named: Path) -> None:
    config = Config(library=str(desk.library), inbox=[Inbox(str(desk.inbox))], settle_seconds=0.1)
    desk.home.config_file.write_text(dump(config), encoding="utf-8")
    for command in (("run", "--once"), ("status",), ("log", "1"), ("undo", "--yes")):
        said = on_a_terminal(desk, *command)
        assert steering(said) == set(), command
        assert r"\x1b" in said
    assert len(list(named.iterdir())) == 9


def test_moves_as_csv_are_exact_in_a_file_and_harmless_on_a_terminal(
    desk: Desk, run: Run, named: Path
) -> None:
    desk.file()
    assert NAMES[0] in run("log", "--relink", "-")[1]
    said = on_a_terminal(desk, "log", "--relink", "-")
    assert named.name[:4] in said
    assert steering(said) == set()


def test_a_name_in_the_progress_makes_no_markup(desk: Desk) -> None:
    said = on_a_terminal(
        desk,
        "-c",
        "from organizer.cli.output import Progress\n"
        "times = iter([0.0, 9.0, 9.0])\n"
        "with Progress('undo', clock=lambda: next(times)) as progress:\n"
        "    progress(r'undo of \\[link=file:x]Kit \\[blink]', 1, 10)\n",
    )
    assert "[link=file:x]Kit" in said
    assert "\x1b]8;" not in said
