from __future__ import annotations

import os
import unicodedata
from typing import TYPE_CHECKING
from xml.etree.ElementTree import ParseError
from xml.sax.saxutils import escape

import pytest

from organizer.recognition.ableton import live_tags
from organizer.recognition.metadata import hear_metadata, read_metadata
from organizer.recognition.vocabulary import Vocabulary
from organizer.sample import LIVE_PLACE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from organizer.sample import Evidence

    Write = Callable[..., Path]


def xmp(tags: Mapping[str, Sequence[str]], *, head: str = "", nested: bool = False) -> str:
    items = []
    for name, keywords in tags.items():
        bag = "".join(f"<rdf:li>{escape(one)}</rdf:li>" for one in keywords)
        inside = (
            f"<ablFR:filePath>{escape(name)}</ablFR:filePath>"
            f"<ablFR:keywords><rdf:Bag>{bag}</rdf:Bag></ablFR:keywords>"
        )
        if nested:
            items.append(f"<rdf:li><rdf:Description>{inside}</rdf:Description></rdf:li>")
        else:
            items.append(f'<rdf:li rdf:parseType="Resource">{inside}</rdf:li>')
    return (
        f'<?xml version="1.0" encoding="utf-8"?>{head}<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"'
        ' xmlns:ablFR="https://ns.ableton.com/xmp/fs-resources/1.0/">'
        "<dc:format>application/vnd.ableton.folder</dc:format><ablFR:resource>folder</ablFR:resource>"
        f"<ablFR:items><rdf:Bag>{''.join(items)}</rdf:Bag></ablFR:items>"
        "</rdf:Description></rdf:RDF></x:xmpmeta>"
    )


def tagged(sample: Path, text: str) -> Path:
    place = sample.parent / LIVE_PLACE
    place.parent.mkdir(exist_ok=True)
    place.write_text(text, encoding="utf-8")
    return sample


def hear(sample: Path) -> Evidence:
    return hear_metadata(read_metadata(sample), Vocabulary.load(), duration=0.5)


@pytest.mark.parametrize("nested", [False, True])
def test_tags_of_live_are_evidence(tmp_path: Path, write_sound: Write, nested: bool) -> None:
    sample = write_sound(tmp_path / "07.wav")
    tags = ["Drums|Hihat|Closed Hihat", "Type|One Shot", "Key|A", "Key|Minor"]
    tagged(sample, xmp({"07.wav": tags, "08.wav": ["Drums|Kick"]}, nested=nested))
    heard = hear(sample)
    assert heard.labels["hat_closed"] > 0.8
    assert heard.kinds["oneshot"] > 0.8
    assert heard.key == "Am"
    assert heard.reasons == (
        "its tag in Ableton Live is “Drums|Hihat|Closed Hihat”",
        "its tag in Ableton Live is “Type|One Shot”",
    )


def test_a_wide_tag_speaks_where_the_narrow_one_says_nothing(tmp_path: Path, write_sound: Write) -> None:
    sample = tagged(write_sound(tmp_path / "07.wav"), xmp({"07.wav": ["Snare|Layered", "Type|Loop"]}))
    heard = hear(sample)
    assert heard.labels["snare"] > 0.8
    assert heard.kinds["loop"] > 0.8


def test_composed_and_decomposed_names_are_the_same(tmp_path: Path, write_sound: Write) -> None:
    sample = write_sound(tmp_path / "Snäre.wav")
    tagged(sample, xmp({unicodedata.normalize("NFD", "Snäre.wav"): ["Drums|Clap"]}))
    assert live_tags(sample) == ("Drums|Clap",)


def test_a_space_before_a_name_makes_it_another(tmp_path: Path, write_sound: Write) -> None:
    sample, other = write_sound(tmp_path / " a.wav"), write_sound(tmp_path / "a.wav")
    tagged(sample, xmp({" a.wav": ["Drums|Clap"]}))
    assert live_tags(sample) == ("Drums|Clap",)
    assert live_tags(other) == ()


def test_a_changed_file_is_read_anew(tmp_path: Path, write_sound: Write) -> None:
    sample = tagged(write_sound(tmp_path / "a.wav"), xmp({"a.wav": ["Drums|Kick"]}))
    assert live_tags(sample) == ("Drums|Kick",)
    tagged(sample, xmp({"a.wav": ["Drums|Snare"]}))
    assert live_tags(sample) == ("Drums|Snare",)


BOMB = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>'
OUTSIDE = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize(
    "text",
    [
        xmp({"a.wav": ["Drums|Kick"]}, head=BOMB),
        xmp({"a.wav": ["Drums|Kick"]}, head=OUTSIDE),
        xmp({"a.wav": ["Drums|Kick"]})[:-40],
        "",
        "no xml",
        xmp({"a.wav": ["Drums|Kick"]}).replace("</x:xmpmeta>", " " * (5 << 20) + "</x:xmpmeta>"),
    ],
    ids=["entities", "outside", "cut", "empty", "text", "huge"],
)
def test_hostile_and_broken_files_are_noted_and_say_nothing(
    tmp_path: Path, write_sound: Write, text: str
) -> None:
    sample = tagged(write_sound(tmp_path / "a.wav"), text)
    metadata = read_metadata(sample)
    assert metadata.tags == ()
    assert len(metadata.notes) == 1
    assert metadata.notes[0].startswith("the tags of Ableton Live beside it cannot be read (")


def test_links_out_of_the_folder_are_not_followed(tmp_path: Path, write_sound: Write) -> None:
    outside = tagged(write_sound(tmp_path / "other" / "a.wav"), xmp({"a.wav": ["Drums|Kick"]}))
    folder_linked, file_linked = (write_sound(tmp_path / name / "a.wav") for name in ("one", "two"))
    (folder_linked.parent / LIVE_PLACE.parent).symlink_to(outside.parent / LIVE_PLACE.parent)
    (file_linked.parent / LIVE_PLACE.parent).mkdir()
    (file_linked.parent / LIVE_PLACE).symlink_to(outside.parent / LIVE_PLACE)
    assert read_metadata(folder_linked).tags == ()
    assert read_metadata(file_linked).tags == ()


def test_a_pipe_in_its_place_holds_nobody_up(tmp_path: Path, write_sound: Write) -> None:
    sample = write_sound(tmp_path / "a.wav")
    (tmp_path / LIVE_PLACE.parent).mkdir()
    os.mkfifo(tmp_path / LIVE_PLACE)
    assert read_metadata(sample).tags == ()


def test_one_sample_has_so_many_tags_and_no_more(tmp_path: Path, write_sound: Write) -> None:
    sample = tagged(write_sound(tmp_path / "a.wav"), xmp({"a.wav": ["x" * 500] * 1_000}))
    tags = live_tags(sample)
    assert len(tags) == 64
    assert {len(tag) for tag in tags} == {200}


def test_a_broken_file_is_read_once_for_its_folder_and_noted_for_each_sample(
    tmp_path: Path, write_sound: Write
) -> None:
    one, other = write_sound(tmp_path / "1.wav"), write_sound(tmp_path / "2.wav")
    tagged(one, "<broken")
    with pytest.raises(ParseError) as first:
        live_tags(one)
    with pytest.raises(ParseError) as second:
        live_tags(other)
    assert first.value is second.value
