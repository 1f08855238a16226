"""The labelled sounds that the ear is made from: manifest rows, their waveforms, their weights.

Reads only; a file that cannot be read is left out and named. What a row is worth in a batch is
decided here, from its source, kit and label, and nowhere else.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import soundfile
from numpy.typing import NDArray

from organizer.errors import UsageProblem
from organizer.labels import LABELS
from organizer.recognition.waveform import prepare

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence


LOOP = "loop"  # marks a row that counts for its kind only
NOT_A_LABEL = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of a manifest."""

    path: Path
    file: str  # as the manifest has it
    label: str  # one of LABELS, or LOOP
    split: str = ""
    kit: str = ""
    source: str = ""
    license: str = ""
    orig_path: str = ""
    content: str = ""  # of a loop: one of CONTENTS, where it is known
    seconds: float | None = None  # of the original, where the manifest knows it

    @property
    def label_index(self) -> int:
        return NOT_A_LABEL if self.label == LOOP else LABELS.index(self.label)

    @property
    def is_loop(self) -> bool:
        return self.label == LOOP


@dataclass(frozen=True, slots=True)
class Sounds:
    """Rows and their waveforms, in the same order.

    `waves` are int16 at the model's rate, leading silence cut, scaled to full range (level carries
    no meaning for the ear), at most as long as asked for, and no longer than the sound.
    """

    rows: tuple[Row, ...]
    waves: tuple[NDArray[np.int16], ...]
    unread: tuple[str, ...] = ()  # sentences

    def __len__(self) -> int:
        return len(self.rows)


def read_manifest(manifest: Path, root: Path) -> tuple[Row, ...]:
    """Read the rows of a manifest.

    Raises
    ------
    UsageProblem
        If the file cannot be read, lacks the columns `file` and `label`, or holds an unknown label.
    """
    try:
        with manifest.open(newline="", encoding="utf-8") as stream:
            records = list(csv.DictReader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageProblem(f"the manifest cannot be read: {error}", path=manifest) from error
    if not records:
        raise UsageProblem("the manifest has no rows", path=manifest)
    missing = [column for column in ("file", "label") if column not in records[0]]
    if missing:
        raise UsageProblem(
            f"the manifest lacks the column {' and '.join(missing)}",
            path=manifest,
            hint="it is a CSV file with at least the columns file,label",
        )
    unknown = sorted({str(record["label"]) for record in records} - {*LABELS, LOOP})
    if unknown:
        raise UsageProblem(
            f"labels that are not known: {', '.join(unknown)}",
            path=manifest,
            hint=f"known are {', '.join(LABELS)}, and {LOOP} for loops",
        )
    return tuple(_row(record, root) for record in records)


def _row(record: Mapping[str, str | None], root: Path) -> Row:
    def text(column: str) -> str:
        return record.get(column) or ""

    said = " / ".join(text(one) for one in ("source", "kit", "file", "orig_path", "raw_label"))
    seconds = text("orig_seconds") or text("seconds")
    try:
        length = float(seconds) if seconds else None
    except ValueError:
        length = None
    return Row(
        path=root / text("file"),
        file=text("file"),
        label=text("label"),
        split=text("split"),
        kit=text("kit"),
        source=text("source"),
        license=text("license"),
        orig_path=text("orig_path"),
        content=content_in(said) if text("label") == LOOP else "",
        seconds=length,
    )


# What the words of a loop's name and folders say of its content; the rightmost word says it.
_WORDS_OF_CONTENT: Mapping[str, str] = MappingProxyType(
    {
        "drums": r"drums?|drumloops?|drummer|breaks?|breakbeats?|beats?",
        "percussion": r"perc|percs|percussion|congas?|bongos?|shakers?|tops?",
        "melodic": r"melodic|melody|melodies|riffs?|synths?|keys|piano|guitars?|chords?|pads?|arps?|xylo",
        "bass": r"bass|basses|bassloops?|basslines?|808s",
        "vocal": r"vocals?|vox|voices?|acapellas?",
        "fx": r"fx|sfx|effects?|noises?|ambience",
    }
)
_CONTENT_WORDS = re.compile(
    "|".join(
        f"(?P<{content}>(?<![a-z])(?:{words})(?![a-z]))" for content, words in _WORDS_OF_CONTENT.items()
    ),
    re.IGNORECASE,
)


def content_in(words: str) -> str:
    """Say what a loop is made of by words about it, the nearest last; empty where they do not tell."""
    found = [match.lastgroup for match in _CONTENT_WORDS.finditer(words)]
    return (found[-1] or "") if found else ""


def load_sounds(
    rows: Sequence[Row],
    *,
    samplerate: int,
    longest: int,
    threads: int = 2,
    advance: Callable[[int], None] = lambda _count: None,
) -> Sounds:
    """Decode and prepare the sounds of `rows`, `longest` samples each at most; keep them in memory."""

    def load(row: Row) -> NDArray[np.int16] | str:
        try:
            wave, rate = soundfile.read(row.path, dtype="float32", frames=-1)
            return as_stored(prepare(wave, rate, target_rate=samplerate, window=longest))
        except (OSError, RuntimeError, ValueError) as error:
            return f"{row.file}: {error}"

    kept: list[Row] = []
    waves: list[NDArray[np.int16]] = []
    unread: list[str] = []
    with ThreadPoolExecutor(threads) as pool:
        for row, loaded in zip(rows, pool.map(load, rows), strict=True):
            if isinstance(loaded, str):
                unread.append(loaded)
            else:
                kept.append(row)
                waves.append(loaded)
            advance(1)
    return Sounds(tuple(kept), tuple(waves), tuple(unread))


def as_stored(wave: NDArray[np.float32]) -> NDArray[np.int16]:
    """Scale to full range as int16 and drop the padding at the end."""
    peak = float(np.abs(wave).max(initial=0.0))
    if peak <= 0.0:
        return np.zeros(1, dtype=np.int16)
    stored = np.round(wave * (32767.0 / peak)).astype(np.int16)
    last = int(np.flatnonzero(stored)[-1])
    return stored[: last + 1]


# Poor recordings, by the first part of their file paths: 8-bit disks and FM synthesis.
NOISY_SOURCES: Mapping[str, float] = MappingProxyType({"gh_amiga_st": 0.5, "sf2_opl3": 0.5})
# What packs of drum sounds hold less of than this data does.
RARER_IN_PACKS: Mapping[str, float] = MappingProxyType({"fx": 0.6, "vocal": 0.7, "synth": 0.8})


def weights(rows: Sequence[Row]) -> NDArray[np.float64]:
    """Give the share of each row in what training draws.

    A row counts one over the square root of the size of its label and of its kit (within its source),
    so that neither a common label nor a large kit drowns the others; times `NOISY_SOURCES` and
    `RARER_IN_PACKS`.
    """
    labels = Counter(row.label for row in rows)
    kits = Counter((row.source, row.kit) for row in rows)
    sources = Counter(row.source for row in rows)
    shares = np.array(
        [
            labels[row.label] ** -0.5
            * kits[row.source, row.kit] ** -0.25
            * sources[row.source] ** -0.25
            * NOISY_SOURCES.get(row.file.split("/", 1)[0], 1.0)
            * RARER_IN_PACKS.get(row.label, 1.0)
            for row in rows
        ]
    )
    normalised: NDArray[np.float64] = shares / shares.sum()
    return normalised


def digest(rows: Iterable[Row], waves: Iterable[NDArray[np.int16]]) -> str:
    """Name what a model was trained on: a hash over file, label and sound of every row."""
    total = hashlib.blake2b(digest_size=16)
    for row, wave in zip(rows, waves, strict=True):
        total.update(f"{row.file}\0{row.label}\0".encode())
        total.update(hashlib.blake2b(wave.tobytes(), digest_size=16).digest())
    return total.hexdigest()
