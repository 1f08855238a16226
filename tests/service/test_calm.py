from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

import pytest

from organizer.service.calm import Calm

if TYPE_CHECKING:
    from collections.abc import Iterator


class Lines(logging.Handler):
    """Keeps each line that reaches it."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    @property
    def said(self) -> list[str]:
        return [record.getMessage() for record in self.records]

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def calm(clock: Clock) -> Calm:
    return Calm(clock=clock)


@pytest.fixture
def parent() -> Iterator[logging.Logger]:
    """A logger above those that are used, so that records reach its handlers from below."""
    logger = logging.getLogger("calm-test")
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    yield logger
    logger.handlers.clear()
    logger.propagate = True


@pytest.fixture
def lines(parent: logging.Logger, calm: Calm) -> Lines:
    handler = Lines()
    handler.addFilter(calm)
    parent.addHandler(handler)
    return handler


@pytest.fixture
def logger(lines: Lines) -> logging.Logger:
    assert not lines.records
    return logging.getLogger("calm-test.intake")


def test_a_hundred_thousand_bad_files_are_a_few_lines_with_a_count(
    logger: logging.Logger, lines: Lines, calm: Calm
) -> None:
    for number in range(100_000):
        logger.warning("%s cannot be read", f"{number}.wav")
    calm.close()
    first = [f"{number}.wav cannot be read" for number in range(5)]
    assert lines.said == [*first, "99999.wav cannot be read (and 99,994 more like it in 0 s)"]
    told = lines.records[-1]
    assert (told.name, told.levelname, vars(told)["more"]) == ("calm-test.intake", "WARNING", 99_994)


def test_while_a_flood_goes_on_there_is_one_line_for_each_window(
    logger: logging.Logger, lines: Lines, calm: Calm, clock: Clock
) -> None:
    for second in range(600):
        clock.now = second
        for number in range(50):
            logger.warning("%s cannot be read", f"{second}-{number}.wav")
        calm.tell()
    calm.close()
    assert len(lines.said) == 5 + 10
    assert lines.said[5] == "59-49.wav cannot be read (and 2,994 more like it in 60 s)"
    assert sum(vars(record)["more"] + 1 for record in lines.records[5:]) == 30_000 - 5


def test_the_count_comes_with_the_next_message_after_the_window(
    logger: logging.Logger, lines: Lines, clock: Clock
) -> None:
    for number in range(8):
        logger.warning("number %d", number)
    clock.now += 61
    logger.warning("number %d", 8)
    assert lines.said[5:] == ["number 7 (and 2 more like it in 61 s)", "number 8"]


def test_the_count_comes_when_the_service_asks_though_nothing_follows(
    logger: logging.Logger, lines: Lines, calm: Calm, clock: Clock
) -> None:
    for number in range(6):
        logger.warning("number %d", number)
    clock.now += 59
    calm.tell()
    assert len(lines.said) == 5
    clock.now += 1
    calm.tell()
    calm.tell()
    assert lines.said[5:] == ["number 5 (once more in 60 s)"]


def test_seldom_messages_all_go_through(
    logger: logging.Logger, lines: Lines, calm: Calm, clock: Clock
) -> None:
    for number in range(100):
        logger.warning("number %d", number)
        clock.now += 15
        calm.tell()
    assert lines.said == [f"number {number}" for number in range(100)]


def test_messages_of_different_kinds_do_not_hide_one_another(
    logger: logging.Logger, lines: Lines, calm: Calm
) -> None:
    for number in range(1000):
        logger.warning("%s cannot be read", number)
    logger.warning("%s is full", "the disk")
    logger.error("%s cannot be read", "another level")
    logging.getLogger("calm-test.watch").warning("%s cannot be read", "another logger")
    try:
        raise ValueError("another exception")
    except ValueError:
        logger.exception("%s cannot be read", "with a traceback")
    said = ["the disk is full", "another level cannot be read", "another logger cannot be read"]
    assert lines.said[5:] == [*said, "with a traceback cannot be read"]
    calm.close()
    assert len(lines.said) == 10


def test_errors_with_a_traceback_are_counted_too(logger: logging.Logger, lines: Lines, calm: Calm) -> None:
    for number in range(1000):
        try:
            raise ValueError(number)
        except ValueError:
            logger.exception("file %d failed", number)
    calm.close()
    assert [bool(record.exc_info) for record in lines.records] == [True] * 5 + [False]
    assert lines.said[-1] == "file 999 failed (and 994 more like it in 0 s)"


def test_handlers_that_share_one_show_the_same(
    parent: logging.Logger, logger: logging.Logger, lines: Lines, calm: Calm, clock: Clock
) -> None:
    second, errors = Lines(), Lines()
    errors.setLevel(logging.ERROR)
    for handler in (second, errors):
        handler.addFilter(calm)
        parent.addHandler(handler)
    for number in range(20):
        logger.warning("number %d", number)
        logger.error("bad %d", number)
    clock.now += 60
    logger.error("bad %d", 20)
    calm.close()
    assert lines.said == second.said
    assert len(set(lines.said)) == len(lines.said)
    assert errors.said == [line for line in lines.said if line.startswith("bad")]
    assert "bad 19 (and 14 more like it in 60 s)" in errors.said


def test_messages_that_are_no_constants_are_kept_in_bounds(parent: logging.Logger, clock: Clock) -> None:
    calm, lines = Calm(clock=clock, most_kinds=10), Lines()
    lines.addFilter(calm)
    parent.addHandler(lines)
    for number in range(1000):
        parent.warning(f"{number}.wav cannot be read")
    assert len(calm._windows) == 11
    assert len(lines.said) == 10 + 5
    calm.close()
    assert lines.said[-1] == "999.wav cannot be read (and 984 more like it in 0 s)"
    assert not calm._windows


def test_what_is_over_makes_room(parent: logging.Logger, clock: Clock) -> None:
    calm, lines = Calm(clock=clock, most_kinds=10), Lines()
    lines.addFilter(calm)
    parent.addHandler(lines)
    for number in range(1000):
        parent.warning(f"{number}.wav cannot be read")
        clock.now += 10
    assert len(lines.said) == 1000
    assert len(calm._windows) <= 11


class LogsItself:
    """An argument whose text takes a line in the log."""

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger

    def __str__(self) -> str:
        self._logger.debug("asked for its name")
        return "itself"


class Broken:
    def __str__(self) -> str:
        raise RuntimeError("no name")


def test_arguments_that_log_in_turn_disturb_nobody(logger: logging.Logger, lines: Lines, calm: Calm) -> None:
    for _ in range(10):
        logger.warning("%s is here", LogsItself(logger))
    calm.close()
    assert "itself is here (and 4 more like it in 0 s)" in lines.said


def test_arguments_without_a_text_disturb_nobody(logger: logging.Logger, lines: Lines, calm: Calm) -> None:
    records = [
        logging.LogRecord(logger.name, logging.WARNING, "a.py", 1, "%s is there", (Broken(),), None)
        for _ in range(6)
    ]
    assert [calm.filter(record) for record in records] == [True] * 5 + [False]
    calm.close()
    assert lines.said == ["%s is there (once more in 0 s)"]


def test_a_message_that_is_an_object_is_of_the_kind_of_its_class(
    logger: logging.Logger, lines: Lines, calm: Calm
) -> None:
    for number in range(10):
        logger.warning(ValueError(number))
    calm.close()
    assert lines.said == ["0", "1", "2", "3", "4", "9 (and 4 more like it in 0 s)"]


def test_many_threads_lose_no_count(logger: logging.Logger, lines: Lines, calm: Calm) -> None:
    def shout() -> None:
        for number in range(2000):
            logger.warning("number %d", number)

    threads = [threading.Thread(target=shout) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    calm.close()
    assert len(lines.said) == 6
    assert vars(lines.records[-1])["more"] == 8000 - 5 - 1
