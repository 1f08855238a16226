"""Sidecars: small text files of our own beside a sample. Owns their bytes, not what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def encode(content: str) -> bytes:
    """Give the bytes of a sidecar; a file name in it that is not UTF-8 keeps its bytes."""
    return content.encode("utf-8", "surrogateescape")


def holds(path: Path, content: str) -> bool:
    """Say whether the file still says exactly this."""
    wanted = encode(content)
    with path.open("rb") as file:
        return file.read(len(wanted) + 1) == wanted
