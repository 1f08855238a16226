"""What the soak drops: packs of short sounds, under the names, modes and times that downloads have.

Makes them, and the rules that file them: each kind of pack is for one kind of action. Nothing comes from
outside, and the same seed makes the same packs. It starts no service and looks into no library.
"""

from __future__ import annotations

import os
import random
import shutil
import unicodedata
import zipfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile

from organizer.demo import sounds
from organizer.recognition.identity import content_hash, sound_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

# Where copies go, and nothing else.
COPIES = "_Copies"
# One more library, meant to lie on another disk, by the name that the rules call it.
ABROAD = "abroad"
RULES = """
version = 1

[[rule]]
name = "Archives"
when = { type = "archive" }
then = [{ unpack = true }, { move = "_Archives/{name}" }]

[[rule]]
name = "Rest of a pack"
when = { type = ["midi", "preset", "document", "image", "other"], pack = "*" }
then = [{ move = "_Packs/{pack}/{subpath}/{name}" }]

[[rule]]
name = "Tags and a sidecar each"
when = { any = [{ pack = "Tagged*" }, { pack = "Zipped*" }] }
then = [
  { move = "{category|Unknown}/{pack}/{name}" },
  { tag = { genre = "{category|Unknown}", comment = "{label|none}", kind = "{kind}" } },
  { sidecar = "json-each" },
]

[[rule]]
name = "In place"
when = { pack = "Kept*" }
then = [
  { tag = { genre = "{category|Unknown}" } },
  { copy = "_Copies/{pack}/{name}" },
  { sidecar = "json-each" },
]

[[rule]]
name = "Copies"
when = { pack = "Copied*" }
then = [{ move = "{pack}/{category|Unknown}/{name}" }, { copy = "_Copies/{pack}/{name}" }]

[[rule]]
name = "Links"
when = { pack = "Linked*" }
then = [
  { move = "{pack}/{category|Unknown}/{name}" },
  { link = "_Hard/{pack}/{name}" },
  { link = "_Symbolic/{pack}/{name}", kind = "symbolic" },
]

[[rule]]
name = "Attributes, and one file for a folder"
when = { pack = "Marked*" }
then = [
  { move = "{category|Unknown}/{name}" },
  { xattr = ["{category|Unknown}", "soak"] },
  { sidecar = "json" },
  { sidecar = "xmp" },
]

[[rule]]
name = "Everything at once"
when = { pack = "Whole*" }
then = [
  { move = "{category|Unknown}/{pack}/{name}" },
  { tag = { genre = "{category|Unknown}", label = "{label|none}", mode = "replace" } },
  { xattr = ["{kind}"] },
  { copy = "_Copies/{pack}/{name}" },
  { link = "_Hard/{pack}/{name}" },
  { link = "_Symbolic/{pack}/{name}", kind = "symbolic" },
  { sidecar = "json" },
]

[[rule]]
name = "Another disk"
when = { pack = "Abroad*" }
then = [{ move = "{pack}/{category|Unknown}/{name}", library = "abroad" }]

[[rule]]
name = "The same sound again"
when = { pack = "Twins*" }
then = [{ move = "{category|Unknown}/{pack}/{name}" }]
on_duplicate = "link"

[[rule]]
name = "All other sounds"
then = [{ move = "{category|Unknown}/{pack|Loose}/{name}" }]
"""
# Kinds of packs, and how much of everything each of them is. Twins are of the plain pack before them.
SHARES: Mapping[str, int] = {
    "Plain": 12, "Tagged": 12, "Copied": 8, "Linked": 8, "Marked": 10, "Whole": 18, "Abroad": 12,
    "Kept": 5, "Twins": 4, "Zipped": 6, "Loose": 5,
}  # fmt: skip
TAGGED = ("Tagged", "Whole", "Kept", "Zipped")
COPIED = ("Copied", "Whole", "Kept")
LINKED = ("Linked", "Whole")
KEPT = "Kept"  # its sounds stay in the inbox
LEAST = 4  # sounds in a pack

_MODES = (0o644, 0o440, 0o600, 0o664, 0o755)
_SUFFIXES = (".wav", ".flac", ".aiff", ".wav")
_LONG_AGO = 981_173_106_123_456_789  # nanoseconds since 1970: in February 2001
_ODD_NAMES: tuple[Callable[[int], str], ...] = (
    lambda number: unicodedata.normalize("NFD", f"Café Kick ü {number}"),
    lambda number: f"🥁 drum {number}",
    lambda number: os.fsdecode(b"caf\xe9 \xff %d" % number),
    lambda number: f"  spaced {number} ",
    lambda number: f"trailing dot {number}.",
    lambda number: f"{'x' * 200}{number}",
    lambda number: f"CON.{number}",
)


@dataclass(frozen=True, slots=True)
class Sound:
    """One sound as it was dropped, by its bytes, and by what tagging leaves as it was."""

    content: str
    identity: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """What is dropped at one time: everything that lies in `folder`."""

    kind: str
    folder: Path
    files: Mapping[Path, Sound]  # relative to the inbox; of what is no sound the identity is its content
    unpacked: tuple[Sound, ...] = ()  # what a ZIP holds
    stays: frozenset[Path] = frozenset()  # what no rule takes out of the inbox

    @property
    def sounds(self) -> list[Sound]:
        """Give every sound, one by one."""
        there = [one for one in self.files.values() if one.identity != one.content]
        return [*there, *self.unpacked]

    def filed(self) -> Counter[str]:
        """Count what comes to lie in a library, by identity."""
        taken = [one for path, one in self.files.items() if path not in self.stays]
        return Counter(one.identity for one in (*taken, *self.unpacked))


def make_drops(root: Path, *, files: int, seed: int) -> list[Drop]:
    """Make packs with so many files in all, and a few more; in the order in which they are dropped."""
    chance = random.Random(seed)
    rounds = max(1, files // 700)
    # What lies in a ZIP comes on top.
    whole = rounds * (sum(SHARES.values()) - SHARES["Zipped"])
    drops: list[Drop] = []
    for round_ in range(1, rounds + 1):
        plain: Path | None = None
        for kind, share in SHARES.items():
            count = max(LEAST, -(-files * share // whole))
            folder = root / f"{len(drops):02} {kind}"
            pack = folder if kind == "Loose" else folder / f"{kind} {round_}"
            if kind == "Twins" and plain is not None:
                _copy_some(plain, pack, count)
            else:
                _make_pack(pack, count, chance, loose=f"Loose {round_}." if kind == "Loose" else "")
            plain = pack if kind == "Plain" else plain
            drops.append(_zipped(folder, pack) if kind == "Zipped" else _dropped(kind, folder))
    return drops


def _make_pack(pack: Path, count: int, chance: random.Random, *, loose: str = "") -> None:
    """Make a pack of `count` files, a few of which are no sounds; or loose sounds, whose names so begin."""
    others = 0 if loose else max(2, count // 12)
    made: list[NDArray[np.int16]] = []
    for number in range(count - others):
        suffix = _SUFFIXES[number % len(_SUFFIXES)]
        odd = _ODD_NAMES[number // 5 % len(_ODD_NAMES)] if number % 5 == 3 else None
        # Three folders hold the same names.
        name = f"Hit {number // 3:03}" if odd is None else odd(number)
        folder = pack if loose else pack / ("A", "B/deep", "")[number % 3]
        again = number % 11 == 10
        wave = made[chance.randrange(len(made))] if again else _wave(chance)
        made.append(wave)
        _write(folder / f"{loose}{number}{suffix}" if loose else folder / f"{name}{suffix}", wave)
    if not loose:
        _add_others(pack, others)
    # The deepest first: what is put into a folder changes its time.
    for number, path in enumerate(sorted(pack.rglob("*"), reverse=True)):
        path.chmod(_MODES[number % len(_MODES)] if path.is_file() else 0o755 - number % 2 * 0o5)
        _age(path, number)
    if not loose:
        _age(pack, count)


def _wave(chance: random.Random) -> NDArray[np.int16]:
    """Make a sound that nobody has made before."""
    seconds, seed = chance.uniform(0.06, 0.2), chance.randrange(1 << 30)
    drums: tuple[Callable[[], NDArray[np.float32]], ...] = (
        lambda: sounds.kick(start=chance.uniform(120, 260), decay=chance.uniform(0.05, 0.2), seconds=seconds),
        lambda: sounds.snare(tone=chance.uniform(150, 220), seconds=seconds, seed=seed),
        lambda: sounds.clap(seconds=seconds, seed=seed),
        lambda: sounds.hat(decay=chance.uniform(0.02, 0.1), seconds=seconds, seed=seed),
        lambda: sounds.shaker(seconds=seconds, seed=seed),
        lambda: sounds.tom(start=chance.uniform(150, 300), seconds=seconds),
    )
    return (chance.choice(drums)() * 32_000).astype(np.int16)


def _write(path: Path, wave: NDArray[np.int16]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # The name comes last: the library that writes sounds takes no bytes that are not UTF-8.
    plain = path.with_name(f"new{path.suffix}")
    soundfile.write(plain, wave, sounds.SAMPLERATE, subtype="PCM_16")
    plain.rename(path)


def _add_others(pack: Path, count: int) -> None:
    """Add what packs hold besides sounds, companions of sounds, and litter."""
    names = ("License {}.txt", "B/cover {}.jpg", "A/pattern {}.mid", "Presets/patch {}.fxp")
    for number in range(count):
        path = pack / names[number % len(names)].format(number)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(f"{pack.name} {number} ".encode() * 40)
    for number, path in enumerate(sorted(pack.rglob("*.wav"))[:3]):
        path.with_name(f"{path.name}.asd").write_bytes(f"warp markers {pack.name} {number}".encode())
    (pack / ".DS_Store").write_bytes(b"litter of " + pack.name.encode())


def _copy_some(plain: Path, pack: Path, count: int) -> None:
    """Make a pack of sounds that another one holds as well."""
    (pack / "again").mkdir(parents=True)
    chosen = [path for path in sorted(plain.rglob("*")) if path.suffix in _SUFFIXES]
    for number, path in enumerate(chosen[:count]):
        shutil.copy2(path, pack / "again" / f"again {number} {path.name[-60:]}")


def _zipped(folder: Path, pack: Path) -> Drop:
    """Put a pack into a ZIP, which is dropped in its stead."""
    # A ZIP knows no names but Unicode, and counts its times in steps of two seconds.
    paths = [path for path in sorted(pack.rglob("*")) if path.is_file() and path.name.isprintable()]
    archive = folder / f"{pack.name}.zip"
    with zipfile.ZipFile(archive, "x", zipfile.ZIP_DEFLATED) as file:
        for path in paths:
            file.write(path, path.relative_to(folder))
    inside = tuple(_sound(path) for path in paths if path.name != ".DS_Store")
    shutil.rmtree(pack)
    _age(archive, 7)
    return Drop(kind="Zipped", folder=folder, files={Path(archive.name): _sound(archive)}, unpacked=inside)


def _dropped(kind: str, folder: Path) -> Drop:
    files = {path.relative_to(folder): _sound(path) for path in folder.rglob("*") if path.is_file()}
    in_place = (*_SUFFIXES, ".asd") if kind == KEPT else ()
    stays = frozenset(path for path in files if path.name == ".DS_Store" or path.suffix in in_place)
    return Drop(kind=kind, folder=folder, files=files, stays=stays)


def _sound(path: Path) -> Sound:
    content = content_hash(path)
    audio = path.suffix in _SUFFIXES
    return Sound(content, sound_id(path) if audio else content)


def _age(path: Path, number: int) -> None:
    time = _LONG_AGO + number * 3_600_123_456_789
    os.utime(path, ns=(time, time))
