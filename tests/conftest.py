"""What every test gets: a home of its own, trees in and trees out, and a say over skips."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Any

import pytest
import soundfile

from organizer.demo import sounds
from tests.desk import Desk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

# Where the environment is known to be complete, a skip is a failure. The value lists, separated by
# commas, the words by which a skip may still be excused.
STRICT = "ORGANIZER_TESTS_NO_SKIPS"

_skips: list[str] = []


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--every-fault",
        action="store_true",
        help="every error at every call, rather than one at each (minutes)",
    )


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        _skips.append(f"{report.nodeid}: {reason}")


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.skipped:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        _skips.append(f"{report.nodeid}: {reason}")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if STRICT not in os.environ:
        return
    excuses = [word for word in os.environ[STRICT].split(",") if word]
    refused = [skip for skip in _skips if not any(word in skip for word in excuses)]
    if refused:
        reporter: Any = session.config.pluginmanager.get_plugin("terminalreporter")
        reporter.write_line("\nSkipped where nothing may be skipped:\n  " + "\n  ".join(refused), red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keep every test away from the home folder of whoever runs it."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "ORGANIZER_HOME"):
        monkeypatch.delenv(name, raising=False)
    yield


@pytest.fixture
def write_sound() -> Callable[..., Path]:
    """Write a wave in the format that the suffix names, 16 bit where there is a choice."""

    def write(
        path: Path, wave: NDArray[np.float32] | None = None, *, rate: int = sounds.SAMPLERATE, **options: str
    ) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, sounds.kick() if wave is None else wave, rate, **options)
        return path

    return write


@pytest.fixture
def make_pack() -> Callable[..., Path]:
    """Write the demo's pack, or some of it, as a folder of WAV files."""

    def make(folder: Path, names: Mapping[str, str] | None = None) -> Path:
        for source, name in (names or {one: one for one in sounds.DEMO_PACK}).items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, sounds.DEMO_PACK[source](), sounds.SAMPLERATE, subtype="PCM_16")
        return folder

    return make


@pytest.fixture
def tree_of() -> Callable[[Path], dict[str, tuple[str, int, int]]]:
    """Describe everything below a folder: name -> hash of the bytes ("folder" for one), mode, mtime."""

    def describe(root: Path) -> dict[str, tuple[str, int, int]]:
        found = {}
        for path in sorted(root.rglob("*")):
            stat = path.lstat()
            kind = "folder" if path.is_dir() else hashlib.sha256(path.read_bytes()).hexdigest()
            found[str(path.relative_to(root))] = (kind, stat.st_mode, stat.st_mtime_ns)
        return found

    return describe


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Set up an installation with the shipped model and the shipped rules."""
    desk = Desk(tmp_path)
    yield desk
    desk.parts.__exit__(None, None, None)


@pytest.fixture
def asked_of_init(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """Put a `systemctl` and a `launchctl` before all others, which write down what they are asked for.

    They answer with what the file `answer` holds, and fail where there is a file `refuses`.
    """
    folder, log = tmp_path / "bin", tmp_path / "asked"
    folder.mkdir()
    script = (
        f'#!/bin/sh\necho "$(basename "$0") $*" >> "{log}"\n'
        f'[ -e "{tmp_path}/answer" ] && cat "{tmp_path}/answer"\n'
        f'[ -e "{tmp_path}/refuses" ] && {{ echo "Failed to connect to bus" >&2; exit 1; }}\nexit 0\n'
    )
    for name in ("systemctl", "launchctl"):
        (folder / name).write_text(script)
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return lambda: log.read_text().splitlines() if log.exists() else []
