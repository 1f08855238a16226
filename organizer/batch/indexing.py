"""Hears a collection where it lies, so that it is known; moves and writes nothing but the index.

What was heard is kept a part at a time: where it is broken off, it goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from organizer.batch.observing import sounds_below
from organizer.batch.proposing import PART
from organizer.library.index import Entry, Index
from organizer.recognition.recognize import Recognizer, Request
from organizer.sample import Origin, Stamp
from organizer.stopping import never, until

if TYPE_CHECKING:
    from collections.abc import Sequence

    from organizer.recognition.recognize import Result
    from organizer.stopping import Stop


@dataclass(slots=True, kw_only=True)
class Indexed:
    """What came of hearing a folder; of a dry run, what would."""

    known: int = 0  # that were heard before, by the same ear
    heard: int = 0
    unreadable: dict[Path, str] = field(default_factory=dict)  # and why

    def plus(self, other: Indexed) -> Indexed:
        return Indexed(
            known=self.known + other.known,
            heard=self.heard + other.heard,
            unreadable=self.unreadable | other.unreadable,
        )


@dataclass(kw_only=True)
class Indexing:
    """Hears what lies in folders and is not known."""

    recognizer: Recognizer
    index: Index
    clock: Callable[[], float]

    def foresee(self, root: Path, *, again: bool = False, stop: Stop = never) -> Indexed:
        """Say what would be heard below a folder; `again`, also what is known. Raises `Stopped`."""
        found = Indexed()
        for path, stamp in until(stop, sounds_below(root)):
            if again or not self._is_known(path, stamp):
                found.heard += 1
            else:
                found.known += 1
        return found

    def run(
        self,
        root: Path,
        *,
        again: bool = False,
        stop: Stop = never,
        progress: Callable[[str, int, int], None] = lambda *_: None,
    ) -> Indexed:
        """Hear what lies below a folder and is not known. Raises `Stopped`; what was heard so far is kept."""
        foreseen = self.foresee(root, again=again, stop=stop)
        result, done = Indexed(known=foreseen.known), 0
        new = (
            (path, stamp)
            for path, stamp in until(stop, sounds_below(root))
            if again or not self._is_known(path, stamp)
        )
        while part := list(islice(new, PART)):
            requests = [Request(path=path, origin=self._origin(root, path)) for path, _ in part]
            inspections = []
            for inspection in self.recognizer.inspect(requests, stop=stop):
                inspections.append(inspection)
                done += 1
                progress("listening", done, foreseen.heard)
            stamps = [stamp for _, stamp in part]
            self._keep(requests, stamps, self.recognizer.recognise(inspections), result)
        return result

    def _is_known(self, path: Path, stamp: Stamp) -> bool:
        known = self.index.heard_by(path)
        if known is None:
            return False
        before, model = known
        return before.is_like(stamp) and model == self.recognizer.model_id

    def _origin(self, root: Path, path: Path) -> Origin:
        """Say where a sound came from: as it was filed, or else by where it lies."""
        if (known := self.index.get(path)) is not None:
            return known.origin
        below = PurePosixPath(path.relative_to(root))
        pack = below.parts[0] if len(below.parts) > 1 else None
        inside = below.relative_to(pack) if pack is not None else below
        return Origin(inbox="", pack=pack, subpath=inside.parent, name=path.name)

    def _keep(
        self, requests: Sequence[Request], stamps: Sequence[Stamp], results: Sequence[Result], sum_: Indexed
    ) -> None:
        entries = []
        for request, stamp, result in zip(requests, stamps, results, strict=True):
            if result.error is not None:
                sum_.unreadable[request.path] = result.error.message
            if result.sample is None or not _is_still(request.path, stamp):
                continue  # one that has changed meanwhile is found by the next look
            before = self.index.get(request.path)
            entries.append(
                Entry(
                    path=request.path,
                    origin=request.origin,
                    stamp=stamp,
                    sample=result.sample,
                    rule="" if before is None else before.rule,
                    heard_at=self.clock(),
                )
            )
        sum_.heard += len(entries)
        self.index.put(entries)


def _is_still(path: Path, stamp: Stamp) -> bool:
    try:
        return Stamp.of(path.lstat()) == stamp
    except OSError:
        return False
