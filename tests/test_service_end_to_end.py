"""The acceptance of real packs, held on packs of our own making: a real service, real files, real signals."""

from __future__ import annotations

import csv
import unicodedata
from typing import TYPE_CHECKING

from organizer.demo.sounds import DEMO_PACK, DEMO_TRUTH
from tests.acceptance.packs import accept

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NFD = unicodedata.normalize("NFD", "Café Kick ü.wav")


def _messy(folder: Path, make_pack: Callable[..., Path]) -> None:
    """Fill a pack with what downloads are full of."""
    kick, snare = "Kicks/VEH1 Bassdrum 001.wav", "Snares/SN_tight.wav"
    for source, name in (
        (kick, "A/Kick 01.wav"),
        (snare, "B/Kick 01.wav"),
        (kick, "copy of A/Kick 01 (1).wav"),
        (kick, "CON.wav"),
        (kick, "  spaced name .wav"),
        (kick, "trailing dot..wav"),
        (snare, NFD),
        (snare, "🥁 drum.wav"),
        (snare, f"{'x' * 200}.wav"),
    ):
        make_pack(folder, {source: name})
    (folder / "broken").mkdir()
    (folder / "broken" / "empty.wav").touch()
    (folder / "broken" / "text.wav").write_text("words " * 100)
    (folder / "broken" / "noise.mp3").write_bytes(bytes(range(256)) * 8)
    (folder / "__MACOSX").mkdir()
    for name in ("__MACOSX/._x.wav", ".DS_Store", "._Kick 01.wav", "half.wav.part", "half.crdownload"):
        (folder / name).write_bytes(b"junk")
    (folder / "cover.jpg").write_bytes(b"\xff\xd8\xff")
    (folder / "pattern.mid").write_bytes(b"MThd")


def test_packs_are_filed_once_named_where_unreadable_and_undone_for_good(
    tmp_path: Path, make_pack: Callable[..., Path]
) -> None:
    packs = tmp_path / "packs"
    make_pack(packs / "Analog Kit")
    _messy(packs / "Messy Downloads", make_pack)
    make_pack(packs, {"Kicks/VEH1 Bassdrum 001.wav": "loose kick.wav"})
    (packs / "Pack.zip").write_bytes(b"PK\x05\x06" + bytes(18))
    with (packs / "truth.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "label", "kind"])
        for name, label in DEMO_TRUTH.items():
            kind = "loop" if label is None else "oneshot"
            writer.writerow([f"Analog Kit/{name}", label or "loop", kind])
    root = tmp_path / "acceptance"
    root.mkdir()
    report = accept(packs, root, settle=0.4)
    assert report["failures"] == []
    assert set(report["unreadable"]) == {"empty.wav", "text.wav", "noise.mp3"}
    assert report["filed"] == len(DEMO_PACK) + 9 + 1 + 2  # and cover.jpg, pattern.mid
    assert report["held"] == report["filed"]
    assert len(report["batches"]) == 3
