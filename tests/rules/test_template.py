from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from organizer.folders import Folders
from organizer.rules.fields import FIELDS, fields_of
from organizer.rules.legal import legal_name
from organizer.rules.problems import Place
from organizer.rules.template import MissingValue, Template, read_path, read_text, render, render_text
from organizer.sample import Kind, Music
from tests.rules.items import item, sound
from tests.rules.test_legal import assert_legal_everywhere

if TYPE_CHECKING:
    from collections.abc import Mapping

    from organizer.rules.fields import Value
    from organizer.sample import Item


def path_template(text: str) -> Template:
    problems: list[str] = []
    template = read_path(text, Place(problems=problems, file="my.toml"))
    assert template is not None, problems
    return template


def problems_of(text: object) -> list[str]:
    problems: list[str] = []
    assert read_path(text, Place(problems=problems, file="my.toml")) is None
    return problems


LOOP = item("Pack/break.wav", sound(kind=Kind.LOOP))
UNSURE = item("Pack/hat.wav", sound("hat_closed", label_confidence=0.59))
SURE = item("Pack/hat.wav", sound("hat_closed", label_confidence=0.6))
LOOSE = item("Kick.wav")
SONG = item(
    "Pack/song.wav",
    replace(sound(kind=Kind.LOOP, made_of="drums"), music=Music(bpm=95.6, key="F#m")),
)
TONAL = replace(item("Pack/808.wav", replace(sound("bass"), music=Music(note="F#1"))), day=date(2026, 11, 28))


@pytest.mark.parametrize(
    ("text", "subject", "path"),
    [
        ("Drums/{folder}/{pack}/{name}", item(), "Drums/Kicks/Pack/Kick 01.wav"),
        ("Drums/{folder}/{name}", SURE, "Drums/Hats/Closed/hat.wav"),
        ("Drums/{folder}/{name}", UNSURE, "Drums/Hats/hat.wav"),
        ("{label}/{name}", SURE, "hat_closed/hat.wav"),
        ("{label}/{name}", UNSURE, "hihat/hat.wav"),
        ("{label|Loops}/{name}", LOOP, "Loops/break.wav"),
        ("{folder|Un/known}/{name}", LOOP, "Un/known/break.wav"),
        ("{pack|Loose}/{name}", LOOSE, "Loose/Kick.wav"),
        ("{pack|}/{name}", LOOSE, "Kick.wav"),
        ("P/{subpath}/{name}", item("Pack/a/b/x.wav"), "P/a/b/x.wav"),
        ("P/{subpath}/{name}", item("Pack/x.wav"), "P/x.wav"),
        ("P/{subpath|Top}/{name}", item("Pack/x.wav"), "P/Top/x.wav"),
        ("Drums/", item(), "Drums/Kick 01.wav"),
        ("{stem}", item(), "Kick 01.wav"),
        ("{stem}.{ext}", item("Pack/A.WAV"), "A.WAV"),
        ("{stem} {confidence:.2f}", item(), "Kick 01 0.95.wav"),
        ("{confidence} {duration} {samplerate} {channels}", item(), "0.95 0.50 44100 1.wav"),
        ("{samplerate:06d}/{confidence:.0%}/{name}", item(), "044100/95%/Kick 01.wav"),
        ("Loops/{bpm:03.0f}/{key}/{name}", SONG, "Loops/096/F#m/song.wav"),
        ("{bpm} {content|none}/{name}", SONG, "95.6 drums/song.wav"),
        ("{bpm|no tempo}/{note|no note}/{name}", item(), "no tempo/no note/Kick 01.wav"),
        ("{note} {stem}", TONAL, "F#1 808.wav"),
        ("{date}/{date:%Y %m}/{date:%d}/{name}", TONAL, "2026-11-28/2026 11/28/808.wav"),
        ("{stem:.1}/{name}", item(), "K/Kick 01.wav"),
        ("{kind}/{format}/{inbox}/{category}/{name}", item(), "oneshot/wav/Inbox/kick/Kick 01.wav"),
        ("{{x}}/{name}", item(), "{x}/Kick 01.wav"),
        ("{name}", item("Pack/we: ird?.wav"), "we_ ird_.wav"),
        ("{name}", item("Pack/.hidden.wav"), "_.hidden.wav"),
        ("{stem}", item("Pack/README"), "README"),
        ("{pack}/{name}", item("../x.wav"), "_/x.wav"),
        ("{pack}{name}", item("CON/.wav"), "_CON.wav"),  # put together from two harmless pieces
    ],
)
def test_a_path_is_filled_in(text: str, subject: Item, path: str) -> None:
    assert render(path_template(text), fields_of(subject, Folders())) == PurePosixPath(path)


def test_a_missing_value_without_a_default_is_never_invented() -> None:
    with pytest.raises(MissingValue) as caught:
        render(path_template("Loops/{label}/{name}"), fields_of(LOOP, Folders()))
    assert str(caught.value) == 'it has no label, which "Loops/{label}/{name}" asks for without a default'


def test_a_slash_in_a_value_makes_no_folder_unless_the_value_is_one_of_folders() -> None:
    fields = {**fields_of(item(), Folders()), "pack": "AC/DC", "folder": "Hats/Closed"}
    assert render(path_template("{pack}/{folder}/{name}"), fields) == PurePosixPath(
        "AC_DC/Hats/Closed/Kick 01.wav"
    )


def test_free_text_keeps_what_a_path_may_not_hold() -> None:
    template = read_text("{pack}: {category}/{{}}", Place(problems=[], file="my.toml"))
    assert template is not None
    assert render_text(template, {**fields_of(item(), Folders()), "pack": "AC/DC"}) == "AC/DC: kick/{}"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{categry}/x", 'expected a field, found "categry"; did you mean "category"?'),
        (
            "{q}/x",
            'expected a field, found "q"; known: bpm, category, channels, confidence, content, date, '
            "duration, ext, folder, format, inbox, key, kind, label, model, name, note, pack, samplerate, "
            "stem, subpath",
        ),
        ("{name.__class__}", 'expected a field, found "name.__class__"; did you mean "name"?'),
        ("{name[0]}", 'expected a field, found "name[0]"; did you mean "name"?'),
        ("{name!r}", 'expected a field, found "name!r"; did you mean "name"?'),
        ("{confidence:.2x}", 'expected a format such as "{confidence:.2f}", found "{confidence:.2x}"'),
        (
            "{confidence:999999999f}",
            'expected a format such as "{confidence:.2f}", found "{confidence:999999999f}"',
        ),
        ("{confidence:d}", 'expected a format such as "{confidence:.2f}", found "{confidence:d}"'),
        ("{date:%c}", 'expected a format such as "{date:%Y-%m}", found "{date:%c}"'),
        ("{date:.2f}", 'expected a format such as "{date:%Y-%m}", found "{date:.2f}"'),
        ("{name:d}", 'expected a format such as "{stem:.12}", found "{name:d}"'),
        ("a{b", 'expected "{field}", or a brace written twice, found "{"'),
        ("a}b", 'expected "{field}", or a brace written twice, found "}"'),
        ("/abs/{name}", 'expected a path below the library, found "/abs/x"'),
        ("~/x/{name}", 'expected a path below the library, found "~/x/x"'),
        ("a\\{name}", 'expected "/" between folders, found "a\\\\x"'),
        ("../{name}", 'expected names that are legal on Linux, macOS and Windows, found ".."'),
        ("a/./{name}", 'expected names that are legal on Linux, macOS and Windows, found "."'),
        ("a:b/{name}", 'expected names that are legal on Linux, macOS and Windows, found "a:b"'),
        ("NUL/{name}", 'expected names that are legal on Linux, macOS and Windows, found "NUL"'),
        ("Vol./{name}", 'expected names that are legal on Linux, macOS and Windows, found "Vol."'),
        (".git/{name}", 'expected names that are legal on Linux, macOS and Windows, found ".git"'),
        ("{pack|..}/{name}", 'expected names that are legal on Linux, macOS and Windows, found ".."'),
        ("{pack|a/b}/{name}", 'expected a default without slashes, found "a/b"'),
        ("", 'expected a path such as "Drums/{folder}/{name}", found ""'),
        ("/", 'expected a path such as "Drums/{folder}/{name}", found "/"'),
        (7, 'expected a text such as "{category}", found 7'),
    ],
)
def test_what_is_wrong_with_a_template_is_said(text: object, problem: str) -> None:
    assert problems_of(text) == [f"my.toml: {problem}"]


def test_everything_wrong_with_a_template_is_said_at_once() -> None:
    assert len(problems_of("{x}/{y}/{confidence:q}/a}")) == 4


anything = st.text(max_size=80)
values = st.fixed_dictionaries(
    {
        field: st.none() | (anything if isinstance(example, str) else st.floats(0, 1e6))
        if not isinstance(example, date)
        else st.none() | st.dates()
        for field, example in FIELDS.items()
        if field not in ("name", "stem", "ext", "samplerate", "channels")
    }
)
names = st.text(st.characters(exclude_characters="/"), min_size=1, max_size=300)
suffixes = st.sampled_from(["", ".wav", ".WAV", ".aiff", ".mp3", ".flac"])
pieces = st.lists(
    st.sampled_from([f"{{{field}|none}}" for field in FIELDS if field not in ("samplerate", "channels")])
    | st.sampled_from(["a", "-", "/", "Drums", "{{", "}}", "é"]),
    min_size=1,
    max_size=6,
).map(lambda found: "x" + "x".join(found))


@given(pieces, values, names, suffixes)
def test_every_rendered_path_is_relative_legal_and_keeps_the_suffix(
    text: str, given_values: Mapping[str, Value | None], stem: str, suffix: str
) -> None:
    name = stem + "x" + suffix if suffix else stem.replace(".", "") or "x"
    fields = {**given_values, "name": name, "stem": stem, "ext": suffix.removeprefix(".")}
    path = render(path_template(text), fields)
    assert not path.is_absolute()
    for part in path.parts:
        assert_legal_everywhere(part)
    assert path.name.lower().endswith(suffix.lower())
    assert len(path.name.encode()) <= 255 - len(" (9999)")


@given(st.text(max_size=60))
def test_any_text_at_all_is_a_template_or_a_problem(text: str) -> None:
    problems: list[str] = []
    template = read_path(text, Place(problems=problems, file="my.toml"))
    assert (template is None) == bool(problems)


@given(names)
def test_a_legal_name_stays_as_it_is(name: str) -> None:
    legal = legal_name(name, limit=240)
    fields = {**fields_of(item(), Folders()), "name": legal}
    assert render(path_template("Drums/{name}"), fields) == PurePosixPath("Drums") / legal
