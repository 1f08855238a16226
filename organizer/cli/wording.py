"""How operations and samples are told, in a line and as JSON; pure text, the same in every command."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from organizer.cli.output import printable
from organizer.planning import attributes
from organizer.planning import operations as op

if TYPE_CHECKING:
    from organizer.planning.operations import Operation
    from organizer.sample import Sample


def operation_in_words(operation: Operation) -> str:
    """Say what an operation does in one line."""
    match operation:
        case op.Move(source=source, target=target, remark=remark):
            return f"move {source} -> {target}" + (f" ({remark})" if remark else "")
        case op.Copy(source=source, target=target):
            return f"copy {source} -> {target}"
        case op.Skip(path=path, reason=reason):
            return f"leave {path}: {reason}"
        case op.WriteTags(path=path, tags=tags):
            return f"tag {path}: {', '.join(f'{name}={value}' for name, value in tags.items())}"
        case op.RestoreBytes(path=path):
            return f"take the tags back from {path}"
        case op.Extract(archive=archive, member=member, target=target, remark=remark):
            return f"unpack {member} of {archive} -> {target}" + (f" ({remark})" if remark else "")
        case op.RemoveExtracted(path=path, archive=archive):
            return f"remove {path}, which is in {archive}"
        case op.Link(source=source, target=target, pointer=pointer):
            return f"{'symbolic' if pointer else 'hard'} link {target} -> {source}"
        case op.WriteAttribute(path=path, name=name, after=after):
            said = "nothing" if after is None else attributes.decoded(name, after)
            return f"set {name} of {path} to {said}"
        case op.WriteEntries(path=path, entries=entries):
            return f"describe {', '.join(entries)} in {path}"
        case op.RemoveEntries(path=path, entries=entries):
            return f"take {', '.join(entries)} out of {path}"
        case op.WriteSidecar(path=path):
            return f"write {path}"
        case op.RemoveSidecar(path=path) | op.RemoveCopy(path=path) | op.RemoveLink(path=path):
            return f"remove {path}"
        case op.Discard(path=path, twin=twin):
            return f"delete {path} for good" + (f" (the same sound is {twin})" if twin else "")
        case op.Teach(path=path, label=label, was=was):
            said = f"is {label}" if label is not None else f"is not to be {was} any more"
            return f"learn that {path} {said}"
        case op.MakeFolder(path=path):
            return f"make the folder {path}"
        case op.RemoveFolder(path=path):
            return f"remove the empty folder {path}"
        case op.KeepFolderTime(path=path):
            return f"keep the time of {path}"


def operation_as_json(operation: Operation) -> dict[str, Any]:
    values = {field.name: getattr(operation, field.name) for field in dataclasses.fields(operation)}
    for name in ("patch", "embedding"):  # bytes for programs, nothing to read
        values.pop(name, None)
    for name in ("stamp", "like"):
        if values.get(name) is not None:
            values[name] = dataclasses.asdict(values[name])
    for name in ("tags", "entries"):
        if name in values:
            values[name] = dict(values[name])
    for name in ("before", "after"):
        if isinstance(values.get(name), bytes):
            values[name] = attributes.decoded(values["name"], values[name])
    return {"operation": type(operation).__name__, **values}


def sample_in_words(sample: Sample) -> str:
    """Say in one short line what a sample is and how sure that is."""
    heard = sample.recognition
    of = heard.label or heard.content
    what = heard.kind.value if of is None else f"{of} {heard.kind.value}"
    ranked = sorted(heard.probabilities.items(), key=lambda item: -item[1])
    others = [f"{label} {share:.0%}" for label, share in ranked if label != heard.label and share >= 0.1][:2]
    rest = f" (or {', '.join(others)})" if others and heard.label is not None else ""
    music = "".join(
        f", {value}"
        for value in (
            f"{sample.music.bpm:g} BPM" if sample.music.bpm else None,
            sample.music.key or sample.music.note,
        )
        if value
    )
    warnings = f" - {'; '.join(sample.facts.warnings)}" if sample.facts.warnings else ""
    return printable(f"{what}, {heard.confidence:.0%} sure{rest}{music}{warnings}")


def sample_as_json(sample: Sample) -> dict[str, Any]:
    """Describe a sample as `classify --json` and `why --json` do."""
    facts, heard = sample.facts, sample.recognition
    return {
        "kind": heard.kind.value,
        "kind_confidence": _rounded(heard.kind_confidence),
        "label": heard.label,
        "label_confidence": _rounded(heard.label_confidence),
        "category": heard.category,
        "content": heard.content,
        "content_confidence": _rounded(heard.content_confidence),
        "confidence": _rounded(heard.confidence),
        "margin": _rounded(heard.margin),
        "probabilities": _rounded_all(heard.probabilities),
        "evidence": {
            source: None
            if (evidence := heard.evidence_of(source)) is None
            else {
                "labels": _rounded_all(evidence.labels),
                "kinds": _rounded_all(evidence.kinds),
                "contents": _rounded_all(evidence.contents),
                "bpm": evidence.bpm,
                "key": evidence.key,
                "reasons": list(evidence.reasons),
                "trust": _rounded(evidence.trust),
            }
            for source in ("audio", "name", "metadata", "user")
        },
        "doubts": list(heard.doubts),
        "bpm": sample.music.bpm,
        "bpm_confidence": sample.music.bpm_confidence,
        "key": sample.music.key,
        "key_confidence": sample.music.key_confidence,
        "note": sample.music.note,
        "note_confidence": sample.music.note_confidence,
        "music": list(sample.music.reasons),
        "metadata": dict(sample.metadata),
        "duration": round(facts.duration, 4),
        "format": facts.format,
        "samplerate": facts.samplerate,
        "channels": facts.channels,
        "bits": facts.bits,
        "peak": None if facts.peak is None else round(facts.peak, 2),
        "loudness": None if facts.loudness is None else round(facts.loudness, 2),
        "warnings": list(facts.warnings),
        "content_hash": facts.content_hash,
        "sound_id": facts.sound_id,
        "model": heard.model_id,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _rounded_all(values: Any) -> dict[str, float]:
    return {name: round(float(value), 4) for name, value in values.items()}
