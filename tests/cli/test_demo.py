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
