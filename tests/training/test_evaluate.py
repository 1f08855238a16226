"""What is measured is what the product hears, by the shipped model, bad files and all."""

from __future__ import annotations

import csv
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import pytest

from organizer.demo import sounds
from organizer.errors import UsageProblem
from organizer.recognition.classifier import Classifier
from organizer.recognition.recognize import Recognizer
from organizer.resources import shipped_model
from organizer.training.dataset import Row, read_manifest
from organizer.training.evaluate import evaluate, group_of, origin_of

if TYPE_CHECKING:
    from collections.abc import Callable


def row(file: str, orig_path: str = "", kit: str = "") -> Row:
    return Row(path=Path("/root") / file, file=file, label="kick", orig_path=orig_path, kit=kit, source="s")


def test_names_come_from_the_original_path_where_there_is_one() -> None:
    origin = origin_of(row("00001.flac", "Pack One/Kicks/Hard/BD 1.wav"))
    assert (origin.pack, origin.subpath, origin.name) == ("Pack One", PurePosixPath("Kicks/Hard"), "BD 1.wav")
    assert origin_of(row("set/kick.flac")).pack == "set"
    loose = origin_of(row("kick.flac"))
    assert (loose.pack, loose.name) == (None, "kick.flac")
    assert origin_of(row("1.flac", "/../a/b.wav")).pack == "a"


def test_a_file_without_a_kit_stands_alone() -> None:
    assert group_of(row("a.wav")) != group_of(row("b.wav"))
    assert group_of(row("a.wav", kit="k")) == group_of(row("b.wav", kit="k"))


def test_a_manifest_is_heard_through_the_recognizer(tmp_path: Path, write_sound: Callable[..., Path]) -> None:
    manifest = tmp_path / "manifest.csv"
    with manifest.open("w", newline="") as stream:
        table = csv.writer(stream)
        table.writerows([["file", "label"], ["k.wav", "kick"], ["h.wav", "hat_closed"], ["l.wav", "loop"]])
        table.writerows([["bad.wav", "kick"], ["none.wav", "kick"], ["k.wav", "kick"]])
    write_sound(tmp_path / "k.wav")
    write_sound(tmp_path / "h.wav", sounds.hat())
    write_sound(tmp_path / "l.wav", sounds.loop(bars=2))
    (tmp_path / "bad.wav").write_bytes(b"RIFF and nothing")
    recognizer = Recognizer(Classifier.load(shipped_model()), audio_only=True)
    seen: list[int] = []
    done = evaluate(read_manifest(manifest, tmp_path), recognizer, advance=lambda n, _: seen.append(n))
    figures: dict[str, Any] = done.figures
    assert seen == [1, 2, 3, 4, 5, 6]
    assert figures["n"] == 4
    assert figures["errors"] == 2
    assert [problem.split(":")[0] for problem in done.problems] == ["bad.wav", "none.wav"]
    assert figures["counts"]["label"] == 3
    assert figures["per_label"]["kick"]["n"] == 2
    assert figures["drum_category_accuracy"] == 1.0
    assert figures["kind_recall"]["loop"] == 1.0


def test_a_file_that_is_no_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageProblem):
        read_manifest(tmp_path / "none.csv", tmp_path)
