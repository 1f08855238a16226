"""A service with a filing that only moves: for tests of the daemon, in this process or in its own.

Run as a program it takes an inbox, a library and a report file, and files until it is stopped.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from organizer.batch.filing import Report
from organizer.config import Config, Inbox
from organizer.pack import is_junk
from organizer.service.daemon import Rhythm, Service
from organizer.service.notify import Notifier
from organizer.stopping import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from organizer.batch.arrivals import Arrival
    from organizer.stopping import Stop

QUICK = Rhythm(pulse=0.2, due=0.3, poll=0.2, retry=1.0)


class MovingFiles:
    """Moves what arrives to a library by its path below the inbox, and remembers what it was asked."""

    model_id = "test-ear"
    rules_digest = "b2:test"

    def __init__(self, library: Path, *, seconds_per_file: float = 0.0) -> None:
        self.library = library
        self.seconds_per_file = seconds_per_file
        self.arrivals: list[tuple[str, str | None, set[str]]] = []
        self.faults: list[Exception] = []  # raised by the next calls of `file`, one each
        self.stays: set[str] = set()  # names that are not wanted and not moved
        self.troubled: set[str] = set()  # names that have problems
        self.rested = 0  # how often there was nothing to be filed for a while
        self.retried: list[Path] = []  # inboxes of which all that failed is to be tried again
        self.again: list[Path] = []  # given by `due`, once
        self.rules_problem: str | None = None
        self.recovered = ("one batch was brought to its end",)
        self.before_file: Callable[[], object] = lambda: None
        self.asked_while_recovering = True

    def recover(self, *, stop: Stop) -> tuple[str, ...]:
        self.asked_while_recovering = stop()
        return self.recovered

    def rest(self) -> None:
        self.rested += 1

    def reload(self) -> str | None:
        return self.rules_problem

    def retry(self, root: Path) -> None:
        self.retried.append(root)

    def due(self) -> list[Path]:
        due, self.again = self.again, []
        return due

    def wanted(self, root: Path, found: Iterable[tuple[Path, os.stat_result]], *, stop: Stop) -> list[Path]:
        return [
            path
            for path, _ in until(stop, found)
            if path.name not in self.stays and not is_junk(PurePosixPath(path.relative_to(root)))
        ]

    def file(self, arrival: Arrival, *, stop: Stop, progress: Callable[[str, int, int], None]) -> Report:
        root = arrival.inbox.root
        self.arrivals.append(
            (arrival.inbox.title, arrival.pack, {str(path.relative_to(root)) for path in arrival.paths})
        )
        self.before_file()
        if self.faults:
            raise self.faults.pop(0)
        filed = left = problems = 0
        for number, path in enumerate(arrival.paths):
            progress("filing", number, len(arrival.paths))
            if stop():
                return Report(batch=1, title=arrival.title, filed=filed, interrupted=True)
            if path.name in self.stays or path.name in self.troubled:
                left += 1
                problems += path.name in self.troubled
                continue
            time.sleep(self.seconds_per_file)
            target = self.library / path.relative_to(root)
            target.parent.mkdir(parents=True, exist_ok=True)
            path.rename(target)
            filed += 1
        return Report(batch=1, title=arrival.title, filed=filed, left=left, problems=problems)


def config_of(*inboxes: Path, library: Path, rescan_seconds: float = 300.0) -> Config:
    return Config(
        library=str(library),
        inbox=[Inbox(path=str(inbox)) for inbox in inboxes],
        settle_seconds=0.2,
        rescan_seconds=rescan_seconds,
    )


def main() -> int:
    inbox, library, report, seconds_per_file, *options = sys.argv[1:]
    filing = MovingFiles(Path(library), seconds_per_file=float(seconds_per_file))
    service = Service(
        config_of(Path(inbox), library=Path(library)),
        filing,
        notify=Notifier(os.environ),
        report_path=Path(report),
        once="--once" in options,
        rhythm=QUICK,
    )
    return service.run()


if __name__ == "__main__":
    sys.exit(main())
