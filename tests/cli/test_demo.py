from __future__ import annotations

import json
import tempfile
from typing import TYPE_CHECKING

from organizer.demo.sounds import DEMO_PACK

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

    from tests.cli.conftest import Ran


def test_the_demo_files_undoes_and_cleans_up(
    run: Callable[..., Ran], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    ran = run("demo", "--json")
    assert ran.code == 0
    told = json.loads(ran.out)
    assert told["sounds"] == told["filed"] == len(DEMO_PACK)
    assert told["undone"] is True
    assert list((tmp_path / "tmp").iterdir()) == []


def test_the_demo_shows_the_tree_the_log_what_was_misheard_and_the_way_back(
    run: Callable[..., Ran], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    ran = run("demo", "--keep")
    assert ran.code == 0
    number = len(DEMO_PACK)
    parts = [
        f"A pack of {number} sounds is dropped into the inbox; the service hears it.",
        "Library\n",
        " Drums\n",
        "  from Kicks\n",
        "misheard: " if "misheard: " in ran.out else "every sound was heard as what it was made to be",
        "$ organizer log\n",
        f"  Demo Pack  {number} done\n",
        "$ organizer undo --yes\n",
        f"Demo Pack: {number} put back as batch 2\n",
        "Every file is back where it was, byte for byte.\n",
    ]
    places = [ran.out.find(part) for part in parts]
    assert -1 not in places, ran.out
    assert places == sorted(places), ran.out
    drawn = ran.out[: ran.out.index("$ organizer log")]
    assert drawn.count(".wav  ") == number
    (kept,) = (tmp_path / "tmp").iterdir()
    assert ran.err == f"Kept: {kept}  (ORGANIZER_HOME={kept / 'home'})\n"
    assert len([path for path in (kept / "Inbox").rglob("*") if path.is_file()]) == number
