"""Keeps account of what a soak has dropped, and finds it again wherever it lies.

A sound is known by its bytes, or, where it may have been tagged, by its sound. It only looks.
"""

from __future__ import annotations

import os
import stat
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from organizer.errors import FileProblem
from organizer.execution.archives import is_unpacked
from organizer.execution.syscalls import is_temp
from organizer.recognition.identity import content_hash, sound_id
from organizer.sample import LIVE_PLACE
from tests.acceptance.dropped import COPIED, COPIES, KEPT, LINKED, TAGGED, Drop, Sound

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_SHOWN = 10  # of what is wrong in one place


@dataclass(slots=True)
class Findings:
    """What is not as it should be, in sentences."""

    missing: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)


class Account:
    """What has arrived in an inbox, to be found there or in the libraries."""

    def __init__(self, inbox: Path, libraries: Sequence[Path]) -> None:
        self._inbox = inbox
        self._libraries = libraries
        self._drops: list[Drop] = []
        self._arriving: Drop | None = None
        self._identities: dict[str, str] = {}  # by content
        self._tagged: set[str] = set()
        self._names: dict[str, Path] = {}
        self._heard: dict[tuple[int, ...], Sound | None] = {}

    def arriving(self, drop: Drop) -> None:
        """Note that the files of a drop are about to come, one by one."""
        self._arriving = drop
        for path, one in drop.files.items():
            self._names.setdefault(one.identity, path)
        for one in (*drop.files.values(), *drop.unpacked):
            self._identities[one.content] = one.identity
        if drop.kind in TAGGED:
            self._tagged |= {one.identity for one in drop.sounds}

    def arrived(self) -> None:
        """Note that all of a drop has come."""
        if self._arriving is not None:
            self._drops.append(self._arriving)
        self._arriving = None

    def waiting(self) -> list[Path]:
        """Give what is still to be filed, or to arrive."""
        if self._arriving is not None:
            return list(self._arriving.files)
        stays = {self._inbox / path for drop in self._drops for path in drop.stays}
        left = [path for path, _ in _files(self._inbox) if path not in stays and not _is_ours(path)]
        for drop in self._drops:
            if drop.kind == KEPT:
                (pack,) = {path.parts[0] for path in drop.files}
                copies = sum(1 for _ in _files(self._libraries[0] / COPIES / pack))
                left += list(drop.stays) if copies < len(drop.sounds) else []
        return left

    def look(self) -> tuple[Counter[str], list[str]]:
        """Look for everything that has arrived: what is lost, and which files are none that was dropped."""
        arriving = self._arriving
        arrived = Counter(one.identity for drop in self._drops for one in drop.files.values())
        found, strange = Counter[str](), list[str]()
        for path, sound in self._sounds((self._inbox, *self._libraries)):
            if sound is not None:
                found[sound.identity] += 1
            elif arriving is None or not path.is_relative_to(self._inbox):
                strange.append(str(path))
        return arrived - found, strange

    def named(self, identities: Iterable[str]) -> list[str]:
        return [str(self._names.get(one, one)) for one in identities][:_SHOWN]

    def differences_of_filed(self) -> Findings:
        """Hold the libraries against all that was dropped: each sound once, its bytes as they should be."""
        findings = Findings()
        wanted = sum((drop.filed() for drop in self._drops), Counter[str]())
        found = [sound for _, sound in self._sounds(self._libraries) if sound is not None]
        identities = Counter(one.identity for one in found)
        findings.missing += [f"not filed: {one}" for one in self.named((wanted - identities).elements())]
        findings.twice += [f"filed twice: {one}" for one in self.named((identities - wanted).elements())]
        bytes_ = Counter(one.content for one in found)
        same = Counter(
            one.content
            for drop in self._drops
            for path, one in drop.files.items()
            if path not in drop.stays and (drop.kind not in TAGGED or one.content == one.identity)
        )
        findings.changed += [f"no more as it was: {one}" for one in (same - bytes_).elements()]
        self._check_copies(findings)
        self._check_links(findings)
        return findings

    def left_in_libraries(self) -> list[str]:
        """Name what is not a folder."""
        return [
            str(path)
            for library in self._libraries
            for path in sorted(library.rglob("*"))
            if path.is_symlink() or not path.is_dir()
        ]

    def _check_copies(self, findings: Findings) -> None:
        wanted = Counter(one.identity for drop in self._drops if drop.kind in COPIED for one in drop.sounds)
        found = Counter[str]()
        for path, status in _files(self._libraries[0] / COPIES):
            sound = self._sound(path, status)
            found["" if sound is None else sound.identity] += 1
        findings.missing += [f"not copied: {one}" for one in self.named((wanted - found).elements())]
        findings.twice += [f"copied twice: {one}" for one in self.named((found - wanted).elements())]

    def _check_links(self, findings: Findings) -> None:
        wanted = sum(len(drop.sounds) for drop in self._drops if drop.kind in LINKED)
        hard = [one.st_nlink for _, one in _files(self._libraries[0] / "_Hard")]
        soft = [path for path in (self._libraries[0] / "_Symbolic").rglob("*") if path.is_symlink()]
        for kind, count, sound in (
            ("hard", len(hard), sum(links == 2 for links in hard)),
            ("symbolic", len(soft), sum(path.exists() for path in soft)),
        ):
            if count != wanted or sound != wanted:
                wrong = f"{count} {kind} links, {sound} of them right; wanted {wanted}"
                (findings.twice if count > wanted else findings.missing).append(wrong)

    def _sounds(self, roots: Sequence[Path]) -> Iterator[tuple[Path, Sound | None]]:
        """Give every file once, whatever names it has, without copies and what is our own."""
        seen: set[tuple[int, int]] = set()
        for root in roots:
            for path, status in _files(root):
                inode = (status.st_dev, status.st_ino)
                if inode in seen or not status.st_size or _is_ours(path):
                    continue
                seen.add(inode)
                yield path, self._sound(path, status)

    def _sound(self, path: Path, status: os.stat_result) -> Sound | None:
        """Know a file by its bytes, or by its sound where that may have been tagged."""
        # The time of change is new with every rename, so that nothing is taken for what it replaced.
        key = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        if key not in self._heard:
            self._heard[key] = self._hear(path)
        return self._heard[key]

    def _hear(self, path: Path) -> Sound | None:
        try:
            content = content_hash(path)
            identity = self._identities.get(content)
            if identity is not None:
                return Sound(content, identity)
            identity = sound_id(path)
        except FileProblem:
            return None
        return Sound(content, identity) if identity in self._tagged else None


def _files(root: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Give the regular files below a folder, without temps and what lies unpacked."""
    if not root.is_dir():
        return
    with os.scandir(root) as entries:
        for entry in entries:
            path = Path(entry.path)
            if entry.is_dir(follow_symlinks=False):
                if not is_unpacked(path):
                    yield from _files(path)
                continue
            status = entry.stat(follow_symlinks=False)
            if stat.S_ISREG(status.st_mode) and not is_temp(entry.name):
                yield path, status


def _is_ours(path: Path) -> bool:
    """Say whether a file tells of sounds and is none, or is a copy."""
    beside = path.name.endswith(".organizer.json") or path.parent.name == LIVE_PLACE.parent.name
    return beside or COPIES in path.parts
