"""The order of the house: imports point one way, and light commands stay light."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import organizer

PACKAGE = Path(organizer.__file__).parent

# Each may import what stands before it, and itself.
ORDER = (
    "errors", "stopping", "labels", "musical", "sample", "pack", "resources", "folders", "config", "rules",
    "recognition", "library", "planning", "execution", "batch", "service", "training", "demo", "cli",
)  # fmt: skip


def _places_imported(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return {name.split(".")[1] for name in names if name.startswith("organizer.")} & set(ORDER)


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_one_way(path: Path) -> None:
    place = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if place in ("__init__", "__main__"):
        return
    allowed = set(ORDER[: ORDER.index(place) + 1])
    assert _places_imported(path) <= allowed


def test_every_place_of_the_package_has_its_rank() -> None:
    places = {
        path.stem if path.is_file() else path.name
        for path in PACKAGE.iterdir()
        if (path.suffix == ".py" or (path / "__init__.py").exists()) and not path.name.startswith("__")
    }
    assert places == set(ORDER)


HEAVY = {"numpy", "librosa", "onnxruntime", "soundfile", "torch", "mutagen", "watchdog", "sklearn", "scipy"}


def _loaded_by(arguments: list[str], home: Path) -> set[str]:
    script = (
        "import sys, json\n"
        "from organizer.cli.main import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        capture_output=True,
        text=True,
        env={"ORGANIZER_HOME": str(home), "PATH": "/usr/bin:/bin"},
        cwd=PACKAGE.parent,
        check=True,
    )
    return set(json.loads(done.stderr.strip().splitlines()[-1]))


@pytest.mark.parametrize("arguments", [["--help"], ["status"], ["log"], ["undo", "--help"]])
def test_light_commands_load_nothing_heavy(arguments: list[str], tmp_path: Path) -> None:
    assert not _loaded_by(arguments, tmp_path) & HEAVY
