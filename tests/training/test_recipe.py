"""The whole way, small: a manifest of made sounds in, a model with its card out, by the command itself."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

pytest.importorskip("torch", reason="needs the extra 'train'")
pytest.importorskip("onnx", reason="needs the extra 'train'")
pytest.importorskip("matplotlib", reason="needs the extra 'train'")

from organizer.cli.train import evaluate, train
from organizer.recognition.classifier import Classifier
from organizer.training.dataset import read_manifest
from organizer.training.recipe import Settings, make, split

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

pytestmark = pytest.mark.training


class Impatient:
    """Interrupts a run after its first pass."""

    def loading(self, done: int, total: int) -> None:
        assert done <= total

    def resumed(self, passes: int) -> None:
        raise AssertionError(passes)

    def step(self, number: int, of: int, loss: float) -> None:
        assert number <= of
        assert loss > 0.0

    def passed(
        self, number: int, of: int, loss: float, seconds: float, figures: Mapping[str, object] | None
    ) -> None:
        assert (number, of) == (1, 2)
        assert min(loss, seconds) > 0.0
        assert figures is None
        raise KeyboardInterrupt


def test_a_manifest_becomes_a_model_with_a_card(toy_collection: Path) -> None:
    out = toy_collection.parent / "ears" / "toy.onnx"
    # One file that is no sound: named, and nothing else.
    (toy_collection.parent / "audio" / "00.wav").write_bytes(b"nothing")
    # A run that is interrupted after its first pass, and taken up by the command.
    with pytest.raises(KeyboardInterrupt):
        make(
            read_manifest(toy_collection, toy_collection.parent / "audio"),
            Settings(out=out, passes=2, batch=8, threads=1),
            Impatient(),
        )
    ran = CliRunner().invoke(
        train,
        [str(toy_collection), "--root", str(toy_collection.parent / "audio"), "--out", str(out),
         "--passes", "2", "--batch", "8", "--threads", "1", "--resume"],
        catch_exceptions=False,
    )  # fmt: skip
    assert ran.exit_code == 0, ran.output
    assert "taken up after pass 1" in ran.output
    assert "pass 2 of 2" in ran.output
    assert "00.wav" in ran.stderr
    assert "drum_category_accuracy" in ran.output
    assert "95 % interval" in ran.output
    ear = Classifier.load(out)
    assert ear.metadata["sounds"] == "31"
    card = out.with_suffix(".md").read_text()
    assert (out.parent / "toy-confusion.svg").exists()
    assert (out.parent / "toy-calibration.svg").exists()
    for words in (
        "31 to learn from", "16 of other", "CC0", "--seed 1", "cut to 1.2 s", "| steady sine | 16 |",
        "| mean MFCCs |", "What it cannot do",
    ):  # fmt: skip
        assert words in card
    assert "What was tried" not in card
    assert str(toy_collection.parent) not in card

    measured = CliRunner().invoke(
        evaluate,
        [str(toy_collection), "--root", str(toy_collection.parent / "audio"), "--model", str(out),
         "--audio-only", "--json"],
        catch_exceptions=False,
    )  # fmt: skip
    assert measured.exit_code == 1  # the file that is no sound
    figures = json.loads(measured.stdout)
    assert figures["n"] == 47
    assert figures["errors"] == 1
    assert figures["problems"][0].startswith("00.wav: ")
    assert figures["model_id"] == ear.model_id
    assert set(figures["accuracy_at_coverage"]) == {"0.6", "0.8", "0.9", "1.0"}
    assert set(figures["kind_recall"]) == {"oneshot", "oneshot_over_1_6_s", "loop"}
    assert figures["sounds_per_second"] > 0


def test_without_a_split_whole_kits_are_held_out(tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.csv"
    with manifest.open("w", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(["file", "label", "kit"])
        table.writerows([f"{number}.wav", "kick", f"kit {number % 50}"] for number in range(500))
    learnt, valid = split(read_manifest(manifest, tmp_path))
    assert len(learnt) + len(valid) == 500
    assert 0 < len(valid) < 150
    assert not {row.kit for row in learnt} & {row.kit for row in valid}


def test_with_few_kits_single_files_are_held_out(tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.csv"
    with manifest.open("w", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(["file", "label", "kit"])
        table.writerows([f"{number}.wav", "kick", f"kit {number % 3}"] for number in range(200))
    learnt, valid = split(read_manifest(manifest, tmp_path))
    assert len(learnt) + len(valid) == 200
    assert 5 < len(valid) < 60
