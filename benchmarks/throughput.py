"""How far hearing and filing are from the disk: ratios to a floor, all in one run.

    python benchmarks/throughput.py [--files 500] [--threads 2] [--json FILE]

The floor is a loop over the same files of `soundfile.read` and one content hash, on as many threads.
Times of one machine say little; the ratios of one run hold elsewhere.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from itertools import cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import soundfile

from organizer.batch.arrivals import arrivals_below
from organizer.cli.assembly import Assembly
from organizer.config import Config, Home, Inbox, dump
from organizer.demo.sounds import DEMO_PACK
from organizer.recognition.recognize import Request
from organizer.resources import shipped
from organizer.sample import Origin

if TYPE_CHECKING:
    from collections.abc import Callable

FORMATS = (("wav", "PCM_16"), ("wav", "PCM_24"), ("aiff", "PCM_16"), ("flac", "PCM_16"), ("ogg", "VORBIS"))
RATES = (44_100, 48_000, 96_000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--files", type=int, default=500)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="organizer-bench-"))
    try:
        figures = measure(root, options.files, options.threads)
    finally:
        shutil.rmtree(root)
    print(json.dumps(figures, indent=2))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2))


def measure(root: Path, files: int, threads: int) -> dict[str, Any]:
    inbox, library = root / "Inbox", root / "Library"
    paths = make_files(inbox / "Pack", files)
    library.mkdir()
    home = Home.find({"ORGANIZER_HOME": str(root / "home")})
    home.rules.mkdir(parents=True)
    shutil.copyfile(shipped("rules", "default.toml"), home.rules / "default.toml")
    config = Config(library=str(library), inbox=[Inbox(str(inbox))], threads=threads)
    home.config_file.write_text(dump(config), encoding="utf-8")
    with Assembly(home) as parts:
        recognizer = parts.recognizer(audio_only=True)
        requests = [Request(path=path, origin=Origin(inbox="", name=path.name)) for path in paths]
        list(recognizer.hear(requests[:64]))  # warm
        floor = timed(lambda: read_and_hash(paths, threads))
        heard = timed(lambda: list(recognizer.hear(requests)))
        (arrival,) = arrivals_below(parts.config.inbox[0])
        filing = parts.filing
        filed = timed(lambda: filing.file(arrival))
    return {
        "files": files,
        "threads": threads,
        "files_per_second": {
            name: round(files / seconds, 1)
            for name, seconds in (("floor", floor), ("classify", heard), ("file", filed))
        },
        "times_the_floor": {"classify": round(heard / floor, 2), "file": round(filed / floor, 2)},
    }


def make_files(folder: Path, count: int) -> list[Path]:
    """Write the demo's sounds in many formats and rates; a shift of one sample makes each one its own."""
    folder.mkdir(parents=True)
    sounds = [make() for make in DEMO_PACK.values()]
    paths = []
    for number, (wave, form, rate) in enumerate(
        islice(zip(cycle(sounds), cycle(FORMATS), cycle(RATES), strict=False), count)
    ):
        path = folder / f"{number:05d}.{form[0]}"
        wave = wave.copy()
        wave[number % wave.size] *= 0.5
        soundfile.write(path, wave, rate, subtype=form[1])
        paths.append(path)
    return paths


def read_and_hash(paths: list[Path], threads: int) -> None:
    def one(path: Path) -> None:
        soundfile.read(path, dtype="float32")
        blake2b(path.read_bytes(), digest_size=16).hexdigest()

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(one, paths))


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
