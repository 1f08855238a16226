from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.desk import Desk


@pytest.fixture
def filed(desk: Desk, make_pack: Callable[..., Path]) -> Desk:
    """A desk whose library holds the demo pack."""
    make_pack(desk.inbox / "Kit")
    desk.file()
    return desk
