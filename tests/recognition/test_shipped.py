"""The shipped ear, names and metadata together, on sounds that none of them was made with."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import pytest

from organizer.demo.sounds import DEMO_TRUTH
from organizer.recognition.classifier import Classifier
from organizer.recognition.recognize import Recognizer, Request
from organizer.resources import shipped_model
from organizer.sample import Kind, Origin

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from organizer.sample import Recognition


@pytest.fixture(scope="module")
def ear() -> Classifier:
    return Classifier.load(shipped_model())


def heard_in(folder: Path, ear: Classifier, *, named: bool) -> dict[str, Recognition]:
    requests = []
    for number, name in enumerate(DEMO_TRUTH):
        shown = PurePosixPath(name if named else f"{number}.wav")
        origin = Origin(inbox="in", pack="Pack", subpath=shown.parent, name=shown.name)
        requests.append(Request(path=folder / name, origin=origin))
    samples = {}
    for name, result in zip(DEMO_TRUTH, Recognizer(ear).hear(requests), strict=True):
        assert result.sample is not None
        samples[name] = result.sample.recognition
    return samples


def test_an_honest_pack_is_recognised(
    tmp_path: Path, ear: Classifier, make_pack: Callable[..., Path]
) -> None:
    heard = heard_in(make_pack(tmp_path / "pack"), ear, named=True)
    right = [name for name, label in DEMO_TRUTH.items() if heard[name].label == label]
    assert len(right) >= 14, sorted(set(DEMO_TRUTH) - set(right))
    loops = {name for name, recognition in heard.items() if recognition.kind is Kind.LOOP}
    assert loops == {name for name, label in DEMO_TRUTH.items() if label is None}


def test_names_add_to_the_ear_and_never_replace_it(
    tmp_path: Path, ear: Classifier, make_pack: Callable[..., Path]
) -> None:
    folder = make_pack(tmp_path / "pack")
    alone, together = heard_in(folder, ear, named=False), heard_in(folder, ear, named=True)
    for name in DEMO_TRUTH:
        assert alone[name].evidence_of("audio") == together[name].evidence_of("audio")
    assert alone["Kicks/VEH1 Bassdrum 001.wav"].category == "kick"
