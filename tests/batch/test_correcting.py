"""The user's word counts for a sound from then on, and can be taken back."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from organizer.batch.correcting import sayable
from organizer.errors import UsageProblem
from organizer.execution.locks import execution_holder
from organizer.planning.operations import Skip, Teach
from organizer.recognition.recognize import Inspection, Recognizer, Request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from organizer.stopping import Stop
    from tests.desk import Desk

    Make = Callable[..., Path]
    TreeOf = Callable[[Path], dict[str, tuple[str, int, int]]]


def test_a_word_of_the_user_counts_and_nothing_moves(filed: Desk, tree_of: TreeOf) -> None:
    before = tree_of(filed.library)
    snare, kick = filed.one("SN_tight.wav"), filed.one("VEH1 Bassdrum 001.wav")
    was, other = filed.heard(snare), filed.heard(kick)
    outcome = filed.parts.correcting.run([snare], "rim")
    assert outcome.count("done") == 1
    now = filed.heard(snare)
    assert (now.label, now.category, now.confidence, now.margin) == ("rim", "snare", 1.0, 1.0)
    said = now.evidence_of("user")
    assert said is not None
    assert said.reasons == ("you said that it is rim",)
    assert now.evidence_of("audio") == was.evidence_of("audio")
    assert filed.heard(kick) == other
    assert tree_of(filed.library) == before


def test_it_counts_for_the_same_sound_under_another_name_in_another_pack(
    filed: Desk, make_pack: Make
) -> None:
    filed.parts.correcting.run([filed.one("SN_tight.wav")], "rim")
    filed.open_again()
    make_pack(filed.inbox / "Other", {"Snares/SN_tight.wav": "zzz.wav", "Snares/SN_loose.wav": "yyy.wav"})
    filed.file()
    assert filed.heard(filed.one("zzz*.wav")).label == "rim"
    assert filed.heard(filed.one("yyy.wav")).label == "snare"


def test_it_is_undone_and_redone(filed: Desk) -> None:
    snare = filed.one("SN_tight.wav")
    was = filed.heard(snare)
    filed.parts.correcting.run([snare], "rim")
    filed.undo()
    assert filed.parts.journal.taught() == {}
    assert filed.heard(snare).label == was.label
    assert filed.heard(snare).evidence_of("user") is None
    undo = filed.parts.journal.batches(limit=1)
    filed.parts.undoing.undo(undo, progress=lambda *_: None)  # a redo
    assert filed.heard(snare).label == "rim"


def test_a_later_word_counts_and_taking_back_the_earlier_changes_nothing(filed: Desk) -> None:
    snare = filed.one("SN_tight.wav")
    filed.parts.correcting.run([snare], "rim")
    filed.parts.correcting.run([snare], "clap")
    first = filed.parts.journal.last(2)[1]
    filed.parts.undoing.undo([first], progress=lambda *_: None)
    assert filed.heard(snare).label == "clap"


def test_a_category_leaves_its_labels_as_likely_as_they_were(filed: Desk) -> None:
    snare = filed.one("SN_tight.wav")
    filed.parts.correcting.run([snare], "percussion")
    now = filed.heard(snare)
    assert now.category == "percussion"
    assert now.confidence == pytest.approx(1.0)
    assert sum(now.probabilities.values()) == pytest.approx(1.0)
    filed.parts.correcting.run([snare], "loop")
    assert (filed.heard(snare).kind, filed.heard(snare).label) == ("loop", None)


def test_what_is_said_already_or_cannot_be_heard_is_left_with_its_reason(filed: Desk, tmp_path: Path) -> None:
    snare, broken = filed.one("SN_tight.wav"), tmp_path / "broken.wav"
    broken.write_text("no sound")
    filed.parts.correcting.run([snare], "rim")
    plan = filed.parts.correcting.plan([snare, broken, filed.one("clp 01.wav")], "rim")
    kinds = [type(operation) for operation in plan.operations]
    assert kinds == [Skip, Skip, Teach]
    assert filed.parts.correcting.run([snare], "rim").batch is None


def test_a_sound_that_was_never_filed_can_be_spoken_of(filed: Desk, make_pack: Make, tmp_path: Path) -> None:
    pack = make_pack(tmp_path / "Elsewhere", {"Perc/TomLo.wav": "x.wav"})
    filed.parts.correcting.run([pack / "x.wav"], "kick")
    assert filed.heard(filed.one("TomLo.wav")).label == "kick"  # the same sound, filed before


def test_a_word_that_is_none_is_refused_with_what_was_meant() -> None:
    assert sayable("rim") == "rim"
    with pytest.raises(UsageProblem, match="there is no label 'kik'") as refused:
        sayable("kik")
    assert refused.value.hint.startswith("Did you mean 'kick'?")


def test_adding_up_again_what_was_heard_gives_the_same(filed: Desk) -> None:
    entries = list(filed.parts.index.below(filed.library))
    again = filed.parts.ear.again([(entry.origin, entry.sample) for entry in entries])
    assert [sample.recognition.label for sample in again] == [
        entry.sample.recognition.label for entry in entries
    ]
    for sample, entry in zip(again, entries, strict=True):
        assert sample.recognition.confidence == pytest.approx(entry.sample.recognition.confidence, abs=1e-3)


def test_taking_back_a_word_that_was_replaced_since_is_refused(filed: Desk) -> None:
    snare = filed.one("SN_tight.wav")
    filed.parts.correcting.run([snare], "rim")
    filed.parts.correcting.run([snare], "clap")
    second, first = filed.parts.journal.last(2)
    previews = filed.parts.undoing.preview([first, second])
    assert [type(op) for plan in previews for op in plan.operations] == [Teach, Teach]  # the newest first
    (plan,) = filed.parts.undoing.preview([first])
    (refused,) = plan.operations
    assert isinstance(refused, Skip)
    assert refused.reason == "you have said something else of it since"
    filed.parts.undoing.undo([second, first], progress=lambda *_: None)
    assert filed.parts.journal.taught() == {}


def test_correcting_and_undoing_gives_back_exactly_what_was_heard(filed: Desk) -> None:
    for entry in list(filed.parts.index.below(filed.library)):
        was = filed.heard(entry.path)
        filed.parts.correcting.run([entry.path], "rim" if was.label != "rim" else "clap")
        filed.parts.correcting.run([entry.path], "loop")
        for batch in filed.parts.journal.last(2):
            filed.parts.undoing.undo([batch], progress=lambda *_: None)
        assert filed.heard(entry.path) == was


def test_pruning_the_journal_forgets_no_word(filed: Desk) -> None:
    snare = filed.one("SN_tight.wav")
    filed.parts.correcting.run([snare], "rim")
    filed.parts.correcting.run([snare], "clap")
    old = filed.parts.journal.forgettable(before=time.time() + 10)
    filed.parts.journal.forget([batch.id for batch in old])
    assert [word.label for word in filed.parts.journal.taught().values()] == ["clap"]


def test_where_it_was_cut_off_saying_it_again_mends_the_index(
    filed: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    snare = filed.one("SN_tight.wav")

    def die(_sounds: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(filed.parts.correcting, "renew", die)
    with pytest.raises(KeyboardInterrupt):
        filed.parts.correcting.run([snare], "rim")
    filed.open_again()
    assert filed.heard(snare).label != "rim"
    filed.parts.correcting.run([snare], "rim")
    assert filed.heard(snare).label == "rim"


def test_a_word_is_taken_back_while_the_disk_of_its_file_is_out(filed: Desk) -> None:
    filed.parts.correcting.run([filed.one("SN_tight.wav")], "rim")
    filed.library.rename(filed.library.with_name("Away"))
    (outcome,) = filed.parts.undoing.undo(filed.parts.journal.last(1), progress=lambda *_: None)
    assert (outcome.count("failed"), filed.parts.journal.taught()) == (0, {})


def test_nobody_waits_while_it_listens(
    filed: Desk, make_pack: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack = make_pack(tmp_path / "Else", {"Perc/TomLo.wav": "x.wav"})
    holders = []
    inspect = Recognizer.inspect

    def spying(ear: Recognizer, requests: Sequence[Request], *, stop: Stop) -> Iterator[Inspection]:
        holders.append(execution_holder(filed.home.state))
        return inspect(ear, requests, stop=stop)

    monkeypatch.setattr(Recognizer, "inspect", spying)
    filed.parts.correcting.run([pack / "x.wav"], "kick")
    assert holders == [None]
