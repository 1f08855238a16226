from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import pytest

from organizer.cli.output import as_json
from organizer.cli.wording import operation_as_json, operation_in_words
from organizer.planning import operations as op
from organizer.sample import Stamp

A, B = Path("/a"), Path("/b")
WORDS: list[tuple[op.Operation, str]] = [
    (op.KeepFolderTime(path=A, mtime_ns=1), "keep the time of /a"),
    (op.MakeFolder(path=A), "make the folder /a"),
    (op.RemoveFolder(path=A), "remove the empty folder /a"),
    (op.Move(source=A, target=B, stamp=Stamp(1, 2, 3, 4), content_hash="x"), "move /a -> /b"),
    (op.Copy(source=A, target=B, content_hash="x"), "copy /a -> /b"),
    (op.RemoveCopy(path=A, original=B, content_hash="x"), "remove /a"),
    (
        op.WriteTags(path=A, content_hash="x", sound_id="y", tags={"genre": "Kick", "bpm": "120"}),
        "tag /a: genre=Kick, bpm=120",
    ),
    (
        op.RestoreBytes(path=A, content_hash="x", restored_hash="y", patch=b"\xff"),
        "take the tags back from /a",
    ),
    (
        op.Extract(archive=A, member="k/K.wav", staged=A, target=B, content_hash="x"),
        "unpack k/K.wav of /a -> /b",
    ),
    (
        op.RemoveExtracted(path=B, archive=A, member="k/K.wav", staged=A, content_hash="x"),
        "remove /b, which is in /a",
    ),
    (op.Link(source=A, target=B, content_hash="x"), "hard link /b -> /a"),
    (op.Link(source=A, target=B, content_hash="x", pointer="a"), "symbolic link /b -> /a"),
    (op.RemoveLink(path=A, original=B, content_hash="x"), "remove /a"),
    (
        op.WriteAttribute(path=A, name="user.xdg.tags", before=b"mine", after=b"mine,kick"),
        "set user.xdg.tags of /a to mine, kick",
    ),
    (
        op.WriteAttribute(path=A, name="user.xdg.tags", before=b"mine", after=None),
        "set user.xdg.tags of /a to nothing",
    ),
    (
        op.WriteEntries(path=A, form="json", entries={"K.wav": "{}", "S.wav": "{}"}),
        "describe K.wav, S.wav in /a",
    ),
    (
        op.RemoveEntries(
            path=A, form="json", entries={"K.wav": "{}"}, content_hash="x", restored_hash="", patch=b"\xff"
        ),
        "take K.wav out of /a",
    ),
    (op.WriteSidecar(path=A, content="{}"), "write /a"),
    (op.RemoveSidecar(path=A, content="{}"), "remove /a"),
    (op.Discard(path=A, content_hash="x", sound_id="", twin=None), "delete /a for good"),
    (
        op.Discard(path=A, content_hash="x", sound_id="y", twin=B),
        "delete /a for good (the same sound is /b)",
    ),
    (
        op.Teach(path=A, sound_id="x", label="rim", was=None, heard="snare", embedding=b"\xff", model_id="m"),
        "learn that /a is rim",
    ),
    (
        op.Teach(path=A, sound_id="x", label=None, was="rim", heard="snare", embedding=b"", model_id="m"),
        "learn that /a is not to be rim any more",
    ),
    (op.Skip(path=A, reason="it is there already"), "leave /a: it is there already"),
]


def test_every_kind_of_operation_is_told_here() -> None:
    assert {type(operation) for operation, _ in WORDS} == set(get_args(op.Operation))


@pytest.mark.parametrize(("operation", "words"), WORDS, ids=lambda one: type(one).__name__)
def test_an_operation_is_told_in_a_line_and_as_json(operation: op.Operation, words: str) -> None:
    assert operation_in_words(operation) == words
    told = json.loads(as_json(operation_as_json(operation)))
    assert told["operation"] == type(operation).__name__
    assert "patch" not in told
