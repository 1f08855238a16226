"""Teaches what the user says that sounds are: a batch of the journal, that can be undone; no file changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from organizer.batch.pipeline import is_at
from organizer.errors import UsageProblem
from organizer.execution.executor import Executor
from organizer.execution.locks import execution_lock
from organizer.execution.reader import JournalReader
from organizer.library.index import Index
from organizer.planning.operations import Plan, Skip, Teach
from organizer.recognition.personal import SAYABLE
from organizer.recognition.recognize import Recognizer, Request
from organizer.sample import Origin
from organizer.stopping import never

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from organizer.execution.outcome import Outcome
    from organizer.sample import Sample
    from organizer.stopping import Stop

# How long it waits for the batch in hand.
PATIENCE = 10.0


@dataclass(kw_only=True)
class Correcting:
    """Takes the user's word for sounds, in the library or anywhere."""

    ear: Callable[[], Recognizer]  # what listens costs time and memory, and is not always asked
    index: Index
    journal: JournalReader
    executor: Executor
    state: Path

    def plan(self, paths: Sequence[Path], said: str) -> Plan:
        """Say what would be learnt."""
        taught = self.journal.taught()
        operations: list[Teach | Skip] = []
        for path, sample in zip(paths, self._samples(paths), strict=True):
            if isinstance(sample, str):
                operations.append(Skip(path=path, reason=sample))
                continue
            before = taught.get(sample.facts.sound_id)
            if before is not None and before.label == said:
                operations.append(Skip(path=path, reason=f"you said before that it is {said}"))
                continue
            heard = sample.recognition
            teach = Teach(
                path=path,
                sound_id=sample.facts.sound_id,
                label=said,
                was=None if before is None else before.label,
                heard=(heard.label or heard.kind.value) if before is None else before.heard,
                embedding=heard.embedding,
                model_id=heard.model_id,
            )
            taught[teach.sound_id] = teach
            operations.append(teach)
        names = paths[0].name if len(paths) == 1 else f"{len(paths)} sounds"
        return Plan(origin="correct", title=f"{said}: {names}", operations=tuple(operations))

    def run(self, paths: Sequence[Path], said: str, *, stop: Stop = never) -> Outcome:
        """Learn it, and let the index say so. Raises `LockedError` where files are being changed for long."""
        with execution_lock(self.state, wait=PATIENCE, what="correct", stop=stop):
            outcome = self.executor.run(self.plan(paths, said), stop=stop)
            done = [one.operation for one in outcome.results if one.state == "done"]
            self.renew({one.sound_id for one in done if isinstance(one, Teach)})
        return outcome

    def renew(self, sounds: Collection[str]) -> None:
        """Let the index say of sounds what is known of them today."""
        entries = list(self.index.with_sounds(sounds)) if sounds else []
        if not entries:
            return
        ear = self.ear()
        same = [one for one in entries if one.sample.recognition.model_id == ear.model_id]
        samples = ear.again([(one.origin, one.sample) for one in same])
        # What another ear has heard is heard anew, if it is still there.
        others = [one for one in entries if one.sample.recognition.model_id != ear.model_id]
        heard = ear.hear([Request(path=one.path, origin=one.origin) for one in others])
        renewed = [replace(one, sample=sample) for one, sample in zip(same, samples, strict=True)]
        renewed += [
            replace(one, sample=result.sample)
            for one, result in zip(others, heard, strict=True)
            if result.sample is not None
        ]
        self.index.put(renewed)

    def said_of(self, path: Path) -> str:
        """Say what a sound is, so that others can be said to be the same. Raises `UsageProblem`."""
        (sample,) = self._samples([path])
        if isinstance(sample, str):
            raise UsageProblem(f"{path}: {sample}", path=path)
        heard = sample.recognition
        return heard.label or heard.kind.value

    def _samples(self, paths: Sequence[Path]) -> list[Sample | str]:
        """Give what was heard, or is heard now, or why a file cannot be."""
        known = {path: one.sample for path in paths if (one := self.index.get(path)) and is_at(one, path)}
        new = [path for path in dict.fromkeys(paths) if path not in known]
        requests = [
            Request(
                path=path, origin=Origin(inbox="", name=path.name, subpath=PurePosixPath(path.parent.name))
            )
            for path in new
        ]
        heard = self.ear().hear(requests) if requests else []
        samples: dict[Path, Sample | str] = {**known}
        for path, result in zip(new, heard, strict=True):
            why = "it cannot be heard" if result.error is None else result.error.message
            samples[path] = why if result.sample is None else result.sample
        return [samples[path] for path in paths]


def sayable(word: str) -> str:
    """Check what a user says that sounds are. Raises `UsageProblem`."""
    if word in SAYABLE:
        return word
    close = get_close_matches(word, SAYABLE, n=1)
    hint = f"Did you mean {close[0]!r}? " if close else ""
    raise UsageProblem(f"there is no label {word!r}", hint=f"{hint}There are {', '.join(SAYABLE)}.")
