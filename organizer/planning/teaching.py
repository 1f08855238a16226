"""What the user has taught, from all that was ever taught and taken back. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from organizer.planning.operations import Teach


def in_force(teachings: Iterable[Teach]) -> dict[str, Teach]:
    """Give the last word on each sound, by its identity; `teachings` come in their order.

    One counts only where it found what it speaks of: what takes back a word that was replaced since changes
    nothing.
    """
    last: dict[str, Teach] = {}
    for one in teachings:
        now = last.get(one.sound_id)
        if (None if now is None else now.label) != one.was:
            continue
        if one.label is None:
            last.pop(one.sound_id, None)
        else:
            last[one.sound_id] = one
    return last
