"""What a batch costs the disk: syncs, bytes of the journal, and time beside plain renames.

    python -m benchmarks.journal [--files 2000] [--json FILE]

Files are made in a temporary folder, moved by a real executor with a real journal, and moved back by an undo.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from organizer.execution.executor import Executor
from organizer.execution.filesystem import Filesystem
from organizer.execution.journal import Journal
from organizer.planning.operations import MakeFolder, Move, Plan
from organizer.planning.undo import invert
from organizer.recognition.identity import content_hash
from organizer.sample import Stamp

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class Counted:
    """Counts the calls that bring something to the disk."""

    def __init__(self) -> None:
        self.calls: dict[str, int] = {}

    def around(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any) -> Any:
            self.calls[name] = self.calls.get(name, 0) + 1
            return call(*arguments)

        return counted


class CountedJournal(Journal):
    def __init__(self, path: Path, counted: Counted) -> None:
        super().__init__(path)
        self._counted = counted

    def _commit(self) -> None:
        self._counted.around("commit", super()._commit)()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--files", type=int, default=2_000)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="organizer-journal-") as folder:
        report = measure(Path(folder), options.files)
    print(json.dumps(report, indent=2))
    if options.json:
        options.json.write_text(json.dumps(report, indent=2))


def measure(root: Path, files: int) -> dict[str, Any]:
    inbox, library = root / "inbox", root / "library"
    inbox.mkdir()
    library.mkdir()
    moves = []
    for number in range(files):
        source = inbox / f"Sample number {number:05}.wav"
        source.write_bytes(os.urandom(64))
        target = library / f"{number % 10}" / source.name
        moves.append(
            Move(
                source=source,
                target=target,
                stamp=Stamp.of(source.lstat()),
                content_hash=content_hash(source),
                rule="Drum one-shots",
            )
        )
    folders = [MakeFolder(path=library / str(number)) for number in range(10)]
    plan = Plan(origin="pack", title="Pack", operations=(*folders, *moves))
    report: dict[str, Any] = {"files": files}
    with closing(Journal(root / "state" / "journal.sqlite")):
        pass
    report["filing"] = run(root, plan)
    with closing(Journal(root / "state" / "journal.sqlite")) as journal:
        back = Plan(
            origin="undo", title="undo", operations=invert(journal.done([1])), undoes=(1,), hold=inbox
        )
    report["undo"] = run(root, back)
    report["journal_bytes_per_operation"] = round(
        (root / "state" / "journal.sqlite").stat().st_size / files / 2
    )
    began = time.perf_counter()
    for move in moves:
        if not move.target.parent.exists():
            move.target.parent.mkdir()
        move.source.rename(move.target)
    os.sync()
    report["seconds_of_plain_renames"] = round(time.perf_counter() - began, 3)
    return report


def run(root: Path, plan: Plan) -> dict[str, Any]:
    counted, files = Counted(), Filesystem()
    for name in ("_sync_file", "_sync_folder", "_sync_disk"):
        setattr(files, name, counted.around(name, getattr(files, name)))
    with closing(CountedJournal(root / "state" / "journal.sqlite", counted)) as journal:
        began = time.perf_counter()
        outcome = Executor(journal, files).run(plan)
        seconds = time.perf_counter() - began
    return {"done": outcome.count("done"), "seconds": round(seconds, 3), "syncs": counted.calls}


if __name__ == "__main__":
    main()
