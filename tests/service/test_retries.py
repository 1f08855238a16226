from __future__ import annotations

from pathlib import Path

from organizer.service.retries import LONGEST_SECONDS, Retries

A, B = Path("/inbox/Pack/A.wav"), Path("/inbox/Pack/B.wav")
KEY = ("Inbox", "Pack")


def test_each_failure_doubles_the_wait_up_to_an_hour() -> None:
    retries = Retries(first_seconds=30.0)
    waits = []
    now = 0.0
    for _ in range(50):
        wait = retries.failed(KEY, [A], now)
        waits.append(wait)
        now += wait
        assert retries.due(now) == [A]
    assert waits[:4] == [30.0, 60.0, 120.0, 240.0]
    assert max(waits) == waits[-1] == LONGEST_SECONDS


def test_paths_are_given_once_when_their_time_has_come() -> None:
    retries = Retries(first_seconds=30.0)
    retries.failed(KEY, [B, A], 0.0)
    assert retries.next_due() == 30.0
    assert retries.due(29.9) == []
    assert retries.paths == {A, B}
    assert retries.due(30.0) == [A, B]
    assert retries.due(31.0) == []
    assert retries.paths == set()
    assert retries.next_due() is None


def test_a_batch_that_went_through_starts_with_the_short_wait_again() -> None:
    retries = Retries(first_seconds=30.0)
    retries.failed(KEY, [A], 0.0)
    retries.failed(KEY, [A], 0.0)
    retries.due(100.0)
    retries.done(KEY)
    assert len(retries) == 0
    assert retries.failed(KEY, [A], 200.0) == 30.0


def test_a_part_that_went_through_leaves_the_failed_part_waiting() -> None:
    retries = Retries(first_seconds=30.0)
    retries.failed(KEY, [A], 0.0)
    retries.done(KEY)
    assert len(retries) == 1
    assert retries.due(30.0) == [A]


def test_what_never_comes_back_is_forgotten() -> None:
    retries = Retries(first_seconds=30.0)
    retries.failed(KEY, [A], 0.0)
    retries.due(30.0)
    retries.due(30.0 + LONGEST_SECONDS + 1)
    assert retries.failed(KEY, [A], 9000.0) == 30.0
