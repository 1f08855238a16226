"""The shipped model answers as it did when it was made; what is no such model is refused with a hint."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from organizer.demo import sounds
from organizer.errors import ModelError
from organizer.labels import CONTENTS, LABELS
from organizer.recognition.classifier import FORMAT_VERSION, Classifier
from organizer.recognition.waveform import prepare
from organizer.resources import shipped_model

if TYPE_CHECKING:
    from numpy.typing import NDArray

GOLDEN = Path(__file__).with_name("golden.json")
METADATA = {
    "format": FORMAT_VERSION,
    "labels": ",".join(LABELS),
    "kinds": "oneshot,loop",
    "contents": ",".join(CONTENTS),
    "samplerate": "32000",
    "window": "8",
    "embedding": "4",
}


@pytest.fixture(scope="module")
def ear() -> Classifier:
    return Classifier.load(shipped_model())


def heard_by(ear: Classifier, wave: NDArray[np.float32]) -> NDArray[np.float32]:
    return prepare(wave, sounds.SAMPLERATE, target_rate=ear.samplerate, window=ear.window)


def some_sounds(ear: Classifier) -> NDArray[np.float32]:
    waves = [sounds.kick(), sounds.snare(), sounds.hat(), sounds.hat(decay=0.3, seconds=0.9), sounds.clap()]
    rng = np.random.default_rng(5)
    noise = [rng.normal(size=40_000).astype(np.float32) * np.float32(0.1) for _ in range(35)]
    return np.stack([heard_by(ear, wave) for wave in (*waves, *noise)])


def test_the_shipped_model_says_what_it_is(ear: Classifier) -> None:
    assert ear.labels == LABELS
    assert ear.model_id.startswith(f"{shipped_model().stem}-")
    assert len(ear.model_id) == len(shipped_model().stem) + 9
    assert len(ear.metadata["data"]) == 32  # the digest of what it was made from
    assert ear.embedding_size <= 128
    assert ear.window / ear.samplerate < ear.seconds_needed < 10
    assert shipped_model().stat().st_size < 5_000_000
    assert shipped_model().with_suffix(".md").exists()


def test_there_is_exactly_one_shipped_model() -> None:
    assert list(shipped_model().parent.glob("*.onnx")) == [shipped_model()]


def test_the_shipped_model_answers_as_when_it_was_made(ear: Classifier) -> None:
    golden: dict[str, Any] = json.loads(GOLDEN.read_text())
    waves = np.stack([heard_by(ear, sound()) for sound in (sounds.kick, sounds.snare, sounds.hat)])
    heard = ear.hear(waves)
    np.testing.assert_allclose(heard.labels, golden["labels"], atol=1e-3)
    np.testing.assert_allclose(heard.kinds, golden["kinds"], atol=1e-3)
    np.testing.assert_allclose(heard.contents, golden["contents"], atol=1e-3)
    np.testing.assert_allclose(heard.embeddings, golden["embeddings"], atol=1e-3)


def test_probabilities_add_up_and_embeddings_have_unit_length(ear: Classifier) -> None:
    heard = ear.hear(some_sounds(ear))
    assert heard.labels.shape == (40, len(LABELS))
    np.testing.assert_allclose(heard.labels.sum(axis=1), 1.0, atol=1e-5)
    np.testing.assert_allclose(heard.kinds.sum(axis=1), 1.0, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(heard.embeddings, axis=1), 1.0, atol=1e-5)


def test_a_batch_gives_what_its_sounds_give_alone(ear: Classifier) -> None:
    waves = some_sounds(ear)
    together = ear.hear(waves)
    for place in (0, 1, 31, 32, 39):
        alone = ear.hear(waves[place : place + 1])
        np.testing.assert_allclose(together.labels[place], alone.labels[0], atol=1e-5)
        np.testing.assert_allclose(together.kinds[place], alone.kinds[0], atol=1e-5)
        np.testing.assert_allclose(together.embeddings[place], alone.embeddings[0], atol=1e-5)


def test_level_does_not_matter(ear: Classifier) -> None:
    wave = heard_by(ear, sounds.snare())
    heard = ear.hear(np.stack([wave, wave * np.float32(1e-3), wave * np.float32(30.0)]))
    np.testing.assert_allclose(heard.labels[1:], heard.labels[[0, 0]], atol=1e-4)


@pytest.mark.parametrize(
    "wave",
    [
        np.zeros(40_960, np.float32),
        np.full(40_960, 0.7, np.float32),
        np.eye(1, 40_960, 0, dtype=np.float32)[0],
        np.full(40_960, 1e-42, np.float32),
        np.full(40_960, 3e38, np.float32),
    ],
    ids=["silence", "DC", "one sample", "denormals", "huge"],
)
def test_odd_sounds_get_numbers(ear: Classifier, wave: NDArray[np.float32]) -> None:
    heard = ear.hear(heard_by(ear, wave)[None])
    for values in (heard.labels, heard.kinds, heard.embeddings):
        assert np.isfinite(values).all()


def test_no_sound_gives_no_rows_and_a_wrong_shape_is_refused(ear: Classifier) -> None:
    nothing = ear.hear(np.zeros((0, ear.window), np.float32))
    assert nothing.labels.shape == (0, len(LABELS))
    assert nothing.embeddings.shape == (0, ear.embedding_size)
    with pytest.raises(ValueError, match="shape"):
        ear.hear(np.zeros((1, ear.window - 1), np.float32))


def write_model(path: Path, metadata: dict[str, str], output: str = "labels") -> Path:
    """Write an ONNX model that answers zeros."""
    onnx = pytest.importorskip("onnx", reason="needs the extra 'test'")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    outputs = (output, "kinds", "contents", "embedding")
    nodes = [helper.make_node("ReduceMean", ["waves"], [name], axes=[1], keepdims=1) for name in outputs]
    graph = helper.make_graph(
        nodes,
        "toy",
        [helper.make_tensor_value_info("waves", kind, ["n", 8])],
        [helper.make_tensor_value_info(name, kind, ["n", 1]) for name in outputs],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, metadata)
    path.write_bytes(model.SerializeToString())
    return path


def test_a_model_of_this_form_is_taken(tmp_path: Path) -> None:
    ear = Classifier.load(write_model(tmp_path / "toy.onnx", METADATA))
    assert (ear.samplerate, ear.window, ear.embedding_size) == (32_000, 8, 4)
    assert dict(ear.metadata) == METADATA


def test_another_file_is_another_model(tmp_path: Path) -> None:
    one = Classifier.load(write_model(tmp_path / "toy.onnx", METADATA))
    other = Classifier.load(write_model(tmp_path / "toy.onnx", {**METADATA, "data": "x"}))
    assert one.model_id != other.model_id


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"labels": "kick,snare"}, "labels are others"),
        ({"labels": ",".join(reversed(LABELS))}, "labels are others"),
        ({"kinds": "loop,oneshot"}, "kinds are loop,oneshot"),
        ({"format": "9"}, "format is 9"),
        ({"window": "many"}, "no number"),
        ({"samplerate": "0"}, "no number"),
    ],
)
def test_a_model_of_another_form_is_refused(tmp_path: Path, change: dict[str, str], words: str) -> None:
    path = write_model(tmp_path / "toy.onnx", {**METADATA, **change})
    with pytest.raises(ModelError, match=words) as refused:
        Classifier.load(path)
    assert refused.value.path == path
    assert refused.value.hint


def test_a_model_without_metadata_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="metadata lacks format, labels"):
        Classifier.load(write_model(tmp_path / "toy.onnx", {}))


def test_a_model_with_other_outputs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="it answers names, kinds, contents, embedding"):
        Classifier.load(write_model(tmp_path / "toy.onnx", METADATA, output="names"))


def test_a_missing_and_a_damaged_model_are_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="missing") as refused:
        Classifier.load(tmp_path / "none.onnx")
    assert "organizer train" in refused.value.hint
    damaged = tmp_path / "damaged.onnx"
    damaged.write_bytes(b"no model at all")
    with pytest.raises(ModelError, match="damaged"):
        Classifier.load(damaged)


def test_an_ear_that_has_rested_hears_the_same(ear: Classifier) -> None:
    waves = np.random.default_rng(3).standard_normal((20, ear.window)).astype(np.float32)
    before = ear.hear(waves)
    ear.rest()
    after = ear.hear(waves)
    assert np.array_equal(before.labels, after.labels)
    assert np.array_equal(before.embeddings, after.embeddings)
