"""The pictures beside a model card: what is heard as what, and whether confidence keeps its word.

Draws SVG text from figures as `metrics.report` has them; counts nothing and writes no file. The same
figures give the same text, so that a picture changes only when what it shows does. Needs matplotlib.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import matplotlib.style
import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from organizer.labels import CATEGORIES, CATEGORY_OF

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from organizer.training.metrics import Bin

# Whoever's own style is left out; text stays text, which is small and can be searched; names of parts
# follow from what is drawn, not from chance.
STYLE = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 8.0,
    "svg.fonttype": "none",
    "svg.hashsalt": "organizer",
}
UNDATED = {"Date": None, "Creator": None}
INK, PALE, LINE = "#08306b", "#ffffff", "#9a9a9a"
SHARES = LinearSegmentedColormap.from_list("shares", [PALE, "#6baed6", INK])
DARK_SHARE = 0.65  # from here on, numbers are pale
DIGITS_OF_A_CELL = 4  # more would not be read
TOLD_SHARE = 0.01  # less than this of a row has its colour alone
# Of the confusion matrix, in points: a cell, and the room around the cells.
CELL, LEFT, TOP, REST = 23.0, 100.0, 85.0, 10.0
POINTS = 72.0  # to an inch


def confusion_picture(labels: Sequence[str], counts: Sequence[Sequence[int]]) -> str:
    """Draw counts (true label, heard label), each row coloured by its shares.

    `labels` are some of LABELS in their order: lines part the categories, and each one's own block stands
    out. A row's name has its sum beside it.
    """
    table = np.array(counts, dtype=np.int64)
    sums = table.sum(axis=1)
    shares = table / np.maximum(1, sums)[:, None]
    with matplotlib.style.context(["default", STYLE]):
        side = CELL * len(labels)
        width, height = side + LEFT + REST, side + TOP + REST
        figure = Figure(figsize=(width / POINTS, height / POINTS))
        axes = figure.add_axes((LEFT / width, REST / height, side / width, side / height))
        _draw_cells(axes, table, shares)
        _draw_categories(axes, labels)
        places = np.arange(len(labels)) + 0.5
        axes.set_xticks(places, labels, rotation=60, ha="left", rotation_mode="anchor")
        axes.set_yticks(
            places, [f"{label} ({total})" for label, total in zip(labels, sums.tolist(), strict=True)]
        )
        axes.xaxis.tick_top()
        axes.xaxis.set_label_position("top")
        axes.tick_params(length=0)
        axes.set_xlabel("heard as")
        axes.set_ylabel("is (n)")
        axes.set(xlim=(0, len(labels)), ylim=(len(labels), 0))
        figure.suptitle(
            "Numbers: sounds, from 1 % of the row on. Colour: share of the row. Frames: right category.",
            fontsize=9,
        )
        return _svg(figure, "Confusion of labels")


def calibration_picture(panels: Mapping[str, Sequence[Bin]]) -> str:
    """Draw, for each title, the share right over the confidence of bins of equal mass."""
    with matplotlib.style.context(["default", STYLE]):
        figure = Figure(figsize=(4.4 * max(1, len(panels)), 4.6))
        for place, (title, bins) in enumerate(panels.items(), start=1):
            axes = figure.add_subplot(1, len(panels), place)
            axes.plot([0, 1], [0, 1], color=LINE, linestyle="--", linewidth=1.0)
            if bins:
                _draw_bins(axes, bins)
            axes.set_title(f"{title}\n{_told(bins)}", fontsize=8)
            axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
            axes.set_xlabel("confidence of the category")
            axes.set_ylabel("share whose category is right")
            axes.grid(color="#e6e6e6", linewidth=0.6)
            axes.set_axisbelow(True)
        figure.subplots_adjust(left=0.08, right=0.98, bottom=0.1, top=0.88, wspace=0.22)
        return _svg(figure, "Calibration of the category's confidence")


def _draw_cells(axes: Axes, table: NDArray[np.int64], shares: NDArray[np.float64]) -> None:
    true, heard = np.nonzero(table)
    # As marks of one scatter the cells share one path, which makes half the text of as many rectangles.
    axes.scatter(
        heard + 0.5,
        true + 0.5,
        s=CELL**2,
        marker="s",
        facecolors=SHARES(shares[true, heard]),
        linewidths=0.0,
        clip_on=False,
    )
    for row, column in zip(true.tolist(), heard.tolist(), strict=True):
        count = str(table[row, column])
        if len(count) <= DIGITS_OF_A_CELL and shares[row, column] >= TOLD_SHARE:
            axes.text(
                column + 0.5,
                row + 0.5,
                count,
                ha="center",
                va="center",
                fontsize=7 if len(count) < DIGITS_OF_A_CELL else 6,
                color=PALE if shares[row, column] >= DARK_SHARE else INK,
            )


def _draw_categories(axes: Axes, labels: Sequence[str]) -> None:
    """Part the categories by lines, and frame the block of each with itself."""
    categories = [CATEGORY_OF[label] for label in labels]
    first = 0
    for category in CATEGORIES:
        size = categories.count(category)
        if not size:
            continue
        if first:
            axes.axhline(first, color=LINE, linewidth=0.5)
            axes.axvline(first, color=LINE, linewidth=0.5)
        axes.add_patch(
            Rectangle((first, first), size, size, fill=False, edgecolor=INK, linewidth=1.2, zorder=3)
        )
        first += size


def _draw_bins(axes: Axes, bins: Sequence[Bin]) -> None:
    said, right = [one["confidence"] for one in bins], [one["right"] for one in bins]
    for one in bins:
        edges = one["interval"]
        if edges is not None:
            axes.vlines(one["confidence"], edges[0], edges[1], color="#6baed6", linewidth=2.0)
    axes.plot(said, right, color=INK, marker="o", markersize=3.5, linewidth=0.8)


def _told(bins: Sequence[Bin]) -> str:
    counts = [one["n"] for one in bins]
    if not counts:
        return "no sounds"
    low, high = min(counts), max(counts)
    each = str(low) if low == high else f"{low} or {high}"
    return f"n = {sum(counts)}: {len(counts)} bins of {each}, bars: 95 % intervals over kits"


def _svg(figure: Figure, title: str) -> str:
    stream = io.BytesIO()
    figure.savefig(stream, format="svg", metadata={**UNDATED, "Title": title})
    return stream.getvalue().decode("utf-8")
