"""Items for tests, with everything that a test does not care about filled in."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from organizer.labels import CATEGORY_OF
from organizer.pack import type_of
from organizer.sample import Evidence, Facts, FileType, Item, Kind, Origin, Recognition, Sample, Stamp

if TYPE_CHECKING:
    from collections.abc import Sequence

INBOX = Path("/music/Inbox")


def sound(
    label: str | None = "kick",
    *,
    kind: Kind = Kind.ONESHOT,
    confidence: float = 0.95,
    label_confidence: float | None = 0.9,
    kind_confidence: float = 0.99,
    duration: float = 0.5,
    content: str = "b2:sound",
    made_of: str | None = None,
    bits: int | None = 16,
    loudness: float | None = None,
    format: str = "wav",  # noqa: A002 - the word of the vocabulary
) -> Sample:
    oneshot = kind is Kind.ONESHOT and label is not None
    return Sample(
        facts=Facts(
            format=format,
            samplerate=44100,
            channels=1,
            bits=bits,
            duration=duration,
            peak=-1.0,
            loudness=loudness,
            content_hash=content,
            sound_id=f"pcm:{content}",
        ),
        recognition=Recognition(
            kind=kind,
            kind_confidence=kind_confidence,
            label=label if oneshot else None,
            label_confidence=label_confidence if oneshot else None,
            category=CATEGORY_OF[label] if oneshot and label else None,
            confidence=confidence,
            margin=0.5 if oneshot else None,
            content=made_of,
            content_confidence=None if made_of is None else 0.7,
            probabilities={label: 0.912345, "fx": 0.087655} if label else {},
            evidence=(
                Evidence(
                    source="audio",
                    labels={"kick": 1.0},
                    kinds={"oneshot": 0.4, "loop": 0.6},
                    reasons=("it sounds like one",),
                ),
                Evidence(source="name", bpm=128.0, key="Am"),
            ),
            model_id="ear-1",
        ),
    )


def item(
    where: str = "Pack/Kicks/Kick 01.wav",
    sample: Sample | None = None,
    *,
    heard: bool = True,
    problem: str | None = None,
    bundle: str | None = None,
    companions: Sequence[str] = (),
    path: Path | None = None,
    inode: int = 1,
) -> Item:
    """Make an item from the path that it has, or had, below the inbox."""
    relative = PurePosixPath(where)
    type_ = type_of(relative)
    if sample is None and type_ is FileType.AUDIO and heard and problem is None:
        sample = sound()
    top, *between = relative.parts[:-1] or (None,)
    path = path or INBOX / relative
    return Item(
        path=path,
        origin=Origin(inbox="Inbox", pack=top, subpath=PurePosixPath(*map(str, between)), name=relative.name),
        stamp=Stamp(size=100, mtime_ns=1, inode=inode, device=1),
        type=type_,
        sample=sample,
        problem=problem,
        bundle=INBOX / bundle if bundle else None,
        companions=tuple(path.with_name(path.name + tail) for tail in companions),
    )
