"""`organizer reclassify --dry-run`: what today's model and rules would change in the library."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from organizer.cli.assembly import Assembly
from organizer.cli.output import Progress, as_json, say, warn
from organizer.config import absolute
from organizer.errors import UsageProblem

if TYPE_CHECKING:
    from organizer.library.index import Entry
    from organizer.sample import Item


@click.command()
@click.argument("path", required=False, type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="List what would change; do nothing. Needed, for now.")
@click.option("--json", "json_", is_flag=True, help="Print as JSON.")
@click.pass_context
def reclassify(ctx: click.Context, *, path: Path | None, dry_run: bool, json_: bool) -> None:
    """Hear the library, or PATH in it, again, and list what today's model and rules would change.

    Only --dry-run is there so far: moving sounds of a library breaks the projects that use them.

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
    with Assembly() as parts:
        below = parts.config.library_root if path is None else absolute(path)
        library = next((root for root in parts.config.library_roots if below.is_relative_to(root)), None)
        if library is None:
            raise UsageProblem(f"{below} is not in the library {parts.config.library_root}", path=below)
        single = parts.index.get(below)
        entries = [single] if single is not None else list(parts.index.below(below))
        items = _hear(parts, entries)
        changes, gone = _changes(parts, entries, items)
    if json_:
        click.echo(as_json({"heard": len(entries), "changes": changes, "problems": gone}, indent=2))
    else:
        for change in changes:
            say(_in_words(change, library))
        for problem in gone:
            warn(f"{problem['path']}: {problem['error']}")
        say(f"{len(entries)} heard, {len(changes)} would change")
    ctx.exit(1 if gone else 0)


def _hear(parts: Assembly, entries: list[Entry]) -> list[Item]:
    pipeline = parts.proposing.pipeline()
    heard = []
    with Progress("reclassify") as progress:
        for one in pipeline.hear_again(entries):
            heard.append(one)
            progress("listening", len(heard), len(entries))
    return pipeline.add_up(heard)


def _changes(
    parts: Assembly, entries: list[Entry], items: list[Item]
) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    from organizer.planning.operations import Move

    pipeline = parts.proposing.pipeline()
    gone = [{"path": str(one.path), "error": one.problem} for one in items if one.problem is not None]
    decisions = pipeline.decide([one for one in items if one.problem is None])
    plan = pipeline.plan(decisions, hashes={}, stamps={}, origin="reclassify", title="reclassify")
    moves = {one.source: one.target for one in plan.operations if isinstance(one, Move)}
    before = {entry.path: entry for entry in entries}
    changes = []
    for decision in decisions:
        old, new = before[decision.item.path].sample.recognition, decision.item.sample
        assert new is not None  # those with a problem were left out
        heard = new.recognition
        target = moves.get(decision.item.path)
        if target is None and (old.kind, old.label) == (heard.kind, heard.label):
            continue
        changes.append(
            {
                "path": str(decision.item.path),
                "to": None if target is None else str(target),
                "rule": decision.rule.name if decision.rule else None,
                "was": {"kind": old.kind, "label": old.label, "confidence": round(old.confidence, 4)},
                "is": {"kind": heard.kind, "label": heard.label, "confidence": round(heard.confidence, 4)},
                "model_was": old.model_id,
                "model": heard.model_id,
            }
        )
    return changes, gone


def _in_words(change: dict[str, Any], library: Path) -> str:
    was, now = ((change[key]["label"] or change[key]["kind"]) for key in ("was", "is"))
    heard = was if was == now else f"{was} -> {now}"
    path = Path(change["path"]).relative_to(library)
    if change["to"] is None:
        return f"{path}: {heard}, stays"
    return f"{path}: {heard} ({change['is']['confidence']:.0%}), to {Path(change['to']).relative_to(library)}"
