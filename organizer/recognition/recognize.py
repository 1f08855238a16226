"""Hears many files, a few at a time: decodes ahead on threads, asks the ear in batches, answers in order.

Two steps: each file is inspected on its own, and what all sources say is then added up a pack at a time,
since how far names are believed is a matter of their pack. Waves in memory are bounded by the batch, never
by the number of files, and one bad file never stops the others.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from organizer.errors import FileProblem, Unreadable
from organizer.labels import CONTENTS
from organizer.recognition import music
from organizer.recognition.analysis import (
    ANALYSIS_SECONDS,
    Rhythm,
    loop_probability,
    mono_of,
    onsets_of,
    rhythm_of,
)
from organizer.recognition.decode import Decoded, read
from organizer.recognition.fusion import Sound, fuse, pool_kinds
from organizer.recognition.metadata import hear_metadata, read_metadata
from organizer.recognition.names import hear_name
from organizer.recognition.pitch import hear_key, hear_note
from organizer.recognition.tempo import hear_tempi
from organizer.recognition.trust import SOURCES, Weights
from organizer.recognition.vocabulary import Vocabulary
from organizer.recognition.waveform import prepare
from organizer.sample import LONG_SECONDS, Evidence, Facts, Kind, Origin, Recognition, Sample
from organizer.stopping import Stopped, never

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence
    from concurrent.futures import Future

    from organizer.recognition.classifier import Classifier, Heard
    from organizer.recognition.personal import Personal
    from organizer.stopping import Stop

_BATCH = 64
_ASKING = 0.2  # seconds between two questions whether to stop, while nothing is heard to its end
# A beginning without a sample above this (-80 dB) counts as silence.
_AUDIBLE = 1e-4
_SHORTEST_LOOP = 0.6  # seconds: two beats of the fastest music


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A file to hear, and where it came from: its names are evidence."""

    path: Path
    origin: Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """All that one file says by itself, or why it cannot be heard."""

    request: Request
    sound: Sound | None = None
    music: music.Heard = field(default_factory=music.Heard)
    metadata: Mapping[str, str] = field(default_factory=dict)
    error: FileProblem | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of one request: a sample, or why there is none."""

    path: Path
    sample: Sample | None = None
    error: FileProblem | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prepared:
    """One file, decoded and ready for the ear; small, whatever the file was."""

    facts: Facts
    wave: NDArray[np.float32]
    audible: bool
    rhythm: Rhythm | None
    music: music.Heard
    other: tuple[Evidence, ...]  # of name and metadata
    metadata: Mapping[str, str]


class Recognizer:
    """Turns files into samples.

    `audio_only` leaves names and metadata out. `threads` decode at the same time; inference runs in the
    caller's thread, with as many threads as the classifier was loaded with.
    """

    def __init__(
        self,
        classifier: Classifier,
        *,
        audio_only: bool = False,
        threads: int = 2,
        keep_embedding: bool = True,
        vocabulary: Vocabulary | None = None,
        weights: Weights | None = None,
        personal: Personal | None = None,
    ) -> None:
        self.model_id = classifier.model_id
        self._classifier = classifier
        self._audio_only = audio_only
        self._threads = threads
        self._keep_embedding = keep_embedding
        self._vocabulary = vocabulary or Vocabulary.load()
        self._weights = weights or Weights()
        self._personal = personal
        self._seconds = max(classifier.seconds_needed, ANALYSIS_SECONDS)

    @property
    def knowledge(self) -> str:
        """What an opinion rests on beside the sound: the model, and the words that are known."""
        return f"{self.model_id} {self._vocabulary.digest}"

    def rest(self) -> None:
        """Let go of memory, when nothing is to be heard for a while."""
        self._classifier.rest()

    def hear(self, requests: Sequence[Request]) -> list[Result]:
        """Hear files, all of them, and add up what they say."""
        return self.recognise(list(self.inspect(requests)))

    def recognise(
        self, inspections: Sequence[Inspection], packs: Sequence[Hashable] | None = None
    ) -> list[Result]:
        """Give one result an inspection, in their order.

        `packs` says what belongs together, a key an inspection; without it, the packs of their origins do.
        """
        keys = packs or [_pack_of(one.request.origin) for one in inspections]
        results = [Result(path=one.request.path, error=one.error) for one in inspections]
        for place, recognition in self._added_up([one.sound for one in inspections], keys):
            said = inspections[place]
            assert said.sound is not None  # nothing else is added up
            sample = Sample(
                facts=said.sound.facts,
                recognition=recognition,
                music=music.add_up(said.music, said.sound.facts, recognition),
                metadata=said.metadata,
            )
            results[place] = replace(results[place], sample=sample)
        return results

    def again(self, known: Sequence[tuple[Origin, Sample]]) -> list[Sample]:
        """Add up anew what this ear heard before, by today's words and with what the user says.

        Nothing is decoded; tempo, key and note stay as they were.
        """
        sounds = [
            Sound(
                evidence=tuple(
                    self._as_it_was(one, origin)
                    for one in sample.recognition.evidence
                    if one.source in ("audio", *SOURCES)
                ),
                facts=sample.facts,
                embedding=sample.recognition.embedding,
            )
            for origin, sample in known
        ]
        samples = [sample for _, sample in known]
        for place, recognition in self._added_up(sounds, [_pack_of(origin) for origin, _ in known]):
            samples[place] = replace(samples[place], recognition=recognition)
        return samples

    def _as_it_was(self, evidence: Evidence, origin: Origin) -> Evidence:
        if evidence.source == "name":
            return hear_name(origin, self._vocabulary)
        return replace(evidence, trust=None)

    def _added_up(
        self, sounds: Sequence[Sound | None], keys: Sequence[Hashable]
    ) -> Iterator[tuple[int, Recognition]]:
        """Give the place of each sound that there is, and what it is recognised as, pack by pack."""
        members: dict[Hashable, list[tuple[int, Sound]]] = {}
        for place, (key, sound) in enumerate(zip(keys, sounds, strict=True)):
            if sound is not None:
                members.setdefault(key, []).append((place, sound))
        for pack in members.values():
            together = [sound for _, sound in pack]
            added_up = fuse(together, model_id=self.model_id, weights=self._weights)
            if self._personal is not None:
                added_up = self._personal.of(together, added_up)
            yield from zip((place for place, _ in pack), added_up, strict=True)

    def inspect(self, requests: Sequence[Request], *, stop: Stop = never) -> Iterator[Inspection]:
        """Yield one inspection a request, in their order, as batches are done.

        At most two batches are decoded or being decoded at any time. When the caller stops early, what
        was not begun is dropped, and what was begun is given up; so it is where `stop` says so, which raises
        `Stopped`. `stop` is asked on the thread of the caller alone.
        """
        given_up = Event()
        pool = ThreadPoolExecutor(self._threads, thread_name_prefix="decode")
        coming = iter(requests)
        running: deque[tuple[Request, Future[_Prepared | FileProblem]]] = deque()
        try:
            while True:
                for request in islice(coming, 2 * _BATCH - len(running)):
                    running.append((request, pool.submit(self._prepare, request, given_up.is_set)))
                if not running:
                    return
                batch = [running.popleft() for _ in range(min(_BATCH, len(running)))]
                yield from self._inspections(
                    [(request, _result_of(future, stop)) for request, future in batch]
                )
        finally:
            given_up.set()
            pool.shutdown(wait=True, cancel_futures=True)

    def _prepare(self, request: Request, stop: Stop) -> _Prepared | FileProblem:
        """Do on a thread all that one file needs before the ear; raises nothing but `Stopped`."""
        path = request.path
        try:
            decoded = read(path, seconds=self._seconds, stop=stop)
            wave = prepare(
                decoded.wave,
                decoded.samplerate,
                target_rate=self._classifier.samplerate,
                window=self._classifier.window,
            )
            rhythm, heard = _hear_music(decoded)
            other, texts = ((), {}) if self._audio_only else self._other_evidence(request, decoded.facts)
            return _Prepared(
                facts=decoded.facts,
                wave=wave,
                audible=bool(np.abs(decoded.wave).max(initial=0.0) > _AUDIBLE),
                rhythm=rhythm,
                music=heard,
                other=other,
                metadata=texts,
            )
        except FileProblem as problem:
            return problem
        except Stopped:
            raise
        except Exception as error:  # whatever a decoder stumbles over concerns this file alone
            return Unreadable(
                f"the file could not be decoded ({type(error).__name__}: {error})",
                path=path,
                hint="Play it elsewhere; if that fails too, download or export it again.",
            )

    def _other_evidence(
        self, request: Request, facts: Facts
    ) -> tuple[tuple[Evidence, ...], Mapping[str, str]]:
        metadata = read_metadata(request.path)
        evidence = (
            hear_name(request.origin, self._vocabulary),
            hear_metadata(metadata, self._vocabulary, duration=facts.duration),
        )
        return evidence, metadata.fields

    def _inspections(self, batch: Sequence[tuple[Request, _Prepared | FileProblem]]) -> Iterator[Inspection]:
        good = [prepared for _, prepared in batch if isinstance(prepared, _Prepared)]
        window = self._classifier.window
        waves = np.stack([one.wave for one in good]) if good else np.zeros((0, window), np.float32)
        heard = self._classifier.hear(waves)
        rows = iter(range(len(good)))
        for request, prepared in batch:
            if isinstance(prepared, FileProblem):
                yield Inspection(request=request, error=prepared)
            else:
                yield Inspection(
                    request=request,
                    sound=self._sound(prepared, heard, next(rows)),
                    music=prepared.music,
                    metadata=prepared.metadata,
                )

    def _sound(self, prepared: _Prepared, heard: Heard, row: int) -> Sound:
        keeps = self._keep_embedding and prepared.audible
        return Sound(
            evidence=(self._audio_evidence(prepared, heard, row), *prepared.other),
            facts=prepared.facts,
            embedding=heard.embeddings[row].astype("<f2").tobytes() if keeps else b"",
        )

    def _audio_evidence(self, prepared: _Prepared, heard: Heard, row: int) -> Evidence:
        if not prepared.audible:
            return Evidence(source="audio", reasons=("nothing is audible at its beginning",))
        says = {
            label: float(probability)
            for label, probability in zip(self._classifier.labels, heard.labels[row], strict=True)
        }
        oneshot, loop = heard.kinds[row].tolist()
        model = {Kind.ONESHOT.value: oneshot, Kind.LOOP.value: loop}
        best = max(says, key=lambda one: says[one])
        reasons = [f"it sounds most like {best} ({says[best]:.0%})"]
        rhythm = prepared.rhythm
        if rhythm is not None:
            again = f"{rhythm.onsets} times" if rhythm.onsets != 1 else "once"
            reasons.append(f"after its first onset, sound begins anew {again} in {rhythm.duration:.1f} s")
        if prepared.facts.duration >= LONG_SECONDS:
            reasons.append(f"it lasts {prepared.facts.duration:.0f} s")
        onsets = None if rhythm is None else loop_probability(rhythm)
        return Evidence(
            source="audio",
            labels=says,
            kinds=pool_kinds(model, onsets),
            contents=dict(zip(CONTENTS, heard.contents[row].tolist(), strict=True)),
            reasons=tuple(reasons),
        )


def _result_of(future: Future[_Prepared | FileProblem], stop: Stop) -> _Prepared | FileProblem:
    while not wait((future,), timeout=_ASKING).done:
        if stop():
            raise Stopped
    return future.result()


def _hear_music(decoded: Decoded) -> tuple[Rhythm | None, music.Heard]:
    """Listen for onsets, and for tempo, key and note where there can be one."""
    mono = mono_of(decoded.wave)
    onsets = onsets_of(mono, decoded.samplerate)
    if onsets is None:
        return None, music.Heard()
    rhythm, duration = rhythm_of(onsets), decoded.facts.duration
    may_be_loop = _SHORTEST_LOOP <= duration < LONG_SECONDS and rhythm.onsets > 0
    return rhythm, music.Heard(
        tempi=hear_tempi(onsets, duration) if may_be_loop else (),
        note=hear_note(mono, decoded.samplerate) if duration < LONG_SECONDS else None,
        key=hear_key(mono, decoded.samplerate) if may_be_loop else None,
    )


def _pack_of(origin: Origin) -> Hashable:
    return origin.inbox, origin.pack
