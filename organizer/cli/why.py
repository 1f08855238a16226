"""`organizer why`: what a file was heard as, on what evidence, by which rule it lies there, the way back."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from organizer.cli.assembly import Assembly
from organizer.cli.output import Progress, as_json, say
from organizer.cli.wording import operation_in_words, sample_as_json, sample_in_words
from organizer.config import absolute
from organizer.errors import UsageProblem
from organizer.sample import FileType, Item, Stamp

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
    from organizer.recognition.identity import content_hash

    path = absolute(file)
    with Assembly() as parts:
        history = parts.journal_to_read.history_of(path)
        now = place_now(path, history)
        if now.is_dir():
            raise UsageProblem(f"{now} is a folder", path=now, hint="Name one file.")
        entry = parts.index.get(now)
        held = parts.journal_to_read.is_held(now, Stamp.of(now.stat()), content_hash)
        decision = decide(parts, now, entry)
        stays = parts.remainders.get(now)
        sample = decision.item.sample
        told: dict[str, Any] = {
            "path": now,
            "asked": path,
            "heard": "when it was filed" if entry is not None else "just now",
            "sample": None if sample is None else sample_as_json(sample),
            "problem": decision.item.problem,
            "held": held,
            "rule_then": entry.rule if entry is not None and not held else None,
            "rule_now": decision.rule.name if decision.rule else None,
            "rules": [
                {"rule": verdict.rule_name, "held": verdict.held, "why": verdict.why}
                for verdict in decision.trace
            ],
            "stays": None if stays is None else {"nature": stays.nature.value, "reason": stays.reason},
            "history": [_step(record) for record in history],
            "way_back": _way_back(parts, history, held=held),
        }
    if json_:
        click.echo(as_json(told, indent=2))
    else:
        _tell(told, sample)


def place_now(path: Path, history: list[OperationRecord]) -> Path:
    """Follow the moves of the journal from a place that a file has left."""
    from organizer.planning.operations import Move

    if path.exists():
        return path
    for record in reversed(history):
        if isinstance(record.operation, Move) and record.state == "done" and record.operation.source == path:
            return record.operation.target
    raise UsageProblem(f"there is no file {path}, and the journal knows none that was there", path=path)


def decide(parts: Assembly, path: Path, entry: Entry | None) -> Decision:
    """Ask today's rules: about what was heard when it was filed, else about what is heard now."""
    if entry is None:
        with Progress("why") as progress:
            return parts.proposing.decide_on(path, progress=progress)
    item = Item(
        path=path,
        origin=entry.origin,
        stamp=Stamp.of(path.stat()),
        type=FileType.AUDIO,
        sample=entry.sample,
        day=date.fromtimestamp(entry.heard_at),
    )
    return parts.book.of(item.origin.inbox).decide(item)


def _step(record: OperationRecord) -> dict[str, Any]:
    from organizer.planning.operations import Skip

    return {
        "batch": record.batch,
        "state": record.state,
        "did": operation_in_words(record.operation),
        "reason": "" if isinstance(record.operation, Skip) else record.error,
    }


def _way_back(parts: Assembly, history: list[OperationRecord], *, held: bool) -> str | None:
    """Name the command that turns the newest thing around that was done to a file and is in force."""
    for record in reversed(history):
        batch = parts.journal_to_read.batch(record.batch)
        if record.state != "done" or batch is None or batch.undone:
            continue
        return f"organizer redo {batch.id}" if held else f"organizer undo {batch.id}"
    return None


def _tell(told: dict[str, Any], sample: Sample | None) -> None:
    say(told["path"])
    if sample is not None:
        say(f"  heard {told['heard']}: {sample_in_words(sample)}")
        for source, evidence in told["sample"]["evidence"].items():
            if evidence is not None:
                say(f"    {source:<9} {_opinion(evidence)}")
        for reason in told["sample"]["music"]:
            say(f"    music     {reason}")
        for doubt in told["sample"]["doubts"]:
            say(f"    doubt     {doubt}")
    if told["problem"]:
        say(f"  cannot be heard: {told['problem']}")
    if told["rule_then"]:
        say(f'  filed by the rule "{told["rule_then"]}"')
    say("  today's rules:")
    for verdict in told["rules"]:
        say(f"    {'*' if verdict['held'] else '-'} {verdict['rule']}: {verdict['why']}")
    if told["held"]:
        say("  held: an undo put it back here, and it is not filed again by itself")
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
    if evidence["trust"] is not None:
        said.append(f"believed {evidence['trust']:.0%}")
    reasons = f" - {'; '.join(evidence['reasons'])}" if evidence["reasons"] else ""
    return (", ".join(said) or "no opinion") + reasons
