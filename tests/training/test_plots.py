"""The pictures are SVG that says what the figures say, and the same every time."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree

import numpy as np
import pytest

matplotlib = pytest.importorskip("matplotlib", reason="needs the extra 'train'")

from organizer.labels import LABELS  # noqa: E402 - only where matplotlib is
from organizer.training.plots import (  # noqa: E402
    TOLD_SHARE,
    calibration_picture,
    confusion_picture,
)

if TYPE_CHECKING:
    from organizer.training.metrics import Bin

pytestmark = pytest.mark.training

SVG = "{http://www.w3.org/2000/svg}"
LIMIT = 150_000  # bytes: pictures ship in the wheel


def texts(picture: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(picture).iter(f"{SVG}text")]


def counts(*filled: tuple[str, str, int]) -> list[list[int]]:
    table = np.zeros((len(LABELS), len(LABELS)), dtype=np.int64)
    for true, heard, count in filled:
        table[LABELS.index(true), LABELS.index(heard)] = count
    return table.tolist()


def bins(*rows: tuple[float, float, list[float] | None]) -> list[Bin]:
    return [{"confidence": said, "right": right, "interval": edges, "n": 40} for said, right, edges in rows]


def test_the_matrix_names_every_label_twice_and_tells_its_counts() -> None:
    written = texts(
        confusion_picture(LABELS, counts(("kick", "kick", 71), ("kick", "tom", 24), ("fx", "vocal", 3)))
    )
    for label in LABELS:
        assert written.count(label) == 1  # above; on the left with its count
    assert "kick (95)" in written
    assert "fx (3)" in written
    assert "cowbell (0)" in written
    assert [one for one in written if one.isdigit()] == ["71", "24", "3"]


def test_a_cell_is_as_dark_as_its_share_of_the_row() -> None:
    def fills(table: list[list[int]]) -> list[str]:
        root = ElementTree.fromstring(confusion_picture(LABELS, table))
        return [
            use.get("style", "") for use in root.iter(f"{SVG}use") if "stroke" not in use.get("style", "")
        ]

    # Ten cells, so that they share one path: of two rows of unlike size, but of the same shares.
    heard = LABELS[:5]
    table = counts(*[("kick", one, 10) for one in heard], *[("synth", one, 200) for one in heard])
    assert len(fills(table)) == 10
    assert len(set(fills(table))) == 1
    table[0][0] = 100
    assert len(set(fills(table))) == 3


def test_the_smallest_shares_have_no_number() -> None:
    few = int(1 / TOLD_SHARE)
    written = texts(confusion_picture(LABELS, counts(("kick", "kick", 2 * few), ("kick", "fx", 1))))
    assert [one for one in written if one.isdigit()] == [str(2 * few)]


def test_the_matrix_is_small_even_where_everything_is_mistaken() -> None:
    table = np.random.default_rng(0).integers(1, 12, (len(LABELS), len(LABELS)))
    np.fill_diagonal(table, 1200)
    assert len(confusion_picture(LABELS, table.tolist()).encode()) < LIMIT


def test_a_panel_tells_its_bins() -> None:
    shown = calibration_picture(
        {
            "These": bins((0.4, 0.5, [0.3, 0.6]), (0.6, 0.6, None), (0.9, 0.8, [0.7, 0.9])),
            "Those": [],
        }
    )
    written = texts(shown)
    assert "These" in written
    assert any(line.startswith("n = 120: 3 bins of 40") for line in written)
    assert written[written.index("Those") + 1] == "no sounds"
    assert len(shown.encode()) < LIMIT


def test_what_keeps_its_word_lies_on_the_diagonal() -> None:
    def lines(*rows: tuple[float, float]) -> list[list[tuple[float, float]]]:
        """Give the corners of the diagonal, and the points of the bins."""
        picture = calibration_picture({"One": bins(*[(said, right, None) for said, right in rows])})
        found = []
        for path in ElementTree.fromstring(picture).iter(f"{SVG}path"):
            drawn = path.get("style", "")
            if "stroke-dasharray" in drawn or "stroke: #08306b; stroke-width: 0.8" in drawn:
                words = path.get("d", "").replace("M", "").replace("L", "").split()
                found.append([(float(x), float(y)) for x, y in zip(words[::2], words[1::2], strict=True)])
        return found

    diagonal, points = lines((0.25, 0.25), (0.5, 0.5), (0.75, 0.75))
    (left, bottom), (right, top) = diagonal
    for (x, y), share in zip(points, (0.25, 0.5, 0.75), strict=True):
        assert x == pytest.approx(left + share * (right - left))
        assert y == pytest.approx(bottom + share * (top - bottom))
    _, points = lines((0.5, 0.9), (0.8, 0.8))
    assert points[0][1] == pytest.approx(bottom + 0.9 * (top - bottom))


@pytest.mark.parametrize("style", [{}, {"font.size": 20.0, "svg.fonttype": "path", "axes.grid": True}])
def test_the_same_figures_give_the_same_text_in_whatever_style(style: dict[str, object]) -> None:
    table, panels = counts(("kick", "tom", 3)), {"One": bins((0.4, 0.5, [0.3, 0.6]))}
    confusion, calibration = confusion_picture(LABELS, table), calibration_picture(panels)
    with matplotlib.rc_context(style):
        before = dict(matplotlib.rcParams)
        assert confusion_picture(LABELS, table) == confusion
        assert calibration_picture(panels) == calibration
        assert dict(matplotlib.rcParams) == before
    assert confusion_picture(LABELS, counts(("kick", "tom", 4))) != confusion


def test_nothing_is_drawn_as_nothing() -> None:
    assert "kick (0)" in texts(confusion_picture(LABELS, counts()))
    ElementTree.fromstring(calibration_picture({}))
