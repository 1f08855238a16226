from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from organizer.folders import Folders
from organizer.planning.conflicts import Snapshot
from organizer.planning.operations import (
    Copy,
    Extract,
    KeepFolderTime,
    Link,
    MakeFolder,
    Move,
    Operation,
    RemoveFolder,
    Skip,
    WriteAttribute,
    WriteEntries,
    WriteSidecar,
    WriteTags,
)
from organizer.planning.planner import destinations, plan
from organizer.sample import Kind, Music
from tests.planning.disk import INBOX, LIBRARY, Disk, hash_of, stamp
from tests.planning.filing import planned, rule, rules
from tests.rules.items import item, sound

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from organizer.sample import Item, Sample


def told(operations: Iterable[Operation]) -> list[str]:
    """Write operations as a person would, with paths below the inbox and the library."""
    return [_told(operation) for operation in operations]


def _told(operation: Operation) -> str:
    def short(path: Path) -> str:
        return str(path).replace(str(INBOX), "in").replace(str(LIBRARY), "lib")

    match operation:
        case (
            Move(source=source, target=target)
            | Copy(source=source, target=target)
            | Extract(source=source, target=target)
            | Link(source=source, target=target)
        ):
            return f"{type(operation).__name__} {short(source)} -> {short(target)}"
        case Skip(path=path, reason=reason):
            return f"Skip {short(path)}: {reason}"
    return f"{type(operation).__name__} {short(operation.path)}"


def heard(path: str, disk_path: Path | None = None, sample: Sample | None = None, **rest: object) -> Item:
    """Make a heard item whose content is what the disk of the test holds there."""
    place = disk_path or INBOX / path
    base = sample or sound()
    facts = replace(base.facts, content_hash=hash_of(f"content of {place}"))
    return replace(item(path, replace(base, facts=facts), path=disk_path), **rest)  # type: ignore[arg-type]  # any field


def plan_of(
    text: str, items: Sequence[Item], *, library: Sequence[str] = (), more: Sequence[str] = ()
) -> list[str]:
    paths = [path for one in items for path in (one.path, *one.companions)]
    disk = Disk.of([*paths, *(INBOX / name for name in more), *(LIBRARY / name for name in library)])
    result = planned(disk, text, items)
    disk.run(result.operations)  # whatever is planned can be done
    return told(result.operations)


def test_a_pack_is_filed_in_the_order_of_a_plan() -> None:
    items = [
        heard("Pack/Kicks/K.wav", companions=(INBOX / "Pack/Kicks/K.wav.asd",)),
        heard("Pack/Snares/S.wav", sample=sound("snare")),
        item("Pack/License.txt"),
    ]
    text = rule(
        '{ sidecar = "json-each" }, { copy = "All/" }, { tag = { genre = "{category}" } }, { '
        'move = "Drums/{folder}/" }'
    ) + rule('{ move = "_Packs/{pack}/{subpath}/" }', 'type = "document"', name="Rest")
    assert plan_of(text, items) == [
        "KeepFolderTime in/Pack",
        "KeepFolderTime in/Pack/Kicks",
        "KeepFolderTime in/Pack/Snares",
        "MakeFolder lib/Drums",
        "MakeFolder lib/Drums/Kicks",
        "MakeFolder lib/All",
        "MakeFolder lib/Drums/Snares",
        "MakeFolder lib/_Packs",
        "MakeFolder lib/_Packs/Pack",
        "Move in/Pack/Kicks/K.wav -> lib/Drums/Kicks/K.wav",
        "Move in/Pack/Kicks/K.wav.asd -> lib/Drums/Kicks/K.wav.asd",
        "WriteTags lib/Drums/Kicks/K.wav",
        "Copy lib/Drums/Kicks/K.wav -> lib/All/K.wav",
        "WriteSidecar lib/Drums/Kicks/K.wav.organizer.json",
        "Move in/Pack/Snares/S.wav -> lib/Drums/Snares/S.wav",
        "WriteTags lib/Drums/Snares/S.wav",
        "Copy lib/Drums/Snares/S.wav -> lib/All/S.wav",
        "WriteSidecar lib/Drums/Snares/S.wav.organizer.json",
        "Move in/Pack/License.txt -> lib/_Packs/Pack/License.txt",
        "RemoveFolder in/Pack/Kicks",
        "RemoveFolder in/Pack/Snares",
        "RemoveFolder in/Pack",
    ]


DRUMS = rule('{ move = "Drums/" }')


def test_two_files_of_one_name_get_two_names() -> None:
    assert plan_of(DRUMS, [heard("A/K.wav"), heard("B/k.WAV"), heard("C/K.wav")])[-6:-3] == [
        "Move in/A/K.wav -> lib/Drums/K.wav",
        "Move in/B/k.WAV -> lib/Drums/k (2).WAV",
        "Move in/C/K.wav -> lib/Drums/K (3).wav",
    ]


def test_a_name_in_the_library_is_never_overwritten() -> None:
    assert plan_of(DRUMS, [heard("K.wav")], library=["Drums/k.wav"]) == [
        "Move in/K.wav -> lib/Drums/K (2).wav"
    ]


def test_a_taken_name_is_skipped_where_the_rule_says_so() -> None:
    text = rule('{ move = "Drums/", on_conflict = "skip" }, { tag = { genre = "x" } }')
    assert plan_of(text, [heard("K.wav")], library=["Drums/k.wav"]) == [
        'Skip in/K.wav: "Drums/K.wav" in the library is taken'
    ]


def test_a_sample_and_its_companions_are_numbered_together() -> None:
    one = heard("K.wav", companions=(INBOX / "K.wav.asd", INBOX / "K.wav.reapeaks"))
    assert plan_of(DRUMS, [one], library=["Drums/K.wav", "Drums/K (2).wav.asd"]) == [
        "Move in/K.wav -> lib/Drums/K (3).wav",
        "Move in/K.wav.asd -> lib/Drums/K (3).wav.asd",
        "Move in/K.wav.reapeaks -> lib/Drums/K (3).wav.reapeaks",
    ]


def test_room_is_left_for_the_sidecar() -> None:
    text = rule('{ move = "Drums/" }, { sidecar = "json-each" }')
    assert plan_of(text, [heard("K.wav")], library=["Drums/K.wav.organizer.json"]) == [
        "Move in/K.wav -> lib/Drums/K (2).wav",
        "WriteSidecar lib/Drums/K (2).wav.organizer.json",
    ]


def test_a_name_too_long_for_a_sidecar_beside_it_is_shortened_by_a_move_and_else_skipped() -> None:
    long = "x" * 251 + ".wav"
    moved = plan_of(rule('{ move = "D/" }, { sidecar = "json-each" }'), [heard(long)])
    assert moved[1:] == [
        f"Move in/{long} -> lib/D/{'x' * 236}.wav",
        f"WriteSidecar lib/D/{'x' * 236}.wav.organizer.json",
    ]
    assert plan_of(rule('{ sidecar = "json-each" }'), [heard(long)]) == [
        f"Skip in/{long}: its name leaves no room for a sidecar's"
    ]


def test_a_sidecar_that_came_along_is_not_written_again() -> None:
    text = rule('{ move = "Drums/" }, { sidecar = "json-each" }')
    one = heard("K.wav", companions=(INBOX / "K.wav.organizer.json",))
    assert plan_of(text, [one])[1:] == [
        "Move in/K.wav -> lib/Drums/K.wav",
        "Move in/K.wav.organizer.json -> lib/Drums/K.wav.organizer.json",
        "Skip lib/Drums/K.wav.organizer.json: there is a sidecar already",
    ]


def test_a_file_that_lies_where_it_should_is_in_place_and_not_copied_again() -> None:
    text = rule(
        '{ move = "Drums/" }, { copy = "All/" }, { tag = { genre = "x" } }, { sidecar = "json-each" }'
    )
    one = heard("P/K.wav", LIBRARY / "Drums/K.wav")
    assert plan_of(text, [one]) == [
        "Skip lib/Drums/K.wav: already in place",
        "WriteTags lib/Drums/K.wav",
        "WriteSidecar lib/Drums/K.wav.organizer.json",
    ]
    assert plan_of(text, [one], library=["Drums/K.wav.organizer.json"])[-1] == (
        "Skip lib/Drums/K.wav.organizer.json: there is a sidecar already"
    )


def test_a_file_with_a_number_keeps_it_though_the_plain_name_is_free_by_now() -> None:
    one = heard("P/K.wav", LIBRARY / "Drums/K (7).wav")
    assert plan_of(DRUMS, [one], library=["Drums/K.wav"]) == ["Skip lib/Drums/K (7).wav: already in place"]
    assert plan_of(DRUMS, [one]) == ["Skip lib/Drums/K (7).wav: already in place"]


def test_a_name_that_is_left_in_the_same_plan_still_counts_as_taken() -> None:
    leaving = heard("P/S.wav", LIBRARY / "Drums/K.wav")
    coming = heard("P/K.wav")
    assert plan_of(DRUMS, [leaving, coming])[1:3] == [
        "Move lib/Drums/K.wav -> lib/Drums/S.wav",
        "Move in/P/K.wav -> lib/Drums/K (2).wav",
    ]


def test_a_change_of_letter_case_alone_is_a_move() -> None:
    one = heard("P/Kick.wav", LIBRARY / "Drums/kick.wav", companions=(LIBRARY / "Drums/kick.wav.asd",))
    disk = Disk.of([one.path, *one.companions])
    assert told(planned(disk, DRUMS, [one]).operations) == [
        "Move lib/Drums/kick.wav -> lib/Drums/Kick.wav",
        "Move lib/Drums/kick.wav.asd -> lib/Drums/Kick.wav.asd",
    ]


def test_a_file_where_a_folder_is_needed_is_a_reason_to_skip() -> None:
    assert plan_of(rule('{ move = "Drums/{folder}/" }'), [heard("K.wav")], library=["Drums"]) == [
        'Skip in/K.wav: "Drums" in the library is no folder'
    ]


def test_a_missing_value_is_a_reason_to_skip_and_nothing_else_is_done() -> None:
    text = rule('{ move = "Loops/{label}/" }, { copy = "All/" }')
    assert plan_of(text, [heard("K.wav", sample=sound(kind=Kind.LOOP))]) == [
        'Skip in/K.wav: it has no label, which "Loops/{label}/" asks for without a default'
    ]


def test_a_copy_that_cannot_be_made_does_not_stop_the_rest() -> None:
    text = rule('{ copy = "{label}/" }, { copy = "All/", on_conflict = "skip" }, { move = "Loops/" }')
    assert plan_of(text, [heard("K.wav", sample=sound(kind=Kind.LOOP))], library=["All/K.wav"]) == [
        "MakeFolder lib/Loops",
        "Move in/K.wav -> lib/Loops/K.wav",
        'Skip lib/Loops/K.wav: not copied: it has no label, which "{label}/" asks for without a default',
        'Skip lib/Loops/K.wav: not copied: "All/K.wav" in the library is taken',
    ]


def test_a_copy_that_is_there_from_an_earlier_time_is_not_made_again() -> None:
    text = rule('{ copy = "All/" }')
    one = heard("Pack/K.wav")
    assert one.sample is not None
    content_hash = one.sample.facts.content_hash
    earlier = LIBRARY / "All/K (2).wav"
    disk = Disk.of([one.path, earlier])

    def again(text: str, content_hash: str) -> list[str]:
        copied = {(one.path, content_hash): (earlier,)}
        return told(planned(disk, text, [one], copied=copied).operations)[-1:]

    assert again(text, content_hash) == ['Skip in/Pack/K.wav: copied already, as "K (2).wav"']
    assert again(text, "other bytes") == ["Copy in/Pack/K.wav -> lib/All/K.wav"]
    assert again(rule('{ copy = "Elsewhere/" }'), content_hash) == [
        "Copy in/Pack/K.wav -> lib/Elsewhere/K.wav"
    ]
    gone = planned(Disk.of([one.path]), text, [one], copied={(one.path, content_hash): (earlier,)})
    assert told(gone.operations)[-1:] == ["Copy in/Pack/K.wav -> lib/All/K.wav"]


def test_a_copy_onto_the_file_itself_is_none() -> None:
    one = heard("P/K.wav", LIBRARY / "All/K.wav")
    assert plan_of(rule('{ copy = "All/" }'), [one]) == ["Skip lib/All/K.wav: not copied: already in place"]


def test_a_rule_without_a_move_works_where_the_file_lies() -> None:
    text = rule('{ tag = { genre = "{category}" } }, { copy = "All/" }, { sidecar = "json-each" }')
    assert plan_of(text, [heard("Pack/K.wav")]) == [
        "KeepFolderTime in/Pack",
        "MakeFolder lib/All",
        "WriteTags in/Pack/K.wav",
        "Copy in/Pack/K.wav -> lib/All/K.wav",
        "WriteSidecar in/Pack/K.wav.organizer.json",
    ]


def test_a_file_that_is_left_says_why() -> None:
    items = [
        heard("a.wav"),
        item("b.wav", problem="it is empty", heard=False),
        item("c.zip"),
        item("P/Kit/k.sfz", bundle="P/Kit"),
        heard("d.wav", sample=sound("fx")),
        heard("e.wav", sample=sound("bass")),
    ]
    text = rule("{ leave = true }", 'label = "fx"', name="A") + rule(
        '{ leave = "mine" }, { tag = { genre = "x" } }', 'label = "bass"', name="B"
    )
    assert plan_of(text, items) == [
        "Skip in/a.wav: no rule takes it",
        "Skip in/b.wav: it is empty",
        "Skip in/c.zip: no rule takes files of the type archive",
        'Skip in/P/Kit/k.sfz: it belongs to the bundle "Kit", which stays whole',
        "Skip in/d.wav: left, as the rule says",
        "Skip in/e.wav: mine",
        "WriteTags in/e.wav",
    ]


def test_an_unreadable_file_keeps_its_hint_and_a_bundle_gets_one() -> None:
    broken = replace(item("b.m4a", problem="no decoder for it", heard=False), hint="Install ffmpeg.")
    disk = Disk.of([broken.path])
    (skip,) = planned(disk, DRUMS, [broken]).operations
    assert skip == Skip(path=broken.path, reason="no decoder for it", hint="Install ffmpeg.")
    (skip,) = planned(disk, DRUMS, [item("P/Kit/k.sfz", bundle="P/Kit")]).operations
    assert isinstance(skip, Skip) and skip.hint == "A rule with bundle = true takes bundles."


def test_what_cannot_be_read_is_moved_where_a_rule_names_it() -> None:
    broken = item("Pack/b.wav", problem="it is empty", heard=False)
    text = rule(
        '{ move = "_Broken/" }, { tag = { genre = "x" } }, { sidecar = "json-each" }', "readable = false"
    )
    assert plan_of(text, [broken])[2:5] == [
        "Move in/Pack/b.wav -> lib/_Broken/b.wav",
        "Skip lib/_Broken/b.wav: only sounds that were heard are tagged",
        "Skip lib/_Broken/b.wav: only sounds that were heard get a sidecar",
    ]


def test_tags_are_filled_in_and_absent_rather_than_invented() -> None:
    text = rule(
        '{ tag = { label = "{label}", kind = "{kind}", bpm = "{category|}", mode = '
        '"append" } }, { move = "L/" }'
    )
    one = heard("K.wav", sample=sound(kind=Kind.LOOP))
    disk = Disk.of([one.path])
    (tags,) = [op for op in planned(disk, text, [one]).operations if isinstance(op, WriteTags)]
    assert (dict(tags.tags), tags.mode, tags.rule) == ({"kind": "loop"}, "append", "R")
    assert tags.path == LIBRARY / "L/K.wav"
    only_label = rule('{ tag = { label = "{label}" } }')
    assert planned(disk, only_label, [one]).operations == ()


def test_a_folder_goes_only_when_nothing_is_left_in_it() -> None:
    items = [heard("Pack/A/B/K.wav"), heard("Pack/C/S.wav"), heard("Pack/D/T.wav")]
    assert plan_of(DRUMS, items, more=["Pack/C/.DS_Store"]) == [
        "KeepFolderTime in/Pack",
        "KeepFolderTime in/Pack/A",
        "KeepFolderTime in/Pack/A/B",
        "KeepFolderTime in/Pack/C",
        "KeepFolderTime in/Pack/D",
        "MakeFolder lib/Drums",
        "Move in/Pack/A/B/K.wav -> lib/Drums/K.wav",
        "Move in/Pack/C/S.wav -> lib/Drums/S.wav",
        "Move in/Pack/D/T.wav -> lib/Drums/T.wav",
        "RemoveFolder in/Pack/A/B",
        "RemoveFolder in/Pack/A",
        "RemoveFolder in/Pack/D",
    ]


def test_a_folder_that_was_empty_before_stays_and_so_does_the_inbox() -> None:
    one = heard("Pack/K.wav")
    disk = Disk.of([one.path], folders=[INBOX / "Pack/Empty"])
    operations = planned(disk, DRUMS, [one, heard("loose.wav")]).operations
    assert not any(isinstance(operation, RemoveFolder) for operation in operations)
    assert [op.path for op in operations if isinstance(op, KeepFolderTime)] == [INBOX / "Pack"]


def test_a_removed_folder_is_remembered_with_mode_and_time() -> None:
    one = heard("Pack/K.wav")
    disk = Disk.of([one.path])
    operations = planned(disk, DRUMS, [one]).operations
    assert operations[0] == KeepFolderTime(path=INBOX / "Pack", mtime_ns=disk.times[INBOX / "Pack"])
    assert operations[-1] == RemoveFolder(path=INBOX / "Pack", mode=0o750)


def test_without_a_tree_no_folder_is_touched_on_the_side_of_the_source() -> None:
    one = heard("Pack/K.wav")
    operations = planned(Disk.of([one.path]), DRUMS, [one], with_tree=False).operations
    assert [type(operation) for operation in operations] == [MakeFolder, Move]


def test_a_library_that_is_not_there_is_waited_for() -> None:
    one = heard("K.wav")
    decisions = [rules(rule('{ move = "Drums/" }, { copy = "All/" }')).decide(one)]
    found = plan(
        decisions,
        snapshot=Snapshot({}),
        library=LIBRARY,
        folders=Folders(),
        origin="sort",
        title="K.wav",
        hashes={},
        stamps={},
    )
    assert told(found.operations) == ["Skip in/K.wav: the library is not there"]
    assert (found.origin, found.title, found.inbox) == ("sort", "K.wav", None)


def test_a_file_whose_content_is_not_known_waits() -> None:
    document, sampled = item("P/a.txt"), heard("P/K.wav", companions=(INBOX / "P/K.wav.asd",))
    text = DRUMS + rule('{ move = "_Packs/" }', 'type = "document"', name="Rest")
    decisions = [rules(text).decide(one) for one in (document, sampled)]
    found = plan(
        decisions,
        snapshot=Snapshot({LIBRARY: frozenset()}),
        library=LIBRARY,
        folders=Folders(),
        origin="pack",
        title="P",
        hashes={},
        stamps={},
    )
    assert told(found.operations) == [
        "MakeFolder lib/Drums",
        "Skip in/P/a.txt: it could not be read just now",
        "Move in/P/K.wav -> lib/Drums/K.wav",
        "Skip in/P/K.wav.asd: it could not be read just now",
    ]


def test_every_move_carries_what_it_was_planned_for() -> None:
    one = heard("K.wav", companions=(INBOX / "K.wav.asd",))
    disk = Disk.of([one.path, *one.companions])
    sample_move, companion_move = [
        op for op in planned(disk, DRUMS, [one]).operations if isinstance(op, Move)
    ]
    assert (sample_move.stamp, sample_move.rule) == (one.stamp, "R")
    assert sample_move.content_hash == hash_of(disk.files[one.path])
    assert companion_move.stamp == stamp(one.companions[0])
    assert companion_move.content_hash == hash_of(disk.files[one.companions[0]])


def test_the_destinations_are_the_folders_of_every_target() -> None:
    text = rule('{ move = "Drums/{folder}/" }, { copy = "{label}/x/" }, { sidecar = "json-each" }')
    decisions = [rules(text).decide(one) for one in (item("P/K.wav"), item("P/L.wav", sound(kind=Kind.LOOP)))]
    assert destinations(decisions, library=LIBRARY, folders=Folders()) == {
        LIBRARY / "Drums/Kicks",
        LIBRARY / "kick/x",
        INBOX / "P",
        LIBRARY / "Drums/Kicks/Ableton Folder Info",
        LIBRARY / "kick/x/Ableton Folder Info",
        INBOX / "P/Ableton Folder Info",
    }


def test_a_sidecar_describes_what_was_heard() -> None:
    tonal = replace(sound(), music=Music(key="Am", reasons=("its metadata says Am",)))
    one = heard("K.wav", sample=tonal)
    text = rule('{ move = "Drums/" }, { sidecar = "json-each" }', name="Kicks é")
    (sidecar,) = [
        op for op in planned(Disk.of([one.path]), text, [one]).operations if isinstance(op, WriteSidecar)
    ]
    assert json.loads(sidecar.content) == {
        "organizer": 2,
        "sound_id": "pcm:b2:sound",
        "content_hash": hash_of(f"content of {one.path}"),
        "label": "kick",
        "category": "kick",
        "kind": "oneshot",
        "content": None,
        "confidence": 0.95,
        "bpm": None,
        "key": "Am",
        "note": None,
        "music": ["its metadata says Am"],
        "duration": 0.5,
        "probabilities": {"kick": 0.9123, "fx": 0.0877},
        "evidence": [
            {
                "source": "audio",
                "labels": {"kick": 1.0},
                "kinds": {"oneshot": 0.4, "loop": 0.6},
                "contents": {},
                "reasons": ["it sounds like one"],
            },
            {
                "source": "name",
                "labels": {},
                "kinds": {},
                "contents": {},
                "reasons": [],
                "bpm": 128.0,
                "key": "Am",
            },
        ],
        "doubts": [],
        "model": "ear-1",
        "rule": "Kicks é",
    }
    assert "é" in sidecar.content


@pytest.mark.parametrize("on_conflict", ["number", "skip"])
def test_no_folder_is_made_for_a_file_that_is_skipped(on_conflict: str) -> None:
    text = rule(f'{{ move = "Drums/{{label}}/A/", on_conflict = "{on_conflict}" }}')
    assert plan_of(text, [heard("K.wav", sample=sound(kind=Kind.LOOP))]) == [
        'Skip in/K.wav: it has no label, which "Drums/{label}/A/" asks for without a default'
    ]


FOLDER = LIBRARY / "Drums"
LIVE = FOLDER / "Ableton Folder Info"
LIVE_FILE = LIVE / "dc66a3fa-0fe1-5352-91cf-3ec237e9ee90.xmp"


def entries_in(operations: Sequence[Operation]) -> dict[Path, dict[str, object]]:
    return {
        one.path: {name: json.loads(text) for name, text in one.entries.items()}
        for one in operations
        if isinstance(one, WriteEntries)
    }


def test_one_hidden_file_tells_of_all_sounds_of_a_folder() -> None:
    items = [heard("Pack/K.wav"), heard("Pack/S.wav", sample=sound("snare")), item("Pack/n.txt")]
    text = rule('{ move = "Drums/" }, { sidecar = "json" }', 'type = ["audio", "document"]')
    operations = planned(Disk.of([one.path for one in items]), text, items).operations
    found = entries_in(operations)
    assert found.keys() == {FOLDER / ".organizer.json"}
    told_of = found[FOLDER / ".organizer.json"]
    assert {name: one["label"] for name, one in told_of.items() if isinstance(one, dict)} == {
        "K.wav": "kick",
        "S.wav": "snare",
    }
    assert "Skip lib/Drums/n.txt: only sounds that were heard get a sidecar" in told(operations)


def test_tags_of_live_are_written_in_a_folder_made_for_them() -> None:
    one = heard("K.wav", sample=replace(sound("hat_closed"), music=Music(key="F#m")))
    operations = planned(
        Disk.of([one.path]), rule('{ move = "Drums/" }, { sidecar = "xmp" }'), [one]
    ).operations
    assert told(operations)[-2:] == [
        "MakeFolder lib/Drums/Ableton Folder Info",
        f"WriteEntries {LIVE_FILE}".replace(str(LIBRARY), "lib"),
    ]
    assert entries_in(operations)[LIVE_FILE] == {
        "K.wav": ["Drums|Hihat|Closed Hihat", "Type|One Shot", "Key|F#", "Key|Minor"]
    }


def test_the_file_of_live_is_kept_as_it_was_before_it_is_first_changed() -> None:
    one, other = heard("K.wav"), heard("L.wav")
    backup = LIVE_FILE.with_name(LIVE_FILE.name + ".before-organizer")
    text = rule('{ move = "Drums/" }, { sidecar = "xmp" }')
    first = planned(Disk.of([one.path, LIVE_FILE]), text, [one], theirs={LIVE_FILE}).operations
    again = planned(Disk.of([other.path, LIVE_FILE, backup]), text, [other], theirs={LIVE_FILE}).operations
    assert Copy(source=LIVE_FILE, target=backup, content_hash="", rule="R") in first
    assert not any(isinstance(operation, Copy | MakeFolder) for operation in again)


def test_no_copy_is_made_of_a_file_of_live_that_is_of_our_own_making() -> None:
    one = heard("K.wav")
    text = rule('{ move = "Drums/" }, { sidecar = "xmp" }')
    operations = planned(Disk.of([one.path, LIVE_FILE]), text, [one]).operations
    assert entries_in(operations).keys() == {LIVE_FILE}
    assert not any(isinstance(operation, Copy | MakeFolder) for operation in operations)


def test_what_live_says_of_a_file_goes_where_the_file_goes() -> None:
    tagged = replace(sound(), metadata={"live": "Drums|Kick\nCharacter|Dark"})
    one = heard("K.wav", sample=tagged)
    moved = planned(Disk.of([one.path]), rule('{ move = "Drums/" }'), [one]).operations
    assert entries_in(moved)[LIVE_FILE] == {"K.wav": ["Drums|Kick", "Character|Dark"]}
    both = planned(Disk.of([one.path]), rule('{ move = "Drums/" }, { sidecar = "xmp" }'), [one]).operations
    assert entries_in(both)[LIVE_FILE] == {"K.wav": ["Drums|Kick", "Type|One Shot", "Character|Dark"]}
    staying = planned(Disk.of([one.path]), rule("{ leave = true }"), [one]).operations
    assert not entries_in(staying)


def test_tags_of_file_managers_are_added_to_those_that_are_there() -> None:
    one = heard("Pack/K.wav")
    text = rule('{ move = "Drums/" }, { xattr = ["{category}", "{content}", "Drums, loud"] }')
    (attribute,) = [
        op
        for op in planned(Disk.of([one.path]), text, [one], held={one.path: b"mine,KICK"}).operations
        if isinstance(op, WriteAttribute)
    ]
    assert attribute == WriteAttribute(
        path=FOLDER / "K.wav",
        name="user.xdg.tags",
        before=b"mine,KICK",
        after=b"mine,KICK,Drums loud",
        rule="R",
    )
    there = planned(Disk.of([one.path]), text, [one], held={one.path: b"kick,drums loud"}).operations
    assert not any(isinstance(op, WriteAttribute) for op in there)


@pytest.mark.parametrize(
    ("how", "pointer"), [("", ""), (', kind = "hard"', ""), (', kind = "symbolic"', "../../Drums/K.wav")]
)
def test_a_link_gives_a_file_a_second_name(how: str, pointer: str) -> None:
    one = heard("Pack/K.wav")
    text = rule(f'{{ move = "Drums/" }}, {{ link = "By Pack/{{pack}}/"{how} }}')
    operations = planned(Disk.of([one.path]), text, [one]).operations
    assert (
        Link(
            source=FOLDER / "K.wav",
            target=LIBRARY / "By Pack/Pack/K.wav",
            content_hash=hash_of(f"content of {one.path}"),
            pointer=pointer,
            rule="R",
        )
        in operations
    )


def test_a_symbolic_link_to_what_lies_outside_the_library_says_the_whole_way() -> None:
    one = heard("Pack/K.wav")
    (link,) = [
        op
        for op in planned(Disk.of([one.path]), rule('{ link = "L/", kind = "symbolic" }'), [one]).operations
        if isinstance(op, Link)
    ]
    assert link.pointer == str(one.path)


def test_two_attribute_actions_add_up() -> None:
    one = heard("Pack/K.wav")
    operations = planned(Disk.of([one.path]), rule('{ xattr = "one" }, { xattr = "two" }'), [one]).operations
    written = [(op.before, op.after) for op in operations if isinstance(op, WriteAttribute)]
    assert written == [(None, b"one"), (b"one", b"one,two")]


def test_only_what_live_does_not_say_already_is_added_where_a_file_stays() -> None:
    one = heard("Pack/K.wav", sample=replace(sound(), metadata={"live": "Drums|Kick\nMine"}))
    operations = planned(Disk.of([one.path]), rule('{ sidecar = "xmp" }'), [one]).operations
    (told_of,) = entries_in(operations).values()
    assert told_of == {"K.wav": ["Type|One Shot"]}
