"""Ranges as users write them: `">= 0.8"`, `"60..200"`, `"< 2 MB"`. Pure."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from organizer.rules.problems import Place

_NUMBER = r"(-?(?:\d+(?:\.\d+)?|\.\d+)(?:\s*(?:[kMG]i?B|B))?)"
_UNITS = {"B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "kiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_BOUND = re.compile(rf"(>=|<=|>|<)\s*{_NUMBER}")
_SPAN = re.compile(rf"{_NUMBER}\s*\.\.\s*{_NUMBER}")


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers between two bounds, both included unless said otherwise."""

    text: str
    low: float = -math.inf
    high: float = math.inf
    above_low: bool = False  # the low bound itself is out
    below_high: bool = False

    def __str__(self) -> str:
        return self.text

    def meets(self, other: Range) -> bool:
        """Say whether some number is in both ranges."""
        low, high = max(self.low, other.low), min(self.high, other.high)
        return low < high or (low == high and self.holds(low) and other.holds(low))

    def contains(self, other: Range) -> bool:
        """Say whether every number of another range is in this one."""
        low = other.low > self.low or (other.low == self.low and (other.above_low or not self.above_low))
        high = other.high < self.high or (
            other.high == self.high and (other.below_high or not self.below_high)
        )
        return low and high

    def holds(self, value: float) -> bool:
        above = value > self.low if self.above_low else value >= self.low
        below = value < self.high if self.below_high else value <= self.high
        return above and below


def read_range(
    value: object,
    place: Place,
    *,
    least: float = 0.0,
    most: float = math.inf,
    sizes: bool = False,
    exact: bool = False,
    example: str,
) -> Range | None:
    """Read one range of numbers from `least` to `most`, of `sizes` with units such as MB.

    Where `exact`, a plain number stands for itself.
    """
    found = _parse(value.strip()) if isinstance(value, str) else None
    if exact and isinstance(value, int | float) and not isinstance(value, bool):
        found = Range(f"{value:g}", low=value, high=value)
    if found is None or (not sizes and found.text.endswith("B")):
        place.expected(f"a range such as {example}", value)
    elif any(not least <= bound <= most for bound in (found.low, found.high) if math.isfinite(bound)):
        upwards = (
            f"numbers from {least:g} to {most:g}" if math.isfinite(most) else f"numbers from {least:g} up"
        )
        place.expected(upwards, value)
    elif found.low > found.high:
        place.expected("the smaller number first", value)
    else:
        return found
    return None


def _parse(text: str) -> Range | None:
    if bound := _BOUND.fullmatch(text):
        sign, number = bound[1], _number(bound[2])
        if sign.startswith(">"):
            return Range(text, low=number, above_low=sign == ">")
        return Range(text, high=number, below_high=sign == "<")
    if span := _SPAN.fullmatch(text):
        unit = span[2].lstrip("-.0123456789")  # "1..5 MB" is of one unit
        low = span[1] if span[1].lstrip("-.0123456789") else span[1] + unit
        return Range(text, low=_number(low), high=_number(span[2]))
    return None


def _number(text: str) -> float:
    digits = text.rstrip("kMGiB").strip()
    return float(digits) * _UNITS.get(text.removeprefix(digits).strip(), 1)


def said(value: float, ranges: tuple[Range, ...]) -> str:
    """Write a number with as many decimals as show on which side of the bounds it is: 0.796, not 0.80."""
    if isinstance(value, int):
        return str(value)
    for decimals in range(2, 12):
        rounded = round(value, decimals)
        if all(one.holds(rounded) == one.holds(value) for one in ranges):
            return f"{value:.{decimals}f}"
    return repr(value)


PATTERN = rf"^\s*(?:{_BOUND.pattern}|{_SPAN.pattern})\s*$"
