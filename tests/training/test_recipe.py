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
from organizer.labels import LABELS
from organizer.recognition.classifier import Classifier
from organizer.training.dataset import read_manifest
from organizer.training.recipe import Settings, make, split

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

pytestmark = pytest.mark.training


STAGES = ["sounds as producers make them", "teacher 1 of 2", "teacher 2 of 2", "ear", "measuring"]


class Patient:
    """Watches a run to its end."""

    def __init__(self) -> None:
        self.stages: list[str] = []
        self.made: list[tuple[int, int]] = []
        self.passes: list[tuple[str, int, int]] = []

    def loading(self, done: int, total: int) -> None:
        assert done <= total

    def stage(self, name: str) -> None:
        self.stages.append(name)

    def making(self, done: int, total: int) -> None:
        self.made.append((done, total))

    def resumed(self, passes: int) -> None:
        raise AssertionError(passes)

    def step(self, number: int, of: int, loss: float) -> None:
        assert number <= of
        assert loss > 0.0

    def passed(
        self, number: int, of: int, loss: float, seconds: float, figures: Mapping[str, object] | None
    ) -> None:
        assert min(loss, seconds) > 0.0
        # Only the ear is measured; so short a run only at its end.
        assert (figures is not None) is (self.stages[-1] == "ear" and number == of)
        self.passes.append((self.stages[-1], number, of))


class Impatient(Patient):
    """Interrupts a run after the ear's first pass."""

    def passed(
        self, number: int, of: int, loss: float, seconds: float, figures: Mapping[str, object] | None
    ) -> None:
        super().passed(number, of, loss, seconds, figures)
        if self.stages[-1] == "ear":
            raise KeyboardInterrupt


def test_a_manifest_becomes_a_model_with_a_card(toy_collection: Path) -> None:
    out = toy_collection.parent / "ears" / "toy.onnx"
    # One file that is no sound: named, and nothing else.
    (toy_collection.parent / "audio" / "00.wav").write_bytes(b"nothing")
    # A run that is interrupted after the ear's first pass, and taken up by the command.
    watcher = Impatient()
    with pytest.raises(KeyboardInterrupt):
        make(
            read_manifest(toy_collection, toy_collection.parent / "audio"),
            Settings(out=out, passes=2, teachers=2, teacher_passes=1, bank_passes=2, batch=8, threads=1),
            watcher,
        )
    assert watcher.stages == STAGES[:-1]
    assert watcher.made == [(done, 7) for done in range(1, 8)]  # of 8 sounds each; there are 31
    assert watcher.passes == [("teacher 1 of 2", 1, 1), ("teacher 2 of 2", 1, 1), ("ear", 1, 2)]
    assert [path.name for path in out.parent.iterdir()] == ["toy.work"]
    others = toy_collection.with_name("two-kits.csv")
    others.write_text(
        "file,label\n"
        + "".join(f"audio/{n}.wav,{'loop' if n % 4 == 3 else 'kick'}\n" for n in range(32, 48)),
        encoding="utf-8",
    )
    ran = CliRunner().invoke(
        train,
        [str(toy_collection), "--root", str(toy_collection.parent / "audio"), "--out", str(out),
         "--passes", "2", "--teachers", "2", "--teacher-passes", "1", "--bank-passes", "2", "--batch", "8",
         "--threads", "1", "--also", str(others), "--resume"],
        catch_exceptions=False,
    )  # fmt: skip
    assert ran.exit_code == 0, ran.output
    said = ran.output.splitlines()
    assert [line for line in said if line.endswith(" ...")] == [f"{stage} ..." for stage in STAGES]
    assert "taken up after pass 1" in said
    assert not any(line.startswith("pass 1 of") for line in said)  # nor do teachers learn again
    assert "pass 2 of 2" in ran.output
    assert "00.wav" in ran.stderr
    assert "drum_category_accuracy" in ran.output
    assert "95 % interval" in ran.output
    ear = Classifier.load(out)
    assert ear.metadata["sounds"] == "31"
    card = out.with_suffix(".md").read_text()
    assert sorted(path.name for path in out.parent.iterdir()) == [
        "toy-calibration.svg", "toy-confusion.svg", "toy-suspects.csv", "toy.md", "toy.onnx",
    ]  # fmt: skip
    with (out.parent / "toy-suspects.csv").open(newline="", encoding="utf-8") as stream:
        listed = list(csv.DictReader(stream))
    assert all(row["label"] in LABELS and row["action"] in {"drop", "soften"} for row in listed)
    assert f"]({out.stem}-suspects.csv)" in card
    for words in (
        "31 to learn from", "16 of other", "CC0",
        "--seed 1 --passes 2 --teachers 2 --teacher-passes 1 --bank-passes 2 --batch 8",
        "2 networks of the same shape", "Doubtful labels", "cut to 1.2 s", "| steady sine | 16 |",
        "| mean MFCCs |", "What it cannot do", "| two-kits | 12 | 4 |",
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


def test_without_teachers_the_labels_alone_teach_and_what_is_left_of_another_run_is_thrown_away(
    toy_collection: Path,
) -> None:
    out = toy_collection.parent / "ears" / "toy.onnx"
    settings = Settings(out=out, passes=1, teachers=0, bank_passes=1, batch=8, threads=1)
    settings.work.mkdir(parents=True)
    (settings.work / "ear.state").write_bytes(b"of another run")

    class Tidy(Patient):
        def stage(self, name: str) -> None:
            super().stage(name)
            assert not (settings.work / "ear.state").exists() or name == "measuring"

    watcher = Tidy()
    made = make(read_manifest(toy_collection, toy_collection.parent / "audio"), settings, watcher)
    assert watcher.stages == [STAGES[0], "ear", "measuring"]
    assert watcher.passes == [("ear", 1, 1)]
    assert (made.out, made.card, made.unread) == (out, out.with_suffix(".md"), ())
    assert sorted(path.suffix for path in out.parent.iterdir()) == [".md", ".onnx", ".svg", ".svg"]
    assert Classifier.load(out).metadata["sounds"] == "32"
    assert "Doubtful" not in made.card.read_text()


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
