"""What the user has said of sounds, put to use wherever sounds are recognised."""

from __future__ import annotations

from typing import TYPE_CHECKING

from organizer.recognition.personal import SAYABLE, as_said

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from organizer.recognition.fusion import Sound
    from organizer.sample import Recognition


class Corrections:
    """The user's words by the identities of sounds; they are read again when `version` says that there are
    others."""

    def __init__(self, load: Callable[[], Mapping[str, str]], *, version: Callable[[], int]) -> None:
        self._load = load
        self._version = version
        self._seen: int | None = None
        self._said: Mapping[str, str] = {}

    def of(self, sounds: Sequence[Sound], recognised: Sequence[Recognition]) -> list[Recognition]:
        """Take the user's word for what was spoken of, and leave the rest."""
        said = self._now()
        return [
            as_said(recognition, word) if (word := said.get(sound.facts.sound_id)) in SAYABLE else recognition
            for sound, recognition in zip(sounds, recognised, strict=True)
        ]

    def _now(self) -> Mapping[str, str]:
        if (version := self._version()) != self._seen:
            self._said, self._seen = self._load(), version
        return self._said
