"""`organizer why`: what a file was heard as, on what evidence, by which rule it lies there, the way back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from organizer.cli.assembly import Assembly
from organizer.cli.output import as_json, say
from organizer.cli.wording import operation_in_words, sample_as_json, sample_in_words
from organizer.config import absolute
from organizer.errors import UsageProblem
from organizer.pack import type_of
from organizer.sample import FileType, Item, Origin, Stamp

if TYPE_CHECKING:
    from organizer.execution.records import OperationRecord
    from organizer.library.index import Entry
    from organizer.rules.ruleset import Decision
    from organizer.sample import Sample


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "json_", is_flag=True, help="Print as JSON.")
def why(*, file: Path, json_: bool) -> None:
    """Tell why FILE is where it is: what was heard, on what evidence, by which rule, and the way back.

    A file that was moved may be named by its old or its new place. One that Organizer has not filed is
    heard now, and the rules are asked what they would do; nothing is touched.

    \b
    Examples:
      organizer why ~/Samples/Drums/Kicks/Pack/Kick.wav
      organizer why --json "Kick (2).wav"
    """
    path = absolute(file)
    with Assembly() as parts:
        history = parts.journal_to_read.history_of(path)
        now = _place_now(path, history)
        entry = parts.index.get(now)
        decision = _decide(parts, now, entry)
        stays = parts.remainders.get(now)
        sample = decision.item.sample
        told: dict[str, Any] = {
            "path": now,
            "asked": path,
            "heard": "when it was filed" if entry is not None else "just now",
            "sample": None if sample is None else sample_as_json(sample),
            "problem": decision.item.problem,
            "rule_then": entry.rule if entry is not None else None,
            "rule_now": decision.rule.name if decision.rule else None,
            "rules": [
                {"rule": verdict.rule_name, "held": verdict.held, "why": verdict.why}
                for verdict in decision.trace
            ],
            "stays": None if stays is None else {"nature": stays.nature.value, "reason": stays.reason},
            "history": [_step(record) for record in history],
            "way_back": _way_back(history),
        }
    if json_:
        click.echo(as_json(told, indent=2))
    else:
        _tell(told, sample)


def _place_now(path: Path, history: list[OperationRecord]) -> Path:
    """Follow the moves of the journal from a place that a file has left."""
    from organizer.planning.operations import Move

    if path.exists():
        return path
    for record in reversed(history):
        if isinstance(record.operation, Move) and record.state == "done" and record.operation.source == path:
            return record.operation.target
    raise UsageProblem(f"there is no file {path}, and the journal knows none that was there", path=path)


def _decide(parts: Assembly, path: Path, entry: Entry | None) -> Decision:
    stamp = Stamp.of(path.stat())
    if entry is not None:
        item = Item(path=path, origin=entry.origin, stamp=stamp, type=FileType.AUDIO, sample=entry.sample)
        return parts.book.rules.decide(item)
    origin = _origin(parts, path)
    item = Item(path=path, origin=origin, stamp=stamp, type=type_of(origin.relative))
    if item.type is FileType.AUDIO:
        item = _hear(parts, item)
    return parts.book.rules.decide(item)


def _hear(parts: Assembly, item: Item) -> Item:
    from dataclasses import replace

    from organizer.recognition.recognize import Request

    result = next(
        iter(parts.recognizer(keep_embedding=False).hear([Request(path=item.path, origin=item.origin)]))
    )
    if result.error is not None:
        return replace(item, problem=result.error.message, hint=result.error.hint)
    return replace(item, sample=result.sample)


def _origin(parts: Assembly, path: Path) -> Origin:
    from pathlib import PurePosixPath

    inbox = parts.config.inbox_of(path)
    if inbox is None:
        return Origin(inbox="", pack=path.parent.name, name=path.name)
    below = PurePosixPath(path.relative_to(inbox.root))
    if len(below.parts) == 1:
        return Origin(inbox=inbox.title, name=path.name)
    subpath = PurePosixPath(*below.parts[1:-1])
    return Origin(inbox=inbox.title, pack=below.parts[0], subpath=subpath, name=path.name)


def _step(record: OperationRecord) -> dict[str, Any]:
    return {
        "batch": record.batch,
        "state": record.state,
        "did": operation_in_words(record.operation),
        "reason": record.error,
    }


def _way_back(history: list[OperationRecord]) -> str | None:
    done = [record.batch for record in history if record.state == "done"]
    return f"organizer undo {done[-1]}" if done else None


def _tell(told: dict[str, Any], sample: Sample | None) -> None:
    say(told["path"])
    if sample is not None:
        say(f"  heard {told['heard']}: {sample_in_words(sample)}")
        for source, evidence in told["sample"]["evidence"].items():
            if evidence is not None:
                say(f"    {source:<9} {_opinion(evidence)}")
    if told["problem"]:
        say(f"  cannot be heard: {told['problem']}")
    if told["rule_then"]:
        say(f'  filed by the rule "{told["rule_then"]}"')
    say("  today's rules:")
    for verdict in told["rules"]:
        say(f"    {'*' if verdict['held'] else '-'} {verdict['rule']}: {verdict['why']}")
    if told["stays"] is not None:
        say(f"  it stays: {told['stays']['reason']}")
    for step in told["history"]:
        say(f"  batch {step['batch']}: {step['did']}" + (f" ({step['reason']})" if step["reason"] else ""))
    if told["way_back"]:
        say(f"  back: {told['way_back']}")


def _opinion(evidence: dict[str, Any]) -> str:
    labels = sorted(evidence["labels"].items(), key=lambda item: -item[1])[:3]
    kinds = sorted(evidence["kinds"].items(), key=lambda item: -item[1])[:1]
    said = [f"{name} {share:.0%}" for name, share in (*labels, *kinds) if share >= 0.01]
    for name in ("bpm", "key"):
        if evidence[name] is not None:
            said.append(f"{name} {evidence[name]}")
    reasons = f" - {'; '.join(evidence['reasons'])}" if evidence["reasons"] else ""
    return (", ".join(said) or "no opinion") + reasons
