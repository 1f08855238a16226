"""What makes a file, and a sound, the same as another: hashes, streamed with flat memory.

`content_hash` is of the bytes. `sound_id` is of the sound: it stays the same when tags are written, and
for lossless formats it is the same in any container. Nothing here judges a sound.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np

from organizer.errors import Unreadable
from organizer.recognition import coded
from organizer.recognition.opening import blocks, open_regular, open_sound
from organizer.stopping import Stopped, never, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from io import FileIO
    from pathlib import Path

    import soundfile

    from organizer.recognition.opening import Block
    from organizer.stopping import Stop

_DIGEST_BYTES = 16
_READ_BYTES = 1 << 20

# Whose samples are whole numbers by definition of the format, each the same from every decoder.
_WHOLE_NUMBERS = ("PCM_", "DPCM_", "ALAC_", "ULAW", "ALAW", "IMA_ADPCM", "MS_ADPCM", "DWVW_", "VOX_ADPCM")
_FLOATS = {"FLOAT": "float32", "DOUBLE": "float64"}


def content_hash(path: Path, *, stop: Stop = never) -> str:
    """Hash the bytes of a file: `b2:` and 128 bits of BLAKE2b in hex.

    Raises `Unreachable` or `Unreadable` as `open_regular` does, `Stopped` when asked to stop.
    """
    with open_regular(path) as file:
        return hash_bytes(file, stop)


def sound_id(path: Path, *, stop: Stop = never) -> str:
    """Name the sound in a file, the same under any tags.

    `pcm:` (any lossless format with whole-number samples) and `float:` are hashes of samples, rate and
    channels; `coded:` (MP3, Ogg, M4A, ...) of the coded audio without its tags.
    Raises `Unreachable`, `Unreadable` or `Unsupported`, `Stopped` when asked to stop.
    """
    with open_regular(path) as file:
        form = coded.form_of(file)
        if form is not None:
            return hash_coded(file, form, path, stop)
        with open_sound(file, path) as sound:
            return hash_samples(sound, stop=stop)


def hash_bytes(file: FileIO, stop: Stop = never) -> str:
    file.seek(0)
    return hash_blocks(until(stop, iter(lambda: file.read(_READ_BYTES) or b"", b"")))


def hash_blocks(blocks: Iterable[bytes]) -> str:
    """Hash bytes that come in pieces, as `content_hash` does those of a file."""
    digest = _digest()
    for block in blocks:
        digest.update(block)
    return f"b2:{digest.hexdigest()}"


def exact_dtype(sound: soundfile.SoundFile) -> str:
    """Choose the type that takes in the samples of `sound` unchanged."""
    return _FLOATS.get(sound.subtype, "int32")


def hash_samples(
    sound: soundfile.SoundFile, listen: Callable[[Block], None] | None = None, *, stop: Stop = never
) -> str:
    """Hash every sample of an open sound, handing each block to `listen` on the way.

    Whole numbers are widened to 32 bits from the top, so that 16 bits in FLAC, WAV and AIFF agree.
    """
    dtype = exact_dtype(sound)
    scheme = "float" if sound.subtype in _FLOATS else "pcm"
    if scheme == "pcm" and not sound.subtype.startswith(_WHOLE_NUMBERS):
        scheme = "decoded"  # a lossy coder in a lossless container; as stable as its decoder
    little = np.dtype(dtype).newbyteorder("<")
    digest = _digest()
    digest.update(f"{scheme}:{dtype}:{sound.samplerate}:{sound.channels}:".encode())
    for block in until(stop, blocks(sound, dtype)):
        digest.update(block.astype(little, copy=False).data)
        if listen is not None:
            listen(block)
    return f"{scheme}:{digest.hexdigest()}"


def hash_coded(file: FileIO, form: coded.Form, path: Path, stop: Stop = never) -> str:
    """Hash the coded audio of a file, leaving out what tags are made of."""
    digest, unasked = _digest(), 0
    try:
        for piece in coded.audio_of(file, form):
            digest.update(piece)
            unasked += len(piece)  # some are a few bytes long
            if unasked >= _READ_BYTES:
                unasked = 0
                if stop():
                    raise Stopped
    except coded.Malformed as error:
        raise Unreadable(
            f"the file is damaged: {error}", path=path, hint="Download or export it again."
        ) from error
    return f"coded:{digest.hexdigest()}"


def _digest() -> blake2b:
    return blake2b(digest_size=_DIGEST_BYTES)
