"""A small world of an inbox and a library, plans on it, and a filesystem and journal with scripted faults."""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import soundfile

from organizer.demo import sounds
from organizer.execution.archives import is_unpacked
from organizer.execution.executor import Executor
from organizer.execution.filesystem import Filesystem
from organizer.execution.journal import Journal
from organizer.execution.recovery import recover
from organizer.planning.attributes import XDG
from organizer.planning.operations import (
    Copy,
    Extract,
    KeepFolderTime,
    Link,
    MakeFolder,
    Move,
    Operation,
    Plan,
    RemoveFolder,
    WriteAttribute,
    WriteEntries,
    WriteSidecar,
    WriteTags,
)
from organizer.planning.undo import invert
from organizer.recognition.identity import content_hash, sound_id
from organizer.sample import LIVE_PLACE, Stamp

if TYPE_CHECKING:
    from organizer.execution.outcome import Outcome

OLD = 1_400_000_000_123_456_789


class Crash(BaseException):
    """The machine stops here."""


@dataclass
class Script:
    """Counts the calls of journal and filesystem, and lets one of them fail, before or after its effect."""

    at: int = -1
    when: str = "before"
    failure: BaseException | None = None
    meanwhile: Callable[[], None] | None = None  # what somebody else does just then
    looks: bool = False  # calls that change nothing are counted, and may fail, too
    calls: list[str] = field(default_factory=list)

    def around(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*arguments: Any) -> Any:
            here = len(self.calls)
            self.calls.append(name)
            if here == self.at and self.meanwhile is not None:
                self.meanwhile()
            if here == self.at and self.when == "before" and self.failure is not None:
                raise self.failure
            try:
                return call(*arguments)
            finally:
                if here == self.at and self.when == "after" and self.failure is not None:
                    raise self.failure

        return wrapped


class ScriptedFilesystem(Filesystem):
    """The real one; each of its system calls goes through the script."""

    def __init__(self, script: Script) -> None:
        for name in self.PRIMITIVES if script.looks else self.CHANGING:
            setattr(self, name, script.around(name, getattr(self, name)))


class WithoutSafeRename(ScriptedFilesystem):
    """A disk that has hard links, but no rename that refuses to overwrite."""

    def _rename_noreplace(self, source: Path, target: Path) -> None:
        raise OSError(22, os.strerror(22), str(source), None, str(target))

    def _exchange(self, one: Path, other: Path) -> None:
        raise OSError(22, os.strerror(22), str(one), None, str(other))


class WithoutLinks(WithoutSafeRename):
    """A disk like exFAT through FUSE: no hard links either."""

    def _link(self, source: Path, target: Path) -> None:
        raise OSError(1, os.strerror(1), str(source), None, str(target))


class ScriptedJournal(Journal):
    def __init__(self, path: Path, script: Script) -> None:
        super().__init__(path)
        self._commit = script.around("commit", self._commit)  # type: ignore[method-assign]  # the seam of a test


def move(source: Path, target: Path) -> Move:
    return Move(
        source=source,
        target=target,
        stamp=Stamp.of(source.lstat()),
        content_hash=content_hash(source),
        rule="test",
    )


@dataclass
class World:
    """An inbox with a pack, an empty library, a journal."""

    root: Path
    library: Path
    kind: type[ScriptedFilesystem] = ScriptedFilesystem

    @property
    def inbox(self) -> Path:
        return self.root / "inbox"

    @property
    def pack(self) -> Path:
        return self.inbox / "Pack"

    @property
    def journal_path(self) -> Path:
        return self.root / "state" / "journal.sqlite"

    def fill(self) -> None:
        self.library.mkdir(parents=True, exist_ok=True)
        (self.pack / "Sub").mkdir(parents=True)
        soundfile.write(self.pack / "a.wav", sounds.kick(seconds=0.05), 44_100, subtype="PCM_16")
        soundfile.write(self.pack / "Sub" / "b.flac", sounds.hat(seconds=0.05), 44_100)
        soundfile.write(self.pack / "d.wav", sounds.tom(seconds=0.05), 44_100, subtype="PCM_24")
        (self.pack / "a.wav.asd").write_bytes(b"what a DAW knows of a.wav")
        (self.pack / "c.txt").write_bytes(b"read me")
        with zipfile.ZipFile(self.pack / "more.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(
                zipfile.ZipInfo("More/zipped.wav", (2014, 5, 13, 12, 0, 0)),
                (self.pack / "a.wav").read_bytes(),
            )
        (self.pack / "d.wav").chmod(0o640)
        for number, path in enumerate(sorted(self.pack.rglob("*"), reverse=True)):
            os.utime(path, ns=(OLD, OLD + number * 1_000_001))
        os.utime(self.pack, ns=(OLD, OLD + 77))

    def plan(self) -> Plan:
        """A plan with every kind of operation that a planner makes."""
        pack, sub, kicks, copies = (
            self.pack,
            self.pack / "Sub",
            self.library / "Kicks",
            self.library / "Copies",
        )
        a, b, live = kicks / "a.wav", kicks / "b.flac", kicks / LIVE_PLACE
        operations: list[Operation] = [
            KeepFolderTime(path=pack, mtime_ns=pack.stat().st_mtime_ns),
            KeepFolderTime(path=sub, mtime_ns=sub.stat().st_mtime_ns),
            MakeFolder(path=kicks),
            MakeFolder(path=copies),
            move(pack / "a.wav", a),
            move(pack / "a.wav.asd", kicks / "a.wav.asd"),
            self.tags(pack / "a.wav", a, {"genre": "Kick", "label": "kick"}),
            Copy(source=a, target=copies / "a.wav", content_hash=content_hash(pack / "a.wav"), rule="test"),
            *self.hard_links(a, copies / "hard.wav"),
            Link(
                source=a,
                target=copies / "soft.wav",
                content_hash=content_hash(pack / "a.wav"),
                pointer="../Kicks/a.wav",
                rule="test",
            ),
            WriteAttribute(path=a, name=XDG, before=None, after=b"kick", rule="test"),
            WriteSidecar(path=kicks / "a.wav.organizer.json", content='{"label": "kick"}\n', rule="test"),
            move(sub / "b.flac", b),
            self.tags(sub / "b.flac", b, {"genre": "Hat", "comment": "bright"}),
            Extract(
                archive=pack / "more.zip",
                member="More/zipped.wav",
                staged=self.library / ".organizer-unpacked-1-test" / "More" / "zipped.wav",
                target=kicks / "zipped.wav",
                content_hash=content_hash(pack / "a.wav"),
                rule="test",
            ),
            move(pack / "more.zip", copies / "more.zip"),
            move(pack / "c.txt", kicks / "c.txt"),
            move(pack / "d.wav", kicks / "d.wav"),
            WriteEntries(
                path=kicks / ".organizer.json",
                form="json",
                entries={name: f'{{"sound_id": "pcm:{name}"}}' for name in ("a.wav", "b.flac")},
                rule="test",
            ),
            MakeFolder(path=live.parent),
            WriteEntries(path=live, form="xmp", entries={"a.wav": '["Drums|Kick"]'}, rule="test"),
            WriteEntries(path=live, form="xmp", entries={"b.flac": '["Drums|Hihat"]'}, rule="test"),
            RemoveFolder(path=sub, mode=sub.stat().st_mode),
            RemoveFolder(path=pack, mode=pack.stat().st_mode),
        ]
        return Plan(origin="pack", title="Pack", inbox="inbox", operations=tuple(operations))

    def hard_links(self, source: Path, target: Path) -> list[Operation]:
        if issubclass(self.kind, WithoutLinks):
            return []
        return [
            Link(source=source, target=target, content_hash=content_hash(self.pack / "a.wav"), rule="test")
        ]

    def tags(self, now: Path, then: Path, values: dict[str, str]) -> WriteTags:
        return WriteTags(
            path=then, content_hash=content_hash(now), sound_id=sound_id(now), tags=values, rule="test"
        )

    def undoing(self, journal: Journal, batch: int, *, hold: bool = True) -> Plan:
        return Plan(
            origin="undo",
            title=f"undo of {batch}",
            operations=invert(journal.done([batch])),
            undoes=(batch,),
            hold=self.inbox if hold else None,
        )

    def run(self, plan: Plan, script: Script | None = None) -> Outcome:
        script = script or Script()
        with closing(ScriptedJournal(self.journal_path, script)) as journal:
            return Executor(journal, self.kind(script)).run(plan)

    def recover(self, script: Script | None = None) -> tuple[str, ...]:
        script = script or Script()
        with closing(ScriptedJournal(self.journal_path, script)) as journal:
            files = self.kind(script)
            return recover(journal, files, Executor(journal, files))

    def files(self) -> dict[str, tuple[str, int, int]]:
        """Name -> hash, mode and mtime, of every file in the inbox and the library."""
        found = {}
        for name, root in (("inbox", self.inbox), ("library", self.library)):
            for path in sorted(root.rglob("*")):
                if any(is_unpacked(one) for one in (path, *path.parents)):
                    continue  # swept by whoever files
                stat = path.lstat()
                if path.is_symlink():
                    found[f"{name}/{path.relative_to(root)}"] = (str(path.readlink()), stat.st_mode, OLD)
                elif not path.is_dir():
                    digest = hashlib.sha256(path.read_bytes()).hexdigest()
                    found[f"{name}/{path.relative_to(root)}"] = (digest, stat.st_mode, stat.st_mtime_ns)
        return found

    def folders(self) -> set[str]:
        return {
            f"{name}/{path.relative_to(root)}"
            for name, root in (("inbox", self.inbox), ("library", self.library))
            for path in root.rglob("*")
            if path.is_dir() and not any(is_unpacked(one) for one in (path, *path.parents))
        }

    def sounds(self) -> Counter[str]:
        """How often each sound lies anywhere, tagged or not, own temps left out."""
        return Counter(
            sound_id(path)
            for root in (self.inbox, self.library)
            for path in root.rglob("*")
            if path.suffix in (".wav", ".flac") and not path.is_symlink() and path.stat().st_size
        )


def settled(files: dict[str, tuple[str, int, int]]) -> dict[str, tuple[str, int]]:
    """Leave out the mtime of sidecars, which are written now, and so tell the time."""
    return {
        name: (one[0], one[1] if name.endswith((".json", ".xmp")) else hash(one[1:]))
        for name, one in files.items()
    }
