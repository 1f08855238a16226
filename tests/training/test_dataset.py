"""Manifests are read whole or refused with what is wrong; sounds that cannot be read are named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from organizer.errors import UsageProblem
from organizer.labels import LABELS
from organizer.training.dataset import (
    NOT_A_LABEL,
    Row,
    as_stored,
    content_in,
    digest,
    load_sounds,
    read_manifest,
    weights,
)


def manifest_of(folder: Path, text: str) -> Path:
    path = folder / "manifest.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_rows_have_what_the_manifest_says_and_nothing_where_it_is_silent(tmp_path: Path) -> None:
    full, bare = read_manifest(
        manifest_of(
            tmp_path,
            "file,label,split,source,kit,license,orig_path,orig_seconds\n"
            "a/1.flac,snare,train,some where,TR,CC0,Snares/SD 1.wav,0.25\n"
            "2.flac,loop,,,,,,soon\n",
        ),
        tmp_path / "audio",
    )
    assert full == Row(
        path=tmp_path / "audio" / "a" / "1.flac", file="a/1.flac", label="snare", split="train",
        source="some where", kit="TR", license="CC0", orig_path="Snares/SD 1.wav", seconds=0.25,
    )  # fmt: skip
    assert full.label_index == LABELS.index("snare")
    assert bare.is_loop
    assert bare.label_index == NOT_A_LABEL
    assert (bare.kit, bare.seconds) == ("", None)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no rows"),
        ("file,label\n", "no rows"),
        ("path,label\na.wav,kick\n", "lacks the column file"),
        ("a.wav\nb.wav\n", "lacks the column file and label"),
        ("file,label\na.wav,kick\nb.wav,bassdrum\nc.wav,\n", "not known: , bassdrum"),
    ],
)
def test_a_manifest_that_cannot_be_used_is_refused(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(UsageProblem, match=words):
        read_manifest(manifest_of(tmp_path, text), tmp_path)


def test_a_manifest_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "manifest.csv"
    path.write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(UsageProblem, match="cannot be read"):
        read_manifest(path, tmp_path)


@pytest.mark.parametrize(
    ("words", "content"),
    [
        ("drum pattern", "drums"),
        ("Loops/Funk_Break_90.wav", "drums"),
        ("clean-breaks", "drums"),
        ("TopLoop 120 / tops", "percussion"),
        ("CONGAS 1", "percussion"),
        ("bassline", "bass"),
        ("Bass_Loop_01", "bass"),
        ("808s/sub.wav", "bass"),
        ("guitar riff A", "melodic"),
        ("acapella", "vocal"),
        ("vox2", "vocal"),
        ("sfx", "fx"),
        # The nearest to the name says it.
        ("Drum Loops / melodic / 01.wav", "melodic"),
        ("Melodic / drumloop 01.wav", "drums"),
        ("synth bass", "bass"),
        # A word within another is not that word.
        ("basset hounds, drumstick, keyset", ""),
        ("Loop 120 bpm.wav", ""),
        ("", ""),
    ],
)
def test_words_say_what_a_loop_is_made_of(words: str, content: str) -> None:
    assert content_in(words) == content


def test_only_loops_have_a_content_and_any_column_of_names_can_tell_it(tmp_path: Path) -> None:
    rows = read_manifest(
        manifest_of(
            tmp_path,
            "file,label,source,kit,orig_path,raw_label\n"
            "1.wav,loop,clean-breaks,,,\n"
            "2.wav,loop,,Basslines,,\n"
            "3.wav,loop,,,Loops/riff 1.wav,\n"
            "4.wav,loop,,,x.wav,vocals\n"
            "5.wav,loop,,,x.wav,\n"
            "6.wav,bass,,Basslines,bass 1.wav,bass\n",
        ),
        tmp_path,
    )
    assert [row.content for row in rows] == ["drums", "bass", "melodic", "vocal", "", ""]


def test_sounds_are_kept_at_full_range_without_padding_and_the_unreadable_are_named(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "quiet.wav", np.full(1000, 0.01), 32_000)
    (tmp_path / "broken.wav").write_bytes(b"RIFF of nothing")
    rows = [
        Row(path=tmp_path / name, file=name, label="fx") for name in ("quiet.wav", "broken.wav", "none.wav")
    ]
    counted: list[int] = []
    sounds = load_sounds(rows, samplerate=32_000, longest=5_000, advance=counted.append)
    assert [row.file for row in sounds.rows] == ["quiet.wav"]
    assert sounds.waves[0].dtype == np.int16
    assert len(sounds.waves[0]) == 1000
    assert sounds.waves[0].max() == 32_767
    assert [problem.split(":")[0] for problem in sounds.unread] == ["broken.wav", "none.wav"]
    assert sum(counted) == 3


def test_silence_is_stored_as_one_zero() -> None:
    np.testing.assert_array_equal(as_stored(np.zeros(100, np.float32)), [0])


def test_large_kits_common_labels_and_noisy_sources_weigh_less_each() -> None:
    def rows(count: int, label: str, kit: str, file: str = "x/1.flac") -> list[Row]:
        return [Row(path=Path(file), file=file, label=label, source="s", kit=kit)] * count

    some = [*rows(16, "kick", "large"), *rows(1, "kick", "small"), *rows(1, "snap", "small")]
    shares = weights(some)
    assert shares.sum() == pytest.approx(1.0)
    large, small, rare = shares[0], shares[16], shares[17]
    assert large < small < rare
    assert small / large == pytest.approx((2 / 16) ** -0.25)
    assert rare / small == pytest.approx((1 / 17) ** -0.5)
    noisy = weights([*rows(1, "kick", "k"), *rows(1, "kick", "k", "gh_amiga_st/1.flac")])
    assert noisy[1] / noisy[0] == pytest.approx(0.5)


def test_the_digest_changes_with_any_label_or_sound() -> None:
    row = Row(path=Path("a"), file="a", label="kick")
    other = Row(path=Path("a"), file="a", label="tom")
    wave, changed = np.arange(5, dtype=np.int16), np.arange(1, 6, dtype=np.int16)
    first = digest([row], [wave])
    assert first == digest([row], [wave.copy()])
    assert len({first, digest([other], [wave]), digest([row], [changed])}) == 3
