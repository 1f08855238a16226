"""`organizer status`: is it alive, what waits, what failed and why."""

from __future__ import annotations

import os
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from organizer.cli.assembly import Assembly
from organizer.cli.output import as_json, counted, duration_text, say
from organizer.execution.locks import service_holder
from organizer.library.remainders import TROUBLES, Nature
from organizer.service.report import ServiceReport, read

if TYPE_CHECKING:
    from collections.abc import Sequence

    from organizer.library.remainders import Remainder

# How often --watch looks again.
SECONDS_BETWEEN_LOOKS = 1.0
# Of each nature, so many are named; --json and `organizer why FILE` tell the rest.
NAMED = 10
TITLES = {
    Nature.FAILED: "Failed, and tried again by itself",
    Nature.UNREADABLE: "Cannot be read",
    Nature.ARCHIVE: "Archives, left where they are",
    Nature.BUNDLE: "Instruments and projects, left whole",
}


@click.command()
@click.option("--json", "json_", is_flag=True, help="Print as JSON.")
@click.option("--watch", is_flag=True, help="Go on telling, every second, until ^C; with --json a line each.")
@click.pass_context
def status(ctx: click.Context, *, json_: bool, watch: bool) -> None:
    """Say whether the service is alive, what waits, what failed and why.

    Exits with 0 when all is well, 1 when something is degraded or failed, 6 when no service runs.

    \b
    Examples:
      organizer status
      organizer status --watch
      organizer status --json
    """
    while True:
        with Assembly() as parts:
            told, stays = _look(parts)
        if watch and not json_:
            click.clear()  # does nothing where there is no terminal
        if json_:
            click.echo(as_json(told, indent=None if watch else 2))
        else:
            _tell(told, stays)
        if not watch:
            ctx.exit(told["exit_code"])
        time.sleep(SECONDS_BETWEEN_LOOKS)


def _look(parts: Assembly) -> tuple[dict[str, Any], list[Remainder]]:
    """Gather all that can be told, with a running service or without."""
    config = parts.config
    holder = service_holder(parts.home.state)
    report = read(parts.home.report)
    # What was taken away since is no trouble any more, though no service was there to see it go.
    stays = [
        one
        for one in parts.remainders.all()
        if config.inbox_of(one.path) is not None and os.path.lexists(one.path)
    ]
    libraries = _libraries(parts)
    last = parts.journal_to_read.batches(limit=1)
    running = holder is not None
    live = report if running else None
    # What is under way just now is told by `busy`.
    open_ = parts.journal_to_read.unfinished() if live is None or live.busy is None else []
    told: dict[str, Any] = {
        "running": running,
        "pid": holder.pid if holder else None,
        "since": holder.since if holder else None,
        "updated": live.updated if live else None,
        "inboxes": _inboxes(live, [(one.title, str(one.root)) for one in config.inbox]),
        "library": libraries[0],
        "libraries": libraries[1:],
        "interrupted": [{"batch": one.id, "title": one.title} for one in open_],
        "waiting": live.waiting if live else 0,
        "growing": live.growing if live else [],
        "busy": None if live is None or live.busy is None else _busy(live),
        "last_scan": live.last_scan if live else None,
        "retrying": live.retrying if live else 0,
        "mode": config.mode,
        "suggested": _suggested(parts, stays),
        "held": parts.journal_to_read.held_count([inbox.root for inbox in config.inbox]),
        **{nature.value: _listed(stays, nature) for nature in Nature if nature is not Nature.SUGGESTED},
        "paused": live.paused if live else "",
        "rules_problem": live.rules_problem if live else "",
        "config_problem": live.config_problem if live else "",
        "errors": [{"time": one.time, "sentence": one.sentence} for one in (live.errors if live else [])],
        "model": live.model_id if live else None,
        "last_batch": last[0].id if last else None,
    }
    there = all(one["present"] for one in libraries)
    told["exit_code"] = _code(running=running, report=live, stays=stays, there=there)
    return told, stays


def _suggested(parts: Assembly, stays: Sequence[Remainder]) -> list[dict[str, Any]]:
    if not any(one.nature is Nature.SUGGESTED for one in stays):
        return []
    return [
        {"suggestion": one.id, "title": one.title, "files": len(one.files), "made_at": one.made_at}
        for one in parts.suggestions.waiting(stays)
    ]


def _code(*, running: bool, report: ServiceReport | None, stays: Sequence[Remainder], there: bool) -> int:
    if not running:
        return 6
    degraded = not there or (report is not None and not report.healthy)
    return 1 if degraded or any(one.nature in TROUBLES for one in stays) else 0


def _libraries(parts: Assembly) -> list[dict[str, Any]]:
    """Describe the libraries, the first of which has no name."""
    roots = {"": parts.config.library_root, **parts.config.other_libraries}
    return [
        {
            **({"name": name} if name else {}),
            "path": str(root),
            "samples": parts.index.count_below(root),
            "present": not parts.journal_to_read.is_away(root),
        }
        for name, root in roots.items()
    ]


def _inboxes(report: ServiceReport | None, configured: list[tuple[str, str]]) -> list[dict[str, Any]]:
    if report is None:
        return [{"title": title, "path": path, "watch": None} for title, path in configured]
    return [
        {
            "title": one.title,
            "path": one.path,
            "present": one.present,
            "watch": one.watch,
            "degraded": one.degraded,
            "network": one.network,
            "unreadable": one.unreadable,
        }
        for one in report.inboxes
    ]


def _busy(report: ServiceReport) -> dict[str, Any]:
    assert report.busy is not None  # asked before
    busy = report.busy
    return {"title": busy.title, "stage": busy.stage, "done": busy.done, "total": busy.total}


def _listed(stays: Sequence[Remainder], nature: Nature) -> list[dict[str, Any]]:
    return [
        {"path": one.path, "reason": one.reason, "hint": one.hint, "retry_at": one.retry_at}
        for one in stays
        if one.nature is nature
    ]


def _tell(told: dict[str, Any], stays: Sequence[Remainder]) -> None:
    if told["running"]:
        since = f", up for {duration_text(time.time() - told['since'])}" if told["since"] else ""
        say(f"running (process {told['pid']}{since})")
    else:
        say("not running: start it with `organizer run`, or as a service with systemd")
    for inbox in told["inboxes"]:
        say(f"inbox    {inbox['path']}{_inbox_notes(inbox)}")
    for one in (told["library"], *told["libraries"]):
        missing = "" if one["present"] else "; not there, it is waited for"
        say(f"library  {one['path']}: {counted(one['samples'], 'sample')}{missing}")
    if told["busy"]:
        busy = told["busy"]
        say(f"filing   {busy['title']}: {busy['stage']} {busy['done']} of {busy['total']}")
    for one in told["interrupted"]:
        say(f"broken off: batch {one['batch']} ({one['title']}); it is ended as soon as its disks are there")
    if told["paused"]:
        say(f"resting  {told['paused']}")
    if told["waiting"]:
        say(f"waiting  {counted(told['waiting'], 'file')} until complete")
    for path in told["growing"]:
        say(f"growing  {path}: it has been changing for long, and is not filed before it is complete")
    if told["retrying"]:
        say(f"retrying {counted(told['retrying'], 'pack')} that failed before")
    for one in told["suggested"]:
        files = counted(one["files"], "file")
        say(f"suggested {one['suggestion']}: {one['title']}, {files}; `organizer approve` files it")
    if told["held"]:
        held = counted(told["held"], "file")
        say(f"held     {held} that an undo put back; `organizer redo` or `sort` files what is held")
    if told["rules_problem"]:
        say(f"rules    broken, the last good ones are in force: {told['rules_problem']}")
    if told["config_problem"]:
        say(f"settings refused, the old ones are in force: {told['config_problem']}")
    for error in told["errors"]:
        when = datetime.fromtimestamp(error["time"]).strftime("%Y-%m-%d %H:%M")
        say(f"error    {when}  {error['sentence']}")
    for nature, title in TITLES.items():
        _tell_nature([one for one in stays if one.nature is nature], title)
    left = sum(one.nature is Nature.LEFT for one in stays)
    if left:
        say(f"Left where they are, as the rules say: {counted(left, 'file')}")


def _inbox_notes(inbox: dict[str, Any]) -> str:
    if inbox["watch"] is None:
        return ""
    if not inbox["present"]:
        return ": not there; it is waited for"
    notes = [f"watched ({inbox['watch']})"]
    if inbox["network"]:
        notes.append(f"network file system {inbox['network']}")
    if inbox["degraded"]:
        notes.append(f"degraded: {inbox['degraded']}")
    notes += [f"cannot be listed: {folder}" for folder in inbox["unreadable"]]
    return f": {', '.join(notes)}"


def _tell_nature(found: Sequence[Remainder], title: str) -> None:
    if not found:
        return
    say(f"{title}: {len(found)}")
    for one in found[:NAMED]:
        retry = ""
        if one.retry_at is not None:
            retry = f" (next try in {duration_text(max(one.retry_at - time.time(), 0))})"
        say(f"  {one.path}: {one.reason}{retry}" + (f". {one.hint}" if one.hint else ""))
    if len(found) > NAMED:
        say(f"  and {len(found) - NAMED} more; --json names all")
