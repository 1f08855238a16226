"""The ONNX file says what the network says, and what it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")
onnx = pytest.importorskip("onnx", reason="needs the extra 'train'")

from organizer.labels import CONTENTS, LABELS  # noqa: E402 - only where torch is
from organizer.recognition.classifier import Classifier  # noqa: E402
from organizer.training.export import build, export  # noqa: E402
from organizer.training.network import SAMPLERATE, WINDOW, Network, Shape  # noqa: E402

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

pytestmark = pytest.mark.training

TINY = Shape(4, ((4,), (8, 8)))


@pytest.fixture(scope="module")
def network() -> Network:
    """Make a tiny network with statistics and temperatures that leave nothing at its default."""
    torch.manual_seed(3)
    tiny = Network(whole=TINY, attack=TINY)
    for module in tiny.modules():
        if isinstance(module, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d):
            module.running_mean.normal_(0.0, 0.2)
            module.running_var.uniform_(0.5, 2.0)
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias)
    tiny.temperature.copy_(torch.tensor([1.7, 0.6]))
    return tiny.eval()


def waves() -> NDArray[np.float32]:
    rng = np.random.default_rng(1)
    some = rng.normal(size=(40, WINDOW)) * np.exp(-np.arange(WINDOW) / rng.uniform(300, 20_000, (40, 1)))
    some[0] = 0.0
    some[1] = 0.3
    some[2] = np.eye(1, WINDOW)
    some[3] *= 1e-6
    return some.astype(np.float32)


def test_onnx_and_torch_agree(network: Network, tmp_path: Path) -> None:
    export(network, tmp_path / "tiny.onnx", metadata={"data": "d"})
    heard = Classifier.load(tmp_path / "tiny.onnx").hear(waves())
    with torch.no_grad():
        labels, kinds, contents, embedding = network(torch.from_numpy(waves()))
    hot, cold = network.temperature.tolist()
    np.testing.assert_allclose(heard.labels, (labels / hot).softmax(1).numpy(), atol=1e-4)
    np.testing.assert_allclose(heard.kinds, (kinds / cold).softmax(1).numpy(), atol=1e-4)
    np.testing.assert_allclose(heard.contents, contents.softmax(1).numpy(), atol=1e-4)
    np.testing.assert_allclose(heard.embeddings, embedding.numpy(), atol=1e-4)


def test_the_file_says_what_it_is(network: Network, tmp_path: Path) -> None:
    export(network, tmp_path / "tiny.onnx", metadata={"data": "abc", "seed": "7"})
    metadata = {one.key: one.value for one in onnx.load(tmp_path / "tiny.onnx").metadata_props}
    assert metadata["labels"].split(",") == list(LABELS)
    assert metadata["kinds"] == "oneshot,loop"
    assert metadata["contents"].split(",") == list(CONTENTS)
    assert (metadata["samplerate"], metadata["window"]) == (str(SAMPLERATE), str(WINDOW))
    assert (metadata["data"], metadata["seed"], metadata["format"]) == ("abc", "7", "2")


def test_the_graph_holds_no_training_and_no_foreign_operators(network: Network) -> None:
    model = build(network, metadata={})
    assert {node.domain for node in model.graph.node} == {""}
    assert not {"BatchNormalization", "Dropout"} & {node.op_type for node in model.graph.node}
    assert model.opset_import[0].version >= 17


def test_nothing_half_written_is_left(network: Network, tmp_path: Path) -> None:
    export(network, tmp_path / "deep" / "tiny.onnx", metadata={})
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["tiny.onnx"]
