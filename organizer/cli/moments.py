"""Times as users write them on the command line: `2h`, a date, a date and a time. Pure."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Mapping

_UNITS: Mapping[str, timedelta] = MappingProxyType(
    {
        "s": timedelta(seconds=1),
        "min": timedelta(minutes=1),
        "h": timedelta(hours=1),
        "d": timedelta(days=1),
        "w": timedelta(weeks=1),
    }
)
_AGO = re.compile(rf"(\d{{1,6}})\s*({'|'.join(_UNITS)})")


class Span(click.ParamType[timedelta]):
    """A length of time: 30min, 2h."""

    name = "time"

    def convert(
        self, value: str | timedelta, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        if isinstance(value, timedelta):
            return value
        if (found := _AGO.fullmatch(value.strip())) is None:
            self.fail(f"{value!r} is no length of time: write 90s, 30min, 2h or 1d", param, ctx)
        try:
            return int(found[1]) * _UNITS[found[2]]
        except OverflowError:
            self.fail(f"{value!r} is too long", param, ctx)


class Moment(click.ParamType[datetime]):
    """A point in time: so long ago, or as ISO 8601 writes it, in local time where it names no zone."""

    name = "time"

    def convert(
        self, value: str | datetime, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        if isinstance(value, datetime):
            return value
        now = datetime.now().astimezone()
        try:
            if (ago := _AGO.fullmatch(value.strip())) is not None:
                return now - int(ago[1]) * _UNITS[ago[2]]
            if value.strip() == "today":
                return now.replace(hour=0, minute=0, second=0, microsecond=0)
            return datetime.fromisoformat(value.strip()).astimezone()
        except (ValueError, OverflowError):
            self.fail(
                f"{value!r} is no time: write 2h, 30min, 3d, today, 2026-05-13 or '2026-05-13 14:30'",
                param,
                ctx,
            )
