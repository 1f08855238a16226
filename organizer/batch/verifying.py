"""Holds the disk against the journal: what is missing, changed, or not known. It changes nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from organizer.batch.whereabouts import Search, heard, listed
from organizer.errors import FileProblem
from organizer.execution.filesystem import Filesystem
from organizer.execution.problems import translate
from organizer.pack import companion_of, is_junk
from organizer.planning.standing import Lying, Standing
from organizer.sample import Stamp

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from organizer.execution.reader import JournalReader


@dataclass(slots=True, kw_only=True)
class Findings:
    """What came of a look at everything that the journal says lies in some folders."""

    looked_at: int = 0
    hashed: int = 0
    missing: list[Path] = field(default_factory=list)
    moved: dict[Path, Path] = field(default_factory=dict)  # where the journal says, and where it is
    changed: dict[Path, str] = field(default_factory=dict)  # and how that shows
    unreadable: dict[Path, str] = field(default_factory=dict)  # and why
    unexpected: list[Path] = field(default_factory=list)  # what was never filed; the user's own

    @property
    def sound(self) -> bool:
        return not (self.missing or self.changed or self.unreadable)


def verify(
    journal: JournalReader,
    filesystem: Filesystem,
    folders: Sequence[Path],
    *,
    deep: bool = False,
    progress: Callable[[str, int, int], None],
) -> Findings:
    """Look at every file that the journal says lies in these folders; `deep` reads all of each.

    Without that, bytes are read only where size and time do not tell that they are the same.
    """
    standing = Standing(journal.all_done())
    wanted = [
        (path, lying) for path, lying in standing if any(path.is_relative_to(folder) for folder in folders)
    ]
    verifying = _Verifying(filesystem, Findings(), deep=deep)
    lost: dict[Path, Lying] = {}
    for number, (path, lying) in enumerate(wanted):
        progress("verify", number, len(wanted))
        if not verifying.is_there(path, lying):
            lost[path] = lying
    progress("verify", len(wanted), len(wanted))
    findings = verifying.findings
    findings.unexpected = sorted(
        path for path, _ in listed(folders) if path not in standing and not _is_nobodys_work(path, folders)
    )
    search = Search(
        roots=folders,
        is_spoken_for=standing.__contains__,
        content_hash=filesystem.content_hash,
        sound_id=heard,
        sound_before=lambda _: None,
    )
    findings.moved = dict(search.find(lost, {}).found)
    findings.missing = sorted(path for path in lost if path not in findings.moved)
    moved = set(findings.moved.values())
    findings.unexpected = [path for path in findings.unexpected if path not in moved]
    return findings


@dataclass(slots=True)
class _Verifying:
    files: Filesystem
    findings: Findings
    deep: bool

    def is_there(self, path: Path, lying: Lying) -> bool:
        """Look at one file; False where nothing is at its path."""
        self.findings.looked_at += 1
        try:
            if lying.pointer:
                return self._is_link(path, lying.pointer)
            now = Stamp.of(path.lstat())
            if how := self._how_changed(path, lying, now):
                self.findings.changed[path] = how
        except (FileNotFoundError, NotADirectoryError):
            return False
        except FileProblem as problem:
            self.findings.unreadable[path] = problem.message
        except OSError as error:
            self.findings.unreadable[path] = translate(error, path).message
        return True

    def _is_link(self, path: Path, pointer: str) -> bool:
        if path.is_symlink():
            if str(path.readlink()) != pointer:
                self.findings.changed[path] = f"the link leads to {path.readlink()}"
            return True
        return path.exists()

    def _how_changed(self, path: Path, lying: Lying, now: Stamp) -> str:
        if lying.shared:
            return ""  # other programs write to it as well
        before = lying.stamp
        if before is not None and now.size != before.size:
            return f"{now.size} bytes instead of {before.size}"
        same = before is not None and now.mtime_ns == before.mtime_ns
        if (same and not self.deep) or not lying.content_hash:
            return ""
        self.findings.hashed += 1
        return "" if self.files.content_hash(path) == lying.content_hash else "other bytes"


def _is_nobodys_work(path: Path, folders: Sequence[Path]) -> bool:
    """Say whether a file is litter, or goes with a sample."""
    root = next(folder for folder in folders if path.is_relative_to(folder))
    inside = PurePosixPath(path.relative_to(root))
    return is_junk(inside) or companion_of(inside) is not None
