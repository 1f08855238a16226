"""What the disk may answer to every call: the operation fails alone, with a sentence, and nothing is lost."""

from __future__ import annotations

import errno
import logging
import os
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import pytest

from organizer.errors import FileProblem, JournalError
from organizer.execution.codec import encode
from organizer.execution.executor import Executor
from organizer.execution.journal import Journal
from organizer.execution.problems import translate
from tests.execution.stage import Script, ScriptedFilesystem, World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path


logger = logging.getLogger(__name__)

# What each call may answer, by the manual pages of Linux: what a full, failing, unplugged or forbidding disk,
# another program, or a machine without memory makes of it. Files that vanish, change or appear are for
# `test_intruders.py`. What another file system cannot do at all is in
# the worlds that tests run in.
_ANY = (errno.EIO, errno.EACCES, errno.ESTALE)
_CHANGE = (*_ANY, errno.EROFS, errno.EPERM)
_NEW_NAME = (
    *_CHANGE,
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EEXIST,
    errno.ENOENT,
    errno.ENAMETOOLONG,
    errno.ELOOP,
)
FAULTS: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {
        "_look": (*_ANY, errno.ENOMEM, errno.ELOOP),
        "_open": (*_ANY, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ELOOP, errno.EBUSY),
        "_read_block": (errno.EIO, errno.ESTALE),
        "_read": (*_ANY, errno.EMFILE, errno.ENOMEM),
        "_rename_noreplace": (*_NEW_NAME, errno.EBUSY, errno.ENODEV),
        "_link": (*_NEW_NAME, errno.EMLINK),
        "_symlink": _NEW_NAME,
        "_unlink": (*_CHANGE, errno.EBUSY, errno.ENOENT),
        "_replace": (*_NEW_NAME[:-2], errno.EBUSY, errno.EXDEV),
        "_exchange": (*_NEW_NAME[:-2], errno.EBUSY),
        "_create": (*_NEW_NAME, errno.EMFILE, errno.ENFILE),
        "_write": (errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.EFBIG),
        "_keep_attributes": (*_CHANGE, errno.ENOSPC, errno.EDQUOT),
        "_set_times": (*_CHANGE, errno.ENOENT),
        "_set_attribute": (*_CHANGE, errno.ENOSPC, errno.EDQUOT, errno.ENOTSUP, errno.E2BIG),
        "_chmod": (*_CHANGE, errno.ENOENT),
        "_rewrite": (errno.EIO, errno.ENOSPC, errno.EACCES, errno.EMFILE),
        "_sync_file": (errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.EMFILE),
        "_sync_folder": (errno.EIO, errno.ENOSPC, errno.EMFILE),
        "_sync_disk": (errno.EIO, errno.ENOSPC, errno.EMFILE),
        "_mkdir": (*_NEW_NAME, errno.EMLINK),
        "_rmdir": (*_CHANGE, errno.ENOTEMPTY, errno.EBUSY, errno.ENOENT),
    }
)
# What SQLite answers where the disk of the journal is full, failing, or held by another.
COMMIT = ("database or disk is full", "disk I/O error", "database is locked")


def test_every_call_of_the_seam_has_its_faults() -> None:
    assert set(FAULTS) == set(ScriptedFilesystem.PRIMITIVES)


def points(calls: Sequence[str], *, every: bool) -> Iterator[tuple[int, Exception, str]]:
    """Give faults at every call of a run: its place, what is raised, and a name for it.

    All of them take minutes (`pytest --every-fault`); else each call gets the next one of its own.
    """
    turn = Counter[str]()
    for at, name in enumerate(calls):
        faults = COMMIT if name == "commit" else FAULTS[name]
        turn[name] += 1
        for fault in faults if every else [faults[turn[name] % len(faults)]]:
            if isinstance(fault, str):
                yield at, sqlite3.OperationalError(fault), f"call {at}, commit, {fault}"
            else:
                yield at, OSError(fault, os.strerror(fault)), f"call {at}, {name}, {errno.errorcode[fault]}"


def test_a_fault_at_any_call_loses_nothing_and_can_be_undone(
    make_world: Callable[[], World], every_fault: bool
) -> None:
    world = make_world()
    original, before = world.files(), world.sounds()
    script = Script(looks=True)
    world.run(world.plan(), script)
    wanted = list(points(script.calls, every=every_fault))
    logger.info("%d points", len(wanted))  # `pytest --log-cli-level=INFO` shows them
    for at, fault, where in wanted:
        world = make_world()
        try:
            outcome = world.run(world.plan(), Script(at, "before", fault, looks=True))
        except (FileProblem, JournalError) as problem:
            # What could not be synced or written down stays open; recovery takes it from there.
            assert script.calls[at] in ("_sync_folder", "commit"), where
            assert problem.hint, where
            world.recover()
        else:
            troubled = [one for one in outcome.results if one.state in ("failed", "skipped")]
            assert all(one.error and (one.hint or one.state == "skipped") for one in troubled), where
        assert not [one for one in world.files() if ".tmp" in one], where
        copies = world.sounds() - before
        assert set(world.sounds()) == set(before), where
        # The copy, the link and what is unpacked, which the plan itself asks for.
        assert sum(copies.values()) <= 3, where
        with closing(Journal(world.journal_path)) as journal:
            if journal.batch(1) is not None:
                world.run(world.undoing(journal, 1))
        assert world.files() == original, where


def test_a_fault_at_any_call_of_an_undo_loses_nothing_and_undo_may_be_tried_again(
    make_world: Callable[[], World], every_fault: bool
) -> None:
    world = make_world()
    original = world.files()
    script = Script(looks=True)
    _file_and_undo(world, script)
    before = set(world.sounds())
    wanted = list(points(script.calls, every=every_fault))
    logger.info("%d points", len(wanted))  # `pytest --log-cli-level=INFO` shows them
    for at, fault, where in wanted:
        world = make_world()
        try:
            _file_and_undo(world, Script(at, "before", fault, looks=True))
        except (FileProblem, JournalError):
            assert script.calls[at] in ("_sync_folder", "commit"), where
            world.recover()
        assert not [one for one in world.files() if ".tmp" in one], where
        assert set(world.sounds()) == before, where
        _undo_again(world)
        assert world.files() == original, where


def _file_and_undo(world: World, script: Script) -> None:
    world.run(world.plan())
    with closing(Journal(world.journal_path)) as journal:
        plan = world.undoing(journal, 1)
    world.run(plan, script)


def _undo_again(world: World) -> None:
    """Undo what is left to undo of batch 1, as `undo 1` does."""
    with closing(Journal(world.journal_path)) as journal:
        undos = [one.id for one in journal.turning(1)]
        back = {encode(one.operation) for one in journal.done(undos)}
        plan = world.undoing(journal, 1)
    world.run(replace(plan, operations=tuple(one for one in plan.operations if encode(one) not in back)))


@pytest.mark.parametrize(
    ("number", "says", "lasting"),
    [
        (errno.ENOSPC, "is full", False),
        (errno.EDQUOT, "is full", False),
        (errno.EACCES, "No permission", False),
        (errno.EROFS, "can only be read", False),
        (errno.ENAMETOOLONG, "too long", True),
        (errno.EEXIST, "already something", True),
        (errno.EIO, "does not answer", False),
        (errno.EMFILE, "Too many files", False),
        (errno.ELOOP, "not a folder", True),
        (errno.EBUSY, "in use", False),
        (errno.ENOTSUP, "could not be changed", False),
    ],
)
def test_every_errno_reads_as_a_sentence(tmp_path: Path, number: int, says: str, lasting: bool) -> None:
    problem = translate(OSError(number, os.strerror(number)), tmp_path / "a.wav")
    assert says in problem.message
    assert problem.hint
    assert problem.lasting is lasting


def test_a_missing_destination_folder_is_named_rather_than_the_source(world: World) -> None:
    plan = world.plan()
    (moving,) = [one for one in plan.operations if getattr(one, "source", None) == world.pack / "c.txt"]
    with closing(Journal(world.journal_path)) as journal:
        outcome = Executor(journal, ScriptedFilesystem(Script())).run(
            type(plan)(origin="sort", title="c", operations=(moving,))
        )
    assert outcome.results[0].state == "failed"
    assert f"The folder {world.library / 'Kicks'} is not there" in outcome.results[0].error
