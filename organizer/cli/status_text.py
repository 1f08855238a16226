"""What `organizer status` says to a person."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from organizer.cli.output import counted, duration_text, say
from organizer.library.remainders import Nature

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from organizer.library.remainders import Remainder

# Of each nature, so many are named; --json and `organizer why FILE` tell the rest.
NAMED = 10
TITLES = {
    Nature.FAILED: "Failed, and tried again by itself",
    Nature.UNREADABLE: "Cannot be read",
    Nature.ARCHIVE: "Archives, left where they are",
    Nature.BUNDLE: "Instruments and projects, left whole",
}


def tell(told: dict[str, Any], stays: Sequence[Remainder], *, now: float) -> None:
    """Print all that was found, what needs its user last."""
    for line in (*_life(told, now), *_places(told, now), *_work(told, now), *_troubles(told)):
        say(line)
    for nature, title in TITLES.items():
        _tell_nature([one for one in stays if one.nature is nature], title, now)
    left = sum(one.nature is Nature.LEFT for one in stays)
    if left:
        say(f"Left where they are, as the rules say: {counted(left, 'file')}")


def _life(told: dict[str, Any], now: float) -> Iterator[str]:
    if not told["running"]:
        yield "not running: start it with `organizer run`, or as a service with systemd"
        return
    since = f", up for {duration_text(now - told['since'])}" if told["since"] else ""
    yield f"running (process {told['pid']}{since})"
    if told["model"]:
        rules = f", rules {told['rules'][:11]}" if told["rules"] else ""
        yield f"hears with {told['model']}{rules}" + (
            "; only suggests what to do" if told["mode"] == "suggest" else ""
        )


def _places(told: dict[str, Any], now: float) -> Iterator[str]:
    for inbox in told["inboxes"]:
        yield f"inbox    {inbox['path']}{_inbox_notes(inbox, now)}"
    for one in (told["library"], *told["libraries"]):
        yield f"library  {one['path']}: {', '.join(_library_notes(one, now))}"


def _library_notes(one: dict[str, Any], now: float) -> Iterator[str]:
    yield counted(one["samples"], "sample")
    if not one["present"]:
        yield "not there, it is waited for"
        return
    if one["free"] is not None:
        yield f"{one['free'] / 1e9:.1f} GB free"
    if one["watched"]:
        yield "watched"
    if one["looked_at"]:
        yield f"looked through {_ago(one['looked_at'], now)}"
    if one["missing"]:
        yield f"{one['missing']} missing (organizer verify names them)"
    if one["changed"]:
        yield f"{one['changed']} changed since they were heard"
    if one["unknown"]:
        yield f"{one['unknown']} never heard"


def _work(told: dict[str, Any], now: float) -> Iterator[str]:
    """Say what is done, being done, and to be done."""
    if told["files_filed"]:
        rate = f", {told['files_a_second']:.1f} a second" if told["files_a_second"] else ""
        last = f", the last {_ago(told['filed_at'], now)}" if told["filed_at"] else ""
        yield f"filed    {counted(told['files_filed'], 'file')} since it began{rate}{last}"
    if told["busy"]:
        busy = told["busy"]
        yield f"filing   {busy['title']}: {busy['stage']} {busy['done']} of {busy['total']}"
    for one in told["interrupted"]:
        yield f"broken off: batch {one['batch']} ({one['title']}); it is ended as soon as its disks are there"
    if told["paused"]:
        yield f"resting  {told['paused']}"
    if told["waiting"]:
        yield f"waiting  {counted(told['waiting'], 'file')} until complete"
    for path in told["growing"]:
        yield f"growing  {path}: still being written after a long time; it is filed when it is complete"
    for one in told["suggested"]:
        number, files = one["suggestion"], counted(one["files"], "file")
        yield f"suggested {number}: {one['title']}, {files}; `organizer approve {number}` files it"
    if told["taught"]:
        yield f"taught   {counted(told['taught'], 'sound')}: your word counts for them, whatever is heard"
    if told["moved_together"]:
        moved = counted(told["moved_together"], "sound")
        yield f"moved    {moved} together; if that says what they are: organizer correct --confirm"
    if told["held"]:
        held = counted(told["held"], "file")
        yield f"held     {held} that an undo put back; `organizer redo` or `sort` files what is held"


def _troubles(told: dict[str, Any]) -> Iterator[str]:
    if told["retrying"]:
        yield f"retrying {counted(told['retrying'], 'pack')} that failed before"
    for one in told["retries"]:
        when = datetime.fromtimestamp(one["due"]).strftime("%H:%M:%S")
        yield f"         {one['title']}: {counted(one['attempts'], 'attempt')}, the next at {when}"
    if told["rules_problem"]:
        yield f"rules    broken, the last good ones are in force: {told['rules_problem']}"
    if told["config_problem"]:
        yield f"settings refused, the old ones are in force: {told['config_problem']}"
    for error in told["errors"]:
        when = datetime.fromtimestamp(error["time"]).strftime("%Y-%m-%d %H:%M")
        yield f"error    {when}  {error['sentence']}"


def _inbox_notes(inbox: dict[str, Any], now: float) -> str:
    if inbox["watch"] is None:
        return ""
    if not inbox["present"]:
        return ": not there; it is waited for"
    folders = "" if inbox["folders"] is None else f", {counted(inbox['folders'], 'folder')}"
    notes = [f"watched ({inbox['watch']}{folders})"]
    if inbox["last_event"]:
        notes.append(f"last event {_ago(inbox['last_event'], now)}")
    if inbox["last_scan"]:
        notes.append(f"looked through {_ago(inbox['last_scan'], now)}")
    if inbox["network"]:
        notes.append(f"network file system {inbox['network']}")
    if inbox["degraded"]:
        notes.append(f"degraded: {inbox['degraded']}")
    notes += [f"cannot be listed: {folder}" for folder in inbox["unreadable"]]
    return f": {', '.join(notes)}"


def _tell_nature(found: Sequence[Remainder], title: str, now: float) -> None:
    if not found:
        return
    say(f"{title}: {len(found)}")
    for one in found[:NAMED]:
        retry = ""
        if one.retry_at is not None:
            wait = duration_text(max(one.retry_at - now, 0))
            retry = f" ({counted(one.attempts, 'attempt')}, the next in {wait})"
        say(f"  {one.path}: {one.reason}{retry}" + (f". {one.hint}" if one.hint else ""))
    if len(found) > NAMED:
        say(f"  and {len(found) - NAMED} more; --json names all")


def _ago(moment: float, now: float) -> str:
    return f"{duration_text(max(now - moment, 0))} ago"
