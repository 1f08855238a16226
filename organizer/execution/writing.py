"""What the operations that write bytes do to the disk: tags, sidecars, entries of shared files, attributes.

All but attributes are written to a temp beside their place. Checks first; writes nothing to the journal.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

from organizer.errors import CannotWrite
from organizer.execution.known import Effect, Known, Staged
from organizer.execution.problems import LeftAlone, appeared, changed, gone
from organizer.execution.writers import folder_json, live_xmp, patch, sidecar, tags

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from organizer.execution.filesystem import Filesystem
    from organizer.planning.operations import (
        Form,
        RemoveEntries,
        RemoveSidecar,
        RestoreBytes,
        WriteAttribute,
        WriteEntries,
        WriteSidecar,
        WriteTags,
    )
    from organizer.sample import Stamp


class _Shared(Protocol):
    """A writer of files that tell of all files in a folder."""

    def merged(self, present: bytes | None, entries: Mapping[str, str]) -> bytes: ...

    def without(self, present: bytes, entries: Mapping[str, str]) -> bytes | None: ...


_SHARED: Mapping[Form, _Shared] = MappingProxyType({"json": folder_json, "xmp": live_xmp})


class Writing:
    """The acts that change bytes, of one batch."""

    def __init__(self, filesystem: Filesystem, known: Known) -> None:
        self._files = filesystem
        self._known = known

    def write_tags(self, writing: WriteTags) -> Staged:
        current, before = self._unchanged(writing.path, writing.content_hash)
        patch.check_size(writing.path, current.size)
        temp = self._files.copy_to_temp(writing.path, writing.path)
        with self._files.discarding(temp.path):
            temp = self._files.rewrite_temp(
                temp, writing.path, lambda path: tags.write(path, writing.tags, writing.mode)
            )
            after = self._files.content_hash(temp.path)
            if after == before:
                raise LeftAlone(f"{writing.path.name} has these tags already", path=writing.path)
            if self._files.sound_id(temp.path) != writing.sound_id:
                raise CannotWrite(
                    f"Tags were not written to {writing.path.name}: its sound would have changed",
                    path=writing.path,
                    hint="Use a sidecar for this file instead",
                )
            back = patch.between(old=writing.path, new=temp.path)
        return Staged(
            temp=temp,
            target=writing.path,
            content_hash=after,
            hash_before=before,
            replaces=current,
            patch=back,
        )

    def restore_bytes(self, restoring: RestoreBytes) -> Staged:
        path = restoring.path
        current, before = self._unchanged(path, restoring.content_hash)
        temp = self._files.copy_to_temp(path, path)
        with self._files.discarding(temp.path):
            temp = self._files.rewrite_temp(
                temp, path, lambda copy: patch.write_restored(copy, new=path, patch=restoring.patch)
            )
            if self._files.content_hash(temp.path) != restoring.restored_hash:
                raise CannotWrite(f"The earlier bytes of {path.name} could not be made again", path=path)
            back = patch.between(old=path, new=temp.path)
        return Staged(
            temp=temp,
            target=path,
            content_hash=restoring.restored_hash,
            hash_before=before,
            replaces=current,
            patch=back,
        )

    def _unchanged(self, path: Path, planned: str) -> tuple[Stamp, str]:
        """Make sure of a file's bytes; give its stamp and their hash."""
        current, expected = self._files.stamp(path), self._known.expected_hash(path, planned)
        if self._files.content_hash(path) != expected:
            raise changed(path)
        return current, expected

    def write_sidecar(self, writing: WriteSidecar) -> Staged:
        if self._files.exists(writing.path):
            raise appeared(writing.path)
        return self._new(writing.path, sidecar.encode(writing.content))

    def _new(self, path: Path, content: bytes) -> Staged:
        temp = self._files.write_temp(path, content)
        with self._files.discarding(temp.path):
            return Staged(temp=temp, target=path, content_hash=self._files.content_hash(temp.path))

    def remove_sidecar(self, removal: RemoveSidecar) -> Effect:
        current = self._files.stamp(removal.path)
        if not sidecar.holds(removal.path, removal.content):
            raise changed(removal.path)
        self._files.remove_file_if(removal.path, current)
        return Effect(touched=(removal.path.parent,))

    def write_entries(self, writing: WriteEntries) -> Staged:
        path = writing.path
        entries = {name: text for name, text in writing.entries.items() if not self._is_broken(path, name)}
        if not entries:
            raise LeftAlone("Not done, because none of the files came to its place", path=path)
        if not self._files.exists(path):
            return self._new(path, _SHARED[writing.form].merged(None, entries))
        current, before = self._files.stamp(path), self._files.read(path)
        after = _SHARED[writing.form].merged(before, entries)
        return self._rewritten(path, current, before, after)

    def remove_entries(self, removal: RemoveEntries) -> Effect | Staged:
        path = removal.path
        if not self._files.exists(path):
            raise gone(path)
        current, before = self._files.stamp(path), self._files.read(path)
        untouched = self._files.content_hash(path) == removal.content_hash
        if untouched and not removal.restored_hash:
            after = None
        elif untouched and removal.patch is not None:
            after = b"".join(patch.pieces(before, removal.patch, path=path))
        else:
            after = _SHARED[removal.form].without(before, removal.entries)
        if after is None:
            self._files.remove_file_if(path, current)
            return Effect(touched=(path.parent,))
        return self._rewritten(path, current, before, after)

    def _rewritten(self, path: Path, current: Stamp, before: bytes, after: bytes) -> Staged:
        """Put new bytes in the place of a shared file that nobody has changed meanwhile."""
        if after == before:
            raise LeftAlone(f"{path.name} in {path.parent} says this already", path=path)
        held = self._files.content_hash(path)
        temp = self._files.copy_to_temp(path, path)
        with self._files.discarding(temp.path):
            temp = self._files.rewrite_temp(temp, path, lambda copy: _write(copy, after))
            after_hash = self._files.content_hash(temp.path)
            back = patch.between(old=path, new=temp.path)
        return Staged(
            temp=temp,
            target=path,
            content_hash=after_hash,
            hash_before=held,
            replaces=current,
            patch=back,
        )

    def _is_broken(self, path: Path, name: str) -> bool:
        """Say whether a file that an entry speaks of did not come to its place."""
        return any(folder / name in self._known.broken for folder in (path.parent, path.parent.parent))

    def write_attribute(self, writing: WriteAttribute) -> Effect:
        current = self._files.stamp(writing.path)
        if self._files.attribute(writing.path, writing.name) != writing.before:
            raise changed(writing.path)
        self._files.set_attribute(writing.path, writing.name, writing.after)
        return Effect(stamp=current)


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)
