"""Operations as text and back, for the journal.

Owns the form in which the journal keeps an operation. Python's `json` writes it, not msgspec: it keeps
file names that are not UTF-8 (lone surrogates) as they are, and needs no type that only the checker sees.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from organizer.planning.operations import (
    Copy,
    Discard,
    Extract,
    KeepFolderTime,
    Link,
    MakeFolder,
    Move,
    Operation,
    RemoveCopy,
    RemoveEntries,
    RemoveExtracted,
    RemoveFolder,
    RemoveLink,
    RemoveSidecar,
    RestoreBytes,
    Skip,
    Teach,
    WriteAttribute,
    WriteEntries,
    WriteSidecar,
    WriteTags,
)
from organizer.sample import Stamp

KINDS: dict[str, type[Operation]] = {
    "keep-folder-time": KeepFolderTime,
    "make-folder": MakeFolder,
    "remove-folder": RemoveFolder,
    "move": Move,
    "copy": Copy,
    "remove-copy": RemoveCopy,
    "extract": Extract,
    "remove-extracted": RemoveExtracted,
    "link": Link,
    "remove-link": RemoveLink,
    "write-attribute": WriteAttribute,
    "write-entries": WriteEntries,
    "remove-entries": RemoveEntries,
    "write-tags": WriteTags,
    "restore-bytes": RestoreBytes,
    "write-sidecar": WriteSidecar,
    "remove-sidecar": RemoveSidecar,
    "discard": Discard,
    "teach": Teach,
    "skip": Skip,
}
_NAME_OF = {class_: name for name, class_ in KINDS.items()}

_PATHS = frozenset({"path", "source", "target", "original", "archive", "staged", "needs", "twin"})
_STAMPS = frozenset({"stamp", "like"})
_BYTES = frozenset({"patch", "before", "after", "embedding"})


def kind_of(operation: Operation) -> str:
    return _NAME_OF[type(operation)]


def encode(operation: Operation, spell: Callable[[Path], str] = str) -> str:
    """Write an operation, its paths as `spell` gives them."""
    values = {field.name: getattr(operation, field.name) for field in fields(operation)}
    return json.dumps(
        {name: spell(value) if isinstance(value, Path) else _plain(value) for name, value in values.items()}
    )


def decode(kind: str, text: str, path: Callable[[str], Path] = Path) -> Operation:
    """Read an operation; `path` turns around what spelt its paths."""
    values = json.loads(text)
    return KINDS[kind](**{name: _value(name, value, path) for name, value in values.items()})


def encode_stamp(stamp: Stamp | None) -> str | None:
    return None if stamp is None else json.dumps(_plain(stamp))


def decode_stamp(text: str | None) -> Stamp | None:
    return None if text is None else Stamp(*json.loads(text))


def paths_of(operation: Operation) -> tuple[Path, Path | None]:
    """Give the path that an operation is about, and the one that it makes, where it makes one."""
    if isinstance(operation, Move | Copy | Extract | Link):
        return operation.source, operation.target
    return operation.path, None


def _plain(value: object) -> object:
    if isinstance(value, Stamp):
        return [value.size, value.mtime_ns, value.inode, value.device, value.mode]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"no field of an operation is a {type(value).__name__}")


def _value(name: str, value: Any, path: Callable[[str], Path]) -> Any:
    if name in _PATHS and value is not None:
        return path(value)
    if name in _STAMPS and value is not None:
        return Stamp(*value)
    if name in _BYTES and value is not None:
        return base64.b64decode(value)
    return value
