from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from organizer.planning.operations import Teach
from organizer.planning.teaching import in_force

RIM = Teach(
    path=Path("/a.wav"), sound_id="s", label="rim", was=None, heard="snare", embedding=b"", model_id="m"
)
CLAP = replace(RIM, label="clap", was="rim")
TAKEN_BACK = replace(RIM, label=None, was="rim")


def test_the_last_word_counts() -> None:
    assert in_force([]) == {}
    assert in_force([RIM]) == {"s": RIM}
    assert in_force([RIM, CLAP]) == {"s": CLAP}
    assert in_force([RIM, TAKEN_BACK]) == {}
    assert in_force([RIM, TAKEN_BACK, RIM]) == {"s": RIM}
    other = replace(RIM, sound_id="t")
    assert in_force([RIM, other]) == {"s": RIM, "t": other}


def test_what_takes_back_a_word_that_was_replaced_changes_nothing() -> None:
    assert in_force([RIM, CLAP, TAKEN_BACK]) == {"s": CLAP}
    back = replace(CLAP, label="rim", was="clap")
    assert in_force([RIM, CLAP, back])["s"].label == "rim"
    assert in_force([RIM, CLAP, back, TAKEN_BACK]) == {}
    assert in_force([TAKEN_BACK, CLAP]) == {}
