"""The card says what the figures say, shows its pictures, and leaves out what nobody measured."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra 'train'")
pytest.importorskip("onnx", reason="needs the extra 'train'")
pytest.importorskip("matplotlib", reason="needs the extra 'train'")

from xml.etree import ElementTree

from organizer.labels import LABELS
from organizer.training.audit import Action, Suspect
from organizer.training.card import Card
from organizer.training.dataset import Row
from organizer.training.examine import Examination
from organizer.training.metrics import Answers, kind_counts, kind_figures, report

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.training


def answers(count: int = 120) -> Answers:
    """Make answers to one-shots of kicks and toms, and to loops, of six kits."""
    rng = np.random.default_rng(4)
    place = np.arange(count)
    truth = np.where(place % 2 == 0, LABELS.index("kick"), LABELS.index("tom"))
    probabilities = rng.dirichlet(np.full(len(LABELS), 0.1), count)
    probabilities[place, truth] += 0.5
    is_loop = place % 10 == 9
    return Answers(
        truth=np.where(is_loop, -1, truth),
        probabilities=probabilities / probabilities.sum(axis=1, keepdims=True),
        is_loop=is_loop,
        heard_loop=is_loop ^ (place % 20 == 19),
        seconds=np.full(count, 0.5),
        kits=np.array([f"kit {one % 6}" for one in place]),
    )


def card(folder: Path, **changes: Any) -> Card:
    model = folder / "ear.onnx"
    model.write_bytes(b"model")
    figures = report(answers())
    given: dict[str, Any] = {
        "model": model,
        "learnt": [Row(path=folder / "a.wav", file="a.wav", label="kick", split="train")],
        "valid": [Row(path=folder / "b.wav", file="b.wav", label="kick", split="valid")],
        "examined": Examination(
            figures=figures, unfitted=figures, cropped=figures, agreeing=1.0, strangers={}, likeness={}
        ),
        "temperatures": [1.0, 1.0],
        "options": "--seed 3 --passes 2",
        "teachers": 0,
        "suspects": (),
        "threads": 2,
        "seconds": 120.0,
        "tried": "",
    }
    return Card(**{**given, **changes})


def test_the_card_shows_pictures_that_lie_beside_it(tmp_path: Path) -> None:
    written = tmp_path / "ear.md"
    card(tmp_path).write(written)
    shown = re.findall(r"^!\[(.+)\]\((.+)\)$", written.read_text(), re.MULTILINE)
    assert [name for _, name in shown] == ["ear-confusion.svg", "ear-calibration.svg"]
    for alternative, name in shown:
        assert len(alternative) > 20
        ElementTree.parse(tmp_path / name)
    before = {path.name: path.read_bytes() for path in tmp_path.glob("ear*")}
    assert len(before) == 4  # the model, the card, two pictures
    card(tmp_path).write(written)
    assert {path.name: path.read_bytes() for path in tmp_path.glob("ear*")} == before


def test_each_recall_has_its_interval_beside_it(tmp_path: Path) -> None:
    made = card(tmp_path)
    table: Any = made.figures["per_label"]
    kick = table["kick"]
    low, high = kick["interval"]
    assert (
        f"| kick | kick | 1 | {kick['n']} | {kick['recall']:.2f} | {low:.2f} to {high:.2f} "
        f"| {kick['precision']:.2f} |"
    ) in made.text()
    assert "| cowbell | percussion | 0 | 0 | none |  |" in made.text()


def test_calibration_is_counted_in_labelled_sounds(tmp_path: Path) -> None:
    assert "(15 bins of equal mass,\nn = 108); on all of" in card(tmp_path).text()


def test_the_kind_on_other_sets_stands_in_a_table(tmp_path: Path) -> None:
    asked = answers(40)
    text = card(
        tmp_path,
        elsewhere={
            "Set | one": {**kind_figures(asked), "counts": kind_counts(asked)},
            "loops alone": {
                "kind_balanced_accuracy": None,
                "kind_recall": {"oneshot": None, "loop": 0.875},
                "counts": {"kind_oneshot": 0, "kind_loop": 8},
            },
        },
    ).text()
    assert "## One-shot or loop, elsewhere" in text
    # Two of four loops were taken for one-shots, and no one-shot for a loop.
    assert "| Set / one | 36 | 4 | 1.000 | 0.500 | 0.750 |" in text
    assert "| loops alone | 0 | 8 | none | 0.875 | none |" in text


def test_without_other_sets_there_is_no_section_of_them(tmp_path: Path) -> None:
    assert "elsewhere" not in card(tmp_path).text()


def suspect(label: str, heard: str, action: Action, row: int) -> Suspect:
    return Suspect(
        row=row, sound=f"{row:020x}", label=label, heard=heard, believed=0.01, confidence=0.95, action=action
    )  # fmt: skip


def test_doubtful_labels_are_counted_and_the_commonest_named(tmp_path: Path) -> None:
    doubtful = [
        suspect("kick", "tom", Action.DROP, 0),
        suspect("kick", "tom", Action.DROP, 1),
        suspect("snare", "clap", Action.SOFTEN, 2),
    ]
    text = card(tmp_path, teachers=4, suspects=doubtful).text()
    plain = " ".join(text.split())
    assert "less than 2% and another more than 90%, the sound was left out (2 sounds)" in plain
    assert "less than 10% and more than 60%, the label counts for 40% of what it would (1 sounds)" in plain
    assert "[a list](ear-suspects.csv)" in text
    rows = ["| kick | tom | 2 |", "| snare | clap | 1 |"]
    assert "\n".join(rows) in text
    assert "4 networks of the same shape learnt first" in text


def test_without_teachers_nothing_is_told_of_them(tmp_path: Path) -> None:
    text = card(tmp_path).text()
    assert "Doubtful" not in text
    assert "suspects.csv" not in text
    assert "networks of the same shape" not in text


def test_the_command_that_made_it_is_told(tmp_path: Path) -> None:
    text = card(tmp_path).text()
    assert "organizer train manifest.csv --root audio --out ear.onnx \\\n      --seed 3 --passes 2\n" in text
    assert "It took 2 minutes on 2 cores" in text
