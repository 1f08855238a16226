"""Whatever happens in whatever order: packs arrive, rules change, the user edits, the machine crashes, disks
fail, batches are undone and done again. A perfect memory (`model.py`) says what must then lie where.

Real rules, journal, index, planner, executor and recovery on real files; only the ear is one that tells our
few sounds apart at once.
"""

from __future__ import annotations

import io
import logging
import os
import shutil
import sqlite3
import tempfile
import time
import unicodedata
import zipfile
from collections import Counter
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cache
from itertools import zip_longest
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import soundfile
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from organizer.batch.arrivals import arrivals_below
from organizer.batch.undoing import is_redo
from organizer.config import Config, Inbox, dump
from organizer.errors import OrganizerError
from organizer.execution import syscalls
from organizer.execution.codec import paths_of
from organizer.execution.journal import Journal
from organizer.labels import CONTENTS, LABELS
from organizer.planning.operations import (
    ACTIONS,
    Copy,
    Extract,
    Link,
    Move,
    Operation,
    Skip,
    WriteAttribute,
    WriteTags,
)
from organizer.recognition.classifier import Classifier, Heard
from organizer.recognition.recognize import Recognizer
from tests.desk import Desk
from tests.execution.conftest import MEMORY
from tests.execution.stage import (
    Crash,
    Script,
    ScriptedFilesystem,
    WithoutLinks,
    WithoutSafeRename,
)
from tests.execution.test_faults import COMMIT, FAULTS
from tests.model import Model, Node, look

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import pytest
    from numpy.typing import NDArray

    from organizer.batch.arrivals import Arrival
    from organizer.cli.assembly import Assembly
    from organizer.execution.outcome import Outcome
    from organizer.execution.records import BatchRecord, OperationRecord

logger = logging.getLogger(__name__)

OLD = 1_400_000_000_123_456_789
RATE, FRAMES, SOUNDS = 8_000, 160, 6
PACKS = ("Kit", "More", "kit")
FOLDERS = (
    "",
    "Sub",
    "sub",
    "Sub/Deep",
    unicodedata.normalize("NFC", "Tön"),
    unicodedata.normalize("NFD", "Tön"),
)
NAMES = (
    "One.wav", "one.wav", "One (2).wav", "Two.flac", "Tön.wav", unicodedata.normalize("NFD", "Tön.wav"),
    "Read me.txt", "beat.mid", "More.zip", "empty.wav", "CON.wav", "tail. .wav",
)  # fmt: skip
COMPANIONS = ("", "", "", ".asd", ".organizer.json")
MOVES = (
    "Sounds/{name}", "{category|Other}/{name}", "Packs/{pack|Loose}/{subpath}/{name}", "All/{stem}.{ext}",
)  # fmt: skip
OTHERS = (
    '{ copy = "Copies/{name}" }',
    '{ copy = "Sounds/{name}", on_conflict = "skip" }',
    '{ link = "Links/{name}" }',
    '{ link = "Pointers/{name}", kind = "symbolic" }',
    '{ tag = { genre = "{category|Loop}", comment = "{pack|none}" } }',
    '{ tag = { title = "{stem}", mode = "replace" } }',
    '{ xattr = ["{category|none}", "{kind}"] }',
    '{ sidecar = "json" }',
    '{ sidecar = "json-each" }',
    '{ sidecar = "xmp" }',
)


class Knowing(Classifier):
    """An ear that counts waves: our sounds differ in how many they have."""

    def __init__(self) -> None:
        self.model_id, self.labels = "knowing-1", LABELS
        self.samplerate, self.window, self.embedding_size = RATE, FRAMES, 2

    def hear(self, waves: NDArray[np.float32]) -> Heard:
        count = (np.diff(np.signbit(waves[:, : FRAMES - 10]).astype(np.int8)) == 1).sum(axis=1)
        labels = np.full((len(waves), len(LABELS)), 1e-4, np.float32)
        labels[np.arange(len(waves)), count % len(LABELS)] = 1.0
        kinds = np.tile(np.array([[0.99, 0.01]], np.float32), (len(waves), 1))
        contents = np.full((len(waves), len(CONTENTS)), 1 / len(CONTENTS), np.float32)
        embeddings = np.tile(np.array([[0.6, 0.8]], np.float32), (len(waves), 1))
        return Heard(labels / labels.sum(axis=1, keepdims=True), kinds, contents, embeddings)


EAR = Recognizer(Knowing(), threads=1)


@cache
def sound(number: int, suffix: str) -> bytes:
    """Make a short sound of `number` waves."""
    t = np.arange(FRAMES) / FRAMES
    wave = 0.5 * np.sin(2 * np.pi * (number + 1) * t + 0.1)
    written = io.BytesIO()
    soundfile.write(written, wave, RATE, subtype="PCM_16", format=suffix.removeprefix("."))
    return written.getvalue()


@cache
def content_of(name: str, number: int) -> bytes:
    suffix = Path(name).suffix
    if name == "empty.wav":
        return b""
    if suffix in (".wav", ".flac"):
        return sound(number, suffix)
    if suffix == ".zip":
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for inside in ("Zipped/One.wav", "Zipped/Deep/Two.flac", "Zipped/note.txt"):
                written = zipfile.ZipInfo(inside, (2014, 5, 13, 12, 0, 0))
                archive.writestr(written, content_of(Path(inside).name, number))
        return packed.getvalue()
    return f"{name} {number}\n".encode() * (1 + number)


@dataclass(frozen=True)
class Piece:
    """One file of a pack that is to be dropped."""

    folder: str
    name: str
    number: int
    companion: str
    mode: int


PIECES = st.builds(
    Piece,
    folder=st.sampled_from(FOLDERS),
    name=st.sampled_from(NAMES),
    number=st.integers(0, SOUNDS - 1),
    companion=st.sampled_from(COMPANIONS),
    mode=st.sampled_from((0o644, 0o640, 0o444)),
)


@st.composite
def rule_texts(draw: st.DrawFn) -> str:
    """Write rules that use the actions together."""
    move = draw(st.sampled_from((*MOVES, *MOVES, None)))
    conflict = draw(st.sampled_from(("number", "number", "skip")))
    duplicate = draw(st.sampled_from(("keep", "keep", "skip", "trash", "link")))
    others = draw(st.lists(st.sampled_from(OTHERS), unique=True, max_size=4))
    then = [f'{{ move = "{move}", on_conflict = "{conflict}" }}'] if move else []
    rules = []
    if draw(st.booleans()) and others:
        rules.append(_rule("First", [others.pop()], "continue = true"))
    then = [*then, *others] or ["{ leave = true }"]
    rules.append(_rule("Sounds", then, f'on_duplicate = "{duplicate}"'))
    if draw(st.booleans()):
        unpack = draw(st.sampled_from((["{ unpack = true }"], [])))
        rules.append(_rule("Archives", [*unpack, '{ move = "Zips/{name}" }'], 'when = { type = "archive" }'))
    if draw(st.booleans()):
        when = 'when = { type = ["document", "midi", "other"] }'
        rules.append(_rule("Rest", ['{ move = "Rest/{pack|Loose}/{name}" }'], when))
    return "version = 1\n" + "".join(rules)


def _rule(name: str, then: Sequence[str], rest: str) -> str:
    return f'[[rule]]\nname = "{name}"\n{rest}\nthen = [{", ".join(then)}]\n'


@dataclass
class Faults(Script):
    """One script for the life of an installation; each run is told anew what goes wrong in it."""

    pick: int | None = None  # which fault of those that the call may answer; None: the machine stops
    counts: bool = False
    hit: str = ""  # the call that it went wrong at

    def around(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        plain = super().around(name, call)

        def wrapped(*arguments: Any) -> Any:
            looks = name in ScriptedFilesystem.LOOKING
            if not self.counts or (looks and self.pick is None and self.meanwhile is None):
                return call(*arguments)
            if self.meanwhile is not None:
                # Between the last look and the call that it is for, no file system lets us stand guard.
                self.at = len(self.calls) if looks and 0 <= self.at <= len(self.calls) else self.at
            elif len(self.calls) == self.at:
                self.hit, self.failure = name, self._failure(name)
            return plain(*arguments)

        return wrapped

    def _failure(self, name: str) -> BaseException:
        if self.pick is None:
            return Crash()
        if name == "commit":
            return sqlite3.OperationalError(COMMIT[self.pick % len(COMMIT)])
        number = FAULTS[name][self.pick % len(FAULTS[name])]
        return OSError(number, os.strerror(number))

    def arm(self, at: int, pick: int | None, meanwhile: Callable[[], None] | None = None) -> None:
        self.at, self.pick, self.meanwhile, self.counts, self.hit = at, pick, meanwhile, True, ""
        self.when = "after" if pick is None else "before"
        self.calls.clear()

    def disarm(self) -> None:
        self.counts, self.at, self.failure, self.meanwhile = False, -1, None, None


class Failing(Journal):
    """A journal whose commits go through the script."""

    def __init__(self, path: Path, faults: Faults, folders: Sequence[Path]) -> None:
        self._faults = faults
        super().__init__(path, folders=folders)

    def _commit(self) -> None:
        self._faults.around("commit", super()._commit)()


class Guarded(Desk):
    """An installation whose disk and journal fail when they are told to."""

    def __init__(self, root: Path, kind: type[ScriptedFilesystem], library: Path) -> None:
        self.faults, self._kind = Faults(looks=True), kind
        super().__init__(root)
        if library != self.library:
            self.library.rmdir()
            self.library = library
            config = Config(library=str(library), inbox=[Inbox(str(self.inbox))])
            self.home.config_file.write_text(dump(config), encoding="utf-8")
            self.open_again()
        begun = time.time()
        self.later = 0.0
        self.now = lambda: begun + self.later

    def _assemble(self) -> Assembly:
        parts = super()._assemble()
        parts.journal = Failing(self.home.journal, self.faults, parts._folders())
        parts._open.enter_context(parts.journal)
        parts.filesystem = self._kind(self.faults)
        parts.filesystem._inboxes = (self.inbox,)
        parts.ear = EAR
        return parts

    def use(self, text: str) -> None:
        (self.home.rules / "default.toml").write_text(text, encoding="utf-8")
        assert self.parts.filing.reload() is None

    def arrivals(self) -> list[Arrival]:
        return list(arrivals_below(self.parts.config.inbox[0]))

    def records(self) -> list[tuple[BatchRecord, OperationRecord]]:
        """Give all operations, the oldest first."""
        journal = self.parts.journal
        found = [(batch, one) for batch in journal.batches() for one in journal.operations(batch.id)]
        return sorted(found, key=lambda one: one[1].id)


DISKS: dict[str, type[ScriptedFilesystem]] = {
    "safe rename": ScriptedFilesystem,
    "links": WithoutSafeRename,
    "reservations": WithoutLinks,
    "another device": ScriptedFilesystem,
}
EDITS = (
    "rename",
    "delete",
    "append",
    "rewrite",
    "replace",
    "touch",
    "chmod",
    "copy",
    "move",
    "rename folder",
)


def first_difference(came: Sequence[object], wanted: Sequence[object]) -> list[tuple[object, object]]:
    return [pair for pair in zip_longest(came, wanted) if pair[0] != pair[1]][:1]


WORK = (Move, Copy, Link, WriteTags, WriteAttribute)


def source_of(operation: Operation) -> Path:
    return paths_of(operation)[0]


def shown(operations: Iterable[Operation]) -> list[Operation]:
    """Give what a dry run shows of operations: not where a member of an archive lay open, nor the bytes that
    tags will make, nor which of several equal sounds it was likened to."""
    found: list[Operation] = []
    for one in operations:
        match one:
            case Extract():
                found.append(replace(one, staged=Path(), remark=""))
            case Move():
                found.append(replace(one, remark=""))
            case Link():
                found.append(replace(one, content_hash=""))
            case _ if isinstance(one, (*ACTIONS, Skip)):
                found.append(one)
    return found


AFTERWARDS = ("begins anew", "goes on", "undoes")
NUMBERS = st.integers(0, 100)
ALL_OF_IT: Mapping[int, list[Path]] = MappingProxyType({})


class Machine(RuleBasedStateMachine):
    """One installation, its user, and what happens to them."""

    steps: ClassVar[Counter[str]] = Counter()
    operations: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp(dir=MEMORY if os.access(MEMORY, os.W_OK) else None))
        self.elsewhere = Path(tempfile.mkdtemp())
        self.serial = 0  # of what the user makes
        self.used: set[Path] = set()  # every place that anything ever arrived at
        self.clean = True  # whether nobody but us has touched anything, and nothing failed
        self.original: dict[Path, Node | str] = {}
        self.times: dict[Path, tuple[int, int]] = {}  # mode and mtime of the folders that arrived

    @initialize(disk=st.sampled_from(tuple(DISKS)), text=rule_texts())
    def begin(self, disk: str, text: str) -> None:
        library = self.elsewhere if disk == "another device" else self.root / "Library"
        self.desk = Guarded(self.root, DISKS[disk], library)
        self.model = Model([self.desk.inbox, self.desk.library])
        self.desk.use(text)

    def teardown(self) -> None:
        for _, record in self.desk.records():
            self.operations[f"{type(record.operation).__name__} {record.state}"] += 1
        self.desk.parts.__exit__(None, None, None)
        shutil.rmtree(self.root)
        shutil.rmtree(self.elsewhere)

    # What comes

    @rule(pack=st.sampled_from(PACKS), pieces=st.lists(PIECES, min_size=1, max_size=6))
    def drop_a_pack(self, pack: str, pieces: list[Piece]) -> None:
        self._drop(self.desk.inbox / pack, pieces)

    @rule(pieces=st.lists(PIECES, min_size=1, max_size=3))
    def drop_loose_files(self, pieces: list[Piece]) -> None:
        self._drop(self.desk.inbox, [replace(one, folder="") for one in pieces])

    def _drop(self, folder: Path, pieces: Sequence[Piece]) -> None:
        self._count("drop")
        made = []
        for piece in pieces:
            path = folder / piece.folder / piece.name
            named = [path, path.with_name(path.name + piece.companion)][: 2 if piece.companion else 1]
            for one in named:
                if not os.path.lexists(one):
                    one.parent.mkdir(parents=True, exist_ok=True)
                    one.write_bytes(content_of(one.name, piece.number))
                    one.chmod(piece.mode)
                    made.append(one)
        if folder != self.desk.inbox:
            if pieces[0].number % 3 == 0:
                (folder / "Empty").mkdir(parents=True, exist_ok=True)
            made += [one for one in (folder, *folder.rglob("*")) if one.is_dir()]
        for number, path in enumerate(made):
            os.utime(path, ns=(OLD, OLD + number * 1_000_001))
        self.clean &= self.used.isdisjoint(made)
        self.used.update(made)
        disk = look(self.model.roots)
        for path in made:
            if path in disk.files:
                self.model.files[path] = disk.files[path]
                self.original[path] = deepcopy(disk.files[path])
        self.model.folders |= disk.folders.keys()
        self.times |= {path: disk.folders[path] for path in made if path in disk.folders}

    @rule(text=rule_texts())
    def change_the_rules(self, text: str) -> None:
        self._count("rules")
        self.desk.use(text)

    # What is done

    @rule(forced=st.sampled_from((False, False, False, True)))
    def file(self, forced: bool) -> None:
        self._count("file")
        desk = self.desk
        plans = desk.parts.proposing.plans(desk.arrivals(), forced=forced)
        planned = [one for plan in plans if plan.actions for one in plan.operations]
        if forced:
            for arrival in desk.arrivals():
                for path in arrival.paths:
                    self.model.let_go(path)
        held = [one for one in planned if isinstance(one, WORK) and self.model.held(source_of(one))]
        assert not [one for one in held if not source_of(one).name.endswith((*COMPANIONS[3:], ".xmp"))], held
        before = {record.id for _, record in desk.records()}
        desk.file(forced=forced)
        new = [record for _, record in desk.records() if record.id not in before]
        if not any(record.state == "failed" for record in new):
            differ = first_difference(shown(record.operation for record in new), shown(planned))
            assert not differ, differ
        self._follow()
        again = [one for plan in desk.parts.proposing.plans(desk.arrivals()) for one in plan.operations]
        assert not again, again

    @rule(at=st.integers(0, 40), pick=st.none() | st.integers(0, 20), then=st.sampled_from(AFTERWARDS))
    def file_and_fail(self, at: int, pick: int | None, then: str) -> None:
        self._count("file and crash" if pick is None else "file and fail")
        ended = self._failing(at, pick, self.desk.file)
        if ended and then == "goes on" and pick is not None:
            # A service that was refused tries again, and does not begin anew.
            self._failing(-1, None, self.desk.file)
        if ended and then == "undoes":
            self.desk.open_again()
            self._turn(self.desk.parts.journal.last(1))
        self._recover()

    def _failing(self, at: int, pick: int | None, run: Callable[[], object]) -> bool:
        """Let something go wrong at a call; say whether what ran was ended by it."""
        sounds, faults = self.model.sounds(), self.desk.faults
        try:
            faults.arm(at, pick)
            run()
        except (Crash, OrganizerError):
            ended = True
        else:
            ended = False
        finally:
            faults.disarm()
        self.clean &= pick is None
        if faults.hit == "_unlink" and pick is not None:
            # A temp that could not be removed is nobody's loss.
            for path in [one for one in look(self.model.roots).files if syscalls.is_temp(one.name)]:
                path.unlink()
        lost = sounds - look(self.model.roots).sounds()
        assert not lost, lost
        return ended

    def _recover(self) -> None:
        self.desk.open_again()
        self.desk.parts.filing.recover()
        self._follow()
        before = look(self.model.roots)
        assert self.desk.parts.filing.recover() == ()
        assert look(self.model.roots) == before

    @precondition(lambda self: self.model.files)
    @rule(
        at=st.integers(0, 60), crashes=st.booleans(), edit=st.sampled_from(EDITS), pick=NUMBERS, other=NUMBERS
    )
    def file_while_the_user_edits(self, at: int, crashes: bool, edit: str, pick: int, other: int) -> None:
        """Nobody sees what they do: while it is filed, or before what a crash cut off is brought to its
        end."""
        self._count("file and edit")
        self.clean = False
        path, new = self._chosen(pick, other)
        sounds, lost, theirs = self.model.sounds(), set[str](), set[int]()

        def edits() -> None:
            if os.path.lexists(path):
                before = look(self.model.roots).sounds()
                changed = [one for one in self._edit(edit, path, new) if one.is_file()]
                theirs.update(one.lstat().st_ino for one in changed)
                lost.update(before - look(self.model.roots).sounds())

        try:
            self.desk.faults.arm(at, None, None if crashes else edits)
            self.desk.file()
        except (Crash, OrganizerError):
            edits()
        finally:
            self.desk.faults.disarm()
        self.desk.open_again()
        self.desk.parts.filing.recover()
        missing = sounds - look(self.model.roots).sounds() - lost
        assert not missing, missing
        self.model.learn(theirs)
        self.model.forget(record for _, record in self.desk.records())

    @precondition(lambda self: self.desk.parts.journal.batches())
    @rule()
    def begin_anew(self) -> None:
        self._count("restart")
        self._recover()

    @rule(seconds=st.sampled_from((70, 3_700)))
    def time_passes(self, seconds: int) -> None:
        self.desk.later += seconds

    # The way back

    @precondition(lambda self: self.desk.parts.journal.undoable())
    @rule()
    def undo_the_last(self) -> None:
        self._count("undo last")
        self._undo(self.desk.parts.journal.last(1))

    @precondition(lambda self: self.desk.parts.journal.undoable())
    @rule(pick=st.integers(0, 20))
    def undo_any(self, pick: int) -> None:
        self._count("undo any")
        found = self.desk.parts.journal.undoable()
        self.clean &= pick % len(found) == 0
        self._undo([found[pick % len(found)]])

    @precondition(lambda self: self.desk.parts.journal.undoable())
    @rule(at=st.integers(0, 30), pick=st.none() | st.integers(0, 20))
    def undo_and_fail(self, at: int, pick: int | None) -> None:
        self._count("undo and crash" if pick is None else "undo and fail")
        chosen = self.desk.parts.journal.last(1)
        self._failing(at, pick, lambda: self._turn(chosen))
        self._recover()

    @precondition(lambda self: self.model.files)
    @rule(pick=NUMBERS)
    def undo_a_file(self, pick: int) -> None:
        self._count("undo a file")
        path = self._chosen(pick, 0)[0]
        journal = self.desk.parts.journal
        record = journal.leaving(path)
        batch = None if record is None else journal.batch(record.batch)
        if batch is not None and batch.origin != "undo" and not batch.undone:
            self.clean = False
            self._undo([batch], only={batch.id: [path]})

    @precondition(lambda self: self.desk.parts.journal.undoable())
    @rule()
    def undo_all(self) -> None:
        self._count("undo all")
        self._undo(self.desk.parts.journal.undoable())
        if self.clean:
            disk = look(self.model.roots)
            assert disk.files == self.original
            assert disk.folders == self.times

    @precondition(lambda self: self._undos())
    @rule(pick=st.integers(0, 20))
    def redo(self, pick: int) -> None:
        self._count("redo")
        found = self._undos()
        chosen = found[pick % len(found)]
        self.clean &= chosen == self.desk.parts.journal.batches()[0]
        self._undo([chosen])

    def _undos(self) -> list[BatchRecord]:
        """Give what can be done again."""
        journal = self.desk.parts.journal
        return [
            one
            for one in journal.batches()
            if one.origin == "undo"
            and not one.undone
            and one.counts.get("done")
            and not is_redo(one, journal)
        ]

    def _undo(self, batches: Sequence[BatchRecord], only: Mapping[int, list[Path]] = ALL_OF_IT) -> None:
        """Turn batches around, as a dry run says."""
        foreseen = self.desk.parts.undoing.preview(batches, only=only)
        outcomes = self._turn(batches, only)
        if self.clean:
            for plan, outcome in zip(foreseen, outcomes, strict=True):
                wanted = [(one, "done") for one in plan.operations if isinstance(one, ACTIONS)]
                came = [
                    (one.operation, one.state)
                    for one in outcome.results
                    if isinstance(one.operation, ACTIONS)
                ]
                differ = first_difference(came, wanted)
                assert not differ, differ
        self._follow()

    def _turn(
        self, batches: Sequence[BatchRecord], only: Mapping[int, list[Path]] = ALL_OF_IT
    ) -> list[Outcome]:
        return self.desk.parts.undoing.undo(batches, only=only, progress=lambda *_: None)

    # What the user does

    @precondition(lambda self: self.model.files)
    @rule(edit=st.sampled_from(EDITS), pick=NUMBERS, other=NUMBERS)
    def edit(self, edit: str, pick: int, other: int) -> None:
        self._count("edit")
        self.clean = False
        path, new = self._chosen(pick, other)
        self.model.edited(*self._edit(edit, path, new))

    def _chosen(self, pick: int, other: int) -> tuple[Path, Path]:
        """Choose a file, and a place that it may be given."""
        self.serial += 1
        paths = sorted(self.model.files)
        path, beside = paths[pick % len(paths)], paths[other % len(paths)].parent
        return path, beside / f"{self.serial} {path.name}"

    def _edit(self, edit: str, path: Path, new: Path) -> tuple[Path, Path]:
        """Do as a user does; give what it was done to, and where that is now."""
        match edit:
            case "rename":
                new = path.with_name(new.name)
                path.rename(new)
            case "move":
                new.parent.mkdir(parents=True, exist_ok=True)
                shutil.move(path, new)
            case "delete":
                path.unlink()
            case "rename folder" if path.parent not in self.model.roots:
                path, new = path.parent, path.parent.with_name(f"{self.serial} {path.parent.name}")
                path.rename(new)
            case "copy" if not path.is_symlink():
                new.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, new)
            case _ if not path.is_symlink():
                self._change(edit, path)
        return path, new

    def _change(self, edit: str, path: Path) -> None:
        before, content = path.stat(), path.read_bytes()
        other = content[:-2] + self.serial.to_bytes(2, "big")
        match edit:
            case "append":
                path.write_bytes(content + b"more")
            case "rewrite" if content:
                path.write_bytes(other)
            case "replace" if content:
                path.unlink()
                path.write_bytes(other)
                path.chmod(before.st_mode)
                os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
            case "touch":
                os.utime(path)
            case "chmod":
                path.chmod(0o600)

    # What must hold

    def _follow(self) -> None:
        for batch, record in self.desk.records():
            self.model.follow(batch, [record])
            self.clean &= record.state != "failed"
            assert record.state not in ("open", "planned"), record

    @invariant()
    def all_lies_where_it_must(self) -> None:
        differences = self.model.differences()
        assert not differences, "\n".join(differences)

    def _count(self, what: str) -> None:
        self.steps[what] += 1


def test_nothing_is_lost_whatever_happens_in_whatever_order(request: pytest.FixtureRequest) -> None:
    every_fault = bool(request.config.getoption("--every-fault"))
    Machine.steps.clear()
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=1_600 if every_fault else 80,
            stateful_step_count=50 if every_fault else 30,
            derandomize=not every_fault,
            database=None,
            deadline=None,
            print_blob=True,
        ),
    )
    # What must hold is asserted after every step; here, that the steps were taken, and changed something.
    assert {"file", "undo all", "undo a file", "file and crash", "redo"} <= Machine.steps.keys()
    assert Machine.operations["Move done"] > 100
    logger.info("%d steps: %s", Machine.steps.total(), dict(Machine.steps))
    logger.info("%d operations: %s", Machine.operations.total(), dict(Machine.operations))
