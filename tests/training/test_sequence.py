"""Made loops repeat in time; flams, rolls and echoes keep their one sound."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from organizer.labels import CONTENTS, LABELS
from organizer.training.dataset import Row, Sounds
from organizer.training.sequence import Sequencer
from tests.training.made import sounds_of

RATE, LENGTH = 8_000, 12_000


@pytest.fixture(scope="module")
def sequencer() -> Sequencer:
    click = (np.exp(-np.arange(200) / 40.0) * 32_000).astype(np.int16)
    rows = tuple(
        Row(path=Path(label), file=label, label=label, source="s", kit="k") for label in (*LABELS, "loop")
    )
    return Sequencer(Sounds(rows, (click,) * len(rows)), samplerate=RATE, length=LENGTH)


def beginnings(wave: np.ndarray[tuple[int], np.dtype[np.float32]]) -> int:
    """Count rises through a fifth of the peak that stand 20 ms apart."""
    loud = np.flatnonzero(np.abs(wave) > 0.2 * np.abs(wave).max())
    return 1 + int(np.count_nonzero(np.diff(loud) > 0.02 * RATE))


@pytest.mark.parametrize("seed", range(20))
def test_a_loop_begins_at_once_has_the_length_and_repeats(sequencer: Sequencer, seed: int) -> None:
    loop, content = sequencer.loop(np.random.default_rng(seed))
    assert loop.shape == (LENGTH,)
    assert loop.dtype == np.float32
    assert np.isfinite(loop).all()
    assert np.abs(loop[:80]).max() > 0.0
    assert beginnings(loop) >= 2
    assert content.shape == (len(CONTENTS),)
    assert content.min() >= 0.0
    assert content.sum() == pytest.approx(1.0, abs=1e-5)


def test_loops_differ_by_seed_and_repeat_with_it(sequencer: Sequencer) -> None:
    first, content = sequencer.loop(np.random.default_rng(1))
    again, content_again = sequencer.loop(np.random.default_rng(1))
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(content, content_again)
    assert not np.array_equal(first, sequencer.loop(np.random.default_rng(2))[0])


def contents_of(*labels: str) -> list[dict[str, float]]:
    """Make loops of one-shots of these labels; give the contents of those that sound, with their shares."""
    sounds = sounds_of(*labels)
    made = Sequencer(sounds, samplerate=RATE, length=LENGTH)
    loops = [made.loop(np.random.default_rng(seed)) for seed in range(120)]
    contents = [content for wave, content in loops if wave.any()]
    assert len(contents) > 40
    for content in contents:
        assert content.sum() == pytest.approx(1.0, abs=1e-5)
    return [
        {CONTENTS[place]: float(content[place]) for place in np.flatnonzero(content)} for content in contents
    ]


@pytest.mark.parametrize(
    ("label", "content"), [("bass", "bass"), ("synth", "melodic"), ("vocal", "vocal"), ("fx", "fx")]
)
def test_a_loop_of_notes_alone_is_what_its_notes_are(label: str, content: str) -> None:
    assert {word for said in contents_of(label) for word in said} == {content}


def test_a_loop_without_notes_is_drums_or_percussion() -> None:
    drums = [label for label in LABELS if label not in ("bass", "synth", "vocal", "fx")]
    said = contents_of(*drums)
    assert all(len(one) == 1 for one in said)
    assert {word for one in said for word in one} == {"drums", "percussion"}


def test_notes_over_drums_are_both_in_shares_of_what_is_heard() -> None:
    said = contents_of(*LABELS)
    both = [one for one in said if len(one) == 2]
    assert both
    for one in both:
        assert len({"drums", "percussion"} & one.keys()) == 1
        assert min(one.values()) > 0.0
    assert any(max(one.values()) < 0.9 for one in both)
    assert {word for one in said for word in one} >= {*CONTENTS} - {"percussion"}  # which is rare


@pytest.mark.parametrize("seed", range(12))
def test_a_repeated_hit_stays_in_the_length(sequencer: Sequencer, seed: int) -> None:
    wave = np.exp(-np.arange(300) / 60.0).astype(np.float32)
    repeated = sequencer.repeated(np.random.default_rng(seed), wave)
    assert repeated.shape == (LENGTH,)
    assert np.count_nonzero(repeated) > wave.size


def test_one_label_is_enough_to_make_loops_of() -> None:
    rows = (Row(path=Path("a"), file="a", label="cowbell"),)
    alone = Sequencer(Sounds(rows, (np.full(100, 30_000, np.int16),)), samplerate=RATE, length=LENGTH)
    for seed in range(10):
        assert all(np.isfinite(made).all() for made in alone.loop(np.random.default_rng(seed)))
