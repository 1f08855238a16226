"""A stop in the middle of a long file, wherever it is at: nothing is half done, and the next run goes on."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import numpy as np
import pytest

from organizer.batch.arrivals import arrivals_below
from organizer.demo import sounds
from organizer.execution import archives, looking
from organizer.execution.syscalls import is_temp
from organizer.recognition import coded, identity, opening
from tests.asked import YesFrom

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from organizer.batch.filing import Report
    from tests.desk import Desk

    Write = Callable[..., Path]
    TreeOf = Callable[[Path], Mapping[str, tuple[str, int, int]]]

BLOCK = 1 << 12
RULES = """
version = 1
[[rule]]
name = "Archives"
when = { type = "archive" }
then = [{ unpack = true }, { move = "_Archives/{name}" }]
[[rule]]
name = "Others"
when = { type = "other" }
then = [{ move = "Others/{name}" }]
[[rule]]
name = "Sounds"
then = [{ move = "Sounds/{name}" }, { tag = { genre = "x" } }, { copy = "Copies/{name}" }]
"""


@pytest.fixture(autouse=True)
def small_blocks(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name in (
        (looking, "BLOCK"), (archives, "_BLOCK"), (identity, "_READ_BYTES"), (coded, "_PIECE"),
        (opening, "BLOCK_SAMPLES"),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, BLOCK)
    (desk.home.rules / "default.toml").write_text(RULES)


def file(desk: Desk, stop: Callable[[], bool]) -> Report:
    (arrival,) = arrivals_below(desk.parts.config.inbox[0])
    return desk.parts.filing.file(arrival, stop=stop)


def nothing_is_half_done(desk: Desk) -> bool:
    ours = [
        path
        for root in (desk.inbox, desk.library)
        for path in root.rglob("*")
        if is_temp(path.name) or archives.is_unpacked(path)
    ]
    journal = desk.parts.journal
    states = {one.state for batch in journal.batches() for one in journal.operations(batch.id)}
    return not ours and "open" not in states


def dropped(desk: Desk, write_sound: Write, kind: str) -> int:
    """Drop one long file; give its size."""
    sound = write_sound(desk.home.state / "made" / "Song.wav", np.tile(sounds.snare(), 12))
    target = desk.inbox / {"sound": "Song.wav", "other": "Film.bin", "archive": "Kit.zip"}[kind]
    if kind == "archive":
        with zipfile.ZipFile(target, "x", zipfile.ZIP_DEFLATED) as archive:
            archive.write(sound, "Kit/Song.wav")
    else:
        target.write_bytes(sound.read_bytes())
    return sound.stat().st_size


FILED = {
    "sound": ["Copies/Song.wav", "Sounds/Song.wav"],
    "other": ["Others/Film.bin"],
    "archive": ["Copies/Song.wav", "Sounds/Song.wav", "_Archives/Kit.zip"],
}


@pytest.mark.parametrize("kind", FILED)
def test_one_long_file_is_given_up_at_any_question_and_filed_by_the_next_run(
    desk: Desk, write_sound: Write, tree_of: TreeOf, kind: str
) -> None:
    size = dropped(desk, write_sound, kind)
    before = tree_of(desk.inbox)
    never = YesFrom()
    assert not file(desk, never).interrupted
    # So many signs of life one file gives; else systemd would take the service for dead.
    assert never.count > size // BLOCK
    filed = desk.filed()
    assert [one for one in filed if not one.startswith(".")] == FILED[kind]
    desk.undo()
    desk.parts.journal.release([path for path in desk.inbox.rglob("*") if path.is_file()])
    assert tree_of(desk.inbox) == before
    for at in range(1, never.count, never.count // 8):
        assert file(desk, YesFrom(at)).interrupted, at
        assert nothing_is_half_done(desk), at
        desk.open_again()
        desk.parts.filing.recover()
        if list(desk.inbox.iterdir()):
            desk.file()
        assert desk.filed() == filed, at
        desk.undo()
        desk.parts.journal.release([path for path in desk.inbox.rglob("*") if path.is_file()])
        assert tree_of(desk.inbox) == before, at


def test_an_undo_is_given_up_at_any_question_and_done_by_the_next_start(
    desk: Desk, write_sound: Write, tree_of: TreeOf
) -> None:
    dropped(desk, write_sound, "sound")
    before = tree_of(desk.inbox)
    desk.file()
    for at in range(1, 400, 50):
        chosen = desk.parts.journal.last(1)
        outcomes = desk.parts.undoing.undo(chosen, stop=YesFrom(at), progress=lambda *_: None)
        assert not outcomes or outcomes[0].stopped, at
        assert nothing_is_half_done(desk), at
        desk.open_again()
        desk.parts.filing.recover()
        if not outcomes:
            desk.undo()
        assert tree_of(desk.inbox) == before, at
        assert desk.filed() == [], at
        desk.file(forced=True)


def test_a_recovery_is_given_up_and_the_next_one_goes_on(desk: Desk, write_sound: Write) -> None:
    dropped(desk, write_sound, "sound")
    # Heard, planned, begun, and then given up.
    assert file(desk, lambda: bool(desk.parts.journal.unfinished())).interrupted
    told = desk.parts.filing.recover(stop=YesFrom(20))
    assert told == ("Stopped; interrupted batches left to the next start: 1",)
    assert nothing_is_half_done(desk)
    assert desk.parts.journal.unfinished()
    desk.parts.filing.recover()
    assert desk.parts.journal.unfinished() == []
    assert desk.filed() == FILED["sound"]
