from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from organizer.labels import LABELS
from organizer.planning.operations import (
    Copy,
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
from organizer.planning.undo import Done, invert
from organizer.rules.legal import fold
from organizer.sample import Kind, Stamp
from tests.planning.disk import INBOX, LIBRARY, Disk, hash_of, stamp
from tests.planning.filing import planned, rule
from tests.planning.test_planner import heard
from tests.rules.items import item, sound

if TYPE_CHECKING:
    from organizer.sample import Item

A, B = Path("/in/a.wav"), Path("/lib/b.wav")
BEFORE, AFTER = Stamp(1, 1, 1, 1), Stamp(1, 1, 2, 2)
MOVE = Move(source=A, target=B, stamp=BEFORE, content_hash="h", rule="R")
COPY = Copy(source=A, target=B, content_hash="h", rule="R")
REMOVE_COPY = RemoveCopy(path=B, original=A, content_hash="h", rule="R")
TAGS = WriteTags(path=B, content_hash="h", sound_id="s", tags={"genre": "kick"}, rule="R")
RESTORE = RestoreBytes(path=B, content_hash="h2", restored_hash="h", patch=b"back", rule="R")
LINK = Link(source=A, target=B, content_hash="h", pointer="../a.wav", rule="R")
REMOVE_LINK = RemoveLink(path=B, original=A, content_hash="h", pointer="../a.wav", rule="R")
EXTRACT = Extract(archive=A, member="k.wav", staged=A, target=B, content_hash="h", rule="R")
REMOVE_EXTRACTED = RemoveExtracted(path=B, archive=A, member="k.wav", staged=A, content_hash="h", rule="R")
ENTRIES = WriteEntries(path=B, form="json", entries={"a.wav": "{}"}, rule="R")
TEACH = Teach(path=A, sound_id="s", label="rim", was=None, heard="snare", embedding=b"e", model_id="m")
SIDECAR = WriteSidecar(path=B, content="{}", rule="R")


@pytest.mark.parametrize(
    ("done", "inverse"),
    [
        (Done(operation=KeepFolderTime(path=A, mtime_ns=5)), KeepFolderTime(path=A, mtime_ns=5)),
        (Done(operation=MakeFolder(path=A)), RemoveFolder(path=A)),
        (Done(operation=RemoveFolder(path=A, mode=0o700)), MakeFolder(path=A, mode=0o700)),
        (
            Done(operation=MOVE, stamp_after=AFTER),
            Move(source=B, target=A, stamp=AFTER, content_hash="h", rule="R", like=BEFORE),
        ),
        (
            Done(operation=MOVE, stamp_after=AFTER, hash_after="h3"),
            Move(source=B, target=A, stamp=AFTER, content_hash="h3", rule="R", like=BEFORE),
        ),
        (Done(operation=COPY), REMOVE_COPY),
        (Done(operation=REMOVE_COPY), COPY),
        (Done(operation=TAGS, hash_after="h2", patch=b"back"), RESTORE),
        (
            Done(operation=TAGS, hash_after="h2", hash_before="h1", patch=b"back"),
            RestoreBytes(path=B, content_hash="h2", restored_hash="h1", patch=b"back", rule="R"),
        ),
        (
            Done(operation=RESTORE, hash_after="h", patch=b"forth"),
            RestoreBytes(path=B, content_hash="h", restored_hash="h2", patch=b"forth", rule="R"),
        ),
        (Done(operation=EXTRACT), REMOVE_EXTRACTED),
        (Done(operation=REMOVE_EXTRACTED), EXTRACT),
        (Done(operation=LINK), REMOVE_LINK),
        (Done(operation=REMOVE_LINK), LINK),
        (
            Done(operation=WriteAttribute(path=A, name="n", before=None, after=b"kick")),
            WriteAttribute(path=A, name="n", before=b"kick", after=None),
        ),
        (Done(operation=TEACH), replace(TEACH, label=None, was="rim")),
        (
            Done(operation=ENTRIES, hash_after="h2", hash_before="h1", patch=b"back"),
            RemoveEntries(
                path=B,
                form="json",
                entries={"a.wav": "{}"},
                content_hash="h2",
                restored_hash="h1",
                patch=b"back",
                rule="R",
            ),
        ),
        (
            Done(
                operation=RemoveEntries(
                    path=B,
                    form="json",
                    entries={"a.wav": "{}"},
                    content_hash="h2",
                    restored_hash="",
                    patch=None,
                    rule="R",
                )
            ),
            ENTRIES,
        ),
        (Done(operation=SIDECAR), RemoveSidecar(path=B, content="{}", rule="R")),
        (Done(operation=RemoveSidecar(path=B, content="{}", rule="R")), SIDECAR),
        (
            Done(operation=TAGS, hash_after="h2"),
            Skip(path=B, reason="the journal does not hold what its bytes were before", rule="R"),
        ),
    ],
)
def test_each_operation_has_its_inverse(done: Done, inverse: Operation) -> None:
    assert invert([done]) == (inverse,)


def test_the_last_is_taken_back_first_and_a_skip_not_at_all() -> None:
    done = [Done(operation=one) for one in (MakeFolder(path=A), Skip(path=A, reason="x"), MOVE, SIDECAR)]
    assert [type(one) for one in invert(done)] == [RemoveSidecar, Move, RemoveFolder]


# Rules that use every action, on files with few different names, so that they get in one another's way.
RULES = [
    rule('{ move = "Drums/{folder}/" }'),
    rule('{ move = "Flat/{name}", on_conflict = "skip" }, { sidecar = "json-each" }'),
    rule('{ move = "Drums/{folder}/" }, { sidecar = "json" }, { xattr = "{kind}" }, { link = "All/" }'),
    rule('{ sidecar = "xmp" }, { link = "{label}/", kind = "symbolic" }'),
    rule('{ move = "{pack|Loose}/{subpath}/" }, { copy = "All/" }, { tag = { genre = "{kind}" } }'),
    rule('{ tag = { genre = "{kind}" } }, { tag = { comment = "x", mode = "append" } }, { copy = "All/" }'),
    rule('{ sidecar = "json-each" }, { copy = "{label}/" }', more="continue = true", name="First")
    + rule('{ move = "Loops/" }', 'kind = "loop"')
    + rule('{ move = "_Packs/{pack}/{subpath}/" }', 'type = "document", pack = "*"', name="Rest"),
    rule('{ move = "A/A/A/" }', "bundle = true", name="Bundles") + rule("{ leave = true }"),
]
names = st.sampled_from(
    ["K.wav", "k.wav", "K (2).wav", "S.wav", "Café.wav", "Cafe\u0301.wav", "n.txt", "A", "x" * 251 + ".wav"]
)
places = st.lists(st.sampled_from(["P", "Q", "p", "A"]), max_size=3)


@st.composite
def scenes(draw: st.DrawFn) -> tuple[Disk, list[Item], str]:
    """Draw a disk with an inbox and a library, the items in them, and rules."""
    paths = draw(
        st.lists(st.tuples(places, names).map(lambda p: "/".join([*p[0], p[1]])), max_size=12, unique=True)
    )
    there = draw(
        st.lists(
            st.sampled_from(
                [
                    "Drums/Kicks/K.wav",
                    "Flat/k.wav",
                    "Flat/K (2).wav",
                    "All/S.wav",
                    "Drums",
                    "A/A/A/x",
                    "Flat/K.wav.asd",
                    "drums/kicks/s.wav",
                ]
            ),
            max_size=5,
            unique=True,
        )
    )
    disk, items = Disk.of([]), []
    for root, found in ((INBOX, paths), (LIBRARY, there)):
        for name in found:
            path = root / name
            if any(parent in disk.files for parent in path.parents) or path in disk.folders:
                continue
            for place in (*reversed(path.parents), path):  # one spelling, as where letter case does not count
                others = disk.names_in(place.parent) or []
                if place.name not in others and fold(place.name) in map(fold, others):
                    break
            else:
                disk._ensure(path.parent)
                disk.files[path] = f"content of {path}"
    for path in list(disk.files):
        in_inbox = path.is_relative_to(INBOX)
        if not in_inbox and not draw(st.booleans()):
            continue
        where = str(path.relative_to(INBOX if in_inbox else LIBRARY))
        if path.suffix != ".wav":
            items.append(item(where, path=path))
            continue
        tail = path.with_name(path.name + ".asd")
        if in_inbox and draw(st.booleans()) and len(tail.name.encode()) <= 255:
            disk.files[tail] = f"content of {tail}"
        companions = (tail,) if tail in disk.files else ()
        label, kind = draw(st.sampled_from(LABELS[:4])), draw(st.sampled_from(list(Kind)))
        items.append(heard(where, path, sound(label, kind=kind), companions=companions))
    return disk, items, draw(st.sampled_from(RULES))


def targets_of(operations: tuple[Operation, ...]) -> list[Path]:
    found = []
    for operation in operations:
        match operation:
            case (
                Move(target=path)
                | Copy(target=path)
                | Link(target=path)
                | MakeFolder(path=path)
                | WriteSidecar(path=path)
            ):
                found.append(path)
    return found


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(scenes())
def test_no_plan_gives_two_things_one_name_or_takes_a_name_that_exists(
    scene: tuple[Disk, list[Item], str],
) -> None:
    disk, items, text = scene
    operations = planned(disk, text, items).operations
    own = {operation.target: operation.source for operation in operations if isinstance(operation, Move)}
    targets = targets_of(operations)
    keys = [(target.parent, fold(target.name)) for target in targets]
    assert len(keys) == len(set(keys))
    there = {(path.parent, fold(path.name)): path for path in (*disk.files, *disk.folders)}
    for target, key in zip(targets, keys, strict=True):
        assert there.get(key) in (None, own.get(target))
        assert len(target.name.encode()) <= 255
        beside = target.name.endswith(".organizer.json") or target.name == "Ableton Folder Info"
        assert target.is_relative_to(LIBRARY) or beside


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(scenes())
def test_a_plan_can_be_done_undone_and_done_again(scene: tuple[Disk, list[Item], str]) -> None:
    disk, items, text = scene
    inbox, library, shape = disk.state(INBOX), disk.state(LIBRARY), disk.shape()
    done = disk.run(planned(disk, text, items).operations)
    filed = disk.shape()
    undone = disk.run(invert(done))
    assert disk.state(INBOX) == inbox  # contents, modes and times
    assert disk.shape() == shape
    assert disk.state(LIBRARY).keys() == library.keys()
    redone = disk.run(invert(undone))
    assert disk.shape() == filed
    disk.run(invert(redone))
    assert disk.state(INBOX) == inbox
    assert disk.shape() == shape


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(scenes())
def test_what_is_filed_is_in_place_when_asked_again(scene: tuple[Disk, list[Item], str]) -> None:
    disk, items, _ = scene
    text = RULES[0]
    moved = {op.source: op.target for op in planned(disk, text, items).operations if isinstance(op, Move)}
    disk.run(planned(disk, text, items).operations)
    again = [
        heard(
            str(one.origin.relative),
            moved[one.path],
            one.sample,
            companions=tuple(moved[c] for c in one.companions),
        )
        for one in items
        if one.path in moved
    ]
    assert all(
        isinstance(operation, Skip) for operation in planned(disk, text, again, with_tree=False).operations
    )


def test_tags_written_twice_are_taken_back_one_by_one() -> None:
    again = WriteTags(path=B, content_hash="h", sound_id="s", tags={"comment": "x"}, mode="append")
    done = [
        Done(operation=TAGS, hash_after="h1", patch=b"1 to 0"),
        Done(operation=again, hash_after="h2", patch=b"2 to 1"),
    ]
    assert invert(done) == (
        RestoreBytes(path=B, content_hash="h2", restored_hash="h1", patch=b"2 to 1"),
        RestoreBytes(path=B, content_hash="h1", restored_hash="h", patch=b"1 to 0", rule="R"),
    )


def test_tags_of_a_moved_file_are_taken_back_before_the_move() -> None:
    one = heard("Pack/K.wav")
    disk = Disk.of([one.path])
    text = rule('{ move = "{pack}/" }, { copy = "All/" }, { tag = { genre = "{kind}" } }')
    done = disk.run(planned(disk, text, [one]).operations)
    back = [
        operation for operation in invert(done) if isinstance(operation, RemoveCopy | RestoreBytes | Move)
    ]
    assert [type(operation) for operation in back] == [RemoveCopy, RestoreBytes, Move]
    move = back[-1]
    assert isinstance(move, Move)
    assert move.stamp == stamp(LIBRARY / "Pack/K.wav")
    assert move.content_hash == hash_of(f"content of {one.path}")
