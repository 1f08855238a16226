from __future__ import annotations

from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import pytest

from organizer.library.index import Entry, Index
from organizer.library.remainders import Nature, Remainder, Remainders, next_retry
from organizer.library.store import open_store
from organizer.sample import Evidence, Facts, Kind, Origin, Recognition, Sample, Stamp

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator


@pytest.fixture
def store(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = open_store(tmp_path / "state" / "index.sqlite")
    yield connection
    connection.close()


def _entry(path: str, *, pack: str | None = "Pack") -> Entry:
    return Entry(
        path=Path(path),
        origin=Origin(inbox="Inbox", pack=pack, subpath=PurePosixPath("Kicks/Hard"), name=Path(path).name),
        stamp=Stamp(10, 20, 30, 40),
        sample=Sample(
            facts=Facts(
                format="wav", samplerate=44_100, channels=1, bits=16, duration=0.5, peak=-1.0,
                content_hash="b2:00", sound_id="pcm:00", warnings=("ends early",),
            ),
            recognition=Recognition(
                kind=Kind.ONESHOT, kind_confidence=0.99, label="kick", label_confidence=0.9,
                category="kick", confidence=0.95, margin=0.9, probabilities={"kick": 0.9, "tom": 0.1},
                evidence=(Evidence(source="audio", labels={"kick": 1.0}, reasons=("heard",)),),
                model_id="m-1", embedding=b"\x00<" * 4,
            ),
        ),
        rule="Drums",
        heard_at=1.5,
    )  # fmt: skip


def test_an_entry_comes_back_as_it_was_put(store: sqlite3.Connection) -> None:
    index = Index(store)
    entries = [_entry("/lib/a.wav"), _entry("/lib/b.wav", pack=None)]
    index.put(entries)
    assert [index.get(entry.path) for entry in entries] == entries
    assert index.get(Path("/lib/c.wav")) is None


def test_a_name_that_is_not_utf8_survives(store: sqlite3.Connection) -> None:
    index = Index(store)
    entry = _entry("/lib/Caf\udce9.wav")
    index.put([entry])
    assert index.get(entry.path) == entry


def test_disks_that_use_all_bits_of_an_inode_and_odd_names_in_reasons_are_kept(
    store: sqlite3.Connection,
) -> None:
    stamp = Stamp(10, 20, 2**64 - 3, 2**63)
    index, remainders = Index(store), Remainders(store)
    entry = replace(_entry("/lib/a.wav"), stamp=stamp)
    index.put([entry])
    assert index.get(entry.path) == entry
    stays = Remainder(
        path=Path("/in/a.wav"), stamp=stamp, nature=Nature.BUNDLE, reason='in "Caf\udce9"', hint="\udcff"
    )
    remainders.update(put=[stays])
    found = remainders.get(stays.path)
    assert found == replace(stays, reason=r'in "Caf\udce9"', hint=r"\udcff")


def test_below_means_inside_and_not_beside(store: sqlite3.Connection) -> None:
    index = Index(store)
    index.put([_entry(path) for path in ("/lib/x/a.wav", "/lib/x.wav", "/lib/x0/b.wav", "/lib/x/y/c.wav")])
    assert [str(entry.path) for entry in index.below(Path("/lib/x"))] == ["/lib/x/a.wav", "/lib/x/y/c.wav"]
    assert index.count_below(Path("/lib")) == 4


def test_entries_follow_their_files(store: sqlite3.Connection) -> None:
    index = Index(store)
    index.put([_entry("/in/a.wav")])
    index.moved([(Path("/in/a.wav"), Path("/lib/a.wav"))])
    assert index.get(Path("/in/a.wav")) is None
    assert index.get(Path("/lib/a.wav")) is not None


def test_new_bytes_around_the_same_sound_are_noted(store: sqlite3.Connection) -> None:
    index = Index(store)
    index.put([_entry("/lib/a.wav")])
    index.rewritten(
        [(Path("/lib/a.wav"), Stamp(11, 21, 31, 41), "b2:11"), (Path("/lib/b.wav"), Stamp(1, 2, 3, 4), "")]
    )
    entry = index.get(Path("/lib/a.wav"))
    assert entry is not None
    assert entry.stamp == Stamp(11, 21, 31, 41)
    assert (entry.sample.facts.content_hash, entry.sample.facts.sound_id) == ("b2:11", "pcm:00")
    assert index.get(Path("/lib/b.wav")) is None


@pytest.mark.parametrize("damage", [b"this is no database" * 100, b""])
def test_a_damaged_index_is_set_aside_and_made_anew(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "index.sqlite"
    path.write_bytes(damage)
    connection = open_store(path)
    Index(connection).put([_entry("/lib/a.wav")])
    assert Index(connection).count_below(Path("/lib")) == 1
    connection.close()
    assert (tmp_path / "index.sqlite.damaged").exists() == bool(damage)


def _remainder(path: str, **changes: object) -> Remainder:
    values: dict[str, object] = {
        "path": Path(path),
        "stamp": Stamp(1, 2, 3, 4),
        "nature": Nature.UNREADABLE,
        "reason": "empty",
        "context": "c",
    }
    return Remainder(**{**values, **changes})  # type: ignore[arg-type]  # a table row in a test


def test_what_stays_is_known_until_something_changes() -> None:
    stays = _remainder("/in/a.wav")
    assert stays.still_holds(Stamp(1, 2, 3, 4), context="c", now=0.0)
    assert stays.still_holds(Stamp(1, 2, 3, 99), context="c", now=0.0)  # mounted again
    assert not stays.still_holds(Stamp(9, 2, 3, 4), context="c", now=0.0)
    assert not stays.still_holds(Stamp(1, 9, 3, 4), context="c", now=0.0)
    assert not stays.still_holds(Stamp(1, 2, 9, 4), context="c", now=0.0)
    assert not stays.still_holds(Stamp(1, 2, 3, 4), context="other rules", now=0.0)


def test_a_failure_is_due_when_its_time_has_come(store: sqlite3.Connection) -> None:
    remainders = Remainders(store)
    remainders.update(
        put=[_remainder("/in/a.wav", nature=Nature.FAILED, retry_at=100.0), _remainder("/in/b.wav")]
    )
    assert remainders.due(now=99.0) == []
    assert remainders.due(now=100.0) == [Path("/in/a.wav")]
    assert [one.nature for one in remainders.all()] == [Nature.FAILED, Nature.UNREADABLE]
    remainders.update(gone=[Path("/in/a.wav")])
    assert [one.path for one in remainders.all()] == [Path("/in/b.wav")]


def test_what_failed_in_a_folder_is_tried_again_when_that_is_asked_for(store: sqlite3.Connection) -> None:
    remainders = Remainders(store)
    failed = {"nature": Nature.FAILED, "retry_at": 100.0}
    remainders.update(
        put=[_remainder("/in/a.wav", **failed), _remainder("/inn/b.wav", **failed), _remainder("/in/c.wav")]
    )
    remainders.retry(Path("/in"))
    assert remainders.due(now=1.0) == [Path("/in/a.wav")]


def test_retries_back_off_up_to_a_limit() -> None:
    assert [next_retry(attempts, now=0.0) for attempts in (1, 2, 3)] == [60.0, 120.0, 240.0]
    assert next_retry(40, now=0.0) == 6 * 3600.0


def test_what_vanished_is_forgotten(store: sqlite3.Connection) -> None:
    remainders = Remainders(store)
    remainders.update(put=[_remainder("/in/a.wav"), _remainder("/in/b.wav"), _remainder("/other/c.wav")])
    remainders.forget_gone(lambda path: path.name != "a.wav")
    assert [str(one.path) for one in remainders.all()] == ["/in/b.wav", "/other/c.wav"]
