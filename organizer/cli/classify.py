"""`organizer classify`: what each file is, nothing touched."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import click

from organizer.cli.output import Progress, as_json, printable, say, warn
from organizer.errors import UsageProblem
from organizer.pack import is_junk, type_of
from organizer.sample import FileType, Origin, Sample

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "json_", is_flag=True, help="One JSON object a line.")
@click.option("--audio-only", is_flag=True, help="Listen only: names and metadata count for nothing.")
@click.pass_context
def classify(ctx: click.Context, *, paths: tuple[Path, ...], json_: bool, audio_only: bool) -> None:
    """Say what each file is; touch nothing. Folders are looked through.

    Exits with 1 when some file cannot be read; the others are told all the same.

    \b
    Examples:
      organizer classify "VEH1 Bassdrum 001.wav"
      organizer classify --json ~/Samples > heard.jsonl
    """
    from organizer.cli.assembly import Assembly
    from organizer.recognition.recognize import Request

    requests = [Request(path=path, origin=origin) for path, origin in _audio_below(paths)]
    if not requests:
        raise UsageProblem("no audio file there", hint="Name audio files, or folders that hold some.")
    failed = 0
    with Assembly() as parts, Progress("classify") as progress:
        recognizer = parts.recognizer(audio_only=audio_only, keep_embedding=False)
        for done, result in enumerate(recognizer.hear(requests), start=1):
            progress("listening", done, len(requests))
            if result.sample is None:
                assert result.error is not None  # one of the two is always there
                failed += 1
                if json_:
                    click.echo(
                        as_json(
                            {"path": result.path, "error": result.error.message, "hint": result.error.hint}
                        )
                    )
                else:
                    warn(f"{result.path}: {result.error.message}")
            elif json_:
                click.echo(as_json({"path": result.path, **sample_as_json(result.sample)}))
            else:
                say(f"{result.path}: {in_words(result.sample)}")
    ctx.exit(1 if failed else 0)


def sample_as_json(sample: Sample) -> dict[str, Any]:
    """Describe a sample as `classify --json` and `why --json` do."""
    facts, heard = sample.facts, sample.recognition
    return {
        "kind": heard.kind.value,
        "kind_confidence": _rounded(heard.kind_confidence),
        "label": heard.label,
        "label_confidence": _rounded(heard.label_confidence),
        "category": heard.category,
        "confidence": _rounded(heard.confidence),
        "margin": _rounded(heard.margin),
        "probabilities": _rounded_all(heard.probabilities),
        "evidence": {
            source: None
            if (evidence := heard.evidence_of(source)) is None
            else {
                "labels": _rounded_all(evidence.labels),
                "kinds": _rounded_all(evidence.kinds),
                "bpm": evidence.bpm,
                "key": evidence.key,
                "reasons": list(evidence.reasons),
            }
            for source in ("audio", "name", "metadata")
        },
        "duration": round(facts.duration, 4),
        "format": facts.format,
        "samplerate": facts.samplerate,
        "channels": facts.channels,
        "bits": facts.bits,
        "peak": None if facts.peak is None else round(facts.peak, 2),
        "warnings": list(facts.warnings),
        "content_hash": facts.content_hash,
        "sound_id": facts.sound_id,
        "model": heard.model_id,
    }


def in_words(sample: Sample) -> str:
    """Say in one short line what a sample is and how sure that is."""
    heard = sample.recognition
    what = heard.kind.value if heard.label is None else f"{heard.label} {heard.kind.value}"
    ranked = sorted(heard.probabilities.items(), key=lambda item: -item[1])
    others = [f"{label} {share:.0%}" for label, share in ranked if label != heard.label and share >= 0.1][:2]
    rest = f" (or {', '.join(others)})" if others and heard.label is not None else ""
    warnings = f" - {'; '.join(sample.facts.warnings)}" if sample.facts.warnings else ""
    return printable(f"{what}, {heard.confidence:.0%} sure{rest}{warnings}")


def _audio_below(paths: Iterable[Path]) -> Iterator[tuple[Path, Origin]]:
    """Find the audio in what was named; a file named outright counts whatever its suffix."""
    for given in paths:
        path = given.expanduser()
        if not path.is_dir():
            yield path, Origin(inbox="", name=path.name, subpath=PurePosixPath(path.absolute().parent.name))
            continue
        pack = path.absolute().name
        for folder, folders, names in os.walk(path):
            below = PurePosixPath(Path(folder).relative_to(path))
            folders[:] = sorted(name for name in folders if not is_junk(PurePosixPath(name)))
            for name in sorted(names):
                if type_of(PurePosixPath(name)) is FileType.AUDIO and not is_junk(PurePosixPath(name)):
                    yield Path(folder) / name, Origin(inbox="", pack=pack, subpath=below, name=name)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _rounded_all(values: Any) -> dict[str, float]:
    return {name: round(float(value), 4) for name, value in values.items()}
