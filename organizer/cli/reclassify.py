"""`organizer reclassify --dry-run`: what today's model and rules would change in the library."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from organizer.cli.assembly import Assembly
from organizer.cli.interrupts import Interrupts
from organizer.cli.output import Progress, as_json, say, warn
from organizer.config import absolute
from organizer.errors import UsageProblem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from organizer.batch.reclassifying import Change, Lost


@click.command()
@click.argument("path", required=False, type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="List what would change; do nothing. Needed, for now.")
@click.option("--json", "json_", is_flag=True, help="Print as JSON.")
@click.option("--csv", "csv_", is_flag=True, help="Print as CSV.")
@click.pass_context
def reclassify(ctx: click.Context, *, path: Path | None, dry_run: bool, json_: bool, csv_: bool) -> None:
    """Look at the library, or PATH in it, again, and list what today's model and rules would change.

    What today's model has heard is not heard again: only the words, the rules and what you said of sounds are
    asked anew. Only --dry-run is there so far: moving sounds of a library breaks the projects that use them.

    \b
    Examples:
      organizer reclassify --dry-run
      organizer reclassify ~/Samples/_Review --dry-run --json
    """
    if not dry_run:
        raise UsageProblem(
            "reclassify cannot move files of the library yet",
            hint="Say --dry-run to see what would change.",
        )
    if json_ and csv_:
        raise UsageProblem("print as JSON or as CSV: one of them")
    from organizer.batch.reclassifying import Lost

    with Assembly() as parts, Interrupts() as stop, Progress("reclassify") as progress:
        below = parts.config.library_root if path is None else absolute(path)
        library = next((root for root in parts.config.library_roots if below.is_relative_to(root)), None)
        if library is None:
            raise UsageProblem(f"{below} is not in the library {parts.config.library_root}", path=below)
        looked: list[Change] = []
        lost: list[Lost] = []
        count = 0
        for one in parts.reclassifying.look(below, stop=stop, progress=progress):
            count += 1
            if isinstance(one, Lost):
                lost.append(one)
            elif one.is_one:
                looked.append(one)
    if json_:
        gone = [{"path": str(one.entry.path), "error": one.problem} for one in lost]
        changes = [_as_json(one) for one in looked]
        click.echo(as_json({"heard": count, "changes": changes, "problems": gone}, indent=2))
    elif csv_:
        _write_csv(looked)
    else:
        _tell(looked, lost, library, count)
    ctx.exit(1 if lost else 0)


def _as_json(change: Change) -> dict[str, Any]:
    old, now = change.entry.sample.recognition, change.now
    return {
        "path": str(change.entry.path),
        "to": None if change.target is None else str(change.target),
        "rule": change.decision.rule.name if change.decision.rule else None,
        "was": {"kind": old.kind, "label": old.label, "confidence": round(old.confidence, 4)},
        "is": {"kind": now.kind, "label": now.label, "confidence": round(now.confidence, 4)},
        "model_was": old.model_id,
        "model": now.model_id,
    }


def _write_csv(changes: Sequence[Change]) -> None:
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(["path", "to", "rule", "was", "was_confidence", "is", "is_confidence"])
    for change in changes:
        told = _as_json(change)
        was, now = told["was"], told["is"]
        writer.writerow(
            [
                *(told["path"], told["to"] or "", told["rule"] or ""),
                *(was["label"] or was["kind"], was["confidence"]),
                *(now["label"] or now["kind"], now["confidence"]),
            ]
        )
    for line in table.getvalue().splitlines():
        say(line)


def _tell(changes: Sequence[Change], lost: Sequence[Lost], library: Path, count: int) -> None:
    """Print the changes by what changes, the commonest first."""
    groups: defaultdict[str, list[Change]] = defaultdict(list)
    for change in changes:
        groups[_headline(change)].append(change)
    for headline, members in sorted(groups.items(), key=lambda one: (-len(one[1]), one[0])):
        say(f"{headline}: {len(members)}")
        for change in members:
            was, now = change.entry.sample.recognition.confidence, change.now.confidence
            path = change.entry.path.relative_to(library)
            where = "stays" if change.target is None else f"to {change.target.relative_to(library)}"
            say(f"  {path}: {was:.0%} -> {now:.0%}, {where}")
    for one in lost:
        warn(f"{one.entry.path}: {one.problem}")
    say(f"{count} looked at, {len(changes)} would change")


def _headline(change: Change) -> str:
    was, now = (one.label or one.kind.value for one in (change.entry.sample.recognition, change.now))
    rule = f', by the rule "{change.decision.rule.name}"' if change.decision.rule else ""
    return (was if was == now else f"{was} -> {now}") + rule
