"""Names that Linux, macOS and Windows all take, and when two names are one there. Pure.

What is legal stays as it is, to the byte, except that names are written in NFC.
"""

from __future__ import annotations

import re
import unicodedata

LONGEST_NAME = 255  # bytes of UTF-8; NTFS and APFS count UTF-16 units, which are never more

# What Windows refuses, control characters, and halves of surrogate pairs, which stand for the bytes of a
# file name that is not UTF-8.
_ILLEGAL = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f-\x9f\ud800-\udfff]')
_RESERVED = frozenset(
    ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"]
    + [f"{port}{digit}" for port in ("COM", "LPT") for digit in "0123456789¹²³"]
)
# A longer "suffix" is a sentence with a full stop in it, not a suffix.
_LONGEST_SUFFIX = 40


def legal_name(name: str, *, limit: int = LONGEST_NAME) -> str:
    """Change in one part of a path what must change, and nothing else; never gives an empty name."""
    text = _ILLEGAL.sub("_", unicodedata.normalize("NFC", name))
    text = text.rstrip(". ") or "_"  # Windows drops them without a word
    if text.startswith(".") or _is_reserved(text):  # a leading dot would hide it, or make it look like ours
        text = f"_{text}"
    return fit(text, limit)


def fit(name: str, limit: int) -> str:
    """Shorten a name to `limit` bytes, at the end of its stem, so that the suffix stays."""
    if size(name) <= limit:
        return name
    stem, suffix = _stem_and_short_suffix(name)
    return _cut(stem, limit - size(suffix)) + suffix


def numbered(name: str, number: int, limit: int = LONGEST_NAME) -> str:
    """Give `Kick (2).wav` for `Kick.wav`."""
    stem, suffix = _stem_and_short_suffix(name)
    mark = f" ({number})"
    room = limit - size(mark) - size(suffix)
    return (stem if size(stem) <= room else _cut(stem, room)) + mark + suffix


def fold(name: str) -> str:
    """Give what two names share when some file system takes them for one (canonical caseless match)."""
    if name.isascii():
        return name.lower()
    decomposed = unicodedata.normalize("NFD", name).casefold()
    return unicodedata.normalize("NFD", decomposed)


def split_suffix(name: str) -> tuple[str, str]:
    """Split `Kick.wav` into `Kick` and `.wav`; `.hidden` and `Kick.` have no suffix."""
    dot = name.rfind(".")
    return (name[:dot], name[dot:]) if 0 < dot < len(name) - 1 else (name, "")


def _is_reserved(text: str) -> bool:
    return text.split(".", 1)[0].rstrip(" ").upper() in _RESERVED


def _stem_and_short_suffix(name: str) -> tuple[str, str]:
    stem, suffix = split_suffix(name)
    return (stem, suffix) if size(suffix) <= _LONGEST_SUFFIX else (name, "")


def _cut(text: str, room: int) -> str:
    return text.encode()[: max(room, 0)].decode(errors="ignore").rstrip(". ") or "_"


def size(text: str) -> int:
    """Count the bytes of UTF-8."""
    return len(text.encode(errors="surrogatepass"))
