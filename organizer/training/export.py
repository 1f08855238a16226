"""The trained network as one ONNX file: front end, temperature and metadata inside.

The graph is written node by node from the weights, so that it holds what is meant and nothing else;
batch normalisation is folded into the convolutions. Spectra are products with matrices of sines and
cosines in two stages: onnxruntime's own STFT operator takes several times as long as the rest of the
ear. Reads no audio. Needs torch and onnx.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from organizer.labels import CONTENTS, LABELS
from organizer.recognition.classifier import FORMAT_VERSION, OUTPUTS
from organizer.training.network import (
    EMBEDDING,
    FLOOR_DB,
    KINDS,
    QUIETEST,
    SAMPLERATE,
    TINY_POWER,
    WINDOW,
    Block,
    LogMel,
    Network,
    Trunk,
    View,
    hann,
    mel_matrix,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    Array = NDArray[np.float32] | NDArray[np.int64]

OPSET = 17  # its operators are in every supported onnxruntime
IR_VERSION = 8
LONGEST_BLOCK = 32  # samples: two stages of about the same size are the fewest operations


class Graph:
    """ONNX nodes in the order they are added; names are made here."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, value: Array) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, order="C"), name))
        return name

    def numbers(self, *values: int) -> str:
        return self.constant(np.array(values, dtype=np.int64))

    def scalar(self, value: float) -> str:
        return self.constant(np.array(value, dtype=np.float32))

    def add(self, operator: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        name = output or f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [name], **attributes))
        return name


def export(network: Network, path: Path, *, metadata: Mapping[str, str]) -> None:
    """Write `network` to `path`; `metadata` is added to what the model must say of itself."""
    model = build(network, metadata=metadata)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_bytes(model.SerializeToString())
    fresh.replace(path)


def build(network: Network, *, metadata: Mapping[str, str]) -> onnx.ModelProto:
    """Write the graph: input `waves` (n, WINDOW); outputs those of OUTPUTS."""
    network.eval()
    graph = Graph()
    peaks = graph.add("ReduceMax", graph.add("Abs", "waves"), axes=[1], keepdims=1)
    level = graph.add("Div", "waves", graph.add("Max", peaks, graph.scalar(QUIETEST)))
    features = graph.add(
        "Concat",
        *(_trunk(graph, _picture(graph, level, front.view), trunk) for front, trunk in _views(network)),
        axis=1,
    )
    scale, shift = _folded(network.embed_norm)
    weight = _array(network.embed.weight) * scale[:, None]
    hidden = graph.add("Gemm", features, graph.constant(weight), graph.constant(shift), transB=1)
    heads = (network.to_labels, network.to_kinds, network.to_contents)
    for head, temperature, output in zip(heads, (*network.temperature.tolist(), 1.0), OUTPUTS, strict=False):
        logits = graph.add(
            "Gemm",
            hidden,
            graph.constant(_array(head.weight) / np.float32(temperature)),
            graph.constant(_array(head.bias) / np.float32(temperature)),
            transB=1,
        )
        graph.add("Softmax", logits, axis=1, output=output)
    length = graph.add("Max", graph.add("ReduceL2", hidden, axes=[1], keepdims=1), graph.scalar(1e-6))
    graph.add("Div", hidden, length, output="embedding")
    return _model(graph, metadata)


def described(metadata: Mapping[str, str]) -> dict[str, str]:
    """Give the whole metadata of a model: what every model says, and `metadata`."""
    return {
        "format": FORMAT_VERSION,
        "labels": ",".join(LABELS),
        "kinds": ",".join(KINDS),
        "contents": ",".join(CONTENTS),
        "samplerate": str(SAMPLERATE),
        "window": str(WINDOW),
        "embedding": str(EMBEDDING),
        **metadata,
    }


def _views(network: Network) -> tuple[tuple[LogMel, Trunk], ...]:
    return (network.whole_view, network.whole), (network.attack_view, network.attack)


def _picture(graph: Graph, level: str, view: View) -> str:
    """Write the log-mel front end of one view: (n, WINDOW) to (n, 1, frames, mels)."""
    used = min(WINDOW, view.span - view.before)
    cut = graph.add("Slice", level, graph.numbers(0), graph.numbers(used), graph.numbers(1))
    mels = _mels(graph, cut, used, view)
    loudest = graph.add(
        "Max", graph.add("ReduceMax", mels, axes=[1, 2], keepdims=1), graph.scalar(TINY_POWER)
    )
    relative = graph.add("Max", graph.add("Div", mels, loudest), graph.scalar(10.0 ** (-FLOOR_DB / 10.0)))
    decibels = graph.add("Mul", graph.add("Log", relative), graph.scalar(10.0 / np.log(10.0) / FLOOR_DB))
    return graph.add("Unsqueeze", graph.add("Add", decibels, graph.scalar(1.0)), graph.numbers(1))


def _mels(graph: Graph, cut: str, used: int, view: View) -> str:
    """Write the mel powers of `used` samples: (n, used) to (n, frames, mels).

    Sample t = block * a + b of a frame meets bin k = a_count * j + i in two stages (Cooley and Tukey,
    1965): over a for every b, then over b for every i, the turning between them being part of the second.
    Sound is real, so that bins whose i is above half of a_count mirror others and are left out.
    """
    block = math.gcd(view.hop, view.fft, LONGEST_BLOCK)
    first, second, fold = two_stages(view, block)
    blocks, residues = view.fft // block, len(second)
    length = -(-view.span // block) * block
    pads = graph.numbers(0, view.before, 0, length - view.before - used)
    whole = graph.add("Reshape", graph.add("Pad", cut, pads), graph.numbers(-1, length // block, block))
    # Frames overlap; what they share are whole blocks, which are copied in the order of the first stage.
    order = np.arange(blocks)[:, None] + np.arange(view.frames)[None] * (view.hop // block)
    frames = graph.add("Gather", whole, graph.constant(order.astype(np.int64)), axis=1)
    shape = hann(view.fft).reshape(1, blocks, 1, block)
    windowed = graph.add("Mul", frames, graph.constant(shape))
    columns = graph.add("Reshape", windowed, graph.numbers(-1, blocks, view.frames * block))
    turned = graph.add("MatMul", graph.constant(first), columns)
    parts = graph.add("Reshape", turned, graph.numbers(-1, 2, residues, view.frames, block))
    real, imaginary = (
        graph.add("Gather", parts, graph.constant(np.array(part, dtype=np.int64)), axis=1) for part in (0, 1)
    )
    spectrum = graph.add(
        "Add",
        graph.add("MatMul", real, graph.constant(second[:, :block])),
        graph.add("MatMul", imaginary, graph.constant(second[:, block:])),
    )
    squares = graph.add("Mul", spectrum, spectrum)
    # Squares of the real and of the imaginary part meet in the mel sums.
    bands = graph.add("MatMul", squares, graph.constant(fold))
    return graph.add("ReduceSum", bands, graph.numbers(1), keepdims=0)


def two_stages(
    view: View, block: int
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Give the matrices of a real Fourier transform in two stages, and the mel sums of its squares.

    Returns
    -------
    first
        (2 * residues, fft // block): cosines, then negative sines.
    second
        (residues, 2 * block, 2 * block): from real and imaginary part to real and imaginary part.
    fold
        (residues, 2 * block, mels): mel filters in the order of the bins that the second stage gives.
    """
    blocks = view.fft // block
    residues = np.arange(blocks // 2 + 1)
    angle = 2.0 * np.pi * residues[:, None] * np.arange(blocks)[None] / blocks
    first = np.concatenate([np.cos(angle), -np.sin(angle)])
    bins = residues[:, None] + blocks * np.arange(block)[None]
    turn = 2.0 * np.pi * np.arange(block)[None, :, None] * bins[:, None, :] / view.fft
    cosine, sine = np.cos(turn), np.sin(turn)
    second = np.concatenate(
        [np.concatenate([cosine, -sine], axis=2), np.concatenate([sine, cosine], axis=2)], axis=1
    )
    # Above half of the rate a bin mirrors one below; where that one is there too, it counts once.
    mirrored = bins > view.fft // 2
    twice = mirrored & np.isin(residues, (0, blocks / 2))[:, None]
    filters = mel_matrix(view)[np.where(mirrored, view.fft - bins, bins)] * ~twice[:, :, None]
    fold = np.concatenate([filters, filters], axis=1)
    return first.astype(np.float32), second.astype(np.float32), fold.astype(np.float32)


def _trunk(graph: Graph, picture: str, trunk: Trunk) -> str:
    x = graph.add("Relu", _convolution(graph, picture, trunk.stem, trunk.norm))
    for stage in trunk.stages:
        assert isinstance(stage, nn.Sequential)
        x = graph.add("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
        for block in stage:
            assert isinstance(block, Block)
            y = _convolution(graph, x, block.conv, block.norm)
            x = graph.add("Relu", graph.add("Add", y, x) if block.residual else y)
    mean = graph.add("ReduceMean", x, axes=[2], keepdims=0)
    most = graph.add("ReduceMax", x, axes=[2], keepdims=0)
    return graph.add("Flatten", graph.add("Concat", mean, most, axis=1), axis=1)


def _convolution(graph: Graph, x: str, conv: nn.Conv2d, norm: nn.BatchNorm2d) -> str:
    scale, shift = _folded(norm)
    height, width = (int(size) // 2 for size in conv.kernel_size)
    return graph.add(
        "Conv",
        x,
        graph.constant(_array(conv.weight) * scale[:, None, None, None]),
        graph.constant(shift),
        kernel_shape=[int(size) for size in conv.kernel_size],
        strides=[int(step) for step in conv.stride],
        pads=[height, width, height, width],
    )


def _folded(norm: nn.BatchNorm1d | nn.BatchNorm2d) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Give batch normalisation as it is in use: a factor and an offset per channel."""
    assert norm.running_var is not None
    assert norm.running_mean is not None
    scale = _array(norm.weight) / np.sqrt(_array(norm.running_var) + np.float32(norm.eps))
    return scale, _array(norm.bias) - _array(norm.running_mean) * scale


def _array(value: torch.Tensor) -> NDArray[np.float32]:
    array: NDArray[np.float32] = value.detach().cpu().contiguous().numpy().astype(np.float32)
    return array


def _model(graph: Graph, metadata: Mapping[str, str]) -> onnx.ModelProto:
    sizes = dict(zip(OUTPUTS, (len(LABELS), len(KINDS), len(CONTENTS), EMBEDDING), strict=True))
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "ear",
            [helper.make_tensor_value_info("waves", TensorProto.FLOAT, ["n", WINDOW])],
            [
                helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", size])
                for name, size in sizes.items()
            ],
            graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="organizer",
    )
    helper.set_model_props(model, described(metadata))
    onnx.checker.check_model(model, full_check=True)
    return model
