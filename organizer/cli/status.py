"""`organizer status`: is it alive, what waits, what failed and why."""

from __future__ import annotations

import os
import shutil
import time
from typing import TYPE_CHECKING, Any

import click
import msgspec

from organizer.cli.assembly import Assembly
from organizer.cli.output import as_json
from organizer.cli.status_text import tell
from organizer.execution.locks import service_holder
from organizer.library.remainders import TROUBLES, Nature
from organizer.service.report import ServiceReport, read, shown

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from organizer.library.remainders import Remainder

# How often --watch looks again.
SECONDS_BETWEEN_LOOKS = 1.0


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
            tell(told, stays, now=time.time())
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
    last = parts.journal_to_read.batches(limit=1)
    running = holder is not None
    # Another's, from before: the one that holds the lock has told nothing yet.
    live = report if holder is not None and report is not None and report.pid == holder.pid else None
    libraries = _libraries(parts, live)
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
        "batches_filed": live.batches_filed if live else 0,
        "files_filed": live.files_filed if live else 0,
        "files_a_second": live.files_filed / live.seconds_filing if live and live.seconds_filing else None,
        "filed_at": live.filed_at if live else None,
        "retrying": live.retrying if live else 0,
        "retries": [msgspec.to_builtins(one) for one in (live.retries if live else [])],
        "mode": config.mode,
        "suggested": _suggested(parts, stays),
        "moved_together": len(parts.relocations),
        "taught": len(parts.journal_to_read.taught()),
        "held": parts.journal_to_read.held_count([inbox.root for inbox in config.inbox]),
        **{nature.value: _listed(stays, nature) for nature in Nature if nature is not Nature.SUGGESTED},
        "paused": live.paused if live else "",
        "rules_problem": live.rules_problem if live else "",
        "config_problem": live.config_problem if live else "",
        "errors": [{"time": one.time, "sentence": one.sentence} for one in (live.errors if live else [])],
        "model": live.model_id if live else None,
        "rules": live.rules_digest if live else None,
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


def _libraries(parts: Assembly, report: ServiceReport | None) -> list[dict[str, Any]]:
    """Describe the libraries, the first of which has no name."""
    roots = {"": parts.config.library_root, **parts.config.other_libraries}
    return [
        {
            **({"name": name} if name else {}),
            "path": str(root),
            "samples": parts.index.count_below(root),
            "present": not parts.journal_to_read.is_away(root),
            "free": _free(root),
            **_seen_of(root, report),
        }
        for name, root in roots.items()
    ]


def _seen_of(root: Path, report: ServiceReport | None) -> dict[str, Any]:
    """Tell what the service has seen of a library."""
    one = next((one for one in report.libraries if one.path == shown(root)), None) if report else None
    return {
        "watched": one.watched if one else None,
        "looked_at": one.looked_at if one else None,
        "unknown": one.unknown if one else None,
        "missing": one.missing if one else None,
        "changed": one.changed if one else None,
        "moved_by_hand": one.moved if one else None,
    }


def _free(root: Path) -> int | None:
    try:
        return shutil.disk_usage(root).free
    except OSError:
        return None


def _inboxes(report: ServiceReport | None, configured: list[tuple[str, str]]) -> list[dict[str, Any]]:
    if report is None:
        return [{"title": title, "path": path, "watch": None} for title, path in configured]
    return [
        {
            "title": one.title,
            "path": one.path,
            "present": one.present,
            "watch": one.watch,
            "folders": one.folders,
            "last_event": one.last_event,
            "last_scan": one.last_scan,
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
        {
            "path": one.path,
            "reason": one.reason,
            "hint": one.hint,
            "attempts": one.attempts,
            "retry_at": one.retry_at,
        }
        for one in stays
        if one.nature is nature
    ]
