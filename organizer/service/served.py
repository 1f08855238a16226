"""What the service needs of whoever files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from organizer.batch.arrivals import Arrival
    from organizer.stopping import Stop


class Filed(Protocol):
    """What came of one batch; without a number where nothing was to be done."""

    @property
    def batch(self) -> int | None: ...
    @property
    def title(self) -> str: ...
    @property
    def filed(self) -> int: ...
    @property
    def left(self) -> int: ...
    @property
    def problems(self) -> int: ...
    @property
    def seconds(self) -> float: ...
    @property
    def interrupted(self) -> bool: ...


class Files(Protocol):
    """What the service needs of filing."""

    @property
    def model_id(self) -> str: ...
    @property
    def rules_digest(self) -> str: ...
    def wanted(
        self, root: Path, found: Iterable[tuple[Path, os.stat_result]], /, *, stop: Stop
    ) -> Iterable[Path]: ...
    def file(
        self, arrival: Arrival, /, *, stop: Stop, progress: Callable[[str, int, int], None]
    ) -> Filed: ...
    def recover(self, *, stop: Stop) -> tuple[str, ...]: ...
    def retry(self, root: Path, /) -> None: ...
    def due(self) -> list[Path]: ...
    def reload(self) -> str | None: ...
