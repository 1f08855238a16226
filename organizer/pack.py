"""What the names in a pack tell: which files are sounds, which are other things, which are junk, what
belongs together. Pure: it sees relative paths, never a disk.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import translate
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from organizer.sample import FileType
from organizer.stopping import never, until

if TYPE_CHECKING:
    from collections.abc import Iterable

    from organizer.stopping import Stop

# So many paths are looked at between two questions whether to stop.
_AT_ONCE = 500

# What libsndfile decodes.
AUDIO_SUFFIXES = frozenset(
    {".wav", ".wave", ".aif", ".aiff", ".aifc", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".w64", ".rf64"}
    | {".bwf", ".caf", ".au", ".snd"}
)
# Audio all the same, but only for a decoder that may not be installed.
FOREIGN_AUDIO_SUFFIXES = frozenset({".m4a", ".mp4a", ".aac", ".alac", ".wma", ".ac3", ".ape", ".wv", ".mpc"})

_TYPES: dict[FileType, frozenset[str]] = {
    FileType.AUDIO: AUDIO_SUFFIXES | FOREIGN_AUDIO_SUFFIXES,
    FileType.MIDI: frozenset({".mid", ".midi", ".smf"}),
    FileType.DOCUMENT: frozenset(
        {".txt", ".md", ".rtf", ".pdf", ".doc", ".docx", ".odt", ".html", ".htm", ".url", ".webloc"}
        | {".nfo", ".csv", ".xml", ".json"}
    ),
    FileType.IMAGE: frozenset(
        {".jpg", ".jpeg", ".png", ".gif", ".webp", ".bmp", ".tif", ".tiff", ".svg", ".heic"}
    ),
    FileType.ARCHIVE: frozenset({".zip", ".rar", ".7z", ".tar", ".gz", ".tgz", ".bz2", ".xz"}),
    FileType.PROJECT: frozenset(
        {".als", ".flp", ".logicx", ".rpp", ".cpr", ".bwproject", ".song", ".ptx", ".reason", ".band"}
    ),
    FileType.PRESET: frozenset(
        {".sfz", ".dspreset", ".dslibrary", ".nki", ".nkm", ".nkc", ".nkx", ".adg", ".adv", ".alp", ".sf2"}
        | {".sf3", ".exs", ".fxp", ".fxb", ".fst", ".vital", ".h2drumkit", ".xpm", ".ens", ".nmsv"}
        | {".serumpack", ".aupreset", ".vstpreset", ".bwpreset", ".mxgrp"}
    ),
}
_TYPE_OF_SUFFIX = {suffix: type_ for type_, suffixes in _TYPES.items() for suffix in suffixes}

# A file of these refers to sounds by their place, so that moving the sounds breaks it.
_BINDING_SUFFIXES = (
    frozenset({".sfz", ".dspreset", ".nki", ".nkm", ".adg", ".adv", ".sf2", ".exs", ".xpm"})
    | _TYPES[FileType.PROJECT]
)
_BINDING_NAMES = frozenset({"drumkit.xml"})

# Globs on one name, case-insensitive. A folder that matches hides all below it.
_JUNK = (
    "._*", ".ds_store", "__macosx", "thumbs.db", "desktop.ini", "*.asd", "ableton folder info",
    "*.reapeaks", "*.sfk", "*.wfm", ".stfolder", ".stversions", ".localized", "@eadir",
    ".spotlight-v100", ".trashes", ".fseventsd", "*~", ".nfs*", ".dropbox.cache", ".organizer*",
    "*.organizer.json",
)  # fmt: skip
_PARTIAL = (
    "*.part", "*.crdownload", "*.download", "*.partial", "*.tmp", "*.!ut", "*.aria2", "*.opdownload",
    ".syncthing.*", "~syncthing~*", ".goutputstream-*", ".~lock*", "*.filepart",
)  # fmt: skip

# One expression each: a big pack asks a million times.
_IS_JUNK = re.compile("|".join(map(translate, _JUNK))).match
_IS_PARTIAL = re.compile("|".join(map(translate, _PARTIAL))).match

# `Kick.wav.asd` belongs to `Kick.wav`.
_COMPANION_SUFFIXES = (".asd", ".reapeaks", ".sfk", ".organizer.json")


def type_of(path: PurePosixPath) -> FileType:
    return _TYPE_OF_SUFFIX.get(path.suffix.lower(), FileType.OTHER)


def is_junk(path: PurePosixPath) -> bool:
    """Say whether a path below an inbox is never work: litter of systems, or a download in progress."""
    return any(_IS_JUNK(part.lower()) or _IS_PARTIAL(part.lower()) for part in path.parts)


def companion_of(path: PurePosixPath) -> PurePosixPath | None:
    """Give the sample that a companion's name speaks of, whether or not it is there."""
    lowered = path.name.lower()
    for suffix in _COMPANION_SUFFIXES:
        if lowered.endswith(suffix) and len(lowered) > len(suffix):
            return path.with_name(path.name[: -len(suffix)])
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What is in one batch of relative paths; every path is in exactly one place."""

    work: tuple[PurePosixPath, ...]  # what rules decide on
    companions: dict[PurePosixPath, tuple[PurePosixPath, ...]]  # sample -> what goes with it
    bundles: dict[PurePosixPath, PurePosixPath]  # work that must stay together -> its bundle's folder
    junk: tuple[PurePosixPath, ...]


def survey(paths: Iterable[PurePosixPath], *, stop: Stop = never) -> Survey:
    """Sort the paths of one batch, relative to its inbox, by what they are.

    Raises `Stopped` when asked to stop.
    """
    present = sorted(set(paths))
    known = set(present)
    companions: dict[PurePosixPath, list[PurePosixPath]] = {}
    work: list[PurePosixPath] = []
    junk: list[PurePosixPath] = []
    for path in until(stop, present, every=_AT_ONCE):
        sample = companion_of(path)
        if sample is not None and sample in known and not is_junk(sample):
            companions.setdefault(sample, []).append(path)
        elif is_junk(path):
            junk.append(path)
        else:
            work.append(path)
    return Survey(
        work=tuple(work),
        companions={sample: tuple(found) for sample, found in companions.items()},
        bundles=_bundles(work, stop),
        junk=tuple(junk),
    )


def _bundles(work: list[PurePosixPath], stop: Stop) -> dict[PurePosixPath, PurePosixPath]:
    """Find the folders that a preset or a project binds together.

    A binding file often lies beside the folder of its sounds (`Programs/`, `Samples/`), so its bundle
    is the nearest folder, at or above it, that holds audio; never the inbox itself.
    """
    holding_audio = {
        parent
        for path in until(stop, work, every=_AT_ONCE)
        if type_of(path) is FileType.AUDIO
        for parent in path.parents
    }
    roots: set[PurePosixPath] = set()
    for path in until(stop, work, every=_AT_ONCE):
        folders = [folder for folder in path.parents if folder != PurePosixPath()]
        roots.update(folder for folder in folders if folder.suffix.lower() in _TYPES[FileType.PROJECT])
        binding = path.suffix.lower() in _BINDING_SUFFIXES or path.name.lower() in _BINDING_NAMES
        if binding and folders:
            roots.add(next((folder for folder in folders if folder in holding_audio), folders[0]))
    found: dict[PurePosixPath, PurePosixPath] = {}
    for path in until(stop, work, every=_AT_ONCE):
        inside = [folder for folder in path.parents if folder in roots]
        if inside:
            found[path] = inside[-1]  # the outermost
    return found
