"""One file of Ableton Live, and one of ours, tell of the samples of many packs: in whatever order these are
undone and done again, and wherever that is cut off, nothing is left of it in the end.

A crash before a call leaves what a crash after the one before it leaves, so that one of them is enough.
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from organizer.execution.writers import live_xmp
from organizer.planning.describing import BACKUP_SUFFIX
from organizer.planning.operations import ACTIONS
from organizer.sample import LIVE_PLACE
from tests.execution.conftest import MEMORY
from tests.execution.stage import Crash, ScriptedFilesystem
from tests.test_state_machine import Guarded, sound

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    Begin = Callable[[bool, Sequence[str]], AbstractContextManager["Marking"]]
    TreeOf = Callable[[Path], Mapping[str, tuple[str, int, int]]]

logger = logging.getLogger(__name__)

OLD = 1_400_000_000_123_456_789
RULES = """
version = 1
[[rule]]
name = "Marked"
then = [
  { move = "All/{name}" }, { xattr = ["{category|none}"] }, { sidecar = "json" }, { sidecar = "xmp" },
]
"""
# Name -> which sound. Some names are in both packs, and begin or end with what XML takes for layout.
PACKS = {
    "A": {"Hit.wav": 0, " spaced .wav": 1},
    "B": {"Hit.wav": 2, " spaced .wav": 3, "own.wav": 4},
    "C": {"other.wav": 5},
    "late A": {"late.wav": 5},
    "late B": {"Hit too.wav": 5},
}
# Each is followed by an undo of all that is left, the newest first. Of the first ones, recovery is cut off,
# too, and they give back a file of Live that the user had there before, byte for byte.
IN_ORDER = (
    "file A, file B, undo B, undo A",
    "file A, undo A, redo A, file B",
    "file A, file B, undo B, redo B",
    "file A, file late A, file B",
)
ORDERS = (
    *IN_ORDER,
    "file A, file B, undo A, redo A",
    "file A, file B, undo A, undo B",
    "file A, file B, file late A, undo B, redo B",
    "file A, file B, file late B, undo A, redo A",
    "file A, file B, undo B, undo A, redo A, redo B",
    "file A, file B, undo B, undo A, redo B, redo A",
    "file A, file B, undo A, undo B, redo A, redo B",
    "file A, file B, file C, undo B, redo B, undo A, redo A",
    "file A, undo A, file C, redo A, undo C, redo C",
)
CASES = [*((order, False) for order in ORDERS), *((order, True) for order in IN_ORDER)]
THEIRS = live_xmp.merged(None, {"theirs.wav": '["Mine|Best"]'}).replace(b"Organizer", b"Live") + b"<!-- -->  "


class Marking:
    """An installation, and packs that share files in it."""

    def __init__(self, root: Path, tree_of: TreeOf, *, theirs: bool) -> None:
        self.desk = Guarded(root, ScriptedFilesystem, root / "Library")
        self.desk.use(RULES)
        if theirs:
            path = self.desk.library / "All" / LIVE_PLACE
            path.parent.mkdir(parents=True)
            path.write_bytes(THEIRS)
        self._tree_of = tree_of
        self._dropped: set[str] = set()
        self._kept = self._library()
        self._inbox: dict[str, tuple[str, int, int]] = {}

    def do(self, step: str) -> None:
        """Do a step, or what is left of it."""
        verb, _, what = step.partition(" ")
        match verb:
            case "file":
                self._drop(what)
                self.desk.file()
            case "undo" if what == "all":
                self.desk.parts.undoing.undo(self.desk.parts.journal.undoable(), progress=lambda *_: None)
            case _:
                self._turn(what, undone=verb == "redo")

    def _drop(self, what: str) -> None:
        """Put a pack into the inbox, once."""
        if what in self._dropped:
            return
        self._dropped.add(what)
        folder = self.desk.inbox / what.removeprefix("late ")
        folder.mkdir(exist_ok=True)
        for number, (name, wave) in enumerate(PACKS[what].items()):
            path = folder / name
            path.write_bytes(sound(wave, ".wav"))
            path.chmod(0o640)
            os.utime(path, ns=(OLD, OLD + number))
        os.utime(folder, ns=(OLD, OLD + 77))
        self._inbox |= self._tree_of(self.desk.inbox)

    def _turn(self, pack: str, *, undone: bool) -> None:
        """Undo a pack, or do it again, where a step that was cut off has not come to that."""
        journal = self.desk.parts.journal
        for batch in [one for one in journal.batches() if one.title == pack and one.undone == undone]:
            turned = batch if batch.undone_by is None else journal.batch(batch.undone_by)
            assert turned is not None
            self.desk.parts.undoing.undo([turned], progress=lambda *_: None)

    def crashes(self, at: int, act: Callable[[], object]) -> bool:
        """Stop after a call that changes the disk or the journal, and begin anew; say whether there were so
        many."""
        try:
            self.desk.faults.arm(at, None)
            act()
        except Crash:
            crashed = True
        else:
            crashed = False
        finally:
            self.desk.faults.disarm()
        self.desk.open_again()
        return crashed

    def recover(self) -> None:
        self.desk.parts.filing.recover()

    def wrong_after(self, steps: Sequence[str]) -> list[str]:
        """Do the steps that are left; say what is not as if nothing had ever been filed."""
        for step in steps:
            self.do(step)
        found = [f"in the library: {name}" for name in self._library().items() ^ self._kept.items()]
        inbox = self._tree_of(self.desk.inbox)
        found += [f"in the inbox: {name}" for name in inbox.items() ^ self._inbox.items()]
        found += [
            f"{batch.title}: {record.state}: {record.error} ({record.operation})"
            for batch, record in self.desk.records()
            if isinstance(record.operation, ACTIONS) and record.state != "done"
        ]
        return found

    def _library(self) -> dict[str, bytes]:
        return {name: (self.desk.library / name).read_bytes() for name in self.desk.filed()}


@pytest.fixture
def marking(tree_of: TreeOf) -> Begin:
    """Begin with some steps in an installation of their own."""

    @contextmanager
    def begun(theirs: bool, steps: Sequence[str]) -> Iterator[Marking]:
        root = Path(tempfile.mkdtemp(dir=MEMORY if os.access(MEMORY, os.W_OK) else None))
        here = Marking(root, tree_of, theirs=theirs)
        try:
            for step in steps:
                here.do(step)
            yield here
        finally:
            here.desk.parts.__exit__(None, None, None)
            shutil.rmtree(root)

    return begun


def steps_of(order: str) -> list[str]:
    return [*order.split(", "), "undo all"]


@pytest.mark.parametrize(("order", "theirs"), CASES)
def test_packs_that_share_files_are_undone_in_any_order(marking: Begin, order: str, theirs: bool) -> None:
    with marking(theirs, []) as here:
        assert here.wrong_after(steps_of(order)) == []


@pytest.mark.parametrize("theirs", [False, True])
def test_only_what_others_have_written_is_copied_before_it_is_changed(marking: Begin, theirs: bool) -> None:
    with marking(theirs, ["file A", "file B"]) as here:
        copied = [name for name in here.desk.filed() if name.endswith(BACKUP_SUFFIX)]
        assert copied == [f"All/{LIVE_PLACE}{BACKUP_SUFFIX}"] * theirs
        assert all((here.desk.library / name).read_bytes() == THEIRS for name in copied)


@pytest.mark.timeout(7_200)
@pytest.mark.parametrize(("order", "theirs"), CASES)
def test_a_crash_at_any_call_of_any_step_leaves_nothing_behind(
    marking: Begin, order: str, theirs: bool, request: pytest.FixtureRequest
) -> None:
    """Every call of every step takes a quarter of an hour (`--every-fault`); else one of each step that meets
    a shared file. What was cut off is brought to its end by the next start, or by the next command."""
    every_fault = bool(request.config.getoption("--every-fault"))
    steps, points = steps_of(order), 0
    for number in range(0 if every_fault else 2, len(steps)):
        step = steps[number]
        for at in count() if every_fault else (len(order) % 13 + 2 * number,):
            for starts in (True, False) if every_fault else (number % 2 == 0,):
                with marking(theirs, steps[:number]) as here:
                    crashed = here.crashes(at, partial(here.do, step))
                    if starts:
                        here.recover()
                    assert here.wrong_after(steps[number:]) == [], (step, at, starts)
                points += 1
            if not crashed:
                break
    logger.info("%d points", points)
    assert points >= len(steps) - 2


@pytest.mark.timeout(7_200)
@pytest.mark.parametrize(("order", "theirs"), [case for case in CASES if case[0] in IN_ORDER])
def test_a_crash_of_recovery_itself_leaves_nothing_behind_either(
    marking: Begin, order: str, theirs: bool, request: pytest.FixtureRequest
) -> None:
    """Every third call of recovery after a crash at every call takes half an hour (`--every-fault`)."""
    every_fault = bool(request.config.getoption("--every-fault"))
    steps, points = steps_of(order), 0
    for number in range(0 if every_fault else 2, len(steps)):
        step = steps[number]
        for first in count() if every_fault else (len(order) % 11 + 3 * number,):
            for second in count(first % 3, 3) if every_fault else (4 * number,):
                with marking(theirs, steps[:number]) as here:
                    crashed = here.crashes(first, partial(here.do, step))
                    crashed_again = here.crashes(second, here.recover)
                    here.recover()
                    assert here.wrong_after(steps[number:]) == [], (step, first, second)
                points += 1
                if not crashed_again:
                    break
            if not crashed:
                break
    logger.info("%d points", points)
    assert points >= len(steps) - 2
