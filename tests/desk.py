"""One installation to work at in a test: its inbox, its library, and the parts of it."""

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING

from organizer.batch.arrivals import arrivals_below
from organizer.cli.assembly import Assembly
from organizer.config import Config, Home, Inbox, dump
from organizer.resources import shipped

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from organizer.batch.filing import Report
    from organizer.library.remainders import Nature
    from organizer.sample import Recognition

TAG_IN_PLACE = """
version = 1
[[rule]]
name = "Tags only"
then = [{ tag = { genre = "{category|Loop}", label = "{label|none}" } }, { sidecar = "json-each" }]
"""


class Desk:
    """One installation, and the inbox and library of it."""

    def __init__(self, root: Path) -> None:
        self.inbox, self.library = root / "Inbox", root / "Library"
        self.home = Home.find({"ORGANIZER_HOME": str(root / "home")})
        for folder in (self.inbox, self.library, self.home.rules):
            folder.mkdir(parents=True)
        shutil.copyfile(shipped("rules", "default.toml"), self.home.rules / "default.toml")
        config = Config(library=str(self.library), inbox=[Inbox(str(self.inbox))])
        self.home.config_file.write_text(dump(config), encoding="utf-8")
        self.now: Callable[[], float] = time.time
        self.parts = self._assemble()

    def _assemble(self) -> Assembly:
        return Assembly(self.home, clock=lambda: self.now())

    def open_again(self) -> None:
        """Begin anew, as after a restart."""
        self.parts.__exit__(None, None, None)
        self.parts = self._assemble()

    def held(self) -> int:
        return self.parts.journal.held_count([self.inbox])

    def file(self, *, forced: bool = False) -> list[Report]:
        inbox = self.parts.config.inbox[0]
        return [self.parts.filing.file(arrival, forced=forced) for arrival in arrivals_below(inbox)]

    def undo(self) -> None:
        self.parts.undoing.undo(self.parts.journal.last(1), progress=lambda *_: None)

    def filed(self) -> list[str]:
        return sorted(
            str(path.relative_to(self.library)) for path in self.library.rglob("*") if path.is_file()
        )

    def one(self, name: str) -> Path:
        """Find the one file of this name in the library."""
        (path,) = self.library.rglob(name)
        return path

    def heard(self, path: Path) -> Recognition:
        """Say what the index knows of a sound."""
        entry = self.parts.index.get(path)
        assert entry is not None
        return entry.sample.recognition

    def left(self) -> dict[str, Nature]:
        return {str(one.path.relative_to(self.inbox)): one.nature for one in self.parts.remainders.all()}
