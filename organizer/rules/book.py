"""The rules in force: read again when their files change, kept as they were while those are broken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from organizer.errors import RulesError
from organizer.rules.loader import load_rules

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from organizer.rules.ruleset import RuleSet


class RuleBook:
    """The rule files of one installation; `files` names those in use, in their order."""

    def __init__(self, files: Callable[[], Sequence[Path]]) -> None:
        self._files = files
        self._seen = self._state()
        self.rules: RuleSet = load_rules(files())
        self.problem: str | None = None

    def reload(self) -> str | None:
        """Read the files again if they changed; say what is wrong with them, if anything is."""
        state = self._state()
        if state != self._seen:
            self._seen = state
            try:
                files = self._files()
                if not files:
                    # Taken away, or an editor is about to put it back: no file stays for want of it.
                    raise RulesError(("there is no rule file any more",))
                self.rules = load_rules(files)
                self.problem = None
            except RulesError as error:
                self.problem = error.message
        return self.problem

    def _state(self) -> tuple[tuple[str, int, int], ...]:
        found = []
        for path in self._files():
            try:
                stat = path.stat()
                found.append((str(path), stat.st_mtime_ns, stat.st_size))
            except OSError:
                found.append((str(path), 0, 0))
        return tuple(found)
