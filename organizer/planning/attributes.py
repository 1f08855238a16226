"""Tags in extended attributes, as file managers keep them: how they are spelt, and how two lists join. Pure.

Linux: `user.xdg.tags`, texts with commas between them, which Dolphin and Baloo show (freedesktop.org,
CommonExtendedAttributes). macOS: `com.apple.metadata:_kMDItemUserTags`, a binary property list of texts, each
with the number of its colour on a line of its own, which Finder shows.
"""

from __future__ import annotations

import plistlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

XDG = "user.xdg.tags"
FINDER = "com.apple.metadata:_kMDItemUserTags"


def name_for(platform: str) -> str:
    """Name the attribute that the file manager of a `sys.platform` shows."""
    return FINDER if platform == "darwin" else XDG


def joined(name: str, present: bytes | None, tags: Sequence[str]) -> bytes:
    """Add tags to those that are there, each once, whatever its letter case; what is there keeps its
    place."""
    held = [] if present is None else _held(name, present)
    known = {_text(one).casefold() for one in held}
    for tag in dict.fromkeys(_clean(tag) for tag in tags):
        if tag and tag.casefold() not in known:
            held.append(tag)
            known.add(tag.casefold())
    return _encoded(name, held)


def decoded(name: str, value: bytes) -> str:
    """Write an attribute for people to read."""
    return ", ".join(_text(one) for one in _held(name, value))


def _held(name: str, value: bytes) -> list[str]:
    if name == FINDER:
        try:
            found: Any = plistlib.loads(value, fmt=plistlib.FMT_BINARY)
        except (plistlib.InvalidFileException, ValueError, TypeError, IndexError, OverflowError):
            return []
        return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []
    return [one for one in value.decode("utf-8", "surrogateescape").split(",") if one.strip()]


def _encoded(name: str, held: Sequence[str]) -> bytes:
    if name == FINDER:
        return plistlib.dumps(list(held), fmt=plistlib.FMT_BINARY)
    return ",".join(held).encode("utf-8", "surrogateescape")


def _text(held: str) -> str:
    """Leave out the colour that Finder keeps behind a tag."""
    return held.partition("\n")[0].strip()


def _clean(tag: str) -> str:
    """A comma or a line's end would make two of one."""
    return " ".join(tag.replace(",", " ").replace("\0", " ").split()).encode("utf-8", "replace").decode()
