"""A real service reads its settings again at SIGHUP: good ones hold from then on, bad ones do not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from organizer.service.report import ServiceReport, read
from tests.service.waiting import PATIENCE, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.desk import Desk

REPOSITORY = Path(__file__).parents[1]


class Running:
    """`organizer run` on a desk, in a process of its own."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        root = desk.home.config_file.parent
        self.process = subprocess.Popen(
            [sys.executable, "-m", "organizer", "run"],
            env={**os.environ, "ORGANIZER_HOME": str(root)},
            cwd=REPOSITORY,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    @property
    def report(self) -> ServiceReport | None:
        return read(self.desk.home.report)

    def configure(self, text: str) -> None:
        self.desk.home.config_file.write_text(text, encoding="utf-8")
        self.process.send_signal(signal.SIGHUP)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=PATIENCE)


@pytest.fixture
def running(desk: Desk) -> Iterator[Running]:
    settled = desk.home.config_file.read_text().replace("settle_seconds = 3", "settle_seconds = 0.2")
    desk.home.config_file.write_text(settled)
    one = Running(desk)
    try:
        wait_until(lambda: one.report is not None and one.report.last_scan is not None, "it has begun")
        yield one
    finally:
        one.process.kill()
        one.process.wait()


def filed(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*.wav")}


def test_another_inbox_and_other_rules_hold_from_then_on(
    running: Running, make_pack: Callable[..., Path]
) -> None:
    desk = running.desk
    make_pack(desk.inbox / "One", {"Kicks/VEH1 Bassdrum 001.wav": "Kick one.wav"})
    wait_until(lambda: filed(desk.library) == {"Kick one.wav"}, "the first pack is filed")
    second = desk.inbox.with_name("Second")
    make_pack(second / "Two", {"Snares/SN_tight.wav": "Snare two.wav"})
    started = running.report.started if running.report else None
    config = desk.home.config_file.read_text()
    running.configure(f'{config.split("[[inbox]]")[0]}[[inbox]]\npath = "{second}"\n')
    wait_until(
        lambda: filed(desk.library) == {"Kick one.wav", "Snare two.wav"}, "the second inbox is emptied"
    )
    wait_until(lambda: running.report is not None and running.report.files_filed == 2, "it counts on")
    assert running.report is not None
    assert [Path(one.path) for one in running.report.inboxes] == [second]
    assert running.report.started == started
    assert running.process.poll() is None
    assert running.stop() == 0


def test_what_is_broken_is_refused_and_the_old_stays_in_force(
    running: Running, make_pack: Callable[..., Path]
) -> None:
    desk = running.desk
    good = desk.home.config_file.read_text()

    def refused(said: str) -> None:
        wait_until(
            lambda: running.report is not None and said in running.report.config_problem, f"it says: {said}"
        )

    running.configure("library = 3\n")
    refused("library: expected text in quotes, found 3")
    running.configure(f'model = "{desk.inbox}/none.onnx"\n{good}')
    refused("the model is missing")
    running.configure(good.replace("threads = 2", f"threads = {2**63 - 1}"))
    wait_until(
        lambda: running.report is not None and "threads" in running.report.config_problem, "it is refused"
    )
    rules = desk.home.rules / "default.toml"
    rules.rename(rules.with_suffix(".off"))
    running.configure(good.replace("threads = 2", "threads = 1"))
    refused("there is no rule file")
    assert running.report is not None
    assert not running.report.healthy
    make_pack(desk.inbox / "One", {"Kicks/VEH1 Bassdrum 001.wav": "Kick one.wav"})
    wait_until(lambda: filed(desk.library) == {"Kick one.wav"}, "the old settings file on")
    rules.with_suffix(".off").rename(rules)
    running.configure(good)
    wait_until(lambda: running.report is not None and running.report.healthy, "all is well again")
    assert running.stop() == 0
