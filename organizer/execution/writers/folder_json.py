"""`.organizer.json`: one hidden file that says of each sound in its folder what was heard. Owns its form.

    {"organizer": 2, "sounds": {"pcm:...": {"names": ["Kick.wav"], "label": "kick", ...}}}

Keyed by the sound, which tags do not change; `names` are those that it has in the folder. The fields of a
sound are those of a sidecar of its own (planning/sidecar.py). Keys that are not ours are kept.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from organizer.errors import CannotWrite

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION = 2
_KEY = "sound_id"


def merged(present: bytes | None, entries: Mapping[str, str]) -> bytes:
    """Put entries in, each under its sound; raises `CannotWrite` where the file is not of the form."""
    table = _read(present)
    _drop(table["sounds"], entries)
    for name, text in entries.items():
        fields = json.loads(text)
        sound = fields.pop(_KEY)
        names = table["sounds"].get(sound, {}).get("names", [])
        table["sounds"][sound] = {"names": sorted({*names, name}), **fields}
    return _written(table)


def without(present: bytes, entries: Mapping[str, str]) -> bytes | None:
    """Take entries out; None where nothing is left that is worth a file."""
    table = _read(present)
    _drop(table["sounds"], entries)
    return _written(table) if table["sounds"] or table.keys() - {"organizer", "sounds"} else None


def _drop(sounds: dict[str, Any], names: Mapping[str, str]) -> None:
    for sound, fields in list(sounds.items()):
        left = [name for name in fields.get("names", []) if name not in names]
        if left:
            fields["names"] = left
        else:
            del sounds[sound]


def _read(present: bytes | None) -> dict[str, Any]:
    if present is None:
        return {"organizer": VERSION, "sounds": {}}
    try:
        table = json.loads(present)
    except (ValueError, RecursionError) as error:
        raise _not_ours() from error
    if not isinstance(table, dict) or table.get("organizer") != VERSION:
        raise _not_ours()
    sounds = table.get("sounds")
    if not isinstance(sounds, dict):
        raise _not_ours()
    for one in sounds.values():
        names = one.get("names") if isinstance(one, dict) else None
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise _not_ours()
    return table


def _written(table: Mapping[str, Any]) -> bytes:
    """Write one line a sound: thousands of them stay small, and are compared with ease."""
    rest = {name: value for name, value in table.items() if name != "sounds"}
    lines = [
        f"{json.dumps(sound)}: {json.dumps(fields)}" for sound, fields in sorted(table["sounds"].items())
    ]
    inside = ",\n".join(lines)
    return f'{json.dumps(rest)[:-1]}, "sounds": {{\n{inside}\n}}}}\n'.encode()


def _not_ours() -> CannotWrite:
    return CannotWrite(
        "The file .organizer.json in this folder is not one of ours, or damaged",
        hint="Move it away; it is made anew",
    )
