"""What the service says of itself: one small file, always whole, that `organizer status` reads."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal

import msgspec

if TYPE_CHECKING:
    from pathlib import Path


class InboxReport(msgspec.Struct, kw_only=True):
    title: str
    path: str
    present: bool
    watch: Literal["native", "poll"]
    folders: int | None = None  # that the system watches for us, where it tells
    last_event: float | None = None
    last_scan: float | None = None
    degraded: str = ""  # why it is watched worse than it should be
    network: str = ""  # the network file system it lies on
    unreadable: list[str] = []  # folders that the last scan could not list


class LibraryReport(msgspec.Struct, kw_only=True):
    path: str
    watched: bool = False  # by the system's events; else it is only looked through now and then
    looked_at: float | None = None
    unknown: int = 0  # sounds that were never heard
    missing: int = 0  # that were filed, and lie nowhere
    changed: int = 0  # that hold other bytes than those that were heard
    moved: int = 0  # by hand, since the service began


class Busy(msgspec.Struct, kw_only=True):
    """The batch in hand."""

    title: str
    stage: str = ""
    done: int = 0
    total: int = 0


class Trouble(msgspec.Struct, kw_only=True):
    time: float
    sentence: str


class Retry(msgspec.Struct, kw_only=True):
    """A batch that failed and waits for its time."""

    title: str
    attempts: int
    due: float


class ServiceReport(msgspec.Struct, kw_only=True):
    """Times are seconds since the epoch."""

    pid: int
    version: str
    started: float
    updated: float
    stopped: float | None = None  # when it stopped of its own accord
    inboxes: list[InboxReport] = []
    libraries: list[LibraryReport] = []
    waiting: int = 0  # paths that settle
    growing: list[str] = []  # paths that have been changing for so long that they may never be complete
    busy: Busy | None = None
    last_scan: float | None = None
    batches_filed: int = 0
    files_filed: int = 0
    seconds_filing: float = 0.0  # that all of it took
    filed_at: float | None = None  # when the last batch was
    retries: list[Retry] = []  # the first few of them
    retrying: int = 0  # batches that failed and will be tried again
    errors: list[Trouble] = []  # the last few
    rules_problem: str = ""
    config_problem: str = ""
    paused: str = ""  # why nothing is filed just now
    model_id: str = ""
    rules_digest: str = ""

    @property
    def healthy(self) -> bool:
        return (
            all(one.present and not one.degraded and not one.unreadable for one in self.inboxes)
            and not self.rules_problem
            and not self.config_problem
            and not self.retrying
        )


def write(report: ServiceReport, path: Path) -> None:
    """Replace the report; a reader sees the old one or the new one. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{report.pid}.tmp")
    draft.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n")
    draft.replace(path)


def read(path: Path) -> ServiceReport | None:
    """Read the report; None where there is none, or none that this version understands."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=ServiceReport)
    except (OSError, msgspec.MsgspecError):
        return None


def shown(path: Path | str) -> str:
    """Write a path as text, whatever bytes its name holds."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
