from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

import numpy as np
import soundfile

from organizer.cli.assembly import Assembly
from organizer.cli.interrupts import Interrupts
from tests.asked import YesFrom

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

    from tests.cli.conftest import Ran

    Run = Callable[..., Ran]
    Make = Callable[..., Path]


def test_a_correction_is_told_by_log_status_and_why_and_undone(
    run: Run, ready: Path, make_pack: Make
) -> None:
    run("sort", make_pack(ready / "Inbox" / "Kit"), "--yes")
    (snare,) = (ready / "Library").rglob("SN_tight.wav")
    (kick,) = (ready / "Library").rglob("VEH1 Bassdrum 001.wav")
    assert run("correct", snare, "--as", "rim").code == 2
    assert f"learn that {snare} is rim" in run("correct", snare, "--as", "rim", "--dry-run").out
    assert (
        run("correct", snare, "--as", "rim", "--no-move").out == "1 sound learnt as rim (organizer undo 2)\n"
    )
    assert "taught   1 sound: your word counts" in run("status").out
    assert f"learn that {snare} is rim" in run("log", "2").out
    why = json.loads(run("why", snare, "--json").out)
    assert why["sample"]["evidence"]["user"]["reasons"] == ["you said that it is rim"]
    assert "you said that it is rim" in run("why", snare).out
    again = json.loads(run("correct", snare, kick, "--same-as", snare, "--no-move", "--json").out)
    assert (again["label"], again["learnt"], len(again["left"])) == ("rim", 1, 1)
    assert run("undo", "2", "--yes").code == 0
    assert json.loads(run("status", "--json").out)["taught"] == 1
    assert run("correct", snare, "--as", "kik", "--no-move").code == 2
    assert run("correct", snare, "--no-move").code == 2


def test_what_a_correction_would_change_is_shown_by_reclassify(
    run: Run, ready: Path, make_pack: Make
) -> None:
    run("sort", make_pack(ready / "Inbox" / "Kit"), "--yes")
    (snare,) = (ready / "Library").rglob("SN_tight.wav")
    run("correct", snare, "--as", "kick", "--no-move")
    told = run("reclassify", "--dry-run")
    assert told.code == 0
    first, second, last = told.out.splitlines()
    assert first.startswith("kick, by the rule ")
    assert f"{snare.relative_to(ready / 'Library')}: 100% -> 100%, to Drums/Kicks/" in second
    assert last.endswith("looked at, 1 would change")
    header, row = run("reclassify", "--dry-run", "--csv").out.splitlines()
    assert header == "path,to,rule,was,was_confidence,is,is_confidence"
    assert row.startswith(f"{snare},")
    assert run("reclassify", "--dry-run", "--csv", "--json").code == 2


def test_what_was_moved_together_waits_for_a_word(run: Run, ready: Path, make_pack: Make) -> None:
    run("sort", make_pack(ready / "Inbox" / "Kit"), "--yes")
    (snare,) = (ready / "Library").rglob("SN_tight.wav")
    kicks = ready / "Library/Drums/Kicks/Other"
    snare.parent.rename(kicks)
    with Assembly() as parts:
        moved = parts.observing.glance(sorted(kicks.iterdir()))
        assert moved
        parts.observing.learn(moved, stop=lambda: False)
    assert f"moved    {len(moved)} sounds together" in run("status").out
    assert f"learn that {kicks / 'SN_tight.wav'} is kick" in run("correct", "--confirm", "--dry-run").out
    told = run("correct", "--confirm").out
    assert told == f"{len(moved)} sounds learnt, of {len(moved)} that were moved together\n"
    assert run("correct", "--confirm", "--json").out == '{\n  "learnt": 0,\n  "moved": 0\n}\n'
    assert run("correct", "--confirm", "--as", "kick").code == 2
    assert run("correct").code == 2


def test_what_cannot_be_heard_and_what_means_nothing_are_refused(
    run: Run, ready: Path, make_pack: Make
) -> None:
    run("sort", make_pack(ready / "Inbox" / "Kit"), "--yes")
    (snare,) = (ready / "Library").rglob("SN_tight.wav")
    broken = ready / "broken.wav"
    broken.write_text("no sound")
    ran = run("correct", broken, "--as", "kick", "--no-move")
    assert (ran.code, str(broken) in ran.err) == (1, True)
    noise = np.random.default_rng(0).standard_normal(44_100 * 31).astype(np.float32) * 0.1
    soundfile.write(ready / "long.wav", noise, 44_100)
    assert run("correct", snare, "--same-as", ready / "long.wav", "--no-move").code == 2


def test_an_interrupted_correction_says_so(
    run: Run, ready: Path, make_pack: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("sort", make_pack(ready / "Inbox" / "Kit"), "--yes")
    files = sorted((ready / "Library").rglob("*.wav"))
    stop = YesFrom(4)

    def interrupted(self: Interrupts) -> bool:
        if stop():
            self._number = signal.SIGINT
        return bool(self._number)

    monkeypatch.setattr(Interrupts, "__call__", interrupted)
    assert run("correct", *files, "--as", "kick", "--no-move").code == 128 + signal.SIGINT
