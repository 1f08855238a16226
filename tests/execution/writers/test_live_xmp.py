"""The tags of Ableton Live: ours are joined to those there, and every other node stays."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest

from organizer.errors import CannotWrite
from organizer.execution.writers import live_xmp

if TYPE_CHECKING:
    from pathlib import Path

RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
LIVE = "{https://ns.ableton.com/xmp/fs-resources/1.0/}"

# As Live writes it, with what we do not know of: colours, a comment, a packet around it all.
THEIRS = """<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="XMP Core 5.6.0">
   <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
      <!-- by hand -->
      <rdf:Description rdf:about=""
            xmlns:dc="http://purl.org/dc/elements/1.1/"
            xmlns:ablFR="https://ns.ableton.com/xmp/fs-resources/1.0/"
            xmlns:xmp="http://ns.adobe.com/xap/1.0/">
         <dc:format>application/vnd.ableton.folder</dc:format>
         <ablFR:resource>folder</ablFR:resource>
         <ablFR:items>
            <rdf:Bag>
               <rdf:li rdf:parseType="Resource">
                  <ablFR:filePath>K &amp; B.wav</ablFR:filePath>
                  <ablFR:keywords>
                     <rdf:Bag>
                        <rdf:li>Drums|Kick</rdf:li>
                        <rdf:li>Character|Größe</rdf:li>
                     </rdf:Bag>
                  </ablFR:keywords>
                  <ablFR:colors><rdf:Bag><rdf:li>3</rdf:li></rdf:Bag></ablFR:colors>
               </rdf:li>
               <rdf:li rdf:parseType="Resource">
                  <ablFR:filePath>only coloured.wav</ablFR:filePath>
                  <ablFR:colors><rdf:Bag><rdf:li>7</rdf:li></rdf:Bag></ablFR:colors>
               </rdf:li>
            </rdf:Bag>
         </ablFR:items>
         <xmp:CreatorTool>Ableton Live 12.3</xmp:CreatorTool>
      </rdf:Description>
   </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>
""".encode()


def said(xmp: bytes) -> dict[str, list[str]]:
    """Read as another program would: every item with its keywords."""
    root = ElementTree.fromstring(xmp)
    return {
        item.findtext(f"{LIVE}filePath", ""): [
            li.text or "" for li in item.iterfind(f"{LIVE}keywords/{RDF}Bag/{RDF}li")
        ]
        for item in root.iterfind(f".//{LIVE}items/{RDF}Bag/{RDF}li")
    }


def ours(*keywords: str) -> str:
    return json.dumps(keywords)


def test_a_new_file_is_of_the_form_that_live_writes() -> None:
    made = live_xmp.merged(
        None, {"Größe & co.wav": ours("Drums|Kick", "Type|One Shot"), "b.wav": ours("Key|C#")}
    )
    assert said(made) == {"Größe & co.wav": ["Drums|Kick", "Type|One Shot"], "b.wav": ["Key|C#"]}
    root = ElementTree.fromstring(made)
    assert root.findtext(".//{http://purl.org/dc/elements/1.1/}format") == "application/vnd.ableton.folder"
    assert (
        live_xmp.without(
            made, {"Größe & co.wav": ours("Drums|Kick", "Type|One Shot"), "b.wav": ours("Key|C#")}
        )
        is None
    )


def test_keywords_are_added_and_everything_else_stays_as_it_is() -> None:
    more = live_xmp.merged(
        THEIRS,
        {
            "K & B.wav": ours("Drums|Kick", "Type|One Shot"),
            "only coloured.wav": ours("Drums|Clap"),
            "new.wav": ours("Key|C"),
        },
    )
    assert said(more) == {
        "K & B.wav": ["Drums|Kick", "Character|Größe", "Type|One Shot"],
        "only coloured.wav": ["Drums|Clap"],
        "new.wav": ["Key|C"],
    }
    text = more.decode()
    for kept in (
        "<!-- by hand -->",
        "<?xpacket begin=",
        '<?xpacket end="w"?>',
        "Ableton Live 12.3",
        "XMP Core 5.6.0",
    ):
        assert kept in text
    assert text.count("ablFR:colors") == THEIRS.decode().count("ablFR:colors")


def test_the_same_again_changes_nothing() -> None:
    once = live_xmp.merged(THEIRS, {"new.wav": ours("Key|C")})
    assert live_xmp.merged(once, {"new.wav": ours("Key|C"), "K & B.wav": ours("Drums|Kick")}) == once


def test_what_was_added_can_be_taken_out_though_others_have_written_since() -> None:
    added = {"new.wav": ours("Key|C"), "only coloured.wav": ours("Drums|Clap")}
    more = live_xmp.merged(live_xmp.merged(THEIRS, added), {"later.wav": ours("Key|D")})
    left = live_xmp.without(more, added)
    assert left is not None
    assert said(left) == {
        "K & B.wav": ["Drums|Kick", "Character|Größe"],
        "only coloured.wav": [],
        "later.wav": ["Key|D"],
    }
    assert left.decode().count("ablFR:colors") == THEIRS.decode().count("ablFR:colors")


def test_a_file_that_is_not_ours_is_kept_though_it_says_nothing_any_more() -> None:
    empty = live_xmp.without(THEIRS, {"K & B.wav": ours("Drums|Kick", "Character|Größe")})
    assert empty is not None
    assert said(empty)["K & B.wav"] == []


@pytest.mark.parametrize(
    "present",
    [
        b"",
        b"<x",
        b"<x/>",
        b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>',
        THEIRS.replace(b"items", b"others"),
        b"\xff\xfe<",
        b'<?xml version="1.0" encoding="nonsense"?><x/>',
        b"<x>" * 100_000,
        THEIRS.replace(b"<dc:format>", b"<dc:a>" * 3_000 + b"</dc:a>" * 3_000 + b"<dc:format>"),
    ],
)
def test_what_is_not_of_the_form_is_refused(present: bytes) -> None:
    with pytest.raises(CannotWrite, match="cannot be added to"):
        live_xmp.merged(present, {"a.wav": ours("Key|C")})


@pytest.mark.parametrize("name", [" spaced .wav", "a.wav ", "\t\na\nb.wav", "\u00a0a.wav", "\u3000a.wav"])
def test_a_name_may_begin_and_end_with_a_space(name: str) -> None:
    once = live_xmp.merged(None, {"a.wav": ours("Key|C")})
    more = live_xmp.merged(once, {name: ours("Key|D")})
    assert said(more) == {"a.wav": ["Key|C"], name: ["Key|D"]}
    assert live_xmp.merged(more, {name: ours("Key|D")}) == more
    assert live_xmp.without(more, {name: ours("Key|D")}) == once
    rest = live_xmp.without(more, {"a.wav": ours("Key|C")})
    assert rest is not None
    assert live_xmp.without(rest, {name: ours("Key|D")}) is None


def test_only_a_file_that_says_so_is_of_our_making(tmp_path: Path) -> None:
    made, theirs, folder, nothing = (tmp_path / name for name in ("made", "theirs", "folder", "nothing"))
    made.write_bytes(
        live_xmp.merged(live_xmp.merged(None, {"a.wav": ours("Key|C")}), {"b.wav": ours("Key|D")})
    )
    theirs.write_bytes(live_xmp.merged(THEIRS, {"a.wav": ours("Key|C")}))
    folder.mkdir()
    assert live_xmp.not_ours([made, theirs, folder, nothing]) == {theirs, folder}


def test_what_xml_cannot_hold_is_left_out() -> None:
    made = live_xmp.merged(
        None,
        {
            "Kick\x01.wav": ours("a"),
            "K\rick.wav": ours("a"),
            "\udcff.wav": ours("a"),
            "K.wav": ours("b\x02", "Drums|Kick"),
        },
    )
    assert said(made) == {"K.wav": ["Drums|Kick"]}
