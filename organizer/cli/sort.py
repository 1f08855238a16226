"""`organizer sort`: a folder or some files through the same way as the service, now."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from organizer.batch.arrivals import Arrival, arrivals_below, files_below
from organizer.cli.assembly import Assembly
from organizer.cli.interrupts import Interrupts
from organizer.cli.output import Progress, as_json, confirm, counted, say, warn
from organizer.cli.plans import show
from organizer.config import Inbox, absolute, overlaps
from organizer.errors import UsageProblem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from organizer.batch.filing import Report


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--dry-run", is_flag=True, help="List what would be done; do nothing.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.option("--json", "json_", is_flag=True, help="Print as JSON.")
@click.pass_context
def sort(ctx: click.Context, *, paths: tuple[Path, ...], dry_run: bool, yes: bool, json_: bool) -> None:
    """File a folder, or some files, now, as if they had been dropped into an inbox.

    What lies in an inbox is filed even if an undo put it back there. Files move out of PATHS, so a
    project that uses them will look for them in vain: `organizer log --relink` lists old and new places.

    \b
    Examples:
      organizer sort ~/Downloads/"Analog Kicks" --dry-run
      organizer sort ~/Downloads/"Analog Kicks" --yes
    """

    with Assembly() as parts:
        arrivals = _together(arrival for path in paths for arrival in _arrivals(parts, absolute(path)))
        if dry_run:
            with Progress("sort") as progress:
                show(parts.proposing.plans(arrivals, progress=progress, forced=True), json_=json_)
            return
        files = sum(len(arrival.paths) for arrival in arrivals)
        confirm(f"File {counted(files, 'file')} into {parts.config.library_root}?", yes=yes)
        reports: list[Report] = []
        with Interrupts() as interrupted, Progress("sort") as progress:
            if parts.journal.unfinished():
                for sentence in parts.filing.recover(stop=interrupted):
                    warn(sentence)
            for arrival in arrivals:
                if not interrupted():
                    filed = parts.filing.file(arrival, stop=interrupted, progress=progress, forced=True)
                    reports.append(filed)
        _print_reports(parts, arrivals, reports, json_=json_)
        if interrupted():
            ctx.exit(interrupted.told())
        ctx.exit(1 if any(report.problems for report in reports) else 0)


def _arrivals(parts: Assembly, path: Path) -> Iterator[Arrival]:
    """See a path as the service would: below its inbox, or with its own folder as one."""
    path = _unlinked(parts, path)
    inbox = parts.config.inbox_of(path)
    if inbox is not None and path == inbox.root:
        yield from arrivals_below(inbox)
        return
    if inbox is not None:
        below = path.relative_to(inbox.root)
        pack = below.parts[0] if len(below.parts) > 1 or path.is_dir() else None
    else:
        _refuse_what_is_ours(parts, path)
        inbox = Inbox(str(path.parent))
        pack = path.name if path.is_dir() else None
    files = files_below(path) if path.is_dir() else (path,)
    yield Arrival(inbox=inbox, pack=pack, paths=files)


def _together(arrivals: Iterable[Arrival]) -> list[Arrival]:
    """Make one arrival of what was named piece by piece: a pack is one batch, and so are loose files."""
    joined: dict[tuple[Path, str | None], Arrival] = {}
    for one in arrivals:
        key = (one.inbox.root, one.pack)
        paths = (*joined[key].paths, *one.paths) if key in joined else one.paths
        joined[key] = Arrival(inbox=one.inbox, pack=one.pack, paths=tuple(dict.fromkeys(paths)))
    return list(joined.values())


def _unlinked(parts: Assembly, path: Path) -> Path:
    """Give a path the name that the service would know it by; refuse links.

    By another name a file of an inbox would be filed as of another pack, and not be held after an undo.
    """
    inboxes = [inbox.root for inbox in parts.config.inbox]
    place = path if path in inboxes else path.parent.resolve() / path.name
    if place not in inboxes and place.is_symlink():
        raise UsageProblem(
            f"{path} is a link",
            hint=f"Links are left alone; it leads to {path.resolve()}, which you can name.",
        )
    real = place.resolve()
    for root in inboxes:
        if real.is_relative_to(root.resolve()):
            return root / real.relative_to(root.resolve())
    return place


def _refuse_what_is_ours(parts: Assembly, path: Path) -> None:
    """Refuse folders that hold, or lie in, the library, an inbox, or what Organizer itself lives from."""
    real = path.resolve()
    if findings := overlaps([path], *parts.config.library_roots):
        inside = any(real.is_relative_to(root.resolve()) for root in parts.config.library_roots)
        raise UsageProblem(
            findings[0].replace("the inbox ", ""),
            hint="`organizer reclassify --dry-run` looks at the library again."
            if inside
            else "Sort the folders beside the library, one by one.",
        )
    for inbox in parts.config.inbox:
        if inbox.root.resolve().is_relative_to(real):
            raise UsageProblem(
                f"the inbox {inbox.root} lies inside {path}", hint=f"Sort {inbox.root}, or other folders."
            )
    home = parts.home
    for place in (home.config_file, home.rules, home.state):
        ours = place.resolve()
        if ours.is_relative_to(real) or real.is_relative_to(ours):
            raise UsageProblem(
                f"{path} holds what Organizer itself works with: {place}",
                hint="Sort the folders of sounds in it, one by one.",
            )


def _print_reports(parts: Assembly, arrivals: list[Arrival], reports: list[Report], *, json_: bool) -> None:
    if json_:
        listed = [
            {
                "batch": one.batch,
                "title": one.title,
                "filed": one.filed,
                "left": one.left,
                "problems": one.problems,
            }
            for one in reports
        ]
        click.echo(as_json(listed, indent=2))
        return
    if not arrivals:
        say("There is nothing to file.")
    for arrival, report in zip(arrivals, reports, strict=False):
        back = f" (organizer undo {report.batch})" if report.batch else ""
        say(f"{report.title}: {report.filed} filed, {report.left} left{back}")
        for path in arrival.paths:
            stays = parts.remainders.get(path)
            if stays is not None:
                warn(f"  {path}: {stays.reason}")
