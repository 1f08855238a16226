from __future__ import annotations

import io
import os
import random
import struct
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile

from organizer.demo import sounds
from organizer.errors import FileProblem, Unreachable, Unreadable, Unsupported
from organizer.recognition.decode import Decoded, read
from organizer.recognition.identity import content_hash, sound_id
from organizer.stopping import Stopped
from tests.asked import YesFrom

if TYPE_CHECKING:
    from collections.abc import Callable

    Write = Callable[..., Path]

RATE = 44_100


def wav(
    payload: bytes, *, claims: int | None = None, channels: int = 1, rate: int = RATE, bits: int = 16
) -> bytes:
    """Make a WAV whose header may claim another size of sound than it has."""
    claims = len(payload) if claims is None else claims
    block = max(1, channels * bits // 8)
    form = struct.pack("<HHIIHH", 1, channels, rate, rate * block & 0xFFFFFFFF, block & 0xFFFF, bits)
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", claims) + payload
    return b"RIFF" + struct.pack("<I", min(0xFFFFFFFF, len(body) - len(payload) + claims)) + body


@pytest.mark.parametrize(
    ("name", "options", "form", "bits"),
    [
        ("a.wav", {"subtype": "PCM_16"}, "wav", 16),
        ("a.wav", {"subtype": "PCM_24"}, "wav", 24),
        ("a.wav", {"subtype": "PCM_U8"}, "wav", 8),
        ("a.wav", {"subtype": "FLOAT"}, "wav", 32),
        ("a.wav", {"subtype": "DOUBLE"}, "wav", 64),
        ("a.wav", {"subtype": "ULAW"}, "wav", 8),
        ("a.wav", {"subtype": "PCM_16", "format": "WAVEX"}, "wav", 16),
        ("a.wav", {"subtype": "PCM_16", "format": "RF64"}, "wav", 16),
        ("a.aiff", {}, "aiff", 16),
        ("a.flac", {}, "flac", 16),
        ("a.caf", {"subtype": "ALAC_24"}, "caf", 24),
        ("a.ogg", {}, "ogg", None),
        ("a.opus", {"format": "OGG", "subtype": "OPUS"}, "opus", None),
        ("a.mp3", {}, "mp3", None),
    ],
)
def test_facts_of_every_format(
    tmp_path: Path, write_sound: Write, name: str, options: dict[str, str], form: str, bits: int | None
) -> None:
    wave = np.stack([sounds.snare(), sounds.snare() * 0.5], axis=1)
    path = write_sound(tmp_path / name, wave, rate=48_000, **options)
    decoded = read(path, seconds=30.0)
    facts = decoded.facts
    assert (facts.format, facts.bits, facts.samplerate, facts.channels) == (form, bits, 48_000, 2)
    assert facts.duration == pytest.approx(len(wave) / 48_000, abs=0.06)
    assert facts.peak == pytest.approx(20 * np.log10(np.abs(wave).max()), abs=1.5)
    assert facts.content_hash == content_hash(path)
    assert facts.sound_id == sound_id(path)
    assert facts.warnings == ()
    assert decoded.wave.dtype == np.float32
    assert decoded.wave.shape[1] == 2


def test_lossless_samples_come_back_as_they_were(tmp_path: Path) -> None:
    samples = (sounds.snare() * 32_767).astype(np.int16)
    soundfile.write(tmp_path / "a.flac", samples, RATE)
    decoded = read(tmp_path / "a.flac", seconds=1.0)
    np.testing.assert_array_equal(decoded.wave[:, 0] * 32_768, samples[:RATE])


def test_only_the_beginning_is_kept_and_all_is_measured(tmp_path: Path, write_sound: Write) -> None:
    wave = np.concatenate([np.full(RATE, 0.1, np.float32), np.full(RATE, 0.9, np.float32)])
    decoded = read(write_sound(tmp_path / "a.wav", wave), seconds=0.5)
    assert len(decoded.wave) == RATE // 2
    assert decoded.facts.duration == 2.0
    assert decoded.facts.peak == pytest.approx(20 * np.log10(0.9), abs=0.01)


def read_counting(path: Path) -> tuple[Decoded, int]:
    """Read a file and give the most memory that Python and numpy held for it, in bytes."""
    tracemalloc.start()
    try:
        return read(path, seconds=30.0), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_an_hour_costs_no_more_memory_than_its_beginning(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"hour.{suffix}"
    minute = np.zeros(8_000 * 60, np.float32)
    minute[:: 8_000 * 10] = 0.5
    with soundfile.SoundFile(path, "w", 8_000, 1) as file:
        for _ in range(60):
            file.write(minute)
    decoded, most = read_counting(path)
    assert decoded.facts.duration == pytest.approx(3_600, abs=1)
    assert len(decoded.wave) == 30 * 8_000
    assert most < 8_000_000  # bytes; all of it would be 115 MB


def test_an_hour_of_mp3_is_decoded_at_its_beginning_only(tmp_path: Path, write_sound: Write) -> None:
    path = write_sound(tmp_path / "hour.mp3", np.tile(sounds.kick(), 120))
    path.write_bytes(path.read_bytes() * 60)
    decoded, most = read_counting(path)
    assert decoded.facts.duration >= 60
    assert len(decoded.wave) == 30 * RATE
    assert most < 20_000_000  # bytes; all of it would be 600 MB


def test_a_single_sample_is_a_sound(tmp_path: Path, write_sound: Write) -> None:
    decoded = read(write_sound(tmp_path / "one.wav", np.array([0.5], np.float32)), seconds=30.0)
    assert decoded.wave.shape == (1, 1)
    assert decoded.facts.duration == 1 / RATE


def test_digital_silence_has_no_peak(tmp_path: Path, write_sound: Write) -> None:
    path = write_sound(tmp_path / "a.wav", np.zeros(1_000, np.float32))
    assert read(path, seconds=1.0).facts.peak is None


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty"),
        (b"this is a text and no sound at all, for all its suffix says\n" * 50, "not audio"),
        (bytes(random.Random(1).randbytes(4_096)), "not audio"),
        (b"ID3\x04\x00\x00\x00\x00\x00\x0a" + b"\0" * 10, "not audio"),
        (b"RIFF", "not audio"),
        (wav(b""), "no sound"),
        (wav(b"\0" * 100, channels=0), "not audio"),
        (wav(b"\0" * 100, rate=0), "not audio"),
        (wav(b"\0" * 100, rate=1), "sample rate of 1 Hz"),
        (wav(b"\0" * 100, rate=0x7FFFFFFF), "sample rate"),
        (wav(b"\0" * 100, channels=0xFFFF), "not audio"),
        (b"fLaC" + b"\0" * 4, "not audio"),
        (b"OggS" + b"\0" * 100, "audio"),
    ],
)
@pytest.mark.parametrize("suffix", ["wav", "mp3", "au"])
def test_what_holds_no_sound_is_unreadable_and_says_why(
    tmp_path: Path, data: bytes, said: str, suffix: str
) -> None:
    path = tmp_path / f"bad.{suffix}"
    path.write_bytes(data)
    with pytest.raises(FileProblem, match=said) as caught:
        read(path, seconds=30.0)
    assert isinstance(caught.value, (Unreadable, Unsupported))
    assert caught.value.path == path
    assert caught.value.hint


def test_an_unknown_encoding_is_unsupported(tmp_path: Path) -> None:
    common = struct.pack(">hIh", 1, 50, 16) + bytes.fromhex("400eac44000000000000") + b"QDM2\0\0"
    body = b"AIFCCOMM" + struct.pack(">I", len(common)) + common
    body += b"SSND" + struct.pack(">III", 108, 0, 0) + bytes(100)
    (tmp_path / "a.aifc").write_bytes(b"FORM" + struct.pack(">I", len(body)) + body)
    with pytest.raises(Unsupported, match="encoding"):
        read(tmp_path / "a.aifc", seconds=1.0)


def test_a_truncated_file_is_read_as_far_as_it_goes_with_a_warning(
    tmp_path: Path, write_sound: Write
) -> None:
    for name in ("a.wav", "a.aiff"):
        path = write_sound(tmp_path / name, np.full(2 * RATE, 0.5, np.float32))
        path.write_bytes(path.read_bytes()[: RATE * 2 + 60])
        decoded = read(path, seconds=30.0)
        assert decoded.facts.duration == pytest.approx(1.0, abs=0.01)
        assert decoded.facts.warnings == ("ends 1.0 s before its header says",)


def test_a_truncated_flac_is_read_as_far_as_it_goes(tmp_path: Path, write_sound: Write) -> None:
    noise = np.random.default_rng(1).normal(0, 0.2, 2 * RATE).astype(np.float32)
    path = write_sound(tmp_path / "a.flac", noise)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    decoded = read(path, seconds=30.0)
    assert 0.5 < decoded.facts.duration < 1.2
    assert decoded.facts.warnings[0].endswith("before its header says")


@pytest.mark.parametrize("claims", [0xFFFFFFF0, 0xFFFFFFFF, 0x7FFFFFFF])
def test_a_header_that_claims_gigabytes_allocates_none_of_them(tmp_path: Path, claims: int) -> None:
    path = tmp_path / "huge.wav"
    path.write_bytes(wav(b"\x10\x20" * 500, claims=claims))
    decoded, most = read_counting(path)
    assert len(decoded.wave) == 500
    assert decoded.facts.duration == 500 / RATE
    assert most < 8_000_000  # bytes


def test_a_claim_of_weeks_of_sound_is_refused(tmp_path: Path, write_sound: Write) -> None:
    path = write_sound(tmp_path / "a.flac")
    data = bytearray(path.read_bytes())
    data[21] |= 0x0F  # the top bits of the count of samples in STREAMINFO
    data[22:26] = b"\xff" * 4
    path.write_bytes(data)
    with pytest.raises(Unreadable, match="claims to last 433 hours"):
        read(path, seconds=30.0)


def test_samples_that_are_no_numbers_become_silence_with_a_warning(tmp_path: Path) -> None:
    wave = np.full(1_000, 0.25, np.float32)
    wave[[3, 500, 900]] = [np.nan, np.inf, -np.inf]
    soundfile.write(tmp_path / "a.wav", wave, RATE, subtype="FLOAT")
    decoded = read(tmp_path / "a.wav", seconds=1.0)
    assert np.isfinite(decoded.wave).all()
    assert decoded.wave[3, 0] == 0
    assert decoded.facts.peak == pytest.approx(-12.04, abs=0.01)
    assert decoded.facts.warnings == ("3 of its samples are not numbers, and are taken as silence",)


def test_doubles_beyond_float_become_silence(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.array([1e300, 0.5]), RATE, subtype="DOUBLE")
    assert np.isfinite(read(tmp_path / "a.wav", seconds=1.0).wave).all()


def test_a_folder_a_pipe_and_a_device_are_no_files(tmp_path: Path) -> None:
    (tmp_path / "folder.wav").mkdir()
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "device.wav").symlink_to("/dev/zero")
    (tmp_path / "circle.wav").symlink_to(tmp_path / "circle.wav")
    for name in ("folder", "pipe", "device", "circle"):
        with pytest.raises(Unreadable, match="not a file"):
            read(tmp_path / f"{name}.wav", seconds=1.0)


def test_a_link_is_followed_and_a_dangling_one_unreachable(tmp_path: Path, write_sound: Write) -> None:
    target = write_sound(tmp_path / "a.wav")
    (tmp_path / "link.wav").symlink_to(target)
    assert read(tmp_path / "link.wav", seconds=1.0).facts == read(target, seconds=1.0).facts
    target.unlink()
    with pytest.raises(Unreachable):
        read(tmp_path / "link.wav", seconds=1.0)


def test_a_file_that_cannot_be_opened_now_is_no_lasting_problem(tmp_path: Path, write_sound: Write) -> None:
    for path in (write_sound(tmp_path / "a.wav") / "inside.wav", tmp_path / f"{'x' * 300}.wav"):
        with pytest.raises(Unreachable, match="cannot be read just now") as caught:
            read(path, seconds=1.0)
        assert not caught.value.lasting


def test_content_counts_and_not_the_suffix(tmp_path: Path, write_sound: Write) -> None:
    path = write_sound(tmp_path / "a.flac").rename(tmp_path / "a.wav")
    assert read(path, seconds=1.0).facts.format == "flac"


STAND_IN = """#!{python}
import sys
sys.stdin.read()
if "broken" in sys.argv[sys.argv.index("-i") + 1]:
    sys.exit("moov atom not found")
sys.stdout.buffer.write(open({wav!r}, "rb").read())
"""


def mpeg_4(path: Path) -> Path:
    path.write_bytes(b"\0\0\0\x10ftypM4A \0\0\0\0" + b"\0\0\0\x0cmdat" + b"aaaa")
    return path


@pytest.fixture
def ffmpeg(tmp_path: Path, write_sound: Write) -> str:
    """Make a program with ffmpeg's manners that always gives the same sound."""
    wav_path = write_sound(tmp_path / "answer" / "a.wav", sounds.snare(), subtype="FLOAT")
    program = tmp_path / "answer" / "ffmpeg"
    program.write_text(STAND_IN.format(python=sys.executable, wav=str(wav_path)))
    program.chmod(0o755)
    return str(program)


def test_foreign_formats_go_through_ffmpeg(tmp_path: Path, ffmpeg: str) -> None:
    decoded = read(mpeg_4(tmp_path / "a.m4a"), seconds=30.0, ffmpeg=ffmpeg)
    np.testing.assert_array_equal(decoded.wave[:, 0], sounds.snare())
    assert decoded.facts.format == "m4a"
    assert decoded.facts.sound_id.startswith("coded:")


def test_what_ffmpeg_refuses_is_unreadable_in_its_words(tmp_path: Path, ffmpeg: str) -> None:
    with pytest.raises(Unreadable, match="moov atom not found"):
        read(mpeg_4(tmp_path / "broken.m4a"), seconds=30.0, ffmpeg=ffmpeg)


def test_without_ffmpeg_foreign_formats_are_unsupported_with_a_hint(tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match="m4a audio, which needs ffmpeg") as caught:
        read(mpeg_4(tmp_path / "a.m4a"), seconds=30.0, ffmpeg="no-such-program")
    assert caught.value.hint.startswith("Install ffmpeg")


def test_a_program_that_hangs_is_ended_where_it_is_time_to_stop(tmp_path: Path) -> None:
    number, program = tmp_path / "number", tmp_path / "ffmpeg"
    program.write_text(f"#!/bin/sh\necho $$ > {number}\nexec sleep 600\n")
    program.chmod(0o755)
    with pytest.raises(Stopped):
        read(mpeg_4(tmp_path / "a.m4a"), seconds=30.0, ffmpeg=str(program), stop=number.exists)
    with pytest.raises(ProcessLookupError):
        os.kill(int(number.read_text() or -1), 0)


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".mp3"])
def test_a_stop_gives_up_a_long_file_at_any_question(
    tmp_path: Path, write_sound: Write, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    monkeypatch.setattr("organizer.recognition.identity._READ_BYTES", 1 << 13)
    monkeypatch.setattr("organizer.recognition.opening.BLOCK_SAMPLES", 1 << 13)
    monkeypatch.setattr("organizer.recognition.coded._PIECE", 1 << 13)
    path = write_sound(tmp_path / f"long{suffix}", np.tile(sounds.snare(), 40))
    never = YesFrom()
    read(path, seconds=1.0, stop=never)
    assert never.count > path.stat().st_size // (1 << 13)  # the bytes, and the sound
    for at in (1, never.count // 2, never.count):
        stop = YesFrom(at)
        with pytest.raises(Stopped):
            read(path, seconds=1.0, stop=stop)
        assert stop.count == at
    with pytest.raises(Stopped):
        content_hash(path, stop=lambda: True)
    with pytest.raises(Stopped):
        sound_id(path, stop=lambda: True)


DAMAGED = """
import random, sys
from pathlib import Path
from organizer.errors import FileProblem
from organizer.recognition.decode import read
from organizer.recognition.metadata import read_metadata

draw = random.Random(7)
folder = Path(sys.argv[1])
for source in sorted(folder.iterdir()):
    data = source.read_bytes()
    for turn in range(60):
        broken = bytearray(data[: draw.randrange(len(data))] if turn % 3 == 0 else data)
        for _ in range(draw.choice((0, 1, 3, 20)) if turn % 3 == 0 else draw.choice((1, 3, 20))):
            if broken:
                reach = min(len(broken), draw.choice((48, 400, len(data))))
                broken[draw.randrange(reach)] = draw.choice((0, 255, 127, draw.randrange(256)))
        path = folder.parent / f"broken{source.suffix}"
        path.write_bytes(broken)
        try:
            read(path, seconds=30.0)
        except FileProblem as problem:
            assert problem.message and problem.path == path
        read_metadata(path)
print("survived")
"""


def test_damaged_files_of_all_formats_raise_nothing_but_file_problems(tmp_path: Path) -> None:
    folder = tmp_path / "sources"
    folder.mkdir()
    wave = np.stack([sounds.snare()[:8_000]] * 2, axis=1)
    for name, options in {
        "a.wav": {"subtype": "PCM_16"}, "b.wav": {"subtype": "FLOAT"}, "c.wav": {"subtype": "IMA_ADPCM"},
        "d.aiff": {"subtype": "PCM_24"}, "e.flac": {}, "f.ogg": {}, "g.mp3": {},
        "h.caf": {"subtype": "ALAC_16"}, "i.opus": {"format": "OGG", "subtype": "OPUS"},
    }.items():  # fmt: skip
        buffer = io.BytesIO()
        form = options.pop("format", Path(name).suffix[1:].upper())
        soundfile.write(buffer, wave, 48_000, format=form, **options)
        (folder / name).write_bytes(buffer.getvalue())
    # A process of its own, so that a crash or a hang inside a decoder is seen for what it is.
    done = subprocess.run(
        [sys.executable, "-c", DAMAGED, str(folder)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.stdout == "survived\n", done.stderr[-2_000:]
