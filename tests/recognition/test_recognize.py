from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from organizer.demo import sounds
from organizer.errors import Unreadable
from organizer.labels import CONTENTS, LABELS
from organizer.recognition.classifier import Classifier
from organizer.recognition.recognize import Recognizer, Request
from organizer.sample import Kind, Origin
from organizer.stopping import Stopped
from tests.asked import YesFrom

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from organizer.recognition.decode import Decoded
    from organizer.stopping import Stop

    Write = Callable[..., Path]

WINDOW, RATE, SIZE = 4_000, 8_000, 6


def tiny_model(path: Path) -> Path:
    """Make an ear that calls a sound the more a kick, and the less a hat, the louder it is."""
    kick, hat = LABELS.index("kick"), LABELS.index("hat_closed")
    to_labels = np.zeros((1, len(LABELS)), np.float32)
    to_labels[0, kick] = 40.0
    bias = np.zeros(len(LABELS), np.float32)
    bias[hat] = 6.0
    to_embedding = np.linspace(1, 2, SIZE, dtype=np.float32)[None, :]
    constants = {
        "to_labels": to_labels, "bias": bias, "to_kinds": np.array([[3.0, -3.0]], np.float32),
        "to_contents": np.eye(1, len(CONTENTS), dtype=np.float32) * 9.0,
        "to_embedding": to_embedding, "little": np.array(1e-3, np.float32),
    }  # fmt: skip
    nodes = [
        helper.make_node("Mul", ["waves", "waves"], ["squares"]),
        helper.make_node("ReduceMean", ["squares"], ["power"], axes=[1], keepdims=1),
        helper.make_node("Add", ["power", "little"], ["some_power"]),
        helper.make_node("MatMul", ["power", "to_labels"], ["scores"]),
        helper.make_node("Add", ["scores", "bias"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["labels"], axis=1),
        helper.make_node("MatMul", ["some_power", "to_kinds"], ["kind_logits"]),
        helper.make_node("Softmax", ["kind_logits"], ["kinds"], axis=1),
        helper.make_node("MatMul", ["some_power", "to_contents"], ["content_logits"]),
        helper.make_node("Softmax", ["content_logits"], ["contents"], axis=1),
        helper.make_node("MatMul", ["some_power", "to_embedding"], ["long"]),
        helper.make_node("LpNormalization", ["long"], ["embedding"], axis=1, p=2),
    ]
    outputs = {"labels": len(LABELS), "kinds": 2, "contents": len(CONTENTS), "embedding": SIZE}
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("waves", TensorProto.FLOAT, ["n", WINDOW])],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", size])
            for name, size in outputs.items()
        ],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    metadata = {
        "format": "2", "labels": ",".join(LABELS), "kinds": "oneshot,loop", "contents": ",".join(CONTENTS),
        "samplerate": str(RATE), "window": str(WINDOW), "embedding": str(SIZE),
    }  # fmt: skip
    helper.set_model_props(model, metadata)
    onnx.save(model, path)
    return path


@pytest.fixture(scope="module")
def ear(tmp_path_factory: pytest.TempPathFactory) -> Classifier:
    return Classifier.load(tiny_model(tmp_path_factory.mktemp("model") / "tiny.onnx"))


def request_for(path: Path, folder: str = "") -> Request:
    return Request(
        path=path, origin=Origin(inbox="in", pack="Pack", subpath=PurePosixPath(folder), name=path.name)
    )


def tone(*, level: float, seconds: float = 0.4) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    t = np.arange(int(seconds * 44_100)) / 44_100
    return (level * np.sin(2 * np.pi * 200 * t)).astype(np.float32)


def test_results_come_in_order_one_for_each_request(
    tmp_path: Path, write_sound: Write, ear: Classifier
) -> None:
    requests = []
    for number in range(150):
        level = 0.9 if number % 3 else 0.05
        requests.append(request_for(write_sound(tmp_path / f"{number}.wav", tone(level=level))))
    results = Recognizer(ear, threads=3).hear(requests)
    assert [one.path for one in results] == [one.path for one in requests]
    labels = [one.sample.recognition.label for one in results if one.sample]
    assert labels == ["kick" if number % 3 else "hat_closed" for number in range(150)]


def test_evidence_is_kept_apart_and_fused(tmp_path: Path, write_sound: Write, ear: Classifier) -> None:
    path = write_sound(tmp_path / "Kick 1.wav", tone(level=0.65))
    (result,) = Recognizer(ear).hear([request_for(path, "Drums")])
    assert result.sample is not None
    heard = result.sample.recognition
    assert [one.source for one in heard.evidence] == ["audio", "name", "metadata"]
    audio, name = heard.evidence_of("audio"), heard.evidence_of("name")
    assert audio is not None
    assert name is not None
    assert (heard.kind, heard.label, heard.category) == (Kind.ONESHOT, "kick", "kick")
    assert heard.confidence > audio.labels["kick"]
    assert audio.reasons[0].startswith("it sounds most like kick (")
    assert name.reasons == ("the file name says “kick”",)
    assert heard.model_id == ear.model_id
    assert result.sample.facts.duration == pytest.approx(0.4, abs=0.001)


def test_audio_only_leaves_names_and_metadata_out(
    tmp_path: Path, write_sound: Write, ear: Classifier
) -> None:
    path = write_sound(tmp_path / "Snare Loop 120bpm.wav", tone(level=0.9))
    (result,) = Recognizer(ear, audio_only=True).hear([request_for(path)])
    assert result.sample is not None
    assert [one.source for one in result.sample.recognition.evidence] == ["audio"]
    assert result.sample.recognition.label == "kick"


def test_an_embedding_is_half_precision_and_of_unit_length(
    tmp_path: Path, write_sound: Write, ear: Classifier
) -> None:
    path = write_sound(tmp_path / "a.wav")
    (kept,) = Recognizer(ear).hear([request_for(path)])
    (left,) = Recognizer(ear, keep_embedding=False).hear([request_for(path)])
    assert kept.sample is not None
    assert left.sample is not None
    vector = np.frombuffer(kept.sample.recognition.embedding, "<f2").astype(np.float32)
    assert vector.shape == (SIZE,)
    assert np.linalg.norm(vector) == pytest.approx(1.0, abs=1e-2)
    assert left.sample.recognition.embedding == b""


def test_bad_files_stand_in_their_places_and_stop_no_other(
    tmp_path: Path, write_sound: Write, ear: Classifier
) -> None:
    good = [write_sound(tmp_path / f"good{number}.wav") for number in range(3)]
    empty, text, folder, pipe = (tmp_path / f"{name}.wav" for name in ("empty", "text", "folder", "pipe"))
    empty.touch()
    text.write_text("no sound")
    folder.mkdir()
    os.mkfifo(pipe)
    paths = [empty, good[0], text, tmp_path / "gone.wav", good[1], folder, pipe, good[2]]
    results = Recognizer(ear).hear([request_for(path) for path in paths])
    assert [one.path for one in results] == paths
    assert [one.sample is not None for one in results] == [path in good for path in paths]
    assert all((one.sample is None) != (one.error is None) for one in results)
    assert isinstance(results[0].error, Unreadable)
    assert results[0].error.message == "the file is empty"


def test_a_batch_of_bad_files_alone_is_no_trouble(tmp_path: Path, ear: Classifier) -> None:
    (tmp_path / "a.wav").touch()
    (result,) = Recognizer(ear).hear([request_for(tmp_path / "a.wav")])
    assert result.error is not None
    assert Recognizer(ear).hear([]) == []


class Surprising(Classifier):
    """An ear whose rate no wave can be brought to, so that preparing raises what no file problem is."""

    @classmethod
    def of(cls, ear: Classifier) -> Surprising:
        made = cls(ear._session, model_id=ear.model_id, metadata=ear.metadata)
        made.samplerate = 0
        return made

    @property
    def seconds_needed(self) -> float:
        return 1.0


def test_whatever_is_raised_for_a_file_becomes_its_problem(
    tmp_path: Path, write_sound: Write, ear: Classifier
) -> None:
    path = write_sound(tmp_path / "a.wav")
    (result,) = Recognizer(Surprising.of(ear)).hear([request_for(path)])
    assert isinstance(result.error, Unreadable)
    assert result.error.message.startswith("the file could not be decoded (")


@pytest.mark.parametrize("level", [0.0, 1e-5])
def test_silence_is_heard_as_nothing_whatever_its_name(
    tmp_path: Path, write_sound: Write, ear: Classifier, level: float
) -> None:
    path = write_sound(tmp_path / "Kick.wav", tone(level=level), subtype="FLOAT")
    (result,) = Recognizer(ear).hear([request_for(path)])
    assert result.sample is not None
    heard = result.sample.recognition
    assert heard.confidence < 0.4
    assert heard.embedding == b""
    audio = heard.evidence_of("audio")
    assert audio is not None
    assert audio.reasons == ("nothing is audible at its beginning",)


def test_loops_and_long_sounds_get_no_label(tmp_path: Path, write_sound: Write, ear: Classifier) -> None:
    loop = write_sound(tmp_path / "beat_120bpm.wav", sounds.loop(bars=2))
    long = write_sound(tmp_path / "song.wav", np.tile(sounds.loop(), 20))
    results = Recognizer(ear).hear([request_for(loop, "Loops"), request_for(long)])
    kinds = [one.sample.recognition.kind for one in results if one.sample]
    assert kinds == [Kind.LOOP, Kind.LONG]
    assert all(one.sample and one.sample.recognition.label is None for one in results)
    contents = [one.sample.recognition.content for one in results if one.sample]
    assert contents == [CONTENTS[0], None]


def test_decoding_runs_ahead_by_two_batches_and_no_more(
    tmp_path: Path, write_sound: Write, ear: Classifier
) -> None:
    path = write_sound(tmp_path / "a.wav", tone(level=0.5, seconds=0.05))
    taken = 0

    class Counting(list[Request]):
        def __iter__(self) -> Iterator[Request]:
            nonlocal taken
            for request in super().__iter__():
                taken += 1
                yield request

    results = Recognizer(ear).inspect(Counting([request_for(path)] * 1_000))
    next(results)
    assert taken <= 128
    results.close()  # type: ignore[attr-defined]  # an iterator by contract, a generator in fact
    assert taken <= 128


def test_a_stop_gives_up_what_is_being_decoded(
    tmp_path: Path, ear: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    given_up = []

    def never_ending(*_: object, stop: Stop, **__: object) -> Decoded:
        while not stop():
            pass
        given_up.append(True)
        raise Stopped

    monkeypatch.setattr("organizer.recognition.recognize.read", never_ending)
    stop = YesFrom(3)
    coming = Recognizer(ear, threads=2).inspect([request_for(tmp_path / "a.wav")] * 3, stop=stop)
    with pytest.raises(Stopped):
        next(coming)
    assert stop.count == 3
    assert len(given_up) == 2  # the third was never begun
