from __future__ import annotations

import io
import json
import logging
import os
import socket
import struct
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import pytest

from organizer.cli.logs import is_journal, start_logging
from tests.execution.disks import TMPFS, plugged, quick_place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from organizer.service.calm import Calm

logger = logging.getLogger("organizer.service.intake")
ODD = os.fsdecode(b"Pack \xff\n\x1b[2J.wav")


@pytest.fixture(autouse=True)
def _root_is_left_as_it_was() -> Iterator[None]:
    def state() -> tuple[object, ...]:
        noisy = [logging.getLogger(name).level for name in ("watchdog", "numba")]
        return logging.getLogger().handlers[:], logging.getLogger().level, noisy

    before = state()
    yield
    assert state() == before


def always() -> Callable[[], float]:
    """A clock so fast that nothing is ever a flood."""
    times = iter(range(0, 1 << 40, 3600))
    return lambda: float(next(times))


def lines_of(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def test_each_message_is_a_line_for_people_and_an_object_for_programs(tmp_path: Path) -> None:
    told = io.StringIO()
    with start_logging(tmp_path / "state", verbose=False, environ={}, stderr=told):
        logger.info("%s: %d filed", ODD, 3)
        logger.debug("not asked for")
        try:
            raise ValueError(ODD)
        except ValueError:
            logger.exception("%s failed", "it")
    first, second, *traceback = told.getvalue().splitlines()
    assert first[8:] == r" Pack \udcff\n\x1b[2J.wav: 3 filed"
    assert second[8:] == " it failed"
    assert traceback[-2:] == [r"ValueError: Pack \udcff", r"\x1b[2J.wav"]
    file = tmp_path / "state" / "organizer.log"
    assert file.read_text(encoding="utf-8").replace("\n", "").isprintable()
    filed, failed = lines_of(file)
    moment = datetime.fromisoformat(filed.pop("time"))
    assert moment.tzinfo is not None
    assert filed == {
        "level": "INFO",
        "logger": "organizer.service.intake",
        "message": f"{ODD}: 3 filed",
    }
    assert os.fsencode(filed["message"]).startswith(b"Pack \xff\n")
    assert failed["level"] == "ERROR"
    assert failed["exception"].startswith("Traceback (most recent call last):\n")
    assert failed["exception"].endswith(f"ValueError: {ODD}")


def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with start_logging(tmp_path / "state", verbose=False, environ={}, stderr=io.StringIO()):
            logger.info("a name")
    finally:
        os.umask(before)
    modes = [(tmp_path / name).stat().st_mode & 0o777 for name in ("state", "state/organizer.log")]
    assert modes == [0o700, 0o600]


def test_with_nothing_to_say_there_is_no_file_and_without_a_state_never(tmp_path: Path) -> None:
    told = io.StringIO()
    with start_logging(tmp_path / "state", verbose=False, environ={}, stderr=told):
        pass
    with start_logging(None, verbose=False, environ={}, stderr=told):
        logger.info("only here")
    assert not (tmp_path / "state").exists()
    assert "only here" in told.getvalue()


def test_verbose_says_more_but_for_the_noisy(tmp_path: Path) -> None:
    told = io.StringIO()
    with start_logging(tmp_path, verbose=True, environ={}, stderr=told):
        logger.debug("a step")
        for noisy in ("watchdog.observers.inotify", "numba.core"):
            logging.getLogger(noisy).debug("so many steps")
    assert [line[9:] for line in told.getvalue().splitlines()] == ["a step"]


def test_a_flood_is_a_few_lines_and_a_count_everywhere(tmp_path: Path) -> None:
    told = io.StringIO()
    with start_logging(tmp_path, verbose=False, environ={}, stderr=told, clock=lambda: 0.0):
        for number in range(10_000):
            logger.warning("%s cannot be read", number)
    lines = [line[9:] for line in told.getvalue().splitlines()]
    assert len(lines) == 6
    assert lines[-1] == "9999 cannot be read (and 9,994 more like it in 0 s)"
    written = lines_of(tmp_path / "organizer.log")
    assert [line["message"] for line in written] == lines
    assert written[-1]["more"] == 9_994


def test_the_count_comes_when_it_is_asked_for(tmp_path: Path) -> None:
    told, now = io.StringIO(), 0.0
    with start_logging(tmp_path, verbose=False, environ={}, stderr=told, clock=lambda: now) as calm:
        for number in range(100):
            logger.warning("%s cannot be read", number)
        now = 60.0
        calm.tell()
        assert told.getvalue().splitlines()[-1].endswith("(and 94 more like it in 60 s)")


def test_the_file_rotates_and_stays_bounded(tmp_path: Path) -> None:
    with start_logging(tmp_path, verbose=False, environ={}, stderr=io.StringIO(), clock=always()):
        for number in range(700):
            logger.info("%d %s", number, "x" * 10_000)
    files = sorted(tmp_path.iterdir())
    assert [file.name for file in files] == ["organizer.log", *(f"organizer.log.{n}" for n in (1, 2, 3))]
    assert all(file.stat().st_size <= 1_000_000 for file in files)
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    numbers = [int(line["message"].split()[0]) for file in files[3:0:-1] for line in lines_of(file)]
    numbers += [int(line["message"].split()[0]) for line in lines_of(files[0])]
    assert numbers == list(range(numbers[0], 700))
    assert len(numbers) > 300


def test_a_file_that_cannot_be_opened_is_said_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "state").write_text("a file where the folder should be")
    told = io.StringIO()
    with start_logging(tmp_path / "state", verbose=False, environ={}, stderr=told, clock=always()):
        for number in range(100):
            logger.info("number %d", number)
        (tmp_path / "state").unlink()
        logger.info("there is room again")
        (tmp_path / "state" / "organizer.log").unlink()
    lines = [line[9:] for line in told.getvalue().splitlines()]
    problems = [line for line in lines if "cannot be written" in line]
    assert problems == [f"the log {tmp_path}/state/organizer.log cannot be written: Not a directory"]
    assert len(lines) == 102
    assert capsys.readouterr().err == ""


@contextmanager
def filler_of(folder: Path) -> Iterator[None]:
    """Leave only some kilobytes of a small disk."""
    room = os.statvfs(folder)
    (folder / "filler").write_bytes(bytes(room.f_bavail * room.f_frsize - (12 << 10)))
    yield
    (folder / "filler").unlink()


def test_a_full_disk_is_said_once_and_spoils_no_other_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small = replace(TMPFS, mount="mount -t tmpfs -o size=64k tmpfs {folder}")
    told = io.StringIO()
    with (
        quick_place(tmp_path) as place,
        plugged(small, place / "disk") as disk,
        start_logging(disk.folder, verbose=False, environ={}, stderr=told, clock=always()),
    ):
        file = disk.folder / "organizer.log"
        with filler_of(disk.folder):
            for number in range(1000):
                logger.info("number %d %s", number, "x" * 100)
            assert file.stat().st_size <= 16 << 10
        logger.info("there is room again")
        with filler_of(disk.folder):
            for number in range(1000):
                logger.info("number %d %s", number, "y" * 100)
        logger.info("and again")
        lines = file.read_text().splitlines()
    problems = [line[9:] for line in told.getvalue().splitlines() if "cannot be written" in line]
    assert problems == [f"the log {file} cannot be written: No space left on device"] * 2
    broken = [line for line in lines if not line.endswith("}")]
    assert len(broken) <= 2  # one each time
    messages = [json.loads(line)["message"] for line in lines if line not in broken]
    assert "there is room again" in messages
    assert messages[-1] == "and again"
    assert capsys.readouterr().err == ""


def test_a_terminal_that_is_gone_stops_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb", buffering=0) as raw:
        stderr = io.TextIOWrapper(raw, write_through=True)
        with start_logging(tmp_path, verbose=False, environ={}, stderr=stderr):
            logger.info("is anybody there")
        stderr.detach()
    assert [line["message"] for line in lines_of(tmp_path / "organizer.log")] == ["is anybody there"]
    assert capsys.readouterr().err == ""


class Journald:
    """What journald has: a socket for records, and the other end of what the service writes to."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "journal"
        self.listen()
        self._read, write = socket.socketpair()
        self._read.settimeout(10)
        self.stderr: TextIO = os.fdopen(write.detach(), "w")
        stat = os.fstat(self.stderr.fileno())
        self.environ = {"JOURNAL_STREAM": f"{stat.st_dev}:{stat.st_ino}"}

    def listen(self) -> None:
        self._records = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._records.settimeout(10)
        self._records.bind(str(self.path))

    def go_away(self) -> None:
        self._records.close()
        self.path.unlink()

    def record(self) -> dict[str, str]:
        """Read the next record; see "Journal Native Protocol" of systemd."""
        data, fields = self._records.recv(1 << 20), {}
        while data:
            line, _, data = data.partition(b"\n")
            name, equals, value = line.partition(b"=")
            if not equals:
                (size,) = struct.unpack_from("<Q", data)
                value, data = data[8 : 8 + size], data[9 + size :]
            fields[name.decode()] = value.decode()
        return fields

    def line(self) -> str:
        return self._read.recv(1 << 20).decode()

    def close(self) -> None:
        self.stderr.close()
        self._read.close()
        self._records.close()


@pytest.fixture
def journald(tmp_path: Path) -> Iterator[Journald]:
    one = Journald(tmp_path)
    yield one
    one.close()


@pytest.fixture
def to_journald(journald: Journald, tmp_path: Path) -> Iterator[Calm]:
    with start_logging(
        tmp_path / "state",
        verbose=False,
        environ=journald.environ,
        stderr=journald.stderr,
        journal=journald.path,
        clock=lambda: 0.0,
    ) as calm:
        yield calm
    assert not (tmp_path / "state").exists()


@pytest.mark.usefixtures("to_journald")
def test_the_journal_gets_records_with_fields(journald: Journald) -> None:
    pytest.importorskip("logging_journald")
    logger.warning("%s cannot be read", ODD)
    record = journald.record()
    assert int(record.pop("CODE_LINE")) > 0
    assert Path(record.pop("CODE_FILE")) == Path(__file__)
    assert record == {
        "MESSAGE": r"Pack \udcff\n\x1b[2J.wav cannot be read",
        "PRIORITY": "4",
        "SYSLOG_IDENTIFIER": "organizer",
        "LOGGER": "organizer.service.intake",
        "THREAD_NAME": "MainThread",
        "CODE_FUNC": "test_the_journal_gets_records_with_fields",
    }
    try:
        raise ValueError("why")
    except ValueError:
        logger.exception("it failed")
    record = journald.record()
    assert record["PRIORITY"] == "3"
    assert record["EXCEPTION_TEXT"].endswith("\nValueError: why")
    assert record["MESSAGE"] == f"it failed\n{record['EXCEPTION_TEXT']}"


def test_the_journal_gets_a_count_of_what_it_does_not_get(journald: Journald, to_journald: Calm) -> None:
    pytest.importorskip("logging_journald")
    for number in range(1000):
        logger.warning("%s cannot be read", number)
    to_journald.close()
    records = [journald.record() for _ in range(6)]
    assert [record["MESSAGE"] for record in records[:5]] == [f"{n} cannot be read" for n in range(5)]
    assert records[-1]["MESSAGE"] == "999 cannot be read (and 994 more like it in 0 s)"
    assert records[-1]["MORE"] == "994"


@pytest.mark.usefixtures("to_journald")
def test_while_the_journal_is_away_lines_go_where_it_reads_later(journald: Journald) -> None:
    pytest.importorskip("logging_journald")
    journald.go_away()
    try:
        raise ValueError(ODD)
    except ValueError:
        logger.exception("%s failed", ODD)
    first, *others = journald.line().splitlines()
    assert first == r"<3>Pack \udcff\n\x1b[2J.wav failed"
    assert others[0] == "<3>Traceback (most recent call last):"
    assert all(line.startswith("<3>") for line in others)
    journald.listen()
    logger.info("it is there again")
    assert journald.record()["MESSAGE"] == "it is there again"


@pytest.mark.parametrize(
    ("level", "mark"), [(10, "<7>"), (20, "<6>"), (30, "<4>"), (35, "<4>"), (40, "<3>"), (50, "<2>")]
)
def test_without_a_socket_each_line_has_its_priority(
    journald: Journald, tmp_path: Path, level: int, mark: str
) -> None:
    with start_logging(
        None, verbose=True, environ=journald.environ, stderr=journald.stderr, journal=tmp_path / "none"
    ):
        logger.log(level, "a word")
    assert journald.line() == f"{mark}a word\n"


def test_only_the_stream_that_journald_reads_is_its_own(journald: Journald, tmp_path: Path) -> None:
    assert is_journal(journald.stderr, journald.environ)
    assert not is_journal(journald.stderr, {})
    assert not is_journal(io.StringIO(), journald.environ)
    with (tmp_path / "redirected").open("w") as other:
        assert not is_journal(other, journald.environ)
    assert not is_journal(other, journald.environ)  # it is closed
