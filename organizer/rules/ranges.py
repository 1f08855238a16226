"""Ranges as users write them: `">= 0.8"`, `"60..200"`. Pure."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from organizer.rules.problems import Place

_NUMBER = r"(\d+(?:\.\d+)?|\.\d+)"
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

    def holds(self, value: float) -> bool:
        above = value > self.low if self.above_low else value >= self.low
        below = value < self.high if self.below_high else value <= self.high
        return above and below


def read_range(value: object, place: Place, *, most: float = math.inf) -> Range | None:
    """Read one range of numbers from 0 to `most`."""
    found = _parse(value.strip()) if isinstance(value, str) else None
    if found is None:
        example = '">= 0.8" or "0.5..0.9"' if most <= 1 else '"< 2" or "60..200"'
        place.expected(f"a range such as {example}", value)
    elif any(bound > most for bound in (found.low, found.high) if math.isfinite(bound)):
        place.expected(f"numbers from 0 to {most:g}", value)
    elif found.low > found.high:
        place.expected("the smaller number first", value)
    else:
        return found
    return None


def _parse(text: str) -> Range | None:
    if bound := _BOUND.fullmatch(text):
        sign, number = bound[1], float(bound[2])
        if sign.startswith(">"):
            return Range(text, low=number, above_low=sign == ">")
        return Range(text, high=number, below_high=sign == "<")
    if span := _SPAN.fullmatch(text):
        return Range(text, low=float(span[1]), high=float(span[2]))
    return None


def said(value: float, ranges: tuple[Range, ...]) -> str:
    """Write a number with as many decimals as show on which side of the bounds it is: 0.796, not 0.80."""
    if isinstance(value, int):
        return str(value)
    for decimals in range(2, 12):
        rounded = round(value, decimals)
        if all(one.holds(rounded) == one.holds(value) for one in ranges):
            return f"{value:.{decimals}f}"
    return repr(value)
