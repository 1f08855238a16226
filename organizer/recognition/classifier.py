"""The trained ear behind one class: prepared waveforms in, probabilities and embeddings out.

Wraps onnxruntime, and is the only module that imports it. Everything it has to know about a model
(labels, rate, window) comes from the model's own metadata; what does not fit is refused on loading.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from organizer.errors import ModelError
from organizer.labels import CONTENTS, LABELS
from organizer.recognition.waveform import seconds_needed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


FORMAT_VERSION = "2"  # 1 said nothing of what a loop is made of
KINDS = ("oneshot", "loop")
OUTPUTS = ("labels", "kinds", "contents", "embedding")
# So many sounds at once: more is no faster, and takes 3 MB of memory each, which is not given back.
MOST_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Heard:
    """What the ear says of n sounds, all float32, rows in the order of the sounds.

    `labels` (n, 22), `kinds` (n, 2: one-shot, loop) and `contents` (n, 6: of a loop) are probabilities;
    `embeddings` (n, e) have unit length, and those of like sounds are near.
    """

    labels: NDArray[np.float32]
    kinds: NDArray[np.float32]
    contents: NDArray[np.float32]
    embeddings: NDArray[np.float32]


class Classifier:
    """One model, loaded. Safe to use from several threads."""

    def __init__(
        self, session: onnxruntime.InferenceSession, *, model_id: str, metadata: Mapping[str, str]
    ) -> None:
        self._session = session
        self.model_id = model_id
        self.metadata = MappingProxyType(dict(metadata))
        self.labels = tuple(metadata["labels"].split(","))
        self.samplerate = int(metadata["samplerate"])
        self.window = int(metadata["window"])
        self.embedding_size = int(metadata["embedding"])

    @classmethod
    def load(cls, path: Path, *, threads: int = 1) -> Classifier:
        """Load a model, using `threads` threads inside one call of `hear`.

        Raises
        ------
        ModelError
            If the file is missing, is no ONNX model, or is not of the form that this version hears with.
        """
        try:
            content = path.read_bytes()
        except OSError as error:
            raise ModelError(
                "the model cannot be read" if path.exists() else "the model is missing",
                path=path,
                hint="install Organizer again, or make a model with `organizer train`",
            ) from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # Threads that spin between batches would take a core from the user's music.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime raises its own classes, which share no public base
            raise ModelError(
                "the model is damaged or is no ONNX file",
                path=path,
                hint="make it again with `organizer train`",
            ) from error
        metadata = dict(session.get_modelmeta().custom_metadata_map)
        fault = _fault(metadata, session)
        if fault:
            raise ModelError(
                f"the model does not fit this version of Organizer: {fault}",
                path=path,
                hint="make it again with `organizer train`, or use the model that came with this version",
            )
        digest = hashlib.sha256(content).hexdigest()
        return cls(session, model_id=f"{path.stem}-{digest[:8]}", metadata=metadata)

    @property
    def seconds_needed(self) -> float:
        """How much of the beginning of a file `waveform.prepare` can use at most."""
        return seconds_needed(self.window, self.samplerate)

    def hear(self, waves: NDArray[np.float32]) -> Heard:
        """Hear prepared waveforms (n, window), any n.

        Raises
        ------
        ValueError
            If `waves` has another shape.
        """
        if waves.ndim != 2 or waves.shape[1] != self.window:
            raise ValueError(f"waveforms of shape {waves.shape}, not (n, {self.window})")
        parts = [
            self._session.run(
                OUTPUTS, {"waves": np.ascontiguousarray(waves[at : at + MOST_AT_ONCE], np.float32)}
            )
            for at in range(0, len(waves), MOST_AT_ONCE)
        ]
        if not parts:
            return Heard(
                np.zeros((0, len(self.labels)), np.float32),
                np.zeros((0, len(KINDS)), np.float32),
                np.zeros((0, len(CONTENTS)), np.float32),
                np.zeros((0, self.embedding_size), np.float32),
            )
        return Heard(*(np.concatenate(part) for part in zip(*parts, strict=True)))

    def rest(self) -> None:
        """Let go of the memory that hearing many sounds at once took; the next sounds take it anew.

        onnxruntime shrinks its arena only at the end of a run.
        """
        options = onnxruntime.RunOptions()
        options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        self._session.run(OUTPUTS, {"waves": np.zeros((1, self.window), np.float32)}, options)


def _fault(metadata: Mapping[str, str], session: onnxruntime.InferenceSession) -> str:
    """Say what is not as expected; empty when all is well."""
    missing = [
        key
        for key in ("format", "labels", "kinds", "contents", "samplerate", "window", "embedding")
        if key not in metadata
    ]
    if missing:
        return f"its metadata lacks {', '.join(missing)}"
    if metadata["format"] != FORMAT_VERSION:
        return f"its format is {metadata['format']}, not {FORMAT_VERSION}"
    if tuple(metadata["labels"].split(",")) != LABELS:
        return "its labels are others"
    if tuple(metadata["kinds"].split(",")) != KINDS:
        return f"its kinds are {metadata['kinds']}"
    if tuple(metadata["contents"].split(",")) != CONTENTS:
        return f"its contents are {metadata['contents']}"
    numbers = [metadata[key] for key in ("samplerate", "window", "embedding")]
    if not all(number.isascii() and number.isdigit() and int(number) > 0 for number in numbers):
        return "its sample rate, window or embedding size is no number"
    outputs = tuple(output.name for output in session.get_outputs())
    if outputs != OUTPUTS or [one.name for one in session.get_inputs()] != ["waves"]:
        return f"it answers {', '.join(outputs)}, not {', '.join(OUTPUTS)}"
    return ""
