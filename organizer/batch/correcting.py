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
from organizer.recognition.personal import SAYABLE, as_heard, as_said
from organizer.recognition.recognize import Recognizer, Request
from organizer.sample import Origin, Sample
from organizer.stopping import never

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from organizer.execution.outcome import Outcome
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

    def plan(self, paths: Sequence[Path], said: str, *, stop: Stop = never) -> Plan:
        """Say what would be learnt. Raises `Stopped`."""
        return self._plan(paths, self._samples(paths, stop), said)

    def run(self, paths: Sequence[Path], said: str, *, stop: Stop = never) -> Outcome:
        """Learn it, and let the index say so.

        Raises `Stopped`, and `LockedError` where files are being changed for long.
        """
        samples = self._samples(paths, stop)  # which may take long, and keeps nobody waiting
        with execution_lock(self.state, wait=PATIENCE, what="correct", stop=stop):
            outcome = self.executor.run(self._plan(paths, samples, said), stop=stop)
            # What was said before is renewed as well: whoever said it may have been cut off here.
            self.renew({one.facts.sound_id for one in samples if isinstance(one, Sample)})
        return outcome

    def renew(self, sounds: Collection[str]) -> None:
        """Let the index say of sounds what is known of them today."""
        taught = self.journal.taught()
        renewed = []
        for entry in self.index.with_sounds(sounds):
            word = taught.get(entry.sample.facts.sound_id)
            plain = as_heard(entry.sample.recognition)
            now = plain if word is None or word.label not in SAYABLE else as_said(plain, word.label)
            renewed.append(replace(entry, sample=replace(entry.sample, recognition=now)))
        self.index.put(renewed)

    def said_of(self, path: Path, *, stop: Stop = never) -> str:
        """Say what a sound is, so that others can be said to be the same. Raises `UsageProblem`."""
        (sample,) = self._samples([path], stop)
        if isinstance(sample, str):
            raise UsageProblem(f"{path}: {sample}", path=path)
        heard = sample.recognition
        return sayable(heard.label or heard.kind.value)

    def _plan(self, paths: Sequence[Path], samples: Sequence[Sample | str], said: str) -> Plan:
        taught = self.journal.taught()
        operations: list[Teach | Skip] = []
        for path, sample in zip(paths, samples, strict=True):
            if isinstance(sample, str):
                operations.append(Skip(path=path, reason=sample, lasting=False))
                continue
            before = taught.get(sample.facts.sound_id)
            if before is not None and before.label == said:
                operations.append(Skip(path=path, reason=f"you said before that it is {said}"))
                continue
            plain = as_heard(sample.recognition)
            teach = Teach(
                path=path,
                sound_id=sample.facts.sound_id,
                label=said,
                was=None if before is None else before.label,
                heard=plain.label or plain.kind.value,
                embedding=plain.embedding,
                model_id=plain.model_id,
            )
            taught[teach.sound_id] = teach
            operations.append(teach)
        names = paths[0].name if len(paths) == 1 else f"{len(paths)} sounds"
        return Plan(origin="correct", title=f"{said}: {names}", operations=tuple(operations))

    def _samples(self, paths: Sequence[Path], stop: Stop) -> list[Sample | str]:
        """Give what was heard, or is heard now, or why a file cannot be."""
        samples: dict[Path, Sample | str] = {
            path: one.sample for path in paths if (one := self.index.get(path)) and is_at(one, path)
        }
        new = [path for path in dict.fromkeys(paths) if path not in samples]
        requests = [
            Request(
                path=path, origin=Origin(inbox="", name=path.name, subpath=PurePosixPath(path.parent.name))
            )
            for path in new
        ]
        if requests:
            ear = self.ear()
            for result in ear.recognise(list(ear.inspect(requests, stop=stop))):
                why = "it cannot be heard" if result.error is None else result.error.message
                samples[result.path] = why if result.sample is None else result.sample
        return [samples[path] for path in paths]


def sayable(word: str) -> str:
    """Check what a user says that sounds are. Raises `UsageProblem`."""
    if word in SAYABLE:
        return word
    close = get_close_matches(word, SAYABLE, n=1)
    hint = f"Did you mean {close[0]!r}? " if close else ""
    raise UsageProblem(f"there is no label {word!r}", hint=f"{hint}There are {', '.join(SAYABLE)}.")
