"""Somebody else changes, takes away or puts down a file while a batch runs: what they did is never undone by
us.

They act before every call that looks, and where a disk lets two files change places, in the moment between
the last look and the change. Elsewhere no file system lets us stand guard in that moment.
"""

from __future__ import annotations

import itertools
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from organizer.errors import FileProblem
from organizer.execution import syscalls
from organizer.execution.filesystem import Filesystem
from organizer.execution.journal import Journal
from organizer.recognition.identity import sound_id
from tests.execution.stage import Crash, Script, WithoutSafeRename, World

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from pathlib import Path

THEIRS = b"what the user has made of it"
SOUNDS = (".wav", ".flac")
NAMES = (
    "inbox/Pack/a.wav",
    "inbox/Pack/Sub/b.flac",
    "inbox/Pack/c.txt",
    "inbox/Pack/d.wav",
    "library/Kicks/a.wav",
    "library/Kicks/b.flac",
    "library/Kicks/d.wav",
    "library/Kicks/.organizer.json",
    "library/Copies/a.wav",
)


def changes(path: Path) -> None:
    if path.exists():
        path.write_bytes(path.read_bytes() + THEIRS)


def renames(path: Path) -> None:
    if path.exists():
        path.rename(path.with_name(f"renamed {path.name}"))


def puts_another_there(path: Path) -> None:
    if path.parent.is_dir():
        path.unlink(missing_ok=True)
        path.write_bytes(THEIRS)


def appears(path: Path) -> None:
    if path.parent.is_dir() and not path.exists():
        path.write_bytes(THEIRS)


def meetings(
    calls: Sequence[str], *, every: bool, guarded: Collection[str]
) -> Iterator[tuple[int, Callable[[Path], None], str]]:
    """Give who meets the batch where: before which call, what they do, with which file.

    Every meeting with every file takes minutes (`pytest --every-fault`); else they take turns.
    """
    acts, turn = itertools.cycle((changes, renames, puts_another_there, appears)), itertools.cycle(NAMES)
    for at, name in enumerate(calls):
        if name not in (*Filesystem.LOOKING, *guarded):
            continue
        if every or name in guarded:
            for what, path in itertools.product((changes, renames, puts_another_there, appears), NAMES):
                yield at, what, path
        else:
            yield at, next(acts), next(turn)


def theirs(world: World) -> set[bytes]:
    """Give the contents that they have made or changed, under whatever names."""
    return {
        content
        for root in (world.inbox, world.library)
        for path in root.rglob("*")
        if path.is_file() and not path.is_symlink() and not syscalls.is_temp(path.name)
        if (content := path.read_bytes()).endswith(THEIRS)
    }


@pytest.mark.parametrize("turning", ["filing", "undo"])
def test_what_somebody_else_does_meanwhile_is_kept(
    make_world: Callable[[], World], turning: str, every_fault: bool
) -> None:
    world, script = make_world(), Script(looks=True)
    run(world, script, turning)
    calls = list(script.calls)
    guarded = () if issubclass(world.kind, WithoutSafeRename) else ("_exchange",)
    for at, what, name in meetings(calls, every=every_fault, guarded=guarded):
        world = make_world()
        root, _, rest = name.partition("/")
        path = (world.inbox if root == "inbox" else world.library) / rest
        here = _Meanwhile(world, path, what)
        try:
            run(world, Script(at, looks=True, meanwhile=here), turning)
        except FileProblem:
            world.recover()
        where = f"before call {at}, {calls[at]}: {path} {what.__name__}"
        assert here.sounds <= set(sounds_of(world)), where
        assert here.theirs <= theirs(world), where
        assert not [one for one in world.files() if ".tmp" in one], where


@pytest.mark.parametrize("make_world", ["another device"], indirect=True)
def test_a_source_is_not_removed_when_its_copy_was_taken_away(make_world: Callable[[], World]) -> None:
    world, script = make_world(), Script()
    world.run(world.plan(), script)
    met = 0
    for at in [at for at, name in enumerate(script.calls) if name == "_sync_folder"]:
        world = make_world()
        source, copy = world.pack / "d.wav", world.library / "Kicks" / "d.wav"
        sound, both = sound_id(source), list[bool]()

        def takes_it_away(source: Path = source, copy: Path = copy, both: list[bool] = both) -> None:
            both.append(source.exists() and copy.exists())
            puts_another_there(copy)

        world.run(world.plan(), Script(at, meanwhile=takes_it_away))
        met += both[0]
        assert not both[0] or sound in sounds_of(world), at
    assert met


@pytest.mark.parametrize("make_world", ["safe rename", "another device"], indirect=True)
@pytest.mark.parametrize("turning", ["filing", "undo"])
def test_what_was_saved_in_the_moment_of_a_crash_is_given_back(
    make_world: Callable[[], World], turning: str
) -> None:
    """The two files have changed places, and before anybody could look at what came back the power went."""
    world, script = make_world(), Script()
    run(world, script, turning)
    met = 0
    for at in [at for at, name in enumerate(script.calls) if name == "_exchange"]:
        for path in ("Kicks/a.wav", "Kicks/b.flac", "Kicks/.organizer.json"):
            world = make_world()
            here = _Meanwhile(world, world.library / path, changes)
            with pytest.raises(Crash):
                run(world, Script(at, "after", Crash(), meanwhile=here), turning)
            told = world.recover()
            met += any("just when it was rewritten" in one for one in told)
            assert here.theirs <= theirs(world), (at, path, told)
            assert world.recover() == ()
            assert not [one for one in world.files() if ".tmp" in one], (at, path)
    assert met


def run(world: World, script: Script, turning: str) -> None:
    if turning == "filing":
        world.run(world.plan(), script)
        return
    world.run(world.plan())
    with closing(Journal(world.journal_path)) as journal:
        plan = world.undoing(journal, 1)
    world.run(plan, script)


class _Meanwhile:
    """What somebody does, and what lay there when they had done it."""

    def __init__(self, world: World, path: Path, what: Callable[[Path], None]) -> None:
        self._world, self._path, self._what = world, path, what
        self.sounds: set[str] = set()
        self.theirs: set[bytes] = set()

    def __call__(self) -> None:
        # A sound that they overwrite themselves may be the one that was to vouch for another.
        theirs_to_lose = self._what is not renames and self._path.is_file() and self._path.suffix in SOUNDS
        lost = {sound_id(self._path)} if theirs_to_lose else set[str]()
        self._what(self._path)
        self.sounds, self.theirs = sounds_of(self._world) - lost, theirs(self._world)


def sounds_of(world: World) -> set[str]:
    """Name every sound that lies under a name of its own, theirs left out."""
    found = set()
    for root in (world.inbox, world.library):
        for path in root.rglob("*"):
            if path.suffix in SOUNDS and path.is_file() and not path.is_symlink():
                content = path.read_bytes()
                if content and not content.endswith(THEIRS):
                    found.add(sound_id(path))
    return found
