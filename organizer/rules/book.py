"""The rules in force: read again when their files change, kept as they were while those are broken."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

from organizer.errors import RulesError
from organizer.rules.loader import load_rules

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from pathlib import Path

    from organizer.rules.ruleset import RuleSet

    Files = Mapping[str, Sequence[Path]]

EVERYWHERE = ""  # the rules of every inbox that has none of its own


class RuleBook:
    """The rules of one installation, by inbox.

    `files` names the files of each inbox that has rules of its own, and under `EVERYWHERE` those of all
    others, each in their order; `libraries` are those that rules may name.
    """

    def __init__(self, files: Callable[[], Files], *, libraries: Collection[str] | None = None) -> None:
        self._files = files
        self._libraries = libraries
        self._seen = self._state()
        self._sets = self._load(files())
        self.problem: str | None = None

    def of(self, inbox: str) -> RuleSet:
        """Give the rules that hold for an inbox, by its title."""
        return self._sets.get(inbox) or self._sets[EVERYWHERE]

    @property
    def sets(self) -> Mapping[str, RuleSet]:
        return self._sets

    @property
    def digest(self) -> str:
        """Name all rules together, whatever inbox they are of."""
        if len(self._sets) == 1:
            return self._sets[EVERYWHERE].digest
        said = "\n".join(f"{inbox}: {rules.digest}" for inbox, rules in sorted(self._sets.items()))
        return f"b2:{blake2b(said.encode(errors='surrogateescape'), digest_size=16).hexdigest()}"

    def reload(self) -> str | None:
        """Read the files again if they changed; say what is wrong with them, if anything is."""
        state = self._state()
        if state != self._seen:
            self._seen = state
            try:
                files = self._files()
                if not any(files.values()):
                    # Taken away, or an editor is about to put it back: no file stays for want of it.
                    raise RulesError(("there is no rule file any more",))
                self._sets = self._load(files)
                self.problem = None
            except RulesError as error:
                self.problem = error.message
        return self.problem

    def _load(self, files: Files) -> dict[str, RuleSet]:
        """Read all files, and say all that is wrong with any of them."""
        found: dict[str, RuleSet] = {}
        problems: list[str] = []
        hint = ""
        for inbox, paths in {EVERYWHERE: (), **files}.items():
            try:
                found[inbox] = load_rules(paths, libraries=self._libraries)
            except RulesError as error:
                problems += [one for one in error.problems if one not in problems]
                hint = error.hint
        if problems:
            raise RulesError(tuple(problems), hint=hint)
        return found

    def _state(self) -> tuple[tuple[str, str, int, int], ...]:
        found = []
        for inbox, paths in self._files().items():
            for path in paths:
                try:
                    stat = path.stat()
                    found.append((inbox, str(path), stat.st_mtime_ns, stat.st_size))
                except OSError:
                    found.append((inbox, str(path), 0, 0))
        return tuple(found)
