from __future__ import annotations

import logging
import os
import sys
from typing import TYPE_CHECKING

from organizer.cli.output import LogLines, Progress

if TYPE_CHECKING:
    import pytest


def test_a_name_in_a_log_message_can_neither_break_the_line_nor_steer_the_terminal() -> None:
    name = os.fsdecode(b"Pack \xff\n\x1b[2J")
    record = logging.LogRecord("a", logging.INFO, "a.py", 1, "%s: %d filed", (name, 3), None)
    assert LogLines("%(message)s").format(record) == r"Pack \udcff\n\x1b[2J: 3 filed"


def test_progress_is_silent_where_there_is_nobody_to_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that is started with its streams closed has none."""
    monkeypatch.setattr("organizer.cli.output.SECONDS_BEFORE_PROGRESS", -1.0)
    with Progress("sort") as progress:
        with monkeypatch.context() as closed:
            closed.setattr(sys, "stderr", None)
            progress("listening", 1, 2)
        assert progress._bar is None
