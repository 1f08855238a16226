from __future__ import annotations

import logging
import os
import pty
import select
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from organizer.cli.output import LogLines, Progress, counted

if TYPE_CHECKING:
    import pytest

ROOT = Path(__file__).parents[2]
# Takes what the clock shows at each step from its arguments; says in between which step it is at.
WORK = """
import os, sys
from organizer.cli.output import Progress
times = iter([float(one) for one in sys.argv[1:]])
with Progress("sort", clock=lambda: next(times)) as progress:
    for number in range(1, len(sys.argv) - 1):
        os.write(2, b"<step %d>" % number)
        progress("hearing [Kit]\\x1b", number, 10)
os.write(2, b"<end>")
"""


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


def _work(stderr: int, *times: float) -> None:
    subprocess.run(
        [sys.executable, "-c", WORK, *map(str, times)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm", "COLUMNS": "100"},
        stdin=subprocess.DEVNULL,
        stderr=stderr,
        check=True,
    )


def _on_a_terminal(*times: float) -> str:
    ours, theirs = pty.openpty()
    try:
        _work(theirs, *times)
        said = b""
        while select.select([ours], [], [], 0)[0]:
            said += os.read(ours, 65536)
        return said.decode()
    finally:
        os.close(ours)
        os.close(theirs)


def test_progress_is_drawn_on_a_terminal_after_two_seconds_and_is_gone_at_the_end() -> None:
    said = _on_a_terminal(0.0, 1.0, 1.9, 2.1)
    before, _, after = said.partition("<step 3>")
    assert before == "<step 1><step 2>"
    drawn, _, end = after.partition("<end>")
    assert r"sort: hearing [Kit]\x1b" in drawn
    assert "30%" in drawn
    assert drawn.endswith(("\x1b[2K", "\x1b[?25h", "\x1b[1A"))  # the line is wiped, the cursor shown
    assert end == ""


def test_progress_is_not_drawn_for_short_work() -> None:
    assert _on_a_terminal(0.0, 0.5, 1.9) == "<step 1><step 2><end>"


def test_progress_is_not_drawn_where_nobody_looks(tmp_path: Path) -> None:
    with (tmp_path / "said").open("wb") as file:
        _work(file.fileno(), 0.0, 5.0, 9.0)
    assert (tmp_path / "said").read_text() == "<step 1><step 2><end>"


def test_numbers_take_the_plural_but_for_one() -> None:
    assert [counted(number, "file") for number in (0, 1, 2)] == ["0 files", "1 file", "2 files"]
