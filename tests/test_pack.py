from __future__ import annotations

from pathlib import PurePosixPath as P

import pytest

from organizer.pack import companion_of, is_junk, survey, type_of
from organizer.sample import FileType
from organizer.stopping import Stopped
from tests.asked import YesFrom


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Kick.WAV", FileType.AUDIO),
        ("a.aif", FileType.AUDIO),
        ("a.m4a", FileType.AUDIO),
        ("groove.MID", FileType.MIDI),
        ("License.txt", FileType.DOCUMENT),
        ("cover.jpg", FileType.IMAGE),
        ("Pack.zip", FileType.ARCHIVE),
        ("Song.als", FileType.PROJECT),
        ("Kit.sfz", FileType.PRESET),
        ("noext", FileType.OTHER),
    ],
)
def test_a_file_is_what_its_suffix_says(name: str, expected: FileType) -> None:
    assert type_of(P(name)) is expected


@pytest.mark.parametrize(
    "path",
    [
        "Pack/._Kick.wav",
        "Pack/.DS_Store",
        "__MACOSX/Pack/Kick.wav",
        "Pack/Kick.wav.asd",
        "Pack/Ableton Folder Info/x.xmp",
        "half.wav.part",
        "Unconfirmed 1.crdownload",
        "Pack/~syncthing~Kick.wav.tmp",
        "Pack/.organizer-abc.tmp",
    ],
)
def test_junk_is_never_work(path: str) -> None:
    assert is_junk(P(path))
    assert survey([P(path)]).work == ()


@pytest.mark.parametrize("path", ["Pack/Kick.wav", "Pack/part 1.wav", "tmp/Kick.wav", "Pack/download.wav"])
def test_ordinary_names_are_not_junk(path: str) -> None:
    assert not is_junk(P(path))


def test_a_companion_goes_with_its_sample_and_is_junk_without_it() -> None:
    both = survey([P("p/Kick.wav"), P("p/Kick.wav.asd"), P("p/Snare.wav.asd")])
    assert both.work == (P("p/Kick.wav"),)
    assert both.companions == {P("p/Kick.wav"): (P("p/Kick.wav.asd"),)}
    assert both.junk == (P("p/Snare.wav.asd"),)
    assert companion_of(P("p/Kick.wav.reapeaks")) == P("p/Kick.wav")
    assert companion_of(P("p/.asd")) is None


@pytest.mark.parametrize(
    ("paths", "bundles"),
    [
        # sounds beside the instrument
        (["Kit/kit.sfz", "Kit/a.wav"], {"Kit/kit.sfz": "Kit", "Kit/a.wav": "Kit"}),
        # the instrument in a folder of its own, its sounds in another
        (
            ["Kit/Programs/k.nki", "Kit/Samples/a.wav"],
            {"Kit/Programs/k.nki": "Kit", "Kit/Samples/a.wav": "Kit"},
        ),
        # only the part of the pack that the instrument binds
        (
            ["Pack/Kicks/a.wav", "Pack/Sampler/x.sfz", "Pack/Sampler/s/b.wav"],
            {"Pack/Sampler/x.sfz": "Pack/Sampler", "Pack/Sampler/s/b.wav": "Pack/Sampler"},
        ),
        (["Song/Song.als", "Song/Samples/a.wav"], {"Song/Song.als": "Song", "Song/Samples/a.wav": "Song"}),
        (["Song.logicx/Media/a.wav", "b.wav"], {"Song.logicx/Media/a.wav": "Song.logicx"}),
        (["GMkit/drumkit.xml", "GMkit/k.flac"], {"GMkit/drumkit.xml": "GMkit", "GMkit/k.flac": "GMkit"}),
        # loose in the inbox: the inbox itself is never a bundle
        (["kit.sfz", "a.wav"], {}),
        (["Pack/a.wav", "Pack/read me.txt"], {}),
    ],
)
def test_what_a_preset_or_project_binds_stays_together(paths: list[str], bundles: dict[str, str]) -> None:
    found = survey([P(path) for path in paths]).bundles
    assert {str(path): str(root) for path, root in found.items()} == bundles


def test_a_survey_of_very_many_ends_when_it_is_time_to_stop() -> None:
    stop = YesFrom(3)
    with pytest.raises(Stopped):
        survey([P(f"Pack/{number}.wav") for number in range(10_000)], stop=stop)
    assert stop.count == 3
